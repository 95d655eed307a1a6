//! What the stack takes from outside, and in which order: `--var`, `--var-file`, the process environment, the default.
//!
//! Two rules stand against convenience. Values are data: no template in them is ever evaluated. And a secret variable
//! that comes from the environment is not read here at all, only named, so that `validate` and `render` never hold it.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::Number;
use sha2::{Digest as _, Sha256};

use crate::credential::{Scheme, SecretSource};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::scalar::{self, Plain};
use crate::manifest::tree::{self, Node, Yaml};
use crate::manifest::{Declaration, Manifest, VariableType};
use crate::render::{Inputs, convert};
use crate::secret::{LITERAL, Secret};
use crate::source::SourceId;
use crate::stack::Variable;
use crate::value::Value;

/// What a variable is bound to.
#[derive(Debug, Clone)]
pub enum Bound {
    /// A value.
    Plain(Value),
    /// A secret that was given.
    Secret(Secret),
    /// A map or list whose texts are secrets.
    Structure(Value),
    /// A secret that is read when it is needed.
    Late(SecretSource),
}

#[derive(Debug, Clone)]
struct Slot {
    bound: Option<Bound>,
    origin: Option<String>,
    secret: bool,
    why: Option<String>,
    description: Option<String>,
}

/// Variables by name, in order of first appearance.
#[derive(Debug, Default)]
pub struct Table {
    slots: IndexMap<String, Slot>,
}

impl Table {
    /// What a variable is bound to; `None` where it was not found.
    pub fn get(&self, name: &str) -> Option<&Bound> {
        self.slots.get(name)?.bound.as_ref()
    }

    /// Whether a variable has a value.
    pub fn is_found(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Where the value of a variable came from, as a source of secrets would be called: `env:NAME`, `--var NAME`;
    /// `None` for a default, which is written in the manifest.
    pub fn origin(&self, name: &str) -> Option<String> {
        let origin = self.slots.get(name)?.origin.as_deref()?;
        match (origin, origin.strip_prefix("--var-file ")) {
            (_, Some(file)) => Some(format!("file:{file}")),
            ("--var", _) => Some(format!("--var {name}")),
            ("environment", _) => Some(format!("env:{name}")),
            _ => None,
        }
    }

    /// The label of a secret variable.
    pub fn secret_label(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Bound::Plain(_) | Bound::Structure(_) => None,
            Bound::Secret(secret) => Some(secret.source().to_owned()),
            Bound::Late(source) => Some(source.to_string()),
        }
    }

