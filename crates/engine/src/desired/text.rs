//! Texts against the constraints of the service: lengths, patterns, the values allowed. No secret is ever quoted.

use std::sync::{Mutex, PoisonError};

use foldhash::HashMap;

use super::runs::Runs;
use crate::diagnostic::suggest::nearest;
use crate::schema::Text;
use crate::secret::Secret;

/// What is wrong with a text, completing "`Name` …", and what to do. Never quotes a secret.
pub fn problem_of(text: &Text, written: &str, secret: bool) -> Option<(String, Option<String>)> {
    if !text.allowed.is_empty() && !text.allowed.contains(&written) {
        let help = match nearest(written, text.allowed.iter().copied()) {
            Some(near) if !secret => Some(format!("did you mean `{near}`?")),
            _ => None,
        };
        return Some((format!("must be one of {}", text.allowed.join(", ")), help));
    }
    let count = written.chars().count();
    if count < text.min || count > text.max {
        let bounds = match (text.min, text.max) {
            (min, usize::MAX) => format!("at least {min} characters"),
            (0, max) => format!("at most {max} characters"),
            (min, max) => format!("{min} to {max} characters"),
        };
        return Some((format!("must have {bounds}, and this has {count}"), None));
    }
    let pattern = text.pattern?;
    (!matches(pattern.regex, written)).then(|| (format!("must be {}", pattern.words), None))
}

/// Whether a secret boolean is true. It decides what becomes of its neighbours, so it cannot stay closed.
pub fn is_true(secret: &Secret) -> bool {
    #[expect(clippy::disallowed_methods, reason = "one bit, where the schema wants a flag")]
    let known = secret.expose();
    known == Some("true")
}

/// The same for a secret whose text is known.
pub fn problem_of_secret(text: &Text, secret: &Secret) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "checked against the service's pattern before it is sent; never shown"
    )]
    let known = secret.expose()?;
    problem_of(text, known, true).map(|(problem, _)| problem)
}

/// What a text is held against.
enum Matcher {
    /// Runs of characters, as most patterns are.
    Runs(Runs),
    /// Anything else.
    Regex(regex_lite::Regex),
    /// A pattern that does not compile is a mistake of ours, which a test over all kinds finds; it refuses nothing.
    Mistaken,
}

impl Matcher {
    fn new(pattern: &str) -> Self {
        match Runs::read(pattern) {
            Some(runs) => Self::Runs(runs),
            None => regex_lite::Regex::new(pattern).map_or(Self::Mistaken, Self::Regex),
        }
    }
}

/// Whether a text fits a pattern. Each pattern is compiled once a process; a stack of a thousand uses the same dozen.
fn matches(pattern: &'static str, text: &str) -> bool {
    static COMPILED: Mutex<Option<HashMap<&'static str, Matcher>>> = Mutex::new(None);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let matcher = compiled.get_or_insert_with(HashMap::default).entry(pattern).or_insert_with(|| Matcher::new(pattern));
    match matcher {
        Matcher::Runs(runs) => runs.fit(text),
        Matcher::Regex(regex) => regex.is_match(text),
        Matcher::Mistaken => true,
    }
}
