"""Drives the sandbox's CloudTrail and Systems Manager's parameters with boto3, a client that its authors did not write.

Usage: cloudtrail.py ENDPOINT_URL

Ends with 0 when every expectation holds, and with 1 at the first that does not, saying which.
The script expects to be alone on the endpoint; it works in accounts of its own and resets it first.
"""

import json
import sys
from datetime import timedelta

from botocore.exceptions import ClientError

from expectations import Broken, client, control, expect, expect_error, expect_in

REGION = "us-east-1"
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
CANARY = "Bt6wLq92-canary-in-a-request"


def of(user, service):
    """A client with the access key of a user."""
    return client(service, account=user, region=REGION)


trail = of("carol", "cloudtrail")


def looked_up(**more):
    pages = trail.get_paginator("lookup_events").paginate(**more)
    return [event for page in pages for event in page["Events"]]


def by(key, value, **more):
    return looked_up(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], **more)


def basic(password):
    return {"BasicAuthParameters": {"Username": "svc", "Password": password}}


def writes_are_events():
    of("alice", "events").create_connection(Name="orders", AuthorizationType="BASIC", AuthParameters=basic(CANARY))
    of("alice", "events").describe_connection(Name="orders")
    of("bob", "events").update_connection(Name="orders", Description="by bob")
    events = looked_up()
    names = [(event["EventName"], event["Username"]) for event in events]
    expect("writes, newest first", names, [("UpdateConnection", "bob"), ("CreateConnection", "alice")])
    record = json.loads(events[0]["CloudTrailEvent"])
    expect("who", record["userIdentity"]["arn"], "arn:aws:iam::123456789012:user/bob")
    expect("the key", (events[0]["AccessKeyId"], record["userIdentity"]["accessKeyId"]), ("bob", "bob"))
    expect("from where", record["sourceIPAddress"], "127.0.0.1")
    expect_in("by what", "Boto3", record["userAgent"])
    expect("what", record["requestParameters"], {"name": "orders", "description": "by bob"})
    expect("it writes", (events[0]["ReadOnly"], record["readOnly"]), ("false", False))
    expect("where", (events[0]["EventSource"], record["awsRegion"]), ("events.amazonaws.com", REGION))
    created = json.loads(events[1]["CloudTrailEvent"])["requestParameters"]
    expect("the password", created["authParameters"]["basicAuthParameters"]["password"], HIDDEN)


def no_value_is_shown():
    of("alice", "secretsmanager").create_secret(Name="orders", SecretString=CANARY)
    of("alice", "ssm").put_parameter(Name="/orders", Value=CANARY, Type="SecureString")
    properties = {"JDBC_CONNECTION_URL": "jdbc:mysql://db/x", "USERNAME": "u", "PASSWORD": CANARY}
    connection = {"Name": "db", "ConnectionType": "JDBC", "ConnectionProperties": properties}
    of("alice", "glue").create_connection(ConnectionInput=connection)
    state = json.dumps({"Name": "from-cloud-control", "SecretString": CANARY})
    of("alice", "cloudcontrol").create_resource(TypeName="AWS::SecretsManager::Secret", DesiredState=state)
    control("POST", "clock", {"advance_ms": 5_000})
    of("alice", "cloudcontrol").list_resource_requests()
    if CANARY in json.dumps(looked_up(), default=str):
        raise Broken("a secret is in an event")
    expect("all are there", len(by("Username", "alice")) >= 5, True)


def attributes():
    expect("by name", [it["Username"] for it in by("EventName", "UpdateConnection")], ["bob"])
    expect("by user", [it["EventName"] for it in by("Username", "bob")], ["UpdateConnection"])
    expect("by source", {it["EventName"] for it in by("EventSource", "glue.amazonaws.com")}, {"CreateConnection"})
    key = of("bob", "kms").create_key()["KeyMetadata"]
    of("alice", "kms").disable_key(KeyId=key["KeyId"])
    found = by("ResourceName", key["Arn"])
    expect("by resource", [(it["EventName"], it["Username"]) for it in found], [("DisableKey", "alice")])
    expect("the resource", found[0]["Resources"], [{"ResourceType": "AWS::KMS::Key", "ResourceName": key["Arn"]}])
    expect("EventBridge names none", by("ResourceName", "orders"), [])
    two = [{"AttributeKey": "Username", "AttributeValue": it} for it in ("alice", "bob")]
    expect_error("two attributes", "InvalidLookupAttributesException", "only one", trail.lookup_events, LookupAttributes=two)


