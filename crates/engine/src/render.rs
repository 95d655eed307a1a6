//! placeholder
use crate::address::Address;
use crate::credential::SecretSource;
use crate::diagnostic::Diagnostic;
use crate::secret::Secret;
use crate::source::Span;
use crate::value::Value;

/// stub
#[derive(Debug)]
pub struct Reference {
    /// a
    pub address: Address,
    /// b
    pub property: Vec<String>,
    /// c
    pub span: Span,
}
/// stub
pub enum Property {
    /// a
    Known(Value),
    /// a
    Unknown,
    /// a
    Missing(String),
}
/// stub
pub trait Scope {
    /// a
    fn property(&self, reference: &Reference) -> Property;
    /// a
    fn secret(&self, source: &SecretSource) -> Option<Secret>;
}
/// An expression that needs a secret or another resource's properties.
#[derive(Debug)]
pub struct Deferred {}

impl Deferred {
    /// The source of the secret that the expression touches, if it does.
    pub fn secret_source(&self) -> Option<&str> {
        None
    }
    /// a
    pub fn references(&self) -> &[Reference] {
        &[]
    }
    /// a
    pub fn evaluate(&self, _scope: &dyn Scope) -> Result<Value, Diagnostic> {
        Ok(Value::Null)
    }

    /// What it refers to: `orders.Arn`.
    pub fn describe(&self) -> &'static str {
        ""
    }
}
