//! The operations that are called: one row each, with everything that is decided per operation.
//!
//! A code means different things in different operations (`LimitExceededException` is a quota when something is made and
//! throttling when something is read), so the row says which; see [`crate::fault`].

use trueup_engine::kind::Cost;

use crate::names::{global_region, partition};

/// A JSON service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// Its name in signatures and host names.
    pub(crate) name: &'static str,
    /// Its id in `AWS_ENDPOINT_URL_<ID>` and in the profile's `services` section.
    pub(crate) id: &'static str,
    /// The prefix of `X-Amz-Target`.
    pub(crate) target: &'static str,
}

/// EventBridge.
pub(crate) static EVENTS: Service = Service { name: "events", id: "EventBridge", target: "AWSEvents" };
/// Secrets Manager.
pub(crate) static SECRETS_MANAGER: Service =
    Service { name: "secretsmanager", id: "Secrets Manager", target: "secretsmanager" };
/// Glue.
#[cfg(feature = "glue")]
pub(crate) static GLUE: Service = Service { name: "glue", id: "Glue", target: "AWSGlue" };
/// Systems Manager, for its parameters.
pub(crate) static SSM: Service = Service { name: "ssm", id: "SSM", target: "AmazonSSM" };
/// CloudTrail.
pub(crate) static CLOUD_TRAIL: Service =
    Service { name: "cloudtrail", id: "CloudTrail", target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101" };
/// The Resource Groups Tagging API.
pub(crate) static TAGGING: Service =
    Service { name: "tagging", id: "Resource Groups Tagging API", target: "ResourceGroupsTaggingAPI_20170126" };
/// Key Management Service.
pub(crate) static KMS: Service = Service { name: "kms", id: "KMS", target: "TrentService" };
/// Cloud Control.
pub(crate) static CLOUD_CONTROL: Service =
    Service { name: "cloudcontrolapi", id: "CloudControl", target: "CloudApiService" };
/// CloudFormation, for its registry of types.
pub(crate) static CLOUD_FORMATION: Service = Service { name: "cloudformation", id: "CloudFormation", target: "" };
/// Service Quotas.
pub(crate) static SERVICE_QUOTAS: Service =
    Service { name: "servicequotas", id: "Service Quotas", target: "ServiceQuotasV20190624" };
/// Identity and Access Management; it has one endpoint a partition.
pub(crate) static IAM: Service = Service { name: "iam", id: "IAM", target: "" };
/// S3, for single objects.
pub(crate) static S3: Service = Service { name: "s3", id: "S3", target: "" };
/// Security Token Service; not a JSON service, called through the SDK.
pub(crate) static STS: Service = Service { name: "sts", id: "STS", target: "" };

/// How a service is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// awsJson; the content type names the version.
    Json(&'static str),
    /// A form of this version, answered in XML.
    Query(&'static str),
    /// HTTP's methods and paths; errors are XML.
    Rest,
}

impl Service {
    /// Its host, given what follows the service in those of the region, and the region that signs for it.
    ///
    /// <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
    pub(crate) fn host(&self, fips: &str, region: &str, suffix: &str) -> (String, String) {
        if self.name != "iam" {
            return (format!("{}{fips}.{suffix}", self.name), region.to_owned());
        }
        let domain = suffix.strip_prefix(&format!("{region}.")).unwrap_or(suffix);
        let home = global_region(region);
        let host = match partition(region) {
            "aws" => format!("iam{fips}.{domain}"),
            "aws-us-gov" => format!("iam.us-gov.{domain}"),
            _ => format!("iam.{home}.{domain}"),
        };
        (host, home.to_owned())
    }

    /// How it is spoken to.
    pub(crate) fn protocol(&self) -> Protocol {
        match self.name {
            "cloudformation" => Protocol::Query("2010-05-15"),
            "iam" => Protocol::Query("2010-05-08"),
            "s3" => Protocol::Rest,
            "cloudcontrolapi" => Protocol::Json("application/x-amz-json-1.0"),
            _ => Protocol::Json("application/x-amz-json-1.1"),
        }
    }
}

/// What an operation does, as far as the meaning of its errors depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Changes nothing.
    Reads,
    /// Makes or changes something, so that a limit is a quota.
    Writes,
    /// Makes something new each time that it is carried out, so that it is not sent again where it may have been.
    Makes,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    /// As in IAM: `events:CreateConnection`.
    pub(crate) name: &'static str,
    /// Its service.
    pub(crate) service: &'static Service,
    /// What it does.
    pub(crate) effect: Effect,
    /// How many calls a second the service allows, per account and region.
    pub(crate) per_second: u32,
}

impl Operation {
    const fn new(name: &'static str, service: &'static Service, effect: Effect, per_second: u32) -> Self {
        Self { name, service, effect, per_second }
    }

    /// What a call of it costs.
    pub(crate) const fn cost(&self) -> Cost {
        self.cost_for(1)
    }

    /// What a call of it costs that serves so many resources.
    pub(crate) const fn cost_for(&self, serves: u32) -> Cost {
        Cost { operation: self.name, per_second: self.per_second, serves }
    }

    /// The name without the service.
    pub(crate) fn short(&self) -> &'static str {
        self.name.split_once(':').map_or(self.name, |(_, short)| short)
    }
}

