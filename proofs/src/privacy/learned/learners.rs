//! The classifiers: decision trees of a library, and parities of bits.
//!
//! Whatever they do, the judgement on held-out runs is exact; so they may be as greedy as they like.

use super::super::statistical::AssayError;
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::tree::decision_tree_classifier::{DecisionTreeClassifier, DecisionTreeClassifierParameters};

/// Runs as rows of bits, with labels.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    pub(super) bits: Vec<Vec<bool>>,
    pub(super) labels: Vec<bool>,
}

/// For each held-out row, how likely label 1 is, on some scale of the learner's own.
pub(super) type Scores = Vec<f64>;

/// Depth of a tree, and the fewest rows in a leaf.
const DEPTH: u16 = 16;
const FEWEST_IN_LEAF: usize = 4;

/// A decision tree (CART, by Gini impurity): sees whatever shows bit by bit, and what a few bits show together.
pub(super) fn tree(train: &Rows, held_out: &Rows) -> Result<Scores, AssayError> {
    let matrix = |rows: &Rows| {
        let numbers: Vec<Vec<u8>> =
            rows.bits.iter().map(|row| row.iter().map(|&bit| u8::from(bit)).collect()).collect();
        DenseMatrix::from_2d_vec(&numbers).map_err(failed)
    };
    let labels: Vec<u32> = train.labels.iter().map(|&label| u32::from(label)).collect();
    let parameters = DecisionTreeClassifierParameters {
        max_depth: Some(DEPTH),
        min_samples_leaf: FEWEST_IN_LEAF,
        min_samples_split: 2 * FEWEST_IN_LEAF,
        seed: Some(0),
        ..DecisionTreeClassifierParameters::default()
    };
    let tree = DecisionTreeClassifier::fit(&matrix(train)?, &labels, parameters).map_err(failed)?;
    let shares = tree.predict_proba(&matrix(held_out)?).map_err(failed)?;
    // Both labels occur in training, in this order.
    Ok((0..held_out.bits.len()).map(|row| *shares.get((row, 1))).collect())
}

fn failed(error: smartcore::error::Failed) -> AssayError {
    AssayError::Classifier { reason: error.to_string() }
}

/// An exclusive or of bits, or its complement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExclusiveOr {
    /// Positions of the bits in the row.
    pub(super) bits: Vec<usize>,
    pub(super) complement: bool,
}

impl ExclusiveOr {
    pub(super) fn scores(&self, held_out: &Rows) -> Scores {
        let of = |row: &Vec<bool>| self.bits.iter().fold(self.complement, |parity, &bit| parity ^ row[bit]);
        held_out.bits.iter().map(|row| f64::from(u8::from(of(row)))).collect()
    }
}

/// Bits of many rows in few words.
fn packed(bits: impl Iterator<Item = bool>) -> Vec<u64> {
    let bits: Vec<bool> = bits.collect();
    let word = |chunk: &[bool]| chunk.iter().rev().fold(0u64, |word, &bit| word << 1 | u64::from(bit));
    bits.chunks(64).map(word).collect()
}

/// Rows of so few bits are searched for exclusive ors of four of them, too.
const FEW_BITS: usize = 64;

/// Of all exclusive ors of one, two or three bits (four, where there are at most [`FEW_BITS`]), the one that agrees with the label most
/// often, or least.
pub(super) fn small_parity(train: &Rows) -> Option<ExclusiveOr> {
    let width = train.bits.first()?.len();
    let columns: Vec<Vec<u64>> = (0..width).map(|bit| packed(train.bits.iter().map(|row| row[bit]))).collect();
    let labels = packed(train.labels.iter().copied());
    let rows = train.labels.len() as i64;
    let xor = |a: &[u64], b: &[u64]| -> Vec<u64> { a.iter().zip(b).map(|(a, b)| a ^ b).collect() };
    let disagreements =
        |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| i64::from((a ^ b).count_ones())).sum::<i64>();
    let mut best: (i64, ExclusiveOr) = (0, ExclusiveOr { bits: Vec::new(), complement: false });
    let mut consider = |bits: &[usize], disagree: i64| {
        let lead = (rows - 2 * disagree).abs();
        if lead > best.0 {
            best = (lead, ExclusiveOr { bits: bits.to_vec(), complement: 2 * disagree > rows });
        }
    };
    for (i, column) in columns.iter().enumerate() {
        consider(&[i], disagreements(&labels, column));
    }
    for (i, column) in columns.iter().enumerate() {
        let first = xor(&labels, column);
        for (j, column) in columns.iter().enumerate().skip(i + 1) {
            consider(&[i, j], disagreements(&first, column));
        }
    }
    for (i, column) in columns.iter().enumerate() {
        let first = xor(&labels, column);
        for (j, column) in columns.iter().enumerate().skip(i + 1) {
            let second = xor(&first, column);
            for (k, column) in columns.iter().enumerate().skip(j + 1) {
                consider(&[i, j, k], disagreements(&second, column));
                if width <= FEW_BITS {
                    let third = xor(&second, column);
                    let rest = columns.iter().enumerate().skip(k + 1);
                    rest.for_each(|(l, column)| consider(&[i, j, k, l], disagreements(&third, column)));
                }
            }
        }
    }
    (best.0 > 0).then_some(best.1)
}

