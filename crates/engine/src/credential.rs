//! Where secrets come from. Reading one is I/O, so the engine asks a [`SecretStore`]; it is asked late, once a source,
//! and never by `validate`, `render` or `teardown`.

use std::fmt;

use time::OffsetDateTime;

use crate::cloud::Task;
use crate::secret::Secret;

/// What may be written, for messages.
pub const SOURCES: &str = "`env:NAME`, `file:PATH`, `aws-sm:ID#KEY` or `aws-ssm:NAME`";

/// A source as the manifest names it in `secret('…')`, or a variable that is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretSource {
    /// What kind of source.
    pub scheme: Scheme,
    /// What follows the colon.
    pub rest: String,
}

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// An environment variable of the process.
    Env,
    /// A file; relative to the stack's folder. One line feed at its end is not part of the secret.
    File,
    /// A secret in Secrets Manager, by name or ARN; behind `#` a member of its JSON document.
    AwsSm,
    /// A parameter in Systems Manager, by name or ARN.
    AwsSsm,
}

/// Every scheme, as it is written.
const SCHEMES: [(&str, Scheme); 4] =
    [("env", Scheme::Env), ("file", Scheme::File), ("aws-sm", Scheme::AwsSm), ("aws-ssm", Scheme::AwsSsm)];

impl Scheme {
    /// Whether it is read from the cloud.
    pub fn is_remote(self) -> bool {
        matches!(self, Self::AwsSm | Self::AwsSsm)
    }

    /// As it is written.
    fn name(self) -> &'static str {
        SCHEMES.iter().find(|(_, scheme)| *scheme == self).map_or("", |(name, _)| name)
    }

    /// The service in the ARNs of what it names.
    fn service(self) -> Option<&'static str> {
        match self {
            Self::Env | Self::File => None,
            Self::AwsSm => Some("secretsmanager"),
            Self::AwsSsm => Some("ssm"),
        }
    }
}

impl SecretSource {
    /// Reads `env:NAME`, `file:PATH`, `aws-sm:ID#KEY` or `aws-ssm:NAME`.
    ///
    /// # Errors
    ///
    /// The sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((written, rest)) = text.split_once(':') else {
            return Err(format!("a secret's source is {SOURCES}"));
        };
        let Some((_, scheme)) = SCHEMES.into_iter().find(|(name, _)| *name == written) else {
            return Err(format!("`{written}:` is no source of secrets; use {SOURCES}"));
        };
        if rest.is_empty() {
            return Err(format!("`{written}:` names nothing"));
        }
        let source = Self { scheme, rest: rest.to_owned() };
        source.check().map(|()| source)
    }

    /// What only the services' own rules of naming can refuse. Nothing is quoted that may be a secret in the wrong place.
    fn check(&self) -> Result<(), String> {
        let Some(service) = self.scheme.service() else { return Ok(()) };
        let scheme = self.scheme.name();
        let id = self.id();
        if id.is_empty() {
            return Err(format!("`{scheme}:` names no secret before `#`"));
        }
        if self.json_key() == Some("") {
            return Err(format!("`{scheme}:` names no member behind `#`"));
        }
        if let Some(arn) = id.strip_prefix("arn:") {
            let parts: Vec<&str> = arn.splitn(5, ':').collect();
            if parts.len() < 5 || parts[1] != service || parts[2].is_empty() {
                return Err(format!("what stands behind `{scheme}:` is not an ARN of `{service}`"));
            }
            return Ok(());
        }
        let more = if self.scheme == Scheme::AwsSm { "/_+=.@-!" } else { "/_.-:" };
        match id.chars().find(|&c| !c.is_ascii_alphanumeric() && !more.contains(c)) {
            Some(wrong) => Err(format!("what stands behind `{scheme}:` is not a name: it has a `{wrong}`")),
            None => Ok(()),
        }
    }

    /// The name or ARN without what follows `#`.
    pub fn id(&self) -> &str {
        match self.scheme {
            Scheme::AwsSm => self.rest.split_once('#').map_or(&self.rest, |(id, _)| id),
            _ => &self.rest,
        }
    }

    /// The member of the secret's JSON document.
    pub fn json_key(&self) -> Option<&str> {
        match self.scheme {
            Scheme::AwsSm => self.rest.split_once('#').map(|(_, key)| key),
            _ => None,
        }
    }

    /// The region that an ARN names; a name is looked up in the stack's.
    pub fn region(&self) -> Option<&str> {
        self.scheme.service()?;
        self.id().strip_prefix("arn:")?.split(':').nth(2)
    }

    /// The sources in a label: what a value was made from, joined by ` + `.
    pub fn of_label(label: &str) -> impl Iterator<Item = Self> + '_ {
        label.split(" + ").filter_map(|one| Self::parse(one).ok())
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme.name(), self.rest)
    }
}

