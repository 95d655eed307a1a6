//! From what a stack says to what must be: every resource with its kind, its identity and properties that fit the schema.
//!
//! Everything that can be known offline is checked here, all at once, each mistake with its line; what passes can be
//! compared with the cloud without another look at the manifest. Values that are secret by schema become secrets here,
//! whether or not they were marked.

mod check;
mod from_text;
mod propose;
mod reach;
mod runs;
pub(crate) mod sources;
mod text;

pub use self::reach::{Reading, read, read_from};

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};

use crate::diagnostic::suggest::nearest;

use std::sync::Arc;

use crate::address::Address;
use crate::cloud::Place;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kind::{Kind, Registry};
use crate::render::{Property, Reference, Scope};
use crate::secret::Secret;
use crate::source::Sources;
use crate::stack::{Instance, Stack};
use crate::value::{Map, Value};

/// A resource as it should be.
#[derive(Debug)]
pub struct Desired {
    /// Its name in the stack.
    pub address: Address,
    /// Its type.
    pub kind: &'static dyn Kind,
    /// Where it lives.
    pub place: Place,
    /// Its name in the cloud; `None` where the service makes it and the manifest does not say it.
    pub identity: Option<String>,
    /// Names that it had before.
    pub former: Vec<String>,
    /// It is in the cloud and not in the manifest: found by its owner tags, to be deleted.
    pub orphan: bool,
    /// Its properties; leaves that need a secret or another resource are deferred.
    pub properties: Map,
    /// The rest of what the manifest says of it, and where. Of its properties only the expressions are left, since a
    /// secret may be written beside them.
    pub instance: Instance,
}

impl Desired {
    /// JSON pointers of everything that the manifest says of the resource, what it ignores included: what a read may
    /// have to pay for, see [`crate::cloud::Want::given`].
    pub fn given(&self) -> Vec<String> {
        let mut given = Vec::new();
        let mut pointer = String::new();
        for (name, value) in &self.properties {
            pointer.clear();
            crate::value::push_token(&mut pointer, name);
            value.walk_from(&mut pointer, &mut |pointer, _| given.push(pointer.to_owned()));
        }
        given.extend(self.instance.ignore.iter().map(|ignore| ignore.path.value.clone()));
        given.extend(self.owner_tags());
        given
    }

    /// The pointer of the tags that say whose it is, where it can be tagged.
    pub(crate) fn owner_tags(&self) -> Option<String> {
        self.kind.tags().map(|tags| format!("/{tags}"))
    }
}

/// Where resources live that do not say it themselves.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// `--region`; wins over the global `region`.
    pub region: Option<String>,
    /// `--role-arn`.
    pub role_arn: Option<String>,
}

/// Checks every instance against its kind and gives it an identity; [`read`] also makes secrets of variables.
///
/// Returns what could be made of the stack even where there are errors, so that later stages can add theirs; nothing of
/// it may be sent then.
pub fn desire(
    stack: &Stack,
    registry: Registry,
    sources: &mut Sources,
    defaults: &Defaults,
) -> (Vec<Arc<Desired>>, Diagnostics) {
    desire_noting(stack, registry, sources, defaults, &mut reach::Reach::new(stack))
}

