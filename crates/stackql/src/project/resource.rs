//! One entry of a project's `resources`.

use std::sync::Arc;

use trueup_engine::diagnostic::{Diagnostic, suggest};
use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::manifest::{Property, PropertyValue};
use trueup_engine::source::{SourceId, Span, Spanned};

use super::add;
use super::reader::{Fields, Reader};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryType {
    /// `resource`, the default.
    Resource,
    /// `query`.
    Query,
    /// `multi`: several resources by one statement.
    Multi,
    /// `command`: SQL that is run at every build.
    Command,
    /// `script`: a shell line that is run at every build and test.
    Script,
}

const TYPES: [(&str, EntryType); 5] = [
    ("resource", EntryType::Resource),
    ("query", EntryType::Query),
    ("multi", EntryType::Multi),
    ("command", EntryType::Command),
    ("script", EntryType::Script),
];

/// An entry of `resources`.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `name`.
    pub name: Spanned<String>,
    /// The whole entry.
    pub span: Span,
    /// `type`; where it is none, a resource.
    pub ty: EntryType,
    /// Where `type` is written, or the name where it is not.
    pub type_span: Span,
    /// The file of its queries, where it has one and it could be read.
    pub file: Option<SourceId>,
    /// `sql`.
    pub sql: Option<Node>,
    /// `run`.
    pub run: Option<Node>,
    /// `props`.
    pub props: Vec<Property>,
    /// `exports`.
    pub exports: Vec<Exported>,
    /// `protected`: names of exports that are secrets.
    pub protected: Vec<Spanned<String>>,
    /// `if`.
    pub condition: Option<Node>,
    /// `skip_on_delete`.
    pub skip_on_delete: Option<Node>,
    /// `return_vals`.
    pub returning: Vec<Returning>,
}

/// A name of `exports`.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The column of the query.
    pub column: String,
    /// The name that it gets.
    pub name: String,
    /// Where it is written.
    pub span: Span,
}

/// What an operation returns.
#[derive(Debug, Clone)]
pub struct Returning {
    /// `create`, `update` or `delete`.
    pub operation: String,
    /// The columns.
    pub values: Vec<ReturnValue>,
}

/// A column of RETURNING.
#[derive(Debug, Clone)]
pub struct ReturnValue {
    /// The column.
    pub column: String,
    /// The name: `this.name`.
    pub name: String,
    /// Where it is written.
    pub span: Span,
}

const KEYS: &[&str] = &[
    "name",
    "type",
    "file",
    "sql",
    "run",
    "props",
    "exports",
    "protected",
    "description",
    "if",
    "skip_validation",
    "skip_on_delete",
    "auth",
    "return_vals",
];

