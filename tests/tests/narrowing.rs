//! Rings as wide as each value needs, and values that are opened once.

use std::collections::{BTreeMap, BTreeSet};
use viewless_proofs::privacy::{promised_coalitions, prove};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner};
use viewless_protocols::fixed::RANGE_BITS;
use viewless_protocols::party::Party;
use viewless_protocols::program::{Grouping, Local, Op, Phase, Program, Schedule, ValueId, bill};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme::widths::Widths;
use viewless_protocols::scheme::{self, Comparison, SchemeKind, SchemeSpec, Sharing, Triples, Truncation, Weights};
use viewless_protocols::suite::Suite;
use viewless_simulator::execute::{Execution, Options, execute};
use viewless_simulator::stream::Seed;
use viewless_tests::{FIXED, compile, every_scheme, map_circuit};

const NARROW: SchemeSpec = SchemeSpec {
    sharing: Sharing::Additive2(Triples::PerValue, Weights::Shared),
    truncation: Truncation::Narrowing,
    comparison: Comparison::Carry,
};

fn run(program: &Program, x: &[f64]) -> Execution {
    let inputs: BTreeMap<String, Vec<f64>> = [("x".to_owned(), x.to_vec())].into();
    execute(program, &inputs, Options::new(Seed::from_u64(11))).unwrap()
}

/// What P1 sends to P0 online, in order. (P0's first share is a random word, which can be opened before the input is known.)
fn openings(program: &Program) -> Vec<ValueId> {
    let online = program.iter().filter(|(id, _)| program.phase(*id) == Phase::Online);
    let is_sent = |op: &Op| matches!(op, Op::Send(sent, Party::P0) if program.value(*sent).holders.contains(Party::P1));
    online.filter(|(_, value)| is_sent(&value.op)).map(|(id, _)| id).collect()
}

#[test]
fn a_value_is_opened_once_before_it_is_spread_for_all_its_products_squares_and_selections() {
    let circuit = |uses: usize| {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1, 8]);
        let x = c.square(x);
        let w = c.input(Owner::Model, "w", [8, 3]);
        let v = c.input(Owner::Model, "v", [4, 8]);
        let mut results = vec![c.matmul(x, w)];
        if uses > 1 {
            results.push(c.square(x));
            // Spread to four rows, it is 8 numbers still.
            let rows = c.broadcast(x, [4, 8]);
            results.push(c.mul(rows, v));
            let bit = c.less_than(v, 0.0);
            results.push(c.select(bit, rows));
        }
        for (i, result) in results.into_iter().enumerate() {
            c.reveal(result, &format!("y{i}"));
        }
        c.finish().unwrap()
    };
    let exact = SchemeSpec { truncation: Truncation::Exact, ..NARROW };
    // Openings of whole words of x: 64 bytes each.
    let opened = |spec: &SchemeSpec, uses, bytes| {
        let program = compile(&circuit(uses), spec);
        openings(&program).into_iter().filter(|&id| program.value(id).message_bytes() == bytes).count()
    };
    let of_x = |spec: &SchemeSpec, uses| opened(spec, uses, 64);
    let fresh = SchemeSpec { sharing: Sharing::Additive2(Triples::FixedWeight, Weights::Shared), ..exact };
    // The input itself is opened for its square, and truncated; the square of x is truncated, too.
    assert_eq!((of_x(&exact, 1), of_x(&exact, 4)), (3, 4));
    // Spread, it is opened in 256 bytes.
    assert_eq!((of_x(&fresh, 1), of_x(&fresh, 4)), (3, 5));
    let spread = |spec: &SchemeSpec| opened(spec, 4, 256);
    assert_eq!(spread(&fresh) - spread(&exact), 2);
}

/// The masks of a Program: samples of the dealer and one other, each with the values that it is subtracted from.
fn masked_by(program: &Program) -> BTreeMap<ValueId, BTreeSet<ValueId>> {
    let mut masked: BTreeMap<ValueId, BTreeSet<ValueId>> = BTreeMap::new();
    for (_, value) in program.iter() {
        if let Op::Local(Local::Sub | Local::Add, arguments) = &value.op {
            let [x, mask] = arguments[..] else { continue };
            let is_mask = matches!(program.value(mask).op, Op::Sample { .. })
                && program.value(mask).holders.contains(Party::Dealer);
            // What the dealer knows of the mask is its own affair.
            if is_mask && !program.value(x).holders.contains(Party::Dealer) {
                masked.entry(mask).or_default().insert(x);
            }
        }
    }
    masked
}

