//! Everything of trueup that knows AWS.
//!
//! The engine sees a [`Session`], which is its [`Cloud`](trueup_engine::cloud::Cloud), and a registry of kinds
//! ([`registry`]). Behind them, from the outside in:
//!
//! ```text
//! kinds ── what a type of resource is and how it is reached, one file (or folder) each
//!   └ reach ── one account and region: credentials, endpoints, account id
//!       └ call ── one call: rate limit, repetition, count, trace
//!           └ wire ── one attempt: JSON, signature, HTTP; the only place that exposes a secret
//!               └ fault ── what an error means, per operation
//! ```
//!
//! Credentials, region, profiles, SSO, container and instance roles are the SDK's own chain (`aws-config`), and so are
//! STS, signatures and the HTTP client. The JSON services are called by [`wire`] and not by generated clients:
//!
//! - the generated EventBridge client leaves out `IsValueSecret: false` (a boolean that equals the model's default is not
//!   serialised), and the service takes an absent one for `true`: a public header would silently become a secret;
//! - properties have CloudFormation's names, which are the API's, so that a request is the property tree itself;
//! - no generated type that holds a credential exists, so that none can be formatted.

mod call;
mod credentials;
mod fault;
mod http;
pub mod kinds;
mod limits;
mod names;
mod operation;
mod reach;
mod session;
mod settings;
mod wire;

pub use call::CallEvent;
pub use kinds::registry;
pub use limits::Limits;
pub use session::{Observer, Session};
pub use settings::{Network, Settings};
