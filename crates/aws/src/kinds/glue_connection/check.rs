//! Rules between properties of a connection, found before any call.
//!
//! What each type needs is the service's own list; a type that the list does not have is let through with a warning,
//! because Glue's grows faster than any program is released. A value that is known later counts as given.
//! <https://docs.aws.amazon.com/glue/latest/webapi/API_ConnectionInput.html>

use trueup_engine::diagnostic::suggest::nearest;
use trueup_engine::embedded::names_user;
use trueup_engine::kind::Finding;
use trueup_engine::secret::LITERAL;
use trueup_engine::value::{Map, Value};

use super::live::{CIPHERTEXT, pointer_of};
use super::{input, is_account};
use crate::sdk::glue::connection_types;

const PROPERTIES: &str = "/ConnectionInput/ConnectionProperties";
const AUTHENTICATION: &str = "/ConnectionInput/AuthenticationConfiguration";

/// Types that are configured by `ConnectionProperties` alone.
const BY_PROPERTIES: [&str; 8] = [
    "CUSTOM",
    "JDBC",
    "KAFKA",
    "MARKETPLACE",
    "MONGODB",
    "NETWORK",
    "VIEW_VALIDATION_ATHENA",
    "VIEW_VALIDATION_REDSHIFT",
];

/// Types for which Glue refuses a connection without `AuthenticationConfiguration`.
const NEED_AUTHENTICATION: [&str; 5] = ["MYSQL", "ORACLE", "POSTGRESQL", "SALESFORCE", "SQLSERVER"];

/// Types that are in use and missing from the service model.
const ALSO_KNOWN: [&str; 1] = ["SNOWFLAKE"];

/// Types of AWS's own and of data without an owner, for which the job's role may be enough.
const BY_ROLE: [&str; 6] = ["CLOUDWATCH", "CLOUDWATCHMETRICS", "CMDB", "DYNAMODB", "TIMESTREAM", "TPCDS"];

const MECHANISMS: [&str; 4] = ["SCRAM-SHA-512", "GSSAPI", "AWS_MSK_IAM", "PLAIN"];

/// Each type of authentication with its block of credentials.
const BLOCKS: [(&str, &str); 3] = [
    ("BASIC", "BasicAuthenticationCredentials"),
    ("CUSTOM", "CustomAuthenticationCredentials"),
    ("OAUTH2", "OAuth2Properties"),
];

/// What does not hold.
pub(super) fn check(properties: &Map) -> Vec<Finding> {
    let mut findings = Vec::new();
    check_name(properties, &mut findings);
    let kind = input(properties, "ConnectionType").and_then(Value::as_str);
    if let Some(kind) = kind {
        check_known(kind, &mut findings);
    }
    let given = input(properties, "ConnectionProperties");
    let nothing = Map::new();
    // A map that is known later says nothing yet.
    if let Some(connection) = given.map_or(Some(&nothing), Value::as_map) {
        if let Some(kind) = kind {
            check_needs(kind, connection, properties, given.is_some(), &mut findings);
        }
        check_properties(connection, &mut findings);
    }
    if let Some(authentication) = input(properties, "AuthenticationConfiguration") {
        let address = authentication.get("OAuth2Properties").and_then(|oauth| oauth.get("TokenUrl"));
        if address.and_then(Value::as_str).is_some_and(names_user) {
            findings.push(Finding {
                code: "M336",
                pointer: format!("{AUTHENTICATION}/OAuth2Properties/TokenUrl"),
                on_key: false,
                summary: "`TokenUrl` has a user or a password in it".to_owned(),
                help: Some("an address is shown everywhere: remove what is before the `@`".to_owned()),
                warning: false,
            });
        }
        check_authentication(authentication, &mut findings);
    }
    findings
}

fn error(code: &'static str, pointer: impl Into<String>, summary: String, help: Option<String>) -> Finding {
    Finding { code, pointer: pointer.into(), on_key: false, summary, help, warning: false }
}

fn has(map: &Map, name: &str) -> bool {
    map.get(name).is_some_and(|value| !value.is_null())
}

/// A name that reads as a catalog and a name would be taken for that.
fn check_name(properties: &Map, findings: &mut Vec<Finding>) {
    let Some(name) = input(properties, "Name").and_then(Value::as_str) else { return };
    if !has(properties, "CatalogId") && name.split_once(':').is_some_and(|(start, _)| is_account(start)) {
        findings.push(error(
            "M347",
            "/ConnectionInput/Name",
            format!("`{name}` reads as a catalog and a name"),
            Some("give `CatalogId`, or another name".to_owned()),
        ));
    }
}

