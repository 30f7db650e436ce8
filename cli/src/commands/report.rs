//! `viewless report`: everything about one model on one page.

use super::{Outcome, texts};
use crate::arguments::{self, Schedule, SizeArguments};
use crate::error::CliError;
use crate::file::Pending;
use crate::progress::Progress;
use crate::screen::Manner;
use crate::{render, screen};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use viewless_protocols::model::BY_FUNCTION;
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_workbench::Subject;
use viewless_workbench::bill::Setting;
use viewless_workbench::inference::Asking;
use viewless_workbench::model_report::{ModelReport, ModelReportError, Runs};
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::sites::{Line, Privately};

/// What to report on.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A Transformer: a known model such as bert-base (`viewless list` shows all), a model directory, or a name that `fetch` knows
    #[arg(value_name = "MODEL|DIR|NAME")]
    model: String,
    /// A built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    /// Texts, one a line: the first is inferred privately, and all are followed through the sites of the model. Without them nothing is
    /// run, and sizes are those of --seq
    #[arg(long, value_name = "FILE")]
    text_file: Option<PathBuf>,
    /// How many of the texts are followed privately [default: 4; of a decoder, none]
    #[arg(long, value_name = "N", requires = "text_file")]
    private_texts: Option<usize>,
    /// Decides the randomness of the runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    sizes: SizeArguments,
    /// lan, wan, or a .toml file
    #[arg(long, value_name = "NETWORK|FILE", default_value = "lan", value_parser = arguments::network)]
    network: Network,
    /// Which messages share a round
    #[arg(long, value_enum, default_value_t = Schedule::Asap)]
    schedule: Schedule,
    /// Write the page as HTML, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Reports and prints. The verdict is negative when the suite cannot be used with the model as it is.
///
/// # Errors
/// A model, suite, sizes or texts that cannot be used, or a page that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { suite, network, schedule, sizes, .. } = arguments;
    // A page that cannot be written is known before anything is counted.
    let page = arguments.html.as_deref().map(Pending::create).transpose()?;
    let found = arguments.text_file.as_deref().map(texts::read).transpose()?;
    let lines: Vec<Line<'_>> = found.as_deref().map(Line::all).unwrap_or_default();
    let model = lines.first().map(|_| texts::model(Some(&arguments.model))).transpose()?;
    let subject = match &model {
        Some(model) => Subject::of_model(&arguments.model, model.config.clone(), arguments::registry()),
        None => Subject::find_model(&arguments.model, arguments::registry())?,
    };
    let privately = Privately { texts: arguments.private_texts, seed: arguments.seed };
    let runs = model.as_ref().map(|model| {
        let asking = Asking::Text(texts::first_usable(model, &lines, arguments.text_file.as_deref())?.text);
        Ok::<_, CliError>(Runs { model, asking, texts: &lines, privately })
    });
    let runs = runs.transpose()?;
    let (sizes, schedule) = (sizes.checked(), (*schedule).into());
    let setting = Setting { suite, sizes, schedule, network, grouping: BY_FUNCTION };
    let progress = Progress::start("reporting");
    let report = ModelReport::new(&subject, &setting, runs.as_ref(), &|done, of| progress.tell(done, of));
    let report = report.map_err(|error| match (error, &arguments.text_file) {
        (ModelReportError::Sites(error), Some(path)) => texts::named(error, path),
        (error, _) => error.into(),
    })?;
    drop(progress);
    if let (Some(mut page), Some(path)) = (page, &arguments.html) {
        let write = page.write_all(render::model_report::page(&report, &subject.kind).as_bytes());
        write.map_err(|source| CliError::WriteFile { path: path.clone(), source })?;
        page.commit()?;
    }
    screen::show(&report, manner, |explain| render::model_report::text(&report, &subject.kind, explain))?;
    Ok(report.is_usable().into())
}
