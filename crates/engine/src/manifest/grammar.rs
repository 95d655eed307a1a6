//! Reading one map of a manifest: which keys it may have, and of which type each is.
//!
//! Every helper reports what is wrong and goes on with `None`, so that one mistake never hides the next.

use std::collections::HashMap;

use super::tree::{Entry, Node, Yaml};
use crate::diagnostic::suggest;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Span, Spanned};

/// The members of a map whose keys were checked.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    /// Where to point when something is missing.
    pub span: Span,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// The member of this name that is not null.
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|e| &*e.key.value == name).map(|e| &e.value).filter(|n| !matches!(n.yaml, Yaml::Null))
    }

    /// The place of a key.
    pub fn key_span(&self, name: &str) -> Option<Span> {
        self.entries.iter().find(|e| &*e.key.value == name).map(|e| e.key.span)
    }
}

/// Reads maps and reports what is wrong with them.
pub struct Reader<'d> {
    /// What was found so far.
    pub found: &'d mut Diagnostics,
    /// What is said of a key that is not known: what has it, the key, and those that it may have.
    pub unknown: fn(&str, &str, &[&str]) -> Diagnostic,
}

/// In a manifest of ours a key that is not known is an error.
fn unknown(what: &str, key: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error("M107", format!("{what} has no key `{key}`"));
    match suggest::nearest(key, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("it may have {}", list(known))),
    }
}

impl<'d> Reader<'d> {
    /// A reader to which a key that is not known is an error.
    pub fn strict(found: &'d mut Diagnostics) -> Self {
        Self { found, unknown }
    }

    /// The members of a map; unknown keys are reported. `what` completes "… has no key".
    pub fn fields<'a>(&mut self, node: &'a Node, at: Span, what: &str, known: &[&str]) -> Option<Fields<'a>> {
        let Yaml::Map(entries) = &node.yaml else {
            self.wrong(node, what, "a map");
            return None;
        };
        for entry in entries {
            let key = &*entry.key.value;
            if !known.contains(&key) {
                self.found.push((self.unknown)(what, key, known).at(entry.key.span));
            }
        }
        Some(Fields { span: at, entries })
    }

    /// Reports a wrong type.
    pub fn wrong(&mut self, node: &Node, what: &str, wanted: &str) {
        if matches!(node.yaml, Yaml::Unreadable) {
            return;
        }
        let mut diagnostic =
            Diagnostic::error("M108", format!("{what} must be {wanted}, and this is {}", node.type_name()))
                .at(node.span);
        if matches!(node.yaml, Yaml::Bool(_) | Yaml::Number(_)) && wanted.contains("text") {
            diagnostic = diagnostic.help("quote it");
        }
        self.found.push(diagnostic);
    }

    /// A text.
    pub fn text(&mut self, node: Option<&Node>, what: &str) -> Option<Spanned<String>> {
        let node = node?;
        if let Yaml::Text(text) = &node.yaml {
            return Some(Spanned { value: text.to_string(), span: node.span });
        }
        self.wrong(node, what, "text");
        None
    }

    /// A boolean; `false` where it is not given.
    pub fn flag(&mut self, node: Option<&Node>, what: &str) -> bool {
        match node.map(|node| (&node.yaml, node)) {
            None => false,
            Some((Yaml::Bool(flag), _)) => *flag,
            Some((_, node)) => {
                self.wrong(node, what, "`true` or `false`");
                false
            }
        }
    }

    /// The items of a list; none where it is not given.
    pub fn list<'a>(&mut self, node: Option<&'a Node>, what: &str) -> &'a [Node] {
        match node.map(|node| (&node.yaml, node)) {
            None => &[],
            Some((Yaml::List(items), _)) => items,
            Some((_, node)) => {
                self.wrong(node, what, "a list");
                &[]
            }
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, node: Option<&Node>, what: &str) -> Vec<Spanned<String>> {
        self.list(node, what).iter().filter_map(|item| self.text(Some(item), &format!("an item of {what}"))).collect()
    }

    /// A name that templates can use.
    pub fn name(&mut self, fields: Fields<'_>, what: &str) -> Option<Spanned<String>> {
        let Some(node) = fields.get("name") else {
            self.missing(fields.span, what, "name");
            return None;
        };
        let name = self.text(Some(node), &format!("the name of {what}"))?;
        let mut chars = name.value.chars();
        let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !good {
            self.found.push(
                Diagnostic::error("M113", format!("`{}` cannot be the name of {what}", name.value))
                    .at(name.span)
                    .help("use letters, digits and `_`, and begin with a letter"),
            );
        } else if RESERVED.contains(&&*name.value) {
            self.found.push(
                Diagnostic::error("M113", format!("`{}` has a meaning of its own in templates", name.value))
                    .at(name.span)
                    .help("choose another name"),
            );
        }
        Some(name)
    }

    /// Reports a key that is missing.
    pub fn missing(&mut self, at: Span, what: &str, key: &str) {
        self.found.push(Diagnostic::error("M109", format!("{what} needs a `{key}`")).at(at));
    }

    /// Reports names that are there twice.
    pub fn twice<'a>(&mut self, names: impl Iterator<Item = &'a Spanned<String>>, what: &str) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for name in names {
            if let Some(first) = seen.insert(&name.value, name.span) {
                self.found.push(
                    Diagnostic::error("M112", format!("the {what} `{}` is there twice", name.value))
                        .labelled(name.span, "again here")
                        .labelled(first, "first here")
                        .help("give one of them another name"),
                );
            }
        }
    }
}

/// Names with a meaning of their own in templates.
pub const RESERVED: &[&str] = &[
    "vars",
    "globals",
    "stack_name",
    "stack_env",
    "resource_name",
    "each",
    "this",
    "loop",
    "self",
    "super",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "secret",
    "file",
    "uuid",
    "range",
    "dict",
    "namespace",
];

/// `a`, `b` and `c`.
pub fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}
