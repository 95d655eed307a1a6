//! The harness of the end-to-end tests: the real binary, in an environment of its own, on a sandbox of its own.
//!
//! Everything here serves one rule: a test says what a person types and what a person sees. So a run is a command line
//! in a temporary folder with nothing inherited, its whole output is compared, and around every run stands a search for
//! the secrets that were planted in it, so that no test has to remember to look for them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a harness ends the test when what it needs is missing")]
#![allow(clippy::print_stderr, reason = "what a skipped test says goes to the test's output")]

mod accounts;
mod binary;
mod canary;
mod environment;
mod holder;
mod http;
mod ordeal;
mod process;
mod promise;
mod proxied;
mod python;
mod sandbox;
mod scenario;
mod snapshot;

pub use accounts::{created, same};
pub use binary::{repository, trueup};
pub use canary::{Canaries, forms};
pub use environment::TestEnv;
pub use holder::Holder;
pub use http::{Answer, send};
pub use ordeal::{Ordeal, Place, Stage, each};
pub use process::{Background, Process, Run};
pub use promise::{proving, report};
pub use proxied::{Proxied, Racer};
pub use python::{Emulator, boto3, interpreter, ministack, moto, script, terminal};
pub use sandbox::{Call, Sandbox, changes, writes};
pub use scenario::{Scenario, Verbosity};
pub use snapshot::{check_schema, filters, redact};
