//! What was verified is not read again: counted by the sandbox, and wrong in no way that a person could see.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use trueup_tests::{Call, TestEnv, writes};

const OURS: &str = "Gm6tXe72-ours-and-verified";
const THEIRS: &str = "Lq9bWs35-theirs-and-new";
const CONNECTIONS: usize = 5;

/// Connections, a destination, Glue connections with inline passwords, and secrets.
fn manifest() -> String {
    let mut text = String::from("version: 1\nname: verified\nproviders: [aws]\nresources:\n");
    for number in 0..CONNECTIONS {
        let _ = write!(
            text,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: c{number}\n      Description: Orders\n      \
             AuthorizationType: BASIC\n      AuthParameters:\n        BasicAuthParameters: {{ Username: svc, Password: \
             \"{{{{ secret('env:PASSWORD') }}}}\" }}\n  - name: d{number}\n    type: AWS::Events::ApiDestination\n    \
             props:\n      Name: d{number}\n      ConnectionArn: \"{{{{ c{number}.Arn }}}}\"\n      HttpMethod: POST\n      \
             InvocationEndpoint: https://orders.example.com/\n  - name: g{number}\n    type: AWS::Glue::Connection\n    \
             props:\n      ConnectionInput:\n        Name: g{number}\n        ConnectionType: JDBC\n        \
             ConnectionProperties: {{ HOST: db.example.com, PORT: \"5432\", JDBC_ENGINE: postgresql, USERNAME: loader, \
             PASSWORD: \"{{{{ secret('env:PASSWORD') }}}}\" }}\n  - name: s{number}\n    type: AWS::SecretsManager::Secret\n    \
             props: {{ Name: verified/s{number}, SecretString: \"{{{{ secret('env:PASSWORD') }}}}\" }}\n"
        );
    }
    text
}

/// As long as a time may still stand for another change, nothing is remembered.
fn ripen() {
    std::thread::sleep(Duration::from_millis(3_300));
}

fn applied() -> TestEnv {
    let mut env = TestEnv::new();
    env.set_secret("PASSWORD", OURS).plant(THEIRS);
    env.write("trueup.yaml", &manifest());
    env.trueup("apply --yes --no-cache").expect(0);
    ripen();
    env
}

fn calls(env: &TestEnv, args: &str, code: i32) -> Vec<Call> {
    let before = env.sandbox().calls().len();
    env.logged(args).expect(code);
    let calls = env.sandbox().calls().split_off(before);
    assert!(writes(&calls).is_empty(), "{calls:?}");
    calls
}

fn counted(calls: &[Call]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call.operation.as_str()).or_default() += 1;
    }
    counts
}

/// Reads that carry a value, or that a list page would have spared.
fn spared(calls: &[Call]) -> BTreeMap<&str, usize> {
    let mut counts = counted(calls);
    let costly =
        ["BatchGetSecretValue", "GetSecretValue", "GetConnection", "DescribeConnection", "DescribeApiDestination"];
    counts.retain(|operation, _| costly.contains(operation));
    counts
}

/// The files of the cache, which exist.
fn cached(env: &TestEnv) -> Vec<PathBuf> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { walk(&entry.path(), files) } else { files.push(entry.path()) }
        }
    }
    let mut files = Vec::new();
    walk(&env.folder().join("home/cache/trueup/verified"), &mut files);
    files
}

fn key(env: &TestEnv) -> PathBuf {
    env.folder().join("home/state/trueup/cache-key")
}

fn statuses(env: &TestEnv, args: &str, code: i32) -> Value {
    env.run(&args.split(' ').chain(["--json"]).collect::<Vec<_>>()).expect(code).json()["resources"].clone()
}

#[test]
fn a_second_run_reads_no_value() {
    let env = applied();
    let first = calls(&env, "drift --strict", 0);
    assert_eq!(
        spared(&first),
        BTreeMap::from([
            ("BatchGetSecretValue", 2),
            ("DescribeApiDestination", CONNECTIONS),
            ("DescribeConnection", CONNECTIONS),
            ("GetConnection", CONNECTIONS),
        ])
    );
    // Nothing of it, in no form, holds the password: the harness has searched all files for it.
    let files = cached(&env);
    assert_eq!(files.len(), 1, "{files:?}");
    #[cfg(unix)]
    for path in files.iter().chain([&key(&env)]) {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(path).expect("it is there").permissions().mode() & 0o777, 0o600, "{}", path.display());
    }

    let second = calls(&env, "drift --strict", 0);
    assert_eq!(spared(&second), BTreeMap::new());
    let counts = counted(&second);
    assert_eq!(
        (counts.get("ListConnections"), counts.get("ListApiDestinations"), counts.get("GetConnections")),
        (Some(&1), Some(&1), Some(&1)),
        "a page of each says that nothing has moved: {counts:?}"
    );

    // Nor does a plan, which sends no write; a run that may send one looks at everything but the values.
    assert_eq!(spared(&calls(&env, "plan --exit-code --strict", 0)), BTreeMap::new());
    assert_eq!(
        spared(&calls(&env, "apply --yes --strict", 0)),
        BTreeMap::from([("DescribeApiDestination", CONNECTIONS), ("DescribeConnection", CONNECTIONS)])
    );
    // So does who wants to see what the manifest does not name; and on demand nothing is taken as given.
    assert!(!spared(&calls(&env, "drift --undeclared", 0)).contains_key("BatchGetSecretValue"));
    assert_eq!(spared(&calls(&env, "drift --undeclared", 0)).get("DescribeConnection"), Some(&CONNECTIONS));
    assert_eq!(spared(&calls(&env, "drift --full", 0)), spared(&first));
    assert_eq!(spared(&calls(&env, "drift", 0)), BTreeMap::new(), "a full run verifies as well");
}

