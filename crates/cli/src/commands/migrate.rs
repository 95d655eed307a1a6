//! `trueup migrate`: a stackql-deploy project as a manifest in our own form.

use std::path::Path;

use trueup_stackql::migrate;

use crate::commands::{Context, check_online, finish, import};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::front;
use crate::settings::Target;

/// The first line of what is written.
const HEAD: &str = "# Written by `trueup migrate`.\n";

/// Prints the manifest, or writes it to a new file.
pub async fn run(context: &Context<'_>, target: &Target, out: Option<&Path>) -> Result<Exit, CommandError> {
    let mut loaded = front::read(context.settings, target)?;
    let Some(manifest) = loaded.manifest().cloned() else {
        return Ok(finish(context, loaded)?.err().unwrap_or(Exit::Usage));
    };
    if loaded.project.is_none() {
        return Err(CommandError::usage(format!("`{}` is no stackql-deploy project", target.path.display()))
            .hint("a project is a folder with `stackql_manifest.yml`, and `resources` with `.iql` files"));
    }
    if context.settings.run.allow_scripts {
        return Err(CommandError::usage("what a script prints has no place in a manifest")
            .hint("leave the scripts out with `--exclude`, and give what they print as variables"));
    }
    check_online(context, &mut loaded).await?;
    let ready = match finish(context, loaded)? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let nodes = ready.graph.nodes.iter().map(AsRef::as_ref);
    let migrated = migrate::migrate(&manifest, &ready.stack, nodes);
    let text = format!("{HEAD}{}", migrated.text);
    match out {
        Some(path) => {
            import::write_new(path, &text)?;
            context.printer.result(&format!("Wrote {}\n", path.display()));
        }
        None => context.printer.result(&text),
    }
    if !migrated.secrets.is_empty() {
        context.printer.hint(&format!(
            "secrets that were written in the project are variables now; give them: {}",
            migrated.secrets.join(", ")
        ));
    }
    Ok(Exit::Done)
}
