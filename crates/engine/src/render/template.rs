//! One scalar with its braces, compiled once and evaluated as often as there are instances.
//!
//! A scalar that is exactly one `{{ … }}` gives the native value of the expression: nothing makes a round trip through
//! text. Any other is cut into literal text and expressions, each compiled and evaluated by itself, so that every error
//! has exact bytes and so that what may not become text (a boolean, none, a list) is caught where it happens. Only
//! scalars with statements or comments go through the engine's text renderer, into a bounded buffer.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value as Jinja};

use super::program::{ENVIRONMENT, Program, Programs};
use super::scan::{self, Kind, Piece, Word};
use crate::diagnostic::suggest;
use crate::functions;

/// Bytes that one scalar may become.
pub const MAX_OUTPUT: usize = 1024 * 1024;
/// Bytes of a scalar with statements: a loop may repeat all of it.
const MAX_STATEMENTS: usize = 64 * 1024;
/// Bytes of one scalar's code.
const MAX_CODE: usize = 16 * 1024;
/// Words of one scalar's code.
const MAX_WORDS: usize = 2_000;
/// Operators of one expression: the engine goes one level deeper for each.
const MAX_OPERATORS: usize = 400;
/// `{% … %}` in one scalar.
const MAX_BLOCKS: usize = 200;
/// What one scalar may put together, as a multiple of the largest value.
const MAX_GROWTH: usize = 256;
/// `*` in one scalar: each may repeat a text.
const MAX_TIMES: usize = 4;

/// What went wrong in a template, and where in its text.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The diagnostic's code.
    pub code: &'static str,
    /// What is wrong.
    pub summary: String,
    /// The bytes of the scalar's value.
    pub range: Range<usize>,
    /// What to do.
    pub help: Option<String>,
    /// The name that it is about, where the range is not known.
    pub name: Option<Box<str>>,
    /// The engine's own words. They may quote values: shown only where nothing but the manifest was used.
    pub detail: Option<Box<str>>,
    /// It came from a name that is not defined; the names are known to the run.
    pub undefined: bool,
}

impl Problem {
    /// A problem.
    pub fn new(code: &'static str, summary: impl Into<String>, range: Range<usize>) -> Self {
        Self { code, summary: summary.into(), range, help: None, name: None, detail: None, undefined: false }
    }

