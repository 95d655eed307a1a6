//! A secret is a type, not a convention.
//!
//! [`Secret`] has no `Display` and no `Serialize`, its `Debug` shows where the value comes from and never the value, and
//! the memory is wiped when the last owner drops it. A secret may be *unresolved*: it is known to be one, and from where
//! it comes, but nobody has read it. [`Secret::expose`] is the only way to the text; `clippy.toml` bans it outside the
//! modules that put it on the wire or derive another secret from it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::delta::Canonical;
use crate::value::Value;

/// The source shown for a secret that is written in the manifest itself.
pub const LITERAL: &str = "literal";

/// What a secret's text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A text.
    #[default]
    Text,
    /// A number, for instance a port in a JSON document that is secret as a whole.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// A value that must never be shown, with the name of its source, which may be.
#[derive(Clone)]
pub struct Secret {
    source: Arc<str>,
    material: Option<Arc<Zeroizing<String>>>,
    form: Form,
}

impl Secret {
    /// A secret whose text is known.
    pub fn new(source: impl Into<Arc<str>>, text: String) -> Self {
        Self { source: source.into(), material: Some(Arc::new(Zeroizing::new(text))), form: Form::Text }
    }

    /// The same of something that is no text.
    #[must_use]
    pub fn of_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// What the text stands for.
    pub fn form(&self) -> Form {
        self.form
    }

    /// A secret that nobody has read (yet). `source` says from where it would come.
    pub fn unresolved(source: impl Into<Arc<str>>) -> Self {
        Self { source: source.into(), material: None, form: Form::Text }
    }

    /// Where the value comes from: `env:NAME`, `file:PATH`, `literal`, `live`; several joined by ` + `.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the text is known.
    pub fn is_resolved(&self) -> bool {
        self.material.is_some()
    }

    /// The text, where it is known. Only for the wire and for deriving another secret.
    pub fn expose(&self) -> Option<&str> {
        self.material.as_ref().map(|text| text.as_str())
    }

    /// Whether both hold the same text, compared in constant time; `None` where one of them is unresolved.
    pub fn same_as(&self, other: &Self) -> Option<bool> {
        let (a, b) = (self.material.as_ref()?, other.material.as_ref()?);
        Some(a.as_bytes().ct_eq(b.as_bytes()).into())
    }

    /// The same for secrets that may be JSON documents, in which spaces and the order of members mean nothing. Texts that
    /// are no JSON are compared as they are.
    pub fn same_document_as(&self, other: &Self) -> Option<bool> {
        let document = |secret: &Self| {
            let mut json: serde_json::Value = serde_json::from_str(secret.material.as_ref()?).ok()?;
            json.sort_all_objects();
            Some(Zeroizing::new(json.to_string()))
        };
        let same = self.same_as(other)?;
        Some(match (document(self), document(other)) {
            (Some(a), Some(b)) => a.as_bytes().ct_eq(b.as_bytes()).into(),
            _ => same,
        })
    }

    /// A structure as one secret, whose text is its JSON; unresolved where a secret in it is, and `None` where something
    /// in it is known only later.
    pub fn of_document(value: &Value) -> Option<Self> {
        let (mut sources, mut later, mut lacking) = (Vec::new(), false, false);
        value.walk(&mut |_, leaf| match leaf {
            Value::Secret(secret) => {
                lacking |= !secret.is_resolved();
                if secret.source() != LITERAL && !sources.contains(&secret.source()) {
                    sources.push(secret.source());
                }
            }
            Value::Deferred(_) | Value::Unknown(_) => later = true,
            _ => {}
        });
        let source = if sources.is_empty() { LITERAL.to_owned() } else { sources.join(" + ") };
        if later {
            return None;
        }
        Some(if lacking { Self::unresolved(source) } else { Self::new(source, exposed(value).to_string()) })
    }

    /// Whether both are clones of one secret; says nothing about the texts of two others.
    pub fn is_clone_of(&self, other: &Self) -> bool {
        let same_material = match (&self.material, &other.material) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same_material && Arc::ptr_eq(&self.source, &other.source)
    }

    /// A keyed fingerprint (HMAC-SHA-256, RFC 2104, in URL-safe base64), or `None` where the text is not known.
    ///
    /// Keyed, because a plain hash of a short password can be guessed.
    pub fn fingerprint(&self, key: &FingerprintKey) -> Option<String> {
        let text = self.material.as_ref()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.0.as_bytes()).ok()?;
        mac.update(text.as_bytes());
        Some(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

/// A structure with its secrets in clear, on its way into another secret.
fn exposed(value: &Value) -> serde_json::Value {
    match value {
        Value::Secret(secret) => secret.material.as_ref().map(|text| text.as_str()).into(),
        Value::List(items) => items.iter().map(exposed).collect(),
        Value::Map(map) => map.iter().map(|(name, member)| (name.clone(), exposed(member))).collect(),
        plain => plain.to_masked_json(),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.source)
    }
}

/// The key of fingerprints (`TRUEUP_PLAN_KEY`); itself never shown.
#[derive(Clone)]
pub struct FingerprintKey(Arc<Zeroizing<String>>);

impl FingerprintKey {
    /// Takes the key's text.
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }
}

