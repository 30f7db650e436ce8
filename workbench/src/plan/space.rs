//! What a plan may choose from.

use super::PlanningError;
use serde::Serialize;
use viewless_protocols::scheme::{Comparison, SchemeKind, SchemeSpec, Sharing, Triples, Truncation, WeightsAmongThree};
use viewless_protocols::suite::FRACTION_BITS;

/// Choices of a scheme and of the fixed point; every combination that goes together is tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Space {
    kinds: Vec<SchemeKind>,
    truncations: Vec<Truncation>,
    comparisons: Vec<Comparison>,
    triples: Vec<Triples>,
    /// The client is a party of its own in every scheme of a space.
    weights: Vec<WeightsAmongThree>,
    fraction_bits: Vec<u8>,
}

/// Names of choices, as suites write them.
const WORDS: &str =
    "additive2, replicated3, local, exact, narrowing, spk, carry, fresh, fixed-weight, per-value, shared, server";

impl Space {
    /// The space in which each axis is narrowed to the words of it that are given. Without any: both schemes, both truncations in whole words
    /// (under narrowed rings few rows have certified errors), both comparisons, one mask for each weight (fresh ones never cost less online), and
    /// weights that are shared (in clear at a party they are another promise, which must be asked for).
    ///
    /// # Errors
    /// A word that is none; fraction bits that no suite can have.
    pub fn of_words(words: &[String], fraction_bits: &[u8]) -> Result<Self, PlanningError> {
        let mut space = Self {
            kinds: Vec::new(),
            truncations: Vec::new(),
            comparisons: Vec::new(),
            triples: Vec::new(),
            weights: Vec::new(),
            fraction_bits: fraction_bits.to_vec(),
        };
        for word in words {
            match word.as_str() {
                "additive2" => space.kinds.push(SchemeKind::Additive2),
                "replicated3" => space.kinds.push(SchemeKind::Replicated3),
                "local" => space.truncations.push(Truncation::Local),
                "narrowing" => space.truncations.push(Truncation::Narrowing),
                "exact" => space.truncations.push(Truncation::Exact),
                "spk" => space.comparisons.push(Comparison::Spk),
                "carry" => space.comparisons.push(Comparison::Carry),
                "fresh" => space.triples.push(Triples::Fresh),
                "per-value" => space.triples.push(Triples::PerValue),
                "fixed-weight" => space.triples.push(Triples::FixedWeight),
                "shared" => space.weights.push(WeightsAmongThree::Shared),
                "server" => space.weights.push(WeightsAmongThree::Server),
                "all" => {}
                _ => return Err(PlanningError::UnknownWord { word: word.clone(), known: WORDS.to_owned() }),
            }
        }
        default(&mut space.kinds, &[SchemeKind::Additive2, SchemeKind::Replicated3]);
        default(&mut space.truncations, &[Truncation::Exact, Truncation::Local]);
        default(&mut space.comparisons, &[Comparison::Carry, Comparison::Spk]);
        default(&mut space.triples, &[Triples::FixedWeight]);
        default(&mut space.weights, &[WeightsAmongThree::Shared]);
        default(&mut space.fraction_bits, &[16]);
        match space.fraction_bits.iter().find(|bits| !FRACTION_BITS.contains(*bits)) {
            Some(bits) => Err(PlanningError::EmptySpace { reason: format!("{bits} fraction bits; use 4 to 24") }),
            None => Ok(space),
        }
    }

    /// Every scheme of the space with every number of fraction bits.
    #[must_use]
    pub fn schemes(&self) -> Vec<(SchemeSpec, u8)> {
        let mut schemes = Vec::new();
        for &kind in &self.kinds {
            let sharings: Vec<Sharing> = match kind {
                SchemeKind::Additive2 => {
                    let of =
                        |&triples: &Triples| self.weights.iter().map(move |&w| Sharing::Additive2(triples, w.into()));
                    self.triples.iter().flat_map(of).collect()
                }
                SchemeKind::Replicated3 => self.weights.iter().copied().map(Sharing::Replicated3).collect(),
            };
            for &truncation in &self.truncations {
                for &comparison in &self.comparisons {
                    for &sharing in &sharings {
                        let scheme = SchemeSpec { sharing, truncation, comparison };
                        schemes.extend(self.fraction_bits.iter().map(|&bits| (scheme, bits)));
                    }
                }
            }
        }
        schemes
    }
}

/// What the axis has, each once, or all.
fn default<T: Copy + PartialEq>(axis: &mut Vec<T>, all: &[T]) {
    let mut known = Vec::new();
    axis.retain(|choice| {
        !known.contains(choice) && {
            known.push(*choice);
            true
        }
    });
    if axis.is_empty() {
        axis.extend_from_slice(all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_narrow_an_axis_and_others_are_refused() {
        let of =
            |words: &[&str]| Space::of_words(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), &[]);
        assert_eq!(of(&[]).unwrap().schemes().len(), 8);
        assert_eq!(of(&["additive2", "exact"]).unwrap().schemes().len(), 2);
        assert_eq!(of(&["additive2", "fresh", "fixed-weight"]).unwrap().schemes().len(), 8);
        // A choice that is given twice is one.
        assert_eq!(of(&["exact", "additive2", "exact"]).unwrap(), of(&["additive2", "exact"]).unwrap());
        assert_eq!(Space::of_words(&[], &[16, 20, 16]).unwrap(), Space::of_words(&[], &[16, 20]).unwrap());
        assert!(of(&["additve2"]).unwrap_err().to_string().contains("`additve2` names no choice"));
        assert!(Space::of_words(&[], &[40]).unwrap_err().to_string().contains("40 fraction bits"));
    }
}
