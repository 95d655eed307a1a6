//! Everything of trueup that knows AWS.
//!
//! The engine sees a [`Session`], which is its [`Cloud`](trueup_engine::cloud::Cloud), and a registry of kinds
//! ([`registry`]). Behind them, from the outside in:
//!
//! ```text
//! kinds ── what a type of resource is and how it is reached, one file (or folder) each
//!   └ reach ── one account and region of a session, over
//!       ├ access ── its credentials, endpoints, clients, limits and account id: one for all sessions of a `Pool`
//!       └ call ── one call: rate limit, repetition, count, trace
//!           ├ sdk ── one attempt through a generated client: EventBridge, Secrets Manager, Glue
//!           ├ wire ── one attempt of an operation that is not worth a client: JSON, form or object, signature, HTTP
//!           └ fault ── what an error means, per operation
//! ```
//!
//! Credentials, region, profiles, SSO, container and instance roles are the SDK's own chain (`aws-config`), and so are
//! signatures and the HTTP client. Properties become a request in `wire::wire_member` alone, which is the only place that
//! exposes a secret; no generated type leaves `sdk`, so that none can be formatted.

mod access;
mod ahead;
mod call;
mod clock;
mod cloudtrail;
mod credentials;
mod document;
mod fault;
mod http;
pub mod kinds;
mod limits;
pub mod lock;
mod names;
mod operation;
mod pool;
mod query;
pub mod raw;
mod reach;
mod sdk;
mod session;
mod settings;
mod shared;
mod sources;
mod tags;
mod wire;

pub use ahead::{Caller, Decision, KeyFacts};
pub use call::CallEvent;
pub use cloudtrail::Told;
pub use kinds::registry;
pub use limits::Limits;
pub use names::partition;
pub use pool::Pool;
pub use session::{Observer, Queries, Session};
pub use settings::{Network, Settings};
pub use sources::{Lacking, Sourced};
