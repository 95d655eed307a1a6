//! YAML as a tree in which every key and every value knows where it is written.
//!
//! Deserialising straight into structs would stop at the first mistake and lose the places of what is only checked
//! later, against a schema that the manifest itself names. The tree is built from the events of serde-saphyr's parser
//! layer, which carries exact bytes, so that one pass can be bounded (depth, nodes and bytes *after* aliases) and a
//! duplicate key can show both of its places.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde_json::Number;
use serde_saphyr::granit_parser::{self as granit, Event, Parser, ScalarStyle, StructureStyle};

use super::scalar::{self, Plain};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{SourceId, Span, Spanned};

/// Levels of nesting.
pub const MAX_DEPTH: usize = 64;
/// Nodes after aliases.
pub const MAX_NODES: usize = 250_000;
/// Bytes of a manifest, of an include, and of all scalars after aliases.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A value and where it is written.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub yaml: Yaml,
    /// Where.
    pub span: Span,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Yaml {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Arc<str>),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the text.
    Map(Vec<Entry>),
    /// Something that was reported already; nobody else complains about it.
    Unreadable,
}

/// A member of a map.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its key.
    pub key: Spanned<Arc<str>>,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&Arc<str>> {
        match &self.yaml {
            Yaml::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in the words of a message.
    pub fn type_name(&self) -> &'static str {
        match self.yaml {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "a boolean",
            Yaml::Number(_) => "a number",
            Yaml::Text(_) => "text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a map",
            Yaml::Unreadable => "unreadable",
        }
    }
}

/// Reads one YAML document. `None` where there is no tree to go on with; an empty document is `Null`.
pub fn read(text: &str, source: SourceId, found: &mut Diagnostics) -> Option<Node> {
    if text.len() > MAX_BYTES {
        found.push(too_big(Span { source, start: 0, end: 0 }, "it is larger than 8 MiB"));
        return None;
    }
    let mut options = granit::Options::default();
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options.set_emit_comments(false);
    let mut builder =
        Builder { text, source, found, anchors: HashMap::new(), keys: HashSet::default(), nodes: 0, bytes: 0 };
    let mut events = Parser::new_from_str_with_options(text, options);
    builder.document(&mut events).unwrap_or_default()
}

/// Building stopped; the reason is among the diagnostics.
struct Stopped;

type Events<'t> = Parser<'t, granit::StrInput<'t>>;

struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
    depth: usize,
}

struct Builder<'t, 'd> {
    text: &'t str,
    source: SourceId,
    found: &'d mut Diagnostics,
    /// `None` while the anchored node is being read: an alias to it would be a cycle.
    anchors: HashMap<usize, Option<Anchored>>,
    /// The texts of keys.
    keys: HashSet<Arc<str>, RandomState>,
    nodes: usize,
    bytes: usize,
}

/// Up to so many members of a map are looked through one by one.
const FEW: usize = 16;

/// The members of a map that is being read.
#[derive(Default)]
struct Members {
    entries: Vec<Entry>,
    /// Where each key is among them, once there are many.
    places: HashMap<Arc<str>, usize, RandomState>,
}

impl Members {
    fn find(&self, key: &Arc<str>) -> Option<&Entry> {
        if self.entries.len() <= FEW {
            self.entries.iter().find(|entry| entry.key.value == *key)
        } else {
            self.places.get(key).map(|place| &self.entries[*place])
        }
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        let first = match self.entries.len() {
            few if few <= FEW => return,
            _ if self.places.is_empty() => 0,
            many => many - 1,
        };
        for (place, entry) in self.entries.iter().enumerate().skip(first) {
            self.places.insert(Arc::clone(&entry.key.value), place);
        }
    }
}

fn too_big(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error("M103", format!("the document is too large: {why}"))
        .at(span)
        .help("split the stack, or use `for_each` in place of repetition")
}

