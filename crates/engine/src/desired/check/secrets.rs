//! What becomes a secret while properties are checked, and what is said where nothing marks it as one.

use super::{Checker, last};
use crate::desired::member;
use crate::desired::text::problem_of_secret;
use crate::diagnostic::Diagnostic;
use crate::embedded;
use crate::schema::{Secrecy, Text, Type};
use crate::secret::{LITERAL, Secret};
use crate::value::{Map, Value, push_token};

impl Checker<'_, '_> {
    /// A secret that is made from what is not marked as one.
    pub(super) fn unmarked(&mut self, pointer: &str, variables: &[String]) {
        let summary = format!("`{}` is a secret, and what it is made from is not marked as one", last(pointer));
        let mut warning = Diagnostic::warning("M318", summary)
            .at(self.instance.spans.value(pointer))
            .help("declare the variable in `vars` with `secret: true`, or use `{{ secret('env:NAME') }}`");
        if !variables.is_empty() {
            let names: Vec<String> = variables.iter().map(|name| format!("`{name}`")).collect();
            warning = warning.noted(format!("treated as a secret from here on: {}", names.join(", ")));
        }
        self.diagnostics.push(warning);
    }

    /// A structure that is a secret as a whole: every text in it is one. A text is worth a warning only where its name
    /// says that it is a credential, because a user's name stands beside a password.
    pub(super) fn document(&mut self, value: Value, pointer: &mut String) -> Value {
        let length = pointer.len();
        match value {
            Value::Map(map) => {
                let mut secret = Map::with_capacity(map.len());
                for (name, member) in map {
                    push_token(pointer, &name);
                    let member = match member {
                        Value::String(written) if embedded::names_credential(&name) => self.literal(written, pointer),
                        member => self.document(member, pointer),
                    };
                    pointer.truncate(length);
                    secret.insert(name, member);
                }
                Value::Map(secret)
            }
            Value::List(items) => {
                let mut secret = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    push_token(pointer, &index.to_string());
                    secret.push(self.document(item, pointer));
                    pointer.truncate(length);
                }
                Value::List(secret)
            }
            Value::String(written) => {
                if self.late.is_none() {
                    self.sources.mask(self.instance.spans.value(pointer));
                }
                Value::Secret(Secret::new(LITERAL, written))
            }
            other => other,
        }
    }

    /// A secret that nothing marks as one: written in the manifest (and kept out of every excerpt from now on), or made
    /// by an expression of public values. It is treated as a secret either way; the warning says how to say so.
    pub(super) fn literal(&mut self, written: String, pointer: &str) -> Value {
        if let Some(late) = self.late {
            let path: Vec<String> = crate::value::tokens(pointer).map(Into::into).collect();
            return Value::Secret(match member(late, &path) {
                Some(Value::Deferred(deferred)) => Secret::new(deferred.describe(), written),
                _ => Secret::new(LITERAL, written),
            });
        }
        let span = self.instance.spans.value(pointer);
        let name = last(pointer);
        let variables = self.reach.as_ref().map(|reach| reach.variables(self.instance, pointer)).unwrap_or_default();
        if self.is_expression(pointer) || !variables.is_empty() {
            self.unmarked(pointer, &variables);
        } else {
            self.sources.mask(span);
            self.diagnostics.push(
                Diagnostic::warning("M310", format!("`{name}` is a secret written in the manifest"))
                    .at(span)
                    .help("take it from `{{ secret('env:NAME') }}` or from a variable with `secret: true`"),
            );
        }
        let origin = self.instance.spans.origin(pointer).unwrap_or(LITERAL);
        Value::Secret(Secret::new(origin, written))
    }

    pub(super) fn secret_text(&mut self, text: &Text, secret: &Secret, pointer: &str) {
        if let Some(problem) = problem_of_secret(text, secret) {
            let summary = format!("`{}`, taken from {}, {problem}", last(pointer), secret.source());
            self.error("M305", pointer, false, summary, None);
        }
    }
}

/// Whether something in a value is a secret, or will be.
pub(super) fn has_secret(value: &Value) -> bool {
    let mut found = false;
    value.walk(&mut |_, leaf| {
        found |= match leaf {
            Value::Secret(_) => true,
            Value::Deferred(deferred) => deferred.secret_source().is_some(),
            _ => false,
        };
    });
    found
}

/// A structure as one secret, as soon as everything in it is known.
pub(super) fn one_secret(value: Value) -> Value {
    if let Some(secret) = Secret::of_document(&value) {
        return Value::Secret(secret);
    }
    let mut unknown = None;
    let mut deferred = false;
    value.walk(&mut |_, leaf| match leaf {
        Value::Unknown(reference) => unknown = Some(reference.clone()),
        Value::Deferred(_) => deferred = true,
        _ => {}
    });
    // What is known of it would be shown beside what is not.
    match unknown.filter(|_| !deferred) {
        Some(reference) => Value::Unknown(reference),
        None => value,
    }
}

/// Whether a value of this type has secrets in it.
pub(super) fn holds_secret(ty: &Type) -> bool {
    match ty {
        Type::Object(members) => {
            members.iter().any(|member| member.secrecy != Secrecy::Public || holds_secret(&member.ty))
        }
        Type::List(list) => holds_secret(&list.item),
        Type::Map(item) => holds_secret(item),
        Type::Union(members) => members.iter().any(holds_secret),
        Type::Text(_) | Type::Integer { .. } | Type::Number { .. } | Type::Boolean | Type::Json | Type::Any => false,
    }
}
