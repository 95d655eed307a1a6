//! One sample a kind: what the suite creates, the forms that it is changed into one after the other, and what to break.

use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Cloud as _, Create};
use trueup_engine::kind::Kind;
use trueup_engine::value::Map;

use crate::support::{Bench, CANARY, place, properties};

/// A sample of a kind.
pub struct Sample {
    /// Of which kind.
    pub kind: &'static dyn Kind,
    /// Its name.
    pub identity: &'static str,
    /// The first form is created, the others are reached by updates, and then the first one again.
    pub forms: Vec<Map>,
    /// The operations: describe, list, create, update, delete.
    pub operations: [&'static str; 5],
    /// A list page says all there is.
    pub listed_whole: bool,
    /// What an update leaves out stays.
    pub merges: bool,
}

/// The kind of this name.
pub fn kind(name: &str) -> &'static dyn Kind {
    trueup_aws::registry().find(name).unwrap()
}

/// A sample of every kind; what they need beside them is created.
pub async fn samples(bench: &Bench) -> Vec<Sample> {
    // Asked once a session; what counts calls shall not count this one.
    bench.session.whereabouts(&place()).await.unwrap();
    vec![api_destination(bench).await, connection(), glue_connection()]
}

/// A planted secret.
pub fn secret(name: &str) -> Json {
    json!({"$secret": format!("{CANARY}-{name}")})
}

/// A connection with basic authentication.
pub fn basic(name: &str) -> Map {
    properties(json!({
        "Name": name, "AuthorizationType": "BASIC",
        "AuthParameters": {"BasicAuthParameters": {"Username": "svc", "Password": secret("password")}},
    }))
}

async fn api_destination(bench: &Bench) -> Sample {
    let mut arns = Vec::new();
    for name in ["destination-a", "destination-b"] {
        let desired = basic(name);
        let create = Create { identity: Some(name), desired: &desired };
        let connection = kind("AWS::Events::Connection");
        let written = bench.session.create(connection, &place(), &create).await.unwrap();
        arns.push(written.attributes["Arn"].as_str().unwrap().to_owned());
    }
    let forms = vec![
        properties(json!({
            "Name": "conformance-destination", "Description": "Created", "ConnectionArn": arns[0],
            "InvocationEndpoint": "https://orders.example.com/created", "HttpMethod": "POST",
            "InvocationRateLimitPerSecond": 10,
        })),
        // Takes back the description and the rate.
        properties(json!({
            "Name": "conformance-destination", "ConnectionArn": arns[1],
            "InvocationEndpoint": "https://orders.example.com/*", "HttpMethod": "PUT",
        })),
    ];
    Sample {
        kind: kind("AWS::Events::ApiDestination"),
        identity: "conformance-destination",
        forms,
        operations: [
            "DescribeApiDestination",
            "ListApiDestinations",
            "CreateApiDestination",
            "UpdateApiDestination",
            "DeleteApiDestination",
        ],
        listed_whole: false,
        merges: true,
    }
}

fn connection() -> Sample {
    let name = "conformance-connection";
    let lattice = format!(
        "arn:aws:vpc-lattice:{}:123456789012:resourceconfiguration/rcfg-0123456789abcdefg",
        crate::support::REGION
    );
    let forms = vec![
        properties(json!({
            "Name": name, "Description": "Orders", "AuthorizationType": "BASIC",
            "AuthParameters": {
                "BasicAuthParameters": {"Username": "svc", "Password": secret("password")},
                "InvocationHttpParameters": {
                    "HeaderParameters": [
                        {"Key": "X-Public", "Value": "shown", "IsValueSecret": false},
                        {"Key": "X-Secret", "Value": secret("header"), "IsValueSecret": true},
                    ],
                    "BodyParameters": [{"Key": "tenant", "Value": secret("body")}],
                    "QueryStringParameters": [{"Key": "v", "Value": "1", "IsValueSecret": false}],
                },
            },
        })),
        // Another password, a list taken back, another one changed.
        properties(json!({
            "Name": name, "Description": "Orders API", "AuthorizationType": "BASIC",
            "AuthParameters": {
                "BasicAuthParameters": {"Username": "svc", "Password": secret("rotated")},
                "InvocationHttpParameters": {
                    "HeaderParameters": [
                        {"Key": "X-Secret", "Value": secret("header-2"), "IsValueSecret": true},
                        {"Key": "X-Public", "Value": "shown", "IsValueSecret": false},
                    ],
                    "BodyParameters": [{"Key": "tenant", "Value": secret("body")}],
                },
            },
        })),
        // Everything that can be taken back is, and the type changes.
        properties(json!({
            "Name": name, "AuthorizationType": "API_KEY",
            "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": secret("key")}},
        })),
        properties(json!({
            "Name": name, "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
            "AuthParameters": {
                "OAuthParameters": {
                    "ClientParameters": {"ClientID": "client", "ClientSecret": secret("client")},
                    "AuthorizationEndpoint": "https://login.example.com/token", "HttpMethod": "POST",
                    "OAuthHttpParameters": {
                        "BodyParameters": [
                            {"Key": "scope", "Value": "orders", "IsValueSecret": false},
                            {"Key": "audience", "Value": secret("audience")},
                        ],
                    },
                },
            },
        })),
        // A private endpoint, and what was added to requests for tokens is taken back.
        properties(json!({
            "Name": name, "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
            "AuthParameters": {
                "OAuthParameters": {
                    "ClientParameters": {"ClientID": "client", "ClientSecret": secret("client")},
                    "AuthorizationEndpoint": "https://login.example.com/token", "HttpMethod": "POST",
                },
                "ConnectivityParameters": {"ResourceParameters": {"ResourceConfigurationArn": lattice}},
            },
            "InvocationConnectivityParameters": {"ResourceParameters": {"ResourceConfigurationArn": lattice}},
        })),
    ];
    Sample {
        kind: kind("AWS::Events::Connection"),
        identity: name,
        forms,
        operations: [
            "DescribeConnection",
            "ListConnections",
            "CreateConnection",
            "UpdateConnection",
            "DeleteConnection",
        ],
        listed_whole: false,
        merges: true,
    }
}

