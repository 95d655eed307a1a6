//! What a caller must be allowed to do for a resource of any type: the calls of Cloud Control, and what the handlers of the
//! type do in the caller's name.
//!
//! The handlers' actions are those of the type's schema, which names all that any resource of the type may take and does
//! not say to what. Where the ARNs of a type are known, what its own service changes is held to the resource.

use trueup_engine::kind::Verb;
use trueup_engine::permission::{ANY, Permission, Subject};

use super::arns;
use super::schema::Read;
use crate::kinds::grants::{self, NO_RESOURCE};

/// Reading the schema of a type.
pub(super) fn schema() -> Permission {
    Permission::everywhere(NO_RESOURCE, &["cloudformation:DescribeType"], "read the schemas of types")
}

pub(super) fn of(read: &Read, verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
    let calls: (&[&str], _) = match verb {
        Verb::Read => (&["cloudformation:GetResource"], "read through Cloud Control"),
        Verb::Create => (
            &[
                "cloudformation:CreateResource",
                "cloudformation:GetResourceRequestStatus",
                "cloudformation:ListResourceRequests",
            ],
            "create through Cloud Control",
        ),
        Verb::Update => (
            &["cloudformation:GetResourceRequestStatus", "cloudformation:UpdateResource"],
            "update through Cloud Control",
        ),
        Verb::Delete => (
            &["cloudformation:DeleteResource", "cloudformation:GetResourceRequestStatus"],
            "delete through Cloud Control",
        ),
    };
    let mut all = vec![Permission::everywhere(NO_RESOURCE, calls.0, calls.1)];
    if verb == Verb::Read {
        all.push(schema());
        all.extend(read.tags.is_some().then(grants::search));
    }
    let named = arns::named(read.name, subject);
    let held = |action: &str| named.as_ref().is_some_and(|(service, _)| changes(service, action));
    let (own, free): (Vec<&'static str>, Vec<&'static str>) =
        read.handler(verb).iter().copied().partition(|action| held(action));
    let why = "let the handlers of its type do it";
    if let Some((_, arns)) = named.filter(|_| !own.is_empty()) {
        all.push(Permission::on("HandlersOnResource", &own, arns, why));
    }
    if !free.is_empty() {
        let why = "let the handlers of its type do it; their schema does not say to what";
        all.push(Permission::on("HandlersOnAnything", &free, [ANY.to_owned()], why));
    }
    all
}

/// Whether an action of a service changes the resource that it names. What reads is often asked about for everything.
fn changes(service: &str, action: &str) -> bool {
    const READS: [&str; 7] = ["BatchGet", "Describe", "Get", "Head", "List", "Search", "Simulate"];
    action.split_once(':').is_some_and(|(own, name)| own == service && !READS.iter().any(|read| name.starts_with(read)))
}
