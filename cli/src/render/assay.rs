//! All verdicts about a protocol on one page.

use super::bill::Breakdown;
use super::{audit, bill, card, proof, statistics, words};
use viewless_protocols::suite::Suite;
use viewless_workbench::assay::Assay;

/// Whether the protocol can be used.
#[must_use]
pub fn sentence(assay: &Assay) -> String {
    let name = &assay.card.name;
    let rounds = assay.cheap.price().rounds_online;
    let rows = if assay.right.covers_all() { "" } else { " on rows that keep the claims below" };
    let private = format!("beyond inputs and declared outputs of their own, {}", proof::told(&assay.private));
    let not_right = assay.card.fails.iter().find(|fails| fails.quality == "right");
    match (assay.right.holds(), assay.private.is_proved()) {
        (true, true) => match not_right {
            None => {
                format!("{name} can be used: it keeps its card's claim{rows}, takes {rounds} rounds, and {private}.")
            }
            Some(fails) => format!(
                "{name} keeps its card's claim{rows}, and {private}; but it is not the function that a model has in its place: {}.",
                fails.why
            ),
        },
        (false, true) => {
            let why = assay.why_not.as_ref().map_or_else(String::new, |why| format!(" {}", audit::reason(why)));
            format!("{name} should not be used: {}{why}", audit::sentence(&assay.right))
        }
        (true, false) => format!("{name} should not be used: {}", proof::sentence(&assay.private)),
        (false, false) => {
            format!("{name} should not be used: {} {}", audit::sentence(&assay.right), proof::sentence(&assay.private))
        }
    }
}

/// The readable page.
#[must_use]
pub fn text(assay: &Assay, suite: &Suite, explain: bool) -> String {
    let why_not = assay.why_not.as_ref().map_or_else(String::new, audit::why_not);
    let sections = [
        ("CARD", card::text(&assay.card)),
        ("RIGHT", audit::body(&assay.right, suite) + &why_not),
        ("PRIVATE", proof::body(&assay.private)),
        ("STATISTICS", statistics::body(&assay.statistics)),
        ("CHEAP", bill::body(&assay.cheap, Breakdown::Regions)),
    ];
    let page: Vec<String> =
        sections.iter().map(|(name, text)| format!("== {name} ==\n{}\n", text.trim_end())).collect();
    let conventions = format!("{}{}{}", proof::CONVENTIONS, statistics::CONVENTIONS, bill::conventions(&assay.cheap));
    let first = format!("{} {}", sentence(assay), statistics::sentence(&assay.statistics));
    format!("{}\n{}{}", words::first(&first), page.join("\n"), words::legend(explain, &conventions))
}
