//! The unit of every number in a report: its name ends in it (`bytes_sent`, `latency_seconds`) or is listed here.

use serde_json::{Value, json};

/// Words of a name that are a unit, the most telling first.
const WORDS: [(&str, &str); 20] = [
    ("bits_per_second", "bit/s"),
    ("picoseconds", "ps"),
    ("seconds", "s"),
    ("ulp", "2^-fraction_bits, the step of the fixed point"),
    ("bytes", "bytes"),
    ("bits", "bits"),
    ("rounds", "rounds"),
    ("messages", "messages"),
    ("probability", "probability"),
    ("rate", "probability"),
    ("log10", "decimal logarithm of a probability"),
    ("log_of", "natural logarithm of a probability"),
    ("p_value", "probability"),
    ("wraps", "truncations that wrap"),
    ("seq", "tokens of a sequence, or elements of a row"),
    ("batch", "sequences, or rows"),
    ("ring", "bits"),
    ("shiftleft", "bits"),
    ("shiftright", "bits"),
    ("shiftrightarithmetic", "bits"),
];

/// Numbers that name something.
const IDENTIFIERS: [&str; 21] = [
    "seed",
    "run",
    "format",
    "node",
    "value",
    "line",
    "number",
    "tokens",
    "RegionId",
    "ValueId",
    "NodeId",
    "PartySet",
    "stream",
    "text",
    "worst_text",
    "axis",
    "cuts",
    "logged_cuts",
    "first_position",
    "padding_token",
    "Transpose",
];

/// A schema with the unit of its numbers, if it has any that no definition describes.
pub(crate) fn with(mut schema: Value, name: &str) -> Value {
    let Some(whole) = number(&schema) else { return schema };
    let words = name.to_lowercase().replace('-', "_");
    let of_word = WORDS.iter().find(|(word, _)| contains(&words, word)).map(|(_, unit)| *unit);
    let unit = match of_word {
        Some(unit) => unit,
        None if IDENTIFIERS.contains(&name) => "identifier",
        None if whole => "count",
        None => "1, a real number",
    };
    schema["unit"] = json!(unit);
    schema
}

/// Whether the numbers of a schema are whole; nothing if it has none of its own.
fn number(schema: &Value) -> Option<bool> {
    let types = |name: &str| match &schema["type"] {
        Value::String(one) => one == name,
        Value::Array(several) => several.iter().any(|one| one == name),
        _ => false,
    };
    if types("integer") || types("number") {
        return Some(types("integer"));
    }
    let inner = ["items", "additionalProperties"].into_iter().map(|key| &schema[key]);
    let listed = ["prefixItems", "anyOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    inner.chain(listed).filter(|schema| schema.is_object()).filter_map(number).reduce(|a, b| a && b)
}

/// Whether a name has a word, or words, of its own.
fn contains(name: &str, word: &str) -> bool {
    format!("_{name}_").contains(&format!("_{word}_"))
}
