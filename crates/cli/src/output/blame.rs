//! Who changed a resource, for people.

use std::fmt::Write as _;

use trueup_engine::blame::{Blame, Finding};

use crate::output::human::View;
use crate::output::text::{Tone, clean};
use crate::output::value::short_path;

/// The lines of one resource; the first one has the heading above it.
pub fn human(address: &str, blame: &Blame, first: bool, view: View) -> String {
    let mut text = String::new();
    if first {
        text.push_str("\nBlame, from CloudTrail:\n");
    }
    let _ = writeln!(text, "\n  {}", clean(address));
    for call in &blame.calls {
        one(call, view, &mut text);
    }
    for note in &blame.notes {
        let _ = writeln!(text, "      {}", view.paint.paint(Tone::Faint, &format!("note     {}", clean(note))));
    }
    text
}

/// A call in one line, for forms that have no room for more.
pub fn in_words(finding: &Finding) -> String {
    let word = |word: &Option<String>| clean(word.as_deref().unwrap_or("unknown")).into_owned();
    let note = finding.note.as_ref().map(|note| format!(" ({})", clean(note))).unwrap_or_default();
    if finding.call.is_none() && finding.who.is_none() {
        return note.trim_start_matches(" (").trim_end_matches(')').to_owned();
    }
    let via = finding.via.as_ref().map(|via| format!(", via {}", clean(via))).unwrap_or_default();
    let from = finding.from.as_ref().map(|from| format!(", from {}", clean(from))).unwrap_or_default();
    let what: Vec<_> = finding.paths.iter().map(|path| clean(path.trim_start_matches('/')).into_owned()).collect();
    let what = if what.is_empty() { String::new() } else { format!(" of {}", what.join(", ")) };
    let (call, who, when) = (word(&finding.call), word(&finding.who), word(&finding.when));
    format!("{call}{what} by {who}{via}{from} at {when}{note}")
}

fn one(finding: &Finding, view: View, text: &mut String) {
    let word = |word: &Option<String>| clean(word.as_deref().unwrap_or("unknown")).into_owned();
    let what: Vec<String> = finding.paths.iter().map(|path| path_of(path, view)).collect();
    let what = if what.is_empty() { String::new() } else { format!("  {}", what.join(", ")) };
    let _ = writeln!(text, "      {}  {}{what}", word(&finding.when), word(&finding.call));
    let mut by = format!("by {}", word(&finding.who));
    if let Some(via) = &finding.via {
        let _ = write!(by, ", via {}", clean(via));
    }
    if let Some(from) = &finding.from {
        let _ = write!(by, ", from {}", clean(from));
    }
    if let Some(note) = &finding.note {
        let _ = write!(by, " ({})", clean(note));
    }
    let _ = writeln!(text, "        {by}");
    let _ = writeln!(text, "        {}", view.paint.paint(Tone::Faint, &format!("event {}", word(&finding.event_id))));
}

/// A pointer as the paths of a plan are written.
fn path_of(pointer: &str, view: View) -> String {
    let path = clean(pointer.trim_start_matches('/')).into_owned();
    if view.verbose { path } else { short_path(&path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text::Paint;

    #[test]
    fn a_call_is_told_with_who_when_from_where_and_what() {
        let call = Finding {
            who: Some("arn:aws:sts::123456789012:assumed-role/Admin/jo".to_owned()),
            via: Some("arn:aws:iam::123456789012:role/Admin".to_owned()),
            when: Some("2026-11-21T10:00:00Z".to_owned()),
            from: Some("198.51.100.7 (aws-cli/2.31)".to_owned()),
            call: Some("events:UpdateConnection".to_owned()),
            event_id: Some("e1".to_owned()),
            paths: vec!["/Description".to_owned(), "/AuthParameters/BasicAuthParameters/Username".to_owned()],
            note: Some("with a second factor".to_owned()),
        };
        let blame = Blame { calls: vec![call], notes: vec!["no call that names /Tags was found".to_owned()] };
        let view = View { paint: Paint { on: false }, width: None, verbose: false, sandbox: false };
        assert_eq!(
            human("orders", &blame, true, view),
            "\nBlame, from CloudTrail:\n\n  orders\n      2026-11-21T10:00:00Z  events:UpdateConnection  Description, \
             …/BasicAuthParameters/Username\n        by arn:aws:sts::123456789012:assumed-role/Admin/jo, via \
             arn:aws:iam::123456789012:role/Admin, from 198.51.100.7 (aws-cli/2.31) (with a second factor)\n        \
             event e1\n      note     no call that names /Tags was found\n"
        );
    }
}
