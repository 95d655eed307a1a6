//! KMS in full: kinds of keys, rotation, policies, aliases, tags, and the states that forbid.

#![allow(clippy::unwrap_used)]

mod common;

use common::Sandbox;
use serde_json::{Value, json};

const ROOT: &str = "arn:aws:iam::123456789012:root";
const CALLER: &str = "arn:aws:iam::123456789012:user/sandbox";

impl Sandbox {
    /// Calls an operation that must fail; returns its code and text.
    fn fails(&self, operation: &str, input: Value) -> (String, String) {
        let answer = self.call(&format!("TrentService.{operation}"), input);
        assert_eq!(answer.status, 400, "{operation}: {}", answer.body);
        let body = answer.json();
        let text = body["message"].as_str().or(body["Message"].as_str());
        (answer.code(), text.unwrap_or_default().to_owned())
    }

    fn key(&self, input: Value) -> Value {
        self.kms("CreateKey", input)["KeyMetadata"].clone()
    }

    fn describe_key(&self, key: &Value) -> Value {
        self.kms("DescribeKey", json!({"KeyId": key["KeyId"]}))["KeyMetadata"].clone()
    }
}

fn statement(effect: &str, principal: &str, action: &str) -> Value {
    json!({"Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"})
}

fn policy(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

#[test]
fn a_key_is_for_what_its_spec_can_do() {
    let sandbox = Sandbox::new();
    for (spec, usage, member, algorithm) in [
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", "SYMMETRIC_DEFAULT"),
        ("RSA_2048", "SIGN_VERIFY", "SigningAlgorithms", "RSASSA_PKCS1_V1_5_SHA_256"),
        ("HMAC_256", "GENERATE_VERIFY_MAC", "MacAlgorithms", "HMAC_SHA_256"),
        ("ECC_NIST_P256", "KEY_AGREEMENT", "KeyAgreementAlgorithms", "ECDH"),
    ] {
        let key = sandbox.key(json!({"KeySpec": spec, "KeyUsage": usage}));
        assert_eq!((&key["KeySpec"], &key["KeyUsage"]), (&json!(spec), &json!(usage)));
        assert_eq!(key[member][0], algorithm);
        assert_eq!(sandbox.describe_key(&key), key);
    }
    let wrong = |input: Value| sandbox.fails("CreateKey", input).0;
    assert_eq!(wrong(json!({"KeySpec": "HMAC_256", "KeyUsage": "ENCRYPT_DECRYPT"})), "ValidationException");
    assert_eq!(wrong(json!({"KeySpec": "RSA_2048"})), "ValidationException");
    assert_eq!(wrong(json!({"KeySpec": "DES"})), "ValidationException");
    assert_eq!(wrong(json!({"CustomKeyStoreId": "cks-1"})), "CustomKeyStoreNotFoundException");
    assert_eq!(wrong(json!({"Origin": "AWS_CLOUDHSM"})), "ValidationException");
}

#[test]
fn keys_of_many_regions_and_keys_without_material_say_so() {
    let sandbox = Sandbox::new();
    let key = sandbox.key(json!({"MultiRegion": true}));
    assert!(key["KeyId"].as_str().unwrap().starts_with("mrk-") && key["KeyId"].as_str().unwrap().len() == 36);
    assert_eq!(key["MultiRegionConfiguration"]["MultiRegionKeyType"], "PRIMARY");
    assert_eq!(key["MultiRegionConfiguration"]["PrimaryKey"], json!({"Arn": key["Arn"], "Region": "us-east-1"}));
    assert_eq!(sandbox.describe_key(&key), key);

    let empty = sandbox.key(json!({"Origin": "EXTERNAL"}));
    assert_eq!((&empty["KeyState"], &empty["Enabled"]), (&json!("PendingImport"), &json!(false)));
    for operation in ["EnableKey", "DisableKey"] {
        let (code, text) = sandbox.fails(operation, json!({"KeyId": empty["KeyId"]}));
        assert_eq!(code, "KMSInvalidStateException");
        assert!(text.ends_with("is pending import."), "{text}");
    }
    let rotate = sandbox.fails("EnableKeyRotation", json!({"KeyId": empty["KeyId"]}));
    assert_eq!(rotate.0, "UnsupportedOperationException");
}

#[test]
fn rotation_has_a_period_and_only_some_keys_have_it() {
    let sandbox = Sandbox::new();
    let key = sandbox.key(json!({}));
    let id = json!({"KeyId": key["KeyId"]});
    let status = || sandbox.kms("GetKeyRotationStatus", id.clone());
    assert_eq!(status(), json!({"KeyId": key["Arn"], "KeyRotationEnabled": false}));
    sandbox.kms("EnableKeyRotation", id.clone());
    assert_eq!(status()["RotationPeriodInDays"], 365);
    sandbox.kms("EnableKeyRotation", json!({"KeyId": key["Arn"], "RotationPeriodInDays": 90}));
    let first = status()["NextRotationDate"].as_f64().unwrap();
    sandbox.advance("91d");
    let second = status()["NextRotationDate"].as_f64().unwrap();
    assert!((second - first - 90.0 * 86_400.0).abs() < 1.0);
    for days in [89, 2561] {
        let input = json!({"KeyId": key["KeyId"], "RotationPeriodInDays": days});
        assert_eq!(sandbox.fails("EnableKeyRotation", input).0, "ValidationException");
    }

    sandbox.kms("DisableKey", id.clone());
    assert_eq!(sandbox.fails("DisableKeyRotation", id.clone()).0, "DisabledException");
    assert_eq!(status()["KeyRotationEnabled"], true);
    sandbox.kms("EnableKey", id.clone());
    sandbox.kms("ScheduleKeyDeletion", id.clone());
    assert_eq!(status()["KeyRotationEnabled"], false);
    assert_eq!(sandbox.fails("EnableKeyRotation", id.clone()).0, "KMSInvalidStateException");
    sandbox.kms("CancelKeyDeletion", id.clone());
    assert_eq!(status()["KeyRotationEnabled"], true);
    sandbox.kms("EnableKey", id.clone());
    sandbox.kms("DisableKeyRotation", id.clone());
    assert_eq!(status()["KeyRotationEnabled"], false);

    let other = sandbox.key(json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}));
    let other = json!({"KeyId": other["KeyId"]});
    assert_eq!(sandbox.kms("GetKeyRotationStatus", other.clone())["KeyRotationEnabled"], false);
    assert_eq!(sandbox.fails("EnableKeyRotation", other).0, "UnsupportedOperationException");
    let managed = sandbox.kms("DescribeKey", json!({"KeyId": "alias/aws/secretsmanager"}))["KeyMetadata"].clone();
    let managed = json!({"KeyId": managed["KeyId"]});
    assert_eq!(sandbox.kms("GetKeyRotationStatus", managed.clone())["KeyRotationEnabled"], true);
    assert_eq!(sandbox.fails("DisableKeyRotation", managed).0, "AccessDeniedException");
}

