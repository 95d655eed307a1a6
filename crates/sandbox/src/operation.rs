//! What an operation is: a name, the model of its input, what it is about, and what it does.
//!
//! Every service is a slice of operations, so that routing, faults, the policy and the call log are
//! written once and an operation cannot be without them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::clock::Millis;
use crate::cloudtrail::Trail;
use crate::faults::Injector;
use crate::policy::{Facts, Policy, Verdict};
use crate::shape::Shape;
use crate::state::{Global, Home, World, arn};
use crate::store::View;
use crate::tagging::{self, Tags};
use crate::wire::{Caller, Refusal};

/// An operation of a service.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) input: &'static Shape,
    /// The input members that may name the resource, for rules and the call log.
    pub(crate) subject: &'static [&'static str],
    /// The resources that IAM asks about.
    pub(crate) resources: fn(&Context<'_>, &Value) -> Vec<Resource>,
    pub(crate) run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
}

/// A resource that a policy must allow, in one of the forms by which it may be known.
pub(crate) struct Resource(pub(crate) Vec<String>);

impl Resource {
    /// Makes a resource with a single form.
    pub(crate) fn one(arn: String) -> Self {
        Self(vec![arn])
    }

    /// Returns what operations without a resource ask about.
    pub(crate) fn any(_: &Context<'_>, _: &Value) -> Vec<Self> {
        vec![Self::one("*".to_owned())]
    }
}

/// What an operation works on.
pub(crate) struct Context<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) home: &'a mut Home,
    pub(crate) service_linked: &'a mut BTreeSet<String>,
    /// What no region has to itself.
    pub(crate) global: &'a mut Global,
    /// What reads see; writes work on what is.
    pub(crate) view: View,
    /// How long transient states last.
    pub(crate) settle: Millis,
    pub(crate) policy: Option<&'a Policy>,
    /// Clearing values do not clear.
    pub(crate) no_clear: bool,
    /// The rules for what is asked of a service by another one.
    pub(crate) faults: Option<&'a Injector>,
    /// The events of all accounts.
    pub(crate) trail: &'a Trail,
    /// What happens outside of the caller's region once the operation has succeeded.
    pub(crate) after: Vec<After>,
}

/// Work on other regions, which an operation cannot see while it runs.
pub(crate) type After = Box<dyn FnOnce(&mut World)>;

impl Context<'_> {
    /// Returns the time of the request.
    pub(crate) fn now(&self) -> Millis {
        self.view.now
    }

    /// Returns an ARN of the caller's account and region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        arn(service, &self.caller.region, &self.caller.account, resource)
    }

    /// Asks the policy, if one is in force.
    pub(crate) fn authorize(&self, action: &str, resource: &Resource, facts: Facts<'_>) -> Result<(), Refusal> {
        let Some(policy) = self.policy else {
            return Ok(());
        };
        let mut all: Vec<(&str, Cow<'_, str>)> = facts.to_vec();
        all.push(("aws:RequestedRegion", self.caller.region.as_str().into()));
        all.push(("aws:PrincipalAccount", self.caller.account.as_str().into()));
        all.push(("aws:ResourceAccount", self.caller.account.as_str().into()));
        let tags = if policy.asks_for_tags() { tagging::tags_of(self, &resource.0) } else { Tags::new() };
        let keys: Vec<String> = tags.keys().map(|key| format!("aws:ResourceTag/{key}")).collect();
        all.extend(keys.iter().map(String::as_str).zip(tags.values().map(|value| value.as_str().into())));
        let mut verdict = Verdict::NotAllowed;
        for form in &resource.0 {
            match policy.decide(action, form, &all) {
                Verdict::Allowed if verdict == Verdict::NotAllowed => verdict = Verdict::Allowed,
                Verdict::Denied => verdict = Verdict::Denied,
                _ => {}
            }
        }
        let subject = resource.0.first().map_or("*", String::as_str);
        match verdict {
            Verdict::Allowed => Ok(()),
            Verdict::NotAllowed => Err(denied(
                self.caller,
                action,
                subject,
                &format!("because no identity-based policy allows the {action} action"),
            )),
            Verdict::Denied => {
                Err(denied(self.caller, action, subject, "with an explicit deny in an identity-based policy"))
            }
        }
    }

    /// Asks the policy about a key's use through a service.
    pub(crate) fn authorize_key(&self, action: &str, key: &str, via: &[&str]) -> Result<(), Refusal> {
        let resource = Resource::one(key.to_owned());
        let mut outcome = Ok(());
        for service in via {
            let via = format!("{service}.{}.amazonaws.com", self.caller.region);
            outcome = self.authorize(action, &resource, &[("kms:ViaService", Cow::Owned(via))]);
            if outcome.is_ok() {
                return outcome;
            }
        }
        outcome
    }
}

/// Returns the ARN of whoever calls.
pub(crate) fn identity(caller: &Caller) -> String {
    format!("arn:{}:iam::{}:user/{}", caller.partition(), caller.account, caller.user)
}

/// Makes the access-denied answer.
pub(crate) fn denied(caller: &Caller, action: &str, resource: &str, why: &str) -> Refusal {
    let user = identity(caller);
    Refusal::new(
        "AccessDeniedException",
        format!("User: {user} is not authorized to perform: {action} on resource: {resource} {why}"),
    )
}

/// Returns a text member of an input.
pub(crate) fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str)
}

/// Returns a text member that the model requires, and that was therefore checked.
pub(crate) fn required<'a>(input: &'a Value, member: &str) -> &'a str {
    text(input, member).unwrap_or_default()
}

/// Returns a structure or list member of an input.
pub(crate) fn part<'a>(input: &'a Value, member: &str) -> Option<&'a Value> {
    input.get(member).filter(|value| !value.is_null())
}
