//! Glue connections over HTTP: the overwrite, the three ways of a password, and what is refused.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Instant;

use common::{Answer, Sandbox, slow};
use serde_json::{Value, json};
use trueup_sandbox::{Options, dump_state};

const ARN: &str = "arn:aws:glue:us-east-1:123456789012:connection/";

fn call(sandbox: &Sandbox, operation: &str, input: Value) -> Answer {
    sandbox.call(&format!("AWSGlue.{operation}"), input)
}

fn done(sandbox: &Sandbox, operation: &str, input: Value) -> Value {
    let answer = call(sandbox, operation, input);
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    answer.json()
}

fn refused(sandbox: &Sandbox, operation: &str, input: Value) -> (String, String) {
    let answer = call(sandbox, operation, input);
    assert_eq!(answer.status, 400, "{operation}: {}", answer.body);
    assert!(!answer.body.contains("hunter2"), "{}", answer.body);
    (answer.code(), answer.json()["Message"].as_str().unwrap_or_default().to_owned())
}

fn jdbc(name: &str) -> Value {
    json!({"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": {
        "JDBC_CONNECTION_URL": "jdbc:mysql://db.example.com/orders", "USERNAME": "user", "PASSWORD": "hunter2-pass",
    }})
}

fn with(mut input: Value, more: Value) -> Value {
    for (member, value) in more.as_object().unwrap() {
        input[member] = value.clone();
    }
    input
}

fn create(sandbox: &Sandbox, input: Value) -> Value {
    done(sandbox, "CreateConnection", json!({"ConnectionInput": input}))
}

fn update(sandbox: &Sandbox, name: &str, input: Value) {
    assert_eq!(done(sandbox, "UpdateConnection", json!({"Name": name, "ConnectionInput": input})), json!({}));
}

fn get(sandbox: &Sandbox, name: &str) -> Value {
    done(sandbox, "GetConnection", json!({"Name": name}))["Connection"].clone()
}

fn hidden(sandbox: &Sandbox, name: &str) -> Value {
    done(sandbox, "GetConnection", json!({"Name": name, "HidePassword": true}))["Connection"].clone()
}

fn authenticated(name: &str, authentication: Value) -> Value {
    json!({"Name": name, "ConnectionType": "MYSQL", "ConnectionProperties": {"HOST": "h"},
           "AuthenticationConfiguration": authentication})
}

fn basic(name: &str, password: &str) -> Value {
    let credentials = json!({"Username": "user", "Password": password});
    authenticated(name, json!({"AuthenticationType": "BASIC", "BasicAuthenticationCredentials": credentials}))
}

#[test]
fn what_goes_in_comes_out() {
    let sandbox = Sandbox::new();
    let physical =
        json!({"SubnetId": "subnet-1", "SecurityGroupIdList": ["sg-2", "sg-1"], "AvailabilityZone": "us-east-1a"});
    let input = with(
        jdbc("orders"),
        json!({"Description": "Orders", "MatchCriteria": ["b", "a"], "ValidateCredentials": false,
               "PhysicalConnectionRequirements": physical}),
    );
    assert_eq!(create(&sandbox, input.clone()), json!({"CreateConnectionStatus": "READY"}));
    let shown = get(&sandbox, "orders");
    for member in ["Name", "ConnectionType", "Description", "MatchCriteria", "ConnectionProperties"] {
        assert_eq!(shown[member], input[member], "{member}");
    }
    assert_eq!(shown["PhysicalConnectionRequirements"], physical);
    assert_eq!(shown["Status"], "READY");
    assert_eq!(shown["ConnectionSchemaVersion"], 1);
    assert_eq!(shown["LastUpdatedBy"], "arn:aws:iam::123456789012:user/sandbox");
    assert_eq!(shown["CreationTime"], shown["LastUpdatedTime"]);
    assert!(shown.get("ValidateCredentials").is_none() && shown.get("Tags").is_none());
    let (code, text) = refused(&sandbox, "CreateConnection", json!({"ConnectionInput": input}));
    assert_eq!((code.as_str(), text.as_str()), ("AlreadyExistsException", "Connection orders already exists."));
    let (code, text) = refused(&sandbox, "GetConnection", json!({"Name": "absent"}));
    assert_eq!((code.as_str(), text.as_str()), ("EntityNotFoundException", "Connection absent not found."));
}

