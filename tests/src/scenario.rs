//! Scenarios: folders with a manifest and a list of commands; adding one needs no code.
//!
//! `tests/scenarios/README.md` describes the format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::binary::repository;
use crate::environment::TestEnv;
use crate::process::Run;
use crate::sandbox::{Call, writes};
use crate::snapshot::{check_schema, filters, redact};

/// How much a scenario's commands say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// As written: the output is compared.
    Compared,
    /// With a log of everything: only the exit codes count, and that no secret is in it.
    Everything,
}

/// `scenario.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// What the scenario shows, in a sentence.
    about: String,
    /// How long transient states of the sandbox last.
    #[serde(default = "short")]
    settle: String,
    /// Environment variables that are secret.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// Environment variables that are not.
    #[serde(default)]
    env: BTreeMap<String, String>,
    steps: Vec<Step>,
}

fn short() -> String {
    "20ms".to_owned()
}

/// One step: first what changes, then the command, then what is expected.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Step {
    /// The name of the snapshot; the command's first word without it.
    name: Option<String>,
    /// Files to copy over others: target → source.
    files: BTreeMap<String, String>,
    /// Secret environment variables from here on.
    secrets: BTreeMap<String, String>,
    /// Environment variables from here on.
    env: BTreeMap<String, String>,
    /// The sandbox's faults from here on.
    faults: Option<Value>,
    /// The sandbox's policy from here on; `false` lifts it.
    policy: Option<Value>,
    /// How far to move the sandbox's clock.
    clock: Option<String>,
    /// Calls behind the program's back, which have to succeed.
    calls: Vec<Behind>,
    /// The arguments of `trueup`.
    run: Option<String>,
    /// The exit code.
    exit: i32,
    /// What is compared.
    compare: Compare,
    /// The schema that the document on stdout, or each of its lines, has to fit.
    schema: Option<String>,
    /// How the calls that write are listed in the snapshot.
    writes: Order,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Behind {
    service: String,
    operation: String,
    input: Value,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Compare {
    /// Stdout, stderr and the calls that write.
    #[default]
    All,
    /// Stdout and the calls that write.
    Stdout,
    /// Only the calls that write.
    Writes,
    /// Nothing but the exit code.
    Nothing,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// By name, because steps that do not depend on one another run at once.
    #[default]
    Sorted,
    /// As they arrived.
    Arrived,
    /// Only how many of each succeeded, for faults that are drawn.
    Counted,
    /// Not at all.
    Hidden,
}

/// A scenario's folder.
#[derive(Debug)]
pub struct Scenario {
    /// The folder's name.
    pub name: String,
    folder: PathBuf,
}

impl Scenario {
    /// Every scenario, by name.
    pub fn all() -> Vec<Self> {
        let root = repository().join("tests/scenarios");
        let mut all: Vec<Self> = fs::read_dir(&root)
            .expect("tests/scenarios can be read")
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("scenario.yaml").is_file())
            .map(|entry| Self { name: entry.file_name().to_string_lossy().into_owned(), folder: entry.path() })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Runs it from the beginning to the end.
    pub fn run(&self, verbosity: Verbosity) {
        let text = fs::read_to_string(self.folder.join("scenario.yaml")).expect("scenario.yaml can be read");
        let document: Document =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}/scenario.yaml: {error}", self.name));
        assert!(!document.about.is_empty(), "{}/scenario.yaml does not say what it is about", self.name);
        let mut env = TestEnv::settling(&document.settle);
        for step in &document.steps {
            step.secrets.values().for_each(|secret| env.plant(secret));
        }
        set(&mut env, &document.secrets, &document.env);
        env.copy(&self.folder);
        for file in fs::read_dir(env.stack()).expect("the stack's folder can be read").filter_map(Result::ok) {
            // What is about the scenario is not part of the stack.
            let path = file.path();
            if file.file_name() == "scenario.yaml" || path.extension().is_some_and(|extension| extension == "snap") {
                fs::remove_file(path).expect("a copied file can be removed");
            }
        }
        for (index, step) in document.steps.iter().enumerate() {
            step.run(&mut env, self, index + 1, verbosity);
        }
    }
}

fn set(env: &mut TestEnv, secrets: &BTreeMap<String, String>, plain: &BTreeMap<String, String>) {
    for (name, value) in secrets {
        env.set_secret(name, value);
    }
    for (name, value) in plain {
        env.set(name, value);
    }
}

