//! A SELECT: its tables are found, it is checked, what it needs is read, and SQLite does the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use futures_util::StreamExt as _;
use sqlparser::ast::{Expr, Ident, Query, SelectItem, Visit as _, Visitor};
use trueup_engine::cloud::{Place, Task};
use trueup_engine::diagnostic::suggest::nearest;
use trueup_engine::diagnostic::{Diagnostic, Diagnostics};

use super::bind::{self, Lacking, Read, Values};
use super::error::QueryError;
use super::load::{self, Given};
use super::names::normal;
use super::provider::Provider;
use super::rewrite::{self, Mention};
use super::rows::Rows;
use super::script::Text;
use super::store::Store;
use super::tables::{self, Lost, REGION, Table};

/// How many tables are read at once.
const AT_ONCE: usize = 8;

/// Runs a SELECT.
pub(super) async fn run(
    provider: &dyn Provider,
    place: &Place,
    text: &Text,
    query: &Query,
) -> Result<Rows, QueryError> {
    let tables = find(provider, place, text, query).await?;
    let mut query = query.clone();
    let mentions = rewrite::rewrite(&mut query, &tables);
    let store = Store::new()?;
    for (number, mention) in mentions.iter().enumerate() {
        store.make(number, &mention.table)?;
    }
    let sql = query.to_string();
    if let Err(senseless) = store.understands(&sql) {
        return Err(QueryError::rejected(&text.sources, senseless_at(text, &query, &mentions, senseless.0)));
    }
    let ways = bind::ways(&query, &mentions)
        .into_iter()
        .map(|ways| ways.into_iter().map(|(name, values)| (name, usable(&store, values))).collect())
        .collect::<Vec<_>>();
    let steps = bind::schedule(&ways, &mentions).map_err(|lacking| {
        let found = lacking.into_iter().fold(Diagnostics::new(), |mut found, lacking| {
            found.push(lacks(text, &mentions, lacking));
            found
        });
        QueryError::rejected(&text.sources, found.sorted())
    })?;
    for step in steps {
        let reads: Vec<(Read, Given)> =
            step.into_iter().map(|read| given(&store, &read).map(|given| (read, given))).collect::<Result<_, _>>()?;
        let reads: Vec<Task<'_, _>> = reads
            .into_iter()
            .map(|(read, given)| -> Task<'_, _> {
                let table = &mentions[read.mention].table;
                Box::pin(async move { (read.mention, load::rows(provider, place, table, &given).await) })
            })
            .collect();
        let mut reads = futures_util::stream::iter(reads).buffer_unordered(AT_ONCE);
        while let Some((mention, rows)) = reads.next().await {
            store.fill(mention, rows?)?;
        }
    }
    store.run(&sql)
}

/// The tables that a statement names.
async fn find(
    provider: &dyn Provider,
    place: &Place,
    text: &Text,
    query: &Query,
) -> Result<BTreeMap<String, Table>, QueryError> {
    let mut tables = BTreeMap::new();
    let mut found = Diagnostics::new();
    for (words, span) in rewrite::names(query) {
        let name = words.join(".").to_ascii_lowercase();
        if tables.contains_key(&name) {
            continue;
        }
        let parts: Vec<&str> = words.iter().map(String::as_str).collect();
        match tables::find(provider, place, &parts).await {
            Ok(table) => drop(tables.insert(name, table)),
            Err(Lost::Fault(fault)) => return Err(fault.into()),
            Err(Lost::Unknown(summary, help)) => {
                let mut diagnostic = Diagnostic::error("Q302", summary).at(text.span(span));
                diagnostic.help = help;
                found.push(diagnostic);
            }
        }
    }
    if found.is_empty() { Ok(tables) } else { Err(QueryError::rejected(&text.sources, found.sorted())) }
}

/// The ways to values that SQLite can go.
fn usable(store: &Store, values: Vec<Values>) -> Vec<Values> {
    let understood = |values: &Values| match values {
        Values::Written(_) => true,
        Values::Asked { sql, .. } => store.understands(sql).is_ok(),
    };
    values.into_iter().filter(understood).collect()
}

/// The values of the parameters of a read.
fn given(store: &Store, read: &Read) -> Result<Given, QueryError> {
    let mut given = Given::new();
    for (name, values) in &read.parameters {
        let values = match values {
            Values::Written(values) => values.clone(),
            Values::Asked { sql, .. } => {
                let rows = store.run(sql)?.rows;
                let texts = rows.into_iter().filter_map(|row| match row.into_iter().next()?.to_json() {
                    serde_json::Value::Null => None,
                    serde_json::Value::String(text) => Some(text),
                    other => Some(other.to_string()),
                });
                texts.collect::<BTreeSet<_>>().into_iter().collect()
            }
        };
        given.push((name, values));
    }
    Ok(given)
}