impl Reader<'_> {
    pub(super) fn entry(&mut self, node: &Node) -> Option<Entry> {
        let fields = self.grammar.fields(node, node.span, "a resource", KEYS)?;
        let name = self.name(fields, "a resource")?;
        let known = self.entry_type(fields);
        let ty = known.unwrap_or(EntryType::Resource);
        let type_span = fields.get("type").map_or(name.span, |node| node.span);
        if let Some(span) = fields.key_span("auth") {
            self.grammar.found.push(
                Diagnostic::warning("Q210", "`auth` has no effect")
                    .at(span)
                    .noted("stackql-deploy reads it and uses the same credentials all the same")
                    .help("name another account by `RoleArn` in the statement, or remove it"),
            );
        }
        if ty == EntryType::Script && fields.get("run").is_none() {
            self.grammar.missing(name.span, "a script", "run");
        }
        let sql = self.scalar(fields, "sql");
        let needs_file = match known {
            Some(EntryType::Query | EntryType::Command) => sql.is_none(),
            Some(EntryType::Resource | EntryType::Multi) => true,
            Some(EntryType::Script) | None => false,
        };
        let file = if needs_file { self.file(fields, &name) } else { None };
        Some(Entry {
            span: node.span,
            ty,
            type_span,
            file,
            sql,
            run: self.scalar(fields, "run"),
            props: self.props(fields.get("props")),
            exports: self.exports(fields.get("exports")),
            protected: self.grammar.texts(fields.get("protected"), "`protected`"),
            condition: fields.get("if").cloned(),
            skip_on_delete: fields.get("skip_on_delete").cloned(),
            returning: self.returning(fields.get("return_vals")),
            name,
        })
    }

    fn entry_type(&mut self, fields: Fields<'_>) -> Option<EntryType> {
        let Some(written) = self.grammar.text(fields.get("type"), "`type`") else { return Some(EntryType::Resource) };
        if let Some((_, ty)) = TYPES.iter().find(|(name, _)| *name == written.value) {
            return Some(*ty);
        }
        let diagnostic = Diagnostic::error("Q205", format!("a resource of a project has no type `{}`", written.value))
            .at(written.span);
        let names = TYPES.iter().map(|(name, _)| *name);
        self.grammar.found.push(match suggest::nearest(&written.value, names) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if written.value.contains("::") => {
                diagnostic.help("a type of CloudFormation belongs into a `trueup.yaml`; here the statements say it")
            }
            None => diagnostic.help("write `resource`, `query`, `multi`, `command` or `script`"),
        });
        None
    }

    fn file(&mut self, fields: Fields<'_>, name: &Spanned<String>) -> Option<SourceId> {
        let written = self.grammar.text(fields.get("file"), "`file`");
        let (path, span) = match &written {
            Some(file) => (file.value.clone(), file.span),
            None => (format!("{}.iql", name.value), name.span),
        };
        match add(self.sources, self.manifest, &path) {
            Ok(id) => Some(id),
            Err(why) => {
                self.grammar.found.push(
                    Diagnostic::error("Q203", format!("`resources/{path}` cannot be read: {why}"))
                        .at(span)
                        .help(format!("the statements of `{}` stand there; `file` names another one", name.value)),
                );
                None
            }
        }
    }

    fn scalar(&mut self, fields: Fields<'_>, key: &str) -> Option<Node> {
        self.grammar.text(fields.get(key), &format!("`{key}`"))?;
        fields.get(key).cloned()
    }

    fn props(&mut self, node: Option<&Node>) -> Vec<Property> {
        let mut props: Vec<Property> = Vec::new();
        for item in self.grammar.list(node, "`props`") {
            let Some(prop) = self.prop(item) else { continue };
            if let Some(first) = props.iter().find(|known| known.name.value == prop.name.value) {
                self.grammar.found.push(
                    Diagnostic::error("M112", format!("the prop `{}` is given twice", prop.name.value))
                        .labelled(prop.name.span, "again here")
                        .labelled(first.name.span, "first here")
                        .help("keep one of them"),
                );
            } else {
                props.push(prop);
            }
        }
        props
    }

    fn prop(&mut self, node: &Node) -> Option<Property> {
        let known = ["name", "value", "values", "merge", "description", "protected"];
        let fields = self.grammar.fields(node, node.span, "a prop", &known)?;
        let name = self.name(fields, "a prop")?;
        let merge = self.grammar.texts(fields.get("merge"), "`merge`");
        let protected = self.grammar.flag(fields.get("protected"), "`protected`");
        let value = match (fields.key_span("value"), fields.get("values")) {
            (Some(span), _) => {
                let null = Node { yaml: Yaml::Null, span };
                let value = fields.get("value").map(|value| self.included(value));
                PropertyValue::One(value.unwrap_or(null))
            }
            (None, Some(values)) => self.values(values)?,
            (None, None) if !merge.is_empty() => PropertyValue::Merged,
            (None, None) => {
                self.grammar.missing(name.span, &format!("the prop `{}`", name.value), "value");
                return None;
            }
        };
        let name = Spanned { value: Arc::from(&*name.value), span: name.span };
        Some(Property { name, value, merge, protected })
    }

    fn values(&mut self, node: &Node) -> Option<PropertyValue> {
        let Yaml::Map(entries) = &node.yaml else {
            self.grammar.wrong(node, "`values`", "a map from environment to `value`");
            return None;
        };
        let mut values = Vec::new();
        for entry in entries {
            let what = format!("the entry of `values` for `{}`", entry.key.value);
            let Some(fields) = self.grammar.fields(&entry.value, entry.key.span, &what, &["value"]) else { continue };
            match fields.key_span("value") {
                Some(span) => {
                    let value = fields.get("value").map(|value| self.included(value));
                    values.push((entry.key.clone(), value.unwrap_or(Node { yaml: Yaml::Null, span })));
                }
                None => self.grammar.missing(entry.key.span, &what, "value"),
            }
        }
        Some(PropertyValue::PerEnvironment(values))
    }

    fn exports(&mut self, node: Option<&Node>) -> Vec<Exported> {
        let named = self.named(node, "`exports`");
        named.into_iter().map(|(column, name, span)| Exported { column, name, span }).collect()
    }

    fn returning(&mut self, node: Option<&Node>) -> Vec<Returning> {
        let Some(node) = node else { return Vec::new() };
        let known = ["create", "update", "delete"];
        let Some(fields) = self.grammar.fields(node, node.span, "`return_vals`", &known) else { return Vec::new() };
        let mut all = Vec::new();
        for operation in known {
            let values = self.named(fields.get(operation), &format!("`{operation}` of `return_vals`"));
            let values: Vec<ReturnValue> =
                values.into_iter().map(|(column, name, span)| ReturnValue { column, name, span }).collect();
            if !values.is_empty() {
                all.push(Returning { operation: operation.to_owned(), values });
            }
        }
        all
    }

    /// `name`, or `{column: name}`.
    fn named(&mut self, node: Option<&Node>, what: &str) -> Vec<(String, String, Span)> {
        let mut all = Vec::new();
        for item in self.grammar.list(node, what) {
            match &item.yaml {
                Yaml::Text(name) => all.push((name.to_string(), name.to_string(), item.span)),
                Yaml::Map(entries) => {
                    for entry in entries {
                        if let Some(name) = self.grammar.text(Some(&entry.value), &format!("a name in {what}")) {
                            all.push((entry.key.value.to_string(), name.value, name.span));
                        }
                    }
                }
                _ => self.grammar.wrong(item, &format!("an item of {what}"), "text, or `column: name`"),
            }
        }
        all
    }
}
