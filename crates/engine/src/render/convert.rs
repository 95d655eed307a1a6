//! Between the template engine's values and ours, without a round trip through text.

use minijinja::Value as Jinja;
use minijinja::value::ValueKind;

use super::objects::stands_for_text;
use super::template::{MAX_OUTPUT, Problem};
use crate::manifest::scalar::{self, Plain};
use crate::secret::{Form, Secret};
use crate::value::{Map, Number, Value};

/// Items that one scalar may become.
const MAX_ITEMS: usize = 100_000;
const MAX_DEPTH: usize = 64;

struct Budget {
    bytes: usize,
    items: usize,
}

/// The native value of an expression's result.
pub fn from_jinja(value: &Jinja) -> Result<Value, Problem> {
    let mut budget = Budget { bytes: MAX_OUTPUT, items: MAX_ITEMS };
    convert(value, &mut budget, MAX_DEPTH).map_err(|why| match why {
        Wrong::Large => Problem::new("M218", "the result is larger than 1 MiB or 100,000 items", 0..0),
        Wrong::Undefined => {
            let mut problem = Problem::new("M206", "a part of this is not defined", 0..0);
            problem.undefined = true;
            problem
        }
        Wrong::Resource => Problem::new("M205", "this is a resource or a function, and not a value", 0..0)
            .help("name one of its properties, as in `orders.Arn`, or call it"),
        Wrong::Kind(what) => {
            Problem::new("M205", format!("the result holds {what}, which has no place in a manifest"), 0..0)
        }
    })
}

/// As JSON, for filters.
pub fn to_json(value: &Jinja) -> Result<serde_json::Value, &'static str> {
    let mut budget = Budget { bytes: MAX_OUTPUT, items: MAX_ITEMS };
    match convert(value, &mut budget, MAX_DEPTH) {
        Ok(value) => Ok(value.to_masked_json()),
        Err(Wrong::Large) => Err("a value larger than 1 MiB"),
        Err(Wrong::Resource) => Err("a resource"),
        Err(Wrong::Undefined) => Err("something that is not defined"),
        Err(Wrong::Kind(what)) => Err(what),
    }
}

enum Wrong {
    Large,
    Undefined,
    Resource,
    Kind(&'static str),
}

fn convert(value: &Jinja, budget: &mut Budget, depth: usize) -> Result<Value, Wrong> {
    if depth == 0 || budget.items == 0 {
        return Err(Wrong::Large);
    }
    budget.items -= 1;
    Ok(match value.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => Value::Number(number(value).ok_or(Wrong::Kind("a number beyond 64 bits"))?),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            budget.bytes = budget.bytes.checked_sub(text.len()).ok_or(Wrong::Large)?;
            Value::String(text.to_owned())
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter().map_err(|_| Wrong::Kind("something that cannot be listed"))? {
                items.push(convert(&item, budget, depth - 1)?);
            }
            Value::List(items)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter().map_err(|_| Wrong::Kind("something that cannot be listed"))? {
                let name = match key.kind() {
                    ValueKind::String | ValueKind::Number => key.to_string(),
                    _ => return Err(Wrong::Kind("a key that is not text")),
                };
                budget.bytes = budget.bytes.checked_sub(name.len()).ok_or(Wrong::Large)?;
                let member = value.get_item(&key).map_err(|_| Wrong::Kind("a member that cannot be read"))?;
                map.insert(name, convert(&member, budget, depth - 1)?);
            }
            Value::Map(map)
        }
        ValueKind::Undefined => return Err(Wrong::Undefined),
        ValueKind::Plain if stands_for_text(value) => Value::String(String::new()),
        ValueKind::Plain => return Err(Wrong::Resource),
        ValueKind::Bytes => return Err(Wrong::Kind("bytes")),
        _ => return Err(Wrong::Kind("something that failed")),
    })
}

fn number(value: &Jinja) -> Option<Number> {
    if value.is_integer() {
        if let Ok(number) = i64::try_from(value.clone()) {
            return Some(number.into());
        }
        return u64::try_from(value.clone()).ok().map(Number::from);
    }
    f64::try_from(value.clone()).ok().and_then(Number::from_f64)
}

/// A value whose evaluation touched a secret: a scalar is one, and so is every text and every number inside of a
/// structure. A secret remembers what it was, since a number is never guessed into a text.
pub fn taint(value: Value, label: &str) -> Value {
    match value {
        Value::Bool(flag) => Value::Secret(Secret::new(label, flag.to_string()).of_form(Form::Boolean)),
        other => taint_inside(other, label),
    }
}

/// Flags inside of a structure say what their neighbours are, and are no secrets.
fn taint_inside(value: Value, label: &str) -> Value {
    match value {
        Value::String(text) => Value::Secret(Secret::new(label, text)),
        Value::Number(number) => Value::Secret(Secret::new(label, number.to_string()).of_form(Form::Number)),
        Value::List(items) => Value::List(items.into_iter().map(|item| taint_inside(item, label)).collect()),
        Value::Map(map) => {
            Value::Map(map.into_iter().map(|(name, member)| (name, taint_inside(member, label))).collect())
        }
        other => other,
    }
}

/// The text of a secret as what it was; a number that would be written in another way stays the text that it is.
pub fn reveal(text: &str, form: Form) -> Jinja {
    match (form, scalar::resolve(text)) {
        (Form::Number, Plain::Number(number)) if number.to_string() == text => {
            super::objects::plain(&Value::Number(number))
        }
        (Form::Boolean, Plain::Bool(flag)) => Jinja::from(flag),
        _ => Jinja::from(text),
    }
}
