//! Cloud Control on the wire: what is made here is seen by the services and the other way round.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, Sandbox, basic, slow};
use serde_json::{Value, json};
use trueup_sandbox::{Options, dump_state};

const GROUP: &str = "AWS::Logs::LogGroup";
const QUEUE: &str = "AWS::SQS::Queue";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn ask(sandbox: &Sandbox, operation: &str, input: Value) -> Answer {
    sandbox.call(&format!("CloudApiService.{operation}"), input)
}

fn done(sandbox: &Sandbox, target: &str, input: Value) -> Value {
    let answer = sandbox.call(target, input);
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    answer.json()
}

/// Asks for a change that must be taken; returns its token.
fn begin(sandbox: &Sandbox, operation: &str, input: Value) -> String {
    let event = done(sandbox, &format!("CloudApiService.{operation}"), input)["ProgressEvent"].clone();
    assert_eq!(event["OperationStatus"], "IN_PROGRESS", "{event}");
    event["RequestToken"].as_str().unwrap().to_owned()
}

fn create(sandbox: &Sandbox, kind: &str, model: &Value) -> String {
    begin(sandbox, "CreateResource", json!({"TypeName": kind, "DesiredState": model.to_string()}))
}

fn patch(sandbox: &Sandbox, kind: &str, identifier: &str, operations: &Value) -> String {
    let input = json!({"TypeName": kind, "Identifier": identifier, "PatchDocument": operations.to_string()});
    begin(sandbox, "UpdateResource", input)
}

fn event(sandbox: &Sandbox, token: &str) -> Value {
    let input = json!({"RequestToken": token});
    done(sandbox, "CloudApiService.GetResourceRequestStatus", input)["ProgressEvent"].clone()
}

fn end(sandbox: &Sandbox, token: &str) -> Value {
    sandbox.advance("2m");
    event(sandbox, token)
}

fn read(sandbox: &Sandbox, kind: &str, identifier: &str) -> Value {
    let found = done(sandbox, "CloudApiService.GetResource", json!({"TypeName": kind, "Identifier": identifier}));
    serde_json::from_str(found["ResourceDescription"]["Properties"].as_str().unwrap()).unwrap()
}

fn form(sandbox: &Sandbox, service: &str, body: &str) -> Answer {
    let signed =
        format!("Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/{service}/aws4_request\r\n");
    sandbox.send("POST", "/", &signed, body).unwrap()
}

fn s3(sandbox: &Sandbox, method: &str, path: &str, body: &str) -> Answer {
    let signed = "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/s3/aws4_request\r\n";
    sandbox.send(method, path, signed, body).unwrap()
}

#[test]
fn an_effect_is_seen_when_its_request_is_done_and_not_before() {
    let sandbox = Sandbox::new();
    let token = create(&sandbox, GROUP, &json!({"LogGroupName": "/a", "RetentionInDays": 7}));
    assert_eq!(event(&sandbox, &token)["Identifier"], "/a");
    assert_eq!(done(&sandbox, "Logs_20140328.DescribeLogGroups", json!({}))["logGroups"], json!([]));
    let absent = ask(&sandbox, "GetResource", json!({"TypeName": GROUP, "Identifier": "/a"}));
    assert_eq!(absent.code(), "ResourceNotFoundException");
    assert!(absent.headers.contains("application/x-amz-json-1.0"), "{}", absent.headers);
    assert!(absent.json()["Message"].as_str().unwrap().contains("(HandlerErrorCode: NotFound, RequestToken: "));
    let second = ask(&sandbox, "DeleteResource", json!({"TypeName": GROUP, "Identifier": "/a"}));
    assert_eq!(second.code(), "ConcurrentOperationException");
    sandbox.advance("61s");
    let groups = done(&sandbox, "Logs_20140328.DescribeLogGroups", json!({}));
    assert_eq!(groups["logGroups"][0]["retentionInDays"], 7);
    let event = event(&sandbox, &token);
    assert_eq!(event["OperationStatus"], "SUCCESS");
    let made = groups["logGroups"][0]["creationTime"].as_f64().unwrap() / 1000.0;
    assert!((event["EventTime"].as_f64().unwrap() - made).abs() < 0.01, "done as of the moment it was due");
    let model: Value = serde_json::from_str(event["ResourceModel"].as_str().unwrap()).unwrap();
    assert_eq!(model, read(&sandbox, GROUP, "/a"));
}

