//! The names that an expression mentions, whether or not an evaluation reached them.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::leaf::Leaves;
use super::scan::{Kind, Word};
use super::session::Frame;
use crate::address::Address;
use crate::credential::SecretSource;
use crate::diagnostic::{Diagnostic, suggest};
use crate::source::Span;
use crate::variables::Bound;

impl Leaves<'_> {
    /// Names of an expression that mean nothing, where an evaluation did not get as far as to say so.
    pub(super) fn unresolved(&self, words: &[Word<'_>], frame: &Frame) -> Vec<String> {
        let binds =
            words.iter().any(|word| matches!(word.text, "set" | "for" | "macro" | "with" | "defined" | "undefined"));
        let lenient = words.iter().any(|word| word.kind == Kind::Filter && matches!(word.text, "default" | "d"));
        if binds || lenient {
            return Vec::new();
        }
        let known: HashSet<String> = self.in_scope(frame).into_iter().collect();
        let mut seen = HashSet::new();
        let names = words.iter().filter(|word| word.kind == Kind::Name).map(|word| word.text);
        names.filter(|name| !known.contains(*name) && seen.insert(*name)).map(str::to_owned).collect()
    }

    fn in_scope(&self, frame: &Frame) -> Vec<String> {
        let mut names: Vec<String> = ["vars", "globals", "stack_name", "stack_env"].map(str::to_owned).into();
        if frame.address.is_some() {
            names.extend(["resource_name", "this"].map(str::to_owned));
        }
        if frame.each.is_some() {
            names.push("each".to_owned());
        }
        names.extend(frame.locals.read().unwrap_or_else(PoisonError::into_inner).keys().cloned());
        let session = &self.session;
        names.extend(session.globals.read().unwrap_or_else(PoisonError::into_inner).keys().cloned());
        names.extend(session.resources.read().unwrap_or_else(PoisonError::into_inner).keys().cloned());
        names.extend(session.exports.keys().cloned());
        names.extend(session.variables.names().map(str::to_owned));
        names.sort();
        names
    }

    pub(super) fn undefined_name(
        &self,
        name: &str,
        words: &[Word<'_>],
        frame: &Frame,
        report: &dyn Fn(&std::ops::Range<usize>) -> Span,
        span: Span,
    ) -> Diagnostic {
        let (at, known, short) = match name.split_once('.') {
            Some((of, member)) => {
                let word = words.iter().enumerate().skip(2).find(|(index, word)| {
                    words[index - 2].text == of && (word.text == member || word.unquoted() == member)
                });
                let known: Vec<String> = match of {
                    "globals" => {
                        let globals = self.session.globals.read();
                        globals.unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
                    }
                    "this" => {
                        let this = frame.this.read();
                        this.unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
                    }
                    _ => vec!["key".to_owned(), "value".to_owned()],
                };
                (word.map(|(_, word)| word), known, member)
            }
            None => (named(words, name), self.in_scope(frame), name),
        };
        let span = at.map_or(span, |word| report(&word.range()));
        let diagnostic = Diagnostic::error("M202", format!("`{name}` is not defined")).at(span);
        let later = match name.split_once('.') {
            Some(("this", member)) => frame.announced.iter().any(|known| **known == *member),
            Some(("globals", member)) => self.session.announced.iter().any(|known| known == member),
            _ => self.session.announced.iter().any(|known| known == name),
        };
        if later {
            return diagnostic.help("it is defined further down: what uses it must come after it");
        }
        if let Some(near) = suggest::nearest(short, known.iter().map(String::as_str)) {
            return diagnostic.help(format!("did you mean `{near}`?"));
        }
        match name {
            "yes" | "no" | "on" | "off" => diagnostic.help("YAML 1.2 has only `true` and `false`"),
            "each" => diagnostic.help("`each` is there in a resource with `for_each`"),
            "this" | "resource_name" => diagnostic.help("it is there in a resource"),
            _ if known.iter().any(|known| known.starts_with(&format!("{short}-"))) => {
                diagnostic.help("a name with `-` cannot be used in a template; rename it with `_`")
            }
            _ if name.contains('.') => diagnostic,
            _ => diagnostic.help(format!(
                "a variable is given with `--var {name}=…` (and is `vars.{name}` where the manifest declares it); a \
                     property of a resource is `resource.{name}`"
            )),
        }
    }

    /// The properties of resources that an expression names, whether or not it evaluated them.
    pub(super) fn mentioned(&self, words: &[Word<'_>]) -> Vec<(Address, Vec<String>, std::ops::Range<usize>)> {
        let mut list = Vec::new();
        for (index, word) in words.iter().enumerate().filter(|(_, word)| word.kind == Kind::Name) {
            let exported = self.session.exports.get(word.text).filter(|all| all.len() == 1).map(|all| &all[0]);
            if let Some((resource, property)) = exported.filter(|_| self.session.resource(word.text).is_none()) {
                if self
                    .session
                    .resource(resource)
                    .is_some_and(|k| k.keys.is_none() && k.left_out.is_empty() && !k.broken)
                {
                    list.push((Address::new(&**resource), vec![property.clone()], word.range()));
                }
                continue;
            }
            let Some(known) = self.session.resource(word.text).filter(|known| !known.broken) else { continue };
            let text = |at: usize| words.get(at).map_or("", |word| word.text);
            let mut next = index + 1;
            let address = match &known.keys {
                None if known.left_out.is_empty() => Address::new(word.text),
                Some(keys) if text(next) == "[" && text(next + 2) == "]" => {
                    let key = words.get(next + 1).map(Word::unquoted).unwrap_or_default();
                    next += 3;
                    match keys.iter().find(|known| &***known == key) {
                        Some(key) => Address::keyed(word.text, Arc::clone(key)),
                        None => continue,
                    }
                }
                _ => continue,
            };
            let mut path = Vec::new();
            while text(next) == "." && words.get(next + 1).is_some_and(|word| word.kind == Kind::Member) {
                path.push(text(next + 1).to_owned());
                next += 2;
            }
            if let Some(property) = path.first().and_then(|name| self.session.exported(address.name(), name)) {
                property.clone_into(&mut path[0]);
            }
            if !path.is_empty() {
                let end = words.get(next - 1).map_or(word.range().end, |word| word.range().end);
                list.push((address, path, word.start..end));
            }
        }
        list
    }

    pub(super) fn mentioned_secrets(&self, words: &[Word<'_>]) -> Vec<(String, Option<SecretSource>)> {
        let mut list = Vec::new();
        for (index, word) in words.iter().enumerate() {
            if word.kind == Kind::Call && word.text == "secret" {
                let source = words.get(index + 2).and_then(|word| SecretSource::parse(word.unquoted()).ok());
                list.extend(source.map(|source| (source.to_string(), Some(source))));
            }
            let name = if word.kind == Kind::Text { word.unquoted() } else { word.text };
            let of_vars = index >= 2 && words[index - 2].text == "vars";
            if (of_vars || word.kind == Kind::Name)
                && let Some(label) = self.session.variables.secret_label(name)
            {
                let source = SecretSource::parse(&label)
                    .ok()
                    .filter(|_| matches!(self.session.variables.get(name), Some(Bound::Late(_))));
                list.push((label, source));
            }
        }
        list
    }
}

/// The word of a name that is looked up.
pub(super) fn named<'w, 't>(words: &'w [Word<'t>], name: &str) -> Option<&'w Word<'t>> {
    words.iter().find(|word| matches!(word.kind, Kind::Name | Kind::Call) && word.text == name)
}
