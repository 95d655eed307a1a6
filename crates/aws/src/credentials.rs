//! Credentials, asked for once and again before they expire.
//!
//! A chain may ask the network for every answer (SSO, a role), so its answer is kept. All calls of an account share one
//! keeper, so that a thousand calls that start at once ask the chain once. Whose they are is kept beside them.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use tokio::sync::{OnceCell, RwLock};

use crate::clock;

/// Credentials are renewed this long before they expire.
const MARGIN: Duration = Duration::from_mins(2);

/// The credentials of one caller.
#[derive(Debug)]
pub(crate) struct Keeper {
    source: SharedCredentialsProvider,
    kept: RwLock<Option<Credentials>>,
    /// Who the caller is, once STS was asked.
    pub(crate) identity: OnceCell<Identity>,
}

/// Who a caller is.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The account id.
    pub(crate) account: String,
    /// The ARN, where STS says it.
    pub(crate) arn: Option<String>,
}

impl Keeper {
    pub(crate) fn new(source: SharedCredentialsProvider) -> Self {
        Self { source, kept: RwLock::new(None), identity: OnceCell::new() }
    }

    /// The credentials, from the chain where they are not known or expire soon.
    pub(crate) async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        if let Some(kept) = self.kept.read().await.as_ref().filter(|kept| is_fresh(kept)) {
            return Ok(kept.clone());
        }
        let mut kept = self.kept.write().await;
        if let Some(kept) = kept.as_ref().filter(|kept| is_fresh(kept)) {
            return Ok(kept.clone());
        }
        match self.source.provide_credentials().await {
            Ok(fresh) => Ok(kept.insert(fresh).clone()),
            // What is about to expire still serves while its source does not.
            Err(error) => match kept.as_ref().filter(|kept| kept.expiry().is_some_and(|at| at > clock::now())) {
                Some(kept) => Ok(kept.clone()),
                None => Err(error),
            },
        }
    }
}

impl ProvideCredentials for Keeper {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

fn is_fresh(credentials: &Credentials) -> bool {
    credentials.expiry().is_none_or(|at| at > clock::now() + MARGIN)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::SystemTime;

    use super::*;

    #[derive(Debug)]
    struct Source(Arc<AtomicU32>, Duration);

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            self.0.fetch_add(1, Ordering::Relaxed);
            let expiry = SystemTime::now() + self.1;
            future::ProvideCredentials::ready(Ok(Credentials::new("id", "key", None, Some(expiry), "test")))
        }
    }

    #[tokio::test]
    async fn the_chain_is_asked_once_while_credentials_are_fresh() {
        for (lifetime, asked) in [(Duration::from_hours(1), 1), (Duration::from_mins(1), 3)] {
            let count = Arc::new(AtomicU32::new(0));
            let keeper = Keeper::new(SharedCredentialsProvider::new(Source(Arc::clone(&count), lifetime)));
            for _ in 0..3 {
                keeper.credentials().await.unwrap();
            }
            assert_eq!(count.load(Ordering::Relaxed), asked);
        }
    }
}
