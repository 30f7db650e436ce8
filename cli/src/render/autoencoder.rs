//! Images of an autoencoder, private beside plaintext, in words.

use super::bill::{self, Breakdown};
use super::table::{TextTable, hanging};
use super::{inference, units, words};
use std::path::Path;
use viewless_protocols::suite::Suite;
use viewless_workbench::inference::ExecutionMode;
use viewless_workbench::pictures::evaluation::{PictureEvaluation, SuiteOnPictures};
use viewless_workbench::pictures::{Fidelity, PictureReport};

/// Broken claims that are shown; JSON has all.
const SHOWN: usize = 8;

/// The claims that the result rests on and that did not hold, in words.
#[must_use]
pub fn broken_claims(report: &PictureReport) -> Vec<String> {
    let run = &report.run;
    inference::broken(&report.doubts, run.wraps, &run.headroom_violations, &run.domain_violations)
}

/// Whether the private images can be trusted.
#[must_use]
pub fn sentence(report: &PictureReport) -> String {
    let (what, it_is) = match (&report.image, report.images) {
        (Some(_), _) => ("The private reconstruction".to_owned(), "is"),
        (None, 1) => ("The private image".to_owned(), "is"),
        (None, images) => (format!("The {images} private images"), "are"),
    };
    let (seconds, network) = (units::seconds(report.cost.predicted_seconds), report.cost.network.name());
    let time = match report.run.execution {
        ExecutionMode::Explicit => format!("the run would take {seconds} on {network}"),
        ExecutionMode::Fast => format!("its online messages would take {seconds} on {network}"),
    };
    match broken_claims(report).len() {
        0 => format!(
            "{what} {it_is} sound: within {} of plaintext in every pixel from -1 to 1, with {} of {} levels of 256 that differ; {time}.",
            units::at_most(report.max_pixel_error, 1),
            report.levels_that_differ,
            report.levels
        ),
        number => format!("{what} cannot be trusted: {} broken.", inference::claims_are(number)),
    }
}

/// The readable page.
#[must_use]
pub fn text(report: &PictureReport, suite: &Suite, picture: Option<&Path>, explain: bool) -> String {
    let mut text = words::first(&sentence(report)) + "\n";
    let mut field = |label: &str, value: &str| text.push_str(&hanging(&format!("{label:<11}"), value));
    if let Some(image) = &report.image {
        field("image", image);
    }
    let [channels, rows, columns] = report.shape;
    field(
        "model",
        &format!("{}: images of {columns} x {rows} pixels, {}", report.model, words::count(channels, "channel")),
    );
    field("suite", &format!("{}: {}", suite.name, suite.summary));
    if let Some(picture) = picture {
        let order = match report.image {
            Some(_) => "original, plaintext and private reconstruction, from left to right",
            None => "rows of images of plaintext, and below each the private ones",
        };
        field("picture", &format!("{}: {order}", picture.display()));
    }
    if let Some(beside) = report.beside_original {
        let of = |fidelity: Fidelity| {
            let decibels = fidelity.psnr_decibels.map_or("exact".to_owned(), |psnr| format!("{psnr:.4} dB"));
            format!("{decibels} (mean square {})", units::scientific(fidelity.mse, 3))
        };
        field("original", &format!("private {}, plaintext {}", of(beside.private), of(beside.plaintext)));
    }
    field(
        "max error",
        &format!(
            "{} before the tanh, which the client applies; {} of pixels",
            units::scientific(report.max_abs_error, 2),
            units::scientific(report.max_pixel_error, 2)
        ),
    );
    text.push('\n');
    text.push_str(&bill::text(&report.cost, Breakdown::Regions));
    text.push('\n');
    text.push_str(&run_facts(report));
    text.push_str(&words::legend(explain, &bill::conventions(&report.cost)));
    text
}

/// What the run moved and took, and which claims did not hold.
fn run_facts(report: &PictureReport) -> String {
    let (run, mut text) = (&report.run, String::new());
    let mut field = |label: &str, value: &str| text.push_str(&hanging(&format!("{label:<11}"), value));
    let computed = format!("in {} on {}", units::seconds(run.seconds), words::count(run.threads, "thread"));
    match &run.transcript_digest {
        None => field("computed", &format!("{computed}, without parties and messages")),
        Some(digest) => {
            field("moved", &format!("{} in all phases, equal to the count", units::bytes(run.bytes_moved)));
            field("computed", &format!("{computed}, for all parties and phases together"));
            field("digest", &format!("{digest} of every message"));
        }
    }
    field("memory", &format!("{} of values at once, at most", units::bytes(run.memory.held_bytes)));
    field("wraps", &inference::wraps(run.wraps, run.wrap_probability, "on these inputs"));
    let broken = broken_claims(report);
    if broken.is_empty() {
        field("claims", "all hold: no value left the domain or the headroom that its protocol needs");
    } else {
        field("claims", "NOT all hold; the images may be wrong, and later violations may follow from the first:");
        broken.iter().take(SHOWN).for_each(|claim| field("", &format!("- {claim}")));
        if broken.len() > SHOWN {
            field("", &format!("- and {} more, see --json", broken.len() - SHOWN));
        }
    }
    report.other_functions.iter().for_each(|other| field("function", other));
    text
}

