//! Whose a resource is: the tags that a stack writes on everything that can be tagged.
//!
//! There is no state file, so the tags are the record. They say to which stack, environment and logical resource
//! something belongs: what carries another stack's tags is not touched, what carries none is adopted, and what the
//! manifest no longer names is still found. They are ordinary properties: the desired ones hold them, so the delta, the
//! plan and the patch show them like everything else.

use sha2::{Digest as _, Sha256};

use crate::address::Address;
use crate::delta::Edit;
use crate::desired::Desired;
use crate::kind::Kind;
use crate::schema::Type;
use crate::value::{Map, Value};

/// What the keys of all owner tags begin with.
pub const PREFIX: &str = "trueup:";
/// The stack's name.
pub const STACK: &str = "trueup:stack";
/// The environment.
pub const ENV: &str = "trueup:env";
/// The address of the resource in the stack.
pub const RESOURCE: &str = "trueup:resource";
/// `true` where the resource is never deleted or replaced, also when the manifest no longer says so.
pub const PROTECT: &str = "trueup:protect";
/// `true` where another one takes its place: it goes when nothing points at it any more. `false` where that was taken back
/// before another one was made.
pub const REPLACED: &str = "trueup:replaced";

/// The owner that a resource's tags name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The stack's name.
    pub stack: String,
    /// The environment.
    pub env: String,
    /// The address in the stack, as [`written`] writes it.
    pub resource: String,
    /// It is never deleted or replaced.
    pub protected: bool,
    /// Another one takes its place.
    pub replaced: bool,
}

/// Whose a resource that exists is, seen from one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its type cannot be tagged; its name is all there is.
    Untaggable,
    /// It belongs to this stack and carries this address.
    Ours,
    /// It belongs to this stack and carries another address.
    Renamed(String),
    /// It carries no owner.
    Free,
    /// It belongs to another stack or environment.
    Foreign(Owner),
}

impl Owner {
    /// The owner that some tags name, where they do.
    pub fn of_tags(tags: &Map) -> Option<Self> {
        let text = |key: &str| tags.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            stack: text(STACK)?,
            env: text(ENV).unwrap_or_default(),
            resource: text(RESOURCE).unwrap_or_default(),
            protected: text(PROTECT).as_deref() == Some("true"),
            replaced: text(REPLACED).as_deref() == Some("true"),
        })
    }

    /// The owner of a resource with these live properties.
    pub fn of(kind: &dyn Kind, properties: &Map) -> Option<Self> {
        Self::of_tags(&tags_of(kind, properties))
    }
}

/// The tags among some properties, texts by key.
pub fn tags_of(kind: &dyn Kind, properties: &Map) -> Map {
    match kind.tags().and_then(|name| properties.get(name)) {
        Some(Value::Map(map)) => map.clone(),
        Some(Value::List(items)) => items
            .iter()
            .filter_map(|item| Some((item.get("Key")?.as_str()?.to_owned(), item.get("Value")?.clone())))
            .collect(),
        _ => Map::new(),
    }
}

/// The longest value of a tag, in characters.
const LONGEST: usize = 256;

/// An address as the value of a tag, which may hold letters, digits, spaces and `+ - = . _ : / @` only: `orders`, or
/// `orders/created` for `orders["created"]`. Other bytes of a key are `=` and two hexadecimal digits; what is too long
/// ends in a digest.
///
/// <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>
pub fn written(address: &Address) -> String {
    use std::fmt::Write as _;
    let mut text = address.name().to_owned();
    if let Some(key) = address.key() {
        text.push('/');
        for byte in key.bytes() {
            if byte.is_ascii_alphanumeric() || b" +-._:/@".contains(&byte) {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "={byte:02X}");
            }
        }
    }
    // A space at an end would be trimmed by some services.
    if text.ends_with(' ') {
        text.pop();
        text.push_str("=20");
    }
    if text.len() > LONGEST {
        let digest = crate::plan::document::hex(&Sha256::digest(text.as_bytes()));
        text.truncate(LONGEST - 34);
        text.push_str("=~");
        text.push_str(&digest[..32]);
    }
    text
}

/// The address that a tag's value was written from, as people write it; `None` where it was shortened.
pub fn read(text: &str) -> Option<Address> {
    let Some((name, key)) = text.split_once('/') else { return Some(Address::new(text)) };
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(Address::keyed(name, String::from_utf8(bytes).ok()?))
}

/// Whose a live resource is, seen from `stack` and `env` and the resource at `address`.
pub fn standing(kind: &dyn Kind, stack: &str, env: &str, address: &Address, live: &Map) -> Standing {
    if kind.tags().is_none() {
        return Standing::Untaggable;
    }
    match Owner::of(kind, live) {
        None => Standing::Free,
        Some(owner) if owner.stack != stack || owner.env != env => Standing::Foreign(owner),
        Some(owner) if owner.resource != written(address) => Standing::Renamed(owner.resource),
        Some(_) => Standing::Ours,
    }
}

/// The owner tags of a resource of a stack.
pub fn tags(stack: &str, env: &str, desired: &Desired) -> Vec<(&'static str, String)> {
    let mut tags = vec![(STACK, stack.to_owned()), (ENV, env.to_owned()), (RESOURCE, written(&desired.address))];
    if desired.instance.protect == Some(true) {
        tags.push((PROTECT, "true".to_owned()));
    }
    tags
}

