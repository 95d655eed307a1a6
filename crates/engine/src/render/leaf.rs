//! One scalar: compiled once, evaluated dry, and either a value, a deferred value, or a mistake with its place.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};

use indexmap::{IndexMap, IndexSet};

use super::context::Context;
use super::convert;
use super::deferred::{Deferred, Reference, label};
use super::names::named;
use super::place::Place;
use super::run::{Run, Trace};
use super::scan::{self, Kind, Word};
use super::session::{Frame, Session};
use super::template::{Problem, Template};
use crate::diagnostic::{Diagnostic, Diagnostics, suggest};
use crate::manifest::Manifest;
use crate::manifest::tree::{Node, Yaml};
use crate::secret::LITERAL;
use crate::source::{SourceId, Sources, Span};
use crate::stack::Spans;
use crate::value::{Map, Value, push_token};

/// Evaluates the scalars of a stack and collects what is wrong with them.
pub struct Leaves<'a> {
    pub session: Arc<Session>,
    pub found: &'a mut Diagnostics,
    sources: &'a Sources,
    texts: HashMap<SourceId, Arc<str>>,
    templates: HashMap<Span, Option<Arc<Template>>>,
    missing: IndexMap<String, Vec<Span>>,
    masked: Vec<Span>,
    /// Where the last scalar came from, if not from the manifest.
    origin: Option<String>,
    /// The variables that the scalars were made of since somebody took them.
    made_of: IndexSet<String>,
    /// The variables that `protected` values were made of.
    protected_of: IndexSet<String>,
}

/// The diagnostic of a problem. `open`: nothing from outside the manifest was touched, so that values may be quoted.
pub fn diagnose(problem: &Problem, span: Span, open: bool) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(problem.code, problem.summary.clone()).at(span);
    if let Some(detail) = problem.detail.as_ref().filter(|_| open) {
        diagnostic = diagnostic.noted(&**detail);
    }
    match &problem.help {
        Some(help) => diagnostic.help(help.clone()),
        None => diagnostic,
    }
}

impl<'a> Leaves<'a> {
    pub fn new(session: Arc<Session>, sources: &'a Sources, found: &'a mut Diagnostics) -> Self {
        Self {
            session,
            found,
            sources,
            texts: HashMap::new(),
            templates: HashMap::new(),
            missing: IndexMap::new(),
            masked: Vec::new(),
            origin: None,
            made_of: IndexSet::new(),
            protected_of: IndexSet::new(),
        }
    }

    /// The spans that must not be shown, and the variables that only secrets may be made of.
    pub fn finish(self) -> (Vec<Span>, Vec<String>) {
        (self.masked, self.protected_of.into_iter().collect())
    }

    /// The variables that the scalars were made of since the last call.
    pub fn take_made_of(&mut self) -> Vec<String> {
        std::mem::take(&mut self.made_of).into_iter().collect()
    }

    /// One diagnostic for each variable that was not found, with every place where it is used.
    pub fn report_missing(&mut self, manifest: &Manifest) {
        for (name, mut places) in std::mem::take(&mut self.missing) {
            places.sort();
            places.dedup();
            let declared = manifest.variables.iter().find(|declaration| declaration.name.value == name);
            let what = if declared.is_some() { "has no value" } else { "is not given" };
            let mut diagnostic = Diagnostic::error("M201", format!("the variable `{name}` {what}"));
            for (index, span) in places.iter().take(4).enumerate() {
                diagnostic = diagnostic.labelled(*span, if index == 0 { "" } else { "used here too" });
            }
            if places.len() > 4 {
                diagnostic = diagnostic.noted(format!("it is used in {} more places", places.len() - 4));
            }
            let near = suggest::nearest(&name, self.session.variables.names().filter(|known| *known != name));
            let ways = format!("give it: `--var {name}=…`, a `--var-file`, the environment variable `{name}`");
            self.found.push(match near {
                Some(near) => diagnostic.help(format!("did you mean `{near}`? Otherwise {ways}")),
                None => diagnostic.help(format!("{ways}, or a `default` in `vars`")),
            });
        }
    }

    /// A value that must be known now and may not be a secret; `None` where it is not, which is then reported.
    pub fn immediate(&mut self, node: &Node, frame: &Arc<Frame>, what: &str, expression: bool) -> Option<Value> {
        let value = match &node.yaml {
            Yaml::Text(text) if expression && !scan::is_template(text) => self.expression(text, node.span, frame),
            _ => self.node(node, frame, &mut String::new(), None, false),
        };
        self.known(value, node.span, what)
    }

