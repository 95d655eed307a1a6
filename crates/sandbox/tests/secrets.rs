//! Secrets Manager in full: versions and their stages, policies, copies in other regions, keys, passwords.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Sandbox, basic};
use serde_json::{Value, json};

const TOKENS: [&str; 4] = [
    "00000000-0000-0000-0000-00000000000a",
    "00000000-0000-0000-0000-00000000000b",
    "00000000-0000-0000-0000-00000000000c",
    "00000000-0000-0000-0000-00000000000d",
];

impl Sandbox {
    /// Calls an operation that must fail; returns its code and text.
    fn fails(&self, operation: &str, input: Value) -> (String, String) {
        let answer = self.call(&format!("secretsmanager.{operation}"), input);
        assert_eq!(answer.status, 400, "{operation}: {}", answer.body);
        (answer.code(), answer.json()["Message"].as_str().unwrap_or_default().to_owned())
    }

    fn secrets_in(&self, region: &str, operation: &str, input: &Value) -> (u16, Value) {
        let target = format!("secretsmanager.{operation}");
        let answer = self.call_as("AKIDEXAMPLE", region, &target, input).unwrap();
        (answer.status, answer.json())
    }

    fn create(&self, name: &str) -> String {
        let made = self.secrets("CreateSecret", json!({"Name": name, "SecretString": "one"}));
        made["ARN"].as_str().unwrap().to_owned()
    }

    fn describe_secret(&self, id: &str) -> Value {
        self.secrets("DescribeSecret", json!({"SecretId": id}))
    }

