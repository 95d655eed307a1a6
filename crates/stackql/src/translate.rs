//! From a project to the engine's own manifest.
//!
//! A project says how its resources are made; [`crate::lift`] reads off what they should be, as templates over the props of
//! the manifest. Here both come together. A column that is exactly a prop becomes a property with that prop's own values,
//! `merge` and places, so that messages point into the manifest; whatever else uses props gets them as `locals`. Nothing is
//! evaluated: that is the engine's business, as for every other manifest.

mod condition;
mod exports;
pub(crate) mod names;
mod notes;
mod props;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use trueup_engine::diagnostic::{Diagnostic, Diagnostics, Severity};
use trueup_engine::kind::Registry;
use trueup_engine::lookup;
use trueup_engine::manifest::tree::{Entry as Member, Node, Yaml};
use trueup_engine::manifest::{
    Declaration, Global, Manifest, Property, PropertyValue, RESERVED, Resource, VariableType,
};
use trueup_engine::source::{Sources, Span, Spanned};
use trueup_engine::stack::{Export, Timeouts};

use self::props::Props;
use crate::iql::{self, AnchorKind, Iql};
use crate::lift::{self, Lifted};
use crate::project::{Entry, EntryType, Project};

/// What a script gave: names and values, in its order.
pub type Answer = Vec<(String, String)>;

/// How a project is translated.
#[derive(Clone)]
pub struct Options<'a> {
    /// The kinds that are known.
    pub kinds: Registry,
    /// What the scripts gave that were run, by name.
    pub answers: &'a BTreeMap<String, Answer>,
    /// Scripts may be run.
    pub allow_scripts: bool,
    /// Each resource depends on the one before it.
    pub keep_order: bool,
    /// Whether a resource is looked at in this run: what is wrong with one that is not, is a warning.
    pub selected: &'a dyn Fn(&str) -> bool,
}

/// A project's resource with what its statements say.
struct Piece<'p> {
    entry: &'p Entry,
    iql: Option<Iql>,
    lifted: Option<Lifted>,
}

/// The engine's manifest of a project.
pub fn translate(project: &Project, sources: &Sources, options: &Options<'_>, found: &mut Diagnostics) -> Manifest {
    let pieces: Vec<Piece<'_>> = project.resources.iter().map(|entry| piece(entry, sources, options, found)).collect();
    notes::of_project(project, pieces.iter().filter_map(|piece| piece.iql.as_ref()), found);
    let deferred = deferred(project);
    let mut globals: Vec<Global> = Vec::new();
    for global in project.globals.iter().filter(|global| !deferred.contains(&*global.name.value)) {
        if let Some(entry) = project.resources.iter().find(|entry| entry.name.value == global.name.value) {
            found.push(
                Diagnostic::error("Q204", format!("`{}` is the name of a global and of a resource", global.name.value))
                    .labelled(entry.name.span, "the resource")
                    .labelled(global.name.span, "the global")
                    .noted("which of the two a template gets is a matter of chance in stackql-deploy")
                    .help("rename one of them"),
            );
        }
        globals.push(Global {
            name: global.name.clone(),
            value: props::own_names(&global.value),
            protected: global.protected,
        });
    }
    let mut all = Translator { project, options, pieces: &pieces, deferred, found, globals, resources: Vec::new() };
    for piece in &pieces {
        all.piece(piece);
    }
    if options.keep_order {
        all.keep_order();
    }
    let Translator { globals, resources, .. } = all;
    Manifest {
        source: project.source,
        name: project.name.clone(),
        description: project.description.clone(),
        providers: project.providers.clone(),
        variables: variables(project),
        accounts: Vec::new(),
        globals,
        resources,
        exports: project.exports.clone(),
    }
}

/// Reads what the statements of a resource say.
fn piece<'p>(entry: &'p Entry, sources: &Sources, options: &Options<'_>, found: &mut Diagnostics) -> Piece<'p> {
    let mut own = Diagnostics::new();
    let text = entry.file.and_then(|id| Some((id, sources.get(id)?.text.clone())));
    let iql = text.map(|(id, text)| iql::parse(id, &text, &mut own));
    let lifted = match (&iql, entry.ty) {
        (Some(iql), EntryType::Resource | EntryType::Multi) => lift::lift(iql, &options.kinds, &mut own),
        _ => None,
    };
    // Said once for the whole project, see `notes`.
    let own =
        own.into_iter().filter(|diagnostic| diagnostic.code != "Q125").fold(Diagnostics::new(), |mut all, one| {
            all.push(one);
            all
        });
    take(own, &entry.name, options, found);
    Piece { entry, iql, lifted }
}