    /// About this name.
    pub fn about(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

enum Shape {
    Whole(Arc<Program>, Range<usize>),
    Mixed(Vec<Part>),
    Statements,
}

enum Part {
    Text(Range<usize>),
    Expression(Arc<Program>, Range<usize>),
}

/// A compiled scalar.
pub struct Template {
    /// The scalar's value.
    pub text: Arc<str>,
    shape: Shape,
}

impl Template {
    /// Compiles a scalar.
    pub fn compile(text: &Arc<str>, programs: &Programs) -> Result<Self, Problem> {
        let pieces = scan::pieces(text).map_err(|unclosed| {
            Problem::new(
                "M203",
                format!("the template is not closed: `{}` is missing", unclosed.missing),
                unclosed.at..unclosed.at + 2,
            )
            .help("for the braces themselves write `{{ '{{' }}`")
        })?;
        check_length(text, &pieces)?;
        let statements = pieces.iter().any(|piece| match piece {
            Piece::Statement(_) | Piece::Comment(_) => true,
            Piece::Expression(code) => {
                text[code.clone()].starts_with(['-', '+']) || text[code.clone()].ends_with(['-', '+'])
            }
            Piece::Text(_) => false,
        });
        let shape = if statements {
            if text.len() > MAX_STATEMENTS {
                return Err(Problem::new("M218", "a template with statements may have 64 KiB", 0..1));
            }
            check_statements(text, &pieces)?;
            Shape::Statements
        } else {
            let mut parts = Vec::with_capacity(pieces.len());
            for piece in pieces {
                parts.push(match piece {
                    Piece::Expression(code) => {
                        Part::Expression(programs.compile(&text[code.clone()], code.start)?, code)
                    }
                    Piece::Text(range) | Piece::Statement(range) | Piece::Comment(range) => Part::Text(range),
                });
            }
            match <[Part; 1]>::try_from(parts) {
                Ok([Part::Expression(program, code)]) => Shape::Whole(program, code),
                Ok(one) => Shape::Mixed(one.into()),
                Err(parts) => Shape::Mixed(parts),
            }
        };
        Ok(Self { text: Arc::clone(text), shape })
    }

    /// Compiles an expression without braces.
    pub fn expression(text: &Arc<str>, programs: &Programs) -> Result<Self, Problem> {
        check_length(text, &[Piece::Expression(0..text.len())])?;
        let program = programs.compile(text, 0)?;
        Ok(Self { text: Arc::clone(text), shape: Shape::Whole(program, 0..text.len()) })
    }

    /// All words of its code.
    pub fn words(&self) -> Vec<Word<'_>> {
        match &self.shape {
            Shape::Whole(_, code) => scan::words(&self.text[code.clone()], code.start),
            _ => words(&self.text),
        }
    }

    /// Evaluates in a context. Undefined is an error, wherever it comes out.
    pub fn evaluate(&self, context: &Jinja) -> Result<Jinja, Problem> {
        let _evaluation = functions::bounded::Evaluation::begin();
        match &self.shape {
            Shape::Whole(program, code) => {
                let value = program.run(context, code)?;
                if value.is_undefined() {
                    return Err(undefined(trimmed(&self.text, code)));
                }
                Ok(value)
            }
            Shape::Mixed(parts) => {
                let mut output = String::with_capacity(self.text.len());
                for part in parts {
                    match part {
                        Part::Text(range) => output.push_str(&self.text[range.clone()]),
                        Part::Expression(program, code) => {
                            let value = program.run(context, code)?;
                            let range = trimmed(&self.text, code);
                            if value.is_undefined() {
                                return Err(undefined(range));
                            }
                            let text = text_of(&value).map_err(|error| explain(&error, &range, true))?;
                            output.push_str(&text);
                        }
                    }
                    if output.len() > MAX_OUTPUT {
                        return Err(Problem::new("M218", "the text becomes longer than 1 MiB", 0..self.text.len()));
                    }
                }
                Ok(Jinja::from(output))
            }
            Shape::Statements => self.render(context),
        }
    }

    fn render(&self, context: &Jinja) -> Result<Jinja, Problem> {
        let whole = 0..self.text.len();
        let mut output = Bounded(Vec::new());
        let environment: &Environment<'_> = &ENVIRONMENT;
        let result = environment
            .template_from_str(&self.text)
            .and_then(|template| template.render_captured_to(context.clone(), &mut output).map(|_| ()));
        if let Err(error) = result {
            if error.kind() == ErrorKind::WriteFailure {
                return Err(Problem::new("M218", "the text becomes longer than 1 MiB", whole));
            }
            return Err(explain(&error, &whole, false));
        }
        String::from_utf8(output.0)
            .map(Jinja::from)
            .map_err(|_| Problem::new("M205", "the result is not text", 0..self.text.len()))
    }
}

/// A writer that refuses more than [`MAX_OUTPUT`] bytes.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(std::io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All words of a scalar's code.
pub fn words(text: &str) -> Vec<Word<'_>> {
    let Ok(pieces) = scan::pieces(text) else { return Vec::new() };
    pieces
        .into_iter()
        .flat_map(|piece| match piece {
            Piece::Expression(code) | Piece::Statement(code) => scan::words(&text[code.clone()], code.start),
            Piece::Text(_) | Piece::Comment(_) => Vec::new(),
        })
        .collect()
}

/// The engine parses, folds and compiles with one level of the stack for each operator, before any limit of its own.
fn check_length(text: &str, pieces: &[Piece]) -> Result<(), Problem> {
    let (mut bytes, mut count, mut blocks, mut times) = (0, 0, 0, 0);
    for piece in pieces {
        let (Piece::Expression(code) | Piece::Statement(code)) = piece else { continue };
        let large = |what: &str| {
            Err(Problem::new("M218", format!("this template has more than {what}"), code.clone())
                .help("cut it into globals, or keep the text in a file and read it with `file()`"))
        };
        bytes += code.len();
        blocks += usize::from(matches!(piece, Piece::Statement(_)));
        if bytes > MAX_CODE {
            return large("16 KiB between its braces");
        }
        if blocks > MAX_BLOCKS {
            return large("200 statements");
        }
        let words = scan::words(&text[code.clone()], code.start);
        count += words.len();
        if count > MAX_WORDS {
            return large("2,000 words");
        }
        if words.iter().filter(|word| is_operator(word)).count() > MAX_OPERATORS {
            return large("400 operators in one expression");
        }
        times += words.iter().filter(|word| word.text == "*").count();
        if times > MAX_TIMES {
            return large("4 times `*`");
        }
        let joins = words.iter().any(|word| matches!(word.text, "~" | "+"));
        if joins && words.iter().filter(|word| word.kind == Kind::Name).count() > MAX_GROWTH {
            return large("256 names in an expression with `~` or `+`");
        }
    }
    Ok(())
}

