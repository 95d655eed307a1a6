//! What a manifest says of a resource, between the live properties and the text.

use std::borrow::Cow;

use crate::value::Number;

/// A value of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Nothing; inside of JSON documents only.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text that is data.
    Text(String),
    /// A text that is a template.
    Template(String),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Vec<Member>),
}

/// A member of a map.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Member {
    /// A name and its value.
    Given(Cow<'static, str>, Node),
    /// A property that has to be given and that nobody knows.
    Missing(&'static str),
}

impl Member {
    /// A member.
    pub(super) fn new(name: impl Into<Cow<'static, str>>, value: Node) -> Self {
        Self::Given(name.into(), value)
    }

    /// A member whose value is a text.
    pub(super) fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self::Given(name.into(), Node::Text(text.into()))
    }
}
