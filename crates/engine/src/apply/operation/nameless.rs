//! Making what the service names: nothing tells the service that two requests are about the same resource, so that its owner
//! tags are searched before it is made, and once more after that.

use std::time::Duration;

use tokio::time::Instant;

use super::Operations;
use crate::cloud::{Create, Live, Readiness, Want, Written};
use crate::fault::{Fault, FaultKind};
use crate::owner::{self, Owner, Standing};
use crate::plan::{Operation, Step};
use crate::value::Value;

/// How often in a row another run may undo what this one has made, and be undone itself.
const TRIES: u32 = 3;
/// How long the one that may stay waits for the others to go.
const GOES_WITHIN: Duration = Duration::from_secs(6);

impl Operations<'_> {
    /// What is never made twice because an index was late: it is searched once more, some time after the first search, and
    /// what turns up is taken instead. By then the index has seen the mark on what it replaces, too.
    pub(super) async fn searched_again(&self, step: &Step) -> Result<Option<String>, Fault> {
        if step.desired.kind.tags().is_none() {
            return Ok(None);
        }
        tokio::time::sleep_until(self.work.observed.searched + self.search_again).await;
        let mut found = self.bearers(step).await?;
        let first = found.pop();
        match (first, found.pop()) {
            (Some(one), Some(other)) => Err(twins(&one, &other)),
            (one, _) => Ok(one),
        }
    }

    /// Makes it, and sees that it is the only one: another run may have made one between the search and this. Of several that
    /// see each other the one with the least name stays; every other run deletes again what it has just made, and takes
    /// that one. Nothing else is ever deleted: not what this call did not make itself, and not the least one. Where that
    /// one is not alone after a while, because the other run was done before and looks no more, both are named.
    pub(super) async fn create_nameless(
        &self,
        operation: &Operation,
        step: &Step,
        create: &Create<'_>,
    ) -> Result<Written, Fault> {
        let (cloud, node) = (self.work.cloud, &step.desired);
        for _ in 0..TRIES {
            let mut written = self.writing(|| cloud.create(node.kind, &node.place, create)).await?;
            let Some(own) = written.identity.clone() else { return Ok(written) };
            let deadline = Instant::now() + GOES_WITHIN;
            let mut pause = Duration::from_millis(250);
            let least = loop {
                // Where nobody can say, the next run does.
                let Ok(found) = self.bearers(step).await else { return Ok(written) };
                let Some(other) = found.iter().filter(|bearer| **bearer != own).min() else { return Ok(written) };
                // Unless the index names it just as the answer did, nobody can tell which one is this run's.
                let is_known = !written.adopted && found.contains(&own);
                if is_known && *other < own {
                    break other.clone();
                }
                if Instant::now() + pause > deadline {
                    return Err(twins(&own, other));
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            };
            if let Err(fault) = self.writing(|| cloud.delete(node.kind, &node.place, &own, Some(create.desired))).await
            {
                let message = format!(
                    "another run has made {least} at the same time, and {own}, which this one had made, could not be \
                     deleted again: {}",
                    fault.message
                );
                return Err(Fault { kind: FaultKind::Conflict, message, ..fault });
            }
            // The other one may be gone as well by now, or a third one is the least.
            let still = self.bearers(step).await?.into_iter().filter(|bearer| *bearer != own).min();
            let Some(least) = still else { continue };
            written = self.update(operation, step, &least).await?;
            written.identity = Some(least);
            written.notes.push(format!("another run made it at the same time; {own} was deleted again"));
            return Ok(written);
        }
        Err(Fault::new(FaultKind::Conflict, "tag:GetResources", "another run makes it at the same time; plan again"))
    }

    /// Those that carry the owner tags of a step's resource, but for the ones that it replaces and those that are going.
    async fn bearers(&self, step: &Step) -> Result<Vec<String>, Fault> {
        let (work, node) = (self.work, &step.desired);
        let kinds = [node.kind];
        let owned = work.cloud.owned(&kinds, &node.place, &work.graph.stack, &work.graph.env).await?;
        if let Some(fault) = crate::observe::find::nameless(node, &owned) {
            return Err(fault);
        }
        let resource = owner::written(&node.address);
        let mut found = Vec::new();
        for owned in owned {
            let Some(identity) = owned.identity else { continue };
            let same_kind = owned.kind.is_some_and(|kind| kind.name() == node.kind.name());
            let carries = owned.tags.get(owner::RESOURCE).and_then(Value::as_str) == Some(&resource);
            // The one that this step has just deleted, or in whose place it puts another one.
            let known = step.identity.iter().chain(step.former.iter().map(|former| &former.identity));
            if !same_kind || !carries || known.into_iter().any(|known| *known == identity) {
                continue;
            }
            let want =
                Want { identity, secrets: false, shallow: false, given: node.given(), tags: None, verified: None };
            let answers = work.cloud.observe(node.kind, &node.place, std::slice::from_ref(&want)).await;
            match answers.into_iter().next() {
                Some(Live::Present(present)) => {
                    let going = matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. });
                    let replaced = Owner::of(node.kind, &present.properties).is_some_and(|owner| owner.replaced);
                    if !going && !replaced && self.standing(node, &present) == Standing::Ours {
                        found.push(want.identity);
                    }
                }
                Some(Live::Unreadable(fault)) => return Err(fault),
                Some(Live::Absent) | None => {}
            }
        }
        Ok(found)
    }
}

fn twins(one: &str, other: &str) -> Fault {
    let message = format!(
        "{one} and {other} carry the owner tags of it: another run made one, too. Delete the one that is not used"
    );
    Fault::new(FaultKind::Conflict, "tag:GetResources", message)
}
