//! Properties against the schema: names, types, lengths, patterns, required and read-only ones, one-of groups.
//!
//! One diagnostic a mistake and no cascade: what is below a wrong value is not looked at, and kind-specific rules are
//! asked only about properties that the schema accepts.

use std::borrow::Cow;

use super::from_text;
use super::reach::Reach;
use super::text::{is_true, problem_of};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::embedded;
use crate::kind::Kind;
use crate::manifest::scalar::{self, Plain};
use crate::schema::{List, OneOf, Order, Property, Secrecy, Text, Type, is_secret_member};
use crate::secret::{Form, LITERAL};
use crate::source::Sources;
use crate::stack::Instance;
use crate::value::{Map, Value, push_token};

mod secrets;

use secrets::{has_secret, holds_secret, one_secret};

/// Checks and cleans the properties of one instance: nulls go, secrets become secrets.
pub fn check(
    kind: &'static dyn Kind,
    instance: &Instance,
    properties: Map,
    sources: &mut Sources,
    reach: &mut Reach<'_>,
    diagnostics: &mut Diagnostics,
) -> Map {
    let reach = Some(reach);
    check_all(Checker { kind, instance, sources, reach, late: None, diagnostics, wrong: Vec::new() }, properties)
}

/// The same once every expression was evaluated; `late` has the expressions.
pub fn check_late(
    kind: &'static dyn Kind,
    instance: &Instance,
    late: &Map,
    properties: Map,
    diagnostics: &mut Diagnostics,
) -> Map {
    let sources = &mut Sources::default();
    let late = Some(late);
    check_all(Checker { kind, instance, sources, reach: None, late, diagnostics, wrong: Vec::new() }, properties)
}

fn check_all(mut checker: Checker<'_, '_>, properties: Map) -> Map {
    let (kind, instance) = (checker.kind, checker.instance);
    if kind.is_opaque() {
        return properties;
    }
    let properties = checker.object(kind.schema().properties, properties, &mut String::new());
    checker.one_of(kind.schema().one_of, &properties);
    if checker.late.is_none() {
        checker.ignored();
    }
    let wrong = std::mem::take(&mut checker.wrong);
    for finding in kind.check(&properties) {
        // Quiet about what is wrong already.
        let below = |pointer: &str| {
            finding.pointer == pointer
                || finding.pointer.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'))
        };
        if wrong.iter().any(|pointer| below(pointer)) {
            continue;
        }
        // An address that carries credentials was meant to be public, and is not.
        let text = crate::value::at(&properties, &finding.pointer).and_then(Value::as_str);
        let closed = text.is_some_and(holds_credentials);
        // A kind that has more to say of a secret that is written in the manifest says it alone.
        if matches!(crate::value::at(&properties, &finding.pointer), Some(Value::Secret(known)) if known.source() == LITERAL)
        {
            let span = instance.spans.value(&finding.pointer);
            checker.diagnostics.retain(|said| said.code != "M310" || said.span() != Some(span));
        }
        let before = checker.diagnostics.iter().len();
        let severity = if finding.warning { Severity::Warning } else { Severity::Error };
        let span =
            if finding.on_key { instance.spans.key(&finding.pointer) } else { instance.spans.value(&finding.pointer) };
        checker.diagnostics.push(Diagnostic {
            code: finding.code,
            severity,
            summary: finding.summary,
            labels: vec![(span, String::new())],
            notes: Vec::new(),
            help: finding.help,
        });
        if closed {
            checker.close(&finding.pointer, before);
        }
    }
    properties
}

struct Checker<'a, 'r> {
    kind: &'static dyn Kind,
    instance: &'a Instance,
    sources: &'a mut Sources,
    /// Where variables go; nobody asks once every expression was evaluated.
    reach: Option<&'a mut Reach<'r>>,
    /// The expressions that the properties came from, where they have been evaluated.
    late: Option<&'a Map>,
    diagnostics: &'a mut Diagnostics,
    /// Pointers of what was found wrong.
    wrong: Vec<String>,
}

impl Checker<'_, '_> {
    fn error(&mut self, code: &'static str, pointer: &str, on_key: bool, summary: String, help: Option<String>) {
        let span = if on_key { self.instance.spans.key(pointer) } else { self.instance.spans.value(pointer) };
        let mut diagnostic = Diagnostic::error(code, summary).at(span);
        diagnostic.help = help;
        self.diagnostics.push(diagnostic);
        self.wrong.push(pointer.to_owned());
    }

