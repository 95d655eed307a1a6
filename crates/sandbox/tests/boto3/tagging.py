"""Drives the sandbox's Resource Groups Tagging API with boto3, a client that its authors did not write.

Usage: tagging.py ENDPOINT_URL

Ends with 0 when every expectation holds, and with 1 at the first that does not, saying which.
The script expects to be alone on the endpoint; it works in accounts of its own and resets it first.
"""

import sys

from botocore.exceptions import ClientError

from expectations import ACCOUNT, REGION, Broken, client, control, expect, expect_error

tagging = client("resourcegroupstaggingapi")
glue = client("glue")
secrets = client("secretsmanager")
kms = client("kms")
made = {}


def found(**more):
    pages = tagging.get_paginator("get_resources").paginate(**more)
    return {it["ResourceARN"]: it["Tags"] for page in pages for it in page["ResourceTagMappingList"]}


def with_tag(key, *values):
    return set(found(TagFilters=[{"Key": key, "Values": list(values)}]))


def everything():
    physical = {"SubnetId": "subnet-1", "SecurityGroupIdList": ["sg-1"], "AvailabilityZone": f"{REGION}a"}
    glue.create_connection(
        ConnectionInput={
            "Name": "orders", "ConnectionType": "NETWORK", "ConnectionProperties": {},
            "PhysicalConnectionRequirements": physical,
        },
        Tags={"team": "orders"},
    )
    made["glue"] = f"arn:aws:glue:{REGION}:{ACCOUNT}:connection/orders"
    secret = secrets.create_secret(
        Name="orders", SecretString="x", Tags=[{"Key": "team", "Value": "orders"}, {"Key": "stage", "Value": "dev"}]
    )
    made["secret"] = secret["ARN"]
    key = kms.create_key(Tags=[{"TagKey": "team", "TagValue": "payments"}])["KeyMetadata"]
    made["key"] = key["Arn"]
    secrets.create_secret(Name="untagged", SecretString="x")
    expect("all that is tagged", set(found()), set(made.values()))
    expect("the tags", found()[made["glue"]], [{"Key": "team", "Value": "orders"}])
    expect("by one page each", set(found(PaginationConfig={"PageSize": 1})), set(made.values()))


def filters():
    expect("a key and a value", with_tag("team", "orders"), {made["glue"], made["secret"]})
    expect("alternatives", with_tag("team", "orders", "payments"), set(made.values()))
    expect("a key alone", with_tag("stage"), {made["secret"]})
    both = [{"Key": "team", "Values": ["orders", "payments"]}, {"Key": "stage"}]
    expect("both keys", set(found(TagFilters=both)), {made["secret"]})
    for kinds, names in ((["kms:key"], ["key"]), (["glue:connection", "secretsmanager"], ["glue", "secret"])):
        expect(f"{kinds}", set(found(ResourceTypeFilters=kinds)), {made[name] for name in names})
    expect("by ARN", set(tagged_by_arn([made["key"]])), {made["key"]})
    expect_error(
        "ARNs and filters", "InvalidParameterException", "ResourceARNList", tagging.get_resources,
        ResourceARNList=[made["key"]], TagFilters=[{"Key": "team"}],
    )
    expect_error(
        "no such page", "InvalidParameterException", "between 1 and 100", tagging.get_resources, ResourcesPerPage=101
    )
    keys = [it for page in tagging.get_paginator("get_tag_keys").paginate() for it in page["TagKeys"]]
    expect("the keys", keys, ["stage", "team"])
    values = [it for page in tagging.get_paginator("get_tag_values").paginate(Key="team") for it in page["TagValues"]]
    expect("the values", values, ["orders", "payments"])


def tagged_by_arn(arns):
    return [it["ResourceARN"] for it in tagging.get_resources(ResourceARNList=arns)["ResourceTagMappingList"]]


def writes():
    absent = made["glue"].replace("orders", "absent")
    answer = tagging.tag_resources(ResourceARNList=[*made.values(), absent], Tags={"owner": "me"})
    expect("what failed", list(answer["FailedResourcesMap"]), [absent])
    expect("its code", answer["FailedResourcesMap"][absent]["ErrorCode"], "EntityNotFoundException")
    expect("the rest", with_tag("owner", "me"), set(made.values()))
    expect("seen by the service", glue.get_tags(ResourceArn=made["glue"])["Tags"]["owner"], "me")
    answer = tagging.untag_resources(ResourceARNList=[made["glue"]], TagKeys=["owner", "team"])
    expect("nothing failed", answer["FailedResourcesMap"], {})
    expect("once tagged", found()[made["glue"]], [])
    expect_error(
        "tags of AWS", "InvalidParameterException", "aws:", tagging.tag_resources, ResourceARNList=[made["glue"]],
        Tags={"aws:mine": "x"},
    )


def ends():
    secrets.delete_secret(SecretId="orders", RecoveryWindowInDays=7)
    kms.schedule_key_deletion(KeyId=made["key"], PendingWindowInDays=7)
    expect("until they are gone", set(found()), set(made.values()))
    control("POST", "clock", {"advance": "7d"})
    expect("and then not", set(found()), {made["glue"]})


def lag():
    control("POST", "clock", {"advance": "1h"})
    glue.tag_resource(ResourceArn=made["glue"], TagsToAdd={"late": "yes"})
    control("PUT", "faults", {"rules": [{"service": "tagging", "operation": "GetResources", "stale_ms": 60_000}]})
    expect("not yet", with_tag("late"), set())
    expect("the service knows", glue.get_tags(ResourceArn=made["glue"])["Tags"], {"late": "yes"})
    control("POST", "clock", {"advance": "1m"})
    expect("then", with_tag("late"), {made["glue"]})
    control("PUT", "faults", {"rules": [{"service": "tagging", "deny": True}]})
    expect_error("denied", "AccessDeniedException", "tag:GetResources", tagging.get_resources)
    control("PUT", "faults", {"rules": []})


def main():
    control("POST", "reset")
    control("PUT", "faults", {"rules": []})
    control("DELETE", "policy")
    steps = [everything, filters, writes, ends, lag]
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
