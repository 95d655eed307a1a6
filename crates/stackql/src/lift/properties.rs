//! Columns as properties, and what an UPDATE says of them besides.

use std::sync::Arc;

use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::kind::Kind;
use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::render::scan::{self, Piece};
use trueup_engine::schema::{Property, Type};
use trueup_engine::source::{Span, Spanned};

use super::native;
use crate::sql::column::property_of;
use crate::sql::{Statement, Table, Update, Value};

/// The types that have a property with the name of a parameter: `AWS::Events::Rule RoleArn`. From the schemas of the
/// wheel `cfn-lint` 1.58.0.
const NAMED_LIKE_PARAMETERS: &str = include_str!("named_like_parameters.txt");

/// What Cloud Control takes besides the properties.
const PARAMETERS: &[&str] = &["ClientToken", "RoleArn", "TypeName", "TypeVersionId"];

/// What a create says.
pub struct Made {
    pub properties: Vec<(Spanned<Arc<str>>, Node)>,
    pub region: Option<Node>,
    pub role_arn: Option<Node>,
}

/// The columns of an INSERT, or what an UPDATE below `createorupdate` sets.
pub fn of_create(
    statement: &Statement,
    table: &Table,
    type_name: &str,
    kind: Option<&'static dyn Kind>,
    found: &mut Diagnostics,
) -> Option<Made> {
    let mut made = Made { properties: Vec::new(), region: None, role_arn: None };
    let columns = match statement {
        Statement::Insert(insert) => &insert.columns,
        Statement::Update(update) => {
            if let Some(patch) = &update.patch {
                if patch.partial {
                    found.push(unseen(update));
                    return None;
                }
                made.properties = patch.properties.iter().map(|(name, node)| (name.clone(), node.clone())).collect();
            }
            &update.columns
        }
        Statement::Delete(_) | Statement::Select(_) => return None,
    };
    for (name, value) in columns {
        // The property `Region` of a type is another thing than the parameter.
        if &*name.value == "region" {
            made.region = Some(value.node.clone());
        } else if native::is_parameter(table, &name.value) {
            // Says how the call is made, and not what is made.
        } else if is_parameter(&name.value, type_name, kind) {
            if &*name.value == "RoleArn" {
                made.role_arn = Some(value.node.clone());
            }
        } else {
            made.properties.push(property(table, name, value, kind, found));
        }
    }
    Some(made)
}

/// Adds the property that names what an UPDATE changes, and otherwise makes another one. What cannot be told before the
/// type is known is given back.
pub fn named(
    identifier: Node,
    properties: &mut Vec<(Spanned<Arc<str>>, Node)>,
    kind: Option<&'static dyn Kind>,
    table: Span,
) -> Option<Node> {
    match kind.filter(|kind| !kind.is_opaque()) {
        Some(kind) if kind.identity_properties().is_empty() && !kind.names_itself() => {
            let name = kind.identity_property();
            if !properties.iter().any(|(known, _)| &*known.value == name) {
                properties.push((Spanned { value: name.into(), span: table }, identifier));
            }
            None
        }
        _ => Some(identifier).filter(|node| !properties.iter().any(|(_, known)| same(known, node))),
    }
}

/// Whether a column is something that Cloud Control takes, and no property of the type.
fn is_parameter(column: &str, type_name: &str, kind: Option<&'static dyn Kind>) -> bool {
    // With their capitals: `RoleARN` is a property.
    if !PARAMETERS.contains(&column) {
        return false;
    }
    match kind.filter(|kind| !kind.is_opaque()) {
        Some(kind) => !kind.schema().properties.iter().any(|property| property.name == column),
        None => !NAMED_LIKE_PARAMETERS.lines().any(|line| line.split_once(' ') == Some((type_name, column))),
    }
}

