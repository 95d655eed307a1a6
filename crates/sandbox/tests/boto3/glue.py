"""Drives the sandbox's Glue connections with boto3, a client that its authors did not write.

Usage: glue.py ENDPOINT_URL

Ends with 0 when every expectation holds, and with 1 at the first that does not, saying which.
The script expects to be alone on the endpoint; it works in accounts of its own and resets it first.
"""

import json
import sys
import time

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

glue = client("glue")
secrets = client("secretsmanager")
kms = client("kms")


def arn(name):
    return f"arn:aws:glue:{REGION}:{ACCOUNT}:connection/{name}"


def jdbc(name, password="pass word", **more):
    properties = {"JDBC_CONNECTION_URL": "jdbc:mysql://db.example.com/orders", "USERNAME": "user"}
    if password:
        properties["PASSWORD"] = password
    return {"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": properties, **more}


def create(connection, **more):
    return glue.create_connection(ConnectionInput=connection, **more)


def get(name, **more):
    return glue.get_connection(Name=name, **more)["Connection"]


def round_trip():
    physical = {"SubnetId": "subnet-1", "SecurityGroupIdList": ["sg-1"], "AvailabilityZone": "eu-west-1a"}
    given = jdbc(
        "orders", Description="Orders", MatchCriteria=["a"], PhysicalConnectionRequirements=physical,
        ValidateCredentials=True,
    )
    made = create(given, Tags={"team": "payments"})
    expect("the status of creation", made["CreateConnectionStatus"], "READY")
    shown = get("orders")
    for member in given.keys() - {"ValidateCredentials"}:
        expect(f"{member} comes back", shown[member], given[member])
    expect("ValidateCredentials does not", "ValidateCredentials" in shown, False)
    expect("the status", shown["Status"], "READY")
    expect("the schema's version", shown["ConnectionSchemaVersion"], 1)
    expect("who changed it", shown["LastUpdatedBy"], client("sts").get_caller_identity()["Arn"])
    expect("times", shown["CreationTime"] <= shown["LastUpdatedTime"], True)
    expect("a hidden password", "PASSWORD" in get("orders", HidePassword=True)["ConnectionProperties"], False)
    expect("tags", glue.get_tags(ResourceArn=arn("orders"))["Tags"], {"team": "payments"})
    expect_error(
        "the name is taken", "AlreadyExistsException", "orders already exists", glue.create_connection,
        ConnectionInput=given,
    )
    expect_error("an unknown name", "EntityNotFoundException", "absent not found", glue.get_connection, Name="absent")


def overwriting():
    glue.update_connection(Name="orders", ConnectionInput=jdbc("orders", password="other"))
    shown = get("orders")
    for member in ["Description", "MatchCriteria", "PhysicalConnectionRequirements"]:
        expect(f"{member} is gone", member in shown, False)
    expect("the new password", shown["ConnectionProperties"]["PASSWORD"], "other")
    expect("tags stay", glue.get_tags(ResourceArn=arn("orders"))["Tags"], {"team": "payments"})
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": "b:9092", "KAFKA_CLIENT_KEY_PASSWORD": "key"}
    stream = {"Name": "stream", "ConnectionType": "KAFKA", "ConnectionProperties": kafka}
    create(stream)
    hidden = get("stream", HidePassword=True)["ConnectionProperties"]
    glue.update_connection(Name="stream", ConnectionInput={**stream, "ConnectionProperties": hidden})
    expect(
        "a hidden read written back wipes the password", get("stream")["ConnectionProperties"],
        {"KAFKA_BOOTSTRAP_SERVERS": "b:9092"},
    )
    expect_error(
        "updating what is not there", "EntityNotFoundException", "absent", glue.update_connection,
        Name="absent", ConnectionInput=jdbc("absent"),
    )
    for name in ["orders", "stream"]:
        glue.delete_connection(ConnectionName=name)