fn is_known(kind: &str) -> bool {
    connection_types().contains(&kind) || ALSO_KNOWN.contains(&kind)
}

fn check_known(kind: &str, findings: &mut Vec<Finding>) {
    let (summary, help) = if kind == "SFTP" {
        ("`SFTP` is in Glue's list of types and is not supported by it".to_owned(), None)
    } else if is_known(kind) {
        return;
    } else {
        let near = nearest(kind, connection_types().iter().copied());
        let help = near.map(|near| format!("did you mean `{near}`?"));
        (format!("`{kind}` is no type of connection that this version knows"), help)
    };
    let finding = error("M341", "/ConnectionInput/ConnectionType", summary, help);
    findings.push(Finding { warning: true, ..finding });
}

/// One finding for all that a type needs and that is not there.
fn check_needs(kind: &str, connection: &Map, properties: &Map, given: bool, findings: &mut Vec<Finding>) {
    let signs_in = input(properties, "AuthenticationConfiguration").is_some();
    let mut missing: Vec<&str> = Vec::new();
    let credentials = |missing: &mut Vec<&str>| {
        // An address that carries a password is not enough: the service asks for these all the same.
        let both = has(connection, "USERNAME") && has(connection, "PASSWORD");
        if !both && !signs_in && !has(connection, "SECRET_ID") {
            missing.push("`SECRET_ID` (or `USERNAME` and `PASSWORD`)");
        }
    };
    match kind {
        "JDBC" => {
            let parts = ["HOST", "PORT", "JDBC_ENGINE"].iter().all(|name| has(connection, name));
            if !parts && !has(connection, "JDBC_CONNECTION_URL") {
                missing.push("`JDBC_CONNECTION_URL` (or `HOST`, `PORT` and `JDBC_ENGINE`)");
            }
            credentials(&mut missing);
        }
        "KAFKA" if !has(connection, "KAFKA_BOOTSTRAP_SERVERS") => missing.push("`KAFKA_BOOTSTRAP_SERVERS`"),
        "MONGODB" => {
            if !has(connection, "CONNECTION_URL") {
                missing.push("`CONNECTION_URL`");
            }
            credentials(&mut missing);
        }
        "NETWORK" if input(properties, "PhysicalConnectionRequirements").is_none() => {
            findings.push(needs(kind, "/ConnectionInput/ConnectionType", "`PhysicalConnectionRequirements`", false));
        }
        "MARKETPLACE" => {
            for (name, shown) in [
                ("CONNECTOR_TYPE", "`CONNECTOR_TYPE`"),
                ("CONNECTOR_URL", "`CONNECTOR_URL`"),
                ("CONNECTOR_CLASS_NAME", "`CONNECTOR_CLASS_NAME`"),
                ("CONNECTION_URL", "`CONNECTION_URL`"),
            ] {
                if !has(connection, name) {
                    missing.push(shown);
                }
            }
            let connector = connection.get("CONNECTOR_TYPE").and_then(Value::as_str);
            if connector.is_some_and(|connector| connector.eq_ignore_ascii_case("JDBC")) {
                credentials(&mut missing);
            }
        }
        // Some types name their secret in a text of JSON here.
        _ if has(connection, "SparkProperties") => {}
        _ => check_needs_authentication(kind, signs_in, findings),
    }
    if !missing.is_empty() {
        let pointer = if given { PROPERTIES } else { "/ConnectionInput/ConnectionType" };
        let mut finding = needs(kind, pointer, &missing.join(", "), false);
        finding.on_key = given;
        finding.summary.push_str(" in `ConnectionProperties`");
        findings.push(finding);
    }
}

fn check_needs_authentication(kind: &str, signs_in: bool, findings: &mut Vec<Finding>) {
    if signs_in || !is_known(kind) || kind == "SFTP" || BY_PROPERTIES.contains(&kind) || BY_ROLE.contains(&kind) {
        return;
    }
    // Where Glue's own page does not say it of the type, it may know better than this list.
    let sure = NEED_AUTHENTICATION.contains(&kind);
    findings.push(needs(kind, "/ConnectionInput/ConnectionType", "`AuthenticationConfiguration`", !sure));
}

fn needs(kind: &str, pointer: &str, what: &str, warning: bool) -> Finding {
    let finding = error("M340", pointer, format!("a connection of type {kind} needs {what}"), None);
    Finding { warning, ..finding }
}

