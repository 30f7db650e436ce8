//! What the tables say of themselves, that a verdict can be any of the three, and what every table gives today
//! (`VIEWLESS_BLESS=1` writes the goldens anew).

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use viewless_published::{CellVerdict, PrintedTable, PublishedError, Quantity, SUM, names, reproduce, table};

const CELL: &str = r#"
name = "test"
title = "A test"
source = "none"
gigabits-per-second = 8.0
cells = [
    { row = "Mul", column = "bits", printed = "256", unit = "bit", quantity = "bits-for-each-element", under = ["mul", "square"] },
    { row = "Mul", column = "time", printed = "1.5", unit = "s", quantity = { seconds = ["gelu"] }, under = ["model"] },
    { row = "Mul", column = "total", printed = "257.5", unit = "s", quantity = { sum-of-columns = ["bits", "time"] } },
]

[configurations]
mul = { suite = "secformer", subject = { operation = { name = "mul", side = 4 } } }
square = { suite = "secformer", subject = { operation = { name = "square", side = 4 } }, inference = "a square" }
model = { suite = "secformer", subject = { model = { name = "bert-base", tokens = 8, intermediate-size = 768 } } }
"#;

fn verdicts(text: &str) -> Vec<(CellVerdict, String)> {
    let reproduction = reproduce(&PrintedTable::parse("test", text).unwrap()).unwrap();
    reproduction.cells.into_iter().map(|cell| (cell.verdict, cell.why)).collect()
}

#[test]
fn a_cell_is_equal_inferred_or_not_reproducible() {
    let found = verdicts(CELL);
    assert_eq!(found[0], (CellVerdict::Equal, String::new()));
    // A duration is never reproduced by a count, whatever it is.
    assert_eq!(found[1].0, CellVerdict::NotReproducible);
    assert_eq!(found[2].0, CellVerdict::Equal);
    let inferred = verdicts(&CELL.replace(r#"printed = "256""#, r#"printed = "128""#));
    assert_eq!(inferred[0], (CellVerdict::Inferred, "a square".to_owned()));
    assert_eq!(inferred[2].0, CellVerdict::NotReproducible);
    let wrong = verdicts(&CELL.replace(r#"printed = "256""#, r#"printed = "257""#));
    assert_eq!(wrong[0].0, CellVerdict::NotReproducible);
    assert!(wrong[0].1.contains("128 with Square"), "{}", wrong[0].1);
    let read_off = CELL.replace(r#"printed = "256","#, r#"printed = "257", read-off = 1.0,"#);
    assert_eq!(verdicts(&read_off)[0].0, CellVerdict::Equal);
}

#[test]
fn tables_that_cannot_be_counted_are_refused_with_the_place() {
    let parse = |from: &str, to: &str| PrintedTable::parse("test", &CELL.replace(from, to)).unwrap_err().to_string();
    assert!(
        parse(r#"["mul", "square"]"#, r#"["mul", "cube"]"#).contains("Mul, bits: there is no configuration `cube`")
    );
    assert!(parse(r#"["mul", "square"]"#, "[]").contains("Mul, bits: name a configuration"));
    assert!(parse(r#"["bits", "time"]"#, r#"["bits", "none"]"#).contains("no column `none`"));
    assert!(parse("gigabits-per-second = 8.0", "").contains("Mul, time: give the table's gigabits-per-second"));
    assert!(parse(r#"printed = "256""#, r#"printed = "about 3""#).contains("about 3"));
    let reproduced = |from: &str, to: &str| {
        let table = PrintedTable::parse("test", &CELL.replace(from, to)).unwrap();
        reproduce(&table).unwrap_err().to_string()
    };
    assert!(reproduced("bert-base", "bert-tiny").contains("configuration model: there is no model `bert-tiny`"));
    assert!(reproduced(r#"suite = "secformer", subject = { op"#, r#"suite = "none", subject = { op"#).contains("none"));
    assert!(
        reproduced(r#"quantity = "bits-for-each-element""#, r#"quantity = { bytes-of = ["gelu"] }"#)
            .contains("no model")
    );
    assert!(matches!(table("none"), Err(PublishedError::Unknown { .. })));
}

/// Each printed number of a table has its place once.
#[test]
fn no_cell_of_a_table_stands_twice() {
    for name in names() {
        let table = table(name).unwrap();
        assert_eq!(table.name, name);
        let mut places: Vec<_> = table.cells.iter().map(|cell| (&cell.row, &cell.column)).collect();
        let all = places.len();
        places.sort();
        places.dedup();
        assert_eq!(places.len(), all, "{name}");
        // A configuration that no cell uses is dead.
        let used = |configuration: &String| table.cells.iter().any(|cell| cell.configurations.contains(configuration));
        let unused: Vec<&String> = table.configurations.keys().filter(|name| !used(name)).collect();
        assert!(unused.is_empty(), "{name}: {unused:?}");
    }
}

/// What was tried besides is no reason.
#[test]
fn every_cell_that_is_not_reproduced_has_a_reason_and_sums_say_that_they_are_sums() {
    for name in names() {
        let table = table(name).unwrap();
        for (cell, report) in table.cells.iter().zip(reproduce(&table).unwrap().cells) {
            let place = format!("{name}: {}, {}", report.row, report.column);
            let is_sum = matches!(cell.quantity, Quantity::SumOfColumns(_));
            match report.verdict {
                CellVerdict::Equal => assert_eq!(report.why, if is_sum { SUM } else { "" }, "{place}"),
                CellVerdict::Inferred => assert!(!report.why.is_empty(), "{place}"),
                CellVerdict::NotReproducible => {
                    let reason = !report.why.is_empty() && !report.why.starts_with("also tried");
                    assert!(reason, "{place}: {}", report.why);
                }
            }
        }
    }
}

#[test]
fn every_table_is_reproduced_as_far_as_its_golden_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let mut orphans: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for name in names() {
        let mut found = String::new();
        for cell in reproduce(&table(name).unwrap()).unwrap().cells {
            let counted = cell.counted_alike.as_deref().unwrap_or("-");
            let (printed, unit) = (&cell.printed, cell.unit.symbol());
            let place = format!("{}, {}", cell.row, cell.column);
            writeln!(found, "{place}: printed {printed} {unit}, counted {counted}: {:?}", cell.verdict).unwrap();
        }
        let golden = folder.join(format!("{name}.txt"));
        orphans.retain(|path| *path != golden);
        if std::env::var_os("VIEWLESS_BLESS").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&golden).unwrap(), "{name}");
    }
    assert!(orphans.is_empty(), "{orphans:?}");
}