#[test]
fn a_policy_that_locks_everybody_out_needs_a_word() {
    let sandbox = Sandbox::new();
    let key = sandbox.key(json!({}));
    let id = key["KeyId"].clone();
    let get = || sandbox.kms("GetKeyPolicy", json!({"KeyId": id}));
    assert!(get()["Policy"].as_str().unwrap().contains(ROOT));
    assert_eq!(sandbox.kms("ListKeyPolicies", json!({"KeyId": id}))["PolicyNames"], json!(["default"]));

    let role = "arn:aws:iam::123456789012:role/orders";
    let mut conditional = statement("Allow", ROOT, "kms:*");
    conditional["Condition"] = json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}});
    let locked = [
        json!([statement("Allow", role, "kms:*")]),
        json!([statement("Allow", ROOT, "kms:Decrypt")]),
        json!([statement("Allow", ROOT, "kms:*"), statement("Deny", ROOT, "kms:PutKeyPolicy")]),
        json!([conditional]),
    ];
    for statements in &locked {
        let text = policy(statements.clone());
        for (operation, input) in
            [("PutKeyPolicy", json!({"KeyId": id, "Policy": text})), ("CreateKey", json!({"Policy": text}))]
        {
            let (code, text) = sandbox.fails(operation, input);
            assert_eq!(code, "MalformedPolicyDocumentException");
            assert_eq!(text, "The new key policy will not allow you to update the key policy in the future.");
        }
    }
    for wrong in ["{}", "no json", &policy(json!([statement("Allow", "AROAEXAMPLE", "kms:*")]))] {
        let put = json!({"KeyId": id, "Policy": wrong, "BypassPolicyLockoutSafetyCheck": true});
        assert_eq!(sandbox.fails("PutKeyPolicy", put).0, "MalformedPolicyDocumentException", "{wrong}");
    }
    let open = policy(json!([statement("Allow", CALLER, "kms:Put*")]));
    sandbox.kms("PutKeyPolicy", json!({"KeyId": id, "PolicyName": "default", "Policy": open}));
    assert_eq!(get()["Policy"], open);
    let closed = policy(locked[0].clone());
    sandbox.kms("PutKeyPolicy", json!({"KeyId": id, "Policy": closed, "BypassPolicyLockoutSafetyCheck": true}));
    assert_eq!(get()["Policy"], closed);
    for operation in ["GetKeyPolicy", "PutKeyPolicy"] {
        let input = json!({"KeyId": id, "PolicyName": "other", "Policy": open});
        assert_eq!(sandbox.fails(operation, input).0, "NotFoundException");
    }

    // What the policy leaves to IAM is not enough when IAM does not allow it.
    let allowed = json!({"Statement": [{"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"}]});
    assert_eq!(sandbox.control("PUT", "policy", &allowed).status, 200);
    let root = policy(json!([statement("Allow", ROOT, "kms:*")]));
    assert_eq!(sandbox.fails("CreateKey", json!({"Policy": root})).0, "MalformedPolicyDocumentException");
    let (code, text) = sandbox.fails("CreateKey", json!({"Tags": [{"TagKey": "a", "TagValue": "b"}]}));
    assert_eq!(code, "AccessDeniedException");
    assert!(text.contains("kms:TagResource on resource: arn:aws:kms:us-east-1:123456789012:key/"), "{text}");
    sandbox.key(json!({}));
}