#[test]
fn the_report_is_the_same_with_and_without() {
    let env = applied();
    let plain = statuses(&env, "drift --no-cache", 0);
    assert!(cached(&env).is_empty() && !key(&env).exists(), "switched off is off");
    assert_eq!(statuses(&env, "drift", 0), plain);
    assert_eq!(statuses(&env, "drift", 0), plain);
    let saved = |args: &str, name: &str| {
        env.trueup(&format!("plan --out {name} {args}")).expect(0);
        let mut plan: Value =
            serde_json::from_str(&fs::read_to_string(env.stack().join(name)).expect("it is there")).expect("JSON");
        plan["summary"]["calls"] = 0.into();
        plan
    };
    assert_eq!(saved("", "cached.json"), saved("--no-cache", "read.json"));
    let shown = |args: &str| env.trueup(&format!("plan -v {args}")).expect(0).stdout.clone();
    assert_eq!(shown(""), shown("--no-cache"));

    // Also where something is to be done, with what is referred to left out of the read; and it still holds.
    let changed = manifest().replacen("Description: Orders", "Description: Other", 1).replacen("POST", "PUT", 2);
    fs::write(env.stack().join("trueup.yaml"), changed).expect("it can be written");
    assert_eq!(saved("", "cached.json"), saved("--no-cache", "read.json"));
    env.trueup("apply cached.json --yes").expect(0);
    env.trueup("plan --exit-code --strict").expect(0);
}

#[test]
fn what_moved_is_read_and_what_differs_is_found() {
    let env = applied();
    env.trueup("drift --strict").expect(0);
    let send = |service: &str, operation: &str, input: Value| {
        let answer = env.sandbox().call(service, operation, &input, "us-east-1");
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()
    };
    send(
        "events",
        "UpdateConnection",
        json!({"Name": "c1", "AuthorizationType": "BASIC",
               "AuthParameters": {"BasicAuthParameters": {"Username": "svc", "Password": THEIRS}}}),
    );
    send("events", "UpdateApiDestination", json!({"Name": "d1", "Description": "theirs"}));
    send(
        "secretsmanager",
        "PutSecretValue",
        json!({"SecretId": "verified/s1", "SecretString": THEIRS,
               "ClientRequestToken": "3c1d9a52-6a0e-4c0b-9d57-0f8f5d2f6b11"}),
    );
    let answer = send("glue", "GetConnection", json!({"Name": "g1", "HidePassword": false}));
    let mut properties = answer["Connection"]["ConnectionProperties"].clone();
    properties["PASSWORD"] = THEIRS.into();
    let input = json!({"Name": "g1", "ConnectionType": "JDBC", "ConnectionProperties": properties});
    send("glue", "UpdateConnection", json!({"Name": "g1", "ConnectionInput": input}));

    for again in 0..2 {
        let resources = statuses(&env, "drift", 2);
        let drifted: BTreeMap<&str, Vec<&str>> = resources
            .as_array()
            .expect("a list")
            .iter()
            .filter(|resource| resource["status"] != "in_sync")
            .map(|resource| {
                let differing = resource["secrets"].as_array().into_iter().flatten();
                let differing = differing.filter(|secret| secret["status"] == "differs");
                let edits = resource["edits"].as_array().into_iter().flatten();
                let mut paths: Vec<&str> = differing.chain(edits).filter_map(|found| found["path"].as_str()).collect();
                paths.sort_unstable();
                paths.dedup();
                (resource["address"].as_str().expect("a text"), paths)
            })
            .collect();
        let expected = BTreeMap::from([
            ("c1", vec!["/AuthParameters/BasicAuthParameters/Password"]),
            ("d1", vec!["/Description"]),
            ("g1", vec!["/ConnectionInput/ConnectionProperties/PASSWORD"]),
            ("s1", vec!["/SecretString"]),
        ]);
        assert_eq!(drifted, expected, "run {again}");
        ripen();
    }
    // What stayed needs nothing, and what moved is read each time: it is never remembered as it should not be.
    let again = calls(&env, "drift", 2);
    assert_eq!(spared(&again).get("DescribeConnection"), Some(&1), "{:?}", counted(&again));
    env.trueup("apply --yes").expect(0);
    env.trueup("drift --strict").expect(0);
}

