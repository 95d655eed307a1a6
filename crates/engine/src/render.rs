//! From a manifest to a stack: variables bound, globals and loops evaluated, every leaf a value or a deferred one.
//!
//! Rendering knows what the manifest says and what it was given, and nothing of the cloud. It reads no secret. What waits
//! for one, or for a property of another resource, becomes a [`Deferred`] and is evaluated when that is known. A mistake
//! in one scalar leaves an unknown in its place, so that the stages behind can find the mistakes of the others.

pub(crate) mod context;
pub(crate) mod convert;
mod deferred;
mod leaf;
mod names;
pub(crate) mod objects;
mod place;
mod program;
mod resources;
mod run;
pub mod scan;
pub(crate) mod session;
pub(crate) mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};

pub use self::deferred::{Deferred, Property, Reference, Scope};
use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};

use self::leaf::Leaves;
use self::scan::Kind;
use self::session::{Frame, Known, Session};
use crate::diagnostic::{Diagnostic, Diagnostics, suggest};
use crate::manifest::tree::{Node, Yaml};
use crate::manifest::{Manifest, PropertyValue};
use crate::source::Sources;
use crate::stack::{Export, Stack};
use crate::value::Value;
use crate::variables::{self, hex};

/// What a manifest is rendered with.
pub struct Inputs<'a> {
    /// The stack's environment.
    pub env: &'a str,
    /// `--var NAME=VALUE`, in order.
    pub given: Vec<(String, String)>,
    /// `--var-file`: the name shown and the text; YAML by its ending, otherwise dotenv.
    pub files: Vec<(String, String)>,
    /// The process environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Year, month and day.
    pub today: (i32, u8, u8),
}

/// Renders a manifest. There is a stack also where there are errors, so that the stages behind can find more.
pub fn render(manifest: &Manifest, inputs: &Inputs<'_>, sources: &mut Sources) -> (Option<Stack>, Diagnostics) {
    render_with(manifest, inputs, &BTreeMap::new(), sources)
}

/// The same with variables that are secrets although nothing declares them so, and why each is one.
pub(crate) fn render_with(
    manifest: &Manifest,
    inputs: &Inputs<'_>,
    undeclared: &BTreeMap<String, String>,
    sources: &mut Sources,
) -> (Option<Stack>, Diagnostics) {
    let mut found = Diagnostics::new();
    let (used, mentioned) = mentions(manifest);
    let mut table = variables::bind(manifest, inputs, &used, &mentioned, &mut found);
    table.hide(undeclared);
    let session = Arc::new(Session {
        name: manifest.name.value.clone(),
        env: inputs.env.to_owned(),
        root: sources.root().to_owned(),
        variables: table,
        announced: manifest.globals.iter().map(|global| global.name.value.clone()).collect(),
        resources: RwLock::new(announced(manifest)),
        exports: exports(manifest),
        ..Session::default()
    });
    let mut leaves = Leaves::new(Arc::clone(&session), sources, &mut found);
    let region = globals(manifest, &mut leaves);
    let (instances, left_out) = resources::instances(manifest, inputs, &mut leaves);
    leaves.report_missing(manifest);
    let (masked, protected_of) = leaves.finish();
    for span in masked {
        sources.mask(span);
    }
    let (exports, constants) = top_exports(manifest, &session, &mut found);
    let account = manifest.accounts.iter().find(|(env, _)| env.value == inputs.env).map(|(_, id)| id.clone());
    let stack = Stack {
        name: manifest.name.clone(),
        env: inputs.env.to_owned(),
        description: manifest.description.clone(),
        account,
        region,
        variables: session.variables.list(),
        protected_of,
        instances,
        exports,
        constants,
        manifest_digest: digest(manifest, sources, &session),
        variables_digest: session.variables.digest(inputs.env),
        left_out,
    };
    (Some(stack), found)
}

/// SHA-256 of the manifest's text and of every file that it includes or was made from.
fn digest(manifest: &Manifest, sources: &Sources, session: &Session) -> String {
    let mut hash = Sha256::new();
    let text = sources.get(manifest.source).map(|source| Arc::clone(&source.text)).unwrap_or_default();
    hash.update(text.as_bytes());
    for (_, source) in sources.iter().filter(|(id, _)| *id != manifest.source) {
        hash.update(format!("\u{0}{}", hex(&Sha256::digest(source.text.as_bytes()))).as_bytes());
    }
    let mut files = session.digests.lock().unwrap_or_else(PoisonError::into_inner).clone();
    files.sort_keys();
    for (path, digest) in files {
        hash.update(format!("\u{0}{path}\u{0}{digest}").as_bytes());
    }
    hex(&hash.finalize())
}

/// The resources before anything is evaluated: enough for an `if` to say that it may not refer to one.
fn announced(manifest: &Manifest) -> HashMap<String, Known> {
    let known = |condition| Known { keys: None, left_out: Vec::new(), condition, broken: false };
    manifest
        .resources
        .iter()
        .map(|resource| (resource.name.value.clone(), known(resource.condition.as_ref().map(|node| node.span))))
        .collect()
}

