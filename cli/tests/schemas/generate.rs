//! JSON Schemas (draft 2020-12) of types, by the rules of serde.

use super::source::{Definition, Named, Place, Source, Told, documentation};
use super::units;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use syn::{Expr, Fields, GenericArgument, ItemEnum, ItemStruct, Lit, PathArguments, Type};

/// Makes one schema, with the definitions that it refers to.
pub(crate) struct Generator<'a> {
    source: &'a Source,
    definitions: BTreeMap<String, Value>,
    /// Where the type of each definition stands: two types may have one name.
    places: BTreeMap<String, Place>,
}

/// The fields of an object, as far as they are known.
#[derive(Clone, Default)]
struct Object {
    properties: Map<String, Value>,
    required: Vec<String>,
}

impl Object {
    fn schema(self) -> Value {
        let Self { properties, required } = self;
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }

    fn with(mut self, other: Self) -> Self {
        self.properties.extend(other.properties);
        self.required.extend(other.required);
        self
    }
}

/// The schema of the type at a path such as `workbench::bill::CostReport`.
pub(crate) fn schema(source: &Source, title: &str, description: &str, path: &str) -> Value {
    let place: Place = path.split("::").map(str::to_owned).collect();
    let (name, modules) = place.split_last().expect("a path has a name");
    let mut generator = Generator { source, definitions: BTreeMap::new(), places: BTreeMap::new() };
    let root = generator.named(source.find(std::slice::from_ref(name), &modules.to_vec()));
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(title));
    schema.extend(root.as_object().expect("a schema is an object").clone());
    schema.insert("description".to_owned(), json!(description));
    if !generator.definitions.is_empty() {
        schema.insert("$defs".to_owned(), json!(generator.definitions));
    }
    Value::Object(schema)
}

fn described(mut schema: Value, description: String) -> Value {
    if !description.is_empty() {
        schema["description"] = json!(description);
    }
    schema
}

fn any_of(mut schemas: Vec<Value>) -> Value {
    if schemas.len() == 1 { schemas.remove(0) } else { json!({ "anyOf": schemas }) }
}