fn check_properties(connection: &Map, findings: &mut Vec<Finding>) {
    if let Some(port) = connection.get("PORT").and_then(Value::as_str)
        && !port.parse::<u32>().is_ok_and(|port| (1024..=65535).contains(&port))
    {
        let summary = format!("`PORT` must be a whole number from 1024 to 65535, and this is `{port}`");
        findings.push(error("M342", pointer_of("PORT"), summary, None));
    }
    if let Some(mechanism) = connection.get("KAFKA_SASL_MECHANISM").and_then(Value::as_str)
        && !MECHANISMS.contains(&mechanism)
    {
        let summary = format!("`KAFKA_SASL_MECHANISM` is one of {}", MECHANISMS.join(", "));
        let help = nearest(mechanism, MECHANISMS).map(|near| format!("did you mean `{near}`?"));
        findings.push(error("M348", pointer_of("KAFKA_SASL_MECHANISM"), summary, help));
    }
    for name in connection.keys().filter(|name| name.starts_with(CIPHERTEXT)) {
        findings.push(Finding {
            on_key: true,
            ..error(
                "M345",
                pointer_of(name),
                format!("`{name}` is Glue's own: it is made where the catalog encrypts passwords"),
                Some(format!("give `{}`, or `SECRET_ID`", name.trim_start_matches(CIPHERTEXT))),
            )
        });
    }
    check_inline(connection, findings);
    if has(connection, "SECRET_ID") && has(connection, "PASSWORD") {
        findings.push(Finding {
            on_key: true,
            warning: true,
            ..error(
                "M344",
                pointer_of("PASSWORD"),
                "`PASSWORD` and `SECRET_ID` are alternatives".to_owned(),
                Some("keep `SECRET_ID` and remove `USERNAME` and `PASSWORD`".to_owned()),
            )
        });
    }
}

/// A password that is written in the manifest would also be readable in the connection.
fn check_inline(connection: &Map, findings: &mut Vec<Finding>) {
    let literal = |name: &str| matches!(connection.get(name), Some(Value::Secret(it)) if it.source() == LITERAL);
    for (name, help) in [
        (
            "PASSWORD",
            "put user name and password into a secret of Secrets Manager (`{\"username\": …, \"password\": …}`), and \
             write `SECRET_ID: <name of the secret>` instead of `USERNAME` and `PASSWORD`",
        ),
        (
            "KAFKA_SASL_SCRAM_PASSWORD",
            "put user name and password into a secret of Secrets Manager, and write \
             `KAFKA_SASL_SCRAM_SECRETS_ARN: <ARN of the secret>` instead of the two",
        ),
    ] {
        if literal(name) {
            findings.push(Finding {
                on_key: true,
                warning: true,
                ..error(
                    "M343",
                    pointer_of(name),
                    format!("`{name}` is kept in the connection, where whoever may read connections can read it"),
                    Some(help.to_owned()),
                )
            });
        }
    }
}

