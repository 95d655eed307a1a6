//! The end-to-end tests. Each runs the real binary; `trueup_tests` is the harness around it.

mod behind_our_back;
mod calls;
mod documents;
mod emulators;
mod interrupted;
mod lifecycle;
mod saved_plan;
mod scenarios;
mod stackql_page;
mod terminal;
mod typing;
