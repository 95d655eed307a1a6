//! The Resource Groups Tagging API: what is tagged in all services, and what the answers leave open.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, Sandbox};
use serde_json::{Value, json};

impl Sandbox {
    fn tagging(&self, operation: &str, input: Value) -> Answer {
        self.call(&format!("ResourceGroupsTaggingAPI_20170126.{operation}"), input)
    }

    fn done(&self, operation: &str, input: Value) -> Value {
        let answer = self.tagging(operation, input);
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()
    }

    /// The last parts of the ARNs that are found, which stand in the ARNs' order.
    fn found(&self, input: Value) -> Vec<String> {
        let page = self.done("GetResources", input);
        arns(&page).iter().map(|arn| end(arn)).collect()
    }

    fn glue(&self, name: &str, tags: Value) -> String {
        let connection = json!({
            "Name": name, "ConnectionType": "NETWORK", "ConnectionProperties": {},
            "PhysicalConnectionRequirements": {"SubnetId": "subnet-1", "SecurityGroupIdList": ["sg-1"], "AvailabilityZone": "us-east-1a"},
        });
        let answer = self.call("AWSGlue.CreateConnection", json!({"ConnectionInput": connection, "Tags": tags}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        format!("arn:aws:glue:us-east-1:123456789012:connection/{name}")
    }

    fn secret(&self, name: &str, tags: Value) -> String {
        let made = self.secrets("CreateSecret", json!({"Name": name, "SecretString": "x", "Tags": tags}));
        made["ARN"].as_str().unwrap().to_owned()
    }

    fn key(&self, tags: Value) -> String {
        self.kms("CreateKey", json!({"Tags": tags}))["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }
}

fn arns(page: &Value) -> Vec<String> {
    let all = page["ResourceTagMappingList"].as_array().unwrap().iter();
    all.map(|it| it["ResourceARN"].as_str().unwrap().to_owned()).collect()
}

/// `connection`, `key` or `secret`, whose names end at random.
fn end(arn: &str) -> String {
    arn.split(':').nth(5).unwrap().split('/').next().unwrap().to_owned()
}

fn tagged(key: &str, values: &[&str]) -> Value {
    json!({"TagFilters": [{"Key": key, "Values": values}]})
}

#[test]
fn all_services_are_searched_by_tags_and_kinds() {
    let sandbox = Sandbox::new();
    let glue = sandbox.glue("orders", json!({"team": "orders", "stage": "dev"}));
    sandbox.secret("orders", json!([{"Key": "team", "Value": "orders"}, {"Key": "stage", "Value": "prod"}]));
    sandbox.key(json!([{"TagKey": "team", "TagValue": "payments"}]));
    sandbox.secret("never-tagged", json!([]));
    sandbox.key(json!([]));
    sandbox.glue("never-tagged", json!({}));

    assert_eq!(sandbox.found(json!({})), ["connection", "key", "secret"]);
    assert_eq!(sandbox.found(tagged("team", &["orders"])), ["connection", "secret"]);
    assert_eq!(sandbox.found(tagged("team", &["orders", "payments"])), ["connection", "key", "secret"]);
    assert_eq!(sandbox.found(tagged("stage", &[])), ["connection", "secret"]);
    assert_eq!(sandbox.found(tagged("Team", &[])), Vec::<String>::new());
    let both = json!({"TagFilters": [{"Key": "team"}, {"Key": "stage", "Values": ["prod", "test"]}]});
    assert_eq!(sandbox.found(both), ["secret"]);
    let kinds = |kinds: &[&str]| sandbox.found(json!({"ResourceTypeFilters": kinds}));
    assert_eq!(kinds(&["glue:connection"]), ["connection"]);
    assert_eq!(kinds(&["secretsmanager", "kms:key"]), ["key", "secret"]);
    assert_eq!(kinds(&["secretsmanager:secret"]), ["secret"]);
    assert_eq!(kinds(&["kms:alias", "ec2"]), Vec::<String>::new());
    assert_eq!(
        sandbox.found(json!({"ResourceARNList": [glue, "arn:aws:kms:us-east-1:123456789012:key/x"]})),
        ["connection"]
    );
    let page = sandbox.done("GetResources", tagged("stage", &["dev"]));
    assert_eq!(
        page,
        json!({"PaginationToken": "", "ResourceTagMappingList": [{
            "ResourceARN": glue, "Tags": [{"Key": "stage", "Value": "dev"}, {"Key": "team", "Value": "orders"}],
        }]})
    );

    assert_eq!(sandbox.done("GetTagKeys", json!({}))["TagKeys"], json!(["stage", "team"]));
    let values = sandbox.done("GetTagValues", json!({"Key": "team"}));
    assert_eq!(values, json!({"TagValues": ["orders", "payments"], "PaginationToken": ""}));
    let elsewhere = sandbox
        .call_as("AKIDEXAMPLE", "eu-west-1", "ResourceGroupsTaggingAPI_20170126.GetResources", &json!({}))
        .unwrap();
    assert_eq!(arns(&elsewhere.json()), Vec::<String>::new());
}

#[test]
fn what_was_tagged_once_stays_and_what_waits_for_its_end_too() {
    let sandbox = Sandbox::new();
    sandbox.glue("orders", json!({"team": "orders"}));
    let secret = sandbox.secret("orders", json!([{"Key": "team", "Value": "orders"}]));
    let key = sandbox.key(json!([{"TagKey": "team", "TagValue": "orders"}]));
    sandbox.secrets("UntagResource", json!({"SecretId": secret, "TagKeys": ["team"]}));
    let page = sandbox.done("GetResources", json!({"ResourceTypeFilters": ["secretsmanager"]}));
    assert_eq!(page["ResourceTagMappingList"], json!([{"ResourceARN": secret, "Tags": []}]));
    assert_eq!(sandbox.found(tagged("team", &[])), ["connection", "key"]);

    sandbox.secrets("DeleteSecret", json!({"SecretId": secret, "RecoveryWindowInDays": 7}));
    sandbox.kms("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
    assert_eq!(sandbox.found(json!({})), ["connection", "key", "secret"]);
    sandbox.advance("7d");
    assert_eq!(sandbox.found(json!({})), ["connection"]);
}

#[test]
fn pages_are_as_long_as_asked_and_their_tokens_end() {
    let sandbox = Sandbox::new();
    let tags: Value = (0..40).map(|number| json!({"Key": format!("k{number:02}"), "Value": ""})).collect();
    for number in 0..55 {
        let tags = if number < 5 { tags.clone() } else { json!([{"Key": "one", "Value": ""}]) };
        sandbox.secret(&format!("n-{number:02}"), tags);
    }
    let count = |input: Value| arns(&sandbox.done("GetResources", input)).len();
    assert_eq!(count(json!({})), 50);
    assert_eq!(count(json!({"ResourcesPerPage": 100})), 55);
    assert_eq!(count(json!({"TagsPerPage": 100})), 2, "no resource is split");
    for (member, wrong) in
        [("ResourcesPerPage", 0), ("ResourcesPerPage", 101), ("TagsPerPage", 99), ("TagsPerPage", 501)]
    {
        assert_eq!(sandbox.tagging("GetResources", json!({member: wrong})).code(), "InvalidParameterException");
    }
    let (mut all, mut token) = (Vec::new(), json!(""));
    loop {
        let page = sandbox.done("GetResources", json!({"ResourcesPerPage": 20, "PaginationToken": token}));
        all.extend(arns(&page));
        token = page["PaginationToken"].clone();
        if token == "" {
            break;
        }
    }
    assert_eq!(all.len(), 55);
    assert!(all.is_sorted());

    let first = sandbox.done("GetResources", json!({}));
    let next = json!({"PaginationToken": first["PaginationToken"]});
    assert_eq!(count(next.clone()), 5);
    sandbox.advance("16m");
    assert_eq!(sandbox.tagging("GetResources", next).code(), "PaginationTokenExpiredException");
    for operation in ["GetResources", "GetTagKeys"] {
        let answer = sandbox.tagging(operation, json!({"PaginationToken": "nonsense"}));
        assert_eq!(answer.code(), "InvalidParameterException");
        assert!(answer.json()["Message"].is_string(), "{}", answer.body);
    }
}

#[test]
fn parameters_that_exclude_each_other_are_refused() {
    let sandbox = Sandbox::new();
    let arn = sandbox.glue("orders", json!({"team": "orders"}));
    for more in [
        json!({"TagFilters": [{"Key": "team"}]}),
        json!({"ResourceTypeFilters": ["glue"]}),
        json!({"ResourcesPerPage": 10}),
        json!({"TagsPerPage": 100}),
    ] {
        let mut input = more;
        input["ResourceARNList"] = json!([arn]);
        assert_eq!(sandbox.tagging("GetResources", input).code(), "InvalidParameterException");
    }
    for input in [
        json!({"TagFilters": [{"Values": ["x"]}]}),
        json!({"ResourceTypeFilters": [":connection"]}),
        json!({"ExcludeCompliantResources": true}),
    ] {
        assert_eq!(sandbox.tagging("GetResources", input).code(), "InvalidParameterException");
    }
    let page = sandbox.done("GetResources", json!({"IncludeComplianceDetails": true}));
    assert_eq!(page["ResourceTagMappingList"][0]["ComplianceDetails"], json!({"ComplianceStatus": true}));
    let none = json!({"IncludeComplianceDetails": true, "ExcludeCompliantResources": true});
    assert_eq!(sandbox.found(none), Vec::<String>::new());
}

#[test]
fn tags_are_put_on_all_that_take_them_and_failures_are_told() {
    let sandbox = Sandbox::new();
    let glue = sandbox.glue("orders", json!({}));
    let secret = sandbox.secret("orders", json!([]));
    let key = sandbox.key(json!([]));
    let pending = sandbox.key(json!([]));
    sandbox.kms("ScheduleKeyDeletion", json!({"KeyId": pending}));
    let absent = glue.replace("orders", "absent");
    let queue = "arn:aws:sqs:us-east-1:123456789012:no-such-queue".to_owned();
    let all = json!([glue, secret, key, pending, absent, queue]);
    let answer = sandbox.done("TagResources", json!({"ResourceARNList": all, "Tags": {"team": "orders", "b": ""}}));
    let failed = answer["FailedResourcesMap"].as_object().unwrap();
    assert_eq!(failed.keys().collect::<Vec<_>>(), [&pending, &absent, &queue]);
    assert_eq!(failed[&pending]["ErrorCode"], "KMSInvalidStateException");
    assert_eq!(failed[&absent]["ErrorCode"], "EntityNotFoundException");
    assert_eq!(failed[&pending]["StatusCode"], 400);
    assert_eq!(sandbox.found(tagged("team", &["orders"])), ["connection", "key", "secret"]);
    let own = sandbox.call("AWSGlue.GetTags", json!({"ResourceArn": glue})).json();
    assert_eq!(own["Tags"], json!({"b": "", "team": "orders"}));

    let answer = sandbox.done("UntagResources", json!({"ResourceARNList": [glue, secret, key], "TagKeys": ["team"]}));
    assert_eq!(answer, json!({"FailedResourcesMap": {}}));
    assert_eq!(sandbox.found(tagged("team", &[])), Vec::<String>::new());
    assert_eq!(sandbox.found(tagged("b", &[])), ["connection", "key", "secret"]);
    let logged = sandbox.calls().last().unwrap().clone();
    assert_eq!((&logged["service"], &logged["operation"]), (&json!("tagging"), &json!("GetResources")));
    let logged = sandbox.calls().into_iter().find(|call| call["operation"] == "UntagResources").unwrap();
    assert_eq!(logged["resource"], glue.as_str());

    for input in [
        json!({"ResourceARNList": [glue], "Tags": {"aws:mine": "x"}}),
        json!({"ResourceARNList": [glue], "Tags": {}}),
        json!({"ResourceARNList": ["orders"], "Tags": {"a": "b"}}),
    ] {
        assert_eq!(sandbox.tagging("TagResources", input).code(), "InvalidParameterException");
    }
    let many: Vec<String> = (0..21).map(|number| format!("{glue}{number}")).collect();
    let input = json!({"ResourceARNList": many, "Tags": {"a": "b"}});
    assert_eq!(sandbox.tagging("TagResources", input).code(), "ValidationException");
}

#[test]
fn the_index_lags_and_the_services_do_not() {
    let sandbox = Sandbox::new();
    let arn = sandbox.glue("orders", json!({"team": "orders"}));
    sandbox.advance("1h");
    sandbox.secret("younger", json!([{"Key": "team", "Value": "orders"}]));
    let untag = json!({"ResourceArn": arn, "TagsToRemove": ["team"]});
    assert_eq!(sandbox.call("AWSGlue.UntagResource", untag).status, 200);
    sandbox.faults(json!([{"service": "tagging", "operation": "GetResources", "stale_ms": 60_000}]));
    assert_eq!(sandbox.found(tagged("team", &["orders"])), ["connection"]);
    assert_eq!(sandbox.call("AWSGlue.GetTags", json!({"ResourceArn": arn})).json()["Tags"], json!({}));
    sandbox.secrets("GetSecretValue", json!({"SecretId": "younger"}));
    assert_eq!(sandbox.done("GetTagValues", json!({"Key": "team"}))["TagValues"], json!(["orders"]));
    sandbox.advance("1m");
    assert_eq!(sandbox.found(tagged("team", &["orders"])), ["secret"]);
}

#[test]
fn both_the_api_and_the_service_must_be_allowed() {
    let sandbox = Sandbox::new();
    let arn = sandbox.glue("orders", json!({"team": "orders"}));
    let allow = |actions: Value, resource: &str| {
        let policy = json!({"Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": resource},
            {"Effect": "Allow", "Action": "tag:TagResources", "Resource": "*"},
        ]});
        assert_eq!(sandbox.control("PUT", "policy", &policy).status, 200);
    };
    allow(json!(["glue:TagResource"]), "arn:aws:glue:*:*:connection/other");
    let refused = sandbox.tagging("GetResources", json!({}));
    assert_eq!(refused.code(), "AccessDeniedException");
    assert!(refused.body.contains("tag:GetResources on resource: *"), "{}", refused.body);
    let tag = || sandbox.done("TagResources", json!({"ResourceARNList": [arn], "Tags": {"a": "b"}}));
    assert_eq!(tag()["FailedResourcesMap"][&arn]["ErrorCode"], "AccessDeniedException");
    allow(json!(["glue:TagResource", "tag:GetResources"]), "*");
    assert_eq!(tag(), json!({"FailedResourcesMap": {}}));
    assert_eq!(sandbox.found(tagged("a", &["b"])), ["connection"]);
}