    /// Whether a variable has a value that is no secret.
    pub fn is_plain(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Bound::Plain(_)))
    }

    /// Makes secrets of variables that nothing declares as such; each with the reason.
    pub(crate) fn hide(&mut self, undeclared: &BTreeMap<String, String>) {
        for (name, why) in undeclared {
            let label = self.origin(name).unwrap_or_else(|| LITERAL.to_owned());
            let Some(slot) = self.slots.get_mut(name) else { continue };
            slot.secret = true;
            slot.why = Some(why.clone());
            let Some(Bound::Plain(value)) = &slot.bound else { continue };
            slot.bound = Some(match value {
                Value::List(_) | Value::Map(_) => Bound::Structure(convert::taint(value.clone(), &label)),
                Value::String(_) if slot.origin.as_deref() == Some("environment") => {
                    Bound::Late(SecretSource { scheme: Scheme::Env, rest: name.clone() })
                }
                value => hidden(value.clone(), &label),
            });
        }
    }

    /// The names that have a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().filter(|(_, slot)| slot.bound.is_some()).map(|(name, _)| &**name)
    }

    /// For the stack: each with its origin.
    pub fn list(&self) -> Vec<Variable> {
        let value = |bound: &Bound| match bound {
            Bound::Plain(value) | Bound::Structure(value) => value.clone(),
            Bound::Secret(secret) => Value::Secret(secret.clone()),
            Bound::Late(source) => Value::Secret(Secret::unresolved(source.to_string())),
        };
        self.slots
            .iter()
            .map(|(name, slot)| Variable {
                name: name.clone(),
                // A late secret that nobody has set is not found.
                value: slot.bound.as_ref().filter(|_| slot.origin.is_some()).map(value),
                origin: slot.origin.clone(),
                secret: slot.secret,
                why: slot.why.clone(),
                description: slot.description.clone(),
            })
            .collect()
    }

    /// SHA-256 of the environment and the variables that are not secret.
    pub fn digest(&self, env: &str) -> String {
        let mut plain: Vec<(&str, String)> = self
            .slots
            .iter()
            .filter_map(|(name, slot)| match &slot.bound {
                Some(Bound::Plain(value)) => Some((&**name, value.to_masked_json().to_string())),
                _ => None,
            })
            .collect();
        plain.sort();
        let document = serde_json::json!([env, plain]);
        hex(&Sha256::digest(document.to_string().as_bytes()))
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A value from outside, before its declared type is known.
struct Given {
    value: Value,
    origin: String,
    /// How it is called where it is a secret.
    label: String,
}

/// Binds every variable that the manifest declares, or uses as `vars.NAME`. `mentioned` are all words of all templates.
pub fn bind(
    manifest: &Manifest,
    inputs: &Inputs<'_>,
    used: &[String],
    mentioned: &foldhash::HashSet<String>,
    found: &mut Diagnostics,
) -> Table {
    let given = given(inputs, found);
    let mut table = Table::default();
    for declaration in &manifest.variables {
        let slot = declared(declaration, &given, inputs, found);
        table.slots.entry(declaration.name.value.clone()).or_insert(slot);
    }
    let others = used
        .iter()
        .map(String::as_str)
        .chain(inputs.given.iter().map(|(name, _)| &**name))
        .chain(given.keys().map(String::as_str).filter(|name| mentioned.contains(*name)));
    let mut seen = HashSet::new();
    let names: Vec<&str> = others.filter(|name| !table.slots.contains_key(*name) && seen.insert(*name)).collect();
    for name in names {
        let (bound, origin) = match given.get(name) {
            Some(given) => (Some(Bound::Plain(given.value.clone())), Some(given.origin.clone())),
            None => match (inputs.environment)(name) {
                Some(text) => (Some(Bound::Plain(Value::String(text))), Some("environment".to_owned())),
                None => (None, None),
            },
        };
        table.slots.insert(name.to_owned(), Slot { bound, origin, secret: false, why: None, description: None });
    }
    let mut warned = HashSet::new();
    for (name, _) in &inputs.given {
        if mentioned.contains(name) || !warned.insert(name) {
            continue;
        }
        let declared = manifest.variables.iter().any(|declaration| declaration.name.value == *name);
        let known = manifest.variables.iter().map(|v| &*v.name.value).chain(used.iter().map(String::as_str));
        let warning = Diagnostic::warning("M209", format!("`--var {name}` is used nowhere"));
        found.push(match crate::diagnostic::suggest::nearest(name, known.filter(|known| known != name)) {
            Some(near) if !declared => warning.help(format!("did you mean `{near}`?")),
            _ => warning.help(format!("no template has `{{{{ vars.{name} }}}}`")),
        });
    }
    table
}

/// Everything that `--var` and `--var-file` give; `--var` wins, and the later of two.
fn given(inputs: &Inputs<'_>, found: &mut Diagnostics) -> HashMap<String, Given> {
    let mut all = HashMap::new();
    for (file, text) in &inputs.files {
        let yaml = [".yaml", ".yml", ".json"].iter().any(|ending| file.to_ascii_lowercase().ends_with(ending));
        let pairs = if yaml { from_yaml(file, text) } else { dotenv(text).map_err(|why| bad_file(file, &why)) };
        match pairs {
            Err(diagnostic) => found.push(diagnostic),
            Ok(pairs) => {
                for (name, value) in pairs {
                    let given = Given { value, origin: format!("--var-file {file}"), label: format!("file:{file}") };
                    all.insert(name, given);
                }
            }
        }
    }
    for (name, text) in &inputs.given {
        let given =
            Given { value: Value::String(text.clone()), origin: "--var".to_owned(), label: format!("--var {name}") };
        all.insert(name.clone(), given);
    }
    all
}

fn declared(
    declaration: &Declaration,
    given: &HashMap<String, Given>,
    inputs: &Inputs<'_>,
    found: &mut Diagnostics,
) -> Slot {
    let name = &declaration.name.value;
    let secret = declaration.secret;
    let description = declaration.description.clone();
    let slot =
        |bound, origin: Option<String>| Slot { bound, origin, secret, why: None, description: description.clone() };
    if let Some(given) = given.get(name) {
        let Some(value) = typed(declaration, &given.value, &given.origin, found) else { return slot(None, None) };
        let bound = if secret { hidden(value, &given.label) } else { Bound::Plain(value) };
        return slot(Some(bound), Some(given.origin.clone()));
    }
    let late = || Bound::Late(SecretSource { scheme: Scheme::Env, rest: name.clone() });
    if let Some(text) = (inputs.environment)(name) {
        if secret {
            return slot(Some(late()), Some("environment".to_owned()));
        }
        let value = typed(declaration, &Value::String(text), "the environment", found);
        let origin = value.as_ref().map(|_| "environment".to_owned());
        return slot(value.map(Bound::Plain), origin);
    }
    if let Some(default) = &declaration.default {
        let value = literal(default);
        let bound = if secret { hidden(value, LITERAL) } else { Bound::Plain(value) };
        return slot(Some(bound), Some("default".to_owned()));
    }
    // A secret that is missing is not an error here: reading and checking must work without it.
    slot(secret.then(late), None)
}

fn hidden(value: Value, label: &str) -> Bound {
    let text = match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_masked_json().to_string(),
    };
    Bound::Secret(Secret::new(label, text))
}