    /// Keeps a public value out of sight that turned out to hold credentials; `said` is where its findings begin.
    fn close(&mut self, pointer: &str, said: usize) {
        self.sources.mask(self.instance.spans.value(pointer));
        let Some(reach) = &mut self.reach else { return };
        let variables = reach.variables(self.instance, pointer);
        if !variables.is_empty() {
            reach.keep(self.diagnostics.iter().skip(said));
            reach.secret(self.instance, pointer, variables);
        }
    }

    fn object(&mut self, schema: &'static [Property], map: Map, pointer: &mut String) -> Map {
        let length = pointer.len();
        let mut clean = Map::with_capacity(map.len());
        // Flags decide whether a neighbour is a secret, whatever the order in which they are written.
        let flags: Vec<(String, bool)> =
            map.iter().filter_map(|(name, value)| Some((name.clone(), value.as_bool()?))).collect();
        for (name, value) in map {
            if value.is_null() {
                continue;
            }
            push_token(pointer, &name);
            match schema.iter().find(|property| property.name == name) {
                None => {
                    self.doubtful(pointer);
                    let help = match nearest(&name, schema.iter().map(|property| property.name)) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("`trueup init --type {}` shows every property", self.kind.name()),
                    };
                    let of =
                        if length == 0 { self.kind.name().to_owned() } else { format!("`{}`", &pointer[1..length]) };
                    self.error("M301", pointer, true, format!("{of} has no property `{name}`"), Some(help));
                }
                Some(property) if property.read_only => {
                    self.error(
                        "M304",
                        pointer,
                        true,
                        format!("`{name}` is read-only: the service makes it"),
                        Some("remove it".to_owned()),
                    );
                }
                // It was checked with the manifest, and nothing of it has become known since.
                Some(_) if self.late.is_some_and(|late| was_known(late, pointer)) => drop(clean.insert(name, value)),
                Some(property) => {
                    let value = match (property.secrecy, &property.ty, value) {
                        (Secrecy::Members(names), Type::Map(item), Value::Map(map)) => {
                            self.map(item, map, &|name, text| is_secret_member(names, name, text), pointer)
                        }
                        (secrecy, ty, value) => {
                            let secret = match secrecy {
                                Secrecy::Public | Secrecy::Members(_) => false,
                                Secrecy::Secret => true,
                                Secrecy::Unless(flag) => !flags.iter().any(|(name, value)| name == flag && !value),
                            };
                            self.value(ty, value, secret, pointer)
                        }
                    };
                    clean.insert(name, value);
                }
            }
            pointer.truncate(length);
        }
        for property in schema.iter().filter(|property| property.required && !clean.contains_key(property.name)) {
            push_token(pointer, property.name);
            if !self.wrong.contains(pointer) {
                let parent = last(&pointer[..length]).to_owned();
                let (summary, help) = if length > 0 && clean.is_empty() {
                    (
                        format!("`{parent}` has nothing in it, and `{}` is required there", property.name),
                        format!("give `{}`, or remove `{parent}`", property.name),
                    )
                } else if length > 0 {
                    (format!("`{}` is required in `{parent}`", property.name), property.doc.to_owned())
                } else {
                    (format!("`{}` is required", property.name), property.doc.to_owned())
                };
                self.error("M303", pointer, true, summary, Some(help));
            }
            pointer.truncate(length);
        }
        clean
    }

    /// A value, and the variables that it is made of where it is a secret.
    fn value(&mut self, ty: &'static Type, value: Value, secret: bool, pointer: &mut String) -> Value {
        let waits = matches!(value, Value::Deferred(_));
        let marked = matches!(&value, Value::Deferred(deferred) if deferred.secret_source().is_some());
        // Of a list or a map the members are looked at.
        let whole = matches!(ty, Type::Json) || !matches!(value, Value::List(_) | Value::Map(_));
        let secret_inside = (secret || (waits && holds_secret(ty))) && !marked && whole;
        let variables = match &self.reach {
            Some(reach) if secret_inside => reach.variables(self.instance, pointer),
            _ => Vec::new(),
        };
        if variables.is_empty() {
            return self.typed(ty, value, secret, pointer);
        }
        let before = self.diagnostics.iter().len();
        if waits {
            self.unmarked(pointer, &variables);
        }
        let value = self.typed(ty, value, secret, pointer);
        if let Some(reach) = &mut self.reach {
            reach.keep(self.diagnostics.iter().skip(before));
            reach.secret(self.instance, pointer, variables);
        }
        value
    }

    fn doubtful(&mut self, pointer: &str) {
        if let Some(reach) = &mut self.reach {
            reach.doubtful(self.instance, pointer);
        }
    }

    fn typed(&mut self, ty: &'static Type, value: Value, secret: bool, pointer: &mut String) -> Value {
        let value = if self.instance.from_text { from_text::read(ty, value) } else { value };
        if secret && !matches!(value, Value::String(_) | Value::Deferred(_) | Value::Unknown(_) | Value::Secret(_)) {
            self.sources.mask(self.instance.spans.value(pointer));
        }
        match (ty, value) {
            // Known later: the service's schema is asked again when the value is there.
            (_, value @ (Value::Deferred(_) | Value::Unknown(_))) => value,
            (Type::Text(text), Value::String(written)) => {
                self.text(text, &written, secret, pointer);
                if secret { self.literal(written, pointer) } else { Value::String(written) }
            }
            (Type::Text(_), Value::Secret(known)) if known.form() != Form::Text => {
                let what = if known.form() == Form::Number { "a number" } else { "a boolean" };
                let summary =
                    format!("`{}` is a string, and this is {what} taken from {}", last(pointer), known.source());
                let help = "make it text where it comes from: `{{ … | string }}`, or quotes in the JSON document";
                self.error("M302", pointer, false, summary, Some(help.to_owned()));
                Value::Null
            }
            (Type::Boolean, Value::Secret(known)) if known.form() == Form::Boolean => Value::Bool(is_true(&known)),
            (Type::Text(text), Value::Secret(known)) => {
                self.secret_text(text, &known, pointer);
                Value::Secret(known)
            }
            (Type::Text(_), value @ (Value::Number(_) | Value::Bool(_))) => {
                let help = if secret {
                    "quote it, and better take it from `secret('env:…')`".to_owned()
                } else {
                    self.quoting(pointer)
                };
                let what = value.type_name();
                self.error(
                    "M302",
                    pointer,
                    false,
                    format!("`{}` is a string, and this is {what}", last(pointer)),
                    Some(help),
                );
                Value::Null
            }
            (Type::Integer { min, max }, Value::Number(number)) => {
                match number.as_i64() {
                    Some(whole) if (*min..=*max).contains(&whole) => {}
                    Some(_) => self.error(
                        "M305",
                        pointer,
                        false,
                        format!("`{}` must be {}", last(pointer), range(*min, *max)),
                        None,
                    ),
                    None => {
                        self.error("M302", pointer, false, format!("`{}` must be a whole number", last(pointer)), None);
                    }
                }
                Value::Number(number)
            }
            (Type::Number { min, max }, Value::Number(number)) => {
                if number.as_f64().is_some_and(|number| number < *min || number > *max) {
                    let bounds = match (*min, *max) {
                        (min, f64::MAX) => format!("{min} or more"),
                        (f64::MIN, max) => format!("at most {max}"),
                        (min, max) => format!("from {min} to {max}"),
                    };
                    self.error("M305", pointer, false, format!("`{}` must be {bounds}", last(pointer)), None);
                }
                Value::Number(number)
            }
            (Type::Any, value) => value,
            (Type::Union(members), value) => match ty.of(&value) {
                Type::Union(_) => {
                    let wanted: Vec<&str> = members.iter().map(Type::name).collect();
                    let (wanted, got) = (wanted.join(" or "), value.type_name());
                    let summary = format!("`{}` is {wanted}, and this is {got}", last(pointer));
                    self.error("M302", pointer, false, summary, None);
                    Value::Null
                }
                of_value => self.value(of_value, value, secret, pointer),
            },
            (Type::Boolean, value @ Value::Bool(_)) => value,
            (Type::Boolean, Value::String(written)) => {
                let help = match written.to_ascii_lowercase().as_str() {
                    _ if self.is_expression(pointer) => {
                        "declare the variable in `vars` with `type: bool`, or write true or false, without quotes"
                    }
                    "true" | "yes" | "on" => "write true, without quotes",
                    "false" | "no" | "off" => "write false, without quotes",
                    _ => "write true or false, without quotes",
                };
                self.error(
                    "M302",
                    pointer,
                    false,
                    format!("`{}` is a boolean, and this is a string", last(pointer)),
                    Some(help.to_owned()),
                );
                Value::Null
            }
            (Type::Object(members), Value::Map(map)) => Value::Map(self.object(members, map, pointer)),
            (Type::Map(item), Value::Map(map)) => self.map(item, map, &|_, _| secret, pointer),
            (Type::List(list), Value::List(items)) => self.list(list, items, secret, pointer),
            (Type::Json, Value::String(written)) if secret => self.literal(written, pointer),
            (Type::Json, value @ (Value::Map(_) | Value::List(_))) if secret => {
                let value = self.document(value, pointer);
                one_secret(value)
            }
            // With a secret in it the whole is one: what the service shows of it cannot be told apart leaf by leaf.
            (Type::Json, value @ (Value::Map(_) | Value::List(_))) if has_secret(&value) => one_secret(value),
            (Type::Json, value @ (Value::Map(_) | Value::List(_) | Value::String(_))) => value,
            // A structure made from a secret is one secret until it is resolved.
            (Type::Object(_) | Type::List(_) | Type::Map(_) | Type::Json, value @ Value::Secret(_)) => value,
            (ty, value) => {
                if holds_secret(ty) {
                    self.doubtful(pointer);
                }
                let (wanted, got) = (ty.name(), value.type_name());
                let summary = format!("`{}` is {wanted}, and this is {got}", last(pointer));
                self.error("M302", pointer, false, summary, None);
                Value::Null
            }
        }
    }

    fn map(
        &mut self,
        item: &'static Type,
        map: Map,
        is_secret: &dyn Fn(&str, &str) -> bool,
        pointer: &mut String,
    ) -> Value {
        let length = pointer.len();
        let mut clean = Map::with_capacity(map.len());
        for (name, value) in map {
            if value.is_null() {
                continue;
            }
            push_token(pointer, &name);
            let secret = is_secret(&name, value.as_str().unwrap_or_default());
            let value = self.value(item, value, secret, pointer);
            pointer.truncate(length);
            clean.insert(name, value);
        }
        Value::Map(clean)
    }

    fn list(&mut self, list: &'static List, items: Vec<Value>, secret: bool, pointer: &mut String) -> Value {
        let length = pointer.len();
        let mut clean = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            push_token(pointer, &index.to_string());
            if let Order::Keyed(key) = list.order {
                self.key(key, &item, pointer);
            }
            // A null that is written was reported when the manifest was read; one that an expression gave means the same.
            if !item.is_null() {
                clean.push(self.value(&list.item, item, secret, pointer));
            }
            pointer.truncate(length);
        }
        if clean.len() > list.max {
            let summary =
                format!("`{}` has {} items, and at most {} are allowed", last(pointer), clean.len(), list.max);
            self.error("M308", pointer, true, summary, None);
        }
        Value::List(clean)
    }

    /// The member by which items are told apart names them, so that it is shown wherever they are.
    fn key(&mut self, key: &str, item: &Value, pointer: &mut String) {
        let secret = match item.get(key) {
            Some(Value::Secret(_)) => true,
            Some(Value::Deferred(deferred)) => deferred.secret_source().is_some(),
            _ => false,
        };
        if secret {
            let list = last(pointer).to_owned();
            let length = pointer.len();
            push_token(pointer, key);
            let help = "items are shown by it everywhere; use something that is not secret".to_owned();
            self.error("M313", pointer, false, format!("`{key}` in `{list}` is made from a secret"), Some(help));
            pointer.truncate(length);
        }
    }

    /// An item of a list cannot be passed over: which one it is, and what the others are, depends on it.
    fn ignored(&mut self) {
        for ignore in &self.instance.ignore {
            let tokens: Vec<_> = crate::value::tokens(&ignore.path.value).collect();
            if names_item(&Type::Object(self.kind.schema().properties), &tokens) {
                let list = ignore.path.value.rsplit_once('/').map_or("", |(list, _)| list);
                self.diagnostics.push(
                    Diagnostic::error("M319", format!("`{}` is an item of a list", ignore.path.value))
                        .at(ignore.path.span)
                        .help(format!("ignore the whole list, `{list}`, or a member of its items, `{list}/*/…`")),
                );
            }
        }
    }

    /// Whether a value was made by a template, and not written as it is.
    fn is_expression(&self, pointer: &str) -> bool {
        let span = self.instance.spans.value(pointer);
        self.sources.text(span).is_some_and(|text| text.contains("{{") || text.contains("{%"))
    }

    /// How to make text of a number or a boolean: what is written is quoted, and not what it means.
    fn quoting(&self, pointer: &str) -> String {
        if self.late.is_some() || self.is_expression(pointer) {
            return "make it text: `{{ … | string }}`".to_owned();
        }
        let written = self.sources.text(self.instance.spans.value(pointer)).unwrap_or_default();
        match scalar::resolve(written) {
            Plain::Number(_) | Plain::Bool(_) => format!("quote it: \"{written}\""),
            _ => "quote it".to_owned(),
        }
    }

    fn text(&mut self, text: &Text, written: &str, secret: bool, pointer: &str) {
        if let Some((problem, help)) = problem_of(text, written, secret) {
            if secret {
                let span = self.instance.spans.value(pointer);
                self.sources.mask(span);
            }
            let before = self.diagnostics.iter().len();
            self.error("M305", pointer, false, format!("`{}` {problem}", last(pointer)), help);
            if !secret && holds_credentials(written) {
                self.close(pointer, before);
            }
        }
    }

    fn one_of(&mut self, groups: &'static [OneOf], properties: &Map) {
        for group in groups {
            let path: Vec<String> = crate::value::tokens(group.at).map(Into::into).collect();
            let Some(object) = super::member(properties, &path).and_then(Value::as_map) else { continue };
            let given: Vec<&str> = group.members.iter().copied().filter(|name| object.contains_key(name)).collect();
            let names = group.members.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            match given.as_slice() {
                [_] => {}
                [] => {
                    if group.members.iter().any(|name| self.wrong.contains(&format!("{}/{name}", group.at))) {
                        continue;
                    }
                    let within = last(group.at).to_owned();
                    let summary = format!("`{within}` needs exactly one of {names}");
                    self.error("M306", group.at, true, summary, Some("add the one that you use".to_owned()));
                }
                [first, rest @ ..] => {
                    let within = last(group.at).to_owned();
                    let mut diagnostic = Diagnostic::error(
                        "M307",
                        format!("`{within}` has {} of {names}, and exactly one is allowed", given.len()),
                    )
                    .labelled(self.instance.spans.key(&format!("{}/{first}", group.at)), "");
                    for name in rest {
                        diagnostic = diagnostic.labelled(self.instance.spans.key(&format!("{}/{name}", group.at)), "");
                    }
                    self.diagnostics.push(diagnostic.help("keep the one that you use and remove the others"));
                    for name in &given {
                        self.wrong.push(format!("{}/{name}", group.at));
                    }
                    // The kind's rules about which member fits have nothing to say any more.
                    self.wrong.push(group.at.to_owned());
                }
            }
        }
    }
}

