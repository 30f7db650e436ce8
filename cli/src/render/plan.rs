//! A private plan in words.

use crate::render::table::TextTable;
use crate::render::units;
use std::collections::BTreeMap;
use viewless_workbench::plan::{Catalogue, MachineFile, Plan, Priced, spelled_out};

/// The plan; with a legend where it is asked for.
#[must_use]
pub fn text(plan: &Plan, catalogue: &Catalogue, machine: Option<&MachineFile>, explain: bool) -> String {
    let request = &plan.request;
    let chosen = &plan.chosen;
    let mut text = format!(
        "{}, {} tokens, on {}: {} of {} for a query, with certified site errors that add up to {} (at most {}).\n",
        plan.model,
        plan.seq,
        request.network.name(),
        units::seconds(chosen.seconds),
        if chosen.computation_seconds > 0.0 { "messages and computation" } else { "online messages" },
        error(chosen),
        units::exact(request.error_budget)
    );
    text += &bound(plan);
    if let Some(machine) = machine {
        text += &of_machine(plan, machine);
    }
    text += "\nThe suite:\n";
    text += &format!("  scheme  {}, {} fraction bits\n", scheme(chosen), chosen.suite.fraction_bits());
    for (function, protocol) in &chosen.suite.protocols {
        text += &format!("  {:<10}  {protocol}\n", function.to_string());
    }
    text += &deployment(plan);
    text += "\nOne choice changed:\n";
    let mut table = TextTable::of_text(&["function", "instead", "time", "error"]);
    for swap in &plan.swaps {
        let sign = if swap.seconds < 0.0 { "-" } else { "+" };
        let time = format!("{sign}{}", units::seconds(swap.seconds.abs()));
        table.row([swap.function.clone(), swap.instead.clone(), time, signed(swap.error)]);
    }
    text += &table.lines();
    text += "\nBest suites of other schemes, and the built-in suites (* meets the same limits):\n";
    text += &prices(plan).lines();
    text += &left_out(catalogue);
    if explain {
        text += &conventions(plan);
    }
    text
}

/// What was measured, for a table of its own.
#[must_use]
pub fn machine(machine: &MachineFile) -> String {
    let mut table = TextTable::of_text(&["work", "an operation", "a unit"]);
    for (kind, rate) in BTreeMap::from(machine.rates) {
        let name = format!("{kind:?}");
        table.row([name, nanoseconds(rate.seconds_per_operation), nanoseconds(rate.seconds_per_unit)]);
    }
    let MachineFile { model, seq, threads, .. } = machine;
    format!(
        "Computation of all parties in one process, from runs of one layer of {model} at {seq} tokens with {threads} threads.\n\n{}",
        table.lines()
    )
}

fn nanoseconds(seconds: f64) -> String {
    format!("{:.2} ns", seconds * 1e9)
}

/// Where the time of computation comes from.
fn of_machine(plan: &Plan, machine: &MachineFile) -> String {
    let MachineFile { model, seq, batch, threads, .. } = machine;
    let elsewhere = match *model == plan.model && *seq == plan.seq && *batch == plan.batch {
        true => "",
        false => "; other shapes may have other rates",
    };
    format!(
        "Of its time {} are computation of all parties in one process, at rates measured on layers of {model} at {seq} tokens with {threads} threads{elsewhere}.\n",
        units::seconds(plan.chosen.computation_seconds)
    )
}

/// A difference, with its sign.
fn signed(difference: f64) -> String {
    let size = units::scientific(difference.abs(), 1);
    format!("{}{size}", if difference < 0.0 { "-" } else { "+" })
}

fn error(priced: &Priced) -> String {
    match (priced.error, priced.not_right.is_empty()) {
        (Some(error), _) => units::at_most(error, 2),
        (None, true) => "no bound".to_owned(),
        (None, false) => "of another".to_owned(),
    }
}

fn scheme(priced: &Priced) -> String {
    spelled_out(&priced.suite.scheme)
}

