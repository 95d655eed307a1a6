//! Text for terminals: colour that can be off, control characters that cannot act, lines that wrap.
//!
//! Whatever comes from a manifest, a file or a service passes [`clean`] before it is printed: a connection's state reason
//! or a description could otherwise move the cursor, rename the window or hide what stands beside it.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What a piece of text means; decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// A name that the eye looks for.
    Strong,
    /// Beside the point.
    Faint,
    /// Something comes, or went well.
    Good,
    /// Something changes, or is not known.
    Change,
    /// Something goes, or went wrong.
    Bad,
    /// Worth knowing.
    Note,
}

/// Colours text, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// Whether escape sequences may be written.
    pub on: bool,
}

impl Paint {
    /// The text in a tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.on || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Change => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Note => AnsiColor::Cyan.on_default(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// The text with everything that could act on a terminal, or change the order of what is read, written as an escape.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => cleaned.push_str("\\n"),
            '\r' => cleaned.push_str("\\r"),
            '\t' => cleaned.push_str("\\t"),
            other if acts(other) => {
                let _ = write!(cleaned, "\\u{{{:x}}}", u32::from(other));
            }
            other => cleaned.push(other),
        }
    }
    Cow::Owned(cleaned)
}

/// As [`clean`], but lines stay lines.
pub fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// Control characters, and the invisible ones that turn the direction of text or join nothing.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Columns that the text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Cuts the text to so many columns; a cut one ends in `…`.
pub fn shorten(text: &str, most: usize) -> Cow<'_, str> {
    if columns(text) <= most {
        return Cow::Borrowed(text);
    }
    let mut taken = String::new();
    let mut width = 0;
    for character in text.chars() {
        let next = character.width().unwrap_or(0);
        if width + next + 1 > most {
            break;
        }
        width += next;
        taken.push(character);
    }
    taken.push('…');
    Cow::Owned(taken)
}

/// A line made of pieces, each with a tone. A line that is too long goes on below `hang`.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pieces: Vec<(Tone, String)>,
    hang: usize,
}

impl Line {
    /// An empty line, whose continuation is indented by `hang` columns.
    pub fn new(hang: usize) -> Self {
        Self { pieces: Vec::new(), hang }
    }

    /// Adds a piece.
    #[must_use]
    pub fn then(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.pieces.push((tone, text.into()));
        self
    }

    /// Adds spaces up to a column; at least `gap` of them.
    #[must_use]
    pub fn pad_to(mut self, column: usize, gap: usize) -> Self {
        let spaces = column.saturating_sub(self.columns()).max(gap);
        self.pieces.push((Tone::Plain, " ".repeat(spaces)));
        self
    }

    /// Columns so far.
    pub fn columns(&self) -> usize {
        self.pieces.iter().map(|(_, text)| columns(text)).sum()
    }

    /// The line, wrapped at `width` where it is given, with a line feed at its end.
    pub fn render(&self, paint: Paint, width: Option<usize>) -> String {
        let mut out = String::new();
        // A very narrow terminal would leave no room behind the indentation.
        let width = width.filter(|width| *width >= 20);
        let hang = width.map_or(self.hang, |width| self.hang.min(width / 2));
        let mut column = 0;
        let pieces = self.pieces.iter();
        for (tone, text) in pieces {
            let Some(width) = width else {
                out.push_str(&paint.paint(*tone, text));
                continue;
            };
            for word in words(text) {
                let size = columns(word);
                if column + columns(word.trim_end()) > width && column > hang {
                    while out.ends_with(' ') {
                        out.pop();
                    }
                    out.push('\n');
                    out.push_str(&" ".repeat(hang));
                    column = hang;
                    if word.trim().is_empty() {
                        continue;
                    }
                }
                out.push_str(&paint.paint(*tone, word));
                column += size;
            }
        }
        let mut out = if paint.on { out } else { out.trim_end().to_owned() };
        out.push('\n');
        out
    }
}

/// The words of a text, each with the spaces behind it.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut in_space = false;
    for (index, character) in text.char_indices() {
        if character == ' ' {
            in_space = true;
        } else if in_space {
            words.push(&text[start..index]);
            start = index;
            in_space = false;
        }
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

/// `1 resource`, `2 resources`; every plural of the program is made here.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint { on: false };

    #[test]
    fn nothing_from_outside_acts_on_the_terminal() {
        assert_eq!(clean("plain – text"), "plain – text");
        assert_eq!(clean("a\x1b[2Jb\nc\u{9b}"), "a\\u{1b}[2Jb\\nc\\u{9b}");
        assert_eq!(clean("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(clean_lines("a\r\nb\x07"), "a\\r\nb\\u{7}");
    }

    #[test]
    fn long_lines_go_on_below_their_text() {
        let line =
            Line::new(4).then(Tone::Plain, "  + orders").pad_to(14, 1).then(Tone::Plain, "create: it is not there yet");
        assert_eq!(line.render(PLAIN, Some(24)), "  + orders    create: it\n    is not there yet\n");
        assert_eq!(line.render(PLAIN, None), "  + orders    create: it is not there yet\n");
    }

    #[test]
    fn colour_is_off_or_complete() {
        assert_eq!(PLAIN.paint(Tone::Bad, "x"), "x");
        assert_eq!(Paint { on: true }.paint(Tone::Bad, "x"), "\u{1b}[31mx\u{1b}[0m");
    }

    #[test]
    fn texts_are_cut_by_columns() {
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("漢字漢字", 5), "漢字…");
        assert_eq!(shorten("abc", 3), "abc");
    }
}
