//! `trueup orphans`: what carries the stack's owner tags and is not in its manifest. Reads only.

use std::fmt::Write as _;

use trueup_engine::cloud::{Live, Readiness};
use trueup_engine::fault::Fault;
use trueup_engine::observe::{self, Orphan};
use trueup_engine::owner::Owner;

use crate::args::Format;
use crate::cloud;
use crate::commands::plan::home;
use crate::commands::{Context, ready_online};
use crate::error::{self, CommandError};
use crate::exit::{Exit, decide, when};
use crate::output::document::{OrphanDocument, OrphansDocument};
use crate::output::text::{clean, count};
use crate::settings::Target;

/// Lists the orphans of a stack.
pub async fn run(context: &Context<'_>, target: &Target) -> Result<Exit, CommandError> {
    let ready = match ready_online(context, target).await? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let cloud = cloud::connect(context.settings, false).await?;
    let reading = observe::Options {
        secrets: false,
        shallow: true,
        only: None,
        orphans: true,
        home: Some(home(context, &ready)),
        ..observe::Options::default()
    };
    let observed = observe::observe(&ready.graph, &cloud.session, &reading).await;
    cloud.close().await?;

    let (stack, env) = (&ready.stack.name.value, &ready.stack.env);
    let ours = |orphan: &&Orphan| still_ours(orphan, stack, env);
    let orphans: Vec<OrphanDocument> = observed.orphans.iter().filter(ours).map(row).collect();
    let faults: Vec<&Fault> = observed.unsearched.iter().map(|(_, fault)| fault).collect();
    let unread = orphans.iter().any(|orphan| orphan.fault.is_some());
    let exit = decide([when(!faults.is_empty() || unread, Exit::Incomplete)]);
    if context.format() == Format::Human {
        // Of what was not searched nobody knows that it is empty.
        if faults.is_empty() || !orphans.is_empty() {
            show(context, stack, env, &orphans);
        }
        for fault in faults {
            context.printer.warning(&format!("owner tags could not be searched: {}", error::describe(fault)));
            if let Some(hint) = error::advice(fault) {
                context.printer.hint(&hint);
            }
        }
    } else {
        context.printer.document(&OrphansDocument::new(stack, env, orphans, &faults))?;
    }
    Ok(exit)
}

/// Whether the resource itself says that it is the stack's and stays; the index that found it may be old. What could not
/// be read is shown.
fn still_ours(orphan: &Orphan, stack: &str, env: &str) -> bool {
    match (&orphan.live, orphan.owned.kind) {
        (Some(Live::Absent), _) => false,
        (Some(Live::Present(present)), Some(kind)) => {
            let going = matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. });
            let owner = Owner::of(kind, &present.properties);
            !going && owner.is_some_and(|owner| owner.stack == stack && owner.env == env)
        }
        _ => true,
    }
}

fn row(orphan: &Orphan) -> OrphanDocument {
    let owner = Owner::of_tags(&orphan.owned.tags);
    let resource = owner.as_ref().map(|owner| owner.resource.as_str()).unwrap_or_default();
    let address = trueup_engine::owner::read(resource).map_or_else(|| resource.to_owned(), |it| it.to_string());
    OrphanDocument {
        address,
        type_name: orphan.owned.kind.map(|kind| kind.name().to_owned()),
        identifier: orphan.owned.identity.clone(),
        arn: orphan.owned.arn.clone(),
        protected: owner.is_some_and(|owner| owner.protected),
        fault: match &orphan.live {
            Some(Live::Unreadable(fault)) => Some(fault.clone()),
            _ => None,
        },
    }
}

fn show(context: &Context<'_>, stack: &str, env: &str, orphans: &[OrphanDocument]) {
    if orphans.is_empty() {
        return context.printer.result(&format!("{stack} ({env}) owns nothing that the manifest does not name.\n"));
    }
    let width = |text: fn(&OrphanDocument) -> usize| orphans.iter().map(text).max().unwrap_or_default();
    let (addresses, types) = (width(|it| it.address.chars().count()), width(|it| it.type_name().chars().count()));
    let mut text = format!("{stack} ({env}) owns what the manifest does not name:\n\n");
    for orphan in orphans {
        // What is printed comes from tags, which anybody may have written.
        let mut line = format!("  {:addresses$}  {:types$}  {}", orphan.address, orphan.type_name(), orphan.arn);
        if orphan.protected {
            line.push_str("  protected");
        }
        if let Some(fault) = &orphan.fault {
            let _ = write!(line, "  could not be read: {}", error::describe(fault));
        }
        text.push_str(&clean(&line));
        text.push('\n');
    }
    let many = count(orphans.len(), "orphan", "orphans");
    let _ = writeln!(text, "\n{many}; `trueup plan --prune` plans the deletion.");
    context.printer.result(&text);
}