/// The value in its declared type. What does not fit is named and never quoted.
fn typed(declaration: &Declaration, value: &Value, origin: &str, found: &mut Diagnostics) -> Option<Value> {
    let resolved = match value {
        Value::String(text) => scalar::resolve(text.trim()),
        _ => Plain::Text,
    };
    let (typed, wanted) = match declaration.ty {
        VariableType::String => return Some(value.clone()),
        VariableType::Number => match (value, resolved) {
            (Value::Number(_), _) => (Some(value.clone()), ""),
            (_, Plain::Number(number)) => (Some(Value::Number(number)), ""),
            _ => (None, "a number"),
        },
        VariableType::Bool => match (value, resolved) {
            (Value::Bool(_), _) => (Some(value.clone()), ""),
            (_, Plain::Bool(flag)) => (Some(Value::Bool(flag)), ""),
            _ => (None, "`true` or `false`"),
        },
    };
    if typed.is_none() {
        found.push(
            Diagnostic::error("M208", format!("the variable `{}` must be {wanted}", declaration.name.value))
                .labelled(declaration.name.span, "declared here")
                .noted(format!("its value comes from {origin}")),
        );
    }
    typed
}

/// A node as data: no template in it is evaluated.
pub fn literal(node: &Node) -> Value {
    match &node.yaml {
        Yaml::Null | Yaml::Unreadable => Value::Null,
        Yaml::Bool(flag) => Value::Bool(*flag),
        Yaml::Number(number) => Value::Number(Number::clone(number)),
        Yaml::Text(text) => Value::String(text.to_string()),
        Yaml::List(items) => Value::List(items.iter().map(literal).collect()),
        Yaml::Map(entries) => {
            Value::Map(entries.iter().map(|entry| (entry.key.value.to_string(), literal(&entry.value))).collect())
        }
    }
}

fn bad_file(file: &str, why: &str) -> Diagnostic {
    Diagnostic::error("M210", format!("the variables in `{file}` cannot be read: {why}"))
        .help("write `NAME=VALUE`, one a line, or a YAML map of names and values")
}