#[test]
fn a_key_pending_deletion_can_be_read_and_little_else() {
    let sandbox = Sandbox::new();
    let key = sandbox.key(json!({"Description": "first"}));
    let id = key["KeyId"].clone();
    let other = sandbox.key(json!({}))["KeyId"].clone();
    sandbox.kms("CreateAlias", json!({"AliasName": "alias/orders", "TargetKeyId": id}));
    sandbox.kms("UpdateKeyDescription", json!({"KeyId": id, "Description": "second"}));
    assert_eq!(sandbox.describe_key(&key)["Description"], "second");
    assert_eq!(sandbox.fails("CancelKeyDeletion", json!({"KeyId": id})).0, "KMSInvalidStateException");
    for days in [6, 31] {
        let input = json!({"KeyId": id, "PendingWindowInDays": days});
        assert_eq!(sandbox.fails("ScheduleKeyDeletion", input).0, "ValidationException");
    }
    let answer = sandbox.kms("ScheduleKeyDeletion", json!({"KeyId": id}));
    assert_eq!((&answer["KeyState"], &answer["PendingWindowInDays"]), (&json!("PendingDeletion"), &json!(30)));
    assert_eq!(sandbox.describe_key(&key)["DeletionDate"], answer["DeletionDate"]);

    let tags = json!([{"TagKey": "a", "TagValue": "b"}]);
    for (operation, more) in [
        ("UpdateKeyDescription", json!({"Description": "third"})),
        ("TagResource", json!({"Tags": tags})),
        ("UntagResource", json!({"TagKeys": ["a"]})),
        ("EnableKey", json!({})),
        ("DisableKeyRotation", json!({})),
        ("ScheduleKeyDeletion", json!({})),
    ] {
        let mut input = more;
        input["KeyId"] = id.clone();
        let (code, text) = sandbox.fails(operation, input);
        assert_eq!(code, "KMSInvalidStateException", "{operation}");
        assert_eq!(text, format!("{} is pending deletion.", key["Arn"].as_str().unwrap()));
    }
    for alias in ["CreateAlias", "UpdateAlias"] {
        let name = if alias == "CreateAlias" { "alias/more" } else { "alias/orders" };
        let input = json!({"AliasName": name, "TargetKeyId": id});
        assert_eq!(sandbox.fails(alias, input).0, "KMSInvalidStateException");
    }
    for operation in ["GetKeyPolicy", "ListKeyPolicies", "ListResourceTags", "GetKeyRotationStatus", "ListAliases"] {
        sandbox.kms(operation, json!({"KeyId": id}));
    }
    let open = policy(json!([statement("Allow", ROOT, "kms:*")]));
    sandbox.kms("PutKeyPolicy", json!({"KeyId": id, "Policy": open}));
    sandbox.kms("UpdateAlias", json!({"AliasName": "alias/orders", "TargetKeyId": other}));
    sandbox.kms("DeleteAlias", json!({"AliasName": "alias/orders"}));
    sandbox.advance("30d");
    assert_eq!(sandbox.fails("DescribeKey", json!({"KeyId": id})).0, "NotFoundException");
}

