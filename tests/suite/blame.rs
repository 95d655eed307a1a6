//! `--blame`: who did what behind our back, out of CloudTrail, with a client that we did not write and several users.

use serde_json::{Value, json};
use trueup_tests::{TestEnv, boto3, interpreter};

const MANIFEST: &str = r#"
version: 1
name: orders
providers: [aws]
globals: [{ name: region, value: us-east-1 }]
resources:
  - { name: partner, type: AWS::Events::Connection, props: { Name: partner, Description: Ours, AuthorizationType: API_KEY,
      AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: X-Key, ApiKeyValue: "{{ secret('env:KEY') }}" } } } }
  - { name: orders, type: AWS::Events::Connection, props: { Name: orders, Description: Ours, AuthorizationType: BASIC,
      AuthParameters: { BasicAuthParameters: { Username: svc, Password: "{{ secret('env:KEY') }}" } } } }
  - { name: gone, type: AWS::Events::Connection, props: { Name: gone, AuthorizationType: BASIC,
      AuthParameters: { BasicAuthParameters: { Username: svc, Password: "{{ secret('env:KEY') }}" } } } }
  - { name: destination, type: AWS::Events::ApiDestination, props: { Name: orders, HttpMethod: POST,
      ConnectionArn: "{{ orders.Arn }}", InvocationEndpoint: "https://orders.example.com/" } }
  - { name: warehouse, type: AWS::Glue::Connection, props: { Tags: { team: data }, ConnectionInput: { Name: warehouse,
      Description: Ours, ConnectionType: JDBC, ConnectionProperties: { USERNAME: svc, PASSWORD: "{{ secret('env:KEY') }}",
        JDBC_CONNECTION_URL: "jdbc:postgresql://db.example.com/x" } } } }
  - { name: login, type: AWS::SecretsManager::Secret, props: { Name: login, SecretString: "{{ secret('env:KEY') }}" } }
  - { name: token, type: AWS::SecretsManager::Secret, props: { Name: token, Description: Ours,
      SecretString: "{{ secret('env:KEY') }}" } }
  - { name: key, type: AWS::KMS::Key, props: { Description: one, EnableKeyRotation: true, PendingWindowInDays: 7 } }
  - { name: spare, type: AWS::KMS::Key, props: { Description: two, PendingWindowInDays: 7 } }
  - { name: alias, type: AWS::KMS::Alias, props: { AliasName: alias/orders, TargetKeyId: "{{ key.KeyId }}" } }
  - { name: queue, type: AWS::SQS::Queue, props: { QueueName: orders, VisibilityTimeout: 30 } }
"#;

const KEY: &str = "Yn5rTc38-our-credential";
const THEIRS: &str = "Jb2hVm64-their-credential";

fn stack() -> TestEnv {
    let mut env = TestEnv::new();
    env.set_secret("KEY", KEY).plant(THEIRS);
    env.write("trueup.yaml", MANIFEST);
    env.logged("apply --yes --kms-settle 0s").expect(0);
    env
}

/// What the services know by ids of their own.
fn ids(env: &TestEnv) -> (String, String, String) {
    let python = interpreter().unwrap();
    let calls = json!([
        {"service": "kms", "operation": "DescribeKey", "input": {"KeyId": "alias/orders"}},
        {"service": "kms", "operation": "ListKeys"},
        {"service": "sqs", "operation": "GetQueueUrl", "input": {"QueueName": "orders"}},
    ]);
    let answers = boto3(&python, &env.sandbox().url, "us-east-1", &calls);
    let key = answers[0]["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    let keys = answers[1]["Keys"].as_array().unwrap().iter();
    let describe =
        |entry: &Value| json!({"service": "kms", "operation": "DescribeKey", "input": {"KeyId": entry["KeyId"]}});
    let keys = boto3(&python, &env.sandbox().url, "us-east-1", &keys.map(describe).collect());
    // Those of AWS are in the list too.
    let mut ours = keys.iter().map(|it| &it["KeyMetadata"]).filter(|it| it["KeyManager"] == "CUSTOMER");
    let spare = ours.find_map(|it| it["KeyId"].as_str().filter(|id| *id != key)).unwrap().to_owned();
    (key, spare, answers[2]["QueueUrl"].as_str().unwrap().to_owned())
}

fn of<'a>(document: &'a Value, address: &str) -> Vec<&'a Value> {
    let step = document["steps"].as_array().unwrap().iter().find(|step| step["address"] == address);
    let step = step.unwrap_or_else(|| panic!("{address} has no step"));
    step["blame"].as_array().map(|all| all.iter().collect()).unwrap_or_default()
}

