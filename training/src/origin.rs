//! What a run began with, part by part: a run that goes on from its checkpoint must find the same, and an error names what is not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// Rows, images or weights that a run began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What they are, in words.
    pub what: String,
    /// The file or directory.
    pub place: String,
    /// How many they are.
    pub count: usize,
    /// Digest of all that decides the run.
    pub digest: String,
}

/// What of a run's beginning is not there any more as it was, in words.
#[must_use]
pub(crate) fn changed(before: &[Part], now: &[Part]) -> Option<String> {
    let find = |parts: &[Part], what: &str| parts.iter().find(|part| part.what == what).cloned();
    let of_now = now.iter().filter_map(|part| {
        let Part { what, place, count, digest } = part;
        match find(before, what) {
            None => Some(format!("there are {what} in `{place}`, and were none")),
            Some(old) if old.digest == *digest => None,
            Some(old) if old.count == *count => {
                Some(format!("the {count} {what} in `{place}` are not those that were there"))
            }
            Some(old) => Some(format!("`{place}` has {count} {what}, and had {}", old.count)),
        }
    });
    let gone = before.iter().filter(|part| find(now, &part.what).is_none());
    let gone = gone.map(|Part { what, place, .. }| format!("there are no {what} any more, as were in `{place}`"));
    let all: Vec<String> = of_now.chain(gone).collect();
    (!all.is_empty()).then(|| all.join(", and "))
}

/// The fields in which a recipe is another than it was, in words; nothing where only comments and the like are.
///
/// # Errors
/// What was there is no TOML.
pub(crate) fn differing(before: &str, now: &str) -> Result<Option<String>, toml::de::Error> {
    const SHOWN: usize = 3;
    let (before, now) = (fields(before)?, fields(now)?);
    let mut all = Vec::new();
    for (field, value) in &now {
        match before.get(field) {
            None => all.push(format!("`{field}` is {value} and was not there")),
            Some(old) if old == value => {}
            Some(old) => all.push(format!("`{field}` is {value} and was {old}")),
        }
    }
    let gone = before.iter().filter(|(field, _)| !now.contains_key(*field));
    all.extend(gone.map(|(field, old)| format!("`{field}` is not there and was {old}")));
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    let more = if more > 0 { format!(" ({more} more differ)") } else { String::new() };
    Ok((!all.is_empty()).then(|| format!("the recipe's {}{more}", all.join(", "))))
}

/// All fields with their tables, and their values as they are written.
fn fields(text: &str) -> Result<BTreeMap<String, String>, toml::de::Error> {
    fn written(value: &Value) -> String {
        match value {
            Value::String(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Boolean(is) => is.to_string(),
            Value::Datetime(time) => time.to_string(),
            Value::Array(values) => format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", ")),
            Value::Table(table) => format!("a table of {}", table.len()),
        }
    }
    fn walk(before: &str, table: Table, fields: &mut BTreeMap<String, String>) {
        for (name, value) in table {
            let name = format!("{before}{name}");
            if let Value::Table(table) = value {
                walk(&format!("{name}."), table, fields);
            } else {
                fields.insert(name, written(&value));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk("", toml::from_str(text)?, &mut found);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(what: &str, count: usize, digest: &str) -> Part {
        Part { what: what.to_owned(), place: format!("{}.tsv", &what[..3]), count, digest: digest.to_owned() }
    }

    #[test]
    fn what_changed_is_named_and_what_did_not_is_not() {
        let before = [part("rows to learn from", 60, "a"), part("development rows", 20, "b")];
        assert_eq!(changed(&before, &before), None);
        let said = |now: &[Part]| changed(&before, now).unwrap();
        assert_eq!(
            said(&[part("rows to learn from", 61, "c"), before[1].clone()]),
            "`row.tsv` has 61 rows to learn from, and had 60"
        );
        assert_eq!(
            said(&[before[0].clone(), part("development rows", 20, "c")]),
            "the 20 development rows in `dev.tsv` are not those that were there"
        );
        assert_eq!(said(&before[..1]), "there are no development rows any more, as were in `dev.tsv`");
        assert!(changed(&before[..1], &before).unwrap().contains("there are development rows in `dev.tsv`"));
    }

    #[test]
    fn fields_that_differ_are_named_with_both_values_and_comments_are_not() {
        let before = "# a\nseed = 1\n[data]\ndirectory = \"rows\"\n[training]\nepochs = 1\nbatch = 4\n";
        assert_eq!(differing(before, &before.replace("# a", "# b")).unwrap(), None);
        let said = |from: &str, to: &str| differing(before, &before.replace(from, to)).unwrap().unwrap();
        assert_eq!(said("epochs = 1", "epochs = 2"), "the recipe's `training.epochs` is 2 and was 1");
        assert_eq!(said("seed = 1\n", ""), "the recipe's `seed` is not there and was 1");
        assert_eq!(said("\"rows\"", "\"other\""), "the recipe's `data.directory` is \"other\" and was \"rows\"");
        assert!(said("[training]\n", "[other]\n").ends_with(" (1 more differ)"));
        assert!(differing("these are words", before).is_err());
    }
}
