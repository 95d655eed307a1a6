//! One event, and the record of it that `LookupEvents` answers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::shown;
use crate::clock::{Millis, rfc3339, seconds};
use crate::operation::{Operation, identity};
use crate::wire::{Caller, Service};

/// One call that writes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) time: Millis,
    pub(crate) name: String,
    /// `events.amazonaws.com`.
    pub(crate) source: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) user: String,
    pub(crate) key: String,
    /// ARNs with their type, where the service tells CloudTrail which resources a call is about.
    pub(crate) resources: Vec<(String, String)>,
    arn: String,
    request: Value,
    address: String,
    agent: String,
    error: Option<String>,
    /// The service that called for the user.
    invoked_by: Option<String>,
}

/// From where a request came.
#[derive(Clone, Default)]
pub(crate) struct Origin {
    pub(crate) address: String,
    pub(crate) agent: String,
}

impl Event {
    /// The event of a call. Without an origin it was made by the service that the caller asked.
    pub(crate) fn of(
        (service, operation): (Service, &Operation),
        caller: &Caller,
        origin: Option<&Origin>,
        input: &Value,
        arns: &[String],
        time: Millis,
        error: Option<&str>,
    ) -> Self {
        let invoked_by = origin.is_none().then_some(match caller.service.as_str() {
            "cloudcontrolapi" => "cloudformation.amazonaws.com",
            _ => "tagging.amazonaws.com",
        });
        let from = |ours: fn(&Origin) -> &String| match (origin, invoked_by) {
            (Some(origin), _) => ours(origin).clone(),
            (None, by) => by.unwrap_or_default().to_owned(),
        };
        Self {
            id: Uuid::new_v4().to_string(),
            time,
            name: operation.name.to_owned(),
            source: format!("{}.amazonaws.com", service.name()),
            account: caller.account.clone(),
            region: caller.region.clone(),
            user: caller.user.clone(),
            key: caller.key.clone(),
            resources: indexed(service, arns),
            arn: identity(caller),
            request: shown(operation.input, input),
            address: from(|origin| &origin.address),
            agent: from(|origin| &origin.agent),
            error: error.map(str::to_owned),
            invoked_by: invoked_by.map(str::to_owned),
        }
    }

    /// As `LookupEvents` answers it [M].
    pub(crate) fn answer(&self) -> Value {
        let resources: Vec<Value> =
            self.resources.iter().map(|(kind, name)| json!({"ResourceType": kind, "ResourceName": name})).collect();
        json!({
            "EventId": self.id,
            "EventName": self.name,
            "ReadOnly": "false",
            "AccessKeyId": self.key,
            "EventTime": seconds(self.time / 1000 * 1000),
            "EventSource": self.source,
            "Username": self.user,
            "Resources": resources,
            "CloudTrailEvent": self.record().to_string(),
        })
    }

    /// The record itself [D].
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
    fn record(&self) -> Value {
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "IAMUser",
                "principalId": "AIDASANDBOX0000000000",
                "arn": self.arn,
                "accountId": self.account,
                "accessKeyId": self.key,
                "userName": self.user,
            },
            "eventTime": rfc3339(self.time / 1000 * 1000),
            "eventSource": self.source,
            "eventName": self.name,
            "awsRegion": self.region,
            "sourceIPAddress": self.address,
            "userAgent": self.agent,
            "requestParameters": self.request,
            "responseElements": null,
            "requestID": self.id,
            "eventID": self.id,
            "readOnly": false,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": self.account,
            "eventCategory": "Management",
        });
        if let Some(by) = &self.invoked_by {
            record["userIdentity"]["invokedBy"] = by.as_str().into();
        }
        if let Some(code) = &self.error {
            record["errorCode"] = code.as_str().into();
        }
        if !self.resources.is_empty() {
            let resources = self.resources.iter().map(|(kind, arn)| json!({"type": kind, "ARN": arn}));
            record["resources"] = resources.collect();
        }
        record
    }
}

/// What can be looked up by its name. [D] KMS, S3 and IAM name the resource; [?] EventBridge, Glue and Secrets Manager do
/// not: the stricter reading.
fn indexed(service: Service, arns: &[String]) -> Vec<(String, String)> {
    let kind = match service {
        Service::Kms => "AWS::KMS::Key",
        Service::S3 => "AWS::S3::Bucket",
        Service::Iam => "AWS::IAM::Role",
        _ => return Vec::new(),
    };
    // [D] KMS by ARN, the others by the name at its end
    let name = |arn: &String| match service {
        Service::Kms => arn.clone(),
        _ => arn.rsplit([':', '/']).next().unwrap_or(arn).to_owned(),
    };
    arns.iter().filter(|arn| *arn != "*").map(|arn| (kind.to_owned(), name(arn))).collect()
}
