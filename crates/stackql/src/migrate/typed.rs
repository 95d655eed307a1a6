//! Values in the type that they have in AWS, and secrets as variables.

use trueup_engine::embedded;
use trueup_engine::manifest::tree::{Entry, Node, Yaml};
use trueup_engine::manifest::{Property, PropertyValue};
use trueup_engine::render::scan::{self, Piece};
use trueup_engine::source::Spanned;
use trueup_engine::value::Value;

use crate::secrecy::{has_literal, has_secret, is_credential, is_secret};

/// Writes values, and remembers the variables that it made.
#[derive(Default)]
pub struct Typist {
    /// Variables for secrets.
    pub variables: Vec<String>,
    /// Names that other variables have.
    pub taken: Vec<String>,
}

impl Typist {
    /// A property, given what it was rendered to and what became of it. `hidden`: a secret is made of it.
    pub fn property(&mut self, property: &Property, values: Option<(&Value, &Value)>, hidden: bool) -> Property {
        let name = property.name.value.to_string();
        let mut one = |node: &Node| match values {
            _ if property.protected || hidden => self.hide(node, &name),
            Some((rendered, wanted)) => self.typed(node, rendered, wanted, &name),
            None => node.clone(),
        };
        let value = match &property.value {
            PropertyValue::Merged => PropertyValue::Merged,
            PropertyValue::One(node) => PropertyValue::One(one(node)),
            PropertyValue::PerEnvironment(values) => {
                PropertyValue::PerEnvironment(values.iter().map(|(env, node)| (env.clone(), one(node))).collect())
            }
        };
        Property { value, ..property.clone() }
    }

    /// A property of a resource of which nobody knows what it would be: what has the name of a credential is one.
    pub fn by_name(&mut self, property: &Property) -> Property {
        let name = property.name.value.to_string();
        let value = match &property.value {
            PropertyValue::Merged => PropertyValue::Merged,
            PropertyValue::One(node) => PropertyValue::One(self.named(node, &name, &name)),
            PropertyValue::PerEnvironment(values) => PropertyValue::PerEnvironment(
                values.iter().map(|(env, node)| (env.clone(), self.named(node, &name, &name))).collect(),
            ),
        };
        Property { value, ..property.clone() }
    }

    fn named(&mut self, node: &Node, name: &str, path: &str) -> Node {
        let yaml = match &node.yaml {
            Yaml::List(items) => Yaml::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.named(item, name, &format!("{path}_{index}")))
                    .collect(),
            ),
            Yaml::Map(entries) => Yaml::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: entry.key.clone(),
                        value: self.named(&entry.value, &entry.key.value, &format!("{path}_{}", entry.key.value)),
                    })
                    .collect(),
            ),
            Yaml::Text(text) if embedded::holds_credentials(text) => return self.hide(node, path),
            _ if is_credential(name) => return self.hide(node, path),
            _ => return node.clone(),
        };
        Node { yaml, span: node.span }
    }

    /// A value in which every written text is a variable; a template with a text in it is one as a whole.
    pub fn hide(&mut self, node: &Node, name: &str) -> Node {
        let yaml = match &node.yaml {
            Yaml::Text(text) if text.is_empty() => return node.clone(),
            Yaml::Text(text) if scan::is_template(text) && !has_literal(text) => return node.clone(),
            Yaml::Text(_) | Yaml::Number(_) => return self.variable(node, name),
            Yaml::List(items) => Yaml::List(
                items.iter().enumerate().map(|(index, item)| self.hide(item, &format!("{name}_{index}"))).collect(),
            ),
            Yaml::Map(entries) => Yaml::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: entry.key.clone(),
                        value: self.hide(&entry.value, &format!("{name}_{}", entry.key.value)),
                    })
                    .collect(),
            ),
            _ => return node.clone(),
        };
        Node { yaml, span: node.span }
    }

    fn variable(&mut self, node: &Node, name: &str) -> Node {
        let mut upper: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        while self.variables.contains(&upper) || self.taken.contains(&upper) {
            upper.push('_');
        }
        let text = format!("{{{{ vars.{upper} }}}}");
        self.variables.push(upper);
        Node { yaml: Yaml::Text(text.into()), span: node.span }
    }

    fn typed(&mut self, node: &Node, rendered: &Value, wanted: &Value, name: &str) -> Node {
        let yaml = match (&node.yaml, wanted) {
            (_, wanted) if is_secret(wanted) => return self.hide(node, name),
            (Yaml::Text(text), wanted) if scan::is_template(text) && has_secret(wanted) && has_literal(text) => {
                let variable = self.variable(node, name);
                let whole = Value::String(String::new());
                let text = variable.as_text().and_then(|text| converted(text, &whole, wanted));
                return text.map_or(variable, |text| Node { yaml: Yaml::Text(text.into()), span: node.span });
            }
            (Yaml::Text(text), _) if scan::is_template(text) => match converted(text, rendered, wanted) {
                Some(text) => Yaml::Text(text.into()),
                None => return node.clone(),
            },
            (Yaml::List(items), Value::List(list)) => {
                let rendered = rendered.as_list().unwrap_or_default();
                // Items that are nothing were left out: then nobody knows which is which.
                let secret = has_secret(wanted);
                let same = items.len() == list.len() || !secret;
                let each = items.iter().enumerate().map(|(index, item)| {
                    let name = format!("{name}_{index}");
                    match rendered.get(index).zip(list.get(index)).filter(|_| same) {
                        Some((rendered, wanted)) => self.typed(item, rendered, wanted, &name),
                        None if secret => self.hide(item, &name),
                        None => item.clone(),
                    }
                });
                Yaml::List(each.collect())
            }
            (Yaml::Map(entries), Value::Map(map)) => {
                let secret = has_secret(wanted);
                let each = entries.iter().map(|entry| {
                    let key = &*entry.key.value;
                    let name = format!("{name}_{key}");
                    let value = match rendered.get(key).zip(map.get(key)) {
                        Some((rendered, wanted)) => self.typed(&entry.value, rendered, wanted, &name),
                        None if secret => self.hide(&entry.value, &name),
                        None => entry.value.clone(),
                    };
                    Entry { key: entry.key.clone(), value }
                });
                Yaml::Map(each.collect())
            }
            (Yaml::Text(text), Value::Bool(_)) => match &**text {
                text if text.eq_ignore_ascii_case("true") => Yaml::Bool(true),
                text if text.eq_ignore_ascii_case("false") => Yaml::Bool(false),
                _ => return node.clone(),
            },
            (Yaml::Text(text), Value::Number(_)) => match text.parse() {
                Ok(number) => Yaml::Number(number),
                Err(_) => return node.clone(),
            },
            (Yaml::Text(text), Value::List(_) | Value::Map(_)) => match serde_json::from_str::<serde_json::Value>(text)
            {
                Ok(json) => {
                    let json = Value::from(json);
                    return self.typed(&tree(&json, node), &json, wanted, name);
                }
                Err(_) => return node.clone(),
            },
            // JSON that a property takes as text.
            (Yaml::Map(_) | Yaml::List(_), Value::String(text)) => Yaml::Text(match json(node) {
                Some(template) => template.into(),
                None => crate::translate::escaped(text).into(),
            }),
            (Yaml::Number(number), Value::String(_)) => Yaml::Text(number.to_string().into()),
            (Yaml::Bool(flag), Value::String(_)) => Yaml::Text(flag.to_string().into()),
            _ => return node.clone(),
        };
        Node { yaml, span: node.span }
    }
}

