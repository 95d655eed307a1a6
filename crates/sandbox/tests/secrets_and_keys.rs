//! Secrets Manager and KMS: what the product reads beside connections, and what can be wrong with it.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Sandbox, basic};
use serde_json::{Value, json};

impl Sandbox {
    fn code(&self, target: &str, input: Value) -> String {
        self.call(target, input).code()
    }
}

fn names(page: &Value, member: &str) -> Vec<String> {
    let entries = page[member].as_array().unwrap().iter();
    entries.map(|entry| entry["Name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_secret_is_found_by_name_arn_and_partial_arn() {
    let sandbox = Sandbox::new();
    let made = sandbox.secrets("CreateSecret", json!({"Name": "a/b-c", "SecretString": "one"}));
    let arn = made["ARN"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:secretsmanager:us-east-1:123456789012:secret:a/b-c-"));
    for id in ["a/b-c", arn, &arn[..arn.len() - 7]] {
        assert_eq!(sandbox.secrets("GetSecretValue", json!({"SecretId": id}))["SecretString"], "one");
    }
    let foreign = arn.replace("us-east-1", "us-east-2");
    for id in [&foreign, "a/b", "A/B-C"] {
        assert_eq!(sandbox.code("secretsmanager.GetSecretValue", json!({"SecretId": id})), "ResourceNotFoundException");
    }
}

#[test]
fn a_request_token_makes_writes_idempotent() {
    let sandbox = Sandbox::new();
    let token = "0123456789abcdef0123456789abcdef";
    let create = |value: &str| json!({"Name": "a", "SecretString": value, "ClientRequestToken": token});
    let first = sandbox.secrets("CreateSecret", create("one"));
    assert_eq!(first["VersionId"], token);
    assert_eq!(sandbox.secrets("CreateSecret", create("one")), first);
    assert_eq!(sandbox.code("secretsmanager.CreateSecret", create("two")), "ResourceExistsException");
    let put = |value: &str| json!({"SecretId": "a", "SecretString": value, "ClientRequestToken": token});
    let none = json!({"Name": "b", "SecretString": "one", "ClientRequestToken": null});
    let answer = sandbox.call("secretsmanager.CreateSecret", none);
    assert_eq!(answer.code(), "InvalidRequestException", "{}", answer.body);
    sandbox.secrets("PutSecretValue", put("one"));
    assert_eq!(sandbox.code("secretsmanager.PutSecretValue", put("two")), "ResourceExistsException");
}

#[test]
fn a_batch_answers_values_and_errors() {
    let sandbox = Sandbox::new();
    sandbox.events("CreateConnection", basic("orders"));
    let managed = sandbox.describe("orders")["SecretArn"].clone();
    sandbox.secrets("CreateSecret", json!({"Name": "empty"}));
    let batch = sandbox.secrets("BatchGetSecretValue", json!({"SecretIdList": [managed, "absent", "empty"]}));
    assert_eq!(batch["SecretValues"].as_array().unwrap().len(), 1);
    assert_eq!(batch["SecretValues"][0]["ARN"], managed);
    assert_eq!(batch["Errors"].as_array().unwrap().len(), 2);
    assert_eq!(batch["Errors"][0]["ErrorCode"], "ResourceNotFoundException");
    let too_many: Vec<String> = (0..21).map(|number| format!("s-{number}")).collect();
    assert_eq!(
        sandbox.code("secretsmanager.BatchGetSecretValue", json!({"SecretIdList": too_many})),
        "ValidationException"
    );
    assert_eq!(sandbox.code("secretsmanager.BatchGetSecretValue", json!({})), "InvalidParameterException");
}

#[test]
fn a_managed_secret_is_written_by_its_service_alone() {
    let sandbox = Sandbox::new();
    sandbox.events("CreateConnection", basic("orders"));
    let id = sandbox.describe("orders")["SecretArn"].clone();
    for (operation, more) in [
        ("PutSecretValue", json!({"SecretString": "x"})),
        ("UpdateSecret", json!({"Description": "x"})),
        ("DeleteSecret", json!({"ForceDeleteWithoutRecovery": true})),
        ("TagResource", json!({"Tags": [{"Key": "a", "Value": "b"}]})),
        ("UntagResource", json!({"TagKeys": ["a"]})),
    ] {
        let mut input = more;
        input["SecretId"] = id.clone();
        assert_eq!(
            sandbox.code(&format!("secretsmanager.{operation}"), input),
            "InvalidRequestException",
            "{operation}"
        );
    }
    assert_eq!(
        sandbox.code("secretsmanager.CreateSecret", json!({"Name": "events!connection/x"})),
        "ValidationException"
    );
    let owned = json!({"Filters": [{"Key": "owning-service", "Values": ["events"]}]});
    assert_eq!(names(&sandbox.secrets("ListSecrets", owned), "SecretList").len(), 1);
}

#[test]
fn deletion_has_a_window_and_force_has_none() {
    let sandbox = Sandbox::new();
    sandbox.secrets("CreateSecret", json!({"Name": "a", "SecretString": "one"}));
    sandbox.secrets("DeleteSecret", json!({"SecretId": "a", "RecoveryWindowInDays": 7}));
    assert!(sandbox.secrets("DescribeSecret", json!({"SecretId": "a"}))["DeletedDate"].is_number());
    assert_eq!(names(&sandbox.secrets("ListSecrets", json!({})), "SecretList"), Vec::<String>::new());
    let planned = sandbox.secrets("ListSecrets", json!({"IncludePlannedDeletion": true}));
    assert_eq!(names(&planned, "SecretList"), ["a"]);
    assert_eq!(sandbox.code("secretsmanager.GetSecretValue", json!({"SecretId": "a"})), "InvalidRequestException");
    assert_eq!(sandbox.code("secretsmanager.CreateSecret", json!({"Name": "a"})), "InvalidRequestException");
    sandbox.secrets("RestoreSecret", json!({"SecretId": "a"}));
    sandbox.secrets("DeleteSecret", json!({"SecretId": "a"}));
    sandbox.advance("30d");
    assert_eq!(sandbox.code("secretsmanager.DescribeSecret", json!({"SecretId": "a"})), "ResourceNotFoundException");
    sandbox.secrets("CreateSecret", json!({"Name": "a", "SecretString": "two"}));
    sandbox.secrets("DeleteSecret", json!({"SecretId": "a", "ForceDeleteWithoutRecovery": true}));
    assert_eq!(sandbox.code("secretsmanager.DescribeSecret", json!({"SecretId": "a"})), "ResourceNotFoundException");
    sandbox.secrets("DeleteSecret", json!({"SecretId": "a", "ForceDeleteWithoutRecovery": true}));
}

#[test]
fn lists_go_newest_first_and_by_pages() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        sandbox.secrets("CreateSecret", json!({"Name": name, "SecretString": "x"}));
        sandbox.advance("1s");
    }
    let first = sandbox.secrets("ListSecrets", json!({"MaxResults": 2}));
    assert_eq!(names(&first, "SecretList"), ["c", "b"]);
    let second = sandbox.secrets("ListSecrets", json!({"MaxResults": 2, "NextToken": first["NextToken"]}));
    assert_eq!(names(&second, "SecretList"), ["a"]);
    assert!(second.get("NextToken").is_none());
    assert_eq!(sandbox.code("secretsmanager.ListSecrets", json!({"NextToken": "x"})), "InvalidNextTokenException");
    assert_eq!(sandbox.code("secretsmanager.ListSecrets", json!({"MaxResults": 101})), "ValidationException");
}

#[test]
fn a_connection_is_only_as_usable_as_its_key() {
    let sandbox = Sandbox::new();
    let key = sandbox.kms("CreateKey", json!({}))["KeyMetadata"].clone();
    let other = sandbox.kms("CreateKey", json!({}))["KeyMetadata"].clone();
    sandbox.kms("CreateAlias", json!({"AliasName": "alias/orders", "TargetKeyId": key["KeyId"]}));
    let keyed = |name: &str, key: &Value| {
        let mut input = basic(name);
        input["KmsKeyIdentifier"] = key.clone();
        input
    };
    sandbox.events("CreateConnection", keyed("orders", &json!("alias/orders")));
    let shown = sandbox.describe("orders");
    assert_eq!(shown["KmsKeyIdentifier"], "alias/orders");
    let used = || sandbox.secrets("DescribeSecret", json!({"SecretId": shown["SecretArn"]}))["KmsKeyId"].clone();
    assert_eq!(used(), key["Arn"]);

    // An alias that moves is not seen in the connection; its secret stays with the old key.
    sandbox.kms("UpdateAlias", json!({"AliasName": "alias/orders", "TargetKeyId": other["KeyId"]}));
    assert_eq!(sandbox.describe("orders"), shown);
    assert_eq!(used(), key["Arn"]);
    sandbox.events("UpdateConnection", json!({"Name": "orders", "KmsKeyIdentifier": ""}));
    assert_eq!(sandbox.describe("orders")["KmsKeyIdentifier"], "alias/orders", "it cannot be cleared");
    sandbox.events("UpdateConnection", json!({"Name": "orders", "KmsKeyIdentifier": "alias/orders"}));
    assert_eq!(used(), other["Arn"]);

    sandbox.kms("DisableKey", json!({"KeyId": other["KeyId"]}));
    assert_eq!(
        sandbox.code("secretsmanager.GetSecretValue", json!({"SecretId": shown["SecretArn"]})),
        "DecryptionFailure"
    );
    assert_eq!(sandbox.refused("CreateConnection", keyed("more", &other["Arn"])).0, "ValidationException");
    let asymmetric = sandbox.kms("CreateKey", json!({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}));
    let asymmetric = &asymmetric["KeyMetadata"]["Arn"];
    assert_eq!(sandbox.refused("CreateConnection", keyed("more", asymmetric)).0, "ValidationException");
    let foreign = json!(key["Arn"].as_str().unwrap().replace("us-east-1", "us-east-2"));
    assert_eq!(sandbox.refused("CreateConnection", keyed("more", &foreign)).0, "ResourceNotFoundException");
    sandbox.kms("EnableKey", json!({"KeyId": other["KeyId"]}));
    assert_eq!(sandbox.payload("orders")["username"], "user");
}

#[test]
fn a_key_pending_deletion_refuses_and_comes_back_disabled() {
    let sandbox = Sandbox::new();
    let id = sandbox.kms("CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    let key = json!({"KeyId": id});
    sandbox.kms("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": id}));
    sandbox.kms("ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 7}));
    for operation in ["ScheduleKeyDeletion", "EnableKey", "DisableKey"] {
        assert_eq!(sandbox.code(&format!("TrentService.{operation}"), key.clone()), "KMSInvalidStateException");
    }
    sandbox.kms("CancelKeyDeletion", key.clone());
    assert_eq!(sandbox.kms("DescribeKey", key.clone())["KeyMetadata"]["KeyState"], "Disabled");
    sandbox.kms("ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 7}));
    sandbox.advance("7d");
    assert_eq!(sandbox.code("TrentService.DescribeKey", key), "NotFoundException");
    let left = sandbox.kms("ListAliases", json!({}));
    assert_eq!(left["Aliases"].as_array().unwrap().len(), 1, "an alias ends with its key");
    let new = sandbox.kms("CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    sandbox.kms("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": new}));
}

#[test]
fn keys_of_aws_are_left_alone() {
    let sandbox = Sandbox::new();
    let managed = sandbox.kms("DescribeKey", json!({"KeyId": "alias/aws/secretsmanager"}))["KeyMetadata"].clone();
    assert_eq!(managed["KeyManager"], "AWS");
    assert_eq!(sandbox.code("TrentService.DisableKey", json!({"KeyId": managed["KeyId"]})), "AccessDeniedException");
    let alias = json!({"AliasName": "alias/aws/mine", "TargetKeyId": managed["KeyId"]});
    assert_eq!(sandbox.code("TrentService.CreateAlias", alias), "NotAuthorizedException");
    sandbox.secrets("CreateSecret", json!({"Name": "a", "SecretString": "x", "KmsKeyId": "alias/aws/secretsmanager"}));
    assert!(sandbox.secrets("DescribeSecret", json!({"SecretId": "a"})).get("KmsKeyId").is_none());
}
