//! Every statement of the provider's generated pages, of every type of the wheel: old and new names of parameters,
//! required and all properties. Each is lifted to the right type, properties, identifier and region.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value as Json;
use trueup_engine::cloud::Present;
use trueup_engine::diagnostic::{Diagnostics, Severity, render};
use trueup_engine::kind::{Attribute, Change, Finding, Implied, Kind, Patience, Registry, Verb};
use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::{Property, Schema, Type};
use trueup_engine::source::Sources;
use trueup_engine::value::Map;
use trueup_stackql::iql;
use trueup_stackql::lift::{ExportedFrom, Lifted, lift};
use trueup_stackql::shown::veiled;
use trueup_stackql::sql::column::column_of;
use trueup_stackql::sql::table::table_of;

use crate::wheel::schemas;

/// A type of which only the names of its properties are known.
#[derive(Debug)]
struct Named {
    name: &'static str,
    schema: Schema,
}

impl Kind for Named {
    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    fn schema(&self) -> &'static Schema {
        Box::leak(Box::new(Schema { properties: self.schema.properties, one_of: &[] }))
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[]
    }

    fn check(&self, _: &Map) -> Vec<Finding> {
        Vec::new()
    }

    fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
        Vec::new()
    }

    fn refuses(&self, _: &Present) -> Option<String> {
        None
    }

    fn patience(&self, _: &Map) -> Patience {
        let none = std::time::Duration::ZERO;
        Patience { create: none, update: none, delete: none }
    }

    fn permissions(&self, _: Verb, _: &Subject<'_>) -> Vec<Permission> {
        Vec::new()
    }
}

/// A type of the wheel, as its page sees it.
struct Page<'w> {
    name: &'w str,
    table: String,
    all: Vec<&'w str>,
    writable: Vec<&'w str>,
    required: Vec<&'w str>,
    updatable: Vec<&'w str>,
    identifiers: Vec<&'w str>,
}

/// The top-level properties of a list of pointers.
fn tops<'w>(schema: &'w Json, list: &str) -> Vec<&'w str> {
    let pointers = schema[list].as_array().into_iter().flatten().filter_map(Json::as_str);
    pointers.filter_map(|pointer| pointer.strip_prefix("/properties/")).collect()
}

impl<'w> Page<'w> {
    fn of(name: &'w str, schema: &'w Json) -> Self {
        let all: Vec<&str> =
            schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let read_only = tops(schema, "readOnlyProperties");
        let create_only = tops(schema, "createOnlyProperties");
        let writable: Vec<&str> = all.iter().copied().filter(|name| !read_only.contains(name)).collect();
        let needed: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let required: Vec<&str> = writable.iter().copied().filter(|name| needed.contains(name)).collect();
        let updatable = writable.iter().copied().filter(|name| !create_only.contains(name)).collect();
        let required = if required.is_empty() { writable.clone() } else { required };
        let identifiers = tops(schema, "primaryIdentifier");
        Self { name, table: table_of(name), all, writable, required, updatable, identifiers }
    }

    /// The statements of the page, below their anchors; `old` as in pages of before the parameters were renamed.
    fn iql(&self, old: bool, properties: &[&str]) -> (String, String) {
        let table = &self.table;
        let prefix = if old { "data__" } else { "" };
        let variable = |name: &str| if old { name.to_owned() } else { column_of(name) };
        let identifier: Vec<String> = self
            .identifiers
            .iter()
            .map(|name| if old { format!("<{name}>") } else { format!("{{{{ {} }}}}", column_of(name)) })
            .collect();
        let identifier = identifier.join("|");
        let columns: Vec<String> = properties.iter().map(|name| format!(" {name},\n")).collect();
        let values: Vec<String> = properties.iter().map(|name| format!(" '{{{{ {} }}}}',\n", variable(name))).collect();
        let mut text = format!(
            "/*+ create */\nINSERT INTO {table} (\n{} region\n)\nSELECT\n{}'{{{{ region }}}}';\n\n",
            columns.concat(),
            values.concat()
        );
        if !self.updatable.is_empty() {
            let set: Vec<String> =
                self.updatable.iter().map(|name| format!("    \"{name}\": {}", variable(name))).collect();
            let _ = writeln!(
                text,
                "/*+ update */\nUPDATE {table}\nSET {prefix}PatchDocument = string('{{{{ {{\n{}\n}} | \
                 generate_patch_document }}}}')\nWHERE region = '{{{{ region }}}}'\nAND {prefix}Identifier = \
                 '{identifier}';\n",
                set.join(",\n")
            );
        }
        let _ = writeln!(
            text,
            "/*+ delete */\nDELETE FROM {table}\nWHERE {prefix}Identifier = '{identifier}'\nAND region = 'us-east-1';\n"
        );
        let listed: Vec<String> = self.identifiers.iter().map(|name| format!(",\n{}", column_of(name))).collect();
        let listed = listed.concat();
        let _ = writeln!(
            text,
            "/*+ exists */\nSELECT\nregion{listed}\nFROM {table}_list_only\nWHERE region = 'us-east-1';\n"
        );
        let got: Vec<String> = self.all.iter().map(|name| format!(",\n{}", column_of(name))).collect();
        let got = got.concat();
        let _ = writeln!(
            text,
            "/*+ exports */\nSELECT\nregion{got}\nFROM {table}\nWHERE region = 'us-east-1' AND {prefix}Identifier = \
             '{identifier}';"
        );
        (text, identifier)
    }
}