// EventBridge's quota page gives 50 a second for every operation but PutEvents.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
pub(crate) static LIST_CONNECTIONS: Operation = Operation::new("events:ListConnections", &EVENTS, Effect::Reads, 50);
pub(crate) static DESCRIBE_CONNECTION: Operation =
    Operation::new("events:DescribeConnection", &EVENTS, Effect::Reads, 50);
pub(crate) static CREATE_CONNECTION: Operation = Operation::new("events:CreateConnection", &EVENTS, Effect::Writes, 50);
pub(crate) static UPDATE_CONNECTION: Operation = Operation::new("events:UpdateConnection", &EVENTS, Effect::Writes, 50);
pub(crate) static DELETE_CONNECTION: Operation = Operation::new("events:DeleteConnection", &EVENTS, Effect::Writes, 50);
pub(crate) static LIST_API_DESTINATIONS: Operation =
    Operation::new("events:ListApiDestinations", &EVENTS, Effect::Reads, 50);
pub(crate) static DESCRIBE_API_DESTINATION: Operation =
    Operation::new("events:DescribeApiDestination", &EVENTS, Effect::Reads, 50);
pub(crate) static CREATE_API_DESTINATION: Operation =
    Operation::new("events:CreateApiDestination", &EVENTS, Effect::Writes, 50);
pub(crate) static UPDATE_API_DESTINATION: Operation =
    Operation::new("events:UpdateApiDestination", &EVENTS, Effect::Writes, 50);
pub(crate) static DELETE_API_DESTINATION: Operation =
    Operation::new("events:DeleteApiDestination", &EVENTS, Effect::Writes, 50);

// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
pub(crate) static BATCH_GET_SECRET_VALUE: Operation =
    Operation::new("secretsmanager:BatchGetSecretValue", &SECRETS_MANAGER, Effect::Reads, 100);
// Thousands a second are allowed; no run needs as many.
pub(crate) static DESCRIBE_SECRET: Operation =
    Operation::new("secretsmanager:DescribeSecret", &SECRETS_MANAGER, Effect::Reads, 500);
pub(crate) static LIST_SECRETS: Operation =
    Operation::new("secretsmanager:ListSecrets", &SECRETS_MANAGER, Effect::Reads, 100);

/// The default throughput of all that reads parameters.
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html>
pub(crate) static GET_PARAMETERS: Operation = Operation::new("ssm:GetParameters", &SSM, Effect::Reads, 40);

/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
pub(crate) static LOOKUP_EVENTS: Operation = Operation::new("cloudtrail:LookupEvents", &CLOUD_TRAIL, Effect::Reads, 2);

// The service allows 50 a second of all that write a secret or its policy together, and 50 of all that tag.
pub(crate) static CREATE_SECRET: Operation =
    Operation::new("secretsmanager:CreateSecret", &SECRETS_MANAGER, Effect::Writes, 40);
pub(crate) static UPDATE_SECRET: Operation =
    Operation::new("secretsmanager:UpdateSecret", &SECRETS_MANAGER, Effect::Writes, 30);
pub(crate) static DELETE_SECRET: Operation =
    Operation::new("secretsmanager:DeleteSecret", &SECRETS_MANAGER, Effect::Writes, 40);
pub(crate) static RESTORE_SECRET: Operation =
    Operation::new("secretsmanager:RestoreSecret", &SECRETS_MANAGER, Effect::Writes, 40);
pub(crate) static TAG_SECRET: Operation =
    Operation::new("secretsmanager:TagResource", &SECRETS_MANAGER, Effect::Writes, 25);
