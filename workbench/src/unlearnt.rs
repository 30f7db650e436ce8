//! What a text has that its model is known not to have learnt from, in sentences for the notes of a report.
//!
//! Nothing is guessed: whether a classifier was made for pairs stands in no file, and so nothing is said of that but of the model in the program.

use toml::Table;
use viewless_models::{Encoded, Model, shipped};
use viewless_simulator::text_file::{self, MOST_SETTINGS_BYTES};

/// The recipe that `train` and `distill` leave beside a model.
const RECIPE_FILE: &str = "recipe.toml";

/// What a reader must know about a text, or a pair of texts, for this model.
pub(crate) fn remarks(model: &Model, encoded: &Encoded, is_pair: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    let (tokens, own) = (encoded.tokens.len(), encoded.own);
    if own > 0 && encoded.unknown == own {
        let pieces = if own == 1 { "the only piece".to_owned() } else { format!("none of the {own} pieces") };
        let is = if own == 1 { "is not in the vocabulary" } else { "is in the vocabulary" };
        remarks.push(format!(
            "{pieces} of the text {is} of the model, which sees what stands for all that is unknown, and answers every such text of {own} alike"
        ));
    }
    if let Some(most) = most_tokens(model).filter(|&most| tokens > most) {
        remarks.push(format!(
            "the text has {tokens} tokens, and the training of this model saw at most {most} of each ({RECIPE_FILE} beside it): longer texts are not what \
             it was trained for"
        ));
    }
    if is_pair && shipped::is_complete(&model.directory) {
        let name = shipped::NAME;
        remarks.push(format!("{name} learnt from single texts: what it makes of a pair it did not learn"));
    }
    remarks
}

/// The most tokens of a text that the model learnt from, where a recipe beside it says so.
fn most_tokens(model: &Model) -> Option<usize> {
    let text = text_file::read(&model.directory.join(RECIPE_FILE), MOST_SETTINGS_BYTES).ok()?;
    let recipe: Table = toml::from_str(&text).ok()?;
    usize::try_from(recipe.get("data")?.get("most-tokens")?.as_integer()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use viewless_models::Precision;
    use viewless_models::synthetic::{small_config, write_synthetic};

    #[test]
    fn what_is_unknown_or_longer_than_what_was_learnt_is_said_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        write_synthetic(folder.path(), &small_config(), 1, Precision::F32).unwrap();
        let model = Model::load(folder.path()).unwrap();
        let said =
            |text: &str, pair: Option<&str>| remarks(&model, &model.encode_whole(text, pair).unwrap(), pair.is_some());
        assert!(said("the view", None).is_empty() && said("the view", Some("the view")).is_empty());
        // The synthetic vocabulary has no signs of other scripts.
        let unknown = said("\u{4e2d} \u{6587}", None);
        assert!(unknown.len() == 1 && unknown[0].starts_with("none of the 2 pieces of the text"), "{unknown:?}");
        assert!(said("\u{4e2d} view", None).is_empty());
        assert!(said("\u{4e2d}", None)[0].starts_with("the only piece of the text is not in the vocabulary"));
        // Three words and the two tokens around them.
        let recipe = |most: &str| fs::write(folder.path().join(RECIPE_FILE), most).unwrap();
        recipe("[data]\nmost-tokens = 4\n");
        assert!(
            said("the view a", None)[0]
                .starts_with("the text has 5 tokens, and the training of this model saw at most 4 of")
        );
        assert!(said("the view", None).is_empty());
        for other in ["[data]\nmost-tokens = -1\n", "words", "[data]\n", "data = 4\n"] {
            recipe(other);
            assert!(said("the view a", None).is_empty(), "{other}");
        }
    }

    #[test]
    fn only_of_the_model_in_the_program_is_it_known_that_it_learnt_from_single_texts() {
        let cache = tempfile::tempdir().unwrap();
        let directory = viewless_models::fetch(shipped::NAME, cache.path(), &mut |_| {}).unwrap();
        let said = || {
            let model = Model::load(&directory).unwrap();
            let encoded = model.encode_whole("A film.", Some("Another film.")).unwrap();
            [true, false].map(|is_pair| remarks(&model, &encoded, is_pair).len())
        };
        assert_eq!(said(), [1, 0]);
        let recipe = directory.join(RECIPE_FILE);
        fs::write(&recipe, fs::read_to_string(&recipe).unwrap() + "\n").unwrap();
        assert_eq!(said(), [0, 0]);
    }
}
