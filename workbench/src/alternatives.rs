//! What else a suite could have chosen, so that a report shows what a choice costs.

use crate::price::{Price, Setting};
use crate::programs::Programs;
use crate::subject::{Kind, Subject};
use rayon::prelude::*;
use viewless_protocols::nonlinear::Function;
use viewless_protocols::scheme::{Comparison, Truncation};
use viewless_protocols::suite::Suite;

/// A suite with something changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What is changed, in words.
    pub change: String,
    /// The suite with the change.
    pub suite: Suite,
}

/// Changes one thing.
type Change = (&'static str, fn(&mut Suite));

const CARRY: Change = ("comparison carry", |suite| suite.scheme.comparison = Comparison::Carry);
const COSINE: Change = ("gelu/cosine", |suite| {
    suite.choose(Function::GELU, "gelu/cosine".to_owned());
});
const LOCAL: Change = ("truncation local", |suite| suite.scheme.truncation = Truncation::Local);
const EXACT: Change = ("truncation exact", |suite| suite.scheme.truncation = Truncation::Exact);

/// Our own cheaper choices that the suite does not make. (Triples are not among them: one mask per weight costs the same, but
/// pays the setup once for a model and not again for each inference; see [`crate::bill::SetupPer`].)
fn cheaper(suite: &Suite, kind: &Kind) -> Vec<Change> {
    let mut changes = Vec::new();
    match suite.scheme.comparison {
        Comparison::Spk => changes.push(CARRY),
        Comparison::Carry => {}
    }
    // A protocol alone is what it is: only the scheme can be chosen.
    if matches!(kind, Kind::Model(_)) && suite.protocols.get(&Function::GELU).is_some_and(|name| name != "gelu/cosine")
    {
        changes.push(COSINE);
    }
    changes
}

/// The suite with each of our own cheaper choices, with all of them, and with the other truncation.
#[must_use]
pub fn alternatives(suite: &Suite, kind: &Kind) -> Vec<Choice> {
    let with = |changes: &[Change]| {
        let mut suite = suite.clone();
        changes.iter().for_each(|(_, change)| change(&mut suite));
        suite
    };
    let cheaper = cheaper(suite, kind);
    let truncation = match suite.scheme.truncation {
        Truncation::Exact => LOCAL,
        Truncation::Local | Truncation::Narrowing => EXACT,
    };
    let single = cheaper.iter().copied().map(|change| Choice { change: change.0.to_owned(), suite: with(&[change]) });
    let together = (cheaper.len() > 1).then(|| {
        let names: Vec<&str> = cheaper.iter().map(|change| change.0).collect();
        Choice { change: names.join(", "), suite: with(&cheaper) }
    });
    let truncation = Choice { change: truncation.0.to_owned(), suite: with(&[truncation]) };
    single.chain(together).chain([truncation]).collect()
}

/// What other choices cost, as far as they have a price.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alternatives {
    /// Those that can be counted.
    pub prices: Vec<Price>,
    /// Why the others cannot, one sentence each.
    pub notes: Vec<String>,
}

/// Counts the alternatives of a suite. Nobody asked for them, so that one which cannot be compiled is a note and no error.
#[must_use]
pub fn prices(subject: &Subject, setting: &Setting<'_>) -> Alternatives {
    prices_of(&Programs::of(subject, setting.suite, setting.sizes), setting)
}

/// As [`prices`], of Programs that other parts of a report use, too.
pub(crate) fn prices_of(programs: &Programs<'_>, setting: &Setting<'_>) -> Alternatives {
    let price = |choice: Choice| {
        let program = programs.under(&choice.suite);
        let program = program.map_err(|error| format!("no price with {}: {error}", choice.change))?;
        Ok(Price::of(choice.change, &program, &programs.subject.registry, setting.schedule, &[setting.network]))
    };
    let counted: Vec<Result<Price, String>> =
        alternatives(setting.suite, &programs.subject.kind).into_par_iter().map(price).collect();
    let mut found = Alternatives::default();
    for price in counted {
        match price {
            Ok(price) => found.prices.push(price),
            Err(note) => found.notes.push(note),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizes::Sizes;
    use viewless_protocols::nonlinear::Registry;
    use viewless_protocols::program::Schedule;
    use viewless_simulator::network::Network;

    fn changes(suite: &str, subject: &str) -> Vec<String> {
        let suite = Suite::built_in(suite).unwrap();
        let kind = Subject::find(subject, Registry::built_in()).unwrap().kind;
        alternatives(&suite, &kind).into_iter().map(|choice| choice.change).collect()
    }

    #[test]
    fn our_own_choices_are_offered_where_the_suite_makes_others() {
        assert_eq!(changes("faithful", "bert-base"), ["truncation local"]);
        assert_eq!(
            changes("secformer", "bert-base"),
            ["comparison carry", "gelu/cosine", "comparison carry, gelu/cosine", "truncation exact"]
        );
        assert!(!changes("secformer", "gelu/secformer").iter().any(|change| change.contains("gelu")));
    }

    #[test]
    fn our_own_choices_are_cheaper() {
        let suite = Suite::built_in("secformer").unwrap();
        let subject = Subject::find("bert-base", Registry::built_in()).unwrap();
        let (network, schedule) = (Network::lan(), Schedule::AsWritten);
        let sizes = Sizes::new(8, 1).unwrap();
        let setting = Setting {
            suite: &suite,
            sizes,
            schedule,
            network: &network,
            grouping: viewless_protocols::model::BY_FUNCTION,
        };
        let own = Price::of("", &subject.program(&suite, sizes).unwrap(), &subject.registry, schedule, &[]);
        let found = prices(&subject, &setting);
        assert_eq!((found.prices.len(), found.notes.len()), (4, 0));
        for price in found.prices.iter().filter(|price| price.choice != "truncation exact") {
            assert!(price.bytes_online < own.bytes_online, "{}", price.choice);
        }
    }
}
