//! What is asked of AWS ahead of an apply, besides what a plan reads: who the caller is and what it may do, how much room
//! the quotas leave, and whether a key can be used. Reads only; no answer here decides anything.

use std::collections::{BTreeMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value as Json, json};
use trueup_engine::cloud::Place;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::policy::Statement;

use crate::fault::of_unreadable;
use crate::operation::{DESCRIBE_KEY, GET_KEY_POLICY, LIST_KEY_TAGS, LIST_SERVICE_QUOTAS, SIMULATE_PRINCIPAL_POLICY};
use crate::query;
use crate::session::Session;

/// How many simulations are under way at once.
const AT_ONCE: usize = 4;

/// Who calls, as far as IAM can simulate it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A user or a role.
    Principal(String),
    /// Somebody whose policies cannot be simulated: the account itself, a federated user.
    Other(String),
}

impl Caller {
    /// The caller behind an ARN of STS. The session of a role is that role; a path that the role may have is not in it.
    fn of(arn: &str) -> Self {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        match parts[..] {
            ["arn", _, "iam", _, _, resource] if resource.starts_with("user/") || resource.starts_with("role/") => {
                Self::Principal(arn.to_owned())
            }
            ["arn", partition, "sts", _, account, resource] => {
                let role = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
                role.map_or_else(
                    || Self::Other(arn.to_owned()),
                    |role| Self::Principal(format!("arn:{partition}:iam::{account}:role/{role}")),
                )
            }
            _ => Self::Other(arn.to_owned()),
        }
    }
}

/// What IAM says of an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The action.
    pub action: String,
    /// On what.
    pub resource: String,
    /// It may be done.
    pub allowed: bool,
    /// A statement denies it.
    pub explicitly: bool,
}

