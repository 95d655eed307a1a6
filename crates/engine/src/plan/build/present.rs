//! What is to be done with a resource that is there: nothing, an update, a replacement, or a restoration.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Decision, finishes};
use crate::cloud::{Present, Readiness};
use crate::delta::Delta;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::Graph;
use crate::kind::Change;
use crate::owner::{self, Standing};
use crate::patch;
use crate::plan::pre_image::pre_images;
use crate::plan::{Action, Rotated, Step, hold, rotated};
use crate::value::Map;

impl Decision<'_> {
    pub(super) fn present(&self, mut step: Step, present: &Present, diagnostics: &mut Diagnostics) -> (Step, Map) {
        let compared = match self.uncertain {
            Some(unread) => {
                let unread = &self.graph.nodes[unread].address;
                let (compared, skipped) = hold::as_live_where_unknown(&step.resolved, &present.properties);
                step.notes
                    .extend(skipped.iter().map(|name| format!("{name} was not compared: {unread} could not be read")));
                Cow::Owned(compared)
            }
            None => Cow::Borrowed(&step.resolved),
        };
        let delta = self.delta(&compared, present);
        step.pre_image = pre_images(self.node, Some(present), &step.former);
        step.secrets = self.verdicts(&delta);
        rotated::note(&mut step.secrets, present, self.store);
        let changed: BTreeSet<String> =
            step.secrets.iter().filter_map(|verdict| verdict.rotated.as_ref()).map(Rotated::in_words).collect();
        step.notes.extend(changed);
        step.patch = patch::patch(delta.edits.iter());
        if let Err(mistake) = patch::prove(&delta, &step.patch) {
            diagnostics.push(
                Diagnostic::error("P190", format!("{}: {mistake}", self.node.address)).help("please report this"),
            );
        }
        let mut attributes = present.attributes.clone();

        let standing = self.standing(present);
        let effective = delta.effective().count();
        if let Standing::Foreign(owner) = &standing
            && !self.options.take_over
        {
            step.edits = delta.edits;
            step.action = Action::Blocked;
            step.reason = format!(
                "it belongs to {} of stack {} ({}); `--take-over` makes it part of this one",
                owner.resource, owner.stack, owner.env
            );
            return (step, attributes);
        }
        // What is marked for deletion is taken back after its dependency came again.
        let scheduled = matches!(present.readiness, Readiness::Scheduled { .. });
        let by_dependency = self.replaced_dependency().filter(|_| !scheduled);
        if let Some(reason) = self.node.kind.refuses(present)
            && (effective > 0 || by_dependency.is_some())
        {
            step.edits = delta.edits;
            step.action = Action::Blocked;
            step.reason = reason;
            return (step, attributes);
        }
        if let Some(reason) = delta.replaces().map(str::to_owned).or(by_dependency.clone()) {
            step.edits = delta.edits;
            step.action = Action::Replace;
            step.implies = self.node.kind.implies(&Change::Delete(present));
            step.implies.extend(self.node.kind.implies(&Change::Create(&step.resolved)));
            if by_dependency.is_none() && !self.may_replace() {
                step.action = Action::Blocked;
                let how = if owner::can_be_replaced_by_another(self.node) {
                    "makes another one in its place"
                } else {
                    "replaces it under the same name"
                };
                step.reason = format!("{reason}; `--allow-replace '{}'` {how}", self.node.address);
                return (step, attributes);
            }
            step.reason = reason;
            if standing == Standing::Free {
                step.action = Action::Blocked;
                step.reason = format!("{}; it carries no owner, and only what this stack owns is deleted", step.reason);
                return (step, attributes);
            }
            if let Some(holder) = self.held.get(&self.index) {
                step.action = Action::Blocked;
                step.reason = format!("{}; {holder}", step.reason);
                return (step, attributes);
            }
            let mut step = self.guard(step);
            if step.action == Action::Replace {
                attributes = Map::new();
                if by_dependency.is_none() && owner::can_be_replaced_by_another(self.node) {
                    step.new_first = true;
                    step.former.insert(0, present.clone());
                    step.forget();
                }
            }
            return (step, attributes);
        }
        if effective > 0 {
            (step.action, step.reason) = self.change(&standing, &delta);
            step.implies = self.node.kind.implies(&Change::Update(present, &step.resolved, &delta.edits));
            attributes.retain(|name, _| {
                self.node.kind.attributes().iter().any(|attribute| attribute.stable && attribute.name == name)
            });
        }
        step.edits = delta.edits;
        if let Readiness::Settling(state) = &present.readiness {
            step.notes.push(format!("is {state}: an apply waits for it"));
        }
        if !step.former.is_empty() {
            step.action = Action::Replace;
            step.new_first = true;
            step.reason = finishes(&step.former);
            step.implies.extend(step.former.iter().flat_map(|former| self.node.kind.implies(&Change::Delete(former))));
            step = self.guard(step);
        }
        (step, attributes)
    }

    /// Protection turns a replacement into a block, and so does a former one that is not this stack's.
    pub(super) fn guard(&self, mut step: Step) -> Step {
        let not_ours = step.former.iter().find_map(|former| match self.standing(former) {
            Standing::Free => {
                Some(format!("{} carries no owner, and only what this stack owns is deleted", former.identity))
            }
            Standing::Foreign(owner) if !self.options.take_over => Some(format!(
                "{} belongs to {} of stack {} ({})",
                former.identity, owner.resource, owner.stack, owner.env
            )),
            _ => None,
        });
        if let Some(not_ours) = not_ours {
            step.reason = format!("{}; {not_ours}", step.reason);
            step.action = Action::Blocked;
        } else if step.is_protected() {
            step.reason = format!("protected: {}", step.reason);
            step.action = Action::Blocked;
        }
        step
    }

    /// Whose the live resource is.
    pub(super) fn standing(&self, present: &Present) -> Standing {
        let Graph { stack, env, .. } = self.graph;
        owner::standing(self.node.kind, stack, env, &self.node.address, &present.properties)
    }

    /// What an update is, by what it changes, and why it is made.
    pub(super) fn change(&self, standing: &Standing, delta: &Delta) -> (Action, String) {
        let tags = self.node.owner_tags();
        let beyond = delta.effective().any(|edit| !tags.as_ref().is_some_and(|tags| owner::is_of_owner(tags, edit)));
        let why = match standing {
            Standing::Untaggable | Standing::Ours => return (Action::Update, "properties differ".to_owned()),
            Standing::Free => "it exists, carries no owner, and becomes part of this stack".to_owned(),
            Standing::Foreign(owner) => format!("taken over from stack {} ({})", owner.stack, owner.env),
            Standing::Renamed(other) => format!("it was {other} in the manifest"),
        };
        match (standing, beyond) {
            (Standing::Renamed(_), false) => (Action::Update, why),
            (_, false) => (Action::Adopt, why),
            (_, true) => (Action::Update, format!("properties differ; {why}")),
        }
    }

    /// It is taken back from its scheduled deletion, and made what it should be.
    pub(super) fn scheduled(
        &self,
        step: Step,
        present: &Present,
        state: &str,
        until: Option<&str>,
        diagnostics: &mut Diagnostics,
    ) -> (Step, Map) {
        let (mut step, mut attributes) = self.present(step, present, diagnostics);
        attributes.retain(|name, _| {
            self.node.kind.attributes().iter().any(|attribute| attribute.stable && attribute.name == name)
        });
        if matches!(step.action, Action::None | Action::Update | Action::Adopt) {
            step.action = Action::Create;
            let day = until.map_or_else(String::new, |day| format!(" until {day}"));
            step.reason = format!("restored: it is {state}{day}");
            step.implies = self.node.kind.implies(&Change::Create(&step.resolved));
        }
        (step, attributes)
    }
}
