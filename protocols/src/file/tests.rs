//! What is claimed of protocol files.

use super::*;
use crate::circuit::CheckedCircuit;
use crate::fixed::FixedPoint;
use crate::nonlinear::exact;
use crate::scheme::{self, Comparison, SchemeSpec, Sharing, Triples, Truncation, Weights};
use crate::shape::Shape;

fn alone(protocol: &Protocol, shape: &[usize]) -> CheckedCircuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", shape);
    let y = protocol.build_alone(&mut c, x, 1e-12);
    c.reveal(y, "y");
    c.finish().unwrap_or_else(|error| panic!("{}: {error}", protocol.card.name))
}

fn digest(circuit: &CheckedCircuit) -> String {
    let spec = SchemeSpec {
        sharing: Sharing::Additive2(Triples::Fresh, Weights::Shared),
        truncation: Truncation::Exact,
        comparison: Comparison::Carry,
    };
    scheme::compile(circuit, &spec, FixedPoint::of::<16>()).unwrap().digest().to_string()
}

#[test]
fn every_protocol_is_exported_and_its_import_is_the_same_circuit_with_the_same_card() {
    let mut everywhere = Vec::new();
    for protocol in Registry::built_in() {
        for shape in [[1, 5], [3, 8], [2, 13]] {
            let text = export(protocol, &Shape::from(shape)).unwrap();
            let read = read_protocol("exported", &text, Registry::built_in())
                .unwrap_or_else(|error| panic!("{}: {error}\n{text}", protocol.card.name));
            let (one, other) = (alone(protocol, &shape), alone(&read, &shape));
            assert_eq!(one, other, "{}\n{text}", protocol.card.name);
            assert_eq!(digest(&one), digest(&other), "{}", protocol.card.name);
            let n = shape[1];
            assert_eq!(format!("{:?}", protocol.card.interval.at(n)), format!("{:?}", read.card.interval.at(n)));
            assert_eq!((&read.card.name, read.card.error), (&protocol.card.name, protocol.card.error));
            assert_eq!((&read.card.known, read.card.fails.len()), (&protocol.card.known, protocol.card.fails.len()));
            if !text.contains("\nshape") && shape == [3, 8] {
                everywhere.push(protocol.card.name.clone());
                assert_eq!(alone(protocol, &[7, 11]), alone(&read, &[7, 11]), "{}", protocol.card.name);
            }
        }
    }
    println!("for every shape: {}", everywhere.join(", "));
    assert!(everywhere.iter().any(|name| name == "gelu/secformer") && everywhere.len() > 20, "{everywhere:?}");
}

/// Written by hand from the descriptions; each is its built-in twin.
#[test]
fn the_examples_are_their_built_in_twins_at_every_shape() {
    let examples = [
        ("bolt.protocol", include_str!("../../examples/bolt.protocol")),
        ("puma.protocol", include_str!("../../examples/puma.protocol")),
        ("shaft.protocol", include_str!("../../examples/shaft.protocol")),
        ("secformer.protocol", include_str!("../../examples/secformer.protocol")),
        ("two-quad-mpcformer.protocol", include_str!("../../examples/two-quad-mpcformer.protocol")),
        ("newton.protocol", include_str!("../../examples/newton.protocol")),
    ];
    for (origin, text) in examples {
        let read = read_protocol(origin, text, Registry::built_in()).unwrap_or_else(|error| panic!("{error}"));
        let twin = Registry::built_in().get(&read.card.name).unwrap();
        for shape in [&[1, 5][..], &[3, 8], &[2, 2, 13]] {
            assert_eq!(alone(&read, shape), alone(twin, shape), "{origin}");
            assert_eq!(digest(&alone(&read, shape)), digest(&alone(twin, shape)), "{origin}");
        }
        let (found, wanted) = (read.card.interval.at(8), twin.card.interval.at(8));
        assert_eq!((found.low, found.high, read.card.error), (wanted.low, wanted.high, twin.card.error), "{origin}");
    }
}

