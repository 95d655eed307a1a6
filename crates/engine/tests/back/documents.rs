//! Plans as documents: the same bytes for the same inputs, refused when anything moved, and a whole one to look at.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use trueup_engine::plan::document::{PlanDocument, ReadError, verify};
use trueup_engine::value::Value;

use crate::support::{CONNECTION_TYPE, DESTINATION_TYPE, World, connection, destination, run, stack, with, without};

fn text(document: &PlanDocument) -> String {
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

fn after() -> Json {
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

async fn mixed(seed: u64) -> World {
    let mut world = World::seeded(seed);
    world.apply.parallelism = 1;
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
      "digest": "ce6a5d2a0abb36036e07f8186a276bca721568b4ac0b572d020c5eb68aa6f445",
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
        "calls": 13
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
          "pre_image": "c54db9894c67e06364c7ca5af98acff72c5bd652bab05aec88599ff465f20ea2"
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

#[test]
fn the_same_inputs_give_the_same_bytes_whatever_the_order_of_answers() {
    let expected = run(async { text(&mixed(1).await.plan(&after()).await.saved()) });
    for seed in 2..40 {
        let found = run(async {
            let world = mixed(seed).await;
            world.cloud.set().latency = std::time::Duration::from_millis(seed * 13);
            text(&world.plan(&after()).await.saved())
        });
        assert_eq!(found, expected);
    }
}

#[test]
fn an_untouched_plan_can_be_executed() {
    run(async {
        let world = mixed(1).await;
        let saved = text(&world.plan(&after()).await.saved());
        let read = PlanDocument::read(&saved).unwrap();
        assert_eq!(verify(&read, &world.plan(&after()).await.saved()), []);
        assert_eq!(text(&read), saved);
    });
}

#[test]
fn an_applied_plan_is_stale() {
    run(async {
        let mut world = mixed(1).await;
        let saved = world.plan(&after()).await.saved();
        world.plan.allow_replace.push("kept".to_owned());
        world.converge(&after()).await;
        assert!(!verify(&saved, &world.plan(&after()).await.saved()).is_empty());
    });
}

#[test]
fn another_manifest_is_refused() {
    run(async {
        let world = mixed(1).await;
        let saved = world.plan(&after()).await.saved();
        let mut other = after();
        other["description"] = json!("another");
        let stale = verify(&saved, &world.plan(&other).await.saved());
        assert_eq!(stale[0].what, "the manifest, or a file that it includes, has changed");
    });
}

/// Every edit that somebody might make behind our backs.
fn edits() -> Vec<(&'static str, &'static str, Option<(&'static str, Value)>)> {
    let mut edits = Vec::new();
    for name in ["orders", "ship", "kept", "moved", "same"] {
        edits.push((CONNECTION_TYPE, name, None));
        edits.push((CONNECTION_TYPE, name, Some(("Description", "by hand".into()))));
        edits.push((CONNECTION_TYPE, name, Some(("AuthorizationType", "API_KEY".into()))));
    }
    for name in ["calls", "follows"] {
        edits.push((DESTINATION_TYPE, name, None));
        edits.push((DESTINATION_TYPE, name, Some(("Description", "by hand".into()))));
        edits.push((DESTINATION_TYPE, name, Some(("Rate", 7.into()))));
    }
    edits
}

#[test]
fn whatever_moved_in_between_makes_it_stale() {
    for (kind, name, edit) in edits() {
        run(async {
            let world = mixed(1).await;
            let saved = world.plan(&after()).await.saved();
            match &edit {
                None => world.cloud.remove(kind, name),
                Some((property, value)) => world.cloud.tamper(kind, name, |item| {
                    item.properties.insert((*property).to_owned(), value.clone());
                }),
            }
            let stale = verify(&saved, &world.plan(&after()).await.saved());
            assert!(!stale.is_empty(), "{name} {edit:?}");
        });
    }
}

#[test]
fn a_new_version_of_a_secret_makes_it_stale_even_where_nobody_may_look() {
    run(async {
        let world = mixed(1).await;
        world.cloud.set().secrets_denied = true;
        let saved = world.plan(&after()).await.saved();
        world.cloud.tamper(CONNECTION_TYPE, "orders", |item| item.secret_version += 1);
        let stale = verify(&saved, &world.plan(&after()).await.saved());
        assert_eq!(stale[0].what, "the live resource has changed");
    });
}

#[test]
fn a_recreated_one_is_another_one() {
    run(async {
        let world = mixed(1).await;
        let saved = world.plan(&after()).await.saved();
        world.cloud.tamper(CONNECTION_TYPE, "orders", |item| item.id += 1000);
        assert!(!verify(&saved, &world.plan(&after()).await.saved()).is_empty());
    });
}

/// The pointers of all scalars.
fn scalars(value: &Json, pointer: String, found: &mut Vec<String>) {
    match value {
        Json::Object(map) => map.iter().for_each(|(name, value)| {
            let mut below = pointer.clone();
            trueup_engine::value::push_token(&mut below, name);
            scalars(value, below, found);
        }),
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| scalars(item, format!("{pointer}/{index}"), found));
        }
        _ => found.push(pointer),
    }
}

#[test]
fn every_change_of_a_saved_plan_is_noticed() {
    let saved = run(async { serde_json::to_value(mixed(1).await.plan(&after()).await.saved()).unwrap() });
    let mut pointers = Vec::new();
    scalars(&saved, String::new(), &mut pointers);
    assert!(pointers.len() > 100);
    for pointer in pointers.iter().filter(|pointer| !pointer.starts_with("/summary")) {
        let mut changed = saved.clone();
        let leaf = changed.pointer_mut(pointer).unwrap();
        *leaf = match leaf {
            Json::String(text) => json!(format!("{text}x")),
            Json::Number(_) => json!(4711),
            Json::Bool(flag) => json!(!*flag),
            _ => json!("x"),
        };
        assert!(PlanDocument::read(&changed.to_string()).is_err(), "{pointer}");
    }
    for pointer in ["/steps/0", "/edges/0"] {
        let mut changed = saved.clone();
        let (parent, _) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap().as_array_mut().unwrap().remove(0);
        assert!(matches!(PlanDocument::read(&changed.to_string()), Err(ReadError::Tampered)), "{pointer}");
    }
}

#[test]
fn what_is_no_plan_is_refused_in_words() {
    for text in ["", "{", "[]", "null", "{}", "{\"format_version\": 1}"] {
        assert!(matches!(PlanDocument::read(text), Err(ReadError::Malformed(_))), "{text}");
    }
    assert!(matches!(PlanDocument::read("{\"format_version\": \"2\"}"), Err(ReadError::Version(_))));
}

#[test]
fn a_plan_of_a_part_says_so_and_holds_only_that() {
    run(async {
        let mut world = mixed(1).await;
        world.only = vec!["orders".to_owned(), "new".to_owned()];
        let saved = world.plan(&after()).await.saved();
        assert!(saved.partial);
        assert_eq!(saved.addresses().collect::<Vec<_>>(), ["orders", "new"]);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics(text in ".{0,200}") {
        let _ = PlanDocument::read(&text);
    }
}
