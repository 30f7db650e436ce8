//! The sites of a model: which of them leave their protocols' domains, and where a private run first diverges.

use super::Arguments;
use crate::arguments;
use crate::commands::{Outcome, texts};
use crate::error::CliError;
use crate::progress::Progress;
use crate::screen::Manner;
use crate::{render, screen};
use std::cell::OnceCell;
use std::path::Path;
use viewless_protocols::suite::Suite;
use viewless_workbench::sites::{Line, Privately, SitesReport};

/// The domains of a model's sites. The verdict is negative when a site leaves the domain of its protocol.
///
/// # Errors
/// A model or texts that cannot be used.
pub(super) fn run(
    model: &str,
    text_file: &Path,
    suite: &Suite,
    arguments: &Arguments,
    manner: Manner,
) -> Result<Outcome, CliError> {
    let found = texts::read(text_file)?;
    let lines = Line::all(&found);
    let model = texts::model(Some(model))?;
    // Each has a clock of its own, which begins with it.
    let (judging, running) = (Progress::start("auditing"), OnceCell::new());
    let privately = Privately { texts: arguments.private_texts, seed: arguments.seed };
    let report = SitesReport::new(
        &model,
        suite,
        arguments::registry(),
        &lines,
        privately,
        &|done, of| judging.tell(done, of),
        &|done, of| {
            judging.end();
            running.get_or_init(|| Progress::start("running privately")).tell(done, of);
        },
    );
    let report = report.map_err(|error| texts::named(error, text_file))?;
    drop((judging, running));
    screen::show(&report, manner, |explain| render::sites::text(&report, &lines, explain))?;
    Ok(report.holds().into())
}
