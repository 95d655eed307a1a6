//! SQL over the sandbox: what StackQL's page for connections prints, in plain values, and what people ask besides.

use serde_json::{Value, json};
use trueup_tests::{TestEnv, interpreter, terminal, trueup};

const PASSWORD: &str = "Kq7vTz31-password-of-a-query";
const NEXT: &str = "Zr2wLm84-password-that-follows";

/// The INSERT of the page.
const INSERT: &str = r#"
/*+ create */
INSERT INTO awscc.events.connections (
 Name,
 Description,
 AuthorizationType,
 AuthParameters,
 InvocationConnectivityParameters,
 KmsKeyIdentifier,
 region
)
SELECT
'orders',
 'Orders''s API',
 'BASIC',
 '{"BasicAuthParameters": {"Username": "svc", "Password": "Kq7vTz31-password-of-a-query"}}',
 '',
 '',
'us-east-1'
"#;

/// The SELECT of the page that gets everything.
const GET: &str = "
SELECT
region,
name,
arn,
arn_for_policy,
secret_arn,
description,
authorization_type,
auth_parameters,
invocation_connectivity_parameters,
kms_key_identifier
FROM awscc.events.connections
WHERE region = 'us-east-1' AND data__Identifier = 'orders';
";

/// The SELECT of the page that lists.
const LIST: &str = "
SELECT
region,
name
FROM awscc.events.connections_list_only
WHERE region = 'us-east-1';
";

fn env() -> TestEnv {
    let mut env = TestEnv::new();
    env.plant(PASSWORD);
    env.plant(NEXT);
    env
}

/// Runs a statement from a file, which may hold a secret.
fn run(env: &mut TestEnv, sql: &str, args: &[&str]) -> trueup_tests::Run {
    let masked = [PASSWORD, NEXT].iter().any(|secret| sql.contains(secret));
    if masked {
        // The command line is looked through for secrets too.
        env.write("statement.sql", sql);
        return env.run(&[&["query", "-f", "statement.sql"], args].concat());
    }
    env.run(&[&["query", sql], args].concat())
}

/// The rows of the only statement.
fn rows(env: &mut TestEnv, sql: &str) -> Value {
    let document = run(env, sql, &["--json", "--yes"]).expect(0).json();
    trueup_tests::check_schema("query", &document);
    document["results"][0]["rows"].clone()
}

/// The password that EventBridge keeps.
fn kept(env: &mut TestEnv) -> String {
    let arn = rows(env, GET)[0]["secret_arn"].clone();
    let answer = env.sandbox().call("secretsmanager", "GetSecretValue", &json!({"SecretId": arn}), "us-east-1");
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body
}

