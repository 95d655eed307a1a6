//! What of a project is a secret although nothing marks it: the literals that secret properties are made of.
//!
//! A property that is secret by schema is masked whatever it is made of. The prop or the global behind it is not, and two
//! commands write those out: `migrate` and `--show-queries`. So each secret property is followed back to everything that
//! is written for it. What names a resource, its region or its role is left alone: it is shown everywhere, and could be no
//! secret.

use std::collections::{BTreeMap, BTreeSet};

use trueup_engine::desired::Desired;
use trueup_engine::embedded;
use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::manifest::{Manifest, Property, PropertyValue};
use trueup_engine::render::scan::{self, Kind, Piece, Word};
use trueup_engine::source::Span;
use trueup_engine::stack::Stack;
use trueup_engine::value::Value;

use crate::translate::names;

/// A name in templates: of a local, with the index of its resource, or of a global.
type Place = (Option<usize>, String);

/// What must not be shown of a manifest.
#[derive(Debug, Default)]
pub struct Secrecy {
    places: BTreeSet<Place>,
    spans: Vec<Span>,
}

impl Secrecy {
    /// Follows every secret of a manifest back to what it is made of.
    pub fn of<'a>(manifest: &Manifest, stack: &Stack, desired: impl Iterator<Item = &'a Desired>) -> Self {
        let desired: BTreeMap<String, &Desired> = desired.map(|node| (node.address.to_string(), node)).collect();
        let mut secret = Written::default();
        let mut public = Written::default();
        for global in manifest.globals.iter().filter(|global| global.protected) {
            secret.of = None;
            secret.all(&global.value);
        }
        for (index, resource) in manifest.resources.iter().enumerate() {
            (secret.of, public.of) = (Some(index), Some(index));
            let there = stack.instances.iter().any(|instance| instance.address.name() == resource.name.value);
            let wanted = desired.get(&resource.name.value).copied().filter(|_| there);
            for property in resource.properties.iter().chain(&resource.locals).filter(|property| property.protected) {
                secret.property(property, None);
            }
            for property in &resource.properties {
                match wanted {
                    // Nobody knows what it would be.
                    None => secret.by_name(property),
                    Some(wanted) => {
                        let name = &*property.name.value;
                        if wanted.kind.is_opaque() {
                            secret.by_name(property);
                        }
                        if let Some(value) = wanted.properties.get(name) {
                            secret.property(property, Some(value));
                        }
                        let kind = wanted.kind;
                        if !kind.names_itself()
                            && (kind.identity_property() == name || kind.identity_properties().contains(&name))
                        {
                            public.property(property, None);
                        }
                    }
                }
            }
            resource.region.iter().chain(&resource.role_arn).for_each(|node| public.all(node));
        }
        let public = reached(manifest, public.names);
        let places: BTreeSet<Place> =
            reached(manifest, secret.names).into_iter().filter(|place| !public.contains(place)).collect();
        let mut spans = secret.spans;
        for (of, name) in &places {
            let mut written = Written::default();
            match of {
                None => {
                    let named = manifest.globals.iter().filter(|global| global.name.value == *name);
                    named.for_each(|global| written.all(&global.value));
                }
                Some(index) => {
                    let locals = manifest.resources.get(*index).map(|resource| &*resource.locals).unwrap_or_default();
                    let named = locals.iter().filter(|local| *local.name.value == **name);
                    named.for_each(|local| written.property(local, None));
                }
            }
            spans.append(&mut written.spans);
        }
        Self { places, spans }
    }

    /// Whether a secret is made of the global of this name.
    pub fn hides_global(&self, name: &str) -> bool {
        self.places.contains(&(None, name.to_owned()))
    }

    /// Whether a secret is made of the local of this name, in the resource with this index.
    pub fn hides_local(&self, resource: usize, name: &str) -> bool {
        self.places.contains(&(Some(resource), name.to_owned()))
    }

    /// Where the literals stand that secrets are made of, also those in templates.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }
}

/// The names from which these ones are made, and they themselves.
fn reached(manifest: &Manifest, mut open: Vec<Place>) -> BTreeSet<Place> {
    let mut seen = BTreeSet::new();
    while let Some((of, name)) = open.pop() {
        let locals = of.and_then(|index| manifest.resources.get(index)).map(|it| &*it.locals).unwrap_or_default();
        let locals: Vec<&Property> = locals.iter().filter(|local| *local.name.value == *name).collect();
        if locals.is_empty() {
            if seen.insert((None, name.clone())) {
                let named = manifest.globals.iter().filter(|global| global.name.value == name);
                open.extend(named.flat_map(|global| names::in_node(&global.value)).map(|used| (None, used.name)));
            }
        } else if seen.insert((of, name.clone())) {
            for used in locals.into_iter().flat_map(names::in_property) {
                // A local that uses its own name uses what had it before.
                let of = of.filter(|_| used.name != name);
                open.push((of, used.name));
            }
        }
    }
    seen
}

/// Literals, and the names that stand beside them.
#[derive(Default)]
struct Written {
    /// The resource in which names are looked up.
    of: Option<usize>,
    names: Vec<Place>,
    spans: Vec<Span>,
}

impl Written {
    /// A property of which these parts are secrets; all of it where nothing else is said.
    fn property(&mut self, property: &Property, wanted: Option<&Value>) {
        if wanted.is_none_or(has_secret) {
            self.names.extend(property.merge.iter().map(|name| (self.of, name.value.clone())));
        }
        for node in values(property) {
            match wanted {
                Some(wanted) => self.part(node, wanted),
                None => self.all(node),
            }
        }
    }