#[test]
fn what_is_wanted_now_is_not_what_was_verified() {
    let mut env = applied();
    env.trueup("drift --strict").expect(0);
    env.set_secret("PASSWORD", THEIRS);
    let document = statuses(&env, "drift", 2);
    let drifted = document.as_array().expect("a list").iter().filter(|it| it["status"] == "drifted").count();
    assert_eq!(drifted, 3 * CONNECTIONS, "all but the destinations: {document:#}");
    env.set_secret("PASSWORD", OURS);
    env.trueup("drift --strict").expect(0);
    env.unset("PASSWORD");
    env.trueup("drift --strict").expect(6);
    env.set_secret("PASSWORD", OURS);
    env.write("trueup.yaml", &manifest().replace("Description: Orders", "Description: Other"));
    let document = env.trueup("drift --json").expect(2).json();
    let paths: Vec<&str> = document["resources"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|it| it["edits"].as_array().into_iter().flatten())
        .filter_map(|edit| edit["path"].as_str())
        .collect();
    assert_eq!(paths, ["/Description"; CONNECTIONS]);
    env.trueup("plan --exit-code").expect(2);
}

#[test]
fn a_cache_that_is_no_good_is_none() {
    let mut env = applied();
    let all = || {
        BTreeMap::from([
            ("BatchGetSecretValue", 2),
            ("DescribeApiDestination", CONNECTIONS),
            ("DescribeConnection", CONNECTIONS),
            ("GetConnection", CONNECTIONS),
        ])
    };
    env.trueup("drift --strict").expect(0);
    assert_eq!(spared(&calls(&env, "drift --strict --no-cache", 0)), all());

    // Damaged, of another form, cut off, empty.
    let [file] = &*cached(&env) else { panic!("there is one file") };
    let whole = fs::read_to_string(file).expect("it is there");
    for damaged in [&whole[..whole.len() / 2], "", "[]", &whole.replace("\"format\":1", "\"format\":9")] {
        fs::write(file, damaged).expect("it can be written");
        assert_eq!(spared(&calls(&env, "drift --strict", 0)), all());
        assert_eq!(spared(&calls(&env, "drift --strict", 0)), BTreeMap::new(), "it was mended");
    }
    // A fingerprint that somebody has changed is only a mismatch.
    let whole = fs::read_to_string(file).expect("it is there");
    fs::write(file, whole.replace("\"fingerprint\":\"", "\"fingerprint\":\"x")).expect("it can be written");
    assert_eq!(spared(&calls(&env, "drift --strict", 0)).get("BatchGetSecretValue"), Some(&2));

    // Another key: of its own, or a lost one.
    env.set_secret("TRUEUP_CACHE_KEY", "Vy2mJd58-key-of-the-cache");
    assert_eq!(spared(&calls(&env, "drift --strict", 0)), all());
    assert_eq!(spared(&calls(&env, "drift --strict", 0)), BTreeMap::new());
    env.unset("TRUEUP_CACHE_KEY");
    fs::remove_file(key(&env)).expect("it was there");
    assert_eq!(spared(&calls(&env, "drift --strict", 0)), all());

    // No place for it: neither the folder nor the key can be made. A file in its place stops even the superuser.
    for part in ["cache/trueup", "state/trueup"] {
        let path = env.folder().join("home").join(part);
        fs::remove_dir_all(&path).expect("it was there");
        fs::write(&path, "").expect("it can be written");
        assert_eq!(spared(&calls(&env, "drift --strict", 0)), all(), "{part}");
        assert_eq!(spared(&calls(&env, "drift --strict", 0)), all(), "{part}");
        fs::remove_file(&path).expect("it was there");
    }
    // Without leave to read values nothing is said of them, also not what was verified once.
    env.trueup("drift --strict").expect(0);
    env.trueup("drift --strict --no-secret-reads").expect(6);
}

