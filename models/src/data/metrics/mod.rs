//! How good answers are: GLUE's metrics, each with an interval.
//!
//! Intervals have a confidence of 95 %. A share of rows has Wilson's interval (1927), a correlation Fisher's z; for ranks its variance is Bonett and
//! Wright's (2000). F1 and Matthews' coefficient have no such form: theirs is between the quantiles of a seeded bootstrap over rows. What is not
//! defined, such as a correlation with answers that are all the same, is said ([`Undefined`]), and never a NaN.

mod bootstrap;
mod classes;
mod numbers;

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

pub use classes::{accuracy, accuracy_difference, f1, matthews, wilson};
pub use numbers::{pearson, spearman};

/// The quantile of the normal distribution for an interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// What answers are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The share of rows whose class is right.
    Accuracy,
    /// The harmonic mean of precision and recall of class 1.
    F1,
    /// Matthews' correlation coefficient, of any number of classes (Gorodkin 2004).
    Matthews,
    /// The correlation of numbers.
    Pearson,
    /// The correlation of their ranks; equal numbers have the mean of their ranks.
    Spearman,
}

impl Metric {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::F1 => "F1",
            Self::Matthews => "Matthews",
            Self::Pearson => "Pearson",
            Self::Spearman => "Spearman",
        }
    }

    /// Of rows of classes, right and answered; nothing if the metric is one of numbers.
    #[must_use]
    pub fn of_classes(self, rows: &[(usize, usize)]) -> Option<Result<Estimate, Undefined>> {
        match self {
            Self::Accuracy => Some(accuracy(rows)),
            Self::F1 => Some(f1(rows)),
            Self::Matthews => Some(matthews(rows)),
            Self::Pearson | Self::Spearman => None,
        }
    }

    /// Of rows of finite numbers, right and answered; nothing if the metric is one of classes.
    #[must_use]
    pub fn of_numbers(self, rows: &[(f64, f64)]) -> Option<Result<Estimate, Undefined>> {
        match self {
            Self::Pearson => Some(pearson(rows)),
            Self::Spearman => Some(spearman(rows)),
            Self::Accuracy | Self::F1 | Self::Matthews => None,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A metric of a sample of rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Its value on these rows.
    pub value: f64,
    /// Ends of the interval of 95 % for its value on all rows that these are a sample of; absent where so few rows have none.
    pub interval: Option<(f64, f64)>,
}

/// Why a metric has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undefined {
    /// There is nothing to be judged.
    #[error("there are no rows")]
    NoRows,
    /// All answers are the same.
    #[error("all answers are the same")]
    ConstantAnswers,
    /// All labels are the same.
    #[error("all labels are the same")]
    ConstantLabels,
    /// Neither a label nor an answer is class 1.
    #[error("no label and no answer is class 1")]
    NoPositives,
    /// The numbers are too large or too small for a correlation to be computed.
    #[error("the numbers are too large or too close together to be correlated")]
    OutOfRange,
}

#[cfg(test)]
mod tests;