fn exports(manifest: &Manifest) -> HashMap<String, Vec<(String, String)>> {
    let mut exports: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for resource in &manifest.resources {
        for export in &resource.exports {
            exports
                .entry(export.name.clone())
                .or_default()
                .push((resource.name.value.clone(), export.property.clone()));
        }
    }
    exports
}

/// Evaluates the globals in their order; the result is the global `region`.
fn globals(manifest: &Manifest, leaves: &mut Leaves<'_>) -> Option<String> {
    let frame = Frame::top(&leaves.session);
    let mut region = None;
    for global in &manifest.globals {
        leaves.take_made_of();
        let value = leaves.data(&global.value, &frame, global.protected, "a global");
        let made_of = leaves.take_made_of();
        let mut all = leaves.session.globals_made_of.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(global.name.value.clone()).or_insert(made_of);
        drop(all);
        if global.name.value == "region" {
            match &value {
                Value::String(text) => region = Some(text.clone()),
                Value::Unknown(_) => {}
                other => leaves.found.push(
                    Diagnostic::error(
                        "M108",
                        format!("the global `region` must be text, and this is {}", other.type_name()),
                    )
                    .at(global.value.span),
                ),
            }
        }
        let mut globals = leaves.session.globals.write().unwrap_or_else(PoisonError::into_inner);
        globals.entry(global.name.value.clone()).or_insert_with(|| Arc::new(value));
    }
    region
}

/// What the stack exports, and the values of those that no resource has to give.
fn top_exports(
    manifest: &Manifest,
    session: &Session,
    found: &mut Diagnostics,
) -> (Vec<Export>, BTreeMap<String, Value>) {
    let mut exports = Vec::new();
    let mut constants = BTreeMap::new();
    for name in &manifest.exports {
        let constant = match &*name.value {
            _ if session.exports.contains_key(&name.value) => None,
            "stack_name" => Some(Value::String(session.name.clone())),
            "stack_env" => Some(Value::String(session.env.clone())),
            other => session.global(other).map(|value| Value::clone(&value)),
        };
        if session.exports.contains_key(&name.value) || constant.is_some() {
            constants.extend(constant.map(|value| (name.value.clone(), value)));
            let (property, name, span) = (name.value.clone(), name.value.clone(), name.span);
            exports.push(Export { property, name, span });
            continue;
        }
        let diagnostic = Diagnostic::error("M219", format!("no resource exports `{}`", name.value)).at(name.span);
        let globals = session.globals.read().unwrap_or_else(PoisonError::into_inner);
        let known = session.exports.keys().chain(globals.keys()).map(String::as_str).chain(["stack_name", "stack_env"]);
        found.push(match suggest::nearest(&name.value, known) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("name it in `exports` of the resource that has it"),
        });
    }
    (exports, constants)
}

/// The names used as `vars.NAME`, in order, and every word that any template mentions.
fn mentions(manifest: &Manifest) -> (Vec<String>, HashSet<String>) {
    let mut used = Vec::new();
    let mut mentioned = HashSet::new();
    let mut see = |text: &str, bare: bool| {
        let words = if scan::is_template(text) {
            template::words(text)
        } else if bare {
            scan::words(text, 0)
        } else {
            return;
        };
        for (index, word) in words.iter().enumerate() {
            let name = match word.kind {
                Kind::Text => word.unquoted(),
                Kind::Other | Kind::Keyword => continue,
                _ => word.text,
            };
            let of_vars = index >= 2 && words[index - 2].text == "vars" && matches!(words[index - 1].text, "." | "[");
            if of_vars && !mentioned.contains(&format!("vars.{name}")) {
                mentioned.insert(format!("vars.{name}"));
                used.push(name.to_owned());
            }
            mentioned.insert(name.to_owned());
        }
    };
    for global in &manifest.globals {
        texts(&global.value, false, &mut see);
    }
    for resource in &manifest.resources {
        let bare = [&resource.condition, &resource.for_each, &resource.protect, &resource.skip_on_delete];
        bare.into_iter().flatten().for_each(|node| texts(node, true, &mut see));
        let plain = [&resource.region, &resource.role_arn, &resource.identifier, &resource.sql, &resource.find];
        plain.into_iter().flatten().chain(&resource.renamed_from).for_each(|node| texts(node, false, &mut see));
        for property in resource.locals.iter().chain(&resource.properties) {
            for name in &property.merge {
                see(&name.value, true);
            }
            match &property.value {
                PropertyValue::One(node) => texts(node, false, &mut see),
                PropertyValue::PerEnvironment(values) => {
                    for (_, node) in values {
                        texts(node, false, &mut see);
                    }
                }
                PropertyValue::Merged => {}
            }
        }
    }
    (used, mentioned)
}

fn texts(node: &Node, bare: bool, see: &mut dyn FnMut(&str, bool)) {
    match &node.yaml {
        Yaml::Text(text) => see(text, bare),
        Yaml::List(items) => items.iter().for_each(|item| texts(item, bare, see)),
        Yaml::Map(entries) => {
            for entry in entries {
                see(&entry.key.value, false);
                texts(&entry.value, bare, see);
            }
        }
        _ => {}
    }
}
