//! The most important test: on random small Programs, sound and unsound, what the symbolic prover proves, counting never refutes;
//! and every proof's certificate is accepted.

mod random_programs;
mod second;
#[path = "random_programs/verdicts.rs"]
mod verdicts;

use proptest::prelude::*;
use random_programs::{Instruction, Xorshift, coalitions, forged, program};
use verdicts::{SMALL, count, prove};
use viewless_proofs::privacy::certificate::Simulator;
use viewless_proofs::privacy::exhaustive::{self, CountError, Exhaustive};
use viewless_proofs::privacy::view::View;
use viewless_proofs::privacy::{Coalition, Report, Verdict, check};
use viewless_protocols::program::{Local, Op, Program};

/// How often each pair of verdicts was met.
#[derive(Debug, Default)]
struct Tally {
    programs: usize,
    coalitions: usize,
    /// Certificates, each of which the checkers accepted.
    proved: usize,
    proved_and_private: usize,
    undecided_but_private: usize,
    undecided_and_leaking: usize,
    not_counted: usize,
    proved_with_masks: usize,
    proved_with_outputs: usize,
    proved_at_a_distance: usize,
    proved_given_randomness: usize,
    proved_by_withholding: usize,
    proved_jointly: usize,
    /// Whether the second checker is asked, too.
    ask_the_second: bool,
}

impl Tally {
    /// Of the views with messages that counting finds private: the share that is not proved.
    fn undecided_share(&self) -> f64 {
        let proved = self.proved_with_masks + self.proved_with_outputs;
        self.undecided_but_private as f64 / (proved + self.undecided_but_private) as f64
    }

    /// Adds the verdict on one coalition and what counting says of the claim in it; the message of a contradiction.
    fn add(
        &mut self,
        program: &Program,
        coalition: Coalition,
        report: &Report,
        counted: Result<Exhaustive, CountError>,
    ) -> Result<(), String> {
        self.coalitions += 1;
        self.proved += usize::from(report.certificate.is_some());
        let withheld = report.certificate.as_ref().is_some_and(|certificate| !certificate.withheld.is_empty());
        let reveals = program.iter().any(|(_, value)| matches!(value.op, Op::Reveal { .. }));
        if let Verdict::Proved { simulator, .. } = report.verdict {
            match simulator {
                Simulator::GivenOwnRandomness => self.proved_given_randomness += usize::from(withheld),
                Simulator::GivenOwnSamples | Simulator::DrawsOwnSamples | Simulator::JointlyWithOutputs => {
                    self.proved_by_withholding += usize::from(withheld);
                }
            }
            self.proved_jointly += usize::from(reveals && simulator == Simulator::JointlyWithOutputs);
        }
        match (&report.verdict, counted) {
            (_, Err(_)) => self.not_counted += 1,
            (Verdict::Proved { .. }, Ok(Exhaustive::Private)) => {
                self.proved_and_private += 1;
                let messages = report.messages > 0;
                let has_outputs = program
                    .iter()
                    .any(|(_, value)| matches!(value.op, Op::Reveal { to, .. } if coalition.members().contains(to)));
                self.proved_with_masks += usize::from(messages && !has_outputs);
                self.proved_with_outputs += usize::from(messages && has_outputs);
            }
            // Each of the two laws is that near to the simulator's.
            (Verdict::Proved { statistical_distance, .. }, Ok(Exhaustive::Leak(witness)))
                if witness.distance <= 2.0 * statistical_distance =>
            {
                self.proved_at_a_distance += 1;
            }
            (Verdict::Proved { .. }, Ok(Exhaustive::Leak(witness))) => {
                return Err(format!(
                    "{coalition}: PROVED BUT LEAKS: {witness}\n{:#?}\n{}",
                    report.certificate, **program
                ));
            }
            (_, Ok(Exhaustive::Private)) => {
                self.undecided_but_private += 1;
                if std::env::var_os("SHOW").is_some() {
                    println!("UNDECIDED {coalition}: {:#?}\n{}", report.verdict, **program);
                }
            }
            (_, Ok(Exhaustive::Leak(_))) => self.undecided_and_leaking += 1,
        }
        Ok(())
    }
}

/// Compares the ways to a verdict on one Program; the message of a contradiction. The second checker is asked first, and thinks while the
/// counter counts.
fn compare(program: &Program, tally: &mut Tally) -> Result<(), String> {
    let reports: Vec<(Coalition, Report)> =
        coalitions(program).into_iter().map(|coalition| (coalition, prove(program, coalition))).collect();
    let certificates =
        || reports.iter().filter_map(|(coalition, report)| Some((coalition, report.certificate.as_ref()?)));
    if tally.ask_the_second {
        certificates().for_each(|(_, certificate)| second::ask(program, certificate));
    }
    // The claim that was proved; where none was, the weaker one.
    let counted: Vec<_> = reports
        .iter()
        .map(|(coalition, report)| {
            let simulator = match report.verdict {
                Verdict::Proved { simulator, .. } => simulator,
                Verdict::Undecided { .. } | Verdict::Refuted { .. } => Simulator::GivenOwnSamples,
            };
            count(program, *coalition, simulator, report.certificate.as_ref())
        })
        .collect();
    for (coalition, certificate) in certificates() {
        let checked = match tally.ask_the_second {
            true => second::answer(program, certificate),
            false => check::check(program, certificate),
        };
        if let Err(error) = checked {
            return Err(format!("{coalition}: certificate refused: {error}\n{certificate:#?}\n{}", **program));
        }
    }
    for ((coalition, report), counted) in reports.iter().zip(counted) {
        tally.add(program, *coalition, report, counted)?;
    }
    tally.programs += 1;
    Ok(())
}

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    prop::collection::vec(any::<Instruction>(), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_proved_is_never_refuted(bits in 1u8..=2, instructions in instructions()) {
        let program = program(bits, &instructions);
        if let Err(contradiction) = compare(&program, &mut Tally::default()) {
            prop_assert!(false, "{}", contradiction);
        }
    }
}

