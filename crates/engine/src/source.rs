//! Texts that people wrote, and places in them.
//!
//! A [`Span`] is a range of bytes in one of the [`Sources`] of a run; every leaf of a manifest carries one to the end, so
//! that whatever is wrong with a value, even what only the service could know, points at the line that wrote it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::diagnostic::Diagnostic;

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

impl Span {
    /// The place of what nobody wrote.
    pub const NOWHERE: Self = Self { source: SourceId(u32::MAX), start: 0, end: 0 };
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
    masked: Vec<Span>,
    /// What whoever added a text says may be shown of it, byte for byte; `None`: what the form of a manifest says.
    shown: Vec<Option<Arc<str>>>,
    /// What may be shown of each text, made when it is first needed.
    excerpts: Vec<OnceLock<Excerpts>>,
    /// Where the lines of each text begin, found when it is first asked for.
    lines: Vec<OnceLock<Vec<usize>>>,
    /// Bytes that were looked at to say where something is.
    #[cfg(test)]
    looked_at: std::cell::Cell<usize>,
}

/// A text with everything blanked that must not be shown, and where its lines begin.
#[derive(Debug, Clone)]
pub(crate) struct Excerpts {
    pub(crate) text: String,
    pub(crate) lines: Vec<usize>,
}

/// The names of a manifest in a folder, in the order in which they are looked for.
const NAMES: [&str; 2] = ["trueup.yaml", "trueup.yml"];
/// stackql-deploy's name of a manifest, which may also be one in our own form.
pub const STACKQL: &str = "stackql_manifest.yml";
/// Bytes of a manifest.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Whether a folder has a manifest.
pub fn is_stack(folder: &Path) -> bool {
    NAMES.iter().chain([&STACKQL]).any(|name| folder.join(name).is_file())
}

/// Reads a stack: a folder with `trueup.yaml`, `trueup.yml` or `stackql_manifest.yml`, or the file itself.
///
/// # Errors
///
/// Why there is no text to go on with.
pub fn load(path: &Path) -> Result<(Sources, SourceId), Diagnostic> {
    let shown = |path: &Path| path.display().to_string();
    let unreadable = |path: &Path, error: &std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            std::io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
            kind => kind.to_string(),
        };
        Diagnostic::error("M101", format!("`{}` cannot be read: {why}", shown(path)))
    };
    let metadata = path.metadata().map_err(|error| {
        unreadable(path, &error).help("name the folder of a stack, or its manifest: `trueup plan DIR ENV`")
    })?;
    let file = if metadata.is_dir() {
        let candidates = NAMES.map(|name| path.join(name));
        match candidates.into_iter().find(|candidate| candidate.is_file()) {
            Some(file) => file,
            None if path.join(STACKQL).is_file() => path.join(STACKQL),
            None => {
                return Err(Diagnostic::error("M101", format!("`{}` has no `trueup.yaml`", shown(path)))
                    .help("`trueup init` writes one"));
            }
        }
    } else {
        path.to_owned()
    };
    let metadata = file.metadata().map_err(|error| unreadable(&file, &error))?;
    if !metadata.is_file() {
        return Err(Diagnostic::error("M101", format!("`{}` is not a file", shown(&file))));
    }
    if metadata.len() > MAX_BYTES {
        return Err(Diagnostic::error("M103", format!("`{}` is larger than 8 MiB", shown(&file)))
            .help("split the stack, or use `for_each` in place of repetition"));
    }
    let bytes = std::fs::read(&file).map_err(|error| unreadable(&file, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        Diagnostic::error("M101", format!("`{}` is not UTF-8: line {line} has other bytes", shown(&file)))
    })?;
    let mut sources = Sources::new(file.parent().unwrap_or(Path::new("")));
    let name = shown(&file);
    let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
    let id = sources.add(name, text);
    Ok((sources, id))
}