fn lacks(text: &Text, mentions: &[Mention], lacking: Lacking) -> Diagnostic {
    let mention = &mentions[lacking.mention];
    let (name, parameter) = (&mention.table.name, lacking.parameter);
    let mut diagnostic = Diagnostic::error("Q304", format!("`{name}` needs `{parameter}`")).at(text.span(mention.span));
    diagnostic = diagnostic.help(format!("add `{parameter} = '…'` to the WHERE, or join it: `ON … = {parameter}`"));
    if parameter == REGION {
        return diagnostic.noted("a condition on the region that gives no region would leave out rows of all others");
    }
    match mention.table.kind() {
        Some(_) => {
            diagnostic.noted(format!("it holds one resource for each identifier; `{name}_list_only` lists them"))
        }
        None => diagnostic,
    }
}

/// What SQLite could not make sense of: most often a column that there is not.
fn senseless_at(text: &Text, query: &Query, mentions: &[Mention], said: String) -> Diagnostics {
    let mut found = Diagnostics::new();
    if text.closed && mentions.is_empty() {
        let help = "a text stands in single quotes, and a quote in it is doubled";
        found.push(
            Diagnostic::error("Q307", "a value of it cannot be made out").at(text.span(query_span(query))).help(help),
        );
        return found;
    }
    for ident in unknown_columns(query, mentions) {
        let span = text.span(ident.span);
        if let Some(why) = mentions.iter().find_map(|mention| mention.table.withheld(&ident.value)) {
            found.push(Diagnostic::error("Q306", format!("{why}; it is no column")).at(span));
            continue;
        }
        let columns = || mentions.iter().flat_map(|mention| &mention.table.columns);
        let spelled = columns().find(|column| normal(&column.name) == normal(&ident.value));
        let near = match spelled {
            Some(column) => Some(column.name.as_str()),
            None => nearest(&ident.value, columns().filter(|it| !it.hidden).map(|it| it.name.as_str())),
        };
        let mut diagnostic = Diagnostic::error("Q303", format!("there is no column `{}`", ident.value)).at(span);
        diagnostic.help = match near {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => mentions
                .first()
                .map(|mention| format!("`\\d {}` in `trueup query` lists its columns", mention.table.name)),
        };
        found.push(diagnostic);
    }
    if found.is_empty() {
        found.push(
            Diagnostic::error("Q305", format!("SQLite cannot run this: {said}")).at(text.span(query_span(query))),
        );
    }
    found.sorted()
}

fn query_span(query: &Query) -> sqlparser::tokenizer::Span {
    sqlparser::ast::Spanned::span(query)
}

/// The names that are no column of a table that is read, and of nothing else either. Only asked once SQLite has refused.
fn unknown_columns(query: &Query, mentions: &[Mention]) -> Vec<Ident> {
    struct Names<'m> {
        mentions: &'m [Mention],
        made: BTreeSet<String>,
        used: Vec<(Option<String>, Ident)>,
        aliases: BTreeMap<String, usize>,
    }
    impl Visitor for Names<'_> {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
                self.made.extend(cte.alias.columns.iter().map(|column| column.name.value.to_ascii_lowercase()));
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_select(&mut self, select: &sqlparser::ast::Select) -> ControlFlow<()> {
            for item in &select.projection {
                if let SelectItem::ExprWithAlias { alias, .. } = item {
                    self.made.insert(alias.value.to_ascii_lowercase());
                }
            }
            for factor in rewrite::factors(select) {
                if let (Some(alias), Some(number)) = (rewrite::alias_of(factor), rewrite::mention_of(factor)) {
                    self.aliases.insert(alias.value.to_ascii_lowercase(), number);
                }
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(ident) => self.used.push((None, ident.clone())),
                Expr::CompoundIdentifier(parts) => {
                    if let [.., alias, ident] = parts.as_slice() {
                        self.used.push((Some(alias.value.to_ascii_lowercase()), ident.clone()));
                    }
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names { mentions, made: BTreeSet::new(), used: Vec::new(), aliases: BTreeMap::new() };
    let _ = query.visit(&mut names);
    let unknown = |(alias, ident): &(Option<String>, Ident)| {
        let column = |number: usize| names.mentions[number].table.column(&ident.value).is_some();
        match alias {
            Some(alias) => names.aliases.get(alias).is_some_and(|number| !column(*number)),
            None => {
                !names.made.contains(&ident.value.to_ascii_lowercase())
                    && !(0..mentions.len()).any(column)
                    && ident.span.start.line > 0
            }
        }
    };
    let mut seen = BTreeSet::new();
    let found = names.used.iter().filter(|used| unknown(used)).map(|(_, ident)| ident.clone());
    found.filter(|ident| seen.insert(ident.value.to_ascii_lowercase())).collect()
}
