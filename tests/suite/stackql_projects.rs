//! The projects of `examples/stackql`: each runs as it is, from plan to teardown, and is the same as a manifest of ours.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use trueup_tests::{TestEnv, repository};

/// A project: its folder, the variables that are no secrets, and those that are.
struct Project {
    name: &'static str,
    secrets: &'static [(&'static str, &'static str)],
    /// How many resources a teardown leaves.
    kept: usize,
}

const PROJECTS: &[Project] = &[
    Project { name: "webhooks", secrets: &[("ORDERS_API_KEY", "k3y-of-the-webhooks")], kept: 0 },
    Project { name: "tagged-keys", secrets: &[], kept: 0 },
    Project { name: "files", secrets: &[], kept: 0 },
    Project { name: "chain", secrets: &[("API_PASSWORD", "p4ssw0rd-of-the-chain's")], kept: 0 },
    Project { name: "polling", secrets: &[], kept: 0 },
    Project { name: "discovery", secrets: &[], kept: 0 },
    Project { name: "kept", secrets: &[], kept: 1 },
    Project { name: "lookup", secrets: &[("API_KEY", "k3y-of-the-lookup")], kept: 0 },
    Project { name: "native", secrets: &[("WAREHOUSE_PASSWORD", "p4ssw0rd-of-the-warehouse")], kept: 0 },
];

fn folder(name: &str) -> PathBuf {
    repository().join("examples/stackql").join(name)
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let text = fs::read(&path).expect("the file can be read");
                all.insert(path, text);
            }
        }
    }
    all
}

/// What a plan says, without what only points into the texts that it was made from.
fn said(plan: &Value) -> Value {
    let steps = plan["steps"].as_array().cloned().unwrap_or_default();
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| {
            let mut kept = serde_json::Map::new();
            for key in ["address", "type", "identity", "action", "changes", "patch", "depends_on", "secrets"] {
                if let Some(value) = step.get(key) {
                    kept.insert(key.to_owned(), without_places(value));
                }
            }
            Value::Object(kept)
        })
        .collect();
    json!({ "steps": steps, "summary": plan["summary"] })
}

fn without_places(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(name, _)| !matches!(name.as_str(), "line" | "column" | "file" | "source" | "origin"))
                .map(|(name, value)| (name.clone(), without_places(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_places).collect()),
        other => other.clone(),
    }
}

fn actions(plan: &Value) -> Vec<String> {
    let steps = plan["steps"].as_array().cloned().unwrap_or_default();
    steps.iter().map(|step| step["action"].as_str().unwrap_or_default().to_owned()).collect()
}

fn run(project: &Project) {
    let mut env = TestEnv::new();
    env.set("AWS_REGION", "eu-west-1").set("ACCOUNT_ID", "123456789012").set("API_USER", "orders");
    for (name, value) in project.secrets {
        env.set_secret(name, value);
    }
    env.copy(&folder(project.name));
    let before = files(&env.stack());

    env.trueup("validate . dev").expect(0);
    let first = env.trueup("plan . dev --json").expect(0).json();
    assert!(
        actions(&first).iter().all(|action| matches!(action.as_str(), "create" | "read")),
        "{}: {first:#}",
        project.name
    );

    // As a manifest of ours the plan is the same, before and after.
    let migrated = env.trueup("migrate . dev");
    migrated.expect(0);
    let mine = env.folder().join("migrated");
    fs::create_dir_all(&mine).expect("the folder can be made");
    fs::write(mine.join("trueup.yaml"), &migrated.stdout).expect("the manifest can be written");
    let plan_of_mine = format!("plan {} dev --json", mine.display());
    let same = env.trueup(&plan_of_mine).expect(0).json();
    assert_eq!(said(&same), said(&first), "{}:\n{}", project.name, migrated.stdout);

    // A dry run does nothing.
    env.trueup("build . dev --dry-run --show-queries --log-level WARNING").expect(0);
    let still = env.trueup("plan . dev --json").expect(0).json();
    assert_eq!(said(&still), said(&first));

    env.trueup("build . dev --on-failure error").expect(0);
    env.trueup("test . dev").expect(0);
    let after = env.trueup("plan . dev --json").expect(0).json();
    assert_eq!(
        actions(&after).iter().filter(|action| !matches!(action.as_str(), "none" | "read")).count(),
        0,
        "{after:#}"
    );
    let same = env.trueup(&plan_of_mine).expect(0).json();
    assert_eq!(said(&same), said(&after), "{}", project.name);

    env.trueup("teardown . dev --yes --on-failure ignore").expect(0);
    let last = env.trueup("plan . dev --json").expect(0).json();
    let created = |plan: &Value| actions(plan).iter().filter(|action| *action == "create").count();
    assert_eq!(created(&last), created(&first) - project.kept, "{}: {last:#}", project.name);
    assert_eq!(files(&env.stack()), before, "{}: a file was changed", project.name);
}

