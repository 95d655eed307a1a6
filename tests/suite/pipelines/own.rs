//! The workflows of this repository: each is what its reader expects, what others made is pinned, and only the job that
//! publishes may write anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use trueup_tests::{interpreter, repository, script};

use super::{documents, text, texts_at};

fn workflows() -> Vec<PathBuf> {
    let folder = repository().join(".github/workflows");
    let entries = fs::read_dir(folder).expect("the repository has workflows");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.sort();
    assert!(paths.len() >= 2, "{paths:?}");
    paths
}

#[test]
fn each_workflow_is_what_its_reader_expects() {
    let Some(python) = interpreter() else { return };
    let scratch = tempfile::tempdir().expect("a temporary folder can be made");
    let mut files = Vec::new();
    for path in workflows() {
        let mut steps = Vec::new();
        let document = documents(&path).remove(0);
        texts_at(&document, "run", &mut steps);
        assert!(!steps.is_empty(), "{}", path.display());
        for step in steps {
            let step_path = scratch.path().join(format!("step-{}", files.len()));
            fs::write(&step_path, format!("set -e\n{step}\n")).expect("a temporary folder can be filled");
            let parsed = Command::new("bash").arg("-n").arg(&step_path).status();
            assert!(parsed.is_ok_and(|status| status.success()), "`bash -n`: {step}");
            files.push(json!({"as": "bash", "path": step_path}));
        }
        files.push(json!({"as": "github-workflows", "path": path}));
    }
    let reader = repository().join("tests/python/pipelines.py");
    let wrong = script(&python, &reader, &["check"], &json!(files).to_string());
    let wrong: Vec<String> = serde_json::from_str(&wrong).expect("pipelines.py prints JSON");
    assert_eq!(wrong.len(), files.len());
    for (file, wrong) in files.iter().zip(wrong) {
        assert_eq!(wrong, "", "{file}");
    }
}

#[test]
fn what_others_made_is_of_a_version() {
    for path in workflows() {
        let document = documents(&path).remove(0);
        let mut uses = Vec::new();
        texts_at(&document, "uses", &mut uses);
        for used in uses {
            let version = used.split_once('@').map_or("", |(_, version)| version);
            let pinned = version.strip_prefix('v').is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit()));
            assert!(pinned, "{}: `{used}` names no version", path.display());
        }
    }
}

#[test]
fn only_what_publishes_may_write() {
    let path = repository().join(".github/workflows/release.yml");
    let document = documents(&path).remove(0);
    assert_eq!(document["permissions"], json!({"contents": "read"}));
    assert_eq!(
        document["on"]["push"].as_object().map(|push| push.keys().collect::<Vec<_>>()),
        Some(vec![&"tags".to_owned()])
    );
    let jobs = document["jobs"].as_object().expect("a workflow has jobs");
    let most = json!({"contents": "write", "id-token": "write", "attestations": "write"});
    for (name, job) in jobs {
        let expected = if name == "publish" { &most } else { &Value::Null };
        assert_eq!(&job["permissions"], expected, "{name}");
        let steps = job["steps"].as_array().expect("a job has steps");
        for step in
            steps.iter().filter(|step| step["uses"].as_str().is_some_and(|it| it.starts_with("actions/checkout")))
        {
            assert_eq!(step["with"]["persist-credentials"], false, "{name} keeps a token where the build can read it");
        }
        // A text of the event that is put into a script is run as one.
        let scripts = steps.iter().filter_map(|step| step["run"].as_str());
        assert!(scripts.into_iter().all(|script| !script.contains("${{")), "{name}");
    }
    // Nothing is published before everything else went well, and what publishes builds nothing.
    let needs: BTreeSet<&str> =
        jobs["publish"]["needs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(needs, jobs.keys().map(String::as_str).filter(|name| *name != "publish").collect());
    assert!(!jobs["publish"].to_string().contains("cargo"), "{}", jobs["publish"]);
    let text = text(&path);
    for part in ["check advisories", "cargo xtask release --verify", "actions/attest-build-provenance@", "SHA256SUMS"] {
        assert!(text.contains(part), "no {part}");
    }
}