fn from_yaml(file: &str, text: &str) -> Result<Vec<(String, Value)>, Diagnostic> {
    // The text is none of the run's sources: nothing of it may ever be shown.
    let mut found = Diagnostics::new();
    let id = SourceId(u32::MAX);
    let node = tree::read(text, id, &mut found);
    if let Some(problem) = found.iter().find(|diagnostic| diagnostic.code != "M105") {
        let byte = problem.span().map_or(0, |span| span.start as usize);
        let line = text.get(..byte).map_or(1, |before| before.matches('\n').count() + 1);
        return Err(bad_file(file, &format!("line {line} is not what YAML allows here")));
    }
    match node.map(|node| node.yaml) {
        Some(Yaml::Null) => Ok(Vec::new()),
        Some(Yaml::Map(entries)) => Ok(entries
            .iter()
            .map(|entry| {
                let span = entry.value.span;
                let raw = text.get(span.start as usize..span.end as usize).unwrap_or_default();
                let value = match &entry.value.yaml {
                    // As it is written: an undeclared variable is a text, and a declared one is read by its type.
                    Yaml::Bool(_) | Yaml::Number(_) | Yaml::Unreadable => Value::String(raw.to_owned()),
                    _ => literal(&entry.value),
                };
                (entry.key.value.to_string(), value)
            })
            .collect()),
        _ => Err(bad_file(file, "it is not a map")),
    }
}

/// `NAME=VALUE` lines: `export` before it, comments, quotes (double ones with `\n`, `\"`, `\\`), also over several lines.
fn dotenv(text: &str) -> Result<Vec<(String, Value)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line_of = |rest: &str| text[..text.len() - rest.len()].matches('\n').count() + 1;
    while !rest.is_empty() {
        let line = rest.split('\n').next().unwrap_or_default();
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = rest.get(line.len() + 1..).unwrap_or_default();
            continue;
        }
        let number = line_of(rest);
        let Some(equals) = line.find('=') else { return Err(format!("line {number} has no `=`")) };
        let name = line[..equals].trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        let good = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            return Err(format!("line {number} does not begin with a name"));
        }
        let after = &rest[equals + 1..];
        let lead = after.len() - after.trim_start_matches([' ', '\t']).len();
        let after = &after[lead..];
        let (value, left) = if let Some(quote @ ('\'' | '"')) = after.chars().next() {
            quoted(&after[1..], quote).ok_or_else(|| format!("line {number} opens a quote that is not closed"))?
        } else {
            let end = after.find('\n').unwrap_or(after.len());
            let value = &after[..end];
            let value = value.find(" #").map_or(value, |comment| &value[..comment]);
            (value.trim().to_owned(), &after[end..])
        };
        let tail = left.split('\n').next().unwrap_or_default();
        let beyond = tail.trim();
        if !beyond.is_empty() && !beyond.starts_with('#') {
            return Err(format!("line {number} goes on after the closing quote"));
        }
        rest = left.get(tail.len() + 1..).unwrap_or_default();
        pairs.push((name.to_owned(), Value::String(value)));
    }
    Ok(pairs)
}

fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        if character == quote {
            return Some((value, &text[index + 1..]));
        }
        if character == '\\' && quote == '"' {
            match characters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                other @ ('"' | '\\' | '$' | '\'') => value.push(other),
                other => {
                    value.push('\\');
                    value.push(other);
                }
            }
        } else {
            value.push(character);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let text_of = |value: Value| value.as_str().unwrap_or("?").to_owned();
        dotenv(text).unwrap().into_iter().map(|(name, value)| (name, text_of(value))).collect()
    }

    #[test]
    fn dotenv_values_keep_their_characters() {
        let text = "# c\nA=1\nexport B = two words # note\nC='it''s'\nD=\"a\\n\\\"b\\\" \\d\"\nE=\"x\ny\" # c\nF=\nG=a=b#c\r\n";
        let text = text.replace("'it''s'", "'its'");
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "its"),
            ("D", "a\n\"b\" \\d"),
            ("E", "x\ny"),
            ("F", ""),
            ("G", "a=b#c"),
        ];
        assert_eq!(pairs(&text), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn what_is_wrong_names_the_line_and_not_the_value() {
        for (text, why) in [
            ("A=1\nhunter2", "line 2 has no `=`"),
            ("A='hunter2", "line 1 opens a quote that is not closed"),
            ("A='x' hunter2", "line 1 goes on after the closing quote"),
            ("1A=hunter2", "line 1 does not begin with a name"),
        ] {
            assert_eq!(dotenv(text).unwrap_err(), why);
        }
    }
}
