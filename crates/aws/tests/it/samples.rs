//! One sample a kind: what the suite creates, the forms that it is changed into one after the other, and what to break.

use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Cloud as _, Create, Written};
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
    /// How many calls read eleven of which one is there: in outline, and as a whole.
    pub reads: [u64; 2],
    /// What an update leaves out stays.
    pub merges: bool,
}

impl Sample {
    /// The name to create it under; nothing where the service makes it.
    pub fn asked_for(&self) -> Option<&'static str> {
        (!self.kind.names_itself()).then_some(self.identity)
    }

    /// Takes over the name that the service made.
    pub fn identify(&mut self, written: &Written) {
        if let Some(identity) = &written.identity {
            self.identity = identity.clone().leak();
        }
    }

    /// The name of another one, which is not there.
    pub fn like(&self, n: usize) -> String {
        if self.kind.names_itself() {
            format!("00000000-0000-4000-8000-0000000000{n:02}")
        } else {
            format!("{}-{n}", self.identity)
        }
    }
}

/// The kind of this name.
pub fn kind(name: &str) -> &'static dyn Kind {
    trueup_aws::registry().find(name).unwrap()
}

/// A sample of every kind; what they need beside them is created.
pub async fn samples(bench: &Bench) -> Vec<Sample> {
    // Asked once a session; what counts calls shall not count this one.
    let account = bench.session.whereabouts(&place()).await.unwrap().account;
    let keys = [key(bench).await, key(bench).await];
    vec![
        api_destination(bench).await,
        connection(),
        glue_connection(),
        alias(&keys),
        customer_key(&account),
        stored_secret(&keys[0], &account),
    ]
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
        reads: [1, 2],
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
        reads: [1, 2],
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
        reads: [1, 1],
        merges: false,
    }
}

/// A key that others use, and its id.
pub async fn key(bench: &Bench) -> String {
    let desired = properties(json!({}));
    let create = Create { identity: None, desired: &desired };
    bench.session.create(kind("AWS::KMS::Key"), &place(), &create).await.unwrap().identity.unwrap()
}

fn alias(keys: &[String; 2]) -> Sample {
    let name = "alias/conformance/alias";
    let form = |key: &String| properties(json!({"AliasName": name, "TargetKeyId": key}));
    Sample {
        kind: kind("AWS::KMS::Alias"),
        identity: name,
        forms: keys.iter().map(form).collect(),
        operations: ["DescribeKey", "ListAliases", "CreateAlias", "UpdateAlias", "DeleteAlias"],
        reads: [1, 1],
        merges: false,
    }
}

/// The tags that say whose a resource is, and some more.
pub fn tags(more: &[(&str, &str)]) -> Json {
    let own = [("trueup:stack", "orders"), ("trueup:env", "test"), ("trueup:resource", "sample")];
    own.iter().chain(more).map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

fn customer_key(account: &str) -> Sample {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": {"Sid": "all", "Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"},
    });
    let forms = vec![
        properties(json!({"Description": "Orders", "PendingWindowInDays": 7, "Tags": tags(&[("team", "data")])})),
        // Everything that can change in place does.
        properties(json!({
            "Description": "Orders and more", "KeyPolicy": policy, "EnableKeyRotation": true,
            "RotationPeriodInDays": 180, "Tags": tags(&[("team", "orders"), ("stage", "test")]),
        })),
        // What can be taken back is.
        properties(json!({"EnableKeyRotation": false, "Enabled": false, "Tags": tags(&[])})),
    ];
    Sample {
        kind: kind("AWS::KMS::Key"),
        identity: "00000000-0000-4000-8000-000000000099",
        forms,
        operations: ["DescribeKey", "ListKeys", "CreateKey", "UpdateKeyDescription", "ScheduleKeyDeletion"],
        reads: [11, 11],
        merges: false,
    }
}

fn stored_secret(key: &str, account: &str) -> Sample {
    let name = "conformance/secret";
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": ["secretsmanager:GetSecretValue"], "Resource": "*",
        }],
    });
    let forms = vec![
        properties(json!({
            "Name": name, "Description": "Orders", "SecretString": secret("value"), "Tags": tags(&[("team", "data")]),
        })),
        // A document, with a key, and without a description.
        properties(json!({
            "Name": name, "KmsKeyId": key, "Tags": tags(&[("team", "orders"), ("stage", "test")]),
            "SecretString": {"$secret": format!("{{\"user\": \"svc\", \"password\": \"{CANARY}-document\"}}")},
        })),
        // The service's own key again, copies, and a policy.
        properties(json!({
            "Name": name, "Description": "Copied", "ResourcePolicy": policy, "ReplicaRegions": [{"Region": "eu-west-1"}],
            "SecretString": secret("copied"), "Tags": tags(&[]),
        })),
        properties(json!({
            "Name": name, "Description": "Copied", "ReplicaRegions": [{"Region": "eu-west-2"}],
            "SecretString": secret("copied"), "Tags": tags(&[]),
        })),
    ];
    Sample {
        kind: kind("AWS::SecretsManager::Secret"),
        identity: name,
        forms,
        operations: ["DescribeSecret", "ListSecrets", "CreateSecret", "UpdateSecret", "DeleteSecret"],
        reads: [11, 11],
        merges: false,
    }
}
