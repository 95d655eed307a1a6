//! Whatever somebody changes behind the program's back, with a client that we did not write: `drift` names it and nothing
//! else, `apply` puts it right, and then nothing differs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};
use trueup_tests::{TestEnv, boto3, interpreter};

const REGION: &str = "us-east-1";
const PASSWORD: &str = "Tq7vWz93-first-password";
const API_KEY: &str = "Bq9sXc37-api-key-value";
const CLIENT: &str = "Jt6vRn15-client-secret";
const TENANT: &str = "Rk2mXc58-tenant-header";
const BY_HAND: &str = "Gm7dPa32-changed-by-hand";

/// One change, and what is to be found of it: the paths that differ, or `missing`.
struct Change {
    address: &'static str,
    calls: Vec<Value>,
    paths: &'static [&'static str],
}

const MISSING: &[&str] = &["missing"];

fn change(address: &'static str, paths: &'static [&'static str], calls: Vec<Value>) -> Change {
    Change { address, calls, paths }
}

fn call(service: &str, operation: &str, input: Value) -> Value {
    json!({"service": service, "operation": operation, "input": input})
}

struct Account {
    env: TestEnv,
    python: PathBuf,
}

impl Account {
    fn calls(&self, calls: &[Value]) -> Vec<Value> {
        let answers = boto3(&self.python, &self.env.sandbox().url, REGION, &json!(calls));
        for (call, answer) in calls.iter().zip(&answers) {
            assert!(answer.get("error").is_none(), "{call}: {answer}");
        }
        answers
    }

    /// What differs, by address; the codes have to fit.
    fn drift(&self) -> BTreeMap<String, BTreeSet<String>> {
        let run = self.env.trueup("drift --json");
        let document = run.json();
        let found: BTreeMap<String, BTreeSet<String>> = document["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|resource| resource["status"] != "in_sync")
            .map(|resource| {
                let paths = resource["edits"].as_array().into_iter().flatten();
                let mut paths: BTreeSet<String> =
                    paths.filter_map(|edit| edit["path"].as_str().map(str::to_owned)).collect();
                if resource["status"] == "missing" {
                    paths.insert("missing".to_owned());
                }
                (resource["address"].as_str().unwrap_or_default().to_owned(), paths)
            })
            .collect();
        run.expect(if found.is_empty() { 0 } else { 2 });
        found
    }
}

/// Everything that is changed, by somebody who has seen the account.
fn changes(arns: &BTreeMap<&str, String>) -> Vec<Change> {
    let events = |input: Value| vec![call("events", "UpdateConnection", input)];
    let basic = |password: &str, user: &str, headers: Value| {
        events(json!({
            "Name": "orders", "AuthorizationType": "BASIC",
            "AuthParameters": {
                "BasicAuthParameters": {"Username": user, "Password": password},
                "InvocationHttpParameters": {"HeaderParameters": headers},
            },
        }))
    };
    let tenant = json!({"Key": "X-Tenant", "Value": TENANT, "IsValueSecret": true});
    let trace = |value: &str| json!({"Key": "X-Trace", "Value": value, "IsValueSecret": false});
    let headers = json!([tenant, trace("1")]);
    let oauth = |parameters: Value| {
        events(json!({
            "Name": "billing", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
            "AuthParameters": {"OAuthParameters": parameters},
        }))
    };
    let destination = |input: Value| {
        let mut input = input;
        input["Name"] = "created".into();
        vec![call("events", "UpdateApiDestination", input)]
    };
    let warehouse = |member: &str, value: Value| {
        let mut connection = json!({
            "Name": "warehouse", "Description": "Sales", "ConnectionType": "JDBC",
            "ConnectionProperties": {
                "JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/sales", "JDBC_ENFORCE_SSL": "true",
                "USERNAME": "loader", "PASSWORD": PASSWORD,
            },
            "MatchCriteria": ["sales"],
            "PhysicalConnectionRequirements": {
                "SubnetId": "subnet-0a1b2c3d", "SecurityGroupIdList": ["sg-0a1b2c3d"], "AvailabilityZone": "us-east-1a",
            },
        });
        *connection.pointer_mut(member).unwrap() = value;
        vec![call("glue", "UpdateConnection", json!({"Name": "warehouse", "ConnectionInput": connection}))]
    };
    let shop = |host: &str, secret: &str| {
        let connection = json!({
            "Name": "shop", "ConnectionType": "MYSQL",
            "ConnectionProperties": {"HOST": host, "PORT": "3306", "DATABASE": "shop"},
            "AuthenticationConfiguration": {"AuthenticationType": "BASIC", "SecretArn": secret},
        });
        vec![call("glue", "UpdateConnection", json!({"Name": "shop", "ConnectionInput": connection}))]
    };
    let (key, spare, user) = (&arns["key"], &arns["spare"], &arns["user"]);
    let policy = |action: &str| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": action, "Resource": "*",
        }]})
        .to_string()
    };
    vec![
        change("orders", &["/Description"], events(json!({"Name": "orders", "Description": "By hand"}))),
        change(
            "orders",
            &["/AuthParameters/BasicAuthParameters/Password"],
            basic(BY_HAND, "svc-orders", headers.clone()),
        ),
        change("orders", &["/AuthParameters/BasicAuthParameters/Username"], basic(PASSWORD, "root", headers.clone())),
        change(
            "orders",
            &["/AuthParameters/InvocationHttpParameters/HeaderParameters/1/Value"],
            basic(PASSWORD, "svc-orders", json!([tenant, trace("0")])),
        ),
        change(
            "orders",
            &["/AuthParameters/InvocationHttpParameters/HeaderParameters/0/IsValueSecret"],
            basic(
                PASSWORD,
                "svc-orders",
                json!([{"Key": "X-Tenant", "Value": TENANT, "IsValueSecret": false}, trace("1")]),
            ),
        ),
        change(
            "orders",
            &["/AuthParameters/InvocationHttpParameters/HeaderParameters/2"],
            basic(
                PASSWORD,
                "svc-orders",
                json!([tenant, trace("1"), {"Key": "X-More", "Value": "1", "IsValueSecret": false}]),
            ),
        ),
        change(
            "orders",
            &["/AuthParameters/InvocationHttpParameters/HeaderParameters/-"],
            basic(PASSWORD, "svc-orders", json!([tenant])),
        ),
        change("orders", &["/KmsKeyIdentifier"], events(json!({"Name": "orders", "KmsKeyIdentifier": spare}))),
        change(
            "partner",
            &["/AuthParameters/ApiKeyAuthParameters/ApiKeyName"],
            events(json!({
                "Name": "partner", "AuthorizationType": "API_KEY",
                "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Other", "ApiKeyValue": API_KEY}},
            })),
        ),
        change(
            "partner",
            &["/AuthParameters/ApiKeyAuthParameters/ApiKeyValue"],
            events(json!({
                "Name": "partner", "AuthorizationType": "API_KEY",
                "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Api-Key", "ApiKeyValue": BY_HAND}},
            })),
        ),
        change(
            "partner",
            &["/AuthParameters/ApiKeyAuthParameters", "/AuthParameters/BasicAuthParameters", "/AuthorizationType"],
            events(json!({
                "Name": "partner", "AuthorizationType": "BASIC",
                "AuthParameters": {"BasicAuthParameters": {"Username": "x", "Password": BY_HAND}},
            })),
        ),
        change("partner", MISSING, vec![call("events", "DeleteConnection", json!({"Name": "partner"}))]),
        change(
            "billing",
            &["/AuthParameters/OAuthParameters/ClientParameters/ClientID"],
            oauth(json!({"ClientParameters": {"ClientID": "other", "ClientSecret": CLIENT}})),
        ),
        change(
            "billing",
            &["/AuthParameters/OAuthParameters/ClientParameters/ClientSecret"],
            oauth(json!({"ClientParameters": {"ClientID": "billing", "ClientSecret": BY_HAND}})),
        ),
        change(
            "billing",
            &["/AuthParameters/OAuthParameters/AuthorizationEndpoint"],
            oauth(json!({"AuthorizationEndpoint": "https://login.example.org/token"})),
        ),
        change("billing", &["/AuthParameters/OAuthParameters/HttpMethod"], oauth(json!({"HttpMethod": "PUT"}))),
        change(
            "billing",
            &["/AuthParameters/OAuthParameters/OAuthHttpParameters/BodyParameters/0/Value"],
            oauth(json!({"OAuthHttpParameters": {
                "BodyParameters": [{"Key": "scope", "Value": "admin", "IsValueSecret": false}],
            }})),
        ),
        change("created", &["/Description"], destination(json!({"Description": "By hand"}))),
        change(
            "created",
            &["/InvocationEndpoint"],
            destination(json!({"InvocationEndpoint": "https://partner.example.org/created"})),
        ),
        change("created", &["/HttpMethod"], destination(json!({"HttpMethod": "PUT"}))),
        change(
            "created",
            &["/InvocationRateLimitPerSecond"],
            destination(json!({"InvocationRateLimitPerSecond": 300})),
        ),
        change("created", &["/ConnectionArn"], destination(json!({"ConnectionArn": arns["billing"]}))),
        change("created", MISSING, vec![call("events", "DeleteApiDestination", json!({"Name": "created"}))]),
        change("warehouse", &["/ConnectionInput/Description"], warehouse("/Description", json!("By hand"))),
        change(
            "warehouse",
            &["/ConnectionInput/ConnectionProperties/JDBC_CONNECTION_URL"],
            warehouse(
                "/ConnectionProperties/JDBC_CONNECTION_URL",
                json!("jdbc:postgresql://db.example.org:5432/sales"),
            ),
        ),
        change(
            "warehouse",
            &["/ConnectionInput/ConnectionProperties/JDBC_ENFORCE_SSL"],
            warehouse("/ConnectionProperties/JDBC_ENFORCE_SSL", json!("false")),
        ),
        change(
            "warehouse",
            &["/ConnectionInput/ConnectionProperties/USERNAME"],
            warehouse("/ConnectionProperties/USERNAME", json!("root")),
        ),
        change(
            "warehouse",
            &["/ConnectionInput/ConnectionProperties/PASSWORD"],
            warehouse("/ConnectionProperties/PASSWORD", json!(BY_HAND)),
        ),
        change("warehouse", &["/ConnectionInput/MatchCriteria/0"], warehouse("/MatchCriteria", json!(["other"]))),
        change(
            "warehouse",
            &["/ConnectionInput/PhysicalConnectionRequirements/SubnetId"],
            warehouse("/PhysicalConnectionRequirements/SubnetId", json!("subnet-9a9b9c9d")),
        ),
        change(
            "warehouse",
            &[
                "/ConnectionInput/PhysicalConnectionRequirements/SecurityGroupIdList/-",
                "/ConnectionInput/PhysicalConnectionRequirements/SecurityGroupIdList/0",
            ],
            warehouse("/PhysicalConnectionRequirements/SecurityGroupIdList", json!(["sg-9a9b9c9d"])),
        ),
        change(
            "warehouse",
            &["/Tags/team"],
            vec![call(
                "glue",
                "TagResource",
                json!({
                    "ResourceArn": "arn:aws:glue:us-east-1:123456789012:connection/warehouse", "TagsToAdd": {"team": "x"},
                }),
            )],
        ),
        change("warehouse", MISSING, vec![call("glue", "DeleteConnection", json!({"ConnectionName": "warehouse"}))]),
        change("shop", &["/ConnectionInput/ConnectionProperties/HOST"], shop("shop.example.org", user)),
        change(
            "shop",
            &["/ConnectionInput/AuthenticationConfiguration/SecretArn"],
            shop("shop.example.com", &arns["other"]),
        ),
        change(
            "user",
            &["/Description"],
            vec![call("secretsmanager", "UpdateSecret", json!({"SecretId": "user", "Description": "By hand"}))],
        ),
        change(
            "user",
            &["/SecretString"],
            vec![call("secretsmanager", "PutSecretValue", json!({"SecretId": "user", "SecretString": BY_HAND}))],
        ),
        change(
            "user",
            &["/KmsKeyId"],
            vec![call("secretsmanager", "UpdateSecret", json!({"SecretId": "user", "KmsKeyId": spare}))],
        ),
        change(
            "user",
            &["/Tags/0/Value"],
            vec![call(
                "secretsmanager",
                "TagResource",
                json!({"SecretId": "user", "Tags": [{"Key": "team", "Value": "x"}]}),
            )],
        ),
        change(
            "user",
            &["/ResourcePolicy"],
            vec![call(
                "secretsmanager",
                "PutResourcePolicy",
                json!({"SecretId": "user", "ResourcePolicy": policy("secretsmanager:*")}),
            )],
        ),
        change(
            "user",
            MISSING,
            vec![call("secretsmanager", "DeleteSecret", json!({"SecretId": "user", "RecoveryWindowInDays": 7}))],
        ),
        change(
            "key",
            &["/Description"],
            vec![call("kms", "UpdateKeyDescription", json!({"KeyId": key, "Description": "By hand"}))],
        ),
        change("key", &["/EnableKeyRotation"], vec![call("kms", "EnableKeyRotation", json!({"KeyId": key}))]),
        change(
            "key",
            &["/Tags/1/Value"],
            vec![call("kms", "TagResource", json!({"KeyId": key, "Tags": [{"TagKey": "team", "TagValue": "x"}]}))],
        ),
        change("spare", &["/Enabled"], vec![call("kms", "DisableKey", json!({"KeyId": spare}))]),
        change(
            "spare",
            MISSING,
            vec![call("kms", "ScheduleKeyDeletion", json!({"KeyId": spare, "PendingWindowInDays": 7}))],
        ),
        change(
            "alias",
            &["/TargetKeyId"],
            vec![call("kms", "UpdateAlias", json!({"AliasName": "alias/partners", "TargetKeyId": spare}))],
        ),
        change("alias", MISSING, vec![call("kms", "DeleteAlias", json!({"AliasName": "alias/partners"}))]),
        change(
            "parameter",
            &["/Value"],
            vec![call(
                "ssm",
                "PutParameter",
                json!({"Name": "/partners/url", "Value": "https://example.org", "Overwrite": true}),
            )],
        ),
        change("parameter", MISSING, vec![call("ssm", "DeleteParameter", json!({"Name": "/partners/url"}))]),
        change(
            "queue",
            &["/VisibilityTimeout"],
            vec![call(
                "sqs",
                "SetQueueAttributes",
                json!({"QueueUrl": arns["queue"], "Attributes": {"VisibilityTimeout": "1"}}),
            )],
        ),
        change(
            "logs",
            &["/RetentionInDays"],
            vec![call("logs", "PutRetentionPolicy", json!({"logGroupName": "/partners", "retentionInDays": 7}))],
        ),
        change("logs", MISSING, vec![call("logs", "DeleteLogGroup", json!({"logGroupName": "/partners"}))]),
        change(
            "role",
            &["/Description"],
            vec![call(
                "iam",
                "UpdateRole",
                json!({"RoleName": "partners", "Description": "By hand", "MaxSessionDuration": 3600}),
            )],
        ),
        change(
            "role",
            &["/MaxSessionDuration"],
            vec![call(
                "iam",
                "UpdateRole",
                json!({"RoleName": "partners", "Description": "Sends orders", "MaxSessionDuration": 43200}),
            )],
        ),
        change(
            "bucket",
            &["/VersioningConfiguration/Status"],
            vec![call(
                "s3",
                "PutBucketVersioning",
                json!({"Bucket": "partners-123456789012", "VersioningConfiguration": {"Status": "Suspended"}}),
            )],
        ),
    ]
}

