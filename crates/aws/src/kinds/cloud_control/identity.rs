//! How a resource is identified: by its properties, or by the ARN that the tagging API shows.
//!
//! Cloud Control joins the parts of an identifier with `|`. An ARN says the identity of most of what a service names
//! itself; it is a candidate, and what is read under it carries the owner's tags or is not it.

use trueup_engine::kind::Finding;
use trueup_engine::schema::Type;
use trueup_engine::value::{Map, Value, at};

use super::plain;
use super::schema::Read;

/// What joins the parts of an identifier.
const BETWEEN: &str = "|";

/// The identifier, where all its parts are given.
pub(super) fn of_properties(read: &Read, properties: &Map) -> Option<String> {
    let part = |path: &[String]| at(properties, &format!("/{}", path.join("/"))).and_then(plain);
    let parts: Option<Vec<String>> =
        read.identifier.iter().map(|piece| if piece.made { None } else { part(&piece.path) }).collect();
    parts.map(|parts| parts.join(BETWEEN))
}

/// Parts of an identifier that are made from secrets, although they are shown everywhere.
pub(super) fn secret_parts(read: &Read, properties: &Map) -> Vec<Finding> {
    let pointers = read.identifier.iter().map(|part| format!("/{}", part.path.join("/")));
    let secret = |pointer: &String| match at(properties, pointer) {
        Some(Value::Secret(_)) => true,
        Some(Value::Deferred(deferred)) => deferred.secret_source().is_some(),
        _ => false,
    };
    pointers
        .filter(secret)
        .map(|pointer| Finding {
            code: "M313",
            summary: format!("`{}` is made from a secret", pointer.trim_start_matches('/')),
            pointer,
            on_key: false,
            help: Some("names are shown everywhere; use something that is not secret".to_owned()),
            warning: false,
        })
        .collect()
}

/// The identifier of the resource with an ARN, where it is of the type and the ARN says it.
pub(super) fn of_arn(read: &Read, arn: &str) -> Option<String> {
    let mut pieces = arn.splitn(6, ':').skip(1);
    let (partition, service, region, account, resource) =
        (pieces.next()?, pieces.next()?, pieces.next()?, pieces.next()?, pieces.next()?);
    if !is_of_service(read, service) {
        return None;
    }
    // Names that are paths are names as a whole.
    match (read.name, resource.split_once([':', '/'])) {
        ("AWS::Logs::LogGroup", Some(("log-group", name))) => return Some(name.trim_end_matches(":*").to_owned()),
        ("AWS::SSM::Parameter", Some(("parameter", name))) if name.contains('/') => return Some(format!("/{name}")),
        _ => {}
    }
    let (kind, id) = match resource.trim_start_matches('/').split_once(['/', ':']) {
        Some((kind, rest)) => (Some(kind), rest.rsplit(['/', ':']).next().unwrap_or(rest)),
        None => (None, resource),
    };
    if kind.is_some_and(|kind| !is_of_type(read.name, kind)) {
        return None;
    }
    let [part] = read.identifier.as_slice() else { return None };
    let name = part.path.last()?;
    if name.ends_with("Arn") || name.ends_with("ARN") || takes_arns_only(read, &part.path) {
        return Some(arn.to_owned());
    }
    if read.name == "AWS::SQS::Queue" {
        let domain = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        return Some(format!("https://sqs.{region}.{domain}/{account}/{id}"));
    }
    Some(id.to_owned())
}

/// Whether a type's resources have ARNs of this service: that of the actions of its handlers.
fn is_of_service(read: &Read, service: &str) -> bool {
    let named = read.name.split("::").nth(1).is_some_and(|name| name.eq_ignore_ascii_case(service));
    let handlers = [read.handlers.create, read.handlers.read];
    let mut actions = handlers.into_iter().flatten().flatten();
    named || actions.any(|action| action.split(':').next().is_some_and(|prefix| prefix.eq_ignore_ascii_case(service)))
}