fn check_authentication(authentication: &Value, findings: &mut Vec<Finding>) {
    let given = |name: &str| authentication.get(name).is_some_and(|value| !value.is_null());
    let inline = BLOCKS.iter().map(|(_, block)| *block).filter(|block| *block != "OAuth2Properties");
    let tokens = authentication.at("/OAuth2Properties/OAuth2Credentials").is_some_and(|value| !value.is_null());
    let double: Vec<String> = inline
        .filter(|block| given(block))
        .map(str::to_owned)
        .chain(tokens.then(|| "OAuth2Credentials".into()))
        .collect();
    if given("SecretArn")
        && let Some(block) = double.first()
    {
        findings.push(Finding {
            on_key: true,
            ..error(
                "M344",
                format!("{AUTHENTICATION}/SecretArn"),
                format!("`SecretArn` and `{block}` are alternatives"),
                Some(format!("keep `SecretArn` and remove `{block}`")),
            )
        });
        return;
    }
    let Some(kind) = authentication.get("AuthenticationType").and_then(Value::as_str) else { return };
    let pointer = format!("{AUTHENTICATION}/AuthenticationType");
    if let Some((fitting, block)) = BLOCKS.iter().find(|(fitting, block)| *fitting != kind && given(block)) {
        findings.push(error(
            "M346",
            pointer,
            format!("`AuthenticationType` is `{kind}`, and `{block}` is for `{fitting}`"),
            Some(format!("write `AuthenticationType: {fitting}`, or remove `{block}`")),
        ));
        return;
    }
    let Some((_, block)) = BLOCKS.iter().find(|(fitting, _)| *fitting == kind) else { return };
    let enough = given(block) || (kind != "OAUTH2" && given("SecretArn"));
    if !enough {
        let or = if kind == "OAUTH2" { "" } else { "`SecretArn` or " };
        findings.push(error("M346", pointer, format!("`AuthenticationType: {kind}` needs {or}`{block}`"), None));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trueup_engine::secret::Secret;

    use super::*;

    fn findings(json: serde_json::Value) -> Vec<(String, String, bool)> {
        let value = Value::from(json);
        let found = check(value.as_map().unwrap());
        found.into_iter().map(|found| (found.code.to_owned(), found.pointer, found.warning)).collect()
    }

    /// The findings of a connection of this type with these properties.
    fn of(kind: &str, properties: serde_json::Value) -> Vec<String> {
        let input = json!({"Name": "orders", "ConnectionType": kind, "ConnectionProperties": properties});
        findings(json!({ "ConnectionInput": input })).into_iter().map(|(code, ..)| code).collect()
    }

    #[test]
    fn what_each_type_needs_is_enough() {
        let none: [&str; 0] = [];
        for (kind, properties) in [
            ("JDBC", json!({"JDBC_CONNECTION_URL": "jdbc:mysql://h/d", "SECRET_ID": "s"})),
            (
                "JDBC",
                json!({"HOST": "h", "PORT": "5432", "JDBC_ENGINE": "postgresql", "USERNAME": "u", "PASSWORD": "p"}),
            ),
            ("MONGODB", json!({"CONNECTION_URL": "mongodb://h/d", "SECRET_ID": "s"})),
            ("KAFKA", json!({"KAFKA_BOOTSTRAP_SERVERS": "b:9094", "KAFKA_SASL_MECHANISM": "AWS_MSK_IAM"})),
            (
                "MARKETPLACE",
                json!({"CONNECTOR_TYPE": "Spark", "CONNECTOR_URL": "x", "CONNECTOR_CLASS_NAME": "x", "CONNECTION_URL": "x"}),
            ),
            ("CUSTOM", json!({"CONNECTOR_CLASS_NAME": "x"})),
            ("DYNAMODB", json!({})),
            ("SNOWFLAKE", json!({"SparkProperties": "{\"secretId\": \"orders/db\"}"})),
        ] {
            assert_eq!(of(kind, properties), none, "{kind}");
        }
    }

    #[test]
    fn what_is_missing_is_one_finding_a_type() {
        for (kind, properties) in [
            ("JDBC", json!({})),
            ("JDBC", json!({"JDBC_CONNECTION_URL": "jdbc:mysql://h/d"})),
            ("JDBC", json!({"HOST": "h", "PORT": "5432", "SECRET_ID": "s"})),
            ("MONGODB", json!({"SECRET_ID": "s"})),
            ("KAFKA", json!({"KAFKA_SSL_ENABLED": "true"})),
            ("NETWORK", json!({})),
            ("MARKETPLACE", json!({"CONNECTOR_TYPE": "JDBC"})),
            (
                "MARKETPLACE",
                json!({"CONNECTOR_TYPE": "Jdbc", "CONNECTOR_URL": "x", "CONNECTOR_CLASS_NAME": "x", "CONNECTION_URL": "x"}),
            ),
            ("MYSQL", json!({"HOST": "h", "PORT": "3306", "DATABASE": "d"})),
            ("ZENDESK", json!({})),
        ] {
            assert_eq!(of(kind, properties), ["M340"], "{kind}");
        }
        let summary = |kind: &str| {
            let json = json!({"ConnectionInput": {"Name": "orders", "ConnectionType": kind}});
            check(Value::from(json).as_map().unwrap()).pop().map(|found| (found.summary, found.warning))
        };
        assert_eq!(
            summary("MONGODB"),
            Some((
                "a connection of type MONGODB needs `CONNECTION_URL`, `SECRET_ID` (or `USERNAME` and `PASSWORD`) in \
                 `ConnectionProperties`"
                    .to_owned(),
                false
            ))
        );
        assert!(summary("MYSQL").is_some_and(|(_, warning)| !warning));
        assert!(summary("ZENDESK").is_some_and(|(_, warning)| warning));
    }

    #[test]
    fn a_network_and_a_type_that_signs_in_are_sound() {
        let network = json!({"ConnectionInput": {
            "Name": "vpc", "ConnectionType": "NETWORK", "PhysicalConnectionRequirements": {"SubnetId": "subnet-1"}}});
        assert_eq!(findings(network), []);
        let mysql = json!({"ConnectionInput": {
            "Name": "orders", "ConnectionType": "MYSQL",
            "ConnectionProperties": {"HOST": "h", "PORT": "3306", "DATABASE": "d"},
            "AuthenticationConfiguration": {"AuthenticationType": "BASIC", "SecretArn": "arn:aws:secretsmanager:x"}}});
        assert_eq!(findings(mysql), []);
    }

    #[test]
    fn an_unknown_type_is_a_warning() {
        let unknown = findings(json!({"ConnectionInput": {"Name": "orders", "ConnectionType": "MYSLQ"}}));
        assert_eq!(unknown, [("M341".to_owned(), "/ConnectionInput/ConnectionType".to_owned(), true)]);
        let help =
            check(Value::from(json!({"ConnectionInput": {"Name": "a", "ConnectionType": "MYSLQ"}})).as_map().unwrap());
        assert_eq!(help[0].help.as_deref(), Some("did you mean `MYSQL`?"));
        assert_eq!(of("SFTP", json!({})), ["M341"]);
    }

    #[test]
    fn values_and_alternatives_are_checked() {
        let sound = |more: serde_json::Value| {
            let mut properties = json!({"JDBC_CONNECTION_URL": "jdbc:mysql://h/d", "SECRET_ID": "s"});
            properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            of("JDBC", properties)
        };
        assert_eq!(sound(json!({"PORT": "80"})), ["M342"]);
        assert_eq!(sound(json!({"PORT": "x"})), ["M342"]);
        assert_eq!(sound(json!({"ENCRYPTED_PASSWORD": "AQ"})), ["M345"]);
        assert_eq!(sound(json!({"USERNAME": "u", "PASSWORD": "p"})), ["M344"]);
        assert_eq!(of("KAFKA", json!({"KAFKA_BOOTSTRAP_SERVERS": "b", "KAFKA_SASL_MECHANISM": "SCRAM"})), ["M348"]);
        let named = json!({"ConnectionInput": {"Name": "123456789012:orders", "ConnectionType": "CUSTOM"}});
        assert_eq!(findings(named)[0].0, "M347");
    }

    #[test]
    fn only_a_password_that_is_written_down_is_warned_of() {
        let with = |source: &'static str| {
            let properties = Map::from_iter([
                ("JDBC_CONNECTION_URL".to_owned(), Value::from("jdbc:mysql://h/d")),
                ("USERNAME".to_owned(), "u".into()),
                ("PASSWORD".to_owned(), Value::Secret(Secret::new(source, "hunter2".to_owned()))),
            ]);
            let input = Map::from_iter([
                ("Name".to_owned(), Value::from("orders")),
                ("ConnectionType".to_owned(), "JDBC".into()),
                ("ConnectionProperties".to_owned(), properties.into()),
            ]);
            check(&Map::from_iter([("ConnectionInput".to_owned(), input.into())]))
        };
        let found = with(LITERAL);
        assert_eq!((found.len(), found[0].code, found[0].warning), (1, "M343", true));
        assert!(found[0].help.as_deref().is_some_and(|help| help.contains("SECRET_ID")));
        assert!(!format!("{found:?}").contains("hunter2"));
        assert!(with("env:PASSWORD").is_empty());
    }

    #[test]
    fn credentials_fit_their_type_of_authentication() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders";
        let auth = |json: serde_json::Value| -> Vec<(String, String)> {
            let input = json!({"Name": "orders", "ConnectionType": "MYSQL", "AuthenticationConfiguration": json});
            let found = findings(json!({ "ConnectionInput": input }));
            found.into_iter().map(|(code, pointer, _)| (code, pointer.replace(AUTHENTICATION, ""))).collect()
        };
        let basic = json!({"Username": "u", "Password": "p"});
        assert_eq!(auth(json!({"AuthenticationType": "BASIC", "SecretArn": arn})), []);
        assert_eq!(auth(json!({"AuthenticationType": "BASIC", "BasicAuthenticationCredentials": basic})), []);
        assert_eq!(auth(json!({"AuthenticationType": "IAM"})), []);
        let kind = [("M346".to_owned(), "/AuthenticationType".to_owned())];
        assert_eq!(auth(json!({"AuthenticationType": "BASIC"})), kind);
        assert_eq!(auth(json!({"AuthenticationType": "OAUTH2", "SecretArn": arn})), kind);
        assert_eq!(auth(json!({"AuthenticationType": "IAM", "OAuth2Properties": {"TokenUrl": "x"}})), kind);
        let both = json!({"AuthenticationType": "BASIC", "SecretArn": arn, "BasicAuthenticationCredentials": basic});
        assert_eq!(auth(both), [("M344".to_owned(), "/SecretArn".to_owned())]);
    }
}