impl Step {
    fn run(&self, env: &mut TestEnv, scenario: &Scenario, number: usize, verbosity: Verbosity) {
        for (target, source) in &self.files {
            let text = fs::read_to_string(scenario.folder.join(source))
                .unwrap_or_else(|error| panic!("{}/{source}: {error}", scenario.name));
            env.write(target, &text);
        }
        set(env, &self.secrets, &self.env);
        if let Some(faults) = &self.faults {
            env.sandbox().faults(faults);
        }
        if let Some(policy) = &self.policy {
            env.sandbox().policy(if policy.is_object() { policy } else { &Value::Null });
        }
        if let Some(by) = &self.clock {
            env.sandbox().advance(by);
        }
        for behind in &self.calls {
            let answer = env.sandbox().call(&behind.service, &behind.operation, &behind.input, "us-east-1");
            assert_eq!(answer.status, 200, "{}, step {number}: {}", scenario.name, answer.body);
        }
        let Some(command) = &self.run else { return };
        let before = env.sandbox().calls().len();
        let compared = verbosity == Verbosity::Compared;
        let run = if compared { env.trueup(command) } else { env.logged(command) };
        let calls = env.sandbox().calls().split_off(before);
        assert_eq!(run.code, Some(self.exit), "scenario {}, step {number}: {run}", scenario.name);
        assert!(!run.stderr.contains("panicked"), "scenario {}, step {number}: {run}", scenario.name);
        if !compared {
            return;
        }
        if let Some(schema) = &self.schema {
            check_output(schema, &run);
        }
        if self.compare != Compare::Nothing {
            let first = command.split_whitespace().find(|word| !word.starts_with('-')).unwrap_or("help");
            let name = format!("{number}-{}", self.name.as_deref().unwrap_or(first));
            let text = self.snapshot(&run, &calls);
            filters(&scenario.folder, env.folder()).bind(|| insta::assert_snapshot!(name, text));
        }
    }

    fn snapshot(&self, run: &Run, calls: &[Call]) -> String {
        let mut text = format!("$ {}\nexit code {}\n", run.command, self.exit);
        let mut part = |name: &str, content: &str| {
            if !content.is_empty() {
                let _ = write!(text, "\n--- {name}\n{}\n", content.trim_end_matches('\n'));
            }
        };
        if matches!(self.compare, Compare::All | Compare::Stdout) {
            part("stdout", &comparable(&run.stdout));
        }
        if self.compare == Compare::All {
            part("stderr", &run.stderr);
        }
        let mut written: Vec<String> = writes(calls).iter().map(ToString::to_string).collect();
        match self.writes {
            Order::Sorted => written.sort(),
            Order::Arrived => {}
            Order::Counted => {
                let mut counts = BTreeMap::<String, usize>::new();
                for call in writes(calls).iter().filter(|call| call.done()) {
                    *counts.entry(format!("{}:{}", call.service, call.operation)).or_default() += 1;
                }
                written = counts.iter().map(|(operation, count)| format!("{operation} done {count}")).collect();
            }
            Order::Hidden => written.clear(),
        }
        part("writes", &written.join("\n"));
        text
    }
}

/// Output as it is compared: of JSON only what is the same in each run.
fn comparable(stdout: &str) -> String {
    let one = |text: &str, pretty: bool| {
        let mut document: Map<String, Value> = serde_json::from_str(text).ok()?;
        document.values_mut().for_each(redact);
        let mut document = Value::Object(document);
        redact(&mut document);
        Some(if pretty { format!("{document:#}") } else { document.to_string() })
    };
    one(stdout, true).unwrap_or_else(|| {
        stdout.lines().map(|line| one(line, false).unwrap_or_else(|| line.to_owned()) + "\n").collect()
    })
}

/// Checks one document, or the lines of events, against a schema.
fn check_output(schema: &str, run: &Run) {
    if schema != "events" {
        return check_schema(schema, &run.json());
    }
    assert!(!run.stdout.is_empty(), "there are no events: {run}");
    for line in run.stdout.lines() {
        assert!(line.len() <= 64 * 1024, "a line is longer than 64 KiB: {} bytes", line.len());
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        check_schema(schema, &event);
    }
}