fn desire_noting(
    stack: &Stack,
    registry: Registry,
    sources: &mut Sources,
    defaults: &Defaults,
    reach: &mut reach::Reach<'_>,
) -> (Vec<Arc<Desired>>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let settled = settle_references(stack);
    let mut all = Vec::with_capacity(stack.instances.len());
    let mut unchecked = HashSet::new();
    for (instance, properties) in stack.instances.iter().zip(settled) {
        let Some(kind) = kind_of(instance, &properties, registry, &mut diagnostics) else {
            reach.doubtful(instance, "");
            continue;
        };
        if kind.is_opaque() {
            reach.doubtful(instance, "");
            if unchecked.insert(kind.name()) {
                diagnostics.push(
                    Diagnostic::note("M323", format!("the properties of {} were not checked", kind.name()))
                        .at(instance.type_name.as_ref().map_or(instance.name_span, |written| written.span))
                        .help("its schema is not at hand: `trueup plan` fetches it and keeps it for the next time"),
                );
            }
        }
        let properties = named(kind, instance, properties);
        let properties = check::check(kind, instance, properties, sources, reach, &mut diagnostics);
        if kind.is_lookup() {
            not_secret(instance, &properties, &mut diagnostics);
        }
        reserved_tags(kind, instance, &properties, &mut diagnostics);
        let identity = match identity_of(kind, instance, &properties, &mut diagnostics) {
            Some(Identity::Known(identity)) => Some(identity),
            Some(Identity::Made) => None,
            None => continue,
        };
        let region = instance.region.clone().or_else(|| defaults.region.clone()).or_else(|| stack.region.clone());
        let role = instance.role_arn.clone().or_else(|| defaults.role_arn.clone());
        let mut former = Vec::new();
        for name in &instance.renamed_from {
            if identity.as_ref() == Some(&name.value) {
                diagnostics.push(
                    Diagnostic::error("M317", format!("`renamed_from` names the present name `{}`", name.value))
                        .at(name.span)
                        .help("give the name that the resource had before, or remove the key"),
                );
            } else {
                former.push(name.value.clone());
            }
        }
        all.push(Arc::new(Desired {
            address: instance.address.clone(),
            kind,
            place: Place { region: region.map(Into::into), role_arn: role.map(Into::into) },
            identity,
            former,
            orphan: false,
            properties,
            instance: Instance {
                properties: expressions(&instance.properties),
                address: instance.address.clone(),
                name_span: instance.name_span,
                type_name: instance.type_name.clone(),
                spans: Arc::clone(&instance.spans),
                depends_on: instance.depends_on.clone(),
                renamed_from: instance.renamed_from.clone(),
                identifier: instance.identifier.clone(),
                find: instance.find.clone(),
                from_text: instance.from_text,
                protect: instance.protect,
                ignore: instance.ignore.clone(),
                severity: instance.severity.clone(),
                exports: instance.exports.clone(),
                region: instance.region.clone(),
                role_arn: instance.role_arn.clone(),
                timeouts: instance.timeouts,
                skip_on_delete: instance.skip_on_delete,
            },
        }));
    }
    twice(&all, &mut diagnostics);
    sources::of_one_stack(&all, &mut diagnostics);
    (all, diagnostics)
}

/// Checks values that became known after the manifest was checked (secrets that were read, properties of others), and
/// makes secrets of those that are secret by schema.
pub(crate) fn check_resolved(desired: &Desired, resolved: Map) -> (Map, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    if !desired.properties.values().any(crate::delta::has_unknown) {
        return (resolved, diagnostics);
    }
    let checked = check::check_late(desired.kind, &desired.instance, &desired.properties, resolved, &mut diagnostics);
    (checked, diagnostics)
}

/// The expressions among some properties.
fn expressions(map: &Map) -> Map {
    fn expression(value: &Value) -> Option<Value> {
        match value {
            Value::Deferred(_) => Some(value.clone()),
            Value::Map(map) => {
                Some(Value::Map(expressions(map))).filter(|map| map.as_map().is_some_and(|m| !m.is_empty()))
            }
            Value::List(items) => {
                let items: Vec<Value> = items.iter().filter_map(expression).collect();
                (!items.is_empty()).then_some(Value::List(items))
            }
            _ => None,
        }
    }
    map.iter().filter_map(|(name, value)| Some((name.clone(), expression(value)?))).collect()
}

/// Finds the kind of an instance, or says that there is none; without a type the one whose properties fit is proposed
/// and checking goes on with it.
fn kind_of(
    instance: &Instance,
    properties: &Map,
    registry: Registry,
    diagnostics: &mut Diagnostics,
) -> Option<&'static dyn Kind> {
    if let Some(written) = &instance.type_name {
        let found = registry.find(&written.value);
        if found.is_none() {
            let names =
                registry.iter().flat_map(|kind| std::iter::once(kind.name()).chain(kind.aliases().iter().copied()));
            let mut diagnostic =
                Diagnostic::error("M311", format!("`{}` is no type that trueup knows", written.value)).at(written.span);
            diagnostic = match nearest(&written.value, names) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help("`trueup kinds` lists the types"),
            };
            diagnostics.push(diagnostic);
        }
        found
    } else {
        let proposed = propose::fitting(properties, registry);
        let mut diagnostic = Diagnostic::error("M312", format!("resource `{}` has no type", instance.address.name()))
            .at(instance.name_span);
        diagnostic = match proposed {
            Some(kind) => diagnostic.help(format!("its properties fit `type: {}`", kind.name())),
            None => diagnostic.help("add `type: …`; `trueup kinds` lists the types"),
        };
        diagnostics.push(diagnostic);
        proposed
    }
}

/// What is known of a name in the cloud.
enum Identity {
    /// The properties or the manifest say it.
    Known(String),
    /// The service makes it.
    Made,
}

/// The properties with those that name the resource: SQL names what it changes by its identifier alone, whose parts stand
/// between `|`.
fn named(kind: &'static dyn Kind, instance: &Instance, mut properties: Map) -> Map {
    let written = instance.identifier.as_ref().filter(|_| instance.from_text && !kind.names_itself());
    let Some(written) = written else { return properties };
    let single = [kind.identity_property()];
    let (names, parts) = match kind.identity_properties() {
        [] => (&single[..], vec![&*written.value]),
        several => (several, written.value.split('|').collect()),
    };
    if names.len() == parts.len() {
        for (name, part) in names.iter().zip(parts).filter(|(name, _)| !name.contains('/')) {
            if !properties.contains_key(name) {
                properties.insert((*name).to_owned(), Value::from(part));
            }
        }
    }
    properties
}

