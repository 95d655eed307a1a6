"""Drives the sandbox's Secrets Manager and KMS with boto3, a client that its authors did not write.

Usage: stores.py ENDPOINT_URL

Ends with 0 when every expectation holds, and with 1 at the first that does not, saying which.
The script expects to be alone on the endpoint; it works in accounts of its own and resets it first.
"""

import json
import string
import sys

from botocore.exceptions import ClientError

from expectations import ACCOUNT, REGION, Broken, client, control, expect, expect_error, expect_in, wait

OTHER = "eu-central-1"
TOKENS = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(4)]
secrets = client("secretsmanager")
there = client("secretsmanager", region=OTHER)
kms = client("kms")


def new_key(**more):
    return kms.create_key(**more)["KeyMetadata"]


def value(name, **more):
    return secrets.get_secret_value(SecretId=name, **more)["SecretString"]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal, action):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}


def idempotent_writes():
    made = secrets.create_secret(Name="app", SecretString="one", ClientRequestToken=TOKENS[0])
    expect("the version", made["VersionId"], TOKENS[0])
    again = secrets.create_secret(Name="app", SecretString="one", ClientRequestToken=TOKENS[0])
    expect("the same creation", (again["ARN"], again["VersionId"]), (made["ARN"], TOKENS[0]))
    for write in (secrets.put_secret_value, secrets.update_secret):
        put = write(SecretId="app", SecretString="one", ClientRequestToken=TOKENS[0])
        expect("the same write", put["VersionId"], TOKENS[0])
        expect_error(
            "another value", "ResourceExistsException", "because that value is already in use for a version", write,
            SecretId="app", SecretString="two", ClientRequestToken=TOKENS[0],
        )
    expect("nothing has changed", list(secrets.describe_secret(SecretId="app")["VersionIdsToStages"]), [TOKENS[0]])
    for form in ("app", made["ARN"], made["ARN"][:-7]):
        expect(f"read by {form}", value(form), "one")


def versions():
    for number in (1, 2):
        secrets.put_secret_value(SecretId="app", SecretString=f"v{number}", ClientRequestToken=TOKENS[number])
    shown = secrets.describe_secret(SecretId="app")["VersionIdsToStages"]
    expect("the stages", shown, {TOKENS[1]: ["AWSPREVIOUS"], TOKENS[2]: ["AWSCURRENT"]})
    more = {}
    ids = []
    while True:
        page = secrets.list_secret_version_ids(SecretId="app", IncludeDeprecated=True, MaxResults=2, **more)
        ids += [it["VersionId"] for it in page["Versions"]]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    expect("all versions by pages", sorted(ids), TOKENS[:3])
    secrets.update_secret_version_stage(
        SecretId="app", VersionStage="AWSCURRENT", RemoveFromVersionId=TOKENS[2], MoveToVersionId=TOKENS[0]
    )
    expect("back to the first", value("app"), "one")
    expect("the previous one", value("app", VersionStage="AWSPREVIOUS"), "v2")
    expect_error(
        "no label to spare", "InvalidParameterException", "You can only move staging label AWSCURRENT",
        secrets.update_secret_version_stage, SecretId="app", VersionStage="AWSCURRENT", RemoveFromVersionId=TOKENS[0],
    )
    expect_error(
        "a stage of another version", "InvalidRequestException", "not associated", secrets.get_secret_value,
        SecretId="app", VersionId=TOKENS[0], VersionStage="AWSPREVIOUS",
    )


def resource_policies():
    given = policy(allow(f"arn:aws:iam::{ACCOUNT}:root", "secretsmanager:GetSecretValue"))
    secrets.put_resource_policy(SecretId="app", ResourcePolicy=given)
    expect("the policy", secrets.get_resource_policy(SecretId="app")["ResourcePolicy"], given)
    secrets.delete_resource_policy(SecretId="app")
    expect("no policy", "ResourcePolicy" in secrets.get_resource_policy(SecretId="app"), False)
    expect_error(
        "a public policy", "PublicPolicyException", "broad access", secrets.put_resource_policy, SecretId="app",
        ResourcePolicy=policy(allow("*", "*")), BlockPublicPolicy=True,
    )
    expect_error(
        "no policy at all", "MalformedPolicyDocumentException", "invalid Json", secrets.put_resource_policy,
        SecretId="app", ResourcePolicy="{}",
    )


def replication():
    made = secrets.replicate_secret_to_regions(SecretId="app", AddReplicaRegions=[{"Region": OTHER}])
    expect("the region", made["ReplicationStatus"][0]["Region"], OTHER)

    def status():
        return secrets.describe_secret(SecretId="app")["ReplicationStatus"][0]["Status"]

    wait("the status", status, "InSync")
    secrets.put_secret_value(SecretId="app", SecretString="everywhere")
    expect("the copy's value", there.get_secret_value(SecretId="app")["SecretString"], "everywhere")
    expect("where it comes from", there.describe_secret(SecretId="app")["PrimaryRegion"], REGION)
    expect_error(
        "a write to the copy", "InvalidParameterException", "replica secret", there.put_secret_value,
        SecretId="app", SecretString="x",
    )
    expect_error(
        "deletion", "InvalidParameterException", f"[{OTHER}]", secrets.delete_secret, SecretId="app",
        ForceDeleteWithoutRecovery=True,
    )
    secrets.remove_regions_from_replication(SecretId="app", RemoveReplicaRegions=[OTHER])
    expect_error("the copy is gone", "ResourceNotFoundException", "find", there.describe_secret, SecretId="app")


