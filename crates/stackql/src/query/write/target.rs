//! Which resource an UPDATE or a DELETE is about, and the checks that every write passes.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlparser::ast::{BinaryOperator, Expr, ObjectName, Spanned as _};
use trueup_engine::address::Address;
use trueup_engine::cloud::{Place, Present, Want};
use trueup_engine::desired::{Defaults, Desired, desire};
use trueup_engine::diagnostic::Severity;
use trueup_engine::fault::Fault;
use trueup_engine::kind::Kind;
use trueup_engine::source::{Span, Spanned};
use trueup_engine::stack::{Instance, Spans, Stack, Timeouts};
use trueup_engine::value::Map;

use super::wrong;
use crate::query::error::QueryError;
use crate::query::load::{only, present};
use crate::query::provider::Provider;
use crate::query::rewrite::words;
use crate::query::rows::{Cell, Rows};
use crate::query::script::Text;
use crate::query::store::Store;
use crate::query::tables::{self, IDENTIFIER, Lost, REGION, Source};
use crate::query::tree::{bare, conjuncts};
use trueup_engine::diagnostic::Diagnostic;

/// The kind whose resources a table holds.
pub(super) async fn kind_of(
    provider: &dyn Provider,
    place: &Place,
    text: &Text,
    name: &ObjectName,
) -> Result<&'static dyn Kind, QueryError> {
    let table = match tables::find(provider, place, &words(name)).await {
        Ok(table) => table,
        Err(Lost::Fault(fault)) => return Err(fault.into()),
        Err(Lost::Unknown(summary, help)) => {
            let mut found = Diagnostic::error("Q302", summary).at(text.span(name.span()));
            found.help = help;
            return Err(QueryError::rejected(&text.sources, found));
        }
    };
    match table.source {
        Source::Resources(kind) => Ok(kind),
        _ => Err(wrong(text, name.span(), &format!("`{}` is only read", table.name), None)),
    }
}

/// The place of a region, or the run's own.
pub(super) fn in_region(place: &Place, region: Option<&str>) -> Place {
    match region {
        Some(region) => Place { region: Some(region.into()), role_arn: place.role_arn.clone() },
        None => place.clone(),
    }
}

/// The value of an expression that names no table, by SQLite.
pub(super) fn value(text: &Text, expr: &Expr) -> Result<Cell, QueryError> {
    let store = Store::new()?;
    let sql = format!("SELECT {expr}");
    let unclear = || {
        let help = "a text stands in single quotes, and a quote in it is doubled";
        wrong(text, expr.span(), "this value cannot be made out", Some(help))
    };
    store.understands(&sql).map_err(|_| unclear())?;
    let Rows { rows, .. } = store.run(&sql).map_err(|_| unclear())?;
    rows.into_iter().flatten().next().ok_or_else(unclear)
}

/// The identifier and the region that a WHERE gives.
pub(super) fn named(
    text: &Text,
    table: &str,
    whole: sqlparser::tokenizer::Span,
    selection: Option<&Expr>,
) -> Result<(String, Option<String>), QueryError> {
    let (mut identifier, mut region) = (None, None);
    let mut conditions = Vec::new();
    if let Some(selection) = selection {
        conjuncts(selection, &mut conditions);
    }
    for condition in conditions {
        let strange = || {
            let summary = "a write is about one resource, so that only its identifier and its region are conditions";
            wrong(text, condition.span(), summary, Some("write `WHERE Identifier = '…' AND region = '…'`"))
        };
        let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = bare(condition) else { return Err(strange()) };
        let column = |expr: &Expr| match bare(expr) {
            Expr::Identifier(name) => Some(name.value.clone()),
            Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
            _ => None,
        };
        let (name, given) = match (column(left), column(right)) {
            (Some(name), None) => (name, right),
            (None, Some(name)) => (name, left),
            _ => return Err(strange()),
        };
        let given = match value(text, given)? {
            Cell::Text(given) => given,
            Cell::Integer(number) => number.to_string(),
            Cell::Null | Cell::Real(_) => return Err(strange()),
        };
        let plain = name.strip_prefix("data__").unwrap_or(&name);
        let (known, what) = if plain.eq_ignore_ascii_case(IDENTIFIER) {
            (&mut identifier, IDENTIFIER)
        } else if plain.eq_ignore_ascii_case(REGION) {
            (&mut region, REGION)
        } else {
            return Err(strange());
        };
        if known.as_ref().is_some_and(|known| *known != given) {
            let summary = format!("there are two values for `{what}`, and nothing has both");
            return Err(wrong(text, condition.span(), &summary, Some("write one statement for each resource")));
        }
        *known = Some(given);
    }
    let identifier = identifier.filter(|identifier| !identifier.is_empty()).ok_or_else(|| {
        let found = Diagnostic::error("Q304", format!("`{table}` needs `{IDENTIFIER}`"))
            .at(text.span(whole))
            .help(format!("add `WHERE {IDENTIFIER} = '…'`; `data__{IDENTIFIER}` is the same"));
        QueryError::rejected(&text.sources, found)
    })?;
    Ok((identifier, region))
}