#[test]
fn each_change_has_its_caller_and_its_call() {
    let Some(python) = interpreter() else { return };
    let env = stack();
    let (key, spare, queue) = ids(&env);
    let by = |user: &str, service: &str, operation: &str, input: Value| json!({"user": user, "service": service, "operation": operation, "input": input});
    let basic = json!({"BasicAuthParameters": {"Username": "other", "Password": KEY}});
    let connection = json!({"Name": "warehouse", "Description": "Theirs", "ConnectionType": "JDBC", "ConnectionProperties":
        {"USERNAME": "svc", "PASSWORD": THEIRS, "JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com/x"}});
    let glue_arn = "arn:aws:glue:us-east-1:123456789012:connection/warehouse";
    let endpoint = "https://elsewhere.example.com/";
    // Address, the property that is blamed, and the call.
    let changes = [
        (
            "partner",
            "/Description",
            by("alice", "events", "UpdateConnection", json!({"Name": "partner", "Description": "x"})),
        ),
        (
            "orders",
            "/Description",
            by("alice", "events", "UpdateConnection", json!({"Name": "orders", "Description": "x"})),
        ),
        (
            "orders",
            "/AuthParameters/BasicAuthParameters/Username",
            by(
                "bob",
                "events",
                "UpdateConnection",
                json!({"Name": "orders", "AuthorizationType": "BASIC", "AuthParameters": basic}),
            ),
        ),
        (
            "destination",
            "/InvocationEndpoint",
            by("bob", "events", "UpdateApiDestination", json!({"Name": "orders", "InvocationEndpoint": endpoint})),
        ),
        (
            "warehouse",
            "/ConnectionInput/Description",
            by("bob", "glue", "UpdateConnection", json!({"Name": "warehouse", "ConnectionInput": connection})),
        ),
        (
            "warehouse",
            "/Tags/team",
            by("alice", "glue", "TagResource", json!({"ResourceArn": glue_arn, "TagsToAdd": {"team": "sales"}})),
        ),
        (
            "login",
            "/SecretString",
            by("bob", "secretsmanager", "PutSecretValue", json!({"SecretId": "login", "SecretString": THEIRS})),
        ),
        (
            "token",
            "/Description",
            by("alice", "secretsmanager", "UpdateSecret", json!({"SecretId": "token", "Description": "x"})),
        ),
        ("spare", "/Enabled", by("bob", "kms", "DisableKey", json!({"KeyId": spare}))),
        ("key", "/EnableKeyRotation", by("alice", "kms", "DisableKeyRotation", json!({"KeyId": key}))),
        (
            "alias",
            "/TargetKeyId",
            by("bob", "kms", "UpdateAlias", json!({"AliasName": "alias/orders", "TargetKeyId": spare})),
        ),
        ("gone", "", by("alice", "events", "DeleteConnection", json!({"Name": "gone"}))),
        (
            "queue",
            "/VisibilityTimeout",
            by(
                "bob",
                "sqs",
                "SetQueueAttributes",
                json!({"QueueUrl": queue, "Attributes": {"VisibilityTimeout": "90"}}),
            ),
        ),
    ];
    // So that their times differ from ours, and from one another.
    for (_, _, call) in &changes {
        env.sandbox().advance("1m");
        let answer = boto3(&python, &env.sandbox().url, "us-east-1", &json!([call])).remove(0);
        assert!(answer["error"].is_null(), "{call}: {answer}");
    }
    env.sandbox().advance("1m");

    let document = env.trueup("plan --blame --json").expect(0).json();
    trueup_tests::check_schema("plan", &document);
    for (address, path, call) in &changes {
        let user = call["user"].as_str().unwrap();
        let name = call["operation"].as_str().unwrap();
        let found = of(&document, address);
        let right = found.iter().find(|entry| {
            entry["call"].as_str().is_some_and(|call| call.ends_with(&format!(":{name}")))
                && (path.is_empty() || entry["paths"].as_array().is_some_and(|paths| paths.contains(&json!(path))))
        });
        let right = right.unwrap_or_else(|| panic!("{address}{path} is not blamed on {name}: {found:#?}"));
        assert_eq!(right["who"], format!("arn:aws:iam::123456789012:user/{user}"), "{address}{path}");
        assert!(right["from"].as_str().unwrap().starts_with("127.0.0.1 (Boto3/"), "{right}");
        assert!(right["when"].is_string() && right["event_id"].is_string() && right["note"].is_null(), "{right}");
        // Nobody else is blamed for it.
        let others = found.iter().filter(|entry| {
            entry["event_id"] != right["event_id"]
                && entry["paths"].as_array().is_some_and(|paths| paths.contains(&json!(path)))
        });
        assert_eq!(others.count(), 0, "{found:#?}");
    }

    // `drift` says the same.
    let drift = env.trueup("drift --blame --json").expect(2).json();
    trueup_tests::check_schema("drift", &drift);
    for (address, ..) in &changes {
        let resource = drift["resources"].as_array().unwrap().iter().find(|resource| resource["address"] == *address);
        assert_eq!(resource.unwrap()["blame"], json!(of(&document, address)), "{address}");
    }

    // For people the names come behind the report.
    let plan = env.trueup("plan --blame");
    plan.expect(0);
    let (report, blame) = plan.stdout.split_once("\nBlame, from CloudTrail:\n").expect("there is a heading");
    assert!(report.contains("Plan: ") && blame.contains("user/bob, from 127.0.0.1 (Boto3/"), "{plan}");
    let lines = env.trueup("plan --blame --format jsonl").expect(0).stdout.clone();
    let blamed: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["type"] == "blame")
        .collect();
    assert_eq!(blamed.len(), 11, "{lines}");
    for line in &blamed {
        trueup_tests::check_schema("events", line);
    }
}

