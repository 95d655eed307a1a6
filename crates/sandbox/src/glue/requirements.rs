//! What each type of connection must have [D].
//!
//! The model requires little; the rest is in the prose of its documentation, and the service answers
//! what is missing by name: `[ConnectionInput.AuthenticationConfiguration is required.]` [I]. The form
//! is taken for all of them [?]. No value is ever repeated.

use serde_json::Value;

use super::{invalid, types};
use crate::operation::{part, required, text};
use crate::wire::Refusal;

/// [D] the mechanisms of a KAFKA connection.
const MECHANISMS: [&str; 4] = ["SCRAM-SHA-512", "GSSAPI", "AWS_MSK_IAM", "PLAIN"];

/// Checks a connection's input, which stands under a name in the request.
pub(super) fn check(under: &str, input: &Value) -> Result<(), Refusal> {
    let mut missing = Missing { under, input, texts: Vec::new() };
    match required(input, "ConnectionType") {
        "SFTP" => return Err(invalid("Connection type SFTP is not supported.")),
        "JDBC" => {
            missing.either("JDBC_CONNECTION_URL", &["HOST", "PORT", "JDBC_ENGINE"]);
            missing.credentials();
            missing.port();
        }
        "MONGODB" => {
            missing.properties(&["CONNECTION_URL"]);
            missing.credentials();
        }
        "KAFKA" => {
            missing.properties(&["KAFKA_BOOTSTRAP_SERVERS"]);
            missing.mechanism();
        }
        "NETWORK" => missing.member("PhysicalConnectionRequirements"),
        "MARKETPLACE" => {
            missing.properties(&["CONNECTOR_TYPE", "CONNECTOR_URL", "CONNECTOR_CLASS_NAME", "CONNECTION_URL"]);
            let of_jdbc = |kind: &str| kind.eq_ignore_ascii_case("JDBC");
            if missing.property("CONNECTOR_TYPE").is_some_and(of_jdbc) {
                missing.credentials();
            }
        }
        kind if types::must_authenticate(kind) => missing.member("AuthenticationConfiguration"),
        _ => {}
    }
    if let Some(authentication) = part(input, "AuthenticationConfiguration") {
        missing.authentication(authentication);
    }
    if missing.texts.is_empty() {
        return Ok(());
    }
    Err(invalid(format!("[{}]", missing.texts.join(", "))))
}

struct Missing<'a> {
    under: &'a str,
    input: &'a Value,
    texts: Vec<String>,
}

