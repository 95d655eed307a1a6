//! What a resource exports: properties under the names that the project gave them, and a query for what is none.

use trueup_engine::diagnostic::{Diagnostic, Diagnostics, suggest};
use trueup_engine::manifest::Property;
use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::schema::Secrecy;
use trueup_engine::source::{Span, Spanned};
use trueup_engine::stack::Export;

use super::{Piece, Translator, names, take};
use crate::lift::{ExportedFrom, Lifted};
use crate::project::Entry;
use crate::sql::column::likely_property;

/// The exports of a resource, and a query with its own.
type Exports = (Vec<Export>, Option<(Node, Vec<Export>)>);

impl Translator<'_, '_> {
    pub(super) fn exports(&mut self, piece: &Piece<'_>, lifted: &Lifted) -> Exports {
        let entry = piece.entry;
        let mut direct = Vec::new();
        let mut asked = Vec::new();
        for export in &entry.exports {
            let column = lifted.exports.iter().find(|known| known.name.value.eq_ignore_ascii_case(&export.column));
            let property = match column.map(|column| &column.from) {
                Some(ExportedFrom::Property(path)) => match path.as_slice() {
                    [name] => Some(name.clone()),
                    _ => None,
                },
                Some(ExportedFrom::Identifier) => self.identity(lifted),
                Some(ExportedFrom::Region | ExportedFrom::Other) => None,
                None => match prop_property(entry, lifted, &export.column) {
                    Some(name) => Some(name),
                    None if everything(lifted) => Some(likely_property(&export.column)),
                    None => {
                        self.missing(entry, lifted, export);
                        continue;
                    }
                },
            };
            let of = |property: String| Export { property, name: export.name.clone(), span: export.span };
            match property {
                Some(property) => direct.push(of(property)),
                None => asked.push(of(export.column.clone())),
            }
        }
        for value in entry.returning.iter().filter(|all| all.operation == "create").flat_map(|all| &all.values) {
            let property = match &*value.column {
                "Identifier" | "identifier" => self.identity(lifted),
                column => lifted.exports.iter().find(|known| known.name.value.eq_ignore_ascii_case(column)).and_then(
                    |known| match &known.from {
                        ExportedFrom::Property(path) if path.len() == 1 => path.first().cloned(),
                        _ => None,
                    },
                ),
            };
            match property {
                Some(property) if direct.iter().all(|known| known.name != value.name) => {
                    direct.push(Export { property, name: value.name.clone(), span: value.span });
                }
                Some(_) => {}
                None => self.found.push(
                    Diagnostic::warning(
                        "Q209",
                        format!("`{}` of RETURNING is nothing that the resource has", value.column),
                    )
                    .at(value.span)
                    .help("only `Identifier` is kept: the rest describes a request that is over"),
                ),
            }
        }
        self.named_elsewhere(entry, lifted, &mut direct);
        for hidden in &entry.protected {
            if !entry.exports.iter().any(|export| export.name == hidden.value) {
                let diagnostic =
                    Diagnostic::warning("Q209", format!("`{}` exports no `{}`", entry.name.value, hidden.value))
                        .at(hidden.span);
                let names = entry.exports.iter().map(|export| &*export.name);
                self.found.push(match suggest::nearest(&hidden.value, names) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic.help("`protected` names exports"),
                });
            }
        }
        let own = shown(entry, |name| {
            let export = direct.iter().find(|export| export.name == name)?;
            let kind = self.options.kinds.find(&lifted.type_name.value)?;
            let property = kind.schema().properties.iter().find(|property| property.name == export.property)?;
            Some(property.secrecy == Secrecy::Secret)
        });
        take(own, &entry.name, self.options, self.found);
        if asked.is_empty() {
            return (direct, None);
        }
        let query = lifted.exports_query.as_ref().map(|query| {
            let node = Node { yaml: Yaml::Text(query.sql.value.clone()), span: query.sql.span };
            (self.of_itself(&node, entry, lifted, &direct), asked)
        });
        (direct, query)
    }

    /// The property that identifies a resource.
    fn identity(&self, lifted: &Lifted) -> Option<String> {
        if let Some(kind) = self.options.kinds.find(&lifted.type_name.value) {
            return Some(kind.identity_property().to_owned());
        }
        // Of a type whose schema is not at hand, the statements say it: what DELETE names is what `create` sets.
        let named = lifted.identifier.as_ref()?.as_text()?;
        let property = lifted.properties.iter().find(|(_, node)| node.as_text() == Some(named));
        property.map(|(name, _)| name.value.to_string())
    }

    /// In the query of a resource's exports, `this.x` is what the resource has.
    fn of_itself(&self, node: &Node, entry: &Entry, lifted: &Lifted, direct: &[Export]) -> Node {
        let name = &entry.name.value;
        names::map(node, &mut |text, _| {
            names::renamed(text, &mut |used, member| {
                let member = member.filter(|member| *member != "idempotency_token")?;
                if used != "this" && used != *name {
                    return None;
                }
                if entry.props.iter().any(|prop| *prop.name.value == *member) {
                    return Some(member.to_owned());
                }
                if direct.iter().any(|export| export.name == member) {
                    return Some(format!("{name}.{member}"));
                }
                let property = if member.eq_ignore_ascii_case("identifier") { self.identity(lifted) } else { None };
                Some(format!("{name}.{}", property.unwrap_or_else(|| likely_property(member))))
            })
        })
    }

    /// Props of this resource that others name as `resource.prop`: they are properties, or nobody could.
    fn named_elsewhere(&mut self, entry: &Entry, lifted: &Lifted, direct: &mut Vec<Export>) {
        let mut used: Vec<(String, Span)> = Vec::new();
        let mut see = |node: &Node| {
            names::texts(node, &mut |text, span| {
                let named = names::in_text(text).into_iter().filter(|used| used.name == entry.name.value);
                used.extend(named.filter_map(|named| Some((named.member?, span))));
            });
        };
        for other in self.pieces.iter().filter(|other| other.entry.name.value != entry.name.value) {
            let lifted = other.lifted.iter().flat_map(|lifted| lifted.properties.iter().map(|(_, node)| node));
            lifted.for_each(&mut see);
            other.entry.props.iter().for_each(|prop| values(prop).for_each(&mut see));
            other.entry.sql.iter().for_each(&mut see);
        }
        for (name, span) in used {
            let known = direct.iter().any(|export| export.name == name);
            if known || !entry.props.iter().any(|prop| *prop.name.value == *name) {
                continue;
            }
            match prop_property(entry, lifted, &name) {
                Some(property) => direct.push(Export { property, name, span }),
                None => self.found.push(
                    Diagnostic::error(
                        "Q209",
                        format!("`{}.{name}` is a prop that is no property by itself", entry.name.value),
                    )
                    .at(span)
                    .help("make it a global, or name a property or an export of the resource"),
                ),
            }
        }
    }

    fn missing(&mut self, entry: &Entry, lifted: &Lifted, export: &crate::project::Exported) {
        let diagnostic = Diagnostic::error(
            "Q209",
            format!("no query of `{}` gives the column `{}`", entry.name.value, export.column),
        );
        let diagnostic = match &lifted.exports_query {
            Some(query) => diagnostic.labelled(export.span, "").labelled(query.sql.span, "this is what it exports"),
            None => diagnostic.at(export.span).noted("the file has no `exports` query"),
        };
        let names = lifted.exports.iter().map(|known| &*known.name.value);
        self.found.push(match suggest::nearest(&export.column, names) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("add it to the query below `/*+ exports */`, or remove it here"),
        });
    }
}