#[test]
fn many_that_have_not_moved_take_a_call_for_a_hundred() {
    const MANY: usize = 300;
    let mut env = TestEnv::new();
    let mut text = String::from("version: 1\nname: many\nproviders: [aws]\nresources:\n");
    for number in 0..MANY {
        let _ = write!(
            text,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: many-{number:03}\n      AuthorizationType: \
             API_KEY\n      AuthParameters:\n        ApiKeyAuthParameters: {{ ApiKeyName: X-Key, ApiKeyValue: \"{{{{ \
             secret('env:PASSWORD') }}}}\" }}\n"
        );
    }
    env.set_secret("PASSWORD", OURS).write("trueup.yaml", &text);
    env.trueup("apply --yes").expect(0);
    ripen();
    let first = calls(&env, "drift --strict", 0);
    assert!(first.len() > MANY, "{:?}", counted(&first));
    let second = calls(&env, "drift --strict", 0);
    assert_eq!(counted(&second), BTreeMap::from([("GetCallerIdentity", 1), ("ListConnections", MANY / 100)]));
}

/// What would be read one by one without a cache is read so where the list that was to spare it fails.
#[test]
fn a_list_that_fails_makes_nothing_unread() {
    let env = applied();
    env.trueup("drift --strict").expect(0);
    let refused = json!({"code": "ValidationException", "message": "not now", "status": 400});
    env.sandbox().faults(&json!({"seed": 1, "rules": [
        {"service": "glue", "operation": "GetConnections", "count": null, "error": refused},
    ]}));
    let few = calls(&env, "drift --strict --only g*", 0);
    assert_eq!(spared(&few), BTreeMap::from([("GetConnection", CONNECTIONS)]), "{:?}", counted(&few));
}

/// A plan says the same of each secret, in the same order, whether it was read again or not.
#[test]
fn the_secrets_of_a_plan_are_in_one_order() {
    let mut env = TestEnv::new();
    let secret = "\"{{ secret('env:PASSWORD') }}\"";
    let mut text = String::from("version: 1\nname: several\nproviders: [aws]\nresources:\n");
    for number in 0..CONNECTIONS {
        let _ = write!(
            text,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: c{number}\n      AuthorizationType: BASIC\n      \
             AuthParameters:\n        InvocationHttpParameters:\n          QueryStringParameters: [{{ Key: b, Value: {secret}, IsValueSecret: \
             true }}]\n          HeaderParameters: [{{ Key: z, Value: {secret}, IsValueSecret: true }}, {{ Key: a, Value: {secret}, \
             IsValueSecret: true }}]\n        BasicAuthParameters: {{ Username: u, Password: {secret} }}\n"
        );
    }
    env.set_secret("PASSWORD", OURS).write("trueup.yaml", &text);
    let secrets = |args: &str| -> Vec<Value> {
        let document = env.trueup(&format!("plan --json -v {args}")).json();
        document["steps"].as_array().expect("there are steps").iter().map(|step| step["secrets"].clone()).collect()
    };
    let paths = |secrets: &[Value]| -> Vec<Value> {
        secrets.iter().flat_map(|them| them.as_array().expect("they are many")).map(|it| it["path"].clone()).collect()
    };
    let of_new = paths(&secrets("--no-cache"));
    assert_eq!(of_new.len(), 4 * CONNECTIONS, "{of_new:?}");
    env.trueup("apply --yes --no-cache").expect(0);
    ripen();
    let read = secrets("");
    assert_eq!(spared(&calls(&env, "plan", 0)), BTreeMap::new(), "nothing is spared");
    assert_eq!(secrets(""), read);
    assert_eq!(paths(&read), of_new);
}

/// What goes is looked for in all that may point at it, also in what has not moved.
#[test]
fn a_key_that_connections_still_use_is_not_pruned_unseen() {
    let mut env = TestEnv::new();
    let stack = |first: &str, key: &str| {
        let mut text = format!("version: 1\nname: keyed\nproviders: [aws]\nresources:\n{first}");
        for number in 0..CONNECTIONS {
            let _ = write!(
                text,
                "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: c{number}\n      AuthorizationType: BASIC\n      \
                 KmsKeyIdentifier: \"{key}\"\n      AuthParameters: {{ BasicAuthParameters: {{ Username: u, Password: \"{{{{ \
                 secret('env:PASSWORD') }}}}\" }} }}\n"
            );
        }
        text
    };
    let key = "  - name: key\n    type: AWS::KMS::Key\n    props: { Description: Ours }\n";
    env.set_secret("PASSWORD", OURS).write("trueup.yaml", &stack(key, "{{ key.Arn }}"));
    env.trueup("apply --yes --kms-settle 0s").expect(0);
    ripen();
    env.trueup("plan --exit-code --strict").expect(0);
    assert_eq!(spared(&calls(&env, "plan --exit-code", 0)), BTreeMap::new());

    let arn = env.sandbox().call("events", "DescribeConnection", &json!({"Name": "c0"}), "us-east-1").json();
    let arn = arn["KmsKeyIdentifier"].as_str().expect("a text").to_owned();
    env.write("trueup.yaml", &stack("", &arn));
    let shown = |args: &str| env.trueup(&format!("plan --prune {args}")).stdout.clone();
    let read = shown("--no-cache");
    assert!(read.contains("goes on pointing at it"), "{read}");
    assert_eq!([shown(""), shown("")], [read.clone(), read]);
}