#[test]
fn the_statements_of_the_page_do_what_it_says() {
    let mut env = env();
    assert_eq!(rows(&mut env, GET), json!([]));
    let made = rows(&mut env, &format!("{INSERT} RETURNING *;"));
    assert_eq!(made[0]["Identifier"], "orders", "{made}");
    assert_eq!((&made[0]["Operation"], &made[0]["OperationStatus"]), (&json!("CREATE"), &json!("SUCCESS")));
    let model: Value = serde_json::from_str(made[0]["ResourceModel"].as_str().unwrap()).unwrap();
    assert_eq!(model["AuthParameters"], json!({"BasicAuthParameters": {"Username": "svc"}}));

    let got = rows(&mut env, GET);
    let row = &got[0];
    assert_eq!(row["region"], "us-east-1");
    assert_eq!(row["name"], "orders");
    assert_eq!(row["description"], "Orders's API");
    assert_eq!(row["authorization_type"], "BASIC");
    assert_eq!(row["auth_parameters"], r#"{"BasicAuthParameters":{"Username":"svc"}}"#);
    assert!(row["arn"].as_str().unwrap().contains(":connection/orders/"), "{row}");
    assert!(row["arn_for_policy"].as_str().unwrap().ends_with(":connection/orders"), "{row}");
    assert!(row["secret_arn"].as_str().unwrap().contains(":secret:events!connection/orders/"), "{row}");
    assert_eq!((&row["invocation_connectivity_parameters"], &row["kms_key_identifier"]), (&Value::Null, &Value::Null));
    assert_eq!(rows(&mut env, LIST), json!([{"region": "us-east-1", "name": "orders"}]));

    let update = r#"/*+ update */
UPDATE awscc.events.connections
SET data__PatchDocument = string('[{"op":"add","path":"/Description","value":"New"},{"op":"add","path":"/AuthorizationType","value":"BASIC"}]')
WHERE region = 'us-east-1'
AND data__Identifier = 'orders';"#;
    run(&mut env, update, &["--yes"]).expect(0);
    assert_eq!(rows(&mut env, GET)[0]["description"], "New");
    assert!(kept(&mut env).contains(PASSWORD), "the password went with an update of something else");

    let delete = "/*+ delete */
DELETE FROM awscc.events.connections
WHERE data__Identifier = 'orders'
AND region = 'us-east-1';";
    run(&mut env, delete, &["--yes"]).expect(0);
    assert_eq!(rows(&mut env, GET), json!([]));
    assert_eq!(rows(&mut env, LIST), json!([]));
    // Once more there is nothing to do.
    run(&mut env, delete, &["--yes"]).expect(0);
}

#[test]
fn an_update_sends_what_it_changes_and_what_has_to_go_with_it() {
    let mut env = env();
    run(&mut env, INSERT, &["--yes"]).expect(0);
    let patch = |path: &str, value: &str| {
        let patch = json!([{"op": "replace", "path": path, "value": value}]);
        format!("UPDATE awscc.events.connections SET PatchDocument = '{patch}' WHERE Identifier = 'orders'")
    };
    run(&mut env, &patch("/AuthParameters/BasicAuthParameters/Username", "other"), &["--yes"]).expect(0);
    let now = rows(&mut env, GET)[0]["auth_parameters"].clone();
    assert_eq!(now, r#"{"BasicAuthParameters":{"Username":"other"}}"#);
    assert!(kept(&mut env).contains(PASSWORD), "a new user has taken the password away");
    run(&mut env, &patch("/AuthParameters/BasicAuthParameters/Password", NEXT), &["--yes"]).expect(0);
    assert!(kept(&mut env).contains(NEXT) && !kept(&mut env).contains(PASSWORD));
    // What cannot change in place, and what does not fit.
    let refused = run(&mut env, &patch("/Name", "x"), &["--yes"]);
    assert!(refused.expect(64).stderr.contains("error[Q307]"), "{refused}");
    let refused = run(&mut env, &patch("/NoSuch/Thing", "x"), &["--yes"]);
    assert!(refused.expect(64).stderr.contains("does not fit"), "{refused}");
    let copy = r#"UPDATE awscc.events.connections SET PatchDocument =
        '[{"op":"copy","from":"/AuthParameters/BasicAuthParameters/Password","path":"/Description"}]' WHERE Identifier = 'orders'"#;
    let refused = run(&mut env, copy, &["--yes"]);
    assert!(refused.expect(64).stderr.contains("neither tested nor copied"), "{refused}");
    run(&mut env, &patch("/Description", "x").replace("'orders'", "'none'"), &["--yes"]).expect(1);
}

#[test]
fn mistakes_of_a_write_are_said_before_anything_is_sent() {
    let mut env = env();
    let wrong = INSERT.replace("Description", "Descripton").replace("'BASIC'", "'BASICS'");
    let refused = run(&mut env, &wrong, &["--yes"]);
    let said = &refused.expect(64).stderr;
    assert!(said.contains("error[M301]") && said.contains("did you mean `Description`?"), "{refused}");
    assert!(said.contains("error[M305]") && said.contains("statement.sql:"), "{refused}");
    // A literal that is not closed, and one in double quotes.
    run(&mut env, &INSERT.replace("}}'", "}}"), &["--yes"]).expect(64);
    run(&mut env, &format!("INSERT INTO awscc.events.connections (Name) SELECT \"{PASSWORD}\""), &["--yes"]).expect(64);
    run(&mut env, "DELETE FROM awscc.events.connections", &["--yes"]).expect(64);
    run(&mut env, "UPDATE awscc.events.connections SET Description = 'x' WHERE Identifier = 'a'", &["--yes"])
        .expect(64);
    run(&mut env, "DROP TABLE awscc.events.connections", &["--yes"]).expect(64);
    // Nobody can be asked, and nothing may be written.
    run(&mut env, INSERT, &[]).expect(64);
    run(&mut env, INSERT, &["--yes", "--read-only"]).expect(64);
    let calls = env.sandbox().calls();
    assert!(trueup_tests::writes(&calls).is_empty(), "{calls:?}");
}

#[test]
fn any_type_is_read_and_written() {
    let mut env = env();
    let insert = "INSERT INTO awscc.sqs.queues (QueueName, DelaySeconds, Tags, region) VALUES \
        ('jobs', 5, '[{\"Key\":\"team\",\"Value\":\"shop\"}]', 'us-east-1'), ('mail', '7', NULL, 'us-east-1') \
        RETURNING Identifier, OperationStatus";
    let made = rows(&mut env, insert);
    let url = made[0]["Identifier"].as_str().unwrap().to_owned();
    assert!(url.ends_with("/jobs") && made[1]["OperationStatus"] == "SUCCESS", "{made}");
    let read = "SELECT q.queue_name, q.delay_seconds, aws_policy_equal(q.tags, '[{\"Value\":\"shop\",\"Key\":\"team\"}]') AS ours \
        FROM awscc.sqs.queues_list_only l JOIN awscc.sqs.queues q ON q.Identifier = l.queue_url ORDER BY 1";
    let expected = json!([
        {"queue_name": "jobs", "delay_seconds": 5, "ours": 1}, {"queue_name": "mail", "delay_seconds": 7, "ours": null},
    ]);
    assert_eq!(rows(&mut env, read), expected);
    let patch = format!(
        "UPDATE awscc.sqs.queues SET PatchDocument = '[{{\"op\":\"replace\",\"path\":\"/DelaySeconds\",\"value\":9}}]' \
         WHERE Identifier = '{url}'"
    );
    run(&mut env, &patch, &["--yes"]).expect(0);
    let resource = format!(
        "SELECT json_extract(Properties, '$.DelaySeconds') AS delay FROM awscc.cloud_control.resource \
         WHERE TypeName = 'AWS::SQS::Queue' AND Identifier = '{url}'"
    );
    assert_eq!(rows(&mut env, &resource), json!([{"delay": 9}]));
    let tagged = "SELECT split_part(ResourceARN, ':', -1) AS name FROM awscc.tagging.tagged_resources \
        WHERE TagFilters = '[{\"Key\":\"team\",\"Values\":[\"shop\"]}]'";
    assert_eq!(rows(&mut env, tagged), json!([{"name": "jobs"}]));
    let requests = "SELECT r.Operation FROM awscc.cloud_control.resource_requests l \
        JOIN awscc.cloud_control.resource_request r ON r.RequestToken = l.RequestToken ORDER BY 1";
    assert_eq!(rows(&mut env, requests).as_array().map(Vec::len), Some(3));
    run(&mut env, &format!("DELETE FROM awscc.sqs.queues WHERE Identifier = '{url}'"), &["--yes"]).expect(0);
    assert_eq!(rows(&mut env, &resource), json!([]));
}

#[test]
fn no_secret_is_a_column() {
    let mut env = env();
    let insert =
        format!("INSERT INTO awscc.secretsmanager.secrets (Name, SecretString) SELECT 'k', '{PASSWORD}' RETURNING *");
    let made = rows(&mut env, &insert);
    assert!(made[0]["Identifier"].as_str().is_some_and(|arn| arn.starts_with("arn:")), "{made}");
    for sql in [
        "SELECT * FROM aws.secretsmanager.secrets",
        "SELECT s.* FROM awscc.secretsmanager.secrets_list_only l JOIN awscc.secretsmanager.secrets s ON s.Identifier = l.id",
        "SELECT * FROM awscc.cloud_control.resource WHERE TypeName = 'AWS::SecretsManager::Secret' AND Identifier = \
            (SELECT id FROM awscc.secretsmanager.secrets_list_only)",
        "SELECT * FROM awscc.cloud_control.resources WHERE TypeName = 'AWS::SecretsManager::Secret'",
    ] {
        // The harness looks for the secret in everything.
        assert_eq!(rows(&mut env, sql).as_array().map(Vec::len), Some(1), "{sql}");
    }
    for name in ["SecretString", "secret_string", "s.SecretString"] {
        let refused = run(&mut env, &format!("SELECT {name} FROM aws.secretsmanager.secrets s"), &[]);
        assert!(refused.expect(64).stderr.contains("error[Q306]"), "{refused}");
    }
    let arn = made[0]["Identifier"].as_str().unwrap();
    run(&mut env, &format!("DELETE FROM awscc.secretsmanager.secrets WHERE Identifier = '{arn}'"), &["--yes"])
        .expect(0);
    assert_eq!(rows(&mut env, "SELECT 1 FROM awscc.secretsmanager.secrets WHERE Identifier = 'k'"), json!([]));
}

#[test]
fn what_cannot_be_read_fails_and_what_lacks_a_value_is_not_sent() {
    let mut env = env();
    run(&mut env, INSERT, &["--yes"]).expect(0);
    let lacking = run(&mut env, "SELECT name FROM awscc.events.connections", &["--json"]);
    let document = lacking.expect(64).json();
    assert_eq!(document["diagnostics"][0]["code"], "Q304", "{document}");
    let summary = document["diagnostics"][0]["summary"].as_str().unwrap();
    assert_eq!(summary, "`awscc.events.connections` needs `Identifier`");
    let typed = run(&mut env, "SELECT naem FROM awscc.events.conections WHERE Identifier = 'x'", &[]);
    assert!(typed.expect(64).stderr.contains("did you mean `awscc.events.connections`?"), "{typed}");
    env.sandbox().faults(
        &json!({"rules": [{"service": "events", "operation": "DescribeConnection", "count": null, "deny": true}]}),
    );
    let denied = run(&mut env, GET, &["--json"]).expect(1).json();
    assert_eq!(denied["error"]["fault"]["kind"], "denied", "{denied}");
    assert_eq!(denied["results"], json!([]));
    env.sandbox().no_faults();
}

#[test]
fn results_come_as_a_table_and_as_csv() {
    let mut env = env();
    run(&mut env, INSERT, &["--yes"]).expect(0);
    let sql = "SELECT name, description, 7 AS n, NULL AS lacking FROM aws.events.connections; SELECT 'a,b' AS x";
    let shown = run(&mut env, sql, &[]);
    assert_eq!(
        shown.expect(0).stdout,
        "name    description   n  lacking\n------  ------------  -  -------\norders  Orders's API  7\nx\n---\na,b\n"
    );
    assert_eq!(shown.stderr, "(1 row)\n(1 row)\n");
    let csv = run(&mut env, sql, &["--format", "csv"]);
    assert_eq!(csv.expect(0).stdout, "name,description,n,lacking\r\norders,Orders's API,7,\r\nx\r\n\"a,b\"\r\n");
}

#[test]
fn the_shell_runs_statements_asks_before_a_write_and_keeps_no_secret() {
    let Some(python) = interpreter() else { return };
    let mut env = env();
    env.set("TERM", "xterm");
    let insert = INSERT.split_whitespace().collect::<Vec<_>>().join(" ");
    let typed = format!(
        "\\d awscc.events.connections\n{insert};\nyes\nSELECT name FROM aws.events.connections;\nnonsense;\n\\q\n"
    );
    let (code, screen) = terminal(&python, 200, &env.command(trueup(), &["query"]), &typed);
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("auth_parameters") && screen.contains("error[Q301]"), "{screen}");
    assert!(env.sandbox().home("us-east-1")["connections"]["orders"].is_object(), "{screen}");
    let (code, screen) =
        terminal(&python, 200, &env.command(trueup(), &["query", "--read-only"]), &format!("{insert};\n\\q\n"));
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("--read-only"), "{screen}");
}
