//! `AWS::Glue::Connection`: a type with a schema and without handlers, which Cloud Control cannot do
//! anything with [S].

use std::sync::LazyLock;

use super::{Schema, Type};

pub(super) static TYPE: Type = Type {
    name: "AWS::Glue::Connection",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-glue-connection.json"))),
    handlers: None,
};
