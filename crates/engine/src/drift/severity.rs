//! How bad a difference is: one table, which `docs/drift.md` shows, and what the manifest says instead.
//!
//! High is what weakens security or sends traffic elsewhere: a credential, a key, a policy, an endpoint's host, a kind of
//! authorization, a check that was switched off. Low is what only describes. Everything else is medium.

use crate::delta::{Edit, pattern_matches};
use crate::kind::Kind;
use crate::schema::Secrecy;
use crate::stack::SeverityRule;
use crate::value::Value;

/// How bad a difference is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It describes.
    Low,
    /// It changes what happens.
    Medium,
    /// It weakens security, or sends traffic elsewhere.
    High,
}

impl Level {
    /// The level of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|level| level.as_str() == name)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What has to be true of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Nothing.
    Always,
    /// The host of the address is another one.
    Host,
    /// The live value is this one, in any case; of `false` it may also be gone.
    Live(&'static str),
}

/// A row of the table.
#[derive(Debug)]
pub struct Rule {
    /// The last token of the pointer, the name of the property.
    name: &'static str,
    when: When,
    /// How bad it is then.
    pub level: Level,
}

const fn rule(name: &'static str, when: When, level: Level) -> Rule {
    Rule { name, when, level }
}

/// The rules, the first that fits counts; a property that the schema calls secret is high, everything else medium.
pub const RULES: &[Rule] = &[
    // Keys.
    rule("KmsKeyIdentifier", When::Always, Level::High),
    rule("KmsKeyId", When::Always, Level::High),
    rule("KmsMasterKeyId", When::Always, Level::High),
    rule("TargetKeyId", When::Always, Level::High),
    rule("Enabled", When::Live("false"), Level::High),
    rule("EnableKeyRotation", When::Live("false"), Level::High),
    // Policies.
    rule("KeyPolicy", When::Always, Level::High),
    rule("ResourcePolicy", When::Always, Level::High),
    rule("PolicyDocument", When::Always, Level::High),
    rule("AssumeRolePolicyDocument", When::Always, Level::High),
    // Authorization.
    rule("AuthorizationType", When::Always, Level::High),
    rule("AuthenticationType", When::Always, Level::High),
    rule("IsValueSecret", When::Live("false"), Level::High),
    rule("SECRET_ID", When::Always, Level::High),
    rule("SecretArn", When::Always, Level::High),
    rule("ConnectionArn", When::Always, Level::High),
    rule("RoleArn", When::Always, Level::High),
    rule("Username", When::Always, Level::High),
    rule("USERNAME", When::Always, Level::High),
    rule("ClientID", When::Always, Level::High),
    // Checks of the transport that were switched off.
    rule("JDBC_ENFORCE_SSL", When::Live("false"), Level::High),
    rule("KAFKA_SSL_ENABLED", When::Live("false"), Level::High),
    rule("SKIP_CUSTOM_JDBC_CERT_VALIDATION", When::Live("true"), Level::High),
    rule("KAFKA_SKIP_CUSTOM_CERT_VALIDATION", When::Live("true"), Level::High),
    // Where traffic goes.
    rule("InvocationEndpoint", When::Host, Level::High),
    rule("AuthorizationEndpoint", When::Host, Level::High),
    rule("TokenUrl", When::Host, Level::High),
    rule("AuthorizationCodeUrl", When::Host, Level::High),
    rule("JDBC_CONNECTION_URL", When::Host, Level::High),
    rule("CONNECTION_URL", When::Host, Level::High),
    rule("HOST", When::Always, Level::High),
    rule("KAFKA_BOOTSTRAP_SERVERS", When::Always, Level::High),
    rule("ResourceConfigurationArn", When::Always, Level::High),
    // What only describes.
    rule("Description", When::Always, Level::Low),
];

/// The level of a difference of a resource: the manifest's own word, else the table's.
pub(super) fn of(kind: &dyn Kind, own: &[SeverityRule], edit: &Edit) -> Level {
    let pointer = edit.pointer.strip_suffix("/-").unwrap_or(&edit.pointer);
    let covers = |rule: &&SeverityRule| {
        let prefix = crate::value::tokens(&rule.path).count();
        let end = pointer.match_indices('/').nth(prefix).map_or(pointer.len(), |(at, _)| at);
        pattern_matches(&rule.path, &pointer[..end])
    };
    if let Some(rule) = own.iter().find(covers) {
        return rule.level;
    }
    if kind.tags().is_some_and(|tags| crate::value::tokens(pointer).next().as_deref() == Some(tags)) {
        // Whose a resource is, and whether it is protected, is more than a description.
        return if crate::owner::touches(kind, edit) { Level::Medium } else { Level::Low };
    }
    let whole = Edit { pointer: pointer.to_owned(), ..edit.clone() };
    parts(&whole)
        .into_iter()
        .map(|(pointer, before, after)| of_leaf(kind, &pointer, before, after))
        .max()
        .unwrap_or(Level::Medium)
}

type Part<'a> = (String, Option<&'a Value>, Option<&'a Value>);

/// The leaves of a difference: a whole object that is there on one side only is as bad as the worst of its members.
fn parts(edit: &Edit) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for (side, live) in [(edit.before.as_ref(), true), (edit.after.as_ref(), false)] {
        let Some(side) = side else { continue };
        side.walk(&mut |below, _| {
            let pointer = format!("{}{below}", edit.pointer);
            if !parts.iter().any(|(known, ..): &Part<'_>| *known == pointer) {
                let other = if live { edit.after.as_ref() } else { edit.before.as_ref() };
                let (here, there) = (side.at(below), other.and_then(|other| other.at(below)));
                parts.push(if live { (pointer, here, there) } else { (pointer, there, here) });
            }
        });
    }
    if parts.is_empty() {
        parts.push((edit.pointer.clone(), edit.before.as_ref(), edit.after.as_ref()));
    }
    parts
}

