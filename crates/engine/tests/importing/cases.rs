//! Whole manifests, and what is reported beside them.

use serde_json::json;
use trueup_engine::cloud::Readiness;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::import::{FillIn, Need, Unread, Why, hides_credentials, import};

use crate::kinds::{Alias, Key, Queue, found, head, imported, read, thing};

const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

fn arn(name: &str) -> String {
    format!("arn:aws:test:us-east-1:123456789012:test::thing/{name}")
}

fn summaries(text: &str) -> Vec<String> {
    read(text).diagnostics.iter().map(|one| format!("{} {}", one.code, one.summary)).collect()
}

#[test]
fn a_manifest_says_what_a_person_would_say() {
    let all = vec![
        thing(
            "Orders-API",
            json!({
                "Description": "Orders: all of them\nand more", "Rate": 300, "Enabled": false,
                "Inner": {"User": "svc", "Password": {"$hidden": "not read"}},
                "Items": [
                    {"Key": "X-Trace", "Value": "on", "Hidden": false},
                    {"Key": "X-Key", "Value": {"$hidden": "not read"}, "Hidden": true},
                ],
                "Words": ["1", "b"], "Groups": [], "Map": {"b": "2", "a": "{{ x }}", "apiToken": {"$live": "s3cr3t"}},
                "KeyId": "alias/orders", "Arn": arn("Orders-API"),
                "Tags": [
                    {"Key": "team", "Value": "orders"}, {"Key": "aws:x", "Value": "y"},
                    {"Key": "trueup:protect", "Value": "false"},
                ],
            }),
        ),
        thing(
            "consumer",
            json!({"Policy": {"Resource": arn("Orders-API"), "Text": format!("a {}/* b", arn("Orders-API"))}}),
        ),
        found(&Alias, "alias/orders", json!({"AliasName": "alias/orders", "TargetKeyId": ID})),
        found(&Key, ID, json!({"Policy": format!("{{\"Resource\":[\"{}\"]}}", arn("Orders-API"))})),
    ];
    let imported = imported(all);
    insta::assert_snapshot!(imported.manifest);
    assert_eq!(summaries(&imported.manifest), ["M303 `Material` is required"]);
    let fill = |address: &str, path: &str, variable: Option<&str>, need| FillIn {
        address: address.to_owned(),
        path: path.to_owned(),
        variable: variable.map(str::to_owned),
        need,
    };
    assert_eq!(
        imported.fill_in,
        [
            fill("orders_key", "/Material", None, Need::Required),
            fill("orders_api", "/Inner/Password", Some("ORDERS_API_PASSWORD"), Need::Secret),
            fill("orders_api", "/Items/1/Value", Some("ORDERS_API_X_KEY"), Need::Secret),
            fill("orders_api", "/Map/apiToken", Some("ORDERS_API_API_TOKEN"), Need::Secret),
        ]
    );
}

#[test]
fn the_edge_that_would_close_a_cycle_stays_a_text() {
    let one = thing("one", json!({"Description": arn("two")}));
    let two = thing("two", json!({"Description": arn("three"), "Policy": format!("see {}", arn("one"))}));
    let three = thing("three", json!({"Words": [arn("one"), arn("three")]}));
    let manifest = imported(vec![one, two, three]).manifest;
    assert_eq!(summaries(&manifest), [""; 0]);
    assert!(manifest.contains("Description: \"{{ two.Arn }}\""), "{manifest}");
    assert!(manifest.contains(&format!("Policy: see {}", arn("one"))), "{manifest}");
    assert!(manifest.contains(&format!("- {}\n", arn("three"))), "{manifest}");
}

#[test]
fn names_come_from_the_identity_and_stay_when_something_is_added() {
    let names = |identities: &[&str]| -> Vec<String> {
        let all = identities.iter().map(|name| thing(name, json!({}))).collect();
        imported(all).resources.into_iter().map(|one| format!("{} {}", one.address, one.identity)).collect()
    };
    assert_eq!(
        names(&["this", "region", "7-up", "é"]),
        ["thing_4a9955 é", "thing_7_up 7-up", "thing_region region", "thing_this this"]
    );
    let two = names(&["a-b", "a_b"]);
    assert!(names(&["a-b", "a_b", "a.b"]).iter().filter(|name| two.contains(name)).count() == 2, "{two:?}");
    let mixed = vec![
        thing("orders", json!({})),
        found(&Alias, "alias/orders", json!({"AliasName": "alias/orders", "TargetKeyId": "elsewhere"})),
        found(&Key, ID, json!({"Policy": {}})),
    ];
    let addresses: Vec<String> = imported(mixed).resources.into_iter().map(|one| one.address).collect();
    assert_eq!(addresses, ["orders_alias", "key_1234abcd", "orders_thing"]);
}

