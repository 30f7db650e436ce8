//! A suite made to fit a model: what texts show at its sites decides which member of a family stands there.
//!
//! A family of protocols ([`Family`](viewless_protocols::nonlinear::Family)) trades range for cost. Of each site whose protocol is one, the smallest and the largest number that
//! texts bring there in plaintext are taken, widened by a slack, and the member for that interval is put there. What is promised so is a claim
//! like any other: each run checks it, and a text that leaves it is told.

use super::plaintext::{Seen, sites};
use super::{LeftOut, Line, Privately, SitesError, SitesReport, usable};
use crate::price::Price;
use crate::{Progress, Sizes, Subject};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use viewless_models::Model;
use viewless_protocols::nonlinear::family::{Quantity, of_member};
use viewless_protocols::nonlinear::{Protocol, Registry};
use viewless_protocols::plain::plain;
use viewless_protocols::program::Schedule;
use viewless_protocols::suite::{Suite, SuiteError};

/// Slacks that are taken.
pub const SLACKS: std::ops::RangeInclusive<f64> = 0.0..=4.0;

/// What is to be calibrated, and on what.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The model.
    pub model: &'a Model,
    /// The suite to begin with.
    pub suite: &'a Suite,
    /// Where its protocols are found.
    pub registry: &'a Registry,
    /// The texts.
    pub lines: &'a [Line<'a>],
    /// What the suite is to be called.
    pub name: &'a str,
    /// How far beyond what is seen a site reaches: each end of an interval moves by this part of its half, a variance by the square of 1 and this.
    pub slack: f64,
}

/// A site that was calibrated.
#[derive(Debug, Clone, Serialize)]
pub struct CalibratedSite {
    /// Where: `layer.0/gelu`.
    pub site: String,
    /// The member that stands there now.
    pub protocol: String,
    /// Of what the numbers below are.
    pub quantity: String,
    /// Smallest and largest that texts brought there.
    pub seen: (f64, f64),
    /// What is claimed now.
    pub claimed: (f64, f64),
}

/// A site that keeps its protocol.
#[derive(Debug, Clone, Serialize)]
pub struct KeptSite {
    /// Where.
    pub site: String,
    /// The protocol.
    pub protocol: String,
    /// Why.
    pub why: String,
}

/// What was calibrated, and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Calibration {
    /// Directory of the model.
    pub model: String,
    /// The suite that it began with.
    pub begun_with: String,
    /// Part by which intervals reach beyond what was seen.
    pub slack: f64,
    /// Texts, and their tokens in all.
    pub texts: usize,
    /// Tokens of all texts.
    pub tokens: usize,
    /// Tokens of the longest text.
    pub longest: usize,
    /// Texts that the model cannot take.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Sites with a member of a family.
    pub sites: Vec<CalibratedSite>,
    /// The others.
    pub kept: Vec<KeptSite>,
    /// What an inference of the longest text costs under the suite that it began with, and under this one.
    pub prices: [Price; 2],
    /// Sites that leave their domains on these very texts under the new suite: of protocols that are no family, or none of whose members is wide enough.
    pub outside: Vec<String>,
    /// The suite.
    pub suite: Suite,
}

impl Calibration {
    /// Calibrates. `seeing` is told how many texts the model was run on, and then `checking` on how many the new suite was tried.
    ///
    /// # Errors
    /// [`SitesError`]: a suite without a family, no text that the model can take, a slack that is none.
    pub fn new(request: &Request<'_>, seeing: Progress<'_>, checking: Progress<'_>) -> Result<Self, SitesError> {
        let &Request { model, suite, registry, lines, slack, name } = request;
        if Suite::names().any(|built_in| built_in == name) {
            return Err(SuiteError::NameTaken { name: name.to_owned() }.into());
        }
        if !SLACKS.contains(&slack) {
            return Err(SitesError::Slack { slack: slack.to_string() });
        }
        // What an earlier calibration put at sites does not count; what somebody else did does.
        let mut suite = suite.clone();
        suite.sites.retain(|_, name| of_member(name).is_none());
        let protocols = suite.model(registry)?.protocols;
        let needed = model.config.functions();
        if !protocols.iter().any(|protocol| protocol.family.is_some() && needed.contains(&protocol.card.function)) {
            return Err(SitesError::NoFamily { suite: suite.name });
        }
        let (texts, left_out) = usable(model, lines)?;
        let mut found: Vec<(String, Found)> = Vec::new();
        let (mut tokens, mut longest) = (0, 0);
        for (done, line) in texts.iter().enumerate() {
            seeing(done, texts.len());
            let length = model.encode(line.text)?.len();
            (tokens, longest) = (tokens + length, longest.max(length));
            for seen in sites(model, &protocols, line.text)? {
                match found.iter_mut().find(|(name, _)| *name == seen.name) {
                    Some((_, known)) => known.widen(&seen, model),
                    None => found.push((seen.name.clone(), Found::of(&seen, model))),
                }
            }
        }
        let mut fitted = named(name, &suite, model, texts.len(), slack);
        let (mut calibrated, mut kept) = (Vec::new(), Vec::new());
        for (site, found) in found {
            match found.member(&site, slack) {
                Ok(member) => {
                    fitted.sites.insert(site, member.protocol.clone());
                    calibrated.push(member);
                }
                Err(why) => {
                    // For each site of a function, or for none.
                    if found.protocol.family.is_some() {
                        fitted.sites.insert(site.clone(), found.protocol.card.name.clone());
                    }
                    kept.push(KeptSite { site, protocol: found.protocol.title(), why });
                }
            }
        }
        let subject = Subject::of_model(&model.directory.display().to_string(), model.config.clone(), registry);
        let price = |suite: &Suite| -> Result<Price, SitesError> {
            let program = subject.program(suite, Sizes::new(longest, 1)?)?;
            Ok(Price::of(suite.name.clone(), &program, registry, Schedule::Asap, &[]))
        };
        let prices = [price(&suite)?, price(&fitted)?];
        let none = Privately { texts: Some(0), seed: 0 };
        let held = SitesReport::new(model, &fitted, registry, &texts, none, checking, &|_, _| ())?;
        let outside = held.sites.into_iter().filter(|site| site.outside > 0);
        Ok(Self {
            model: subject.name,
            begun_with: suite.name,
            slack,
            texts: texts.len(),
            tokens,
            longest,
            left_out,
            sites: calibrated,
            kept,
            prices,
            outside: outside.map(|site| site.site).collect(),
            suite: fitted,
        })
    }

