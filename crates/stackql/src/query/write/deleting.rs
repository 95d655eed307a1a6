//! DELETE: one resource, by its identifier.

use sqlparser::ast::{Delete, FromTable, Spanned as _, TableFactor};
use trueup_engine::cloud::{Place, Readiness};
use trueup_engine::owner::Owner;

use super::target::{in_region, kind_of, may_be_written, named, read};
use super::{Change, What, wrong};
use crate::query::error::QueryError;
use crate::query::provider::Provider;
use crate::query::script::Text;

/// What a DELETE will do.
pub(super) async fn prepare(
    provider: &dyn Provider,
    place: &Place,
    text: &Text,
    delete: &Delete,
) -> Result<Change, QueryError> {
    let whole = delete.span();
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let table = match from.as_slice() {
        [one] if one.joins.is_empty() && delete.using.is_none() && delete.limit.is_none() => &one.relation,
        _ => return Err(wrong(text, whole, "DELETE is about one table, and has no USING and no LIMIT", None)),
    };
    let TableFactor::Table { name, .. } = table else {
        return Err(wrong(text, whole, "DELETE is about a table", None));
    };
    let kind = kind_of(provider, place, text, name).await?;
    let (identifier, region) = named(text, &name.to_string(), name.span(), delete.selection.as_ref())?;
    let place = in_region(place, region.as_deref());
    let identity = provider.identity(kind, &identifier);
    let live = read(provider, kind, &place, &identity, false).await?;
    let what = match live {
        None => What::Gone,
        Some(live) if matches!(live.readiness, Readiness::Scheduled { .. }) => What::Gone,
        Some(live) => {
            may_be_written(text, whole, kind, &live)?;
            if Owner::of(kind, &live.properties).is_some_and(|owner| owner.protected) {
                let summary = format!("`{identifier}` is protected: it carries `trueup:protect`");
                let help = "take the protection away in its manifest, or remove the tag";
                return Err(wrong(text, whole, &summary, Some(help)));
            }
            What::Delete(live.properties)
        }
    };
    Ok(Change {
        kind,
        region: provider.region(&place).await?,
        place,
        identity: Some(identity),
        identifier: Some(identifier),
        what,
    })
}
