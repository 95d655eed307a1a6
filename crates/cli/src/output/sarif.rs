//! SARIF 2.1.0, which code scanning, editors and review tools read: a rule for every code, a result for every finding and
//! every resource that is not as it should be, each on its line of the manifest.
//!
//! Fingerprints are made of what stays the same from run to run (the rule, the stack, the resource), so that a tool knows
//! a finding again when the lines above it move.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use trueup_engine::diagnostic::codes;

use crate::output::page::{Finding, Item, Level, Location, Page, Verdict, in_words};

/// Where the form is described.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// What a resource's status means: the status, a title, and an explanation.
const STATUSES: &[(&str, &str, &str)] = &[
    ("create", "A resource will be created", "The manifest names it and the cloud has none of that name."),
    ("update", "A resource will be updated", "Properties differ from the manifest; an apply changes them in place."),
    ("replace", "A resource will be replaced", "A difference cannot be changed in place: an apply makes a new one."),
    ("delete", "A resource will be deleted", "An apply, or a teardown, deletes it."),
    ("adopt", "A resource will be adopted", "It exists without an owner and becomes part of the stack."),
    ("blocked", "A change is blocked", "Something has to change and may not: protection, another owner, a cap."),
    ("unread", "A resource could not be read", "Nothing can be said of it: it is neither absent nor unchanged."),
    (
        "not-verifiable",
        "A secret could not be compared",
        "The live value is not readable, or reading was switched off.",
    ),
    ("unhealthy", "A resource cannot be used", "Its configuration matches, and its state says that it does not work."),
    ("unusable", "A resource cannot be used", "It was changed as planned and ended in a state that does not work."),
    ("drifted", "A resource has drifted", "Its live properties differ from the manifest."),
    ("missing", "A resource is missing", "The manifest names it and the cloud has none of that name."),
    ("failed", "A step failed", "The service refused it; what else was done stays done."),
    ("skipped", "A step was skipped", "Something that it depends on failed, was blocked or could not be read."),
    ("not-begun", "A step was not begun", "The run was interrupted before it."),
    ("not-known", "The end of a step is not known", "Nobody waited for the answer: it may have been carried out."),
    ("kept", "A resource is kept", "The manifest says that a teardown leaves it, or nothing is to be done."),
];

/// The document.
pub fn render(page: &Page) -> String {
    let mut rules = Rules::default();
    let mut results: Vec<Json> = page.other_findings().map(|finding| of_finding(page, finding, &mut rules)).collect();
    // What was done as planned is nothing to look at.
    let news = page.items.iter().filter(|item| item.level > Level::Fine && item.verdict != Verdict::Fine);
    results.extend(news.map(|item| of_item(page, item, &mut rules)));
    let mut invocation = json!({ "executionSuccessful": !page.incomplete });
    let notifications: Vec<Json> = page
        .problem
        .iter()
        .map(|problem| json!({ "level": "error", "message": { "text": message(&problem.text()) } }))
        .collect();
    if !notifications.is_empty() {
        invocation["toolExecutionNotifications"] = Json::Array(notifications);
    }
    let driver = json!({
        "name": "trueup",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.list,
    });
    let mut run = json!({
        "tool": { "driver": driver },
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {
            "command": page.command,
            "headline": page.headline,
        },
    });
    if let Some(stack) = &page.stack {
        // Results of one stack and environment replace each other, and no others.
        run["automationDetails"] = json!({ "id": format!("trueup/{}/{}/{}/", page.command, stack.name, stack.env) });
        run["properties"]["stack"] = json!({ "name": stack.name, "env": stack.env });
    }
    let document = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    format!("{document:#}\n")
}

/// The rules that have results, in the order of the first one.
#[derive(Default)]
struct Rules {
    list: Vec<Json>,
    numbers: BTreeMap<String, usize>,
}

