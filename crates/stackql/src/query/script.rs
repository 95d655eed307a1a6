//! The text of one or more statements, parsed, with the places that messages point at.
//!
//! SQL is parsed by `sqlparser` in SQLite's dialect. A text that is not a plain query may hold a credential in any of its
//! literals, so all of those are masked before anything is said about it.

use std::ops::ControlFlow;

use sqlparser::ast::{Query, SetExpr, Spanned as _, Statement, Visit as _, Visitor};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span as SqlSpan, Token, Tokenizer};
use trueup_engine::diagnostic::Diagnostic;
use trueup_engine::source::{SourceId, Sources, Span};

use super::error::QueryError;
use crate::sql::depth;

/// Statements and their text.
#[derive(Debug, Clone)]
pub struct Script {
    text: Text,
    statements: Vec<Statement>,
}

/// A text, and where its lines begin.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) sources: Sources,
    id: SourceId,
    whole: String,
    /// It may hold a credential anywhere, so that no message repeats a word of it.
    pub(super) closed: bool,
    lines: Vec<usize>,
}

impl Script {
    /// Parses statements that are separated by `;`. `name` is what messages call the text.
    ///
    /// # Errors
    ///
    /// It is no SQL.
    pub fn parse(name: &str, text: &str) -> Result<Self, QueryError> {
        let mut held = Text::new(name, text);
        let tokens = Tokenizer::new(&SQLiteDialect {}, text).tokenize_with_location().map_err(|error| {
            held.mask_from(Location { line: 1, column: 1 });
            let (what, at) = located(&error.to_string());
            let place = held.place(at.unwrap_or(Location { line: 1, column: 1 }));
            let found = Diagnostic::error("Q301", format!("the SQL cannot be read: {}", lowered(&what))).at(place);
            QueryError::rejected(&held.sources, found)
        })?;
        let literals: Vec<SqlSpan> =
            tokens.iter().filter(|token| is_literal(&token.token)).map(|token| token.span).collect();
        let refused = |held: Text, at: SqlSpan, what: &str| {
            let found = Diagnostic::error("Q301", format!("the SQL cannot be read: {what}")).at(held.span(at));
            Err(QueryError::rejected(&held.sources, found))
        };
        if let Some(at) = depth::too_deep(&tokens) {
            // Without a look at each of very many literals.
            held.mask_from(Location { line: 1, column: 1 });
            return refused(held, at, "it is nested too deeply: there are too many operators up to here");
        }
        if let Some(at) = tokens.iter().find(|token| is_too_large(&token.token)).map(|token| token.span) {
            held.mask(&literals);
            return refused(held, at, "this integer does not fit into 64 bits, and would lose digits");
        }
        let parsed = Parser::new(&SQLiteDialect {}).with_tokens_with_locations(tokens).parse_statements();
        let statements = match parsed {
            Ok(statements) => statements,
            Err(error) => {
                held.mask(&literals);
                return Err(QueryError::rejected(&held.sources, held.misread(error)));
            }
        };
        if !statements.iter().all(is_read) {
            held.mask(&literals);
            held.closed = true;
        }
        Ok(Self { text: held, statements })
    }

    /// How many statements there are.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether it only reads.
    pub fn only_reads(&self) -> bool {
        self.statements.iter().all(is_read)
    }

    /// Whether a statement only reads.
    pub fn reads(&self, statement: usize) -> bool {
        self.read(statement).is_some()
    }

    /// The text, for messages about it.
    pub fn sources(&self) -> &Sources {
        &self.text.sources
    }

    pub(super) fn text(&self) -> &Text {
        &self.text
    }

    pub(super) fn statement(&self, at: usize) -> Option<&Statement> {
        self.statements.get(at)
    }

    /// A statement that only reads.
    pub(super) fn read(&self, at: usize) -> Option<&Query> {
        match self.statement(at)? {
            statement @ Statement::Query(query) if is_read(statement) => Some(query),
            _ => None,
        }
    }

