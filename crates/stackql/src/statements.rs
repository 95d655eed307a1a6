//! The statements of a project as stackql-deploy would send them, for people to look at. Nothing here is ever run.

use std::fmt::Write as _;

use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::lookup;
use trueup_engine::manifest::PropertyValue;
use trueup_engine::manifest::tree::{Entry as Member, Node, Yaml};
use trueup_engine::render::{self, Inputs};
use trueup_engine::source::{Sources, Span};
use trueup_engine::value::Value;

use crate::iql::{self, AnchorKind, Iql};
use crate::project::{EntryType, Project};
use crate::secrecy::Secrecy;
use crate::translate::{self, Options};

/// What is shown in place of a secret.
const MASK: &str = "********";
/// What is shown of a statement in which a secret is written.
const HIDDEN: &str = "-- not shown: a secret is written in it";

/// Every statement with its templates evaluated and every secret masked; one that holds something which only the cloud
/// knows is shown as it is written.
///
/// A secret is never given to the rendering: what is protected, what the sources mask, what secret properties are made of,
/// and the variables named in `secret` are replaced before. So it has to be called when the manifest was checked, and all
/// of them are known.
pub fn shown(
    project: &Project,
    sources: &mut Sources,
    options: &Options<'_>,
    inputs: Inputs<'_>,
    secret: &[String],
    secrecy: &Secrecy,
) -> String {
    for span in secrecy.spans() {
        sources.mask(*span);
    }
    let mut inputs = inputs;
    inputs.given.extend(secret.iter().map(|name| (name.clone(), MASK.to_owned())));
    let project = &masked(project, sources);
    let inputs = &inputs;
    let mut quiet = Diagnostics::new();
    let files: Vec<Option<Iql>> = project
        .resources
        .iter()
        .map(|entry| {
            let id = entry.file?;
            let text = sources.get(id)?.text.clone();
            Some(iql::parse(id, &text, &mut quiet))
        })
        .collect();
    let most = files.iter().flatten().map(|iql| iql.anchors.len()).max().unwrap_or(0).max(1);
    let mut all: Vec<Vec<(&'static str, String)>> = vec![Vec::new(); project.resources.len()];
    for number in 0..most {
        // One statement of each resource at a time, as a query, so that each is rendered with the names that it has.
        let mut one = project.clone();
        one.exports.clear();
        let mut asked: Vec<Option<(&'static str, Node)>> = Vec::new();
        for (entry, iql) in one.resources.iter_mut().zip(&files) {
            let anchor = iql.as_ref().and_then(|iql| iql.anchors.get(number));
            // A literal of the statement itself is a secret.
            let hidden =
                |span: Span| sources.masked(span.source).any(|mask| mask.start < span.end && span.start < mask.end);
            if anchor.is_some_and(|anchor| hidden(anchor.body.span)) {
                asked.push(anchor.map(|anchor| {
                    (AnchorKind::name(anchor.kind), Node { yaml: Yaml::Text(HIDDEN.into()), span: anchor.span })
                }));
                continue;
            }
            let statement = match (anchor, &entry.sql) {
                (Some(anchor), _) => Some((
                    AnchorKind::name(anchor.kind),
                    Node { yaml: Yaml::Text(anchor.body.value.clone()), span: anchor.body.span },
                )),
                (None, Some(sql)) if number == 0 => Some(("sql", sql.clone())),
                _ => None,
            };
            if entry.ty != EntryType::Script {
                entry.ty = EntryType::Query;
                entry.sql = Some(
                    statement
                        .as_ref()
                        .map_or(Node { yaml: Yaml::Text("".into()), span: entry.name.span }, |(_, sql)| sql.clone()),
                );
            }
            asked.push(statement);
        }
        let manifest = translate::translate(&one, sources, options, &mut quiet);
        let (stack, _) = render::render(&manifest, inputs, sources);
        let instances = stack.map(|stack| stack.instances).unwrap_or_default();
        for ((entry, statement), list) in project.resources.iter().zip(asked).zip(&mut all) {
            let Some((name, node)) = statement else { continue };
            let instance = instances.iter().find(|instance| instance.address.name() == entry.name.value);
            let value = instance.and_then(|instance| instance.properties.get(lookup::SQL));
            let text = match value {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Secret(secret)) => format!("-- not shown: it holds a secret ({})", secret.source()),
                _ => node.as_text().map(ToString::to_string).unwrap_or_default(),
            };
            list.push((name, text));
        }
    }
    let mut out = String::new();
    for (entry, list) in project.resources.iter().zip(all) {
        for (name, text) in list {
            let _ = writeln!(out, "-- {}: {name}\n{}\n", entry.name.value, text.trim());
        }
    }
    out
}

/// The project with a mask in place of every secret that is written in it, or that something protected is made of.
fn masked(project: &Project, sources: &Sources) -> Project {
    let mut project = project.clone();
    for global in &mut project.globals {
        global.value = mask(&global.value, global.protected, sources);
        global.protected = false;
    }
    for prop in project.resources.iter_mut().flat_map(|entry| &mut entry.props) {
        let all = prop.protected;
        match &mut prop.value {
            PropertyValue::Merged => {}
            PropertyValue::One(node) => *node = mask(node, all, sources),
            PropertyValue::PerEnvironment(values) => {
                for (_, node) in values {
                    *node = mask(node, all, sources);
                }
            }
        }
        prop.protected = false;
    }
    project
}

fn mask(node: &Node, all: bool, sources: &Sources) -> Node {
    let hidden =
        || sources.masked(node.span.source).any(|mask| mask.start < node.span.end && node.span.start < mask.end);
    let yaml = match &node.yaml {
        Yaml::List(items) => Yaml::List(items.iter().map(|item| mask(item, all, sources)).collect()),
        Yaml::Map(entries) => Yaml::Map(
            entries
                .iter()
                .map(|entry| Member { key: entry.key.clone(), value: mask(&entry.value, all, sources) })
                .collect(),
        ),
        Yaml::Null | Yaml::Unreadable => return node.clone(),
        _ if all || hidden() => Yaml::Text(MASK.into()),
        _ => return node.clone(),
    };
    Node { yaml, span: node.span }
}
