//! JUnit's XML: every resource and every finding is a test case, so that any test report shows a stack.
//!
//! What differs, failed or is wrong is a failure; what could not be read is an error; what nobody can say, a secret that
//! is not readable or a step that was not begun, is skipped. There is no standard, so only what all readers share is
//! written: suites, cases, and one element a case.

use std::fmt::Write as _;

use crate::output::page::{Finding, Item, Level, Location, Page, Verdict, diff_lines};

/// The document.
pub fn render(page: &Page) -> String {
    let cases: Vec<Case> = page
        .problem
        .iter()
        .map(|problem| Case {
            name: page.command.clone(),
            class: "trueup".to_owned(),
            file: None,
            end: End::Error,
            kind: problem.kind.to_owned(),
            message: first_line(&problem.message),
            body: problem.text(),
        })
        .chain(page.other_findings().map(of_finding))
        .chain(page.items.iter().map(of_item))
        .collect();
    let count = |end: End| cases.iter().filter(|case| case.end == end).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"0\"",
        cases.len(),
        count(End::Failure),
        count(End::Error),
        count(End::Skipped)
    );
    let subject = page.subject();
    let name = escape(format!("trueup {} {subject}", page.command).trim_end());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"trueup\">\n  <testsuite name=\"{name}\" {counts}>\n"
    );
    for case in &cases {
        case.write(&mut text);
    }
    let _ = write!(text, "    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>\n", escape(&page.headline));
    text
}

/// How a test case ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failure,
    Error,
    Skipped,
}

struct Case {
    name: String,
    class: String,
    file: Option<String>,
    end: End,
    kind: String,
    message: String,
    body: String,
}

impl Case {
    fn write(&self, text: &mut String) {
        let (name, class) = (escape(&self.name), escape(&self.class));
        let _ = write!(text, "    <testcase name=\"{name}\" classname=\"{class}\" time=\"0\"");
        let (kind, message) = (escape(&self.kind), escape(&self.message));
        let place = self.file.as_ref().map(|file| format!("{file}\n")).unwrap_or_default();
        let body = escape(&format!("{place}{}", self.body));
        let _ = match self.end {
            End::Passed if self.body.is_empty() => writeln!(text, "/>"),
            End::Passed => writeln!(text, ">\n      <system-out>{body}</system-out>\n    </testcase>"),
            End::Failure => writeln!(
                text,
                ">\n      <failure type=\"{kind}\" message=\"{message}\">{body}</failure>\n    </testcase>"
            ),
            End::Error => {
                writeln!(text, ">\n      <error type=\"{kind}\" message=\"{message}\">{body}</error>\n    </testcase>")
            }
            End::Skipped => writeln!(text, ">\n      <skipped message=\"{message}\"/>\n    </testcase>"),
        };
    }
}

fn of_finding(finding: &Finding) -> Case {
    let file = finding.location.as_ref().map(Location::short);
    Case {
        name: match &file {
            Some(file) => format!("{} at {file}", finding.code),
            None => finding.code.clone(),
        },
        class: "manifest".to_owned(),
        file,
        end: if finding.level == Level::Error { End::Failure } else { End::Passed },
        kind: finding.code.clone(),
        message: first_line(&finding.summary),
        body: finding.text(),
    }
}

fn of_item(item: &Item) -> Case {
    let end = match item.verdict {
        Verdict::Fine => End::Passed,
        Verdict::Off => End::Failure,
        Verdict::Open => End::Skipped,
        Verdict::Unread => End::Error,
    };
    let changes = item.lines.iter().flat_map(diff_lines).map(|(sign, text)| format!("{sign} {text}"));
    let remarks = item.remarks.iter().map(|(label, text)| format!("{label}: {text}"));
    Case {
        name: item.address.clone(),
        class: item.type_name.clone(),
        file: item.location.as_ref().map(Location::short),
        end,
        kind: item.status.to_owned(),
        message: item.words.clone(),
        body: changes.chain(remarks).collect::<Vec<_>>().join("\n"),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Text that may stand between tags and in attributes. What XML has no place for becomes the replacement character.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // A plain one in an attribute is read as a space, or lost at the end of a line.
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
