//! A saved plan of a stack of all kinds is refused before its first write when anything that it is about was touched since,
//! and does nothing when it is applied a second time.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use trueup_tests::{Ordeal, Run, Stage, TestEnv, each, report, writes};

/// Something that somebody does to a resource.
struct Touch {
    address: &'static str,
    service: &'static str,
    operation: &'static str,
    /// The input; `<key>`, `<spare>` and `<queue>` stand for what services have named.
    input: Value,
}

fn touch(address: &'static str, service: &'static str, operation: &'static str, input: Value) -> Touch {
    Touch { address, service, operation, input }
}

fn touches() -> Vec<Touch> {
    let warehouse = json!({"Name": "warehouse", "Description": "by hand", "ConnectionType": "JDBC",
        "ConnectionProperties": {
            "JDBC_CONNECTION_URL": "jdbc:postgresql://warehouse.example.com:5432/sales", "SECRET_ID": "warehouse"}});
    let basic = json!({"BasicAuthParameters": {"Username": "svc-orders", "Password": "by-somebody-else"}});
    let oauth = json!({"OAuthParameters": {"AuthorizationEndpoint": "https://login.example.org/token"}});
    vec![
        touch("key", "kms", "UpdateKeyDescription", json!({"KeyId": "<key>", "Description": "by hand"})),
        touch("key", "kms", "DisableKeyRotation", json!({"KeyId": "<key>"})),
        touch("spare", "kms", "EnableKey", json!({"KeyId": "<spare>"})),
        touch("spare", "kms", "ScheduleKeyDeletion", json!({"KeyId": "<spare>", "PendingWindowInDays": 7})),
        touch("alias", "kms", "UpdateAlias", json!({"AliasName": "alias/ordeal", "TargetKeyId": "<spare>"})),
        touch("alias", "kms", "DeleteAlias", json!({"AliasName": "alias/ordeal"})),
        touch(
            "credentials",
            "secretsmanager",
            "UpdateSecret",
            json!({"SecretId": "warehouse", "Description": "by hand"}),
        ),
        touch(
            "credentials",
            "secretsmanager",
            "PutSecretValue",
            json!({"SecretId": "warehouse", "SecretString": "{\"username\":\"loader\",\"password\":\"by-somebody-else\"}",
                "ClientRequestToken": "6f1c2a34-0000-4000-8000-0000000000aa"}),
        ),
        touch("credentials", "secretsmanager", "DeleteSecret", json!({"SecretId": "warehouse"})),
        touch("warehouse", "glue", "UpdateConnection", json!({"Name": "warehouse", "ConnectionInput": warehouse})),
        touch("warehouse", "glue", "DeleteConnection", json!({"ConnectionName": "warehouse"})),
        touch("orders", "events", "UpdateConnection", json!({"Name": "orders", "Description": "by hand"})),
        touch(
            "orders",
            "events",
            "UpdateConnection",
            json!({"Name": "orders", "AuthorizationType": "BASIC", "AuthParameters": basic}),
        ),
        touch("orders", "events", "DeleteConnection", json!({"Name": "orders"})),
        touch(
            "crm",
            "events",
            "UpdateConnection",
            json!({"Name": "crm", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": oauth}),
        ),
        touch("crm", "events", "DeleteConnection", json!({"Name": "crm"})),
        touch(
            "created",
            "events",
            "UpdateApiDestination",
            json!({"Name": "created", "InvocationEndpoint": "https://orders.example.org/created"}),
        ),
        touch("created", "events", "DeleteApiDestination", json!({"Name": "created"})),
        touch("logs", "logs", "PutRetentionPolicy", json!({"logGroupName": "/ordeal/orders", "retentionInDays": 60})),
        touch("logs", "logs", "DeleteLogGroup", json!({"logGroupName": "/ordeal/orders"})),
        touch(
            "jobs",
            "sqs",
            "SetQueueAttributes",
            json!({"QueueUrl": "<queue>", "Attributes": {"VisibilityTimeout": "30"}}),
        ),
        touch("jobs", "sqs", "DeleteQueue", json!({"QueueUrl": "<queue>"})),
    ]
}

impl Touch {
    fn said(&self) -> String {
        format!("{}: {}:{} {}", self.address, self.service, self.operation, self.input)
    }

    fn done(&self, env: &TestEnv) -> Result<(), String> {
        let home = env.sandbox().home("us-east-1");
        let key = |part: &str| {
            let keys = home["keys"].as_object().into_iter().flatten();
            let found = keys.filter(|(_, key)| key["Description"].as_str().is_some_and(|text| text.contains(part)));
            found.map(|(id, _)| id.clone()).next().unwrap_or_default()
        };
        let queue = home["queues"].as_object().into_iter().flatten().find_map(|(_, it)| it["QueueUrl"].as_str());
        let text = self.input.to_string();
        let text = text.replace("<key>", &key("redentials")).replace("<spare>", &key("Nothing"));
        let text = text.replace("<queue>", queue.unwrap_or_default());
        let input: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let answer = env.sandbox().call(self.service, self.operation, &input, "us-east-1");
        if answer.status == 200 { Ok(()) } else { Err(format!("{}: {}", self.said(), answer.body)) }
    }
}

/// Applies the saved plan, which may not write.
fn without_a_write(env: &TestEnv, more: &[&str]) -> Result<Run, String> {
    let before = env.sandbox().calls().len();
    let run = env.run(&[&["apply", "plan.json", "--kms-settle", "0s"], more].concat());
    let calls = env.sandbox().calls().split_off(before);
    let written = writes(&calls);
    if written.is_empty() { Ok(run) } else { Err(format!("it wrote: {written:?}: {run}")) }
}

#[test]
fn a_plan_is_refused_whichever_of_its_resources_was_touched() {
    const NAME: &str = "stale_plans::a_plan_is_refused_whichever_of_its_resources_was_touched";
    let ordeal = Ordeal::of(Stage::Changed);
    let touches = touches();
    let refused = AtomicUsize::new(0);
    let violations = each(&touches, Touch::said, |touch| {
        let env = ordeal.swift_place();
        env.run(&["plan", "--out", "plan.json"]).ended(0)?;
        touch.done(&env)?;
        let run = without_a_write(&env, &[])?;
        run.ended(4)?;
        if !run.stderr.contains("the plan is stale, and nothing was written") || !run.stderr.contains(touch.address) {
            return Err(format!("it does not say which: {run}"));
        }
        refused.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let figure = format!("{} changes to resources of every kind", refused.into_inner());
    report(NAME, &["P7"], &figure, violations.len());
    assert!(violations.is_empty(), "{} of {}:\n{}", violations.len(), touches.len(), violations.join("\n\n"));
}

#[test]
fn a_plan_that_was_applied_does_nothing_the_second_time() {
    const NAME: &str = "stale_plans::a_plan_that_was_applied_does_nothing_the_second_time";
    let stages = [Stage::New, Stage::Changed, Stage::Replaced].map(Ordeal::of);
    let violations = each(
        &stages,
        |ordeal| format!("{:?}", ordeal.stage),
        |ordeal| {
            let env = ordeal.swift_place();
            let options: Vec<&str> = ordeal.stage.args()[2..].to_vec();
            env.run(&[&["plan", "--out", "plan.json"], &options[..]].concat()).ended(0)?;
            env.run(&[&["apply", "plan.json"], &options[..]].concat()).ended(0)?;
            let run = without_a_write(&env, &options[2..])?;
            if matches!(run.code, Some(0 | 4)) { Ok(()) } else { Err(run.to_string()) }
        },
    );
    report(NAME, &["P7"], "plans of every kind, to create, to update and to replace, applied twice", violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
}
