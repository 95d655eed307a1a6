//! Annotations of GitHub Actions: a workflow command a line, each on the line of the manifest that it is about.
//!
//! GitHub carries out whatever looks like a command on stdout, so nothing else is written there but one sentence of
//! counts. In a command a percent sign and line breaks are escaped, in its properties colons and commas as well.

use std::fmt::Write as _;

use crate::output::page::{Level, Location, Page};

/// The lines.
pub fn render(page: &Page) -> String {
    let mut text = String::new();
    if let Some(problem) = &page.problem {
        command(&mut text, Level::Error, None, &format!("trueup {}", page.command), &problem.text());
    }
    for finding in page.other_findings() {
        command(&mut text, finding.level, finding.location.as_ref(), &finding.code, &finding.text());
    }
    for item in page.items.iter().filter(|item| item.level > Level::Fine) {
        let title = format!("{}: {}", item.address, item.status);
        let told = format!("{} {}: {}\n{}", item.type_name, item.address, item.words, item.text());
        command(&mut text, item.level, item.location.as_ref(), &title, told.trim_end());
    }
    // Counts and words of our own: nothing in it looks like a command.
    let _ = writeln!(text, "{}", page.headline);
    text
}

fn command(text: &mut String, level: Level, at: Option<&Location>, title: &str, message: &str) {
    let name = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note | Level::Fine => "notice",
    };
    let mut properties = Vec::new();
    if let Some(at) = at {
        properties.push(format!("file={}", property(&at.file)));
        properties.push(format!("line={}", at.line));
        properties.push(format!("endLine={}", at.end_line));
        // GitHub takes columns within one line only, and the last one inclusive.
        if at.line == at.end_line {
            properties.push(format!("col={}", at.column));
            properties.push(format!("endColumn={}", at.end_column.saturating_sub(1).max(at.column)));
        }
    }
    properties.push(format!("title={}", property(title)));
    let _ = writeln!(text, "::{name} {}::{}", properties.join(","), data(message));
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
