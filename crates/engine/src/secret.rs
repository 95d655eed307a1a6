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
    fn comparing_with_an_unread_secret_gives_no_answer() {
        let known = Secret::new("literal", "a".to_owned());
        assert_eq!(known.same_as(&Secret::unresolved("live")), None);
        assert_eq!(known.same_as(&Secret::new("live", "a".to_owned())), Some(true));
        assert_eq!(known.same_as(&Secret::new("live", "b".to_owned())), Some(false));
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
