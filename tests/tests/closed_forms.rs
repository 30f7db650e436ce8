//! The bill of BERT equals the closed forms by which published volumes are reproduced, to the byte.
//!
//! The forms are those of SecFormer's and MPCFormer's efficiency code (arXiv 2401.00793, Table 3; arXiv 2211.01452, Table 1),
//! found from unit costs measured in CrypTen 0.4.1: 16 bytes for each opened word of 64 bits, both directions together.
//! They count messages between the two computing parties, whatever the phase, under comparison `spk` and triples `fresh`.

use viewless_protocols::circuit::{Circuit, Owner};
use viewless_protocols::model::{self, Query, TransformerConfig};
use viewless_protocols::program::Program;
use viewless_protocols::scheme::{self, Comparison, SchemeSpec};
use viewless_protocols::suite::Suite;
use viewless_simulator::count::{Bill, Grouping, Schedule, bill};
use viewless_tests::{PUBLISHED, compile, map_circuit};

const SEQUENCE: u64 = 512;

fn program(config: &TransformerConfig, suite: &str) -> Program {
    let suite = Suite::built_in(suite).unwrap();
    let query = Query { tokens: SEQUENCE as usize, batch: 1 };
    let circuit = model::circuit(config, &suite.model().unwrap(), query).unwrap();
    scheme::compile(&circuit, &suite.scheme, suite.fixed()).unwrap()
}

fn between(bill: &Bill, name: &str) -> u64 {
    bill.region(name).unwrap().bytes_between_computing_parties
}

struct Sizes {
    layers: u64,
    hidden: u64,
    intermediate: u64,
    heads: u64,
    vocabulary: u64,
}

impl Sizes {
    fn of(config: &TransformerConfig) -> Self {
        let [layers, hidden, intermediate, heads, vocabulary] =
            [config.layers, config.hidden_size, config.intermediate_size, config.heads, config.vocab_size().unwrap()]
                .map(|size| size as u64);
        Self { layers, hidden, intermediate, heads, vocabulary }
    }

    /// Linear layers with private weights, Q K^T, P V, and the one-hot product.
    fn others(&self) -> u64 {
        let (s, h, i, a, v) = (SEQUENCE, self.hidden, self.intermediate, self.heads, self.vocabulary);
        let layer = 4 * (s * h + h * h) + (s * h + h * i) + (s * i + i * h) + 2 * s * h + (a * s * s + s * h);
        16 * (self.layers * layer + (s * v + v * h))
    }

    /// 2Quad of the released code: the square by a multiplication, one reciprocal of `reciprocal` bytes for each row.
    fn two_quad(&self, reciprocal: u64) -> u64 {
        let rows = self.layers * self.heads * SEQUENCE;
        48 * rows * SEQUENCE + rows * (reciprocal + 16)
    }
}

#[test]
fn linear_layers_and_embedding_equal_the_closed_form() {
    for (config, printed) in [
        (TransformerConfig::bert_base(), 3_462_742_016),
        (TransformerConfig { intermediate_size: 3072, ..TransformerConfig::bert_large() }, 8_564_342_784),
    ] {
        let bill = bill(&program(&config, "secformer-2quad-code"), Schedule::AsWritten, Grouping::Function);
        let counted = ["linear", "attention", "embedding"].map(|name| between(&bill, name)).iter().sum::<u64>();
        assert_eq!(counted, Sizes::of(&config).others());
        assert_eq!(counted, printed);
    }
}

#[test]
fn two_quad_equals_the_closed_form() {
    for config in [TransformerConfig::bert_base(), TransformerConfig::bert_large()] {
        let bill = bill(&program(&config, "secformer-2quad-code"), Schedule::AsWritten, Grouping::Function);
        assert_eq!(between(&bill, "softmax"), Sizes::of(&config).two_quad(416));
    }
    // BERT-base: 1.84379 GB, printed as 1.844.
    assert_eq!(Sizes::of(&TransformerConfig::bert_base()).two_quad(416), 1_843_789_824);
}

