//! An account that somebody else has filled, with a client that we did not write: what `import` makes of it is adopted,
//! and nothing of it changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use trueup_tests::{TestEnv, boto3, interpreter};

const REGION: &str = "us-east-1";

const PASSWORD: &str = "Mw4pLd82-basic-password";
const API_KEY: &str = "Bq9sXc37-api-key-value";
const CLIENT: &str = "Jt6vRn15-client-secret";
const HEADER: &str = "Fy3kGz64-tenant-header";
const INLINE: &str = "Hc8wTm29-inline-password";
const TEXT: &str = "Ol5bVj93-secret as a text";
const IN_JSON: &str = "Ue2dQx70-password-in-json";
const IN_URL: &str = "Np7fKs48-password-in-a-url";

const TYPES: [&str; 11] = [
    "AWS::Events::Connection",
    "AWS::Events::ApiDestination",
    "AWS::Glue::Connection",
    "AWS::SecretsManager::Secret",
    "AWS::KMS::Key",
    "AWS::KMS::Alias",
    "AWS::SSM::Parameter",
    "AWS::SQS::Queue",
    "AWS::S3::Bucket",
    "AWS::Logs::LogGroup",
    "AWS::IAM::Role",
];

/// How many resources are made that a manifest is to hold.
const MADE: usize = 35;

/// How many of them take the tags of an owner.
const TAGGABLE: usize = 21;

struct Account {
    env: TestEnv,
    python: PathBuf,
}

impl Account {
    fn new(python: PathBuf) -> Self {
        let mut env = TestEnv::new();
        for secret in [PASSWORD, API_KEY, CLIENT, HEADER, INLINE, TEXT, IN_JSON, IN_URL] {
            env.plant(secret);
        }
        Self { env, python }
    }

    fn calls(&self, calls: &[Value]) -> Vec<Value> {
        let answers = boto3(&self.python, &self.env.sandbox().url, REGION, &json!(calls));
        for (call, answer) in calls.iter().zip(&answers) {
            assert!(answer.get("error").is_none(), "{call}: {answer}");
        }
        answers
    }

    fn call(&self, service: &str, operation: &str, input: Value) -> Value {
        self.calls(&[call(service, operation, input)]).swap_remove(0)
    }

    /// The values of all secrets that a caller may read, by name, and of the versions.
    fn values(&self) -> BTreeMap<String, Value> {
        let listed = self.call("secretsmanager", "ListSecrets", json!({"MaxResults": 100}));
        let names: Vec<String> = listed["SecretList"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["Name"] != "orders/empty")
            .map(|entry| entry["Name"].as_str().unwrap_or_default().to_owned())
            .collect();
        let reads: Vec<Value> =
            names.iter().map(|name| call("secretsmanager", "GetSecretValue", json!({"SecretId": name}))).collect();
        let read = |answer: Value| json!([answer["SecretString"], answer["SecretBinary"], answer["VersionId"]]);
        names.into_iter().zip(self.calls(&reads).into_iter().map(read)).collect()
    }

    /// What `GetConnection` says of the Glue connections, with their passwords.
    fn glue(&self) -> Value {
        let mut listed = self.call("glue", "GetConnections", json!({}));
        for connection in listed["ConnectionList"].as_array_mut().into_iter().flatten() {
            // They are part of neither.
            if let Some(members) = connection.as_object_mut() {
                members.retain(|name, _| !name.ends_with("Time"));
            }
        }
        listed["ConnectionList"].take()
    }
}

fn call(service: &str, operation: &str, input: Value) -> Value {
    json!({"service": service, "operation": operation, "input": input})
}

fn policy(principal: &Value, action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}]})
}