#[test]
fn an_update_overwrites_everything() {
    let sandbox = Sandbox::new();
    let input = with(jdbc("orders"), json!({"Description": "Orders", "MatchCriteria": ["a"]}));
    done(&sandbox, "CreateConnection", json!({"ConnectionInput": input, "Tags": {"team": "a"}}));
    let before = get(&sandbox, "orders");
    // What was read hidden and is written back wipes the password.
    let seen = hidden(&sandbox, "orders");
    assert_eq!(seen["ConnectionProperties"].get("PASSWORD"), None);
    let mut properties = seen["ConnectionProperties"].clone();
    let back = json!({"Name": "orders", "ConnectionType": "JDBC", "ConnectionProperties": properties});
    let (code, text) =
        refused(&sandbox, "UpdateConnection", json!({"Name": "orders", "ConnectionInput": back.clone()}));
    assert_eq!(code, "InvalidInputException");
    assert_eq!(text, "[ConnectionInput.ConnectionProperties.PASSWORD is required.]");
    let kafka = |properties| json!({"Name": "stream", "ConnectionType": "KAFKA", "ConnectionProperties": properties});
    create(&sandbox, kafka(json!({"KAFKA_BOOTSTRAP_SERVERS": "b:9092", "KAFKA_SASL_SCRAM_PASSWORD": "hunter2-scram"})));
    update(&sandbox, "stream", kafka(hidden(&sandbox, "stream")["ConnectionProperties"].clone()));
    assert_eq!(get(&sandbox, "stream")["ConnectionProperties"], json!({"KAFKA_BOOTSTRAP_SERVERS": "b:9092"}));

    properties["PASSWORD"] = "hunter2-new".into();
    update(&sandbox, "orders", with(back, json!({"ConnectionProperties": properties})));
    let after = get(&sandbox, "orders");
    assert!(after.get("Description").is_none() && after.get("MatchCriteria").is_none());
    assert_eq!(after["ConnectionProperties"]["PASSWORD"], "hunter2-new");
    assert_eq!(after["CreationTime"], before["CreationTime"]);
    assert!(after["LastUpdatedTime"].as_f64() > before["LastUpdatedTime"].as_f64());
    let tags = done(&sandbox, "GetTags", json!({"ResourceArn": format!("{ARN}orders")}));
    assert_eq!(tags, json!({"Tags": {"team": "a"}}), "tags outlive an update");

    let (code, _) = refused(&sandbox, "UpdateConnection", json!({"Name": "orders", "ConnectionInput": jdbc("other")}));
    assert_eq!(code, "InvalidInputException");
    let (code, _) = refused(&sandbox, "UpdateConnection", json!({"Name": "absent", "ConnectionInput": jdbc("absent")}));
    assert_eq!(code, "EntityNotFoundException");
}

