//! What a project relied on and what is different here, said once.

use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::manifest::PropertyValue;
use trueup_engine::manifest::tree::Node;
use trueup_engine::source::Span;

use super::names;
use crate::iql::{AnchorKind, Iql};
use crate::project::Project;

/// Everything that is said of the project as a whole.
pub fn of_project<'i>(project: &Project, files: impl Iterator<Item = &'i Iql>, found: &mut Diagnostics) {
    let mut checks = 0;
    let mut polls = 0;
    for iql in files {
        let has = |wanted: fn(&AnchorKind) -> bool| usize::from(iql.anchors.iter().any(|anchor| wanted(&anchor.kind)));
        checks += has(|kind| matches!(kind, AnchorKind::Exists | AnchorKind::StateCheck));
        polls += has(|kind| matches!(kind, AnchorKind::Callback(_)));
    }
    if checks + polls > 0 {
        let mut diagnostic = Diagnostic::note("Q212", "the checks of this project are not run").at(project.name.span);
        if checks > 0 {
            diagnostic = diagnostic.noted(format!(
                "trueup compares every property with the live one in place of `exists` and `statecheck` ({})",
                files_of(checks)
            ));
        }
        if polls > 0 {
            diagnostic = diagnostic.noted(format!(
                "it waits by itself for what the service is doing in place of `callback` ({})",
                files_of(polls)
            ));
        }
        found.push(diagnostic);
    }
    for global in &project.globals {
        rewritten(&global.value, found);
    }
    for prop in project.resources.iter().flat_map(|entry| &entry.props) {
        match &prop.value {
            PropertyValue::Merged => {}
            PropertyValue::One(node) => rewritten(node, found),
            PropertyValue::PerEnvironment(values) => values.iter().for_each(|(_, node)| rewritten(node, found)),
        }
    }
}

fn files_of(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

/// A text in which stackql-deploy writes `true` for `True`.
fn rewritten(node: &Node, found: &mut Diagnostics) {
    names::texts(node, &mut |text, span: Span| {
        let inside = |word: &str| text.contains(word) && text.trim() != word;
        if inside("True") || inside("False") {
            found.push(
                Diagnostic::note("Q208", "this text is sent as it is written")
                    .at(span)
                    .noted("stackql-deploy 2 writes `true` and `false` for `True` and `False` in the middle of a text"),
            );
        }
    });
}
