//! The symbolic prover: eliminates the messages of a view one after another, until none is left.
//!
//! Contents that the coalition does not know flow, by computations outside the view, into messages. A sample that has one
//! live flow, followed as long as the operations pass its uniformity on and there is one flow, covers the message at the end:
//! whatever else enters it, the message is uniform and independent of all other messages that remain. It is eliminated, and
//! the flows into it end; that leaves other samples with one flow. So proofs run roughly from the last message to the first,
//! every flow is looked at once or twice, and the time is linear in the Program.
//!
//! The prover is greedy and sound, not complete: what it cannot eliminate is *undecided*. The rules are those of
//! [`Step`]; `SOUNDNESS.md` has the theorem. Messages that stand in each other's way are reported with the root of the
//! trouble: one is given up and reported, and the elimination goes on as if it were gone.

mod eliminate;
mod explain;
mod graph;
mod handing;
mod output;
mod rules;
mod withholding;

use super::certificate::{Certificate, FORMAT, Simulator, Step, Withheld};
use super::view::View;
use super::{Coalition, Offending, Report, Verdict, check};
use eliminate::Elimination;
use graph::{Graph, Item};
use std::collections::HashSet;
use viewless_protocols::program::{Program, ValueId};

/// What the prover may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Largest statistical distance that masks of bounded range may add up to.
    pub largest_distance: f64,
    /// Largest number of offending messages that are reported.
    pub most_offending: usize,
    /// How often the elimination may be run, on larger and larger views, while messages resist.
    pub most_attempts: usize,
}

impl Default for Options {
    /// 2^-40, the customary statistical security; 32 messages; 1024 attempts (fewer for large Programs).
    fn default() -> Self {
        Self { largest_distance: 2f64.powi(-40), most_offending: 32, most_attempts: 1024 }
    }
}

/// Proves that the view of `coalition` can be simulated, or says which messages stand in the way.
#[must_use]
pub fn prove(program: &Program, coalition: Coalition, options: &Options) -> Report {
    let best = handing::best_attempt(program, coalition, options);
    let Attempt { view, steps, distance, offending, messages } = best;
    let (verdict, certificate) = if offending.is_empty() {
        let (digest, members) = (program.digest().to_hex().to_string(), coalition.members().iter().collect());
        let Larger { handed, same, withheld, .. } = view;
        let simulator = Simulator::GivenOwnRandomness;
        let mut certificate =
            Certificate { format: FORMAT, digest, coalition: members, simulator, same, handed, withheld, steps };
        let simulator = check::strongest(program, coalition, &certificate);
        certificate.simulator = simulator;
        (Verdict::Proved { statistical_distance: distance, simulator }, Some(certificate))
    } else {
        (Verdict::Undecided { offending }, None)
    };
    Report { coalition, messages, verdict, certificate }
}

/// How the view is read: what is handed to the coalition, which values are the same, which outputs are taken for no sums.
#[derive(Debug, Clone, Default)]
struct Larger {
    handed: Vec<ValueId>,
    same: Vec<(ValueId, ValueId)>,
    given_up: HashSet<ValueId>,
    /// Messages that an output determines: the proof is about the rest.
    withheld: Vec<Withheld>,
}

/// What came of one run of the elimination.
#[derive(Debug)]
struct Attempt {
    view: Larger,
    steps: Vec<Step>,
    distance: f64,
    offending: Vec<Offending>,
    messages: usize,
}

/// Eliminates the messages of a view.
fn attempt(program: &Program, coalition: Coalition, options: &Options, larger: Larger) -> Attempt {
    let withheld: Vec<ValueId> = larger.withheld.iter().map(|withheld| withheld.message).collect();
    let view = View::reading(program, coalition, &larger.handed, &larger.same, &withheld);
    // Where something is withheld, the rest is proved without outputs.
    let groups = if withheld.is_empty() { output::groups(&view, &larger.given_up) } else { Vec::new() };
    let shares: Vec<_> = groups.iter().flat_map(|group| group.shares.iter().map(|&(share, _)| share)).collect();
    let mut elimination = Elimination::new(Graph::new(&view, &shares));
    elimination.drawn_samples();
    let mut offending = eliminate_all(&mut elimination, options);
    if withheld.is_empty() {
        offending.extend(account_outputs(&mut elimination, &groups));
    }
    offending.truncate(options.most_offending);
    let Elimination { steps, distance, .. } = elimination;
    Attempt { view: larger, steps, distance, offending, messages: view.sends() }
}

/// Eliminates every message that is no share of an output; gives up those that resist, one by one.
fn eliminate_all(elimination: &mut Elimination<'_, '_>, options: &Options) -> Vec<Offending> {
    let mut offending = Vec::new();
    elimination.run();
    while elimination.wide(options.largest_distance) {
        elimination.run();
    }
    // First the messages that nothing covers: they are wrong by themselves. Then the latest of those that resist together.
    let bare: Vec<_> = elimination.pending().filter(|&message| explain::is_bare(elimination, message)).collect();
    let reports = bare.iter().take(options.most_offending).map(|&message| explain::message(elimination, message));
    offending.extend(reports);
    bare.into_iter().for_each(|message| elimination.end(message));
    let messages: Vec<_> = elimination.pending().collect();
    for message in messages {
        elimination.run();
        if elimination.graph.items[message.index()] == Item::Pending {
            if offending.len() < options.most_offending {
                offending.push(explain::message(elimination, message));
            }
            elimination.end(message);
        }
    }
    offending
}

/// Accounts the shares of outputs to them, and makes sure that no output depends on a message in another way.
fn account_outputs(elimination: &mut Elimination<'_, '_>, groups: &[output::Group]) -> Vec<Offending> {
    let view = elimination.graph.view;
    let mut offending = Vec::new();
    let mut accounted = HashSet::new();
    for group in groups {
        match output::account(&elimination.graph, |contents| elimination.send_of(contents), group) {
            Some(step) => {
                elimination.steps.push(step);
                accounted.insert(group.sum);
                if let [(only, _)] = group.shares[..] {
                    accounted.insert(only);
                }
            }
            None => {
                let (share, _) = group.shares[0];
                let why = format!(
                    "it is a share of the output %{}, and no sample was found that enters this and one other share only and cancels \
                     between them; a fresh sharing of zero before shares are sent is such a sample",
                    group.output.0
                );
                offending.push(explain::offending(elimination, elimination.send_of(share), why));
            }
        }
    }
    let drawn = output::depends_on_drawn(view, &elimination.graph.items, &accounted);
    for group in groups {
        for &(share, _) in &group.shares {
            if view.program.value(share).op.arguments().iter().any(|argument| drawn[argument.index()]) {
                let why = format!(
                    "a share of the output %{} depends on other messages to {}",
                    group.output.0, view.coalition
                );
                offending.push(explain::offending(elimination, elimination.send_of(share), why));
            }
        }
    }
    // An output that is made from messages that are drawn exactly tells something of these, and of nothing else.
    let inexact = elimination.distance > 0.0;
    for &output in view.outputs() {
        if inexact && drawn[view.contents(output).index()] {
            let why = format!(
                "the output depends on messages to {} that are only near to what the simulator draws, and is no sum of them with \
                 public odd factors",
                view.coalition
            );
            offending.push(explain::offending(elimination, output, why));
        }
    }
    offending
}
