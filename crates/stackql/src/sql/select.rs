//! A SELECT: its text, its columns, and what it asks for.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{self, Expr, SelectItem, SetExpr, TableFactor, visit_expressions, visit_relations};
use trueup_engine::source::{Span, Spanned};

use super::convert::{Reader, function_name};
use super::table::Table;
use super::{Predicate, Value};

/// A SELECT.
#[derive(Debug, Clone)]
pub struct Query {
    /// As it is written: a template.
    pub sql: Spanned<Arc<str>>,
    /// The tables of providers that it reads, wherever in it.
    pub tables: Vec<Table>,
    /// What it gives.
    pub columns: Vec<Column>,
    /// The equalities that have to hold for a row of a plain SELECT from one table.
    pub predicates: Vec<Predicate>,
    /// Every comparison of a column with a value, wherever in it: what a check checks.
    pub compared: Vec<Predicate>,
}

/// A column that a SELECT gives.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// Where it comes from.
    pub from: ColumnSource,
    /// Where it is written.
    pub span: Span,
}

/// Where a column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnSource {
    /// A column of the table.
    Plain(Arc<str>),
    /// A member of a column: `json_extract(auth_parameters, '$.BasicAuthParameters')`.
    Json {
        /// The column.
        column: Arc<str>,
        /// The members, from the outside.
        path: Vec<String>,
    },
    /// A number of rows.
    Count,
    /// Every column: `*`.
    Everything,
    /// An expression.
    Other,
}

impl Query {
    /// Whether it counts rows instead of giving them.
    pub fn counts(&self) -> bool {
        self.columns
            .iter()
            .any(|column| column.from == ColumnSource::Count || column.name.eq_ignore_ascii_case("count"))
    }

    /// The value that a column must have.
    pub fn value_of(&self, column: &str) -> Option<&Value> {
        let named = |it: &&Predicate| it.column.value.eq_ignore_ascii_case(column) && it.path.is_empty();
        self.predicates.iter().chain(&self.compared).filter(named).find_map(|it| it.value.as_ref())
    }
}

/// Reads a SELECT.
pub fn read(reader: &Reader<'_, '_>, query: &ast::Query, body: &Spanned<Arc<str>>) -> Query {
    let mut result = Query {
        sql: body.clone(),
        tables: tables(reader, query),
        columns: Vec::new(),
        predicates: Vec::new(),
        compared: Vec::new(),
    };
    let mut aliases: BTreeSet<String> = BTreeSet::new();
    let named = query.with.iter().flat_map(|with| &with.cte_tables).map(|table| &table.query.body);
    for body in named.chain([&query.body]) {
        selects(body, &mut |select| {
            for item in &select.projection {
                if let SelectItem::ExprWithAlias { alias, .. } = item {
                    aliases.insert(alias.value.to_ascii_lowercase());
                }
            }
        });
    }
    if let Some(select) = first_select(&query.body) {
        result.columns = select.projection.iter().filter_map(|item| column(reader, item)).collect();
        if query.with.is_none() && plain_table(select) {
            result.predicates = reader.predicates(select.selection.as_ref());
        } else {
            // The columns of a query inside are not the table's.
            for column in &mut result.columns {
                if !matches!(column.from, ColumnSource::Count | ColumnSource::Everything) {
                    column.from = ColumnSource::Other;
                }
            }
        }
    }
    let _ = visit_expressions(query, |expression: &Expr| {
        if let Some(predicate) = reader.predicate(expression)
            && !aliases.contains(&predicate.column.value.to_ascii_lowercase())
            && predicate.value.is_some()
        {
            result.compared.push(predicate);
        }
        ControlFlow::<()>::Continue(())
    });
    // `JSON_EQUAL(a, b) = 1` is met twice, as the comparison and as its left side; only the inner one names a column.
    result.compared.dedup_by(|b, a| a.column.span == b.column.span && a.path == b.path);
    result
}

fn tables(reader: &Reader<'_, '_>, query: &ast::Query) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let _ = visit_relations(query, |name| {
        if let Some(table) = reader.any_table(name)
            && !tables.iter().any(|known| known.path() == table.path() && known.list_only == table.list_only)
        {
            tables.push(table);
        }
        ControlFlow::<()>::Continue(())
    });
    tables
}

/// Every SELECT of a query's body, those inside of FROM too.
fn selects(body: &SetExpr, each: &mut dyn FnMut(&ast::Select)) {
    match body {
        SetExpr::Select(select) => {
            each(select);
            for table in &select.from {
                let factors = std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation));
                for factor in factors {
                    if let TableFactor::Derived { subquery, .. } = factor {
                        selects(&subquery.body, each);
                    }
                }
            }
        }
        SetExpr::Query(query) => selects(&query.body, each),
        SetExpr::SetOperation { left, right, .. } => {
            selects(left, each);
            selects(right, each);
        }
        _ => {}
    }
}

fn first_select(body: &SetExpr) -> Option<&ast::Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

/// Whether its rows are those of one table.
fn plain_table(select: &ast::Select) -> bool {
    match select.from.as_slice() {
        [table] => table.joins.is_empty() && matches!(table.relation, TableFactor::Table { .. }),
        _ => false,
    }
}

/// A column of SELECT or RETURNING.
pub fn column(reader: &Reader<'_, '_>, item: &SelectItem) -> Option<Column> {
    let span = |value: &Expr| reader.place(value);
    match item {
        SelectItem::UnnamedExpr(value) => {
            let from = source(reader, value);
            let name: Arc<str> = match &from {
                ColumnSource::Plain(name) => Arc::clone(name),
                // SQLite names such a column by its text.
                _ => value.to_string().into(),
            };
            Some(Column { name, from, span: span(value) })
        }
        SelectItem::ExprWithAlias { expr, alias } => {
            Some(Column { name: alias.value.as_str().into(), from: source(reader, expr), span: span(expr) })
        }
        SelectItem::Wildcard(token) => Some(Column {
            name: "*".into(),
            from: ColumnSource::Everything,
            span: reader.masked.place(reader.masked.range(token.wildcard_token.0.span)),
        }),
        _ => None,
    }
}

fn source(reader: &Reader<'_, '_>, value: &Expr) -> ColumnSource {
    if let Expr::Function(function) = value
        && function_name(function).as_deref() == Some("count")
    {
        return ColumnSource::Count;
    }
    match reader.path_of(value) {
        Some((column, path)) if path.is_empty() => ColumnSource::Plain(column.value),
        Some((column, path)) => ColumnSource::Json { column: column.value, path },
        None => ColumnSource::Other,
    }
}
