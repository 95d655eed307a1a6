//! From the statements of a resource to what it should be.
//!
//! A project never says what a resource *is*: it says how to make, change and delete it. All three name its table, its
//! properties and its identifier, and that is what a manifest says. [`lift`] reads it off; nothing is evaluated.

mod checks;
mod native;
mod properties;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use trueup_engine::diagnostic::{Diagnostic, Diagnostics, Severity};
use trueup_engine::kind::{Kind, Registry};
use trueup_engine::manifest::tree::Node;
use trueup_engine::source::{Span, Spanned};

use crate::iql::{Anchor, AnchorKind, Iql, Operation};
use crate::sql::column::{column_of, likely_property, property_of};
use crate::sql::table::{likely_type, type_of};
use crate::sql::{self, Column, ColumnSource, Predicate, Query, Statement, Table};

/// What the statements of a resource say that it should be.
#[derive(Debug, Clone)]
pub struct Lifted {
    /// Its type, `AWS::Events::Connection`, at the table's name.
    pub type_name: Spanned<String>,
    /// The table that makes it.
    pub table: Table,
    /// Its properties; texts are templates. What is written as JSON is a tree, unless the property is a text.
    pub properties: Vec<(Spanned<Arc<str>>, Node)>,
    /// Where: the column or predicate `region`.
    pub region: Option<Node>,
    /// The role that Cloud Control takes on: the column `RoleArn` of a type that has no such property.
    pub role_arn: Option<Node>,
    /// What UPDATE and DELETE name: a template. Several parts of an identifier stand between `|`.
    pub identifier: Option<Node>,
    /// The identifier in the WHERE of an UPDATE below `createorupdate`, where nothing among the properties says it.
    pub updated: Option<Node>,
    /// The `exists` query, where it gives an identifier and not a number.
    pub discovery: Option<Query>,
    /// What `exports` selects.
    pub exports: Vec<Exported>,
    /// The whole of it, for what is no plain property.
    pub exports_query: Option<Query>,
    /// What RETURNING gives.
    pub returning: Vec<Returning>,
}

/// Something that a project exports.
#[derive(Debug, Clone)]
pub struct Exported {
    /// Its name.
    pub name: Spanned<Arc<str>>,
    /// What it is.
    pub from: ExportedFrom,
}

/// What an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportedFrom {
    /// A property or something inside of one: `["AuthParameters", "BasicAuthParameters"]`.
    Property(Vec<String>),
    /// The region.
    Region,
    /// The identifier.
    Identifier,
    /// Only running the query can tell.
    Other,
}

/// The columns of a RETURNING.
#[derive(Debug, Clone)]
pub struct Returning {
    /// Of which operation.
    pub operation: Operation,
    /// Each with its name and what it is of the progress event: `Identifier`, `OperationStatus`, … or everything.
    pub columns: Vec<Column>,
}

/// The names by which statements of the native dialect name one resource, besides the identity of its kind.
const NATIVE_IDENTIFIERS: &[&str] = &["Name", "ConnectionName", "SecretId", "KeyId", "AliasName"];