    fn known(&mut self, value: Value, span: Span, what: &str) -> Option<Value> {
        let mut wrong: Option<Diagnostic> = None;
        let mut unknown = false;
        value.walk(&mut |_, leaf| match leaf {
            Value::Secret(_) => wrong = Some(secret_in(what, span)),
            Value::Deferred(deferred) if deferred.references().is_empty() => {
                wrong = Some(secret_in(what, deferred.span()));
            }
            Value::Deferred(deferred) => {
                let span = deferred.references().first().map_or(span, |reference| reference.span);
                wrong = Some(
                    Diagnostic::error("M213", format!("{what} cannot depend on another resource"))
                        .at(span)
                        .noted("it must be known before anything is read from the cloud")
                        .help("use a variable or a global"),
                );
            }
            Value::Unknown(_) => unknown = true,
            _ => {}
        });
        if let Some(diagnostic) = wrong {
            self.found.push(diagnostic);
            return None;
        }
        (!unknown).then_some(value)
    }

    /// A value that may hold secrets, but no reference to a resource.
    pub fn data(&mut self, node: &Node, frame: &Arc<Frame>, protected: bool, what: &str) -> Value {
        let value = self.node(node, frame, &mut String::new(), None, protected);
        let mut wrong = Vec::new();
        value.walk(&mut |_, leaf| {
            if let Value::Deferred(deferred) = leaf
                && let Some(reference) = deferred.references().first()
            {
                wrong.push(reference.span);
            }
        });
        for span in &wrong {
            self.found.push(
                Diagnostic::error("M213", format!("{what} cannot refer to a resource"))
                    .at(*span)
                    .help("write the reference in the property that needs it"),
            );
        }
        if wrong.is_empty() { value } else { Value::Unknown(Arc::from(what)) }
    }

