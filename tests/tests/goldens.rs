//! Golden texts of small circuits and Programs, for reviewers: a change of what a scheme emits is a change of these files.
//!
//! `VIEWLESS_BLESS=1 cargo test -p viewless-tests --test goldens` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Levels, Opening, Owner, Secret, Sectors, Series, Table};
use viewless_protocols::scheme::{Comparison, SchemeSpec, Sharing, Triples, Truncation, Weights};
use viewless_tests::{PUBLISHED, REPLICATED, compile, map_circuit};

const EXACT: SchemeSpec = SchemeSpec { truncation: Truncation::Exact, ..PUBLISHED };
const CARRY: SchemeSpec = SchemeSpec { comparison: Comparison::Carry, ..PUBLISHED };
const REPLICATED_EXACT: SchemeSpec = SchemeSpec { truncation: Truncation::Exact, ..REPLICATED };
const REPLICATED_SPK: SchemeSpec = SchemeSpec { comparison: Comparison::Spk, ..REPLICATED };

/// One element, inside a region of its own.
fn map(build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> CheckedCircuit {
    map_circuit(&[2], |c, x| c.region("measured", |c| build(c, x)))
}

fn product_with_a_weight() -> CheckedCircuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1, 2]);
    let w = c.input(Owner::Model, "w", [2, 3]);
    let y = c.region("linear", |c| c.matmul(x, w));
    c.reveal(y, "y");
    c.finish().expect("the test's circuit is well-formed")
}

/// The Program of each circuit, named `<circuit>` or `<circuit>.<choices>`.
#[expect(clippy::too_many_lines, reason = "a list of what schemes are made of")]
fn goldens() -> BTreeMap<String, String> {
    let series = |period| Series {
        period,
        constant: 0.5,
        cosines: vec![0.25],
        sines: vec![1.0],
        opening: Opening::Period,
        most_guard_bits: None,
    };
    let circuits = [
        ("reveal", map(|_, x| x), vec![("", PUBLISHED), (".replicated3", REPLICATED)]),
        ("mul", map(|c, x| c.mul(x, x)), vec![("", PUBLISHED), (".replicated3", REPLICATED)]),
        ("square", map(Circuit::square), vec![("", PUBLISHED), (".replicated3", REPLICATED)]),
        (
            "truncation",
            map(|c, x| c.scale(x, 0.5)),
            vec![
                (".local", PUBLISHED),
                (".exact", EXACT),
                (".local.replicated3", REPLICATED),
                (".exact.replicated3", REPLICATED_EXACT),
            ],
        ),
        (
            "comparison",
            map(|c, x| {
                let bit = c.less_than(x, 1.5);
                c.real(bit, 0)
            }),
            vec![
                (".spk", PUBLISHED),
                (".carry", CARRY),
                (".spk.replicated3", REPLICATED_SPK),
                (".carry.replicated3", REPLICATED),
            ],
        ),
        (
            "select",
            map(|c, x| {
                let bit = c.less_than(x, 1.5);
                c.select(bit, x)
            }),
            vec![(".carry", CARRY), (".carry.replicated3", REPLICATED)],
        ),
        ("fourier-16", map(|c, x| c.fourier(x, series(16.0))), vec![("", EXACT), (".replicated3", REPLICATED_EXACT)]),
        ("fourier-20", map(|c, x| c.fourier(x, series(20.0))), vec![("", EXACT)]),
        (
            "lookup",
            map(|c, x| c.lookup(x, Table { index_fraction_bits: 1, entries: vec![0.5, -1.0, 2.0, 3.25] }, 0)),
            vec![("", PUBLISHED), (".replicated3", REPLICATED)],
        ),
        (
            "power",
            map(|c, x| {
                let x = c.precision(x, -14);
                c.power(x, Sectors { modulus_bits: 2, sector_bits: 1 }, -12)
            }),
            vec![("", PUBLISHED), (".replicated3", REPLICATED)],
        ),
        (
            "level",
            map(|c, x| {
                let row = c.reshape(x, [1, 2]);
                c.level(row, Levels { index_bits: 2, step_exponent: 1 })
            }),
            vec![("", PUBLISHED), (".replicated3", REPLICATED)],
        ),
        (
            "linear",
            product_with_a_weight(),
            vec![
                (".fresh", PUBLISHED),
                (
                    ".fixed-weight",
                    SchemeSpec { sharing: Sharing::Additive2(Triples::FixedWeight, Weights::Shared), ..PUBLISHED },
                ),
                (".server", PUBLISHED.served()),
                (".replicated3", REPLICATED),
                (".server.replicated3", REPLICATED.served()),
            ],
        ),
    ];
    let mut texts = BTreeMap::new();
    for (name, circuit, choices) in circuits {
        texts.insert(format!("{name}.circuit.txt"), circuit.to_string());
        for (suffix, spec) in choices {
            let program = compile(&circuit, &spec);
            let text = format!("{}digest {}\n", *program, program.digest());
            texts.insert(format!("{name}{suffix}.program.txt"), text);
        }
    }
    texts
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("goldens")
}

#[test]
fn circuits_and_programs_read_as_their_goldens_and_no_golden_is_an_orphan() {
    let goldens = goldens();
    let bless = std::env::var_os("VIEWLESS_BLESS").is_some();
    if bless {
        fs::create_dir_all(folder()).unwrap();
    }
    let mut differing = Vec::new();
    for (name, text) in &goldens {
        let path = folder().join(name);
        if bless {
            fs::write(&path, text).unwrap();
        }
        let stored = fs::read_to_string(&path).unwrap_or_default();
        if &stored != text {
            let line = stored.lines().zip(text.lines()).take_while(|(stored, now)| stored == now).count();
            let show = |text: &str| text.lines().nth(line).unwrap_or("(ends)").to_owned();
            differing.push(format!("{name}, line {}:\n  golden {}\n  now    {}", line + 1, show(&stored), show(text)));
        }
    }
    for entry in fs::read_dir(folder()).expect("the goldens are there") {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !goldens.contains_key(&name) {
            if bless {
                fs::remove_file(&path).unwrap();
            } else {
                differing.push(format!("{name}: an orphan, no circuit has this name"));
            }
        }
    }
    assert!(
        differing.is_empty(),
        "review, then write anew with VIEWLESS_BLESS=1 cargo test -p viewless-tests --test goldens\n{}",
        differing.join("\n")
    );
}
