//! A value that has to wait: for a secret, or for a property of another resource.
//!
//! The alternative, substituting placeholders and patching text later, is how such values end up in plans. A deferred
//! value keeps the compiled scalar and what it stood among; it is asked again when a [`Scope`] knows more.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::Value as Jinja;

use super::context::Context;
use super::convert;
use super::place::Place;
use super::run::{Key, Run, Trace};
use super::session::Frame;
use super::template::{Problem, Template};
use crate::address::Address;
use crate::credential::SecretSource;
use crate::diagnostic::Diagnostic;
use crate::secret::Secret;
use crate::source::Span;
use crate::value::Value;

/// How often an evaluation is repeated because it asked for more.
const MAX_ROUNDS: usize = 32;

/// A property of another resource that an expression uses.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The resource.
    pub address: Address,
    /// The path from the resource to the value: `["Arn"]`.
    pub property: Vec<String>,
    /// Where the expression names it.
    pub span: Span,
}

/// What is known of a property.
#[derive(Debug, Clone)]
pub enum Property {
    /// Its value.
    Known(Value),
    /// It is known after apply.
    Unknown,
    /// There is no such property; the sentence says so.
    Missing(String),
}

/// What a deferred value is evaluated against.
pub trait Scope {
    /// A property of another resource.
    fn property(&self, reference: &Reference) -> Property;
    /// A secret; `None` where its source is missing.
    fn secret(&self, source: &SecretSource) -> Option<Secret>;
}

/// An expression that needs a secret or another resource's properties.
pub struct Deferred {
    pub(super) template: Arc<Template>,
    pub(super) frame: Arc<Frame>,
    pub(super) place: Place,
    pub(super) references: Vec<Reference>,
    pub(super) sources: Vec<SecretSource>,
    pub(super) secret: Option<String>,
    pub(super) describe: String,
    /// The value is a secret whatever the evaluation touched (`protected`).
    pub(super) protected: bool,
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deferred({})", self.describe)
    }
}

impl Deferred {
    /// The properties of other resources that the expression uses.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The sources of secrets that the expression uses and that have to be read.
    pub fn secret_sources(&self) -> &[SecretSource] {
        &self.sources
    }

    /// Where the secret comes from, if evaluating touches one: `env:NAME`, several joined by ` + `.
    pub fn secret_source(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// What it waits for: `orders.Arn`.
    pub fn describe(&self) -> &str {
        &self.describe
    }

    /// Where it is written.
    pub fn span(&self) -> Span {
        self.place.span
    }

    /// The value, as far as `scope` knows what it needs.
    ///
    /// [`Value::Unknown`] where a property is not known yet, an unresolved [`Value::Secret`] where a source is missing;
    /// a secret where the evaluation touched one.
    ///
    /// # Errors
    ///
    /// What is wrong with the expression, without any value in it.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, Diagnostic> {
        let mut properties: HashMap<Key, Property> = HashMap::new();
        for reference in &self.references {
            properties.insert((reference.address.clone(), reference.property.clone()), scope.property(reference));
        }
        let mut secrets: HashMap<SecretSource, Option<Secret>> =
            self.sources.iter().map(|source| (source.clone(), scope.secret(source))).collect();
        for _ in 0..MAX_ROUNDS {
            let run = Run::knowing(properties.clone(), secrets.clone());
            let result = self.inside(&run).and_then(|value| convert::from_jinja(&value));
            let trace = std::mem::take(&mut *run.trace());
            if trace.wanted_properties.is_empty() && trace.wanted_secrets.is_empty() {
                return self.finish(result, trace);
            }
            for key in trace.wanted_properties {
                let reference = self.reference(&key);
                let property = scope.property(&reference);
                properties.insert(key, property);
            }
            for source in trace.wanted_secrets {
                let secret = scope.secret(&source);
                secrets.insert(source, secret);
            }
        }
        Err(Diagnostic::error("M205", "the expression asks for ever more values").at(self.place.span))
    }

    fn reference(&self, key: &Key) -> Reference {
        let known = self.references.iter().find(|r| r.address == key.0 && r.property == key.1);
        let span = known.map_or(self.place.span, |reference| reference.span);
        Reference { address: key.0.clone(), property: key.1.clone(), span }
    }

    fn finish(&self, result: Result<Value, Problem>, trace: Trace) -> Result<Value, Diagnostic> {
        if let Some((key, why)) = trace.missing_properties.into_iter().next() {
            let span = self.reference(&key).span;
            let written =
                |token: &String| self.template.words().iter().any(|w| w.text == token || w.unquoted() == token);
            // A name that a secret took part in is as secret as that, unless the manifest has it too.
            if !trace.secrets.is_empty() && !key.1.iter().all(written) {
                let why = format!("`{}` has no property of the name that is made from a secret here", key.0);
                return Err(Diagnostic::error("M221", why).at(span));
            }
            return Err(Diagnostic::error("M221", why).at(span));
        }
        if let Some((problem, span)) = trace.problems.into_iter().next() {
            return Err(super::leaf::diagnose(&problem, span.unwrap_or(self.place.span), false));
        }
        if trace.unknown {
            return Ok(Value::Unknown(Arc::from(&*self.describe)));
        }
        let label = label(trace.secrets.iter().map(|label| &**label), self.protected);
        if let Some(label) = label.as_deref().filter(|_| trace.unresolved) {
            return Ok(Value::Secret(Secret::unresolved(label)));
        }
        match (result, label) {
            (Ok(value), Some(label)) => Ok(convert::taint(value, &label)),
            (Ok(value), None) => Ok(value),
            (Err(problem), label) => {
                let open = label.is_none() && !trace.outside;
                Err(super::leaf::diagnose(&problem, self.place(&problem.range), open))
            }
        }
    }

    /// Evaluates as a part of another evaluation.
    pub(super) fn inside(&self, run: &Arc<Run>) -> Result<Jinja, Problem> {
        if self.protected {
            run.trace().secrets.insert(Arc::from(crate::secret::LITERAL));
        }
        let context = Context { frame: Arc::clone(&self.frame), run: Arc::clone(run) };
        self.template.evaluate(&context.value())
    }

    /// Where a range of the scalar's value is written.
    pub(super) fn place(&self, range: &Range<usize>) -> Span {
        self.place.map(&self.template.text, range)
    }
}

/// The label of a value that touched these secrets.
pub(super) fn label<'l>(labels: impl Iterator<Item = &'l str>, protected: bool) -> Option<String> {
    let joined = labels.collect::<Vec<_>>().join(" + ");
    match (joined.is_empty(), protected) {
        (false, _) => Some(joined),
        (true, true) => Some(crate::secret::LITERAL.to_owned()),
        (true, false) => None,
    }
}