    fn key(&self) -> String {
        self.kms("CreateKey", json!({}))["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }
}

/// A secret `a` with three versions: the first is deprecated.
fn three_versions(sandbox: &Sandbox) {
    let mut input = json!({"Name": "a", "SecretString": "1", "ClientRequestToken": TOKENS[0]});
    sandbox.secrets("CreateSecret", input.clone());
    for (token, value) in [(TOKENS[1], "2"), (TOKENS[2], "3")] {
        input = json!({"SecretId": "a", "SecretString": value, "ClientRequestToken": token});
        sandbox.secrets("PutSecretValue", input);
    }
}

#[test]
fn a_token_in_use_is_named_and_the_same_write_changes_nothing() {
    let sandbox = Sandbox::new();
    three_versions(&sandbox);
    let before = sandbox.describe_secret("a");
    sandbox.advance("1m");
    for operation in ["PutSecretValue", "UpdateSecret"] {
        let input = |value: &str| json!({"SecretId": "a", "SecretString": value, "ClientRequestToken": TOKENS[2]});
        assert_eq!(sandbox.secrets(operation, input("3"))["VersionId"], TOKENS[2]);
        let (code, text) = sandbox.fails(operation, input("other"));
        assert_eq!(code, "ResourceExistsException");
        let arn = before["ARN"].as_str().unwrap();
        assert_eq!(
            text,
            format!(
                "You can't use ClientRequestToken {} because that value is already in use for a version of secret {arn}.",
                TOKENS[2]
            )
        );
        assert!(!text.contains("other"));
    }
    assert_eq!(sandbox.describe_secret("a"), before, "not even the time of the last change");
}

#[test]
fn versions_without_a_stage_are_deprecated_and_still_there() {
    let sandbox = Sandbox::new();
    three_versions(&sandbox);
    let stages = &sandbox.describe_secret("a")["VersionIdsToStages"];
    assert_eq!(*stages, json!({TOKENS[1]: ["AWSPREVIOUS"], TOKENS[2]: ["AWSCURRENT"]}));
    let ids = |input: Value| -> Vec<String> {
        let page = sandbox.secrets("ListSecretVersionIds", input);
        let all = page["Versions"].as_array().unwrap().iter();
        all.map(|it| it["VersionId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(json!({"SecretId": "a"})), [TOKENS[2], TOKENS[1]]);
    assert_eq!(ids(json!({"SecretId": "a", "IncludeDeprecated": true})), [TOKENS[2], TOKENS[1], TOKENS[0]]);
    let first = sandbox.secrets("ListSecretVersionIds", json!({"SecretId": "a", "MaxResults": 1}));
    assert_eq!(first["Versions"][0]["KmsKeyIds"], json!(["DefaultEncryptionKey"]));
    assert_eq!(ids(json!({"SecretId": "a", "NextToken": first["NextToken"]})), [TOKENS[1]]);
    assert_eq!(
        sandbox.fails("ListSecretVersionIds", json!({"SecretId": "a", "NextToken": "x"})).0,
        "InvalidNextTokenException"
    );
    let old = sandbox.secrets("GetSecretValue", json!({"SecretId": "a", "VersionId": TOKENS[0]}));
    assert_eq!(old["SecretString"], "1");
    let both = json!({"SecretId": "a", "VersionId": TOKENS[1], "VersionStage": "AWSCURRENT"});
    assert_eq!(sandbox.fails("GetSecretValue", both).0, "InvalidRequestException");
}

#[test]
fn a_day_of_too_many_writes_ends_at_the_quota() {
    let sandbox = Sandbox::new();
    sandbox.create("a");
    let put = || sandbox.call("secretsmanager.PutSecretValue", json!({"SecretId": "a", "SecretString": "x"}));
    for _ in 1..150 {
        assert_eq!(put().status, 200);
    }
    assert_eq!(put().code(), "LimitExceededException");
    sandbox.advance("25h");
    assert_eq!(put().status, 200);
}

#[test]
fn stages_move_and_the_current_one_never_goes() {
    let sandbox = Sandbox::new();
    three_versions(&sandbox);
    let update = |input: Value| {
        let mut whole = json!({"SecretId": "a"});
        whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        sandbox.call("secretsmanager.UpdateSecretVersionStage", whole)
    };
    let current = |from: &str, to: &str| {
        update(json!({"VersionStage": "AWSCURRENT", "RemoveFromVersionId": from, "MoveToVersionId": to}))
    };
    let refused = update(json!({"VersionStage": "AWSCURRENT", "MoveToVersionId": TOKENS[0]}));
    assert_eq!(refused.code(), "InvalidParameterException");
    assert!(refused.body.contains(&format!("currently attached to version {}", TOKENS[2])), "{}", refused.body);
    let refused = update(json!({"VersionStage": "AWSCURRENT", "RemoveFromVersionId": TOKENS[2]}));
    assert!(refused.body.contains("You can only move staging label AWSCURRENT"), "{}", refused.body);
    assert_eq!(current(TOKENS[0], TOKENS[1]).code(), "InvalidParameterException");
    assert_eq!(current(TOKENS[2], TOKENS[3]).code(), "InvalidParameterException");
    assert_eq!(update(json!({"VersionStage": "mine"})).code(), "InvalidParameterException");

    assert_eq!(current(TOKENS[2], TOKENS[0]).status, 200);
    let stages = sandbox.describe_secret("a")["VersionIdsToStages"].clone();
    assert_eq!(stages, json!({TOKENS[0]: ["AWSCURRENT"], TOKENS[2]: ["AWSPREVIOUS"]}));
    assert_eq!(sandbox.secrets("GetSecretValue", json!({"SecretId": "a"}))["SecretString"], "1");

    assert_eq!(update(json!({"VersionStage": "mine", "MoveToVersionId": TOKENS[1]})).status, 200);
    let input = json!({"SecretId": "a", "VersionStage": "mine"});
    assert_eq!(sandbox.secrets("GetSecretValue", input.clone())["SecretString"], "2");
    assert_eq!(update(json!({"VersionStage": "mine", "RemoveFromVersionId": TOKENS[1]})).status, 200);
    assert_eq!(sandbox.fails("GetSecretValue", input).0, "ResourceNotFoundException");
}

#[test]
fn the_first_version_is_current_whatever_its_stages() {
    let sandbox = Sandbox::new();
    sandbox.secrets("CreateSecret", json!({"Name": "a"}));
    let put = json!({"SecretId": "a", "SecretString": "x", "VersionStages": ["mine"]});
    assert_eq!(sandbox.secrets("PutSecretValue", put)["VersionStages"], json!(["mine", "AWSCURRENT"]));
    let put = json!({"SecretId": "a", "SecretString": "y", "VersionStages": ["AWSPENDING"]});
    assert_eq!(sandbox.secrets("PutSecretValue", put)["VersionStages"], json!(["AWSPENDING"]));
    assert_eq!(sandbox.secrets("GetSecretValue", json!({"SecretId": "a"}))["SecretString"], "x");
}

#[test]
fn a_resource_policy_is_kept_as_given_unless_it_is_none() {
    let sandbox = Sandbox::new();
    sandbox.create("a");
    let policy = |principal: Value| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
        ]})
        .to_string()
    };
    let put = |policy: &str, block: bool| {
        let input = json!({"SecretId": "a", "ResourcePolicy": policy, "BlockPublicPolicy": block});
        sandbox.call("secretsmanager.PutResourcePolicy", input)
    };
    let get = || sandbox.secrets("GetResourcePolicy", json!({"SecretId": "a"}));
    assert!(get().get("ResourcePolicy").is_none());
    for wrong in ["no json", "{}", &policy(json!({"AWS": "somebody"}))] {
        assert_eq!(put(wrong, false).code(), "MalformedPolicyDocumentException", "{wrong}");
    }
    assert_eq!(put(&policy(json!("*")), true).code(), "PublicPolicyException");
    let given = policy(json!({"AWS": "arn:aws:iam::123456789012:role/orders"}));
    assert_eq!(put(&given, true).status, 200);
    assert_eq!(get()["ResourcePolicy"], given);
    sandbox.secrets("DeleteResourcePolicy", json!({"SecretId": "a"}));
    assert!(get().get("ResourcePolicy").is_none());
    sandbox.secrets("DeleteResourcePolicy", json!({"SecretId": "a"}));
    sandbox.secrets("DeleteSecret", json!({"SecretId": "a"}));
    assert_eq!(put(&given, true).code(), "InvalidRequestException");
    assert_eq!(sandbox.fails("GetResourcePolicy", json!({"SecretId": "a"})).0, "InvalidRequestException");
}

#[test]
fn copies_settle_follow_and_stand_in_the_way_of_deletion() {
    let sandbox = Sandbox::new();
    let arn = sandbox.create("a");
    let regions = json!([{"Region": "us-west-2"}, {"Region": "eu-west-1"}]);
    let made = sandbox.secrets("ReplicateSecretToRegions", json!({"SecretId": "a", "AddReplicaRegions": regions}));
    assert_eq!(made["ReplicationStatus"][0]["Status"], "InProgress");
    sandbox.advance("1m");
    let shown = sandbox.describe_secret("a");
    assert_eq!(
        shown["ReplicationStatus"][0],
        json!({
            "Region": "us-west-2", "KmsKeyId": "alias/aws/secretsmanager", "Status": "InSync",
            "StatusMessage": "Replication succeeded",
        })
    );
    assert_eq!(shown["PrimaryRegion"], "us-east-1");

    sandbox.secrets("PutSecretValue", json!({"SecretId": "a", "SecretString": "two"}));
    sandbox.secrets("TagResource", json!({"SecretId": "a", "Tags": [{"Key": "team", "Value": "orders"}]}));
    let (_, value) = sandbox.secrets_in("us-west-2", "GetSecretValue", &json!({"SecretId": "a"}));
    assert_eq!(value["SecretString"], "two");
    assert_eq!(value["ARN"], arn.replace("us-east-1", "us-west-2"));
    let (_, copy) = sandbox.secrets_in("us-west-2", "DescribeSecret", &json!({"SecretId": "a"}));
    assert_eq!((&copy["PrimaryRegion"], &copy["Tags"][0]["Value"]), (&json!("us-east-1"), &json!("orders")));
    for (operation, more) in [
        ("PutSecretValue", json!({"SecretString": "x", "ClientRequestToken": TOKENS[0]})),
        ("DeleteSecret", json!({})),
        ("UntagResource", json!({"TagKeys": ["team"]})),
    ] {
        let mut input = more;
        input["SecretId"] = "a".into();
        let (_, refused) = sandbox.secrets_in("us-west-2", operation, &input);
        assert_eq!(refused["__type"], "InvalidParameterException", "{operation}");
        assert!(refused["Message"].as_str().unwrap().contains("Operation not permitted on a replica secret"));
    }

    let (code, text) = sandbox.fails("DeleteSecret", json!({"SecretId": "a"}));
    assert_eq!(code, "InvalidParameterException");
    assert!(text.contains("still has replica regions [us-west-2,eu-west-1]"), "{text}");
    let remove = |regions: Value| json!({"SecretId": "a", "RemoveReplicaRegions": regions});
    let left = sandbox.secrets("RemoveRegionsFromReplication", remove(json!(["us-west-2"])));
    assert_eq!(left["ReplicationStatus"].as_array().unwrap().len(), 1);
    let (status, _) = sandbox.secrets_in("us-west-2", "DescribeSecret", &json!({"SecretId": "a"}));
    assert_eq!(status, 400);
    assert_eq!(
        sandbox.fails("RemoveRegionsFromReplication", remove(json!(["us-west-2"]))).0,
        "InvalidParameterException"
    );
    sandbox.secrets("RemoveRegionsFromReplication", remove(json!(["eu-west-1"])));
    assert!(sandbox.describe_secret("a").get("ReplicationStatus").is_none());
    sandbox.secrets("DeleteSecret", json!({"SecretId": "a"}));
}

#[test]
fn a_copy_fails_where_its_name_is_taken_or_its_key_is_missing() {
    let sandbox = Sandbox::new();
    let taken = json!({"Name": "a", "SecretString": "theirs", "ClientRequestToken": TOKENS[0]});
    sandbox.secrets_in("us-west-2", "CreateSecret", &taken);
    let regions = json!([{"Region": "us-west-2"}, {"Region": "eu-west-1", "KmsKeyId": "alias/absent"}]);
    let create = json!({"Name": "a", "SecretString": "ours", "AddReplicaRegions": regions});
    let made = sandbox.secrets("CreateSecret", create);
    assert_eq!(made["ReplicationStatus"][1]["Status"], "InProgress");
    sandbox.advance("1m");
    let status = |index: usize| sandbox.describe_secret("a")["ReplicationStatus"][index].clone();
    assert_eq!(status(0)["Status"], "Failed");
    assert_eq!(status(0)["StatusMessage"], "Replication failed: Secret name a already exists in region us-west-2.");
    assert_eq!((status(1)["Status"].clone(), status(1)["KmsKeyId"].clone()), (json!("Failed"), json!("alias/absent")));
    let value =
        || sandbox.secrets_in("us-west-2", "GetSecretValue", &json!({"SecretId": "a"})).1["SecretString"].clone();
    assert_eq!(value(), "theirs");

    let again = json!({
        "SecretId": "a", "AddReplicaRegions": [{"Region": "us-west-2"}], "ForceOverwriteReplicaSecret": true,
    });
    sandbox.secrets("ReplicateSecretToRegions", again.clone());
    sandbox.advance("1m");
    assert_eq!((status(1)["Status"].clone(), value()), (json!("InSync"), json!("ours")));
    assert_eq!(sandbox.fails("ReplicateSecretToRegions", again).0, "InvalidParameterException");
    for region in ["us-east-1", "cn-north-1", "nowhere"] {
        let input = json!({"SecretId": "a", "AddReplicaRegions": [{"Region": region}]});
        let code = sandbox.fails("ReplicateSecretToRegions", input).0;
        let wanted = if region == "nowhere" { "ValidationException" } else { "InvalidParameterException" };
        assert_eq!(code, wanted);
    }
}

#[test]
fn another_key_encrypts_what_is_in_use_and_none_goes_back_to_the_default() {
    let sandbox = Sandbox::new();
    let (one, two) = (sandbox.key(), sandbox.key());
    three_versions(&sandbox);
    sandbox.secrets("UpdateSecret", json!({"SecretId": "a", "KmsKeyId": one}));
    assert_eq!(sandbox.describe_secret("a")["KmsKeyId"], one.as_str());
    sandbox.secrets("UpdateSecret", json!({"SecretId": "a", "KmsKeyId": two}));
    let versions = sandbox.secrets("ListSecretVersionIds", json!({"SecretId": "a", "IncludeDeprecated": true}));
    let keys: Vec<&Value> = versions["Versions"].as_array().unwrap().iter().map(|it| &it["KmsKeyIds"][0]).collect();
    assert_eq!(keys, [two.as_str(), two.as_str(), "DefaultEncryptionKey"]);

    sandbox.kms("DisableKey", json!({"KeyId": two}));
    let get = |id: &str| sandbox.call("secretsmanager.GetSecretValue", json!({"SecretId": "a", "VersionId": id}));
    assert_eq!([get(TOKENS[2]).code(), get(TOKENS[0]).code()], ["DecryptionFailure", ""]);
    let put = json!({"SecretId": "a", "SecretString": "x"});
    assert_eq!(sandbox.fails("PutSecretValue", put).0, "EncryptionFailure");
    for key in [one.as_str(), ""] {
        assert_eq!(sandbox.fails("UpdateSecret", json!({"SecretId": "a", "KmsKeyId": key})).0, "DecryptionFailure");
    }
    assert_eq!(sandbox.fails("UpdateSecret", json!({"SecretId": "a", "KmsKeyId": two})).0, "EncryptionFailure");
    sandbox.secrets("UpdateSecret", json!({"SecretId": "a", "Description": "no key is needed"}));
    sandbox.kms("EnableKey", json!({"KeyId": two}));
    sandbox.secrets("UpdateSecret", json!({"SecretId": "a", "KmsKeyId": ""}));
    assert!(sandbox.describe_secret("a").get("KmsKeyId").is_none());
    sandbox.kms("ScheduleKeyDeletion", json!({"KeyId": two}));
    assert_eq!(get(TOKENS[2]).json()["SecretString"], "3");
    for key in [two.as_str(), "alias/absent"] {
        let create = json!({"Name": "b", "SecretString": "x", "KmsKeyId": key});
        assert_eq!(sandbox.fails("CreateSecret", create).0, "EncryptionFailure");
    }
}

#[test]
fn without_the_permission_to_encrypt_old_versions_stay_with_their_key() {
    let sandbox = Sandbox::new();
    let key = sandbox.key();
    sandbox.create("a");
    let policy = json!({"Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "kms:Encrypt", "Resource": key},
    ]});
    assert_eq!(sandbox.control("PUT", "policy", &policy).status, 200);
    sandbox.secrets("UpdateSecret", json!({"SecretId": "a", "KmsKeyId": key}));
    assert_eq!(sandbox.describe_secret("a")["KmsKeyId"], key.as_str());
    let versions = sandbox.secrets("ListSecretVersionIds", json!({"SecretId": "a"}));
    assert_eq!(versions["Versions"][0]["KmsKeyIds"], json!(["DefaultEncryptionKey"]));
    sandbox.kms("DisableKey", json!({"KeyId": key}));
    assert_eq!(sandbox.secrets("GetSecretValue", json!({"SecretId": "a"}))["SecretString"], "one");
}