/// What was proved. It is about parts added up: where parts meet, parties that need not wait for one another may save rounds.
fn bound(plan: &Plan) -> String {
    let space = format!(
        "{} suites, up to {} combinations of protocols in a layer",
        plan.suites_in_space, plan.combinations_of_a_layer
    );
    let [least, whole] = [plan.lower_bound_seconds, plan.deployment.seconds].map(units::seconds);
    let proved =
        format!("No suite of the space ({space}) within these limits has parts that add up to less than {least}");
    let meet = "parts are counted each for itself, and parties need not wait for one another where they meet";
    if plan.request.requests == 1 {
        let [parts, counted] = [plan.added_up_seconds, plan.chosen.seconds];
        let same = (parts - counted).abs() <= 1e-9 * counted && parts <= plan.lower_bound_seconds * (1.0 + 1e-9);
        return match same {
            true => format!("{proved}, and the whole of this one, counted, takes just that.\n"),
            false => format!(
                "{proved}. Those of this one add up to {}, and the whole, counted, takes {whole}: {meet}.\n",
                units::seconds(parts)
            ),
        };
    }
    let queries = format!("{} queries take {whole}, event by event", plan.request.requests);
    let best = format!(
        "{} suites that their bounds allow to be as fast were counted as a whole and deployed, and none takes less",
        plan.suites_counted
    );
    let gap = (plan.deployment.seconds / plan.lower_bound_seconds - 1.0) * 100.0;
    match gap >= -1e-7 {
        true => format!("{queries}. {best}. {proved} for all of them: the gap is {:.1} %.\n", gap.abs()),
        false => format!("{queries}. {best}. {proved} for all of them: {meet}.\n"),
    }
}

fn deployment(plan: &Plan) -> String {
    let deployment = &plan.deployment;
    let stages: Vec<String> = deployment.stages.iter().map(usize::to_string).collect();
    format!(
        "The deployment: {} of {} parts ({}), {} in flight at each{}.\n",
        if stages.len() == 1 { "one stage".to_owned() } else { format!("{} stages", stages.len()) },
        stages.join(" + "),
        part_names(&deployment.parts),
        if deployment.in_flight == 1 { "one query".to_owned() } else { format!("{} queries", deployment.in_flight) },
        deployment.order_of.as_ref().map_or_else(String::new, |network| format!(
            "; messages leave in the order of a network with {network} where who comes first is served first"
        ))
    )
}

/// The parts, all layers as one word.
fn part_names(parts: &[String]) -> String {
    let mut names: Vec<&str> =
        parts.iter().map(|part| if part.starts_with("layer.") { "layers" } else { part.as_str() }).collect();
    names.dedup();
    names.join(", ")
}

fn prices(plan: &Plan) -> TextTable {
    let mut table =
        TextTable::of_text(&["", "suite", "time", "computing", "rounds", "error", "wraps", "not right", "scheme"]);
    let own = [("planned", &plan.chosen)];
    let others = plan.runners_up.iter().map(|priced| ("other scheme", priced));
    let built_in = plan.built_in.iter().map(|priced| (priced.suite.name.as_str(), priced));
    for (name, priced) in own.into_iter().chain(others).chain(built_in) {
        table.row([
            if priced.meets_budget { "*" } else { "" }.to_owned(),
            name.to_owned(),
            units::seconds(priced.seconds),
            match priced.computation_seconds > 0.0 {
                true => units::seconds(priced.computation_seconds),
                false => "not counted".to_owned(),
            },
            priced.load.least_rounds().to_string(),
            error(priced),
            units::probability(priced.load.wraps),
            priced.not_right.join(", "),
            scheme(priced),
        ]);
    }
    table
}

fn left_out(catalogue: &Catalogue) -> String {
    // Under how many schemes a protocol is left out for a reason.
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for choice in catalogue.entries.iter().flat_map(|entry| &entry.functions) {
        for (protocol, why) in &choice.left_out {
            *reasons.entry((protocol, why)).or_default() += 1;
        }
    }
    let schemes = catalogue.entries.len();
    let mut text = "\nProtocols that were left out:\n".to_owned();
    for ((protocol, why), count) in reasons {
        let under = if count < schemes { format!(" (under {count} of {schemes} schemes)") } else { String::new() };
        text += &format!("  {protocol}: {why}{under}\n");
    }
    if !catalogue.left_out.is_empty() {
        text += "\nSchemes that were left out:\n";
    }
    for (scheme, why) in &catalogue.left_out {
        text += &format!("  {scheme}: {why}\n");
    }
    text
}

fn conventions(plan: &Plan) -> String {
    let computed = if plan.chosen.computation_seconds > 0.0 { "and" } else { "without" };
    format!(
        "\ntime   online messages on the network, one latency for each round, {computed} computation\n\
         error  largest certified error of each site on its protocol's interval, added up over all sites; what follows a site\n\
         \x20      may enlarge its error, so this is no bound on the answer: see `viewless infer` with the suite;\n\
         \x20      of another: the suite computes other functions than the model has, which it names as not right\n\
         wraps  expected in an inference, if truncated numbers are about 1; at most {} are allowed\n",
        units::exact(plan.request.most_wraps)
    )
}