/// The name in the cloud, which must be known before anything is read.
fn identity_of(
    kind: &'static dyn Kind,
    instance: &Instance,
    properties: &Map,
    diagnostics: &mut Diagnostics,
) -> Option<Identity> {
    let own = kind.identify(properties);
    if let Some(written) = &instance.identifier {
        if own.is_none() && kind.names_itself() {
            return Some(Identity::Known(written.value.clone()));
        }
        if instance.from_text && own.as_ref() == Some(&written.value) {
            return Some(Identity::Known(written.value.clone()));
        }
        diagnostics.push(
            Diagnostic::error("M320", format!("`identifier` has no place here: {} is found by its name", kind.name()))
                .at(written.span)
                .help(format!("remove it; `{}` says which one is meant", kind.identity_property())),
        );
    }
    if let Some(own) = own {
        return Some(Identity::Known(own));
    }
    if kind.names_itself() {
        let must_be_found = !kind.is_opaque() && !kind.is_lookup() && instance.find.is_none();
        if kind.tags().is_none() && kind.found_through().is_empty() && must_be_found {
            diagnostics.push(
                Diagnostic::error(
                    "M321",
                    format!("{} has neither a name of its own nor tags, so nobody could find it again", kind.name()),
                )
                .at(instance.name_span)
                .help("give `identifier`, the id that the service made; `trueup import` writes it"),
            );
            return None;
        }
        return Some(Identity::Made);
    }
    let all = match kind.identity_properties() {
        [] => &[kind.identity_property()],
        several => several,
    };
    for property in all {
        let pointer = format!("/{property}");
        let secret = match crate::value::at(properties, &pointer) {
            Some(Value::Secret(_)) => true,
            Some(Value::Deferred(deferred)) if deferred.secret_source().is_some() => true,
            Some(Value::Deferred(deferred)) => {
                diagnostics.push(
                    Diagnostic::error(
                        "M314",
                        format!("`{property}` depends on `{}`, which is known only after apply", deferred.describe()),
                    )
                    .at(instance.spans.value(&pointer))
                    .help(
                        "a resource is found by its name: use variables, globals or the properties of another resource",
                    ),
                );
                false
            }
            // Missing, of the wrong type, or an unresolved variable: said already.
            _ => false,
        };
        if secret {
            diagnostics.push(
                Diagnostic::error("M313", format!("`{property}` is made from a secret"))
                    .at(instance.spans.value(&pointer))
                    .help("names are shown everywhere; use something that is not secret"),
            );
        }
    }
    None
}

/// What a query asks with shows in its plan, and in messages.
fn not_secret(instance: &Instance, properties: &Map, diagnostics: &mut Diagnostics) {
    let secret = match properties.get(crate::lookup::SQL) {
        Some(Value::Secret(_)) => true,
        Some(Value::Deferred(deferred)) => deferred.secret_source().is_some(),
        _ => false,
    };
    if secret {
        diagnostics.push(
            Diagnostic::error("M212", "a query cannot be a secret")
                .at(instance.spans.value(crate::lookup::POINTER))
                .help("ask with what is no secret"),
        );
    }
}

/// The tags that say whose a resource is are ours to write.
fn reserved_tags(kind: &dyn Kind, instance: &Instance, properties: &Map, diagnostics: &mut Diagnostics) {
    let Some(name) = kind.tags() else { return };
    let mut found = |key: &str, pointer: String| {
        if key.starts_with(crate::owner::PREFIX) {
            diagnostics.push(
                Diagnostic::error("M322", format!("tags that begin with `{}` are trueup's own", crate::owner::PREFIX))
                    .at(instance.spans.value(&pointer))
                    .help("remove it; owner tags are written without a word"),
            );
        }
    };
    match properties.get(name) {
        Some(Value::Map(map)) => map.keys().for_each(|key| {
            let mut pointer = format!("/{name}");
            crate::value::push_token(&mut pointer, key);
            found(key, pointer);
        }),
        Some(Value::List(items)) => items.iter().enumerate().for_each(|(index, item)| {
            let key = item.get("Key").and_then(Value::as_str).unwrap_or_default();
            found(key, format!("/{name}/{index}/Key"));
        }),
        _ => {}
    }
}