fn is_operator(word: &Word<'_>) -> bool {
    match word.kind {
        Kind::Keyword => matches!(word.text, "not" | "and" | "or" | "if" | "is" | "in"),
        Kind::Other => "|.~+-*/%=<>![({".contains(word.text),
        _ => false,
    }
}

/// What a statement binds, and what from.
struct Binding<'w, 't> {
    targets: Vec<&'t str>,
    from: &'w [Word<'t>],
    range: Range<usize>,
}

/// Steps do not bound what `~` makes: forty steps that double a text fill any memory. So no name may be built from
/// itself, nothing may collect output in a value, and what the rest can put together is counted before it runs.
fn check_growth(text: &str, pieces: &[Piece]) -> Result<(), Problem> {
    let code: Vec<Vec<Word<'_>>> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Expression(code) | Piece::Statement(code) => Some(scan::words(&text[code.clone()], code.start)),
            Piece::Text(_) | Piece::Comment(_) => None,
        })
        .collect();
    let mut bindings: Vec<Binding<'_, '_>> = Vec::new();
    for all in &code {
        let words = without_marks(all);
        let Some(first) = words.first() else { continue };
        let range = first.start..words.last().map_or(first.start, |word| word.range().end);
        let collects = matches!(first.text, "macro" | "call" | "filter" | "block" | "endset")
            || (first.text == "for" && words.iter().any(|word| word.text == "recursive"));
        if collects {
            return Err(Problem::new("M218", format!("a template cannot have `{}` here", first.text), range)
                .help("a template may not collect its own output: use `{% set name = … %}`, `if` and `for`"));
        }
        let cut = match first.text {
            "for" => words.iter().position(|word| word.text == "in"),
            "set" => words.iter().position(|word| word.text == "="),
            "with" => Some(0),
            _ => continue,
        };
        let Some(cut) = cut else { continue };
        let target = |(index, word): (usize, &Word<'_>)| {
            matches!(word.kind, Kind::Name | Kind::Argument)
                && (first.text != "with" || words.get(index + 1).is_some_and(|next| next.text == "="))
        };
        let until = if first.text == "with" { words.len() } else { cut };
        let targets = words.iter().take(until).enumerate().filter(|(index, word)| target((*index, word)));
        bindings.push(Binding {
            targets: targets.map(|(_, word)| word.text).collect(),
            from: &words[cut + 1..],
            range,
        });
    }
    let mut sources: HashMap<&str, Vec<&str>> = HashMap::new();
    for binding in &bindings {
        for target in &binding.targets {
            let names = binding.from.iter().filter(|word| is_lookup(word)).map(|word| word.text);
            sources.entry(target).or_default().extend(names);
        }
    }
    let mut plain = Vec::new();
    for binding in &bindings {
        let fed = |name: &str| binding.targets.iter().any(|target| reaches(&sources, name, target));
        let itself = binding.from.iter().any(|word| is_lookup(word) && fed(word.text));
        if itself && !counts(binding.from, &fed) {
            return Err(Problem::new(
                "M218",
                "a name cannot be built from itself in a template",
                binding.range.clone(),
            )
            .help("put the text out in the loop, or make a list once and use `join`; `name = name + 1` is possible"));
        }
        plain.push(itself);
    }
    let mut weights: HashMap<&str, usize> = HashMap::new();
    // No chain of names is longer than there are bindings.
    for _ in 0..=bindings.len() {
        let mut next: HashMap<&str, usize> = HashMap::new();
        for (binding, _) in bindings.iter().zip(&plain).filter(|(_, plain)| !**plain) {
            let weight = weigh(binding.from, &weights).max(1);
            for target in &binding.targets {
                let sum = next.entry(target).or_default();
                *sum = sum.saturating_add(weight).min(MAX_GROWTH + 1);
            }
        }
        if next == weights {
            break;
        }
        weights = next;
    }
    let makes = |words: &&Vec<Word<'_>>| words.iter().any(|word| matches!(word.text, "~" | "+" | "*" | "[" | "{"));
    let total = code.iter().filter(makes).fold(0_usize, |sum, words| sum.saturating_add(weigh(words, &weights)));
    if total > MAX_GROWTH {
        return Err(Problem::new("M218", "this template would put too much together", 0..text.len())
            .help("use fewer `set` that are built from each other"));
    }
    Ok(())
}

