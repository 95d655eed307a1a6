//! The names of a template: each lookup notes in the [`Run`] what it touched.

use std::fmt;
use std::sync::Arc;

use minijinja::Value as Jinja;
use minijinja::value::{Object, ObjectRepr};

use super::convert;
use super::deferred::Property;
use super::objects::{Instance, Keyed, Names, Of, Pending, Tree, is_plain, plain};
use super::run::{Key, Run};
use super::session::{Frame, Known};
use super::template::Problem;
use crate::address::Address;
use crate::functions;
use crate::secret::Secret;
use crate::value::Value;
use crate::variables::Bound;

/// The name under which functions find the [`Context`]; no template can write it.
pub const CONTEXT: &str = "\u{0}context";
/// Deferred values inside of deferred values.
const MAX_DEPTH: usize = 16;
/// Stands in for a secret that nobody has read.
const STAND_IN: &str = "secret";
/// Stands in for a property of another resource that is not known.
pub const UNKNOWN: char = '…';

/// Where a template stands, and the run that it is part of.
#[derive(Clone)]
pub struct Context {
    /// Where.
    pub frame: Arc<Frame>,
    /// The run.
    pub run: Arc<Run>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}

impl Object for Context {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        self.lookup(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Jinja> {
        self.lookup(key)
    }
}

impl Context {
    /// The root of a template's names.
    pub fn value(&self) -> Jinja {
        Jinja::from_object(self.clone())
    }

    fn lookup(&self, name: &str) -> Option<Jinja> {
        let session = &self.frame.session;
        match name {
            "stack_env" => return Some(Jinja::from(&*session.env)),
            "stack_name" => return Some(Jinja::from(&*session.name)),
            "vars" => return Some(Jinja::from_object(Names { context: self.clone(), of: Of::Variables })),
            "globals" => return Some(Jinja::from_object(Names { context: self.clone(), of: Of::Globals })),
            "this" if self.frame.address.is_some() => {
                return Some(Jinja::from_object(Names { context: self.clone(), of: Of::This }));
            }
            "each" if self.frame.each.is_some() => {
                return Some(Jinja::from_object(Names { context: self.clone(), of: Of::Each }));
            }
            "resource_name" => return self.frame.address.as_ref().map(|address| Jinja::from(address.name())),
            CONTEXT => return Some(self.value()),
            _ => {}
        }
        if let Some((value, made_of)) = self.frame.local(name) {
            self.note(&made_of);
            return Some(self.leaf(&value));
        }
        if let Some(value) = session.global(name) {
            self.note(&session.made_of(name));
            return Some(self.leaf(&value));
        }
        if let Some(known) = session.resource(name) {
            return Some(self.resource(name, &known));
        }
        if let Some(exporters) = session.exports.get(name) {
            return Some(self.export(name, exporters));
        }
        if session.variables.is_found(name) {
            return self.variable(name);
        }
        if !functions::FUNCTIONS.contains(&name) {
            self.run.trace().missing_names.insert(name.to_owned());
        }
        None
    }

    pub(super) fn variable(&self, name: &str) -> Option<Jinja> {
        match self.frame.session.variables.get(name) {
            Some(Bound::Plain(value)) => {
                let mut trace = self.run.trace();
                trace.outside = true;
                trace.origins.extend(self.frame.session.variables.origin(name));
                trace.variables.insert(name.to_owned());
                drop(trace);
                Some(plain(value))
            }
            Some(Bound::Secret(secret)) => Some(self.secret(secret)),
            Some(Bound::Structure(value)) => Some(self.leaf(value)),
            Some(Bound::Late(source)) => self.late(source),
            None => {
                self.run.trace().missing_variables.insert(name.to_owned());
                None
            }
        }
    }

    /// Notes the variables that a value was made of.
    pub(super) fn note(&self, variables: &[String]) {
        self.run.trace().variables.extend(variables.iter().cloned());
    }

    /// A value inside of what a template may look at.
    pub fn leaf(&self, value: &Value) -> Jinja {
        match value {
            Value::Secret(secret) => self.secret(secret),
            Value::Deferred(deferred) => self.deferred(deferred),
            Value::Unknown(name) => {
                let mut trace = self.run.trace();
                if self.run.dry {
                    trace.broken.get_or_insert_with(|| Arc::clone(name));
                }
                trace.unknown = true;
                drop(trace);
                Jinja::from_object(Pending { context: self.clone(), key: None })
            }
            Value::List(_) | Value::Map(_) if !is_plain(value) => {
                Jinja::from_object(Tree { context: self.clone(), value: Arc::new(value.clone()) })
            }
            other => plain(other),
        }
    }