#[test]
fn aliases_are_unique_limited_and_not_an_id_everywhere() {
    let sandbox = Sandbox::new();
    let key = sandbox.key(json!({}));
    let alias = |number: usize| json!({"AliasName": format!("alias/n-{number:02}"), "TargetKeyId": key["KeyId"]});
    for number in 0..50 {
        sandbox.kms("CreateAlias", alias(number));
    }
    assert_eq!(sandbox.fails("CreateAlias", alias(0)).0, "AlreadyExistsException");
    assert_eq!(sandbox.fails("CreateAlias", alias(50)).0, "LimitExceededException");
    sandbox.kms("DeleteAlias", json!({"AliasName": "alias/n-00"}));
    sandbox.kms("CreateAlias", alias(50));
    let page = sandbox.kms("ListAliases", json!({"KeyId": key["Arn"], "Limit": 49}));
    assert_eq!((page["Aliases"].as_array().unwrap().len(), &page["Truncated"]), (49, &json!(true)));
    assert_eq!(page["Aliases"][0]["TargetKeyId"], key["KeyId"]);
    let rest = sandbox.kms("ListAliases", json!({"KeyId": key["KeyId"], "Marker": page["NextMarker"]}));
    assert_eq!((rest["Aliases"].as_array().unwrap().len(), &rest["Truncated"]), (1, &json!(false)));
    for name in ["orders", "alias/", "alias/a:b"] {
        let input = json!({"AliasName": name, "TargetKeyId": key["KeyId"]});
        assert_eq!(sandbox.fails("CreateAlias", input).0, "ValidationException", "{name}");
    }
    for operation in ["GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags", "ListKeyPolicies", "DisableKey"] {
        assert_eq!(sandbox.fails(operation, json!({"KeyId": "alias/n-01"})).0, "InvalidArnException", "{operation}");
    }
    let other = sandbox.key(json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}));
    let moved = json!({"AliasName": "alias/n-01", "TargetKeyId": other["KeyId"]});
    assert_eq!(sandbox.fails("UpdateAlias", moved).0, "ValidationException");
}

#[test]
fn tags_are_limited_and_the_prefix_of_aws_is_its_own() {
    let sandbox = Sandbox::new();
    let key = sandbox.key(json!({"Tags": [{"TagKey": "team", "TagValue": "orders"}]}));
    let tag = |tags: Value| json!({"KeyId": key["KeyId"], "Tags": tags});
    let many: Value = (0..50).map(|number| json!({"TagKey": format!("k{number}"), "TagValue": ""})).collect();
    let one = json!({"TagKey": "one", "TagValue": "x"});
    for tags in [json!([{"TagKey": "aws:mine", "TagValue": "x"}]), json!([one, one]), many] {
        assert_eq!(sandbox.fails("TagResource", tag(tags.clone())).0, "TagException");
    }
    let own = json!([{"TagKey": "aws:mine", "TagValue": "x"}]);
    assert_eq!(sandbox.fails("CreateKey", json!({"Tags": own})).0, "TagException");
    let tags = sandbox.kms("ListResourceTags", json!({"KeyId": key["Arn"]}));
    assert_eq!(tags["Tags"], json!([{"TagKey": "team", "TagValue": "orders"}]));
}
