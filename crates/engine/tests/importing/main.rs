//! What is there, written as a manifest: it says what a person would say, and reading it gives what was there.

#![allow(clippy::unwrap_used, reason = "tests")]

mod back_again;
mod cases;
mod kinds;