/// Reads what a resource should be. `None` where its statements do not say; why is among `found`.
pub fn lift(iql: &Iql, kinds: &Registry, found: &mut Diagnostics) -> Option<Lifted> {
    let Some(creates) = iql.creates() else {
        let last = iql.anchors.first().map_or(iql.span, |anchor| anchor.span);
        found.push(
            Diagnostic::error("Q115", "no statement says how the resource is made")
                .at(last)
                .noted("its type and its properties are read from the statement below `create` or `createorupdate`")
                .help("add one: `/*+ create */` and an INSERT below it"),
        );
        return None;
    };
    // Each statement is read, so that each says what is wrong with it.
    let create = sql::parse(&creates.body, found);
    let update = read(iql, AnchorKind::Update, found);
    let delete = read(iql, AnchorKind::Delete, found);
    let exists = query(iql, AnchorKind::Exists, found);
    let exports = query(iql, AnchorKind::Exports, found);
    let check = query(iql, AnchorKind::StateCheck, found);

    let create = create?;
    let table = table_of(&create).cloned();
    let Some(table) = table else {
        found.push(wrong_statement(creates, &create));
        return None;
    };
    let (type_name, kind) = type_and_kind(&table, kinds, found)?;
    let same_table = |statement: &Statement| table_of(statement).is_none_or(|other| other.path() == table.path());
    for (anchor, statement) in [&update, &delete].into_iter().flatten() {
        if let Some(other) = table_of(statement).filter(|_| !same_table(statement)) {
            found.push(
                Diagnostic::error("Q114", "the statements of one resource name two tables")
                    .labelled(other.span, format!("`{}` here", anchor.name.value))
                    .labelled(table.span, format!("and `{}` here", creates.name.value))
                    .help("write each resource into a file of its own"),
            );
            return None;
        }
    }

    let mut made = properties::of_create(&create, &table, &type_name.value, kind, found)?;
    if let Some((_, Statement::Update(update))) = &update {
        properties::compare(update, &mut made.properties, kind, found);
    }
    let predicates: Vec<&[Predicate]> = [&delete, &update]
        .into_iter()
        .flatten()
        .map(|(_, statement)| statement)
        .chain([&create])
        .map(predicates_of)
        .chain(exports.iter().chain(&check).map(|query| query.predicates.as_slice()))
        .collect();
    let region = made.region.take().or_else(|| first(&predicates, |it| it.column.value.eq_ignore_ascii_case("region")));
    let identifier = first(&predicates, |it| names_identifier(it, &table, kind));

    let updated = match &create {
        Statement::Update(update) => first(&[&update.predicates], |it| names_identifier(it, &table, kind)),
        _ => None,
    };
    let updated = updated.and_then(|node| properties::named(node, &mut made.properties, kind, table.span));

    let finds =
        |predicate: &Predicate| names_identifier(predicate, &table, kind) || looks_like_identifier(predicate, kind);
    checks::tell(iql, [(exists.as_ref(), true), (check.as_ref(), false)], &finds, &table, &made.properties, found);
    let names: Vec<&str> = known(kind, &made.properties);
    let exported = exports.as_ref().map(|query| exported(query, &table, &names)).unwrap_or_default();
    let returning = [(Operation::Create, Some(&create)), (Operation::Update, update.as_ref().map(|(_, it)| it))]
        .into_iter()
        .chain([(Operation::Delete, delete.as_ref().map(|(_, it)| it))])
        .filter_map(|(operation, statement)| {
            let columns = returning_of(statement?);
            (!columns.is_empty()).then(|| Returning { operation, columns: columns.to_vec() })
        })
        .collect();
    Some(Lifted {
        type_name,
        table,
        properties: made.properties,
        region,
        role_arn: made.role_arn,
        identifier,
        updated,
        discovery: exists.filter(|query| !query.counts() && !query.columns.is_empty()),
        exports: exported,
        exports_query: exports,
        returning,
    })
}

/// The statement below an anchor, with its anchor.
fn read<'i>(iql: &'i Iql, kind: AnchorKind, found: &mut Diagnostics) -> Option<(&'i Anchor, Statement)> {
    let anchor = iql.get(kind)?;
    let statement = sql::parse(&anchor.body, found)?;
    let fits = matches!(
        (kind, &statement),
        (AnchorKind::Update, Statement::Update(_) | Statement::Insert(_)) | (AnchorKind::Delete, Statement::Delete(_))
    );
    if !fits {
        found.push(wrong_statement(anchor, &statement));
        return None;
    }
    Some((anchor, statement))
}

/// The SELECT below an anchor. One that cannot be read is not needed to know what the resource should be.
fn query(iql: &Iql, kind: AnchorKind, found: &mut Diagnostics) -> Option<Query> {
    let anchor = iql.get(kind)?;
    let mut why = Diagnostics::new();
    match sql::parse(&anchor.body, &mut why) {
        Some(Statement::Select(query)) => return Some(query),
        Some(statement) => found.push(wrong_statement(anchor, &statement)),
        None if kind == AnchorKind::Exports => found.extend(why),
        None => {
            for mut diagnostic in why {
                diagnostic.severity = Severity::Warning;
                let note = format!("`{}` is not needed: trueup compares by itself", anchor.name.value);
                found.push(diagnostic.noted(note));
            }
        }
    }
    None
}

fn wrong_statement(anchor: &Anchor, statement: &Statement) -> Diagnostic {
    let wanted = match anchor.kind {
        AnchorKind::Create | AnchorKind::CreateOrUpdate => "an INSERT or an UPDATE",
        AnchorKind::Update => "an UPDATE",
        AnchorKind::Delete => "a DELETE",
        _ => "a SELECT",
    };
    let first = Span { end: anchor.body.span.start + verb_length(&anchor.body.value), ..anchor.body.span };
    Diagnostic::error(
        "Q111",
        format!("below `{}` stands {wanted}, and this is {}", anchor.name.value, statement.verb()),
    )
    .at(first)
    .help("put the statement below the anchor that it belongs to")
}

fn verb_length(body: &str) -> u32 {
    u32::try_from(body.find(char::is_whitespace).unwrap_or(body.len())).unwrap_or(0)
}

fn table_of(statement: &Statement) -> Option<&Table> {
    match statement {
        Statement::Insert(it) => Some(&it.table),
        Statement::Update(it) => Some(&it.table),
        Statement::Delete(it) => Some(&it.table),
        Statement::Select(_) => None,
    }
}

fn predicates_of(statement: &Statement) -> &[Predicate] {
    match statement {
        Statement::Update(it) => &it.predicates,
        Statement::Delete(it) => &it.predicates,
        Statement::Insert(_) | Statement::Select(_) => &[],
    }
}

