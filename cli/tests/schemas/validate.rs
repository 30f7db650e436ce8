//! A validator for the part of JSON Schema 2020-12 that our schemas use; it refuses a schema that uses more.

use serde_json::Value;

/// What is wrong with a value, each with the place of it; nothing if it is as the schema says.
pub(crate) fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Validator { root: schema, found: &mut found }.check(schema, value, "");
    found
}

struct Validator<'a> {
    root: &'a Value,
    found: &'a mut Vec<String>,
}

impl Validator<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        let rules = match schema {
            Value::Bool(true) => return,
            Value::Bool(false) => return self.complain(at, "nothing may stand here"),
            Value::Object(rules) => rules,
            _ => panic!("{schema} is no schema"),
        };
        for (rule, says) in rules {
            match rule.as_str() {
                "type" => {
                    let types = says.as_array().map_or(std::slice::from_ref(says), Vec::as_slice);
                    if !types.iter().any(|one| is(value, one.as_str().expect("a type is a word"))) {
                        self.complain(at, &format!("{} is no {says}", short(value)));
                    }
                }
                "const" if says != value => self.complain(at, &format!("{} is not {says}", short(value))),
                "minimum" if value.as_f64().is_some_and(|number| Some(number) < says.as_f64()) => {
                    self.complain(at, &format!("{value} is below {says}"));
                }
                "minItems" if length(value).is_some_and(|items| Some(items) < says.as_u64()) => {
                    self.complain(at, &format!("fewer than {says} items"));
                }
                "maxItems" if length(value).is_some_and(|items| Some(items) > says.as_u64()) => {
                    self.complain(at, &format!("more than {says} items"));
                }
                "required" => self.required(says, value, at),
                "properties" => self.properties(says, value, at),
                "additionalProperties" => self.additional(&schema["properties"], says, value, at),
                "propertyNames" => {
                    for name in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
                        self.check(says, &Value::from(name.as_str()), &format!("{at}/{name}"));
                    }
                }
                "prefixItems" => {
                    let pairs = value.as_array().into_iter().flatten().zip(says.as_array().into_iter().flatten());
                    pairs.enumerate().for_each(|(index, (item, schema))| {
                        self.check(schema, item, &format!("{at}/{index}"));
                    });
                }
                "items" => {
                    let before = length(&schema["prefixItems"]).unwrap_or(0) as usize;
                    for (index, item) in value.as_array().into_iter().flatten().enumerate().skip(before) {
                        self.check(says, item, &format!("{at}/{index}"));
                    }
                }
                "anyOf" => self.any_of(says, value, at),
                "$ref" => {
                    let pointer = says.as_str().and_then(|text| text.strip_prefix('#')).expect("a reference within");
                    let meant = self.root.pointer(pointer).unwrap_or_else(|| panic!("{says} refers to nothing"));
                    self.check(meant, value, at);
                }
                "const" | "minimum" | "minItems" | "maxItems" => {}
                "$schema" | "$defs" | "title" | "description" | "unit" => {}
                unknown => panic!("`{unknown}` is not known to the validator"),
            }
        }
    }

    fn complain(&mut self, at: &str, why: &str) {
        self.found.push(format!("{}: {why}", if at.is_empty() { "/" } else { at }));
    }

    fn required(&mut self, names: &Value, value: &Value, at: &str) {
        let Some(fields) = value.as_object() else { return };
        for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.complain(at, &format!("`{name}` is missing"));
            }
        }
    }

    fn properties(&mut self, schemas: &Value, value: &Value, at: &str) {
        for (name, schema) in schemas.as_object().into_iter().flatten() {
            if let Some(field) = value.get(name) {
                self.check(schema, field, &format!("{at}/{name}"));
            }
        }
    }

    fn additional(&mut self, properties: &Value, schema: &Value, value: &Value, at: &str) {
        for (name, field) in value.as_object().into_iter().flatten() {
            if properties.get(name).is_none() {
                self.check(schema, field, &format!("{at}/{name}"));
            }
        }
    }

    /// At least one must fit; the complaints are those of the one that fits best.
    fn any_of(&mut self, schemas: &Value, value: &Value, at: &str) {
        let mut best: Option<Vec<String>> = None;
        for schema in schemas.as_array().into_iter().flatten() {
            let mut found = Vec::new();
            Validator { root: self.root, found: &mut found }.check(schema, value, at);
            // Of as many complaints, those further within.
            let rank = |found: &[String]| {
                (found.len(), std::cmp::Reverse(found.iter().map(|one| one.matches('/').count()).max()))
            };
            if best.as_ref().is_none_or(|best| rank(&found) < rank(best)) {
                best = Some(found);
            }
        }
        self.found.extend(best.unwrap_or_default());
    }
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => panic!("`{name}` is no type of JSON"),
    }
}

fn length(value: &Value) -> Option<u64> {
    value.as_array().map(|items| items.len() as u64)
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { text.chars().take(57).collect::<String>() + "..." } else { text }
}
