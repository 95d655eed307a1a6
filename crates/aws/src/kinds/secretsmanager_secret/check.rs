//! Rules that the schema cannot say.

use trueup_engine::kind::Finding;
use trueup_engine::value::{Map, Value};

use crate::kinds::fields::not_a_key;

/// Checks the properties of a secret.
pub(super) fn check(properties: &Map) -> Vec<Finding> {
    let mut findings = Vec::new();
    let given = |name: &str| properties.get(name).is_some_and(|value| !value.is_null());
    if given("SecretString") && given("GenerateSecretString") {
        findings.push(error(
            "M350",
            "/GenerateSecretString",
            "`SecretString` and `GenerateSecretString` both say what the value is".to_owned(),
            "keep the one that you use and remove the other",
        ));
    }
    if let Some(Value::Map(generate)) = properties.get("GenerateSecretString") {
        check_template(generate, &mut findings);
    }
    if let Some(days @ 1..=6) = properties.get("RecoveryWindowInDays").and_then(Value::as_i64) {
        findings.push(error(
            "M352",
            "/RecoveryWindowInDays",
            format!("a secret cannot be kept for {days} days after its deletion"),
            "give 7 to 30, or 0 to delete it at once",
        ));
    }
    if let Some(name) = properties.get("Name").and_then(Value::as_str)
        && ends_as_an_arn(name)
    {
        findings.push(Finding {
            warning: true,
            ..error(
                "M353",
                "/Name",
                format!("`{name}` ends in a hyphen and six characters, as the ARN of a secret does"),
                "a name that ends otherwise is never taken for part of an ARN",
            )
        });
    }
    findings.extend(not_a_key(properties, "KmsKeyId"));
    findings
}

fn error(code: &'static str, pointer: &str, summary: String, help: &str) -> Finding {
    Finding { code, pointer: pointer.to_owned(), on_key: false, summary, help: Some(help.to_owned()), warning: false }
}

fn check_template(generate: &Map, findings: &mut Vec<Finding>) {
    let template = generate.get("SecretStringTemplate");
    let at = "/GenerateSecretString";
    if template.is_some() != generate.contains_key("GenerateStringKey") {
        findings.push(error(
            "M351",
            at,
            "`SecretStringTemplate` and `GenerateStringKey` go together".to_owned(),
            "give both, to get a JSON object with the password in it, or none, to get the password alone",
        ));
    }
    if let Some(template) = template.and_then(Value::as_str)
        && !serde_json::from_str::<serde_json::Value>(template).is_ok_and(|template| template.is_object())
    {
        findings.push(error(
            "M351",
            "/GenerateSecretString/SecretStringTemplate",
            "`SecretStringTemplate` is no JSON object".to_owned(),
            "write an object as a text: '{\"username\": \"svc\"}'",
        ));
    }
}

fn ends_as_an_arn(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(before, end)| {
        !before.is_empty() && end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(properties: serde_json::Value) -> Vec<(&'static str, bool)> {
        let properties = Value::from(properties).as_map().cloned().unwrap();
        check(&properties).into_iter().map(|finding| (finding.code, finding.warning)).collect()
    }

    #[test]
    fn a_value_comes_from_one_place() {
        assert_eq!(codes(json!({"SecretString": "a", "GenerateSecretString": {}})), [("M350", false)]);
        assert_eq!(codes(json!({"Name": "orders/db", "SecretString": {"a": "b"}, "KmsKeyId": "alias/a"})), []);
        assert_eq!(codes(json!({"GenerateSecretString": {"SecretStringTemplate": "{}"}})), [("M351", false)]);
        assert_eq!(
            codes(json!({"GenerateSecretString": {"SecretStringTemplate": "[]", "GenerateStringKey": "p"}})),
            [("M351", false)]
        );
    }

    #[test]
    fn windows_names_and_keys_are_checked() {
        assert_eq!(codes(json!({"RecoveryWindowInDays": 3})), [("M352", false)]);
        assert_eq!(codes(json!({"RecoveryWindowInDays": 0})), []);
        assert_eq!(codes(json!({"Name": "orders-AbCd12"})), [("M353", true)]);
        assert_eq!(codes(json!({"Name": "orders-abc"})), []);
        assert_eq!(codes(json!({"KmsKeyId": "orders"})), [("M335", false)]);
    }
}
