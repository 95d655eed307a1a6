//! Whose a resource is: owner tags, identities that the service makes, scheduled deletions and orphans, against a cloud
//! in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::too_many_lines, reason = "tests")]

mod adopting;
mod finding;
mod hints;
mod orphans;
mod protection;
#[path = "../proving/mod.rs"]
mod proving;
mod queries;
mod replacing;
mod scheduled;
mod sequences;
mod support;
mod tearing_down;
