//! A text in which every template is a placeholder, and places in it.

use std::ops::Range;

use sqlparser::ast;
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span as Where, Token, Tokenizer};
use trueup_engine::diagnostic::Diagnostic;
use trueup_engine::render::scan::{self, Piece};
use trueup_engine::source::Span;

use super::{Refused, depth, refused, words};

/// What stands for each character of a template. It is of the private use area, and a letter to the parser.
pub const PLACEHOLDER: char = '\u{e000}';

/// A statement, masked.
pub struct Masked<'t> {
    /// As it is written.
    pub text: &'t str,
    /// Where that is.
    pub span: Span,
    /// With placeholders. Line for line and character for character the same.
    pub placed: String,
    /// The bytes at which the lines of `text` begin.
    lines: Vec<usize>,
    /// Templates outside of quotes, as bytes of `text`.
    bare: Vec<Range<usize>>,
    /// `{% … %}` outside of quotes.
    blocks: Vec<Range<usize>>,
}

/// Where the masking stands in the SQL.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    Quotes(char),
    Line,
    Block,
}

impl<'t> Masked<'t> {
    /// Masks a text.
    ///
    /// # Errors
    ///
    /// Braces that are not closed.
    pub fn of(text: &'t str, span: Span) -> Result<Self, Refused> {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect();
        let mut this = Self {
            text,
            span,
            placed: String::with_capacity(text.len() * 2),
            lines,
            bare: Vec::new(),
            blocks: Vec::new(),
        };
        if text.contains(PLACEHOLDER) {
            return Err(refused(
                this.place(0..text.len().min(1)),
                "the statement has a character of the private use area",
            ));
        }
        let pieces = scan::pieces(text).map_err(|unclosed| {
            Refused::from(
                Diagnostic::error("Q110", format!("a template is not closed: `{}` is missing", unclosed.missing))
                    .at(this.place(unclosed.at..unclosed.at + 2)),
            )
        })?;
        let mut within = Within::Code;
        let mut raw = false;
        for piece in pieces {
            let (range, statement) = match &piece {
                Piece::Text(range) => (range.clone(), None),
                Piece::Expression(inside) | Piece::Comment(inside) => (inside.start - 2..inside.end + 2, None),
                Piece::Statement(inside) => {
                    (inside.start - 2..inside.end + 2, Some(text[inside.clone()].trim_matches(['-', '+', ' ', '\n'])))
                }
            };
            match (&piece, statement) {
                (_, Some("raw")) => {
                    raw = true;
                    this.hide(&range, within, false);
                }
                (_, Some("endraw")) => {
                    raw = false;
                    this.hide(&range, within, false);
                }
                (Piece::Text(_), _) => within = this.copy(&range, within),
                _ if raw => within = this.copy(&range, within),
                (Piece::Expression(_), _) => {
                    if within == Within::Code {
                        this.bare.push(range.clone());
                    }
                    this.hide(&range, within, true);
                }
                (Piece::Comment(_), _) => this.hide(&range, within, false),
                (Piece::Statement(_), _) => {
                    if within == Within::Code {
                        this.blocks.push(range.clone());
                    }
                    this.hide(&range, within, false);
                }
            }
        }
        this.say_replace();
        Ok(this)
    }

    /// SQL, with white space in the place of comments.
    fn copy(&mut self, range: &Range<usize>, mut within: Within) -> Within {
        let mut letters = self.text[range.clone()].chars().peekable();
        while let Some(letter) = letters.next() {
            let next = letters.peek().copied();
            match (within, letter) {
                (Within::Code, '-') if next == Some('-') => within = Within::Line,
                (Within::Code, '/') if next == Some('*') => {
                    within = Within::Block;
                    // The star that opens it does not close it.
                    self.placed.push_str("  ");
                    letters.next();
                    continue;
                }
                (Within::Code, '\'' | '"' | '`') => within = Within::Quotes(letter),
                (Within::Quotes(quote), _) if letter == quote => within = Within::Code,
                (Within::Line, '\n') => within = Within::Code,
                (Within::Block, '*') if next == Some('/') => {
                    self.placed.push_str("  ");
                    letters.next();
                    within = Within::Code;
                    continue;
                }
                _ => {}
            }
            let shown = match within {
                Within::Line | Within::Block if letter != '\n' => ' ',
                _ if letter == '\r' => ' ',
                _ => letter,
            };
            self.placed.push(shown);
        }
        within
    }

    /// A template: placeholders in quotes, a name (where it has a value) outside of them, nothing in comments.
    fn hide(&mut self, range: &Range<usize>, within: Within, value: bool) {
        let mut first_line = true;
        for letter in self.text[range.clone()].chars() {
            first_line &= letter != '\n';
            let shown = match within {
                _ if letter == '\n' => '\n',
                Within::Quotes(_) => PLACEHOLDER,
                Within::Code if value && first_line => PLACEHOLDER,
                _ => ' ',
            };
            self.placed.push(shown);
        }
    }