/// Refuses to show what should be hidden: what is read from the cloud is in clear, unless its type says that it is a
/// secret.
pub(super) fn shown(entry: &Entry, is_secret: impl Fn(&str) -> Option<bool>) -> Diagnostics {
    let mut own = Diagnostics::new();
    let exported = |hidden: &&Spanned<String>| entry.exports.iter().any(|export| export.name == hidden.value);
    for hidden in entry.protected.iter().filter(exported) {
        if is_secret(&hidden.value) != Some(true) {
            own.push(
                Diagnostic::error("Q209", format!("the export `{}` cannot be protected", hidden.value))
                    .at(hidden.span)
                    .noted("what is read from the cloud is shown, unless its type says that it is a secret")
                    .help(
                        "remove it from `protected` if it may be shown; otherwise take it where it is needed, from \
                         `{{ secret('aws-sm:…') }}` or from a variable",
                    ),
            );
        }
    }
    own
}

/// Whether the exports query gives every column.
fn everything(lifted: &Lifted) -> bool {
    let columns = lifted.exports_query.iter().flat_map(|query| &query.columns);
    columns.into_iter().any(|column| column.from == crate::sql::ColumnSource::Everything)
}

/// The property that is exactly this prop.
fn prop_property(entry: &Entry, lifted: &Lifted, name: &str) -> Option<String> {
    entry.props.iter().find(|prop| *prop.name.value == *name)?;
    lifted.properties.iter().find_map(|(property, node)| {
        (node.as_text().and_then(|text| names::only_name(text)) == Some(name)).then(|| property.value.to_string())
    })
}

/// The values of a prop.
fn values(prop: &Property) -> impl Iterator<Item = &Node> {
    use trueup_engine::manifest::PropertyValue;
    let (one, several) = match &prop.value {
        PropertyValue::Merged => (None, [].as_slice()),
        PropertyValue::One(node) => (Some(node), [].as_slice()),
        PropertyValue::PerEnvironment(values) => (None, values.as_slice()),
    };
    one.into_iter().chain(several.iter().map(|(_, node)| node))
}