/// Whether all of the value at a pointer was known before every expression was evaluated.
fn was_known(late: &Map, pointer: &str) -> bool {
    crate::value::at(late, pointer).is_some_and(|value| !crate::delta::has_unknown(value))
}

/// Whether a path into a value of this type ends at an item of a list.
fn names_item(ty: &Type, path: &[Cow<'_, str>]) -> bool {
    match (ty, path) {
        (Type::List(_), [_]) => true,
        (Type::List(list), [_, rest @ ..]) => names_item(&list.item, rest),
        (Type::Map(item), [_, rest @ ..]) => names_item(item, rest),
        (Type::Object(members), [first, rest @ ..]) => {
            members.iter().any(|property| (first == "*" || first == property.name) && names_item(&property.ty, rest))
        }
        _ => false,
    }
}

/// Whether a public text carries credentials.
fn holds_credentials(text: &str) -> bool {
    embedded::names_user(text) || embedded::holds_credentials(text)
}

fn last(pointer: &str) -> &str {
    pointer.rsplit('/').find(|token| token.parse::<usize>().is_err()).unwrap_or(pointer)
}

fn range(min: i64, max: i64) -> String {
    match (min, max) {
        (min, i64::MAX) => format!("{min} or more"),
        (i64::MIN, max) => format!("at most {max}"),
        (min, max) => format!("from {min} to {max}"),
    }
}
