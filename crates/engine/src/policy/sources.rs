//! Reading the sources of secrets that AWS keeps.
//!
//! They are read where the stack is at home and as its role, whatever place the resource that takes them has; an ARN says
//! itself where it is. Which key encrypts a source is written nowhere in a manifest, so that any key of its account and
//! region may be used, through the service alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scope, Whither};
use crate::credential::{Scheme, SecretSource};
use crate::desired::Desired;
use crate::permission::{ANY, Permission, Subject};
use crate::value::Value;

const WHY: &str = "read the sources of secrets";

/// What the sources of some resources take, each with the address of the resource that it is for.
pub(super) fn sources<'a>(
    nodes: impl Iterator<Item = &'a Desired>,
    scope: &Scope<'_>,
) -> Vec<(Permission, Option<String>)> {
    let mut named: BTreeMap<SecretSource, BTreeSet<String>> = BTreeMap::new();
    for node in nodes {
        for source in of_node(node) {
            named.entry(source).or_default().insert(node.address.to_string());
        }
    }
    let home = (scope.whither)(scope.home);
    let each = named.into_iter().flat_map(|(source, addresses)| {
        permissions(&source, &home)
            .into_iter()
            .flat_map(move |it| addresses.clone().into_iter().map(move |address| (it.clone(), Some(address))))
    });
    each.collect()
}

fn of_node(node: &Desired) -> BTreeSet<SecretSource> {
    let mut sources = BTreeSet::new();
    for value in node.properties.values() {
        value.walk(&mut |_, leaf| match leaf {
            Value::Deferred(deferred) => sources.extend(deferred.secret_sources().iter().cloned()),
            Value::Secret(secret) => sources.extend(SecretSource::of_label(secret.source())),
            _ => {}
        });
    }
    sources
}

fn permissions(source: &SecretSource, home: &Whither) -> Vec<Permission> {
    let id = source.id();
    // arn:PARTITION:SERVICE:REGION:ACCOUNT:…
    let arn: Option<Vec<&str>> = id.starts_with("arn:").then(|| id.splitn(6, ':').collect());
    let part = |index: usize, otherwise: &'_ str| {
        let given = arn.as_ref().and_then(|parts| parts.get(index)).filter(|part| !part.is_empty());
        given.map_or(otherwise, |part| *part).to_owned()
    };
    let (partition, region, account) = (part(1, home.partition), part(3, &home.region), part(4, &home.account));
    let subject = Subject { partition: &partition, region: &region, account: &account, ..Subject::any() };
    let resource = arn.as_ref().map(|parts| parts.get(5).copied().unwrap_or(ANY));
    let decrypt = |service: &str| {
        let keys = [subject.arn("kms", "key/*")];
        Permission::on("KeysThroughServices", &["kms:Decrypt"], keys, WHY).via(&subject, service)
    };
    match source.scheme {
        Scheme::Env | Scheme::File => Vec::new(),
        Scheme::AwsSm => {
            let bare = resource.map_or_else(|| format!("secret:{id}"), str::to_owned);
            // A name is asked about with and without the end that the service gives it.
            let ends: &[&str] = if resource.is_some_and(has_end) { &[""] } else { &["", "-??????"] };
            let secrets = ends.iter().map(|end| subject.arn("secretsmanager", &format!("{bare}{end}")));
            vec![
                Permission::everywhere("TakesNoResource", &["secretsmanager:BatchGetSecretValue"], WHY),
                Permission::on("SecretSources", &["secretsmanager:GetSecretValue"], secrets, WHY),
                decrypt("secretsmanager"),
            ]
        }
        Scheme::AwsSsm => {
            let whole = resource.unwrap_or(id);
            // What selects a version is no part of the parameter's ARN.
            let bare = whole.split_once(':').map_or(whole, |(bare, _)| bare);
            let name = bare.strip_prefix("parameter").unwrap_or(bare).trim_start_matches('/');
            let name = if resource.is_some() { name } else { bare.trim_start_matches('/') };
            let parameter = subject.arn("ssm", &format!("parameter/{name}"));
            vec![Permission::on("ParameterSources", &["ssm:GetParameters"], [parameter], WHY), decrypt("ssm")]
        }
    }
}

/// Whether the ARN of a secret has the hyphen and the six characters that the service puts behind the name.
fn has_end(resource: &str) -> bool {
    let end = resource.rsplit_once('-').map(|(_, end)| end);
    end.is_some_and(|end| end.len() == 6 && end.chars().all(|character| character.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Whither {
        Whither { partition: "aws", region: "eu-west-1".to_owned(), account: "123456789012".to_owned() }
    }

    /// The actions of a source, each with what it is on.
    fn needed(source: &str) -> Vec<String> {
        let lines = permissions(&SecretSource::parse(source).unwrap(), &home()).into_iter().map(|it| {
            let line = format!("{} {}", it.actions.join(" "), it.resources.join(" "));
            let via = it.conditions.iter().flat_map(|it| &it.values);
            via.fold(line, |line, value| line + " via " + value)
        });
        lines.collect()
    }

    const DECRYPT: &str = "kms:Decrypt arn:aws:kms:eu-west-1:123456789012:key/*";

    #[test]
    fn a_secret_by_name_is_read_at_home_with_the_batch_and_its_key() {
        assert_eq!(
            needed("aws-sm:orders/login#password"),
            [
                "secretsmanager:BatchGetSecretValue *".to_owned(),
                "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/login \
                 arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/login-??????"
                    .to_owned(),
                format!("{DECRYPT} via secretsmanager.eu-west-1.amazonaws.com"),
            ]
        );
    }

    #[test]
    fn the_arn_of_a_secret_says_where_it_is_and_gets_the_end_that_it_lacks() {
        let arn = "arn:aws-cn:secretsmanager:cn-north-1:210987654321:secret:orders";
        assert_eq!(needed(&format!("aws-sm:{arn}#a"))[1], format!("secretsmanager:GetSecretValue {arn} {arn}-??????"));
        assert_eq!(needed(&format!("aws-sm:{arn}-Ab3dEf"))[1], format!("secretsmanager:GetSecretValue {arn}-Ab3dEf"));
        assert_eq!(
            needed(&format!("aws-sm:{arn}"))[2],
            "kms:Decrypt arn:aws-cn:kms:cn-north-1:210987654321:key/* via secretsmanager.cn-north-1.amazonaws.com.cn"
        );
    }

    #[test]
    fn a_parameter_is_named_without_what_selects_a_version() {
        let parameter = "ssm:GetParameters arn:aws:ssm:eu-west-1:123456789012:parameter/shipping/key";
        for source in [
            "aws-ssm:/shipping/key",
            "aws-ssm:shipping/key:3",
            "aws-ssm:/shipping/key:live",
            "aws-ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/shipping/key:3",
        ] {
            assert_eq!(
                needed(source),
                [parameter.to_owned(), format!("{DECRYPT} via ssm.eu-west-1.amazonaws.com")],
                "{source}"
            );
        }
        assert_eq!(
            needed("aws-ssm:parameter/key")[0],
            "ssm:GetParameters arn:aws:ssm:eu-west-1:123456789012:parameter/parameter/key"
        );
        assert!(needed("env:KEY").is_empty());
    }
}