fn of_leaf(kind: &dyn Kind, pointer: &str, live: Option<&Value>, wanted: Option<&Value>) -> Level {
    let secret = |value: Option<&Value>| matches!(value, Some(Value::Secret(_)));
    if secret(live)
        || secret(wanted)
        || kind.schema().at(pointer).is_some_and(|property| property.secrecy == Secrecy::Secret)
    {
        return Level::High;
    }
    // A policy is one property, whatever is below it.
    let tokens: Vec<_> = crate::value::tokens(pointer).collect();
    let named = |rule: &&Rule| {
        let here = match rule.when {
            When::Always => tokens.iter().any(|token| token == rule.name),
            _ => tokens.last().is_some_and(|token| token == rule.name),
        };
        here && match rule.when {
            When::Always => true,
            // A check that is no longer asked for is as good as switched off.
            When::Live(text) => live.map_or(text == "false", |live| text_of(live).eq_ignore_ascii_case(text)),
            When::Host => host(live) != host(wanted),
        }
    };
    // Descriptions of something else keep their level: only the last name counts there.
    RULES
        .iter()
        .filter(|rule| rule.level != Level::Low || tokens.last().is_some_and(|token| token == rule.name))
        .find(named)
        .map_or(Level::Medium, |rule| rule.level)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(truth) => truth.to_string(),
        _ => String::new(),
    }
}

/// The host and the port of an address: what stands between `//` and the next `/`, `?` or `;`, without credentials.
fn host(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    let rest = text.split_once("//").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', ';', '#']).next().unwrap_or_default();
    Some(authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{Level, RULES, host};

    #[test]
    fn a_host_is_told_from_a_path() {
        let same = |a: &str, b: &str| host(Some(&a.into())) == host(Some(&b.into()));
        assert!(same("https://example.com/a", "https://EXAMPLE.com/b?c"));
        assert!(same("jdbc:postgresql://u:p@db.example.com:5432/a", "jdbc:postgresql://db.example.com:5432/b"));
        assert!(same(
            "jdbc:sqlserver://db.example.com:1433;databaseName=a",
            "jdbc:sqlserver://db.example.com:1433;databaseName=b"
        ));
        assert!(!same("https://example.com/a", "https://example.org/a"));
        assert!(!same("https://example.com/a", "https://example.com:8443/a"));
    }

    #[test]
    fn the_manual_has_every_rule_under_its_level() {
        let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/drift.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (high, low) = page.split_once("| `low` |").unwrap();
        let (low, _) = low.split_once("| `medium` |").unwrap();
        for rule in RULES {
            let rows = if rule.level == Level::High { high } else { low };
            assert!(rows.contains(&format!("`{}`", rule.name)), "{}", rule.name);
        }
    }
}