/// A Glue connection with an inline password.
pub fn jdbc(name: &str, password: &str) -> Map {
    properties(json!({
        "ConnectionInput": {
            "Name": name, "ConnectionType": "JDBC",
            "ConnectionProperties": {
                "JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/orders",
                "USERNAME": "svc", "PASSWORD": secret(password),
            },
            "ValidateCredentials": false,
        },
    }))
}

fn glue_connection() -> Sample {
    let name = "conformance glue/connection";
    let arn = format!("arn:aws:secretsmanager:{}:123456789012:secret:orders-AbCdEf", crate::support::REGION);
    let with = |mut form: Map, more: Json| {
        let more = properties(more);
        for (name, member) in more {
            match (form.get_mut(&name), member) {
                (Some(trueup_engine::value::Value::Map(map)), trueup_engine::value::Value::Map(more)) => {
                    map.extend(more);
                }
                (_, member) => drop(form.insert(name, member)),
            }
        }
        form
    };
    let forms = vec![
        with(
            jdbc(name, "password"),
            json!({
                "ConnectionInput": {
                    "Description": "Orders", "MatchCriteria": ["b", "a"],
                    "PhysicalConnectionRequirements": {
                        "SubnetId": "subnet-0123456789abcdef0", "AvailabilityZone": "eu-central-1a",
                        "SecurityGroupIdList": ["sg-0123456789abcdef1", "sg-0123456789abcdef0"],
                    },
                },
                "Tags": {"team": "data", "stage": "test"},
            }),
        ),
        // Another password, and what is not there any more is taken back.
        with(jdbc(name, "rotated"), json!({"Tags": {"team": "orders"}})),
        // The password of an address.
        properties(json!({
            "ConnectionInput": {
                "Name": name, "ConnectionType": "MONGODB", "ValidateCredentials": false,
                "ConnectionProperties": {
                    "CONNECTION_URL": {"$secret": format!("mongodb://svc:{CANARY}-url@db.example.com:27017/orders")},
                    "SECRET_ID": "orders/mongo",
                },
            },
        })),
        // Signing in by a secret.
        properties(json!({
            "ConnectionInput": {
                "Name": name, "ConnectionType": "MYSQL", "ValidateCredentials": false,
                "ConnectionProperties": {"HOST": "db.example.com", "PORT": "3306", "DATABASE": "orders"},
                "AuthenticationConfiguration": {"AuthenticationType": "BASIC", "SecretArn": arn},
            },
        })),
        properties(json!({
            "ConnectionInput": {
                "Name": name, "ConnectionType": "NETWORK",
                "PhysicalConnectionRequirements": {
                    "SubnetId": "subnet-0123456789abcdef0", "SecurityGroupIdList": ["sg-0123456789abcdef0"],
                },
            },
        })),
    ];
    Sample {
        kind: kind("AWS::Glue::Connection"),
        identity: name,
        forms,
        operations: ["GetConnection", "GetConnections", "CreateConnection", "UpdateConnection", "DeleteConnection"],
        listed_whole: true,
        merges: false,
    }
}
