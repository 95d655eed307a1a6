//! Copies of a secret in other regions.
//!
//! A replica is a secret of its own in its region, with its own key, and yet nobody but the primary can
//! change it; it follows when the primary has changed. An operation sees its own region only, so the
//! copies are made when it has succeeded: whether that worked is found in the primary's status, as it is
//! with AWS.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::secret::Secret;
use super::writes::{store, writable};
use crate::clock::Millis;
use crate::kms::{self, Use};
use crate::operation::{Context, part, text};
use crate::state::{World, arn};
use crate::store::View;
use crate::wire::{Refusal, partition};

/// A region that a secret is copied to.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Replica {
    region: String,
    /// Absent for the key that Secrets Manager itself manages there.
    kms_key: Option<String>,
    /// A secret of another origin may be overwritten.
    overwrite: bool,
    /// Until then it is in progress.
    settled: Millis,
    outcome: Outcome,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
enum Outcome {
    Asked,
    Made,
    Failed(String),
}

impl Replica {
    /// Returns its status; [I] the texts.
    pub(super) fn show(&self, at: Millis) -> Value {
        let mut out = json!({
            "Region": self.region,
            "KmsKeyId": self.kms_key.as_deref().unwrap_or("alias/aws/secretsmanager"),
        });
        let (status, message) = match &self.outcome {
            _ if at < self.settled => ("InProgress", None),
            Outcome::Failed(why) => ("Failed", Some(why.as_str())),
            Outcome::Asked | Outcome::Made => ("InSync", Some("Replication succeeded")),
        };
        out["Status"] = status.into();
        if let Some(message) = message {
            out["StatusMessage"] = message.into();
        }
        out
    }
}

pub(super) fn replicate(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut secret = writable(context, input)?;
    add(context, &mut secret, input)?;
    let out = json!({"ARN": secret.arn, "ReplicationStatus": secret.replication(context.now())});
    store(context, secret);
    Ok(out)
}

/// Notes the regions that an input asks for; whatever stores the secret then makes the copies.
pub(super) fn add(context: &Context<'_>, secret: &mut Secret, input: &Value) -> Result<(), Refusal> {
    let overwrite = input.get("ForceOverwriteReplicaSecret").and_then(Value::as_bool).unwrap_or(false);
    for asked in part(input, "AddReplicaRegions").and_then(Value::as_array).into_iter().flatten() {
        let region = text(asked, "Region").unwrap_or_default();
        let elsewhere = partition(region) != context.caller.partition();
        if region.is_empty() || region == context.caller.region || elsewhere {
            // [I] the text
            return Err(invalid("Invalid replica region."));
        }
        // What has failed is tried again.
        secret.replicas.retain(|it| it.region != region || it.outcome == Outcome::Made);
        if secret.replicas.iter().any(|it| it.region == region) {
            // [?] that it is refused, and the text
            return Err(invalid(format!("The secret is already replicated to the region {region}.")));
        }
        let key = text(asked, "KmsKeyId").filter(|key| !key.is_empty() && !key.ends_with("alias/aws/secretsmanager"));
        secret.replicas.push(Replica {
            region: region.to_owned(),
            kms_key: key.map(str::to_owned),
            overwrite,
            settled: context.now() + context.settle,
            outcome: Outcome::Asked,
        });
    }
    Ok(())
}

pub(super) fn remove(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut secret = writable(context, input)?;
    let regions = part(input, "RemoveReplicaRegions").and_then(Value::as_array).into_iter().flatten();
    let mut gone = Vec::new();
    for region in regions.filter_map(Value::as_str) {
        let Some(at) = secret.replicas.iter().position(|it| it.region == region) else {
            // [?] that it is refused, and the text
            return Err(invalid(format!("The secret is not replicated to the region {region}.")));
        };
        gone.push(secret.replicas.remove(at).region);
    }
    let out = json!({"ARN": secret.arn, "ReplicationStatus": secret.replication(context.now())});
    let (account, primary) = (context.caller.account.clone(), context.caller.region.clone());
    let (name, now) = (secret.name.clone(), context.now());
    context.after.push(Box::new(move |world| {
        for region in gone {
            let (home, ..) = world.home(&account, &region, now);
            let present = home.secrets.current(&name, now).map(|it| Secret::clone(it));
            if let Some(mut copy) = present.filter(|copy| copy.primary.as_ref() == Some(&primary)) {
                copy.gone_at = Some(now);
                home.secrets.put(&name, now, copy);
            }
        }
    }));
    store(context, secret);
    Ok(out)
}

