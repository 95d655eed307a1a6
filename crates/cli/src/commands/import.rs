//! `trueup import`: read what is there, write the manifest that says it.
//!
//! What was written is read again before it is handed over, by the same stages that every command begins with: a
//! manifest that cannot be used as it is says so here, with the line to complete.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};
use trueup_aws::Session;
use trueup_aws::kinds::cloud_control::{Problem, is_type_name};
use trueup_engine::cloud::{Cloud, Live, Place, Want};
use trueup_engine::desired::{self, Defaults};
use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::import::{self, Found, Head, Imported, Unread};
use trueup_engine::kind::{Kind, Registry};
use trueup_engine::render::{self, Inputs};
use trueup_engine::source::Sources;
use trueup_engine::value::Value;
use trueup_engine::{graph, manifest};

use crate::cloud;
use crate::commands::{Context, kinds};
use crate::error::CommandError;
use crate::exit::{Exit, decide, when};
use crate::files;
pub use crate::output::import::ImportDocument;
use crate::output::import::{Report, documents, show};
use crate::settings::{ImportWhat, Settings};
use crate::types;

/// The name of a stack whose resources have no prefix in common.
const STACK: &str = "imported";

/// What was found in a place.
#[derive(Default)]
struct Gathered {
    found: Vec<Found>,
    unread: Vec<Unread>,
}

/// Imports resources.
pub async fn run(context: &Context<'_>, what: &ImportWhat) -> Result<Exit, CommandError> {
    let settings = context.settings;
    let asked = Asked::new(&what.kinds)?;
    let filter = Filter::new(what)?;
    refuse(context, what)?;

    let place = Place {
        region: settings.cloud.region.as_deref().map(Into::into),
        role_arn: settings.cloud.role_arn.as_deref().map(Into::into),
    };
    let connected = cloud::connect(settings, settings.run.secret_reads).await?;
    let (kinds, registry) = match asked.kinds(settings, &connected.session, &place).await {
        Ok(found) => found,
        Err(error) => {
            connected.close().await?;
            return Err(error);
        }
    };
    let here = connected.session.whereabouts(&place).await.ok();
    let gathered = gather(&connected.session, &kinds, &place, &filter, settings.run.secret_reads).await;
    connected.close().await?;

    let head = Head {
        stack: what.prefix.as_deref().and_then(stack_name).unwrap_or_else(|| STACK.to_owned()),
        region: here.as_ref().map(|here| here.region.clone()).or_else(|| settings.cloud.region.clone()),
        account: here.map(|here| here.account),
    };
    let mut imported = import::import(gathered.found, &gathered.unread, &head);
    let (sources, found) = check(&imported, registry, what.out.as_deref());
    imported.diagnostics.extend(found);
    // An empty manifest in place of what nobody could read would say that there is nothing.
    let blind = imported.resources.is_empty() && !gathered.unread.is_empty();
    let written = match &what.out {
        Some(path) if !imported.resources.is_empty() => {
            write_new(path, &imported.manifest)?;
            Some(path.as_path())
        }
        _ => None,
    };
    let exit = decide([
        when(!gathered.unread.is_empty(), Exit::Incomplete),
        when(imported.diagnostics.has_errors(), Exit::Incomplete),
    ]);
    let report = Report {
        imported: &imported,
        unread: &gathered.unread,
        head: &head,
        kinds: &kinds,
        sources: &sources,
        written,
        asked_for_file: what.out.is_some(),
        blind,
    };
    if context.printer.is_human() {
        show(context, &report);
    } else {
        context.printer.document(&documents(context, &report))?;
    }
    Ok(exit)
}

/// The types that are asked for, each once.
struct Asked {
    own: Vec<&'static dyn Kind>,
    /// Names of types that trueup has no kind of its own for.
    others: BTreeSet<String>,
}

impl Asked {
    /// The types by name; all of trueup's own where none is named.
    fn new(names: &[String]) -> Result<Self, CommandError> {
        if names.is_empty() {
            return Ok(Self { own: trueup_aws::registry().iter().collect(), others: BTreeSet::new() });
        }
        let mut asked = Self { own: Vec::new(), others: BTreeSet::new() };
        for name in names {
            match trueup_aws::registry().find(name) {
                Some(kind) if asked.own.iter().any(|other| other.name() == kind.name()) => {}
                Some(kind) => asked.own.push(kind),
                None if is_type_name(name) => drop(asked.others.insert(name.clone())),
                None => return Err(kinds::unknown(name)),
            }
        }
        Ok(asked)
    }

