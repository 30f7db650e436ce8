//! Rows as tokens, and the batches that they are learnt in.

use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};
use rand_chacha::rand_core::RngCore;
use viewless_models::Tokenizer;
use viewless_models::data::{Label, LabelledTexts};

use crate::bert::Batch;
use crate::error::TrainError;
use crate::variables::keyed;

/// Batches within which rows are sorted by length, so that little is padding; between them the order is that of the draw.
const BATCHES_SORTED_TOGETHER: usize = 16;

/// A row.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    tokens: Vec<u32>,
    types: Vec<u32>,
    label: Label,
    line: usize,
}

/// The rows of a file as tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The file.
    pub file: PathBuf,
    /// Rows that were longer than the tokens allowed and were cut.
    pub cut: usize,
    rows: Vec<Row>,
}

impl Rows {
    /// Encodes texts, at most so many, by a tokenizer that cuts long ones ([`Tokenizer::at_most`]).
    ///
    /// # Errors
    /// A text that cannot be encoded.
    pub fn encode(texts: &LabelledTexts, tokenizer: &Tokenizer, most: Option<usize>) -> Result<Self, TrainError> {
        let mut cut = 0;
        let mut rows = Vec::new();
        for text in texts.rows().iter().take(most.unwrap_or(usize::MAX)) {
            let encoded = tokenizer.encode_whole(&text.text, text.pair.as_deref())?;
            cut += usize::from(encoded.left_out > 0);
            rows.push(Row { tokens: encoded.tokens, types: encoded.types, label: text.label, line: text.line });
        }
        Ok(Self { file: texts.file().to_owned(), cut, rows })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Steps of an epoch.
    #[must_use]
    pub fn steps(&self, batch: usize) -> usize {
        self.rows.len().div_ceil(batch)
    }

    /// The batches of an epoch, as indices: each row once, in an order that seed, stage and epoch decide.
    #[must_use]
    pub fn batches(&self, batch: usize, seed: u64, stage: &str, epoch: usize) -> Vec<Vec<usize>> {
        let mut words = keyed(&["order", stage, &epoch.to_string()], seed);
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        shuffle(&mut order, &mut words);
        for together in order.chunks_mut(batch * BATCHES_SORTED_TOGETHER) {
            together.sort_by_key(|&row| self.rows[row].tokens.len());
        }
        let mut batches: Vec<Vec<usize>> = order.chunks(batch).map(<[usize]>::to_vec).collect();
        shuffle(&mut batches, &mut words);
        batches
    }

    /// All rows in batches of similar length.
    #[must_use]
    pub fn by_length(&self, batch: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&row| self.rows[row].tokens.len());
        order.chunks(batch).map(<[usize]>::to_vec).collect()
    }

    /// The texts of a batch.
    ///
    /// # Errors
    /// The library of tensors.
    pub fn texts(&self, batch: &[usize], dtype: DType) -> Result<Batch, TrainError> {
        Batch::of(batch.iter().map(|&row| (&self.rows[row].tokens[..], &self.rows[row].types[..])), dtype)
    }

    /// The labels of a batch: for classes 1 in the place of each, `[rows, classes]`; the numbers, `[rows, 1]`, else.
    ///
    /// # Errors
    /// The library of tensors.
    pub fn labels(&self, batch: &[usize], outputs: usize, dtype: DType) -> Result<Tensor, TrainError> {
        let of = |row: &usize| match self.rows[*row].label {
            Label::Class(class) => (0..outputs).map(|output| if output == class { 1.0 } else { 0.0 }).collect(),
            Label::Number(number) => vec![number],
        };
        let values: Vec<f64> = batch.iter().flat_map(of).collect();
        Ok(Tensor::from_vec(values, (batch.len(), outputs), &Device::Cpu)?.to_dtype(dtype)?)
    }

    /// The label of a row.
    #[must_use]
    pub fn label(&self, row: usize) -> Label {
        self.rows[row].label
    }

    /// The lines of a batch in the file, for a message: all of a usual one.
    #[must_use]
    pub fn lines(&self, batch: &[usize]) -> String {
        let mut lines: Vec<usize> = batch.iter().map(|&row| self.rows[row].line).collect();
        const MOST: usize = 64;
        lines.sort_unstable();
        let more = lines.len().saturating_sub(MOST);
        let shown = lines.iter().take(MOST).map(usize::to_string).collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    }

    /// What decides a run of these rows.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = blake3::Hasher::new();
        for Row { tokens, types, label, .. } in &self.rows {
            let (kind, label) = match label {
                Label::Class(class) => (0, *class as u64),
                Label::Number(number) => (1, number.to_bits()),
            };
            for number in [tokens.len() as u64, kind, label] {
                digest.update(&number.to_le_bytes());
            }
            for number in tokens.iter().chain(types) {
                digest.update(&number.to_le_bytes());
            }
        }
        digest.finalize().to_hex().to_string()
    }
}

/// Fisher and Yates.
pub(crate) fn shuffle<T>(items: &mut [T], words: &mut impl RngCore) {
    for last in (1..items.len()).rev() {
        // The high half of a product of 64 bits: even but for 2^-32 of a chance or so.
        let other = (u128::from(words.next_u64()) * (last as u128 + 1)) >> 64;
        items.swap(last, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> Rows {
        let row = |i: usize| Row {
            tokens: vec![1; 3 + i * 7 % 40],
            types: vec![0; 3 + i * 7 % 40],
            label: Label::Class(i % 2),
            line: i + 2,
        };
        Rows { file: "rows.tsv".into(), cut: 0, rows: (0..count).map(row).collect() }
    }

    #[test]
    fn an_epoch_has_each_row_once_in_an_order_that_seed_stage_and_epoch_decide() {
        let rows = rows(1000);
        let batches = rows.batches(32, 1, "training", 0);
        assert_eq!(batches.len(), rows.steps(32));
        let mut all = batches.concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1000));
        assert_eq!(batches, rows.batches(32, 1, "training", 0));
        for other in
            [rows.batches(32, 2, "training", 0), rows.batches(32, 1, "layers", 0), rows.batches(32, 1, "training", 1)]
        {
            assert_ne!(batches, other);
        }
    }

    #[test]
    fn rows_of_a_batch_have_about_the_same_length() {
        let rows = rows(2000);
        let padded = |batches: Vec<Vec<usize>>| -> usize {
            let longest = |batch: &Vec<usize>| batch.iter().map(|&row| rows.rows[row].tokens.len()).max().unwrap();
            batches.iter().map(|batch| batch.len() * longest(batch)).sum()
        };
        let tokens: usize = rows.rows.iter().map(|row| row.tokens.len()).sum();
        assert!(padded(rows.batches(32, 1, "training", 0)) < tokens * 12 / 10);
        assert!(padded((0..2000).collect::<Vec<_>>().chunks(32).map(<[usize]>::to_vec).collect()) > tokens * 16 / 10);
    }
}