#[test]
fn the_model_and_the_prose_are_enforced() {
    let sandbox = Sandbox::new();
    let refuse = |input: Value| refused(&sandbox, "CreateConnection", json!({"ConnectionInput": input}));
    let (code, text) = refuse(with(jdbc("a"), json!({"ConnectionType": "TELEPATHY"})));
    assert_eq!(code, "ValidationException");
    let form = "1 validation error detected: Value 'TELEPATHY' at 'connectionInput.connectionType' failed to satisfy \
                constraint: Member must satisfy enum value set: [JDBC, SFTP, MONGODB, ";
    assert!(text.starts_with(form), "{text}");
    let (code, text) = refuse(json!({"Name": "a", "ConnectionType": "NETWORK"}));
    assert_eq!(code, "ValidationException");
    assert!(text.contains("Value null at 'connectionInput.connectionProperties'"), "{text}");
    let long = with(jdbc("a"), json!({"ConnectionProperties": {"PASSWORD": "hunter2".repeat(200)}}));
    let (code, text) = refuse(long);
    assert_eq!(code, "ValidationException");
    assert!(text.contains("Map value must satisfy constraint: [Member must have length less than or equal to 1024"));
    let many: Value = (0..101).map(|number| (format!("K{number}"), "v")).collect();
    assert_eq!(refuse(with(jdbc("a"), json!({"ConnectionProperties": many}))).0, "ValidationException");
    assert_eq!(refuse(jdbc("a\nb")).0, "ValidationException");
    assert_eq!(refuse(with(jdbc("a"), json!({"Description": "d".repeat(2049)}))).0, "ValidationException");
    assert_eq!(refuse(with(jdbc("a"), json!({"MatchCriteria": vec!["m"; 11]}))).0, "ValidationException");
    let (code, text) = refuse(json!({"Name": "a", "ConnectionType": "MYSQL", "ConnectionProperties": {"HOST": "h"}}));
    assert_eq!(code, "InvalidInputException");
    assert_eq!(text, "[ConnectionInput.AuthenticationConfiguration is required.]");
    let network = json!({"Name": "a", "ConnectionType": "NETWORK", "ConnectionProperties": {}});
    assert!(refuse(network.clone()).1.contains("PhysicalConnectionRequirements"));
    create(&sandbox, with(network, json!({"PhysicalConnectionRequirements": {"SubnetId": "subnet-1"}})));
    let snowflake = json!({"Name": "flake", "ConnectionType": "SNOWFLAKE",
        "ConnectionProperties": {"SparkProperties": "{\"secretId\": \"s\"}"}});
    create(&sandbox, snowflake);
    assert_eq!(get(&sandbox, "flake")["ConnectionSchemaVersion"], 2);
    let (code, _) = refused(&sandbox, "CreateConnection", json!({"CatalogId": "1", "ConnectionInput": jdbc("b")}));
    assert_eq!(code, "AccessDeniedException", "the catalog of another account");
    done(&sandbox, "CreateConnection", json!({"CatalogId": "123456789012", "ConnectionInput": jdbc("b")}));
}

#[test]
fn lists_are_paged_filtered_and_whole() {
    let sandbox = Sandbox::new();
    for number in 0..7 {
        create(&sandbox, with(jdbc(&format!("n{number}")), json!({"MatchCriteria": [format!("m{}", number % 2)]})));
    }
    create(&sandbox, basic("v2", "hunter2-pass"));
    let mut names = Vec::new();
    let mut input = json!({"MaxResults": 3, "HidePassword": true});
    loop {
        let page = done(&sandbox, "GetConnections", input.clone());
        assert!(!page.to_string().contains("hunter2"));
        let list = page["ConnectionList"].as_array().unwrap().clone();
        assert!(list.len() <= 3);
        names.extend(list.iter().map(|it| it["Name"].as_str().unwrap().to_owned()));
        let Some(token) = page.get("NextToken") else { break };
        input["NextToken"] = token.clone();
    }
    assert_eq!(names, ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "v2"]);
    let all = done(&sandbox, "GetConnections", json!({}));
    assert_eq!(all["ConnectionList"][0], get(&sandbox, "n0"), "a list has whole bodies");
    let filtered = |filter: Value| {
        let page = done(&sandbox, "GetConnections", json!({"Filter": filter}));
        page["ConnectionList"].as_array().unwrap().len()
    };
    assert_eq!(filtered(json!({"MatchCriteria": ["m0"]})), 4);
    assert_eq!(filtered(json!({"MatchCriteria": ["m0", "m1"]})), 0);
    assert_eq!(filtered(json!({"ConnectionType": "MYSQL"})), 1);
    assert_eq!(filtered(json!({"ConnectionSchemaVersion": 1})), 7);
    assert_eq!(refused(&sandbox, "GetConnections", json!({"NextToken": "x"})).0, "InvalidInputException");
    assert_eq!(refused(&sandbox, "GetConnections", json!({"MaxResults": 1001})).0, "ValidationException");
}