/// Two resources may not be one and the same in the cloud.
fn twice(all: &[Arc<Desired>], diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<(&str, &Place, &str), &Arc<Desired>> = HashMap::new();
    for desired in all {
        let Some(identity) = &desired.identity else { continue };
        let key = (desired.kind.name(), &desired.place, identity.as_str());
        if let Some(first) = seen.get(&key) {
            let pointer = format!("/{}", desired.kind.identity_property());
            diagnostics.push(
                Diagnostic::error(
                    "M315",
                    format!(
                        "`{}` and `{}` are both the {} `{identity}`",
                        first.address,
                        desired.address,
                        desired.kind.name(),
                    ),
                )
                .at(desired.instance.spans.value(&pointer))
                .labelled(first.instance.spans.value(&pointer), "the other one")
                .help("give them different names, or remove one"),
            );
        } else {
            seen.insert(key, desired);
        }
    }
    // A former one goes, so it may not be anything else of the stack.
    let mut former: HashMap<(&str, &Place, &str), &Arc<Desired>> = HashMap::new();
    for desired in all {
        for name in &desired.instance.renamed_from {
            let key = (desired.kind.name(), &desired.place, name.value.as_str());
            let (other, what) = match (seen.get(&key), former.insert(key, desired)) {
                (Some(other), _) if !Arc::ptr_eq(other, desired) => (*other, "is the name of"),
                (_, Some(other)) if !Arc::ptr_eq(other, desired) => (other, "is a former name of"),
                _ => continue,
            };
            diagnostics.push(
                Diagnostic::error(
                    "M317",
                    format!(
                        "`renamed_from` of `{}` names `{}`, which {what} `{}`",
                        desired.address, name.value, other.address
                    ),
                )
                .at(name.span)
                .labelled(other.instance.name_span, "the other one")
                .help("what had a former name is deleted: remove the name, or rename in two steps"),
            );
        }
    }
}

/// Evaluates references to properties that other resources of the stack give as plain values. What they name is the
/// same before and after an apply, so it may be used in a name; the edge in the graph stays, since the expression
/// remembers what it referred to.
fn settle_references(stack: &Stack) -> Vec<Map> {
    let by_address: HashMap<&Address, usize> =
        stack.instances.iter().enumerate().map(|(index, instance)| (&instance.address, index)).collect();
    let mut all: Vec<Map> = stack.instances.iter().map(|instance| instance.properties.clone()).collect();
    // A chain of references settles one link a round; a round that settles nothing ends it.
    for _ in 0..stack.instances.len().min(64) {
        let mut progress = false;
        for index in 0..all.len() {
            if !all[index].values().any(contains_plain_deferred) {
                continue;
            }
            let scope = Written { by_address: &by_address, all: &all };
            let settled: Map =
                all[index].iter().map(|(name, value)| (name.clone(), settle(value, &scope, &mut progress))).collect();
            all[index] = settled;
        }
        if !progress {
            break;
        }
    }
    all
}

fn contains_plain_deferred(value: &Value) -> bool {
    match value {
        Value::Deferred(deferred) => deferred.secret_source().is_none(),
        Value::List(items) => items.iter().any(contains_plain_deferred),
        Value::Map(map) => map.values().any(contains_plain_deferred),
        _ => false,
    }
}

fn settle(value: &Value, scope: &Written<'_>, progress: &mut bool) -> Value {
    match value {
        Value::Deferred(deferred) if deferred.secret_source().is_none() => match deferred.evaluate(scope) {
            Ok(Value::Unknown(_)) | Err(_) => value.clone(),
            Ok(known) => {
                *progress = true;
                known
            }
        },
        Value::List(items) => Value::List(items.iter().map(|item| settle(item, scope, progress)).collect()),
        Value::Map(map) => {
            Value::Map(map.iter().map(|(name, member)| (name.clone(), settle(member, scope, progress))).collect())
        }
        other => other.clone(),
    }
}

/// What the manifest itself says of other resources.
struct Written<'a> {
    by_address: &'a HashMap<&'a Address, usize>,
    all: &'a [Map],
}

impl Scope for Written<'_> {
    fn property(&self, reference: &Reference) -> Property {
        let Some(&index) = self.by_address.get(&reference.address) else { return Property::Unknown };
        match member(&self.all[index], &reference.property) {
            Some(value) if is_plain(value) => Property::Known(value.clone()),
            _ => Property::Unknown,
        }
    }

    fn secret(&self, _: &crate::credential::SecretSource) -> Option<Secret> {
        None
    }
}

/// The value below a path of names.
pub(crate) fn member<'a>(map: &'a Map, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut here = map.get(first)?;
    for name in rest {
        here = match here {
            Value::Map(map) => map.get(name)?,
            Value::List(items) => items.get(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(here)
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Deferred(_) | Value::Unknown(_) | Value::Secret(_) => false,
        Value::List(items) => items.iter().all(is_plain),
        Value::Map(map) => map.values().all(is_plain),
        _ => true,
    }
}
