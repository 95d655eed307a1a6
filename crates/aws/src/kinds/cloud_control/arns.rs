//! Which type an ARN is of, for the few that stacks mostly have beside connections: so that what a stack owns and its
//! manifest no longer names can be read and deleted although nothing names its type any more.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>

/// Service, and what the resource part begins with; the last one that is empty takes the rest.
const TYPES: &[(&str, &str, &str)] = &[
    ("dynamodb", "table/", "AWS::DynamoDB::Table"),
    ("ec2", "security-group/", "AWS::EC2::SecurityGroup"),
    ("events", "event-bus/", "AWS::Events::EventBus"),
    ("iam", "role/", "AWS::IAM::Role"),
    ("lambda", "function:", "AWS::Lambda::Function"),
    ("logs", "log-group:", "AWS::Logs::LogGroup"),
    ("s3", "", "AWS::S3::Bucket"),
    ("sns", "", "AWS::SNS::Topic"),
    ("sqs", "", "AWS::SQS::Queue"),
    ("states", "stateMachine:", "AWS::StepFunctions::StateMachine"),
];

/// The type of the resource with this ARN, where it is one of those.
pub(crate) fn type_of(arn: &str) -> Option<&'static str> {
    let mut pieces = arn.splitn(6, ':').skip(2);
    let (service, resource) = (pieces.next()?, pieces.nth(2)?);
    let fits = |(own, start, _): &&(&str, &str, &str)| {
        *own == service && if start.is_empty() { !resource.contains(['/', ':']) } else { resource.starts_with(start) }
    };
    TYPES.iter().find(fits).map(|(_, _, name)| *name)
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
