//! The recipes of `examples/pipelines`: each file is what its reader expects, each command in it is run, in each
//! situation with the exit code that `docs/gitops.md` says.

mod jobs;
mod own;
mod runner;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use trueup_tests::{interpreter, repository, script, trueup};

use self::jobs::{cron, unit};
use self::runner::{Names, PASSWORD, Runner};

const FOLDER: &str = "examples/pipelines";

/// What the recipes use and keep at the top of the repository.
const AT_THE_TOP: &[&str] = &["action.yml", ".pre-commit-hooks.yaml", "Containerfile"];

/// Every file of the recipes: as it is named in them, and where it is.
fn recipes() -> Vec<(String, PathBuf)> {
    fn walk(folder: &Path, top: &Path, found: &mut Vec<(String, PathBuf)>) {
        for entry in fs::read_dir(folder).expect("a folder of the repository can be read").filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, top, found);
            } else {
                let name = path.strip_prefix(top).expect("it lies below").display().to_string();
                found.push((name, path));
            }
        }
    }
    let top = repository().join(FOLDER);
    let mut found: Vec<_> = AT_THE_TOP.iter().map(|name| ((*name).to_owned(), repository().join(name))).collect();
    walk(&top, &top, &mut found);
    found.retain(|(name, _)| extension(name) != "pyc");
    found.sort();
    assert!(found.len() > 20, "{found:?}");
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every text at a key, anywhere in a document.
fn texts_at<'a>(document: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if name == key => found.push(text),
                    _ => texts_at(value, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts_at(item, key, found)),
        _ => {}
    }
}