/// Whether an edit changes nothing but owner tags; `tags` is the pointer of the tags.
pub(crate) fn is_of_owner(tags: &str, edit: &Edit) -> bool {
    let owner = |value: &Value| match value {
        // An item of a list, or a whole list or map of tags.
        Value::Map(map) => match map.get("Key") {
            Some(key) => key.as_str().is_some_and(|key| key.starts_with(PREFIX)),
            None => !map.is_empty() && map.keys().all(|key| key.starts_with(PREFIX)),
        },
        _ => false,
    };
    let all_owner = |value: &Value| match value {
        Value::List(items) => !items.is_empty() && items.iter().all(owner),
        value => owner(value),
    };
    let Some(below) = edit.pointer.strip_prefix(tags) else { return false };
    let named = crate::value::tokens(below).next().is_some_and(|key| key.starts_with(PREFIX));
    // Of an item of a list the label says which it is: `Tags[trueup:env]/Value`.
    let labelled = edit.label.split_once('[').is_some_and(|(_, rest)| rest.starts_with(PREFIX));
    named || labelled || (edit.before.is_none() && edit.after.as_ref().is_some_and(all_owner))
}

/// Whether an edit of a resource's tags touches one that says whose it is.
pub(crate) fn touches(kind: &dyn Kind, edit: &Edit) -> bool {
    kind.tags().is_some_and(|tags| is_of_owner(&format!("/{tags}"), edit))
}

/// Writes the owner tags among the desired properties. A protection that the manifest takes back in so many words is
/// taken back on the live resource too; one that it only leaves out holds.
///
/// Tags that are not known yet as a whole are left alone; they are claimed when they are known.
pub fn claim(stack: &str, env: &str, desired: &Desired, properties: &mut Map, live: Option<&Map>) {
    let mut own = tags(stack, env, desired);
    // The tag may be there without the rest of them.
    let protected = || live.is_some_and(|live| tags_of(desired.kind, live).get(PROTECT) == Some(&"true".into()));
    if desired.instance.protect == Some(false) && protected() {
        own.push((PROTECT, "false".to_owned()));
    }
    // One that is the resource all the same is told so.
    if live.is_some_and(|live| Owner::of(desired.kind, live).is_some_and(|owner| owner.replaced)) {
        own.push((REPLACED, "false".to_owned()));
    }
    write(desired.kind, own, properties);
}

/// Whether something that the service names can stay beside the one that takes its place: its tags say so then.
pub(crate) fn can_be_replaced_by_another(desired: &Desired) -> bool {
    let tags = desired.kind.tags().and_then(|name| desired.kind.schema().at(&format!("/{name}")));
    desired.identity.is_none() && tags.is_some_and(|tags| !tags.immutable)
}

/// Marks live properties: another one takes the place of this resource of the stack.
pub(crate) fn mark_replaced(stack: &str, env: &str, desired: &Desired, live: &mut Map) {
    let mut own = tags(stack, env, desired);
    own.push((REPLACED, "true".to_owned()));
    write(desired.kind, own, live);
}

/// Writes tags among properties, in place of those with the same keys.
fn write(kind: &dyn Kind, own: Vec<(&'static str, String)>, properties: &mut Map) {
    let Some(name) = kind.tags() else { return };
    let is_map = matches!(
        kind.schema().properties.iter().find(|property| property.name == name).map(|property| property.ty),
        Some(Type::Map(_))
    );
    let tags =
        properties.get_or_insert_with(name, || if is_map { Value::Map(Map::new()) } else { Value::List(Vec::new()) });
    if *tags == Value::Null {
        *tags = if is_map { Value::Map(Map::new()) } else { Value::List(Vec::new()) };
    }
    match tags {
        Value::Map(map) => map.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value.into()))),
        Value::List(items) => {
            // Keys that became known only now may be ours.
            let is_own = |item: &Value| own.iter().any(|(key, _)| item.get("Key").and_then(Value::as_str) == Some(key));
            items.retain(|item| !is_own(item));
            items.extend(own.into_iter().map(|(key, value)| {
                let item = [("Key".to_owned(), key.into()), ("Value".to_owned(), value.into())];
                Value::Map(item.into_iter().collect())
            }));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, read, written};
    use crate::address::Address;

    #[test]
    fn an_address_is_written_in_the_characters_that_a_tag_may_hold_and_read_back() {
        for (address, text) in [
            (Address::new("orders"), "orders"),
            (Address::keyed("orders", "created"), "orders/created"),
            (Address::keyed("orders", "a=b[\"é\"] "), "orders/a=3Db=5B=22=C3=A9=22=5D=20"),
        ] {
            assert_eq!(written(&address), text);
            assert_eq!(read(text), Some(address));
        }
    }

    #[test]
    fn a_long_key_is_shortened_and_stays_its_own() {
        let (a, b) = (Address::keyed("orders", "x".repeat(300)), Address::keyed("orders", "x".repeat(301)));
        assert_eq!(written(&a).len(), LONGEST);
        assert_ne!(written(&a), written(&b));
        assert_eq!(read(&written(&a)), None);
    }
}