/// The findings about a resource: warnings only where it is not looked at.
fn take(own: Diagnostics, name: &Spanned<String>, options: &Options<'_>, found: &mut Diagnostics) {
    if (options.selected)(&name.value) {
        found.extend(own);
        return;
    }
    for mut diagnostic in own {
        if diagnostic.severity == Severity::Error {
            diagnostic.severity = Severity::Warning;
            diagnostic.notes.push(format!("`{}` is not looked at in this run", name.value));
        }
        found.push(diagnostic);
    }
}

/// The globals that are different for every resource: those with `{{ resource_name }}`, and those that use one.
fn deferred(project: &Project) -> BTreeSet<String> {
    let mut deferred: BTreeSet<String> = BTreeSet::new();
    for global in &project.globals {
        let own = |name: &str| matches!(name, "resource_name" | "idempotency_token") || deferred.contains(name);
        if names::in_node(&global.value).iter().any(|used| own(&used.name)) {
            deferred.insert(global.name.value.clone());
        }
    }
    deferred
}

/// The variables of a project: the names in its globals that are nothing else. One that something protected is made of is
/// a secret.
fn variables(project: &Project) -> Vec<Declaration> {
    let mut all: Vec<Declaration> = Vec::new();
    for global in &project.globals {
        for used in names::in_node(&global.value) {
            let name = used.name;
            let known = RESERVED.contains(&&*name)
                || name == "idempotency_token"
                || project.globals.iter().any(|global| global.name.value == name)
                || project
                    .resources
                    .iter()
                    .any(|entry| entry.name.value == name || entry.exports.iter().any(|export| export.name == name));
            if known {
                continue;
            }
            if let Some(there) = all.iter_mut().find(|there| there.name.value == name) {
                there.secret |= global.protected;
                continue;
            }
            all.push(Declaration {
                name: Spanned { value: name, span: global.value.span },
                ty: VariableType::String,
                default: None,
                secret: global.protected,
                description: None,
            });
        }
    }
    all
}

struct Translator<'p, 'd> {
    project: &'p Project,
    options: &'p Options<'p>,
    pieces: &'p [Piece<'p>],
    deferred: BTreeSet<String>,
    found: &'d mut Diagnostics,
    globals: Vec<Global>,
    resources: Vec<Resource>,
}

/// A query that finds nothing.
const NOTHING: &str = "SELECT NULL WHERE 1 = 0";

/// The exports of a query: its columns.
fn named(entry: &Entry) -> Vec<Export> {
    let export =
        |e: &crate::project::Exported| Export { property: e.column.clone(), name: e.name.clone(), span: e.span };
    entry.exports.iter().map(export).collect()
}

/// An empty resource of this name.
fn blank(name: &Spanned<String>, span: Span) -> Resource {
    Resource {
        name: name.clone(),
        span,
        type_name: None,
        properties: Vec::new(),
        exports: Vec::new(),
        condition: None,
        for_each: None,
        depends_on: Vec::new(),
        protect: None,
        ignore: Vec::new(),
        severity: Vec::new(),
        region: None,
        role_arn: None,
        identifier: None,
        renamed_from: Vec::new(),
        timeouts: Timeouts::default(),
        skip_on_delete: None,
        locals: Vec::new(),
        sql: None,
        find: None,
        from_text: true,
    }
}

impl Translator<'_, '_> {
    fn piece(&mut self, piece: &Piece<'_>) {
        let entry = piece.entry;
        match entry.ty {
            EntryType::Resource | EntryType::Multi => match &piece.lifted {
                Some(lifted) => self.resource(piece, lifted),
                None => self.unusable(entry),
            },
            EntryType::Query => self.query(piece),
            EntryType::Script => self.script(entry),
            EntryType::Command => {
                let mut own = Diagnostics::new();
                own.push(
                    Diagnostic::error(
                        "Q205",
                        format!("`{}` is a command: SQL that is run at every build", entry.name.value),
                    )
                    .at(entry.type_span)
                    .noted("nobody could say in a plan what it changes")
                    .help(
                        "run it by itself with `trueup query`, or write what it makes as a resource; \
                               `--exclude` leaves it out of a run",
                    ),
                );
                take(own, &entry.name, self.options, self.found);
                self.unusable(entry);
            }
        }
    }

    /// What others take from a resource that cannot be used is unknown, and nobody complains about it again.
    fn unusable(&mut self, entry: &Entry) {
        if !(self.options.selected)(&entry.name.value) {
            // It keeps its place in the graph, as something that nobody can read.
            let mut query = blank(&entry.name, entry.span);
            query.type_name = Some(Spanned { value: lookup::NAME.to_owned(), span: entry.type_span });
            query.sql = Some(Node { yaml: Yaml::Text(Arc::from(NOTHING)), span: entry.name.span });
            query.exports = named(entry);
            self.resources.push(query);
            return;
        }
        let names = entry.exports.iter().map(|export| &export.name).chain([&entry.name.value]);
        for name in names {
            let value = Node { yaml: Yaml::Unreadable, span: entry.name.span };
            let name = Spanned { value: name.clone(), span: entry.name.span };
            self.globals.push(Global { name, value, protected: false });
        }
    }

