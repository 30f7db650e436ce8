//! Protocols of one function side by side: certified error, cost, privacy and domain of each under one suite's scheme, and which of
//! them no other beats.

use crate::bill::{ASSUMED_MAGNITUDE, Price};
use crate::error_audit::{ROW_RANGE, is_of_rows, question};
use crate::privacy::Privacy;
use crate::sizes::Sizes;
use crate::subject::{Subject, SubjectError};
use rayon::prelude::*;
use serde::Serialize;
use viewless_proofs::audit::{self, ClaimVerdict, Question};
use viewless_protocols::model::BY_FUNCTION;
use viewless_protocols::nonlinear::{Failing, Protocol, Quality};
use viewless_protocols::program::Phase;
use viewless_protocols::program::{self, Schedule};
use viewless_protocols::suite::Suite;
use viewless_simulator::failure;
use viewless_simulator::network::Network;

/// Variants side by side.
#[derive(Debug, Clone, Serialize)]
pub struct VariantComparison {
    /// Name of the suite whose scheme and fixed point are used.
    pub suite: String,
    /// Fraction bits of the fixed point.
    pub fraction_bits: u8,
    /// Elements of a row.
    pub seq: usize,
    /// Rows.
    pub batch: usize,
    /// How rounds were formed.
    pub schedule: Schedule,
    /// Networks of the predicted times.
    pub networks: Vec<Network>,
    /// One entry for each protocol.
    pub variants: Vec<Variant>,
}

/// What is known of one protocol.
#[derive(Debug, Clone, Serialize)]
pub struct Variant {
    /// Its name, behind which the file stands that it was read from, if it was.
    pub name: String,
    /// What it computes.
    pub function: String,
    /// Ours, as printed, as coded, ...
    pub reading: String,
    /// Paper or code.
    pub source: String,
    /// What the interval is of.
    pub interval_of: String,
    /// The interval on which its card says that it works.
    pub interval: (f64, f64),
    /// Largest error of any run that does not wrap, on any input of that interval (for rows: of elements in the usual range, too); absent
    /// where no finite bound is known.
    pub certified_max_error: Option<f64>,
    /// Whether the card's claim is true over the reals: `holds`, `exceeds` or `undecided`; absent for rows, which `audit` decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimVerdict>,
    /// Why it is not the function that a model has in this place, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_right: Option<String>,
    /// What could not be found out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Online bits among the computing parties for each element.
    pub bits_online_per_element: f64,
    /// Setup and offline bits over all links for each element.
    pub bits_before_per_element: f64,
    /// What it costs, in one line.
    #[serde(flatten)]
    pub price: Price,
    /// Verdicts about every single party's view.
    pub privacy: Privacy,
    /// A protocol that is at least as good in certified error, online bits, rounds and interval, and better in one; absent where there is
    /// none, which is what makes a protocol one to choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beaten_by: Option<String>,
    /// Elements of a row.
    #[serde(skip)]
    row_length: usize,
}

/// What a row's spread is measured by, on the cards of layer normalisations.
const SUM_OF_SQUARES: &str = "the sum of squares of the centred row";
const VARIANCE: &str = "the variance of the row";
const SAMPLE_VARIANCE: &str = "the variance of the row with divisor n - 1";

impl VariantComparison {
    /// Counts, certifies and proves each protocol alone, on `sizes` elements.
    ///
    /// # Errors
    /// A subject that is a model, sizes that cannot be counted, numbers that do not fit the suite's fixed point.
    pub fn new(protocols: &[Subject], suite: &Suite, sizes: Sizes, schedule: Schedule) -> Result<Self, SubjectError> {
        let networks = vec![Network::lan(), Network::wan()];
        let variant = |subject: &Subject| Variant::new(subject, suite, sizes, schedule, &networks);
        let mut variants = protocols.par_iter().map(variant).collect::<Result<Vec<_>, _>>()?;
        let beaten: Vec<Option<String>> = variants
            .iter()
            .map(|one| variants.iter().find(|other| other.beats(one)).map(|other| other.name.clone()))
            .collect();
        for (variant, beaten_by) in variants.iter_mut().zip(beaten) {
            variant.beaten_by = beaten_by;
        }
        Ok(Self {
            suite: suite.name.clone(),
            fraction_bits: suite.fixed().fraction_bits(),
            seq: sizes.seq(),
            batch: sizes.batch(),
            schedule,
            networks,
            variants,
        })
    }
}

