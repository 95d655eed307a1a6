//! Which type an ARN is of, for the few that stacks mostly have beside connections: so that what a stack owns and its
//! manifest no longer names can be read and deleted although nothing names its type any more.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>

use trueup_engine::permission::Subject;

/// A type whose ARNs are known.
struct Known {
    service: &'static str,
    /// What the resource part begins with; the last one of a service that is empty takes the rest.
    start: &'static str,
    name: &'static str,
    /// The property that holds the end of the ARN, where one does.
    named_by: Option<&'static str>,
}

const fn known(
    service: &'static str,
    start: &'static str,
    name: &'static str,
    named_by: Option<&'static str>,
) -> Known {
    Known { service, start, name, named_by }
}

const TYPES: &[Known] = &[
    known("dynamodb", "table/", "AWS::DynamoDB::Table", Some("TableName")),
    known("ec2", "security-group/", "AWS::EC2::SecurityGroup", None),
    known("events", "event-bus/", "AWS::Events::EventBus", Some("Name")),
    known("iam", "role/", "AWS::IAM::Role", Some("RoleName")),
    known("lambda", "function:", "AWS::Lambda::Function", Some("FunctionName")),
    known("logs", "log-group:", "AWS::Logs::LogGroup", Some("LogGroupName")),
    known("s3", "", "AWS::S3::Bucket", Some("BucketName")),
    known("sns", "", "AWS::SNS::Topic", Some("TopicName")),
    known("sqs", "", "AWS::SQS::Queue", Some("QueueName")),
    known("states", "stateMachine:", "AWS::StepFunctions::StateMachine", Some("StateMachineName")),
];

/// Types whose ARNs follow from their names, and not the other way round: a parameter's ARN does not tell whether its name
/// begins with a slash.
const ONE_WAY: &[Known] = &[known("ssm", "parameter/", "AWS::SSM::Parameter", Some("Name"))];

/// The service of a type and the ARN of one of its resources, and of what is inside of it, as policies name them.
pub(crate) fn named(type_name: &str, subject: &Subject<'_>) -> Option<(&'static str, Vec<String>)> {
    let known = TYPES.iter().chain(ONE_WAY).find(|known| known.name == type_name)?;
    let name = subject.text(&format!("/{}", known.named_by?))?;
    let name = if known.start.ends_with('/') { name.trim_start_matches('/') } else { name };
    let (region, account) = match known.service {
        "s3" => ("", ""),
        "iam" => ("", subject.account),
        _ => (subject.region, subject.account),
    };
    // A role's ARN has its path before its name.
    let path = if known.service == "iam" { subject.text("/Path").unwrap_or("/").trim_start_matches('/') } else { "" };
    let arn = format!("arn:{}:{}:{region}:{account}:{}{path}{name}", subject.partition, known.service, known.start);
    let inside = match known.service {
        "logs" | "lambda" => Some(format!("{arn}:*")),
        "dynamodb" | "s3" => Some(format!("{arn}/*")),
        _ => None,
    };
    Some((known.service, std::iter::once(arn).chain(inside).collect()))
}

/// The type of the resource with this ARN, where it is one of those.
pub(crate) fn type_of(arn: &str) -> Option<&'static str> {
    let mut pieces = arn.splitn(6, ':').skip(2);
    let (service, resource) = (pieces.next()?, pieces.nth(2)?);
    let fits = |known: &&Known| {
        let start = known.start;
        known.service == service
            && if start.is_empty() { !resource.contains(['/', ':']) } else { resource.starts_with(start) }
    };
    TYPES.iter().find(fits).map(|known| known.name)
}

/// Whether resources of a type live in no region, so that one region of the partition shows their tags.
pub(crate) fn is_global(type_name: &str) -> bool {
    let service = type_name.split("::").nth(1).unwrap_or_default();
    ["CloudFront", "GlobalAccelerator", "IAM", "Organizations", "Route53"].contains(&service)
}

#[cfg(test)]
mod tests {
    use super::type_of;

    #[test]
    fn the_type_follows_from_service_and_word() {
        for (arn, name) in [
            ("arn:aws:s3:::orders", Some("AWS::S3::Bucket")),
            ("arn:aws:s3:::orders/key", None),
            ("arn:aws:iam::123456789012:role/path/loader", Some("AWS::IAM::Role")),
            ("arn:aws:iam::123456789012:user/somebody", None),
            ("arn:aws:logs:us-east-1:123456789012:log-group:/app", Some("AWS::Logs::LogGroup")),
            ("arn:aws:sqs:us-east-1:123456789012:orders", Some("AWS::SQS::Queue")),
            ("orders", None),
        ] {
            assert_eq!(type_of(arn), name, "{arn}");
        }
    }
}
