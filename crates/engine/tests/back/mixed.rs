//! A stack with something of every kind of step, and its whole plan.

use serde_json::{Value as Json, json};
use trueup_engine::plan::document::PlanDocument;

use crate::support::{World, connection, destination, run, stack, with};

pub fn text(document: &PlanDocument) -> String {
    serde_json::to_string_pretty(document).unwrap()
}

fn keyed(address: &str) -> Json {
    with(&connection(address, address), "/props/KmsKeyIdentifier", "arn:key/1")
}

/// Something of every kind of step: what there is, and what is wanted then.
fn before() -> Json {
    let headers = json!({"HeaderParameters": [
        {"Key": "X-A", "Value": "1", "IsValueSecret": false},
        {"Key": "X-B", "Value": "2", "IsValueSecret": false},
    ]});
    stack(&[
        &with(&connection("orders", "orders"), "/props/AuthParameters/InvocationHttpParameters", headers),
        &connection("shipping", "ship"),
        &destination("calls", "calls", "shipping"),
        &keyed("kept"),
        &keyed("moved"),
        &destination("follows", "follows", "moved"),
        &connection("same", "same"),
    ])
}

pub fn after() -> Json {
    let headers = json!({"HeaderParameters": [
        {"Key": "X-B", "Value": "3", "IsValueSecret": false},
        {"Key": "X-Token", "Value": "{{ secret('env:PASSWORD') }}"},
    ]});
    let orders = with(&connection("orders", "orders"), "/props/AuthParameters/InvocationHttpParameters", headers);
    stack(&[
        &with(&orders, "/props/Description", "Orders"),
        &with(&connection("shipping", "shipping"), "/renamed_from", "ship"),
        &destination("calls", "calls", "shipping"),
        &connection("kept", "kept"),
        &connection("moved", "moved"),
        &destination("follows", "follows", "moved"),
        &connection("same", "same"),
        &with(&connection("new", "new"), "/depends_on", json!(["orders"])),
    ])
}

pub async fn mixed(seed: u64) -> World {
    let mut world = World::seeded(seed);
    world.apply.parallelism = Some(1);
    world.converge(&before()).await;
    world.plan.allow_replace = vec!["moved".to_owned()];
    world
}

