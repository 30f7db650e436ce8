//! Whether an answer is the model's: what speaks against it, in sentences.

use crate::answer::Answer;
use viewless_protocols::decimal;
use viewless_protocols::model::{Activation, AttentionWeights, TransformerConfig};
use viewless_protocols::nonlinear::{Function, Truth};
use viewless_protocols::suite::{MissingProtocol, Protocols, Suite};

/// An answer whose numbers are all smaller than so many units of the fixed point says little.
const UNITS: f64 = 32.0;

/// What 2Quad adds to each score.
const TWO_QUAD_SHIFT: f64 = 5.0;

/// What speaks against a private answer: another label, an error as large as the answer, numbers too small for the fixed point.
#[must_use]
pub fn doubts(private: &Answer, plaintext: &Answer, max_abs_error: f64, suite: &Suite) -> Vec<String> {
    let mut doubts = Vec::new();
    if private.label() != plaintext.label() {
        let [private, plaintext] = [private, plaintext].map(|answer| answer.label().unwrap_or("none"));
        doubts.push(format!("the label is {private}, and that of plaintext is {plaintext}"));
    }
    if private.labels() != plaintext.labels() {
        let [private, plaintext] = [private, plaintext].map(|answer| answer.labels().unwrap_or_default().join(", "));
        doubts.push(format!("the labels are [{private}], and those of plaintext are [{plaintext}]"));
    }
    doubts.extend(doubt_of_numbers(plaintext.values(), max_abs_error, suite));
    doubts
}

/// What speaks against private numbers: too few bits for them, or an error as large as they are.
#[must_use]
pub fn doubt_of_numbers(plaintext: &[f64], max_abs_error: f64, suite: &Suite) -> Option<String> {
    let largest = plaintext.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let unit = (-f64::from(suite.fixed().fraction_bits())).exp2();
    if largest > 0.0 && largest < UNITS * unit {
        Some(format!(
            "the numbers of the answer are at most {}, and a unit of {} fraction bits is {}: too few bits for them",
            decimal::at_most(largest, 1),
            suite.fixed().fraction_bits(),
            decimal::scientific(unit, 1)
        ))
    } else if largest > 0.0 && max_abs_error > largest / 2.0 {
        Some(format!(
            "the error, {}, is more than half of the largest number of the answer, {}",
            decimal::scientific(max_abs_error, 1),
            decimal::scientific(largest, 1)
        ))
    } else {
        None
    }
}

/// What the plaintext pass may err by itself, as a part of its largest number or of 1: it is made in float32, with 24 bits, and sums of a few
/// hundred numbers lose a few more.
const FLOAT32: f64 = 1e-5;

/// An error that no run can have whose claims hold.
#[must_use]
pub fn beyond_certified(plaintext: &Answer, max_abs_error: f64, certified: Option<f64>) -> Option<String> {
    let largest = plaintext.values().iter().fold(1.0, |most: f64, x| most.max(x.abs()));
    let bound = certified.filter(|bound| max_abs_error.is_nan() || max_abs_error > bound + FLOAT32 * largest)?;
    Some(format!(
        "the error, {}, is more than what is certified for this text, {}, and what float32 may err in plaintext",
        decimal::scientific(max_abs_error, 1),
        decimal::at_most(bound, 1)
    ))
}

/// The functions that the protocols of a suite compute in the place of the model's own, in sentences; none of a suite for the model.
///
/// The two forms of GeLU count as one function here: they differ by up to 4.7e-4, which a note says.
///
/// # Errors
/// A function that the suite names no protocol for.
pub fn other_functions(config: &TransformerConfig, protocols: &Protocols) -> Result<Vec<String>, MissingProtocol> {
    let mut others = Vec::new();
    let softmax = &protocols.get(&Function::SOFTMAX)?.card;
    let same = match (config.attention_weights, softmax.error.truth) {
        (AttentionWeights::Softmax, truth) => truth == Truth::Softmax,
        (AttentionWeights::TwoQuad, truth) => truth == Truth::TwoQuad { shift: TWO_QUAD_SHIFT },
        (AttentionWeights::TwoRelu, truth) => truth == Truth::TwoRelu,
    };
    if !same {
        let own = match config.attention_weights {
            AttentionWeights::Softmax => "softmax",
            AttentionWeights::TwoQuad => "2Quad, (x + 5)^2 over its row sum",
            AttentionWeights::TwoRelu => "2ReLU, max(x, 0) over its row sum",
        };
        others.push(format!("the model weighs scores by {own}, and {} computes another function", softmax.name));
    }
    if config.activation.is_gelu() {
        let gelu = &protocols.get(&Function::GELU)?.card;
        let is_quad = gelu.name.starts_with("gelu/quad");
        if is_quad != (config.activation == Activation::Quad) {
            let own = if config.activation == Activation::Quad { "Quad, x^2/8 + x/4 + 1/2" } else { "GeLU" };
            others.push(format!("the model's activation is {own}, and {} computes another function", gelu.name));
        }
    }
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{AnswerNumbers, Decided};
    use viewless_protocols::model::TransformerDraft;
    use viewless_protocols::nonlinear::Registry;

    #[test]
    fn a_suite_for_distilled_models_is_another_function_for_others_and_the_reverse() {
        let others = |config: &TransformerConfig, suite: &str| {
            let suite = Suite::built_in(suite).unwrap();
            other_functions(config, &suite.resolve(Registry::built_in()).unwrap()).unwrap().len()
        };
        let trained = TransformerConfig::bert_base();
        let weights = AttentionWeights::TwoQuad;
        let secformer =
            TransformerDraft { attention_weights: weights, ..TransformerConfig::bert_base().draft() }.check().unwrap();
        let mpcformer = TransformerDraft { activation: Activation::Quad, ..secformer.draft() }.check().unwrap();
        assert_eq!(
            [others(&trained, "faithful"), others(&trained, "secformer"), others(&trained, "mpcformer")],
            [0, 1, 2]
        );
        assert_eq!([others(&secformer, "faithful"), others(&secformer, "secformer")], [1, 0]);
        assert_eq!([others(&mpcformer, "faithful"), others(&mpcformer, "mpcformer")], [2, 0]);
    }

    #[test]
    fn another_label_a_large_error_and_small_numbers_are_doubts() {
        let suite = Suite::built_in("faithful").unwrap();
        let answer = |values: &[f64], label: &str| Answer {
            numbers: AnswerNumbers::Logits(values.to_vec()),
            normalised: None,
            decided: Some(Decided::Label(label.to_owned())),
        };
        let found = |private: &Answer, plain: &Answer, error| doubts(private, plain, error, &suite);
        let plain = answer(&[1.0, -1.0], "a");
        assert!(found(&plain, &plain, 1e-4).is_empty());
        assert!(found(&answer(&[1.0, 1.5], "b"), &plain, 1e-4)[0].contains("plaintext is a"));
        assert!(found(&plain, &plain, 0.6)[0].contains("half"));
        assert!(beyond_certified(&plain, 2e-4, Some(1e-4)).is_some_and(|doubt| doubt.contains("certified")));
        assert_eq!([beyond_certified(&plain, 9e-5, Some(1e-4)), beyond_certified(&plain, 9e-5, None)], [None, None]);
        let small = answer(&[5e-6, -5e-6], "a");
        assert!(found(&small, &small, 0.0)[0].contains("too few bits"));
    }
}
