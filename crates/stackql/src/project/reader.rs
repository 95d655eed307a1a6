//! Reading one map of a project's manifest: as the engine's own reader does, but what is not known is a warning.

use std::collections::HashMap;

use trueup_engine::diagnostic::{Diagnostic, Diagnostics, suggest};
use trueup_engine::manifest::tree::{Entry, Node, Yaml};
use trueup_engine::source::{SourceId, Sources, Span, Spanned};

/// The members of a map.
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
pub struct Reader<'a> {
    /// What was found so far.
    pub found: &'a mut Diagnostics,
    /// The texts, to which the project's other files are added.
    pub sources: &'a mut Sources,
    /// The text of the manifest.
    pub manifest: SourceId,
    /// The files that are being included, the outermost first.
    pub included: Vec<String>,
    /// What included files hold; nothing of one that is broken, which was said.
    pub parsed: HashMap<SourceId, Option<Node>>,
    /// The nodes that were included so far, each as often as it is.
    pub nodes: usize,
}

impl Reader<'_> {
    /// The members of a map; `what` completes "… has no key".
    pub fn fields<'n>(&mut self, node: &'n Node, at: Span, what: &str, known: &[&str]) -> Option<Fields<'n>> {
        let Yaml::Map(entries) = &node.yaml else {
            self.wrong(node, what, "a map");
            return None;
        };
        for entry in entries {
            let key = &*entry.key.value;
            if known.contains(&key) {
                continue;
            }
            let diagnostic =
                Diagnostic::warning("Q201", format!("{what} has no key `{key}`: it has no effect")).at(entry.key.span);
            self.found.push(match suggest::nearest(key, known.iter().copied()) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help("remove it; stackql-deploy passes it over in silence"),
            });
        }
        Some(Fields { span: at, entries })
    }

    /// Reports a wrong type.
    pub fn wrong(&mut self, node: &Node, what: &str, wanted: &str) {
        if matches!(node.yaml, Yaml::Unreadable) {
            return;
        }
        let words = format!("{what} must be {wanted}, and this is {}", node.type_name());
        let diagnostic = Diagnostic::error("M108", words).at(node.span);
        self.found.push(match node.yaml {
            Yaml::Bool(_) | Yaml::Number(_) if wanted.contains("text") => diagnostic.help("quote it"),
            _ => diagnostic,
        });
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
    pub fn list<'n>(&mut self, node: Option<&'n Node>, what: &str) -> &'n [Node] {
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

    /// A name that templates use.
    pub fn name(&mut self, fields: Fields<'_>, what: &str) -> Option<Spanned<String>> {
        let Some(node) = fields.get("name") else {
            self.missing(fields.span, what, "name");
            return None;
        };
        let name = self.text(Some(node), &format!("the name of {what}"))?;
        if name.value.is_empty() || name.value.contains("{{") {
            self.found.push(
                Diagnostic::error("M113", format!("`{}` cannot be the name of {what}", name.value))
                    .at(name.span)
                    .help("use letters, digits, `_` and `-`"),
            );
            return None;
        }
        Some(name)
    }

    /// Reports a key that is missing.
    pub fn missing(&mut self, at: Span, what: &str, key: &str) {
        self.found.push(Diagnostic::error("M109", format!("{what} needs a `{key}`")).at(at));
    }

    /// Reports names that are there twice.
    pub fn twice<'n>(&mut self, names: impl Iterator<Item = &'n Spanned<String>>, what: &str) {
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
