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
pub struct Deferred {
    references: Vec<Reference>,
    source: Option<SecretSource>,
    describe: String,
}

impl Deferred {
    /// stub
    pub fn reference(reference: Reference) -> Self {
        let describe = format!("{}.{}", reference.address, reference.property.join("."));
        Self { references: vec![reference], source: None, describe }
    }
    /// stub
    pub fn from_secret(source: SecretSource) -> Self {
        Self { references: Vec::new(), describe: source.to_string(), source: Some(source) }
    }
    /// The source of the secret that the expression touches, if it does.
    pub fn secret_source(&self) -> Option<&str> {
        self.source.as_ref().map(|_| self.describe.as_str())
    }
    /// a
    pub fn references(&self) -> &[Reference] {
        &self.references
    }
    /// a
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, Diagnostic> {
        if let Some(source) = &self.source {
            let secret = scope.secret(source).unwrap_or_else(|| Secret::unresolved(&*self.describe));
            return Ok(Value::Secret(secret));
        }
        match scope.property(&self.references[0]) {
            Property::Known(value) => Ok(value),
            Property::Unknown => Ok(Value::Unknown(self.describe.as_str().into())),
            Property::Missing(why) => Err(Diagnostic::error("M221", why)),
        }
    }

    /// What it refers to: `orders.Arn`.
    pub fn describe(&self) -> &str {
        &self.describe
    }
}
