//! SQL as a template of the engine: what stands between braces becomes text as stackql-deploy makes it, and between single
//! quotes a quote in a value is doubled, so that no value can end the literal that it stands in.

use std::fmt::Write as _;

use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::render::scan::{self, Kind, Piece};

/// The statement whose rendered text is SQL.
pub fn translate(node: &Node) -> Node {
    let Yaml::Text(text) = &node.yaml else { return node.clone() };
    Node { yaml: Yaml::Text(wrapped(text.trim().trim_end_matches(';').trim_end()).into()), span: node.span }
}

fn wrapped(text: &str) -> String {
    let Ok(pieces) = scan::pieces(text) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len() + 64);
    let mut quoted = false;
    for piece in pieces {
        match piece {
            Piece::Text(range) => {
                quoted ^= text[range.clone()].matches('\'').count() % 2 == 1;
                out.push_str(&text[range]);
            }
            Piece::Expression(code) => {
                let (mut open, mut code, mut close) = ("{{", &text[code], "}}");
                if let Some(rest) = code.strip_prefix('-') {
                    (open, code) = ("{{-", rest);
                }
                if let Some(rest) = code.strip_suffix('-') {
                    (code, close) = (rest, "-}}");
                }
                let words = scan::words(code, 0);
                let escaped = words.last().is_some_and(|last| last.kind == Kind::Filter && last.text == "sql_escape");
                let filter = if quoted && !escaped { "sql_quoted" } else { "sql_text" };
                let _ = write!(out, "{open} ({}) | {filter} {close}", code.trim());
            }
            Piece::Statement(code) => out.push_str(&text[code.start - 2..code.end + 2]),
            Piece::Comment(_) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn values_between_quotes_cannot_end_them() {
        assert_eq!(
            wrapped(
                "SELECT a FROM t WHERE b = '{{ name }}' AND c IN {{ list | sql_list }} AND d = '{{ e | sql_escape }}'"
            ),
            "SELECT a FROM t WHERE b = '{{ (name) | sql_quoted }}' AND c IN {{ (list | sql_list) | sql_text }} \
             AND d = '{{ (e | sql_escape) | sql_text }}'"
        );
        assert_eq!(
            wrapped("{% if a %}'it''s {{- b -}}'{% endif %}{# c #}"),
            "{% if a %}'it''s {{- (b) | sql_quoted -}}'{% endif %}"
        );
    }
}
