//! A type's JSON schema as the engine's types.
//!
//! The definitions of a schema refer to each other. Each is compiled once and shared wherever nothing is marked below it
//! (thousands of properties of a dashboard are a few hundred definitions); one that refers to itself is any JSON from
//! there on, so that every type is finite.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map as JsonMap, Value as Json};
use trueup_engine::embedded::names_credential;
use trueup_engine::schema::{DefaultValue, List, Order, Pattern, Property, Secrecy, Text, Type};

use super::groups::{Group, Groups};
use super::marks::Marks;

/// What the names of a document's members are.
type Object = JsonMap<String, Json>;

/// The deepest nesting that is followed.
const DEEPEST: usize = 48;

/// Something of a schema that is not taken over, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// What kind of loss.
    pub what: Lost,
    /// Where: a definition or a property.
    pub at: String,
}

/// What was not taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// A definition refers to itself: any JSON from there on.
    Recursion,
    /// A condition between properties that is not enforced.
    Condition,
    /// A reference to nothing.
    Reference,
}

/// Compiles types; what it makes lives as long as the process.
pub(super) struct Compiler<'a> {
    root: &'a Json,
    /// The definitions that are being compiled, outermost first.
    open: Vec<&'a str>,
    /// What a definition came to, for those of its open ones that it can reach.
    done: HashMap<(&'a str, Vec<&'a str>), Type>,
    /// The definitions that one can reach.
    reach: HashMap<&'a str, BTreeSet<&'a str>>,
    /// Conditions between the members of an object.
    pub(super) groups: Groups,
    pub(super) losses: BTreeSet<Loss>,
    pub(super) patterns: BTreeSet<&'static str>,
    depth: usize,
    /// Nothing changes in place.
    fixed: bool,
}

impl<'a> Compiler<'a> {
    /// A compiler of a schema; `fixed` says that no property changes in place.
    pub(super) fn new(root: &'a Json, fixed: bool) -> Self {
        Self {
            root,
            open: Vec::new(),
            done: HashMap::new(),
            reach: HashMap::new(),
            groups: Groups::default(),
            losses: BTreeSet::new(),
            patterns: BTreeSet::new(),
            depth: 0,
            fixed,
        }
    }

