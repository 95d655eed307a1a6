//! The kinds against endpoints that speak AWS's protocols: the sandbox, a server that answers anything, and, where
//! `TRUEUP_TEST_MOTO_URL` names one, moto.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

mod answers;
mod cloud_control;
mod cloud_control_types;
mod conformance;
mod endpoints;
mod faults;
mod glue;
mod keys;
mod lock;
mod meta;
mod moto;
mod names;
mod reading;
mod samples;
mod secrets;
mod support;