impl Variant {
    fn new(
        subject: &Subject,
        suite: &Suite,
        sizes: Sizes,
        schedule: Schedule,
        networks: &[Network],
    ) -> Result<Self, SubjectError> {
        let protocol = subject.protocol()?;
        let program = subject.program(suite, sizes)?;
        let networks: Vec<&Network> = networks.iter().collect();
        let bill = program::bill(&program, schedule, BY_FUNCTION);
        let failure = failure::predict(&program, &subject.registry, ASSUMED_MAGNITUDE);
        let price = Price::counted(suite.name.clone(), &bill, &failure, &networks);
        let elements = (sizes.seq() * sizes.batch()) as f64;
        let bits = |bytes: u64| bytes as f64 * 8.0 / elements;
        let card = &protocol.card;
        let interval = card.interval.at(sizes.seq());
        let error = ErrorFound::of(protocol, suite, sizes.seq());
        let not_right = |failing: &&Failing| failing.quality == Quality::Right;
        Ok(Self {
            name: match subject.text {
                Some(_) => format!("{} ({})", card.name, subject.name),
                None => card.name.to_string(),
            },
            function: card.function.to_string(),
            reading: card.reading.to_string(),
            source: card.source.to_string(),
            interval_of: interval.of.to_string(),
            interval: (interval.low, interval.high),
            certified_max_error: error.certified,
            claim: error.claim,
            not_right: card.fails.iter().find(not_right).map(|failing| failing.why.to_string()),
            notes: error.notes,
            bits_online_per_element: bits(bill.phases[&Phase::Online].bytes_between_computing_parties),
            bits_before_per_element: bits(price.bytes_setup + price.bytes_offline),
            price,
            privacy: Privacy::of(&program),
            beaten_by: None,
            row_length: sizes.seq(),
        })
    }

    /// The interval as one of a quantity that others have, too: a variance is a sum of squares over its divisor.
    fn comparable(&self) -> (&str, (f64, f64)) {
        let length = self.row_length as f64;
        let divisor = match self.interval_of.as_str() {
            VARIANCE => length,
            SAMPLE_VARIANCE => length - 1.0,
            other => return (other, self.interval),
        };
        (SUM_OF_SQUARES, (self.interval.0 * divisor, self.interval.1 * divisor))
    }

    /// Whether this protocol is at least as good as another in all that is compared, and better in something. Whoever is not right or
    /// not private, or has no certified error, beats nobody; protocols of different functions are not compared.
    #[must_use]
    pub fn beats(&self, other: &Self) -> bool {
        let Some(error) = self.certified_max_error.filter(|_| self.not_right.is_none() && self.privacy.is_proved())
        else {
            return false;
        };
        let ((quantity, interval), (their_quantity, their_interval)) = (self.comparable(), other.comparable());
        if self.function != other.function || quantity != their_quantity {
            return false;
        }
        let theirs = other.certified_max_error.unwrap_or(f64::INFINITY);
        let ((low, high), (their_low, their_high)) = (interval, their_interval);
        let rounds = (self.price.rounds_online, other.price.rounds_online);
        let bits = (self.bits_online_per_element, other.bits_online_per_element);
        let no_worse =
            error <= theirs && bits.0 <= bits.1 && rounds.0 <= rounds.1 && low <= their_low && high >= their_high;
        let better = error < theirs || bits.0 < bits.1 || rounds.0 < rounds.1 || low < their_low || high > their_high;
        no_worse && better
    }
}

/// The certified error of a protocol, and what is to be said where there is none.
struct ErrorFound {
    certified: Option<f64>,
    claim: Option<ClaimVerdict>,
    notes: Vec<String>,
}

