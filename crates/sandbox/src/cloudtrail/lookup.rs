//! `LookupEvents`.

use serde_json::{Value, json};

use super::Event;
use crate::clock::Millis;
use crate::operation::{Context, part, text};
use crate::page;
use crate::wire::Refusal;

pub(super) fn lookup(context: &Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let attributes = part(input, "LookupAttributes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if attributes.len() > 1 {
        // [D] one at most; [?] the text
        let text = "You can specify only one lookup attribute.";
        return Err(Refusal::new("InvalidLookupAttributesException", text));
    }
    let wanted =
        attributes.first().map(|it| (text(it, "AttributeKey"), text(it, "AttributeValue").unwrap_or_default()));
    let millis = |member: &str| {
        let seconds = part(input, member).and_then(Value::as_f64)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time that does not fit is none")]
        Some((seconds.max(0.0) * 1000.0) as Millis)
    };
    let (start, end) = (millis("StartTime"), millis("EndTime"));
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        return Err(Refusal::new("InvalidTimeRangeException", "The start time is after the end time."));
    }
    if text(input, "EventCategory").is_some() {
        return Ok(json!({"Events": []}));
    }
    let caller = context.caller;
    let fits = |event: &Event| {
        event.account == caller.account
            && event.region == caller.region
            // Times are told in seconds.
            && start.is_none_or(|start| event.time / 1000 >= start / 1000)
            && end.is_none_or(|end| event.time / 1000 <= end / 1000)
            && wanted.is_none_or(|(key, value)| event.has(key.unwrap_or_default(), value))
    };
    let mut found = context.trail.find(context.view.now, context.view.lag, fits);
    if let Some(token) = text(input, "NextToken").filter(|token| !token.is_empty()) {
        let after = page::after(token);
        let after = after.and_then(|last| found.iter().position(|event| event.id == last));
        let Some(after) = after else {
            return Err(Refusal::new("InvalidNextTokenException", "A token from a call with different parameters."));
        };
        found.drain(..=after);
    }
    let limit = page::limit(input, "MaxResults", 50);
    let (events, last) = page::take(found.into_iter(), limit, |event| event.id.clone());
    let mut answer = json!({"Events": events.iter().map(Event::answer).collect::<Vec<_>>()});
    if let Some(last) = last {
        answer["NextToken"] = page::token(&last).into();
    }
    Ok(answer)
}

impl Event {
    /// Whether an attribute has this value.
    fn has(&self, key: &str, value: &str) -> bool {
        match key {
            "EventId" => self.id == value,
            "EventName" => self.name == value,
            "ReadOnly" => value == "false",
            "Username" => self.user == value,
            "ResourceType" => self.resources.iter().any(|(kind, _)| kind == value),
            "ResourceName" => self.resources.iter().any(|(_, name)| name == value),
            "EventSource" => self.source == value,
            "AccessKeyId" => self.key == value,
            _ => false,
        }
    }
}
