//! `if` of a project, as an expression of the engine.
//!
//! stackql-deploy renders the text and matches what comes out: `dev == 'prd'`, `'dev' not in ['prd']`. Version 1 gave the
//! rendered text to Python. Here the text is taken apart before it is rendered: a template becomes the expression in it, as
//! text, and a bare word becomes a text. So no value can change what is compared, `not in` is right, and `and`, `or` and
//! parentheses work as in version 1.

use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::render::scan;

/// The condition as the engine evaluates it.
pub fn translate(node: &Node) -> Node {
    let Yaml::Text(text) = &node.yaml else { return node.clone() };
    let text = text.trim();
    let expression = match text {
        "true" | "True" => return Node { yaml: Yaml::Bool(true), span: node.span },
        "false" | "False" => return Node { yaml: Yaml::Bool(false), span: node.span },
        _ => expression(text),
    };
    Node { yaml: Yaml::Text(expression.into()), span: node.span }
}

fn expression(text: &str) -> String {
    if let Some(only) = only_template(text) {
        // A value from outside is text: `true` and `True` are the ones that stackql-deploy accepts.
        return format!(
            "{{{{ {{'true': true, 'True': true, 'false': false, 'False': false}}[({}) | string] }}}}",
            only.trim()
        );
    }
    let pieces = pieces(text);
    let at = |index: Option<usize>| index.and_then(|index| pieces.get(index));
    let is_order = |index: Option<usize>| matches!(at(index), Some(Piece::Mark(mark)) if matches!(&**mark, "<" | ">" | "<=" | ">="));
    let mut words = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        // Each comparison by itself. A text that is no number is compared with texts.
        let ordered = [(index.checked_sub(1), index.checked_sub(2)), (Some(index + 1), Some(index + 2))]
            .into_iter()
            .any(|(mark, other)| is_order(mark) && !piece.is_word() && !at(other).is_some_and(Piece::is_word));
        let word = piece.written(ordered);
        let close = words.is_empty() || words.ends_with(['(', '[']) || matches!(&*word, ")" | "]" | ",");
        if !close {
            words.push(' ');
        }
        words.push_str(&word);
    }
    format!("{{{{ {words} }}}}")
}

/// The code of a text that is one template and nothing else.
fn only_template(text: &str) -> Option<&str> {
    match scan::pieces(text).ok()?.as_slice() {
        [scan::Piece::Expression(code)] if code.start == 2 && code.end + 2 == text.len() => Some(&text[code.clone()]),
        _ => None,
    }
}

enum Piece {
    /// `==`, `(`, `,`, …
    Mark(String),
    /// `and`, `not`, `in`, …
    Keyword(String),
    /// Something that is compared: texts and templates behind each other.
    Operand(Vec<Part>),
}

#[derive(Clone)]
enum Part {
    Text(String),
    Template(String),
}

const KEYWORDS: [&str; 4] = ["and", "or", "not", "in"];

impl Piece {
    /// Whether it is a text in which nothing is evaluated, and no number.
    fn is_word(&self) -> bool {
        matches!(self, Self::Operand(parts)
            if matches!(&**parts, [Part::Text(text)] if text.trim().parse::<f64>().is_err()))
    }

