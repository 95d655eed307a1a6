//! A manifest as it is written: every leaf with its place, templates still text.
//!
//! Parsing knows the grammar and nothing of values: which keys there are, of which type, which names are given twice.
//! It collects every mistake, because the second-best time to hear of the sixth one is the sixth run.

pub mod grammar;
mod resource;
pub mod scalar;
mod syntax;
pub mod tree;

pub use self::grammar::RESERVED;
use self::grammar::{Fields, Reader};
pub use self::resource::{Ignoring, Property, PropertyValue, Resource};
use self::tree::{Node, Yaml};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{SourceId, Sources, Span, Spanned};

/// A manifest as it is written.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its text.
    pub source: SourceId,
    /// `name`.
    pub name: Spanned<String>,
    /// `description`.
    pub description: Option<String>,
    /// `providers`, without a version suffix.
    pub providers: Vec<Spanned<String>>,
    /// `vars`.
    pub variables: Vec<Declaration>,
    /// `accounts`: environment and account id.
    pub accounts: Vec<(Spanned<String>, Spanned<String>)>,
    /// `globals`, in their order.
    pub globals: Vec<Global>,
    /// `resources`, in their order.
    pub resources: Vec<Resource>,
    /// `exports`.
    pub exports: Vec<Spanned<String>>,
}

/// A declared variable.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Its name.
    pub name: Spanned<String>,
    /// What it holds.
    pub ty: VariableType,
    /// Its default.
    pub default: Option<Node>,
    /// Whether it is a secret.
    pub secret: bool,
    /// Its description.
    pub description: Option<String>,
}

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VariableType {
    /// A text.
    #[default]
    String,
    /// A number.
    Number,
    /// A boolean.
    Bool,
}

/// A named value that templates of every resource can use.
#[derive(Debug, Clone)]
pub struct Global {
    /// Its name.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Node,
    /// Its value is a secret.
    pub protected: bool,
}

const TOP: &[&str] =
    &["version", "name", "description", "providers", "vars", "accounts", "globals", "resources", "exports"];

/// Reads the grammar of a manifest; `None` where there is nothing to go on with.
pub fn parse(sources: &mut Sources, id: SourceId) -> (Option<Manifest>, Diagnostics) {
    let mut found = Diagnostics::new();
    let Some(text) = sources.get(id).map(|source| source.text.clone()) else {
        return (None, found);
    };
    let Some(root) = tree::read(&text, id, &mut found) else {
        return (None, found);
    };
    let at = Span { source: id, start: 0, end: u32::from(!text.is_empty() && text.is_char_boundary(1)) };
    if matches!(root.yaml, Yaml::Null) {
        found.push(
            Diagnostic::error("M109", "the manifest is empty")
                .at(at)
                .help("`trueup init` writes one; the least is `version: 1`, `name` and `resources`"),
        );
        return (None, found);
    }
    let mut reader = Reader::strict(&mut found);
    let Some(top) = reader.fields(&root, at, "a manifest", TOP) else {
        return (None, found);
    };
    let manifest = reader.manifest(id, top);
    (Some(manifest), found)
}

