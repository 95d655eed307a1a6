//! What reads from outside, each as a function of bytes that must come to its end: no panic, within a second and 256 MiB.
//!
//! The functions are the targets of cargo-fuzz (`fuzz_targets/`), which searches for new input, and of the property tests
//! in `tests/`, which are part of every test run. What a function returns is checked inside of it: that it ends is not all.

#![forbid(unsafe_code)]

mod answers;
mod bytes;
mod kind;

use std::collections::BTreeMap;

use trueup_engine::delta::{canonical_form, delta};
use trueup_engine::diagnostic::{self, Diagnostics};
use trueup_engine::kind::Registry;
use trueup_engine::plan::document::{PlanDocument, verify};
use trueup_engine::render::Inputs;
use trueup_engine::schema::Domain;
use trueup_engine::source::Sources;
use trueup_engine::{manifest as grammar, patch, render};
use trueup_stackql::query::{QueryError, Script};
use trueup_stackql::translate::{self, Options};
use trueup_stackql::{iql, project, sql};

use crate::bytes::Bytes;

/// Reads, renders and reports a text as a manifest.
pub fn manifest(data: &[u8]) {
    read(&String::from_utf8_lossy(data), Vec::new());
}

/// Evaluates a text as the scalars of a manifest: a value, a condition, a loop, the SQL of a query.
pub fn template(data: &[u8]) {
    let scalar: String = String::from_utf8_lossy(data).chars().filter(|character| !character.is_control()).collect();
    let quoted = serde_json::Value::from(scalar);
    read(
        &format!(
            "version: 1\nname: x\nvars: [{{ name: S, secret: true }}]\nglobals: [{{ name: g, value: {quoted} }}]\nresources:\n  - \
             name: a\n    exports: [Arn]\n  - name: b\n    if: {quoted}\n    for_each: {quoted}\n    locals: [{{ name: l, value: \
             {quoted} }}]\n    props: {{ X: {quoted}, Y: \"{{{{ l }}}}\" }}\n  - {{ name: q, type: query, sql: {quoted} }}\n"
        ),
        Vec::new(),
    );
}

/// Reads a text as a file of variables, in both of its forms.
pub fn variables(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let files = vec![("v.env".to_owned(), text.clone()), ("v.yaml".to_owned(), text)];
    read("version: 1\nname: x\nresources: [{ name: a, props: { X: \"{{ vars.A }}{{ vars.B }}\" } }]\n", files);
}

/// Reads a text as a saved plan; one that can be read is not stale against itself, and says the same when it is written.
pub fn plan_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(plan) = PlanDocument::read(&text) else { return };
    assert!(verify(&plan, &plan).is_empty(), "a plan is stale against itself");
    let written = serde_json::to_string(&plan).unwrap_or_default();
    assert!(
        PlanDocument::read(&written).is_ok_and(|again| again.digest == plan.digest),
        "a plan is another one when written"
    );
}

/// Compares what bytes say is wanted with what they say is live: the patch leads from the one to the other, and what was
/// reached differs from nothing.
pub fn difference(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (desired, live) = (bytes.object(kind::SCHEMA.properties), bytes.object(kind::SCHEMA.properties));
    let spelled = |_: Domain, name: &str| name.to_owned();
    let found = delta(&kind::SCHEMA, &desired, &live, &[], &spelled);
    let patch = patch::patch(found.edits.iter());
    if let Err(mistake) = patch::prove(&found, &patch) {
        panic!("{mistake}: {patch:?}");
    }
    let again = delta(&kind::SCHEMA, &desired, &found.desired, &[], &spelled);
    assert_eq!(again.effective().count(), 0, "something is left to do: {:?}", patch::patch(again.edits.iter()));
    let same = delta(&kind::SCHEMA, &live, &live, &[], &spelled);
    assert_eq!(same.effective().count(), 0, "it differs from itself: {:?}", patch::patch(same.edits.iter()));
    let canonical = canonical_form(&kind::SCHEMA, &live);
    assert_eq!(
        patch::document(&canonical_form(&kind::SCHEMA, &canonical)),
        patch::document(&canonical),
        "a canonical form has another one"
    );
}

/// Reads a text as the manifest of a stackql-deploy project, and translates, renders and reports what can be read of it.
pub fn project(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let _ = project::is_project(&text);
    let mut sources = Sources::new("");
    let id = sources.add("stackql_manifest.yml", text);
    let mut found = Diagnostics::new();
    if let Some(project) = project::read(&mut sources, id, &mut found) {
        let answers = BTreeMap::new();
        let options = Options {
            kinds: Registry::new(&[]),
            answers: &answers,
            allow_scripts: false,
            keep_order: true,
            selected: &|_| true,
        };
        let manifest = translate::translate(&project, &sources, &options, &mut found);
        let inputs = Inputs {
            env: "dev",
            given: vec![("A".to_owned(), "a".to_owned())],
            files: Vec::new(),
            environment: &|_| None,
            today: (2026, 11, 21),
        };
        found.extend(render::render(&manifest, &inputs, &mut sources).1);
    }
    show(found, &sources);
}

/// Reads a text as a file of statements: its anchors, the SQL in each, and the whole as a query.
pub fn statements(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let mut sources = Sources::new("");
    let id = sources.add("thing.iql", text.clone());
    let mut found = Diagnostics::new();
    for anchor in &iql::parse(id, &text, &mut found).anchors {
        let _ = sql::parse(&anchor.body, &mut found);
    }
    show(found, &sources);
    if let Err(QueryError::Rejected(rejected)) = Script::parse("query", &text) {
        show(rejected.diagnostics, &rejected.sources);
    }
}

/// Takes bytes for the answer of a service to a call, see [`answers::read`].
pub fn answers(data: &[u8]) {
    answers::read(data);
}

fn read(text: &str, files: Vec<(String, String)>) {
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", text);
    let (parsed, mut found) = grammar::parse(&mut sources, id);
    if let Some(parsed) = parsed {
        let inputs = Inputs {
            env: "dev",
            given: vec![("A".to_owned(), "a".to_owned())],
            files,
            environment: &|_| None,
            today: (2026, 11, 21),
        };
        let (_, more) = render::render(&parsed, &inputs, &mut sources);
        found.extend(more);
    }
    show(found, &sources);
}

fn show(found: Diagnostics, sources: &Sources) {
    for one in &found.sorted() {
        let wide = diagnostic::render(one, sources, false, 60);
        let narrow = diagnostic::render(one, sources, true, 10);
        assert!(wide.contains(one.code) && narrow.contains(one.code), "a message without its code");
    }
}
