//! Where secrets come from. Reading one is I/O, so the engine asks a [`SecretStore`]; it is asked late, once a source,
//! and never by `validate`, `render` or `teardown`.

use std::fmt;

use crate::secret::Secret;

/// A source as the manifest names it in `secret('…')`, or a variable that is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretSource {
    /// `env`, `file`.
    pub scheme: Scheme,
    /// What follows the colon.
    pub rest: String,
}

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// An environment variable of the process.
    Env,
    /// A file; relative to the stack's folder. One line feed at its end is not part of the secret.
    File,
}

impl SecretSource {
    /// Reads `env:NAME` or `file:PATH`.
    ///
    /// # Errors
    ///
    /// The sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err("a secret's source is `env:NAME` or `file:PATH`".to_owned());
        };
        if rest.is_empty() {
            return Err(format!("`{scheme}:` names nothing"));
        }
        let scheme = match scheme {
            "env" => Scheme::Env,
            "file" => Scheme::File,
            "aws-sm" | "aws-ssm" => {
                return Err(format!("the source `{scheme}:` is not built yet; use `env:NAME` or `file:PATH`"));
            }
            other => return Err(format!("`{other}:` is no source of secrets; use `env:NAME` or `file:PATH`")),
        };
        Ok(Self { scheme, rest: rest.to_owned() })
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Env => "env",
            Scheme::File => "file",
        };
        write!(f, "{scheme}:{}", self.rest)
    }
}

/// Something that can read secrets.
pub trait SecretStore: Send + Sync {
    /// The secret of a source; `None` where the source is missing (no such variable, no such file).
    fn read(&self, source: &SecretSource) -> Option<Secret>;
}

/// A store that has nothing: every secret stays unresolved.
#[derive(Debug, Clone, Copy)]
pub struct NoSecrets;

impl SecretStore for NoSecrets {
    fn read(&self, _: &SecretSource) -> Option<Secret> {
        None
    }
}