    /// A node with everything in it.
    pub fn node(
        &mut self,
        node: &Node,
        frame: &Arc<Frame>,
        pointer: &mut String,
        mut spans: Option<&mut Spans>,
        protected: bool,
    ) -> Value {
        let length = pointer.len();
        match &node.yaml {
            Yaml::Null => Value::Null,
            Yaml::Unreadable => Value::Unknown(Arc::from("something that cannot be read")),
            Yaml::Bool(flag) => self.literal(Value::Bool(*flag), node.span, protected),
            Yaml::Number(number) => self.literal(Value::Number(number.clone()), node.span, protected),
            Yaml::Text(text) if scan::is_template(text) => {
                let before = std::mem::take(&mut self.made_of);
                let value = self.scalar(text, node.span, frame, protected);
                let mine = std::mem::replace(&mut self.made_of, before);
                let origin = self.origin.take();
                if let Some(spans) = spans {
                    if let Some(origin) = origin {
                        spans.note_origin(pointer, origin);
                    }
                    spans.note_variables(pointer, mine.iter().cloned());
                }
                self.made_of.extend(mine);
                value
            }
            Yaml::Text(text) => self.literal(Value::String(text.to_string()), node.span, protected),
            Yaml::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    if matches!(item.yaml, Yaml::Null) {
                        self.found.push(
                            Diagnostic::warning("M122", "this item of a list is nothing, and is left out")
                                .at(item.span)
                                .help("remove it"),
                        );
                        continue;
                    }
                    push_token(pointer, &list.len().to_string());
                    if let Some(spans) = spans.as_deref_mut() {
                        spans.insert(pointer, item.span, item.span);
                    }
                    list.push(self.node(item, frame, pointer, spans.as_deref_mut(), protected));
                    pointer.truncate(length);
                }
                Value::List(list)
            }
            Yaml::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for entry in entries {
                    let Some(name) = self.key(&entry.key.value, entry.key.span, frame) else { continue };
                    push_token(pointer, &name);
                    if let Some(spans) = spans.as_deref_mut() {
                        spans.insert(pointer, entry.key.span, entry.value.span);
                    }
                    let value = self.node(&entry.value, frame, pointer, spans.as_deref_mut(), protected);
                    pointer.truncate(length);
                    if map.contains_key(&name) {
                        self.found.push(
                            Diagnostic::error("M104", format!("the key `{name}` is given twice")).at(entry.key.span),
                        );
                    }
                    map.insert(name.into_owned(), value);
                }
                Value::Map(map)
            }
        }
    }

    fn key<'k>(&mut self, text: &'k Arc<str>, span: Span, frame: &Arc<Frame>) -> Option<std::borrow::Cow<'k, str>> {
        if !scan::is_template(text) {
            return Some((&**text).into());
        }
        let value = self.scalar(text, span, frame, false);
        match self.known(value, span, "a key")? {
            Value::String(text) => Some(text.into()),
            other => {
                self.found.push(
                    Diagnostic::error("M108", format!("a key must be text, and this is {}", other.type_name()))
                        .at(span),
                );
                None
            }
        }
    }

    fn literal(&mut self, value: Value, span: Span, protected: bool) -> Value {
        if protected {
            self.masked.push(span);
            return convert::taint(value, LITERAL);
        }
        value
    }

    fn place(&mut self, span: Span) -> Place {
        let sources = self.sources;
        let text = self
            .texts
            .entry(span.source)
            .or_insert_with(|| sources.get(span.source).map(|source| Arc::clone(&source.text)).unwrap_or_default());
        Place { span, text: Arc::clone(text) }
    }

    /// A scalar with braces.
    fn scalar(&mut self, text: &Arc<str>, span: Span, frame: &Arc<Frame>, protected: bool) -> Value {
        self.evaluate(text, span, frame, protected, Template::compile)
    }

    /// A scalar that is an expression without braces.
    fn expression(&mut self, text: &Arc<str>, span: Span, frame: &Arc<Frame>) -> Value {
        self.evaluate(text, span, frame, false, Template::expression)
    }

    fn evaluate(
        &mut self,
        text: &Arc<str>,
        span: Span,
        frame: &Arc<Frame>,
        protected: bool,
        compile: fn(&Arc<str>, &super::program::Programs) -> Result<Template, Problem>,
    ) -> Value {
        let session = Arc::clone(&self.session);
        // Several scalars can come from one place, as those of a JSON text do.
        let same = |known: &&Option<Arc<Template>>| known.as_ref().is_none_or(|known| *known.text == **text);
        let template = if let Some(known) = self.templates.get(&span).filter(same) {
            known.clone()
        } else {
            let template = match compile(text, &session.programs) {
                Ok(template) => Some(Arc::new(template)),
                Err(problem) => {
                    let place = self.place(span).map(text, &problem.range);
                    self.found.push(diagnose(&problem, place, true));
                    None
                }
            };
            self.templates.insert(span, template.clone());
            template
        };
        let Some(template) = template else { return Value::Unknown(Arc::from("a template")) };
        let run = Run::dry();
        let context = Context { frame: Arc::clone(frame), run: Arc::clone(&run) };
        let result = template.evaluate(&context.value()).and_then(|value| convert::from_jinja(&value));
        let trace = std::mem::take(&mut *run.trace());
        self.settle(&template, span, frame, protected, result, trace)
    }

    fn settle(
        &mut self,
        template: &Arc<Template>,
        span: Span,
        frame: &Arc<Frame>,
        protected: bool,
        result: Result<Value, Problem>,
        trace: Trace,
    ) -> Value {
        let origins: Vec<&str> = trace.origins.iter().map(String::as_str).collect();
        self.origin = (!origins.is_empty()).then(|| origins.join(" + "));
        if protected {
            self.protected_of.extend(trace.variables.iter().cloned());
        }
        self.made_of.extend(trace.variables.iter().cloned());
        if result.is_ok() && !trace.waits() && trace.problems.is_empty() {
            return match result {
                Ok(value) => self.literal(value, span, protected),
                Err(_) => Value::Null,
            };
        }
        let place = self.place(span);
        let words = template.words();
        let report = |range: &std::ops::Range<usize>| place.map(&template.text, range);
        if !trace.problems.is_empty() {
            for (problem, at) in &trace.problems {
                let word = problem.name.as_deref().and_then(|name| named(&words, name));
                let at = at.or(word.map(|word| report(&word.range()))).unwrap_or(span);
                let mut diagnostic = diagnose(problem, at, false);
                let condition = problem.name.as_deref().and_then(|name| self.session.resource(name)?.condition);
                if let Some(condition) = condition.filter(|_| problem.code == "M214") {
                    diagnostic = diagnostic.labelled(condition, "this is false here");
                }
                self.found.push(diagnostic);
            }
            return Value::Unknown(Arc::from(&*template.text));
        }
        if let Some(broken) = &trace.broken {
            for name in self.unresolved(&words, frame) {
                self.found.push(self.undefined_name(&name, &words, frame, &report, span));
            }
            return Value::Unknown(Arc::clone(broken));
        }
        if let Err(problem) = &result {
            if let Some(unknown) = self.missing_variables(&words, &trace, &report) {
                return unknown;
            }
            let mut names = Vec::new();
            if trace.waits() || !trace.missing_names.is_empty() {
                names = self.unresolved(&words, frame);
            }
            if problem.undefined {
                names.extend(
                    trace.missing_names.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>(),
                );
            }
            for name in &names {
                self.found.push(self.undefined_name(name, &words, frame, &report, span));
            }
            if !names.is_empty() {
                return Value::Unknown(Arc::from(&*template.text));
            }
            let own = matches!(problem.code, "M119" | "M211" | "M204");
            if !trace.waits() || own {
                let at = report(&problem.range);
                self.found.push(diagnose(problem, at, !trace.outside && trace.secrets.is_empty()));
                return Value::Unknown(Arc::from(&*template.text));
            }
        }
        self.defer(template, place.clone(), frame, protected, &words, trace)
    }

    fn missing_variables(
        &mut self,
        words: &[Word<'_>],
        trace: &Trace,
        report: &dyn Fn(&std::ops::Range<usize>) -> Span,
    ) -> Option<Value> {
        let first = trace.missing_variables.first()?;
        let lenient = words.iter().any(|word| matches!(word.text, "default" | "d" | "defined" | "undefined" | "if"));
        for (index, word) in words.iter().enumerate().skip(2) {
            let name = if word.kind == Kind::Text { word.unquoted() } else { word.text };
            let of_vars = words[index - 2].text == "vars" && matches!(words[index - 1].text, "." | "[");
            if of_vars && (trace.missing_variables.contains(name) || !lenient) && !self.session.variables.is_found(name)
            {
                self.missing.entry(name.to_owned()).or_default().push(report(&word.range()));
            }
        }
        for name in &trace.missing_variables {
            // Reached in another way than by its name, for instance through `this`.
            self.missing.entry(name.clone()).or_default();
        }
        Some(Value::Unknown(Arc::from(format!("vars.{first}"))))
    }

    fn defer(
        &mut self,
        template: &Arc<Template>,
        place: Place,
        frame: &Arc<Frame>,
        protected: bool,
        words: &[Word<'_>],
        trace: Trace,
    ) -> Value {
        let report = |range: &std::ops::Range<usize>| place.map(&template.text, range);
        let mut references: Vec<Reference> = Vec::new();
        let mentioned = self.mentioned(words);
        for ((address, property), count) in trace.references {
            if count <= 0 {
                continue;
            }
            let said = mentioned.iter().find(|(a, p, _)| *a == address && p.starts_with(&property));
            let said = said.map(|(_, _, range)| range.clone());
            let span =
                said.or_else(|| named(words, address.name()).map(Word::range)).map_or(place.span, |r| report(&r));
            references.push(Reference { address, property, span });
        }
        let mut labels = trace.secrets;
        let mut sources = trace.sources;
        let branches = words.iter().any(|word| {
            matches!(word.text, "if" | "elif" | "and" | "or" | "for")
                || (word.kind == Kind::Filter && matches!(word.text, "default" | "d"))
        });
        if branches {
            // A branch that the dry run did not take may be taken when more is known.
            for (address, property, range) in mentioned {
                if !references.iter().any(|r| r.address == address && r.property == property) {
                    references.push(Reference { address, property, span: report(&range) });
                }
            }
            for (label, source) in self.mentioned_secrets(words) {
                labels.insert(Arc::from(label));
                sources.extend(source);
            }
        }
        if branches {
            let variables = &self.session.variables;
            let plain = words.iter().map(|word| if word.kind == Kind::Text { word.unquoted() } else { word.text });
            self.made_of.extend(plain.filter(|name| variables.is_plain(name)).map(str::to_owned));
        }
        let secret = label(labels.iter().map(|label| &**label), protected);
        let mut names: Vec<String> = Vec::new();
        for reference in &references {
            let name = format!("{}.{}", reference.address, reference.property.join("."));
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let describe = if names.is_empty() { secret.clone().unwrap_or_default() } else { names.join(", ") };
        Value::Deferred(Arc::new(Deferred {
            template: Arc::clone(template),
            frame: Arc::clone(frame),
            place,
            references,
            sources: sources.into_iter().collect(),
            secret,
            describe,
            protected,
        }))
    }
}

fn secret_in(what: &str, span: Span) -> Diagnostic {
    Diagnostic::error("M212", format!("{what} cannot be a secret"))
        .at(span)
        .noted("it would show in plans, logs and names")
        .help("use a variable that is not a secret")
}