    /// `ordered`: it is compared with `<` or `>`. What comes from outside is text, and a text has another order than a
    /// number; what is no number is an error then.
    fn written(&self, ordered: bool) -> String {
        match self {
            Self::Operand(parts) if ordered => match &**parts {
                [Part::Text(text)] if text.trim().parse::<f64>().is_ok() => text.trim().to_owned(),
                _ => format!("({} | float)", Self::Operand(parts.clone()).written(false)),
            },
            Self::Mark(mark) => mark.clone(),
            Self::Keyword(word) => word.clone(),
            Self::Operand(parts) => {
                let all: Vec<String> = parts
                    .iter()
                    .map(|part| match part {
                        Part::Text(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
                        // These two are text anyhow.
                        Part::Template(code) if matches!(code.trim(), "stack_env" | "stack_name") => {
                            code.trim().to_owned()
                        }
                        Part::Template(code) => format!("(({}) | string)", code.trim()),
                    })
                    .collect();
                if all.len() == 1 { all.concat() } else { format!("({})", all.join(" ~ ")) }
            }
        }
    }
}

/// The end of a template that begins at `at`, and its code.
fn template(text: &str, at: usize) -> Option<(usize, String)> {
    let rest = &text[at..];
    match scan::pieces(rest).ok()?.into_iter().next()? {
        scan::Piece::Expression(code) if code.start == 2 => Some((at + code.end + 2, rest[code].to_owned())),
        _ => None,
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut open = false;
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let (end, part) = if let Some((end, code)) = template(text, at) {
            (end, Part::Template(code))
        } else if character.is_whitespace() {
            open = false;
            at += character.len_utf8();
            continue;
        } else if let Some(mark) =
            ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","].iter().find(|mark| rest.starts_with(**mark))
        {
            pieces.push(Piece::Mark((*mark).to_owned()));
            open = false;
            at += mark.len();
            continue;
        } else if matches!(character, '\'' | '"') {
            let (end, parts) = quoted(text, at, character);
            pieces.push(Piece::Operand(parts));
            open = false;
            at = end;
            continue;
        } else {
            let ends = |(index, c): &(usize, char)| {
                c.is_whitespace() || "=!<>()[],'\"".contains(*c) || rest[*index..].starts_with("{{")
            };
            let length = rest.char_indices().skip(1).find(ends).map_or(rest.len(), |(index, _)| index);
            let word = &rest[..length];
            let alone = !open && !text[at + length..].starts_with("{{");
            if alone && KEYWORDS.contains(&word) {
                pieces.push(Piece::Keyword(word.to_owned()));
                at += length;
                continue;
            }
            (at + length, Part::Text(word.to_owned()))
        };
        match pieces.last_mut() {
            Some(Piece::Operand(parts)) if open => parts.push(part),
            _ => pieces.push(Piece::Operand(vec![part])),
        }
        open = true;
        at = end;
    }
    pieces
}

/// A text in quotes, with the templates in it.
fn quoted(text: &str, start: usize, quote: char) -> (usize, Vec<Part>) {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = start + 1;
    while let Some(character) = text[at..].chars().next() {
        if let Some((end, code)) = template(text, at) {
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Template(code));
            at = end;
            continue;
        }
        at += character.len_utf8();
        if character == quote {
            break;
        }
        plain.push(character);
    }
    if !plain.is_empty() || parts.is_empty() {
        parts.push(Part::Text(plain));
    }
    (at, parts)
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn texts_are_taken_apart_before_they_are_rendered() {
        for (written, expected) in [
            ("{{ stack_env }} == 'prd'", "{{ stack_env == 'prd' }}"),
            ("'{{ stack_env }}' not in ['prd', \"sit\"]", "{{ stack_env not in ['prd', 'sit'] }}"),
            ("'dev' not in ['prd']", "{{ 'dev' not in ['prd'] }}"),
            ("{{ stack_env }} in [prd, sit]", "{{ stack_env in ['prd', 'sit'] }}"),
            ("{{ a }}-{{ b }} != x-y", "{{ (((a) | string) ~ '-' ~ ((b) | string)) != 'x-y' }}"),
            ("'a{{ b }}' == ab", "{{ ('a' ~ ((b) | string)) == 'ab' }}"),
            ("('{{ a }}' == 'x') or {{ n }} == 3", "{{ (((a) | string) == 'x') or ((n) | string) == '3' }}"),
            ("{{ n }} >= 3", "{{ (((n) | string) | float) >= 3 }}"),
            ("'{{ n }}' < '3' and {{ m }} == 3", "{{ (((n) | string) | float) < 3 and ((m) | string) == '3' }}"),
            ("{{ v }} >= 'b'", "{{ ((v) | string) >= 'b' }}"),
            ("3 > {{ stack_env }}", "{{ 3 > (stack_env | float) }}"),
            ("{{ flag }}", "{{ {'true': true, 'True': true, 'false': false, 'False': false}[(flag) | string] }}"),
        ] {
            assert_eq!(expression(written), expected, "{written}");
        }
    }
}