def mistakes():
    unchecked = unchecked_client("glue")
    expect_error(
        "an unknown type", "ValidationException", "Value 'TELEPATHY' at 'connectionInput.connectionType'",
        glue.create_connection, ConnectionInput={**jdbc("a"), "ConnectionType": "TELEPATHY"},
    )
    expect_error(
        "no properties", "ValidationException", "connectionInput.connectionProperties",
        unchecked.create_connection, ConnectionInput={"Name": "a", "ConnectionType": "NETWORK"},
    )
    expect_error(
        "a long value", "ValidationException", "Map value must satisfy", glue.create_connection,
        ConnectionInput=jdbc("a", password="x" * 1025),
    )
    expect_error(
        "no password", "InvalidInputException", "ConnectionProperties.PASSWORD is required",
        glue.create_connection, ConnectionInput=jdbc("a", password=None),
    )
    expect_error(
        "no authentication", "InvalidInputException", "[ConnectionInput.AuthenticationConfiguration is required.]",
        glue.create_connection,
        ConnectionInput={"Name": "a", "ConnectionType": "MYSQL", "ConnectionProperties": {"HOST": "h"}},
    )
    expect_error(
        "no requirements", "InvalidInputException", "PhysicalConnectionRequirements is required",
        glue.create_connection,
        ConnectionInput={"Name": "a", "ConnectionType": "NETWORK", "ConnectionProperties": {}},
    )
    create({"Name": "a", "ConnectionType": "SNOWFLAKE", "ConnectionProperties": {"SparkProperties": "{}"}})
    glue.delete_connection(ConnectionName="a")


def inline_credentials():
    def mysql(password):
        credentials = {"Username": "user", "Password": password}
        return {
            "Name": "mysql", "ConnectionType": "MYSQL", "ConnectionProperties": {"HOST": "h"},
            "AuthenticationConfiguration": {
                "AuthenticationType": "BASIC", "BasicAuthenticationCredentials": credentials,
            },
        }

    create(mysql("first"))
    shown = get("mysql")
    expect("the schema's version", shown["ConnectionSchemaVersion"], 2)
    expect("the environments", shown["CompatibleComputeEnvironments"], ["SPARK"])
    authentication = shown["AuthenticationConfiguration"]
    expect("what is shown", sorted(authentication), ["AuthenticationType", "SecretArn"])
    value = lambda: json.loads(secrets.get_secret_value(SecretId=authentication["SecretArn"])["SecretString"])
    expect("the secret's value", value(), {"USERNAME": "user", "PASSWORD": "first"})
    glue.update_connection(Name="mysql", ConnectionInput=mysql("second"))
    expect("the same secret", get("mysql")["AuthenticationConfiguration"], authentication)
    expect("its new value", value()["PASSWORD"], "second")
    glue.delete_connection(ConnectionName="mysql")
    expect_error(
        "the secret goes too", "ResourceNotFoundException", "can't find", secrets.get_secret_value,
        SecretId=authentication["SecretArn"],
    )


def tokens_over_a_vpc():
    oauth = {
        "OAuth2GrantType": "CLIENT_CREDENTIALS",
        "TokenUrl": "https://example.com/token",
        "OAuth2Credentials": {"UserManagedClientApplicationClientSecret": "client secret"},
    }
    made = create({
        "Name": "crm", "ConnectionType": "SALESFORCE", "ConnectionProperties": {},
        "PhysicalConnectionRequirements": {"SubnetId": "subnet-1"},
        "AuthenticationConfiguration": {"AuthenticationType": "OAUTH2", "OAuth2Properties": oauth},
    })
    expect("a token takes its time", made["CreateConnectionStatus"], "IN_PROGRESS")
    wait("it is ready later", lambda: get("crm")["Status"], "READY")
    shown = get("crm")["AuthenticationConfiguration"]["OAuth2Properties"]
    expect("what is shown of OAuth", sorted(shown), ["OAuth2GrantType", "TokenUrl"])
    glue.delete_connection(ConnectionName="crm")


