//! INSERT: one create for each row.

use sqlparser::ast::{Ident, Insert, Query, SelectItem, SetExpr, Spanned as _, TableObject};
use trueup_engine::cloud::Place;
use trueup_engine::kind::Kind;
use trueup_engine::schema::{Schema, Type};
use trueup_engine::source::Span;
use trueup_engine::stack::Spans;
use trueup_engine::value::{Map, Value, push_token};

use super::target::{checked, in_region, kind_of};
use super::{Change, What, wrong};
use crate::query::error::QueryError;
use crate::query::names::normal;
use crate::query::provider::Provider;
use crate::query::rows::Cell;
use crate::query::script::Text;
use crate::query::select;
use crate::query::tables::REGION;
use crate::sql::column::column_of;

/// What Cloud Control takes beside the properties. Every create has a token of its own, and the run's role.
const BESIDE: [&str; 3] = ["ClientToken", "RoleArn", "TypeVersionId"];

/// What an INSERT will do.
pub(super) async fn prepare(
    provider: &dyn Provider,
    place: &Place,
    text: &Text,
    insert: &Insert,
) -> Result<Vec<Change>, QueryError> {
    let whole = insert.span();
    let TableObject::TableName(name) = &insert.table else {
        return Err(wrong(text, whole, "INSERT goes into a table", None));
    };
    if insert.or.is_some() || insert.on.is_some() || insert.replace_into || insert.overwrite {
        let help = "create it with INSERT, or change it with UPDATE";
        return Err(wrong(text, whole, "INSERT creates only: it has no REPLACE and no ON CONFLICT", Some(help)));
    }
    let kind = kind_of(provider, place, text, name).await?;
    let columns: Option<Vec<Ident>> =
        insert.columns.iter().map(|column| column.0.last().and_then(|part| part.as_ident()).cloned()).collect();
    let columns = columns.filter(|columns| !columns.is_empty()).ok_or_else(|| {
        let help = "write `INSERT INTO … (Name, …, region) SELECT '…', …, '…'`";
        wrong(text, name.span(), "INSERT names its columns", Some(help))
    })?;
    let Some(source) = &insert.source else { return Err(wrong(text, whole, "INSERT has no values", None)) };
    let rows = Box::pin(select::run(provider, place, text, source)).await?.rows;
    let places = places(source, columns.len());
    let mut changes = Vec::new();
    for (number, row) in rows.into_iter().enumerate() {
        if row.len() != columns.len() {
            let summary = format!("{} values for {} columns", row.len(), columns.len());
            return Err(wrong(text, source.span(), &summary, None));
        }
        let at = |column: usize| places.get(number).and_then(|row| row.get(column)).copied();
        changes.push(one(provider, place, text, kind, &columns, row, &at, name.span()).await?);
    }
    Ok(changes)
}

#[expect(clippy::too_many_arguments, reason = "a row and everything that says where it is written")]
async fn one(
    provider: &dyn Provider,
    place: &Place,
    text: &Text,
    kind: &'static dyn Kind,
    columns: &[Ident],
    row: Vec<Cell>,
    at: &(dyn Fn(usize) -> Option<sqlparser::tokenizer::Span> + Sync),
    whole: sqlparser::tokenizer::Span,
) -> Result<Change, QueryError> {
    let whole = text.span(whole);
    let (mut properties, mut spans, mut region) = (Map::new(), Spans::new(whole), None);
    for (index, (column, cell)) in columns.iter().zip(row).enumerate() {
        if column.value.eq_ignore_ascii_case(REGION) && kind.schema().at("/Region").is_none() {
            region = cell.as_str().filter(|region| !region.is_empty()).map(str::to_owned);
            continue;
        }
        let name = property(kind.schema(), &column.value);
        if BESIDE.contains(&name.as_str()) && !kind.schema().properties.iter().any(|it| it.name == name) {
            let summary = format!("`{name}` is not taken: trueup makes its own");
            return Err(wrong(text, column.span, &summary, Some("leave it out; `--role-arn` names a role")));
        }
        let mut pointer = String::new();
        push_token(&mut pointer, &name);
        let key = text.span(column.span);
        let value = at(index).map_or(key, |span| text.span(span));
        let value = if value == Span::NOWHERE { key } else { value };
        spans.insert(&pointer, key, value);
        let property = kind.schema().properties.iter().find(|property| property.name == name);
        // An empty text for what need not be given is the provider's pages' way not to give it.
        if cell.as_str() == Some("") && property.is_some_and(|property| !property.required) {
            continue;
        }
        if let Some(value) = given(cell, property.map(|property| &property.ty)) {
            properties.insert(name, value);
        }
    }
    let place = in_region(place, region.as_deref());
    let desired = checked(provider, text, kind, properties, spans, whole)?;
    Ok(Change {
        kind,
        region: provider.region(&place).await?,
        place,
        identity: desired.identity.clone(),
        identifier: None,
        what: What::Create(desired.properties.clone()),
    })
}