fn property(
    table: &Table,
    name: &Spanned<Arc<str>>,
    value: &Value,
    kind: Option<&'static dyn Kind>,
    found: &mut Diagnostics,
) -> (Spanned<Arc<str>>, Node) {
    let schema = kind.map(Kind::schema).map(|schema| schema.properties).unwrap_or_default();
    let renamed = native::property(table, &name.value);
    let known = property_of(renamed.unwrap_or(&name.value), schema.iter().map(|property| property.name)).or(renamed);
    let definition = schema.iter().find(|property| Some(property.name) == known);
    let name = Spanned { value: known.map_or_else(|| Arc::clone(&name.value), Arc::from), span: name.span };
    if value.tree.is_none() && is_made_by_a_block(&value.node) && !is_text(definition) {
        found.push(
            Diagnostic::warning("Q124", format!("`{}` is JSON that a template block makes", name.value))
                .at(value.node.span)
                .noted("it is a text until it is rendered, so that nothing of it can be compared by itself")
                .help("build the value in the manifest, and write '{{ value }}' here"),
        );
    }
    (name, native::value(table, node(value, definition)))
}

/// The form of a value that a property takes.
fn node(value: &Value, definition: Option<&Property>) -> Node {
    if is_text(definition) {
        return value.node.clone();
    }
    if let Some(tree) = &value.tree {
        return tree.clone();
    }
    let Yaml::Text(text) = &value.node.yaml else { return value.node.clone() };
    let yaml = match definition.map(|property| &property.ty) {
        Some(Type::Boolean) if text.eq_ignore_ascii_case("true") => Yaml::Bool(true),
        Some(Type::Boolean) if text.eq_ignore_ascii_case("false") => Yaml::Bool(false),
        Some(Type::Integer { .. } | Type::Number { .. }) => {
            serde_json::from_str(text).map_or_else(|_| Yaml::Text(Arc::clone(text)), Yaml::Number)
        }
        _ => Yaml::Text(without_json(text)),
    };
    Node { yaml, span: value.node.span }
}

fn is_text(definition: Option<&Property>) -> bool {
    definition.is_some_and(|property| matches!(property.ty, Type::Text(_) | Type::Any))
}

/// A value that SQL needed as JSON text, and that a property takes as it is: `{{ tags | tojson }}` is `{{ tags }}`.
fn without_json(text: &Arc<str>) -> Arc<str> {
    let Ok(pieces) = scan::pieces(text) else { return Arc::clone(text) };
    let [Piece::Expression(inside)] = pieces.as_slice() else { return Arc::clone(text) };
    let words = scan::words(&text[inside.clone()], inside.start);
    let rest = match words.as_slice() {
        [rest @ .., pipe, filter] if pipe.text == "|" && is_json_filter(filter.text) => rest,
        [rest @ .., pipe, filter, open, close]
            if pipe.text == "|" && is_json_filter(filter.text) && (open.text, close.text) == ("(", ")") =>
        {
            rest
        }
        _ => return Arc::clone(text),
    };
    rest.last().map_or_else(|| Arc::clone(text), |last| format!("{} }}}}", &text[..last.range().end]).into())
}

fn is_json_filter(name: &str) -> bool {
    matches!(name, "tojson" | "to_json" | "json_encode")
}

fn is_made_by_a_block(node: &Node) -> bool {
    let Yaml::Text(text) = &node.yaml else { return false };
    let trimmed = text.trim_start();
    let json = (trimmed.starts_with('{') && !trimmed.starts_with("{{")) || trimmed.starts_with('[');
    json && text.contains("{%")
}

fn unseen(update: &Update) -> Diagnostic {
    let span = update.patch.as_ref().map_or(update.table.span, |patch| patch.span);
    Diagnostic::error("Q123", "what this patch sets cannot be seen")
        .at(span)
        .noted("it is made elsewhere, or it goes into a property, and nothing else says what the resource should be")
        .help("name the properties: string('{{ { \"Description\": description } | generate_patch_document }}')")
}

