"""Creates, describes or deletes connections with boto3, 32 threads and one client, as people write it without a tool.

Usage: boto3_threads.py URL create|describe|delete COUNT
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

url, verb, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = boto3.client(
    "events",
    endpoint_url=url,
    region_name="us-east-1",
    aws_access_key_id="bench",
    aws_secret_access_key="bench",
    config=Config(max_pool_connections=32, retries={"max_attempts": 8, "mode": "standard"}),
)


def create(number):
    secret = f"example-only-benchmark-{number}"
    if number % 2 == 0:
        kind = "BASIC"
        parameters = {"BasicAuthParameters": {"Username": f"user-{number}", "Password": secret}}
    else:
        kind = "API_KEY"
        header = {"Key": "X-Source", "Value": "bench", "IsValueSecret": False}
        parameters = {
            "ApiKeyAuthParameters": {"ApiKeyName": "X-Api-Key", "ApiKeyValue": secret},
            "InvocationHttpParameters": {"HeaderParameters": [header]},
        }
    client.create_connection(
        Name=f"bench-{number:05}",
        Description=f"Connection {number} of the benchmark",
        AuthorizationType=kind,
        AuthParameters=parameters,
    )


def describe(number):
    client.describe_connection(Name=f"bench-{number:05}")


def delete(number):
    client.delete_connection(Name=f"bench-{number:05}")


with ThreadPoolExecutor(32) as pool:
    list(pool.map({"create": create, "describe": describe, "delete": delete}[verb], range(count)))