#[test]
fn passwords_have_what_was_asked_for() {
    let sandbox = Sandbox::new();
    let get = |input: Value| sandbox.secrets("GetRandomPassword", input)["RandomPassword"].as_str().unwrap().to_owned();
    let password = get(json!({}));
    assert_eq!(password.len(), 32);
    assert_ne!(password, get(json!({})));
    for _ in 0..20 {
        let password = get(json!({"PasswordLength": 4}));
        let kinds: [fn(char) -> bool; 4] = [
            |c| c.is_ascii_lowercase(),
            |c| c.is_ascii_uppercase(),
            |c| c.is_ascii_digit(),
            |c| c.is_ascii_punctuation(),
        ];
        assert!(kinds.iter().all(|kind| password.contains(*kind)), "{password}");
    }
    assert!(get(json!({"PasswordLength": 4096, "IncludeSpace": true})).contains(' '));
    assert!(!get(json!({"PasswordLength": 4096})).contains(' '));
    let plain = get(json!({
        "PasswordLength": 4096, "ExcludePunctuation": true, "ExcludeUppercase": true, "ExcludeCharacters": "abc0",
    }));
    assert!(plain.chars().all(|c| (c.is_ascii_lowercase() || c.is_ascii_digit()) && !"abc0".contains(c)));
    let digits = get(json!({
        "ExcludePunctuation": true, "ExcludeUppercase": true, "ExcludeLowercase": true, "PasswordLength": 1,
    }));
    assert!(digits.chars().all(|c| c.is_ascii_digit()));
    assert_eq!(sandbox.fails("GetRandomPassword", json!({"PasswordLength": 3})).0, "InvalidParameterException");
    assert_eq!(get(json!({"PasswordLength": 3, "RequireEachIncludedType": false})).len(), 3);
    let nothing = json!({"ExcludeCharacters": "0123456789"});
    assert_eq!(sandbox.fails("GetRandomPassword", nothing).0, "InvalidParameterException");
    assert_eq!(sandbox.fails("GetRandomPassword", json!({"PasswordLength": 4097})).0, "ValidationException");
}

