//! The sites of a model: which of them leave their protocols' domains, and where a private run first diverges.

use super::Arguments;
use crate::arguments;
use crate::commands::{Outcome, fetch};
use crate::error::CliError;
use crate::progress::Progress;
use crate::screen::Manner;
use crate::{file, render, screen};
use std::path::Path;
use viewless_protocols::suite::Suite;
use viewless_workbench::sites::{Line, Privately, SitesReport};

/// The domains of a model's sites. The verdict is negative when a site leaves the domain of its protocol.
///
/// # Errors
/// A model or texts that cannot be used.
pub(super) fn run(
    model: &str,
    texts: &Path,
    suite: &Suite,
    arguments: &Arguments,
    manner: Manner,
) -> Result<Outcome, CliError> {
    let model = fetch::loaded(model, None)?;
    let texts = file::read(texts)?;
    let texts = Line::all(&texts);
    let (judging, running) = (Progress::start("auditing"), Progress::start("running privately"));
    let privately = Privately { texts: arguments.private_texts, seed: arguments.seed };
    let report = SitesReport::new(
        &model,
        suite,
        arguments::registry(),
        &texts,
        privately,
        &|done, of| judging.tell(done, of),
        &|done, of| {
            judging.end();
            running.tell(done, of);
        },
    )?;
    drop((judging, running));
    screen::show(&report, manner, |explain| render::sites::text(&report, &texts, explain))?;
    Ok(report.holds().into())
}
