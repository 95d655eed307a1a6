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
            seconds: None,
        })
        .chain(page.other_findings().map(of_finding))
        .chain(page.items.iter().map(of_item))
        .collect();
    document(&Suite {
        name: format!("trueup {} {}", page.command, page.subject()),
        cases,
        said: page.headline.clone(),
        seconds: None,
    })
}

/// A suite of test cases.
pub struct Suite {
    /// Its name.
    pub name: String,
    /// What was tested.
    pub cases: Vec<Case>,
    /// What is said of all of it.
    pub said: String,
    /// How long it took; 0 where the same input shall give the same bytes.
    pub seconds: Option<f64>,
}

/// The document of one suite.
pub fn document(suite: &Suite) -> String {
    let count = |end: End| suite.cases.iter().filter(|case| case.end == end).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\"",
        suite.cases.len(),
        count(End::Failure),
        count(End::Error),
        count(End::Skipped),
        suite.seconds.unwrap_or_default(),
    );
    let name = escape(suite.name.trim_end());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"trueup\">\n  <testsuite name=\"{name}\" {counts}>\n"
    );
    for case in &suite.cases {
        case.write(&mut text);
    }
    let _ = write!(text, "    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>\n", escape(&suite.said));
    text
}

/// How a test case ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Passed,
    /// What was tested is not as it should be.
    Failure,
    /// It could not be tested.
    Error,
    /// It was not tested.
    Skipped,
}

/// A test case.
pub struct Case {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub class: String,
    /// Where that is written.
    pub file: Option<String>,
    /// How it ended.
    pub end: End,
    /// The kind of failure.
    pub kind: String,
    /// Why, in one line.
    pub message: String,
    /// The rest.
    pub body: String,
    /// How long it took; 0 where the same input shall give the same bytes.
    pub seconds: Option<f64>,
}

impl Case {
    fn write(&self, text: &mut String) {
        let (name, class, time) = (escape(&self.name), escape(&self.class), self.seconds.unwrap_or_default());
        let _ = write!(text, "    <testcase name=\"{name}\" classname=\"{class}\" time=\"{time}\"");
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
        seconds: None,
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
        seconds: None,
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