#[test]
fn an_invention_of_a_stranger_keeps_its_claim() {
    let text = include_str!("../../examples/invention.protocol");
    let mine =
        read_protocol("invention.protocol", text, Registry::built_in()).unwrap_or_else(|error| panic!("{error}"));
    let mut registry = Registry::default();
    let mine = registry.insert(mine).unwrap();
    let interval = mine.card.interval.at(1);
    let points: Vec<f64> =
        (0..=20_000).map(|i| interval.low + (interval.high - interval.low) * f64::from(i) / 20_000.0).collect();
    let circuit = alone(&mine, &[1, points.len()]);
    let found = circuit.evaluate(|_, _| Some(points.clone())).unwrap().outputs.remove(0).2;
    let largest = points.iter().zip(&found).map(|(&x, y)| (y - exact::gelu(x)).abs()).fold(0.0, f64::max);
    assert!(largest <= mine.card.error.absolute, "{largest}");
    assert!(largest >= 0.5 * mine.card.error.absolute, "a claim that means something: {largest}");
}

const GOOD: &str =
    "protocol gelu/mine\nsummary \"a\"\nsource \"b\"\ninterval [-8, 8]\nerror 0.1\nbuild x\n  y = x * x\n  return y\n";

#[test]
fn broken_files_are_refused_with_the_place_and_what_to_write() {
    assert!(read_protocol("good", GOOD, Registry::built_in()).is_ok());
    let body = |lines: &str| format!("{}{lines}\n", &GOOD[..GOOD.find("  y = ").unwrap()]);
    let replaced = |from: &str, to: &str| GOOD.replace(from, to);
    let broken: Vec<(String, usize, usize, &str)> = vec![
        (String::new(), 1, 1, "write `protocol` and a name"),
        (replaced("protocol gelu/mine", "gelu/mine"), 1, 1, "write `protocol`"),
        (replaced("gelu/mine", "gelu"), 1, 10, "`gelu/mine`"),
        (replaced("gelu/mine", "GeLU/mine"), 1, 10, "lower-case"),
        (replaced("gelu/mine", "gelu/a--b"), 1, 10, "single hyphens"),
        (replaced("gelu/mine", "swish/mine"), 1, 10, "write `truth`"),
        (replaced("summary \"a\"", ""), 1, 10, "summary \""),
        (replaced("summary \"a\"", "summary a"), 2, 9, "a text between quotation marks"),
        (replaced("summary \"a\"", "summary \"a"), 2, 9, "write `\"`"),
        (replaced("summary", "sumary"), 2, 1, "`sumary` is no line of a card"),
        (replaced("[-8, 8]", "[8, -8]"), 4, 11, "the smaller first"),
        (replaced("[-8, 8]", "-8, 8"), 4, 10, "an interval such as `[-8, 8]`"),
        (replaced("error 0.1", "error -0.1"), 5, 7, "not negative"),
        (replaced("error 0.1", "error big"), 5, 7, "a number after `error`"),
        (replaced("error 0.1", ""), 1, 10, "error 0.01"),
        (replaced("error 0.1", "error 0.1\nreading wrong"), 6, 9, "ours, printed"),
        (replaced("error 0.1", "error 0.1\ntruth sine"), 6, 7, "gelu_tanh"),
        (replaced("build x", "build"), 6, 6, "`build x`"),
        (replaced("build x", "build x, y"), 6, 7, "write `build x`"),
        (body("  return z"), 7, 10, "`z` has no value"),
        (body("  y = x *"), 7, 10, "a number, a name"),
        (body("  y = x x"), 7, 9, "an operator"),
        (body("  y = (x + 1\n  return y"), 8, 3, "`)`"),
        (body("  y = x * x"), 8, 1, "write `return`"),
        (body("  y = 1 / x\n  return y"), 7, 9, "call reciprocal/normalized"),
        (body("  y = x ^ 3\n  return y"), 7, 9, "x * x^2"),
        (body("  y = (x < 1) * x\n  return y"), 7, 15, "select(bit, x)"),
        (body("  y = (x < 1) + x\n  return y"), 7, 15, "`real(...)`"),
        (body("  y = real(x)\n  return y"), 7, 12, "a comparison such as"),
        (body("  y = sigmoid(x)\n  return y"), 7, 7, "there is no function `sigmoid`"),
        (body("  y = call gelu/none(x)\n  return y"), 7, 7, "gelu/cosine"),
        (body("  y = call Gelu(x)\n  return y"), 7, 12, "a protocol's name belongs here"),
        (body("  y = exp(x)\n  return y"), 7, 7, "call exp/limit"),
        (body("  y = max(x, 0)\n  return y"), 7, 7, "call max/tree"),
        (body("  y = x + guard(x, 4)\n  return y"), 7, 3, "write `guard(..., 4)` around the side that has 0"),
        (body("  y = x >> 0.5\n  return y"), 7, 9, "whole places"),
        (body("  y = fourier(x, sines = [1])\n  return y"), 7, 7, "needs `period`"),
        (body("  y = fourier(x, period = 16, sine = [1])\n  return y"), 7, 31, "cosines, sines"),
        (body("  y = table(x, steps = 4, entries = [1, 2, 3])\n  return y"), 7, 3, "a power of two"),
        (body("  c = [1, 2]\n  y = c[2] * x\n  return y"), 8, 9, "from 0 to 1"),
        (body("  repeat 2.5 {\n    y = x\n  }\n  return x"), 7, 10, "a whole number"),
        (body("  repeat 2 {\n    y = x\n  return x"), 10, 1, "`}`"),
        (body("  return x\n  y = x"), 8, 3, "last line"),
        (body("  y = x $ 2\n  return y"), 7, 9, "means nothing here"),
        (body(&format!("  y = {}x\n  return y", "(".repeat(200))), 7, 71, "brackets inside each other"),
        (body("  y = slice(x, 7, 2)\n  return y"), 7, 3, "cannot be rearranged"),
        (body("  return slice(x, 0, 1)"), 8, 1, "the same shape"),
        (replaced("gelu/mine", "max/mine"), 9, 1, "one number for each row"),
        (body("  return 3"), 7, 10, "write a secret"),
    ];
    assert!(broken.len() >= 30);
    let mut wrong = Vec::new();
    for (text, line, column, write) in broken {
        match read_protocol("broken", &text, Registry::built_in()) {
            Err(error) if (error.line, error.column) == (line, column) && error.message.contains(write) => {}
            Err(error) => wrong.push(format!("{error}, where {line}:{column} should say {write}:\n{text}")),
            Ok(_) => wrong.push(format!("accepted:\n{text}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_no_file_should_ask_for_ends_with_an_error() {
    let body = |lines: &str| format!("{}{lines}\n", &GOOD[..GOOD.find("  y = ").unwrap()]);
    for lines in [
        "  y = x\n  repeat 60000 {\n repeat 60000 {\n y = y + x\n }\n }\n  return y",
        "  y = polynomial(x, [i for i in 0..1000000])\n  return y",
        "  repeat 60000 {\n y = [i for i in 0..60000]\n }\n  return x",
        "  y = x\n  repeat 20000 {\n y = y >> 60\n }\n  return y",
        "  y = broadcast(x, [1000000000000, 1000000000000, 2, 8])\n  return y",
        "  y = constant([1], shape = [1000000000000])\n return y",
        "  y = x * (1 / 0)\n  return y",
    ] {
        assert!(read_protocol("greedy", &body(lines), Registry::built_in()).is_err(), "{lines}");
    }
}

#[test]
fn a_file_that_does_not_fit_a_shape_makes_the_circuit_s_own_error() {
    let text = GOOD.replace("y = x * x", "y = slice(x, 0, 8)");
    let protocol = read_protocol("narrow", &text, Registry::built_in()).unwrap();
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 4]);
    let y = protocol.build(&mut c, x);
    c.reveal(y, "y");
    let error = c.finish().unwrap_err().to_string();
    assert!(error.contains("slice"), "{error}");
}

#[test]
fn a_softmax_without_keep_is_refused_a_mask_and_one_with_it_is_not() {
    let text = |numerator: &str| {
        format!(
            "protocol softmax/mine\nsummary \"a\"\nsource \"b\"\ninterval [-8, 8]\nerror 1\nbuild x\n  e = {numerator}\n  \
             return e * call reciprocal/normalized(sum(e))\n"
        )
    };
    for (numerator, refused) in [("call exp/crypten(x)", true), ("keep(call exp/crypten(x))", false)] {
        let protocol = read_protocol("softmax", &text(numerator), Registry::built_in()).unwrap();
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [4, 4]);
        let mask = Mask::causal(&mut c, 4);
        let y = protocol.build(&mut c, SoftmaxInputs { x, mask: Some(mask) });
        c.reveal(y, "y");
        assert_eq!(c.finish().is_err_and(|error| error.to_string().contains("keep(")), refused);
    }
}
