"""Clients of the sandbox, and the ways to say what is expected of it."""

import json
import sys
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1].rstrip("/")
ACCOUNT = "111122223333"
REGION = "eu-west-1"


class Broken(Exception):
    """An expectation that does not hold."""


def client(service, account=ACCOUNT, region=REGION, **config):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def unchecked_client(service):
    """A client that lets the service find the mistakes."""
    return client(service, parameter_validation=False)


def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{ENDPOINT}/_trueup/{path}", data=data, method=method)
    with urllib.request.urlopen(request) as reply:
        return json.loads(reply.read())


def expect(what, actual, wanted):
    if actual != wanted:
        raise Broken(f"{what}: expected {wanted!r}, got {actual!r}")


def expect_in(what, part, whole):
    if part not in whole:
        raise Broken(f"{what}: expected {part!r} in {whole!r}")


def expect_error(what, code, text, call, **arguments):
    """Calls and expects the service's error with a text that contains `text`."""
    try:
        call(**arguments)
    except ClientError as error:
        expect(f"{what}: the code", error.response["Error"]["Code"], code)
        expect_in(f"{what}: the text", text, error.response["Error"]["Message"])
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        expect(f"{what}: the status", status, 400)
        return
    raise Broken(f"{what}: expected {code}, but it was done")


def wait(what, call, wanted, seconds=10):
    """Waits until a call answers what is wanted."""
    control("POST", "clock", {"advance_ms": 1_000})
    end = time.monotonic() + seconds
    while True:
        actual = call()
        if actual == wanted or time.monotonic() > end:
            return expect(what, actual, wanted)
        time.sleep(0.05)
