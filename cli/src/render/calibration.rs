//! A calibration, in words, as a table and as remarks above a suite.

use super::table::TextTable;
use super::{units, words};
use std::fmt::Write;
use std::path::Path;
use viewless_workbench::sites::{Calibration, LeftOut};

/// What the figures mean.
const LEGEND: &str = "seen: smallest and largest that these texts brought to a site in plaintext; claimed: with the slack, where the protocol there is right;\n\
     what leaves it is told by every run, and its answer is worth nothing\n";

/// The page.
#[must_use]
pub fn text(calibration: &Calibration, out: &Path, explain: bool) -> String {
    let mut text = words::first(&sentence(calibration, out));
    text += "\n";
    for LeftOut { line, why } in &calibration.left_out {
        let _ = writeln!(text, "line {line} is left out: {why}");
    }
    text += &sites(calibration).lines();
    for kept in &calibration.kept {
        let _ = writeln!(text, "{} keeps {}: {}", kept.site, kept.protocol, kept.why);
    }
    let _ = write!(text, "\nAn inference of {} tokens, the longest of these texts:\n", calibration.longest);
    text += &prices(calibration).lines();
    text + &words::legend(explain, LEGEND)
}

fn sentence(calibration: &Calibration, out: &Path) -> String {
    let Calibration { suite, texts, sites, outside, .. } = calibration;
    let texts = words::count(*texts, "text");
    let end = match &outside[..] {
        [] => "on these texts every site stays where its protocol works".to_owned(),
        [first, ..] => format!(
            "{} leave{} what their protocols can take even on these texts, first {first}: the suite is not for this model",
            words::count(outside.len(), "site"),
            if outside.len() == 1 { "s" } else { "" }
        ),
    };
    format!(
        "Suite {} in {}: {} of {} fitted to {texts}; {end}.",
        suite.name,
        out.display(),
        sites.len(),
        words::count(sites.len() + calibration.kept.len(), "site")
    )
}

fn sites(calibration: &Calibration) -> TextTable {
    let mut table = TextTable::of_numbers(&["site", "quantity", "least", "most", "claimed"]);
    for site in &calibration.sites {
        let (low, high) = site.claimed;
        table.row([
            site.site.clone(),
            site.quantity.clone(),
            units::real(site.seen.0),
            units::real(site.seen.1),
            format!("{low}:{high}"),
        ]);
    }
    table
}

fn prices(calibration: &Calibration) -> TextTable {
    let mut table = TextTable::of_numbers(&["suite", "rounds", "online", "offline"]);
    for price in &calibration.prices {
        table.row([
            price.choice.clone(),
            price.rounds_online.to_string(),
            units::bytes(price.bytes_online),
            units::bytes(price.bytes_offline),
        ]);
    }
    table
}

/// Where the suite comes from, as remarks of TOML.
#[must_use]
pub fn remarks(calibration: &Calibration) -> String {
    let Calibration { begun_with, slack, texts, tokens, longest, .. } = calibration;
    let mut text = format!(
        "# Made by `viewless calibrate` from suite {begun_with} on {}, {tokens} tokens, at most {longest} each, with a slack of {slack}.\n\
         # It is for that model, and for texts like those: whatever leaves a site's interval is told by every run.\n",
        words::count(*texts, "text")
    );
    for site in &calibration.sites {
        let _ = writeln!(text, "# {}: {} seen from {} to {}", site.site, site.quantity, site.seen.0, site.seen.1);
    }
    text + "\n"
}