#[test]
fn every_change_is_found_and_nothing_else_and_put_right() {
    let Some(python) = interpreter() else { return };
    let mut env = TestEnv::new();
    for (name, secret) in [("PASSWORD", PASSWORD), ("API_KEY", API_KEY), ("CLIENT_SECRET", CLIENT), ("TENANT", TENANT)]
    {
        env.set_secret(name, secret);
    }
    env.plant(BY_HAND);
    env.write("trueup.yaml", include_str!("drift_everywhere.yaml"));
    env.logged("apply --yes --kms-settle 0").expect(0);
    let account = Account { env, python };
    let other = json!({"user": "partner", "password": PASSWORD});
    let seen = account.calls(&[
        call("kms", "DescribeKey", json!({"KeyId": "alias/partners"})),
        call("events", "DescribeConnection", json!({"Name": "billing"})),
        call("secretsmanager", "DescribeSecret", json!({"SecretId": "user"})),
        call("sqs", "GetQueueUrl", json!({"QueueName": "partners"})),
        call("secretsmanager", "CreateSecret", json!({"Name": "other", "SecretString": other.to_string()})),
    ]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key = text(&seen[0]["KeyMetadata"]["Arn"]);
    let document = account.env.trueup("drift --json").json();
    let of_spare = document["resources"].as_array().unwrap().iter().find(|resource| resource["address"] == "spare");
    let (of_key, _) = key.rsplit_once('/').unwrap();
    let spare = format!("{of_key}/{}", text(&of_spare.unwrap()["identifier"]));
    let arns = BTreeMap::from([
        ("spare", spare),
        ("key", key),
        ("billing", text(&seen[1]["ConnectionArn"])),
        ("user", text(&seen[2]["ARN"])),
        ("other", text(&seen[4]["ARN"])),
        ("queue", text(&seen[3]["QueueUrl"])),
    ]);
    assert_eq!(account.drift(), BTreeMap::new());

    let mut left = changes(&arns);
    assert!(left.len() >= 40);
    // One change of each resource at a time.
    while !left.is_empty() {
        let mut taken = BTreeSet::new();
        let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|change| taken.insert(change.address));
        left = later;
        account.calls(&now.iter().flat_map(|change| change.calls.clone()).collect::<Vec<_>>());
        let expected: BTreeMap<String, BTreeSet<String>> = now
            .iter()
            .map(|change| (change.address.to_owned(), change.paths.iter().map(|path| (*path).to_owned()).collect()))
            .collect();
        assert_eq!(account.drift(), expected);
        account.env.logged("apply --yes --kms-settle 0").expect(0);
        assert_eq!(account.drift(), BTreeMap::new());
    }
}
