"""Drives the sandbox with boto3, a client that its authors did not write.

Usage: conformance.py ENDPOINT_URL

Ends with 0 when every expectation holds, and with 1 at the first that does not, saying which.
The script expects to be alone on the endpoint; it works in accounts of its own and resets it first.
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

from expectations import (
    ACCOUNT,
    REGION,
    Broken,
    client,
    control,
    expect,
    expect_error,
    expect_in,
    unchecked_client,
    wait,
)

events = client("events")
secrets = client("secretsmanager")
kms = client("kms")


def state(name):
    try:
        return events.describe_connection(Name=name)["ConnectionState"]
    except ClientError as error:
        return error.response["Error"]["Code"]


def secret_of(name):
    arn = events.describe_connection(Name=name)["SecretArn"]
    return secrets.get_secret_value(SecretId=arn)


def payload(name):
    return json.loads(secret_of(name)["SecretString"])


def basic(name, **more):
    return events.create_connection(
        Name=name,
        AuthorizationType="BASIC",
        AuthParameters={"BasicAuthParameters": {"Username": "user", "Password": "pass word"}},
        **more,
    )


def identities():
    identity = client("sts").get_caller_identity()
    expect("the account is a 12-digit access key", identity["Account"], ACCOUNT)
    identity = client("sts", account="AKIDEXAMPLE").get_caller_identity()
    expect("another key is the default account", identity["Account"], "123456789012")
    expect_in("the caller's ARN", ":iam::123456789012:", identity["Arn"])


def basic_connections():
    made = basic("basic", Description="first")
    expect("BASIC is authorized at once", made["ConnectionState"], "AUTHORIZED")
    expect_in("the connection's ARN", f"arn:aws:events:{REGION}:{ACCOUNT}:connection/basic/", made["ConnectionArn"])
    expect("creating answers no LastAuthorizedTime", "LastAuthorizedTime" in made, False)
    shown = events.describe_connection(Name="basic")
    expect("the name", shown["Name"], "basic")
    expect("the description", shown["Description"], "first")
    expect("the password is not shown", shown["AuthParameters"], {"BasicAuthParameters": {"Username": "user"}})
    expect("times", shown["CreationTime"] <= shown["LastModifiedTime"], True)
    expect_in("the secret's ARN", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:events!connection/basic/", shown["SecretArn"])
    value = secret_of("basic")
    expect("the secret's value", json.loads(value["SecretString"]), {"username": "user", "password": "pass word"})
    expect("the secret's stage", value["VersionStages"], ["AWSCURRENT"])
    expect("the secret's name ends its ARN but for 7 characters", value["ARN"][:-7].endswith(value["Name"]), True)
    described = secrets.describe_secret(SecretId=value["Name"])
    expect("the secret's owner", described["OwningService"], "events")
    expect("AWS's own key is not shown", "KmsKeyId" in described, False)
    expect_error(
        "the name is taken", "ResourceAlreadyExistsException", "already exists", basic, name="basic"
    )


def api_key_connections():
    parameters = {
        "HeaderParameters": [
            {"Key": "X-Open", "Value": "open", "IsValueSecret": False},
            {"Key": "X-Closed", "Value": "closed", "IsValueSecret": True},
            {"Key": "X-Default", "Value": "default"},
        ],
        "QueryStringParameters": [{"Key": "q", "Value": "1", "IsValueSecret": False}],
        "BodyParameters": [],
    }
    made = events.create_connection(
        Name="key",
        AuthorizationType="API_KEY",
        AuthParameters={
            "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"},
            "InvocationHttpParameters": parameters,
        },
    )
    expect("API_KEY is authorized at once", made["ConnectionState"], "AUTHORIZED")
    shown = events.describe_connection(Name="key")["AuthParameters"]
    expect("the key's value is not shown", shown["ApiKeyAuthParameters"], {"ApiKeyName": "X-Key"})
    expect(
        "secret parameters are not shown",
        shown["InvocationHttpParameters"],
        {
            "HeaderParameters": [
                {"Key": "X-Open", "Value": "open", "IsValueSecret": False},
                {"Key": "X-Closed", "IsValueSecret": True},
                {"Key": "X-Default", "IsValueSecret": True},
            ],
            "QueryStringParameters": [{"Key": "q", "Value": "1", "IsValueSecret": False}],
        },
    )
    value = payload("key")
    expect("the payload's key", (value["api_key_name"], value["api_key_value"]), ("X-Key", "secret"))
    headers = value["invocation_http_parameters"]["header_parameters"]
    expect("the payload's parameter", headers[1], {"key": "X-Closed", "value": "closed", "is_value_secret": True})


def oauth_connections():
    made = events.create_connection(
        Name="oauth",
        AuthorizationType="OAUTH_CLIENT_CREDENTIALS",
        AuthParameters={
            "OAuthParameters": {
                "ClientParameters": {"ClientID": "id", "ClientSecret": "secret"},
                "AuthorizationEndpoint": "https://example.com/oauth",
                "HttpMethod": "POST",
                "OAuthHttpParameters": {
                    "BodyParameters": [{"Key": "scope", "Value": "all", "IsValueSecret": False}]
                },
            },
            "InvocationHttpParameters": {},
        },
    )
    expect("OAUTH begins AUTHORIZING", made["ConnectionState"], "AUTHORIZING")
    destination = events.create_api_destination(
        Name="of-oauth",
        ConnectionArn=made["ConnectionArn"],
        InvocationEndpoint="https://example.com/api",
        HttpMethod="POST",
    )
    expect("a destination waits for its connection", destination["ApiDestinationState"], "INACTIVE")
    wait("OAUTH becomes AUTHORIZED", lambda: state("oauth"), "AUTHORIZED")
    shown = events.describe_api_destination(Name="of-oauth")
    expect("and its destination ACTIVE", shown["ApiDestinationState"], "ACTIVE")
    expect("the default rate", shown["InvocationRateLimitPerSecond"], 300)
    events.delete_api_destination(Name="of-oauth")
    expect_error(
        "a destination that is gone",
        "ResourceNotFoundException",
        "Failed to describe the api-destination(s). An api-destination 'of-oauth' does not exist.",
        events.describe_api_destination,
        Name="of-oauth",
    )
    shown = events.describe_connection(Name="oauth")["AuthParameters"]
    expect("an empty structure is echoed", shown["InvocationHttpParameters"], {})
    expect("the client's secret is not shown", shown["OAuthParameters"]["ClientParameters"], {"ClientID": "id"})
    expect(
        "the payload",
        payload("oauth"),
        {
            "client_id": "id",
            "client_secret": "secret",
            "authorization_endpoint": "https://example.com/oauth",
            "http_method": "POST",
            "oauth_http_parameters": {
                "body_parameters": [{"key": "scope", "value": "all", "is_value_secret": False}]
            },
            "invocation_http_parameters": {},
        },
    )


def updates_merge():
    before, old = events.describe_connection(Name="key"), secret_of("key")
    events.update_connection(
        Name="key", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyValue": "changed"}}
    )
    after, new = events.describe_connection(Name="key"), secret_of("key")
    expect("what is not sent stays", after["AuthParameters"], before["AuthParameters"])
    expect("the secret is the same one", new["ARN"], old["ARN"])
    expect("with another version", new["VersionId"] != old["VersionId"], True)
    expect("and the new value", json.loads(new["SecretString"])["api_key_value"], "changed")
    expect("an update is visible in the times", after["LastModifiedTime"] > before["LastModifiedTime"], True)

    events.update_connection(
        Name="key",
        Description="said",
        AuthParameters={
            "BasicAuthParameters": {"Username": "nobody"},
            "InvocationHttpParameters": {
                "HeaderParameters": [{"Key": "X-New", "Value": "n", "IsValueSecret": False}]
            },
        },
    )
    shown = events.describe_connection(Name="key")
    expect("parameters of another type do nothing", shown["AuthorizationType"], "API_KEY")
    expect("nor leave a trace", "BasicAuthParameters" in shown["AuthParameters"], False)
    http = shown["AuthParameters"]["InvocationHttpParameters"]
    expect("a list is replaced", [it["Key"] for it in http["HeaderParameters"]], ["X-New"])
    expect("another one stays", len(http["QueryStringParameters"]), 1)

    events.update_connection(
        Name="key",
        Description="",
        AuthParameters={
            "InvocationHttpParameters": {"HeaderParameters": [], "QueryStringParameters": []}
        },
    )
    shown = events.describe_connection(Name="key")
    expect("an empty description clears it", "Description" in shown, False)
    expect("empty lists clear them", shown["AuthParameters"]["InvocationHttpParameters"], {})

    expect_error(
        "another type needs its parameters", "ValidationException", "BASIC",
        events.update_connection, Name="key", AuthorizationType="BASIC",
    )
    events.update_connection(
        Name="key",
        AuthorizationType="BASIC",
        AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"}},
    )
    value = payload("key")
    expect("the old type's parameters are dropped", "api_key_name" in value, False)
    expect("the new type's are there", value["username"], "u")
    expect_error(
        "an update of what is not there", "ResourceNotFoundException", "'absent' does not exist.",
        events.update_connection, Name="absent",
    )


def authorization_ends():
    basic("short")
    arn = events.describe_connection(Name="short")["SecretArn"]
    answer = events.deauthorize_connection(Name="short")
    expect("deauthorizing takes its time", answer["ConnectionState"], "DEAUTHORIZING")
    wait("and ends", lambda: state("short"), "DEAUTHORIZED")
    shown = events.describe_connection(Name="short")
    expect("without a secret", "SecretArn" in shown, False)
    expect_error(
        "which is gone", "ResourceNotFoundException", "Secrets Manager can't find the specified secret.",
        secrets.get_secret_value, SecretId=arn,
    )
    events.update_connection(
        Name="short",
        AuthorizationType="BASIC",
        AuthParameters={"BasicAuthParameters": {"Username": "again", "Password": "p"}},
    )
    expect("an update authorizes again", state("short"), "AUTHORIZED")
    shown = events.describe_connection(Name="short")
    expect("with a new secret", shown["SecretArn"] != arn, True)
    answer = events.delete_connection(Name="short")
    expect("deleting takes its time", answer["ConnectionState"], "DELETING")
    expect_error("the name is still taken", "ResourceAlreadyExistsException", "short", basic, name="short")
    wait("and ends", lambda: state("short"), "ResourceNotFoundException")
    expect_error(
        "a connection that is gone", "ResourceNotFoundException",
        "Failed to describe the connection(s). Connection 'short' does not exist.",
        events.describe_connection, Name="short",
    )
    expect_error(
        "its secret", "ResourceNotFoundException", "find", secrets.describe_secret, SecretId=shown["SecretArn"]
    )


def private_connections():
    configuration = f"arn:aws:vpc-lattice:{REGION}:{ACCOUNT}:resourceconfiguration/rcfg-0123456789abcdefg"
    target = {"ResourceParameters": {"ResourceConfigurationArn": configuration}}
    made = basic("private", InvocationConnectivityParameters=target)
    expect("a private API is not there at once", made["ConnectionState"] in ("CREATING", "AUTHORIZING"), True)
    expect_error(
        "an update meanwhile", "ConcurrentModificationException", "private",
        events.update_connection, Name="private", Description="too early",
    )
    wait("it becomes ACTIVE", lambda: state("private"), "ACTIVE")
    shown = events.describe_connection(Name="private")["InvocationConnectivityParameters"]["ResourceParameters"]
    expect("its target", shown["ResourceConfigurationArn"], configuration)
    expect_in("its association", ":servicenetworkresourceassociation/snra-", shown["ResourceAssociationArn"])
    nothing = {"ResourceParameters": {"ResourceConfigurationArn": ""}}
    events.update_connection(Name="private", InvocationConnectivityParameters=nothing)
    wait("an empty target makes it public", lambda: state("private"), "AUTHORIZED")
    expect("again", "InvocationConnectivityParameters" in events.describe_connection(Name="private"), False)


def lists():
    for number in range(7):
        basic(f"page-{number}")
    names, token, pages = [], None, 0
    while True:
        more = {"NextToken": token} if token else {}
        page = events.list_connections(NamePrefix="page-", Limit=3, **more)
        names += [entry["Name"] for entry in page["Connections"]]
        token, pages = page.get("NextToken"), pages + 1
        if not token:
            break
    expect("pages", (pages, names), (3, [f"page-{number}" for number in range(7)]))
    entry = events.list_connections(NamePrefix="page-0")["Connections"][0]
    expect(
        "an entry has no more than AWS lists",
        sorted(entry),
        ["AuthorizationType", "ConnectionArn", "ConnectionState", "CreationTime", "LastAuthorizedTime",
         "LastModifiedTime", "Name"],
    )
    wrong = events.list_connections(ConnectionState="DEAUTHORIZED")["Connections"]
    expect("the state filters", wrong, [])
    unchecked = unchecked_client("events")
    expect_error(
        "a page is at most 100", "ValidationException",
        "Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100",
        unchecked.list_connections, Limit=101,
    )
    expect("another region has none of them", client("events", region="us-east-1").list_connections()["Connections"], [])
    expect("nor has another account", client("events", account="999999999999").list_connections()["Connections"], [])
    for number in range(7):
        events.delete_connection(Name=f"page-{number}")


def destinations():
    arn = events.describe_connection(Name="basic")["ConnectionArn"]
    made = events.create_api_destination(
        Name="api", Description="Test", ConnectionArn=arn, InvocationEndpoint="https://example.com/api",
        HttpMethod="POST",
    )
    expect("a destination is ACTIVE at once", made["ApiDestinationState"], "ACTIVE")
    events.update_api_destination(Name="api", HttpMethod="PUT", InvocationRateLimitPerSecond=5)
    shown = events.describe_api_destination(Name="api")
    expect("an update merges", (shown["HttpMethod"], shown["Description"]), ("PUT", "Test"))
    listed = events.list_api_destinations(ConnectionArn=arn)["ApiDestinations"]
    expect("the dependants of a connection", [it["Name"] for it in listed], ["api"])
    expect("entries have no description", "Description" in listed[0], False)
    expect_error(
        "an unknown connection", "ResourceNotFoundException", "does not exist", events.create_api_destination,
        Name="lost", ConnectionArn=arn[:-1] + "x", InvocationEndpoint="https://example.com", HttpMethod="GET",
    )
    expect_error(
        "two mistakes", "ValidationException",
        "2 validation errors detected: Value 'invalid-connection-arn' at 'connectionArn' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: "
        "^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:connection\\/[\\.\\-_A-Za-z0-9]+\\/[\\-A-Za-z0-9]+$; "
        "Value 'INVALID_METHOD' at 'httpMethod' failed to satisfy constraint: Member must satisfy enum value set: "
        "[HEAD, POST, PATCH, DELETE, PUT, GET, OPTIONS]",
        events.create_api_destination, Name="api2", ConnectionArn="invalid-connection-arn",
        InvocationEndpoint="https://example.com", HttpMethod="INVALID_METHOD",
    )
    events.delete_api_destination(Name="api")


def validation():
    auth = {"BasicAuthParameters": {"Username": "user", "Password": "pass"}}
    expect_error(
        "a bad name", "ValidationException",
        "1 validation error detected: Value 'Invalid Name With Spaces!' at 'name' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
        events.create_connection, Name="Invalid Name With Spaces!", AuthorizationType="BASIC", AuthParameters=auth,
    )
    expect_error(
        "a bad type", "ValidationException",
        "1 validation error detected: Value 'INVALID_AUTH_TYPE' at 'authorizationType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]",
        events.create_connection, Name="bad", AuthorizationType="INVALID_AUTH_TYPE", AuthParameters=auth,
    )
    expect_error(
        "a long name", "ValidationException", "Member must have length less than or equal to 64",
        events.create_connection, Name="a" * 65, AuthorizationType="BASIC", AuthParameters=auth,
    )
    expect_error(
        "parameters of another type", "ValidationException", "API_KEY",
        events.create_connection, Name="bad", AuthorizationType="API_KEY", AuthParameters=auth,
    )
    expect_error(
        "a colon in the user's name", "ValidationException", "authParameters.basicAuthParameters.username",
        events.create_connection, Name="bad", AuthorizationType="BASIC",
        AuthParameters={"BasicAuthParameters": {"Username": "a:b", "Password": "p"}},
    )
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(101)]
    expect_error(
        "101 parameters", "ValidationException", "headerParameters", events.create_connection, Name="bad",
        AuthorizationType="BASIC",
        AuthParameters={**auth, "InvocationHttpParameters": {"HeaderParameters": many}},
    )
    expect_error(
        "plain http", "ValidationException", "InvocationEndpoint", events.create_api_destination, Name="bad",
        ConnectionArn=events.describe_connection(Name="basic")["ConnectionArn"],
        InvocationEndpoint="http://example.com", HttpMethod="GET",
    )
    try:
        events.list_rules()
    except ClientError as error:
        expect("an operation it lacks", error.response["Error"]["Code"], "UnknownOperationException")
    else:
        raise Broken("an operation it lacks was answered")


def keys():
    key = kms.create_key(Description="for connections", Tags=[{"TagKey": "EventBridgeApiDestinations", "TagValue": "true"}])
    key = key["KeyMetadata"]
    expect("a new key", (key["KeyState"], key["Enabled"], key["KeyManager"]), ("Enabled", True, "CUSTOMER"))
    kms.create_alias(AliasName="alias/connections", TargetKeyId=key["KeyId"])
    expect_error(
        "the alias is taken", "AlreadyExistsException", "already exists", kms.create_alias,
        AliasName="alias/connections", TargetKeyId=key["KeyId"],
    )
    alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/connections"
    for form in (key["KeyId"], key["Arn"], "alias/connections", alias):
        expect(f"described by {form}", kms.describe_key(KeyId=form)["KeyMetadata"]["Arn"], key["Arn"])
    listed = kms.list_aliases(KeyId=key["KeyId"])["Aliases"]
    expect("the key's aliases", [(it["AliasName"], it["TargetKeyId"]) for it in listed], [("alias/connections", key["KeyId"])])
    names = [it["AliasName"] for page in kms.get_paginator("list_aliases").paginate(Limit=1) for it in page["Aliases"]]
    expect("aliases by pages", names, ["alias/aws/secretsmanager", "alias/connections"])
    managed = kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]
    expect("AWS's key is AWS's", managed["KeyManager"], "AWS")
    tags = kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
    expect("tags", tags, [{"TagKey": "EventBridgeApiDestinations", "TagValue": "true"}])
    expect_in("the default policy", ":root", kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])

    for form in (key["KeyId"], key["Arn"], "alias/connections", alias):
        name = f"keyed-{abs(hash(form))}"
        basic(name, KmsKeyIdentifier=form)
        shown = events.describe_connection(Name=name)
        expect("the key is echoed as it was given", shown["KmsKeyIdentifier"], form)
        used = secrets.describe_secret(SecretId=shown["SecretArn"])["KmsKeyId"]
        expect("the secret's key", kms.describe_key(KeyId=used)["KeyMetadata"]["Arn"], key["Arn"])
        events.delete_connection(Name=name)
    expect_error(
        "a missing key", "ResourceNotFoundException", "alias/absent", basic, name="bad", KmsKeyIdentifier="alias/absent"
    )
    kms.disable_key(KeyId=key["KeyId"])
    expect_error(
        "a disabled key", "ValidationException", "disabled", basic, name="bad", KmsKeyIdentifier="alias/connections"
    )
    answer = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    expect("deletion is scheduled", answer["KeyState"], "PendingDeletion")
    expect_error(
        "a second time", "KMSInvalidStateException", "is pending deletion.", kms.schedule_key_deletion, KeyId=key["KeyId"]
    )
    kms.cancel_key_deletion(KeyId=key["KeyId"])
    expect("it comes back disabled", kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"], "Disabled")
    kms.enable_key(KeyId=key["KeyId"])
    kms.delete_alias(AliasName="alias/connections")
    expect_error(
        "an alias that is gone", "NotFoundException", f"Alias {alias} is not found.", kms.describe_key,
        KeyId="alias/connections",
    )


def own_secrets():
    made = secrets.create_secret(Name="app/db", SecretString="one", Tags=[{"Key": "team", "Value": "orders"}])
    expect_error(
        "the name is taken", "ResourceExistsException",
        "The operation failed because the secret app/db already exists.",
        secrets.create_secret, Name="app/db", SecretString="two",
    )
    expect("the value", secrets.get_secret_value(SecretId="app/db")["SecretString"], "one")
    put = secrets.put_secret_value(SecretId=made["ARN"], SecretString="two")
    expect("the new version is current", put["VersionStages"], ["AWSCURRENT"])
    old = secrets.get_secret_value(SecretId="app/db", VersionStage="AWSPREVIOUS")
    expect("the old one is previous", old["SecretString"], "one")
    secrets.put_secret_value(SecretId="app/db", SecretBinary=b"\x00\x01")
    expect("binary values", secrets.get_secret_value(SecretId="app/db")["SecretBinary"], b"\x00\x01")
    secrets.update_secret(SecretId="app/db", Description="said")
    secrets.tag_resource(SecretId="app/db", Tags=[{"Key": "more", "Value": "yes"}])
    secrets.untag_resource(SecretId="app/db", TagKeys=["team"])
    shown = secrets.describe_secret(SecretId="app/db")
    expect("the description", shown["Description"], "said")
    expect("the tags", shown["Tags"], [{"Key": "more", "Value": "yes"}])

    managed = events.describe_connection(Name="basic")["SecretArn"]
    batch = secrets.batch_get_secret_value(SecretIdList=[managed, "app/db", "absent"])
    expect("a batch's values", [it["Name"] for it in batch["SecretValues"]][1:], ["app/db"])
    expect(
        "a batch's errors", batch["Errors"],
        [{"SecretId": "absent", "ErrorCode": "ResourceNotFoundException",
          "Message": "Secrets Manager can't find the specified secret."}],
    )
    found, more = [], {}
    while True:
        page = secrets.batch_get_secret_value(
            Filters=[{"Key": "name", "Values": ["events!connection/"]}], MaxResults=2, **more
        )
        found += [it["Name"] for it in page["SecretValues"]]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    expect("a batch by filter", all(name.startswith("events!connection/") for name in found) and len(found) > 2, True)
    for write, arguments in (
        (secrets.put_secret_value, {"SecretString": "x"}),
        (secrets.update_secret, {"SecretString": "x"}),
        (secrets.delete_secret, {}),
        (secrets.tag_resource, {"Tags": [{"Key": "a", "Value": "b"}]}),
    ):
        expect_error("a write to a managed secret", "InvalidRequestException", "managed", write, SecretId=managed, **arguments)

    for number in range(5):
        secrets.create_secret(Name=f"many/{number}", SecretString="x")
    pages = secrets.get_paginator("list_secrets").paginate(
        Filters=[{"Key": "name", "Values": ["many/"]}], SortOrder="asc", PaginationConfig={"PageSize": 2}
    )
    found = [it["Name"] for page in pages for it in page["SecretList"]]
    expect("lists by pages", found, [f"many/{number}" for number in range(5)])
    theirs = secrets.list_secrets(Filters=[{"Key": "owning-service", "Values": ["!events"]}])["SecretList"]
    expect("by owner", any(it["Name"].startswith("events!") for it in theirs), False)
    tagged = secrets.list_secrets(Filters=[{"Key": "tag-key", "Values": ["more"]}])["SecretList"]
    expect("by tag", [it["Name"] for it in tagged], ["app/db"])

    secrets.delete_secret(SecretId="app/db", RecoveryWindowInDays=7)
    expect_error(
        "reading what is marked", "InvalidRequestException", "marked for deletion", secrets.get_secret_value, SecretId="app/db"
    )
    expect_error(
        "making it again", "InvalidRequestException", "scheduled for deletion", secrets.create_secret,
        Name="app/db", SecretString="x",
    )
    secrets.restore_secret(SecretId="app/db")
    secrets.delete_secret(SecretId="app/db", ForceDeleteWithoutRecovery=True)
    expect_error("and gone", "ResourceNotFoundException", "find", secrets.describe_secret, SecretId="app/db")


def faults():
    control("PUT", "faults", {"rules": [
        {"operation": "DescribeConnection", "count": 1,
         "error": {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}},
        {"service": "secretsmanager", "operation": "Get*", "deny": True},
    ]})
    expect_error("throttled", "ThrottlingException", "Rate exceeded", events.describe_connection, Name="basic")
    expect("once", state("basic"), "AUTHORIZED")
    expect_error(
        "denied", "AccessDeniedException", "is not authorized to perform: secretsmanager:GetSecretValue on resource",
        secrets.get_secret_value, SecretId="many/0",
    )
    control("PUT", "faults", {"rules": []})
    calls = control("GET", "calls")
    expect("the last call's outcome", calls[-1]["outcome"], "AccessDeniedException")
    text = json.dumps([calls, control("GET", "state")])
    for secret in ("pass word", "closed", "changed"):
        expect("no secret in log or dump", secret in text, False)


def main():
    control("POST", "reset")
    for part in (identities, basic_connections, api_key_connections, oauth_connections, updates_merge,
                 authorization_ends, private_connections, lists, destinations, validation, keys, own_secrets, faults):
        try:
            part()
        except Broken as broken:
            sys.exit(f"{part.__name__}: {broken}")
    calls = len(control("GET", "calls"))
    sys.stdout.write(f"boto3 {boto3.__version__}: every expectation holds, {calls} calls\n")


main()
