//! Which words of a statement are names.
//!
//! `sqlparser` knows the keywords of every database, and an AWS property may be called like any of them: `Interval`,
//! `Order`, `Function`. A word is a keyword only where SQLite's grammar has one, and not where a name stands alone between
//! commas.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The keywords that a statement of a project can have.
#[rustfmt::skip]
const KEYWORDS: &[Keyword] = &[
    Keyword::ALL, Keyword::AND, Keyword::AS, Keyword::ASC, Keyword::BETWEEN, Keyword::BY, Keyword::CASE, Keyword::CAST,
    Keyword::COLLATE, Keyword::CROSS, Keyword::CURRENT, Keyword::DEFAULT, Keyword::DELETE, Keyword::DESC,
    Keyword::DISTINCT, Keyword::ELSE, Keyword::END, Keyword::ESCAPE, Keyword::EXCEPT, Keyword::EXISTS, Keyword::FALSE,
    Keyword::FILTER, Keyword::FIRST, Keyword::FOLLOWING, Keyword::FROM, Keyword::FULL, Keyword::GLOB, Keyword::GROUP,
    Keyword::HAVING, Keyword::IN, Keyword::INNER, Keyword::INSERT, Keyword::INTERSECT, Keyword::INTO, Keyword::IS,
    Keyword::JOIN, Keyword::LAST, Keyword::LEFT, Keyword::LIKE, Keyword::LIMIT, Keyword::NATURAL,
    Keyword::NOT, Keyword::NOTNULL, Keyword::NULL, Keyword::NULLS, Keyword::OFFSET, Keyword::ON, Keyword::OR,
    Keyword::ORDER, Keyword::OUTER, Keyword::OVER, Keyword::PARTITION, Keyword::PRECEDING, Keyword::RANGE,
    Keyword::RECURSIVE, Keyword::REGEXP, Keyword::RETURNING, Keyword::RIGHT, Keyword::ROW, Keyword::ROWS,
    Keyword::SELECT, Keyword::SET, Keyword::THEN, Keyword::TRUE, Keyword::UNBOUNDED, Keyword::UNION, Keyword::UPDATE,
    Keyword::USING, Keyword::VALUES, Keyword::WHEN, Keyword::WHERE, Keyword::WITH,
    // The types of CAST.
    Keyword::BLOB, Keyword::BOOLEAN, Keyword::CHAR, Keyword::INT, Keyword::INTEGER, Keyword::NUMERIC, Keyword::REAL,
    Keyword::TEXT, Keyword::VARCHAR,
];

/// Makes names of the words that are none of the grammar's.
pub fn make_names(tokens: &mut [TokenWithSpan]) {
    let words: Vec<usize> =
        (0..tokens.len()).filter(|index| !matches!(tokens[*index].token, Token::Whitespace(_))).collect();
    for (nth, index) in words.iter().enumerate() {
        let before = nth.checked_sub(1).map(|at| &tokens[words[at]].token);
        let after = words.get(nth + 1).map(|at| &tokens[*at].token);
        let first = matches!(before, None | Some(Token::SemiColon));
        let Some(keyword) = keyword(&tokens[*index].token) else { continue };
        // The first word says what the statement is, whatever that may be.
        let name = !first && (!KEYWORDS.contains(&keyword) || stands_alone(keyword, before, after));
        if name && let Token::Word(word) = &mut tokens[*index].token {
            word.keyword = Keyword::NoKeyword;
        }
    }
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() && word.keyword != Keyword::NoKeyword => Some(word.keyword),
        _ => None,
    }
}

/// Between commas, in parentheses, or as the first or last column of a SELECT; or on one side of a comparison.
fn stands_alone(word: Keyword, before: Option<&Token>, after: Option<&Token>) -> bool {
    if matches!(word, Keyword::NULL | Keyword::TRUE | Keyword::FALSE | Keyword::DEFAULT) {
        return false;
    }
    if matches!(before, Some(Token::Period)) {
        return true;
    }
    let opens = match before {
        Some(Token::Comma | Token::LParen) => true,
        Some(token) => matches!(
            keyword(token),
            Some(Keyword::SELECT | Keyword::DISTINCT | Keyword::SET | Keyword::WHERE | Keyword::AND)
        ),
        None => false,
    };
    let closes = match after {
        Some(Token::Comma | Token::RParen | Token::Eq) => true,
        Some(token) => keyword(token) == Some(Keyword::FROM),
        None => false,
    };
    opens && closes
}
