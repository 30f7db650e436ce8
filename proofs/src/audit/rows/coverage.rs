//! Which rows a certificate is about: the claims on the way, who makes them, and how far rows reach.
//!
//! A protocol is made of parts, and each part claims a domain for what reaches it. A certificate holds where all of these claims hold, so its
//! domain is their intersection, which may be smaller than the domain on the card. A row that keeps the card's domain and leaves that of a part
//! is *not covered*: it is counted, shown, and keeps the verdict from being that the claim holds.

use crate::audit::Question;
use crate::bound::reduce::ClaimUsed;
use crate::bound::{Cell, Tape, TapeClaim};
use serde::{Deserialize, Serialize};
use viewless_protocols::nonlinear::Interval;

/// What a claim is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimSubject {
    /// The elements of the row.
    Elements,
    /// The elements less what is taken from all of them, the largest or the mean.
    ShiftedElements,
    /// Something that the whole row has one of: a sum, or what is made of it.
    Row,
}

impl ClaimSubject {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Elements => "the elements",
            Self::ShiftedElements => "the elements less the largest or the mean",
            Self::Row => "the row's sum, or what is made of it",
        }
    }
}

/// A claim by which the rows of a certificate are restricted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoveredClaim {
    /// The claiming protocol, as the path of its region.
    pub protocol: String,
    /// What it is about.
    pub subject: ClaimSubject,
    /// The interval claimed.
    pub claimed: (f64, f64),
    /// Ends of an interval that contains what rows reach: for the card's own claims all rows of the range, for those of parts all that keep the
    /// card's.
    pub reach: (f64, f64),
    /// Whether it is the domain on the card, or claimed beside it by the protocol itself.
    pub of_card: bool,
    /// Whether no row can leave it.
    pub is_kept: bool,
}

/// Cells of numbers overhang what they cover: so much of an interval is no reason to call a claim left.
const OVERHANG: f64 = 1e-6;

impl CoveredClaim {
    pub(super) fn new(claim: &TapeClaim, subject: ClaimSubject, reach: (f64, f64), of_card: bool) -> Self {
        let (low, high) = (claim.low, claim.high);
        let slack = OVERHANG * low.abs().max(high.abs());
        let is_kept = reach.0 >= low - slack && reach.1 <= high + slack;
        Self { protocol: claim.region.clone(), subject, claimed: (low, high), reach, of_card, is_kept }
    }
}

/// The claims of a circuit, and which of them restrict the rows of a certificate.
pub(super) struct Claims<'a> {
    tape: &'a Tape,
    /// For each claim whether it is the protocol's own.
    pub(super) own: Vec<bool>,
    /// Those that restrict the rows.
    pub(super) covered: Vec<CoveredClaim>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(tape: &'a Tape, question: &Question<'_>, length: usize) -> Self {
        let card = &question.protocol.card;
        let claims = tape.claims.iter().map(|claim| (claim.region.as_str(), (claim.low, claim.high)));
        let own = of_card(&card.name, &card.interval.at(length), claims);
        Self { tape, own, covered: Vec::new() }
    }

    /// The numbers of a cell, counted in units, of which all claims can hold; `None` where there are none. The card's own come first, so that parts are held to
    /// what these leave.
    pub(super) fn restrict(
        &mut self,
        cell: Cell,
        unit: f64,
        claims: &[ClaimUsed],
        subject: ClaimSubject,
    ) -> Option<Cell> {
        let (mut ordered, rest): (Vec<ClaimUsed>, Vec<ClaimUsed>) =
            claims.iter().partition(|used| self.own[used.position]);
        ordered.extend(rest);
        ordered.iter().try_fold(cell, |cell, used| {
            let reach = (cell.low as f64 * unit + used.offset, cell.high as f64 * unit + used.offset);
            let claim = &self.tape.claims[used.position];
            self.covered.push(CoveredClaim::new(claim, subject, reach, self.own[used.position]));
            let (low, high) =
                ((used.low / unit).ceil().max(cell.low as f64), (used.high / unit).floor().min(cell.high as f64));
            (low <= high).then_some(Cell { low: low as i64, high: high as i64 })
        })
    }

    /// Those that restrict the rows, the card's own first.
    pub(super) fn sorted(mut self) -> Vec<CoveredClaim> {
        self.covered.sort_by_key(|claim| !claim.of_card);
        self.covered
    }
}

/// For each claim, by region and interval, whether it is the protocol's own. The protocol's own are those that its region makes itself; where none of
/// them states the domain on the card, the card speaks for a part, and the part's claims of that interval are its own too.
pub(in crate::audit) fn of_card<'c>(
    name: &str,
    domain: &Interval,
    claims: impl Iterator<Item = (&'c str, (f64, f64))> + Clone,
) -> Vec<bool> {
    let states = |(low, high): (f64, f64)| low == domain.low && high == domain.high;
    let is_stated = claims.clone().any(|(region, interval)| region == name && states(interval));
    claims.map(|(region, interval)| region == name || (!is_stated && states(interval))).collect()
}

/// Rows that were tried and are not covered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NotCovered {
    /// How many.
    pub rows: u64,
    /// The worst of them.
    pub row: Vec<f64>,
    /// The largest error that runs on it showed; infinite where an output was no number.
    pub observed_error: f64,
}