/// What is known of a key.
#[derive(Debug)]
pub struct KeyFacts {
    /// Its ARN.
    pub arn: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`.
    pub state: String,
    /// `SYMMETRIC_DEFAULT`.
    pub spec: String,
    /// `ENCRYPT_DECRYPT`.
    pub usage: String,
    /// `CUSTOMER`, `AWS`.
    pub manager: String,
    /// Its policy, where it could be read.
    pub policy: Result<Json, Fault>,
    /// Its tags, where they could be read.
    pub tags: Result<BTreeMap<String, String>, Fault>,
}

impl Session {
    /// Who calls in a place; nothing where STS does not say.
    ///
    /// # Errors
    ///
    /// STS could not be asked.
    pub async fn caller(&self, place: &Place) -> Result<Option<Caller>, Fault> {
        Ok(self.reach(place).await?.caller().await?.map(Caller::of))
    }

    /// What IAM says of everything that some statements allow.
    ///
    /// # Errors
    ///
    /// The caller may not simulate, or the principal is not one that can be simulated.
    pub async fn simulate(
        &self,
        place: &Place,
        principal: &str,
        statements: &[Statement],
    ) -> Result<Vec<Decision>, Fault> {
        let all: Vec<Vec<Decision>> = futures_util::stream::iter(statements)
            .map(|statement| self.simulate_one(place, principal, statement))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(all.into_iter().flatten().collect())
    }

    async fn simulate_one(
        &self,
        place: &Place,
        principal: &str,
        statement: &Statement,
    ) -> Result<Vec<Decision>, Fault> {
        let reach = self.reach(place).await?;
        let operation = &SIMULATE_PRINCIPAL_POLICY;
        let entries: Vec<Json> = statement
            .conditions
            .iter()
            .map(|condition| {
                let (key, values) = (&condition.key, &condition.values);
                json!({ "ContextKeyName": key, "ContextKeyValues": values, "ContextKeyType": "string" })
            })
            .collect();
        let mut input = json!({
            "PolicySourceArn": principal, "ActionNames": statement.actions, "ResourceArns": statement.resources,
            "ContextEntries": entries, "MaxItems": 1000,
        });
        let mut decisions = Vec::new();
        let mut markers = HashSet::new();
        loop {
            let answer = reach.read(operation, &input).await?;
            for result in query::items(&answer["EvaluationResults"]) {
                let text = |member: &str| result[member].as_str().map(str::to_owned);
                let (Some(action), Some(decision)) = (text("EvalActionName"), text("EvalDecision")) else {
                    return Err(of_unreadable(operation, "a result has no action or no decision", None));
                };
                let resource = text("EvalResourceName").unwrap_or_else(|| "*".to_owned());
                let (allowed, explicitly) = (decision == "allowed", decision == "explicitDeny");
                decisions.push(Decision { action, resource, allowed, explicitly });
            }
            let marker = answer["Marker"].as_str().filter(|_| answer["IsTruncated"] == "true").map(str::to_owned);
            let Some(marker) = marker else { return Ok(decisions) };
            // A list that begins again is not a whole one.
            if !markers.insert(marker.clone()) {
                return Err(of_unreadable(operation, "its `Marker` comes again", None));
            }
            input["Marker"] = marker.into();
        }
    }

    /// The quotas of EventBridge, by their names in small letters.
    ///
    /// # Errors
    ///
    /// Service Quotas could not be asked.
    pub async fn event_quotas(&self, place: &Place) -> Result<BTreeMap<String, u64>, Fault> {
        let reach = self.reach(place).await?;
        let operation = &LIST_SERVICE_QUOTAS;
        let mut input = json!({ "ServiceCode": "events", "MaxResults": 100 });
        let (mut found, mut tokens) = (BTreeMap::new(), HashSet::new());
        loop {
            let page = reach.read(operation, &input).await?;
            let Some(quotas) = page["Quotas"].as_array() else {
                return Err(of_unreadable(operation, "it has no `Quotas`", None));
            };
            for quota in quotas {
                let (name, value) = (quota["QuotaName"].as_str(), quota["Value"].as_f64());
                if let Some((name, value)) = name.zip(value) {
                    // Quotas of things are whole numbers, written as fractions.
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
                    found.insert(name.to_lowercase(), value as u64);
                }
            }
            let Some(token) = page["NextToken"].as_str().filter(|token| !token.is_empty()) else { return Ok(found) };
            if !tokens.insert(token.to_owned()) {
                return Err(of_unreadable(operation, "the same page comes again", None));
            }
            input["NextToken"] = token.into();
        }
    }

    /// What is known of a key by its ARN, id or alias; nothing where there is none.
    ///
    /// # Errors
    ///
    /// The key could not be described.
    pub async fn key_facts(&self, place: &Place, name: &str) -> Result<Option<KeyFacts>, Fault> {
        let reach = self.reach(place).await?;
        let answer = match reach.read(&DESCRIBE_KEY, &json!({ "KeyId": name })).await {
            Ok(answer) => answer,
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let text = |member: &str| answer["KeyMetadata"][member].as_str().unwrap_or_default().to_owned();
        let arn = text("Arn");
        if arn.is_empty() {
            return Err(of_unreadable(&DESCRIBE_KEY, "it has no `KeyMetadata` with an `Arn`", None));
        }
        let about = json!({ "KeyId": arn, "PolicyName": "default" });
        let policy = reach.read(&GET_KEY_POLICY, &about).await.and_then(|answer| {
            let parsed = answer["Policy"].as_str().and_then(|text| serde_json::from_str(text).ok());
            parsed.ok_or_else(|| of_unreadable(&GET_KEY_POLICY, "it has no `Policy`", None))
        });
        let tags = reach.read(&LIST_KEY_TAGS, &json!({ "KeyId": arn })).await.and_then(|answer| {
            let tags =
                answer["Tags"].as_array().ok_or_else(|| of_unreadable(&LIST_KEY_TAGS, "it has no `Tags`", None))?;
            let tag = |tag: &Json| Some((tag["TagKey"].as_str()?.to_owned(), tag["TagValue"].as_str()?.to_owned()));
            Ok(tags.iter().filter_map(tag).collect())
        });
        let (state, spec, usage) = (text("KeyState"), text("KeySpec"), text("KeyUsage"));
        Ok(Some(KeyFacts { arn, state, spec, usage, manager: text("KeyManager"), policy, tags }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_the_role_behind_it() {
        let user = "arn:aws:iam::123456789012:user/ops/deployer";
        assert_eq!(Caller::of(user), Caller::Principal(user.to_owned()));
        assert_eq!(
            Caller::of("arn:aws-cn:sts::123456789012:assumed-role/deploy/trueup"),
            Caller::Principal("arn:aws-cn:iam::123456789012:role/deploy".to_owned())
        );
        for other in ["arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:federated-user/x", "x"] {
            assert_eq!(Caller::of(other), Caller::Other(other.to_owned()));
        }
    }
}
