//! The file of targets: a list of where stacks go, for the same stack in many accounts and regions.

use std::path::{Path, PathBuf};

use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::manifest::grammar::{Fields, Reader};
use trueup_engine::manifest::tree::{self, Node, Yaml};
use trueup_engine::source::Sources;

use crate::error::CommandError;

/// The most that a file of targets may hold.
const LARGEST: u64 = 8 * 1024 * 1024;

/// The keys of a target.
const KEYS: [&str; 6] = ["stack", "env", "profile", "role_arn", "region", "vars"];

/// One target. What it does not say is as the command line says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The stack; one without is for all stacks of the command line.
    pub stack: Option<PathBuf>,
    /// The environment; without one, those of the command line.
    pub env: Option<String>,
    /// The profile.
    pub profile: Option<String>,
    /// The role of resources that name none.
    pub role_arn: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Variables, which may be secrets.
    pub vars: Vec<(String, String)>,
}

/// A file of targets as far as it could be read.
pub struct Read {
    /// Its text, for messages.
    pub sources: Sources,
    /// What is wrong with it.
    pub found: Diagnostics,
    /// The targets.
    pub entries: Vec<Entry>,
}

/// Reads a file of targets, YAML or JSON. Stacks are named from its folder.
pub fn read(path: &Path) -> Result<Read, CommandError> {
    let usage = |why: &str| CommandError::usage(format!("cannot read `{}`: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| usage(&error.to_string()))?.len();
    if size > LARGEST {
        return Err(usage("it is larger than 8 MiB"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| usage(&error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(parse(&path.display().to_string(), text, folder))
}

fn parse(name: &str, text: String, folder: &Path) -> Read {
    let mut sources = Sources::new(folder);
    let mut found = Diagnostics::new();
    let source = sources.add(name, text.clone());
    let mut entries = Vec::new();
    if let Some(top) = tree::read(&text, source, &mut found) {
        let before = found.has_errors();
        let mut reader = Reader::strict(&mut found);
        for item in reader.list(Some(&top), "the file of targets") {
            entries.extend(entry(&mut reader, item, folder));
        }
        if entries.is_empty() && !before && !found.has_errors() {
            found.push(
                Diagnostic::error("M109", "the file has no target")
                    .at(top.span)
                    .help("write for example `- { profile: orders-prod, region: eu-west-1 }`"),
            );
        }
    }
    // A value of a variable may be a secret.
    mask(&mut sources, &text, source, &mut Diagnostics::new());
    Read { sources, found: found.sorted(), entries }
}

fn entry(reader: &mut Reader<'_>, node: &Node, folder: &Path) -> Option<Entry> {
    let fields = reader.fields(node, node.span, "a target", &KEYS)?;
    let mut text = |fields: Fields<'_>, key: &str| {
        let value = reader.text(fields.get(key), &format!("`{key}` of a target"))?;
        if value.value.trim().is_empty() {
            reader.found.push(Diagnostic::error("M109", format!("`{key}` of a target is empty")).at(value.span));
            return None;
        }
        Some(value.value)
    };
    let mut entry = Entry {
        stack: text(fields, "stack").map(|stack| folder.join(stack)),
        env: text(fields, "env"),
        profile: text(fields, "profile"),
        role_arn: text(fields, "role_arn"),
        region: text(fields, "region"),
        vars: Vec::new(),
    };
    if let Some(vars) = fields.get("vars") {
        let Yaml::Map(members) = &vars.yaml else {
            reader.wrong(vars, "`vars` of a target", "a map");
            return Some(entry);
        };
        for member in members {
            let value = match &member.value.yaml {
                Yaml::Text(text) => text.to_string(),
                Yaml::Number(number) => number.to_string(),
                Yaml::Bool(flag) => flag.to_string(),
                _ => {
                    let what = format!("the variable `{}` of a target", member.key.value);
                    reader.wrong(&member.value, &what, "text, a number, or `true` or `false`");
                    continue;
                }
            };
            entry.vars.push((member.key.value.to_string(), value));
        }
    }
    Some(entry)
}

/// Hides the values of variables wherever a line of the file is shown.
fn mask(sources: &mut Sources, text: &str, source: trueup_engine::source::SourceId, unused: &mut Diagnostics) {
    fn values(node: &Node, inside: bool, sources: &mut Sources) {
        match &node.yaml {
            Yaml::Map(members) => {
                for member in members {
                    values(&member.value, inside || &*member.key.value == "vars", sources);
                }
            }
            Yaml::List(items) => items.iter().for_each(|item| values(item, inside, sources)),
            _ if inside => sources.mask(node.span),
            _ => {}
        }
    }
    if let Some(top) = tree::read(text, source, unused) {
        values(&top, false, sources);
    }
}

#[cfg(test)]
mod tests {
    use trueup_engine::diagnostic::render;

    use super::*;

    fn read(text: &str) -> Read {
        parse("targets.yaml", text.to_owned(), Path::new("infra"))
    }

    #[test]
    fn a_target_is_read_from_yaml_and_from_json() {
        let yaml =
            read("- { stack: orders, env: prod, profile: p, region: eu-west-1, vars: { A: x, B: 2, C: true } }\n");
        let json = read(
            r#"[{"stack": "orders", "env": "prod", "profile": "p", "region": "eu-west-1", "vars": {"A": "x", "B": 2, "C": true}}]"#,
        );
        assert!(yaml.found.is_empty() && json.found.is_empty());
        assert!(yaml.entries == json.entries);
        let [entry] = &yaml.entries[..] else { panic!("one target") };
        assert_eq!(entry.stack.as_deref(), Some(Path::new("infra/orders")));
        let vars: Vec<(&str, &str)> = entry.vars.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(vars, [("A", "x"), ("B", "2"), ("C", "true")]);
    }

    #[test]
    fn each_mistake_is_said_with_its_line_and_without_a_value() {
        let read = read("- regoin: x\n- env: 1\n  vars: { KEY: hunter2, OTHER: [hunter2] }\n- region: ''\n- 5\n");
        let codes: Vec<&str> = read.found.iter().map(|found| found.code).collect();
        assert_eq!(codes, ["M107", "M108", "M108", "M109", "M108"]);
        let shown: String = read.found.iter().map(|found| render(found, &read.sources, false, 100)).collect();
        assert!(!shown.contains("hunter2") && shown.contains("did you mean `region`?"), "{shown}");
        for nothing in ["", "[]\n", "stack: orders\n"] {
            assert!(self::read(nothing).found.has_errors(), "{nothing:?}");
        }
    }
}
