//! placeholder

/// An expression that needs a secret or another resource's properties.
#[derive(Debug)]
pub struct Deferred {}

impl Deferred {
    /// The source of the secret that the expression touches, if it does.
    pub fn secret_source(&self) -> Option<&str> {
        None
    }

    /// What it refers to: `orders.Arn`.
    pub fn describe(&self) -> &str {
        ""
    }
}