pub(crate) static UNTAG_SECRET: Operation =
    Operation::new("secretsmanager:UntagResource", &SECRETS_MANAGER, Effect::Writes, 20);
pub(crate) static REPLICATE_SECRET: Operation =
    Operation::new("secretsmanager:ReplicateSecretToRegions", &SECRETS_MANAGER, Effect::Writes, 10);
pub(crate) static REMOVE_REPLICAS: Operation =
    Operation::new("secretsmanager:RemoveRegionsFromReplication", &SECRETS_MANAGER, Effect::Writes, 10);
pub(crate) static GET_SECRET_POLICY: Operation =
    Operation::new("secretsmanager:GetResourcePolicy", &SECRETS_MANAGER, Effect::Reads, 35);
pub(crate) static PUT_SECRET_POLICY: Operation =
    Operation::new("secretsmanager:PutResourcePolicy", &SECRETS_MANAGER, Effect::Writes, 15);
pub(crate) static GET_RANDOM_PASSWORD: Operation =
    Operation::new("secretsmanager:GetRandomPassword", &SECRETS_MANAGER, Effect::Reads, 40);
pub(crate) static LIST_SECRET_VERSIONS: Operation =
    Operation::new("secretsmanager:ListSecretVersionIds", &SECRETS_MANAGER, Effect::Reads, 40);

/// Glue's connections and tags. Its quota page gives no rates for these operations, so these are cautious; a bucket
/// slows down at every refusal.
#[cfg(feature = "glue")]
mod glue {
    use super::{Effect, GLUE, Operation};

    pub(crate) static GLUE_GET_CONNECTIONS: Operation = Operation::new("glue:GetConnections", &GLUE, Effect::Reads, 10);
    pub(crate) static GLUE_GET_CONNECTION: Operation = Operation::new("glue:GetConnection", &GLUE, Effect::Reads, 20);
    pub(crate) static GLUE_CREATE_CONNECTION: Operation =
        Operation::new("glue:CreateConnection", &GLUE, Effect::Writes, 10);
    pub(crate) static GLUE_UPDATE_CONNECTION: Operation =
        Operation::new("glue:UpdateConnection", &GLUE, Effect::Writes, 10);
    pub(crate) static GLUE_DELETE_CONNECTION: Operation =
        Operation::new("glue:DeleteConnection", &GLUE, Effect::Writes, 10);
    pub(crate) static GLUE_GET_TAGS: Operation = Operation::new("glue:GetTags", &GLUE, Effect::Reads, 20);
    pub(crate) static GLUE_TAG_RESOURCE: Operation = Operation::new("glue:TagResource", &GLUE, Effect::Writes, 10);
    pub(crate) static GLUE_UNTAG_RESOURCE: Operation = Operation::new("glue:UntagResource", &GLUE, Effect::Writes, 10);
}
#[cfg(feature = "glue")]
pub(crate) use glue::*;

// https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
pub(crate) static DESCRIBE_KEY: Operation = Operation::new("kms:DescribeKey", &KMS, Effect::Reads, 2000);
pub(crate) static LIST_ALIASES: Operation = Operation::new("kms:ListAliases", &KMS, Effect::Reads, 500);

pub(crate) static CREATE_KEY: Operation = Operation::new("kms:CreateKey", &KMS, Effect::Makes, 5);
pub(crate) static GET_KEY_POLICY: Operation = Operation::new("kms:GetKeyPolicy", &KMS, Effect::Reads, 1000);
pub(crate) static PUT_KEY_POLICY: Operation = Operation::new("kms:PutKeyPolicy", &KMS, Effect::Writes, 15);
pub(crate) static GET_KEY_ROTATION: Operation = Operation::new("kms:GetKeyRotationStatus", &KMS, Effect::Reads, 1000);
pub(crate) static ENABLE_KEY_ROTATION: Operation = Operation::new("kms:EnableKeyRotation", &KMS, Effect::Writes, 15);
pub(crate) static DISABLE_KEY_ROTATION: Operation = Operation::new("kms:DisableKeyRotation", &KMS, Effect::Writes, 5);
pub(crate) static ENABLE_KEY: Operation = Operation::new("kms:EnableKey", &KMS, Effect::Writes, 5);
pub(crate) static DISABLE_KEY: Operation = Operation::new("kms:DisableKey", &KMS, Effect::Writes, 5);
pub(crate) static UPDATE_KEY_DESCRIPTION: Operation =
    Operation::new("kms:UpdateKeyDescription", &KMS, Effect::Writes, 5);
