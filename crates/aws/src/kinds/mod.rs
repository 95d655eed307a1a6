//! The types of resources: one file or folder each, and one line in [`KINDS`].
//!
//! A kind is pure for the engine ([`Kind`]: names, schema, rules) and does its I/O through [`AwsKind`], which the
//! [`Session`](crate::Session) calls. A new kind is a unit struct with a `static` schema, the two implementations,
//! converters with their tests, and its line here; the conformance suite then runs over it.

pub mod cloud_control;
pub mod events_api_destination;
pub mod events_connection;
mod fields;
#[cfg(feature = "glue")]
pub mod glue_connection;
mod grants;
pub mod kms_alias;
pub mod kms_key;
mod listing;
pub mod secretsmanager_secret;
mod settle;
mod tag_list;
pub(crate) mod values;
pub(crate) mod version;

use trueup_engine::cloud::{Confirm, Create, Live, Task, Unconfirmed, Update, Want, Written};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::{Kind, Registry};
use trueup_engine::value::Map;

use crate::reach::Reach;

/// How a kind is reached: the half of it that does I/O. Contracts are those of [`trueup_engine::cloud::Cloud`].
pub(crate) trait AwsKind: Kind {
    /// Reads resources; one answer a want, in the same order.
    fn observe_many<'a>(&'a self, reach: &'a Reach, wants: &'a [Want]) -> Task<'a, Vec<Live>>;

    /// Creates a resource.
    fn create<'a>(&'a self, reach: &'a Reach, create: &'a Create<'a>) -> Task<'a, Result<Written, Fault>>;

    /// Updates a resource.
    fn update<'a>(&'a self, reach: &'a Reach, update: &'a Update<'a>) -> Task<'a, Result<Written, Fault>>;

    /// Deletes a resource; one that is not there counts as deleted, and is then `Ready(None)`: there is nothing to wait
    /// for. `desired` holds what is known of the desired properties, where the manifest names it.
    fn delete<'a>(
        &'a self,
        reach: &'a Reach,
        identity: &'a str,
        desired: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>>;

    /// The identities of all there are.
    fn list<'a>(&'a self, reach: &'a Reach) -> Task<'a, Result<Vec<String>, Fault>>;

    /// The resource types of the Resource Groups Tagging API whose resources are of this kind: `glue:connection`.
    fn resource_types(&self) -> &'static [&'static str] {
        &[]
    }

    /// The identity of the resource with this ARN, where it is one of this kind and the ARN says it.
    fn identity_of_arn(&self, arn: &str) -> Option<String> {
        let _ = arn;
        None
    }

    /// Takes a resource back from its scheduled deletion.
    fn restore<'a>(&'a self, reach: &'a Reach, identity: &'a str) -> Task<'a, Result<Written, Fault>> {
        let (_, _) = (reach, identity);
        let name = self.name();
        Box::pin(
            async move { Err(Fault::new(FaultKind::Invalid, name, "nothing of this type is kept after its deletion")) },
        )
    }

    /// Checks what changes brought with them in other services.
    fn confirm<'a>(&'a self, reach: &'a Reach, items: &'a [Confirm]) -> Task<'a, Vec<Unconfirmed>> {
        let _ = (reach, items);
        Box::pin(async { Vec::new() })
    }
}

macro_rules! kinds {
    ($($(#[$feature:meta])* $kind:path),+ $(,)?) => {
        /// Every kind, by name.
        static AWS_KINDS: &[&dyn AwsKind] = &[$($(#[$feature])* &$kind),+];

        /// Every kind, by name, as the engine sees it.
        pub static KINDS: &[&dyn Kind] = &[$($(#[$feature])* &$kind),+];
    };
}

kinds![
    events_api_destination::EventsApiDestination,
    events_connection::EventsConnection,
    #[cfg(feature = "glue")]
    glue_connection::GlueConnection,
    kms_alias::KmsAlias,
    kms_key::KmsKey,
    secretsmanager_secret::SecretsManagerSecret,
];

/// The kinds of this crate.
pub fn registry() -> Registry {
    Registry::new(KINDS)
}

/// The kind and the identity of the resource with this ARN.
pub(crate) fn of_arn(arn: &str) -> Option<(&'static dyn Kind, String)> {
    let own = AWS_KINDS.iter().find_map(|kind| Some((&**kind as &dyn Kind, kind.identity_of_arn(arn)?)));
    own.or_else(|| cloud_control::of_arn(arn))
}

/// The half of a kind that does I/O: a kind of this crate, or one that was made of a type's schema.
pub(crate) fn find(name: &str) -> Option<&'static dyn AwsKind> {
    AWS_KINDS.iter().copied().find(|kind| kind.name() == name).or_else(|| cloud_control::find(name))
}
