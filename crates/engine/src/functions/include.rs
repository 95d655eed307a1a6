//! `file(path)`: JSON or YAML inside the stack's folder, as data.
//!
//! A manifest may come from anyone's pull request, and an include that leaves the folder would read the machine's files
//! into a plan. So the path is checked as it is written and again after every link in it was followed.

use std::path::{Component, Path};
use std::sync::{Arc, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::diagnostic::Diagnostics;
use crate::manifest::tree;
use crate::render::session::Session;
use crate::source::SourceId;
use crate::value::Value;
use crate::variables::{hex, literal};

/// The content of a file, read once a run.
pub(super) fn read(session: &Session, path: &str) -> Result<Arc<Value>, String> {
    let mut files = session.files.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = files.get(path) {
        return known.clone();
    }
    let result = load(session, path);
    files.insert(path.to_owned(), result.clone());
    result
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        kind => kind.to_string(),
    }
}

fn load(session: &Session, path: &str) -> Result<Arc<Value>, String> {
    let relative = Path::new(path);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside {
        return Err("it is outside of the stack's folder".to_owned());
    }
    let readable = relative.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    if !matches!(readable.as_deref(), Some("json" | "yaml" | "yml")) {
        return Err("it is neither `.json` nor `.yaml`".to_owned());
    }
    let root = if session.root.as_os_str().is_empty() { Path::new(".") } else { &session.root };
    let root = root.canonicalize().map_err(|_| "the stack's folder cannot be read".to_owned())?;
    let full = root.join(relative).canonicalize().map_err(|error| unreadable(&error))?;
    if !full.starts_with(&root) {
        return Err("it leads outside of the stack's folder".to_owned());
    }
    let size = full.metadata().map_err(|error| unreadable(&error))?;
    if !size.is_file() || size.len() > tree::MAX_BYTES as u64 {
        return Err("it is not a file of at most 8 MiB".to_owned());
    }
    let bytes = std::fs::read(&full).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let value = if readable.as_deref() == Some("json") { json(&text)? } else { yaml(&text)? };
    let digest = hex(&Sha256::digest(text.as_bytes()));
    session.digests.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), digest);
    Ok(Arc::new(value))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str::<serde_json::Value>(text)
        .map(Value::from)
        .map_err(|error| format!("line {}, column {} is not what JSON allows here", error.line(), error.column()))
}

fn yaml(text: &str) -> Result<Value, String> {
    let mut found = Diagnostics::new();
    let node = tree::read(text, SourceId(u32::MAX), &mut found);
    if let Some(problem) = found.iter().next() {
        let byte = problem.span().map_or(0, |span| span.start as usize);
        let line = text.get(..byte).map_or(1, |before| before.matches('\n').count() + 1);
        return Err(format!("line {line}: {}", problem.summary));
    }
    Ok(node.map_or(Value::Null, |node| literal(&node)))
}
