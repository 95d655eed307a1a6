//! What templates see: each lookup notes in the [`Run`] what it touched.

use std::fmt;
use std::sync::{Arc, PoisonError};

use minijinja::Value as Jinja;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::deferred::Property;
use super::run::{Key, Run};
use super::session::{Frame, Known};
use super::template::Problem;
use crate::address::Address;
use crate::diagnostic::suggest;
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
        if let Some(value) = session.global(name) {
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

    fn variable(&self, name: &str) -> Option<Jinja> {
        match self.frame.session.variables.get(name) {
            Some(Bound::Plain(value)) => {
                self.run.trace().outside = true;
                Some(plain(value))
            }
            Some(Bound::Secret(secret)) => Some(self.secret(secret)),
            Some(Bound::Late(source)) => Some(self.late(source)),
            None => {
                self.run.trace().missing_variables.insert(name.to_owned());
                None
            }
        }
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
            Some(text) if !self.run.dry => Jinja::from(text),
            Some(_) => Jinja::from(STAND_IN),
            None => {
                trace.unresolved = true;
                Jinja::from(STAND_IN)
            }
        }
    }

    /// A secret that is read when it is needed.
    pub fn late(&self, source: &crate::credential::SecretSource) -> Jinja {
        let mut trace = self.run.trace();
        trace.secrets.insert(Arc::from(source.to_string()));
        trace.sources.insert(source.clone());
        if self.run.dry {
            return Jinja::from(STAND_IN);
        }
        match self.run.secrets.get(source) {
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
        }
    }

    #[expect(clippy::disallowed_methods, reason = "as above: the source is already noted as touched")]
    fn secret_text(&self, secret: &Secret) -> Jinja {
        match secret.expose() {
            Some(text) => Jinja::from(text),
            None => {
                self.run.trace().unresolved = true;
                Jinja::from(STAND_IN)
            }
        }
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

    fn problem(&self, problem: Problem) -> Jinja {
        self.run.trace().problems.push((problem, None));
        Jinja::UNDEFINED
    }

    fn fetch(&self, key: Key) -> Jinja {
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

#[derive(Clone, Copy)]
enum Of {
    Variables,
    Globals,
    This,
    Each,
}

/// `vars`, `globals`, `this`, `each`.
struct Names {
    context: Context,
    of: Of,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Object for Names {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let name = key.as_str()?;
        let context = &self.context;
        let (value, known): (Option<Arc<Value>>, &str) = match self.of {
            Of::Variables => return context.variable(name),
            Of::Globals => (context.frame.session.global(name), "globals"),
            Of::This => {
                let this = context.frame.this.read().unwrap_or_else(PoisonError::into_inner);
                (this.get(name).cloned().map(Arc::new), "this")
            }
            Of::Each => {
                let (key, value) = context.frame.each.as_ref()?;
                match name {
                    "key" => return Some(Jinja::from(&**key)),
                    "value" => (Some(Arc::clone(value)), "each"),
                    _ => (None, "each"),
                }
            }
        };
        if value.is_none() {
            context.run.trace().missing_names.insert(format!("{known}.{name}"));
        }
        let value = value?;
        Some(context.leaf(&value))
    }
}

/// A resource with `for_each`.
struct Keyed {
    context: Context,
    name: String,
    known: Known,
}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Object for Keyed {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        let keys = self.known.keys.as_deref().unwrap_or_default();
        if keys.iter().any(|known| **known == *key) {
            let address = Address::keyed(&*self.name, &*key);
            return Some(Jinja::from_object(Instance { context: self.context.clone(), address }));
        }
        let name = &self.name;
        if self.known.left_out.iter().any(|left| **left == *key) {
            let problem =
                Problem::new("M214", format!("`{name}[\"{key}\"]` is left out by its `if`"), 0..0).about(name);
            return Some(self.context.problem(problem));
        }
        let problem = Problem::new("M215", format!("`{name}` is made by `for_each` and has no instance `{key}`"), 0..0)
            .about(name);
        let near = suggest::nearest(&key, keys.iter().map(|key| &**key)).or(keys.first().map(|key| &**key));
        Some(self.context.problem(match near {
            Some(near) => problem.help(format!("name an instance: `{name}[\"{near}\"]`")),
            None => problem,
        }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = self.known.keys.as_deref().unwrap_or_default();
        Enumerator::Values(keys.iter().map(|key| Jinja::from(&**key)).collect())
    }
}

/// A resource, or one instance of it.
struct Instance {
    context: Context,
    address: Address,
}

impl Instance {
    fn property(&self, name: &str) -> Jinja {
        self.context.fetch((self.address.clone(), vec![name.to_owned()]))
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)
    }
}

impl Object for Instance {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        Some(self.property(key.as_str()?))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.address;
        let problem = Problem::new("M205", format!("`{address}` is a resource, and not a value"), 0..0)
            .about(address.name())
            .help(format!("name one of its properties: `{address}.Arn`"));
        self.context.problem(problem);
        f.write_str("…")
    }
}

/// Stands in for something that is not known (yet).
struct Pending {
    context: Context,
    key: Option<Key>,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Object for Pending {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let Some((address, path)) = &self.key else {
            return Some(Jinja::from_object(Self { context: self.context.clone(), key: None }));
        };
        let token = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        if let Some(count) = self.context.run.trace().references.get_mut(&(address.clone(), path.clone())) {
            *count -= 1;
        }
        let mut path = path.clone();
        path.push(token);
        Some(self.context.fetch((address.clone(), path)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key
            && !self.context.run.dry
            && !self.context.run.properties.contains_key(key)
        {
            let mut trace = self.context.run.trace();
            trace.wanted_properties.insert(key.clone());
            trace.unknown = true;
        }
        f.write_str("…")
    }
}

/// A map or list with something inside that must be noted when it is touched.
struct Tree {
    context: Context,
    value: Arc<Value>,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tree")
    }
}

impl Object for Tree {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if matches!(*self.value, Value::List(_)) { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let member = match &*self.value {
            Value::Map(map) => map.get(key.as_str()?)?,
            Value::List(items) => items.get(key.as_usize()?)?,
            _ => return None,
        };
        Some(self.context.leaf(member))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &*self.value {
            Value::Map(map) => Enumerator::Values(map.keys().map(|key| Jinja::from(&**key)).collect()),
            Value::List(items) => Enumerator::Seq(items.len()),
            _ => Enumerator::Empty,
        }
    }
}

/// Whether an object is the stand-in of something that will be text.
pub fn stands_for_text(value: &Jinja) -> bool {
    value.downcast_object_ref::<Pending>().is_some()
}

/// Whether a value holds nothing that must be noted when it is touched.
pub fn is_plain(value: &Value) -> bool {
    match value {
        Value::Secret(_) | Value::Deferred(_) | Value::Unknown(_) => false,
        Value::List(items) => items.iter().all(is_plain),
        Value::Map(map) => map.values().all(is_plain),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// The engine's form of a plain value.
pub fn plain(value: &Value) -> Jinja {
    match value {
        Value::Bool(flag) => Jinja::from(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Jinja::from(number),
            (None, Some(number)) => Jinja::from(number),
            (None, None) => Jinja::from(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Jinja::from(&**text),
        Value::List(items) => Jinja::from(items.iter().map(plain).collect::<Vec<_>>()),
        Value::Map(map) => Jinja::from_pairs(map.iter().map(|(name, member)| (Jinja::from(&**name), plain(member)))),
        Value::Null | Value::Secret(_) | Value::Deferred(_) | Value::Unknown(_) => Jinja::from(()),
    }
}