    pub(super) fn whole(&self, at: usize) -> Span {
        self.statement(at).map_or(Span::NOWHERE, |statement| self.text.span(statement.span()))
    }
}

/// Whether a statement only reads. To the parser `WITH … INSERT` is a query as well, and so is what stands in a
/// common table expression: what is no select, by itself or somewhere in it, may hold a credential.
fn is_read(statement: &Statement) -> bool {
    struct Reads;
    impl Visitor for Reads {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            if reads(&query.body) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }
    // A query in a body is visited by itself.
    fn reads(body: &SetExpr) -> bool {
        match body {
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => true,
            SetExpr::SetOperation { left, right, .. } => reads(left) && reads(right),
            _ => false,
        }
    }
    matches!(statement, Statement::Query(_)) && statement.visit(&mut Reads).is_continue()
}

/// Whether a token is a text that somebody wrote.
fn is_literal(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DollarQuotedString(_)
    ) || matches!(token, Token::Word(word) if word.quote_style.is_some())
}

/// Whether a token is an integer that SQLite would take for a number with a fraction.
fn is_too_large(token: &Token) -> bool {
    match token {
        Token::Number(digits, _) => digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<i64>().is_err(),
        _ => false,
    }
}

impl Text {
    fn new(name: &str, text: &str) -> Self {
        let mut sources = Sources::default();
        let id = sources.add_open(name, text);
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { sources, id, whole: text.to_owned(), closed: false, lines }
    }

    fn byte(&self, at: Location) -> usize {
        let line = usize::try_from(at.line).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(start) = self.lines.get(line).copied() else { return self.whole.len() };
        let column = usize::try_from(at.column).unwrap_or(usize::MAX).saturating_sub(1);
        self.whole[start..].char_indices().nth(column).map_or(self.whole.len(), |(offset, _)| start + offset)
    }

    /// A place of the parser's as a place of the engine's; nowhere for what the text does not hold.
    pub(super) fn span(&self, span: SqlSpan) -> Span {
        if span.start.line == 0 {
            return Span::NOWHERE;
        }
        self.range(self.byte(span.start), self.byte(span.end))
    }

    fn range(&self, start: usize, end: usize) -> Span {
        let number = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        Span { source: self.id, start: number(start), end: number(end.max(start)) }
    }

    /// The place of one character.
    fn place(&self, at: Location) -> Span {
        let start = self.byte(at);
        let width = self.whole[start..].chars().next().map_or(0, char::len_utf8);
        self.range(start, start + width)
    }

    fn mask(&mut self, spans: &[SqlSpan]) {
        for span in spans {
            let span = self.span(*span);
            self.sources.mask(span);
        }
    }

    fn mask_from(&mut self, at: Location) {
        let span = self.range(self.byte(at), self.whole.len());
        self.sources.mask(span);
    }

    /// What the parser says, without what it found: that may be a credential.
    fn misread(&self, error: ParserError) -> Diagnostic {
        let (said, at) = match error {
            ParserError::TokenizerError(said) | ParserError::ParserError(said) => located(&said),
            ParserError::RecursionLimitExceeded => ("it is nested too deeply".to_owned(), None),
        };
        let said = said.split(", found: ").next().unwrap_or_default();
        let said = said.strip_prefix("Expected: ").map_or_else(|| lowered(said), |what| format!("expected {what}"));
        let place = self.place(at.unwrap_or(Location { line: 1, column: 1 }));
        Diagnostic::error("Q301", format!("the SQL cannot be read: {said}")).at(place)
    }
}

/// A message of the parser's without its prefix, and the place that stands at its end.
fn located(said: &str) -> (String, Option<Location>) {
    let said = said.trim_start_matches("sql parser error: ");
    let Some((what, place)) = said.rsplit_once(" at Line: ") else { return (said.to_owned(), None) };
    let place = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    (what.to_owned(), place)
}

fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_lowercase().to_string() + letters.as_str()).unwrap_or_default()
}
