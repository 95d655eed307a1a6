//! `trueup init`: a manifest to start from.

use std::path::Path;

use crate::commands::{Context, kinds};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::files;
use crate::skeleton;

/// The names under which a stack's manifest is found.
const MANIFESTS: [&str; 3] = ["trueup.yaml", "trueup.yml", "stackql_manifest.yml"];

/// Writes a manifest; a skeleton without a folder is printed.
pub fn run(context: &Context<'_>, dir: Option<&Path>, kind: Option<&str>) -> Result<Exit, CommandError> {
    let text = match kind {
        Some(name) => {
            let text = skeleton::manifest(kinds::find(name)?);
            if dir.is_none() {
                context.printer.result(&text);
                return Ok(Exit::Done);
            }
            text
        }
        None => include_str!("../../templates/trueup.yaml").to_owned(),
    };
    let dir = dir.unwrap_or(Path::new("."));
    if let Some(there) = MANIFESTS.iter().map(|name| dir.join(name)).find(|path| path.exists()) {
        return Err(CommandError::usage(format!("`{}` is there already", there.display()))
            .hint("name another folder, or remove it first; nothing was written"));
    }
    let path = dir.join(MANIFESTS[0]);
    files::write_new(&path, &text, || CommandError::usage(format!("`{}` is there already", path.display())))?;
    context.printer.result(&format!("Wrote {}\n", path.display()));
    let shown = dir.display();
    context.printer.hint(&format!(
        "`trueup validate {shown}` checks it, and `trueup --sandbox apply {shown}` tries it without AWS"
    ));
    Ok(Exit::Done)
}
