//! Reading a project's manifest with the engine's own reader of maps, to which here a key that is not known is a warning.

use std::collections::HashMap;

use trueup_engine::diagnostic::{Diagnostic, suggest};
use trueup_engine::manifest::grammar;
pub use trueup_engine::manifest::grammar::Fields;
use trueup_engine::manifest::tree::Node;
use trueup_engine::source::{SourceId, Sources, Spanned};

/// Reads maps and reports what is wrong with them.
pub struct Reader<'a> {
    /// The maps themselves.
    pub grammar: grammar::Reader<'a>,
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

/// stackql-deploy passes a key that it does not know over in silence.
pub fn unknown(what: &str, key: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::warning("Q201", format!("{what} has no key `{key}`: it has no effect"));
    match suggest::nearest(key, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help("remove it; stackql-deploy passes it over in silence"),
    }
}

impl Reader<'_> {
    /// A name that templates use.
    pub fn name(&mut self, fields: Fields<'_>, what: &str) -> Option<Spanned<String>> {
        let Some(node) = fields.get("name") else {
            self.grammar.missing(fields.span, what, "name");
            return None;
        };
        let name = self.grammar.text(Some(node), &format!("the name of {what}"))?;
        if name.value.is_empty() || name.value.contains("{{") {
            self.grammar.found.push(
                Diagnostic::error("M113", format!("`{}` cannot be the name of {what}", name.value))
                    .at(name.span)
                    .help("use letters, digits, `_` and `-`"),
            );
            return None;
        }
        Some(name)
    }
}