/// Whether the private images of an evaluation can be trusted, and what they lose; of runs that broke a claim nothing else.
fn of_evaluation(report: &PictureEvaluation) -> String {
    let in_doubt = report.suites.iter().filter(|suite| !suite.images_in_doubt.is_empty());
    let of_suite = |suite: &SuiteOnPictures| {
        let runs = suite.images_in_doubt.iter();
        let mut runs: Vec<String> = runs
            .map(
                |[first, last]| {
                    if first == last { format!("image {first}") } else { format!("images {first} to {last}") }
                },
            )
            .collect();
        let more = runs.len().saturating_sub(SHOWN);
        runs.truncate(SHOWN);
        if more > 0 {
            runs.push(format!("{more} more runs"));
        }
        format!("{} under {}", words::list(&runs), suite.suite)
    };
    let in_doubt: Vec<String> = in_doubt.map(of_suite).collect();
    if !in_doubt.is_empty() {
        return format!(
            "Some private images cannot be trusted, because their runs broke a claim: {}.",
            in_doubt.join("; ")
        );
    }
    let losses: Option<Vec<f64>> = report.suites.iter().map(|suite| suite.largest_loss_decibels).collect();
    match losses.map(|losses| losses.into_iter().fold(f64::NEG_INFINITY, f64::max)).filter(|most| most.is_finite()) {
        Some(most) if most > 0.0 => format!("All runs are sound; no image loses more than {} dB to privacy.", units::at_most(most, 1)),
        Some(_) => "All runs are sound; no image loses anything to privacy.".to_owned(),
        None => "All runs are sound; what images lose to privacy has no number in decibels, because a reconstruction is exact.".to_owned(),
    }
}

/// An autoencoder on many images, as a page.
#[must_use]
pub fn evaluation(report: &PictureEvaluation) -> String {
    let decibels = |fidelity: &Fidelity| fidelity.psnr_decibels.map_or("exact".to_owned(), |psnr| format!("{psnr:.4}"));
    let mut table = TextTable::of_numbers(&[
        "",
        "PSNR",
        "mean square",
        "most lost",
        "max error",
        "levels that differ",
        "wraps",
        "an image",
    ]);
    let mut plain = |what: &str, fidelity: &Fidelity| {
        let empty = std::iter::repeat_n(String::new(), 5);
        table.row([what.to_owned(), decibels(fidelity), format!("{:.6}", fidelity.mse)].into_iter().chain(empty));
    };
    plain("the mean image", &report.mean_image);
    plain("plaintext", &report.plaintext);
    for suite in &report.suites {
        table.row([
            suite.suite.clone(),
            decibels(&suite.private),
            format!("{:.6}", suite.private.mse),
            suite.largest_loss_decibels.map_or_else(|| "-".to_owned(), |loss| units::scientific(loss, 1)),
            units::scientific(suite.max_pixel_error, 1),
            format!("{} of {}", suite.levels_that_differ, suite.levels),
            suite.wraps.to_string(),
            units::seconds(suite.seconds_per_image),
        ]);
    }
    let mut text = format!(
        "{}\n{}, {}\n\n{}",
        words::first(&of_evaluation(report)),
        report.model,
        words::count(report.images, "image"),
        table.lines()
    );
    for other in report.suites.iter().flat_map(|suite| &suite.other_functions) {
        text.push_str(&hanging("function   ", other));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_says_nothing_good_of_runs_that_broke_a_claim_and_no_number_where_there_is_none() {
        let suite = |largest_loss_decibels, images_in_doubt: Vec<[usize; 2]>| SuiteOnPictures {
            suite: "crypten".to_owned(),
            private: Fidelity::of(0.1),
            largest_loss_decibels,
            max_pixel_error: 2.0,
            levels_that_differ: 1,
            levels: 192,
            wraps: 5,
            runs_in_doubt: images_in_doubt.len(),
            images_in_doubt,
            other_functions: Vec::new(),
            seconds_per_image: 1.0,
        };
        let page = |suites| {
            let report = PictureEvaluation {
                model: "m".to_owned(),
                images: 9,
                mean_image: Fidelity::of(0.2),
                plaintext: Fidelity::of(0.1),
                suites,
            };
            evaluation(&report).split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let broken = page(vec![suite(Some(8.4e-4), vec![]), suite(Some(1e-4), vec![[1, 8], [9, 9]])]);
        assert!(broken.contains("images 1 to 8 and image 9 under crypten") && !broken.contains("no image"), "{broken}");
        assert!(page(vec![suite(Some(8.4e-4), vec![])]).contains("no image loses more than 8.4e-4 dB"));
        let exact = page(vec![suite(Some(8.4e-4), vec![]), suite(None, vec![])]);
        assert!(exact.contains("no number in decibels") && !exact.contains("0 dB"), "{exact}");
    }
}
