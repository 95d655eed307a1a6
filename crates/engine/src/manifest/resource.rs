//! One entry of `resources`.

use std::sync::Arc;
use std::time::Duration;

use super::grammar::{Fields, Reader};
use super::tree::{Node, Yaml};
use crate::diagnostic::Diagnostic;
use crate::drift::Level;
use crate::lookup;
use crate::source::{Span, Spanned};
use crate::stack::{Export, SeverityRule, Timeouts};

/// A resource as it is written.
#[derive(Debug, Clone)]
pub struct Resource {
    /// `name`.
    pub name: Spanned<String>,
    /// The whole entry.
    pub span: Span,
    /// `type`.
    pub type_name: Option<Spanned<String>>,
    /// `props`.
    pub properties: Vec<Property>,
    /// `exports`.
    pub exports: Vec<Export>,
    /// `if`.
    pub condition: Option<Node>,
    /// `for_each`.
    pub for_each: Option<Node>,
    /// `depends_on`.
    pub depends_on: Vec<Spanned<String>>,
    /// `protect`.
    pub protect: Option<Node>,
    /// `ignore`.
    pub ignore: Vec<Ignoring>,
    /// `severity`.
    pub severity: Vec<SeverityRule>,
    /// `region`.
    pub region: Option<Node>,
    /// `role_arn`.
    pub role_arn: Option<Node>,
    /// `identifier`.
    pub identifier: Option<Node>,
    /// `renamed_from`: one or several.
    pub renamed_from: Vec<Node>,
    /// `timeouts`.
    pub timeouts: Timeouts,
    /// `skip_on_delete`.
    pub skip_on_delete: Option<Node>,
    /// `locals`: values that the templates of this resource can use by name.
    pub locals: Vec<Property>,
    /// `sql`, of a `query`.
    pub sql: Option<Node>,
    /// `find`: a query that finds it where the service makes its name.
    pub find: Option<Node>,
    /// Its properties come from SQL, in which every value is text: a text is read as what the schema wants.
    pub from_text: bool,
}

/// A property at the top level of a resource.
#[derive(Debug, Clone)]
pub struct Property {
    /// Its name.
    pub name: Spanned<Arc<str>>,
    /// Its value.
    pub value: PropertyValue,
    /// Globals whose maps or lists are merged into it.
    pub merge: Vec<Spanned<String>>,
    /// Its value is a secret.
    pub protected: bool,
}

/// The value of a property.
#[derive(Debug, Clone)]
pub enum PropertyValue {
    /// Only what is merged.
    Merged,
    /// The same in every environment.
    One(Node),
    /// One for each environment.
    PerEnvironment(Vec<(Spanned<Arc<str>>, Node)>),
}

/// A path whose differences are passed over, as it is written.
#[derive(Debug, Clone)]
pub struct Ignoring {
    /// `path`.
    pub path: Spanned<String>,
    /// `reason`.
    pub reason: Option<String>,
    /// `until`, and the day that it says.
    pub until: Option<(Spanned<String>, (i32, u8, u8))>,
}

const KEYS: &[&str] = &[
    "name",
    "type",
    "props",
    "exports",
    "if",
    "for_each",
    "depends_on",
    "protect",
    "ignore",
    "severity",
    "region",
    "role_arn",
    "identifier",
    "renamed_from",
    "timeouts",
    "skip_on_delete",
    "description",
    "locals",
    "sql",
    "find",
];

const IQL_TYPES: &[&str] = &["resource", "multi", "script", "command"];

/// What only something that is made has.
const MADE: &[&str] =
    &["props", "protect", "ignore", "severity", "identifier", "renamed_from", "timeouts", "skip_on_delete", "find"];

