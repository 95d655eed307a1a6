//! Credentials inside of other texts: addresses of databases that carry a user's password.
//!
//! Two goals pull in different directions: a password in a JDBC address must never be shown, and an address without one
//! should stay readable in a plan. So the text is looked at. What is found is decided by form alone (`user:password@`,
//! `password=…`), generously: an address that is masked for nothing costs a line in a diff. A placeholder (`${password}`),
//! which Glue's connectors fill in from a secret, is no credential.

/// Words that are followed by a credential, as the end of a parameter's name; lower case.
const WORDS: [&str; 15] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "credentials",
    "apikey",
    "api_key",
    "accesskey",
    "access_key",
    "privatekey",
    "private_key",
    "signature",
    "sas_key",
];

/// Whether a name says that its value is a credential: `sfPassword`, `client_secret`; not `secretId`.
pub fn names_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.ends_with(word))
}

/// Whether a text carries a credential.
pub fn holds_credentials(text: &str) -> bool {
    !credentials_in(text).is_empty()
}

/// The credentials that a text carries, without what is around them.
pub fn credentials_in(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    of_authority(text, &mut found);
    of_oracle(text, &mut found);
    of_parameters(text, &mut found);
    found.retain(|credential| !credential.is_empty() && !credential.starts_with("${"));
    found
}

/// Whether an address names a user, with or without a password: `https://user:password@host`. RFC 3986, section 3.2.1.
pub fn names_user(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // A password that nobody encoded may hold any of `/?#`: then what looks like a port is no number.
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let broken = !authority.ends_with(']') && port.bytes().any(|byte| !byte.is_ascii_digit());
    authority.contains('@') || (broken && rest.contains('@'))
}

/// `scheme://user:password@host`. RFC 3986, section 3.2.1.
fn of_authority<'a>(text: &'a str, found: &mut Vec<&'a str>) {
    for (at, _) in text.match_indices("://") {
        let rest = &text[at + 3..];
        // A password that nobody encoded may hold any of `/?#`, so the last `@` before the next blank ends it.
        let authority = rest.split([' ', '\t', '"', '\'', ',', ';']).next().unwrap_or(rest);
        let Some((user, _)) = authority.rsplit_once('@') else { continue };
        if let Some((_, password)) = user.split_once(':') {
            found.push(password);
        }
    }
}

/// `jdbc:oracle:thin:user/password@host`.
fn of_oracle<'a>(text: &'a str, found: &mut Vec<&'a str>) {
    for driver in [":thin:", ":oci:"] {
        let Some((_, rest)) = text.split_once(driver) else { continue };
        let Some((user, _)) = rest.rsplit_once('@') else { continue };
        if let Some((_, password)) = user.trim_start_matches('/').split_once('/') {
            found.push(password);
        }
    }
}

/// `password=…`, `"password": "…"`, and longer names that end so.
fn of_parameters<'a>(text: &'a str, found: &mut Vec<&'a str>) {
    let lower = text.to_ascii_lowercase();
    for word in WORDS {
        for (at, _) in lower.match_indices(word) {
            // ASCII lower case keeps every position.
            let behind = &text[at + word.len()..];
            let rest = behind.trim_start_matches(['"', '\'', ' ', '\t']);
            // A colon alone is no sign: ARNs have `:secret:` in them.
            let json = behind.starts_with(['"', '\'']).then(|| rest.strip_prefix(':')).flatten();
            let Some(rest) = rest.strip_prefix('=').or(json) else { continue };
            let rest = rest.trim_start_matches([' ', '\t']);
            let value = match rest.chars().next() {
                Some(quote @ ('"' | '\'')) => rest[1..].split(quote).next().unwrap_or_default(),
                _ => rest.split(['&', ';', ',', ' ', ')', '}']).next().unwrap_or_default(),
            };
            found.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_a_password_are_found() {
        for (text, credential) in [
            ("mongodb://svc:hunter2@db.example.com:27017/orders", "hunter2"),
            ("mongodb://svc:hun/t@er2@db.example.com:27017/orders", "hun/t@er2"),
            ("jdbc:mysql://svc:hunter2@db.example.com/orders", "hunter2"),
            ("jdbc:postgresql://db.example.com/orders?user=svc&password=hunter2", "hunter2"),
            ("jdbc:sqlserver://db.example.com:1433;databaseName=orders;Password=hunter2;", "hunter2"),
            ("jdbc:sqlserver://db.example.com:1433;trustStorePassword = hunter2;", "hunter2"),
            ("jdbc:oracle:thin:svc/hunter2@db.example.com:1521:orders", "hunter2"),
            ("jdbc:oracle:thin:svc/hunter2@//db.example.com:1521/orders", "hunter2"),
            ("{\"sfUser\": \"svc\", \"sfPassword\": \"hun ter2\"}", "hun ter2"),
        ] {
            assert!(credentials_in(text).contains(&credential), "{text}: {:?}", credentials_in(text));
        }
    }

    #[test]
    fn names_say_what_their_values_are() {
        for name in ["password", "sfPassword", "KAFKA_SASL_PLAIN_PASSWORD", "client_secret", "refresh_token"] {
            assert!(names_credential(name), "{name}");
        }
        for name in ["secretId", "SECRET_ID", "PASSWORD_FILE_URI", "USERNAME", "JDBC_ENFORCE_SSL"] {
            assert!(!names_credential(name), "{name}");
        }
    }

    #[test]
    fn addresses_without_one_stay_readable() {
        for text in [
            "jdbc:postgresql://db.example.com:5432/orders?ssl=true",
            "jdbc:oracle:thin:@db.example.com:1521:orders",
            "jdbc:oracle:thin://@db.example.com:1521/orders",
            "mongodb://svc@db.example.com/orders",
            "jdbc:snowflake://db.example.com/?user=${Username}&password=${Password}",
            "jdbc:mysql://${user}:${password}@db.example.com/orders",
            "s3://drivers/secret-drivers/password.jar",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-AbCdEf",
            "orders/warehouse",
            "",
        ] {
            assert!(!holds_credentials(text), "{text}: {:?}", credentials_in(text));
        }
    }
}