    /// The properties of the whole.
    pub(super) fn properties(&mut self, marks: &Marks) -> &'static [Property] {
        let root: &'a Json = self.root;
        let Some(schema) = root.as_object() else { return &[] };
        let shapes = self.shapes(schema);
        self.members(&shapes, marks, "")
    }

    fn lost(&mut self, what: Lost, at: &str) {
        self.losses.insert(Loss { what, at: at.to_owned() });
    }

    /// What `$ref` names: the name of a definition and the definition.
    fn target(&self, reference: &'a str) -> Option<(&'a str, &'a Json)> {
        let root: &'a Json = self.root;
        Some((reference, root.pointer(reference.strip_prefix('#')?)?))
    }

    fn ty(&mut self, schema: &'a Json, marks: &Marks, at: &str) -> Type {
        let Some(object) = schema.as_object() else { return Type::Any };
        if self.depth >= DEEPEST {
            self.lost(Lost::Recursion, at);
            return Type::Json;
        }
        if let Some(reference) = object.get("$ref").and_then(Json::as_str) {
            let Some((name, target)) = self.target(reference) else {
                self.lost(Lost::Reference, reference);
                return Type::Any;
            };
            return self.definition(name, target, marks);
        }
        self.depth += 1;
        let ty = self.plain(object, marks, at);
        self.depth -= 1;
        ty
    }

    fn definition(&mut self, name: &'a str, target: &'a Json, marks: &Marks) -> Type {
        if self.open.contains(&name) {
            self.lost(Lost::Recursion, name);
            return Type::Json;
        }
        let key = marks.is_empty().then(|| {
            let reach = self.reachable(name);
            let open: BTreeSet<&str> = self.open.iter().copied().filter(|open| reach.contains(open)).collect();
            (name, open.into_iter().collect::<Vec<_>>())
        });
        if let Some(known) = key.as_ref().and_then(|key| self.done.get(key)) {
            return *known;
        }
        self.open.push(name);
        let ty = self.ty(target, marks, name);
        self.open.pop();
        if let Some(key) = key {
            self.done.insert(key, ty);
        }
        ty
    }

    /// The definitions that a definition refers to, through others too.
    fn reachable(&mut self, name: &'a str) -> BTreeSet<&'a str> {
        if let Some(known) = self.reach.get(name) {
            return known.clone();
        }
        let mut seen = BTreeSet::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            let Some((_, target)) = self.target(next) else { continue };
            let mut references = Vec::new();
            references_in(target, &mut references);
            open.extend(references.into_iter().filter(|reference| seen.insert(*reference)));
        }
        self.reach.insert(name, seen.clone());
        seen
    }

    fn plain(&mut self, schema: &'a Object, marks: &Marks, at: &str) -> Type {
        let named = names_of_types(schema);
        match named.as_slice() {
            [] => self.untyped(schema, marks, at),
            [one] => self.of_type(one, schema, marks, at),
            // A document that may also be given as a text.
            several if several.iter().all(|name| matches!(*name, "object" | "array" | "string")) => Type::Json,
            several if several.len() > 3 => Type::Any,
            several => {
                let members: Vec<Type> = several.iter().map(|name| self.of_type(name, schema, marks, at)).collect();
                Type::Union(members.leak())
            }
        }
    }

    fn of_type(&mut self, name: &str, schema: &'a Object, marks: &Marks, at: &str) -> Type {
        match name {
            "string" => Type::Text(self.text(schema)),
            "integer" => Type::Integer {
                min: bound(schema, "minimum").map_or(i64::MIN, whole),
                max: bound(schema, "maximum").map_or(i64::MAX, whole),
            },
            "number" => Type::Number {
                min: bound(schema, "minimum").unwrap_or(f64::MIN),
                max: bound(schema, "maximum").unwrap_or(f64::MAX),
            },
            "boolean" => Type::Boolean,
            "array" => self.list(schema, marks, at),
            "object" => self.object(schema, marks, at),
            _ => Type::Any,
        }
    }

    /// Without a type of its own it is what its members and alternatives say.
    fn untyped(&mut self, schema: &'a Object, marks: &Marks, at: &str) -> Type {
        if schema.contains_key("properties") || schema.contains_key("patternProperties") {
            return self.object(schema, marks, at);
        }
        if schema.contains_key("items") {
            return self.list(schema, marks, at);
        }
        let alternatives: Vec<&'a Json> = ["oneOf", "anyOf", "allOf"]
            .iter()
            .filter_map(|key| schema.get(*key)?.as_array())
            .flatten()
            .filter(|alternative| !is_condition(alternative))
            .collect();
        let resolved: Vec<&'a Json> = alternatives.iter().map(|alternative| self.resolve(alternative)).collect();
        if !resolved.is_empty() && resolved.iter().all(|alternative| is_object(alternative)) {
            return self.object(schema, marks, at);
        }
        if schema.contains_key("enum") || schema.contains_key("pattern") {
            return Type::Text(self.text(schema));
        }
        let mut members: Vec<Type> = alternatives.iter().map(|alternative| self.ty(alternative, marks, at)).collect();
        match members.as_slice() {
            [] => Type::Any,
            [one] => *one,
            several if several.iter().all(|ty| matches!(ty, Type::Text(_))) => Type::Text(Text::ANY),
            several if several.iter().any(|ty| matches!(ty, Type::Any)) => Type::Any,
            several if several.iter().all(|ty| matches!(ty, Type::Text(_) | Type::Object(_) | Type::Json)) => {
                Type::Json
            }
            _ => {
                // A text is a text before it is a document.
                members.sort_by_key(|ty| matches!(ty, Type::Json | Type::Union(_)));
                Type::Union(members.leak())
            }
        }
    }

    fn text(&mut self, schema: &Object) -> Text {
        let text = text(schema);
        self.patterns.extend(text.pattern.map(|pattern| pattern.regex));
        text
    }

    fn list(&mut self, schema: &'a Object, marks: &Marks, at: &str) -> Type {
        let item = match schema.get("items") {
            Some(items) => self.ty(items, &marks.every(), at),
            None => Type::Any,
        };
        let flag = |name: &str| schema.get(name).and_then(Json::as_bool);
        let attributes = schema.get("arrayType").and_then(Json::as_str) == Some("AttributeList");
        let key_and_value = matches!(item, Type::Object(members) if is_tag(members));
        let order = match flag("insertionOrder") {
            _ if key_and_value => Order::Keyed("Key"),
            Some(false) => Order::Set,
            None if attributes => Order::Set,
            _ => Order::Ordered,
        };
        let max = schema.get("maxItems").and_then(Json::as_u64).map_or(usize::MAX, count);
        Type::List(Box::leak(Box::new(List { item, order, max })))
    }

    fn object(&mut self, schema: &'a Object, marks: &Marks, at: &str) -> Type {
        let shapes = self.shapes(schema);
        let any = |key: &str| shapes.iter().any(|shape| shape.schema.contains_key(key));
        let is_open = shapes.iter().any(|shape| shape.schema.get("additionalProperties") == Some(&Json::Bool(true)));
        let has_members = shapes.iter().any(|shape| !members_of(shape.schema).is_empty());
        if has_members {
            if is_open || any("patternProperties") {
                return Type::Json;
            }
            return Type::Object(self.members(&shapes, marks, at));
        }
        let patterns = schema.get("patternProperties").and_then(Json::as_object);
        let values: Vec<&'a Json> = match patterns {
            Some(patterns) => patterns.values().collect(),
            None => schema.get("additionalProperties").filter(|value| value.is_object()).into_iter().collect(),
        };
        match values.as_slice() {
            [] => Type::Json,
            [one] => {
                let value = self.ty(one, &marks.every(), at);
                Type::Map(Box::leak(Box::new(value)))
            }
            _ => Type::Map(&Type::Any),
        }
    }

    /// An object and the alternatives that add members to it.
    fn shapes(&mut self, schema: &'a Object) -> Vec<Shape<'a>> {
        let mut shapes = vec![Shape { schema, whole: true }];
        for (key, whole) in [("allOf", true), ("oneOf", false), ("anyOf", false)] {
            let alternatives = schema.get(key).and_then(Json::as_array);
            for alternative in alternatives.into_iter().flatten() {
                if let Some(object) = self.resolve(alternative).as_object() {
                    shapes.push(Shape { schema: object, whole });
                }
            }
        }
        shapes
    }

    /// What stands behind a reference.
    fn resolve(&self, mut schema: &'a Json) -> &'a Json {
        for _ in 0..DEEPEST {
            let target = schema.get("$ref").and_then(Json::as_str).and_then(|reference| self.target(reference));
            let Some((_, next)) = target else { break };
            schema = next;
        }
        schema
    }

    fn members(&mut self, shapes: &[Shape<'a>], marks: &Marks, at: &str) -> &'static [Property] {
        let mut names: Vec<(&'a str, &'a Json)> = Vec::new();
        let mut required: BTreeSet<&str> = BTreeSet::new();
        for shape in shapes {
            for (name, member) in members_of(shape.schema) {
                if !names.iter().any(|(known, _)| *known == name) {
                    names.push((name, member));
                }
            }
            if shape.whole {
                required.extend(texts(shape.schema, "required"));
            }
        }
        let mut properties = Vec::with_capacity(names.len());
        for (name, schema) in names {
            let marks = marks.member(name);
            let mut property = self.property(name, schema, &marks, at);
            // What the service makes cannot be asked of anybody.
            property.required = required.contains(name) && !property.read_only;
            property.immutable |= at.is_empty() && self.fixed;
            properties.push(property);
        }
        let properties: &'static [Property] = properties.leak();
        let groups = shapes.iter().filter(|shape| shape.whole).flat_map(|shape| self.conditions(shape.schema, at));
        let groups: Vec<Group> = groups.collect::<Vec<_>>().into_iter().flatten().collect();
        self.groups.add(properties, groups);
        properties
    }

    fn conditions(&mut self, schema: &'a Object, at: &str) -> Vec<Option<Group>> {
        let resolve = |alternative: &'a Json| self.resolve(alternative);
        let groups: Vec<Option<Group>> = Group::of(schema, &resolve);
        if groups.iter().any(Option::is_none) {
            self.lost(Lost::Condition, at);
        }
        groups
    }

    fn property(&mut self, name: &str, schema: &'a Json, marks: &Marks, at: &str) -> Property {
        let place = format!("{at}/{name}");
        let ty = self.ty(schema, marks, &place);
        let doc = self.doc(schema);
        let mut property = Property::new(leaked(name), ty, doc).kept().says_empty();
        property.read_only = marks.read_only || all_members(&ty, |member| member.read_only);
        property.immutable = marks.create_only;
        property.usual = self.usual(schema);
        property.secrecy = match ty {
            Type::Text(text) if text.allowed.is_empty() && names_credential(name) => Secrecy::Secret,
            Type::Map(Type::Text(_)) => Secrecy::Members(&[]),
            _ => Secrecy::Public,
        };
        if !property.read_only && (marks.write_only || all_members(&ty, |member| member.unseen)) {
            property = property.unseen();
        }
        property
    }

    /// The plain default of a schema.
    fn usual(&self, schema: &'a Json) -> Option<DefaultValue> {
        match schema.get("default").or_else(|| self.resolve(schema).get("default"))? {
            Json::String(text) => Some(DefaultValue::Text(leaked(text))),
            Json::Bool(flag) => Some(DefaultValue::Boolean(*flag)),
            number => number.as_i64().map(DefaultValue::Integer),
        }
    }

    /// The first sentence of a description.
    fn doc(&self, schema: &'a Json) -> &'static str {
        let own = |schema: &'a Json| schema.get("description").and_then(Json::as_str);
        let text = own(schema).or_else(|| own(self.resolve(schema))).unwrap_or_default();
        let text = text.trim().lines().next().unwrap_or_default();
        let end = text.find(". ").unwrap_or(text.len());
        let sentence: String = text[..end].trim().trim_end_matches('.').chars().take(240).collect();
        if sentence.is_empty() { "" } else { leaked(&format!("{sentence}.")) }
    }
}

/// An object, or an alternative of one.
struct Shape<'a> {
    schema: &'a Object,
    /// It always holds.
    whole: bool,
}

pub(crate) fn leaked(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn names_of_types(schema: &Object) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).filter(|name| *name != "null").collect(),
        _ => Vec::new(),
    }
}

/// Whether an alternative only says which members are needed.
fn is_condition(alternative: &Json) -> bool {
    alternative.as_object().is_some_and(|object| {
        !["type", "$ref", "properties", "items", "patternProperties", "enum", "pattern", "oneOf", "anyOf"]
            .iter()
            .any(|key| object.contains_key(*key))
    })
}

fn is_object(schema: &Json) -> bool {
    let typed = schema.get("type").and_then(Json::as_str);
    typed == Some("object") || (typed.is_none() && schema.get("properties").is_some())
}

fn members_of(schema: &Object) -> Vec<(&str, &Json)> {
    let members = schema.get("properties").and_then(Json::as_object);
    members.into_iter().flatten().map(|(name, member)| (name.as_str(), member)).collect()
}

pub(super) fn texts<'a>(schema: &'a Object, key: &str) -> Vec<&'a str> {
    schema.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect()
}

