//! The fields of a JSON object, read one by one with errors that name file and field.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::ModelError;
use crate::files::{self, MOST_CONFIGURATION_BYTES};

/// No size of a published model comes near this; it keeps a corrupt file from asking for absurd amounts of memory.
const MAX_SIZE: u64 = 1 << 24;

/// Layers and labels have a smaller limit, because they are listed one by one.
const MAX_LISTED: u64 = 1 << 15;

/// The fields of a JSON object and the file they came from.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) file: PathBuf,
    pub(crate) values: Map<String, Value>,
}

impl Fields {
    pub(crate) fn read(file: PathBuf, advice: &'static str) -> Result<Self, ModelError> {
        Self::of(file.clone(), read_json(&file, advice)?)
    }

    /// The fields of a file that a directory may lack; then there are none.
    pub(crate) fn read_if_present(directory: &Path, name: &str) -> Result<Self, ModelError> {
        let file = directory.join(name);
        match files::has(directory, name) {
            true => Self::read(file, ""),
            false => Ok(Self { file, values: Map::new() }),
        }
    }

    fn of(file: PathBuf, value: Value) -> Result<Self, ModelError> {
        match value {
            Value::Object(values) => Ok(Self { file, values }),
            other => Err(invalid(&file, "(the whole file)", &other, "a JSON object")),
        }
    }

    pub(crate) fn invalid(&self, field: &str, value: &Value, expected: &'static str) -> ModelError {
        invalid(&self.file, field, value, expected)
    }

    /// A field that is there and is not null.
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.values.get(field).filter(|value| !value.is_null())
    }

    /// A truth value; an absent one is none.
    pub(crate) fn bool(&self, field: &str) -> Result<Option<bool>, ModelError> {
        let read = |value: &Value| value.as_bool().ok_or_else(|| self.invalid(field, value, "true or false"));
        self.get(field).map(read).transpose()
    }

    /// A text; an absent one is none.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&str>, ModelError> {
        let read = |value: &'_ Value| value.as_str().is_some();
        match self.get(field) {
            None => Ok(None),
            Some(value) if read(value) => Ok(value.as_str()),
            Some(value) => Err(self.invalid(field, value, "a string")),
        }
    }

    /// A size that the file need not name, because the published code has this one where it is absent.
    pub(crate) fn size_or(&self, field: &str, default: usize) -> Result<usize, ModelError> {
        self.whole_number(field, default, MAX_SIZE, "a whole number from 1 to 16777216")
    }

    /// The same of things that are listed one by one.
    pub(crate) fn count_or(&self, field: &str, default: usize) -> Result<usize, ModelError> {
        self.whole_number(field, default, MAX_LISTED, "a whole number from 1 to 32768")
    }

    fn whole_number(
        &self,
        field: &str,
        default: usize,
        largest: u64,
        expected: &'static str,
    ) -> Result<usize, ModelError> {
        let Some(value) = self.values.get(field) else { return Ok(default) };
        value
            .as_u64()
            .filter(|&size| (1..=largest).contains(&size))
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(|| self.invalid(field, value, expected))
    }

    /// A positive number, with the published code's where it is absent.
    pub(crate) fn positive_or(&self, field: &str, default: f64) -> Result<f64, ModelError> {
        let Some(value) = self.values.get(field) else { return Ok(default) };
        value
            .as_f64()
            .filter(|number| number.is_finite() && *number > 0.0)
            .ok_or_else(|| self.invalid(field, value, "a positive number"))
    }
}

pub(crate) fn invalid(file: &Path, field: &str, value: &Value, expected: &'static str) -> ModelError {
    ModelError::InvalidField { file: file.to_owned(), field: field.to_owned(), value: value.to_string(), expected }
}

/// Reads a JSON file; an object that names a key twice is refused, because readers disagree on which of the two counts.
pub(crate) fn read_json(file: &Path, advice: &'static str) -> Result<Value, ModelError> {
    parse_json(file, &files::read(file, MOST_CONFIGURATION_BYTES, advice)?)
}

pub(crate) fn parse_json(file: &Path, bytes: &[u8]) -> Result<Value, ModelError> {
    let parsed: Result<Unambiguous, _> = serde_json::from_slice(bytes);
    parsed.map(|value| value.0).map_err(|source| ModelError::Json { file: file.to_owned(), source })
}

/// A JSON value without a key that stands twice in an object: readers disagree on which of the two counts. Whatever JSON a user gives is read as this first.
#[derive(Debug, Clone, PartialEq)]
pub struct Unambiguous(pub Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unambiguous(element)) = elements.next_element()? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Unambiguous(value))) = entries.next_entry::<String, Unambiguous>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice in an object")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &str) -> Result<Value, ModelError> {
        parse_json(Path::new("config.json"), text.as_bytes())
    }

    #[test]
    fn any_value_is_read_as_the_library_reads_it() {
        let value = json!({"a": [1, -2, 1.5, "x", null, true, {"b": {}}], "c": 18446744073709551615u64, "d": 1e30});
        assert_eq!(parse(&value.to_string()).unwrap(), value);
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_at_any_depth() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"x": [{"a": 1, "b": 2, "a": 3}]}"#] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("config.json") && error.contains("`a` stands twice"), "{error}");
        }
        assert!(parse(r#"[{"a": 1}, {"a": 1}]"#).is_ok());
    }
}