    /// Whether every text was taken and every site stays in its domain on them.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.left_out.is_empty() && self.outside.is_empty()
    }
}

/// The suite under a name of its own.
fn named(name: &str, suite: &Suite, model: &Model, texts: usize, slack: f64) -> Suite {
    let of = Path::new(&model.directory).file_name().map_or_else(String::new, |name| plain(&name.to_string_lossy()));
    let texts = if texts == 1 { "one text".to_owned() } else { format!("{texts} texts") };
    let mut fitted = suite.clone();
    fitted.name = plain(name);
    fitted.summary = format!("{} with the numbers of {of} on {texts}, and a slack of {slack}", suite.name);
    fitted
}

/// What texts brought to a site.
struct Found {
    protocol: Arc<Protocol>,
    is_variance: bool,
    seen: (f64, f64),
}

impl Found {
    fn of(seen: &Seen, model: &Model) -> Self {
        let mut found = Self {
            protocol: Arc::clone(&seen.protocol),
            is_variance: seen.protocol.family.is_some_and(|family| family.of == Quantity::Variance),
            seen: (f64::INFINITY, f64::NEG_INFINITY),
        };
        found.widen(seen, model);
        found
    }

    fn widen(&mut self, seen: &Seen, model: &Model) {
        let mut take = |x: f64| self.seen = (self.seen.0.min(x), self.seen.1.max(x));
        if self.is_variance {
            // What a root is taken of.
            let taken = |row: &[f64]| variance(row) + model.config.layer_norm_epsilon;
            seen.rows.chunks(seen.columns).map(taken).for_each(&mut take);
        } else {
            seen.rows.iter().copied().for_each(&mut take);
        }
    }

    /// The member of its family for what was found, with slack; or why there is none.
    fn member(&self, site: &str, slack: f64) -> Result<CalibratedSite, String> {
        let family = self.protocol.family.ok_or_else(|| "it is no family".to_owned())?;
        let (widest_low, widest_high) = family.widest;
        let (low, high) = self.widened(slack);
        let ends = (outward(low, false).max(widest_low), outward(high, true).min(widest_high));
        let member = self.protocol.on(ends).map_err(|error| error.to_string())?;
        Ok(CalibratedSite {
            site: site.to_owned(),
            protocol: member.card.name.clone(),
            quantity: family.of.to_string(),
            seen: self.seen,
            claimed: ends,
        })
    }

    /// With slack: a positive quantity by a factor, another by a part of its interval.
    fn widened(&self, slack: f64) -> (f64, f64) {
        let (low, high) = self.seen;
        if self.is_variance {
            let factor = (1.0 + slack) * (1.0 + slack);
            return (low / factor, high * factor);
        }
        let by = slack * (high - low) / 2.0;
        (low - by, high + by)
    }
}

fn variance(row: &[f64]) -> f64 {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n
}

/// A number with three digits that is not below, or not above, another one: ends are written in names.
fn outward(x: f64, up: bool) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let exponent = x.abs().log10().floor() as i32 - 2;
    let mut digits = (x / 10f64.powi(exponent)).round() as i64;
    let number = |digits: i64| format!("{digits}e{exponent}").parse().unwrap_or(x);
    // The nearest, or its neighbour on the side that is asked for.
    let is_beyond = |y: f64| if up { y >= x } else { y <= x };
    if !is_beyond(number(digits)) {
        digits += if up { 1 } else { -1 };
    }
    number(digits)
}
