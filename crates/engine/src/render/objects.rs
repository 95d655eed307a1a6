//! What the names of a template stand for: resources, maps with secrets in them, and what is not known yet.

use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError};

use minijinja::Value as Jinja;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::context::Context;
use super::run::Key;
use super::session::Known;
use super::template::Problem;
use crate::address::Address;
use crate::diagnostic::suggest;
use crate::value::Value;

/// Which names.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Variables,
    Globals,
    This,
    Each,
}

/// `vars`, `globals`, `this`, `each`.
pub(super) struct Names {
    pub(super) context: Context,
    pub(super) of: Of,
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
            Of::Globals => {
                context.note(&context.frame.session.made_of(name));
                (context.frame.session.global(name), "globals")
            }
            Of::This => {
                let made_of = context.frame.this_made_of.read().unwrap_or_else(PoisonError::into_inner);
                context.note(made_of.get(name).map(Vec::as_slice).unwrap_or_default());
                let this = context.frame.this.read().unwrap_or_else(PoisonError::into_inner);
                let own = this.get(name).cloned().map(Arc::new);
                drop(this);
                let local = || {
                    let (value, made_of) = context.frame.local(name)?;
                    context.note(&made_of);
                    Some(value)
                };
                (own.or_else(local), "this")
            }
            Of::Each => {
                let (key, value) = context.frame.each.as_ref()?;
                context.note(&context.frame.each_made_of);
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
pub(super) struct Keyed {
    pub(super) context: Context,
    pub(super) name: String,
    pub(super) known: Known,
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
        if !self.context.run.trace().secrets.is_empty() {
            let summary = format!("`{name}` has no instance of the key that is made from a secret here");
            return Some(self.context.problem(Problem::new("M215", summary, 0..0).about(name)));
        }
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
pub(super) struct Instance {
    pub(super) context: Context,
    pub(super) address: Address,
}

impl Instance {
    /// A property or attribute, or what the resource exports under this name.
    pub(super) fn property(&self, name: &str) -> Jinja {
        let name = self.context.frame.session.exported(self.address.name(), name).unwrap_or(name);
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
        f.write_char(super::context::UNKNOWN)
    }
}

/// Stands in for something that is not known (yet).
pub(super) struct Pending {
    pub(super) context: Context,
    pub(super) key: Option<Key>,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(super::context::UNKNOWN)
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
        f.write_char(super::context::UNKNOWN)
    }
}

/// A map or list with something inside that must be noted when it is touched.
pub(super) struct Tree {
    pub(super) context: Context,
    pub(super) value: Arc<Value>,
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