/// Everything that opens a number, on numbers and rearrangements that are used again.
fn busy() -> CheckedCircuit {
    map_circuit(&[2, 4], |c, x| {
        let w = c.input(Owner::Model, "w", [4, 4]);
        let q = c.matmul(x, w);
        let t = c.transpose(q, &[1, 0]);
        let s = c.matmul(x, t);
        let s = c.matmul(s, x);
        let r = c.square(q);
        let bit = c.less(r, s);
        let kept = c.select(bit, q);
        let y = c.mul(kept, x);
        c.add(y, s)
    })
}

#[test]
fn every_mask_hides_one_value_and_one_that_hides_two_is_refuted() {
    for spec in every_scheme().into_iter().filter(|spec| spec.kind() == SchemeKind::Additive2) {
        let program = compile(&busy(), &spec);
        let masked = masked_by(&program);
        assert!(masked.len() > 4, "{spec:?}");
        assert!(masked.values().all(|values| values.len() == 1), "{spec:?}");
    }
    let program = compile(&busy(), &NARROW);
    for coalition in promised_coalitions(&program) {
        assert!(prove(&program, coalition).certificate.is_some(), "{coalition}");
    }
    // P0's part of a mask, in place of that of another value of the same shape and ring.
    let masks: Vec<ValueId> = masked_by(&program).into_keys().collect();
    let alike = |a: ValueId, b: ValueId| {
        let (a, b) = (program.value(a), program.value(b));
        (a.domain, &a.shape, a.holders) == (b.domain, &b.shape, b.holders) && a.domain.is_ring()
    };
    let mut refuted = 0;
    for (i, &first) in masks.iter().enumerate() {
        let Some(&second) = masks[i + 1..].iter().find(|&&second| alike(first, second)) else { continue };
        let mut draft = program.clone().into_draft();
        for value in &mut draft.values {
            value
                .op
                .arguments_mut()
                .iter_mut()
                .filter(|argument| **argument == second)
                .for_each(|argument| *argument = first);
        }
        let flawed = draft.check().unwrap();
        assert!(masked_by(&flawed).values().any(|values| values.len() == 2));
        // The other party sees both differences, and so what the two values have in common.
        refuted += usize::from(
            promised_coalitions(&flawed).into_iter().any(|coalition| prove(&flawed, coalition).certificate.is_none()),
        );
    }
    assert!(refuted > 0, "no two masks are alike");
}

#[test]
fn rings_are_as_wide_as_what_consumes_a_value_needs() {
    // Compared after two products: 16 + 14 + 1 bits, and 16 more for each truncation behind it.
    let circuit = map_circuit(&[4], |c, x| {
        let square = c.square(x);
        let fourth = c.square(square);
        let bit = c.less_than(fourth, 1.0);
        c.real(bit, 0)
    });
    let widths = Widths::of(&circuit, &NARROW, FIXED);
    let held = |name: &str| {
        let at = circuit.to_string().lines().position(|line| line.contains(name)).unwrap();
        widths.held(viewless_protocols::circuit::NodeId::at(at))
    };
    let number = 16 + RANGE_BITS + 1;
    // A square is all that opens the client's number, so it is held as one, with a bit of room beside its mask, and lifted.
    assert_eq!(held("input"), number + 1);
    let program = compile(&circuit, &NARROW);
    assert_eq!(program.value(openings(&program)[0]).domain, Domain::Ring(number + 1));
    // What a matrix product opens, too, needs the rings behind it: nothing is opened to truncate.
    let circuit_of_matrix = map_circuit(&[1, 4], |c, x| {
        let w = c.input(Owner::Model, "w", [4, 4]);
        let first = c.matmul(x, w);
        let second = c.matmul(first, w);
        let bit = c.less_than(second, 1.0);
        c.real(bit, 0)
    });
    let input = circuit_of_matrix.to_string().lines().position(|line| line.contains("input")).unwrap();
    let widths = Widths::of(&circuit_of_matrix, &NARROW, FIXED);
    assert_eq!(widths.held(viewless_protocols::circuit::NodeId::at(input)), number + 32);
    // And the whole word's comparison is one of 32 bits: 248 in place of 504.
    let bits = |spec: &SchemeSpec| {
        let bill = bill(&compile(&circuit, spec), Schedule::Asap, Grouping::Region);
        bill.phase(Phase::Online).rounds
    };
    let exact = SchemeSpec { truncation: Truncation::Exact, ..NARROW };
    assert_eq!(bits(&exact) - bits(&NARROW), 3, "two truncations, and a level of the tree");
}

