//! The end-to-end tests. Each runs the real binary; `trueup_tests` is the harness around it.

#![allow(clippy::print_stdout, reason = "what a test says is captured, and shown where it fails")]

mod scenarios;
