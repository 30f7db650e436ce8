//! The types of the workspace that are written as JSON, read from its sources: what stands in a report is what serde makes of them, and
//! what a field means is what its documentation says.
//!
//! A derive in each of the crates would say the same, and everybody would build it; here only this test does.

use std::fs;
use std::path::Path;
use syn::{Attribute, Expr, Item, ItemEnum, ItemStruct, Lit, LitStr, Meta, UseTree};

/// Rooms whose types come into reports.
const ROOMS: [&str; 10] =
    ["protocols", "simulator", "models", "training", "proofs", "published", "planner", "workbench", "tests", "cli"];

/// Where a type is defined: its room, then its modules.
pub(crate) type Place = Vec<String>;

/// A type of the workspace.
pub(crate) enum Definition {
    Struct(ItemStruct),
    Enum(ItemEnum),
    Alias(syn::Type),
}

/// A type with its name and place.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) definition: Definition,
}

/// All types of the workspace, and what each file calls by which name.
pub(crate) struct Source {
    types: Vec<Named>,
    /// Place of the file, name that is used there, path that it stands for.
    uses: Vec<(Place, String, Vec<String>)>,
}

impl Source {
    /// Reads the sources of all rooms.
    pub(crate) fn read(root: &Path) -> Self {
        let mut source = Self { types: Vec::new(), uses: Vec::new() };
        for room in ROOMS {
            source.read_folder(&root.join(room).join("src"), &vec![room.to_owned()]);
        }
        source
    }

    fn read_folder(&mut self, folder: &Path, place: &Place) {
        for entry in fs::read_dir(folder).expect("the sources can be read") {
            let path = entry.expect("the sources can be read").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let inner = || place.iter().cloned().chain([stem.clone()]).collect::<Place>();
            if path.is_dir() {
                self.read_folder(&path, &inner());
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let at = if matches!(stem.as_str(), "mod" | "lib") { place.clone() } else { inner() };
                let text = fs::read_to_string(&path).expect("a source is text");
                let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                file.items.into_iter().for_each(|item| self.read_item(item, &at));
            }
        }
    }

    fn read_item(&mut self, item: Item, place: &Place) {
        let (name, definition) = match item {
            Item::Struct(item) => (item.ident.to_string(), Definition::Struct(item)),
            Item::Enum(item) => (item.ident.to_string(), Definition::Enum(item)),
            Item::Type(item) => (item.ident.to_string(), Definition::Alias(*item.ty)),
            Item::Use(item) => return self.read_use(item.tree, &mut Vec::new(), place),
            // Functions, implementations and modules within a file name no type that is written.
            _ => return,
        };
        self.types.push(Named { name, place: place.clone(), definition });
    }

    fn read_use(&mut self, tree: UseTree, path: &mut Vec<String>, place: &Place) {
        let mut found = |name: String, last: String, path: &[String]| {
            self.uses.push((place.clone(), name, path.iter().cloned().chain([last]).collect()));
        };
        match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                self.read_use(*step.tree, path, place);
                path.pop();
            }
            UseTree::Name(name) => found(name.ident.to_string(), name.ident.to_string(), path),
            UseTree::Rename(name) => found(name.rename.to_string(), name.ident.to_string(), path),
            UseTree::Group(group) => group.items.into_iter().for_each(|tree| self.read_use(tree, path, place)),
            _ => {}
        }
    }

    /// The type that is meant by a path in a file.
    ///
    /// # Panics
    /// If none or several could be meant.
    pub(crate) fn find(&self, path: &[String], place: &Place) -> &Named {
        let mut path = path.to_vec();
        if let Some((_, _, used)) = self.uses.iter().find(|(at, name, _)| at == place && *name == path[0]) {
            path.splice(..1, used.iter().cloned());
        }
        let (name, modules) = path.split_last().expect("a path has a name");
        let room = modules.first().and_then(|first| first.strip_prefix("viewless_")).unwrap_or(&place[0]);
        let called: Vec<&Named> = self.types.iter().filter(|one| one.name == *name && one.place[0] == *room).collect();
        // The nearest: in the file itself, else below the module that is named, else the only one of its room.
        let within = |one: &&&Named| {
            let named = modules.last().is_some_and(|last| one.place.contains(last));
            if modules.is_empty() { one.place == *place } else { named }
        };
        let nearest: Vec<&Named> = called.iter().filter(within).copied().collect();
        let found = if nearest.is_empty() { called } else { nearest };
        match found[..] {
            [one] => one,
            [] => panic!("no type `{}` is found from {}", path.join("::"), place.join("::")),
            _ => panic!("several types could be `{}` in {}", path.join("::"), place.join("::")),
        }
    }
}

/// What serde is told about a type, a variant or a field.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) rename: Option<String>,
    pub(crate) rename_all: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) into: Option<String>,
    pub(crate) untagged: bool,
    pub(crate) transparent: bool,
    pub(crate) flatten: bool,
    pub(crate) skipped: bool,
    pub(crate) may_be_absent: bool,
}

impl Told {
    /// Reads the attributes.
    ///
    /// # Panics
    /// On one that changes what is written, and that is not known here.
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut told = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            let parsed = attribute.parse_nested_meta(|meta| {
                let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                let text =
                    if meta.input.peek(syn::Token![=]) { Some(meta.value()?.parse::<LitStr>()?.value()) } else { None };
                match (name.as_str(), text) {
                    ("rename", text) => told.rename = text,
                    ("rename_all", text) => told.rename_all = text,
                    ("tag", text) => told.tag = text,
                    ("content", text) => told.content = text,
                    ("into", text) => told.into = text,
                    ("untagged", None) => told.untagged = true,
                    ("transparent", None) => told.transparent = true,
                    ("flatten", None) => told.flatten = true,
                    ("skip" | "skip_serializing", None) => told.skipped = true,
                    ("skip_serializing_if", Some(_)) => told.may_be_absent = true,
                    // These say how it is read.
                    ("default" | "deny_unknown_fields" | "try_from", _) => {}
                    _ => return Err(meta.error(format!("`{name}` of serde is not known to the schemas"))),
                }
                Ok(())
            });
            parsed.unwrap_or_else(|error| panic!("{error}"));
        }
        told
    }

    /// The name under which something is written.
    pub(crate) fn name(&self, own: &str, of_container: &Self) -> String {
        let renamed = || match of_container.rename_all.as_deref() {
            None => own.to_owned(),
            Some("lowercase") => own.to_lowercase(),
            Some("kebab-case") => kebab(own),
            Some("snake_case") => kebab(own).replace('-', "_"),
            Some(other) => panic!("rename_all = \"{other}\" is not known to the schemas"),
        };
        self.rename.clone().unwrap_or_else(renamed)
    }
}

/// `ModelOwner` and `model_owner` as `model-owner`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for (position, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && position > 0 {
            text.push('-');
        }
        text.extend(if letter == '_' { vec!['-'] } else { letter.to_lowercase().collect() });
    }
    text
}

/// The documentation of something, in one paragraph, without the marks of links.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    text.replace("[`", "`").replace("`]", "`").replace("Self::", "")
}
