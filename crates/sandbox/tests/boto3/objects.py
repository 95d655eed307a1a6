"""Writes objects of the sandbox's S3 under conditions, with boto3.

Usage: objects.py ENDPOINT_URL

Ends with 0 when every expectation holds, and with 1 at the first that does not, saying which.
The script expects to be alone on the endpoint; it works in accounts of its own and resets it first.
"""

import sys
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from expectations import REGION, Broken, client, control, expect

s3 = client("s3")


def refused(what, code, status, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        return expect(what, found, (code, status))
    raise Broken(f"{what}: expected {code}, but it was done")


def objects():
    s3.create_bucket(Bucket="locks", CreateBucketConfiguration={"LocationConstraint": REGION})
    about = {"Bucket": "locks", "Key": "orders/a b+é.json"}
    refused("absent", "NoSuchKey", 404, s3.get_object, **about)
    refused("no bucket", "NoSuchBucket", 404, s3.get_object, Bucket="absent-bucket", Key="key")
    refused("to renew what is absent", "NoSuchKey", 404, s3.put_object, Body=b"1", IfMatch='"x"', **about)
    first = s3.put_object(Body=b"one", IfNoneMatch="*", ContentType="application/json", **about)["ETag"]
    refused("to take it twice", "PreconditionFailed", 412, s3.put_object, Body=b"two", IfNoneMatch="*", **about)
    found = s3.get_object(**about)
    expect("the body", found["Body"].read(), b"one")
    expect("the tag and the type", (found["ETag"], found["ContentType"]), (first, "application/json"))
    expect("the head", s3.head_object(**about)["ETag"], first)
    second = s3.put_object(Body=b"two", IfMatch=first, **about)["ETag"]
    expect("another tag", first != second, True)
    refused("an old tag", "PreconditionFailed", 412, s3.put_object, Body=b"three", IfMatch=first, **about)
    refused("to remove with an old tag", "PreconditionFailed", 412, s3.delete_object, IfMatch=first, **about)
    refused("a bucket with something in it", "BucketNotEmpty", 409, s3.delete_bucket, Bucket="locks")
    refused("somebody else's", "AccessDenied", 403, client("s3", account="444455556666").get_object, **about)
    s3.delete_object(IfMatch=second, **about)
    refused("gone", "NoSuchKey", 404, s3.get_object, **about)
    s3.delete_object(**about)
    s3.put_object(Body=b"", **about)
    expect("empty", s3.get_object(**about)["Body"].read(), b"")


def rights():
    about = {"Bucket": "locks", "Key": "key"}
    allow = {"Effect": "Allow", "Resource": "arn:aws:s3:::locks/key"}
    policy = {"Version": "2012-10-17", "Statement": [{**allow, "Action": ["s3:PutObject", "s3:DeleteObject"]}]}
    control("PUT", "policy", policy)
    tag = s3.put_object(Body=b"one", IfNoneMatch="*", **about)["ETag"]
    refused("a condition without reading", "AccessDenied", 403, s3.put_object, Body=b"two", IfMatch=tag, **about)
    policy["Statement"].append({**allow, "Action": "s3:GetObject"})
    control("PUT", "policy", policy)
    s3.put_object(Body=b"two", IfMatch=tag, **about)
    s3.delete_object(**about)
    # Who may not list a bucket is not told that something is not in it.
    refused("absent", "AccessDenied", 403, s3.get_object, **about)
    control("DELETE", "policy")


def dates():
    def date():
        headers = s3.list_buckets()["ResponseMetadata"]["HTTPHeaders"]
        return datetime.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S GMT")

    before = date()
    control("POST", "clock", {"advance": "1m"})
    expect("the date follows the clock", timedelta(seconds=59) <= date() - before < timedelta(seconds=120), True)


def main():
    control("POST", "reset")
    for part in (objects, rights, dates):
        part()
    print("all expectations hold")


if __name__ == "__main__":
    try:
        main()
    except Broken as broken:
        print(broken)
        sys.exit(1)
