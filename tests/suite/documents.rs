//! What is written about the program is true: commands, examples, help, schemas, codes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use trueup_tests::{Background, Run, TestEnv, filters, repository, trueup};

/// The stack that must not pass; `stackql_page.rs` is about it.
const MISTAKES: &str = "stackql-awscc-events-connections";

/// The stacks in a folder of the repository.
fn folders(of: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join(of)).expect("a folder of the repository can be read");
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|it| it.path())
        .filter(|it| it.join("trueup.yaml").is_file() && !it.ends_with(MISTAKES))
        .collect();
    folders.sort();
    folders
}

/// Every file below a folder with an extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Plants the secrets of a stack: what its files and variables say that begins as the invented ones do.
fn plant(env: &mut TestEnv, folder: &Path) {
    for path in files(folder, "txt").into_iter().chain(files(folder, "env")) {
        let text = fs::read_to_string(&path).expect("a file of the repository can be read");
        for line in text.lines() {
            let value = line.split_once('=').map_or(line, |(_, value)| value).trim();
            if value.starts_with("example-only-") {
                env.plant(value);
            }
        }
    }
}

#[test]
fn every_stack_is_planned_applied_and_torn_down() {
    let all: Vec<PathBuf> = folders("manifests").into_iter().chain(folders("examples")).collect();
    assert!(all.len() >= 10, "{all:?}");
    for folder in all {
        let mut env = TestEnv::new();
        env.unset("AWS_REGION");
        plant(&mut env, &folder);
        env.copy(&folder);
        if folder.ends_with("customer-key") {
            let call = |operation, input| env.sandbox().call("kms", operation, &input, "eu-west-1").json();
            let tags = json!({"Tags": [{"TagKey": "EventBridgeApiDestinations", "TagValue": "true"}]});
            let key = call("CreateKey", tags)["KeyMetadata"]["KeyId"].clone();
            call("CreateAlias", json!({"AliasName": "alias/event-credentials", "TargetKeyId": key}));
        }
        let variables = if folder.join("vars.env").is_file() { " --var-file vars.env" } else { "" };
        for (command, code) in [
            ("validate", 0),
            ("render", 0),
            ("vars", 0),
            ("plan --exit-code", 2),
            ("apply --yes", 0),
            ("plan --exit-code --strict", 0),
            ("apply --yes", 0),
            ("teardown --yes", 0),
        ] {
            let run = env.trueup(&format!("{command}{variables}"));
            assert_eq!(run.code, Some(code), "{}: {run}", folder.display());
        }
        let state = env.sandbox().state();
        for home in state["accounts"].as_object().into_iter().flat_map(|it| it.values()) {
            for region in home.as_object().into_iter().flat_map(|it| it.values()) {
                for what in ["connections", "api_destinations", "secrets"] {
                    assert_eq!(region[what], json!({}), "{}: {what} are left", folder.display());
                }
            }
        }
    }
}

/// The command lines in the `console` blocks of a page.
fn commands(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).expect("a page of the repository can be read");
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            commands.push(command.to_owned());
        }
    }
    commands
}

/// The words of a command line up to a comment, a pipe or an ampersand, as a shell separates them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), inner) => word.get_or_insert_default().push(inner),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#' | '|' | '&' | '>') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            (None, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// The arguments of `trueup` in a command line, if it is one; variables in front of it are left out.
fn arguments(line: &str) -> Option<Vec<String>> {
    let words = words(line);
    let place = words.iter().position(|word| word == "trueup")?;
    let before = &words[..place];
    if words.first().is_some_and(|word| word == "cargo") {
        let rest = words.iter().position(|word| word == "--")?;
        return Some(words[rest + 1..].to_vec());
    }
    before.iter().all(|word| word.contains('=')).then(|| words[place + 1..].to_vec())
}

