//! The types of a stack that trueup has no kind of its own for: managed through Cloud Control, by their schema.

use std::collections::{BTreeMap, BTreeSet};

use trueup_aws::Session;
use trueup_aws::kinds::cloud_control::{self, Cache, Found, Problem, is_type_name};
use trueup_engine::cloud::Place;
use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::kind::Registry;
use trueup_engine::stack::Stack;

use crate::error::CommandError;
use crate::front::{self, Loaded};
use crate::settings::Settings;

/// The names of such types in a stack.
pub fn of(loaded: &Loaded) -> BTreeSet<String> {
    let registry = trueup_aws::registry();
    let instances = loaded.stack.iter().flat_map(|stack| &stack.instances);
    let names = instances.filter_map(|instance| instance.type_name.as_ref()).map(|name| name.value.as_str());
    names.filter(|name| is_type_name(name) && registry.find(name).is_none()).map(str::to_owned).collect()
}

/// Where schemas are kept.
pub fn cache(settings: &Settings) -> Cache {
    Cache::new(settings.cache.as_ref().map(|folder| folder.join("types")), settings.run.no_cache)
}

/// Their kinds without the network.
pub fn cached(settings: &Settings, loaded: &Loaded, names: &BTreeSet<String>) -> Found {
    let region = place(settings, loaded).region;
    let region = region.as_deref().or(settings.cloud.ambient_region.as_deref());
    // A sandbox has schemas of its own.
    let cache = if settings.cloud.sandbox.is_some() { Cache::default() } else { cache(settings) };
    cloud_control::cached(names, region, &cache)
}

/// Their kinds, asking CloudFormation for what is not kept.
///
/// # Errors
///
/// A schema could not be read: nothing can be said of the stack then.
pub async fn fetched(
    settings: &Settings,
    session: &Session,
    loaded: &Loaded,
    names: &BTreeSet<String>,
) -> Result<Found, CommandError> {
    fetched_in(settings, session, &place(settings, loaded), names).await
}

/// The same in a place that is known.
///
/// # Errors
///
/// A schema could not be read.
pub async fn fetched_in(
    settings: &Settings,
    session: &Session,
    place: &Place,
    names: &BTreeSet<String>,
) -> Result<Found, CommandError> {
    let found = Box::pin(found_in(&cache(settings), session, place, names)).await;
    match found.problems.iter().find_map(|(_, problem)| problem.fault()) {
        Some(fault) => Err(CommandError::unread(fault.clone())),
        None => Ok(found),
    }
}

/// The same, with what could not be read among the problems.
pub async fn found_in(cache: &Cache, session: &Session, place: &Place, names: &BTreeSet<String>) -> Found {
    cloud_control::fetch(session, place, names, cache).await
}

/// Where types are asked for: where resources live that do not say it themselves.
fn place(settings: &Settings, loaded: &Loaded) -> Place {
    let defaults = front::defaults(settings);
    let global = loaded.stack.as_ref().and_then(|stack| stack.region.clone());
    Place { region: defaults.region.or(global).map(Into::into), role_arn: defaults.role_arn.map(Into::into) }
}

/// The registry with these kinds, and why there is none for others.
pub fn registry(found: Found) -> (Registry, BTreeMap<String, Problem>) {
    (trueup_aws::registry().with(found.kinds), found.problems.into_iter().collect())
}

/// The findings about a stack, in other words where it is known why there is no kind for a type.
pub fn explained(found: Diagnostics, stack: &Stack, problems: &BTreeMap<String, Problem>) -> Diagnostics {
    let written: Vec<_> = stack.instances.iter().filter_map(|instance| instance.type_name.as_ref()).collect();
    let mut all = Diagnostics::new();
    for mut diagnostic in found.iter().cloned() {
        let about = |span| diagnostic.code == "M311" && diagnostic.labels.iter().any(|(label, _)| *label == span);
        let name = written.iter().find(|name| about(name.span)).map(|name| name.value.as_str());
        match name.and_then(|name| Some((name, problems.get(name)?))) {
            Some((name, Problem::Unusable(why))) => {
                diagnostic.summary = format!("`{name}` cannot be managed: {why}");
                diagnostic.help = None;
            }
            Some((name, Problem::Unknown)) => {
                diagnostic.summary = format!("`{name}` is no type that trueup or CloudFormation knows in this region");
            }
            Some((_, Problem::Unread(_))) | None => {}
        }
        all.push(diagnostic);
    }
    all
}