fn lifted(text: &str, kinds: &Registry) -> Lifted {
    let mut sources = Sources::new(Path::new(""));
    let source = sources.add_shown("resources/x.iql", text, &veiled(text));
    let mut found = Diagnostics::new();
    let iql = iql::parse(source, text, &mut found);
    let lifted = lift(&iql, kinds, &mut found);
    let errors: Vec<String> =
        found.iter().filter(|it| it.severity == Severity::Error).map(|it| render(it, &sources, false, 100)).collect();
    assert!(errors.is_empty(), "{}\n{text}", errors.join("\n"));
    lifted.unwrap()
}

fn text(node: Option<&Node>) -> &str {
    match node.map(|node| &node.yaml) {
        Some(Yaml::Text(text)) => text,
        other => panic!("{other:?} is no text"),
    }
}

fn check(page: &Page<'_>, old: bool, properties: &[&str], kinds: &Registry) {
    let (iql, identifier) = page.iql(old, properties);
    let lifted = lifted(&iql, kinds);
    assert_eq!(lifted.type_name.value, page.name);
    let variable = |name: &str| if old { name.to_owned() } else { column_of(name) };
    let mut expected: Vec<(String, String)> =
        properties.iter().map(|name| ((*name).to_owned(), format!("{{{{ {} }}}}", variable(name)))).collect();
    // What only the update sets comes behind.
    let more = page.updatable.iter().filter(|name| !properties.contains(name));
    expected.extend(more.map(|name| ((*name).to_owned(), format!("{{{{ {} }}}}", variable(name)))));
    let given: Vec<(String, String)> =
        lifted.properties.iter().map(|(name, node)| (name.value.to_string(), text(Some(node)).to_owned())).collect();
    assert_eq!(given, expected, "{}", page.name);
    for (name, node) in &lifted.properties {
        assert_eq!(&iql[name.span.start as usize..name.span.end as usize].trim_matches('"'), &&*name.value);
        let written = &iql[node.span.start as usize..node.span.end as usize];
        assert!(written.contains(&variable(&name.value)), "{written}");
    }
    assert_eq!(text(lifted.identifier.as_ref()), identifier, "{}", page.name);
    assert_eq!(text(lifted.region.as_ref()), "{{ region }}");
    assert!(lifted.role_arn.is_none(), "{}", page.name);
    let discovery = lifted.discovery.as_ref().unwrap();
    assert!(discovery.tables.iter().all(|table| table.list_only && table.path() == page.table));
    if kinds.iter().next().is_some() {
        let exported: Vec<ExportedFrom> = lifted.exports.iter().map(|it| it.from.clone()).collect();
        let all = page.all.iter().map(|name| match *name {
            // The column of such a property is the one of the parameter.
            "Region" => ExportedFrom::Region,
            name => ExportedFrom::Property(vec![name.to_owned()]),
        });
        let expected: Vec<ExportedFrom> = std::iter::once(ExportedFrom::Region).chain(all).collect();
        assert_eq!(exported, expected, "{}", page.name);
    }
}

#[test]
fn every_statement_of_every_page_is_lifted() {
    let Some(schemas) = schemas() else { return };
    let mut pages = 0;
    for (name, schema) in &schemas {
        let page = Page::of(name, schema);
        if page.writable.is_empty() || page.identifiers.is_empty() {
            continue;
        }
        let properties: Vec<Property> =
            page.all.iter().map(|name| Property::new(name.to_string().leak(), Type::Any, "of the wheel")).collect();
        let schema = Schema { properties: properties.leak(), one_of: &[] };
        let kind: &'static dyn Kind = Box::leak(Box::new(Named { name: name.clone().leak(), schema }));
        let kinds = Registry::new(&[]).with(vec![kind]);
        for old in [false, true] {
            check(&page, old, &page.required, &kinds);
            check(&page, old, &page.writable, &kinds);
        }
        // Without a schema too.
        check(&page, false, &page.writable, &Registry::new(&[]));
        pages += 1;
    }
    assert!(pages > 1500, "{pages}");
}