/// The property that a column is: by its own name, or as a SELECT spells it.
fn property(schema: &Schema, column: &str) -> String {
    let column = column.strip_prefix("data__").unwrap_or(column);
    let names = || schema.properties.iter().map(|property| property.name);
    let exact = names().find(|name| *name == column);
    let spelled = || names().find(|name| column_of(name) == column || normal(name) == column.to_ascii_lowercase());
    exact.or_else(spelled).unwrap_or(column).to_owned()
}

/// A cell as the value of a property: JSON in a text is read where the property is no text. Nothing, and an empty text for
/// what is no text, is not given.
fn given(cell: Cell, ty: Option<&Type>) -> Option<Value> {
    let text = match (cell, ty) {
        (Cell::Null, _) => return None,
        (Cell::Integer(number), Some(Type::Text(_))) => return Some(number.to_string().into()),
        (Cell::Integer(number @ (0 | 1)), Some(Type::Boolean)) => return Some((number == 1).into()),
        (Cell::Integer(number), _) => return Some(number.into()),
        (Cell::Real(number), _) => return Some(serde_json::Value::from(number).into()),
        (Cell::Text(text), _) => text,
    };
    let parsed = || serde_json::from_str::<serde_json::Value>(&text).ok();
    match ty {
        Some(Type::Text(_) | Type::Json) | None => Some(text.into()),
        _ if text.trim().is_empty() => None,
        Some(Type::Object(_) | Type::Map(_)) => {
            Some(parsed().filter(serde_json::Value::is_object).map_or_else(|| text.clone().into(), Value::from))
        }
        Some(Type::List(_)) => {
            Some(parsed().filter(serde_json::Value::is_array).map_or_else(|| text.clone().into(), Value::from))
        }
        Some(Type::Boolean) => {
            Some(parsed().filter(serde_json::Value::is_boolean).map_or_else(|| text.clone().into(), Value::from))
        }
        Some(Type::Integer { .. } | Type::Number { .. }) => {
            Some(parsed().filter(serde_json::Value::is_number).map_or_else(|| text.clone().into(), Value::from))
        }
        Some(Type::Union(_) | Type::Any) => {
            let nested = parsed().filter(|json| json.is_object() || json.is_array());
            Some(nested.map_or_else(|| text.clone().into(), Value::from))
        }
    }
}

/// Where each value is written, by row; nothing where the values come from a table.
fn places(source: &Query, width: usize) -> Vec<Vec<sqlparser::tokenizer::Span>> {
    match &*source.body {
        SetExpr::Values(values) => {
            values.rows.iter().map(|row| row.content.iter().map(sqlparser::ast::Spanned::span).collect()).collect()
        }
        SetExpr::Select(select) if select.projection.len() == width => {
            let span = |item: &SelectItem| match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr.span(),
                other => other.span(),
            };
            vec![select.projection.iter().map(span).collect()]
        }
        _ => Vec::new(),
    }
}