fn returning_of(statement: &Statement) -> &[Column] {
    match statement {
        Statement::Insert(it) => &it.returning,
        Statement::Update(it) => &it.returning,
        Statement::Delete(it) => &it.returning,
        Statement::Select(_) => &[],
    }
}

/// The type of a table, and its kind where there is one.
fn type_and_kind(
    table: &Table,
    kinds: &Registry,
    found: &mut Diagnostics,
) -> Option<(Spanned<String>, Option<&'static dyn Kind>)> {
    let spanned = |value: String| Spanned { value, span: table.span };
    if table.list_only {
        found.push(
            Diagnostic::error("Q111", format!("`{}_list_only` can only be read", table.path()))
                .at(table.span)
                .help(format!("write to `{}`", table.path())),
        );
        return None;
    }
    let by_alias = kinds.find(&table.path());
    let by_name = || {
        let name = type_of(table, kinds.iter().map(Kind::name))?;
        kinds.find(name)
    };
    if let Some(kind) = by_alias {
        return Some((spanned(kind.name().to_owned()), Some(kind)));
    }
    if table.provider == "aws" {
        let near = format!("awscc.{}.{}", table.service, table.name);
        found.push(
            Diagnostic::error("Q112", format!("the table `{}` of the native dialect is not known", table.path()))
                .at(table.span)
                .noted("of `aws.*`, connections and API destinations of events, Glue connections, secrets, KMS keys and KMS aliases are known")
                .help(format!("Cloud Control may have it: `{near}`")),
        );
        return None;
    }
    match by_name() {
        Some(kind) => Some((spanned(kind.name().to_owned()), Some(kind))),
        None => Some((spanned(likely_type(table)), None)),
    }
}

/// The names of the properties that are known: the schema's, or those that are set.
fn known<'a>(kind: Option<&'static dyn Kind>, properties: &'a [(Spanned<Arc<str>>, Node)]) -> Vec<&'a str> {
    let of_schema = kind.into_iter().flat_map(|kind| {
        kind.schema().properties.iter().map(|it| it.name).chain(kind.attributes().iter().map(|it| it.name))
    });
    of_schema.chain(properties.iter().map(|(name, _)| &*name.value)).collect()
}

fn names_identifier(predicate: &Predicate, table: &Table, kind: Option<&'static dyn Kind>) -> bool {
    let column = &*predicate.column.value;
    if column.eq_ignore_ascii_case("Identifier") {
        return true;
    }
    let of_kind = kind.is_some_and(|kind| kind.identity_property().rsplit('/').next() == Some(column));
    table.provider == "aws" && (of_kind || NATIVE_IDENTIFIERS.contains(&column))
}

/// Whether a column finds a resource in a list: what names it, or what the service gives it.
fn looks_like_identifier(predicate: &Predicate, kind: Option<&'static dyn Kind>) -> bool {
    let column = predicate.column.value.to_ascii_lowercase();
    let of_kind = kind.is_some_and(|kind| column_of(kind.identity_property()) == column);
    of_kind || ["id", "arn", "identifier"].iter().any(|end| column == *end || column.ends_with(&format!("_{end}")))
}

fn first(all: &[&[Predicate]], wanted: impl Fn(&Predicate) -> bool) -> Option<Node> {
    let fits = |it: &&Predicate| it.path.is_empty() && wanted(it);
    all.iter().flat_map(|list| list.iter()).filter(fits).find_map(|it| it.value.as_ref()).map(|it| it.node.clone())
}

fn exported(query: &Query, table: &Table, known: &[&str]) -> Vec<Exported> {
    // Columns of another table are not the resource's.
    let own = query.tables.iter().all(|other| other.service == table.service && other.name == table.name);
    let property = |column: &str| {
        property_of(column, known.iter().copied()).map_or_else(|| likely_property(column), str::to_owned)
    };
    query
        .columns
        .iter()
        .map(|column| {
            let from = match &column.from {
                _ if !own => ExportedFrom::Other,
                ColumnSource::Plain(name) if name.eq_ignore_ascii_case("region") => ExportedFrom::Region,
                // A type may have a property of this name, whose column has no capital.
                ColumnSource::Plain(name)
                    if name.eq_ignore_ascii_case("identifier")
                        && (&**name == "Identifier" || !known.contains(&"Identifier")) =>
                {
                    ExportedFrom::Identifier
                }
                ColumnSource::Plain(name) => ExportedFrom::Property(vec![property(name)]),
                ColumnSource::Json { column, path } => {
                    ExportedFrom::Property(std::iter::once(property(column)).chain(path.iter().cloned()).collect())
                }
                ColumnSource::Count | ColumnSource::Everything | ColumnSource::Other => ExportedFrom::Other,
            };
            Exported { name: Spanned { value: Arc::clone(&column.name), span: column.span }, from }
        })
        .collect()
}