#[test]
fn variables_have_names_of_their_own() {
    let inner = json!({"Inner": {"User": "a", "Password": {"$hidden": "not read"}}});
    let all = vec![thing("a", json!({"Inner": inner["Inner"], "Map": {"password": {"$live": "x"}}}))];
    let variables: Vec<Option<String>> = imported(all).fill_in.into_iter().map(|fill| fill.variable).collect();
    assert_eq!(variables, [Some("A_PASSWORD".to_owned()), Some("A_PASSWORD_2".to_owned())]);
}

#[test]
fn a_credential_in_a_public_text_is_a_secret() {
    let text = "jdbc:mysql://svc:hunter2-hunter2@db.example.com/orders";
    let imported = imported(vec![thing("a", json!({"Description": text, "Words": ["password=hunter2-hunter2"]}))]);
    assert!(!imported.manifest.contains("hunter2"), "{}", imported.manifest);
    assert!(imported.fill_in.iter().all(|fill| fill.need == Need::Credential));
    assert_eq!(imported.fill_in.len(), 2);
    assert_eq!(summaries(&imported.manifest), [""; 0]);
}

#[test]
fn of_hidden_credentials_those_are_written_that_the_type_needs() {
    let hidden = json!({"$hidden": "not read"});
    let with_user = json!({"Map": {"USER": "svc", "PASSWORD": hidden, "KEYSTORE_PASSWORD": hidden}});
    let without = json!({"Map": {"HOST": "db", "PASSWORD": hidden, "KEYSTORE_PASSWORD": hidden}});
    let known = json!({"Map": {"HOST": "db", "PASSWORD": {"$hidden": "the catalog returns it encrypted"}}});
    let hides = |json: &serde_json::Value| {
        let one = thing("a", json.clone());
        hides_credentials(one.kind, &one.live)
    };
    assert!(hides(&with_user) && hides(&without) && !hides(&known));
    let written = |json: &serde_json::Value| {
        let imported = imported(vec![thing("a", json.clone())]);
        let diagnostics: Vec<_> = imported.diagnostics.iter().map(|one| (one.code, one.notes[0].clone())).collect();
        let variables: Vec<String> = imported.fill_in.into_iter().filter_map(|fill| fill.variable).collect();
        (variables, diagnostics)
    };
    let unseen = |names: &str| vec![("I101", format!("not in the manifest, and perhaps there: {names}"))];
    assert_eq!(written(&with_user), (vec!["A_PASSWORD".to_owned()], unseen("`KEYSTORE_PASSWORD`")));
    assert_eq!(written(&without), (vec![], unseen("`KEYSTORE_PASSWORD`, `PASSWORD`")));
    assert_eq!(written(&known), (vec!["A_PASSWORD".to_owned()], vec![]));
    // A map in which nothing else is goes with them.
    let only = imported(vec![thing("a", json!({"Map": {"PASSWORD": hidden, "KEYSTORE_PASSWORD": hidden}}))]);
    assert!(!only.manifest.contains("Map"), "{}", only.manifest);
}

#[test]
fn one_warning_stands_for_all_that_hide_their_credentials() {
    let hidden = json!({"$hidden": "not read"});
    let map = json!({"Map": {"PASSWORD": hidden, "KEYSTORE_PASSWORD": hidden}});
    let all = (0..12).map(|number| thing(&format!("t{number:02}"), map.clone())).collect();
    let said: Vec<String> = imported(all).diagnostics.iter().map(|one| one.summary.clone()).collect();
    assert_eq!(said.len(), 1);
    assert!(said[0].ends_with("`t08`, `t09` and 2 more"), "{said:?}");
}

