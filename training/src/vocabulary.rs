//! A vocabulary of its own for a small model: the pieces of its source that occur in the training rows, and the embeddings that they begin with.
//!
//! WordPiece takes the longest piece that it knows. On the training rows that piece is kept, so they are cut as they were; a word that is
//! new later is cut into shorter pieces, in the end into letters and signs of ASCII, which are all kept. The source has the same vocabulary then, without the rows
//! of its table that nothing asks for: it gives the training rows the same answers, to the last bit.
//!
//! The tables of a narrower model are the source's on its main directions, those along which its words differ most.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rand_chacha::rand_core::RngCore;
use serde_json::{Map, Value, json};
use viewless_models::Tokenizer;
use viewless_models::data::LabelledTexts;
use viewless_protocols::model::{Input, TransformerConfig};

use crate::error::TrainError;
use crate::source::Source;
use crate::variables::{Variables, keyed};

/// The file of a vocabulary.
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";
/// The table of words, and those that are added to it.
const WORDS: &str = "embeddings.word_embeddings.weight";
const TABLES: [&str; 3] = [WORDS, "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"];
/// Passes that turn directions into the main ones.
const PASSES: usize = 30;

/// A smaller vocabulary.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// The identifiers that it had in the source, in order.
    kept: Vec<u32>,
    /// The file.
    pub(crate) file: Value,
}

impl Vocabulary {
    /// That of these rows.
    pub(crate) fn of_rows(source: &Source, texts: &LabelledTexts, most_tokens: usize) -> Result<Self, TrainError> {
        let path = source.directory.join(TOKENIZER_FILE);
        let refused = |reason: &str| TrainError::Recipe { path: path.clone(), reason: reason.to_owned() };
        let text = fs::read_to_string(&path).map_err(|source| TrainError::Read { path: path.clone(), source })?;
        let mut file: Value = serde_json::from_str(&text).map_err(|error| refused(&error.to_string()))?;
        let numbered = match &file["model"]["vocab"] {
            Value::Object(pieces) => numbered(pieces),
            _ => None,
        };
        let pieces = numbered.ok_or_else(|| {
            refused("`model.vocab` is no table of pieces and numbers; `model.vocabulary` = \"rows\" needs a WordPiece tokenizer")
        })?;
        let tokenizer = Tokenizer::of_directory(&source.directory, &source.config)?.at_most(most_tokens)?;
        // 0 is what texts are filled up with.
        let mut wanted = BTreeSet::from([0]);
        for row in texts.rows() {
            wanted.extend(tokenizer.encode_whole(&row.text, row.pair.as_deref())?.tokens);
        }
        let is_letter = |piece: &str| {
            let sign = piece.strip_prefix("##").filter(|rest| !rest.is_empty()).unwrap_or(piece);
            sign.len() == 1
        };
        wanted.extend(pieces.iter().filter(|(_, piece)| is_letter(piece)).map(|(&number, _)| number));
        let added = file["added_tokens"].as_array().into_iter().flatten();
        wanted.extend(added.filter_map(|token| token["id"].as_u64()).filter_map(|id| u32::try_from(id).ok()));
        let kept: Vec<u32> = pieces.keys().copied().filter(|number| wanted.contains(number)).collect();
        if kept.len() < wanted.len() {
            return Err(refused(
                "it has tokens outside of `model.vocab`; `model.vocabulary` = \"rows\" needs them all there",
            ));
        }
        renumber(&mut file, &pieces, &kept);
        Ok(Self { kept, file })
    }

    /// The source with this vocabulary.
    pub(crate) fn narrow(&self, source: &mut Source) -> Result<(), TrainError> {
        let mut draft = source.config.draft();
        if let Input::Text { vocab_size, .. } = &mut draft.input {
            *vocab_size = self.kept.len();
        }
        let file = source.directory.join(viewless_models::CONFIG_FILE);
        source.config = draft.check().map_err(|source| viewless_models::ModelError::Sizes { file, source })?;
        let width = source.config.hidden_size;
        if let Ok(table) = source.variables.values(WORDS) {
            let rows = self.kept.iter().filter_map(|&row| table.chunks_exact(width).nth(row as usize));
            let values: Vec<f32> = rows.flatten().copied().collect();
            source.variables.insert(WORDS, &[self.kept.len(), width], values)?;
        }
        Ok(())
    }
}

/// Pieces by their numbers; nothing if a number is none, or is there twice.
fn numbered(pieces: &Map<String, Value>) -> Option<BTreeMap<u32, String>> {
    let number = |value: &Value| u32::try_from(value.as_u64()?).ok();
    let all: Option<BTreeMap<u32, String>> =
        pieces.iter().map(|(piece, value)| Some((number(value)?, piece.clone()))).collect();
    all.filter(|all| all.len() == pieces.len())
}