/// Keys first: others need their ids.
fn keys(account: &Account) -> [String; 4] {
    let root = json!({"AWS": "arn:aws:iam::123456789012:root"});
    let own = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "all", "Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {"Sid": "read", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:role/team/orders-reader"},
         "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": "*"}]});
    let tags = json!([{"TagKey": "EventBridgeApiDestinations", "TagValue": "true"}]);
    let made = account.calls(&[
        call("kms", "CreateKey", json!({"Description": "orders", "Policy": own.to_string(), "Tags": tags})),
        call("kms", "CreateKey", json!({})),
        call("kms", "CreateKey", json!({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT", "Description": ""})),
        call("kms", "CreateKey", json!({"Description": "gone soon"})),
    ]);
    let id = |at: usize| made[at]["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    let ids = [id(0), id(1), id(2), id(3)];
    account.calls(&[
        call("kms", "EnableKeyRotation", json!({"KeyId": ids[0], "RotationPeriodInDays": 180})),
        call("kms", "EnableKeyRotation", json!({"KeyId": ids[1]})),
        call("kms", "CreateAlias", json!({"AliasName": "alias/orders", "TargetKeyId": ids[0]})),
        call("kms", "CreateAlias", json!({"AliasName": "alias/plain", "TargetKeyId": ids[1]})),
        call("kms", "CreateAlias", json!({"AliasName": "alias/wrapping", "TargetKeyId": ids[2]})),
        call("kms", "ScheduleKeyDeletion", json!({"KeyId": ids[3], "PendingWindowInDays": 7})),
    ]);
    ids
}

fn secrets(account: &Account, keys: &[String; 4]) {
    let arn = format!("arn:aws:kms:{REGION}:123456789012:key/{}", keys[0]);
    let service = json!({"Service": "glue.amazonaws.com"});
    let both = json!({"username": "svc", "password": IN_JSON}).to_string();
    let create = |input| call("secretsmanager", "CreateSecret", input);
    account.calls(&[
        create(json!({"Name": "orders/db", "Description": "the database", "KmsKeyId": arn, "SecretString": both,
                      "Tags": [{"Key": "team", "Value": "orders"}]})),
        create(json!({"Name": "orders/token", "Description": "", "KmsKeyId": "alias/orders", "SecretString": TEXT})),
        create(
            json!({"Name": "orders/mirror", "KmsKeyId": keys[1], "SecretString": "{\"a\": null, \"b\": [1, 2.50]}"}),
        ),
        create(json!({"Name": "orders/binary", "SecretBinary": "AAECAwQFBgcICQ=="})),
        create(json!({"Name": "orders/empty"})),
        create(json!({"Name": "orders/leaving", "SecretString": "of no use any more"})),
        call(
            "secretsmanager",
            "PutResourcePolicy",
            json!({"SecretId": "orders/db",
            "ResourcePolicy": policy(&service, "secretsmanager:GetSecretValue").to_string()}),
        ),
    ]);
}

fn events(account: &Account) {
    let create = |input| call("events", "CreateConnection", input);
    let arns: Vec<Value> = account
        .calls(&[
            create(json!({"Name": "orders-basic", "AuthorizationType": "BASIC", "KmsKeyIdentifier": "alias/orders",
                "AuthParameters": {"BasicAuthParameters": {"Username": "svc", "Password": PASSWORD},
                    "InvocationHttpParameters": {
                        "HeaderParameters": [{"Key": "X-Tenant", "Value": HEADER, "IsValueSecret": true},
                                             {"Key": "X-Version", "Value": "2", "IsValueSecret": false}],
                        "QueryStringParameters": [{"Key": "q", "Value": "1", "IsValueSecret": false}]}}})),
            create(json!({"Name": "orders-key", "Description": "with a key", "AuthorizationType": "API_KEY",
                "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": API_KEY}}})),
            create(json!({"Name": "orders-oauth", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
                "AuthParameters": {"OAuthParameters": {
                    "ClientParameters": {"ClientID": "client", "ClientSecret": CLIENT},
                    "AuthorizationEndpoint": "https://login.example.com/token", "HttpMethod": "POST",
                    "OAuthHttpParameters": {"BodyParameters": [
                        {"Key": "scope", "Value": "orders", "IsValueSecret": false}]}}}})),
        ])
        .into_iter()
        .map(|made| made["ConnectionArn"].clone())
        .collect();
    let destination = |name: &str, at: usize| {
        call(
            "events",
            "CreateApiDestination",
            json!({"Name": name, "ConnectionArn": arns[at],
            "InvocationEndpoint": "https://api.example.com/orders/*", "HttpMethod": "POST"}),
        )
    };
    account.calls(&[destination("orders", 0), destination("invoices", 1), destination("returns", 2)]);
}

fn glue(account: &Account) {
    let create =
        |input: Value, tags: Value| call("glue", "CreateConnection", json!({"ConnectionInput": input, "Tags": tags}));
    let network = json!({"SubnetId": "subnet-0123456789abcdef0", "SecurityGroupIdList": ["sg-1"],
                         "AvailabilityZone": "us-east-1a"});
    account.calls(&[
        create(
            json!({"Name": "warehouse", "ConnectionType": "JDBC", "Description": "by secret",
            "ConnectionProperties": {"JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/orders",
                                     "SECRET_ID": "orders/db", "JDBC_ENFORCE_SSL": "true"},
            "PhysicalConnectionRequirements": network}),
            json!({"team": "orders"}),
        ),
        create(
            json!({"Name": "legacy", "ConnectionType": "JDBC", "ConnectionProperties": {
            "JDBC_CONNECTION_URL": "jdbc:mysql://old.example.com:3306/orders", "USERNAME": "svc", "PASSWORD": INLINE}}),
            json!({}),
        ),
        create(
            json!({"Name": "stream", "ConnectionType": "KAFKA", "ConnectionProperties": {
            "KAFKA_BOOTSTRAP_SERVERS": "b-1.example.com:9094,b-2.example.com:9094", "KAFKA_SSL_ENABLED": "true"}}),
            json!({"team": "events"}),
        ),
        create(
            json!({"Name": "net", "ConnectionType": "NETWORK", "ConnectionProperties": {},
            "PhysicalConnectionRequirements": network}),
            json!({}),
        ),
    ]);
}

fn others(account: &Account, keys: &[String; 4]) {
    let url = format!("postgres://svc:{IN_URL}@db.example.com/orders");
    let mut trust = policy(&json!({"Service": "events.amazonaws.com"}), "sts:AssumeRole");
    trust["Statement"][0].as_object_mut().unwrap().remove("Resource");
    let trust = trust.to_string();
    let parameter = |input| call("ssm", "PutParameter", input);
    let key = format!("arn:aws:kms:{REGION}:123456789012:key/{}", keys[0]);
    let inline = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": format!("arn:aws:sqs:{REGION}:123456789012:orders")},
        {"Effect": "Allow", "Action": "logs:PutLogEvents",
         "Resource": format!("arn:aws:logs:{REGION}:123456789012:log-group:/app/orders:*")}]});
    let dead =
        json!({"deadLetterTargetArn": format!("arn:aws:sqs:{REGION}:123456789012:orders-dead"), "maxReceiveCount": 3});
    let bucket = |operation: &str, input| call("s3", operation, input);
    account.calls(&[
        parameter(
            json!({"Name": "/orders/stage", "Type": "String", "Value": "production-2024", "Description": "a word",
                         "Tags": [{"Key": "team", "Value": "orders"}]}),
        ),
        parameter(json!({"Name": "/orders/hosts", "Type": "StringList", "Value": "a,b,c"})),
        parameter(
            json!({"Name": "/orders/limits", "Type": "String", "Value": "{\"rate\": 1.0, \"note\": \"{{ x }}\"}"}),
        ),
        parameter(json!({"Name": "/orders/same", "Type": "String", "Value": "production-2024"})),
        parameter(json!({"Name": "/orders/url", "Type": "String", "Value": url})),
        call("sqs", "CreateQueue", json!({"QueueName": "orders-dead"})),
        call(
            "sqs",
            "CreateQueue",
            json!({"QueueName": "orders", "Attributes": {"DelaySeconds": "5",
            "RedrivePolicy": dead.to_string(), "KmsMasterKeyId": "alias/orders"}, "tags": {"team": "orders"}}),
        ),
        call("sqs", "CreateQueue", json!({"QueueName": "in-order.fifo", "Attributes": {"FifoQueue": "true"}})),
        bucket("CreateBucket", json!({"Bucket": "orders-plain-2024"})),
        bucket("CreateBucket", json!({"Bucket": "orders-archive"})),
        bucket(
            "PutBucketVersioning",
            json!({"Bucket": "orders-archive", "VersioningConfiguration": {"Status": "Suspended"}}),
        ),
        bucket(
            "PutBucketEncryption",
            json!({"Bucket": "orders-archive", "ServerSideEncryptionConfiguration": {"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
             "BucketKeyEnabled": true}]}}),
        ),
        bucket(
            "PutBucketTagging",
            json!({"Bucket": "orders-archive", "Tagging": {"TagSet": [
            {"Key": "team", "Value": "orders"}]}}),
        ),
        call("logs", "CreateLogGroup", json!({"logGroupName": "/app/orders", "tags": {"team": "orders"}})),
        call("logs", "PutRetentionPolicy", json!({"logGroupName": "/app/orders", "retentionInDays": 30})),
        call("logs", "CreateLogGroup", json!({"logGroupName": "/app/forever"})),
        call(
            "iam",
            "CreateRole",
            json!({"RoleName": "orders-sender", "AssumeRolePolicyDocument": trust,
            "Description": "sends", "Tags": [{"Key": "team", "Value": "orders"}]}),
        ),
        call(
            "iam",
            "PutRolePolicy",
            json!({"RoleName": "orders-sender", "PolicyName": "send",
            "PolicyDocument": inline.to_string()}),
        ),
        call(
            "iam",
            "CreateRole",
            json!({"RoleName": "orders-reader", "Path": "/team/", "MaxSessionDuration": 7200,
            "AssumeRolePolicyDocument": trust}),
        ),
    ]);
}

