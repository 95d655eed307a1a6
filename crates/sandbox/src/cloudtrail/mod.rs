//! CloudTrail: who changed what, as `LookupEvents` tells it.
//!
//! Every call that writes is an event, whether it succeeded or not, and so is what one service asks of another for a
//! caller. An event is kept as it will be shown: values that the service's model calls sensitive are hidden when it is
//! written down, so that no password is ever in here.

pub(crate) mod event;
mod lookup;
mod trail;

use serde_json::Value;

pub(crate) use self::event::Event;
pub(crate) use self::trail::Trail;

use crate::operation::{Operation, Resource};
use crate::shape::{Shape, Text, may, must};

/// The operations of CloudTrail.
pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "LookupEvents",
    input: &LOOKUP,
    subject: &[],
    resources: Resource::any,
    run: |context, input| lookup::lookup(context, input),
}];

// [M]
static KEY: Shape = Shape::Str(Text::one_of(&[
    "EventId",
    "EventName",
    "ReadOnly",
    "Username",
    "ResourceType",
    "ResourceName",
    "EventSource",
    "AccessKeyId",
]));
static VALUE: Shape = Shape::Str(Text::new(1, 2000));
static ATTRIBUTE: Shape = Shape::Struct(&[must("AttributeKey", &KEY), must("AttributeValue", &VALUE)]);
static ATTRIBUTES: Shape = Shape::List { of: &ATTRIBUTE, min: 0, max: usize::MAX };
static TIME: Shape = Shape::Time;
static CATEGORY: Shape = Shape::Str(Text::one_of(&["insight"]));
static PAGE: Shape = Shape::Int { min: 1, max: 50 };
static TOKEN: Shape = Shape::Str(Text::new(0, usize::MAX));
static LOOKUP: Shape = Shape::Struct(&[
    may("LookupAttributes", &ATTRIBUTES),
    may("StartTime", &TIME),
    may("EndTime", &TIME),
    may("EventCategory", &CATEGORY),
    may("MaxResults", &PAGE),
    may("NextToken", &TOKEN),
]);

/// Whether an operation changes nothing, by the verbs that the services use.
pub(crate) fn reads(operation: &str) -> bool {
    const VERBS: [&str; 10] =
        ["Get", "List", "Describe", "BatchGet", "Lookup", "Search", "Head", "Simulate", "Validate", "Test"];
    VERBS.iter().any(|verb| operation.starts_with(verb))
}

/// A member of the input in which requests and answers spell names with a small first letter.
pub(crate) fn small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// What the service's model calls sensitive is hidden; members begin with a small letter, keys of maps stay.
pub(crate) fn shown(shape: &Shape, value: &Value) -> Value {
    // [D] the text
    const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
    match (shape, value) {
        (Shape::Str(text), _) if text.sensitive => HIDDEN.into(),
        (Shape::List { of, .. }, Value::Array(items)) => items.iter().map(|item| shown(of, item)).collect(),
        (Shape::Map { value: text, .. }, Value::Object(entries)) => entries
            .iter()
            .map(|(key, value)| {
                let secret = text.sensitive || key.to_ascii_uppercase().contains("PASSWORD");
                (key.clone(), if secret { HIDDEN.into() } else { value.clone() })
            })
            .collect(),
        (Shape::Struct(members), Value::Object(object)) => members
            .iter()
            .filter_map(|member| {
                let value = object.get(member.name).filter(|value| !value.is_null())?;
                Some((small(member.name), shown(member.shape, value)))
            })
            .collect(),
        // What does not fit the model is not repeated.
        (Shape::Str(_), Value::String(_)) | (Shape::Int { .. } | Shape::Time, Value::Number(_)) => value.clone(),
        (Shape::Bool, Value::Bool(_)) => value.clone(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::router::operations;
    use crate::wire::Service;

    #[test]
    fn secrets_are_hidden_and_names_begin_small() {
        let update = operations(Service::Events).iter().find(|it| it.name == "UpdateConnection").unwrap();
        let input = json!({"Name": "orders", "AuthParameters": {"BasicAuthParameters": {"Username": "u", "Password": "p"},
            "InvocationHttpParameters": {"HeaderParameters": [{"Key": "k", "Value": "v", "IsValueSecret": true}]}}});
        let shown = shown(update.input, &input);
        let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
        assert_eq!(shown["name"], "orders");
        assert_eq!(shown["authParameters"]["basicAuthParameters"]["password"], hidden);
        assert_eq!(shown["authParameters"]["invocationHttpParameters"]["headerParameters"][0]["value"], hidden);
        let put = operations(Service::Glue).iter().find(|it| it.name == "CreateConnection").unwrap();
        let input = json!({"ConnectionInput": {"Name": "db", "ConnectionProperties": {"PASSWORD": "p", "HOST": "h"}}});
        let shown = super::shown(put.input, &input);
        assert_eq!(shown["connectionInput"]["connectionProperties"], json!({"PASSWORD": hidden, "HOST": "h"}));
    }

    #[test]
    fn what_reads_is_known_by_its_verb() {
        assert!(reads("DescribeConnection") && reads("BatchGetSecretValue") && reads("HeadBucket"));
        assert!(!reads("UpdateConnection") && !reads("PutKeyPolicy") && !reads("DeauthorizeConnection"));
    }
}