/// Without the marks for white space.
fn without_marks<'w, 't>(words: &'w [Word<'t>]) -> &'w [Word<'t>] {
    match words.first() {
        Some(first) if matches!(first.text, "-" | "+") => &words[1..],
        _ => words,
    }
}

fn weigh(words: &[Word<'_>], weights: &HashMap<&str, usize>) -> usize {
    let names = words.iter().filter(|word| is_lookup(word));
    names.fold(0, |sum: usize, word| sum.saturating_add(weights.get(word.text).copied().unwrap_or(1)))
}

fn is_lookup(word: &Word<'_>) -> bool {
    matches!(word.kind, Kind::Name | Kind::Call)
}

/// Whether a name is built from another.
fn reaches(sources: &HashMap<&str, Vec<&str>>, from: &str, to: &str) -> bool {
    let mut seen = std::collections::HashSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(sources.get(name).into_iter().flatten().copied());
        }
    }
    false
}

/// Whether an expression that feeds itself can only count: `ns.n + 1`.
fn counts(words: &[Word<'_>], fed: &dyn Fn(&str) -> bool) -> bool {
    let at = |index: usize| words.get(index).map_or("", |word| word.text);
    let number = |index: usize| at(index).starts_with(|first: char| first.is_ascii_digit());
    words.iter().enumerate().all(|(index, word)| match word.kind {
        Kind::Name => !fed(word.text) || at(index + 1) == "." || number(index + 2),
        Kind::Member | Kind::Test | Kind::Text | Kind::Keyword => true,
        Kind::Other => {
            number(index) || matches!(word.text, "." | "-" | "=" | "<" | ">" | "!" | "%") || {
                word.text == "+" && number(index + 1)
            }
        }
        _ => false,
    })
}

fn check_statements(text: &str, pieces: &[Piece]) -> Result<(), Problem> {
    check_growth(text, pieces)?;
    for piece in pieces {
        if let Piece::Expression(code) | Piece::Statement(code) = piece {
            check_words(&scan::words(&text[code.clone()], code.start))?;
        }
    }
    let environment: &Environment<'_> = &ENVIRONMENT;
    environment.template_from_str(text).map(|_| ()).map_err(|error| explain(&error, &(0..text.len()), false))
}

/// An expression that repeats, pads or indents may not name a number that would fill the memory: the engine evaluates
/// constants while it compiles, before any limit of ours holds.
fn check_sizes(words: &[Word<'_>]) -> Result<(), Problem> {
    const MOST: f64 = 1e7;
    let pads = words.iter().any(|word| {
        word.kind == Kind::Filter && matches!(word.text, "indent" | "format" | "batch" | "slice" | "round" | "replace")
    });
    let times = words.iter().any(|word| word.text == "*");
    let literals = words.iter().any(|word| word.kind == Kind::Text || word.text == "[");
    let risky = pads || (times && literals);
    if !risky {
        return Ok(());
    }
    let mut product = 1.0_f64;
    for word in words {
        for digits in word.text.split(|character: char| !character.is_ascii_digit()).filter(|digits| !digits.is_empty())
        {
            product *= digits.parse::<f64>().unwrap_or(f64::MAX).max(1.0);
        }
        if product > MOST {
            return Err(Problem::new("M218", "the numbers in this template would make it too large", word.range()));
        }
    }
    Ok(())
}

/// Filters, tests and functions exist, also in branches that are never taken.
pub(super) fn check_words(words: &[Word<'_>]) -> Result<(), Problem> {
    check_sizes(words)?;
    for word in words {
        let (what, known): (_, &[&str]) = match word.kind {
            Kind::Filter => ("filter", functions::FILTERS),
            Kind::Test => ("test", functions::TESTS),
            Kind::Call => ("function", functions::FUNCTIONS),
            _ => continue,
        };
        if known.contains(&word.text) || matches!(word.text, "loop" | "caller" | "super") {
            continue;
        }
        // A macro of the same scalar may be called; only the engine knows.
        if word.kind == Kind::Call && words.iter().any(|word| word.text == "macro") {
            continue;
        }
        let problem = Problem::new("M204", format!("there is no {what} `{}`", word.text), word.range());
        return Err(match suggest::nearest(word.text, known.iter().copied()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem,
        });
    }
    Ok(())
}

fn undefined(range: Range<usize>) -> Problem {
    let mut problem = Problem::new("M206", "this is not defined", range);
    problem.undefined = true;
    problem
}

/// A range without the white space around it.
fn trimmed(text: &str, range: &Range<usize>) -> Range<usize> {
    let code = &text[range.clone()];
    let start = range.start + (code.len() - code.trim_start().len());
    start..start + code.trim().len()
}

/// The text of a value inside other text; only text and numbers have one.
pub(super) fn text_of(value: &Jinja) -> Result<std::borrow::Cow<'_, str>, Error> {
    use std::borrow::Cow;
    let what = match value.kind() {
        ValueKind::String => return Ok(Cow::Borrowed(value.as_str().unwrap_or_default())),
        ValueKind::Number => return Ok(Cow::Owned(value.to_string())),
        ValueKind::Plain if super::objects::stands_for_text(value) => return Ok(Cow::Owned(value.to_string())),
        ValueKind::Plain => "a resource or a function",
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Bool => "a boolean",
        ValueKind::None => "none",
        ValueKind::Map => "a map",
        ValueKind::Bytes => "bytes",
        _ => "a list",
    };
    Err(Error::new(ErrorKind::BadSerialization, format!("{TEXT_ONLY}{what}")))
}

const TEXT_ONLY: &str = "only text and numbers can stand inside text, and this is ";

/// The problem of an engine's error. Its detail may quote values, so that only details of our own and of the syntax are
/// passed on here; the run decides about the rest.
pub(super) fn explain(error: &Error, code: &Range<usize>, exact: bool) -> Problem {
    let offset = if exact { code.start } else { 0 };
    let range = match error.range() {
        Some(range) if !range.is_empty() && offset + range.end <= code.end => offset + range.start..offset + range.end,
        _ => code.clone(),
    };
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::SyntaxError | ErrorKind::BadEscape => {
            Problem::new("M203", format!("the template cannot be read: {detail}"), range)
        }
        ErrorKind::OutOfFuel => Problem::new("M218", "the template takes too many steps", range),
        ErrorKind::UndefinedError => undefined(range),
        ErrorKind::UnknownFilter => Problem::new("M204", "there is no such filter", range),
        ErrorKind::UnknownTest => Problem::new("M204", "there is no such test", range),
        ErrorKind::UnknownFunction => Problem::new("M204", "there is no such function", range),
        ErrorKind::UnknownMethod => Problem::new("M204", "there is no such method", range)
            .help("use a filter: `{{ value | upper }}` in place of `{{ value.upper() }}`"),
        ErrorKind::MissingArgument => Problem::new("M205", "an argument is missing", range),
        ErrorKind::TooManyArguments => {
            Problem::new("M205", "there are too many arguments, or one of an unknown name", range)
        }
        ErrorKind::BadSerialization if detail.starts_with(TEXT_ONLY) => Problem::new("M207", detail.to_owned(), range)
            .help("make it text: `{{ 'yes' if flag else 'no' }}`, `{{ items | join(',') }}`, `{{ value | tojson }}`"),
        _ => {
            if let Some(words) = detail.strip_prefix(functions::SAYS) {
                return match words.split_once('\u{0}') {
                    Some((code, words)) => Problem::new(functions::code(code), words.to_owned(), range),
                    None => Problem::new("M205", words.to_owned(), range),
                };
            }
            let mut problem = Problem::new("M205", format!("this cannot be evaluated: {}", error.kind()), range);
            problem.detail = error.detail().map(Into::into);
            problem
        }
    }
}
