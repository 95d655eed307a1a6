"""Drives Cloud Control, CloudFormation's registry and the services of the generic types with boto3.

Usage: cloudcontrol.py ENDPOINT_URL

Ends with 0 when every expectation holds, and with 1 at the first that does not, saying which.
The script expects to be alone on the endpoint; it works in accounts of its own and resets it first.
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

from expectations import ACCOUNT, REGION, Broken, client, control, expect, expect_error, expect_in, unchecked_client

cloud = client("cloudcontrol")
registry = client("cloudformation")
sqs = client("sqs")
logs = client("logs")
ssm = client("ssm")
iam = client("iam")
s3 = client("s3")
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def later():
    control("POST", "clock", {"advance": "2m"})


def event_of(token):
    return cloud.get_resource_request_status(RequestToken=token)["ProgressEvent"]


def end(begun, status="SUCCESS"):
    """Waits for the end of a request, which is not done before."""
    event = begun["ProgressEvent"]
    expect("a request begins under way", event["OperationStatus"], "IN_PROGRESS")
    later()
    event = event_of(event["RequestToken"])
    expect(f"the end, {event.get('StatusMessage')}", event["OperationStatus"], status)
    return event


def create(kind, model, status="SUCCESS"):
    return end(cloud.create_resource(TypeName=kind, DesiredState=json.dumps(model)), status)


def update(kind, identifier, patch, status="SUCCESS"):
    begun = cloud.update_resource(TypeName=kind, Identifier=identifier, PatchDocument=json.dumps(patch))
    return end(begun, status)


def delete(kind, identifier, status="SUCCESS"):
    return end(cloud.delete_resource(TypeName=kind, Identifier=identifier), status)


def read(kind, identifier):
    found = cloud.get_resource(TypeName=kind, Identifier=identifier)["ResourceDescription"]
    expect("the identifier", found["Identifier"], identifier)
    return json.loads(found["Properties"])


def absent(kind, identifier):
    expect_error(
        f"{kind} is absent", "ResourceNotFoundException", "was not found",
        cloud.get_resource, TypeName=kind, Identifier=identifier,
    )


def some(model, *names):
    return {name: model.get(name) for name in names}


def status_of(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return "ok", 200


def queues():
    made = sqs.create_queue(QueueName="orders", Attributes={"DelaySeconds": "5"}, tags={"team": "shop"})
    url = made["QueueUrl"]
    expect("the URL", url, f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders")
    expect("made again", sqs.create_queue(QueueName="orders")["QueueUrl"], url)
    expect_error("otherwise", "QueueAlreadyExists", "DelaySeconds", sqs.create_queue,
                 QueueName="orders", Attributes={"DelaySeconds": "6"})
    expect("by name", sqs.get_queue_url(QueueName="orders")["QueueUrl"], url)
    expect_error("unknown", "AWS.SimpleQueueService.NonExistentQueue", "does not exist",
                 sqs.get_queue_url, QueueName="absent")
    expect_error("a wrong value", "InvalidAttributeValue", "VisibilityTimeout", sqs.set_queue_attributes,
                 QueueUrl=url, Attributes={"VisibilityTimeout": "x"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    sqs.tag_queue(QueueUrl=url, Tags={"env": "prod"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    expect("tags", sqs.list_queue_tags(QueueUrl=url)["Tags"], {"env": "prod"})
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    expect("attributes", some(attributes, "DelaySeconds", "VisibilityTimeout", "SqsManagedSseEnabled"),
           {"DelaySeconds": "5", "VisibilityTimeout": "60", "SqsManagedSseEnabled": "true"})
    expect("one attribute", sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"],
           {"QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"})
    kind = "AWS::SQS::Queue"
    model = read(kind, url)
    expect("seen through Cloud Control", some(model, "QueueName", "DelaySeconds", "VisibilityTimeout", "Tags"),
           {"QueueName": "orders", "DelaySeconds": 5, "VisibilityTimeout": 60,
            "Tags": [{"Key": "env", "Value": "prod"}]})
    update(kind, url, [{"op": "add", "path": "/RedrivePolicy", "value": {"maxReceiveCount": 3, "deadLetterTargetArn": "x"}},
                       {"op": "remove", "path": "/DelaySeconds"}, {"op": "remove", "path": "/Tags"}])
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    expect("changed through Cloud Control", (attributes["DelaySeconds"], json.loads(attributes["RedrivePolicy"])),
           ("0", {"maxReceiveCount": 3, "deadLetterTargetArn": "x"}))
    expect("no tags", sqs.list_queue_tags(QueueUrl=url).get("Tags"), None)
    event = create(kind, {"Tags": [{"Key": "a", "Value": "b"}]})
    expect_in("an anonymous one", f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/", event["Identifier"])
    expect("its tags", sqs.list_queue_tags(QueueUrl=event["Identifier"])["Tags"], {"a": "b"})
    expect("both are listed", len(sqs.list_queues()["QueueUrls"]), 2)
    failed = create(kind, {"QueueName": "orders"}, "FAILED")
    expect("to make what is there fails", failed["ErrorCode"], "AlreadyExists")
    sqs.delete_queue(QueueUrl=url)
    absent(kind, url)
    expect_error("a name rests", "AWS.SimpleQueueService.QueueDeletedRecently", "60 seconds",
                 sqs.create_queue, QueueName="orders")
    delete(kind, event["Identifier"])
    expect("none is left", sqs.list_queues().get("QueueUrls"), None)
    fifo = sqs.create_queue(QueueName="in-order.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    expect("fifo", read(kind, fifo)["FifoQueue"], True)


def log_groups():
    kind = "AWS::Logs::LogGroup"
    model = {"LogGroupName": "/app/orders", "RetentionInDays": 14, "Tags": [{"Key": "a", "Value": "b"}]}
    event = create(kind, model)
    expect("what was made", json.loads(event["ResourceModel"])["RetentionInDays"], 14)
    group = logs.describe_log_groups(logGroupNamePrefix="/app/")["logGroups"][0]
    expect("natively", some(group, "logGroupName", "retentionInDays", "logGroupClass"),
           {"logGroupName": "/app/orders", "retentionInDays": 14, "logGroupClass": "STANDARD"})
    arn = group["logGroupArn"]
    expect("tags", logs.list_tags_for_resource(resourceArn=arn)["tags"], {"a": "b"})
    logs.tag_resource(resourceArn=arn, tags={"c": "d"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    logs.delete_retention_policy(logGroupName="/app/orders")
    expect("a native change is seen", some(read(kind, "/app/orders"), "RetentionInDays", "Tags"),
           {"RetentionInDays": None, "Tags": [{"Key": "c", "Value": "d"}]})
    update(kind, "/app/orders", [{"op": "add", "path": "/RetentionInDays", "value": 30}])
    expect("and changed back", logs.describe_log_groups()["logGroups"][0]["retentionInDays"], 30)
    expect_error("a native error", "InvalidParameterException", "31", logs.put_retention_policy,
                 logGroupName="/app/orders", retentionInDays=31)
    expect_error("there", "ResourceAlreadyExistsException", "already exists", logs.create_log_group,
                 logGroupName="/app/orders")
    event = create("AWS::Logs::LogStream", {"LogGroupName": "/app/orders", "LogStreamName": "one"})
    expect("an identifier of two members", event["Identifier"], "/app/orders|one")
    listed = cloud.list_resources(TypeName="AWS::Logs::LogStream",
                                  ResourceModel=json.dumps({"LogGroupName": "/app/orders"}))
    expect("a list with a model", [it["Identifier"] for it in listed["ResourceDescriptions"]], ["/app/orders|one"])
    expect_error("a list without", "InvalidRequestException", "LogGroupName", cloud.list_resources,
                 TypeName="AWS::Logs::LogStream")
    expect_error("no update", "UnsupportedActionException", "UPDATE", cloud.update_resource,
                 TypeName="AWS::Logs::LogStream", Identifier="/app/orders|one", PatchDocument="[]")
    delete(kind, "/app/orders")
    expect("gone", logs.describe_log_groups()["logGroups"], [])
    failed = delete(kind, "/app/orders", "FAILED")
    expect("twice", failed["ErrorCode"], "NotFound")


def parameters():
    kind = "AWS::SSM::Parameter"
    expect("version 1", ssm.put_parameter(Name="/app/name", Value="a", Type="String", Description="d")["Version"], 1)
    expect_error("there", "ParameterAlreadyExists", "overwrite", ssm.put_parameter,
                 Name="/app/name", Value="b", Type="String")
    expect("version 2", ssm.put_parameter(Name="/app/name", Value="b", Overwrite=True)["Version"], 2)
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/app/name", Tags=[{"Key": "a", "Value": "b"}])
    create(kind, {"Name": "/app/plain", "Type": "String", "Value": "hunter2-plain"})
    ssm.put_parameter(Name="/app/secret", Value="hunter2-ssm", Type="SecureString")
    expect("in cipher", ssm.get_parameter(Name="/app/secret")["Parameter"]["Value"] == "hunter2-ssm", False)
    clear = ssm.get_parameters(Names=["/app/secret", "/app/absent"], WithDecryption=True)
    expect("in clear", clear["Parameters"][0]["Value"], "hunter2-ssm")
    expect("unknown", clear["InvalidParameters"], ["/app/absent"])
    expect("read", read(kind, "/app/name"), {"Name": "/app/name", "Type": "String", "Value": "b", "DataType": "text"})
    update(kind, "/app/name", [{"op": "replace", "path": "/Value", "value": "c"},
                               {"op": "add", "path": "/Description", "value": "given"},
                               {"op": "add", "path": "/Tags", "value": {"c": "d"}}])
    expect("changed", ssm.get_parameter(Name="/app/name")["Parameter"]["Value"], "c")
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": ["/app/name"]}])["Parameters"]
    expect("a description that is never shown", described[0]["Description"], "given")
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/app/name")["TagList"]
    expect("tags", tags, [{"Key": "c", "Value": "d"}])
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/app/name", TagKeys=["c"])
    update(kind, "/app/name", [{"op": "replace", "path": "/Value", "value": "d"}])
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": ["/app/name"]}])["Parameters"]
    expect("what is never shown and not given again is gone", described[0].get("Description"), None)
    delete(kind, "/app/name")
    expect_error("gone", "ParameterNotFound", "", ssm.get_parameter, Name="/app/name")
    expect_error("no secure ones", "ValidationException", "#/Type: SecureString is not a valid enum value",
                 cloud.create_resource, TypeName=kind, DesiredState=json.dumps({"Type": "SecureString", "Value": "x"}))


def roles():
    kind = "AWS::IAM::Role"
    model = {"RoleName": "caller", "AssumeRolePolicyDocument": TRUST, "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
             "Policies": [{"PolicyName": "own", "PolicyDocument": TRUST}], "Tags": [{"Key": "a", "Value": "b"}]}
    create(kind, model)
    role = iam.get_role(RoleName="caller")["Role"]
    expect("the trust", role["AssumeRolePolicyDocument"], TRUST)
    expect("the ARN", role["Arn"], f"arn:aws:iam::{ACCOUNT}:role/caller")
    expect("no region", client("iam", region="us-east-1").get_role(RoleName="caller")["Role"], role)
    attached = iam.list_attached_role_policies(RoleName="caller")["AttachedPolicies"]
    expect("attached", attached, [{"PolicyName": "ReadOnlyAccess", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}])
    expect("inline", iam.get_role_policy(RoleName="caller", PolicyName="own")["PolicyDocument"], TRUST)
    shown = read(kind, "caller")
    expect("the whole model", {**shown, "Arn": None, "RoleId": None},
           {**model, "Path": "/", "MaxSessionDuration": 3600, "Arn": None, "RoleId": None})
    iam.tag_role(RoleName="caller", Tags=[{"Key": "c", "Value": "d & e"}])
    iam.untag_role(RoleName="caller", TagKeys=["a"])
    expect("tags", iam.list_role_tags(RoleName="caller")["Tags"], [{"Key": "c", "Value": "d & e"}])
    iam.update_role(RoleName="caller", Description="new", MaxSessionDuration=7200)
    expect("a native change", some(read(kind, "caller"), "Description", "MaxSessionDuration", "Tags"),
           {"Description": "new", "MaxSessionDuration": 7200, "Tags": [{"Key": "c", "Value": "d & e"}]})
    update(kind, "caller", [{"op": "remove", "path": "/Policies"}, {"op": "remove", "path": "/Description"}])
    expect("no policy", iam.list_role_policies(RoleName="caller")["PolicyNames"], [])
    expect("no description", iam.get_role(RoleName="caller")["Role"].get("Description"), None)
    expect("held", status_of(iam.delete_role, RoleName="caller"), ("DeleteConflict", 409))
    expect("there", status_of(iam.create_role, RoleName="Caller", AssumeRolePolicyDocument=json.dumps(TRUST)),
           ("EntityAlreadyExists", 409))
    expect("listed", [it["RoleName"] for it in iam.list_roles()["Roles"]], ["caller"])
    delete(kind, "caller")
    expect("gone", status_of(iam.get_role, RoleName="caller"), ("NoSuchEntity", 404))
    iam.create_role(RoleName="plain", AssumeRolePolicyDocument=json.dumps(TRUST), Path="/app/",
                    Tags=[{"Key": "k", "Value": "v"}])
    expect("by path", [it["RoleName"] for it in iam.list_roles(PathPrefix="/app/")["Roles"]], ["plain"])
    iam.put_role_policy(RoleName="plain", PolicyName="p", PolicyDocument=json.dumps(TRUST))
    iam.update_assume_role_policy(RoleName="plain", PolicyDocument=json.dumps({**TRUST, "Id": "x"}))
    expect("a drifted trust", read(kind, "plain")["AssumeRolePolicyDocument"]["Id"], "x")
    expect_error("too short a session", "ValidationError", "maxSessionDuration", unchecked_client("iam").update_role,
                 RoleName="plain", MaxSessionDuration=1)


def buckets():
    kind = "AWS::S3::Bucket"
    s3.create_bucket(Bucket="orders-data", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.head_bucket(Bucket="orders-data")
    expect("no such bucket", status_of(s3.head_bucket, Bucket="absent-bucket"), ("404", 404))
    elsewhere = client("s3", region="us-west-2")
    expect("sent on from another region", elsewhere.get_bucket_location(Bucket="orders-data")["LocationConstraint"], REGION)
    expect("the location", s3.get_bucket_location(Bucket="orders-data")["LocationConstraint"], REGION)
    expect("again", status_of(s3.create_bucket, Bucket="orders-data", CreateBucketConfiguration={"LocationConstraint": REGION}),
           ("BucketAlreadyOwnedByYou", 409))
    other = client("s3", account="444455556666")
    expect("of another", status_of(other.create_bucket, Bucket="orders-data", CreateBucketConfiguration={"LocationConstraint": REGION}),
           ("BucketAlreadyExists", 409))
    expect("not for another", status_of(other.get_bucket_tagging, Bucket="orders-data"), ("AccessDenied", 403))
    expect("no tags", status_of(s3.get_bucket_tagging, Bucket="orders-data"), ("NoSuchTagSet", 404))
    s3.put_bucket_tagging(Bucket="orders-data", Tagging={"TagSet": [{"Key": "a", "Value": "b <&> c"}]})
    expect("tags", s3.get_bucket_tagging(Bucket="orders-data")["TagSet"], [{"Key": "a", "Value": "b <&> c"}])
    s3.put_bucket_versioning(Bucket="orders-data", VersioningConfiguration={"Status": "Enabled"})
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
    s3.put_public_access_block(Bucket="orders-data", PublicAccessBlockConfiguration=block)
    expect("the block", s3.get_public_access_block(Bucket="orders-data")["PublicAccessBlockConfiguration"], block)
    shown = read(kind, "orders-data")
    expect("seen", some(shown, "VersioningConfiguration", "PublicAccessBlockConfiguration", "Tags", "BucketEncryption"),
           {"VersioningConfiguration": {"Status": "Enabled"}, "PublicAccessBlockConfiguration": block,
            "Tags": [{"Key": "a", "Value": "b <&> c"}],
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]}})
    update(kind, "orders-data", [{"op": "remove", "path": "/VersioningConfiguration"}, {"op": "remove", "path": "/Tags"},
                                 {"op": "replace", "path": "/PublicAccessBlockConfiguration/IgnorePublicAcls", "value": True}])
    expect("suspended", s3.get_bucket_versioning(Bucket="orders-data")["Status"], "Suspended")
    expect("untagged", status_of(s3.get_bucket_tagging, Bucket="orders-data"), ("NoSuchTagSet", 404))
    s3.put_bucket_policy(Bucket="orders-data", Policy=json.dumps(TRUST))
    expect("the policy", json.loads(s3.get_bucket_policy(Bucket="orders-data")["Policy"]), TRUST)
    s3.delete_bucket_policy(Bucket="orders-data")
    expect("no policy", status_of(s3.get_bucket_policy, Bucket="orders-data"), ("NoSuchBucketPolicy", 404))
    create(kind, {"BucketName": "made-here", "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
                  "Tags": [{"Key": "k", "Value": "v"}]})
    expect("two", [it["Name"] for it in s3.list_buckets()["Buckets"]], ["made-here", "orders-data"])
    owner = s3.get_bucket_ownership_controls(Bucket="made-here")["OwnershipControls"]
    expect("the owner", owner, {"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/x"},
                             "BucketKeyEnabled": True}]}
    s3.put_bucket_encryption(Bucket="made-here", ServerSideEncryptionConfiguration=encryption)
    shown = s3.get_bucket_encryption(Bucket="made-here")["ServerSideEncryptionConfiguration"]
    expect("encryption", shown, encryption)
    s3.delete_bucket(Bucket="orders-data")
    absent(kind, "orders-data")
    delete(kind, "made-here")
    expect("no lists of objects", status_of(s3.list_objects_v2, Bucket="orders-data"), ("NotImplemented", 501))


def others():
    event = create("AWS::KMS::Key", {"Description": "made", "Tags": [{"Key": "a", "Value": "b"}]})
    key = event["Identifier"]
    kms = client("kms")
    expect("natively", kms.describe_key(KeyId=key)["KeyMetadata"]["Description"], "made")
    kms.update_key_description(KeyId=key, Description="drifted")
    expect("drift", read("AWS::KMS::Key", key)["Description"], "drifted")
    create("AWS::KMS::Alias", {"AliasName": "alias/app", "TargetKeyId": key})
    expect("an alias", kms.describe_key(KeyId="alias/app")["KeyMetadata"]["KeyId"], key)
    update("AWS::KMS::Key", key, [{"op": "replace", "path": "/Enabled", "value": False}])
    expect("disabled", kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"], False)
    delete("AWS::KMS::Alias", "alias/app")
    delete("AWS::KMS::Key", key)
    absent("AWS::KMS::Key", key)
    secrets = client("secretsmanager")
    event = create("AWS::SecretsManager::Secret", {"Name": "app/db", "SecretString": "hunter2-secret"})
    arn = event["Identifier"]
    expect("the value", secrets.get_secret_value(SecretId="app/db")["SecretString"], "hunter2-secret")
    expect("which is never shown", read("AWS::SecretsManager::Secret", arn), {"Id": arn, "Name": "app/db"})
    update("AWS::SecretsManager::Secret", arn, [{"op": "add", "path": "/SecretString", "value": "hunter2-new"}])
    expect("a new value", secrets.get_secret_value(SecretId="app/db")["SecretString"], "hunter2-new")
    delete("AWS::SecretsManager::Secret", arn)
    kind, events = "AWS::Events::Connection", client("events")
    auth = {"BasicAuthParameters": {"Username": "u", "Password": "hunter2-basic"}}
    create(kind, {"Name": "basic", "AuthorizationType": "BASIC", "AuthParameters": auth})
    expect("natively", events.describe_connection(Name="basic")["ConnectionState"], "AUTHORIZED")
    shown = read(kind, "basic")
    expect("no password", shown["AuthParameters"], {"BasicAuthParameters": {"Username": "u"}})
    patch = [{"op": "add", "path": "/Description", "value": "x"}]
    expect_error("a patch without the password", "ValidationException",
                 "#/AuthParameters/BasicAuthParameters: required key [Password] not found", cloud.update_resource,
                 TypeName=kind, Identifier="basic", PatchDocument=json.dumps(patch))
    patch.append({"op": "add", "path": "/AuthParameters/BasicAuthParameters/Password", "value": "hunter2-next"})
    update(kind, "basic", patch)
    expect("described", events.describe_connection(Name="basic")["Description"], "x")
    destination = {"Name": "out", "ConnectionArn": shown["Arn"], "InvocationEndpoint": "https://example.com/x",
                   "HttpMethod": "POST"}
    create("AWS::Events::ApiDestination", destination)
    expect("a destination", read("AWS::Events::ApiDestination", "out")["InvocationRateLimitPerSecond"], 300)
    delete("AWS::Events::ApiDestination", "out")
    begun = cloud.delete_resource(TypeName=kind, Identifier="basic")
    end(begun)
    absent(kind, "basic")
    expect_error("Glue has no handlers", "UnsupportedActionException", "READ", cloud.get_resource,
                 TypeName="AWS::Glue::Connection", Identifier="x")


def requests():
    kind = "AWS::Logs::LogGroup"
    state = json.dumps({"LogGroupName": "/idem"})
    first = cloud.create_resource(TypeName=kind, DesiredState=state, ClientToken="token-1")["ProgressEvent"]
    absent(kind, "/idem")
    again = cloud.create_resource(TypeName=kind, DesiredState=state, ClientToken="token-1")["ProgressEvent"]
    expect("the same request", again, first)
    expect_error("another one", "ClientTokenConflictException", first["RequestToken"], cloud.create_resource,
                 TypeName=kind, DesiredState=json.dumps({"LogGroupName": "/other"}), ClientToken="token-1")
    expect_error("a second one", "ConcurrentOperationException", first["RequestToken"], cloud.delete_resource,
                 TypeName=kind, Identifier="/idem")
    under_way = cloud.list_resource_requests(
        ResourceRequestStatusFilter={"Operations": ["CREATE"], "OperationStatuses": ["IN_PROGRESS"]})
    expect("one is under way", [it["RequestToken"] for it in under_way["ResourceRequestStatusSummaries"]],
           [first["RequestToken"]])
    later()
    expect("done", event_of(first["RequestToken"])["OperationStatus"], "SUCCESS")
    begun = cloud.delete_resource(TypeName=kind, Identifier="/idem")["ProgressEvent"]
    cancelled = cloud.cancel_resource_request(RequestToken=begun["RequestToken"])["ProgressEvent"]
    expect("being cancelled", cancelled["OperationStatus"], "CANCEL_IN_PROGRESS")
    later()
    expect("cancelled", event_of(begun["RequestToken"])["OperationStatus"], "CANCEL_COMPLETE")
    expect("it is still there", read(kind, "/idem")["LogGroupName"], "/idem")
    expect_error("too late", "ValidationException", "SUCCESS", cloud.cancel_resource_request,
                 RequestToken=first["RequestToken"])
    expect_error("unknown", "RequestTokenNotFoundException", "cannot be found", cloud.get_resource_request_status,
                 RequestToken="none")
    for number in range(5):
        create(kind, {"LogGroupName": f"/many/{number}"})
    pages, token = [], {}
    while True:
        page = cloud.list_resources(TypeName=kind, MaxResults=2, **token)
        pages.append([it["Identifier"] for it in page["ResourceDescriptions"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    expect("pages", pages, [["/idem", "/many/0"], ["/many/1", "/many/2"], ["/many/3", "/many/4"]])
    first_page = cloud.list_resource_requests(MaxResults=3)
    rest = cloud.list_resource_requests(MaxResults=100, NextToken=first_page["NextToken"])
    tokens = [it["RequestToken"] for part in (first_page, rest) for it in part["ResourceRequestStatusSummaries"]]
    expect("every request once", len(tokens), len(set(tokens)))


def validation():
    kind = "AWS::Logs::LogGroup"

    def refused(what, code, text, model, type_name=kind):
        expect_error(what, code, text, cloud.create_resource, TypeName=type_name, DesiredState=json.dumps(model))

    refused("an unknown property", "ValidationException", "#: extraneous key [Name] is not permitted", {"Name": "x"})
    refused("a pattern", "ValidationException", "does not match pattern", {"LogGroupName": "a b"})
    refused("a value", "ValidationException", "#/RetentionInDays: 2 is not a valid enum value", {"RetentionInDays": 2})
    refused("a type", "ValidationException", "expected type: Integer, found: String", {"RetentionInDays": "7"})
    refused("read-only", "ValidationException", "[/properties/Arn]", {"Arn": "x"})
    refused("required", "ValidationException", "#: required key [AssumeRolePolicyDocument] not found", {}, "AWS::IAM::Role")
    refused("an unknown type", "TypeNotFoundException", "AWS::Nothing::Here", {}, "AWS::Nothing::Here")
    refused("no handlers", "UnsupportedActionException", "CREATE", {}, "AWS::Glue::Connection")
    expect_error("no JSON", "ValidationException", "JSON", cloud.create_resource, TypeName=kind, DesiredState="{")
    expect_error("no name", "ValidationException", "typeName", unchecked_client("cloudcontrol").create_resource)

    def patched(what, code, text, patch):
        expect_error(what, code, text, cloud.update_resource, TypeName=kind, Identifier="/idem",
                     PatchDocument=json.dumps(patch))

    patched("create-only", "NotUpdatableException", "createOnlyProperties [/properties/LogGroupName] cannot be updated",
            [{"op": "replace", "path": "/LogGroupName", "value": "/new"}])
    patched("read-only", "ValidationException", "readOnlyProperties [/properties/Arn] cannot be updated",
            [{"op": "add", "path": "/Arn", "value": "x"}])
    patched("nowhere", "ValidationException", "noSuchPath in source, path provided : //RetentionInDays",
            [{"op": "replace", "path": "/RetentionInDays", "value": 7}])
    patched("not in the schema", "ValidationException", "not a valid enum value",
            [{"op": "add", "path": "/RetentionInDays", "value": 2}])


def types():
    found = registry.describe_type(Type="RESOURCE", TypeName="AWS::SQS::Queue")
    expect("the ARN", found["Arn"], f"arn:aws:cloudformation:{REGION}::type/resource/AWS-SQS-Queue")
    expect("the rest", some(found, "TypeName", "ProvisioningType", "Visibility", "IsDefaultVersion", "DefaultVersionId"),
           {"TypeName": "AWS::SQS::Queue", "ProvisioningType": "FULLY_MUTABLE", "Visibility": "PUBLIC",
            "IsDefaultVersion": True, "DefaultVersionId": None})
    schema = json.loads(found["Schema"])
    expect("the schema", (schema["primaryIdentifier"], schema["readOnlyProperties"], schema["createOnlyProperties"]),
           (["/properties/QueueUrl"], ["/properties/QueueUrl", "/properties/Arn"],
            ["/properties/QueueName", "/properties/FifoQueue"]))
    expect("by ARN", registry.describe_type(Arn=found["Arn"])["TypeName"], "AWS::SQS::Queue")
    for name, kind in (("AWS::Logs::LogStream", "IMMUTABLE"), ("AWS::Glue::Connection", "NON_PROVISIONABLE")):
        described = registry.describe_type(Type="RESOURCE", TypeName=name)
        expect(name, described["ProvisioningType"], kind)
    expect("unknown", status_of(registry.describe_type, Type="RESOURCE", TypeName="AWS::Nothing::Here"),
           ("TypeNotFoundException", 404))
    listed = registry.list_types(Visibility="PUBLIC", Filters={"Category": "AWS_TYPES", "TypeNamePrefix": "AWS::Events"})
    expect("listed", [it["TypeName"] for it in listed["TypeSummaries"]],
           ["AWS::Events::ApiDestination", "AWS::Events::Connection"])
    expect("none of one's own", registry.list_types()["TypeSummaries"], [])


def permissions():
    kind = "AWS::SQS::Queue"

    def policy(*actions):
        control("PUT", "policy", {"Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}})

    policy("sqs:*")
    expect_error("Cloud Control's own", "AccessDeniedException", "cloudformation:CreateResource on resource", cloud.create_resource,
                 TypeName=kind, DesiredState="{}")
    policy("cloudformation:*", "sqs:Get*", "sqs:ListQueueTags")
    failed = create(kind, {"QueueName": "denied"}, "FAILED")
    expect("the handler's", failed["ErrorCode"], "AccessDenied")
    expect_in("which", "sqs:CreateQueue", failed["StatusMessage"])
    policy("cloudformation:*", "sqs:CreateQueue")
    failed = create(kind, {"QueueName": "tagged", "Tags": [{"Key": "a", "Value": "b"}]}, "FAILED")
    expect_in("tags need more", "sqs:TagQueue", failed["StatusMessage"])
    url = create(kind, {"QueueName": "allowed"})["Identifier"]
    expect_error("to read is another", "AccessDeniedException", "sqs:GetQueueAttributes", cloud.get_resource,
                 TypeName=kind, Identifier=url)
    policy("s3:ListAllMyBuckets", "iam:ListRoles")
    s3.list_buckets()
    iam.list_roles()
    expect("S3 denies", status_of(s3.create_bucket, Bucket="denied-here", CreateBucketConfiguration={"LocationConstraint": REGION}),
           ("AccessDenied", 403))
    expect("IAM denies", status_of(iam.get_role, RoleName="plain"), ("AccessDenied", 403))
    expect("the registry denies", status_of(registry.describe_type, Type="RESOURCE", TypeName=kind), ("AccessDenied", 403))
    control("DELETE", "policy")


def faults():
    control("PUT", "faults", {"rules": [
        {"service": "cloudcontrolapi", "operation": "GetResource", "count": 1,
         "error": {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}},
        {"service": "sqs", "operation": "CreateQueue", "count": 1,
         "error": {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}},
    ]})
    expect_error("throttled", "ThrottlingException", "Rate exceeded", cloud.get_resource,
                 TypeName="AWS::SQS::Queue", Identifier="x")
    failed = create("AWS::SQS::Queue", {"QueueName": "throttled"}, "FAILED")
    expect("a handler's fault", (failed["ErrorCode"], failed["StatusMessage"]), ("Throttling", "Rate exceeded"))
    control("PUT", "faults", {"rules": []})
    text = json.dumps([control("GET", "calls"), control("GET", "state")])
    expect("no secret in log or dump", "hunter2" in text, False)
    named = [call for call in control("GET", "calls") if call["service"] == "cloudcontrolapi"]
    expect("the log names resources", named[-1]["resource"], failed["RequestToken"])


def main():
    control("POST", "reset")
    for part in (queues, log_groups, parameters, roles, buckets, others, requests, validation, types, permissions,
                 faults):
        try:
            part()
        except (Broken, ClientError) as broken:
            sys.exit(f"{part.__name__}: {broken}")
    calls = len(control("GET", "calls"))
    sys.stdout.write(f"boto3 {boto3.__version__}: every expectation holds, {calls} calls\n")


main()
