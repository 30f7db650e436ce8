//! What every command prints with `--json` is what its schema in `docs/schemas/` says, and the schemas are what the types say.

mod generate;
mod reports;
mod source;
mod units;
mod validate;

use reports::{REFUSAL, REPORTS, Report};
use serde_json::{Value, json};
use source::Source;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use validate::complaints;
use viewless_models::Precision;
use viewless_models::synthetic::{self, small_config};
use viewless_protocols::model::{Architecture, Head, TransformerConfig, TransformerDraft};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn path(report: &Report) -> PathBuf {
    Path::new(ROOT).join("docs/schemas").join(format!("{}.json", report.name))
}

fn stored(report: &Report) -> Value {
    let path = path(report);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn viewless(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
    command.args(arguments.split(' ')).current_dir(folder).env("VIEWLESS_CACHE", "/nonexistent/viewless-cache");
    command.output().expect("the binary runs")
}

/// A folder with what the commands name: models, texts, a picture, a protocol whose claim fails, a cluster.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = |name: &str, config: &TransformerConfig| {
        synthetic::write_synthetic(&folder.path().join(name), config, 1, Precision::F32).unwrap();
    };
    let labels = ["no", "yes"].map(str::to_owned).to_vec();
    model("bert", &small_config());
    model("gpt2", &synthetic::small(Architecture::Gpt2));
    model("vit", &synthetic::small(Architecture::Vit));
    model(
        "classifier",
        &TransformerDraft { head: Head::Classifier { labels }, ..small_config().draft() }.check().unwrap(),
    );
    let write = |name: &str, contents: &[u8]| fs::write(folder.path().join(name), contents).unwrap();
    write("rows.tsv", b"text\tlabel\nthe view is empty\tyes\nnobody sees a secret\tno\na view\tno\nabc\tyes\n");
    write("pairs.tsv", b"text\ttext2\tlabel\nthe view\tis empty\t0.5\na secret\tnobody\t2\n");
    write("texts", b"the view is empty\nnobody sees a secret\n");
    let claims_too_much = "protocol gelu/bad\nsummary \"a\"\nsource \"b\"\ninterval [-64, 64]\nerror 0.2\nbuild x\n  a = x ^ 2\n  \
                           b = a ^ 2\n  c = b * a\n  return (x - select(x < 0, x)) + select(c < -1, x)\n";
    write("bad.protocol", claims_too_much.as_bytes());
    let rows = "protocol softmax/bad\nsummary \"a\"\nsource \"b\"\ninterval [-200, 200]\nerror 1e3\nbuild x\n  e = (1 + x / 4) ^ 2\n  \
                f = e ^ 2\n  g = f ^ 2\n  return g * call reciprocal/normalized(sum(g))\n";
    write("rows.protocol", rows.as_bytes());
    fs::create_dir(folder.path().join("rows")).unwrap();
    let labelled =
        "text\tlabel\nthe view is empty\tno\nnobody sees a secret\tyes\nevery message\tno\nwe share it\tyes\n";
    for name in ["rows/train.tsv", "rows/dev.tsv"] {
        write(name, labelled.as_bytes());
    }
    let recipe = "[data]\ndirectory = \"rows\"\ntask = \"classification\"\n[training]\nepochs = 2\nbatch = 2\n[layers]\nepochs = 1\n[prediction]\n\
                  epochs = 1\n[model]\nattention = \"2quad\"\n";
    write("recipe.toml", recipe.as_bytes());
    write("picture.png", include_bytes!("picture.png"));
    fs::create_dir(folder.path().join("images")).unwrap();
    for name in ["a", "b", "c", "d"] {
        write(&format!("images/{name}.png"), include_bytes!("picture.png"));
    }
    let recipe = "[data]\ntrain = \"images\"\n[model]\nchannels = 1\nencoder-width = 2\ndecoder-width = 2\nlatent = 2\nbottom = 1\n\
                  [training]\nsteps = 2\nbatch = 2\nadversarial = 0.1\n";
    write("images.toml", recipe.as_bytes());
    let made = viewless_models::fetch("dc-vae-8", &folder.path().join("cache"), &mut |_| {}).unwrap();
    fs::rename(made, folder.path().join("autoencoder")).unwrap();
    let node = |gpu: &str| {
        format!(
            "[[node]]\ngpu = \"{gpu}\"\ngpus = 4\nbetween-nodes-gigabits-per-second = 50.0\n\
             within-node-gigabits-per-second = 50.0\n"
        )
    };
    write("cluster.toml", (node("T4") + &node("V100")).as_bytes());
    folder
}