/// Reads a resource whole; `None` where it is not there.
pub(super) async fn read(
    provider: &dyn Provider,
    kind: &'static dyn Kind,
    place: &Place,
    identity: &str,
    secrets: bool,
) -> Result<Option<Present>, Fault> {
    let want = Want {
        identity: identity.to_owned(),
        secrets,
        shallow: false,
        given: vec![String::new()],
        tags: None,
        verified: None,
    };
    let lives = provider.cloud().observe(kind, place, &[want]).await;
    present(only(lives))
}

/// Refuses what is not to be written: a service keeps it for itself.
pub(super) fn may_be_written(
    text: &Text,
    whole: sqlparser::tokenizer::Span,
    kind: &dyn Kind,
    live: &Present,
) -> Result<(), QueryError> {
    match kind.refuses(live) {
        Some(why) => Err(wrong(text, whole, &format!("`{}` is not to be written: {why}", live.identity), None)),
        None => Ok(()),
    }
}

/// Properties that fit the kind's schema, with its secrets as secrets, and the identity that they give.
pub(super) fn checked(
    provider: &dyn Provider,
    text: &Text,
    kind: &'static dyn Kind,
    properties: Map,
    spans: Spans,
    whole: Span,
) -> Result<Arc<Desired>, QueryError> {
    let registry = provider.registry();
    let registry = if registry.find(kind.name()).is_some() { registry } else { registry.with(vec![kind]) };
    let instance = Instance {
        address: Address::new("statement"),
        name_span: whole,
        type_name: Some(Spanned { value: kind.name().to_owned(), span: whole }),
        properties,
        spans: Arc::new(spans),
        depends_on: Vec::new(),
        renamed_from: Vec::new(),
        identifier: None,
        find: None,
        from_text: false,
        protect: None,
        ignore: Vec::new(),
        severity: Vec::new(),
        exports: Vec::new(),
        region: None,
        role_arn: None,
        timeouts: Timeouts::default(),
        skip_on_delete: false,
    };
    let stack = Stack {
        name: Spanned { value: "query".to_owned(), span: whole },
        env: String::new(),
        description: None,
        account: None,
        region: None,
        variables: Vec::new(),
        protected_of: Vec::new(),
        instances: vec![instance],
        exports: Vec::new(),
        constants: BTreeMap::new(),
        manifest_digest: String::new(),
        variables_digest: String::new(),
        left_out: Vec::new(),
    };
    let mut sources = text.sources.clone();
    let (desired, mut found) = desire(&stack, registry, &mut sources, &Defaults::default());
    if found.has_errors() {
        // A credential in a statement is no mistake.
        let mut errors = trueup_engine::diagnostic::Diagnostics::new();
        for one in found.iter().filter(|one| one.severity == Severity::Error) {
            errors.push(one.clone());
        }
        found = errors;
        return Err(QueryError::rejected(&sources, found.sorted()));
    }
    let nothing = || wrong(text, sqlparser::tokenizer::Span::empty(), "nothing could be made of it", None);
    desired.into_iter().next().ok_or_else(nothing)
}