    fn part(&mut self, node: &Node, wanted: &Value) {
        match (&node.yaml, wanted) {
            (_, wanted) if !has_secret(wanted) => {}
            (Yaml::Map(entries), Value::Map(map)) => {
                for entry in entries {
                    match map.get(&entry.key.value) {
                        Some(wanted) => self.part(&entry.value, wanted),
                        None => self.all(&entry.value),
                    }
                }
            }
            (Yaml::List(nodes), Value::List(items)) if nodes.len() == items.len() => {
                nodes.iter().zip(items).for_each(|(node, wanted)| self.part(node, wanted));
            }
            _ => self.all(node),
        }
    }

    /// What of a property has the name of a credential.
    fn by_name(&mut self, property: &Property) {
        for node in values(property) {
            self.named(node, &property.name.value);
        }
    }

    fn named(&mut self, node: &Node, name: &str) {
        match &node.yaml {
            Yaml::Map(entries) => entries.iter().for_each(|entry| self.named(&entry.value, &entry.key.value)),
            Yaml::List(items) => items.iter().for_each(|item| self.named(item, name)),
            Yaml::Text(text) if embedded::holds_credentials(text) => self.all(node),
            _ if is_credential(name) => self.all(node),
            _ => {}
        }
    }

    fn all(&mut self, node: &Node) {
        match &node.yaml {
            Yaml::Text(text) if scan::is_template(text) => {
                for used in names::in_text(text) {
                    let name = if used.name == "this" { used.member } else { Some(used.name) };
                    self.names.extend(name.map(|name| (self.of, name)));
                }
                if has_literal(text) {
                    self.spans.push(node.span);
                }
            }
            Yaml::Text(_) | Yaml::Number(_) => self.spans.push(node.span),
            Yaml::List(items) => items.iter().for_each(|item| self.all(item)),
            Yaml::Map(entries) => {
                let secret = entries.iter().filter(|entry| !is_public_member(&entry.key.value));
                secret.for_each(|entry| self.all(&entry.value));
            }
            _ => {}
        }
    }
}

/// Whether a member of a secret document is no credential: what stands beside the password in the secrets of databases,
/// as Secrets Manager documents their structure.
pub fn is_public_member(name: &str) -> bool {
    ["user", "username", "engine", "host", "port", "dbname"].contains(&name)
}

/// Whether a property of a type that is not known is a credential by its name: `ApiKeyValue`, `SecretString`.
pub fn is_credential(name: &str) -> bool {
    let stem = ["Value", "String"].iter().find_map(|end| name.strip_suffix(end));
    embedded::names_credential(name) || stem.is_some_and(embedded::names_credential)
}

fn values(property: &Property) -> impl Iterator<Item = &Node> {
    let (one, several) = match &property.value {
        PropertyValue::Merged => (None, [].as_slice()),
        PropertyValue::One(node) => (Some(node), [].as_slice()),
        PropertyValue::PerEnvironment(values) => (None, values.as_slice()),
    };
    one.into_iter().chain(several.iter().map(|(_, node)| node))
}

/// Whether a value is a secret as a whole.
pub fn is_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::Deferred(deferred) => deferred.secret_source().is_some(),
        _ => false,
    }
}

/// Whether a value is a secret, or something in it.
pub fn has_secret(value: &Value) -> bool {
    match value {
        Value::Map(map) => map.values().any(has_secret),
        Value::List(items) => items.iter().any(has_secret),
        other => is_secret(other),
    }
}

/// Whether a template holds something besides names: a text around its braces or in them, a number, a comment.
pub fn has_literal(text: &str) -> bool {
    let Ok(pieces) = scan::pieces(text) else { return true };
    pieces.into_iter().any(|piece| match piece {
        // What separates two values is none.
        Piece::Text(range) => text[range].contains(char::is_alphanumeric),
        Piece::Comment(_) => true,
        Piece::Expression(code) | Piece::Statement(code) => {
            let words = scan::words(&text[code], 0);
            (0..words.len()).any(|index| is_literal(&words, index))
        }
    })
}

fn is_literal(words: &[Word<'_>], index: usize) -> bool {
    let word = &words[index];
    if word.kind != Kind::Text {
        return word.text.starts_with(|first: char| first.is_ascii_digit());
    }
    let before = |back: usize| index.checked_sub(back).and_then(|at| words.get(at));
    let key = words.get(index + 1).is_some_and(|next| next.text == ":");
    // `secret('env:NAME')`, `vars['NAME']`
    let source = before(1).is_some_and(|open| open.text == "(")
        && before(2).is_some_and(|call| call.kind == Kind::Call && call.text == "secret");
    let member = before(1).is_some_and(|open| open.text == "[")
        && before(2).is_some_and(|of| matches!(of.kind, Kind::Name | Kind::Member));
    let public = before(1).is_some_and(|colon| colon.text == ":")
        && before(2).is_some_and(|name| name.kind == Kind::Text && is_public_member(name.unquoted()));
    !(word.unquoted().is_empty() || key || source || member || public)
}

#[cfg(test)]
mod tests {
    use super::has_literal;

    #[test]
    fn names_are_no_literals() {
        assert!(!has_literal("{{ {'user': 'orders', 'password': password} | tojson }}"));
        assert!(has_literal("{{ {'user': 'orders', 'password': 'hunter2'} | tojson }}"));
        for text in [
            "{{ a }}",
            "{{ a.b | upper }}",
            "{{ secret('env:A') }}",
            "{{ vars['A'] | default('') }}",
            "{{ a }}-{{ b }}",
        ] {
            assert!(!has_literal(text), "{text}");
        }
        for text in ["{{ a }}x", "{{ a ~ 'x' }}", "{{ ['x'] }}", "{{ {'a': 'x'} }}", "{{ 1234 }}", "{{ a }}{# x #}"] {
            assert!(has_literal(text), "{text}");
        }
    }
}
