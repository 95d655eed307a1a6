"""Asks the sandbox's IAM what may be done, and its Service Quotas how much of it, with boto3.

Usage: rights.py ENDPOINT_URL

Ends with 0 when every expectation holds, and with 1 at the first that does not, saying which.
The script expects to be alone on the endpoint; it works in accounts of its own and resets it first.
"""

import json
import sys

from botocore.exceptions import ClientError

from expectations import ACCOUNT, REGION, Broken, client, control, expect

iam = client("iam")
quotas = client("service-quotas")
USER = f"arn:aws:iam::{ACCOUNT}:user/sandbox"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["iam:SimulatePrincipalPolicy", "events:*"], "Resource": "*"},
    {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY,
     "Condition": {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}},
    {"Effect": "Deny", "Action": "events:DeleteConnection", "Resource": "*"},
]}

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"},
]})


def decisions(principal=USER, **more):
    pages = iam.get_paginator("simulate_principal_policy").paginate(PolicySourceArn=principal, **more)
    return {
        (it["EvalActionName"], it["EvalResourceName"]): it["EvalDecision"]
        for page in pages for it in page["EvaluationResults"]
    }


def refused(principal):
    return {"call": iam.simulate_principal_policy, "PolicySourceArn": principal, "ActionNames": ["kms:CreateKey"]}


def expect_code(what, code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return expect(what, error.response["Error"]["Code"], code)
    raise Broken(f"{what}: expected {code}, but it was done")


def simulation():
    expect("no policy", decisions(ActionNames=["kms:CreateKey"]), {("kms:CreateKey", "*"): "allowed"})
    control("PUT", "policy", POLICY)
    actions = ["events:CreateConnection", "events:DeleteConnection", "kms:CreateKey"]
    wanted = dict(zip(((action, "*") for action in actions), ("allowed", "explicitDeny", "implicitDeny")))
    expect("each action", decisions(ActionNames=actions), wanted)
    expect("by pages", decisions(ActionNames=actions, PaginationConfig={"PageSize": 1}), wanted)
    decrypt = {"ActionNames": ["kms:Decrypt"], "ResourceArns": [KEY]}
    expect("without its condition", decisions(**decrypt), {("kms:Decrypt", KEY): "implicitDeny"})
    via = {
        "ContextKeyName": "kms:ViaService", "ContextKeyType": "string",
        "ContextKeyValues": [f"secretsmanager.{REGION}.amazonaws.com"],
    }
    expect("under its condition", decisions(ContextEntries=[via], **decrypt), {("kms:Decrypt", KEY): "allowed"})
    control("PUT", "policy", {"Statement": []})
    expect_code("simulating denied", "AccessDenied", **refused(USER))
    control("DELETE", "policy")


def principals():
    role = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    expect_code("no such role", "NoSuchEntity", **refused(role))
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=TRUST)
    expect("a role", decisions(role, ActionNames=["kms:CreateKey"]), {("kms:CreateKey", "*"): "allowed"})
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/session"
    expect_code("a session", "InvalidInput", **refused(session))


def limits():
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="events", PaginationConfig={"PageSize": 1})
    found = {it["QuotaName"]: it for page in pages for it in page["Quotas"]}
    values = {name: it["Value"] for name, it in found.items()}
    expect("the quotas", values, {"Api destinations": 3000.0, "Connections": 3000.0})
    connections = found["Connections"]
    one = quotas.get_service_quota(ServiceCode="events", QuotaCode=connections["QuotaCode"])["Quota"]
    expect("one of them", one, connections)
    unknown = "NoSuchResourceException"
    expect_code("an unknown one", unknown, quotas.get_service_quota, ServiceCode="events", QuotaCode="L-00000000")
    expect_code("an unknown service", unknown, quotas.list_service_quotas, ServiceCode="nothing")


def main():
    control("POST", "reset")
    control("DELETE", "policy")
    steps = [simulation, principals, limits]
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
