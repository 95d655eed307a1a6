//! Every type that the sandbox has, in the forms that it can take (`tests/matrix/kinds.yaml`): after an apply there is
//! nothing to do, nor after the next one, nor after what is there was imported and that was applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use trueup_tests::{Run, TestEnv, each, report, repository, writes};

const PASSWORD: &str = "Rk7mWx26-password-of-the-matrix";
const REGION: &str = "us-east-1";

/// A type in one of its forms.
struct Case {
    form: String,
    /// Why it cannot be imported, where it cannot.
    not_imported: Option<String>,
    /// What it needs, and it.
    resources: Vec<Value>,
}

impl Case {
    /// The type that it is about.
    fn of(&self) -> &str {
        self.resources.last().and_then(|it| it["type"].as_str()).expect("a resource has a type")
    }

    fn manifest(&self) -> String {
        let vars = json!([{"name": "PASSWORD", "secret": true}]);
        json!({"version": 1, "name": "matrix", "providers": ["aws"], "vars": vars, "resources": self.resources})
            .to_string()
    }
}

fn cases() -> Vec<Case> {
    let path = repository().join("tests/matrix/kinds.yaml");
    let text = fs::read_to_string(path).expect("the matrix can be read");
    let cases: Vec<Value> = serde_yaml::from_str(&text).expect("the matrix is a list");
    let case = |mut it: Value| Case {
        form: it["form"].as_str().expect("a form has a name").to_owned(),
        not_imported: it["not_imported"].as_str().map(str::to_owned),
        resources: it["resources"].as_array_mut().map(std::mem::take).expect("a case has resources"),
    };
    cases.into_iter().map(case).collect()
}

/// The types that the sandbox has, by the schemas that it answers.
fn types_of_the_sandbox() -> BTreeSet<String> {
    let folder = repository().join("crates/sandbox/src/cloudcontrol/schemas");
    let files =
        fs::read_dir(folder).expect("the sandbox has schemas").map(|it| it.expect("a folder can be read").path());
    files
        .map(|path| {
            let schema: Value = serde_json::from_str(&fs::read_to_string(path).expect("a schema can be read"))
                .expect("a schema is JSON");
            schema["typeName"].as_str().expect("a schema names its type").to_owned()
        })
        .collect()
}

/// Runs something that has to change nothing, and returns what it says.
fn quiet(env: &TestEnv, command: &str) -> Result<Run, String> {
    let before = env.sandbox().calls().len();
    let run = env.trueup(command);
    run.ended(0)?;
    let calls = env.sandbox().calls().split_off(before);
    let written = writes(&calls);
    if written.is_empty() { Ok(run) } else { Err(format!("it writes {written:?}: {run}")) }
}

/// What a plan would do, and how much of what is there nobody can compare.
fn planned(env: &TestEnv, command: &str) -> Result<(BTreeSet<String>, u64), String> {
    let plan = quiet(env, &format!("plan {command} --json"))?.json();
    let steps = plan["steps"].as_array().ok_or("a plan has steps")?;
    let actions = steps.iter().filter_map(|step| step["action"].as_str()).filter(|action| *action != "none");
    let hidden = plan["summary"]["not_verifiable"].as_u64().ok_or("a plan has a summary")?;
    Ok((actions.map(str::to_owned).collect(), hidden))
}

/// A plan without anything to do. Returns how many values no service returns.
fn nothing_to_do(env: &TestEnv, manifest: &str) -> Result<u64, String> {
    match planned(env, &format!("{manifest} --exit-code"))? {
        (actions, hidden) if actions.is_empty() => Ok(hidden),
        (actions, _) => Err(format!("there is {actions:?} to do")),
    }
}

/// What was imported needs: the value of each credential.
fn fill_in(env: &mut TestEnv, document: &Value) {
    for fill in document["fill_in"].as_array().into_iter().flatten() {
        let source = fill["source"].as_str().and_then(|it| it.strip_prefix("env:")).expect("a credential has a source");
        if fill["path"] != "/SecretString" {
            env.set(source, PASSWORD);
            continue;
        }
        let name = document["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|it| it["address"] == fill["address"])
            .and_then(|it| it["identifier"].as_str())
            .expect("what is to be filled in was imported");
        let read = env.sandbox().call("secretsmanager", "GetSecretValue", &json!({"SecretId": name}), REGION).json();
        let value = read["SecretString"].as_str().expect("a secret has a value").to_owned();
        env.set_secret(source, &value);
    }
}

/// Applies, twice; imports, and applies that, twice. Returns how many values no service returns.
fn pass(case: &Case) -> Result<u64, String> {
    let mut env = TestEnv::new();
    env.set_secret("PASSWORD", PASSWORD);
    env.write("trueup.yaml", &case.manifest());
    env.trueup("apply --yes --kms-settle 0").ended(0)?;
    let hidden = nothing_to_do(&env, "trueup.yaml")?;
    quiet(&env, "apply --yes --kms-settle 0")?;
    nothing_to_do(&env, "trueup.yaml")?;

    let types: BTreeSet<&str> = case.resources.iter().filter_map(|it| it["type"].as_str()).collect();
    let types = types.into_iter().map(|name| format!("--type {name}")).collect::<Vec<_>>().join(" ");
    let import = format!("import {types} --out imported.yaml --json");
    if let Some(reason) = &case.not_imported {
        let run = env.trueup(&import);
        let said = run.ended(6)?.json()["unread"][0]["fault"]["message"] == **reason;
        return if said { Ok(hidden) } else { Err(format!("expected that {reason}: {run}")) };
    }
    let imported = quiet(&env, &import)?;
    let document = imported.json();
    let found = document["resources"].as_array().map_or(0, Vec::len);
    if found != case.resources.len() {
        return Err(format!("{found} of {} were imported: {imported}", case.resources.len()));
    }
    fill_in(&mut env, &document);
    // It was another stack's until now, so it takes a word to make it part of this one.
    let (actions, _) = planned(&env, "imported.yaml --take-over")?;
    if !actions.iter().all(|action| action == "adopt") {
        return Err(format!("after the import there is {actions:?} to do: {imported}"));
    }
    env.trueup("apply imported.yaml --take-over --yes --kms-settle 0").ended(0)?;
    nothing_to_do(&env, "imported.yaml")?;
    quiet(&env, "apply imported.yaml --yes --kms-settle 0")?;
    nothing_to_do(&env, "imported.yaml")?;
    Ok(hidden)
}

#[test]
fn nothing_is_left_to_do_for_any_type() {
    const NAME: &str = "every_type::nothing_is_left_to_do_for_any_type";
    let cases = cases();
    let hidden = AtomicU64::new(0);
    let violations = each(
        &cases,
        |case| format!("{}, {}", case.of(), case.form),
        |case| {
            hidden.fetch_add(pass(case)?, Ordering::SeqCst);
            Ok(())
        },
    );
    let mut forms = BTreeMap::<String, usize>::new();
    for case in &cases {
        *forms.entry(case.of().to_owned()).or_default() += 1;
    }
    let figure = format!(
        "{} types in {} forms, after an apply, after the next one and, of {} of them, after an import; {} values that no \
         service returns: {}",
        forms.len(),
        cases.len(),
        cases.iter().filter(|case| case.not_imported.is_none()).count(),
        hidden.into_inner(),
        forms.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    );
    report(NAME, &["P13"], &figure, violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
    assert_eq!(forms.into_keys().collect::<BTreeSet<_>>(), types_of_the_sandbox(), "every type of the sandbox");
}
