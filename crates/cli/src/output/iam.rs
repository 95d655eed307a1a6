//! A policy for people: each statement with what it is for. Machines get the document itself.

use std::fmt::Write as _;

use trueup_engine::permission::ANY;
use trueup_engine::policy::{LARGEST, Policy, Purpose, Statement, Whither};

use crate::commands::Ready;
use crate::output::human::View;
use crate::output::text::{Line, Tone, clean, count};

/// How far what belongs to a statement is set in.
const INDENT: usize = 6;
/// More addresses than this are counted.
const NAMED: usize = 4;

/// The word that `--for` takes.
pub fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Plan => "plan",
        Purpose::Drift => "drift",
        Purpose::Apply => "apply",
        Purpose::Teardown => "teardown",
    }
}

/// The whole policy: head, statements, size.
pub fn policy(policy: &Policy, ready: &Ready, purpose: Purpose, home: &Whither, view: View) -> String {
    let (stack, env) = (&ready.stack.name.value, &ready.stack.env);
    let region = if home.region == ANY { "any region" } else { &home.region };
    let account = if home.account == ANY { "any account".to_owned() } else { format!("account {}", home.account) };
    let head = format!("{} ({}) · to {} · {region} · {account}", clean(stack), clean(env), word(purpose));
    let mut text = Line::new(2).then(Tone::Strong, head).render(view.paint, view.width);
    for statement in &policy.statements {
        text.push('\n');
        text.push_str(&shown(statement, view));
    }
    text.push('\n');
    text.push_str(&summary(policy));
    text
}

/// How many statements there are, and how large the document is.
pub fn summary(policy: &Policy) -> String {
    let statements = count(policy.statements.len(), "statement", "statements");
    format!("{statements}, {} of {LARGEST} characters. `--json` prints the document.\n", policy.size())
}

fn shown(statement: &Statement, view: View) -> String {
    let mut text = String::new();
    let mut line = |hang: usize, tone: Tone, words: String| {
        text.push_str(
            &Line::new(hang).then(tone, format!("{}{words}", " ".repeat(hang))).render(view.paint, view.width),
        );
    };
    line(2, Tone::Strong, statement.sid.clone());
    for action in &statement.actions {
        line(INDENT, Tone::Plain, (*action).to_owned());
    }
    for resource in &statement.resources {
        let on = match resource.as_str() {
            ANY if statement.sid.starts_with("TakesNoResource") => "on * (these actions take no resource)".to_owned(),
            resource => format!("on {}", clean(resource)),
        };
        line(INDENT, Tone::Faint, on);
    }
    for condition in &statement.conditions {
        let values: Vec<_> = condition.values.iter().map(|value| clean(value)).collect();
        line(INDENT, Tone::Faint, format!("where {} is {}", condition.key, values.join(" or ")));
    }
    for (why, addresses) in &statement.reasons {
        let mut words = format!("to {why}");
        let named: Vec<_> = addresses.iter().take(NAMED).map(|address| clean(address)).collect();
        if !named.is_empty() {
            let _ = write!(words, ": {}", named.join(", "));
        }
        if addresses.len() > NAMED {
            let _ = write!(words, " and {} more", addresses.len() - NAMED);
        }
        line(INDENT, Tone::Note, words);
    }
    text
}