def refused_calls_are_events_too():
    try:
        of("dave", "events").update_connection(Name="missing", Description="x")
    except ClientError:
        pass
    record = json.loads(by("Username", "dave")[0]["CloudTrailEvent"])
    expect("the code", record["errorCode"], "ResourceNotFoundException")


def pages_and_times():
    events = of("erin", "events")
    for index in range(120):
        events.update_connection(Name="orders", Description=f"number {index}")
    found = by("Username", "erin")
    texts = [json.loads(it["CloudTrailEvent"])["requestParameters"]["description"] for it in found]
    expect("all pages", texts, [f"number {index}" for index in reversed(range(120))])
    page = trail.lookup_events(LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "erin"}])
    expect("a page", (len(page["Events"]), "NextToken" in page), (50, True))
    expect_error("a foreign token", "InvalidNextTokenException", "", trail.lookup_events, NextToken="nonsense")
    now = found[0]["EventTime"]
    expect("later", by("Username", "erin", StartTime=now + timedelta(minutes=1)), [])
    expect("earlier", by("Username", "erin", EndTime=now - timedelta(hours=1)), [])
    arguments = {"StartTime": now, "EndTime": now - timedelta(hours=1)}
    expect_error("backwards", "InvalidTimeRangeException", "", trail.lookup_events, **arguments)


def delay_and_throttle():
    rules = [{"service": "cloudtrail", "stale_ms": 600_000}]
    control("PUT", "faults", {"rules": rules})
    of("frank", "events").update_connection(Name="orders", Description="late")
    expect("not delivered yet", by("Username", "frank"), [])
    control("POST", "clock", {"advance": "11m"})
    expect("delivered", len(by("Username", "frank")), 1)
    error = {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}
    control("PUT", "faults", {"rules": [{"service": "cloudtrail", "per_second": 2, "error": error}]})
    trail.lookup_events()
    trail.lookup_events()
    expect_error("the third in a second", "ThrottlingException", "Rate exceeded", trail.lookup_events)
    control("PUT", "faults", {"rules": []})


def ninety_days():
    control("POST", "clock", {"advance": "91d"})
    expect("forgotten", looked_up(), [])


def parameters():
    ssm = of("alice", "ssm")
    ssm.put_parameter(Name="/orders/user", Value="svc", Type="String")
    ssm.put_parameter(Name="/orders/password", Value=CANARY, Type="SecureString")
    names = ["/orders/user", "/orders/password", "/orders/none"]
    found = ssm.get_parameters(Names=names, WithDecryption=True)
    values = {it["Name"]: it["Value"] for it in found["Parameters"]}
    expect("values", values, {"/orders/user": "svc", "/orders/password": CANARY})
    expect("what is not there", found["InvalidParameters"], ["/orders/none"])
    hidden = ssm.get_parameters(Names=names[:2])["Parameters"]
    secret = next(it for it in hidden if it["Type"] == "SecureString")
    expect("without decryption", CANARY in secret["Value"], False)
    one = ssm.get_parameter(Name="/orders/password", WithDecryption=True)["Parameter"]
    expect("one", (one["Value"], one["Version"]), (CANARY, 1))


def main():
    control("POST", "reset")
    steps = (
        writes_are_events, no_value_is_shown, attributes, refused_calls_are_events_too, pages_and_times,
        delay_and_throttle, ninety_days, parameters,
    )
    for step in steps:
        try:
            step()
        except (Broken, ClientError) as broken:
            print(f"{step.__name__}: {broken}")
            return 1
    print(f"all {len(steps)} groups of expectations hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
