//! Which imported resource another one means: texts that are an attribute of it become `{{ other.Arn }}`.
//!
//! Only texts that can hardly be there by chance count: ARNs, and ids of a length. A reference is an edge of the graph,
//! and the graph has no cycle, so an edge that would close one is not made: a key whose policy names the connection
//! that uses the key keeps the connection's ARN as a text. Texts that are an attribute as a whole go first, since those
//! say what a resource needs; what is named inside of a document mostly says who may use it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Found;
use super::node::Node;
use crate::kind::Attribute;
use crate::schema::Domain;
use crate::value::Value;

/// The shortest id that counts as one.
const SHORTEST: usize = 12;
/// The shortest id that is looked for inside of longer texts.
const SHORTEST_INSIDE: usize = 20;

/// What can be referred to, and the edges that are allowed.
pub(super) struct References<'a> {
    /// The resource and the expression for a text.
    targets: HashMap<&'a str, (usize, String)>,
    /// Identities of those whose name may be spelled in place of an attribute.
    names: HashMap<&'a str, (usize, String)>,
    /// Texts that are looked for inside of others, the longest first.
    inside: Vec<&'a str>,
    /// For each resource those that it may refer to.
    edges: BTreeMap<usize, BTreeSet<usize>>,
}

/// A public text of a resource.
pub(super) struct Leaf<'a> {
    /// Which resource.
    pub(super) resource: usize,
    /// Its text.
    pub(super) text: &'a str,
    /// What the property names, where several spellings name one thing.
    pub(super) domain: Option<Domain>,
}

impl<'a> References<'a> {
    /// Finds what the leaves mean, and decides which edges there are.
    pub(super) fn new(found: &'a [Found], names: &[String], leaves: &[Leaf<'_>]) -> Self {
        let mut targets = HashMap::new();
        let is_arn = |attribute: &&Attribute| attribute.name == "Arn";
        for (at, one) in found.iter().enumerate() {
            for attribute in made(one).filter(is_arn) {
                add(&mut targets, one, at, &names[at], attribute.name);
            }
        }
        for (at, one) in found.iter().enumerate() {
            for attribute in made(one).filter(|attribute| !is_arn(attribute)) {
                add(&mut targets, one, at, &names[at], attribute.name);
            }
        }
        let mut identities = HashMap::new();
        for (at, one) in found.iter().enumerate() {
            let property = one.kind.identity_property();
            if one.kind.identify(&one.live.properties).as_deref() == Some(&one.live.identity) {
                let expression = format!("{}.{}", names[at], property.replace('/', "."));
                identities.entry(one.live.identity.as_str()).or_insert((at, expression));
            }
        }
        let mut inside: Vec<&str> =
            targets.keys().copied().filter(|text: &&str| text.len() >= SHORTEST_INSIDE).collect();
        inside.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        let mut this = Self { targets, names: identities, inside, edges: BTreeMap::new() };
        for leaf in leaves {
            if let Some((target, _)) = this.whole(leaf.text, leaf.domain) {
                this.connect(leaf.resource, target);
            }
        }
        for leaf in leaves.iter().filter(|leaf| leaf.text.len() > SHORTEST_INSIDE) {
            for (_, _, target) in this.places(leaf.text) {
                this.connect(leaf.resource, target);
            }
        }
        this
    }

    /// The template for a text of a resource; `None` where it stays as it is.
    pub(super) fn template(&self, resource: usize, text: &str, domain: Option<Domain>) -> Option<Node> {
        let allowed = |target: &usize| self.edges.get(&resource).is_some_and(|targets| targets.contains(target));
        if let Some((target, expression)) = self.whole(text, domain)
            && allowed(&target)
        {
            return Some(Node::Template(format!("{{{{ {expression} }}}}")));
        }
        let mut places = self.places(text);
        places.retain(|(_, _, target)| allowed(target));
        if places.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut behind = 0;
        for (start, known, _) in places {
            super::escape::piece(&mut out, &text[behind..start], true);
            out.push_str("{{ ");
            out.push_str(&self.targets[known].1);
            out.push_str(" }}");
            behind = start + known.len();
        }
        super::escape::piece(&mut out, &text[behind..], false);
        Some(Node::Template(out))
    }

    /// The resource and the expression that a whole text stands for.
    fn whole(&self, text: &str, domain: Option<Domain>) -> Option<(usize, String)> {
        if let Some((target, expression)) = self.targets.get(text) {
            return Some((*target, expression.clone()));
        }
        // A name counts where the property takes names, and where it is a path that nothing else would be.
        let named = domain.is_some() || text.trim_start_matches('/').contains('/');
        let (target, expression) = self.names.get(text).filter(|_| named)?;
        Some((*target, expression.clone()))
    }

    /// Where known texts stand in a longer one: exactly, not as the beginning of another name.
    fn places(&self, text: &str) -> Vec<(usize, &'a str, usize)> {
        let mut places: Vec<(usize, &str, usize)> = Vec::new();
        for known in &self.inside {
            for (start, _) in text.match_indices(known) {
                let end = start + known.len();
                let part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
                let bounded = !text[..start].ends_with(part) && !text[end..].starts_with(part);
                let free = places.iter().all(|(from, other, _)| end <= *from || start >= from + other.len());
                if bounded && free && text.len() > known.len() {
                    places.push((start, known, self.targets[known].0));
                }
            }
        }
        places.sort_by_key(|(start, _, _)| *start);
        places
    }

    /// Adds an edge unless it would close a cycle.
    fn connect(&mut self, from: usize, to: usize) {
        if from != to && !self.reaches(to, from) {
            self.edges.entry(from).or_default().insert(to);
        }
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(here) = open.pop() {
            if here == to {
                return true;
            }
            if seen.insert(here) {
                open.extend(self.edges.get(&here).into_iter().flatten());
            }
        }
        false
    }
}

/// The attributes that the service makes: what a person has given may be the same anywhere by chance.
fn made(one: &Found) -> impl Iterator<Item = &'static Attribute> {
    let given = one.kind.identify(&one.live.properties);
    let properties = one.kind.schema().properties;
    let is_given = move |attribute: &&Attribute| {
        let property = properties.iter().find(|property| property.name == attribute.name);
        property.is_some_and(|property| !property.read_only)
    };
    let attributes = one.kind.attributes();
    attributes.iter().filter(move |attribute| {
        let repeats = attribute.name == "Ref" && given.is_some();
        !repeats && !is_given(attribute)
    })
}

fn add<'a>(targets: &mut HashMap<&'a str, (usize, String)>, one: &'a Found, at: usize, name: &str, attribute: &str) {
    let value = one.live.attributes.get(attribute).or_else(|| one.live.properties.get(attribute));
    let Some(text) = value.and_then(Value::as_str) else { return };
    let digits = text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if text.starts_with("arn:") || (text.len() >= SHORTEST && digits) {
        targets.entry(text).or_insert_with(|| (at, format!("{name}.{attribute}")));
    }
}
