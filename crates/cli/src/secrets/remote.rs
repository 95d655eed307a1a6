//! Sources that are read from the cloud: `aws-sm:` and `aws-ssm:`.
//!
//! A plan is made without waiting for anything, so these are read before it, all in a few calls. What an expression names
//! only once other resources are known is noted when it is asked for, read then, and the plan is made again: planning
//! has no effects. Each source is read once a run.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use trueup_aws::{Lacking, Session, Sourced};
use trueup_engine::cloud::Place;
use trueup_engine::credential::{Lack, SecretSource, Version};
use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::graph::Graph;
use trueup_engine::secret::Secret;
use trueup_engine::source::Span;
use trueup_engine::value::Value;

/// What was read from the cloud, and what was asked for and not read yet.
#[derive(Default)]
pub(super) struct Remote {
    read: Mutex<HashMap<SecretSource, Result<Sourced, Lacking>>>,
    wanted: Mutex<BTreeSet<SecretSource>>,
    named: Mutex<HashMap<SecretSource, Span>>,
    /// Sources that only resources name which the run passes over.
    passed_over: Mutex<BTreeSet<SecretSource>>,
    /// Held while something is read, so that who else asked for it waits.
    reading: tokio::sync::Mutex<()>,
}

impl Remote {
    /// The secret of a source, where it was read; otherwise it is noted.
    pub(super) fn get(&self, source: &SecretSource) -> Option<Secret> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(source) {
            return known.as_ref().ok().map(|sourced| sourced.secret.clone());
        }
        if !self.passed_over.lock().unwrap_or_else(PoisonError::into_inner).contains(source) {
            self.wanted.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone());
        }
        None
    }

    pub(super) fn version(&self, source: &SecretSource) -> Option<Version> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.get(source)?.as_ref().ok()?.version.clone()
    }

    /// Why there is nothing, where it is something else than that the source is missing.
    pub(super) fn lack(&self, source: &SecretSource) -> Option<(Lack, String)> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match read.get(source)?.as_ref().err()? {
            Lacking::Denied(action) => Some((Lack::Unread, format!("{action} denied"))),
            Lacking::Failed(how) => Some((Lack::Unread, how.clone())),
            Lacking::SwitchedOff => Some((Lack::SwitchedOff, "secret reads are switched off".to_owned())),
            Lacking::NotFound | Lacking::Binary | Lacking::NoDocument | Lacking::NoMember | Lacking::Nothing => None,
        }
    }

    /// Why a source that was asked for has no value.
    pub(super) fn lacking(&self, source: &SecretSource) -> Option<Lacking> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.get(source)?.as_ref().err().cloned()
    }

    /// Asks for every source that the resources name, or these of them.
    pub(super) fn ask(&self, graph: &Graph, only: Option<&BTreeSet<usize>>) {
        let (mut asked, mut others) = (BTreeSet::new(), BTreeSet::new());
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, node) in graph.nodes.iter().enumerate() {
            let is_asked = only.is_none_or(|only| only.contains(&index));
            for value in node.properties.values() {
                value.walk(&mut |_, leaf| {
                    let Value::Deferred(deferred) = leaf else { return };
                    for source in deferred.secret_sources().iter().filter(|source| source.scheme.is_remote()) {
                        if is_asked {
                            named.entry(source.clone()).or_insert(deferred.span());
                        }
                        let of = if is_asked { &mut asked } else { &mut others };
                        of.insert(source.clone());
                    }
                });
            }
        }
        others.retain(|source| !asked.contains(source));
        *self.passed_over.lock().unwrap_or_else(PoisonError::into_inner) = others;
        for source in &asked {
            self.get(source);
        }
    }

    /// What was read is read again when it is asked for.
    pub(super) fn forget(&self) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reads what was asked for since; says whether there was anything. What cannot be read is a problem, once.
    pub(super) async fn fetch(&self, session: &Session, home: &Place, problems: &Mutex<Diagnostics>) -> bool {
        let _reading = self.reading.lock().await;
        let wanted = std::mem::take(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        if wanted.is_empty() {
            return false;
        }
        let mut answers: Vec<_> = session.sources(home, &wanted).await.into_iter().collect();
        answers.sort_by(|(one, _), (other, _)| one.cmp(other));
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let mut problems = problems.lock().unwrap_or_else(PoisonError::into_inner);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        for (source, answer) in answers {
            if let Some(why) = answer.as_ref().err().filter(|why| **why != Lacking::SwitchedOff) {
                problems.push(problem(&source, why, named.get(&source).copied()));
            }
            read.insert(source, answer);
        }
        true
    }
}

/// One source without a value: where it is named, and what can be done.
fn problem(source: &SecretSource, why: &Lacking, named: Option<Span>) -> Diagnostic {
    let help = match why {
        Lacking::NotFound if source.region().is_some() => "the ARN says where it was looked for",
        Lacking::NotFound => "a name is looked up in the stack's own region; name what is elsewhere by its ARN",
        Lacking::Denied(_) => "allow it to the caller, or run with `--no-secret-reads`",
        Lacking::Binary => "store it as text",
        Lacking::NoDocument => "leave out `#` and what follows it to take the whole text",
        Lacking::NoMember | Lacking::Nothing => "name a member of its JSON document behind `#`",
        Lacking::Failed(_) | Lacking::SwitchedOff => "nothing is known of it; run again",
    };
    let diagnostic = Diagnostic::warning("P111", format!("the secret `{source}` {why}")).help(help);
    match named {
        Some(span) => diagnostic.at(span),
        None => diagnostic,
    }
}
