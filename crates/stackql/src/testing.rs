//! What the unit tests of this crate have in common.

use std::path::Path;

use trueup_engine::diagnostic::{Diagnostics, render};
use trueup_engine::source::{SourceId, Sources};

/// Runs something over a text and shows what it found, as people see it.
pub fn shown<T>(text: &str, run: impl FnOnce(SourceId, &mut Diagnostics) -> T) -> (T, String) {
    let mut sources = Sources::new(Path::new(""));
    let source = sources.add("resources/x.iql", text);
    let mut found = Diagnostics::new();
    let result = run(source, &mut found);
    let shown: Vec<String> = found.iter().map(|it| render(it, &sources, false, 100)).collect();
    (result, shown.join("\n"))
}
