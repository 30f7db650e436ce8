//! Factors that are not opened, because the numbers and bits of which they are sums are.

use std::collections::BTreeMap;
use viewless_proofs::privacy::check::check;
use viewless_proofs::privacy::{promised_coalitions, prove};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner, Secret, Table};
use viewless_protocols::program::{Grouping, Phase, Program, Schedule, bill};
use viewless_protocols::scheme::{Comparison, SchemeSpec, Sharing, Triples, Truncation, Weights};
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::Seed;
use viewless_tests::random_circuit::bound;
use viewless_tests::{FIXED, compile, every_scheme};

const NARROW: SchemeSpec = SchemeSpec {
    sharing: Sharing::Additive2(Triples::PerValue, Weights::Shared),
    truncation: Truncation::Narrowing,
    comparison: Comparison::Carry,
};

/// One unit of the last place at 16 fraction bits.
const UNIT: f64 = 1.0 / 65536.0;

/// A choice among numbers, multiplied with rows.
#[derive(Debug, Clone, Copy)]
struct Recipe {
    rows: usize,
    width: usize,
    /// Bits that choose.
    gates: usize,
    /// Which gates are subtracted.
    negative: u8,
    /// Whether a matrix product opens the rows, too, and so in the ring that it needs.
    opened_wide: bool,
    /// Products of the factor.
    products: usize,
    /// Whether something is claimed of the factor.
    claimed: bool,
}

impl Recipe {
    fn of(seed: u64) -> Self {
        let digit = |place: u32, base: u64| (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (8 * place)) % base;
        Self {
            rows: 1 + digit(0, 3) as usize,
            width: 2 + digit(1, 4) as usize,
            gates: 1 + digit(2, 3) as usize,
            negative: digit(3, 8) as u8,
            opened_wide: digit(4, 2) == 0,
            products: 1 + digit(5, 2) as usize,
            claimed: false,
        }
    }

    fn circuit(self) -> CheckedCircuit {
        let mut c = Circuit::new();
        let column = [self.rows, 1];
        let x = c.input(Owner::Client, "x", column);
        let numbers: Vec<Secret> = (0..=self.gates).map(|i| c.input(Owner::Client, &format!("f{i}"), column)).collect();
        let mut factor = numbers[0];
        for i in 1..=self.gates {
            let difference = c.sub(numbers[i], numbers[i - 1]);
            // 1 from so many on, an integer.
            let above = c.lookup(x, Table::of(|x| f64::from(u8::from(x >= i as f64)), 0.0, 2, 6), -16);
            let taken = c.mul_to(difference, above, 0);
            factor = if self.negative >> i & 1 == 1 { c.sub(factor, taken) } else { c.add(factor, taken) };
        }
        if self.claimed {
            c.claim_domain(factor, -200.0, 200.0);
        }
        for i in 0..self.products {
            let rows = c.input(Owner::Client, &format!("c{i}"), [self.rows, self.width]);
            let rows = c.neg(rows);
            let y = c.mul(rows, factor);
            c.reveal(y, &format!("y{i}"));
            if self.opened_wide {
                let w = c.input(Owner::Model, &format!("w{i}"), [self.width, 2]);
                let z = c.matmul(rows, w);
                c.reveal(z, &format!("z{i}"));
            }
        }
        c.finish().unwrap()
    }
}