/// The file with these pieces alone, numbered from 0.
fn renumber(file: &mut Value, pieces: &BTreeMap<u32, String>, kept: &[u32]) {
    let new: BTreeMap<u64, usize> = kept.iter().enumerate().map(|(new, &old)| (u64::from(old), new)).collect();
    let vocabulary = kept.iter().enumerate().map(|(new, old)| (pieces[old].clone(), json!(new)));
    file["model"]["vocab"] = Value::Object(vocabulary.collect());
    let change = |value: &mut Value| {
        if let Some(&number) = value.as_u64().and_then(|old| new.get(&old)) {
            *value = json!(number);
        }
    };
    for token in file["added_tokens"].as_array_mut().into_iter().flatten() {
        change(&mut token["id"]);
    }
    let Some(processor) = file["post_processor"].as_object_mut() else { return };
    for token in processor.get_mut("special_tokens").and_then(Value::as_object_mut).into_iter().flatten() {
        token.1["ids"].as_array_mut().into_iter().flatten().for_each(change);
    }
    // BertProcessing has pairs of a token and its number.
    for end in ["cls", "sep"] {
        processor.get_mut(end).and_then(|pair| pair.get_mut(1)).into_iter().for_each(change);
    }
}

/// The tables of a narrower model of this configuration: those of the source on the main directions of its words.
pub(crate) fn project(
    variables: &mut Variables,
    config: &TransformerConfig,
    source: &Source,
) -> Result<(), TrainError> {
    let (wide, narrow) = (source.config.hidden_size, config.hidden_size);
    let directions = main_directions(&source.variables.values(WORDS)?, wide, narrow);
    for name in TABLES {
        let table = source.variables.values(name)?;
        let dot = |row: &[f32], direction: &Vec<f64>| {
            row.iter().zip(direction).map(|(&a, b)| f64::from(a) * b).sum::<f64>() as f32
        };
        let values: Vec<f32> = table
            .chunks_exact(wide)
            .flat_map(|row| directions.iter().map(move |direction| dot(row, direction)))
            .collect();
        variables.insert(name, &[table.len() / wide, narrow], values)?;
    }
    Ok(())
}