    /// The kinds of all of them, and the registry with them: the schemas of the others come from CloudFormation.
    async fn kinds(
        mut self,
        settings: &Settings,
        session: &Session,
        place: &Place,
    ) -> Result<(Vec<&'static dyn Kind>, Registry), CommandError> {
        let (registry, problems) = types::registry(types::fetched_in(settings, session, place, &self.others).await?);
        for name in &self.others {
            match (registry.find(name), problems.get(name)) {
                (Some(kind), _) => self.own.push(kind),
                (None, Some(Problem::Unusable(why))) => {
                    return Err(CommandError::usage(format!("`{name}` cannot be managed: {why}")));
                }
                (None, _) => return Err(kinds::unknown(name)),
            }
        }
        Ok((self.own, registry))
    }
}

/// What cannot be done is said before anything is read.
fn refuse(context: &Context<'_>, what: &ImportWhat) -> Result<(), CommandError> {
    let run = &context.settings.run;
    if !run.only.is_empty() || !run.exclude.is_empty() {
        return Err(CommandError::usage(
            "`--only` and `--exclude` go by the addresses of a stack, and there is none yet",
        )
        .hint("`--prefix` and `--name` go by the names of what is there"));
    }
    match &what.out {
        Some(path) if path.exists() => Err(there_already(path)),
        _ => Ok(()),
    }
}

fn there_already(path: &Path) -> CommandError {
    CommandError::usage(format!("`{}` is there already", path.display()))
        .hint("name another file, or remove it first; nothing was written")
}

/// A file that was not there before.
pub fn write_new(path: &Path, text: &str) -> Result<(), CommandError> {
    files::write_new(path, text, || there_already(path))
}

/// Which names are asked for.
struct Filter {
    prefix: Option<String>,
    names: Option<GlobSet>,
}

impl Filter {
    fn new(what: &ImportWhat) -> Result<Self, CommandError> {
        let mut globs = GlobSetBuilder::new();
        let wrong =
            |glob: &str, error: &globset::Error| CommandError::usage(format!("`{glob}` is no glob: {}", error.kind()));
        for name in &what.names {
            globs.add(Glob::new(name).map_err(|error| wrong(name, &error))?);
        }
        let names = globs.build().map_err(|error| wrong(&what.names.join(", "), &error))?;
        Ok(Self { prefix: what.prefix.clone(), names: Some(names).filter(|names| !names.is_empty()) })
    }

    fn is_open(&self) -> bool {
        self.prefix.is_none() && self.names.is_none()
    }

    /// Whether a name is asked for: as it is, without the `alias/` that every alias of a key begins with, or as the end of
    /// an ARN or an address.
    fn fits(&self, identity: &str) -> bool {
        [Some(identity), identity.strip_prefix("alias/"), import::name_in(identity)].into_iter().flatten().any(|name| {
            self.prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix.as_str()))
                && self.names.as_ref().is_none_or(|names| names.is_match(name))
        })
    }
}

/// Lists and reads. What has an id and no name comes last: where names are asked for, it is what the others point at.
async fn gather(
    cloud: &dyn Cloud,
    kinds: &[&'static dyn Kind],
    place: &Place,
    filter: &Filter,
    secret_reads: bool,
) -> Gathered {
    let mut gathered = Gathered::default();
    let (by_id, by_name): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| kind.names_itself());
    for kind in by_name.into_iter().chain(by_id) {
        let identities = match cloud.list(kind, place).await {
            Ok(identities) => identities,
            Err(fault) => {
                gathered.unread.push(Unread { type_name: kind.name(), identity: None, fault });
                continue;
            }
        };
        let mut wanted: Vec<String> = identities
            .into_iter()
            .filter(|identity| {
                filter.fits(identity) || (!filter.is_open() && is_pointed_at(kind, identity, &gathered.found))
            })
            .collect();
        wanted.sort();
        wanted.dedup();
        read(cloud, kind, place, wanted, secret_reads, &mut gathered).await;
    }
    gathered.unread.sort_by(|a, b| (a.type_name, &a.identity).cmp(&(b.type_name, &b.identity)));
    gathered
}

/// Whether something that was found says this id.
fn is_pointed_at(kind: &dyn Kind, identity: &str, found: &[Found]) -> bool {
    kind.found_through().iter().any(|through| {
        found.iter().any(|one| {
            one.kind.name() == through.kind
                && one.live.properties.get(through.property).and_then(Value::as_str) == Some(identity)
        })
    })
}