/// Whether the word for a resource in an ARN is that of a type: `vpc` for `AWS::EC2::VPC`, `restapis` for
/// `AWS::ApiGateway::RestApi`. Nothing looser would do: `route-table` is no `AWS::EC2::TransitGatewayRouteTable`. What
/// is not told by its word (`db` for `AWS::RDS::DBInstance`) is not found by its tags, and the engine says so.
fn is_of_type(name: &str, word: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
    };
    let (name, word) = (plain(name.rsplit("::").next().unwrap_or(name)), plain(word));
    name == word || word.strip_suffix('s') == Some(&name)
}

fn takes_arns_only(read: &Read, path: &[String]) -> bool {
    let property = read.schema.at(&format!("/{}", path.join("/")));
    let pattern = property.and_then(|property| match property.ty {
        Type::Text(text) => text.pattern,
        _ => None,
    });
    pattern.is_some_and(|pattern| pattern.regex.trim_start_matches(['^', '(']).starts_with("arn:"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::schema;
    use super::*;

    fn of(name: &str, identifier: &str, action: &str, arn: &str) -> Option<String> {
        let handler = json!({"permissions": [action]});
        let read = schema::read(&json!({
            "typeName": name,
            "properties": {identifier: {"type": "string"}},
            "readOnlyProperties": [format!("/properties/{identifier}")],
            "primaryIdentifier": [format!("/properties/{identifier}")],
            "handlers": {"create": handler, "read": handler, "delete": handler},
        }));
        of_arn(&read.unwrap(), arn)
    }

    #[test]
    fn an_arn_says_the_identity_of_its_own_type() {
        let queue = "arn:aws:sqs:eu-west-1:123456789012:orders";
        assert_eq!(
            of("AWS::SQS::Queue", "QueueUrl", "sqs:CreateQueue", queue).as_deref(),
            Some("https://sqs.eu-west-1.amazonaws.com/123456789012/orders")
        );
        for name in ["orders", "/orders/dev"] {
            let group = format!("arn:aws:logs:eu-west-1:123456789012:log-group:{name}");
            let found = of("AWS::Logs::LogGroup", "LogGroupName", "logs:CreateLogGroup", &group);
            assert_eq!(found.as_deref(), Some(name));
            let parameter = format!("arn:aws:ssm:eu-west-1:123456789012:parameter/{}", name.trim_start_matches('/'));
            let found = of("AWS::SSM::Parameter", "Name", "ssm:PutParameter", &parameter);
            assert_eq!(found.as_deref(), Some(name));
        }
        let machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders";
        assert_eq!(
            of("AWS::StepFunctions::StateMachine", "Arn", "states:CreateStateMachine", machine).as_deref(),
            Some(machine)
        );
        let vpc = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1";
        assert_eq!(of("AWS::EC2::VPC", "VpcId", "ec2:CreateVpc", vpc).as_deref(), Some("vpc-1"));
        assert_eq!(of("AWS::EC2::Subnet", "SubnetId", "ec2:CreateSubnet", vpc), None);
        assert_eq!(of("AWS::S3::Bucket", "BucketName", "s3:CreateBucket", vpc), None);
        let api = "arn:aws:apigateway:eu-west-1::/restapis/abc";
        assert_eq!(of("AWS::ApiGateway::RestApi", "RestApiId", "apigateway:POST", api).as_deref(), Some("abc"));
        let instance = "arn:aws:rds:eu-west-1:123456789012:db:orders";
        assert_eq!(of("AWS::RDS::DBInstance", "Id", "rds:CreateDBInstance", instance), None);
        let table = "arn:aws:ec2:eu-west-1:123456789012:route-table/rtb-1";
        assert_eq!(of("AWS::EC2::TransitGatewayRouteTable", "Id", "ec2:CreateTransitGatewayRouteTable", table), None);
        assert_eq!(of("AWS::S3::Bucket", "BucketName", "s3:CreateBucket", "no arn"), None);
    }
}