/// Which version of a source was read; of a store that has versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The service's id of it.
    pub id: String,
    /// When it was made.
    pub created: OffsetDateTime,
}

impl Version {
    /// A version that was made so many seconds after 1970, as the services tell it.
    pub fn made(id: impl Into<String>, seconds: f64) -> Option<Self> {
        Some(Self { id: id.into(), created: moment(seconds)? })
    }
}

/// A time in seconds since 1970, as the services tell it.
pub(crate) fn moment(seconds: f64) -> Option<OffsetDateTime> {
    #[expect(clippy::cast_possible_truncation, reason = "a time that does not fit is none")]
    let milliseconds = (seconds * 1000.0).round() as i64;
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()
}

/// Why there is no value, told apart by what has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// There is nothing of that name, or nothing in it that could be used.
    Missing,
    /// Nobody may read it in this run.
    SwitchedOff,
    /// It could not be read: that was denied, or the call failed. Whether it is there is not known.
    Unread,
}

/// Something that can read secrets.
pub trait SecretStore: Send + Sync {
    /// The secret of a source; `None` where the source is missing (no such variable, no such file).
    fn read(&self, source: &SecretSource) -> Option<Secret>;

    /// Reads what was asked for and could not be told without waiting, so that it can be asked again. Sources in the cloud
    /// are read ahead of a plan; this is for those that are named with what only an execution makes known.
    fn fetch(&self) -> Task<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Why [`Self::read`] has nothing, and the same in words, where it is something else than that the source is missing.
    fn lack(&self, source: &SecretSource) -> Option<(Lack, String)> {
        let _ = source;
        None
    }

    /// The version of what was read, where the store has versions.
    fn version(&self, source: &SecretSource) -> Option<Version> {
        let _ = source;
        None
    }
}

/// A store that has nothing: every secret stays unresolved.
#[derive(Debug, Clone, Copy)]
pub struct NoSecrets;

impl SecretStore for NoSecrets {
    fn read(&self, _: &SecretSource) -> Option<Secret> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_taken_apart_and_written_as_they_were() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders-AbCdEf";
        for (text, id, key, region) in [
            ("env:A#b", "A#b", None, None),
            ("aws-sm:orders/prod", "orders/prod", None, None),
            ("aws-sm:orders#password", "orders", Some("password"), None),
            ("aws-sm:orders#a#b", "orders", Some("a#b"), None),
            (&format!("aws-sm:{arn}#password"), arn, Some("password"), Some("eu-west-1")),
            ("aws-ssm:/orders/password:3", "/orders/password:3", None, None),
        ] {
            let source = SecretSource::parse(text).unwrap();
            assert_eq!((source.id(), source.json_key(), source.region()), (id, key, region), "{text}");
            assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn what_cannot_name_a_secret_is_refused() {
        for (text, why) in [
            ("orders", "a secret's source is `env:NAME`, `file:PATH`, `aws-sm:ID#KEY` or `aws-ssm:NAME`"),
            ("aws-sm:", "`aws-sm:` names nothing"),
            ("aws-sm:#key", "`aws-sm:` names no secret before `#`"),
            ("aws-sm:orders#", "`aws-sm:` names no member behind `#`"),
            ("aws-sm:two words", "what stands behind `aws-sm:` is not a name: it has a ` `"),
            ("aws-ssm:a#b", "what stands behind `aws-ssm:` is not a name: it has a `#`"),
            (
                "aws-sm:arn:aws:ssm:eu-west-1:1:parameter/x",
                "what stands behind `aws-sm:` is not an ARN of `secretsmanager`",
            ),
        ] {
            assert_eq!(SecretSource::parse(text).unwrap_err(), why);
        }
        assert!(SecretSource::parse("op:x").unwrap_err().starts_with("`op:` is no source of secrets; use `env:NAME`"));
    }

    #[test]
    fn a_label_names_all_its_sources() {
        let named: Vec<String> =
            SecretSource::of_label("env:A + literal + aws-sm:b#c").map(|s| s.to_string()).collect();
        assert_eq!(named, ["env:A", "aws-sm:b#c"]);
    }
}
