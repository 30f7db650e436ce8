//! The sites of a model, which are the places where it calls a protocol: [`plaintext`] judges each on the exact numbers that texts bring
//! there, [`private`] follows private runs through them, [`calibration`] makes a suite that fits them.

mod calibration;
mod plaintext;
mod private;

pub use calibration::{CalibratedSite, Calibration, KeptSite, Request, SLACKS};
pub use plaintext::SiteSummary;
pub use private::{FirstDivergence, PrivateReport, PrivateSite};

use crate::Progress;
use serde::Serialize;
use thiserror::Error;
use viewless_models::{Model, ModelError};
use viewless_proofs::audit::site::SiteError;
use viewless_protocols::circuit::CircuitError;
use viewless_protocols::model::BuildError;
use viewless_protocols::model::architecture::Attention;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::scheme::CompileError;
use viewless_protocols::suite::{Suite, SuiteError};
use viewless_simulator::execute::ExecuteError;

/// An audit of sites that could not be made.
#[derive(Debug, Error)]
pub enum SitesError {
    /// The text, or the plaintext pass.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The suite.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// A site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// No text to audit.
    #[error("there is no text; give a file with one text in each line")]
    NoText,
    /// Texts, but none that the model can take.
    #[error("none of {texts} texts can be audited; line {line}: {why}")]
    NoUsableText {
        /// How many there are.
        texts: usize,
        /// The line of the first.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The circuit of a private run.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Its outputs.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// Its Program.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The run.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// A suite of which nothing can be fitted to a model.
    #[error(
        "no protocol that suite `{suite}` names for this model has other intervals to be fitted to; begin with suite frontier, or with one that names \
         gelu/series or layernorm/scales"
    )]
    NoFamily {
        /// The suite.
        suite: String,
    },
    /// A slack that is none.
    #[error("a slack of {slack}; it is a part by which intervals reach beyond what texts show, from {} to {}, as 0.25", SLACKS.start(), SLACKS.end())]
    Slack {
        /// What was given.
        slack: String,
    },
    /// A model without a circuit.
    #[error(transparent)]
    Subject(#[from] crate::SubjectError),
    /// A text that is too long for anything.
    #[error(transparent)]
    Size(#[from] crate::SizeError),
    /// A softmax under a mask.
    #[error("private runs of models with causal attention are not followed; ask for no private texts")]
    Masked,
    /// Sites that do not correspond: a defect.
    #[error(
        "the circuit has {circuit} sites, the plaintext pass {plaintext}; this is a defect of viewless, please report it"
    )]
    Sites {
        /// In the circuit.
        circuit: usize,
        /// In the plaintext pass.
        plaintext: usize,
    },
    /// A tensor that the model's loader vouched for is missing: a defect.
    #[error("the model has no `{0}`; this is a defect of viewless, please report it")]
    MissingTensor(String),
}

/// A text of a file, with the number of its line, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The line.
    pub number: usize,
    /// What stands there, without spaces at the ends.
    pub text: &'a str,
}

impl<'a> Line<'a> {
    /// Every line of a file that is not empty.
    #[must_use]
    pub fn all(file: &'a str) -> Vec<Self> {
        let lines = file.lines().zip(1..).map(|(text, number)| Self { number, text: text.trim() });
        lines.filter(|line| !line.text.is_empty()).collect()
    }
}

/// A text that the model cannot take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// What texts show at the sites of a model.
#[derive(Debug, Clone, Serialize)]
pub struct SitesReport {
    /// Directory of the model.
    pub model: String,
    /// Name of the suite.
    pub suite: String,
    /// Texts audited.
    pub texts: usize,
    /// Texts that the model cannot take, which were not audited.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Every site, in the order of the model.
    pub sites: Vec<SiteSummary>,
    /// The first site at which the protocol leaves its domain: from here on a private run diverges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_divergence: Option<String>,
    /// What private runs of the first texts showed; absent when none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<PrivateReport>,
}

/// Which texts are run privately, too, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privately {
    /// How many, from the first; without a number [`Privately::USUAL`], and none of a decoder, which is not followed yet.
    pub texts: Option<usize>,
    /// Seed of the first run; each text has the next one.
    pub seed: u64,
}

impl Privately {
    /// Texts that are followed where nothing else is asked for.
    pub const USUAL: usize = 4;
}

impl SitesReport {
    /// Runs every text in plaintext and judges the suite's protocols, found in the registry, at every site, and runs the first texts privately. A text that the model
    /// cannot take is left out and named. `judging` and `running` are told how many texts are done.
    ///
    /// # Errors
    /// [`SitesError`] for suites that cannot be used, and where no text can.
    pub fn new(
        model: &Model,
        suite: &Suite,
        registry: &Registry,
        lines: &[Line<'_>],
        privately: Privately,
        judging: Progress<'_>,
        running: Progress<'_>,
    ) -> Result<Self, SitesError> {
        let protocols = suite.model(registry)?;
        let (texts, left_out) = usable(model, lines)?;
        let sites = plaintext::judge_texts(model, &protocols.protocols, &texts, judging)?;
        let causal = model.config.architecture.layout().attention == Attention::Causal;
        let followed = privately.texts.unwrap_or(if causal { 0 } else { Privately::USUAL });
        let private = &texts[..texts.len().min(followed)];
        let private = match private.is_empty() {
            true => None,
            false => Some(private::follow_texts(model, suite, &protocols, private, privately.seed, running)?),
        };
        Ok(Self {
            model: model.directory.display().to_string(),
            suite: suite.name.clone(),
            texts: texts.len(),
            left_out,
            first_divergence: sites.iter().find(|site| site.outside > 0).map(|site| site.site.clone()),
            sites,
            private,
        })
    }

    /// Whether every text was audited, no site leaves its domain and no private run diverges.
    #[must_use]
    pub fn holds(&self) -> bool {
        let diverges = self.private.as_ref().is_some_and(|private| private.first_divergence.is_some());
        self.left_out.is_empty() && self.first_divergence.is_none() && !diverges
    }
}

/// The texts that a model can take, and the others.
fn usable<'a>(model: &Model, lines: &[Line<'a>]) -> Result<(Vec<Line<'a>>, Vec<LeftOut>), SitesError> {
    let (mut texts, mut left_out) = (Vec::with_capacity(lines.len()), Vec::new());
    for &line in lines {
        match model.encode(line.text) {
            Ok(_) => texts.push(line),
            Err(error) => left_out.push(LeftOut { line: line.number, why: error.to_string() }),
        }
    }
    if texts.is_empty() {
        return Err(match left_out.into_iter().next() {
            Some(LeftOut { line, why }) => SitesError::NoUsableText { texts: lines.len(), line, why },
            None => SitesError::NoText,
        });
    }
    Ok((texts, left_out))
}