/// Numbers of an input: what is looked up has the same entry as its neighbour, others are anywhere, of either sign.
fn numbers(name: &str, count: usize, seed: u64) -> Vec<f64> {
    let number = |i: usize| ((i as u64 + 1).wrapping_mul(seed | 1).wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f64;
    (0..count)
        .map(|i| if name == "x" { number(i) % 4.0 + 0.125 } else { number(i) % 40_000.0 / 1000.0 - 20.0 })
        .collect()
}

fn inputs(program: &Program, seed: u64) -> BTreeMap<String, Vec<f64>> {
    let given = viewless_tests::numbers(program, 0.0, 1.0);
    let salt = |name: &str| name.bytes().fold(seed, |seed, byte| seed.wrapping_mul(257).wrapping_add(u64::from(byte)));
    given
        .into_iter()
        .map(|(name, x)| {
            let values = numbers(&name, x.len(), salt(&name));
            (name, values)
        })
        .collect()
}

#[test]
fn a_product_with_a_choice_among_numbers_is_right_counted_and_proved() {
    let mut seen = 0;
    for seed in 0..60 {
        let recipe = Recipe::of(seed);
        let circuit = recipe.circuit();
        for spec in every_scheme() {
            if spec != NARROW && seed >= 4 {
                continue;
            }
            let program = compile(&circuit, &spec);
            let given = inputs(&program, seed);
            let execution = execute(&program, &given, Options::new(Seed::from_u64(seed))).unwrap();
            assert!(execution.findings.headroom.is_empty(), "{recipe:?} {spec:?} {:?}", execution.findings.headroom);
            for (name, bounded) in bound::outputs(&circuit, FIXED, spec.truncation, |name| given[name].clone()) {
                let found = &execution.output(&name).unwrap().values;
                for ((y, truth), error) in found.iter().zip(&bounded.values).zip(&bounded.errors) {
                    assert!((y - truth).abs() <= *error && *error < 0.1, "{recipe:?} {spec:?} {name}: {y} {truth}");
                    seen += 1;
                }
            }
            let bill = bill(&program, Schedule::Asap, Grouping::Layer);
            let counted: u64 = Phase::ALL.iter().map(|&phase| bill.phase(phase).bytes_total).sum();
            assert_eq!(execution.bytes_moved, counted, "{recipe:?} {spec:?}");
        }
        let program = compile(&circuit, &NARROW);
        for coalition in promised_coalitions(&program) {
            let proof = prove(&program, coalition);
            let certificate = proof.certificate.unwrap_or_else(|| panic!("{recipe:?} {coalition}"));
            check(&program, &certificate).unwrap();
        }
    }
    assert!(seen > 3000, "{seen}");
}

/// Against integers: the product before its truncation is that of the integers that were put in, so the result is the floor of the quotient or one unit more.
#[test]
fn the_product_is_exact_before_its_truncation() {
    let whole = |x: f64| (x / UNIT).round() as i128;
    for seed in 0..400 {
        let recipe = Recipe::of(seed);
        let program = compile(&recipe.circuit(), &NARROW);
        let given = inputs(&program, seed);
        let execution = execute(&program, &given, Options::new(Seed::from_u64(seed))).unwrap();
        for row in 0..recipe.rows {
            let x = given["x"][row];
            let number = |i: usize| whole(given[&format!("f{i}")][row]);
            let sign = |i: usize| if recipe.negative >> i & 1 == 1 { -1 } else { 1 };
            let chosen = |i: usize| if x >= i as f64 { sign(i) * (number(i) - number(i - 1)) } else { 0 };
            let factor = number(0) + (1..=recipe.gates).map(chosen).sum::<i128>();
            for product in 0..recipe.products {
                for column in 0..recipe.width {
                    let at = row * recipe.width + column;
                    let exact = -whole(given[&format!("c{product}")][at]) * factor;
                    let y = whole(execution.output(&format!("y{product}")).unwrap().values[at]);
                    assert!(y == exact >> 16 || y == (exact >> 16) + 1, "{recipe:?}, seed {seed}: {y} for {exact}");
                }
            }
        }
    }
}

/// A claim of the factor needs the factor itself, which is then opened a round later.
#[test]
fn a_choice_takes_no_round_of_its_own_unless_something_is_claimed_of_it() {
    for seed in 0..20 {
        let recipe = Recipe { opened_wide: false, products: 1, ..Recipe::of(seed) };
        let rounds = |claimed| {
            let program = compile(&Recipe { claimed, ..recipe }.circuit(), &NARROW);
            bill(&program, Schedule::Asap, Grouping::Layer).phase(Phase::Online).rounds
        };
        assert_eq!(rounds(true), rounds(false) + 1, "{recipe:?}");
    }
}
