//! The end-to-end tests. Each runs the real binary; `trueup_tests` is the harness around it.

mod scenarios;
