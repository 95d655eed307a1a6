//! SQL as a template of the engine: what stands between braces becomes text as stackql-deploy makes it, and between single
//! quotes a quote in a value is doubled, so that no value can end the literal that it stands in. Comments are left out.

use std::fmt::Write as _;

use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::render::scan::{self, Kind, Piece};

/// The statement whose rendered text is SQL.
pub fn translate(node: &Node) -> Node {
    let Yaml::Text(text) = &node.yaml else { return node.clone() };
    Node { yaml: Yaml::Text(wrapped(text.trim().trim_end_matches(';').trim_end()).into()), span: node.span }
}

/// Where a template stands in SQL.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    Quotes(char),
    Line,
    Block,
}

fn wrapped(text: &str) -> String {
    let Ok(pieces) = scan::pieces(text) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len() + 64);
    let mut within = Within::Code;
    // What each open `{% if %}` began in: so does each of its branches.
    let mut branches: Vec<Within> = Vec::new();
    let mut raw = false;
    for piece in pieces {
        match piece {
            Piece::Text(range) => within = copy(&text[range], within, &mut out),
            Piece::Expression(code) | Piece::Comment(code) if raw => {
                within = copy(&text[code.start - 2..code.end + 2], within, &mut out);
            }
            Piece::Expression(code) => {
                let filter = match within {
                    // What a comment says is nobody's business, and a value could end it.
                    Within::Line | Within::Block => continue,
                    Within::Code => "sql_text".to_owned(),
                    Within::Quotes('\'') => "sql_quoted".to_owned(),
                    Within::Quotes(quote) => format!("sql_text | replace('{quote}', '{quote}{quote}')"),
                };
                let (mut open, mut code, mut close) = ("{{", &text[code], "}}");
                if let Some(rest) = code.strip_prefix('-') {
                    (open, code) = ("{{-", rest);
                }
                if let Some(rest) = code.strip_suffix('-') {
                    (code, close) = (rest, "-}}");
                }
                let words = scan::words(code, 0);
                let escaped = words.last().is_some_and(|last| last.kind == Kind::Filter && last.text == "sql_escape");
                let filter = if escaped && within == Within::Quotes('\'') { "sql_text" } else { &filter };
                let _ = write!(out, "{open} ({}) | {filter} {close}", code.trim());
            }
            Piece::Statement(code) => {
                let words = scan::words(&text[code.clone()], 0);
                match words.iter().map(|word| word.text).find(|word| !matches!(*word, "-" | "+")).unwrap_or_default() {
                    "raw" => raw = true,
                    "endraw" => raw = false,
                    "if" | "for" => branches.push(within),
                    "elif" | "else" => within = branches.last().copied().unwrap_or(within),
                    "endif" | "endfor" => drop(branches.pop()),
                    _ => {}
                }
                out.push_str(&text[code.start - 2..code.end + 2]);
            }
            Piece::Comment(_) => {}
        }
    }
    out
}

/// SQL without its comments; what it ends in is given back.
fn copy(text: &str, mut within: Within, out: &mut String) -> Within {
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match (within, letter) {
            (Within::Code, '-') if next == Some('-') => within = Within::Line,
            (Within::Code, '/') if next == Some('*') => {
                within = Within::Block;
                // The star that opens it does not close it.
                letters.next();
                out.push(' ');
            }
            (Within::Code, '\'' | '"' | '`') => within = Within::Quotes(letter),
            (Within::Quotes(quote), _) if letter == quote => within = Within::Code,
            (Within::Line, '\n') => within = Within::Code,
            (Within::Block, '*') if next == Some('/') => {
                letters.next();
                within = Within::Code;
                continue;
            }
            _ => {}
        }
        if !matches!(within, Within::Line | Within::Block) || letter == '\n' {
            out.push(letter);
        }
    }
    within
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

    #[test]
    fn comments_and_other_quotes_change_nothing_of_it() {
        for (written, expected) in [
            ("-- it's\nSELECT '{{ a }}'", "\nSELECT '{{ (a) | sql_quoted }}'"),
            ("/* it's {{ a }} */SELECT '{{ b }}'", " SELECT '{{ (b) | sql_quoted }}'"),
            ("SELECT \"o'c\", '{{ a }}'", "SELECT \"o'c\", '{{ (a) | sql_quoted }}'"),
            ("SELECT '-- \"', '{{ a }}'", "SELECT '-- \"', '{{ (a) | sql_quoted }}'"),
            ("SELECT \"{{ a }}\"", "SELECT \"{{ (a) | sql_text | replace('\"', '\"\"') }}\""),
            ("SELECT 1 -- {{ a }}\n, '{{ b }}'", "SELECT 1 \n, '{{ (b) | sql_quoted }}'"),
            (
                "SELECT '{% if a %}x'{% else %}{{ b }}'{% endif %}",
                "SELECT '{% if a %}x'{% else %}{{ (b) | sql_quoted }}'{% endif %}",
            ),
            ("{% raw %}'{{ a }}'{% endraw %}", "{% raw %}'{{ a }}'{% endraw %}"),
        ] {
            assert_eq!(wrapped(written), expected, "{written}");
        }
    }
}