impl Sources {
    /// No texts yet; includes are looked up in `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), list: Vec::new(), ..Self::default() }
    }

    /// From now on, this range is shown as `*` wherever a line with it is shown.
    pub fn mask(&mut self, span: Span) {
        self.masked.push(span);
        if let Some(excerpts) = self.excerpts.get_mut(span.source.0 as usize) {
            excerpts.take();
        }
    }

    /// The ranges of a text that must not be shown.
    pub fn masked(&self, id: SourceId) -> impl Iterator<Item = Span> {
        self.masked.iter().copied().filter(move |span| span.source == id)
    }

    /// Takes a text.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(name.into(), text.into(), None)
    }

    /// Takes a text that has not the form of a manifest. `shown` is what may be shown of it: the text with everything
    /// blanked that could be a secret, of the same length and with the same lines; another length shows nothing.
    pub fn add_shown(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>, shown: &str) -> SourceId {
        let text = text.into();
        let shown = if shown.len() == text.len() {
            Arc::from(shown)
        } else {
            text.bytes()
                .map(|byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { '*' })
                .collect::<String>()
                .into()
        };
        self.push(name.into(), text, Some(shown))
    }

    /// Takes a text that is no manifest and that may be shown, but for what is [masked](Self::mask).
    pub fn add_open(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let text = text.into();
        self.push(name.into(), Arc::clone(&text), Some(text))
    }

    fn push(&mut self, name: String, text: Arc<str>, shown: Option<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Source { name, text });
        self.shown.push(shown);
        self.excerpts.push(OnceLock::new());
        self.lines.push(OnceLock::new());
        id
    }

    /// What may be shown of a text; `make` makes it the first time.
    pub(crate) fn excerpts(&self, id: SourceId, make: impl FnOnce(&Source) -> Excerpts) -> Option<&Excerpts> {
        let source = self.get(id)?;
        Some(self.excerpts.get(id.0 as usize)?.get_or_init(|| make(source)))
    }

    /// Every text with its number, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.list.iter().enumerate().map(|(index, source)| (SourceId(u32::try_from(index).unwrap_or(u32::MAX)), source))
    }

    /// What may be shown of a text, where whoever added it said so.
    pub(crate) fn shown(&self, id: SourceId) -> Option<&Arc<str>> {
        self.shown.get(id.0 as usize)?.as_ref()
    }

    /// The text of a number.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.list.get(id.0 as usize)
    }

    /// The text of a range.
    pub fn text(&self, span: Span) -> Option<&str> {
        self.get(span.source)?.text.get(span.start as usize..span.end as usize)
    }

    /// The stack's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Line and column (both from 1, columns in characters) of a byte.
    pub fn position(&self, id: SourceId, byte: u32) -> (usize, usize) {
        let Some(source) = self.get(id) else { return (1, 1) };
        let mut byte = (byte as usize).min(source.text.len());
        while !source.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let Some(lines) = self.lines.get(id.0 as usize) else { return (1, 1) };
        let lines = lines.get_or_init(|| {
            self.looked(source.text.len());
            std::iter::once(0).chain(source.text.match_indices('\n').map(|(index, _)| index + 1)).collect()
        });
        let line = lines.partition_point(|start| *start <= byte);
        let before = &source.text[lines[line - 1]..byte];
        self.looked(before.len());
        (line, before.chars().count() + 1)
    }

    #[cfg(test)]
    fn looked(&self, bytes: usize) {
        self.looked_at.set(self.looked_at.get() + bytes);
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "only tests count")]
    const fn looked(&self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_without_reading_the_text_again() {
        let line = "  - { Key: X-Token, Value: é, Valu: 1 }\n";
        let text = line.repeat(5_000);
        let mut sources = Sources::new("");
        let id = sources.add("m.yaml", text.clone());
        for index in 0..5_000 {
            let byte = u32::try_from(index * line.len() + 31).unwrap();
            assert_eq!(sources.position(id, byte), (index + 1, 31));
        }
        // The text once, and a part of a line for each place.
        assert!(sources.looked_at.get() <= 2 * text.len(), "{}", sources.looked_at.get());
        assert_eq!(sources.position(id, 0), (1, 1));
        assert_eq!(sources.position(id, u32::MAX), (5_001, 1));
    }
}
