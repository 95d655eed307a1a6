//! What a proxy saw and did.

use serde::Serialize;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number.
    pub number: usize,
    /// The access key that it was signed with.
    pub caller: String,
    /// The service, such as `events`.
    pub service: String,
    /// The operation, such as `CreateConnection`.
    pub operation: String,
    /// The resource's name, where the request has one. Made-up ids are shown as `#` and what was first answered with them.
    pub resource: Option<String>,
    /// What was done to it, such as `pass` or `kill before`.
    pub act: String,
    /// The status that upstream answered, with the error's code; nothing where upstream never saw it or gave none.
    pub outcome: Option<String>,
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, service, operation, resource, act, outcome, .. } = self;
        let resource = resource.as_deref().unwrap_or("-");
        let outcome = outcome.as_deref().unwrap_or("-");
        write!(f, "{number:>3} {service}:{operation} {resource} {act} {outcome}")
    }
}