#[test]
fn deletion_says_how_and_is_not_said_twice() {
    let sandbox = Sandbox::new();
    sandbox.create("a");
    let delete = |more: Value| {
        let mut input = more;
        input["SecretId"] = "a".into();
        sandbox.call("secretsmanager.DeleteSecret", input).code()
    };
    assert_eq!(
        delete(json!({"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true})),
        "InvalidParameterException"
    );
    for days in [6, 31] {
        assert_eq!(delete(json!({"RecoveryWindowInDays": days})), "InvalidParameterException");
    }
    assert_eq!(delete(json!({"RecoveryWindowInDays": 30})), "");
    assert_eq!(delete(json!({})), "InvalidRequestException");
    for (operation, more) in [
        ("UpdateSecret", json!({"Description": "x"})),
        ("UpdateSecretVersionStage", json!({"VersionStage": "x", "MoveToVersionId": TOKENS[0]})),
        ("ReplicateSecretToRegions", json!({"AddReplicaRegions": [{"Region": "us-west-2"}]})),
        ("TagResource", json!({"Tags": []})),
    ] {
        let mut input = more;
        input["SecretId"] = "a".into();
        assert_eq!(sandbox.fails(operation, input).0, "InvalidRequestException", "{operation}");
    }
    sandbox.secrets("ListSecretVersionIds", json!({"SecretId": "a"}));
    sandbox.secrets("RestoreSecret", json!({"SecretId": "a"}));
    assert!(sandbox.describe_secret("a").get("DeletedDate").is_none());
}

#[test]
fn tags_are_limited_and_the_prefix_of_aws_is_its_own() {
    let sandbox = Sandbox::new();
    sandbox.create("a");
    let tag = |tags: Value| sandbox.call("secretsmanager.TagResource", json!({"SecretId": "a", "Tags": tags})).code();
    assert_eq!(tag(json!([{"Key": "aws:mine", "Value": "x"}])), "InvalidParameterException");
    let many: Value = (0..51).map(|number| json!({"Key": format!("k{number}"), "Value": ""})).collect();
    assert_eq!(tag(many), "InvalidParameterException");
    assert!(sandbox.describe_secret("a").get("Tags").is_none());
}

#[test]
fn a_managed_secret_refuses_the_other_writes_as_well() {
    let sandbox = Sandbox::new();
    sandbox.events("CreateConnection", basic("orders"));
    let id = sandbox.describe("orders")["SecretArn"].clone();
    for (operation, more) in [
        (
            "PutResourcePolicy",
            json!({"ResourcePolicy": r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}"#}),
        ),
        ("DeleteResourcePolicy", json!({})),
        ("ReplicateSecretToRegions", json!({"AddReplicaRegions": [{"Region": "us-west-2"}]})),
        ("UpdateSecretVersionStage", json!({"VersionStage": "mine", "MoveToVersionId": TOKENS[0]})),
    ] {
        let mut input = more;
        input["SecretId"] = id.clone();
        assert_eq!(sandbox.fails(operation, input).0, "InvalidRequestException", "{operation}");
    }
}

#[test]
fn what_comes_with_a_new_secret_needs_its_own_permission() {
    let sandbox = Sandbox::new();
    sandbox.create("b");
    let allow = |actions: Value| {
        let policy = json!({"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
        assert_eq!(sandbox.control("PUT", "policy", &policy).status, 200);
    };
    let tagged = json!({"Name": "a", "SecretString": "x", "Tags": [{"Key": "k", "Value": "v"}]});
    let copied = json!({"Name": "c", "SecretString": "x", "AddReplicaRegions": [{"Region": "us-west-2"}]});
    allow(json!([
        "secretsmanager:CreateSecret",
        "secretsmanager:BatchGetSecretValue",
        "secretsmanager:GetSecretValue"
    ]));
    let (code, text) = sandbox.fails("CreateSecret", tagged.clone());
    assert_eq!(code, "AccessDeniedException");
    assert!(text.contains("secretsmanager:TagResource"), "{text}");
    assert!(sandbox.fails("CreateSecret", copied.clone()).1.contains("secretsmanager:ReplicateSecretToRegions"));
    let batch = json!({"Filters": [{"Key": "name", "Values": ["b"]}]});
    assert!(sandbox.fails("BatchGetSecretValue", batch.clone()).1.contains("secretsmanager:ListSecrets"));
    allow(json!(["secretsmanager:*"]));
    sandbox.secrets("CreateSecret", tagged);
    sandbox.secrets("CreateSecret", copied);
    assert_eq!(sandbox.secrets("BatchGetSecretValue", batch)["SecretValues"][0]["Name"], "b");

    let arn = sandbox.describe_secret("b")["ARN"].clone();
    let policy = json!({"Statement": [{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": arn}]});
    assert_eq!(sandbox.control("PUT", "policy", &policy).status, 200);
    sandbox.secrets("ListSecretVersionIds", json!({"SecretId": "b"}));
    sandbox.secrets("GetResourcePolicy", json!({"SecretId": arn}));
    assert_eq!(sandbox.fails("GetResourcePolicy", json!({"SecretId": "a"})).0, "AccessDeniedException");
    assert_eq!(sandbox.fails("GetRandomPassword", json!({})).0, "AccessDeniedException");
    let last = sandbox.calls();
    let logged: Vec<&str> = last.iter().rev().take(4).filter_map(|call| call["resource"].as_str()).collect();
    assert_eq!(logged, ["a", "b", "b"]);
}
