//! `file(path)` in a value: the content of a JSON or YAML file below `resources/`.
//!
//! stackql-deploy puts it in before any template is rendered, so that the included texts are templates; it follows an
//! include in an include for ever, and a path out of the folder without a word. Here both are errors.

use trueup_engine::diagnostic::Diagnostic;
use trueup_engine::manifest::tree::{self, Entry, MAX_NODES, Node, Yaml};
use trueup_engine::source::Span;

use super::add;
use super::reader::Reader;

impl Reader<'_> {
    /// A value with every `file(…)` in it replaced.
    pub fn included(&mut self, node: &Node) -> Node {
        let yaml = match &node.yaml {
            Yaml::Text(text) => match path_of(text) {
                Some(path) => return self.include(path, node.span),
                None => return node.clone(),
            },
            Yaml::List(items) => Yaml::List(items.iter().map(|item| self.included(item)).collect()),
            Yaml::Map(entries) => Yaml::Map(
                entries
                    .iter()
                    .map(|entry| Entry { key: entry.key.clone(), value: self.included(&entry.value) })
                    .collect(),
            ),
            _ => return node.clone(),
        };
        Node { yaml, span: node.span }
    }

    fn include(&mut self, path: &str, span: Span) -> Node {
        let unreadable = Node { yaml: Yaml::Unreadable, span };
        let problem = |why: &str| {
            Diagnostic::error("Q203", format!("`{path}` cannot be included: {why}"))
                .at(span)
                .help("a path in `file(…)` begins at the project's `resources` folder")
        };
        if self.included.iter().any(|open| open == path) {
            let circle = self.included.join("` includes `");
            self.grammar.found.push(problem(&format!("it includes itself (`{circle}` includes `{path}`)")));
            return unreadable;
        }
        let id = match add(self.sources, self.manifest, path) {
            Ok(id) => id,
            Err(why) => {
                self.grammar.found.push(problem(&why));
                return unreadable;
            }
        };
        if !self.parsed.contains_key(&id) {
            let text = self.sources.get(id).map(|source| source.text.clone()).unwrap_or_default();
            // JSON is YAML, and has its places in the file this way.
            let node = tree::read(&text, id, self.grammar.found);
            self.parsed.insert(id, node);
        }
        let Some(node) = self.parsed.get(&id).and_then(Option::as_ref) else { return unreadable };
        // Said once: what is behind it is not looked at any more.
        let before = self.nodes;
        self.nodes = before.saturating_add(size(node));
        if self.nodes > MAX_NODES {
            if before <= MAX_NODES {
                self.grammar.found.push(problem(&format!("more than {MAX_NODES} values are included by now")));
            }
            return unreadable;
        }
        let node = node.clone();
        self.included.push(path.to_owned());
        let node = self.included(&node);
        self.included.pop();
        node
    }
}

/// How many values there are in one.
fn size(node: &Node) -> usize {
    match &node.yaml {
        Yaml::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Yaml::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
        _ => 1,
    }
}

/// The path of a text that is one `file(…)`, with or without quotes.
fn path_of(text: &str) -> Option<&str> {
    let path = text.trim().strip_prefix("file(")?.strip_suffix(')')?.trim();
    let bare = path
        .strip_prefix('\'')
        .and_then(|path| path.strip_suffix('\''))
        .or_else(|| path.strip_prefix('"').and_then(|path| path.strip_suffix('"')))
        .unwrap_or(path);
    Some(bare).filter(|path| !path.is_empty() && !path.contains(['(', ')', '{']))
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn only_a_whole_text_is_an_include() {
        assert_eq!(path_of("file(policies/a.json)"), Some("policies/a.json"));
        assert_eq!(path_of(" file('a b.yml') "), Some("a b.yml"));
        assert_eq!(path_of("file(\"a.yml\")"), Some("a.yml"));
        for text in ["see file(a.json)", "file()", "{{ file('a.json') }}", "file(a) file(b)"] {
            assert_eq!(path_of(text), None, "{text}");
        }
    }
}