/// What an UPDATE sets that the create does not, or sets from something else.
pub fn compare(
    update: &Update,
    properties: &mut Vec<(Spanned<Arc<str>>, Node)>,
    kind: Option<&'static dyn Kind>,
    found: &mut Diagnostics,
) {
    let mut sets: Vec<(Spanned<Arc<str>>, Node)> = Vec::new();
    if let Some(patch) = &update.patch {
        if patch.partial {
            found.push(
                Diagnostic::note("Q123", "what this patch sets cannot be seen in full")
                    .at(patch.span)
                    .noted("the resource is compared with what the create statement sets"),
            );
        }
        let schema = kind.map(Kind::schema).map(|schema| schema.properties).unwrap_or_default();
        sets.extend(patch.properties.iter().map(|(name, node)| {
            let known = property_of(&name.value, schema.iter().map(|property| property.name));
            let name = Spanned { value: known.map_or_else(|| Arc::clone(&name.value), Arc::from), span: name.span };
            let Yaml::Text(text) = &node.yaml else { return (name, node.clone()) };
            (name, Node { yaml: Yaml::Text(without_json(text)), span: node.span })
        }));
    }
    let columns = update
        .columns
        .iter()
        .filter(|(name, _)| &*name.value != "region" && !native::is_parameter(&update.table, &name.value));
    sets.extend(columns.map(|(name, value)| property(&update.table, name, value, kind, found)));
    for (name, node) in sets {
        match properties.iter().find(|(other, _)| other.value == name.value) {
            None => {
                found.push(
                    Diagnostic::note("Q121", format!("`{}` is set by the update alone", name.value))
                        .at(name.span)
                        .noted("it counts as a property of the resource, and is set from the start"),
                );
                properties.push((name, node));
            }
            Some((_, made)) if !same(made, &node) => found.push(
                Diagnostic::warning("Q120", format!("create and update set `{}` to different values", name.value))
                    .labelled(node.span, "this one is not used")
                    .labelled(made.span, "this one is")
                    .help("write the same value in both"),
            ),
            Some(_) => {}
        }
    }
}

/// Whether two nodes are written alike, but for white space around templates and the form of a lone expression.
pub fn same(one: &Node, other: &Node) -> bool {
    match (&one.yaml, &other.yaml) {
        (Yaml::Text(one), Yaml::Text(other)) => written(one) == written(other),
        (Yaml::Number(number), Yaml::Text(text)) | (Yaml::Text(text), Yaml::Number(number)) => {
            number.to_string() == lone(text)
        }
        (Yaml::Bool(flag), Yaml::Text(text)) | (Yaml::Text(text), Yaml::Bool(flag)) => {
            flag.to_string().eq_ignore_ascii_case(lone(text))
        }
        (Yaml::Null, Yaml::Null) => true,
        (Yaml::Bool(one), Yaml::Bool(other)) => one == other,
        (Yaml::Number(one), Yaml::Number(other)) => one == other,
        (Yaml::List(one), Yaml::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Yaml::Map(one), Yaml::Map(other)) => {
            one.len() == other.len()
                && one.iter().all(|entry| {
                    let twin = other.iter().find(|it| it.key.value == entry.key.value);
                    twin.is_some_and(|twin| same(&entry.value, &twin.value))
                })
        }
        _ => false,
    }
}

/// The code of a lone expression, or the text itself.
fn lone(text: &str) -> &str {
    match scan::pieces(text).as_deref() {
        Ok([Piece::Expression(inside)]) => text[inside.clone()].trim(),
        _ => text,
    }
}

/// A template without the white space inside of its braces. A text in the braces of a lone expression is that text.
fn written(text: &str) -> String {
    let Ok(pieces) = scan::pieces(text) else { return text.to_owned() };
    if let [Piece::Expression(inside)] = pieces.as_slice() {
        let words = scan::words(&text[inside.clone()], 0);
        if let [word] = words.as_slice()
            && word.kind == scan::Kind::Text
        {
            return word.unquoted().to_owned();
        }
    }
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Expression(inside) => {
                let words = scan::words(&text[inside.clone()], 0);
                let words: Vec<&str> = words.iter().map(|word| word.text).collect();
                format!("{{{{{}}}}}", words.join(" "))
            }
            Piece::Text(range) => text[range.clone()].to_owned(),
            Piece::Statement(inside) => format!("{{%{}%}}", text[inside.clone()].trim()),
            Piece::Comment(_) => String::new(),
        })
        .collect()
}