/// A factor of whole range is right behind every mask, at both ends of what its ring holds beside the mask, and behind some mask wrong beyond. What
/// opens it has no more bits than it, whatever the product needs.
#[test]
fn a_lifted_factor_is_right_at_its_ends_and_told_beyond() {
    let circuit = map_circuit(&[8], |c, x| {
        let factor = c.input(Owner::Model, "w", [8]);
        // Computed values: all three are lifted, and the second is broadcast.
        let x = c.neg(x);
        let short = c.neg(factor);
        let short = c.slice(short, 0, 0, 1);
        let product = c.mul(x, short);
        let square = c.square(x);
        let small = c.scale(square, 1.0 / 65536.0);
        c.add(product, small)
    });
    let program = compile(&circuit, &NARROW);
    let number = 16 + RANGE_BITS + 1;
    let opened: Vec<Domain> = openings(&program).iter().map(|&id| program.value(id).domain).collect();
    assert!(opened.iter().all(|domain| domain.bits() <= number + 1 || domain.bits() > 48), "{opened:?}");
    assert!(
        promised_coalitions(&program).into_iter().all(|coalition| prove(&program, coalition).certificate.is_some())
    );
    let (unit, end) = (1.0 / 65536.0, f64::from(1u32 << RANGE_BITS));
    let run = |x: &[f64], w: f64, seed| {
        let inputs: BTreeMap<String, Vec<f64>> = [("x".to_owned(), x.to_vec()), ("w".to_owned(), vec![w; 8])].into();
        execute(&program, &inputs, Options::new(Seed::from_u64(seed))).unwrap()
    };
    let x = [0.0, unit, -unit, end - unit, unit - end, 1.0, -3.5, 300.0];
    for seed in 0..200 {
        let run = run(&x, 0.375, seed);
        assert!(run.findings.headroom.is_empty());
        for (x, y) in x.iter().zip(&run.output("y").unwrap().values) {
            let truth = 0.375 * x + x * x / 65536.0;
            assert!((y - truth).abs() <= 4.0 * unit, "seed {seed}: {x} gives {y}, not {truth}");
        }
    }
    // A number of twice the range; wrong where the mask is so large that the sum wraps once more than its top bit tells.
    let beyond: Vec<_> = (0..200).map(|seed| run(&[2.0 * end; 8], 0.375, seed)).collect();
    assert!(beyond.iter().all(|run| !run.findings.headroom.is_empty()));
}

/// What comes behind a product may narrow its ring below its factors' own.
#[test]
fn a_product_in_a_ring_narrower_than_its_factor_is_compiled_and_right() {
    let circuit = map_circuit(&[4], |c, x| {
        let (a, b) = (c.neg(x), c.precision(x, -12));
        let product = c.mul_to(a, b, 0);
        c.claim_domain(product, -1.0, 1.0);
        let square = c.square_to(product, 4);
        c.mul_to(square, square, 0)
    });
    let program = compile(&circuit, &NARROW);
    for seed in 0..40 {
        let inputs: BTreeMap<String, Vec<f64>> = [("x".to_owned(), vec![0.9375, -0.875, 0.5, 0.0])].into();
        let run = execute(&program, &inputs, Options::new(Seed::from_u64(seed))).unwrap();
        for (x, y) in [0.9375f64, -0.875, 0.5, 0.0].into_iter().zip(&run.output("y").unwrap().values) {
            // Sixteenths: only the last product is truncated, to a unit or one more.
            assert!((y - x.powi(8)).abs() <= 2.0 / 65536.0, "seed {seed}: {x} gives {y}");
        }
    }
}