/// Orthonormal directions that hold the most of the squares of the rows, by orthogonal iteration.
fn main_directions(table: &[f32], width: usize, count: usize) -> Vec<Vec<f64>> {
    let mut moments = vec![vec![0.0; width]; width];
    for row in table.chunks_exact(width) {
        for (i, &a) in row.iter().enumerate() {
            moments[i].iter_mut().zip(row).for_each(|(sum, &b)| *sum += f64::from(a) * f64::from(b));
        }
    }
    // Drawn, because no draw is at a right angle to a main direction, as an axis may be.
    let mut words = keyed(&["directions"], 0);
    let mut drawn = |_| (0..width).map(|_| f64::from(words.next_u32()) - f64::from(u32::MAX / 2)).collect::<Vec<f64>>();
    let mut directions: Vec<Vec<f64>> = (0..count.min(width)).map(&mut drawn).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for _ in 0..PASSES {
        let mut next: Vec<Vec<f64>> = Vec::with_capacity(directions.len());
        for direction in &directions {
            let mut turned: Vec<f64> = moments.iter().map(|row| dot(row, direction)).collect();
            // Twice, because the first time leaves what rounding leaves.
            for other in next.iter().chain(&next) {
                let along = dot(&turned, other);
                turned.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
            let length = dot(&turned, &turned).sqrt();
            // Where the rows hold nothing more, nothing is a direction.
            turned.iter_mut().for_each(|a| *a = if length > 0.0 { *a / length } else { 0.0 });
            next.push(turned);
        }
        directions = next;
    }
    directions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bert::Bert;
    use crate::rows::Rows;
    use candle_core::DType;
    use viewless_models::data::{Split, Wanted, load};
    use viewless_models::synthetic::{small_config, write_synthetic};
    use viewless_models::{CONFIG_FILE, Precision};

    /// The last hidden states of all rows, and their pieces.
    fn answers(source: &Source, folder: &std::path::Path, texts: &LabelledTexts) -> (Vec<f32>, Vec<Vec<String>>) {
        let tokenizer = Tokenizer::of_directory(folder, &source.config).unwrap();
        let rows = Rows::encode(texts, &tokenizer, None).unwrap();
        let all: Vec<usize> = (0..rows.len()).collect();
        let bert = Bert::new(&source.config, source.variables.frozen()).unwrap();
        let pass = bert.forward(&rows.texts(&all, DType::F32).unwrap()).unwrap();
        let pieces = |row: &viewless_models::data::LabelledText| {
            let tokens = tokenizer.encode(&row.text).unwrap();
            tokens.into_iter().map(|token| tokenizer.token(token).unwrap()).collect()
        };
        let hidden = pass.hidden.last().unwrap().flatten_all().unwrap().to_vec1().unwrap();
        (hidden, texts.rows().iter().map(pieces).collect())
    }

    #[test]
    fn a_source_without_the_pieces_that_no_row_has_answers_the_rows_to_the_bit_and_spells_what_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let [base, narrow] = ["base", "narrow"].map(|name| folder.path().join(name));
        write_synthetic(&base, &small_config(), 1, Precision::F32).unwrap();
        let rows = folder.path().join("train.tsv");
        fs::write(&rows, "text\tlabel\nthe view is empty\tyes\na secret: 42 bees\tno\n").unwrap();
        let texts = load(&rows, Split::Train, Wanted::ClassesOfFile).unwrap();
        let mut source = Source::read(&base, true).unwrap();
        let (words, before) = (source.config.vocab_size().unwrap(), answers(&source, &base, &texts));
        let found = Vocabulary::of_rows(&source, &texts, 32).unwrap();
        found.narrow(&mut source).unwrap();
        fs::create_dir(&narrow).unwrap();
        fs::copy(base.join(CONFIG_FILE), narrow.join(CONFIG_FILE)).unwrap();
        fs::write(narrow.join(TOKENIZER_FILE), found.file.to_string()).unwrap();
        assert_eq!(answers(&source, &narrow, &texts), before);
        assert!(source.config.vocab_size().unwrap() < words);
        // `message` and `noise` are words of the source; no row has them.
        let tokenizer = Tokenizer::of_directory(&narrow, &source.config).unwrap();
        let tokens = tokenizer.encode("message noise the Q").unwrap();
        let pieces: Vec<String> = tokens.iter().map(|&token| tokenizer.token(token).unwrap()).collect();
        assert!(!pieces.contains(&"[UNK]".to_owned()) && pieces.contains(&"the".to_owned()), "{pieces:?}");
        assert!(pieces.iter().all(|piece| piece != "message"), "{pieces:?}");
    }

    #[test]
    fn a_tokenizer_without_a_table_of_numbered_pieces_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("base");
        write_synthetic(&base, &small_config(), 1, Precision::F32).unwrap();
        let rows = folder.path().join("train.tsv");
        fs::write(&rows, "text\tlabel\nthe view\tyes\na view\tno\n").unwrap();
        let texts = load(&rows, Split::Train, Wanted::ClassesOfFile).unwrap();
        let source = Source::read(&base, false).unwrap();
        let good: Value = serde_json::from_slice(&fs::read(base.join(TOKENIZER_FILE)).unwrap()).unwrap();
        let mut list = good.clone();
        list["model"]["vocab"] = json!([["[PAD]", 0.0]]);
        let mut twice = good;
        twice["model"]["vocab"]["the"] = json!(0);
        for broken in [list, twice] {
            fs::write(base.join(TOKENIZER_FILE), broken.to_string()).unwrap();
            let refused = Vocabulary::of_rows(&source, &texts, 32).unwrap_err().to_string();
            assert!(refused.contains("WordPiece"), "{refused}");
        }
    }

    #[test]
    fn main_directions_are_those_of_the_largest_squares() {
        // Rows along (1, 1, 0) and, shorter, along (0, 0, 1).
        let table = [3.0, 3.0, 0.0, 0.0, 0.0, 1.0, -3.0, -3.0, 0.0];
        let found = main_directions(&table, 3, 2);
        let half = 0.5_f64.sqrt();
        for (found, wanted) in found.iter().zip([[half, half, 0.0], [0.0, 0.0, 1.0]]) {
            let along: f64 = found.iter().zip(wanted).map(|(a, b)| a * b).sum();
            assert!((along.abs() - 1.0).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn a_file_is_renumbered_wherever_it_names_a_number() {
        let mut file = json!({
            "added_tokens": [{"id": 3, "content": "[CLS]"}],
            "post_processor": {"special_tokens": {"[CLS]": {"ids": [3]}}, "cls": ["[CLS]", 3]},
            "model": {"vocab": {"[PAD]": 0, "never": 1, "a": 2, "[CLS]": 3}},
        });
        let pieces = numbered(file["model"]["vocab"].as_object().unwrap()).unwrap();
        renumber(&mut file, &pieces, &[0, 2, 3]);
        assert_eq!(file["model"]["vocab"], json!({"[PAD]": 0, "a": 1, "[CLS]": 2}));
        assert_eq!(file["added_tokens"][0]["id"], json!(2));
        assert_eq!(file["post_processor"]["special_tokens"]["[CLS]"]["ids"], json!([2]));
        assert_eq!(file["post_processor"]["cls"], json!(["[CLS]", 2]));
        assert!(numbered(json!({"a": 1, "b": 1}).as_object().unwrap()).is_none());
        assert!(numbered(json!({"a": "1"}).as_object().unwrap()).is_none());
    }
}