    fn resource(&mut self, piece: &Piece<'_>, lifted: &Lifted) {
        let entry = piece.entry;
        let mut props = Props::of(entry, self.project, &self.deferred);
        let mut resource = blank(&entry.name, entry.span);
        resource.type_name = Some(lifted.type_name.clone());
        for (name, node) in &lifted.properties {
            self.no_self(node, entry, lifted);
            let property = match props.inlined(node) {
                Some(prop) => Property { name: name.clone(), ..prop },
                None => Property {
                    name: name.clone(),
                    value: PropertyValue::One(props.using(node)),
                    merge: Vec::new(),
                    protected: false,
                },
            };
            resource.properties.push(property);
        }
        resource.region =
            lifted.region.as_ref().filter(|node| !self.is_default_region(node, entry)).map(|n| props.using(n));
        resource.role_arn = lifted.role_arn.as_ref().map(|node| props.using(node));
        resource.identifier = lifted.updated.as_ref().map(|node| {
            self.no_self(node, entry, lifted);
            props.using(node)
        });
        resource.find = self.find(lifted, entry).map(|node| props.using(&node));
        resource.condition = self.condition(entry);
        resource.skip_on_delete.clone_from(&entry.skip_on_delete);
        let (exports, query) = self.exports(piece, lifted);
        resource.exports = exports;
        resource.locals = props.locals();
        let condition = resource.condition.clone();
        self.resources.push(resource);
        if let Some((sql, exports)) = query {
            let mut props = Props::of(entry, self.project, &self.deferred);
            let name = Spanned { value: format!("{}_exports", entry.name.value), span: entry.name.span };
            let mut query = blank(&name, entry.span);
            query.type_name = Some(Spanned { value: lookup::NAME.to_owned(), span: entry.type_span });
            query.depends_on = vec![entry.name.clone()];
            query.sql = Some(statement::translate(&props.using(&sql)));
            query.condition = condition;
            query.exports = exports;
            query.locals = props.locals();
            self.resources.push(query);
        }
    }

    /// The region of most projects is their global `region`, which is where everything is anyhow.
    fn is_default_region(&self, node: &Node, entry: &Entry) -> bool {
        let name = node.as_text().and_then(|text| names::only_name(text));
        name == Some("region")
            && self.globals.iter().any(|global| global.name.value == "region")
            && !entry.props.iter().any(|prop| &*prop.name.value == "region")
    }

    /// The query that finds a resource whose name its service makes.
    fn find(&mut self, lifted: &Lifted, entry: &Entry) -> Option<Node> {
        let query = lifted.discovery.as_ref()?;
        let kind = self.options.kinds.find(&lifted.type_name.value);
        if kind.is_some_and(|kind| !kind.names_itself()) {
            return None;
        }
        let node = Node { yaml: Yaml::Text(query.sql.value.clone()), span: query.sql.span };
        let own: BTreeSet<&str> = entry.props.iter().map(|prop| &*prop.name.value).collect();
        let later = names::in_node(&node).into_iter().find(|used| {
            !own.contains(&*used.name)
                && self.pieces.iter().any(|piece| {
                    piece.entry.name.value == used.name
                        || piece.entry.exports.iter().any(|export| export.name == used.name)
                })
        });
        if let Some(used) = later {
            self.found.push(
                Diagnostic::note("Q213", format!("`{}` is not looked for by this query", entry.name.value))
                    .labelled(query.sql.span, format!("it asks with `{}`, which is known only after a read", used.name))
                    .help("trueup finds what it has made by its own tags"),
            );
            return None;
        }
        Some(statement::translate(&node))
    }

    fn condition(&mut self, entry: &Entry) -> Option<Node> {
        let node = entry.condition.as_ref()?;
        if let Some(prop) =
            names::in_node(node).iter().find_map(|used| entry.props.iter().find(|prop| *prop.name.value == *used.name))
        {
            self.found.push(
                Diagnostic::error("Q207", format!("`if` asks for the prop `{}`", prop.name.value))
                    .labelled(node.span, "it is evaluated before the props")
                    .labelled(prop.name.span, "the prop")
                    .help("make it a global"),
            );
        }
        Some(condition::translate(&props::own_names(node)))
    }