/// A sum over a row that is a factor is lifted, too, and its number is held to its ring by the bound of rows as by runs.
#[test]
fn a_sum_that_is_lifted_is_bounded_only_where_its_ring_holds_it() {
    use viewless_protocols::nonlinear::Registry;
    use viewless_workbench::error_audit::{ErrorAudit, question};
    let text = "protocol softmax/lifted\nsummary \"a\"\nsource \"b\"\ninterval [0.002, 900] of \"the square of the row sum over 64\"\nerror 1e-2\n\
                truth two_quad 5\n\nbuild x\n  shifted = x + 5\n  squares = shifted * shifted\n  s = sum(squares)\n  t = (s >> 6) * (s >> 6)\n  claim t in [0.002, 900]\n  \
                r = call rsqrt/normalized(guard(t, 0))\n  return (squares >> 6) * r\n";
    let protocol = viewless_protocols::file::read_protocol("lifted.protocol", text, Registry::built_in()).unwrap();
    let suite = Suite::built_in("frontier").unwrap();
    // On the first domain sums leave 2^9; on the second they stay below.
    for (domain, row, is_bounded) in [((-16.0, 16.0), 2, false), ((-16.0, 16.0), 4, false), ((-15.0, 5.0), 2, true)] {
        let question =
            viewless_proofs::audit::Question { domain: Some(domain), samples: 1 << 12, ..question(&protocol, &suite) };
        let ErrorAudit::Rows(report) = ErrorAudit::new(&question, row).unwrap() else { panic!("it is of rows") };
        assert_eq!(report.certified_max_error.is_some(), is_bounded, "{domain:?}, rows of {row}");
        assert!(report.certified_max_error.is_none_or(|certified| report.observed_max_error <= certified));
    }
}

/// Numbers of 16 fraction bits and so many guard bits are compared in words of 31 bits and so many, and these are found in the least word of one
/// or two powers of two.
#[test]
fn a_comparison_costs_what_its_word_does_and_is_right_at_its_ends() {
    for (guard_bits, word, rounds, bits) in [(0, 32, 6, 248), (3, 34, 7, 262), (8, 40, 7, 310)] {
        let circuit = map_circuit(&[8], |c, x| {
            let x = c.precision(x, guard_bits);
            // A computed value, which P0 cannot open before the input is known.
            let x = c.neg(x);
            let bit = c.region("measured", |c| c.less_than(x, 0.0));
            c.real(bit, 0)
        });
        let program = compile(&circuit, &NARROW);
        let bill = bill(&program, Schedule::Asap, Grouping::Region);
        let region = bill.region("measured").unwrap();
        // Eight elements of so many bits are so many bytes.
        assert_eq!((region.rounds, region.bytes_between_computing_parties), (rounds, bits), "a word of {word} bits");
        let (unit, most) = (1.0 / 65536.0, f64::from(1u32 << RANGE_BITS) - 1.0);
        let x = [0.0, unit, -unit, most, -most, 1.0, -1.0, 4096.0];
        let less = x.map(|x| f64::from(u8::from(-x < 0.0)));
        for seed in 0..40 {
            let inputs: BTreeMap<String, Vec<f64>> = [("x".to_owned(), x.to_vec())].into();
            let run = execute(&program, &inputs, Options::new(Seed::from_u64(seed))).unwrap();
            assert_eq!(run.output("y").unwrap().values, less, "seed {seed}, a word of {word} bits");
        }
    }
}

#[test]
fn every_other_truncation_keeps_whole_words() {
    for spec in every_scheme().into_iter().filter(|spec| spec.truncation != Truncation::Narrowing) {
        let program = compile(&busy(), &spec);
        assert!(program.values.iter().all(|value| matches!(value.domain, Domain::Bits(_) | Domain::Ring(64))));
        assert!(scheme::compile_witness(&busy(), &spec, FIXED).unwrap().is_none());
    }
}

/// Numbers that leave the ring by a multiple of its size look like small ones in it. The Program's own claims hold; the witness sees them.
#[test]
fn a_number_that_left_its_ring_unseen_is_seen_by_the_witness() {
    let circuit = map_circuit(&[4], |c, x| {
        let bit = c.less_than(x, 0.5);
        c.real(bit, 0)
    });
    for kind in [NARROW, SchemeSpec { sharing: Sharing::Replicated3(scheme::WeightsAmongThree::Shared), ..NARROW }] {
        let turn = f64::from(1u32 << (RANGE_BITS + 1));
        let (program, witness) =
            (compile(&circuit, &kind), scheme::compile_witness(&circuit, &kind, FIXED).unwrap().unwrap());
        let honest = [0.25, -3.0, 100.0, 0.75];
        assert!(
            run(&program, &honest).findings.headroom.is_empty() && run(&witness, &honest).findings.headroom.is_empty()
        );
        // One turn above a quarter, which is not less than a half.
        let lost = [turn + 0.25, -3.0, 100.0, 0.75];
        let execution = run(&program, &lost);
        assert!(execution.findings.headroom.is_empty());
        assert_eq!(execution.output("y").unwrap().values[0], 1.0, "the ring says that it is less");
        assert_eq!(run(&witness, &lost).output("y").unwrap().values[0], 0.0);
        assert!(!run(&witness, &lost).findings.headroom.is_empty());
    }
}

