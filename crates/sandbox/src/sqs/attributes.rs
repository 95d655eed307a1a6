//! The attributes of a queue: what each may be, and what it is unless said [D].

use crate::wire::Refusal;

/// What an attribute may be.
enum Kind {
    Number(u64, u64),
    Flag,
    OneOf(&'static [&'static str]),
    Document,
    Text,
}

struct Attribute {
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
}

const fn attribute(name: &'static str, kind: Kind, default: Option<&'static str>) -> Attribute {
    Attribute { name, kind, default }
}

static ATTRIBUTES: &[Attribute] = &[
    attribute("DelaySeconds", Kind::Number(0, 900), Some("0")),
    attribute("MaximumMessageSize", Kind::Number(1024, 1_048_576), Some("1048576")),
    attribute("MessageRetentionPeriod", Kind::Number(60, 1_209_600), Some("345600")),
    attribute("ReceiveMessageWaitTimeSeconds", Kind::Number(0, 20), Some("0")),
    attribute("VisibilityTimeout", Kind::Number(0, 43200), Some("30")),
    attribute("SqsManagedSseEnabled", Kind::Flag, Some("true")),
    attribute("KmsMasterKeyId", Kind::Text, None),
    attribute("KmsDataKeyReusePeriodSeconds", Kind::Number(60, 86400), None),
    attribute("Policy", Kind::Document, None),
    attribute("RedrivePolicy", Kind::Document, None),
    attribute("RedriveAllowPolicy", Kind::Document, None),
    attribute("FifoQueue", Kind::Flag, None),
];

/// Those that only a FIFO queue has.
static FIFO: &[Attribute] = &[
    attribute("ContentBasedDeduplication", Kind::Flag, Some("false")),
    attribute("DeduplicationScope", Kind::OneOf(&["messageGroup", "queue"]), Some("queue")),
    attribute("FifoThroughputLimit", Kind::OneOf(&["perQueue", "perMessageGroupId"]), Some("perQueue")),
];

/// Returns what a queue has unless said otherwise.
pub(super) fn defaults(fifo: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_kind = if fifo { FIFO } else { &[] };
    ATTRIBUTES.iter().chain(of_kind).filter_map(|it| Some((it.name, it.default?)))
}

/// Checks one attribute; [M] the codes, [I] the text for a value.
pub(super) fn check(name: &str, value: &str, fifo: bool) -> Result<(), Refusal> {
    let of_kind = if fifo { FIFO } else { &[] };
    let Some(attribute) = ATTRIBUTES.iter().chain(of_kind).find(|it| it.name == name) else {
        return Err(Refusal::new("InvalidAttributeName", format!("Unknown Attribute {name}.")));
    };
    let fits = match attribute.kind {
        Kind::Number(min, max) => value.parse().is_ok_and(|number: u64| (min..=max).contains(&number)),
        Kind::Flag => matches!(value, "true" | "false"),
        Kind::OneOf(all) => all.contains(&value),
        // An empty document takes it away.
        Kind::Document => {
            value.is_empty() || serde_json::from_str::<serde_json::Value>(value).is_ok_and(|it| it.is_object())
        }
        Kind::Text => true,
    };
    if fits {
        return Ok(());
    }
    // [M] the code has another name where a value is wrong
    Err(Refusal::new("InvalidAttributeValue", format!("Invalid value for the parameter {name}.")))
}
