//! `--blame`: who brought about what differs.
//!
//! CloudTrail is asked after everything else is known, and twice a second at most, so people read the report first and the
//! names come in behind it. A document for machines has to wait for them.

use std::collections::BTreeMap;

use trueup_engine::blame::{Blame, Finding, Suspect};
use trueup_engine::cloud::Live;
use trueup_engine::plan::{Action, Step};

use crate::args::Format;
use crate::cloud::Connected;
use crate::commands::Context;
use crate::commands::plan::Planned;
use crate::output::blame;
use crate::output::jsonl::Body;

/// What was found, by address.
pub type ByAddress = BTreeMap<String, Vec<Finding>>;

/// Who did it, for a document; nothing for the forms that [`tell`] adds to.
pub async fn gather(context: &Context<'_>, cloud: &Connected, planned: &Planned) -> ByAddress {
    let mut found = ByAddress::new();
    if matches!(context.format(), Format::Json | Format::Page(_)) {
        let suspects = suspects(planned);
        let mut told = |suspect: &Suspect, blame: Blame| {
            if is_news(suspect, &blame) {
                found.insert(suspect.address.to_string(), blame.entries());
            }
        };
        cloud.session.blame(&suspects, &mut told).await;
    }
    found
}

/// Tells behind the report who did it, as it becomes known.
pub async fn tell(context: &Context<'_>, cloud: &Connected, planned: &Planned) {
    if matches!(context.format(), Format::Json | Format::Page(_)) || context.printer.settings().quiet {
        return;
    }
    let suspects = suspects(planned);
    let mut first = true;
    let mut told = |suspect: &Suspect, blame: Blame| {
        if !is_news(suspect, &blame) {
            return;
        }
        let address = suspect.address.to_string();
        if context.format() == Format::Jsonl {
            context.jsonl.write(Body::Blame { address, blame: blame.entries() });
        } else {
            context.printer.result(&blame::human(&address, &blame, std::mem::take(&mut first), context.view()));
        }
    };
    cloud.session.blame(&suspects, &mut told).await;
}

/// What is not there may never have been: that nobody deleted it is no news.
fn is_news(suspect: &Suspect, blame: &Blame) -> bool {
    !suspect.missing || !blame.calls.is_empty()
}

/// The resources that differ, and those that are gone.
fn suspects(planned: &Planned) -> Vec<Suspect> {
    planned.plan.steps.iter().filter_map(suspect).collect()
}

fn suspect(step: &Step) -> Option<Suspect> {
    let node = &step.desired;
    let of =
        |identity: &str, attributes| Suspect::new(&node.address, node.kind.name(), &node.place, identity, attributes);
    match &step.live {
        Live::Present(present) if !node.orphan => {
            let mut suspect = of(&present.identity, &present.attributes);
            let differing = step.edits.iter().filter(|edit| !edit.is_ignored());
            suspect.paths = differing.map(|edit| edit.pointer.clone()).collect();
            (!suspect.paths.is_empty()).then_some(suspect)
        }
        Live::Absent if step.action == Action::Create => {
            let mut suspect = of(step.identity.as_deref()?, &trueup_engine::value::Map::new());
            suspect.missing = true;
            Some(suspect)
        }
        _ => None,
    }
}
