//! Runs of the swarm, in words.

use super::words;
use viewless_tests::swarm::{Line, SwarmReport};

/// What comes first: what decides the runs, and what they draw.
#[must_use]
pub fn drawn(seed: u64, runs: u64, resumed: u64) -> String {
    let from = if resumed > 0 { format!(", from {resumed} on") } else { String::new() };
    format!(
        "seed {seed}, {runs} runs{from}: random circuits with operations left out and every protocol, every scheme with every choice, 10 to 22 \
         fraction bits, 1 to 4 threads, every kernel"
    )
}

/// The page.
#[must_use]
pub fn text(report: &SwarmReport) -> String {
    let SwarmReport { runs, subjects, failed, seconds, .. } = report;
    let mut text = match failed {
        None => words::first(&format!("Nothing contradicts anything in {}.", words::count(*runs as usize, "run"))),
        Some(line) => words::first(&format!("Run {} FAILS.", line.run)),
    };
    if let Some(Line { drawn, failure: Some(failure), .. }) = failed {
        text += &format!(
            "\nit drew   {drawn}\nsmallest  {}\nfails in  {}: {}\nagain     viewless swarm --replay {}\n",
            failure.smallest, failure.check, failure.why, failure.replay
        );
    }
    let subjects: Vec<String> = subjects.iter().map(|(subject, runs)| format!("{runs} {subject}")).collect();
    text + &format!("\n{}; {seconds:.1} s\n", subjects.join(", "))
}