#[test]
fn what_cannot_be_known_is_said() {
    let Some(python) = interpreter() else { return };
    let env = stack();
    let change = |user: &str, name: &str| {
        let input = json!({"Name": name, "Description": "x"});
        let call = json!([{"user": user, "service": "events", "operation": "UpdateConnection", "input": input}]);
        boto3(&python, &env.sandbox().url, "us-east-1", &call);
    };
    env.sandbox().advance("1m");
    change("alice", "partner");
    let blame =
        || of(&env.trueup("plan --blame --json").expect(0).json(), "partner").into_iter().cloned().collect::<Vec<_>>();

    // Not delivered yet: all that CloudTrail shows is that we made it.
    env.sandbox().faults(&json!({"rules": [{"service": "cloudtrail", "stale_ms": 30_000}]}));
    let found = blame();
    assert_eq!(found[0]["call"], "events:CreateConnection", "{found:#?}");
    assert_eq!(found[0]["note"], "by trueup");
    // Not delivered at all.
    env.sandbox().faults(&json!({"rules": [{"service": "cloudtrail", "stale_ms": 900_000}]}));
    let note = "no call that did it was found; CloudTrail shows a call after up to 15 minutes, and for 90 days";
    assert_eq!(blame(), [json!({ "note": note })]);
    // Throttled, it is asked again.
    let error = json!({"code": "ThrottlingException", "message": "Rate exceeded", "status": 400});
    env.sandbox().faults(&json!({"rules": [{"service": "cloudtrail", "per_second": 2, "error": error}]}));
    assert_eq!(blame()[0]["who"], "arn:aws:iam::123456789012:user/alice");
    env.sandbox().no_faults();
    // Denied, it is said, and is no failure of the command.
    env.sandbox().policy(&json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "cloudtrail:LookupEvents", "Resource": "*"}]}));
    assert_eq!(blame(), [json!({"note": "CloudTrail could not be asked: cloudtrail:LookupEvents denied"})]);
    env.sandbox().policy(&Value::Null);
    // Too old.
    env.sandbox().advance("91d");
    assert_eq!(blame(), [json!({ "note": note })]);
}

#[test]
fn a_search_ends_after_some_pages() {
    let Some(python) = interpreter() else { return };
    let env = stack();
    let update = |name: &str, text: String| {
        let input = json!({"Name": name, "Description": text});
        json!({"user": "carol", "service": "events", "operation": "UpdateConnection", "input": input})
    };
    let mut calls = vec![update("partner", "x".to_owned())];
    calls.extend((0..510).map(|index| update("gone", format!("number {index}"))));
    boto3(&python, &env.sandbox().url, "us-east-1", &Value::Array(calls));
    env.sandbox()
        .policy(&json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}));
    let document = env.trueup("plan --blame --json --only partner").expect(0).json();
    let notes: Vec<&str> = of(&document, "partner").iter().filter_map(|entry| entry["note"].as_str()).collect();
    assert!(
        notes.contains(&"there are more events than were read: a later call than these may not be among them"),
        "{notes:?}"
    );
    let asked = env.sandbox().calls().into_iter().filter(|call| call.operation == "LookupEvents").count();
    assert!(asked <= 12, "{asked} calls");
}
