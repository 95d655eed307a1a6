//! placeholder
use crate::value::Value;

/// One difference between the live and the desired properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Where: a JSON pointer into the live properties.
    pub pointer: String,
    /// The live value.
    pub before: Option<Value>,
    /// The desired value; `None` takes the property back.
    pub after: Option<Value>,
    /// What the change means.
    pub effect: Effect,
}

/// What an edit means for the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// An update does it.
    InPlace,
    /// Only a replacement does it, for this reason.
    Replaces(String),
    /// Not done, for this reason (`ignore`).
    Ignored(String),
}