#[test]
fn the_narrow_twin_of_faithful_costs_less_in_every_respect_and_is_proved() {
    use viewless_protocols::nonlinear::Registry;
    use viewless_workbench::sizes::Sizes;
    use viewless_workbench::subject::Subject;
    let registry = Registry::built_in();
    let bill_of = |suite: &str| {
        let suite = Suite::built_in(suite).unwrap();
        let subject = Subject::find("bert-base", registry).unwrap();
        let program = subject.program(&suite, Sizes::new(16, 1).unwrap()).unwrap();
        let bill = bill(&program, Schedule::Asap, Grouping::Region);
        Phase::ALL.map(|phase| (bill.phase(phase).rounds, bill.phase(phase).bytes_total))
    };
    let (wide, narrow) = (bill_of("faithful"), bill_of("faithful-narrow"));
    for (wide, narrow) in wide.iter().zip(&narrow) {
        assert!(narrow.0 <= wide.0 && narrow.1 < wide.1, "{wide:?} {narrow:?}");
    }
}

/// The bill of `docs/frontier.md`, and what it rests on: a comparison works on bits, of which there are none.
#[test]
fn the_frontier_suite_compares_nothing_and_costs_what_is_written() {
    use viewless_protocols::nonlinear::Registry;
    use viewless_workbench::sizes::Sizes;
    use viewless_workbench::subject::Subject;
    for (suite, rounds, bytes) in [("frontier", 235, 332_061_952), ("frontier-2quad", 199, 284_023_552)] {
        let suite = Suite::built_in(suite).unwrap();
        let subject = Subject::find("bert-base", Registry::built_in()).unwrap();
        let program = subject.program(&suite, Sizes::new(128, 1).unwrap()).unwrap();
        assert!(program.iter().all(|(_, value)| !matches!(value.domain, Domain::Bits(_))));
        let bill = bill(&program, Schedule::Asap, Grouping::Region);
        let online = bill.phase(Phase::Online);
        assert_eq!((online.rounds, online.bytes_total), (rounds, bytes));
    }
}

/// Attention of which 2Quad is divided last, run on shares, against the function itself.
#[test]
fn attention_with_2quad_that_is_divided_last_is_right_for_rows_of_any_length() {
    use viewless_protocols::nonlinear::{Registry, SoftmaxInputs};
    let protocol = Registry::built_in().get("softmax/2quad-scales").unwrap();
    let (_, parts) = protocol.softmax_in_parts().unwrap();
    for n in [1, 3, 16, 100, 128, 300] {
        let circuit = map_circuit(&[2, n], |c, x| {
            let values = c.input(Owner::Model, "v", [n, 2]);
            let [weights, inverse] = parts(c, SoftmaxInputs { x, mask: None });
            let sum = c.matmul_to(weights, values, 2);
            c.mul_to(sum, inverse, 0)
        });
        let program = compile(&circuit, &NARROW);
        let x: Vec<f64> = (0..2 * n).map(|i| 3.0 * (i as f64 * 1.7).sin()).collect();
        let v: Vec<f64> = (0..2 * n).map(|i| 2.0 * (i as f64 * 0.9).cos()).collect();
        let inputs: BTreeMap<String, Vec<f64>> = [("x".to_owned(), x.clone()), ("v".to_owned(), v.clone())].into();
        let run = execute(&program, &inputs, Options::new(Seed::from_u64(5))).unwrap();
        assert!(run.findings.headroom.is_empty() && run.findings.violated_domains().count() == 0, "{n}");
        for (row, found) in run.output("y").unwrap().values.chunks(2).enumerate() {
            let squares: Vec<f64> = x[row * n..][..n].iter().map(|x| (x + 5.0) * (x + 5.0)).collect();
            let sum: f64 = squares.iter().sum();
            for (column, y) in found.iter().enumerate() {
                let truth: f64 = (0..n).map(|i| squares[i] / sum * v[2 * i + column]).sum();
                // x + 5 is 2 at least, so u units of x are a part of u of each square, in the numerator and in the sum; of values below 2 that is 4 u. Rows of up to 128 have u = 2,
                // of up to 512 u = 4. Four more for the encoding of values, the inverse and two truncations.
                let units = if n > 128 { 16.0 } else { 8.0 };
                assert!((y - truth).abs() <= (units + 4.0) / 65536.0, "{n}: {y} for {truth}");
            }
        }
    }
}
