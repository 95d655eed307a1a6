"""Calls AWS operations through boto3.

Usage: calls.py ENDPOINT_URL REGION < calls.json

Reads a list of {"service": …, "operation": …, "input": {…}}, prints the list of their outputs. A `user` is the access key
of a call; without it that is `test`. An operation that the service refuses gives {"error": CODE, "message": TEXT}, and the next one is called all the same.
"""

import json
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError


def main():
    endpoint, region = sys.argv[1:3]
    clients = {}
    answers = []
    for call in json.load(sys.stdin):
        service = call["service"], call.get("user", "test")
        if service not in clients:
            clients[service] = boto3.client(
                service[0],
                endpoint_url=endpoint,
                region_name=region,
                aws_access_key_id=service[1],
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}),
            )
        try:
            answer = getattr(clients[service], xform_name(call["operation"]))(**call.get("input", {}))
            answer.pop("ResponseMetadata", None)
        except ClientError as error:
            answer = {"error": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}
        answers.append(answer)
    json.dump(answers, sys.stdout, default=str)


main()