impl Rules {
    /// The number of a rule.
    fn number(&mut self, id: &str, describe: impl FnOnce() -> Json) -> usize {
        let next = self.list.len();
        let number = *self.numbers.entry(id.to_owned()).or_insert(next);
        if number == next {
            self.list.push(describe());
        }
        number
    }
}

fn of_finding(page: &Page, finding: &Finding, rules: &mut Rules) -> Json {
    let number = rules.number(&finding.code, || {
        let known = codes::find(&finding.code);
        let mut rule = json!({
            "id": finding.code,
            "shortDescription": { "text": known.map_or(&*finding.code, |code| code.title) },
        });
        if let Some(known) = known {
            rule["help"] = json!({ "text": known.page, "markdown": known.page });
        }
        rule
    });
    let file = finding.location.as_ref().map_or("", |at| &at.file);
    result(
        page,
        &finding.code,
        number,
        finding.level,
        &finding.text(),
        finding.location.as_ref(),
        &[file, &finding.summary],
    )
}

fn of_item(page: &Page, item: &Item, rules: &mut Rules) -> Json {
    let id = format!("trueup/{}", item.status);
    let number = rules.number(&id, || {
        let known = STATUSES.iter().find(|(status, _, _)| *status == item.status);
        let (title, text) = known.map_or((item.status, ""), |(_, title, text)| (title, text));
        json!({ "id": id, "shortDescription": { "text": title }, "fullDescription": { "text": text } })
    });
    let text = format!("{} ({}): {}\n{}", item.address, item.type_name, item.words, item.text());
    let key = [item.address.as_str(), &item.type_name];
    let mut result = result(page, &id, number, item.level, text.trim_end(), item.location.as_ref(), &key);
    let related: Vec<Json> = item
        .lines
        .iter()
        .filter_map(|line| {
            let place = physical(line.location.as_ref()?);
            Some(json!({ "physicalLocation": place, "message": { "text": message(&in_words(line)) } }))
        })
        .collect();
    if !related.is_empty() {
        result["relatedLocations"] = Json::Array(related);
    }
    if let Some(first) = result["locations"].get_mut(0) {
        first["logicalLocations"] = json!([{ "name": item.address, "kind": "resource" }]);
    }
    result
}

fn result(page: &Page, id: &str, number: usize, level: Level, text: &str, at: Option<&Location>, key: &[&str]) -> Json {
    let level = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note | Level::Fine => "note",
    };
    let mut result = json!({
        "ruleId": id,
        "ruleIndex": number,
        "level": level,
        // Braces and brackets mean something in a message.
        "message": { "text": message(text) },
        "partialFingerprints": { "trueup/v1": fingerprint(page, id, key) },
    });
    if let Some(at) = at {
        result["locations"] = json!([{ "physicalLocation": physical(at) }]);
    }
    result
}

/// A plain text message: `{0}` would be a placeholder and `[a](b)` a link. Brackets of other uses stay readable.
fn message(text: &str) -> String {
    let links = text.contains("](");
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '{' => escaped.push_str("{{"),
            '}' => escaped.push_str("}}"),
            '[' | ']' | '\\' if links => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

fn fingerprint(page: &Page, id: &str, key: &[&str]) -> String {
    let (name, env) = page.stack.as_ref().map_or(("", ""), |stack| (&stack.name, &stack.env));
    let mut hash = Sha256::new();
    for part in [name, env, &page.command, id].into_iter().chain(key.iter().copied()) {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn physical(at: &Location) -> Json {
    json!({
        "artifactLocation": { "uri": uri(&at.file) },
        "region": {
            "startLine": at.line,
            "startColumn": at.column,
            "endLine": at.end_line,
            "endColumn": at.end_column,
        },
    })
}

/// A path as a URI: relative ones stay so, and a drive or a root makes it one of a file.
fn uri(path: &str) -> String {
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    let mut uri = String::new();
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    if path.starts_with('/') {
        uri.push_str("file://");
    } else if drive {
        uri.push_str("file:///");
    }
    for (index, byte) in path.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) || (drive && index == 1);
        if plain {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