#[test]
fn what_is_managed_or_on_its_way_out_is_left_out_and_said() {
    let mut going = thing("going", json!({}));
    going.live.readiness = Readiness::Deleting("DELETING".to_owned());
    let mut scheduled = thing("scheduled", json!({}));
    scheduled.live.readiness = Readiness::Scheduled { state: "PendingDeletion".to_owned(), until: None };
    let imported = imported(vec![going, scheduled, thing("service!a", json!({})), thing("kept", json!({}))]);
    let left: Vec<(&str, &Why)> = imported.left_out.iter().map(|one| (one.identity.as_str(), &one.why)).collect();
    let service = Why::Managed("the service".to_owned());
    assert_eq!(left, [("going", &Why::Deleting), ("scheduled", &Why::Scheduled), ("service!a", &service)]);
    assert_eq!(imported.resources.len(), 1);
}

#[test]
fn an_owner_is_named() {
    let tags = |tags: &[(&str, &str)]| {
        let list: Vec<_> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        json!({"Tags": list})
    };
    let stack = thing("a", tags(&[("trueup:stack", "orders"), ("trueup:env", "prod")]));
    let formation = thing("b", tags(&[("aws:cloudformation:stack-name", "legacy")]));
    let imported = imported(vec![stack, formation]);
    let said: Vec<&str> = imported.diagnostics.iter().map(|one| one.summary.as_str()).collect();
    assert_eq!(said, ["`a` belongs to the stack `orders` (prod)", "`b` belongs to the CloudFormation stack `legacy`"]);
    assert!(!imported.manifest.contains("Tags"), "{}", imported.manifest);
}

#[test]
fn what_could_not_be_read_stands_at_the_end_and_nothing_is_a_manifest_too() {
    let fault = Fault::new(FaultKind::Denied, "test:Describe", "no").with_code("AccessDenied");
    let unread = [
        Unread { type_name: "Test::Thing", identity: Some("a\nb: c".to_owned()), fault: fault.clone() },
        Unread { type_name: "Test::Key", identity: None, fault },
    ];
    let manifest = import(Vec::new(), &unread, &head()).manifest;
    insta::assert_snapshot!(manifest);
    assert_eq!(summaries(&manifest), [""; 0]);
}

fn queue(name: &str, mut properties: serde_json::Value) -> trueup_engine::import::Found {
    let url = format!("https://queues.example.com/123456789012/{name}");
    properties["QueueUrl"] = url.as_str().into();
    properties["Endpoint"] = format!("{name}-1.queues.example.com").into();
    found(&Queue, &url, properties)
}

#[test]
fn what_an_address_identifies_is_named_after_its_name_or_its_end() {
    let all = vec![queue("orders-dead", json!({})), queue("a1b2", json!({"QueueName": "Orders"}))];
    let addresses: Vec<String> = imported(all).resources.into_iter().map(|one| one.address).collect();
    assert_eq!(addresses, ["orders", "orders_dead"]);
}

#[test]
fn only_what_a_service_makes_is_referred_to() {
    let note = "production-2024-a";
    let one = queue("one", json!({"Note": note}));
    let two = thing(
        "two",
        json!({
            "Description": note, "KeyId": "one-1.queues.example.com",
            "Words": ["https://queues.example.com/123456789012/one"],
        }),
    );
    let manifest = imported(vec![one, two]).manifest;
    assert!(manifest.contains(&format!("Description: {note}\n")), "{manifest}");
    assert!(manifest.contains("KeyId: \"{{ one.Endpoint }}\""), "{manifest}");
    assert!(manifest.contains("- \"{{ one.QueueUrl }}\""), "{manifest}");
}

#[test]
fn what_is_usual_is_left_out_but_not_of_what_is_compared_as_a_whole() {
    let rules = json!([{"Status": "On", "Filter": {}}, {}, {"Status": "Off"}]);
    let usual =
        json!({"Note": "made by 123456789012", "Path": "/", "Rules": rules, "One": {"Status": "On", "Filter": {}}});
    let manifest = imported(vec![queue("q", usual)]).manifest;
    let props = manifest.split_once("props:\n").unwrap().1;
    assert_eq!(
        props,
        "      Rules:\n        - Status: \"On\"\n          Filter: {}\n        - {}\n        - Status: \"Off\"\n"
    );
    let unusual = json!({"Note": "ours", "Path": "/a/", "Either": {"Status": "Off"}});
    let manifest = imported(vec![queue("q", unusual)]).manifest;
    assert!(manifest.ends_with("Note: ours\n      Path: /a/\n      Either:\n        Status: \"Off\"\n"), "{manifest}");
}
