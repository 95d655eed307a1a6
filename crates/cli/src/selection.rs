//! Which resources a run is about: `--only`, `--exclude`, `--allow-replace`.

use std::collections::BTreeSet;

use globset::{Glob, GlobSet, GlobSetBuilder};
use trueup_engine::diagnostic::suggest::nearest;
use trueup_engine::graph::Graph;

use crate::error::CommandError;
use crate::settings::RunSettings;

/// The resources that are selected, as indices into the graph; `None` means all.
pub fn selected(graph: &Graph, run: &RunSettings) -> Result<Option<BTreeSet<usize>>, CommandError> {
    known_replacements(graph, run)?;
    if run.only.is_empty() && run.exclude.is_empty() {
        return Ok(None);
    }
    // A glob that fits nothing is a typing error, and under `--exclude` one that would change what was to be left alone.
    for (option, given) in [("--only", &run.only), ("--exclude", &run.exclude)] {
        for glob in given {
            if matching(graph, &globs(std::slice::from_ref(glob))?).next().is_none() {
                return Err(unknown(graph, option, glob));
            }
        }
    }
    let only = globs(&run.only)?;
    let exclude = globs(&run.exclude)?;
    let excluded: BTreeSet<usize> = matching(graph, &exclude).collect();
    let wanted: Vec<usize> =
        if run.only.is_empty() { (0..graph.nodes.len()).collect() } else { matching(graph, &only).collect() };
    Ok(Some(wanted.into_iter().filter(|index| !excluded.contains(index)).collect()))
}

/// The resources of a saved plan's addresses.
pub fn of_addresses<'a>(graph: &Graph, addresses: impl Iterator<Item = &'a str>) -> BTreeSet<usize> {
    let wanted: BTreeSet<&str> = addresses.collect();
    let chosen = graph.nodes.iter().enumerate().filter(|(_, node)| wanted.contains(node.address.to_string().as_str()));
    chosen.map(|(index, _)| index).collect()
}

/// A selection and everything that it refers to, which has to be read so that its values are known.
pub fn with_dependencies(graph: &Graph, selected: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut all = selected.clone();
    let mut pending: Vec<usize> = selected.iter().copied().collect();
    while let Some(index) = pending.pop() {
        for dependency in &graph.dependencies[index] {
            if all.insert(*dependency) {
                pending.push(*dependency);
            }
        }
    }
    all
}

/// A selection and what refers to it directly.
pub fn with_dependants(graph: &Graph, selected: &BTreeSet<usize>) -> BTreeSet<usize> {
    let dependants = selected.iter().flat_map(|index| &graph.dependants[*index]);
    selected.iter().chain(dependants).copied().collect()
}

/// A replacement that is allowed to nothing is a typing error in the one option that should have none.
fn known_replacements(graph: &Graph, run: &RunSettings) -> Result<(), CommandError> {
    for allowed in &run.allow_replace {
        let fits =
            |address: &trueup_engine::address::Address| address.name() == allowed || address.to_string() == *allowed;
        if !graph.nodes.iter().any(|node| fits(&node.address)) {
            return Err(unknown(graph, "--allow-replace", allowed));
        }
    }
    Ok(())
}

fn unknown(graph: &Graph, option: &str, text: &str) -> CommandError {
    let addresses: Vec<String> = graph.nodes.iter().map(|node| node.address.to_string()).collect();
    let error = CommandError::usage(format!("`{option} {text}` fits no resource of the stack"));
    match nearest(text, addresses.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`trueup render` shows the resources with their addresses"),
    }
}

/// Globs, with the texts as they were given.
struct Patterns<'a> {
    globs: GlobSet,
    texts: &'a [String],
}

fn globs(patterns: &[String]) -> Result<Patterns<'_>, CommandError> {
    let wrong = |error: &globset::Error| CommandError::usage(format!("a glob cannot be used: {error}"));
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| wrong(&error))?);
    }
    Ok(Patterns { globs: set.build().map_err(|error| wrong(&error))?, texts: patterns })
}

/// The resources that a glob fits, by their address or, for all instances of a `for_each`, by their name. The brackets of
/// an address are a class of characters to a glob, so the address as it is fits too.
fn matching<'a>(graph: &'a Graph, patterns: &'a Patterns<'_>) -> impl Iterator<Item = usize> + 'a {
    graph.nodes.iter().enumerate().filter_map(|(index, node)| {
        let address = node.address.to_string();
        let globs = &patterns.globs;
        let fits = globs.is_match(&address) || globs.is_match(node.address.name()) || patterns.texts.contains(&address);
        fits.then_some(index)
    })
}

/// Whether a run is about a resource of this name, as far as that can be said before there is a graph.
pub fn fits(name: &str, run: &RunSettings) -> bool {
    let fits = |given: &[String]| globs(given).is_ok_and(|patterns| patterns.globs.is_match(name));
    (run.only.is_empty() || fits(&run.only)) && !fits(&run.exclude)
}