#[test]
fn deleting_is_at_once_and_a_batch_says_what_failed() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        create(&sandbox, jdbc(name));
    }
    assert_eq!(done(&sandbox, "DeleteConnection", json!({"ConnectionName": "a"})), json!({}));
    assert_eq!(refused(&sandbox, "DeleteConnection", json!({"ConnectionName": "a"})).0, "EntityNotFoundException");
    let batch = done(&sandbox, "BatchDeleteConnection", json!({"ConnectionNameList": ["b", "absent", "c"]}));
    assert_eq!(batch["Succeeded"], json!(["b", "c"]));
    assert_eq!(
        batch["Errors"],
        json!({"absent": {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Connection absent not found."}})
    );
    let names: Vec<String> = (0..26).map(|number| number.to_string()).collect();
    let (code, _) = refused(&sandbox, "BatchDeleteConnection", json!({"ConnectionNameList": names}));
    assert_eq!(code, "ValidationException");
    create(&sandbox, jdbc("a"));
}

#[test]
fn inline_credentials_become_a_secret() {
    let sandbox = Sandbox::new();
    create(&sandbox, basic("orders", "hunter2-one"));
    let shown = get(&sandbox, "orders");
    assert!(!shown.to_string().contains("hunter2"));
    let authentication = shown["AuthenticationConfiguration"].clone();
    assert_eq!(authentication["AuthenticationType"], "BASIC");
    assert!(authentication.get("BasicAuthenticationCredentials").is_none());
    let arn = authentication["SecretArn"].clone();
    let value = || sandbox.secrets("GetSecretValue", json!({"SecretId": arn}));
    let payload: Value = serde_json::from_str(value()["SecretString"].as_str().unwrap()).unwrap();
    assert_eq!(payload, json!({"USERNAME": "user", "PASSWORD": "hunter2-one"}));
    assert_eq!(sandbox.secrets("DescribeSecret", json!({"SecretId": arn}))["OwningService"], "glue");
    assert!(shown["LastConnectionValidationTime"].is_number());
    assert_eq!(shown["CompatibleComputeEnvironments"], json!(["SPARK"]));

    let first = value()["VersionId"].clone();
    update(&sandbox, "orders", basic("orders", "hunter2-two"));
    assert_eq!(get(&sandbox, "orders")["AuthenticationConfiguration"]["SecretArn"], arn, "the same secret");
    assert_ne!(value()["VersionId"], first);
    update(&sandbox, "orders", authenticated("orders", authentication));
    assert!(value()["SecretString"].as_str().unwrap().contains("hunter2-two"), "written back, it is kept");
    done(&sandbox, "DeleteConnection", json!({"ConnectionName": "orders"}));
    let gone = sandbox.call("secretsmanager.GetSecretValue", json!({"SecretId": arn}));
    assert_eq!(gone.code(), "ResourceNotFoundException");
}

#[test]
fn a_given_secret_must_be_there_unless_nothing_is_validated() {
    let sandbox = Sandbox::new();
    let absent = "arn:aws:secretsmanager:us-east-1:123456789012:secret:absent-AbCdEf";
    let by_secret = |arn: &Value| authenticated("orders", json!({"AuthenticationType": "BASIC", "SecretArn": arn}));
    let input = by_secret(&json!(absent));
    let (code, text) = refused(&sandbox, "CreateConnection", json!({"ConnectionInput": input}));
    assert_eq!(code, "InvalidInputException");
    assert!(text.contains(absent));
    create(&sandbox, with(input, json!({"ValidateCredentials": false})));
    let secret = sandbox.secrets("CreateSecret", json!({"Name": "mine", "SecretString": "hunter2"}))["ARN"].clone();
    update(&sandbox, "orders", by_secret(&secret));
    assert_eq!(get(&sandbox, "orders")["AuthenticationConfiguration"]["SecretArn"], secret);
    done(&sandbox, "DeleteConnection", json!({"ConnectionName": "orders"}));
    assert_eq!(sandbox.secrets("DescribeSecret", json!({"SecretId": secret}))["Name"], "mine", "it is not Glue's");
}

#[test]
fn a_token_from_a_vpc_takes_its_time_and_a_code_is_spent() {
    let sandbox = Sandbox::new();
    let oauth = |code: &str| {
        let properties = json!({"OAuth2GrantType": "AUTHORIZATION_CODE", "TokenUrl": "https://example.com/token",
            "OAuth2ClientApplication": {"UserManagedClientApplicationClientId": "id"},
            "AuthorizationCodeProperties": {"AuthorizationCode": code, "RedirectUri": "https://example.com/back"}});
        json!({"Name": "crm", "ConnectionType": "SALESFORCE", "ConnectionProperties": {},
            "AuthenticationConfiguration": {"AuthenticationType": "OAUTH2", "OAuth2Properties": properties},
            "PhysicalConnectionRequirements": {"SubnetId": "subnet-1"}})
    };
    assert_eq!(create(&sandbox, oauth("hunter2-code"))["CreateConnectionStatus"], "IN_PROGRESS");
    let shown = get(&sandbox, "crm");
    assert_eq!(shown["Status"], "IN_PROGRESS");
    assert_eq!(
        shown["AuthenticationConfiguration"]["OAuth2Properties"],
        json!({"OAuth2GrantType": "AUTHORIZATION_CODE", "TokenUrl": "https://example.com/token",
               "OAuth2ClientApplication": {"UserManagedClientApplicationClientId": "id"}})
    );
    sandbox.advance("1m");
    assert_eq!(get(&sandbox, "crm")["Status"], "READY");
    let again = json!({"Name": "crm", "ConnectionInput": oauth("hunter2-code")});
    assert_eq!(refused(&sandbox, "UpdateConnection", again).0, "InvalidInputException");
    update(&sandbox, "crm", oauth("hunter2-next"));
    assert_eq!(get(&sandbox, "crm")["Status"], "IN_PROGRESS");
}

#[test]
fn protected_passwords_are_answered_encrypted() {
    let sandbox = Sandbox::new();
    create(&sandbox, jdbc("before"));
    let settings = |flag: bool, key: &Value| {
        let of_passwords = if key.is_null() {
            json!({"ReturnConnectionPasswordEncrypted": flag})
        } else {
            json!({"ReturnConnectionPasswordEncrypted": flag, "AwsKmsKeyId": key})
        };
        let input = json!({"DataCatalogEncryptionSettings": {"ConnectionPasswordEncryption": of_passwords}});
        done(&sandbox, "PutDataCatalogEncryptionSettings", input);
        let shown = done(&sandbox, "GetDataCatalogEncryptionSettings", json!({}));
        assert_eq!(shown["DataCatalogEncryptionSettings"]["ConnectionPasswordEncryption"], of_passwords);
        assert_eq!(
            shown["DataCatalogEncryptionSettings"]["EncryptionAtRest"],
            json!({"CatalogEncryptionMode": "DISABLED"})
        );
    };
    let key = sandbox.kms("CreateKey", json!({}))["KeyMetadata"]["Arn"].clone();
    settings(true, &key);
    create(&sandbox, jdbc("orders"));
    let shown = get(&sandbox, "orders")["ConnectionProperties"].clone();
    assert!(shown.get("PASSWORD").is_none() && shown["ENCRYPTED_PASSWORD"].is_string());
    assert_eq!(get(&sandbox, "before")["ConnectionProperties"]["PASSWORD"], "hunter2-pass", "written before");
    assert!(hidden(&sandbox, "orders")["ConnectionProperties"].get("ENCRYPTED_PASSWORD").is_none());
    let listed = done(&sandbox, "GetConnections", json!({}));
    assert_eq!(listed["ConnectionList"][1]["ConnectionProperties"], shown);

    settings(false, &key);
    assert_eq!(get(&sandbox, "orders")["ConnectionProperties"]["PASSWORD"], "hunter2-pass");
    sandbox.kms("DisableKey", json!({"KeyId": key}));
    assert_eq!(refused(&sandbox, "GetConnection", json!({"Name": "orders"})).0, "GlueEncryptionException");
    assert_eq!(hidden(&sandbox, "orders")["Name"], "orders");
    let input = json!({"ConnectionInput": jdbc("more")});
    assert_eq!(refused(&sandbox, "CreateConnection", input).0, "GlueEncryptionException");
    settings(false, &Value::Null);
    create(&sandbox, jdbc("more"));
}

#[test]
fn tags_are_reached_by_the_arn_alone() {
    let sandbox = Sandbox::new();
    create(&sandbox, jdbc("orders"));
    let before = get(&sandbox, "orders");
    let arn = format!("{ARN}orders");
    let tags = || done(&sandbox, "GetTags", json!({"ResourceArn": arn}))["Tags"].clone();
    assert_eq!(tags(), json!({}));
    done(&sandbox, "TagResource", json!({"ResourceArn": arn, "TagsToAdd": {"a": "1", "b": "2"}}));
    done(&sandbox, "TagResource", json!({"ResourceArn": arn, "TagsToAdd": {"a": "3"}}));
    done(&sandbox, "UntagResource", json!({"ResourceArn": arn, "TagsToRemove": ["b", "c"]}));
    assert_eq!(tags(), json!({"a": "3"}));
    assert_eq!(get(&sandbox, "orders"), before);
    let reserved = json!({"ResourceArn": arn, "TagsToAdd": {"aws:a": "1"}});
    assert_eq!(refused(&sandbox, "TagResource", reserved).0, "InvalidInputException");
    for other in [format!("{ARN}absent"), arn.replace("us-east-1", "eu-west-1")] {
        assert_eq!(refused(&sandbox, "GetTags", json!({"ResourceArn": other})).0, "EntityNotFoundException");
    }
    assert_eq!(refused(&sandbox, "GetTags", json!({"ResourceArn": "orders"})).0, "ValidationException");
}

#[test]
fn only_some_connections_can_be_tested() {
    let sandbox = Sandbox::new();
    create(&sandbox, jdbc("orders"));
    create(&sandbox, basic("v2", "hunter2"));
    assert_eq!(done(&sandbox, "TestConnection", json!({"ConnectionName": "orders"})), json!({}));
    assert_eq!(refused(&sandbox, "TestConnection", json!({"ConnectionName": "a"})).0, "EntityNotFoundException");
    assert_eq!(refused(&sandbox, "TestConnection", json!({"ConnectionName": "v2"})).0, "InvalidInputException");
    assert_eq!(refused(&sandbox, "TestConnection", json!({})).0, "InvalidInputException");
    let input = json!({"TestConnectionInput": {"ConnectionType": "JDBC", "ConnectionProperties": {}}});
    let (code, text) = refused(&sandbox, "TestConnection", input);
    assert_eq!(code, "InvalidInputException");
    assert!(text.contains("TestConnectionInput.ConnectionProperties.JDBC_CONNECTION_URL"), "{text}");
}

#[test]
fn faults_name_connections_and_show_states() {
    let sandbox = Sandbox::new();
    create(&sandbox, jdbc("orders"));
    create(&sandbox, jdbc("other"));
    sandbox.faults(json!([
        {"service": "glue", "operation": "CreateConnection", "resource": "third", "count": 1,
         "error": {"code": "OperationTimeoutException", "message": "Timed out"}},
        {"service": "glue", "resource": "orders", "states": ["IN_PROGRESS", "FAILED"]},
        {"service": "glue", "operation": "GetTags", "resource": "other", "deny": true},
    ]));
    let input = json!({"ConnectionInput": jdbc("third")});
    assert_eq!(refused(&sandbox, "CreateConnection", input.clone()).0, "OperationTimeoutException");
    done(&sandbox, "CreateConnection", input);
    assert_eq!(get(&sandbox, "orders")["Status"], "IN_PROGRESS");
    let listed = done(&sandbox, "GetConnections", json!({}));
    assert_eq!(listed["ConnectionList"][0]["Status"], "FAILED");
    assert_eq!(listed["ConnectionList"][1]["Status"], "READY");
    let shown = get(&sandbox, "orders");
    assert_eq!(shown["Status"], "FAILED");
    assert!(shown["StatusReason"].is_string());
    let denied = refused(&sandbox, "GetTags", json!({"ResourceArn": format!("{ARN}other")}));
    assert_eq!(denied.0, "AccessDeniedException");
    let calls = sandbox.calls();
    assert!(calls.iter().all(|it| it["service"] == "glue"));
    assert_eq!(calls[2]["resource"], "third");
    assert_eq!(calls.last().unwrap()["resource"], "other", "an ARN is logged by its name");

    sandbox.faults(json!([]));
    sandbox.advance("1h");
    update(&sandbox, "orders", with(jdbc("orders"), json!({"Description": "new"})));
    create(&sandbox, jdbc("younger"));
    sandbox.faults(json!([{"service": "glue", "stale_ms": 60_000}]));
    assert!(get(&sandbox, "orders").get("Description").is_none(), "reads lag");
    assert_eq!(refused(&sandbox, "GetConnection", json!({"Name": "younger"})).0, "EntityNotFoundException");
}

#[test]
fn a_policy_names_the_catalog_and_the_connection() {
    let sandbox = Sandbox::new();
    create(&sandbox, jdbc("orders-prod"));
    create(&sandbox, jdbc("secret"));
    let put = |actions: Value, resources: Value| {
        let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resources});
        let answer = sandbox.control("PUT", "policy", &json!({"Version": "2012-10-17", "Statement": [statement]}));
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let catalog = "arn:aws:glue:us-east-1:123456789012:catalog";
    put(json!("glue:*"), json!([catalog, format!("{ARN}orders-*")]));
    assert_eq!(get(&sandbox, "orders-prod")["Name"], "orders-prod");
    let (code, text) = refused(&sandbox, "GetConnection", json!({"Name": "secret"}));
    assert_eq!(code, "AccessDeniedException");
    assert!(text.contains(&format!("glue:GetConnection on resource: {ARN}secret")), "{text}");
    assert_eq!(refused(&sandbox, "GetConnections", json!({})).0, "AccessDeniedException");
    let batch = json!({"ConnectionNameList": ["orders-prod", "secret"]});
    assert_eq!(refused(&sandbox, "BatchDeleteConnection", batch).0, "AccessDeniedException");
    put(json!("glue:*"), json!(format!("{ARN}*")));
    let (_, text) = refused(&sandbox, "GetConnection", json!({"Name": "secret"}));
    assert!(text.contains(catalog), "{text}");

    put(json!("glue:CreateConnection"), json!("*"));
    let tagged = json!({"ConnectionInput": jdbc("more"), "Tags": {"a": "b"}});
    assert!(refused(&sandbox, "CreateConnection", tagged).1.contains("glue:TagResource"));
    let inline = json!({"ConnectionInput": basic("more", "hunter2")});
    assert!(refused(&sandbox, "CreateConnection", inline).1.contains("secretsmanager:CreateSecret"));
    create(&sandbox, jdbc("more"));
}

#[test]
fn the_state_keeps_connections_and_a_dump_masks_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let options = || Options { state: Some(path.clone()), ..slow() };
    let sandbox = Sandbox::with(options()).unwrap();
    create(&sandbox, basic("inline", "hunter2-inline"));
    let risky = json!({"Name": "risky", "ConnectionType": "CUSTOM",
        "ConnectionProperties": {"CONNECTION_URL": "mongodb://u:hunter2@host", "HOST": "host", "OWN": "hunter2"},
        "SparkProperties": {"dbtable": "hunter2"}});
    create(&sandbox, risky);
    done(&sandbox, "CreateConnection", json!({"ConnectionInput": jdbc("orders"), "Tags": {"team": "a"}}));
    let before = get(&sandbox, "orders");
    sandbox.stop();
    let dump = dump_state(&path).unwrap();
    assert!(!dump.to_string().contains("hunter2"), "{dump}");
    let shown = &dump["accounts"]["123456789012"]["us-east-1"]["glue_connections"];
    assert_eq!(shown["orders"]["Tags"], json!({"team": "a"}));
    assert_eq!(shown["orders"]["ConnectionProperties"]["USERNAME"], "user");
    assert_eq!(shown["risky"]["ConnectionProperties"]["OWN"], "(masked)");
    let sandbox = Sandbox::with(options()).unwrap();
    assert_eq!(get(&sandbox, "orders"), before);
    assert!(!sandbox.control("GET", "state", &Value::Null).body.contains("hunter2"));
    sandbox.stop();

    // A state of the version before Glue is read.
    let file = path.join("state.json");
    let mut state: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    state["version"] = 1.into();
    let home = state.pointer_mut("/accounts/123456789012/us-east-1").unwrap().as_object_mut().unwrap();
    home.remove("glue_connections").unwrap();
    home.remove("glue_catalog").unwrap();
    std::fs::write(&file, state.to_string()).unwrap();
    let sandbox = Sandbox::with(options()).unwrap();
    assert_eq!(done(&sandbox, "GetConnections", json!({})), json!({"ConnectionList": []}));
}

#[test]
fn a_thousand_connections_are_few_pages_and_no_more_fit() {
    let sandbox = Sandbox::new();
    let start = Instant::now();
    for number in 0..1000 {
        create(&sandbox, jdbc(&format!("n{number:04}")));
    }
    let (code, _) = refused(&sandbox, "CreateConnection", json!({"ConnectionInput": jdbc("more")}));
    assert_eq!(code, "ResourceNumberLimitExceededException");
    let page = done(&sandbox, "GetConnections", json!({"MaxResults": 1000, "HidePassword": true}));
    assert_eq!(page["ConnectionList"].as_array().unwrap().len(), 1000);
    assert!(page.get("NextToken").is_none());
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
