//! What concerns a plan as a whole: how much it deletes, what stays behind or is not seen, and what the stack exports.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::Graph;
use crate::observe::Observed;
use crate::plan::{Action, StackExport, Step};
use crate::schema::Domain;
use crate::value::Value;

/// Up to this many deletions need no word, however small the stack is.
const MANY_DELETIONS: usize = 10;

/// A created resource whose dependants still point at something else that no manifest manages: probably a rename.
pub(super) fn name_what_stays_behind(graph: &Graph, steps: &mut [Option<Step>]) {
    let mut notes: Vec<(usize, String)> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let Some(step) = step else { continue };
        if step.action != Action::Create {
            continue;
        }
        for dependant in &graph.dependants[index] {
            let Some(other) = steps[*dependant].as_ref() else { continue };
            for edit in other.edits.iter().filter(|edit| !edit.is_ignored()) {
                let names = other.desired.kind.schema().at(&edit.pointer).and_then(|property| property.names);
                let (Some(Domain::EventsConnectionArn), Some(before)) =
                    (names, edit.before.as_ref().and_then(Value::as_str))
                else {
                    continue;
                };
                // arn:aws:events:region:account:connection/NAME/UUID
                let Some(name) = before.split('/').nth(1) else { continue };
                let managed = graph.nodes.iter().any(|node| {
                    node.kind.name() == step.desired.kind.name()
                        && (node.identity.as_deref() == Some(name) || node.former.iter().any(|former| former == name))
                });
                if !managed {
                    notes.push((
                        index,
                        format!("`{name}`, to which {} points now, stays behind; if this one takes its place, add `renamed_from: {name}`", other.address()),
                    ));
                }
            }
        }
    }
    for (index, note) in notes {
        if let Some(step) = &mut steps[index]
            && !step.notes.contains(&note)
        {
            step.notes.push(note);
        }
    }
}

pub(in crate::plan) fn cap_deletions<'a>(steps: impl Iterator<Item = &'a mut Step>, cap: Option<usize>) {
    let (mut deletions, mut stack) = (Vec::new(), 0);
    for step in steps {
        stack += usize::from(step.exists());
        if matches!(step.action, Action::Replace | Action::Delete) {
            deletions.push(step);
        }
    }
    let count = deletions.len();
    let many = if count == 1 { "1 deletion is".to_owned() } else { format!("{count} deletions are") };
    let why = match cap {
        Some(cap) if count > cap => format!("{many} more than `--allow-deletes {cap}`"),
        None if count > MANY_DELETIONS && count * 2 > stack => {
            format!("{many} more than half of the stack; `--allow-deletes {count}` allows them")
        }
        _ => return,
    };
    for step in deletions {
        step.reason = format!("{why}; {}", step.reason);
        step.action = Action::Blocked;
    }
}

/// Where owner tags could not be searched, a former name or an orphan may be there unseen.
pub(in crate::plan) fn unsearched(graph: &Graph, observed: &Observed, pruned: bool, diagnostics: &mut Diagnostics) {
    for (place, fault) in &observed.unsearched {
        // What has no name of its own is unread already, and says why.
        let named = graph
            .nodes
            .iter()
            .any(|node| node.place == *place && node.kind.tags().is_some() && node.identity.is_some() && !node.orphan);
        let unseen = match (named, pruned) {
            (_, true) => "what the manifest no longer names is not seen",
            (true, false) => "a resource that had another name before is not seen",
            (false, false) => continue,
        };
        diagnostics.push(
            Diagnostic::warning("P130", format!("owner tags could not be searched: {}", fault.in_words()))
                .help(format!("{unseen}; allow `tag:GetResources`")),
        );
    }
    for orphan in &observed.orphans {
        diagnostics.push(
            Diagnostic::warning(
                "P131",
                format!("{} carries this stack's owner tags, and nothing here manages its type", orphan.owned.arn),
            )
            .help("delete it by other means, or remove its tags"),
        );
    }
}

pub(super) fn exports(graph: &Graph, steps: &[Option<Step>]) -> Vec<StackExport> {
    // Positions of steps after the unselected ones are dropped.
    let mut position = 0;
    let positions: Vec<Option<usize>> = steps
        .iter()
        .map(|step| {
            step.as_ref().map(|_| {
                position += 1;
                position - 1
            })
        })
        .collect();
    graph
        .exports
        .iter()
        .map(|(name, value)| {
            let from = graph.nodes.iter().enumerate().find_map(|(index, node)| {
                let export = node.instance.exports.iter().find(|export| export.name == *name)?;
                Some((positions[index]?, export.property.clone()))
            });
            StackExport { name: name.clone(), from, value: value.clone() }
        })
        .collect()
}