/// What `fill_in` asks for: the credential that a resource's property has.
fn credential(address: &str, path: &str) -> String {
    let url = format!("postgres://svc:{IN_URL}@db.example.com/orders");
    let both = json!({"username": "svc", "password": IN_JSON}).to_string();
    let known: [(&str, &str, &str); 9] = [
        ("orders_basic", "/AuthParameters/BasicAuthParameters/Password", PASSWORD),
        ("orders_basic", "/AuthParameters/InvocationHttpParameters/HeaderParameters/", HEADER),
        ("orders_key", "/AuthParameters/ApiKeyAuthParameters/ApiKeyValue", API_KEY),
        ("orders_oauth", "/AuthParameters/OAuthParameters/ClientParameters/ClientSecret", CLIENT),
        ("legacy", "/ConnectionInput/ConnectionProperties/PASSWORD", INLINE),
        ("orders_db", "/SecretString", &both),
        ("orders_token", "/SecretString", TEXT),
        ("orders_mirror", "/SecretString", "{\"a\": null, \"b\": [1, 2.50]}"),
        ("orders_url", "/Value", &url),
    ];
    let fits = |(name, at, _): &&(&str, &str, &str)| address.starts_with(*name) && path.starts_with(*at);
    let found = known.iter().find(fits);
    found.unwrap_or_else(|| panic!("nobody gave {address} a credential at {path}")).2.to_owned()
}