impl FingerprintKey {
    /// The keyed fingerprint of a whole value with the secrets in it; `None` where a text in it is not known (yet).
    ///
    /// The order of a map's members means nothing. A secret and a plain text are two things, and no two values give the
    /// same bytes: each part has its kind and its length before it.
    pub fn fingerprint_of(&self, value: &Value) -> Option<String> {
        self.digest(|mac| feed(mac, value))
    }

    /// The same of a value in canonical form.
    pub(crate) fn fingerprint_of_canonical(&self, value: &Canonical<'_>) -> Option<String> {
        self.digest(|mac| feed_canonical(mac, value))
    }

    fn digest(&self, feed: impl FnOnce(&mut Hmac<Sha256>) -> Option<()>) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).ok()?;
        feed(&mut mac)?;
        Some(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

/// A part of what a fingerprint is made of: its kind, its length and itself.
fn part(mac: &mut Hmac<Sha256>, kind: u8, bytes: &[u8]) {
    begin(mac, kind, bytes.len());
    mac.update(bytes);
}

/// The kind of a part, and how much is in it.
fn begin(mac: &mut Hmac<Sha256>, kind: u8, count: usize) {
    let mut head = [kind; 9];
    head[1..].copy_from_slice(&(count as u64).to_be_bytes());
    mac.update(&head);
}

/// Feeds a value to a fingerprint, part by part, so that no copy of a secret is made.
fn feed(mac: &mut Hmac<Sha256>, value: &Value) -> Option<()> {
    match value {
        Value::Null => mac.update(b"0"),
        Value::Bool(flag) => mac.update(if *flag { b"t" } else { b"f" }),
        Value::Number(number) => part(mac, b'n', number.to_string().as_bytes()),
        Value::String(text) => part(mac, b's', text.as_bytes()),
        Value::Secret(secret) => {
            let kind = match secret.form {
                Form::Text => b'x',
                Form::Number => b'y',
                Form::Boolean => b'z',
            };
            part(mac, kind, secret.material.as_ref()?.as_bytes());
        }
        Value::List(items) => {
            begin(mac, b'l', items.len());
            items.iter().try_for_each(|item| feed(mac, item))?;
        }
        Value::Map(map) => feed_members(mac, map.iter().map(|(name, member)| (name.as_str(), member)), feed)?,
        Value::Deferred(_) | Value::Unknown(_) => return None,
    }
    Some(())
}

/// The same bytes as of the value that this is a view of.
fn feed_canonical(mac: &mut Hmac<Sha256>, value: &Canonical<'_>) -> Option<()> {
    match value {
        Canonical::Value(value) => feed(mac, value),
        Canonical::List(items) => {
            begin(mac, b'l', items.len());
            items.iter().try_for_each(|item| feed_canonical(mac, item))
        }
        Canonical::Map(members) => {
            feed_members(mac, members.iter().map(|(name, member)| (*name, member)), feed_canonical)
        }
    }
}

/// Members in the order of their names.
fn feed_members<'a, T: 'a>(
    mac: &mut Hmac<Sha256>,
    members: impl Iterator<Item = (&'a str, &'a T)>,
    feed: fn(&mut Hmac<Sha256>, &T) -> Option<()>,
) -> Option<()> {
    let mut members: Vec<_> = members.collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    begin(mac, b'm', members.len());
    members.into_iter().try_for_each(|(name, member)| {
        part(mac, b's', name.as_bytes());
        feed(mac, member)
    })
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_source_and_never_the_text() {
        let secret = Secret::new("env:PASSWORD", "hunter2-hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(env:PASSWORD)");
    }

    #[test]
    #[cfg(target_os = "linux")]
    #[expect(clippy::disallowed_methods, reason = "where the text is in memory")]
    fn the_last_owner_overwrites_the_text() {
        use std::fs::File;
        use std::os::unix::fs::FileExt as _;

        let memory = File::open("/proc/self/mem").unwrap();
        let at = |address: usize, length: usize| {
            let mut bytes = vec![0; length];
            memory.read_exact_at(&mut bytes, address as u64).unwrap();
            bytes
        };
        // Long enough that what an allocator writes into free memory is a small part of it.
        let text = "canary-00000 ".repeat(500);
        let length = text.len();
        let secret = Secret::new("env:PASSWORD", text);
        let address = secret.expose().unwrap().as_ptr() as usize;
        let other = secret.clone();
        drop(secret);
        assert!(at(address, length).starts_with(b"canary-00000 "), "an owner is left");
        drop(other);
        let left = at(address, length);
        assert!(!left.windows(7).any(|bytes| bytes == b"canary-"), "{}", String::from_utf8_lossy(&left));
    }

    #[test]
    fn comparing_with_an_unread_secret_gives_no_answer() {
        let known = Secret::new("literal", "a".to_owned());
        assert_eq!(known.same_as(&Secret::unresolved("live")), None);
        assert_eq!(known.same_as(&Secret::new("live", "a".to_owned())), Some(true));
        assert_eq!(known.same_as(&Secret::new("live", "b".to_owned())), Some(false));
    }

    #[test]
    fn documents_are_compared_as_json_and_texts_as_texts() {
        let secret = |text: &str| Secret::new("literal", text.to_owned());
        let document = secret(r#"{"user": "svc", "port": 5432}"#);
        assert_eq!(document.same_document_as(&secret(r#"{"port":5432,"user":"svc"}"#)), Some(true));
        assert_eq!(document.same_document_as(&secret(r#"{"port":5432,"user":"other"}"#)), Some(false));
        assert_eq!(document.same_document_as(&Secret::unresolved("live")), None);
        assert_eq!(secret("a b").same_document_as(&secret("a  b")), Some(false));
        assert_eq!(secret("a b").same_document_as(&secret("a b")), Some(true));
    }

    #[test]
    fn a_structure_becomes_one_secret_with_the_sources_of_all_in_it() {
        let password = Secret::new("env:PASSWORD", "p\"w".to_owned());
        let structure = |password: Secret| {
            Value::Map(
                [("user".to_owned(), "svc".into()), ("password".to_owned(), Value::Secret(password))]
                    .into_iter()
                    .collect(),
            )
        };
        let whole = Secret::of_document(&structure(password)).unwrap();
        assert_eq!(whole.source(), "env:PASSWORD");
        assert_eq!(whole.same_as(&Secret::new("", r#"{"user":"svc","password":"p\"w"}"#.to_owned())), Some(true));
        assert!(!Secret::of_document(&structure(Secret::unresolved("env:NONE"))).unwrap().is_resolved());
        assert!(Secret::of_document(&Value::Unknown("db.Host".into())).is_none());
    }

    #[test]
    fn fingerprints_of_structures_tell_every_difference_and_pass_over_the_order_of_members() {
        let key = FingerprintKey::new("k".to_owned());
        let of = |json: serde_json::Value| key.fingerprint_of(&Value::from(json)).unwrap();
        use serde_json::json;
        assert_eq!(of(json!({"a": 1, "b": [true, null]})), of(json!({"b": [true, null], "a": 1})));
        let values = [
            json!({"a": "bc"}),
            json!({"ab": "c"}),
            json!({"a": "b", "c": ""}),
            json!(["a", "bc"]),
            json!(["ab", "c"]),
            json!([["a"], "b"]),
            json!([["a", "b"]]),
            json!("1"),
            json!(1),
            json!(null),
            json!(""),
        ];
        let mut all: Vec<String> = values.into_iter().map(of).collect();
        let secret = |text: &str| Value::Secret(Secret::new("literal", text.to_owned()));
        all.extend([secret("1"), secret("2")].iter().map(|value| key.fingerprint_of(value).unwrap()));
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(key.fingerprint_of(&Value::Secret(Secret::unresolved("env:NONE"))), None);
        assert_eq!(key.fingerprint_of(&Value::List(vec![Value::Unknown("db.Host".into())])), None);
        assert_ne!(FingerprintKey::new("l".to_owned()).fingerprint_of(&secret("1")), key.fingerprint_of(&secret("1")));
    }

    #[test]
    fn a_view_has_the_fingerprint_of_what_it_shows() {
        use std::borrow::Cow;
        let key = FingerprintKey::new("k".to_owned());
        let password = Value::Secret(Secret::new("literal", "p".to_owned()));
        let list = Value::List(vec![1.into(), Value::Null]);
        let whole = Value::Map(
            [("b".to_owned(), password.clone()), ("a".to_owned(), list.clone()), ("c".to_owned(), "x".into())]
                .into_iter()
                .collect(),
        );
        let shown = |value| Canonical::Value(Cow::Borrowed(value));
        let Value::List(items) = &list else { unreachable!() };
        let text = Value::from("x");
        let view = Canonical::Map(vec![
            ("c", shown(&text)),
            ("b", shown(&password)),
            ("a", Canonical::List(items.iter().map(shown).collect())),
        ]);
        assert_eq!(key.fingerprint_of_canonical(&view), key.fingerprint_of(&whole));
        let unread = Value::Secret(Secret::unresolved("env:NONE"));
        assert_eq!(key.fingerprint_of_canonical(&Canonical::List(vec![shown(&unread)])), None);
    }

    #[test]
    fn fingerprints_depend_on_the_key() {
        let secret = Secret::new("literal", "a".to_owned());
        let one = secret.fingerprint(&FingerprintKey::new("k1".to_owned()));
        let two = secret.fingerprint(&FingerprintKey::new("k2".to_owned()));
        assert!(one.is_some());
        assert_ne!(one, two);
    }
}
