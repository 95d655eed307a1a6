//! The end-to-end tests. Each runs the real binary; `trueup_tests` is the harness around it.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod behind_our_back;
mod blame;
mod bounds;
mod calls;
mod crash;
mod documents;
mod drift_everywhere;
mod drift_throttled;
mod emulators;
mod every_type;
mod fleet;
mod formats;
mod glue_password;
mod import_mixed;
mod interrupted;
mod least_privilege;
mod lifecycle;
#[cfg(unix)]
mod local_trouble;
mod lock;
#[cfg(unix)]
mod malicious;
mod network;
mod no_false_alarm;
mod order;
mod pipelines;
mod query;
mod races;
mod saved_plan;
mod scenarios;
#[cfg(unix)]
mod secrets_left;
mod signals;
mod sources;
mod stackql_defects;
mod stackql_page;
mod stackql_projects;
mod stale_plans;
mod terminal;
mod typing;
mod verified;