impl Missing<'_> {
    fn property(&self, key: &str) -> Option<&str> {
        text(part(self.input, "ConnectionProperties")?, key)
    }

    fn say(&mut self, what: &str) {
        self.texts.push(format!("{}.{what}", self.under));
    }

    fn member(&mut self, member: &str) {
        if part(self.input, member).is_none() {
            self.say(&format!("{member} is required."));
        }
    }

    fn properties(&mut self, keys: &[&str]) {
        for key in keys {
            if self.property(key).is_none() {
                self.say(&format!("ConnectionProperties.{key} is required."));
            }
        }
    }

    /// One property, or all of the others: of these it names the missing ones once one is there.
    fn either(&mut self, one: &str, all: &[&str]) {
        if self.property(one).is_some() {
            return;
        }
        if all.iter().any(|key| self.property(key).is_some()) {
            self.properties(all);
        } else {
            let all = all.join(", ");
            self.say(&format!("ConnectionProperties.{one} or all of ({all}) is required."));
        }
    }

    /// [D] a user with a password, or a secret; [?] an authentication configuration, or a password that
    /// the service encrypted, will do as well.
    fn credentials(&mut self) {
        let sealed = self.property("ENCRYPTED_PASSWORD").is_some();
        if part(self.input, "AuthenticationConfiguration").is_none() && !(sealed && self.property("USERNAME").is_some())
        {
            self.either("SECRET_ID", &["USERNAME", "PASSWORD"]);
        }
    }

    /// [D] the range of ports.
    fn port(&mut self) {
        let port = self.property("PORT").map(str::parse::<u16>);
        if port.is_some_and(|port| !port.is_ok_and(|port| port >= 1024)) {
            self.say("ConnectionProperties.PORT must be between 1024 and 65535.");
        }
    }

    fn mechanism(&mut self) {
        let mechanism = self.property("KAFKA_SASL_MECHANISM");
        if mechanism.is_some_and(|it| !MECHANISMS.contains(&it)) {
            let all = MECHANISMS.join(", ");
            self.say(&format!("ConnectionProperties.KAFKA_SASL_MECHANISM must be one of [{all}]."));
        }
    }

    /// [D] credentials, or the secret that has them; [?] that both are refused.
    fn authentication(&mut self, given: &Value) {
        let secret = text(given, "SecretArn").is_some();
        let oauth = part(given, "OAuth2Properties");
        let (inline, complete) = match text(given, "AuthenticationType") {
            None => return self.lacks("AuthenticationType"),
            Some("BASIC") => {
                let basic = part(given, "BasicAuthenticationCredentials");
                if let Some(basic) = basic {
                    for member in ["Username", "Password"] {
                        if text(basic, member).is_none() {
                            self.lacks(&format!("BasicAuthenticationCredentials.{member}"));
                        }
                    }
                }
                ("BasicAuthenticationCredentials", basic.is_some())
            }
            Some("CUSTOM") => {
                let custom = part(given, "CustomAuthenticationCredentials");
                ("CustomAuthenticationCredentials", custom.is_some())
            }
            Some("OAUTH2") => {
                let Some(oauth) = oauth else {
                    return self.lacks("OAuth2Properties");
                };
                let inline = part(oauth, "OAuth2Credentials").is_some();
                let by_code = part(oauth, "AuthorizationCodeProperties")
                    .is_some_and(|code| text(code, "AuthorizationCode").is_some());
                match text(oauth, "OAuth2GrantType") {
                    None => return self.lacks("OAuth2Properties.OAuth2GrantType"),
                    // A code comes beside a secret, which has the client's part.
                    Some("AUTHORIZATION_CODE") if by_code && !inline => return,
                    Some(_) => ("OAuth2Properties.OAuth2Credentials", inline),
                }
            }
            // [D] IAM needs none.
            Some(_) => return,
        };
        match (secret, complete) {
            (false, false) => self.lacks(&format!("SecretArn or {inline}")),
            (true, true) => {
                self.say(&format!("AuthenticationConfiguration: SecretArn and {inline} exclude each other."));
            }
            _ => {}
        }
    }

    fn lacks(&mut self, what: &str) {
        self.say(&format!("AuthenticationConfiguration.{what} is required."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(kind: &str, more: Value) -> String {
        let mut input = json!({"ConnectionType": kind, "ConnectionProperties": {}});
        for (member, value) in more.as_object().unwrap() {
            input[member] = value.clone();
        }
        let refusal = check("ConnectionInput", &input).err();
        refusal.map_or_else(String::new, |it| it.message)
    }

    fn properties(kind: &str, properties: Value) -> String {
        refusal(kind, json!({"ConnectionProperties": properties}))
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            properties("JDBC", json!({})),
            "[ConnectionInput.ConnectionProperties.JDBC_CONNECTION_URL or all of (HOST, PORT, JDBC_ENGINE) is \
             required., ConnectionInput.ConnectionProperties.SECRET_ID or all of (USERNAME, PASSWORD) is required.]"
        );
        assert_eq!(
            properties("JDBC", json!({"HOST": "h", "JDBC_ENGINE": "mysql", "USERNAME": "u"})),
            "[ConnectionInput.ConnectionProperties.PORT is required., \
             ConnectionInput.ConnectionProperties.PASSWORD is required.]"
        );
        assert_eq!(refusal("MYSQL", json!({})), "[ConnectionInput.AuthenticationConfiguration is required.]");
        assert_eq!(refusal("NETWORK", json!({})), "[ConnectionInput.PhysicalConnectionRequirements is required.]");
        assert!(properties("MONGODB", json!({"SECRET_ID": "s"})).contains("CONNECTION_URL"));
        assert!(properties("KAFKA", json!({})).contains("KAFKA_BOOTSTRAP_SERVERS"));
        let connector = json!({"CONNECTOR_TYPE": "Jdbc", "CONNECTOR_URL": "u",
            "CONNECTOR_CLASS_NAME": "c", "CONNECTION_URL": "u"});
        assert!(properties("MARKETPLACE", connector).contains("SECRET_ID"));
        assert!(properties("SFTP", json!({})).contains("not supported"));
    }

    #[test]
    fn what_is_complete_passes() {
        let url = json!({"JDBC_CONNECTION_URL": "jdbc:mysql://h/d", "SECRET_ID": "s"});
        assert_eq!(properties("JDBC", url), "");
        let parts = json!({"HOST": "h", "PORT": "3306", "JDBC_ENGINE": "mysql", "USERNAME": "u", "PASSWORD": "p"});
        assert_eq!(properties("JDBC", parts), "");
        let network = json!({"PhysicalConnectionRequirements": {"SubnetId": "subnet-1"}});
        assert_eq!(refusal("NETWORK", network), "");
        assert_eq!(properties("SNOWFLAKE", json!({"SparkProperties": "{}"})), "");
        assert_eq!(properties("CUSTOM", json!({})), "");
    }

    #[test]
    fn values_have_their_limits_and_are_not_repeated() {
        let port =
            |port: &str| properties("JDBC", json!({"HOST": "h", "PORT": port, "JDBC_ENGINE": "e", "SECRET_ID": "s"}));
        assert!(port("80").contains("1024") && port("hunter2").contains("1024"));
        assert!(!port("hunter2").contains("hunter2") && port("5432").is_empty());
        let kafka = json!({"KAFKA_BOOTSTRAP_SERVERS": "b:9092", "KAFKA_SASL_MECHANISM": "hunter2"});
        assert!(properties("KAFKA", kafka).contains("[SCRAM-SHA-512, GSSAPI"));
    }

    #[test]
    fn an_authentication_has_one_source_of_credentials() {
        let with = |authentication| refusal("MYSQL", json!({"AuthenticationConfiguration": authentication}));
        let secret = "arn:aws:secretsmanager:r:a:secret:s";
        let inline = json!({"Username": "u", "Password": "p"});
        assert!(with(json!({})).contains("AuthenticationType is required"));
        assert!(
            with(json!({"AuthenticationType": "BASIC"}))
                .contains("SecretArn or BasicAuthenticationCredentials is required")
        );
        assert_eq!(with(json!({"AuthenticationType": "BASIC", "SecretArn": secret})), "");
        assert!(
            with(json!({"AuthenticationType": "BASIC", "SecretArn": secret,
                "BasicAuthenticationCredentials": inline}))
            .contains("exclude")
        );
        assert!(
            with(json!({"AuthenticationType": "BASIC",
                "BasicAuthenticationCredentials": {"Username": "u"}}))
            .contains("BasicAuthenticationCredentials.Password is required")
        );
        assert!(with(json!({"AuthenticationType": "OAUTH2"})).contains("OAuth2Properties"));
        let oauth = |properties| with(json!({"AuthenticationType": "OAUTH2", "OAuth2Properties": properties}));
        assert!(oauth(json!({})).contains("OAuth2GrantType is required"));
        assert!(oauth(json!({"OAuth2GrantType": "CLIENT_CREDENTIALS"})).contains("OAuth2Credentials"));
        assert_eq!(
            oauth(json!({"OAuth2GrantType": "AUTHORIZATION_CODE",
                "AuthorizationCodeProperties": {"AuthorizationCode": "c"}})),
            ""
        );
        assert_eq!(with(json!({"AuthenticationType": "IAM"})), "");
    }
}