impl Generator<'_> {
    /// What a type is written as, where it stands in a file.
    fn of(&mut self, of: &Type, place: &Place) -> Value {
        match of {
            Type::Reference(reference) => self.of(&reference.elem, place),
            Type::Slice(slice) => json!({ "type": "array", "items": self.of(&slice.elem, place) }),
            Type::Array(array) => {
                let items = self.of(&array.elem, place);
                match &array.len {
                    Expr::Lit(literal) => {
                        let Lit::Int(length) = &literal.lit else { panic!("a length is a number") };
                        let length: u64 = length.base10_parse().expect("a length is a number");
                        json!({ "type": "array", "items": items, "minItems": length, "maxItems": length })
                    }
                    _ => json!({ "type": "array", "items": items }),
                }
            }
            Type::Tuple(tuple) => self.tuple(tuple.elems.iter(), place),
            Type::Path(path) => {
                let segments: Vec<String> = path.path.segments.iter().map(|step| step.ident.to_string()).collect();
                let last = path.path.segments.last().expect("a path has a name");
                let arguments: Vec<&Type> = match &last.arguments {
                    PathArguments::AngleBracketed(list) => list.args.iter().filter_map(a_type).collect(),
                    PathArguments::None | PathArguments::Parenthesized(_) => Vec::new(),
                };
                self.of_path(&segments, &arguments, place)
            }
            _ => panic!("a type in {} is not known to the schemas", place.join("::")),
        }
    }

    fn tuple<'t>(&mut self, elements: impl Iterator<Item = &'t Type>, place: &Place) -> Value {
        let items: Vec<Value> = elements.map(|element| self.of(element, place)).collect();
        json!({ "type": "array", "minItems": items.len(), "prefixItems": items, "items": false })
    }

    fn of_path(&mut self, path: &[String], arguments: &[&Type], place: &Place) -> Value {
        match (path.last().expect("a path has a name").as_str(), arguments) {
            ("String" | "str" | "PathBuf" | "Path" | "char", []) => json!({ "type": "string" }),
            ("bool", []) => json!({ "type": "boolean" }),
            ("u8" | "u16" | "u32" | "u64" | "usize", []) => json!({ "type": "integer", "minimum": 0 }),
            ("i8" | "i16" | "i32" | "i64" | "isize", []) => json!({ "type": "integer" }),
            ("f32" | "f64", []) => json!({ "type": "number" }),
            ("Option", [inner]) => {
                let mut schema = self.of(inner, place);
                match schema.get("type") {
                    Some(Value::String(one)) if schema.get("enum").is_none() => {
                        schema["type"] = json!([one, "null"]);
                        schema
                    }
                    _ => json!({ "anyOf": [schema, { "type": "null" }] }),
                }
            }
            ("Box" | "Arc" | "Rc" | "Cow", [inner]) => self.of(inner, place),
            ("Vec", [inner]) => json!({ "type": "array", "items": self.of(inner, place) }),
            ("SmallVec", [Type::Array(array)]) => {
                json!({ "type": "array", "items": self.of(&array.elem, place) })
            }
            ("BTreeMap", [key, value]) => {
                let mut schema = json!({ "type": "object", "additionalProperties": self.of(value, place) });
                let keys = self.of(key, place);
                if keys != json!({ "type": "string" }) {
                    schema["propertyNames"] = keys;
                }
                schema
            }
            (_, []) => {
                let named = self.source.find(path, place);
                self.reference(named)
            }
            (name, _) => panic!("`{name}` in {} has parameters that the schemas do not know", place.join("::")),
        }
    }

    /// A reference to the definition of a type; an alias is what it stands for.
    fn reference(&mut self, named: &Named) -> Value {
        if let Definition::Alias(of) = &named.definition {
            return self.of(of, &named.place);
        }
        let mut name = named.name.clone();
        if self.places.get(&name).is_some_and(|place| *place != named.place) {
            name = format!("{}-{name}", named.place.join("-"));
        }
        if self.places.insert(name.clone(), named.place.clone()).is_none() {
            let schema = self.named(named);
            self.definitions.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn named(&mut self, named: &Named) -> Value {
        match &named.definition {
            Definition::Alias(of) => self.of(of, &named.place),
            Definition::Struct(item) => {
                let told = Told::of(&item.attrs);
                let schema = match &told.into {
                    Some(into) => self.written_as(into, &named.place),
                    None => self.structure(item, named),
                };
                described(schema, documentation(&item.attrs))
            }
            Definition::Enum(item) => described(self.enumeration(item, named), documentation(&item.attrs)),
        }
    }

    /// What `#[serde(into = "...")]` says.
    fn written_as(&mut self, into: &str, place: &Place) -> Value {
        let of = syn::parse_str(into).expect("it is a type");
        self.of(&of, place)
    }

    fn structure(&mut self, item: &ItemStruct, named: &Named) -> Value {
        match &item.fields {
            Fields::Named(_) => any_of(self.objects(named).into_iter().map(Object::schema).collect()),
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                units::with(self.of(&fields.unnamed[0].ty, &named.place), &named.name)
            }
            Fields::Unnamed(fields) => self.tuple(fields.unnamed.iter().map(|field| &field.ty), &named.place),
            Fields::Unit => json!({ "type": "null" }),
        }
    }

    /// The objects as which a type is written: several where one of several is flattened into it.
    fn objects(&mut self, named: &Named) -> Vec<Object> {
        match &named.definition {
            Definition::Struct(item) => self.fields(&item.fields, &Told::of(&item.attrs), &named.place),
            Definition::Enum(item) => {
                let told = Told::of(&item.attrs);
                item.variants.iter().flat_map(|variant| self.variant_objects(variant, &told, named)).collect()
            }
            Definition::Alias(_) => panic!("an alias is not flattened"),
        }
    }

    fn fields(&mut self, fields: &Fields, container: &Told, place: &Place) -> Vec<Object> {
        let mut objects = vec![Object::default()];
        for field in fields {
            let told = Told::of(&field.attrs);
            if told.skipped {
                continue;
            }
            if told.flatten {
                let inner = self.inner_objects(&field.ty, place);
                objects = objects
                    .iter()
                    .flat_map(|object| inner.iter().map(|inner| object.clone().with(inner.clone())))
                    .collect();
                continue;
            }
            let name = told.name(&field.ident.as_ref().expect("a named field").to_string(), container);
            let says = documentation(&field.attrs);
            let mut schema = units::with(self.of(&field.ty, place), &name);
            // JSON has no infinity: where a field says that it may be infinite, it is written as null.
            if schema["type"] == "number" && says.contains("infinite") {
                schema["type"] = json!(["number", "null"]);
            }
            let schema = described(schema, says);
            for object in &mut objects {
                object.properties.insert(name.clone(), schema.clone());
                if !told.may_be_absent {
                    object.required.push(name.clone());
                }
            }
        }
        objects
    }

    /// The objects of the type of a field or variant, through references and boxes.
    fn inner_objects(&mut self, of: &Type, place: &Place) -> Vec<Object> {
        match of {
            Type::Reference(reference) => self.inner_objects(&reference.elem, place),
            Type::Path(path) => {
                let last = path.path.segments.last().expect("a path has a name");
                if let PathArguments::AngleBracketed(list) = &last.arguments
                    && (last.ident == "Box" || last.ident == "Option")
                {
                    let inner = list.args.iter().find_map(a_type).expect("it holds a type");
                    let objects = self.inner_objects(inner, place);
                    // Of nothing, nothing is written.
                    let nothing = (last.ident == "Option").then(Object::default);
                    return nothing.into_iter().chain(objects).collect();
                }
                let segments: Vec<String> = path.path.segments.iter().map(|step| step.ident.to_string()).collect();
                let named = self.source.find(&segments, place);
                self.objects(named)
            }
            _ => panic!("a type in {} cannot be flattened", place.join("::")),
        }
    }

    /// The objects as which a variant is written that shows its fields beside its tag, or no tag at all, or under its name.
    fn variant_objects(&mut self, variant: &syn::Variant, container: &Told, named: &Named) -> Vec<Object> {
        let name = Told::of(&variant.attrs).name(&variant.ident.to_string(), container);
        if !container.untagged && container.tag.is_none() {
            let schema = described(self.contents(&variant.fields, &name, &named.place), documentation(&variant.attrs));
            return vec![Object { properties: Map::from_iter([(name.clone(), schema)]), required: vec![name] }];
        }
        let inner = match (&variant.fields, &container.content) {
            (Fields::Unit, _) => vec![Object::default()],
            (fields, Some(content)) => {
                let schema = self.contents(fields, &name, &named.place);
                let schema = described(schema, documentation(&variant.attrs));
                let properties = Map::from_iter([(content.clone(), schema)]);
                vec![Object { properties, required: vec![content.clone()] }]
            }
            (fields @ Fields::Named(_), None) => self.fields(fields, &Told::default(), &named.place),
            (Fields::Unnamed(fields), None) => self.inner_objects(&fields.unnamed[0].ty, &named.place),
        };
        let Some(tag) = &container.tag else { return inner };
        let tag = Object {
            properties: Map::from_iter([(
                tag.clone(),
                described(json!({ "const": name }), documentation(&variant.attrs)),
            )]),
            required: vec![tag.clone()],
        };
        inner.into_iter().map(|object| tag.clone().with(object)).collect()
    }

    /// What stands under the name of a variant.
    fn contents(&mut self, fields: &Fields, variant: &str, place: &Place) -> Value {
        match fields {
            Fields::Named(_) => {
                any_of(self.fields(fields, &Told::default(), place).into_iter().map(Object::schema).collect())
            }
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                units::with(self.of(&fields.unnamed[0].ty, place), variant)
            }
            Fields::Unnamed(fields) => {
                units::with(self.tuple(fields.unnamed.iter().map(|field| &field.ty), place), variant)
            }
            Fields::Unit => json!({ "type": "null" }),
        }
    }

    fn enumeration(&mut self, item: &ItemEnum, named: &Named) -> Value {
        let container = Told::of(&item.attrs);
        if container.untagged || container.tag.is_some() {
            return any_of(self.objects(named).into_iter().map(Object::schema).collect());
        }
        let variants = item.variants.iter().map(|variant| {
            let told = Told::of(&variant.attrs);
            let name = told.name(&variant.ident.to_string(), &container);
            let schema = match &variant.fields {
                Fields::Unit => json!({ "const": name }),
                fields => {
                    let inner = self.contents(fields, &variant.ident.to_string(), &named.place);
                    let inner = described(inner, documentation(&variant.attrs));
                    Object { properties: Map::from_iter([(name.clone(), inner)]), required: vec![name] }.schema()
                }
            };
            described(schema, documentation(&variant.attrs))
        });
        any_of(variants.collect())
    }
}

fn a_type(argument: &GenericArgument) -> Option<&Type> {
    match argument {
        GenericArgument::Type(of) => Some(of),
        _ => None,
    }
}