def secrets_and_their_keys():
    key = new_key()["Arn"]
    secrets.update_secret(SecretId="app", KmsKeyId=key)
    expect("the key", secrets.describe_secret(SecretId="app")["KmsKeyId"], key)
    kms.disable_key(KeyId=key)
    expect_error("reading", "DecryptionFailure", "KMS key", secrets.get_secret_value, SecretId="app")
    expect_error(
        "writing", "EncryptionFailure", "KMS key", secrets.put_secret_value, SecretId="app", SecretString="x"
    )
    batch = secrets.batch_get_secret_value(SecretIdList=["app"])
    expect("in a batch", [it["ErrorCode"] for it in batch["Errors"]], ["DecryptionFailure"])
    kms.enable_key(KeyId=key)
    secrets.update_secret(SecretId="app", KmsKeyId="")
    expect("back to the default", "KmsKeyId" in secrets.describe_secret(SecretId="app"), False)


def deletion():
    secrets.delete_secret(SecretId="app", RecoveryWindowInDays=7)
    expect_in("when", "DeletedDate", secrets.describe_secret(SecretId="app"))
    expect_error(
        "reading", "InvalidRequestException", "marked for deletion", secrets.get_secret_value, SecretId="app"
    )
    expect_error(
        "the name", "InvalidRequestException", "scheduled for deletion", secrets.create_secret, Name="app",
        SecretString="x",
    )
    expect("not listed", secrets.list_secrets()["SecretList"], [])
    listed = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    expect("listed when asked", [it["Name"] for it in listed], ["app"])
    secrets.restore_secret(SecretId="app")
    secrets.delete_secret(SecretId="app", RecoveryWindowInDays=7)
    control("POST", "clock", {"advance": "7d"})
    expect_error("the end", "ResourceNotFoundException", "find", secrets.describe_secret, SecretId="app")
    expect_error(
        "one or the other", "InvalidParameterException", "RecoveryWindowInDays", secrets.delete_secret,
        SecretId="app", RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True,
    )


def passwords():
    password = secrets.get_random_password(PasswordLength=20, ExcludePunctuation=True)["RandomPassword"]
    expect("its length", len(password), 20)
    expect("its characters", set(password) <= set(string.ascii_letters + string.digits), True)


def key_lifecycles():
    key = new_key(Description="one", Tags=[{"TagKey": "team", "TagValue": "orders"}])["KeyId"]
    kms.update_key_description(KeyId=key, Description="two")
    expect("the description", kms.describe_key(KeyId=key)["KeyMetadata"]["Description"], "two")
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    status = kms.get_key_rotation_status(KeyId=key)
    expect("rotation", (status["KeyRotationEnabled"], status["RotationPeriodInDays"]), (True, 180))
    expect_in("its next date", "NextRotationDate", status)
    kms.disable_key_rotation(KeyId=key)
    expect("no rotation", kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"], False)
    kms.disable_key(KeyId=key)
    expect_error("disabled", "DisabledException", "is disabled.", kms.enable_key_rotation, KeyId=key)
    names = [it for page in kms.get_paginator("list_key_policies").paginate(KeyId=key) for it in page["PolicyNames"]]
    expect("the policies' names", names, ["default"])
    kms.untag_resource(KeyId=key, TagKeys=["team"])
    expect("the tags", kms.list_resource_tags(KeyId=key)["Tags"], [])
    ids = [it["KeyId"] for page in kms.get_paginator("list_keys").paginate(Limit=1) for it in page["Keys"]]
    expect_in("the key in the list", key, ids)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    for change in (kms.enable_key, kms.enable_key_rotation, kms.schedule_key_deletion):
        expect_error("pending", "KMSInvalidStateException", "is pending deletion.", change, KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    expect("back", kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Disabled")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    control("POST", "clock", {"advance": "7d"})
    expect_error("the end", "NotFoundException", "does not exist", kms.describe_key, KeyId=key)


def key_policies():
    key = new_key()["KeyId"]
    closed = policy(allow(f"arn:aws:iam::{ACCOUNT}:role/nobody", "kms:*"))
    expect_error(
        "locked out", "MalformedPolicyDocumentException", "will not allow you to update the key policy",
        kms.put_key_policy, KeyId=key, PolicyName="default", Policy=closed,
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=closed, BypassPolicyLockoutSafetyCheck=True)
    expect("the policy", json.loads(kms.get_key_policy(KeyId=key)["Policy"]), json.loads(closed))


def kinds_of_keys():
    key = new_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    expect_in("what it can do", "RSASSA_PSS_SHA_256", key["SigningAlgorithms"])
    key = new_key(MultiRegion=True)
    expect("of many regions", key["MultiRegionConfiguration"]["PrimaryKey"], {"Arn": key["Arn"], "Region": REGION})
    expect_error(
        "against its kind", "ValidationException", "not compatible", kms.create_key, KeySpec="HMAC_256",
        KeyUsage="SIGN_VERIFY",
    )
    expect_error(
        "tags of AWS", "TagException", "aws:", kms.create_key, Tags=[{"TagKey": "aws:x", "TagValue": "y"}]
    )


def main():
    control("POST", "reset")
    control("PUT", "faults", {"rules": []})
    control("DELETE", "policy")
    steps = [
        idempotent_writes, versions, resource_policies, replication, secrets_and_their_keys, deletion, passwords,
        key_lifecycles, key_policies, kinds_of_keys,
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