    /// The text of a secret, noted as touched.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where a secret enters an evaluation, which is then one"
    )]
    fn secret(&self, secret: &Secret) -> Jinja {
        let mut trace = self.run.trace();
        trace.secrets.insert(Arc::from(secret.source()));
        match secret.expose() {
            Some(text) if !self.run.dry => convert::reveal(text, secret.form()),
            Some(_) => Jinja::from(STAND_IN),
            None => {
                trace.unresolved = true;
                Jinja::from(STAND_IN)
            }
        }
    }

    /// Whether an error may quote the arguments of a function: nothing from outside was used.
    pub fn is_quotable(&self) -> bool {
        let trace = self.run.trace();
        !trace.outside && trace.secrets.is_empty()
    }

    /// A secret whose source is named with something that is not known yet.
    pub fn named_later(&self, source: &str) -> Option<Jinja> {
        let mut trace = self.run.trace();
        let guessing = self.run.dry || trace.unknown || !trace.wanted_properties.is_empty();
        if !guessing || !source.contains(UNKNOWN) {
            return None;
        }
        trace.secrets.insert(Arc::from(source));
        Some(Jinja::from(STAND_IN))
    }

    /// A secret that is read when it is needed. `None` for a source that only the text of another secret could have
    /// named: the name of a source is shown.
    pub fn late(&self, source: &crate::credential::SecretSource) -> Option<Jinja> {
        let mut trace = self.run.trace();
        if !self.run.dry && !self.run.secrets.contains_key(source) && !trace.secrets.is_empty() {
            return None;
        }
        trace.secrets.insert(Arc::from(source.to_string()));
        trace.sources.insert(source.clone());
        if self.run.dry {
            return Some(Jinja::from(STAND_IN));
        }
        Some(match self.run.secrets.get(source) {
            None => {
                trace.wanted_secrets.insert(source.clone());
                Jinja::from(STAND_IN)
            }
            Some(None) => {
                trace.unresolved = true;
                Jinja::from(STAND_IN)
            }
            Some(Some(secret)) => {
                drop(trace);
                // The label is the source's, whatever the store calls it.
                self.secret_text(secret)
            }
        })
    }

    #[expect(clippy::disallowed_methods, reason = "as above: the source is already noted as touched")]
    fn secret_text(&self, secret: &Secret) -> Jinja {
        if let Some(text) = secret.expose() {
            return convert::reveal(text, secret.form());
        }
        self.run.trace().unresolved = true;
        Jinja::from(STAND_IN)
    }

    fn deferred(&self, deferred: &super::deferred::Deferred) -> Jinja {
        {
            let mut trace = self.run.trace();
            if trace.depth >= MAX_DEPTH {
                let problem = Problem::new("M205", "values refer to each other more than 16 levels deep", 0..0);
                trace.problems.push((problem, Some(deferred.span())));
                return Jinja::UNDEFINED;
            }
            trace.depth += 1;
        }
        let result = deferred.inside(&self.run);
        let mut trace = self.run.trace();
        trace.depth -= 1;
        match result {
            Ok(value) => value,
            Err(problem) => {
                if !self.run.dry || !trace.waits() {
                    let span = deferred.place(&problem.range);
                    trace.problems.push((problem, Some(span)));
                }
                drop(trace);
                Jinja::from_object(Pending { context: self.clone(), key: None })
            }
        }
    }

    fn resource(&self, name: &str, known: &Known) -> Jinja {
        if known.broken {
            return self.broken(name);
        }
        match &known.keys {
            Some(_) => Jinja::from_object(Keyed { context: self.clone(), name: name.to_owned(), known: known.clone() }),
            None if known.left_out.is_empty() => {
                Jinja::from_object(Instance { context: self.clone(), address: Address::new(name) })
            }
            None => {
                let problem = Problem::new("M214", format!("`{name}` is left out by its `if`"), 0..0)
                    .about(name)
                    .help("leave this out as well, or make the condition true");
                self.problem(problem)
            }
        }
    }

    fn broken(&self, name: &str) -> Jinja {
        let mut trace = self.run.trace();
        trace.broken.get_or_insert_with(|| Arc::from(name));
        trace.unknown = true;
        drop(trace);
        Jinja::from_object(Pending { context: self.clone(), key: None })
    }

    fn export(&self, name: &str, exporters: &[(String, String)]) -> Jinja {
        if let [(resource, property)] = exporters {
            let Some(known) = self.frame.session.resource(resource) else { return Jinja::UNDEFINED };
            let value = self.resource(resource, &known);
            return match value.downcast_object_ref::<Instance>() {
                Some(instance) => instance.property(property),
                None if value.downcast_object_ref::<Keyed>().is_some() => self.problem(
                    Problem::new("M215", format!("`{name}` is exported by every instance of `{resource}`"), 0..0)
                        .about(name)
                        .help(format!("name one of them: `{resource}[\"…\"].{property}`")),
                ),
                None => value,
            };
        }
        let all: Vec<String> =
            exporters.iter().map(|(resource, property)| format!("`{resource}.{property}`")).collect();
        self.problem(
            Problem::new("M215", format!("`{name}` is exported by more than one resource"), 0..0)
                .about(name)
                .help(format!("name one of them: {}", all.join(" or "))),
        )
    }

    pub(super) fn problem(&self, problem: Problem) -> Jinja {
        self.run.trace().problems.push((problem, None));
        Jinja::UNDEFINED
    }

    pub(super) fn fetch(&self, key: Key) -> Jinja {
        let found = self.run.properties.get(&key);
        let mut trace = self.run.trace();
        *trace.references.entry(key.clone()).or_insert(0) += 1;
        match found {
            Some(Property::Known(value)) => {
                drop(trace);
                trace_outside(&self.run);
                return self.leaf(value);
            }
            Some(Property::Missing(why)) => {
                trace.missing_properties.push((key, why.clone()));
                return Jinja::UNDEFINED;
            }
            Some(Property::Unknown) => {}
            None if self.run.dry => {}
            None => {
                // What a deeper lookup asks for may be known although the whole is not.
                let deeper =
                    self.run.properties.keys().any(|(address, path)| {
                        *address == key.0 && path.len() > key.1.len() && path.starts_with(&key.1)
                    });
                if !deeper {
                    trace.wanted_properties.insert(key.clone());
                }
                drop(trace);
                return Jinja::from_object(Pending { context: self.clone(), key: Some(key) });
            }
        }
        trace.unknown = true;
        drop(trace);
        Jinja::from_object(Pending { context: self.clone(), key: Some(key) })
    }
}

fn trace_outside(run: &Run) {
    run.trace().outside = true;
}