/// A generator of its own, so that the numbers below never change.
fn tally_of(seed: u64, rounds: usize) -> Tally {
    let mut random = Xorshift(seed);
    let mut tally = Tally::default();
    for round in 0..rounds {
        let length = 4 + random.next() as usize % 24;
        let program = program(1 + (round % 3) as u8, &random_programs::instructions(length, &mut random));
        compare(&program, &mut tally).unwrap_or_else(|contradiction| panic!("{contradiction}"));
    }
    println!("{tally:?}: {:.2} % undecided", 100.0 * tally.undecided_share());
    tally
}

#[test]
fn a_thousand_fixed_programs_agree_and_every_kind_of_verdict_is_met() {
    let tally = tally_of(0x5eed_cafe_f00d, 1000);
    assert!(tally.proved_with_masks > 500, "{tally:?}");
    assert!(tally.proved_with_outputs > 20, "{tally:?}");
    assert!(tally.undecided_and_leaking > 500, "{tally:?}");
    assert!(tally.proved_at_a_distance > 20, "{tally:?}");
    assert!(tally.proved_given_randomness > 10, "{tally:?}");
    assert!(tally.proved_by_withholding > 10, "{tally:?}");
    assert!(tally.proved_jointly > 100, "{tally:?}");
    assert!(tally.undecided_share() < 0.05, "{tally:?}");
    assert!(tally.not_counted < tally.proved_and_private / 4, "{tally:?}");
}

#[test]
#[ignore = "minutes; run it after a change of the rules"]
fn a_hundred_thousand_programs_agree() {
    tally_of(0x0dd_ba11, 100_000);
}

/// As many Programs as VIEWLESS_PROGRAMS says, from the seed VIEWLESS_SEED, with the second checker asked about every certificate; a line
/// every ten thousand, so that a run that is broken off has said how far it came.
#[test]
#[ignore = "hours; as long as time allows, before a release"]
fn as_many_programs_as_time_allows_agree_with_both_checkers() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(otherwise)
    };
    let (rounds, mut random) =
        (number("VIEWLESS_PROGRAMS", 1_000_000), Xorshift(number("VIEWLESS_SEED", 0xacc_01ade) | 1));
    let mut tally = Tally { ask_the_second: true, ..Tally::default() };
    for round in 0..rounds {
        let length = 4 + random.next() as usize % 24;
        let program = program(1 + (round % 3) as u8, &random_programs::instructions(length, &mut random));
        compare(&program, &mut tally).unwrap_or_else(|contradiction| panic!("{contradiction}"));
        if (round + 1) % 10_000 == 0 || round + 1 == rounds {
            println!("{:.2} % undecided: {tally:?}", 100.0 * tally.undecided_share());
        }
    }
}

/// Forges certificates; how many the checker accepts, for views that really are private and with messages in them.
fn forge(seed: u64, rounds: usize) -> usize {
    let mut random = Xorshift(seed);
    let (mut accepted, mut without_outputs) = (0, 0);
    for round in 0..rounds {
        let length = 4 + random.next() as usize % 16;
        let program = program(1 + (round % 3) as u8, &random_programs::instructions(length, &mut random));
        for coalition in coalitions(&program) {
            if View::new(&program, coalition).messages().is_empty() {
                continue;
            }
            let Ok(weaker) = exhaustive::count_with(&program, coalition, SMALL) else { continue };
            for _ in 0..20 {
                let certificate = forged(&program, coalition, &mut random);
                let Ok(checked) = check::check(&program, &certificate) else { continue };
                let counted = match certificate.simulator {
                    Simulator::GivenOwnSamples => weaker.clone(),
                    simulator => {
                        let Ok(counted) = count(&program, coalition, simulator, Some(&certificate)) else { continue };
                        counted
                    }
                };
                accepted += 1;
                without_outputs += usize::from(!certificate.withheld.is_empty());
                let distance = match counted {
                    Exhaustive::Private => 0.0,
                    Exhaustive::Leak(witness) => witness.distance,
                };
                assert!(
                    distance <= 2.0 * checked.statistical_distance,
                    "{coalition}: accepted, but at distance {distance}\n{certificate:#?}\n{}",
                    *program
                );
            }
        }
    }
    println!("{without_outputs} of {accepted} withhold something");
    assert!(without_outputs > 0);
    accepted
}

#[test]
fn a_forged_certificate_is_accepted_only_if_it_is_right() {
    let accepted = forge(0xf04_6e4, 1000);
    println!("{accepted} forgeries were right by chance");
    assert!(accepted > 1000, "the forger must be good enough to be right at times: {accepted}");
}

#[test]
#[ignore = "minutes; run it after a change of the rules"]
fn many_forged_certificates_are_accepted_only_if_they_are_right() {
    println!("{} forgeries were right by chance", forge(0x1ce_b00d, 50_000));
}

#[test]
fn every_list_of_instructions_spells_a_program() {
    let all: Vec<Instruction> =
        (0..=255u8).map(|i| (i, i.wrapping_mul(7), i.wrapping_mul(13), i.wrapping_mul(29))).collect();
    let program = program(3, &all);
    assert!(program.values.iter().any(|value| matches!(value.op, Op::Local(Local::Concat(_), _))));
}
