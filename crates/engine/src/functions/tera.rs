//! Tera's spellings, where they are no other name of what Jinja has: stackql-deploy 2 renders with Tera, version 1 with Jinja.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value as Jinja};

use super::{says, says_as};

/// Numbers that `range` may give.
const MAX_RANGE: i64 = 100_000;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment.add_filter("get", get);
    environment.add_function("range", range);
}

/// `default('d')`, `default('d', true)`, `default(value='d')`.
fn default(value: Jinja, rest: Rest<Jinja>, keywords: Kwargs) -> Result<Jinja, Error> {
    let mut other = rest.first().cloned();
    let mut also_empty = rest.get(1).is_some_and(Jinja::is_true);
    for name in keywords.args() {
        match name {
            "value" | "default_value" if other.is_none() => other = Some(keywords.peek(name)?),
            "boolean" if rest.len() < 2 => also_empty = keywords.peek(name)?,
            _ => return Err(says("there are too many arguments, or one of an unknown name")),
        }
    }
    if rest.len() > 2 {
        return Err(says("there are too many arguments"));
    }
    let missing = value.is_undefined() || (also_empty && !value.is_true());
    Ok(if missing { other.unwrap_or_else(|| Jinja::from("")) } else { value })
}

/// `get(key='a')`, `get(key='a', default='d')`, `get('a')`.
fn get(value: Jinja, rest: Rest<Jinja>, keywords: Kwargs) -> Result<Jinja, Error> {
    let key = match rest.first() {
        Some(key) => key.clone(),
        None => keywords.get("key").map_err(|_| says("`get` takes a `key`"))?,
    };
    let other: Option<Jinja> = match rest.get(1) {
        Some(other) => Some(other.clone()),
        None => keywords.get("default")?,
    };
    if rest.len() > 2 {
        return Err(says("there are too many arguments"));
    }
    keywords.assert_all_used().map_err(|_| says("there is an argument of an unknown name"))?;
    if matches!(value.kind(), ValueKind::Seq | ValueKind::String) {
        return Err(says("`get` takes a map"));
    }
    let found = value.get_item(&key)?;
    match other {
        Some(other) if found.is_undefined() => Ok(other),
        _ if found.is_undefined() => Err(says("`get` finds no such key, and has no `default`")),
        _ => Ok(found),
    }
}

/// `range(3)`, `range(1, 3)`, `range(0, 9, 3)`, `range(end=3)`, `range(start=1, end=9, step_by=2)`.
fn range(rest: Rest<Jinja>, keywords: Kwargs) -> Result<Vec<i64>, Error> {
    let number = |value: &Jinja| value.as_i64().ok_or_else(|| says("`range` takes whole numbers"));
    let given: Vec<i64> = rest.iter().map(number).collect::<Result<_, _>>()?;
    let (mut start, mut end, mut step) = match given.as_slice() {
        [] => (0, None, 1),
        [end] => (0, Some(*end), 1),
        [start, end] => (*start, Some(*end), 1),
        [start, end, step] => (*start, Some(*end), *step),
        _ => return Err(says("there are too many arguments")),
    };
    for name in keywords.args() {
        let value = number(&keywords.peek::<Jinja>(name)?)?;
        match name {
            "start" => start = value,
            "end" => end = Some(value),
            "step_by" => step = value,
            _ => return Err(says("there is an argument of an unknown name")),
        }
    }
    let end = end.ok_or_else(|| says("`range` takes an `end`"))?;
    if step == 0 {
        return Err(says("`range` cannot go in steps of 0"));
    }
    if end.saturating_sub(start).saturating_div(step) > MAX_RANGE {
        return Err(says_as("M218", "`range` gives at most 100,000 numbers"));
    }
    let mut numbers = Vec::new();
    let mut at = start;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        numbers.push(at);
        at = at.saturating_add(step);
    }
    Ok(numbers)
}
