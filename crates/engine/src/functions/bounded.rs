//! The engine's own filters, each with a limit on what it may make.
//!
//! A step of a template may be as long as its values: steps alone bound nothing. So every filter first looks at what it
//! was given, and what all filters of one evaluation make together is bounded too.

use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::LazyLock;

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{AutoEscape, Environment, Error, State, UndefinedBehavior, Value as Jinja};

use super::says_as;

/// Bytes that one filter may take or make.
const MAX_TEXT: usize = crate::render::template::MAX_OUTPUT;
/// Items of a list that a filter may take.
const MAX_ITEMS: usize = 100_000;
/// Bytes that all filters of one evaluation may make.
const MAX_WORK: usize = 64 * MAX_TEXT;

thread_local! {
    static WORK: Cell<usize> = const { Cell::new(0) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// One evaluation; those inside of it count as a part of it.
pub(crate) struct Evaluation(());

impl Evaluation {
    pub(crate) fn begin() -> Self {
        if DEPTH.get() == 0 {
            WORK.set(0);
        }
        DEPTH.set(DEPTH.get() + 1);
        Self(())
    }
}

impl Drop for Evaluation {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

fn too_large() -> Error {
    says_as("M218", "a filter of this template makes too much: 1 MiB at once, 64 MiB together and 100,000 items")
}

/// Counts what a filter takes or makes.
pub(super) fn spend(bytes: usize) -> Result<(), Error> {
    let work = WORK.get().saturating_add(bytes).saturating_add(16);
    WORK.set(work);
    if bytes > MAX_TEXT || work > MAX_WORK { Err(too_large()) } else { Ok(()) }
}

/// Text to text, or anything to text.
const TEXTS: &[&str] = &[
    "capitalize",
    "e",
    "escape",
    "format",
    "indent",
    "join",
    "lower",
    "pprint",
    "replace",
    "string",
    "title",
    "trim",
    "upper",
];

/// What collects items.
const LISTS: &[&str] = &[
    "batch",
    "chain",
    "dictsort",
    "groupby",
    "items",
    "lines",
    "list",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "sum",
    "unique",
    "zip",
];

/// The engine's filters as they are.
static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_debug(false);
    environment
});

pub(super) fn register(environment: &mut Environment<'static>) {
    for name in TEXTS {
        let name: &'static str = name;
        environment.add_filter(name, move |rest: Rest<ValueOrKwargs>| {
            let values = by_position(name, rest.into_values());
            let expected = made(name, &values)?;
            spend(expected)?;
            apply(name, &values)
        });
    }
    for name in LISTS {
        let name: &'static str = name;
        environment.add_filter(name, move |rest: Rest<ValueOrKwargs>| {
            let values = by_position(name, rest.into_values());
            for value in &values {
                spend(items(value)?.saturating_mul(8))?;
            }
            for value in values.iter().skip(1) {
                spend(numbers(value)?)?;
            }
            apply(name, &values)
        });
    }
    environment.add_filter("map", |state: &mut State, value: Jinja, rest: Rest<ValueOrKwargs>| {
        spend(items(&value)?.saturating_mul(8))?;
        minijinja::filters::map(state, value, rest)
    });
}

/// The arguments of Tera's spelling, which has names only, where they stand in Jinja's.
const NAMED: &[(&str, &[&str])] = &[("join", &["sep"]), ("replace", &["from", "to"]), ("split", &["pat"])];

fn by_position(filter: &str, mut values: Vec<Jinja>) -> Vec<Jinja> {
    let Some((_, names)) = NAMED.iter().find(|(name, _)| *name == filter) else { return values };
    let Some(keywords) = values.last().filter(|value| value.is_kwargs()).cloned() else { return values };
    let given: Vec<Jinja> =
        names.iter().filter_map(|name| keywords.get_attr(name).ok()).filter(|value| !value.is_undefined()).collect();
    if given.len() == names.len() && keywords.len() == Some(names.len()) {
        values.pop();
        values.extend(given);
    }
    values
}

fn apply(name: &str, values: &[Jinja]) -> Result<Jinja, Error> {
    PLAIN.empty_state().apply_filter(name, values)
}

/// How many bytes a filter would make, at most.
fn made(name: &str, values: &[Jinja]) -> Result<usize, Error> {
    let mut lengths = Vec::with_capacity(values.len());
    for value in values {
        let mut left = MAX_TEXT;
        measure(value, &mut left, 128)?;
        lengths.push(MAX_TEXT - left);
    }
    let whole = lengths.iter().fold(0_usize, |sum, length| sum.saturating_add(*length));
    let text = |at: usize| values.get(at).and_then(Jinja::as_str).unwrap_or_default();
    Ok(match name {
        "replace" => text(0).matches(text(1)).count().saturating_mul(text(2).len()).saturating_add(whole),
        "join" => {
            let first = values.first().map_or(Ok(0), items)?;
            let between = lengths.iter().skip(1).fold(0_usize, |sum, length| sum.saturating_add(*length));
            first.saturating_mul(between).saturating_add(whole)
        }
        "indent" => {
            let lines = text(0).lines().count().max(1);
            let width = values.iter().skip(1).try_fold(4, |most, value| numbers(value).map(|n| n.max(most)))?;
            lines.saturating_mul(width).saturating_add(whole)
        }
        "format" => {
            let mut wide = 0_usize;
            for value in values {
                wide = wide.max(numbers(value)?);
                for digits in value.as_str().unwrap_or_default().split(|c: char| !c.is_ascii_digit()) {
                    wide = wide.saturating_add(digits.parse().unwrap_or(usize::from(!digits.is_empty()) * MAX_TEXT));
                }
            }
            wide.saturating_mul(values.len()).saturating_add(whole)
        }
        _ => whole,
    })
}

/// A number in an argument, by position or by name; one that would fill the memory is an error.
fn numbers(value: &Jinja) -> Result<usize, Error> {
    let number = match value.kind() {
        ValueKind::Number => value.as_usize().unwrap_or_default(),
        ValueKind::Map if value.is_kwargs() => {
            let names = value.try_iter()?;
            names.filter_map(|name| value.get_item(&name).ok()?.as_usize()).max().unwrap_or_default()
        }
        _ => 0,
    };
    Ok(number)
}

fn items(value: &Jinja) -> Result<usize, Error> {
    let count = match value.kind() {
        ValueKind::String => value.as_str().unwrap_or_default().len(),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            value.try_iter().map_or(0, |items| items.take(MAX_ITEMS + 1).count())
        }
        _ => 0,
    };
    let most = if value.kind() == ValueKind::String { MAX_TEXT / 8 } else { MAX_ITEMS };
    if count > most { Err(too_large()) } else { Ok(count) }
}

/// The length of a value's text. What holds itself many times is walked no longer than the limit.
fn measure(value: &Jinja, left: &mut usize, depth: usize) -> Result<(), Error> {
    let mut take = |bytes: usize| -> Result<(), Error> {
        *left = left.checked_sub(bytes).ok_or_else(too_large)?;
        Ok(())
    };
    if depth == 0 {
        return Err(too_large());
    }
    match value.kind() {
        ValueKind::String => take(value.as_str().unwrap_or_default().len())?,
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()? {
                *left = left.checked_sub(2).ok_or_else(too_large)?;
                measure(&item, left, depth - 1)?;
            }
        }
        ValueKind::Map => {
            for key in value.try_iter()? {
                *left = left.checked_sub(4).ok_or_else(too_large)?;
                measure(&key, left, depth - 1)?;
                if let Ok(member) = value.get_item(&key) {
                    measure(&member, left, depth - 1)?;
                }
            }
        }
        ValueKind::Number => {
            let mut text = String::new();
            let _ = write!(text, "{value}");
            take(text.len())?;
        }
        _ => take(16)?,
    }
    Ok(())
}