#[test]
fn every_command_in_the_pages_is_one_that_the_program_knows() {
    let root = repository();
    let mut pages: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md"].map(|it| root.join(it)).to_vec();
    for folder in ["docs", "manifests", "examples"] {
        pages.extend(files(&root.join(folder), "md"));
    }
    let env = TestEnv::offline();
    let mut seen = 0;
    for page in pages {
        for line in commands(&page) {
            let Some(mut arguments) = arguments(&line) else { continue };
            // With `--help` at the end everything before it is parsed, and nothing is done.
            arguments.retain(|word| word != "…");
            arguments.push("--help".to_owned());
            let run = env.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(run.code, Some(0), "{}: `{line}`: {run}", page.display());
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} commands were found");
}

/// Runs the command lines of a page in order, with the sandbox's state in the test's folder.
fn follow(env: &TestEnv, page: &Path, expected: impl Fn(&str) -> i32) -> Vec<Run> {
    let mut folder = env.stack();
    let sandbox = format!("--sandbox={}", env.state().display());
    let mut runs = Vec::new();
    for line in commands(page) {
        if let Some(below) = line.strip_prefix("cd ") {
            folder.push(below);
            continue;
        }
        let Some(arguments) = arguments(&line) else { continue };
        let arguments: Vec<String> =
            arguments.into_iter().map(|word| if word == "--sandbox" { sandbox.clone() } else { word }).collect();
        let mut command = env.command(trueup(), &arguments);
        command.current_dir(&folder);
        let run = env.scan(Background::start(command, line.clone()).wait());
        assert_eq!(run.code, Some(expected(&line)), "{}: {run}", page.display());
        runs.push(run);
    }
    assert!(!runs.is_empty(), "{} has no commands", page.display());
    runs
}

fn with_examples() -> TestEnv {
    let mut env = TestEnv::offline();
    let examples = repository().join("examples");
    plant(&mut env, &examples);
    env.copy_as(&examples, "examples");
    env
}

#[test]
fn the_commands_of_the_examples_do_what_is_said() {
    for example in folders("examples") {
        let env = with_examples();
        let says = |line: &str| {
            let refused = line.contains("teardown examples/environments prod")
                || line.contains("apply examples/environments staging");
            if refused { 3 } else { 0 }
        };
        follow(&env, &example.join("README.md"), says);
    }
}

#[test]
fn the_first_command_of_the_readme_works_and_the_plan_in_it_is_a_real_one() {
    let mut env = with_examples();
    let readme = repository().join("README.md");
    let first = &commands(&readme)[0];
    assert!(first.contains("apply examples/quickstart"), "{first}");
    let sandbox = format!("--sandbox={}", env.state().display());
    env.run(&["apply", "examples/quickstart", &sandbox, "--yes"]).expect(0);

    let manifest = env.stack().join("examples/quickstart/trueup.yaml");
    let text = fs::read_to_string(manifest).expect("the example was copied");
    let changed = text.replace("Description: Orders API", "Description: Orders API, version 2");
    assert_ne!(text, changed);
    env.write("examples/quickstart/trueup.yaml", &changed);
    env.plant("another-password-of-the-readme");
    env.write("examples/quickstart/example-password.txt", "another-password-of-the-readme\n");
    let plan = env.run(&["plan", "examples/quickstart", &sandbox]);
    plan.expect(0);

    let page = fs::read_to_string(&readme).expect("the readme can be read");
    let shown = page
        .split_once("<!-- plan:begin -->\n```text\n")
        .and_then(|(_, rest)| rest.split_once("```\n<!-- plan:end -->"))
        .map(|(shown, _)| shown)
        .expect("the readme shows a plan");
    let same = |text: &str| text.split(", about").next().unwrap_or_default().trim().to_owned();
    assert_eq!(same(&plan.stdout), same(shown), "README.md shows another plan than the real one");
}

#[test]
fn help_is_as_it_was() {
    let env = TestEnv::offline();
    let commands = [
        "",
        "validate",
        "render",
        "plan",
        "apply",
        "teardown",
        "import",
        "fleet",
        "fleet plan",
        "fleet drift",
        "fleet apply",
        "graph",
        "iam",
        "preflight",
        "query",
        "vars",
        "kinds",
        "explain",
        "init",
        "schema",
        "completions",
        "man",
        "sandbox",
        "sandbox serve",
        "sandbox reset",
        "sandbox dump",
    ];
    let folder = repository().join("tests/snapshots");
    filters(&folder, env.folder()).bind(|| {
        for command in commands {
            let run = env.trueup(&format!("{command} --help"));
            run.expect(0);
            assert!(run.stderr.is_empty(), "{run}");
            let name = format!("help {command}").trim().replace(' ', "-");
            insta::assert_snapshot!(name, run.stdout);
            // The short form, and a help that needs no sandbox, no manifest and no folder.
            env.trueup(&format!("{command} -h")).expect(0);
        }
    });
}

#[test]
fn the_schemas_are_fresh() {
    let env = TestEnv::offline();
    for name in ["manifest", "plan", "drift", "fleet", "import", "preflight", "events", "graph", "query"] {
        let path = repository().join(format!("schemas/{name}.schema.json"));
        let kept = fs::read_to_string(&path).expect("a schema is checked in");
        let run = env.trueup(&format!("schema {name}"));
        assert_eq!(run.expect(0).stdout, kept, "stale: run `cargo xtask schema`");
    }
}

/// A manifest as the schema sees it.
fn as_json(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a manifest can be read");
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_schema_of_the_manifest_takes_every_manifest_that_is_right() {
    for folder in folders("manifests").into_iter().chain(folders("examples")) {
        trueup_tests::check_schema("manifest", &as_json(&folder.join("trueup.yaml")));
    }
}

#[test]
fn every_code_is_explained() {
    let env = TestEnv::offline();
    let listed = env.trueup("explain --json").expect(0).json();
    let listed: BTreeSet<String> = listed["codes"]
        .as_array()
        .expect("there are codes")
        .iter()
        .filter_map(|it| it["code"].as_str().map(str::to_owned))
        .collect();
    for code in &listed {
        let run = env.trueup(&format!("explain {code}"));
        assert!(run.expect(0).stdout.lines().count() > 2, "{run}");
    }
    // Every code that the program can print has its page.
    let mut used = BTreeSet::new();
    for path in files(&repository().join("crates"), "rs") {
        let text = fs::read_to_string(&path).expect("a source can be read");
        let code_only: Vec<&str> = text
            .lines()
            .take_while(|line| *line != "#[cfg(test)]")
            .filter(|line| !line.trim().starts_with("//"))
            .collect();
        for part in code_only.join("\n").split('"') {
            let code = part.len() == 4
                && part.starts_with(['M', 'P', 'A', 'C', 'Q'])
                && part[1..].bytes().all(|byte| byte.is_ascii_digit());
            if code {
                used.insert(part.to_owned());
            }
        }
    }
    let unknown: Vec<&String> = used.difference(&listed).collect();
    assert!(unknown.is_empty(), "`trueup explain` does not know {unknown:?}");
    env.trueup("explain M999").expect(64);
}

#[test]
fn what_init_writes_is_valid() {
    let env = TestEnv::offline();
    env.trueup("init made").expect(0);
    env.trueup("validate made").expect(0);
    env.trueup("init made").expect(64);
    for kind in ["AWS::Events::Connection", "AWS::Events::ApiDestination"] {
        let run = env.trueup(&format!("init --type {kind}"));
        assert!(run.expect(0).stdout.contains(kind), "{run}");
        env.trueup(&format!("kinds {kind}")).expect(0);
    }
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let env = TestEnv::offline();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = env.trueup(&format!("completions {shell}"));
        assert!(run.expect(0).stdout.contains("teardown"), "{shell}");
    }
    for page in ["man", "man plan", "man apply"] {
        let run = env.trueup(page);
        assert!(run.expect(0).stdout.contains(".TH"), "{run}");
    }
    env.trueup("man nothing").expect(64);
}

/// What cannot be written is told in the one document.
#[test]
fn a_file_that_cannot_be_written_is_told_in_the_one_document() {
    const MANIFEST: &str = "version: 1\nname: orders\nproviders: [aws]\nvars: [{ name: KEY, secret: true }]\nresources:\n  - name: c\n    type: AWS::Events::Connection\n    props:\n      Name: \"c-{{ stack_env }}\"\n      AuthorizationType: API_KEY\n      AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: X-Key, ApiKeyValue: \"{{ vars.KEY }}\" } }\n";
    let mut env = TestEnv::new();
    env.set_secret("KEY", "Wd4pKn82-key-of-one").write("trueup.yaml", MANIFEST);
    let planned = env.run(&["plan", "--json", "--out", "no-such-folder/plan.json"]).expect(1).json();
    assert!(planned["error"]["message"].as_str().is_some_and(|text| text.contains("cannot write")), "{planned}");
    let applied = env.run(&["apply", "--yes", "--json", "--output-file", "no-such-folder/out.json"]).expect(1).json();
    assert!(applied["error"]["message"].as_str().is_some_and(|text| text.contains("cannot write")), "{applied}");
    assert_eq!(applied["summary"]["done"], 1, "{applied}");
}
