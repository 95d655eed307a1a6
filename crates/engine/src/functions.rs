//! The functions and filters of templates: stackql-deploy's, in positional and keyword form, and ours.
//!
//! None of them knows about secrets: whether a scalar is one is decided by what its evaluation touched, so that a filter
//! cannot wash it off. Their errors say what was expected and never what was there, because they may be about a secret.

pub(crate) mod bounded;
mod filters;
mod include;
mod tera;

use std::sync::Arc;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, ErrorKind, State, Value as Jinja};

use crate::credential::{SOURCES, SecretSource};
use crate::render::context::{CONTEXT, Context};

/// Every function that a template may call.
pub const FUNCTIONS: &[&str] = &["secret", "file", "uuid", "range", "dict", "namespace"];

/// Every filter that a template may use.
pub const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "base64_decode",
    "base64_encode",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "from_json",
    "generate_patch_document",
    "get",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "json_encode",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "merge_lists",
    "merge_objects",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "sha256",
    "slice",
    "sort",
    "split",
    "sql_escape",
    "sql_list",
    "sql_quoted",
    "sql_text",
    "string",
    "sum",
    "title",
    "to_aws_tag_filters",
    "to_json",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// Every test that a template may use.
pub const TESTS: &[&str] = &[
    "boolean",
    "containing",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// How the detail of an error of our own begins: it holds no value, and may be shown.
pub const SAYS: &str = "\u{0}";

/// An error of our own, in words that hold no value.
pub(crate) fn says(words: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{SAYS}{words}"))
}

/// The same with a code of its own.
fn says_as(code: &str, words: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{SAYS}{code}\u{0}{words}"))
}

/// The static form of a code in an error's detail.
pub(crate) fn code(text: &str) -> &'static str {
    match text {
        "M119" => "M119",
        "M211" => "M211",
        "M218" => "M218",
        _ => "M205",
    }
}

/// Adds everything to the environment.
pub(crate) fn register(environment: &mut Environment<'static>) {
    bounded::register(environment);
    filters::register(environment);
    tera::register(environment);
    environment.remove_filter("debug");
    environment.remove_global("debug");
    environment.add_function("secret", secret);
    environment.add_function("file", file);
    environment.add_function("uuid", uuid);
}

fn context(state: &State) -> Result<Arc<Context>, Error> {
    state.lookup(CONTEXT).and_then(|value| value.downcast_object::<Context>()).ok_or_else(|| says("no context"))
}

/// `secret('env:NAME')`.
fn secret(state: &State, source: &str, rest: Rest<Jinja>) -> Result<Jinja, Error> {
    none_left(&rest, "secret")?;
    let context = context(state)?;
    if let Some(later) = context.named_later(source) {
        return Ok(later);
    }
    let quotable = context.is_quotable();
    let source = SecretSource::parse(source).map_err(|why| {
        let why = if quotable { why } else { format!("this is no source of secrets; use {SOURCES}") };
        says_as("M211", why)
    })?;
    context.late(&source).ok_or_else(|| says_as("M211", "the source of a secret cannot depend on another secret"))
}

/// `file('policy.json')`.
fn file(state: &State, path: &str, rest: Rest<Jinja>) -> Result<Jinja, Error> {
    none_left(&rest, "file")?;
    let context = context(state)?;
    let quotable = context.is_quotable();
    let value = include::read(&context.frame.session, path).map_err(|why| {
        let name = if quotable { format!("`{path}`") } else { "the file".to_owned() };
        says_as("M119", format!("{name} cannot be included: {why}"))
    })?;
    Ok(context.leaf(&value))
}

/// `uuid()`: the same at every run, for the same stack, environment and resource.
fn uuid(state: &State, rest: Rest<Jinja>) -> Result<String, Error> {
    none_left(&rest, "uuid")?;
    let context = context(state)?;
    let session = &context.frame.session;
    let address = context.frame.address.as_ref().map(ToString::to_string).unwrap_or_default();
    let name = serde_json::json!(["trueup", session.name, session.env, address]).to_string();
    Ok(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string())
}

fn none_left(rest: &[Jinja], name: &str) -> Result<(), Error> {
    if rest.is_empty() { Ok(()) } else { Err(says(format!("`{name}` takes no more arguments"))) }
}

/// An argument that is given by position or by one of these names.
pub(crate) fn argument(rest: &[Jinja], keywords: &Kwargs, names: &[&str]) -> Result<Option<Jinja>, Error> {
    if rest.len() > 1 {
        return Err(says("there are too many arguments"));
    }
    let mut found = rest.first().cloned();
    for name in keywords.args() {
        if !names.contains(&name) || found.is_some() {
            return Err(says("there are too many arguments, or one of an unknown name"));
        }
        found = Some(keywords.peek(name)?);
    }
    Ok(found)
}
