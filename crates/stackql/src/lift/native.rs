//! Where the native dialect's columns, which are the parameters of a service's API, differ from the properties.
//!
//! Most have the same names. Facts from the API references of Secrets Manager (`CreateSecret`, `UpdateSecret`) and KMS
//! (`CreateKey`).

use std::sync::Arc;

use trueup_engine::manifest::tree::{Entry, Node, Yaml};
use trueup_engine::source::Spanned;

use crate::sql::Table;

/// Table, column, and the property that it is; `None`: it says how the call is made.
type Named = (&'static str, &'static str, Option<&'static str>);

const NAMES: &[Named] = &[
    ("aws.kms.keys", "Policy", Some("KeyPolicy")),
    ("aws.kms.keys", "CustomerMasterKeySpec", Some("KeySpec")),
    ("aws.secretsmanager.secrets", "AddReplicaRegions", Some("ReplicaRegions")),
    ("aws.secretsmanager.secrets", "ClientRequestToken", None),
    ("aws.secretsmanager.secrets", "ForceOverwriteReplicaSecret", None),
];

/// Members of KMS's tags, and what they are called in a property.
const TAGS: &[(&str, &str)] = &[("TagKey", "Key"), ("TagValue", "Value")];

/// The property of a column that has another name.
pub fn property(table: &Table, column: &str) -> Option<&'static str> {
    named(table, column)?.2
}

/// Whether a column says how the call is made, and is no property.
pub fn is_parameter(table: &Table, column: &str) -> bool {
    named(table, column).is_some_and(|(.., property)| property.is_none())
}

fn named(table: &Table, column: &str) -> Option<&'static Named> {
    let path = table.path();
    NAMES.iter().find(|(of, name, _)| *of == path && *name == column)
}

/// A value with the names of properties inside.
pub fn value(table: &Table, node: Node) -> Node {
    let Yaml::List(items) = node.yaml else { return node };
    if table.path() != "aws.kms.keys" {
        return Node { yaml: Yaml::List(items), span: node.span };
    }
    let items = items
        .into_iter()
        .map(|item| match item.yaml {
            Yaml::Map(entries) => {
                let entries = entries.into_iter().map(|entry| Entry { key: tag_member(entry.key), value: entry.value });
                Node { yaml: Yaml::Map(entries.collect()), span: item.span }
            }
            _ => item,
        })
        .collect();
    Node { yaml: Yaml::List(items), span: node.span }
}

fn tag_member(key: Spanned<Arc<str>>) -> Spanned<Arc<str>> {
    match TAGS.iter().find(|(name, _)| *name == &*key.value) {
        Some((_, property)) => Spanned { value: Arc::from(*property), span: key.span },
        None => key,
    }
}