fn references_in<'a>(schema: &'a Json, found: &mut Vec<&'a str>) {
    match schema {
        Json::Object(object) => {
            found.extend(object.get("$ref").and_then(Json::as_str));
            object.values().for_each(|member| references_in(member, found));
        }
        Json::Array(items) => items.iter().for_each(|item| references_in(item, found)),
        _ => {}
    }
}

fn all_members(ty: &Type, fits: impl Fn(&Property) -> bool) -> bool {
    match ty {
        Type::Object(members) => !members.is_empty() && members.iter().all(fits),
        Type::List(List { item: Type::Object(members), .. }) => !members.is_empty() && members.iter().all(fits),
        _ => false,
    }
}

/// Items with a `Key` and a `Value` and nothing else that matters are told apart by the key.
fn is_tag(members: &[Property]) -> bool {
    let text = |name: &str| members.iter().any(|member| member.name == name && matches!(member.ty, Type::Text(_)));
    members.len() == 2 && text("Key") && text("Value")
}

fn bound(schema: &Object, key: &str) -> Option<f64> {
    schema.get(key)?.as_f64()
}

#[expect(clippy::cast_possible_truncation, reason = "a bound beyond an integer's is none")]
fn whole(bound: f64) -> i64 {
    bound as i64
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn text(schema: &Object) -> Text {
    let allowed: Vec<&'static str> = texts(schema, "enum").into_iter().map(leaked).collect();
    let length = |key: &str| schema.get(key).and_then(Json::as_u64).map(count);
    let pattern = schema.get("pattern").and_then(Json::as_str).filter(|pattern| *pattern != ".*");
    Text {
        min: length("minLength").unwrap_or(0),
        max: length("maxLength").unwrap_or(usize::MAX),
        pattern: pattern.map(|pattern| {
            const BEFORE: &str = "a text that matches `";
            let words = leaked(&format!("{BEFORE}{pattern}`"));
            Pattern { regex: &words[BEFORE.len()..words.len() - 1], words }
        }),
        allowed: allowed.leak(),
    }
}
