//! Sources of secrets that are resources of the same stack: `secret('aws-sm:orders')` beside the secret `orders`.
//!
//! The one comes before the other, so there is an edge. But a source is read when the plan is made: before the secret
//! exists, or before this run gives it another value. A reference has no such gap, so it is proposed where there is one.

use std::sync::Arc;

use crate::credential::{Scheme, SecretSource};
use crate::desired::Desired;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::render::Deferred;
use crate::source::Span;
use crate::value::Value;

/// The resources that the sources of a resource name, and where it names them.
pub(crate) fn needed(node: &Desired, all: &[Arc<Desired>]) -> Vec<(usize, Span)> {
    let mut needed = Vec::new();
    each(node, &mut |source, deferred| {
        if let Some(target) = all.iter().position(|other| is_named(other, source)) {
            needed.push((target, deferred.span()));
        }
    });
    needed
}

/// Says what to write instead of the name of a secret that the stack itself makes.
pub(super) fn of_one_stack(all: &[Arc<Desired>], diagnostics: &mut Diagnostics) {
    for node in all {
        each(node, &mut |source, deferred| {
            let Some(other) = all.iter().find(|other| is_named(other, source)) else { return };
            let address = &other.address;
            let given = other.kind.is_source().filter(|(_, value)| other.properties.contains_key(value));
            let instead = match (given, source.json_key()) {
                (Some((_, value)), None) => format!("{address}.{value}"),
                (Some((_, value)), Some(key)) => format!("({address}.{value} | from_json)['{key}']"),
                // Its own name is known only when it is there.
                (None, None) => format!("secret('aws-sm:' ~ {address}.Id)"),
                (None, Some(key)) => format!("secret('aws-sm:' ~ {address}.Id ~ '#{key}')"),
            };
            let help = format!("write `{{{{ {instead} }}}}`");
            let what =
                format!("`{source}` is `{address}` of this stack, whose value is read before this run changes it");
            diagnostics.push(Diagnostic::warning("M326", what).at(deferred.span()).help(help));
        });
    }
}

/// Every source of a resource's properties that is read from the cloud.
fn each(node: &Desired, found: &mut dyn FnMut(&SecretSource, &Deferred)) {
    for value in node.properties.values() {
        value.leaves(&mut |leaf| {
            if let Value::Deferred(deferred) = leaf {
                for source in deferred.secret_sources().iter().filter(|source| source.scheme.is_remote()) {
                    found(source, deferred);
                }
            }
        });
    }
}

/// Whether a source names this resource.
fn is_named(node: &Desired, source: &SecretSource) -> bool {
    let (Some((scheme, _)), Some(name)) = (node.kind.is_source(), node.identity.as_deref()) else { return false };
    scheme == source.scheme && names(source, name) && (source.region().is_some() || node.instance.region.is_none())
}

fn names(source: &SecretSource, name: &str) -> bool {
    if source.region().is_none() {
        return source.id() == name;
    }
    let Some(written) = source.id().splitn(7, ':').nth(6) else { return false };
    // Secrets Manager puts a hyphen and six characters behind the name.
    written == name
        || source.scheme == Scheme::AwsSm
            && written.strip_prefix(name).is_some_and(|rest| rest.len() == 7 && rest.starts_with('-'))
}