fn actions(plan: &Value) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for step in plan["steps"].as_array().expect("a plan has steps") {
        *counted.entry(step["action"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counted
}

fn filled(python: &Path) -> Account {
    let account = Account::new(python.to_owned());
    let keys = keys(&account);
    secrets(&account, &keys);
    events(&account);
    glue(&account);
    others(&account, &keys);
    account.call("secretsmanager", "DeleteSecret", json!({"SecretId": "orders/leaving"}));
    account
}

#[test]
fn an_account_is_imported_and_adopted_and_nothing_of_it_changes() {
    let Some(python) = interpreter() else { return };
    let mut account = filled(&python);
    let (values, glue) = (account.values(), account.glue());

    let types = TYPES.map(|name| format!("--type {name}")).join(" ");
    let imported = account.env.trueup(&format!("import {types} --out trueup.yaml --json"));
    let document = imported.expect(0).json();
    assert_eq!(document["resources"].as_array().map(Vec::len), Some(MADE), "{imported}");
    let left_out: Vec<String> = document["left_out"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| format!("{} {} {}", one["type"], one["reason"], one["by"]).replace('"', ""))
        .collect();
    assert_eq!(left_out.iter().filter(|one| one.starts_with("AWS::KMS::Key scheduled")).count(), 1, "{left_out:?}");
    let managed = left_out.iter().filter(|one| one.starts_with("AWS::SecretsManager::Secret managed events")).count();
    assert_eq!(managed, 3, "{left_out:?}");

    let manifest = document["manifest"].as_str().unwrap().to_owned();
    for part in ["key-default-1", "{{ orders_stage", "EnableKeyRotation: false", "LogGroupClass", "ORDERS_BINARY"] {
        assert!(!manifest.contains(part), "{part} in {manifest}");
    }
    for part in [
        "SECRET_ID: \"{{ orders_db.Name }}\"",
        "KmsKeyIdentifier: \"{{ orders_alias.AliasName }}\"",
        "KmsKeyId: \"{{ orders_key_key.Arn }}\"",
        "KmsKeyId: \"{{ plain_key.KeyId }}\"",
        "AWS: \"{{ orders_reader.Arn }}\"",
        "Resource: \"{{ app_orders.Arn }}\"",
        "deadLetterTargetArn: \"{{ orders_dead.Arn }}\"",
        "KeyUsage: ENCRYPT_DECRYPT",
        "identifier: https://sqs.us-east-1.amazonaws.com/123456789012/orders\n",
    ] {
        assert!(manifest.contains(part), "no {part} in {manifest}");
    }
    for fill in document["fill_in"].as_array().into_iter().flatten() {
        let (address, path) = (fill["address"].as_str().unwrap(), fill["path"].as_str().unwrap());
        let source = fill["source"].as_str().unwrap_or_else(|| panic!("{address}{path} has no source: {imported}"));
        let value = credential(address, path);
        account.env.set(source.strip_prefix("env:").unwrap(), &value);
    }

    let plan = account.env.trueup("plan --json");
    let plan = plan.expect(0).json();
    let steps = actions(&plan);
    assert_eq!(steps, BTreeMap::from([("adopt".to_owned(), TAGGABLE)]), "{plan:#}\n{manifest}");
    account.env.trueup("apply --yes").expect(0);
    assert_eq!(account.values(), values, "no secret has another value or version");
    assert_eq!(account.glue(), glue, "no Glue connection is another");

    let again = account.env.trueup("plan --exit-code");
    again.expect(0);
    assert!(again.stdout.contains("No changes"), "{again}");
}