fn documents(path: &Path) -> Vec<Value> {
    let text = text(path);
    let parts = text.split("\n---\n");
    parts.map(|part| serde_yaml::from_str(part).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect()
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn is_yaml(name: &str) -> bool {
    ["yml", "yaml"].contains(&extension(name))
}

#[test]
fn every_file_is_what_its_reader_expects() {
    let Some(python) = interpreter() else { return };
    let scratch = tempfile::tempdir().expect("a temporary folder can be made");
    let mut files = Vec::new();
    let mut scripts = Vec::new();
    for (name, path) in recipes() {
        let reader = match name.as_str() {
            // The program's own tests read it.
            "stacks/orders/trueup.yaml" => continue,
            "action.yml" => "github-actions",
            ".gitlab-ci.yml" => "gitlab-ci",
            ".pre-commit-config.yaml" => "pre-commit-config",
            ".pre-commit-hooks.yaml" => "pre-commit-manifest",
            name if name.starts_with(".github/workflows/") => "github-workflows",
            name if name.starts_with("deploy/kubernetes/") => "kubernetes",
            name if extension(name) == "sh" => "shell",
            name => {
                assert!(!is_yaml(name), "nothing reads {name}");
                continue;
            }
        };
        if name == "action.yml" || reader == "github-workflows" {
            let document = documents(&path).remove(0);
            let mut steps = Vec::new();
            texts_at(&document, "run", &mut steps);
            scripts.extend(steps.into_iter().map(|step| ("bash", step.to_owned())));
        }
        if reader == "gitlab-ci" {
            for job in documents(&path)[0].as_object().expect("a pipeline is a mapping").values() {
                for part in ["before_script", "script"] {
                    scripts.extend(job[part].as_array().into_iter().flatten().filter_map(|line| {
                        // What the shell of GitLab has: variables of the job and of the project.
                        Some(("shell", format!("# shellcheck disable=SC2154,SC1091\n{}", line.as_str()?)))
                    }));
                }
            }
        }
        files.push(json!({"as": reader, "path": path}));
    }
    let (_, command) = cron();
    scripts.push(("shell", format!("# shellcheck disable=SC1091\n{command}")));
    assert!(scripts.len() >= 12, "{scripts:?}");
    for (number, (shell, text)) in scripts.into_iter().enumerate() {
        let path = scratch.path().join(format!("step-{number}"));
        // As the forges run them: until the first command that fails.
        fs::write(&path, format!("set -e\n{text}\n")).expect("a temporary folder can be filled");
        let parsed = Command::new(if shell == "bash" { "bash" } else { "sh" }).arg("-n").arg(&path).status();
        assert!(parsed.is_ok_and(|status| status.success()), "`-n`: {}", self::text(&path));
        files.push(json!({"as": shell, "path": path}));
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
fn what_others_made_is_pinned() {
    for (name, path) in recipes().into_iter().filter(|(name, _)| is_yaml(name)) {
        for document in documents(&path) {
            let (mut uses, mut images) = (Vec::new(), Vec::new());
            texts_at(&document, "uses", &mut uses);
            texts_at(&document, "image", &mut images);
            for used in uses {
                let version = used.split_once('@').map_or("", |(_, version)| version);
                let pinned = version.strip_prefix('v').is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit()));
                assert!(pinned, "{name}: `{used}` names no version");
            }
            for image in images {
                let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
                assert!(tag.starts_with(|c: char| c.is_ascii_digit()), "{name}: `{image}` names no version");
            }
        }
    }
}

#[test]
fn the_container_is_built_from_what_is_there_and_runs_as_nobody() {
    let root = repository();
    let container = text(&root.join("Containerfile"));
    let toolchain = text(&root.join("rust-toolchain.toml"));
    let version = toolchain.split('"').nth(1).expect("rust-toolchain.toml names a version");
    assert!(container.contains(&format!("FROM rust:{version}-slim-")), "another Rust than {version}");
    assert!(container.contains(&format!("RUSTUP_TOOLCHAIN={version}\n")), "another Rust than {version}");
    for line in container.lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from")) {
        let words: Vec<&str> = line.split(' ').collect();
        for source in &words[1..words.len() - 1] {
            assert!(root.join(source).exists(), "{line}");
        }
    }
    let last = container.rsplit("\nFROM ").next().expect("there is a last stage");
    assert!(last.contains("distroless") && last.contains("USER 65532:65532") && !last.contains("RUN"), "{last}");
    assert!(!container.contains(":latest"));
}

/// Only whom the policy names: an audience, and a subject that is not everything.
#[test]
fn the_trust_policies_name_an_audience_and_a_subject() {
    let mut seen = 0;
    for (name, path) in recipes().into_iter().filter(|(name, _)| name.ends_with("-trust.json")) {
        let policy: Value = serde_json::from_str(&text(&path)).expect("a policy is JSON");
        let statement = &policy["Statement"][0];
        let provider = statement["Principal"]["Federated"].as_str().expect("a provider");
        let provider = provider.split_once("oidc-provider/").expect("an OIDC provider").1;
        assert_eq!(statement["Action"], "sts:AssumeRoleWithWebIdentity", "{name}");
        let mut keys = BTreeMap::new();
        for (_, test) in statement["Condition"].as_object().expect("there are conditions") {
            keys.extend(test.as_object().expect("a condition has keys").clone());
        }
        assert!(keys[&format!("{provider}:aud")].is_string(), "{name}");
        let subject = keys[&format!("{provider}:sub")].as_str().expect("a subject");
        let whole = subject.contains("connections:") && !subject.starts_with('*');
        assert!(whole, "{name}: {subject}");
        assert!(!name.contains("apply") || !subject.contains('*'), "{name}: {subject}");
        seen += 1;
    }
    assert_eq!(seen, 7);
}

#[test]
fn systemd_takes_the_units() {
    assert!(unit("trueup-drift.timer").contains_key("Timer") && unit("trueup-drift.service").contains_key("Service"));
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for name in ["trueup-drift.service", "trueup-drift.timer"] {
        let units = repository().join(FOLDER).join("deploy/systemd");
        let here = format!("ExecStart={}/", repository().join(FOLDER).display());
        let unit = text(&units.join(name)).replace("ExecStart=/srv/connections/", &here);
        fs::write(folder.path().join(name), unit).expect("a temporary folder can be filled");
    }
    let units = ["trueup-drift.service", "trueup-drift.timer"].map(|name| folder.path().join(name));
    let Ok(checked) = Command::new("systemd-analyze").arg("verify").args(units).output() else {
        // A machine without systemd.
        return;
    };
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && !said.contains("trueup-drift"), "{said}");
}