/// [I] the text.
pub(super) fn not_a_replica(secret: &Secret) -> Result<(), Refusal> {
    if secret.primary.is_none() {
        return Ok(());
    }
    Err(invalid("Operation not permitted on a replica secret. Call must be made in primary secret's region."))
}

/// Refuses to leave copies behind; [I] the text.
pub(super) fn none_left(secret: &Secret) -> Result<(), Refusal> {
    if secret.replicas.is_empty() {
        return Ok(());
    }
    let regions: Vec<&str> = secret.replicas.iter().map(|it| it.region.as_str()).collect();
    let (name, regions) = (&secret.name, regions.join(","));
    Err(invalid(format!("You can't delete secret {name} that still has replica regions [{regions}]")))
}

/// Lets the copies of a secret follow it.
pub(super) fn follow(context: &mut Context<'_>, secret: &Secret) {
    if secret.replicas.is_empty() {
        return;
    }
    let (account, region) = (context.caller.account.clone(), context.caller.region.clone());
    let (name, now) = (secret.name.clone(), context.now());
    context.after.push(Box::new(move |world| copy_all(world, &account, &region, &name, now)));
}

fn copy_all(world: &mut World, account: &str, region: &str, name: &str, now: Millis) {
    let found = world.home(account, region, now).0.secrets.current(name, now).cloned();
    let Some(mut primary) = found.map(|it| Secret::clone(&it)) else { return };
    let mut replicas = std::mem::take(&mut primary.replicas);
    let mut changed = false;
    for replica in &mut replicas {
        let outcome = match &replica.outcome {
            Outcome::Failed(_) => continue,
            Outcome::Asked | Outcome::Made => match copy(world, account, region, replica, &primary, now) {
                Ok(()) => Outcome::Made,
                Err(why) => Outcome::Failed(why),
            },
        };
        changed |= replica.outcome != outcome;
        replica.outcome = outcome;
    }
    if changed {
        primary.replicas = replicas;
        world.home(account, region, now).0.secrets.put(name, now, primary);
    }
}

/// Makes one copy, or says why not; [I] the text for a name that is taken, [?] for a key.
fn copy(
    world: &mut World,
    account: &str,
    from: &str,
    replica: &Replica,
    primary: &Secret,
    now: Millis,
) -> Result<(), String> {
    let Replica { region, kms_key, overwrite, .. } = replica;
    let (home, ..) = world.home(account, region, now);
    let name = &primary.name;
    let present = home.secrets.current(name, now);
    if present.is_some_and(|it| it.primary.as_deref() != Some(from)) && !overwrite {
        return Err(format!("Replication failed: Secret name {name} already exists in region {region}."));
    }
    let keys = arn("kms", region, account, "");
    let usable = |key: &String| matches!(kms::usable_in(home, &keys, key, View::of(now)), Use::Usable(_));
    if kms_key.as_ref().is_some_and(|key| !usable(key)) {
        return Err(format!("Replication failed: The KMS key in region {region} is missing or cannot be used."));
    }
    let mut copy = primary.clone();
    let end = primary.arn.rsplit(":secret:").next().unwrap_or_default();
    copy.arn = arn("secretsmanager", region, account, &format!("secret:{end}"));
    copy.kms_key.clone_from(kms_key);
    copy.primary = Some(from.to_owned());
    for version in &mut copy.versions {
        version.left_with = None;
    }
    home.secrets.put(name, now, copy);
    Ok(())
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}