def pages_and_batches():
    start = time.monotonic()
    for number in range(120):
        create(jdbc(f"n{number:03}", MatchCriteria=[f"m{number % 2}"]))
    pages = list(glue.get_paginator("get_connections").paginate(HidePassword=True, PaginationConfig={"PageSize": 50}))
    expect("pages", [len(page["ConnectionList"]) for page in pages], [50, 50, 20])
    names = [it["Name"] for page in pages for it in page["ConnectionList"]]
    expect("each once", names, [f"n{number:03}" for number in range(120)])
    one = glue.get_connections(MaxResults=1)["ConnectionList"]
    expect("a list has whole bodies", one, [get("n000")])
    found = glue.get_connections(Filter={"MatchCriteria": ["m1"], "ConnectionType": "JDBC"}, MaxResults=1000)
    expect("the filter", len(found["ConnectionList"]), 60)
    expect("no version 2", glue.get_connections(Filter={"ConnectionSchemaVersion": 2})["ConnectionList"], [])
    batch = glue.batch_delete_connection(ConnectionNameList=["absent", *names[:24]])
    expect("the deleted", batch["Succeeded"], names[:24])
    expect("the failed", batch["Errors"]["absent"]["ErrorCode"], "EntityNotFoundException")
    for begin in range(24, 120, 24):
        glue.batch_delete_connection(ConnectionNameList=names[begin:begin + 24])
    expect("none is left", glue.get_connections()["ConnectionList"], [])
    expect("it is fast", time.monotonic() - start < 20, True)


def encryption():
    key = kms.create_key()["KeyMetadata"]["Arn"]
    settings = {
        "EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": key},
        "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": True, "AwsKmsKeyId": key},
    }
    glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=settings)
    shown = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    expect("the settings", shown, settings)
    create(jdbc("sealed"))
    keys = sorted(get("sealed")["ConnectionProperties"])
    expect("an encrypted password", keys, ["ENCRYPTED_PASSWORD", "JDBC_CONNECTION_URL", "USERNAME"])
    kms.disable_key(KeyId=key)
    expect_error(
        "a disabled key", "GlueEncryptionException", "disabled", glue.create_connection,
        ConnectionInput=jdbc("more"),
    )
    glue.delete_connection(ConnectionName="sealed")
    off = {"ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False}}
    glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=off)


def tags_and_tests():
    create(jdbc("orders"))
    glue.tag_resource(ResourceArn=arn("orders"), TagsToAdd={"a": "1", "b": "2"})
    glue.untag_resource(ResourceArn=arn("orders"), TagsToRemove=["a"])
    expect("tags", glue.get_tags(ResourceArn=arn("orders"))["Tags"], {"b": "2"})
    expect_error(
        "tags of what is not there", "EntityNotFoundException", "absent", glue.get_tags, ResourceArn=arn("absent")
    )
    glue.test_connection(ConnectionName="orders")
    expect_error(
        "a test of nothing", "EntityNotFoundException", "absent", glue.test_connection, ConnectionName="absent"
    )
    glue.delete_connection(ConnectionName="orders")


def faults_and_secrecy():
    create(jdbc("orders", password="hunter2"))
    rules = [
        {"service": "glue", "operation": "GetConnection", "resource": "orders", "states": ["IN_PROGRESS", "FAILED"]},
        {"service": "glue", "operation": "DeleteConnection", "count": 1,
         "error": {"code": "OperationTimeoutException", "message": "Timed out"}},
    ]
    control("PUT", "faults", {"seed": 1, "rules": rules})
    expect("a state of a rule", get("orders")["Status"], "IN_PROGRESS")
    failed = get("orders")
    expect("the next state", (failed["Status"], "StatusReason" in failed), ("FAILED", True))
    expect_error(
        "a fault", "OperationTimeoutException", "Timed out", glue.delete_connection, ConnectionName="orders"
    )
    control("PUT", "faults", {"rules": []})
    for place in ["state", "calls"]:
        expect(f"no secret in {place}", "hunter2" in json.dumps(control("GET", place)), False)
    logged = [call["resource"] for call in control("GET", "calls") if call["operation"] == "CreateConnection"]
    expect_in("the log names what is created", "orders", logged)
    glue.delete_connection(ConnectionName="orders")


def main():
    control("POST", "reset")
    control("PUT", "faults", {"rules": []})
    control("DELETE", "policy")
    steps = [
        round_trip, overwriting, mistakes, inline_credentials, tokens_over_a_vpc, pages_and_batches, encryption,
        tags_and_tests, faults_and_secrecy,
    ]
    for step in steps:
        try:
            step()
        except (Broken, ClientError) as error:
            print(f"{step.__name__}: {error}", file=sys.stderr)
            return 1
    print(f"{len(steps)} groups of expectations hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