/// Reads resources whole, but for their secrets. Where a read hides even which credentials there are, it is repeated with
/// them: an update that does not know of one may take it away.
async fn read(
    cloud: &dyn Cloud,
    kind: &'static dyn Kind,
    place: &Place,
    identities: Vec<String>,
    secret_reads: bool,
    gathered: &mut Gathered,
) {
    let wants: Vec<Want> = identities.into_iter().map(|identity| whole(identity, false)).collect();
    let mut lives = cloud.observe(kind, place, &wants).await;
    let hidden: Vec<usize> = (0..lives.len())
        .filter(|at| lives[*at].present().is_some_and(|live| import::hides_credentials(kind, live)))
        .collect();
    if secret_reads && !hidden.is_empty() {
        let again: Vec<Want> = hidden.iter().map(|at| whole(wants[*at].identity.clone(), true)).collect();
        for (at, live) in hidden.into_iter().zip(cloud.observe(kind, place, &again).await) {
            // Who may not read the credentials has read the rest already.
            if live.present().is_some() {
                lives[at] = live;
            }
        }
    }
    for (want, live) in wants.into_iter().zip(lives) {
        match live {
            // Deleted since it was listed.
            Live::Absent => {}
            Live::Present(live) => gathered.found.push(Found { kind, live: Arc::unwrap_or_clone(live) }),
            Live::Unreadable(fault) => {
                gathered.unread.push(Unread { type_name: kind.name(), identity: Some(want.identity), fault });
            }
        }
    }
}

/// All there is to say of a resource.
fn whole(identity: String, secrets: bool) -> Want {
    // The empty pointer is the whole of the properties.
    Want { identity, secrets, shallow: false, given: vec![String::new()], tags: None, verified: None }
}

/// A prefix as the name of a stack.
fn stack_name(prefix: &str) -> Option<String> {
    let name = prefix.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let fits = name.chars().all(|character| character.is_ascii_alphanumeric() || "-_./".contains(character));
    (fits && !name.is_empty()).then(|| name.to_owned())
}

/// Reads the manifest as every command does, without a secret and without a variable.
fn check(imported: &Imported, registry: Registry, file: Option<&Path>) -> (Sources, Diagnostics) {
    let mut sources = Sources::new("");
    let name = file.map_or_else(|| "trueup.yaml".to_owned(), |file| file.display().to_string());
    let id = sources.add(name, imported.manifest.as_str());
    let (manifest, mut found) = manifest::parse(&mut sources, id);
    let Some(manifest) = manifest else { return (sources, found) };
    let inputs =
        Inputs { env: "dev", given: Vec::new(), files: Vec::new(), environment: &|_| None, today: (1970, 1, 1) };
    let (stack, more) = render::render(&manifest, &inputs, &mut sources);
    found.extend(more);
    let Some(stack) = stack else { return (sources, found) };
    let (nodes, more) = desired::desire(&stack, registry, &mut sources, &Defaults::default());
    found.extend(more);
    if nodes.len() == stack.instances.len()
        && let Err(more) = graph::graph(nodes, &stack)
    {
        found.extend(more);
    }
    (sources, found.sorted())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(prefix: Option<&str>, names: &[&str]) -> Filter {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Filter::new(&ImportWhat { kinds: Vec::new(), prefix: prefix.map(str::to_owned), names, out: None }).unwrap()
    }

    #[test]
    fn names_fit_by_prefix_and_by_glob() {
        assert!(filter(None, &[]).is_open() && filter(None, &[]).fits("anything"));
        let both = filter(Some("orders"), &["*-prod", "*/prod"]);
        assert!(both.fits("orders-prod") && both.fits("orders/db/prod") && both.fits("alias/orders-prod"));
        assert!(!both.fits("orders-dev") && !both.fits("other-prod") && !both.is_open());
        assert!(filter(None, &["alias/*"]).fits("alias/orders"));
    }

    #[test]
    fn a_prefix_names_the_stack() {
        assert_eq!(stack_name("orders-").as_deref(), Some("orders"));
        assert_eq!(stack_name("/orders/db/").as_deref(), Some("orders/db"));
        assert_eq!(stack_name("-"), None);
        assert_eq!(stack_name("a{{b"), None);
    }

    #[test]
    fn each_type_is_read_once_and_an_unknown_one_is_named() {
        let names = ["AWS::Events::Connection".to_owned(), "awscc.events.connections".to_owned()];
        assert_eq!(Asked::new(&names).unwrap().own.len(), 1);
        let error = Asked::new(&["AWS.Events.Connection".to_owned()]).err().unwrap();
        assert_eq!(error.exit(), Exit::Usage);
        assert_eq!(error.hints, ["did you mean `aws.events.connections`?"]);
        let other = Asked::new(&["AWS::S3::Bucket".to_owned(), "AWS::S3::Bucket".to_owned()]).unwrap();
        assert!(other.own.is_empty() && other.others.len() == 1);
    }
}
