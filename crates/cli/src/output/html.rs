//! A page for a browser: one file, readable on a phone, in a dark and in a light room, with the graph and every diff.
//!
//! Nothing is fetched and nothing runs: a policy in the page forbids both, for values that nobody has thought of. The
//! template escapes every text by itself; the one part that is markup already, the graph, is drawn here.

use minijinja::{
    Environment, context,
    value::{Serde, Value},
};
use serde_json::{Value as Json, json};

use crate::output::graph::svg;
use crate::output::page::{Finding, Item, Location, Page, diff_lines};

/// The template.
const PAGE: &str = include_str!("../../templates/page.html");

/// More resources than this, or more arrows, make a graph that nobody can read.
const MOST_DRAWN: usize = 300;
const MOST_ARROWS: usize = 600;

/// The page.
pub fn render(page: &Page) -> String {
    let mut environment = Environment::new();
    let drawn = !page.network.nodes.is_empty()
        && page.network.nodes.len() <= MOST_DRAWN
        && page.network.edges.len() <= MOST_ARROWS;
    let graph = if drawn { svg::render(&page.network, &page.subject()) } else { String::new() };
    let page = json!({
        "command": page.command,
        "subject": page.subject(),
        "place": page.place(),
        "headline": page.headline,
        "digest": page.digest,
        "totals": page.totals.iter().map(|it| json!({ "label": it.label, "count": it.count })).collect::<Vec<_>>(),
        "problem": page.problem.as_ref().map(|it| json!({ "message": it.message, "hints": it.hints })),
        "findings": page.other_findings().map(finding).collect::<Vec<_>>(),
        "items": page.shown().map(item).collect::<Vec<_>>(),
        "quiet": page.items.len() - page.shown().count(),
        "exports": page.exports,
        "undrawn": if drawn { 0 } else { page.network.nodes.len() },
        "version": env!("CARGO_PKG_VERSION"),
    });
    let context = context! { graph => Value::from_safe_string(graph), ..Value::from(Serde(page)) };
    let rendered = environment
        .add_template("page.html", PAGE)
        .and_then(|()| environment.get_template("page.html")?.render(context));
    // The template is part of the program, and so is what it is given; a test renders every part of it.
    rendered.unwrap_or_else(|error| format!("<!doctype html><title>trueup</title><p>{}</p>", error.kind()))
}

fn finding(finding: &Finding) -> Json {
    json!({
        "code": finding.code,
        "level": finding.level.as_str(),
        "summary": finding.summary,
        "notes": finding.notes,
        "help": finding.help,
        "place": finding.location.as_ref().map(Location::short),
    })
}

fn item(item: &Item) -> Json {
    let lines = item.lines.iter().flat_map(diff_lines).map(|(sign, text)| {
        let kind = match sign {
            '+' => "new",
            '-' => "gone",
            '!' => "secret",
            _ => "same",
        };
        json!({ "sign": sign.to_string(), "text": text, "kind": kind })
    });
    json!({
        "address": item.address,
        "type": item.type_name,
        "identifier": item.identifier,
        "symbol": item.symbol,
        "status": item.status,
        "level": item.level.as_str(),
        "words": item.words,
        "place": item.location.as_ref().map(Location::short),
        "lines": lines.collect::<Vec<_>>(),
        "remarks": item.remarks,
    })
}
