//! UPDATE: a patch (RFC 6902) of one resource, as the edits that a plan would have.
//!
//! The patch is applied to what is live, the result is checked like a manifest, and what differs is sent. A credential
//! cannot be compared without being read, so one that a patch gives is always sent.

use json_patch::{Patch, PatchOperation};
use sqlparser::ast::{AssignmentTarget, Spanned as _, TableFactor, Update};
use trueup_engine::cloud::{Place, Present, Readiness};
use trueup_engine::delta::{self, Edit, Effect};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Kind;
use trueup_engine::schema::{Domain, Property, Type};
use trueup_engine::stack::Spans;
use trueup_engine::value::{Map, Value, tokens};

use super::kept::Kept;
use super::target::{checked, in_region, kind_of, may_be_written, named, read, value};
use super::{Change, What, wrong};
use crate::query::error::QueryError;
use crate::query::provider::Provider;
use crate::query::rows::Cell;
use crate::query::script::Text;

/// What an UPDATE will do.
pub(super) async fn prepare(
    provider: &dyn Provider,
    place: &Place,
    text: &Text,
    update: &Update,
) -> Result<Change, QueryError> {
    let whole = update.span();
    if update.from.is_some() || update.limit.is_some() || update.or.is_some() || !update.table.joins.is_empty() {
        return Err(wrong(text, whole, "UPDATE is about one table, and has no FROM and no LIMIT", None));
    }
    let TableFactor::Table { name, .. } = &update.table.relation else {
        return Err(wrong(text, whole, "UPDATE is about a table", None));
    };
    let kind = kind_of(provider, place, text, name).await?;
    let (patch, patch_span) = patch_of(text, update)?;
    let (identifier, region) = named(text, &name.to_string(), name.span(), update.selection.as_ref())?;
    let place = in_region(place, region.as_deref());
    let identity = provider.identity(kind, &identifier);
    let gone = || Fault::new(FaultKind::NotFound, "query", format!("there is no {} `{identifier}`", kind.name()));
    let mut live = read(provider, kind, &place, &identity, false).await?.ok_or_else(gone)?;
    may_be_written(text, whole, kind, &live)?;
    if matches!(live.readiness, Readiness::Scheduled { .. } | Readiness::Deleting(_)) {
        let fault = Fault::new(FaultKind::Conflict, "query", format!("`{identifier}` is on its way out"));
        return Err(fault.into());
    }
    // What is sent beside what changes has to be known: an update may take away what it does not name.
    let secrets = touches_secrets(&live, &patch);
    if secrets {
        live = read(provider, kind, &place, &identity, true).await?.ok_or_else(gone)?;
    }
    let properties = patched(text, patch_span, kind, &live, &patch)?;
    let mut spans = Spans::new(text.span(whole));
    for name in properties.keys() {
        spans.insert(&format!("/{name}"), text.span(patch_span), text.span(patch_span));
    }
    let desired = checked(provider, text, kind, properties, spans, text.span(whole))?;
    let literal = |_: Domain, name: &str| name.to_owned();
    let schema = kind.schema();
    let found = delta::delta(schema, &desired.properties, &live.properties, &[], &literal);
    if let Some(why) = found.replaces() {
        return Err(wrong(text, patch_span, &format!("an update cannot do this: {why}"), None));
    }
    let mut edits: Vec<Edit> = found.effective().cloned().collect();
    always_sent(kind, &desired.properties, &patch, &mut edits);
    Ok(Change {
        kind,
        region: provider.region(&place).await?,
        place,
        identity: Some(identity),
        identifier: Some(identifier),
        what: What::Update {
            send: delta::to_send(schema, &desired.properties, &live.properties, &[]),
            desired: desired.properties.clone(),
            live: Box::new(live),
            edits,
            secrets,
        },
    })
}

/// Reads the resource again, and refuses where it is no longer what the update was made from: an update is sent whole,
/// and would undo what somebody else did meanwhile.
///
/// # Errors
///
/// It could not be read, is gone, or differs.
pub(super) async fn unchanged(
    provider: &dyn Provider,
    change: &Change,
    before: &Present,
    secrets: bool,
) -> Result<(), Fault> {
    let kind = change.kind;
    let now = read(provider, kind, &change.place, &before.identity, secrets).await?;
    let literal = |_: Domain, name: &str| name.to_owned();
    let same = now.is_some_and(|now| {
        let moved = delta::delta(kind.schema(), &before.properties, &now.properties, &[], &literal);
        let back = delta::delta(kind.schema(), &now.properties, &before.properties, &[], &literal);
        now.secret_version == before.secret_version
            && moved.effective().next().is_none()
            && back.effective().next().is_none()
    });
    if same {
        return Ok(());
    }
    let message = format!("`{}` was changed since it was looked at; nothing was sent", before.identity);
    Err(Fault::new(FaultKind::Conflict, "query", message))
}