impl Reader<'_> {
    pub(super) fn resource(&mut self, node: &Node) -> Option<Resource> {
        let fields = self.fields(node, node.span, "a resource", KEYS)?;
        let name = self.name(fields, "a resource");
        let at = name.as_ref().map_or(fields.span, |name| name.span);
        let type_name = self.text(fields.get("type"), "`type`");
        if let Some(ty) = type_name.as_ref().filter(|ty| IQL_TYPES.contains(&&*ty.value)) {
            self.found.push(
                Diagnostic::error("M114", format!("`type: {}` is stackql-deploy's `.iql` form", ty.value))
                    .labelled(ty.span, "only in a `stackql_manifest.yml` with its `resources` folder")
                    .help("give the CloudFormation type, as in `type: AWS::Events::Connection`"),
            );
        }
        let is_query = type_name.as_ref().is_some_and(|ty| ty.value == lookup::NAME);
        self.query(fields, is_query, at);
        let _ = self.text(fields.get("description"), "`description`");
        let resource = Resource {
            span: node.span,
            properties: self.properties(fields.get("props"), "`props`"),
            exports: self.exports(fields.get("exports")),
            condition: fields.get("if").cloned(),
            for_each: fields.get("for_each").cloned(),
            depends_on: self.texts(fields.get("depends_on"), "`depends_on`"),
            protect: fields.get("protect").cloned(),
            ignore: self.ignore(fields.get("ignore")),
            severity: self.severity(fields.get("severity")),
            region: self.scalar(fields, "region"),
            role_arn: self.scalar(fields, "role_arn"),
            identifier: self.scalar(fields, "identifier"),
            renamed_from: self.renamed_from(fields.get("renamed_from")),
            timeouts: self.timeouts(fields.get("timeouts")),
            skip_on_delete: fields.get("skip_on_delete").cloned(),
            locals: self.properties(fields.get("locals"), "`locals`"),
            sql: self.scalar(fields, "sql"),
            find: self.scalar(fields, "find"),
            from_text: false,
            name: name.unwrap_or(Spanned { value: String::new(), span: at }),
            type_name,
        };
        Some(resource).filter(|resource| !resource.name.value.is_empty())
    }

    fn scalar(&mut self, fields: Fields<'_>, key: &str) -> Option<Node> {
        self.text(fields.get(key), &format!("`{key}`"))?;
        fields.get(key).cloned()
    }

    fn renamed_from(&mut self, node: Option<&Node>) -> Vec<Node> {
        match node {
            Some(node @ Node { yaml: Yaml::Text(_), .. }) => vec![node.clone()],
            Some(Node { yaml: Yaml::List(items), .. }) => items
                .iter()
                .filter(|item| self.text(Some(item), "an item of `renamed_from`").is_some())
                .cloned()
                .collect(),
            Some(node) => {
                self.wrong(node, "`renamed_from`", "text or a list of texts");
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// A query has `sql` and nothing of what is made in the cloud; nothing else has `sql`.
    fn query(&mut self, fields: Fields<'_>, is_query: bool, at: Span) {
        if !is_query {
            if let Some(span) = fields.key_span("sql") {
                self.found.push(
                    Diagnostic::error("M123", "only a query has `sql`")
                        .at(span)
                        .help("add `type: query`, or remove it; `find` finds a resource that its service names"),
                );
            }
            return;
        }
        if fields.get("sql").is_none() {
            self.missing(at, "a query", "sql");
        }
        for key in MADE {
            if let Some(span) = fields.key_span(key) {
                self.found.push(
                    Diagnostic::error("M123", format!("a query has no `{key}`"))
                        .at(span)
                        .help("a query reads, and makes nothing: remove the key"),
                );
            }
        }
    }

    fn properties(&mut self, node: Option<&Node>, what: &str) -> Vec<Property> {
        let Some(node) = node else { return Vec::new() };
        let mut properties: Vec<Property> = Vec::new();
        match &node.yaml {
            Yaml::Map(entries) => properties.extend(entries.iter().map(|entry| Property {
                name: entry.key.clone(),
                value: PropertyValue::One(entry.value.clone()),
                merge: Vec::new(),
                protected: false,
            })),
            Yaml::List(items) => {
                for item in items {
                    let Some(property) = self.property(item) else { continue };
                    if let Some(first) = properties.iter().find(|p| p.name.value == property.name.value) {
                        self.found.push(
                            Diagnostic::error("M112", format!("the property `{}` is given twice", property.name.value))
                                .labelled(property.name.span, "again here")
                                .labelled(first.name.span, "first here")
                                .help("keep one of them"),
                        );
                    } else {
                        properties.push(property);
                    }
                }
            }
            _ => self.wrong(node, what, "a map, or a list of `name` and `value`"),
        }
        properties
    }

    fn property(&mut self, node: &Node) -> Option<Property> {
        let known = ["name", "value", "values", "merge", "description", "protected"];
        let fields = self.fields(node, node.span, "a property", &known)?;
        let Some(name) = fields.get("name") else {
            self.missing(fields.span, "a property", "name");
            return None;
        };
        let name = self.text(Some(name), "the name of a property")?;
        let merge = self.texts(fields.get("merge"), "`merge`");
        let protected = self.flag(fields.get("protected"), "`protected`");
        let _ = self.text(fields.get("description"), "`description`");
        let value = match (fields.key_span("value"), fields.get("values")) {
            (Some(span), values) => {
                if values.is_some() {
                    self.found.push(
                        Diagnostic::error("M116", "a property has `value` or `values`, and not both")
                            .labelled(span, "this one is used")
                            .help("remove one of them"),
                    );
                }
                let null = Node { yaml: Yaml::Null, span };
                PropertyValue::One(fields.get("value").cloned().unwrap_or(null))
            }
            (None, Some(values)) => self.values(values)?,
            (None, None) if !merge.is_empty() => PropertyValue::Merged,
            (None, None) => {
                self.missing(name.span, &format!("the property `{}`", name.value), "value");
                return None;
            }
        };
        let name = Spanned { value: Arc::from(&*name.value), span: name.span };
        Some(Property { name, value, merge, protected })
    }

    fn values(&mut self, node: &Node) -> Option<PropertyValue> {
        let Yaml::Map(entries) = &node.yaml else {
            self.wrong(node, "`values`", "a map from environment to `value`");
            return None;
        };
        let mut values = Vec::new();
        for entry in entries {
            let what = format!("the entry of `values` for `{}`", entry.key.value);
            let Some(fields) = self.fields(&entry.value, entry.key.span, &what, &["value"]) else { continue };
            match fields.key_span("value") {
                Some(span) => {
                    let null = Node { yaml: Yaml::Null, span };
                    values.push((entry.key.clone(), fields.get("value").cloned().unwrap_or(null)));
                }
                None => self.missing(entry.key.span, &what, "value"),
            }
        }
        Some(PropertyValue::PerEnvironment(values))
    }

    fn exports(&mut self, node: Option<&Node>) -> Vec<Export> {
        let mut exports: Vec<Export> = Vec::new();
        for item in self.list(node, "`exports`") {
            match &item.yaml {
                Yaml::Text(name) => {
                    exports.push(Export { property: name.to_string(), name: name.to_string(), span: item.span });
                }
                Yaml::Map(entries) => {
                    for entry in entries {
                        if let Some(name) = self.text(Some(&entry.value), "the name of an export") {
                            let property = entry.key.value.to_string();
                            exports.push(Export { property, name: name.value, span: name.span });
                        }
                    }
                }
                _ => self.wrong(item, "an export", "text, or `Property: name`"),
            }
        }
        exports
    }

    fn ignore(&mut self, node: Option<&Node>) -> Vec<Ignoring> {
        let mut list = Vec::new();
        for item in self.list(node, "`ignore`") {
            let Some(fields) = self.fields(item, item.span, "an entry of `ignore`", &["path", "reason", "until"])
            else {
                continue;
            };
            let Some(path) = fields.get("path") else {
                self.missing(fields.span, "an entry of `ignore`", "path");
                continue;
            };
            let Some(path) = self.text(Some(path), "`path`") else { continue };
            if !path.value.starts_with('/') {
                self.found.push(
                    Diagnostic::error("M118", "this is not a JSON pointer")
                        .at(path.span)
                        .help("write it as `/Description` or `/AuthParameters/*/Username`"),
                );
            }
            let reason = self.text(fields.get("reason"), "`reason`").map(|text| text.value);
            let until = self.text(fields.get("until"), "`until`").and_then(|until| {
                if let Some(day) = day(&until.value) {
                    Some((until, day))
                } else {
                    self.found.push(
                        Diagnostic::error("M118", "this is not a day").at(until.span).help("write it as `2026-12-31`"),
                    );
                    None
                }
            });
            list.push(Ignoring { path, reason, until });
        }
        list
    }

    fn severity(&mut self, node: Option<&Node>) -> Vec<SeverityRule> {
        let mut list = Vec::new();
        for item in self.list(node, "`severity`") {
            let Some(fields) = self.fields(item, item.span, "an entry of `severity`", &["path", "level"]) else {
                continue;
            };
            for key in ["path", "level"] {
                if fields.get(key).is_none() {
                    self.missing(fields.span, "an entry of `severity`", key);
                }
            }
            let path = fields.get("path").and_then(|node| self.text(Some(node), "`path`"));
            let level = fields.get("level").and_then(|node| self.text(Some(node), "`level`"));
            if let Some(path) = path.as_ref().filter(|path| !path.value.starts_with('/')) {
                self.found.push(
                    Diagnostic::error("M118", "this is not a JSON pointer")
                        .at(path.span)
                        .help("write it as `/Description` or `/AuthParameters/*/Username`"),
                );
            }
            let level = level.and_then(|level| {
                let known = Level::named(&level.value);
                if known.is_none() {
                    self.found.push(
                        Diagnostic::error("M118", "this is not a severity")
                            .at(level.span)
                            .help("write `low`, `medium` or `high`"),
                    );
                }
                known
            });
            if let (Some(path), Some(level)) = (path, level) {
                list.push(SeverityRule { path: path.value, level });
            }
        }
        list
    }

    fn timeouts(&mut self, node: Option<&Node>) -> Timeouts {
        let mut timeouts = Timeouts::default();
        let Some(node) = node else { return timeouts };
        let Some(fields) = self.fields(node, node.span, "`timeouts`", &["create", "update", "delete"]) else {
            return timeouts;
        };
        for (key, slot) in
            [("create", &mut timeouts.create), ("update", &mut timeouts.update), ("delete", &mut timeouts.delete)]
        {
            let Some(text) = self.text(fields.get(key), "a timeout") else { continue };
            *slot = duration(&text.value);
            if slot.is_none() {
                self.found.push(
                    Diagnostic::error("M118", "this is not a length of time")
                        .at(text.span)
                        .help("write it as `90s`, `5m` or `1h`"),
                );
            }
        }
        timeouts
    }
}

/// `90s`, `5m`, `1h`; at most a day.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = number.parse::<u64>().ok()?.checked_mul(factor)?;
    (1..=86_400).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// `2026-12-31`.
fn day(text: &str) -> Option<(i32, u8, u8)> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let (year, month, day) = (year.parse::<i32>().ok()?, month.parse::<u8>().ok()?, day.parse::<u8>().ok()?);
    let date = time::Date::from_calendar_date(year, time::Month::try_from(month).ok()?, day).ok()?;
    Some((date.year(), date.month().into(), date.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1h"), Some(Duration::from_hours(1)));
        for text in ["", "s", "5", "0s", "-1m", "25h", "1d", "5é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn days() {
        assert_eq!(day("2026-12-31"), Some((2026, 12, 31)));
        for text in ["2026-02-30", "2026-1-1", "soon", "2026-12-31-1"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