/// What the job of a recipe finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    InSync,
    Drift,
    Unread,
    Unhealthy,
}

const SITUATIONS: [(Situation, &str); 4] = [
    (Situation::InSync, "everything is as the manifest says"),
    (Situation::Drift, "something differs or is missing"),
    (Situation::Unread, "something could not be read"),
    (Situation::Unhealthy, "as the manifest says, and cannot be used"),
];

/// The exit code that the page says for a situation.
fn code_of(situation: Situation) -> i32 {
    let says = SITUATIONS.iter().find(|(it, _)| *it == situation).expect("every situation is listed").1;
    let page = text(&repository().join("docs/gitops.md"));
    let row = page.lines().find(|line| line.starts_with(&format!("| {says} |"))).expect("the page has a row for it");
    row.split('|').nth(2).and_then(|cell| cell.trim().parse().ok()).expect("the row has a code")
}

impl Runner {
    /// Brings a situation about, starting from what was applied.
    fn bring(&self, situation: Situation) {
        let sandbox = self.env.sandbox();
        match situation {
            Situation::InSync => {}
            Situation::Drift => {
                let input = json!({"Name": "orders-prod", "Description": "changed by hand"});
                assert_eq!(sandbox.call("events", "UpdateConnection", &input, "us-east-1").status, 200);
            }
            Situation::Unread => sandbox.faults(&json!({"rules": [
                {"service": "events", "operation": "*Connection*", "count": null, "deny": true}]})),
            Situation::Unhealthy => sandbox.faults(&json!({"rules": [
                {"service": "events", "operation": "DescribeConnection", "states": ["DEAUTHORIZED"]},
                {"service": "events", "operation": "ListConnections", "states": ["DEAUTHORIZED"]}]})),
        }
    }

