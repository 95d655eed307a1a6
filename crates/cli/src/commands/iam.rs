//! `trueup iam`: the exact IAM policy that a command needs for a stack.
//!
//! Made from the manifest, offline: only the schema of a type that is not kept has to be fetched. What is not known
//! without asking (the account) shows as a wildcard.

use std::collections::{BTreeMap, BTreeSet};

use trueup_engine::cloud::{Place, Whereabouts};
use trueup_engine::permission::ANY;
use trueup_engine::policy::{self, LARGEST, Policy, Purpose, Scope, Statement, Whither};

use crate::args::Format;
use crate::cloud;
use crate::commands::{Context, Ready, finish, ready_online};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::front;
use crate::output::iam;
use crate::selection;
use crate::settings::Target;
use crate::settings::lock::{LockAt, LockSettings};

/// Prints the policy of a stack.
pub async fn run(context: &Context<'_>, target: &Target, purpose: Purpose) -> Result<Exit, CommandError> {
    if context.settings.run.prune && !matches!(purpose, Purpose::Plan | Purpose::Apply) {
        return Err(CommandError::usage("`--prune` goes with `--for plan` and `--for apply`"));
    }
    let ready = match known(context, target).await? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let policy = of(context, &ready, purpose, None)?;
    if context.format() != Format::Human {
        context.printer.document(&policy.document())?;
    } else if context.printer.settings().quiet {
        context.printer.result(&iam::summary(&policy));
    } else {
        let home = whither(context, &ready, &crate::commands::plan::home(context, &ready), None);
        context.printer.result(&iam::policy(&policy, &ready, purpose, &home, context.view()));
    }
    for role in &policy.roles {
        context.printer.warning(&format!("what is reached as {role} needs a policy of that role"));
        context.printer.hint(&format!("the same command with `--role-arn {role}` prints it"));
    }
    if policy.size() > LARGEST {
        let message = format!("the policy has {} characters, and a managed policy may have {LARGEST}", policy.size());
        context.printer.warning(&message);
        context.printer.hint("make several with `--only`, and attach all of them");
    }
    Ok(Exit::Done)
}

/// A stack whose types are all known; schemas that are not kept are fetched.
async fn known(context: &Context<'_>, target: &Target) -> Result<Result<Ready, Exit>, CommandError> {
    let loaded = front::load(context.settings, target)?;
    let unknown = loaded.graph.as_ref().is_some_and(|graph| graph.nodes.iter().any(|node| node.kind.is_opaque()));
    if unknown { ready_online(context, target).await } else { finish(context, loaded) }
}

/// The policy of a stack for a purpose; `here` is where the caller is, where it was asked.
pub fn of(
    context: &Context<'_>,
    ready: &Ready,
    purpose: Purpose,
    here: Option<&Whereabouts>,
) -> Result<Policy, CommandError> {
    let settings = context.settings;
    let graph = &ready.graph;
    let changed = selection::selected(graph, &settings.run)?;
    let read = changed.as_ref().map(|changed| match purpose {
        Purpose::Teardown => selection::with_dependants(graph, changed),
        Purpose::Plan | Purpose::Drift | Purpose::Apply => selection::with_dependencies(graph, changed),
    });
    let mut policy = policy::policy(
        graph,
        &Scope {
            purpose,
            values: settings.run.secret_reads,
            selected: changed.as_ref().zip(read.as_ref()),
            replaced: &settings.run.allow_replace,
            prune: settings.run.prune,
            role: settings.cloud.role_arn.as_deref(),
            home: &crate::commands::plan::home(context, ready),
            whither: &|place| whither(context, ready, place, here),
        },
    );
    if matches!(purpose, Purpose::Apply | Purpose::Teardown) {
        let home = whither(context, ready, &crate::commands::plan::home(context, ready), here);
        policy.statements.extend(settings.run.lock.as_ref().and_then(|lock| of_lock(lock, &home)));
    }
    Ok(policy)
}

/// What holding a lock in S3 needs: a condition on what is there asks for the right to read it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
fn of_lock(lock: &LockSettings, home: &Whither) -> Option<Statement> {
    let LockAt::S3(url) = &lock.at else { return None };
    Some(Statement {
        sid: "Lock".to_owned(),
        actions: BTreeSet::from(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]),
        resources: BTreeSet::from([format!("arn:{}:s3:::{}", home.partition, url.trim_start_matches("s3://"))]),
        conditions: Vec::new(),
        reasons: BTreeMap::from([("hold the lock", BTreeSet::new())]),
    })
}

/// Where a place is, as far as manifest, options and environment say it.
fn whither(context: &Context<'_>, ready: &Ready, place: &Place, here: Option<&Whereabouts>) -> Whither {
    let settings = &context.settings.cloud;
    let given = place.region.as_deref().or(settings.region.as_deref()).or(settings.ambient_region.as_deref());
    let sandbox = settings.sandbox.as_ref().map(|_| cloud::SANDBOX_REGION);
    let asked = here.map(|here| here.region.as_str());
    let region = given.or(asked).or(sandbox).unwrap_or(ANY);
    // The account of a role stands in its ARN.
    let of_role =
        place.role_arn.as_deref().and_then(|role| role.split(':').nth(4)).filter(|account| !account.is_empty());
    let bound = ready.stack.account.as_ref().map(|account| account.value.as_str());
    Whither {
        partition: trueup_aws::partition(region),
        region: region.to_owned(),
        account: of_role.or(here.map(|here| here.account.as_str())).or(bound).unwrap_or(ANY).to_owned(),
    }
}