pub(crate) static LIST_KEYS: Operation = Operation::new("kms:ListKeys", &KMS, Effect::Reads, 500);
pub(crate) static LIST_KEY_TAGS: Operation = Operation::new("kms:ListResourceTags", &KMS, Effect::Reads, 2000);
pub(crate) static TAG_KEY: Operation = Operation::new("kms:TagResource", &KMS, Effect::Writes, 10);
pub(crate) static UNTAG_KEY: Operation = Operation::new("kms:UntagResource", &KMS, Effect::Writes, 5);
pub(crate) static SCHEDULE_KEY_DELETION: Operation =
    Operation::new("kms:ScheduleKeyDeletion", &KMS, Effect::Writes, 15);
pub(crate) static CANCEL_KEY_DELETION: Operation = Operation::new("kms:CancelKeyDeletion", &KMS, Effect::Writes, 5);
pub(crate) static CREATE_ALIAS: Operation = Operation::new("kms:CreateAlias", &KMS, Effect::Writes, 5);
pub(crate) static UPDATE_ALIAS: Operation = Operation::new("kms:UpdateAlias", &KMS, Effect::Writes, 5);
pub(crate) static DELETE_ALIAS: Operation = Operation::new("kms:DeleteAlias", &KMS, Effect::Writes, 15);

/// The API's page of quotas gives no rate that can be relied on.
pub(crate) static GET_RESOURCES: Operation = Operation::new("tag:GetResources", &TAGGING, Effect::Reads, 10);
// Cloud Control's quota page gives no rates; the handlers' services throttle themselves. These are cautious, and a bucket
// slows down at every refusal. The IAM actions are CloudFormation's.
// https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/security-iam.html
pub(crate) static GET_RESOURCE: Operation =
    Operation::new("cloudformation:GetResource", &CLOUD_CONTROL, Effect::Reads, 20);
pub(crate) static LIST_RESOURCES: Operation =
    Operation::new("cloudformation:ListResources", &CLOUD_CONTROL, Effect::Reads, 10);
pub(crate) static CREATE_RESOURCE: Operation =
    Operation::new("cloudformation:CreateResource", &CLOUD_CONTROL, Effect::Writes, 10);
pub(crate) static UPDATE_RESOURCE: Operation =
    Operation::new("cloudformation:UpdateResource", &CLOUD_CONTROL, Effect::Writes, 10);
pub(crate) static DELETE_RESOURCE: Operation =
    Operation::new("cloudformation:DeleteResource", &CLOUD_CONTROL, Effect::Writes, 10);
pub(crate) static GET_RESOURCE_REQUEST_STATUS: Operation =
    Operation::new("cloudformation:GetResourceRequestStatus", &CLOUD_CONTROL, Effect::Reads, 20);
pub(crate) static LIST_RESOURCE_REQUESTS: Operation =
    Operation::new("cloudformation:ListResourceRequests", &CLOUD_CONTROL, Effect::Reads, 10);
pub(crate) static DESCRIBE_TYPE: Operation =
    Operation::new("cloudformation:DescribeType", &CLOUD_FORMATION, Effect::Reads, 10);

pub(crate) static LIST_TYPES: Operation =
    Operation::new("cloudformation:ListTypes", &CLOUD_FORMATION, Effect::Reads, 10);

/// One action on one resource counts as one; the API's page of quotas gives no rate that can be relied on.
pub(crate) static SIMULATE_PRINCIPAL_POLICY: Operation =
    Operation::new("iam:SimulatePrincipalPolicy", &IAM, Effect::Reads, 5);
pub(crate) static LIST_SERVICE_QUOTAS: Operation =
    Operation::new("servicequotas:ListServiceQuotas", &SERVICE_QUOTAS, Effect::Reads, 5);

// Thousands a second are allowed for each prefix of a bucket; a lock needs three a minute.
pub(crate) static GET_OBJECT: Operation = Operation::new("s3:GetObject", &S3, Effect::Reads, 100);
pub(crate) static PUT_OBJECT: Operation = Operation::new("s3:PutObject", &S3, Effect::Writes, 100);
pub(crate) static DELETE_OBJECT: Operation = Operation::new("s3:DeleteObject", &S3, Effect::Writes, 100);

/// Well below the 600 a second that STS shares among its operations.
pub(crate) static GET_CALLER_IDENTITY: Operation = Operation::new("sts:GetCallerIdentity", &STS, Effect::Reads, 100);