#[test]
fn a_mixed_plan() {
    let document = run(async { mixed(1).await.plan(&after()).await.saved() });
    insta::assert_snapshot!(text(&document), @r#"
    {
      "format_version": "1",
      "command": "plan",
      "stack": {
        "name": "stack",
        "env": "dev"
      },
      "account": "123456789012",
      "region": "us-east-1",
      "digest": "8e6c0d23110dda327f5a7e82b7263aaaaeaadb81edc13bc66400d2246e2cb00a",
      "manifest_digest": "42d4b8176aa400ce03f4d241859465661f09b7e7e6d4d45f3c4567ff4e795e26",
      "variables_digest": "540b3828f0f9d84e18904b88aed24f385efb6501cf8a501c42704ace07cf1fcb",
      "summary": {
        "create": 1,
        "update": 2,
        "replace": 3,
        "delete": 0,
        "adopt": 0,
        "unchanged": 1,
        "blocked": 1,
        "not_verifiable": 0,
        "unread": 0,
        "calls": 11
      },
      "steps": [
        {
          "address": "orders",
          "type": "AWS::Events::Connection",
          "identifier": "orders",
          "action": "update",
          "reason": "properties differ",
          "patch": [
            {
              "op": "add",
              "path": "/Description",
              "value": "Orders"
            },
            {
              "op": "test",
              "path": "/AuthParameters/InvocationHttpParameters/HeaderParameters/1/Value",
              "value": "2"
            },
            {
              "op": "replace",
              "path": "/AuthParameters/InvocationHttpParameters/HeaderParameters/1/Value",
              "value": "3"
            },
            {
              "op": "test",
              "path": "/AuthParameters/InvocationHttpParameters/HeaderParameters/0",
              "value": {
                "Key": "X-A",
                "Value": "1",
                "IsValueSecret": false
              }
            },
            {
              "op": "remove",
              "path": "/AuthParameters/InvocationHttpParameters/HeaderParameters/0"
            },
            {
              "op": "add",
              "path": "/AuthParameters/InvocationHttpParameters/HeaderParameters/-",
              "value": {
                "Key": "X-Token",
                "Value": {
                  "$secret": "env:PASSWORD"
                },
                "IsValueSecret": true
              }
            }
          ],
          "secrets": [
            {
              "path": "/AuthParameters/BasicAuthParameters/Password",
              "status": "same",
              "source": "env:PASSWORD"
            },
            {
              "path": "/AuthParameters/InvocationHttpParameters/HeaderParameters/1/Value",
              "status": "new",
              "source": "env:PASSWORD"
            }
          ],
          "implies": [
            {
              "operation": "secretsmanager:PutSecretValue",
              "on": "events!connection/orders/…",
              "by": "events"
            }
          ],
          "pre_image": "ad88ebcc73041c5b744e53a9647f1c3d7ec95f0a6788a316145884bbd46e4b36"
        },
        {
          "address": "shipping",
          "type": "AWS::Events::Connection",
          "identifier": "shipping",
          "action": "replace",
          "reason": "Name cannot change in place (renamed_from: ship)",
          "patch": [
            {
              "op": "add",
              "path": "",
              "value": {
                "Name": "shipping",
                "AuthorizationType": "BASIC",
                "AuthParameters": {
                  "BasicAuthParameters": {
                    "Username": "svc",
                    "Password": {
                      "$secret": "env:PASSWORD"
                    }
                  }
                }
              }
            }
          ],
          "secrets": [
            {
              "path": "/AuthParameters/BasicAuthParameters/Password",
              "status": "new",
              "source": "env:PASSWORD"
            }
          ],
          "implies": [
            {
              "operation": "secretsmanager:CreateSecret",
              "on": "events!connection/shipping/…",
              "by": "events"
            },
            {
              "operation": "secretsmanager:DeleteSecret",
              "on": "events!connection/ship/…",
              "by": "events"
            }
          ],
          "pre_image": "d772dc4946785dab7963065b1f05e4457b0795e7bb072c9d9391be139060fc19",
          "former": [
            "ship"
          ]
        },
        {
          "address": "calls",
          "type": "AWS::Events::ApiDestination",
          "identifier": "calls",
          "action": "update",
          "reason": "properties differ",
          "patch": [
            {
              "op": "test",
              "path": "/ConnectionArn",
              "value": "arn:aws:events:us-east-1:123456789012:connection/ship/00000001"
            },
            {
              "op": "replace",
              "path": "/ConnectionArn",
              "value": {
                "$unknown": "shipping.Arn"
              }
            }
          ],
          "depends_on": [
            "shipping"
          ],
          "pre_image": "22b0e0489e3610e03334ba756a1a59ad1c9b4fc93eed90ae8299a84437e257cc"
        },
        {
          "address": "kept",
          "type": "AWS::Events::Connection",
          "identifier": "kept",
          "action": "blocked",
          "reason": "KmsKeyIdentifier cannot be removed in place; `--allow-replace 'kept'` replaces it under the same name",
          "patch": [
            {
              "op": "test",
              "path": "/KmsKeyIdentifier",
              "value": "arn:key/1"
            },
            {
              "op": "remove",
              "path": "/KmsKeyIdentifier"
            }
          ],
          "secrets": [
            {
              "path": "/AuthParameters/BasicAuthParameters/Password",
              "status": "same",
              "source": "env:PASSWORD"
            }
          ],
          "implies": [
            {
              "operation": "secretsmanager:DeleteSecret",
              "on": "events!connection/kept/…",
              "by": "events"
            },
            {
              "operation": "secretsmanager:CreateSecret",
              "on": "events!connection/kept/…",
              "by": "events"
            }
          ],
          "pre_image": "0196e00d5fc067a12910fffa9314cb170f27fc8d5440b7cd9cd2e4a86107c367"
        },
        {
          "address": "moved",
          "type": "AWS::Events::Connection",
          "identifier": "moved",
          "action": "replace",
          "reason": "KmsKeyIdentifier cannot be removed in place",
          "patch": [
            {
              "op": "test",
              "path": "/KmsKeyIdentifier",
              "value": "arn:key/1"
            },
            {
              "op": "remove",
              "path": "/KmsKeyIdentifier"
            }
          ],
          "secrets": [
            {
              "path": "/AuthParameters/BasicAuthParameters/Password",
              "status": "same",
              "source": "env:PASSWORD"
            }
          ],
          "implies": [
            {
              "operation": "secretsmanager:DeleteSecret",
              "on": "events!connection/moved/…",
              "by": "events"
            },
            {
              "operation": "secretsmanager:CreateSecret",
              "on": "events!connection/moved/…",
              "by": "events"
            }
          ],
          "pre_image": "361e1f7cbb783b90d6aa2ca7151769f77f490af8b09e29d1589976c21f7c4e76"
        },
        {
          "address": "follows",
          "type": "AWS::Events::ApiDestination",
          "identifier": "follows",
          "action": "replace",
          "reason": "moved is replaced, which it refers to",
          "patch": [
            {
              "op": "test",
              "path": "/ConnectionArn",
              "value": "arn:aws:events:us-east-1:123456789012:connection/moved/00000002"
            },
            {
              "op": "replace",
              "path": "/ConnectionArn",
              "value": {
                "$unknown": "moved.Arn"
              }
            }
          ],
          "depends_on": [
            "moved"
          ],
          "pre_image": "901f8fec3f27d84e6eb3a23821b92a91f4c84dd84d100481beb157483eb91afa"
        },
        {
          "address": "new",
          "type": "AWS::Events::Connection",
          "identifier": "new",
          "action": "create",
          "reason": "does not exist",
          "patch": [
            {
              "op": "add",
              "path": "",
              "value": {
                "Name": "new",
                "AuthorizationType": "BASIC",
                "AuthParameters": {
                  "BasicAuthParameters": {
                    "Username": "svc",
                    "Password": {
                      "$secret": "env:PASSWORD"
                    }
                  }
                }
              }
            }
          ],
          "secrets": [
            {
              "path": "/AuthParameters/BasicAuthParameters/Password",
              "status": "new",
              "source": "env:PASSWORD"
            }
          ],
          "implies": [
            {
              "operation": "secretsmanager:CreateSecret",
              "on": "events!connection/new/…",
              "by": "events"
            }
          ],
          "depends_on": [
            "orders"
          ]
        }
      ],
      "edges": [
        [
          "calls#update",
          "shipping#delete"
        ],
        [
          "follows#delete",
          "follows#create"
        ],
        [
          "follows#delete",
          "moved#delete"
        ],
        [
          "moved#create",
          "follows#create"
        ],
        [
          "moved#delete",
          "moved#create"
        ],
        [
          "orders#update",
          "new#create"
        ],
        [
          "shipping#create",
          "calls#update"
        ],
        [
          "shipping#create",
          "shipping#delete"
        ]
      ],
      "diagnostics": []
    }
    "#);
}