/// A template whose value is not of the type that is wanted, with a filter that makes it so.
fn converted(text: &str, rendered: &Value, wanted: &Value) -> Option<String> {
    let trimmed = text.trim();
    let code = match scan::pieces(trimmed).ok()?.as_slice() {
        [Piece::Expression(code)] => trimmed[code.clone()].trim().to_owned(),
        _ => return None,
    };
    Some(match (rendered, wanted) {
        (Value::String(_), Value::Bool(_)) => format!("{{{{ ({code}) | string | lower == 'true' }}}}"),
        (Value::String(_), Value::Number(number)) if number.as_i64().is_some() => format!("{{{{ ({code}) | int }}}}"),
        (Value::String(_), Value::Number(_)) => format!("{{{{ ({code}) | float }}}}"),
        (Value::String(_), Value::Map(_) | Value::List(_)) => format!("{{{{ ({code}) | from_json }}}}"),
        (Value::Number(_) | Value::Bool(_), Value::String(_)) => format!("{{{{ ({code}) | string }}}}"),
        (Value::Map(_) | Value::List(_), Value::String(_)) => format!("{{{{ ({code}) | sql_text }}}}"),
        _ => return None,
    })
}

/// A list or map with templates in it as a template of its JSON; `None` where there are none, or statements.
fn json(node: &Node) -> Option<String> {
    let mut any = false;
    expression(node, &mut any).filter(|_| any).map(|code| format!("{{{{ ({code}) | sql_text }}}}"))
}

/// A value as an expression; `any`: a template is in it.
fn expression(node: &Node, any: &mut bool) -> Option<String> {
    // JSON's escapes are the template's too.
    let quoted = |text: &str| serde_json::to_string(text).ok();
    Some(match &node.yaml {
        Yaml::Null => "none".to_owned(),
        Yaml::Bool(flag) => flag.to_string(),
        Yaml::Number(number) => number.to_string(),
        Yaml::Text(text) => {
            let pieces = scan::pieces(text).ok()?;
            *any |= pieces.iter().any(|piece| !matches!(piece, Piece::Text(_)));
            let parts: Option<Vec<String>> = pieces
                .into_iter()
                .filter(|piece| !matches!(piece, Piece::Comment(_)))
                .map(|piece| match piece {
                    Piece::Text(range) => quoted(&text[range]),
                    Piece::Expression(code) => Some(format!("({})", text[code].trim_matches('-').trim())),
                    Piece::Statement(_) | Piece::Comment(_) => None,
                })
                .collect();
            match &*parts? {
                [] => "''".to_owned(),
                [one] => one.clone(),
                several => format!("({})", several.join(" ~ ")),
            }
        }
        Yaml::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| expression(item, any)).collect();
            format!("[{}]", items?.join(", "))
        }
        Yaml::Map(entries) => {
            let member = |entry: &Entry| {
                let key = (!scan::is_template(&entry.key.value)).then(|| quoted(&entry.key.value))??;
                Some(format!("{key}: {}", expression(&entry.value, any)?))
            };
            let members: Option<Vec<String>> = entries.iter().map(member).collect();
            format!("{{{}}}", members?.join(", "))
        }
        Yaml::Unreadable => return None,
    })
}

/// Data as a node; what looks like a template in it stays data.
fn tree(value: &Value, at: &Node) -> Node {
    let yaml = match value {
        Value::Bool(flag) => Yaml::Bool(*flag),
        Value::Number(number) => Yaml::Number(number.clone()),
        Value::String(text) => Yaml::Text(crate::translate::escaped(text).into()),
        Value::List(items) => Yaml::List(items.iter().map(|item| tree(item, at)).collect()),
        Value::Map(map) => Yaml::Map(
            map.iter()
                .map(|(name, member)| Entry {
                    key: Spanned { value: name.as_str().into(), span: at.span },
                    value: tree(member, at),
                })
                .collect(),
        ),
        _ => Yaml::Null,
    };
    Node { yaml, span: at.span }
}