#[test]
fn drift_is_seen_both_ways() {
    let sandbox = Sandbox::new();
    let token = create(&sandbox, QUEUE, &json!({"VisibilityTimeout": 60}));
    let url = end(&sandbox, &token)["Identifier"].as_str().unwrap().to_owned();
    let set = json!({"QueueUrl": url, "Attributes": {"VisibilityTimeout": "90"}});
    done(&sandbox, "AmazonSQS.SetQueueAttributes", set);
    assert_eq!(read(&sandbox, QUEUE, &url)["VisibilityTimeout"], 90);
    let token = patch(&sandbox, QUEUE, &url, &json!([{"op": "replace", "path": "/VisibilityTimeout", "value": 60}]));
    assert_eq!(end(&sandbox, &token)["OperationStatus"], "SUCCESS");
    let asked = json!({"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]});
    let found = done(&sandbox, "AmazonSQS.GetQueueAttributes", asked);
    assert_eq!(found["Attributes"], json!({"VisibilityTimeout": "60"}));
    // What another changes between a request and its end is overwritten by what was desired.
    let token = patch(&sandbox, QUEUE, &url, &json!([{"op": "replace", "path": "/DelaySeconds", "value": 5}]));
    let set = json!({"QueueUrl": url, "Attributes": {"VisibilityTimeout": "90"}});
    done(&sandbox, "AmazonSQS.SetQueueAttributes", set);
    end(&sandbox, &token);
    let found = read(&sandbox, QUEUE, &url);
    assert_eq!((&found["VisibilityTimeout"], &found["DelaySeconds"]), (&json!(60), &json!(5)));
    // And what is gone when a request is due makes it fail.
    let token = patch(&sandbox, QUEUE, &url, &json!([{"op": "remove", "path": "/DelaySeconds"}]));
    done(&sandbox, "AmazonSQS.DeleteQueue", json!({"QueueUrl": url}));
    let event = end(&sandbox, &token);
    assert_eq!((&event["OperationStatus"], &event["ErrorCode"]), (&json!("FAILED"), &json!("NotFound")));
    let gone = sandbox.call("AmazonSQS.GetQueueAttributes", json!({"QueueUrl": url}));
    assert!(gone.headers.contains("x-amzn-query-error: aws.simplequeueservice.nonexistentqueue;sender"));
}

#[test]
fn a_url_of_another_region_is_no_queue_here() {
    let sandbox = Sandbox::new();
    let made = done(&sandbox, "AmazonSQS.CreateQueue", json!({"QueueName": "orders"}));
    let url = made["QueueUrl"].as_str().unwrap().replace("us-east-1", "eu-west-1");
    assert_eq!(sandbox.call("AmazonSQS.ListQueueTags", json!({"QueueUrl": url})).code(), "QueueDoesNotExist");
}

#[test]
fn a_connection_is_done_when_it_has_settled_and_secrets_stay_inside() {
    let sandbox = Sandbox::new();
    let kind = "AWS::Events::Connection";
    let token = create(&sandbox, kind, &common::oauth("later"));
    sandbox.advance("61s");
    assert_eq!(sandbox.describe("later")["ConnectionState"], "AUTHORIZING");
    assert_eq!(event(&sandbox, &token)["OperationStatus"], "IN_PROGRESS");
    sandbox.advance("61s");
    let done = event(&sandbox, &token);
    assert_eq!(done["OperationStatus"], "SUCCESS");
    assert!(!done.to_string().contains("hunter2"));
    assert_eq!(sandbox.payload("later")["client_secret"], "hunter2-client");
    assert!(!sandbox.control("GET", "state", &Value::Null).body.contains("hunter2"));
    sandbox.events("CreateConnection", basic("native"));
    let shown = read(&sandbox, kind, "native");
    assert_eq!(shown["AuthParameters"], json!({"BasicAuthParameters": {"Username": "user"}}));
    let secret =
        json!({"Name": "x", "AuthParameters": {"BasicAuthParameters": {"Username": "u", "Password": "hunter2\u{1}"}}});
    let refused = ask(&sandbox, "CreateResource", json!({"TypeName": kind, "DesiredState": secret.to_string()}));
    assert_eq!(refused.code(), "ValidationException");
    assert!(refused.body.contains("#/AuthParameters/BasicAuthParameters/Password: string does not match pattern"));
    assert!(!refused.body.contains("hunter2"));
    let both = json!({"AuthParameters": {
        "BasicAuthParameters": {"Username": "u", "Password": "p"},
        "ApiKeyAuthParameters": {"ApiKeyName": "n", "ApiKeyValue": "v"},
    }});
    let refused = ask(&sandbox, "CreateResource", json!({"TypeName": kind, "DesiredState": both.to_string()}));
    assert!(refused.body.contains("#/AuthParameters: 2 subschemas matched instead of one"), "{}", refused.body);
}

#[test]
fn a_request_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let options = || Options { state: Some(path.clone()), ..slow() };
    let sandbox = Sandbox::with(options()).unwrap();
    let model = json!({"Name": "app/db", "SecretString": "hunter2-value"});
    let token = create(&sandbox, "AWS::SecretsManager::Secret", &model);
    let asked = json!({"TypeName": GROUP, "DesiredState": "{}", "ClientToken": "mine"});
    let mine = begin(&sandbox, "CreateResource", asked.clone());
    sandbox.stop();
    assert!(!dump_state(&path).unwrap().to_string().contains("hunter2"));
    let sandbox = Sandbox::with(options()).unwrap();
    assert_eq!(begin(&sandbox, "CreateResource", asked), mine);
    let event = end(&sandbox, &token);
    assert_eq!(event["OperationStatus"], "SUCCESS");
    let value = sandbox.secrets("GetSecretValue", json!({"SecretId": event["Identifier"]}));
    assert_eq!(value["SecretString"], "hunter2-value");
    let model: Value = serde_json::from_str(event["ResourceModel"].as_str().unwrap()).unwrap();
    assert_eq!(model, json!({"Id": event["Identifier"], "Name": "app/db"}));
    sandbox.control("POST", "reset", &Value::Null);
    let forgotten = ask(&sandbox, "GetResourceRequestStatus", json!({"RequestToken": token}));
    assert_eq!(forgotten.code(), "RequestTokenNotFoundException");
}

#[test]
fn requests_are_of_their_account_and_region_and_tokens_end() {
    let sandbox = Sandbox::new();
    let asked = json!({"TypeName": GROUP, "DesiredState": "{}", "ClientToken": "mine"});
    let first = begin(&sandbox, "CreateResource", asked.clone());
    for (key, region) in [("111122223333", "us-east-1"), ("AKID", "eu-west-1")] {
        let input = json!({"RequestToken": first});
        let answer = sandbox.call_as(key, region, "CloudApiService.GetResourceRequestStatus", &input).unwrap();
        assert_eq!(answer.code(), "RequestTokenNotFoundException");
    }
    let other = json!({"TypeName": QUEUE, "DesiredState": "{}", "ClientToken": "mine"});
    assert_eq!(ask(&sandbox, "CreateResource", other.clone()).code(), "ClientTokenConflictException");
    sandbox.advance("37h");
    assert_ne!(begin(&sandbox, "CreateResource", other), first);
    assert_eq!(event(&sandbox, &first)["OperationStatus"], "SUCCESS");
    sandbox.advance("8d");
    begin(&sandbox, "CreateResource", json!({"TypeName": GROUP, "DesiredState": "{}"}));
    let all = done(&sandbox, "CloudApiService.ListResourceRequests", json!({}));
    assert_eq!(all["ResourceRequestStatusSummaries"].as_array().unwrap().len(), 1);
}

#[test]
fn faults_and_the_policy_reach_the_handlers() {
    let sandbox = Sandbox::new();
    sandbox.faults(json!([
        {"service": "logs", "operation": "PutRetentionPolicy", "count": 1, "deny": true},
        {"operation": "GetResourceRequestStatus", "skip": 1, "count": 2, "states": ["IN_PROGRESS", "FAILED"]},
    ]));
    let token = create(&sandbox, GROUP, &json!({"LogGroupName": "/a", "RetentionInDays": 7}));
    let event = end(&sandbox, &token);
    assert_eq!((&event["OperationStatus"], &event["ErrorCode"]), (&json!("FAILED"), &json!("AccessDenied")));
    assert!(event["StatusMessage"].as_str().unwrap().contains("logs:PutRetentionPolicy"), "{event}");
    assert_eq!(read(&sandbox, GROUP, "/a")["RetentionInDays"], Value::Null, "what was done before stays");
    let token = create(&sandbox, GROUP, &json!({"LogGroupName": "/b"}));
    assert_eq!(end(&sandbox, &token)["OperationStatus"], "IN_PROGRESS");
    let failed = self::event(&sandbox, &token);
    assert_eq!((&failed["OperationStatus"], &failed["ErrorCode"]), (&json!("FAILED"), &json!("NotStabilized")));
    assert_eq!(self::event(&sandbox, &token)["OperationStatus"], "SUCCESS");

    let statement = |resource: &str| {
        json!({"Statement": [
            {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "arn:aws:cloudformation:*:*:resource/*"},
            {"Effect": "Allow", "Action": "logs:*", "Resource": resource},
        ]})
    };
    sandbox.control("PUT", "policy", &statement("arn:aws:logs:*:*:log-group:/own/*"));
    let own = create(&sandbox, GROUP, &json!({"LogGroupName": "/own/a"}));
    let other = create(&sandbox, GROUP, &json!({"LogGroupName": "/other/a"}));
    let (own, other) = (end(&sandbox, &own), self::event(&sandbox, &other));
    assert_eq!((&own["OperationStatus"], &other["ErrorCode"]), (&json!("SUCCESS"), &json!("AccessDenied")));
    let list = ask(&sandbox, "ListResources", json!({"TypeName": GROUP}));
    assert_eq!(list.code(), "AccessDeniedException");
    sandbox.control("DELETE", "policy", &Value::Null);
    let calls = sandbox.calls();
    assert!(calls.iter().all(|call| call["service"] == "cloudcontrolapi"), "a handler's calls are not requests");
}

#[test]
fn lists_show_what_identifies_and_some_need_a_model() {
    let sandbox = Sandbox::new();
    for name in ["/b", "/a"] {
        done(&sandbox, "Logs_20140328.CreateLogGroup", json!({"logGroupName": name}));
    }
    let page = done(&sandbox, "CloudApiService.ListResources", json!({"TypeName": GROUP, "MaxResults": 1}));
    let wanted = json!([{"Identifier": "/a", "Properties": r#"{"LogGroupName":"/a"}"#}]);
    assert_eq!(page["ResourceDescriptions"], wanted);
    let next = json!({"TypeName": GROUP, "NextToken": page["NextToken"]});
    let page = done(&sandbox, "CloudApiService.ListResources", next);
    assert_eq!(page["ResourceDescriptions"][0]["Identifier"], "/b");
    assert_eq!(page["NextToken"], Value::Null);
    let kind = "AWS::Logs::LogStream";
    let without = ask(&sandbox, "ListResources", json!({"TypeName": kind}));
    assert_eq!(without.code(), "InvalidRequestException");
    assert!(without.body.contains("required key [LogGroupName] not found"), "{}", without.body);
    let token = create(&sandbox, kind, &json!({"LogGroupName": "/a", "LogStreamName": "s"}));
    assert_eq!(end(&sandbox, &token)["Identifier"], "/a|s");
    let with = json!({"TypeName": kind, "ResourceModel": r#"{"LogGroupName": "/a"}"#});
    let page = done(&sandbox, "CloudApiService.ListResources", with);
    assert_eq!(page["ResourceDescriptions"][0]["Identifier"], "/a|s");
    for (kind, code) in
        [("AWS::Glue::Connection", "UnsupportedActionException"), ("AWS::No::Such", "TypeNotFoundException")]
    {
        assert_eq!(ask(&sandbox, "ListResources", json!({"TypeName": kind})).code(), code);
    }
}

#[test]
fn roles_and_types_are_asked_for_by_form_and_answered_in_xml() {
    let sandbox = Sandbox::new();
    let document = TRUST.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
    let create = format!(
        "Action=CreateRole&Version=2010-05-08&RoleName=a&AssumeRolePolicyDocument={document}\
         &Tags.member.1.Key=k&Tags.member.1.Value=v+w%26"
    );
    let made = form(&sandbox, "iam", &create);
    assert_eq!(made.status, 200, "{}", made.body);
    assert!(made.body.starts_with(r#"<CreateRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">"#));
    assert!(made.body.contains("<Tags><member><Key>k</Key><Value>v w&amp;</Value></member></Tags>"), "{}", made.body);
    assert!(made.body.contains("<AssumeRolePolicyDocument>%7B%22Version%22"));
    assert!(made.headers.contains("content-type: text/xml"));
    let again = form(&sandbox, "iam", &create);
    assert_eq!(again.status, 409);
    assert!(again.body.contains("<Code>EntityAlreadyExists</Code>"), "{}", again.body);
    let unknown = form(&sandbox, "iam", "Action=GetUser&Version=2010-05-08");
    assert!(unknown.body.contains("<Code>InvalidAction</Code>"), "{}", unknown.body);
    let invalid = form(&sandbox, "iam", "Action=GetRole&Version=2010-05-08");
    assert_eq!(invalid.status, 400);
    assert!(invalid.body.contains("<Code>ValidationError</Code>"), "{}", invalid.body);
    let described = form(&sandbox, "cloudformation", "Action=DescribeType&Type=RESOURCE&TypeName=AWS::IAM::Role");
    assert!(described.body.contains("<ProvisioningType>FULLY_MUTABLE</ProvisioningType>"), "{}", described.body);
    assert!(described.body.contains(r#""primaryIdentifier":["/properties/RoleName"]"#));
    let missing = form(&sandbox, "cloudformation", "Action=DescribeType&Type=RESOURCE&TypeName=AWS::No::Such");
    assert_eq!(missing.status, 404);
    assert!(missing.body.contains("<Code>TypeNotFoundException</Code>"), "{}", missing.body);
    assert_eq!(read(&sandbox, "AWS::IAM::Role", "a")["Tags"], json!([{"Key": "k", "Value": "v w&"}]));
}

#[test]
fn buckets_are_asked_for_by_path_and_answered_in_xml() {
    let sandbox = Sandbox::new();
    assert_eq!(s3(&sandbox, "PUT", "/orders-data", "").status, 200);
    assert_eq!(s3(&sandbox, "PUT", "/Not_A_Name", "").status, 400);
    let tags = "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    assert_eq!(s3(&sandbox, "PUT", "/orders-data?tagging", tags).status, 204);
    let found = s3(&sandbox, "GET", "/orders-data?tagging", "");
    assert!(found.body.contains("<TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet>"), "{}", found.body);
    let head = s3(&sandbox, "HEAD", "/orders-data", "");
    assert!(head.headers.contains("x-amz-bucket-region: us-east-1"), "{}", head.headers);
    let all = s3(&sandbox, "GET", "/", "");
    assert!(all.body.contains("<Buckets><Bucket><Name>orders-data</Name>"), "{}", all.body);
    assert!(s3(&sandbox, "GET", "/absent?location", "").body.contains("<Code>NoSuchBucket</Code>"));
    assert!(s3(&sandbox, "PUT", "/orders-data?tagging", "<Tagging>").body.contains("<Code>MalformedXML</Code>"));
    assert!(s3(&sandbox, "GET", "/orders-data/key", "").body.contains("<Code>NoSuchKey</Code>"));
    for (method, path) in [("GET", "/orders-data"), ("PUT", "/orders-data?acl"), ("POST", "/")] {
        assert_eq!(s3(&sandbox, method, path, "").status, 501, "{method} {path}");
    }
    let shown = read(&sandbox, "AWS::S3::Bucket", "orders-data");
    assert_eq!(shown["Tags"], json!([{"Key": "a", "Value": "b"}]));
    assert_eq!(shown["Arn"], "arn:aws:s3:::orders-data");
    assert_eq!(s3(&sandbox, "DELETE", "/orders-data", "").status, 204);
    let calls = sandbox.calls();
    assert_eq!(calls[0]["operation"], "CreateBucket");
    assert_eq!((&calls[1]["resource"], &calls[1]["outcome"]), (&json!("Not_A_Name"), &json!("InvalidBucketName")));
}

#[test]
fn a_patch_is_checked_before_it_is_taken() {
    let sandbox = Sandbox::new();
    done(&sandbox, "Logs_20140328.CreateLogGroup", json!({"logGroupName": "/a"}));
    let refused = |operations: Value| {
        let input = json!({"TypeName": GROUP, "Identifier": "/a", "PatchDocument": operations.to_string()});
        let answer = ask(&sandbox, "UpdateResource", input);
        (answer.code(), answer.json()["Message"].as_str().unwrap().to_owned())
    };
    let (code, text) = refused(json!([{"op": "replace", "path": "/LogGroupName", "value": "/b"}]));
    assert_eq!(code, "NotUpdatableException");
    assert_eq!(text, "Invalid patch update: createOnlyProperties [/properties/LogGroupName] cannot be updated");
    let (code, text) = refused(json!([{"op": "remove", "path": "/Arn"}]));
    assert_eq!(code, "ValidationException");
    assert_eq!(text, "Invalid patch update: readOnlyProperties [/properties/Arn] cannot be updated");
    let (_, text) = refused(json!([{"op": "replace", "path": "/RetentionInDays", "value": 7}]));
    assert_eq!(text, "[REPLACE Operation] noSuchPath in source, path provided : //RetentionInDays");
    let (_, text) = refused(json!([{"op": "add", "path": "/RetentionInDays", "value": 8}]));
    assert_eq!(text, "Model validation failed (#/RetentionInDays: 8 is not a valid enum value)");
    let (_, text) = refused(json!([{"op": "add", "path": "/Other", "value": 8}]));
    assert_eq!(text, "Model validation failed (#: extraneous key [Other] is not permitted)");
    let token = patch(&sandbox, GROUP, "/a", &json!([]));
    assert_eq!(end(&sandbox, &token)["OperationStatus"], "SUCCESS");
}
