//! How deep the tree of a statement will be, told from its tokens.
//!
//! The parser limits what it nests by calling itself. A chain such as `a OR b OR c` it reads in a loop, and the tree is
//! as deep all the same: whoever walks it, or only drops it, needs that much stack. So a chain is measured before it is
//! parsed.

use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

/// Operators, set operations and parentheses that may stand inside of one another. A thread of 2 MiB has room for it.
pub const MOST: usize = 120;

/// Words that put what stands before them, or behind, one level deeper.
const WORDS: [&str; 25] = [
    "XOR",
    "NOT",
    "IS",
    "ISNULL",
    "NOTNULL",
    "IN",
    "LIKE",
    "ILIKE",
    "GLOB",
    "MATCH",
    "REGEXP",
    "RLIKE",
    "SIMILAR",
    "BETWEEN",
    "COLLATE",
    "DIV",
    "AT",
    "INTERVAL",
    "OVERLAPS",
    "MEMBER",
    "ESCAPE",
    "JOIN",
    "PIVOT",
    "UNPIVOT",
    "MATCH_RECOGNIZE",
];

/// Words between selects.
const SETS: [&str; 4] = ["UNION", "EXCEPT", "INTERSECT", "MINUS"];

/// The heights of the trees that are open between two parentheses.
#[derive(Default)]
struct Level {
    /// Of the operand that is being read, with operators that bind tighter than AND and OR.
    operand: usize,
    /// Of the condition before it.
    condition: usize,
    /// Of what stands before the last comma, or the last word between selects.
    before: usize,
}

impl Level {
    fn height(&self) -> usize {
        self.before.max(self.condition).max(self.operand)
    }
}

/// The place at which some statement among the tokens becomes too deep.
pub fn too_deep(tokens: &[TokenWithSpan]) -> Option<Span> {
    let mut levels: Vec<Level> = Vec::new();
    let mut level = Level::default();
    for TokenWithSpan { token, span } in tokens {
        let word = match token {
            Token::Word(word) if word.quote_style.is_none() => word.value.as_str(),
            _ => "",
        };
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => levels.push(std::mem::take(&mut level)),
            Token::RParen | Token::RBracket | Token::RBrace => {
                let inner = level.height() + 1;
                level = levels.pop().unwrap_or_default();
                level.operand = level.operand.max(inner);
            }
            Token::Comma => level = Level { before: level.height(), ..Level::default() },
            Token::SemiColon => {
                levels.clear();
                level = Level::default();
            }
            _ if is_one_of(&SETS, word) => level = Level { before: level.height() + 1, ..Level::default() },
            _ if is_one_of(&["AND", "OR"], word) => {
                level.condition = level.condition.max(level.operand) + 1;
                level.operand = 0;
            }
            token if deepens(token) => level.operand += 1,
            _ => {}
        }
        if level.height() + levels.len() > MOST {
            return Some(*span);
        }
    }
    None
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a token is an operator, in signs or as a word.
fn deepens(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.quote_style.is_none() && is_one_of(&WORDS, &word.value),
        Token::EOF
        | Token::Whitespace(_)
        | Token::Number(..)
        | Token::Char(_)
        | Token::Period
        | Token::Placeholder(_)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::HexStringLiteral(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::SQLiteDialect;
    use sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn deep(sql: &str) -> bool {
        too_deep(&Tokenizer::new(&SQLiteDialect {}, sql).tokenize_with_location().unwrap()).is_some()
    }

    #[test]
    fn chains_are_deep_however_they_are_written() {
        for link in
            [" OR 1", " || 'a'", " COLLATE x", " IS NULL", "::int", " UNION SELECT 1, 2", " + (2, 3)", " or f(1, 2)"]
        {
            assert!(!deep(&format!("SELECT 1{}", link.repeat(100))), "{link}");
            assert!(deep(&format!("SELECT 1{}", link.repeat(400))), "{link}");
        }
        assert!(deep(&format!("SELECT {}1{}", "(".repeat(400), ")".repeat(400))));
    }

    #[test]
    fn a_statement_of_a_project_is_refused_before_it_is_parsed() {
        let body = format!("SELECT 1 FROM t WHERE a = '{{{{ x }}}}'{}", " AND b = 1".repeat(60_000));
        let body = trueup_engine::source::Spanned {
            value: std::sync::Arc::from(body.as_str()),
            span: trueup_engine::source::Span::NOWHERE,
        };
        let mut found = trueup_engine::diagnostic::Diagnostics::new();
        assert!(crate::sql::parse(&body, &mut found).is_none());
        let said: Vec<_> = found.iter().map(|it| (it.code, it.summary.contains("too deeply"))).collect();
        assert_eq!(said, [("Q110", true)]);
    }

    #[test]
    fn a_list_is_not_deep_however_long_it_is() {
        assert!(!deep(&format!("SELECT 1 WHERE x IN ({}-1)", "-1, ".repeat(5000))));
        assert!(!deep(&format!("VALUES {}(1 + 1)", "(1 + 1, -2), ".repeat(5000))));
        assert!(!deep(&"SELECT 1 WHERE a = 1 AND b = 2;".repeat(1000)));
        assert!(!deep(&format!("SELECT '{}'", " OR ".repeat(1000))));
    }
}