/// The patch that an UPDATE sets, and where it is written.
fn patch_of(text: &Text, update: &Update) -> Result<(Patch, sqlparser::tokenizer::Span), QueryError> {
    let whole = update.span();
    let help = "write `SET PatchDocument = '[{\"op\": \"replace\", \"path\": \"/Description\", \"value\": \"…\"}]'`";
    let named = |target: &AssignmentTarget| match target {
        AssignmentTarget::ColumnName(name) => {
            let name = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone());
            name.is_some_and(|name| name.trim_start_matches("data__").eq_ignore_ascii_case("PatchDocument"))
        }
        AssignmentTarget::Tuple(_) => false,
    };
    let [assignment] = update.assignments.as_slice() else {
        return Err(wrong(text, whole, "UPDATE sets one thing, the patch", Some(help)));
    };
    if !named(&assignment.target) {
        return Err(wrong(text, assignment.span(), "UPDATE sets a `PatchDocument`", Some(help)));
    }
    let span = assignment.value.span();
    let misread = || wrong(text, span, "this is no patch as RFC 6902 has it: a JSON list of operations", Some(help));
    let Cell::Text(document) = value(text, &assignment.value)? else { return Err(misread()) };
    let patch: Patch = serde_json::from_str(&document).map_err(|_| misread())?;
    Ok((patch, span))
}

/// The pointer that an operation changes.
fn path(operation: &PatchOperation) -> String {
    operation.path().to_string()
}

/// Whether a patch changes something that has a secret in it, or beside it in the same top-level property.
fn touches_secrets(live: &Present, patch: &Patch) -> bool {
    let taken = patch.iter().filter_map(|operation| match operation {
        PatchOperation::Move(moved) => Some(moved.from.to_string()),
        _ => None,
    });
    patch.iter().map(path).chain(taken).any(|path| {
        let top = tokens(&path).next().map(std::borrow::Cow::into_owned).unwrap_or_default();
        let mut secret = false;
        if let Some(value) = live.properties.get(&top) {
            value.walk(&mut |_, leaf| secret |= matches!(leaf, Value::Secret(_)));
        }
        secret
    })
}

/// The live properties, patched. A secret of the live resource stays where it is, and nothing of it can be read.
///
/// Each operation is looked at when the ones before it were carried out: they may have moved what it names.
fn patched(
    text: &Text,
    span: sqlparser::tokenizer::Span,
    kind: &dyn Kind,
    live: &Present,
    patch: &Patch,
) -> Result<Map, QueryError> {
    let settable = settable(&live.properties, kind.schema().properties);
    let (kept, mut document) = Kept::close(kind, &settable);
    for (number, operation) in patch.iter().enumerate() {
        let reads_secret =
            read_by(operation).is_some_and(|from| document.pointer(&from).is_some_and(|part| kept.inside(part)));
        if reads_secret {
            return Err(wrong(text, span, "a credential can be neither tested nor copied nor moved", None));
        }
        json_patch::patch(&mut document, std::slice::from_ref(operation)).map_err(|error| {
            let summary = format!("operation {} of the patch does not fit: {}", number + 1, error.kind);
            wrong(text, span, &summary, Some(&format!("look at `{}` of the live resource", path(operation))))
        })?;
    }
    if !kept.unmoved(kind, &document) {
        let summary = "the patch would leave a credential where it can be read";
        let help = "give the credential anew in the same patch";
        return Err(wrong(text, span, summary, Some(help)));
    }
    match kept.open(document) {
        Value::Map(map) => Ok(map),
        _ => Err(wrong(text, span, "the patch leaves no properties", None)),
    }
}

/// The pointer that an operation reads.
fn read_by(operation: &PatchOperation) -> Option<String> {
    match operation {
        PatchOperation::Test(test) => Some(test.path.to_string()),
        PatchOperation::Move(moved) => Some(moved.from.to_string()),
        PatchOperation::Copy(copied) => Some(copied.from.to_string()),
        _ => None,
    }
}

/// Properties without what only the service sets.
fn settable(map: &Map, schema: &[Property]) -> Map {
    let members = map.iter().filter_map(|(name, value)| {
        let property = schema.iter().find(|property| property.name == name)?;
        if property.read_only {
            return None;
        }
        let value = match (value, &property.ty) {
            (Value::Map(map), Type::Object(inner)) => Value::Map(settable(map, inner)),
            (Value::List(items), Type::List(list)) => {
                let item = |item: &Value| match (item, &list.item) {
                    (Value::Map(map), Type::Object(inner)) => Value::Map(settable(map, inner)),
                    (other, _) => other.clone(),
                };
                Value::List(items.iter().map(item).collect())
            }
            (other, _) => other.clone(),
        };
        Some((name.clone(), value))
    });
    members.collect()
}

/// Adds an edit for what a patch gives and no comparison can see: credentials, and what the service never returns.
fn always_sent(kind: &dyn Kind, desired: &Map, patch: &Patch, edits: &mut Vec<Edit>) {
    let desired = Value::Map(desired.clone());
    for operation in patch.iter() {
        if !matches!(operation, PatchOperation::Add(_) | PatchOperation::Replace(_)) {
            continue;
        }
        let pointer = path(operation);
        let Some(after) = desired.at(&pointer) else { continue };
        let mut unseen = kind.schema().at(&pointer).is_some_and(|property| property.write_only);
        after.walk(&mut |_, leaf| unseen |= matches!(leaf, Value::Secret(_)));
        let within = |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}/"));
        let covered = |edit: &Edit| within(&pointer, &edit.pointer) || within(&edit.pointer, &pointer);
        if unseen && !edits.iter().any(covered) {
            edits.push(Edit {
                label: pointer.trim_start_matches('/').to_owned(),
                before: None,
                after: Some(after.clone()),
                effect: Effect::InPlace,
                pointer,
            });
        }
    }
}