macro_rules! projects {
    ($($test:ident: $name:literal),+ $(,)?) => {
        $(
            #[test]
            fn $test() {
                run(PROJECTS.iter().find(|project| project.name == $name).expect("it is in the list"));
            }
        )+

        #[test]
        fn every_project_is_tested() {
            let mut tested = vec![$($name),+];
            tested.sort_unstable();
            let listed = fs::read_dir(folder("")).expect("there are projects");
            let mut there: Vec<String> = listed
                .map(|entry| entry.expect("it can be read"))
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            there.sort_unstable();
            assert_eq!(there, tested);
        }
    };
}

projects! {
    values_of_an_environment: "webhooks",
    merged_tags_and_a_deferred_global: "tagged-keys",
    included_files: "files",
    exports_over_four_resources: "chain",
    polled_requests: "polling",
    a_key_found_by_tags: "discovery",
    what_a_teardown_keeps: "kept",
    a_query_between_resources: "lookup",
    the_native_dialect: "native",
}

/// Scripts run with consent only, and what they print is data.
#[test]
fn a_script_needs_consent() {
    let mut env = TestEnv::new();
    env.set("AWS_REGION", "eu-west-1");
    env.write(
        "stackql_manifest.yml",
        r#"
version: 1
name: scripted
providers: [awscc]
globals:
  - name: region
    value: "{{ AWS_REGION }}"
resources:
  - name: facts
    type: script
    run: echo '{"team":"orders in {{ stack_env }}"}'
    exports: [team]
  - name: note
    props:
      - name: parameter_value
        value: "{{ team }}, {{ facts.team }}"
"#,
    );
    env.write(
        "resources/note.iql",
        "/*+ create */\nINSERT INTO awscc.ssm.parameters (Name, Type, Value, region)\nSELECT '/scripted', 'String', \
         '{{ parameter_value }}', '{{ region }}'\n",
    );
    let refused = env.trueup("plan . dev --json").expect(64).json();
    let errors = refused["diagnostics"].as_array().unwrap().iter().filter(|found| found["severity"] == "error");
    let codes: Vec<&str> = errors.filter_map(|found| found["code"].as_str()).collect();
    assert_eq!(codes, ["Q206"]);
    let plan = env.trueup("plan . dev --allow-scripts").expect(0).stdout.clone();
    assert!(plan.contains("orders in dev, orders in dev"), "{plan}");
}

/// What cannot be used does not keep the rest from being planned.
#[test]
fn the_rest_of_a_project_can_be_planned() {
    let mut env = TestEnv::new();
    env.set("AWS_REGION", "eu-west-1");
    env.copy(&folder("kept"));
    let manifest = fs::read_to_string(env.stack().join("stackql_manifest.yml")).unwrap();
    env.write("stackql_manifest.yml", &format!("{manifest}  - name: network\n    props: []\n"));
    env.write("resources/network.iql", "/*+ create */\nINSERT INTO google.compute.networks (name) SELECT 'n'\n");
    env.trueup("plan . dev").expect(64);
    env.trueup("plan . dev --exclude network").expect(0);
    env.trueup("plan . dev --only audit").expect(0);
    env.trueup("build . dev --on-failure rollback").expect(64);
}
