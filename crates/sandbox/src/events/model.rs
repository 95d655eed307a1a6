//! The inputs of EventBridge's operations, after the service model [M].

use crate::shape::{Member, Pattern, Shape, Text, may, must};

const fn text(min: usize, max: usize, pattern: &'static Pattern) -> Shape {
    Shape::Str(Text::new(min, max).pattern(pattern))
}

const fn secret(min: usize, max: usize, pattern: &'static Pattern) -> Shape {
    Shape::Str(Text::new(min, max).pattern(pattern).sensitive())
}

static NAME_PATTERN: Pattern =
    Pattern { text: r"[\.\-_A-Za-z0-9]+", matches: |text| !text.is_empty() && text.chars().all(is_name) };
/// The model's `^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$`: no control character but
/// tabs, no colon, and not tabs alone.
static AUTH_PATTERN: Pattern = Pattern {
    text: r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$",
    matches: |text| {
        let plain = |c: char| !is_control(c) && c != ':';
        text.chars().all(|c| c == '\t' || plain(c)) && text.chars().any(plain)
    },
};
static HEADER_KEY_PATTERN: Pattern = Pattern {
    text: r"^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$",
    // `+-.` is a range: plus, comma, minus and dot.
    matches: |text| {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+,-.^_`|~".contains(c);
        !text.is_empty() && text.chars().all(token)
    },
};
static HEADER_VALUE_PATTERN: Pattern = Pattern {
    text: r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$",
    matches: |text| {
        let plain = |c: char| (' '..='~').contains(&c);
        text.chars().all(|c| c == '\t' || plain(c)) && text.chars().any(plain)
    },
};
static QUERY_KEY_PATTERN: Pattern =
    Pattern { text: r"[^\x00-\x1F\x7F]+", matches: |text| !text.is_empty() && !text.chars().any(is_control) };
static QUERY_VALUE_PATTERN: Pattern = Pattern {
    text: r"[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+",
    matches: |text| !text.is_empty() && !text.chars().any(|c| is_control(c) && c != '\n' && c != '\r'),
};
static ENDPOINT_PATTERN: Pattern =
    Pattern { text: r"^((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\x26=+$,A-Za-z0-9])+)([).!';/?:,])?$", matches: is_endpoint };
static RESOURCE_PATTERN: Pattern = Pattern {
    text: r"^(?:^arn:[a-z0-9\-]+:vpc-lattice:[a-zA-Z0-9\-]+:\d{12}:resourceconfiguration/rcfg-[0-9a-z]{17}$|^$)",
    matches: is_resource_configuration,
};
static KEY_PATTERN: Pattern = Pattern {
    text: r"^[a-zA-Z0-9_\-/:]*$",
    matches: |text| text.chars().all(|c| c.is_ascii_alphanumeric() || "_-/:".contains(c)),
};
static CONNECTION_ARN_PATTERN: Pattern = Pattern {
    text: r"^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:connection\/[\.\-_A-Za-z0-9]+\/[\-A-Za-z0-9]+$",
    matches: is_connection_arn,
};

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

fn is_control(c: char) -> bool {
    c <= '\x1F' || c == '\x7F'
}

fn is_endpoint(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let hex = bytes.get(at + 1..at + 3);
            if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                return false;
            }
            at += 3;
        } else if bytes[at].is_ascii_alphanumeric() || b"-()_.!~*';/?:@&=+$,".contains(&bytes[at]) {
            at += 1;
        } else {
            return false;
        }
    }
    !bytes.is_empty()
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_resource_configuration(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else {
        return false;
    };
    let lower = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let id = resource.strip_prefix("resourceconfiguration/rcfg-").unwrap_or_default();
    arn == "arn"
        && !partition.is_empty()
        && lower(partition)
        && service == "vpc-lattice"
        && !region.is_empty()
        && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && is_account(account)
        && id.len() == 17
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_connection_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else {
        return false;
    };
    let path: Vec<&str> = resource.split('/').collect();
    let [kind, name, id] = path[..] else {
        return false;
    };
    let dashed = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    arn == "arn"
        && partition.strip_prefix("aws").is_some_and(dashed)
        && service == "events"
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && (account.is_empty() || is_account(account))
        && kind == "connection"
        && !name.is_empty()
        && name.chars().all(is_name)
        && !id.is_empty()
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

static NAME: Shape = text(1, 64, &NAME_PATTERN);
static DESCRIPTION: Shape = Shape::Str(Text::new(0, 512));
// [L] the order of the values
static AUTHORIZATION: Shape = Shape::Str(Text::one_of(&["BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY"]));
static AUTH: Shape = text(1, 512, &AUTH_PATTERN);
static AUTH_SECRET: Shape = secret(1, 512, &AUTH_PATTERN);
static ENDPOINT: Shape = text(1, 2048, &ENDPOINT_PATTERN);
static OAUTH_METHOD: Shape = Shape::Str(Text::one_of(&["GET", "POST", "PUT"]));
static BOOLEAN: Shape = Shape::Bool;
static KMS_KEY: Shape = text(0, 2048, &KEY_PATTERN);
static RESOURCE_ARN: Shape = text(0, 2048, &RESOURCE_PATTERN);
static RESOURCE: Shape = Shape::Struct(&[must("ResourceConfigurationArn", &RESOURCE_ARN)]);
static CONNECTIVITY: Shape = Shape::Struct(&[must("ResourceParameters", &RESOURCE)]);

static HEADER_KEY: Shape = text(0, 512, &HEADER_KEY_PATTERN);
static HEADER_VALUE: Shape = secret(0, 512, &HEADER_VALUE_PATTERN);
static HEADER: Shape =
    parameter(&[may("Key", &HEADER_KEY), may("Value", &HEADER_VALUE), may("IsValueSecret", &BOOLEAN)]);
static QUERY_KEY: Shape = text(0, 512, &QUERY_KEY_PATTERN);
static QUERY_VALUE: Shape = secret(0, 512, &QUERY_VALUE_PATTERN);
static QUERY: Shape = parameter(&[may("Key", &QUERY_KEY), may("Value", &QUERY_VALUE), may("IsValueSecret", &BOOLEAN)]);
static BODY_KEY: Shape = Shape::Str(Text::new(0, usize::MAX));
static BODY_VALUE: Shape = Shape::Str(Text::new(0, usize::MAX).sensitive());
static BODY: Shape = parameter(&[may("Key", &BODY_KEY), may("Value", &BODY_VALUE), may("IsValueSecret", &BOOLEAN)]);
static HEADERS: Shape = parameters(&HEADER);
static QUERIES: Shape = parameters(&QUERY);
static BODIES: Shape = parameters(&BODY);
static HTTP: Shape = Shape::Struct(&[
    may("HeaderParameters", &HEADERS),
    may("QueryStringParameters", &QUERIES),
    may("BodyParameters", &BODIES),
]);

const fn parameter(members: &'static [Member]) -> Shape {
    Shape::Struct(members)
}

const fn parameters(of: &'static Shape) -> Shape {
    Shape::List { of, min: 0, max: 100 }
}

static CREATE_BASIC: Shape = Shape::Struct(&[must("Username", &AUTH), must("Password", &AUTH_SECRET)]);
static CREATE_API_KEY: Shape = Shape::Struct(&[must("ApiKeyName", &AUTH), must("ApiKeyValue", &AUTH_SECRET)]);
static CREATE_CLIENT: Shape = Shape::Struct(&[must("ClientID", &AUTH), must("ClientSecret", &AUTH_SECRET)]);
static CREATE_OAUTH: Shape = Shape::Struct(&[
    must("ClientParameters", &CREATE_CLIENT),
    must("AuthorizationEndpoint", &ENDPOINT),
    must("HttpMethod", &OAUTH_METHOD),
    may("OAuthHttpParameters", &HTTP),
]);
static CREATE_AUTH: Shape = Shape::Struct(&[
    may("BasicAuthParameters", &CREATE_BASIC),
    may("OAuthParameters", &CREATE_OAUTH),
    may("ApiKeyAuthParameters", &CREATE_API_KEY),
    may("InvocationHttpParameters", &HTTP),
    may("ConnectivityParameters", &CONNECTIVITY),
]);

static UPDATE_BASIC: Shape = Shape::Struct(&[may("Username", &AUTH), may("Password", &AUTH_SECRET)]);
static UPDATE_API_KEY: Shape = Shape::Struct(&[may("ApiKeyName", &AUTH), may("ApiKeyValue", &AUTH_SECRET)]);
static UPDATE_CLIENT: Shape = Shape::Struct(&[may("ClientID", &AUTH), may("ClientSecret", &AUTH_SECRET)]);
static UPDATE_OAUTH: Shape = Shape::Struct(&[
    may("ClientParameters", &UPDATE_CLIENT),
    may("AuthorizationEndpoint", &ENDPOINT),
    may("HttpMethod", &OAUTH_METHOD),
    may("OAuthHttpParameters", &HTTP),
]);
static UPDATE_AUTH: Shape = Shape::Struct(&[
    may("BasicAuthParameters", &UPDATE_BASIC),
    may("OAuthParameters", &UPDATE_OAUTH),
    may("ApiKeyAuthParameters", &UPDATE_API_KEY),
    may("InvocationHttpParameters", &HTTP),
    may("ConnectivityParameters", &CONNECTIVITY),
]);

pub(super) static NAME_ONLY: Shape = Shape::Struct(&[must("Name", &NAME)]);
pub(super) static CREATE_CONNECTION: Shape = Shape::Struct(&[
    must("Name", &NAME),
    may("Description", &DESCRIPTION),
    must("AuthorizationType", &AUTHORIZATION),
    must("AuthParameters", &CREATE_AUTH),
    may("InvocationConnectivityParameters", &CONNECTIVITY),
    may("KmsKeyIdentifier", &KMS_KEY),
]);
pub(super) static UPDATE_CONNECTION: Shape = Shape::Struct(&[
    must("Name", &NAME),
    may("Description", &DESCRIPTION),
    may("AuthorizationType", &AUTHORIZATION),
    may("AuthParameters", &UPDATE_AUTH),
    may("InvocationConnectivityParameters", &CONNECTIVITY),
    may("KmsKeyIdentifier", &KMS_KEY),
]);

static STATE: Shape = Shape::Str(Text::one_of(&[
    "CREATING",
    "UPDATING",
    "DELETING",
    "AUTHORIZED",
    "DEAUTHORIZED",
    "AUTHORIZING",
    "DEAUTHORIZING",
    "ACTIVE",
    "FAILED_CONNECTIVITY",
]));
static TOKEN: Shape = Shape::Str(Text::new(1, 2048));
static LIMIT: Shape = Shape::Int { min: 1, max: 100 };
pub(super) static LIST_CONNECTIONS: Shape = Shape::Struct(&[
    may("NamePrefix", &NAME),
    may("ConnectionState", &STATE),
    may("NextToken", &TOKEN),
    may("Limit", &LIMIT),
]);

static CONNECTION_ARN: Shape = text(1, 1600, &CONNECTION_ARN_PATTERN);
// [L] the order of the values
static METHOD: Shape = Shape::Str(Text::one_of(&["HEAD", "POST", "PATCH", "DELETE", "PUT", "GET", "OPTIONS"]));
static RATE: Shape = Shape::Int { min: 1, max: i64::MAX };
pub(super) static CREATE_DESTINATION: Shape = Shape::Struct(&[
    must("Name", &NAME),
    may("Description", &DESCRIPTION),
    must("ConnectionArn", &CONNECTION_ARN),
    must("InvocationEndpoint", &ENDPOINT),
    must("HttpMethod", &METHOD),
    may("InvocationRateLimitPerSecond", &RATE),
]);
pub(super) static UPDATE_DESTINATION: Shape = Shape::Struct(&[
    must("Name", &NAME),
    may("Description", &DESCRIPTION),
    may("ConnectionArn", &CONNECTION_ARN),
    may("InvocationEndpoint", &ENDPOINT),
    may("HttpMethod", &METHOD),
    may("InvocationRateLimitPerSecond", &RATE),
]);
pub(super) static LIST_DESTINATIONS: Shape = Shape::Struct(&[
    may("NamePrefix", &NAME),
    may("ConnectionArn", &CONNECTION_ARN),
    may("NextToken", &TOKEN),
    may("Limit", &LIMIT),
]);

#[cfg(test)]
mod tests {
    use super::*;
    use regex_lite::Regex;

    /// Every pattern's function decides as its text does.
    #[test]
    fn functions_agree_with_their_patterns() {
        let samples = [
            "",
            " ",
            "\t",
            " a",
            "a b",
            "a\tb",
            "a:b",
            "a\u{1}",
            "é",
            "orders-prod_1.x",
            "has space",
            "a\nb",
            "a\r",
            "\u{7f}",
            "X-Header",
            "a,b",
            "(x)",
            "https://example.com/a?b=c&d=%2F",
            "https://x/%zz",
            "https://x/{a}",
            "arn:aws:vpc-lattice:us-east-1:123456789012:resourceconfiguration/rcfg-0123456789abcdefg",
            "arn:aws:vpc-lattice:us-east-1:123456789012:resourceconfiguration/rcfg-short",
            "alias/my_key",
            "alias/my key",
            "arn:aws:events:us-east-1:123456789012:connection/orders/0a-1b",
            "arn:aws-cn:events:cn-north-1::connection/orders/0a",
            "arn:aws:events:us-east-1:123456789012:connection/orders",
            "invalid-connection-arn",
        ];
        let patterns = [
            &NAME_PATTERN,
            &AUTH_PATTERN,
            &HEADER_KEY_PATTERN,
            &HEADER_VALUE_PATTERN,
            &QUERY_KEY_PATTERN,
            &QUERY_VALUE_PATTERN,
            &ENDPOINT_PATTERN,
            &RESOURCE_PATTERN,
            &KEY_PATTERN,
            &CONNECTION_ARN_PATTERN,
        ];
        for pattern in patterns {
            // The service matches whole values.
            let regex = Regex::new(&format!("^(?:{})$", pattern.text.replace("\\d", "[0-9]"))).unwrap();
            for sample in samples {
                assert_eq!((pattern.matches)(sample), regex.is_match(sample), "{} on {sample:?}", pattern.text);
            }
        }
    }
}