impl ErrorFound {
    /// Under a suite's scheme and fixed point. What cannot be certified is a note: the others are compared all the same.
    fn of(protocol: &Protocol, suite: &Suite, row_length: usize) -> Self {
        // One run is enough: the certified part covers all inputs.
        let question = Question { samples: 1, ..question(protocol, suite) };
        let found = if is_of_rows(protocol) {
            audit::rows::certified_max_error(&question, row_length, ROW_RANGE).map(|certified| (certified, None))
        } else {
            audit::audit(&question).map(|report| (report.certified_max_error, Some(report.verdict)))
        };
        match found {
            Ok((certified, claim)) => Self { certified, claim, notes: Vec::new() },
            Err(error) => Self { certified: None, claim: None, notes: vec![format!("no certified error: {error}")] },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::nonlinear::{Function, Registry};

    fn compared(names: &[&str]) -> VariantComparison {
        let protocols: Vec<Subject> =
            names.iter().map(|name| Subject::find(name, Registry::built_in()).unwrap()).collect();
        let suite = Suite::built_in("faithful").unwrap();
        let sizes = Sizes::new(16, 2).unwrap();
        VariantComparison::new(&protocols, &suite, sizes, Schedule::Asap).unwrap()
    }

    #[test]
    fn nobody_beats_itself_and_to_be_beaten_is_to_be_worse_in_something() {
        let registry = Registry::built_in();
        let names: Vec<&str> = registry.of(&Function::TANH).map(|protocol| protocol.card.name.as_ref()).collect();
        let found = compared(&names);
        assert_eq!(found.variants.len(), names.len());
        for one in &found.variants {
            assert!(!one.beats(one), "{}", one.name);
            for other in &found.variants {
                assert!(!(one.beats(other) && other.beats(one)), "{} and {}", one.name, other.name);
            }
        }
        // Somebody is best, and who is beaten is beaten by somebody of the table.
        assert!(found.variants.iter().any(|variant| variant.beaten_by.is_none()));
        for beaten in found.variants.iter().filter_map(|variant| variant.beaten_by.as_ref()) {
            assert!(names.contains(&beaten.as_str()));
        }
    }

    /// A sample variance of [0.1, 150] in rows of 16 is a sum of squares of [1.5, 2250], within [1/64, 2^20].
    #[test]
    fn intervals_of_a_variance_and_of_a_sum_of_squares_are_compared() {
        let found = compared(&["layernorm/crypten", "layernorm/normalized", "layernorm/puma"]);
        let quantities: Vec<&str> = found.variants.iter().map(|one| one.interval_of.as_str()).collect();
        assert_eq!(quantities, [SAMPLE_VARIANCE, SUM_OF_SQUARES, VARIANCE], "the cards say it in these words");
        let (quantity, (low, high)) = found.variants[0].comparable();
        assert_eq!((quantity, high), (SUM_OF_SQUARES, 2250.0));
        assert!((low - 1.5).abs() < 1e-12, "{low}");
        assert_eq!(found.variants[0].beaten_by.as_deref(), Some("layernorm/normalized"));
        assert!(found.variants[1].beaten_by.is_none());
    }

    #[test]
    fn what_is_not_right_beats_nobody() {
        let found = compared(&["gelu/quad", "gelu/cosine"]);
        assert!(found.variants[0].not_right.is_some() && found.variants[0].privacy.is_proved());
        assert!(found.variants[1].beaten_by.is_none());
        assert!(found.variants[0].price.bytes_online < found.variants[1].price.bytes_online);
    }

    #[test]
    fn a_protocol_file_stands_beside_its_built_in_twin_with_the_same_figures() {
        let found = compared(&["gelu/bolt", "../protocols/examples/bolt.protocol"]);
        let [twin, file] = &found.variants[..] else { panic!("two of them") };
        assert_eq!(file.name, "gelu/bolt (../protocols/examples/bolt.protocol)");
        let figures = |one: &Variant| (one.certified_max_error, one.bits_online_per_element, one.price.rounds_online);
        assert_eq!(figures(file), figures(twin));
        assert!(file.privacy.is_proved() && !file.beats(twin) && !twin.beats(file));
    }
}
