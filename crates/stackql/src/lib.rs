//! stackql-deploy projects, and SQL over live resources, in terms of trueup's engine.
//!
//! Two ways in, one dialect. A project (`stackql_manifest.yml` and `resources/*.iql`) becomes the engine's own `Manifest`,
//! and from there on it is the same pipeline. A statement given to `trueup query` becomes reads and writes of the same
//! kinds; what the API cannot answer is answered by SQLite in memory.
//!
//! ```text
//! project ─ iql ─ sql ─ lift ─ translate ─ Manifest          sql ─ query ─ rows
//! ```

pub mod iql;
pub mod lift;
pub mod migrate;
pub mod project;
pub mod query;
pub mod script;
pub mod secrecy;
pub mod shown;
pub mod sql;
pub mod statements;
pub mod translate;

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use trueup_engine::diagnostic::codes;

    /// Every `"Q123"` in a folder's sources, outside of tests.
    fn emitted(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                emitted(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                for (at, _) in text.match_indices("\"Q") {
                    let code = text.get(at + 1..at + 5).unwrap_or_default();
                    if text.get(at + 5..=at + 5) == Some("\"") && code[1..].bytes().all(|byte| byte.is_ascii_digit()) {
                        found.insert(code.to_owned());
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_emitted_has_a_page_and_what_has_a_page_is_emitted() {
        let mut found = BTreeSet::new();
        emitted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let emitted: Vec<&str> = found.iter().map(String::as_str).collect();
        let paged: Vec<&str> = codes::CODES.iter().map(|code| code.code).filter(|code| code.starts_with('Q')).collect();
        assert_eq!(emitted, paged);
    }
}
