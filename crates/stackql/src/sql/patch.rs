//! What a patch document sets, read from its template: `{{ {"Description": description} | generate_patch_document }}`.

use std::sync::Arc;

use trueup_engine::manifest::tree::{Entry, Node, Yaml};
use trueup_engine::render::scan::{self, Kind, Piece, Word};
use trueup_engine::source::{Span, Spanned};

use super::mask::Masked;
use super::{Refused, Value, refused};

/// A patch document.
#[derive(Debug, Clone)]
pub struct Patch {
    /// The whole of it.
    pub span: Span,
    /// The top-level properties that it sets, and their values.
    pub properties: Vec<(Spanned<Arc<str>>, Node)>,
    /// There is more in it than `properties` says: it is a variable, or it goes into a property or removes one.
    pub partial: bool,
}

/// Reads what a patch document is set to.
pub fn read(document: &Value, masked: &Masked<'_>) -> Result<Patch, Refused> {
    let span = document.node.span;
    if let Some(Node { yaml: Yaml::List(operations), .. }) = &document.tree {
        return Ok(operations_of(operations, span));
    }
    let Yaml::Text(text) = &document.node.yaml else { return Err(not_a_patch(span)) };
    let pieces = scan::pieces(text).unwrap_or_default();
    let mut code = None;
    for piece in &pieces {
        match piece {
            Piece::Text(range) if text[range.clone()].trim().is_empty() => {}
            Piece::Comment(_) => {}
            Piece::Expression(inside) if code.is_none() => code = Some(inside.clone()),
            _ => return Err(not_a_patch(span)),
        }
    }
    let Some(inside) = code else { return Err(not_a_patch(span)) };
    // Where the code is in the text of the statement: the quotes may hold doubled quotes before it, so it is looked up.
    let written = masked_slice(masked, span);
    let at = written.find(&text[inside.clone()]).unwrap_or(0) + (span.start - masked.span.start) as usize;
    let code = text[inside].trim_end_matches(['-', '+']).trim_start_matches(['-', '+']);
    let at = at + usize::from(masked.text[at..].starts_with(['-', '+']));
    let words = scan::words(code, at);
    Ok(dictionary(&words, masked).map_or_else(
        || Patch { span, properties: Vec::new(), partial: true },
        |properties| Patch { span, properties, partial: false },
    ))
}

fn not_a_patch(span: Span) -> Refused {
    refused(span, "this is not a patch document").help(
        "write string('{{ { \"Description\": description } | generate_patch_document }}'), or the list of operations",
    )
}

fn masked_slice<'t>(masked: &Masked<'t>, span: Span) -> &'t str {
    let start = (span.start - masked.span.start) as usize;
    let end = (span.end - masked.span.start) as usize;
    masked.text.get(start..end).unwrap_or_default()
}

/// `{ "Key": value, … } | generate_patch_document`; `None` where it is anything else.
fn dictionary(words: &[Word<'_>], masked: &Masked<'_>) -> Option<Vec<(Spanned<Arc<str>>, Node)>> {
    let (filter, rest) = words.split_last()?;
    let (pipe, rest) = rest.split_last()?;
    if filter.kind != Kind::Filter || filter.text != "generate_patch_document" || pipe.text != "|" {
        return None;
    }
    let (open, rest) = rest.split_first()?;
    let (close, inner) = rest.split_last()?;
    if open.text != "{" || close.text != "}" {
        return None;
    }
    let mut properties = Vec::new();
    for member in commas(inner)? {
        let [key, colon, value @ ..] = member else { return None };
        if key.kind != Kind::Text || colon.text != ":" {
            return None;
        }
        let (first, last) = (value.first()?, value.last()?);
        let range = first.range().start..last.range().end;
        let code = masked.text.get(range.clone())?;
        let key = Spanned { value: Arc::from(key.unquoted()), span: masked.place(key.range()) };
        let node = Node { yaml: Yaml::Text(format!("{{{{ {code} }}}}").into()), span: masked.place(range) };
        properties.push((key, node));
    }
    Some(properties)
}

/// The words between top-level commas; `None` where brackets do not fit.
fn commas<'w, 't>(words: &'w [Word<'t>]) -> Option<Vec<&'w [Word<'t>]>> {
    let mut members = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (index, word) in words.iter().enumerate() {
        match word.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.checked_sub(1)?,
            "," if depth == 0 => {
                members.push(&words[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if start < words.len() {
        members.push(&words[start..]);
    }
    (depth == 0).then_some(members)
}

/// A list of operations, as RFC 6902 has them.
fn operations_of(operations: &[Node], span: Span) -> Patch {
    let mut patch = Patch { span, properties: Vec::new(), partial: false };
    for operation in operations {
        match top_level(operation) {
            Some(property) => patch.properties.push(property),
            None => patch.partial = true,
        }
    }
    patch
}

fn top_level(operation: &Node) -> Option<(Spanned<Arc<str>>, Node)> {
    let Yaml::Map(entries) = &operation.yaml else { return None };
    let member = |name: &str| entries.iter().find(|entry| *entry.key.value == *name).map(|entry: &Entry| &entry.value);
    let kind = member("op")?.as_text()?;
    if !matches!(&**kind, "add" | "replace") {
        return None;
    }
    let path = member("path")?;
    let name = path.as_text()?.strip_prefix('/')?;
    if name.is_empty() || name.contains('/') || scan::is_template(name) {
        return None;
    }
    let name = name.replace("~1", "/").replace("~0", "~");
    Some((Spanned { value: name.into(), span: path.span }, member("value")?.clone()))
}
