//! The back of the engine, from desired resources to the report, against a cloud in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::too_many_lines, reason = "tests")]

mod applying;
mod basics;
mod deltas;
mod documents;
mod graphs;
mod ignoring;
mod members;
mod mixed;
#[path = "../proving/mod.rs"]
mod proving;
mod rename;
mod replace;
mod secrets;
mod sequences;
mod support;
mod tearing_down;
mod undeclared;
mod unmanaged;
mod unread;