#[test]
fn our_two_quad_is_cheaper_by_its_square_and_dearer_by_its_iterations() {
    let bill = bill(&program(&TransformerConfig::bert_base(), "secformer"), Schedule::AsWritten, Grouping::Function);
    let rows = 12 * 12 * SEQUENCE;
    // A square opens one word where a multiplication opens two; 13 iterations instead of 7.
    assert_eq!(between(&bill, "softmax"), 32 * rows * SEQUENCE + rows * (800 + 16));
    assert!(between(&bill, "softmax") < Sizes::of(&TransformerConfig::bert_base()).two_quad(800));
}

#[test]
fn comparisons_of_gelu_equal_the_closed_form_and_those_of_the_carry_tree_are_nearly_seven_times_cheaper() {
    let config = TransformerConfig::bert_base();
    let elements = 12 * SEQUENCE * 3072;
    let published = bill(&program(&config, "secformer"), Schedule::AsWritten, Grouping::Function);
    // Two comparisons of 432 bytes, two products of 32, an opening of 42 bit for which the released code opens 128: 933.25
    // bytes an element instead of 944.
    assert_eq!(between(&published, "gelu"), elements * (2 * 432 + 2 * 32) + elements * 42 / 8);
    assert_eq!(elements * 944, 17_817_403_392);
    let mut suite = Suite::built_in("secformer").unwrap();
    suite.scheme.comparison = Comparison::Carry;
    let circuit = model::circuit(&config, &suite.model().unwrap(), Query { tokens: 512, batch: 1 }).unwrap();
    let lean = bill(
        &scheme::compile(&circuit, &suite.scheme, suite.fixed()).unwrap(),
        Schedule::AsWritten,
        Grouping::Function,
    );
    // A comparison of 504 bit and a conversion of 2, instead of 3456 bit for both: 6.8 times less.
    assert_eq!(8 * between(&lean, "gelu"), elements * (2 * (504 + 2) + 2 * 256 + 42));
}

#[test]
fn a_comparison_takes_eight_rounds_and_a_product_one() {
    let rounds =
        |build: fn(&mut Circuit, viewless_protocols::circuit::Secret) -> viewless_protocols::circuit::Secret| {
            let circuit = map_circuit(&[16], |c, x| {
                let x = c.square(x);
                c.region("measured", |c| build(c, x))
            });
            let bill = bill(&compile(&circuit, &PUBLISHED), Schedule::AsWritten, Grouping::Region);
            let region = bill.region("measured").unwrap();
            (region.rounds, region.bytes_between_computing_parties)
        };
    assert_eq!(
        rounds(|c, x| {
            let b = c.less_than(x, 1.0);
            c.real(b, 0)
        }),
        (8, 16 * 432)
    );
    assert_eq!(rounds(|c, x| c.mul(x, x)), (1, 16 * 32));
}

#[test]
fn a_maximum_costs_a_comparison_and_a_selection_for_each_element_dropped() {
    let max = viewless_protocols::nonlinear::find("max/tree").unwrap();
    for row in [2u64, 7, 128, 512] {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [4, row as usize]);
        let x = c.square(x);
        let y = c.region("measured", |c| max.build(c, x));
        c.reveal(y, "y");
        let program = compile(&c.finish().unwrap(), &SchemeSpec { comparison: Comparison::Spk, ..PUBLISHED });
        let bill = bill(&program, Schedule::AsWritten, Grouping::Layer);
        let region = bill.region("measured").unwrap();
        assert_eq!(region.bytes_between_computing_parties, 4 * (row - 1) * (432 + 32));
        assert_eq!(region.rounds, 9 * row.next_power_of_two().ilog2());
    }
}

#[test]
fn rounds_of_the_whole_model_as_written_are_those_of_its_parts() {
    let bill = bill(
        &program(&TransformerConfig::bert_base(), "secformer-2quad-code"),
        Schedule::AsWritten,
        Grouping::Function,
    );
    let rounds = |name: &str| bill.region(name).unwrap().rounds;
    // Per layer: three projections, two dense layers of the feed-forward block and one of attention; two attention products;
    // 1 + 13 + 1 for 2Quad with 7 iterations; 19 for GeLU; 33 for LayerNorm, twice in a layer and once after the embedding.
    assert_eq!(
        (rounds("linear"), rounds("attention"), rounds("softmax"), rounds("gelu")),
        (12 * 6, 12 * 2, 12 * 15, 12 * 19)
    );
    assert_eq!(rounds("layernorm"), 25 * 33);
}
