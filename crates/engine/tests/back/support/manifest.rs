//! Stacks from manifests, which the tests write as JSON: every JSON document is a YAML document.

use serde_json::Value as Json;
use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::manifest::parse;
use trueup_engine::render::{Inputs, render as render_manifest};
use trueup_engine::source::Sources;
use trueup_engine::stack::Stack;

/// Reads and renders a manifest; what is wrong with it is a mistake of the test.
pub fn render(manifest: &Json) -> (Stack, Sources) {
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", serde_json::to_string_pretty(manifest).unwrap());
    let (parsed, mut found) = parse(&mut sources, id);
    let inputs =
        Inputs { env: "dev", given: Vec::new(), files: Vec::new(), environment: &|_| None, today: (2026, 6, 1) };
    let (stack, more) = render_manifest(&parsed.unwrap(), &inputs, &mut sources);
    found.extend(more);
    assert!(!found.has_errors(), "{}", shown(&found));
    (stack.unwrap(), sources)
}

/// The summaries.
pub fn shown(found: &Diagnostics) -> String {
    found.iter().map(|found| format!("{}: {}", found.code, found.summary)).collect::<Vec<_>>().join("\n")
}