impl<'t> Builder<'t, '_> {
    fn span(&self, span: &granit::Span) -> Span {
        let byte = |marker: &granit::Marker| {
            u32::try_from(marker.byte_offset().unwrap_or(0).min(self.text.len())).unwrap_or(u32::MAX)
        };
        let (start, mut end) = (byte(&span.start), byte(&span.end).max(byte(&span.start)));
        // A block scalar's range goes on to the next token.
        let slice = &self.text[start as usize..end as usize];
        end -= u32::try_from(slice.len() - slice.trim_end().len()).unwrap_or(0);
        Span { source: self.source, start, end: end.max(start) }
    }

    fn next(&mut self, events: &mut Events<'t>) -> Result<(Event<'t>, granit::Span), Stopped> {
        loop {
            match events.next() {
                Some(Ok((Event::Anchor(..), _))) => {}
                Some(Ok(event)) => return Ok(event),
                Some(Err(error)) => {
                    let diagnostic = super::syntax::explain(&error, self.text, self.source);
                    self.found.push(diagnostic);
                    return Err(Stopped);
                }
                None => return Err(Stopped),
            }
        }
    }

    fn document(&mut self, events: &mut Events<'t>) -> Result<Option<Node>, Stopped> {
        let mut root = None;
        loop {
            let (event, span) = self.next(events)?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    let here = self.span(&span);
                    self.found.push(
                        Diagnostic::error("M102", "there is more than one document in the file")
                            .labelled(here, "a second one begins here")
                            .help("keep one stack to a file"),
                    );
                    return Err(Stopped);
                }
                Event::DocumentStart(..) => {
                    let (event, span) = self.next(events)?;
                    root = Some(self.node(event, &span, events, 1)?.0);
                }
                _ => {}
            }
        }
        let end = Span { source: self.source, start: 0, end: 0 };
        Ok(Some(root.unwrap_or(Node { yaml: Yaml::Null, span: end })))
    }

    fn count(&mut self, nodes: usize, bytes: usize, span: &granit::Span) -> Result<(), Stopped> {
        self.nodes += nodes;
        self.bytes += bytes;
        let why = if self.nodes > MAX_NODES {
            "it has more than 250,000 nodes after aliases"
        } else if self.bytes > MAX_BYTES {
            "it has more than 8 MiB of text after aliases"
        } else {
            return Ok(());
        };
        self.found.push(too_big(self.span(span), why));
        Err(Stopped)
    }

    /// The node that begins with `event`, and how many levels it has.
    fn node(
        &mut self,
        event: Event<'t>,
        span: &granit::Span,
        events: &mut Events<'t>,
        depth: usize,
    ) -> Result<(Node, usize), Stopped> {
        if depth > MAX_DEPTH {
            self.found.push(too_big(self.span(span), "it is nested more than 64 levels deep"));
            return Err(Stopped);
        }
        let (nodes, bytes) = (self.nodes, self.bytes);
        let (anchor, node, levels) = match event {
            Event::Alias(id) => return self.alias(id, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, text.len(), span)?;
                let here = self.span(span);
                let yaml = self.scalar(text.into(), style, tag.as_deref(), here, span);
                (anchor, Node { yaml, span: here }, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.count(1, 0, span)?;
                self.refuse_tag(tag.as_deref(), span, "seq");
                self.begin(anchor);
                let mut here = self.span(span);
                let (mut items, mut levels) = (Vec::new(), 1);
                loop {
                    let (event, span) = self.next(events)?;
                    if matches!(event, Event::SequenceEnd) {
                        here.end = here.end.max(self.span(&span).end);
                        break;
                    }
                    let (item, below) = self.node(event, &span, events, depth + 1)?;
                    levels = levels.max(below + 1);
                    items.push(item);
                }
                (anchor, Node { yaml: Yaml::List(items), span: self.tight(here) }, levels)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.count(1, 0, span)?;
                self.refuse_tag(tag.as_deref(), span, "map");
                self.begin(anchor);
                let (node, levels) = self.map(style, self.span(span), events, depth)?;
                (anchor, node, levels)
            }
            _ => return Err(Stopped),
        };
        if anchor != 0 {
            let anchored =
                Anchored { node: node.clone(), nodes: self.nodes - nodes, bytes: self.bytes - bytes, depth: levels };
            self.anchors.insert(anchor, Some(anchored));
        }
        Ok((node, levels))
    }

    /// Notes that the node of an anchor is being read; 0 is none.
    fn begin(&mut self, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
    }

    /// A block collection's range goes on to the next token: without the white space at its end.
    fn tight(&self, mut span: Span) -> Span {
        let slice = &self.text[span.start as usize..span.end as usize];
        span.end -= u32::try_from(slice.len() - slice.trim_end().len()).unwrap_or(0);
        span
    }

    fn alias(&mut self, id: usize, span: &granit::Span, depth: usize) -> Result<(Node, usize), Stopped> {
        let here = self.span(span);
        let Some(Some(anchored)) = self.anchors.get(&id) else {
            self.found.push(
                Diagnostic::error("M103", "the alias refers to what it is itself a part of")
                    .labelled(here, "this would go on for ever"),
            );
            return Err(Stopped);
        };
        let (nodes, bytes, levels) = (anchored.nodes, anchored.bytes, anchored.depth);
        if depth + levels > MAX_DEPTH + 1 {
            self.found.push(too_big(here, "it is nested more than 64 levels deep after aliases"));
            return Err(Stopped);
        }
        self.count(nodes, bytes, span)?;
        match self.anchors.get(&id) {
            Some(Some(anchored)) => Ok((anchored.node.clone(), levels)),
            _ => Err(Stopped),
        }
    }

    fn map(
        &mut self,
        style: StructureStyle,
        mut here: Span,
        events: &mut Events<'t>,
        depth: usize,
    ) -> Result<(Node, usize), Stopped> {
        let start = here;
        let mut members = Members::default();
        let mut merges: Vec<Node> = Vec::new();
        let mut levels = 1;
        let mut template = false;
        loop {
            let (event, span) = self.next(events)?;
            if matches!(event, Event::MappingEnd) {
                here.end = here.end.max(self.span(&span).end);
                break;
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if &**text == "<<");
            let flow = matches!(event, Event::MappingStart(StructureStyle::Flow, ..));
            let raw = match &event {
                Event::Scalar(text, ..) => Some(text.clone()),
                _ => None,
            };
            let at = self.span(&span);
            let errors = self.found.iter().count();
            let (key, below) = self.node(event, &span, events, depth + 1)?;
            levels = levels.max(below + 1);
            if raw.is_some() {
                // A key is text, whatever it looks like.
                self.found.truncate(errors);
            }
            let (event, span) = self.next(events)?;
            let (value, below) = self.node(event, &span, events, depth + 1)?;
            levels = levels.max(below + 1);
            let text = match key.as_text() {
                Some(text) => Some(self.shared(Arc::clone(text))),
                None => raw.map(|raw| self.shared(Arc::from(&*raw))),
            };
            match text {
                _ if merge => merges.push(value),
                Some(text) if matches!(key.yaml, Yaml::Null) && key.span.start == key.span.end => {
                    let _ = text;
                    self.found.push(Diagnostic::error("M108", "a key is missing here").at(key.span));
                }
                Some(text) => {
                    if let Some(first) = members.find(&text) {
                        self.found.push(
                            Diagnostic::error("M104", format!("the key `{text}` is given twice"))
                                .labelled(key.span, "given again here")
                                .labelled(first.key.span, "first given here")
                                .help("keep one of them"),
                        );
                    } else {
                        members.push(Entry { key: Spanned { value: text, span: key.span }, value });
                    }
                }
                None if flow && matches!(style, StructureStyle::Flow) && at.start == start.start + 1 => template = true,
                None => self.found.push(
                    Diagnostic::error("M108", format!("a key must be text, and this is {}", key.type_name()))
                        .at(key.span),
                ),
            }
        }
        let span = self.tight(here);
        if template {
            self.found.push(super::syntax::unquoted_template(span));
            return Ok((Node { yaml: Yaml::Unreadable, span }, 1));
        }
        for merge in merges {
            self.merge(&merge, &mut members)?;
        }
        Ok((Node { yaml: Yaml::Map(members.entries), span }, levels))
    }

    /// The text of a key, one for all keys of the same text: a manifest has few that differ.
    fn shared(&mut self, text: Arc<str>) -> Arc<str> {
        if let Some(known) = self.keys.get(&text) {
            return Arc::clone(known);
        }
        self.keys.insert(Arc::clone(&text));
        text
    }

    fn merge(&mut self, from: &Node, members: &mut Members) -> Result<(), Stopped> {
        match &from.yaml {
            Yaml::Map(more) => {
                for entry in more {
                    if members.find(&entry.key.value).is_none() {
                        members.push(entry.clone());
                    }
                }
                Ok(())
            }
            Yaml::List(list) if list.iter().all(|item| matches!(item.yaml, Yaml::Map(_))) => {
                list.iter().try_for_each(|item| self.merge(item, members))
            }
            _ => {
                self.found.push(
                    Diagnostic::error(
                        "M108",
                        format!("`<<` takes a map or a list of maps, and this is {}", from.type_name()),
                    )
                    .at(from.span),
                );
                Ok(())
            }
        }
    }

    fn refuse_tag(&mut self, tag: Option<&granit::Tag>, node: &granit::Span, core: &str) -> bool {
        let Some(tag) = tag else { return false };
        if tag.handle() == "tag:yaml.org,2002:" && tag.suffix() == core {
            return false;
        }
        let written = if tag.handle() == "tag:yaml.org,2002:" {
            format!("!!{}", tag.suffix())
        } else {
            format!("{}{}", tag.handle(), tag.suffix())
        };
        let span = self.span(&node.tag_span().unwrap_or(*node));
        let help = match tag.suffix() {
            "Ref" | "GetAtt" => "write a reference as a template: \"{{ orders.Arn }}\"",
            "Sub" | "Join" => "write the text as a template: \"orders-{{ stack_env }}\"",
            _ => "remove the tag; `!!str` is the only one with a meaning here",
        };
        self.found.push(
            Diagnostic::error("M115", format!("the tag `{written}` has no meaning in a manifest")).at(span).help(help),
        );
        true
    }

    fn scalar(
        &mut self,
        text: Arc<str>,
        style: ScalarStyle,
        tag: Option<&granit::Tag>,
        span: Span,
        node: &granit::Span,
    ) -> Yaml {
        let forced = tag.is_some_and(|tag| tag.handle() == "tag:yaml.org,2002:" && tag.suffix() == "str");
        if forced || style != ScalarStyle::Plain {
            if !forced {
                self.refuse_tag(tag, node, "str");
            }
            return Yaml::Text(text);
        }
        if self.refuse_tag(tag, node, "str") {
            return Yaml::Text(text);
        }
        match scalar::resolve(&text) {
            Plain::Null => Yaml::Null,
            Plain::Bool(flag) => Yaml::Bool(flag),
            Plain::Number(number) => Yaml::Number(number),
            Plain::Text => Yaml::Text(text),
            Plain::Ambiguous(why) => {
                self.found.push(
                    Diagnostic::error("M105", "this could be read as a number or as text").at(span).noted(why).help(
                        "quote it if it is text; if it is a number, write it in decimal without `_` or a leading `0`",
                    ),
                );
                Yaml::Unreadable
            }
        }
    }
}