/// An exclusive or of any number of bits that equals the label in every training row, by elimination; none if there is none.
///
/// With 64 rows more than bits, a relation that holds by chance has probability 2^-64.
pub(super) fn exact_parity(train: &Rows) -> Option<ExclusiveOr> {
    let width = train.bits.first()?.len();
    // Each row: its bits, a one for the complement, the label.
    let row = |(bits, &label): (&Vec<bool>, &bool)| packed(bits.iter().copied().chain([true, label]));
    let mut rows: Vec<Vec<u64>> = train.bits.iter().zip(&train.labels).map(row).collect();
    let is_set = |row: &[u64], bit: usize| row[bit / 64] >> (bit % 64) & 1 == 1;
    let mut pivots: Vec<usize> = Vec::new();
    for bit in 0..=width {
        let done = pivots.len();
        let Some(found) = (done..rows.len()).find(|&row| is_set(&rows[row], bit)) else { continue };
        rows.swap(done, found);
        let pivot = rows[done].clone();
        for (i, row) in rows.iter_mut().enumerate() {
            if i != done && is_set(row, bit) {
                row.iter_mut().zip(&pivot).for_each(|(word, by)| *word ^= by);
            }
        }
        pivots.push(bit);
    }
    let label = width + 1;
    if rows[pivots.len()..].iter().any(|row| is_set(row, label)) {
        return None;
    }
    let mut taken: Vec<usize> =
        pivots.iter().zip(&rows).filter(|(_, row)| is_set(row, label)).map(|(&bit, _)| bit).collect();
    let complement = taken.last() == Some(&width);
    taken.truncate(taken.len() - usize::from(complement));
    Some(ExclusiveOr { bits: taken, complement })
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_simulator::stream::{Seed, StreamKey};

    fn rows(n: usize, width: usize, label: impl Fn(usize, &[bool]) -> bool) -> Rows {
        let mut words = vec![0; n * width];
        StreamKey::derive(&Seed::from_u64(5), 0).fill(0, &mut words);
        let bits: Vec<Vec<bool>> =
            words.chunks(width).map(|row| row.iter().map(|word| word & 1 == 1).collect()).collect();
        let labels = bits.iter().enumerate().map(|(i, row)| label(i, row)).collect();
        Rows { bits, labels }
    }

    #[test]
    fn elimination_finds_an_exclusive_or_of_any_number_of_bits() {
        for size in [0, 1, 3, 17, 40] {
            let train = rows(160, 64, |_, row| row[..size].iter().fold(true, |parity, bit| parity ^ bit));
            let found = exact_parity(&train).unwrap();
            assert_eq!(found, ExclusiveOr { bits: (0..size).collect(), complement: true });
        }
    }

    #[test]
    fn elimination_finds_nothing_where_one_row_in_twenty_is_wrong() {
        assert_eq!(exact_parity(&rows(200, 64, |i, row| row[0] ^ row[5] ^ i.is_multiple_of(20))), None);
    }

    #[test]
    fn three_bits_of_which_no_two_show_anything_are_found_through_noise() {
        let train = rows(512, 100, |i, row| row[7] ^ row[50] ^ row[99] ^ (i % 4 == 0));
        assert_eq!(small_parity(&train), Some(ExclusiveOr { bits: vec![7, 50, 99], complement: false }));
    }

    #[test]
    fn of_few_bits_four_are_found_through_noise() {
        let train = rows(512, 40, |i, row| row[1] ^ row[7] ^ row[20] ^ row[39] ^ (i % 4 == 0));
        assert_eq!(small_parity(&train), Some(ExclusiveOr { bits: vec![1, 7, 20, 39], complement: false }));
    }

    #[test]
    fn a_tree_predicts_what_a_bit_shows_and_an_and_of_bits() {
        let (train, held_out) = (rows(512, 20, |_, row| row[3] && row[9]), rows(1024, 20, |_, row| row[3] && row[9]));
        let scores = tree(&train, &held_out).unwrap();
        let wrong = scores.iter().zip(&held_out.labels).filter(|(score, label)| (**score > 0.5) != **label).count();
        assert!(wrong < 20, "{wrong}");
    }
}
