//! What a project's own checks ask for, beside what trueup compares.

use std::sync::Arc;

use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::source::Spanned;

use super::properties::same;
use crate::iql::{AnchorKind, Iql};
use crate::sql::column::property_of;
use crate::sql::{Predicate, Query, Table};

/// Columns that say where something is looked for, and not what it should be.
const PARAMETERS: &[&str] =
    &["region", "Identifier", "TypeName", "TypeNameFilters", "ResourceTypeFilters", "TagFilters"];

/// Says which anchors have no effect, and where a check asks for something that the resource does not say. Of a query
/// that looks for the resource, what `finds` it is left out.
pub fn tell(
    iql: &Iql,
    queries: [(Option<&Query>, bool); 2],
    finds: &dyn Fn(&Predicate) -> bool,
    table: &Table,
    properties: &[(Spanned<Arc<str>>, Node)],
    found: &mut Diagnostics,
) {
    let replaced = |kind: AnchorKind| {
        matches!(
            kind,
            AnchorKind::Exists | AnchorKind::StateCheck | AnchorKind::Callback(_) | AnchorKind::Troubleshoot(_)
        )
    };
    let anchors: Vec<_> = iql.anchors.iter().filter(|anchor| replaced(anchor.kind)).collect();
    if let Some(first) = anchors.first() {
        let mut names: Vec<String> = anchors.iter().map(|anchor| format!("`{}`", anchor.name.value)).collect();
        names.dedup();
        let verb = if names.len() == 1 { "is" } else { "are" };
        found.push(
            Diagnostic::note("Q125", format!("{} {verb} not run: trueup reads and compares by itself", listed(&names)))
                .at(first.span)
                .noted("options such as `retries` have no effect: waiting follows what the service says"),
        );
    }
    for (query, looks) in queries.into_iter().filter_map(|(query, looks)| Some((query?, looks))) {
        let mut told: Vec<&str> = Vec::new();
        for predicate in query.predicates.iter().chain(&query.compared) {
            let column = &*predicate.column.value;
            // What `exists` looks for by is no demand.
            if looks && finds(predicate) {
                continue;
            }
            if told.contains(&column) || PARAMETERS.iter().any(|it| it.eq_ignore_ascii_case(column)) {
                continue;
            }
            if let Some(diagnostic) = stricter(predicate, query, table, properties) {
                told.push(column);
                found.push(diagnostic);
            }
        }
    }
}

fn stricter(
    predicate: &Predicate,
    query: &Query,
    table: &Table,
    properties: &[(Spanned<Arc<str>>, Node)],
) -> Option<Diagnostic> {
    // What is asked of other tables, as of the one of tags, finds the resource.
    if query.tables.len() != 1 || query.tables.first().is_none_or(|it| it.path() != table.path()) {
        return None;
    }
    let column = &predicate.column;
    let set = property_of(&column.value, properties.iter().map(|(name, _)| &*name.value));
    let Some((name, node)) = set.and_then(|name| properties.iter().find(|(it, _)| &*it.value == name)) else {
        return Some(
            Diagnostic::note("Q122", format!("the project's check is stricter: no statement sets `{}`", column.value))
                .at(column.span)
                .noted("trueup compares the properties that are set")
                .help("set it in the create statement, or it is not compared"),
        );
    };
    let wanted = predicate.value.as_ref()?;
    let made = predicate.path.iter().try_fold(node, |node, member| child(node, member));
    let fits = match made {
        Some(made) => same(made, &wanted.node) || wanted.tree.as_ref().is_some_and(|tree| same(made, tree)),
        // Inside of a template nothing can be seen.
        None => true,
    };
    (!fits).then(|| {
        Diagnostic::note("Q122", format!("the project's check of `{}` is different from what is set", name.value))
            .labelled(wanted.node.span, "checked for this")
            .labelled(node.span, "set to this")
            .noted("trueup compares with what is set")
    })
}

fn child<'n>(node: &'n Node, member: &str) -> Option<&'n Node> {
    match &node.yaml {
        Yaml::Map(entries) => entries.iter().find(|entry| *entry.key.value == *member).map(|entry| &entry.value),
        Yaml::List(items) => items.get(member.parse::<usize>().ok()?),
        _ => None,
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.join(", "),
    }
}