    fn put_right(&self) {
        let sandbox = self.env.sandbox();
        sandbox.no_faults();
        let input = json!({"Name": "orders-prod", "Description": "Orders API"});
        sandbox.call("events", "UpdateConnection", &input, "us-east-1");
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
}

const PULL_REQUEST: &[(&str, &str)] = &[("github.event.pull_request.number", "12")];

/// Every `trueup COMMAND` that stands in a recipe, comments left out.
fn written() -> BTreeSet<(String, String)> {
    let help = Command::new(trueup()).arg("--help").output().expect("the program can be started");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let commands: Vec<&str> = help
        .split_once("Commands:")
        .expect("the help lists the commands")
        .1
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"drift") && commands.contains(&"iam"), "{commands:?}");
    let mut found = BTreeSet::new();
    let shown = ["Containerfile", "README.md", "ci/review.py"];
    for (name, path) in recipes().into_iter().filter(|(name, _)| !shown.contains(&name.as_str())) {
        let text = text(&path);
        // What is a name of something, or a sentence, is no command.
        let lines = text.lines().map(str::trim).filter(|line| {
            !["#", "name:", "- name:", "description:", "echo"].iter().any(|start| line.starts_with(start))
        });
        for behind in lines.flat_map(|line| line.split("trueup ").skip(1)) {
            let command = behind.split_whitespace().next().unwrap_or_default();
            if commands.contains(&command) {
                found.insert((name.clone(), command.to_owned()));
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

#[test]
fn every_command_of_the_recipes_ends_as_the_page_says() {
    let Some(python) = interpreter() else { return };
    let mut runner = Runner::new(&python);
    let env_file = format!("ORDERS_PASSWORD={PASSWORD}\n");
    runner.env.write("etc/orders.env", &env_file);
    fs::create_dir(runner.env.folder().join("reports")).expect("a temporary folder can be filled");

    // The policies of the roles; from here on each job has that of its role, and no more.
    let roles = ["aws/roles.sh", "stacks/orders", "prod", "github"].map(str::to_owned);
    runner.run("aws/roles.sh", &roles, &Names::new()).expect(0);
    let become_role = |runner: &Runner, role: &str| {
        let policy = text(&runner.env.stack().join(format!("policy-{role}.json")));
        runner.env.sandbox().policy(&serde_json::from_str(&policy).expect("a policy is JSON"));
    };

    assert_eq!(runner.pre_commit(), 0);
    runner.gitlab("validate").expect(0);
    for (command, code) in [("validate", 0), ("teardown", 64)] {
        let with = [("command", command), ("stack", "stacks/orders"), ("environment", "prod")];
        assert_eq!(runner.action_alone(&with), code);
    }

    // Somebody else's comment with another plan, and more comments than a page has.
    let forged = format!("<!-- trueup:orders:prod:plan -->\n<!-- trueup-plan digest={} run=13 -->", "0".repeat(64));
    runner.forge.says("github", &json!({"login": "somebody"}), &forged);
    for _ in 0..120 {
        runner.forge.says("github", &json!({"login": "somebody"}), "Looks good.");
    }
    become_role(&runner, "plan");
    let plan = ".github/workflows/trueup-plan.yml";
    for _ in 0..2 {
        assert_eq!(runner.workflow(plan, PULL_REQUEST), 0);
        runner.forge.says("github", &json!({"login": "somebody"}), &forged);
    }
    let comments = runner.forge.comments();
    let ours: Vec<&Value> = comments.iter().filter(|it| it["user"]["login"] == "github-actions[bot]").collect();
    assert_eq!(ours.len(), 1, "{ours:?}");
    let body = ours[0]["body"].as_str().expect("a comment has a text");
    assert!(body.contains("**2** to create") && body.ends_with(" run=42 -->"), "{body}");
    assert_eq!(comments.iter().filter(|it| it["body"] == forged.as_str()).count(), 3);
    runner.env.canaries().check("the comments", json!(comments).to_string().as_bytes());
    let sarif = text(&runner.env.stack().join("trueup.sarif"));
    assert_eq!(serde_json::from_str::<Value>(&sarif).expect("SARIF is JSON")["version"], "2.1.0");

    // Another plan than the reviewed one is refused, before the first write.
    let apply = ".github/workflows/trueup-apply.yml";
    let file = runner.env.stack().join("trueup-plan.json");
    let reviewed = text(&file);
    let other = ["trueup", "plan", "stacks/orders", "prod", "--only", "orders", "--out", "trueup-plan.json"];
    let other = other.map(str::to_owned);
    runner.env.sandbox().policy(&Value::Null);
    runner.run("another plan", &other, &[("ORDERS_PASSWORD".to_owned(), PASSWORD.to_owned())].into()).expect(0);
    become_role(&runner, "apply");
    assert_eq!(runner.workflow(apply, &[]), 4);
    assert_eq!(runner.env.sandbox().home("us-east-1")["connections"].as_object().map_or(0, serde_json::Map::len), 0);
    fs::write(&file, reviewed).expect("a temporary folder can be filled");
    assert_eq!(runner.workflow(apply, &[]), 0);
    let summary = text(&runner.env.folder().join("summary.md"));
    assert!(summary.contains("<!-- trueup:orders:prod:apply -->"), "{summary}");

    // The same with GitLab, on an empty account.
    runner.env.sandbox().reset();
    become_role(&runner, "plan");
    for _ in 0..2 {
        runner.gitlab("plan").expect(0);
    }
    let comments = runner.forge.comments();
    assert_eq!(comments.iter().filter(|it| it["author"]["id"] == 7).count(), 1);
    runner.env.canaries().check("the comments", json!(comments).to_string().as_bytes());
    become_role(&runner, "apply");
    // What the job kept is all that is left of it.
    fs::rename(&file, runner.env.folder().join("artifacts/trueup-plan.json")).expect("the job left a plan");
    runner.gitlab("apply").expect(0);

    // Without the values of credentials, as the page says for those who may push branches.
    let words = ["trueup", "iam", "stacks/orders", "prod", "--for", "plan", "--no-secret-reads", "--json"];
    let policy = runner.run("docs/gitops.md", &words.map(str::to_owned), &Names::new()).expect(0).json();
    assert!(!policy.to_string().contains("secretsmanager:"), "{policy}");
    for (command, role) in [("plan", &policy), ("apply", &Value::Null)] {
        runner.env.sandbox().policy(role);
        let stack = [("stack", "stacks/orders"), ("environment", "prod"), ("arguments", "--no-secret-reads")];
        assert_eq!(runner.action_alone(&[&[("command", command)], stack.as_slice()].concat()), 0, "{command}");
    }

    for (situation, _) in SITUATIONS {
        let expected = code_of(situation);
        become_role(&runner, "drift");
        let bring = |runner: &Runner| {
            runner.env.sandbox().policy(&Value::Null);
            runner.bring(situation);
            become_role(runner, "drift");
        };
        bring(&runner);
        assert_eq!(runner.workflow(".github/workflows/trueup-drift.yml", &[]), expected, "GitHub: {situation:?}");
        runner.gitlab("drift").expect(expected);
        assert_eq!(runner.cron(), expected, "cron: {situation:?}");
        assert_eq!(runner.systemd(), expected, "systemd: {situation:?}");
        assert_eq!(runner.kubernetes(), expected, "Kubernetes: {situation:?}");
        runner.env.sandbox().policy(&Value::Null);
        runner.put_right();
    }

    // A manifest that is not valid.
    let manifest = runner.env.stack().join("stacks/orders/trueup.yaml");
    let broken = text(&manifest).replace("HttpMethod: POST", "HttpMethod: SEND");
    runner.env.write("stacks/orders/trueup.yaml", &broken);
    assert_eq!(runner.pre_commit(), 64);
    assert_eq!(runner.workflow(plan, PULL_REQUEST), 64);
    runner.gitlab("validate").expect(64);

    let not_run: Vec<_> = written().difference(&runner.ran).cloned().collect();
    assert!(not_run.is_empty(), "never run: {not_run:?}");
}

#[test]
fn the_action_builds_the_program_where_there_is_none() {
    let Some(python) = interpreter() else { return };
    let mut runner = Runner::new(&python);
    runner.without_program();
    let with = [("command", "validate"), ("stack", "stacks/orders"), ("environment", "prod")];
    assert_eq!(runner.action_alone(&with), 0);
    assert!(runner.ran.contains(&("action.yml".to_owned(), "validate".to_owned())), "{:?}", runner.ran);
}

#[test]
fn the_page_quotes_the_files_as_they_are() {
    let page = text(&repository().join("docs/gitops.md"));
    let mut quoted = 0;
    for part in page.split("<!-- file: ").skip(1) {
        let (name, rest) = part.split_once(" -->\n").expect("a file is named");
        let block = rest.strip_prefix("```").and_then(|it| it.split_once('\n')).expect("a block follows").1;
        let block = block.split_once("```").expect("the block ends").0;
        let path = recipes().into_iter().find(|(it, _)| it == name).unwrap_or_else(|| panic!("no recipe {name}")).1;
        assert_eq!(block, text(&path), "docs/gitops.md quotes another {name}");
        quoted += 1;
    }
    assert!(quoted >= 6, "{quoted}");
    for (name, _) in recipes().into_iter().filter(|(name, _)| name != "README.md") {
        assert!(page.contains(&name), "docs/gitops.md does not name {name}");
    }
}