    /// REPLACE is an INSERT or an UPDATE to the parser; the words are of one length.
    fn say_replace(&mut self) {
        let start = self.placed.len() - self.placed.trim_start().len();
        let is_replace = self.placed.get(start..start + 7).is_some_and(|word| word.eq_ignore_ascii_case("replace"));
        let rest = self.placed.get(start + 7..).unwrap_or_default();
        if is_replace && rest.starts_with(char::is_whitespace) {
            let into = rest.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("into"));
            self.placed.replace_range(start..start + 7, if into { "INSERT " } else { "UPDATE " });
        }
    }

    /// Parses it.
    ///
    /// # Errors
    ///
    /// SQL that cannot be read, and EXEC.
    pub fn parse(&self) -> Result<Vec<ast::Statement>, Refused> {
        let word = self.placed.split_whitespace().next().unwrap_or_default();
        if word.eq_ignore_ascii_case("exec") || word.eq_ignore_ascii_case("execute") {
            return Err(refused(self.first_word(), "EXEC calls a method of a provider, and cannot be lifted")
                .help("write the resource with INSERT, UPDATE and DELETE"));
        }
        let known = ["insert", "update", "delete", "select", "with", "values"];
        let letters: String = word.chars().take_while(char::is_ascii_alphabetic).collect();
        if !letters.is_empty() && !known.iter().any(|it| letters.eq_ignore_ascii_case(it)) {
            return Err(refused(
                self.first_word(),
                format!("a statement that begins with `{letters}` cannot be lifted"),
            )
            .help("only INSERT, REPLACE, UPDATE, DELETE and SELECT say what a resource is"));
        }
        let dialect = SQLiteDialect {};
        let tokens = Tokenizer::new(&dialect, &self.placed).with_unescape(false).tokenize_with_location();
        let mut tokens = tokens.map_err(|error| self.unreadable(self.point(error.location)))?;
        if let Some(at) = depth::too_deep(&tokens) {
            let diagnostic = Diagnostic::error("Q110", "the SQL cannot be read: it is nested too deeply");
            let place = self.place(self.range(at));
            return Err(Refused::from(diagnostic.labelled(place, "too many operators up to here")));
        }
        words::make_names(&mut tokens);
        let mut parser = Parser::new(&dialect).with_recursion_limit(50).with_tokens_with_locations(tokens);
        parser.parse_statements().map_err(|_| {
            let next = parser.peek_token();
            let at = if matches!(next.token, Token::EOF) { parser.get_current_token().clone() } else { next };
            self.unreadable(self.range(at.span))
        })
    }

    fn unreadable(&self, range: Range<usize>) -> Refused {
        // A place between two blocks has no token of its own.
        let range = if range.is_empty() { self.word_at(range.start) } else { range };
        let diagnostic =
            Diagnostic::error("Q110", "the SQL cannot be read").labelled(self.place(range), "not expected here");
        Refused::from(match self.blocks.first() {
            Some(block) => diagnostic
                .labelled(self.place(block.clone()), "the block may be why: it is not evaluated here")
                .help("choose the value inside of quotes: '{{ a if b else c }}'"),
            None => diagnostic.help("the dialect is SQLite's; a text stands between single quotes"),
        })
    }

    /// Blocks outside of quotes change what the statement is.
    ///
    /// # Errors
    ///
    /// The first of them.
    pub fn refuse_blocks(&self) -> Result<(), Refused> {
        match self.blocks.first() {
            Some(block) => {
                Err(refused(self.place(block.clone()), "a statement that a template block makes cannot be lifted")
                    .noted("what it sets would depend on a condition or on a loop")
                    .help("choose the value inside of quotes: '{{ a if b else c }}'"))
            }
            None => Ok(()),
        }
    }

    /// The place of a range of the text.
    pub fn place(&self, range: Range<usize>) -> Span {
        let small = |byte: usize| self.span.start.saturating_add(u32::try_from(byte).unwrap_or(u32::MAX));
        Span { source: self.span.source, start: small(range.start), end: small(range.end) }
    }

    /// The bytes of what the parser found. A template that goes on over its line is taken whole.
    pub fn range(&self, at: Where) -> Range<usize> {
        let (start, mut end) = (self.byte(at.start), self.byte(at.end));
        if let Some(template) = self.bare.iter().find(|template| template.start < end && end < template.end) {
            end = template.end;
        }
        start..end.max(start)
    }

    fn point(&self, at: Location) -> Range<usize> {
        let byte = self.byte(at);
        byte..byte
    }

    fn word_at(&self, start: usize) -> Range<usize> {
        let start = start.min(self.text.trim_end().len().saturating_sub(1));
        let start = (0..=start).rev().find(|byte| self.text.is_char_boundary(*byte)).unwrap_or(0);
        let word = self.text[start..].split(char::is_whitespace).next().unwrap_or_default();
        let first = self.text[start..].chars().next().map_or(0, char::len_utf8);
        start..start + word.len().max(first)
    }

    fn byte(&self, at: Location) -> usize {
        let (Ok(line), Ok(column)) = (usize::try_from(at.line), usize::try_from(at.column)) else { return 0 };
        let Some(start) = self.lines.get(line.saturating_sub(1)) else { return self.text.len() };
        let rest = &self.text[*start..];
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(index, _)| index)
    }

    /// The first word, for what is wrong with the statement as a whole.
    pub fn first_word(&self) -> Span {
        let start = self.placed.chars().take_while(|letter| letter.is_whitespace()).count();
        let byte = self.text.char_indices().nth(start).map_or(0, |(index, _)| index);
        self.place(self.word_at(byte))
    }

    /// The first word behind the first `;`.
    pub fn second_statement(&self) -> Span {
        let tokens = Tokenizer::new(&SQLiteDialect {}, &self.placed).with_unescape(false).tokenize_with_location();
        let tokens = tokens.unwrap_or_default();
        let mut behind = tokens.iter().skip_while(|token| token.token != Token::SemiColon);
        let next = behind.find(|token| !matches!(token.token, Token::SemiColon | Token::Whitespace(_) | Token::EOF));
        next.map_or_else(|| self.first_word(), |token| self.place(self.range(token.span)))
    }
}
