//! A benchmark in words.

use super::table::TextTable;
use super::units;
use viewless_workbench::bench::{Benchmark, Figure};

const EXPLANATION: &str = "\
A limit is what the rates above allow: for a product its multiplications; for a run of a model those of all its products, the words that all parties
and the dealer draw, and its inputs, written and read once as words of the ring. What a run adds, compares and shifts is not in the limit. Every value
of every party is computed as the Program says; without \"messages hashed\", messages are counted and not read. A layer is a
quarter of a model of four with a vocabulary of eight words, whose embedding is thus counted to it. Each figure is that of the fastest run by processor time, all threads together.";

/// The whole report.
#[must_use]
pub fn text(report: &Benchmark, explain: bool) -> String {
    let machine = &report.machine;
    let limits = &report.limits;
    let mut out = format!(
        "On {}, {} threads, {} kernels, viewless {}; the fastest of {}.\n\n",
        machine.processor.as_deref().unwrap_or("a processor without a name"),
        machine.threads,
        machine.code_path,
        machine.version,
        if report.runs == 1 { "1 run".to_owned() } else { format!("{} runs", report.runs) },
    );
    let giga = |rate: f64| format!("{:.1}", rate / 1e9);
    out += &format!(
        "This machine allows {} thousand million multiplications a second in the ring by one thread, {} by all; {} GB/s of\nrandomness by one thread; {} GB/s to and from memory.\n\n",
        giga(limits.multiplications_per_second),
        giga(limits.multiplications_per_second_of_all),
        giga(limits.stream_bytes_per_second),
        giga(limits.memory_bytes_per_second),
    );
    let mut table = TextTable::of_numbers(&["work", "threads", "time", "processor", "limit", "of limit", "memory"]);
    report.figures.iter().for_each(|figure| table.row(row(figure)));
    out += &table.lines();
    for comparison in &report.against_crypten {
        out += &format!(
            "\n\nThe same layer of bert-base with the functions of `{}` under {}, two processes, and here under that\nsuite, in alternation; processor time of all parties: {:.1} times as much there (the median of the pairs).\n\n",
            comparison.functions, comparison.versions, comparison.processor_ratio
        );
        let mut pairs = TextTable::of_numbers(&["pair", "CrypTen", "processor", "viewless", "processor", "ratio"]);
        for (number, pair) in comparison.pairs.iter().enumerate() {
            pairs.row([
                (number + 1).to_string(),
                units::seconds(pair.crypten_seconds),
                units::seconds(pair.crypten_processor_seconds),
                units::seconds(pair.viewless_seconds),
                units::seconds(pair.viewless_processor_seconds),
                format!("{:.1}", pair.crypten_processor_seconds / pair.viewless_processor_seconds),
            ]);
        }
        out += &pairs.lines();
    }
    if explain {
        out += "\n\n";
        out += EXPLANATION;
    }
    out
}

fn row(figure: &Figure) -> [String; 7] {
    let seconds = |seconds: Option<f64>| seconds.map_or_else(String::new, units::seconds);
    [
        figure.work.clone(),
        figure.threads.to_string(),
        units::seconds(figure.seconds),
        seconds(figure.processor_seconds),
        seconds(figure.limit_processor_seconds),
        figure.of_limit.map_or_else(String::new, |part| format!("{:.0} %", 100.0 * part)),
        figure.memory_bytes.map_or_else(String::new, units::bytes),
    ]
}