    fn query(&mut self, piece: &Piece<'_>) {
        let entry = piece.entry;
        let body = piece.iql.as_ref().and_then(|iql| {
            let anchor = iql.get(AnchorKind::Exports).or_else(|| iql.anchors.first())?;
            Some(Node { yaml: Yaml::Text(anchor.body.value.clone()), span: anchor.body.span })
        });
        let Some(sql) = entry.sql.clone().or(body) else {
            if entry.file.is_some() {
                self.found.push(
                    Diagnostic::error("M109", format!("the query `{}` has no SQL", entry.name.value))
                        .at(entry.name.span)
                        .help("write it as `sql`, or below `/*+ exports */` in its file"),
                );
            }
            return self.unusable(entry);
        };
        let own = exports::shown(entry, |_| None);
        take(own, &entry.name, self.options, self.found);
        let mut props = Props::of(entry, self.project, &self.deferred);
        let mut query = blank(&entry.name, entry.span);
        query.type_name = Some(Spanned { value: lookup::NAME.to_owned(), span: entry.type_span });
        query.sql = Some(statement::translate(&props.using(&sql)));
        query.condition = self.condition(entry);
        query.locals = props.locals();
        query.exports = named(entry);
        self.resources.push(query);
    }

    /// What a script gave is data: a map of its name, and each of its exports.
    fn script(&mut self, entry: &Entry) {
        let Some(answer) = self.options.answers.get(&entry.name.value) else {
            if !self.options.allow_scripts {
                let mut own = Diagnostics::new();
                own.push(
                    Diagnostic::error("Q206", format!("`{}` is a script, and scripts are not run", entry.name.value))
                        .at(entry.type_span)
                        .noted("it would run on this machine before anything is planned")
                        .help("read it, then allow it with `--allow-scripts`"),
                );
                take(own, &entry.name, self.options, self.found);
            }
            return self.unusable(entry);
        };
        let span = entry.name.span;
        let text = |value: &str| Node { yaml: Yaml::Text(escaped(value).into()), span };
        let protected = |name: &str| entry.protected.iter().any(|hidden| hidden.value == name);
        let mut members = Vec::new();
        for export in &entry.exports {
            let Some((_, value)) = answer.iter().find(|(name, _)| *name == export.column) else {
                self.found.push(
                    Diagnostic::error("Q209", format!("the script `{}` gave no `{}`", entry.name.value, export.column))
                        .at(export.span)
                        .help("what it prints must be a JSON map from names to texts, with this one among them"),
                );
                continue;
            };
            let name = Spanned { value: export.name.clone(), span: export.span };
            self.globals.push(Global { name, value: text(value), protected: protected(&export.name) });
            members.push(Member {
                key: Spanned { value: Arc::from(&*export.name), span: export.span },
                value: text(value),
            });
        }
        let hidden = !entry.protected.is_empty();
        let value = Node { yaml: Yaml::Map(members), span };
        self.globals.push(Global { name: entry.name.clone(), value, protected: hidden });
    }

    /// A property cannot be made of what is known only once the resource is there.
    fn no_self(&mut self, node: &Node, entry: &Entry, lifted: &Lifted) {
        for used in names::in_node(node) {
            let own = used.name == "this" || (used.name == entry.name.value && used.member.is_some());
            let own = own && used.member.as_deref() != Some("idempotency_token");
            let polled = used.name == "callback" || used.member.as_deref() == Some("callback");
            let prop =
                used.member.as_deref().is_some_and(|name| entry.props.iter().any(|prop| *prop.name.value == *name));
            if polled || (own && !prop) {
                let what = used.member.as_deref().map_or(used.name.clone(), |member| format!("{}.{member}", used.name));
                self.found.push(
                    Diagnostic::error("Q211", format!("`{what}` is known only after `{}` was made", entry.name.value))
                        .labelled(node.span, "and this is what it is made of")
                        .labelled(lifted.type_name.span, "")
                        .help("trueup waits by itself until a resource is there; name a prop or another resource"),
                );
            }
        }
    }

    fn keep_order(&mut self) {
        let mut before: Option<Spanned<String>> = None;
        for resource in &mut self.resources {
            if let Some(name) =
                before.as_ref().filter(|name| !resource.depends_on.iter().any(|d| d.value == name.value))
            {
                resource.depends_on.push(name.clone());
            }
            // What may be left out cannot be waited for.
            if resource.condition.is_none() {
                before = Some(resource.name.clone());
            }
        }
    }
}

/// A text that comes out of a template as it is.
pub(crate) fn escaped(text: &str) -> String {
    text.replace("{{", "{{ '{{' }}").replace("{%", "{{ '{%' }}").replace("{#", "{{ '{#' }}")
}