impl Reader<'_> {
    fn manifest(&mut self, source: SourceId, top: Fields<'_>) -> Manifest {
        self.version(top);
        let name = match top.get("name") {
            None => {
                self.missing(top.span, "a manifest", "name");
                None
            }
            node => self.text(node, "the name of a manifest"),
        };
        if let Some(name) = &name
            && (name.value.is_empty() || name.value.contains("{{"))
        {
            let why = if name.value.is_empty() { "is empty" } else { "is a template" };
            self.found.push(
                Diagnostic::error("M113", format!("the name of the stack {why}"))
                    .at(name.span)
                    .help("it identifies the stack, so it is a plain text"),
            );
        }
        let manifest = Manifest {
            source,
            name: name.unwrap_or(Spanned { value: String::new(), span: top.span }),
            description: self.text(top.get("description"), "`description`").map(|text| text.value),
            providers: self.providers(top),
            variables: self.variables(top),
            accounts: self.accounts(top),
            globals: self.globals(top),
            resources: self.resources(top),
            exports: self.texts(top.get("exports"), "`exports`"),
        };
        self.twice(manifest.variables.iter().map(|v| &v.name), "variable");
        self.twice(manifest.globals.iter().map(|g| &g.name), "global");
        self.twice(manifest.resources.iter().map(|r| &r.name), "resource");
        self.twice(manifest.exports.iter(), "export");
        for global in &manifest.globals {
            if let Some(resource) = manifest.resources.iter().find(|r| r.name.value == global.name.value) {
                self.found.push(
                    Diagnostic::error(
                        "M112",
                        format!("a resource and a global are both named `{}`", global.name.value),
                    )
                    .labelled(resource.name.span, "the resource")
                    .labelled(global.name.span, "the global")
                    .help("rename one: in a template the name could mean either"),
                );
            }
        }
        manifest
    }

    fn version(&mut self, top: Fields<'_>) {
        match top.get("version") {
            None => self.found.push(
                Diagnostic::error("M109", "a manifest needs a `version`")
                    .at(top.span)
                    .help("write `version: 1` in its first line"),
            ),
            Some(Node { yaml: Yaml::Number(number), .. }) if number.as_i64() == Some(1) => {}
            Some(node) => self.found.push(
                Diagnostic::error("M110", "this version of the manifest's form is not known")
                    .labelled(node.span, "only `1` is")
                    .help("write `version: 1`"),
            ),
        }
    }

    fn providers(&mut self, top: Fields<'_>) -> Vec<Spanned<String>> {
        let mut providers = self.texts(top.get("providers"), "`providers`");
        for provider in &mut providers {
            if let Some((name, version)) = provider.value.split_once("::") {
                self.found.push(
                    Diagnostic::note("M111", format!("the version `{version}` of provider `{name}` has no effect"))
                        .at(provider.span)
                        .noted("trueup speaks to AWS itself and downloads no provider"),
                );
                provider.value = name.to_owned();
            }
            if !matches!(&*provider.value, "aws" | "awscc") {
                self.found.push(
                    Diagnostic::error("M111", format!("the provider `{}` is not supported", provider.value))
                        .at(provider.span)
                        .help("`aws` and `awscc` are"),
                );
            }
        }
        providers
    }

    fn variables(&mut self, top: Fields<'_>) -> Vec<Declaration> {
        let mut declarations = Vec::new();
        for node in self.list(top.get("vars"), "`vars`") {
            let known = ["name", "type", "default", "secret", "description"];
            let Some(fields) = self.fields(node, node.span, "a variable", &known) else { continue };
            let name = self.name(fields, "a variable");
            let secret = self.flag(fields.get("secret"), "`secret`");
            let ty = self.text(fields.get("type"), "`type` of a variable");
            let ty = match ty.as_ref().map(|ty| &*ty.value) {
                None | Some("string") => VariableType::String,
                Some("number") => VariableType::Number,
                Some("bool") => VariableType::Bool,
                Some(_) => {
                    let span = ty.map_or(fields.span, |ty| ty.span);
                    self.found.push(
                        Diagnostic::error("M108", "there is no such type of variable")
                            .at(span)
                            .help("use `string`, `number` or `bool`"),
                    );
                    VariableType::String
                }
            };
            let default = fields.get("default").filter(|default| self.default_fits(default, ty)).cloned();
            let description = self.text(fields.get("description"), "`description`").map(|text| text.value);
            if let Some(name) = name {
                declarations.push(Declaration { name, ty, default, secret, description });
            }
        }
        declarations
    }

    fn default_fits(&mut self, default: &Node, ty: VariableType) -> bool {
        let wanted = match (ty, &default.yaml) {
            (VariableType::String, Yaml::Text(_))
            | (VariableType::Number, Yaml::Number(_))
            | (VariableType::Bool, Yaml::Bool(_)) => return true,
            (VariableType::String, _) => "text",
            (VariableType::Number, _) => "a number",
            (VariableType::Bool, _) => "`true` or `false`",
        };
        self.wrong(default, "the default of this variable", wanted);
        false
    }

    fn accounts(&mut self, top: Fields<'_>) -> Vec<(Spanned<String>, Spanned<String>)> {
        let Some(node) = top.get("accounts") else { return Vec::new() };
        let Yaml::Map(entries) = &node.yaml else {
            self.wrong(node, "`accounts`", "a map from environment to account id");
            return Vec::new();
        };
        let mut accounts = Vec::new();
        for entry in entries {
            let Some(id) = self.text(Some(&entry.value), "an account id") else { continue };
            if id.value.len() != 12 || !id.value.bytes().all(|byte| byte.is_ascii_digit()) {
                self.found.push(
                    Diagnostic::error("M118", "this is not an account id")
                        .at(id.span)
                        .help("an account id has 12 digits, in quotes"),
                );
            }
            accounts.push((Spanned { value: entry.key.value.to_string(), span: entry.key.span }, id));
        }
        accounts
    }

    fn globals(&mut self, top: Fields<'_>) -> Vec<Global> {
        let mut globals = Vec::new();
        for node in self.list(top.get("globals"), "`globals`") {
            let known = ["name", "value", "description", "protected"];
            let Some(fields) = self.fields(node, node.span, "a global", &known) else { continue };
            let name = self.name(fields, "a global");
            let protected = self.flag(fields.get("protected"), "`protected`");
            let _ = self.text(fields.get("description"), "`description`");
            let Some(value) = fields.get("value") else {
                self.missing(fields.span, "a global", "value");
                continue;
            };
            if let Some(name) = name {
                globals.push(Global { name, value: value.clone(), protected });
            }
        }
        globals
    }

    fn resources(&mut self, top: Fields<'_>) -> Vec<Resource> {
        if top.get("resources").is_none() {
            self.found.push(
                Diagnostic::warning("M109", "the manifest has no `resources`")
                    .at(top.key_span("resources").unwrap_or(top.span))
                    .help("a stack without resources does nothing"),
            );
        }
        let list = self.list(top.get("resources"), "`resources`");
        list.iter().filter_map(|node| self.resource(node)).collect()
    }
}