/// What a command prints, which must succeed or give a negative verdict; or why it is refused, if its report is that.
fn printed(folder: &Path, report: &Report, command: &str) -> Value {
    let output = viewless(folder, &format!("{command} --json"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if report.name == REFUSAL {
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "viewless {command}: {told}");
        let last = told.lines().last().unwrap_or_default();
        return serde_json::from_str(last).unwrap_or_else(|error| panic!("viewless {command}: {error}: {told}"));
    }
    assert!(matches!(output.status.code(), Some(0 | 1)), "viewless {command}: {told}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("viewless {command}: {error}"))
}

#[test]
fn schemas_are_what_the_types_say() {
    let source = Source::read(Path::new(ROOT));
    let bless = std::env::var_os("VIEWLESS_BLESS").is_some();
    for report in &REPORTS {
        let made = generate::schema(&source, report.name, report.is, report.of);
        if bless {
            fs::write(path(report), serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
        }
        assert!(
            made == stored(report),
            "{} is not what the types say; if the change is meant, write it with VIEWLESS_BLESS=1 and name it in CHANGELOG.md",
            path(report).display()
        );
    }
    let files = fs::read_dir(Path::new(ROOT).join("docs/schemas")).unwrap();
    let found: BTreeSet<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|end| end == "json"))
        .collect();
    assert_eq!(found, REPORTS.iter().map(path).collect(), "a schema belongs to no report");
}

/// Calls with every field of a schema: the name of its object and its own, and its schema.
fn fields(schema: &Value, at: &str, tell: &mut dyn FnMut(String, &Value)) {
    match schema {
        Value::Object(rules) => {
            for (name, field) in rules.get("properties").and_then(Value::as_object).into_iter().flatten() {
                tell(format!("{at}.{name}"), field);
            }
            for (name, inner) in rules {
                let at = if ["$defs", "properties"].contains(&at) { name } else { at };
                fields(inner, if name == "$defs" { "$defs" } else { at }, tell);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, at, tell)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_field_says_what_it_is_and_every_number_its_unit() {
    for report in &REPORTS {
        let mut seen = 0;
        fields(&stored(report), report.name, &mut |name, field| {
            seen += 1;
            let described = field["description"].as_str().is_some_and(|text| text.len() > 3);
            assert!(described, "{}: `{name}` has no documentation", report.name);
            let types = field["type"].to_string();
            let has_unit = field["unit"].is_string() || !(types.contains("integer") || types.contains("number"));
            assert!(has_unit, "{}: `{name}` has no unit", report.name);
        });
        assert!(seen > 1, "{}: only {seen} fields were seen", report.name);
    }
}

#[test]
fn what_every_command_prints_is_what_its_schema_says() {
    let folder = folder();
    for report in &REPORTS {
        let schema = stored(report);
        for command in report.commands {
            let value = printed(folder.path(), report, command);
            let found = complaints(&schema, &value);
            assert!(
                found.is_empty(),
                "viewless {command} --json is not docs/schemas/{}.json:\n{}",
                report.name,
                found.join("\n")
            );
            let accepted = accepted_mutants(&schema, &value);
            assert!(accepted.is_empty(), "{}: the schema takes\n{}", report.name, accepted.join("\n"));
        }
    }
}

/// The canary: what is renamed, added, left out or of another type must be refused, wherever it stands. Gives what was not.
fn accepted_mutants(schema: &Value, value: &Value) -> Vec<String> {
    let mut accepted = Vec::new();
    for pointer in pointers(value) {
        let mut mutate = |what: &str, change: &dyn Fn(&mut Value)| {
            let mut mutant = value.clone();
            change(mutant.pointer_mut(&pointer).expect("it is there"));
            if mutant != *value && complaints(schema, &mutant).is_empty() {
                accepted.push(format!("{what} at {pointer:?}"));
            }
        };
        mutate("another type", &|at| *at = json!({ "no such field": [[null]] }));
        mutate("one more field", &|at| {
            if let Value::Object(fields) = at {
                fields.insert("no such field".to_owned(), json!({ "no such field": [[null]] }));
            }
        });
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut mutant = value.clone();
        let field = mutant.as_object_mut().and_then(|fields| fields.remove(name)).expect("it is required");
        if complaints(schema, &mutant).is_empty() {
            accepted.push(format!("a report without `{name}`"));
        }
        mutant[format!("{name}_renamed")] = field;
        if complaints(schema, &mutant).is_empty() {
            accepted.push(format!("a report with another name for `{name}`"));
        }
    }
    accepted
}

/// Places of a value: all of its fields, and of each list the first item, so that long lists do not take long.
fn pointers(value: &Value) -> Vec<String> {
    let inner = |name: &str, value: &Value| {
        let name = name.replace('~', "~0").replace('/', "~1");
        pointers(value).into_iter().map(move |rest| format!("/{name}{rest}")).collect::<Vec<_>>()
    };
    let below: Vec<String> = match value {
        Value::Object(fields) => fields.iter().flat_map(|(name, value)| inner(name, value)).collect(),
        Value::Array(items) => items.first().map(|item| inner("0", item)).unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    [String::new()].into_iter().chain(below).collect()
}

#[test]
fn every_command_has_a_schema() {
    let help = String::from_utf8(viewless(Path::new("."), "--help").stdout).unwrap();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> =
        commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let is_of_it = |report: &&Report| report.is.split([' ', ':']).nth(1) == Some(command);
        assert!(REPORTS.iter().any(|report| is_of_it(&report)), "`viewless {command} --json` has no schema");
    }
}

#[test]
fn the_validator_refuses_what_breaks_a_rule() {
    let schema = json!({
        "type": "object",
        "required": ["a"],
        "additionalProperties": false,
        "properties": {
            "a": { "type": "integer", "minimum": 0 },
            "b": { "anyOf": [{ "const": "yes" }, { "$ref": "#/$defs/pair" }] },
            "d": { "$ref": "#/$defs/pair" },
            "c": { "type": "object", "additionalProperties": { "type": "number" }, "propertyNames": { "const": "x" } },
        },
        "$defs": { "pair": { "type": "array", "minItems": 2, "prefixItems": [{ "type": "string" }, { "type": ["null", "boolean"] }], "items": false } },
    });
    for value in
        [json!({ "a": 1 }), json!({ "a": 0, "b": "yes" }), json!({ "a": 0, "b": ["", null], "c": { "x": 0.5 } })]
    {
        assert_eq!(complaints(&schema, &value), Vec::<String>::new());
    }
    for (value, complaint) in [
        (json!({}), "/: `a` is missing"),
        (json!({ "a": 1.5 }), "/a: 1.5 is no \"integer\""),
        (json!({ "a": -1 }), "/a: -1 is below 0"),
        (json!({ "a": 1, "e": 1 }), "/e: nothing may stand here"),
        (json!({ "a": 1, "b": "no" }), "/b: \"no\" is not \"yes\""),
        (json!({ "a": 1, "d": ["x"] }), "/d: fewer than 2 items"),
        (json!({ "a": 1, "b": ["x", true, 1] }), "/b/2: nothing may stand here"),
        (json!({ "a": 1, "b": ["x", 1] }), "/b/1: 1 is no [\"null\",\"boolean\"]"),
        (json!({ "a": 1, "c": { "x": "1" } }), "/c/x: \"1\" is no \"number\""),
        (json!({ "a": 1, "c": { "y": 1 } }), "/c/y: \"y\" is not \"x\""),
        (json!([]), "/: [] is no \"object\""),
    ] {
        let found = complaints(&schema, &value);
        assert!(found.contains(&complaint.to_owned()), "{value}: {found:?}");
    }
}
