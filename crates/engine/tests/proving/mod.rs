//! Properties over drawn cases that say how many they went through: some hundreds in the normal run, all that is promised
//! under `cargo xtask prove`. A test of the suite says it in the same way.

#[expect(clippy::print_stderr, reason = "a figure is for whoever runs the test")]
#[path = "../../../../tests/src/promise.rs"]
mod promise;

use std::cell::Cell;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

/// How many cases a property goes through.
#[derive(Debug, Clone, Copy)]
pub struct Cases {
    /// In the normal run.
    pub sample: u32,
    /// Where promises are proved, in an optimised build.
    pub all: u32,
}

/// A property that promises rest on.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// The test's name, with its module.
    pub test: &'static str,
    /// The promises, such as `P12`.
    pub promises: &'static [&'static str],
    /// How many cases. `PROPTEST_CASES` sets another number.
    pub cases: Cases,
}

impl Property {
    /// Tries the property on what is drawn, and makes the first case that breaks it a small one. `figure` says what was
    /// gone through, of a number of cases.
    pub fn holds<S: Strategy>(self, inputs: S, figure: impl FnOnce(u32) -> String, body: impl Fn(S::Value))
    where
        S::Value: std::fmt::Debug,
    {
        let config = Config { failure_persistence: None, ..Config::default() };
        let set = std::env::var_os("PROPTEST_CASES").is_some();
        let cases = match promise::proving() {
            _ if set => config.cases,
            true => self.cases.all,
            false => self.cases.sample,
        };
        let done = Cell::new(0);
        let result = TestRunner::new(Config { cases, ..config }).run(&inputs, |input| {
            body(input);
            done.set(done.get() + 1);
            Ok(())
        });
        promise::report(self.test, self.promises, &figure(done.get()), usize::from(result.is_err()));
        if let Err(error) = result {
            panic!("{}: {error}", self.test);
        }
    }
}

/// A number with its thousands apart.
pub fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
