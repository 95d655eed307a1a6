//! Long texts as line diffs: a policy document or a description of many lines says little as `before → after`.

use similar::{ChangeTag, TextDiff};
use trueup_engine::value::Value;

use crate::output::text::{Line, Tone, clean};

/// Texts from this length on are worth a diff even on one line.
const LONG: usize = 100;

/// Whether both values together read better as a diff.
pub fn is_long(before: &Value, after: &Value) -> bool {
    let long = |value: &Value| match value {
        Value::String(text) => text.contains('\n') || text.chars().count() > LONG,
        Value::List(_) | Value::Map(_) => true,
        _ => false,
    };
    (long(before) || long(after)) && comparable(before) && comparable(after)
}

fn comparable(value: &Value) -> bool {
    match value {
        Value::Secret(_) | Value::Deferred(_) | Value::Unknown(_) | Value::Null => false,
        Value::List(items) => items.iter().all(comparable),
        Value::Map(map) => map.values().all(comparable),
        _ => true,
    }
}

/// A line of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// It is in both.
    Same(String),
    /// It goes.
    Gone(String),
    /// It comes.
    New(String),
    /// Lines that are in both are left out here.
    Gap,
}

/// The diff, with two lines around each change.
pub fn parts(before: &Value, after: &Value) -> Vec<Part> {
    let (before, after) = (spread(before), spread(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut parts = Vec::new();
    for (number, group) in diff.grouped_ops(2).iter().enumerate() {
        if number > 0 {
            parts.push(Part::Gap);
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text = clean(change.value().trim_end_matches(['\n', '\r'])).into_owned();
            parts.push(match change.tag() {
                ChangeTag::Delete => Part::Gone(text),
                ChangeTag::Insert => Part::New(text),
                ChangeTag::Equal => Part::Same(text),
            });
        }
    }
    parts
}

/// The diff for a terminal, each line indented.
pub fn lines(parts: &[Part], indent: usize) -> Vec<Line> {
    let line = |(sign, tone, text): (&str, Tone, &str)| {
        Line::new(indent + 2).then(tone, format!("{}{sign}{text}", " ".repeat(indent)))
    };
    let shown = parts.iter().map(|part| match part {
        Part::Gone(text) => ("- ", Tone::Bad, &**text),
        Part::New(text) => ("+ ", Tone::Good, &**text),
        Part::Same(text) => ("  ", Tone::Faint, &**text),
        Part::Gap => ("⋮", Tone::Faint, ""),
    });
    shown.map(line).collect()
}

/// A value over as many lines as it has parts. A text that is JSON is laid out, so that a change of one statement of a
/// policy is a change of a few lines.
fn spread(value: &Value) -> String {
    let json = match value {
        Value::String(text) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(json) if json.is_object() || json.is_array() => json,
            _ => return text.clone(),
        },
        other => other.to_masked_json(),
    };
    serde_json::to_string_pretty(&json).map_or_else(|_| String::new(), |text| format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text::Paint;

    #[test]
    fn a_policy_in_a_text_is_compared_line_by_line() {
        let policy = |action: &str| {
            Value::from(format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Action\":\"{action}\"}}]}}"))
        };
        let text: String = lines(&parts(&policy("kms:*"), &policy("kms:Decrypt")), 2)
            .iter()
            .map(|line| line.render(Paint { on: false }, None))
            .collect();
        insta::assert_snapshot!(text, @r#"
            "Statement": [
              {
        -       "Action": "kms:*"
        +       "Action": "kms:Decrypt"
              }
            ]
        "#);
    }
}
