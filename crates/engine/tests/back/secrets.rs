//! Credentials: compared where they can be, said where they cannot, shown nowhere.

use std::fmt::Write as _;

use base64::Engine as _;
use serde_json::{Value as Json, json};
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Verb;
use trueup_engine::plan::{Action, SecretStatus};
use trueup_engine::report::Ending;
use trueup_engine::secret::{FingerprintKey, Secret};
use trueup_engine::value::Value;

use crate::support::{CONNECTION_TYPE, Planned, Trouble, World, connection, destination, outcome, run, stack, with};

const PASSWORD: &str = "/AuthParameters/BasicAuthParameters/Password";

fn orders() -> Json {
    connection("orders", "orders")
}

fn status(planned: &Planned) -> Vec<(SecretStatus, Option<&str>)> {
    planned.step("orders").secrets.iter().map(|secret| (secret.status, secret.reason.as_deref())).collect()
}

fn set_password(world: &World, text: &str) {
    world.cloud.tamper(CONNECTION_TYPE, "orders", |item| {
        let mut auth = Value::Map(item.properties.clone()).at("/AuthParameters").unwrap().clone();
        let Value::Map(map) = &mut auth else { unreachable!() };
        let Some(Value::Map(basic)) = map.get_mut("BasicAuthParameters") else { unreachable!() };
        basic.insert("Password".to_owned(), Value::Secret(Secret::new("live", text.to_owned())));
        item.properties.insert("AuthParameters".to_owned(), auth);
        item.secret_version += 1;
    });
}

#[test]
fn a_new_one_is_new_then_the_same_and_different_when_somebody_changed_it() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&orders()]);
        assert_eq!(status(&world.plan(&manifest).await), [(SecretStatus::New, None)]);
        world.converge(&manifest).await;
        assert_eq!(status(&world.plan(&manifest).await), [(SecretStatus::Same, None)]);
        set_password(&world, "changed by hand");
        let planned = world.plan(&manifest).await;
        assert_eq!(status(&planned), [(SecretStatus::Differs, None)]);
        assert_eq!(planned.action("orders"), Action::Update);
        assert_eq!(
            planned.step("orders").patch,
            [json!({"op": "replace", "path": PASSWORD, "value": {"$secret": "env:PASSWORD"}})]
        );
        assert_eq!(world.converge(&manifest).await, ["Update orders"]);
    });
}

#[test]
fn a_saved_plan_holds_no_digest_of_what_the_manifest_calls_a_secret() {
    run(async {
        let mut world = World::new();
        let labels = json!({"k": "{{ secret('env:PASSWORD') }}"});
        let calls = with(&destination("calls", "calls", "orders"), "/props/Labels", labels);
        let manifest = stack(&[&orders(), &calls]);
        let mut images = Vec::new();
        for password in ["first", "second", "third"] {
            world.env.0.insert("PASSWORD".to_owned(), password.to_owned());
            let saved = world.plan(&manifest).await.saved();
            let step = saved.steps.iter().find(|step| step.address == "calls");
            images.extend(step.and_then(|step| step.pre_image.clone()));
            world.converge(&manifest).await;
        }
        // Live were "first" and "second", which the service shows.
        assert_eq!(images.len(), 2);
        assert_eq!(images[0], images[1]);
    });
}

#[test]
fn what_cannot_be_compared_is_not_verifiable_and_no_change() {
    run(async {
        let mut world = World::new();
        let manifest = stack(&[&orders()]);
        world.converge(&manifest).await;
        world.cloud.set().secrets_denied = true;
        let planned = world.plan(&manifest).await;
        assert_eq!(status(&planned), [(SecretStatus::NotVerifiable, Some("denied"))]);
        assert_eq!(planned.action("orders"), Action::None);
        assert_eq!(planned.plan.summary().not_verifiable, 1);
        world.observe.secrets = false;
        assert_eq!(status(&world.plan(&manifest).await), [(SecretStatus::NotVerifiable, Some("switched off"))]);
        // A change of something else is made without it.
        let described = stack(&[&with(&orders(), "/props/Description", "Orders")]);
        let report = world.apply(&described).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Done);
        world.sound();
    });
}

#[test]
fn a_missing_source_matters_where_it_must_be_sent() {
    run(async {
        let mut world = World::new();
        let manifest = stack(&[&orders()]);
        world.converge(&manifest).await;
        world.env.0.clear();
        let planned = world.plan(&manifest).await;
        assert_eq!(status(&planned), [(SecretStatus::NotVerifiable, Some("source missing"))]);
        assert!(planned.plan.missing_secrets().is_empty());
        // Sent whole where something beside it changes.
        let renamed = with(&orders(), "/props/AuthParameters/BasicAuthParameters/Username", "other");
        let planned = world.plan(&stack(&[&renamed])).await;
        assert_eq!(planned.plan.missing_secrets().len(), 1);
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Failed);
        world.sound();
        let described = stack(&[&with(&orders(), "/props/Description", "Orders")]);
        let planned = world.plan(&described).await;
        assert!(planned.plan.missing_secrets().is_empty());
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Done);
        let other = stack(&[&connection("orders", "other")]);
        assert_eq!(world.plan(&other).await.plan.missing_secrets().len(), 1);
    });
}

#[test]
fn a_missing_source_does_not_matter_where_a_replacement_only_ends() {
    run(async {
        let mut world = World::new();
        world.converge(&stack(&[&connection("a", "old"), &connection("b", "orders")])).await;
        world.env.0.clear();
        let planned = world.plan(&stack(&[&with(&orders(), "/renamed_from", "old")])).await;
        assert_eq!(planned.action("orders"), Action::Replace);
        assert!(planned.plan.missing_secrets().is_empty());
    });
}

#[test]
fn a_missing_source_matters_where_the_whole_is_made_again() {
    run(async {
        let mut world = World::new();
        let key = "arn:aws:kms:us-east-1:123456789012:key/k1";
        world.converge(&stack(&[&with(&orders(), "/props/KmsKeyIdentifier", key)])).await;
        world.plan.allow_replace = vec!["orders".to_owned()];
        world.env.0.clear();
        // What changes is not the password, and yet it has to be sent.
        let planned = world.plan(&stack(&[&orders()])).await;
        assert_eq!(planned.action("orders"), Action::Replace);
        assert_eq!(planned.plan.missing_secrets().len(), 1);
    });
}

#[test]
fn whatever_reaches_a_secret_property_is_a_secret() {
    run(async {
        let world = World::new();
        let headers = json!({"HeaderParameters": [{"Key": "X-From", "Value": "{{ other.Arn }}"}]});
        let orders = with(&orders(), "/props/AuthParameters/InvocationHttpParameters", headers);
        let manifest = stack(&[&connection("other", "other"), &orders]);
        world.converge(&manifest).await;
        let arn = world.cloud.arn(CONNECTION_TYPE, "other");
        let planned = world.plan(&stack(&[&connection("other", "other"), &with(&orders, "/props/Name", "more")])).await;
        let document = serde_json::to_string(&planned.saved()).unwrap();
        assert!(!document.contains(&arn), "{document}");
        assert!(document.contains("other.Arn"), "{document}");
    });
}

#[test]
fn a_value_that_becomes_a_secret_is_not_shown_any_more() {
    run(async {
        let world = World::new();
        let open = json!({"HeaderParameters": [{"Key": "X-A", "Value": "correct-horse", "IsValueSecret": false}]});
        let manifest = stack(&[&with(&orders(), "/props/AuthParameters/InvocationHttpParameters", open)]);
        world.converge(&manifest).await;
        let hidden = json!({"HeaderParameters": [{"Key": "X-A", "Value": "{{ secret('env:PASSWORD') }}"}]});
        let manifest = stack(&[&with(&orders(), "/props/AuthParameters/InvocationHttpParameters", hidden)]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("orders"), Action::Update);
        let document = serde_json::to_string(&planned.saved()).unwrap();
        assert!(!document.contains("correct-horse"), "{document}");
        world.converge(&manifest).await;
    });
}

#[test]
fn reading_credentials_stays_switched_off_to_the_end() {
    run(async {
        let mut world = World::new();
        world.observe.secrets = false;
        world.apply(&stack(&[&orders()])).await;
        let described = stack(&[&with(&orders(), "/props/Description", "Orders")]);
        world.cloud.trouble(Verb::Update, "orders", 0, 1, Trouble::Fail(FaultKind::Conflict));
        let report = world.apply(&described).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Done);
        assert_eq!(world.cloud.secret_reads(), 0);
    });
}

#[test]
fn an_ignored_one_is_never_guessed() {
    run(async {
        let world = World::new();
        let ignoring = with(&orders(), "/ignore", json!([{"path": PASSWORD, "reason": "rotated elsewhere"}]));
        world.converge(&stack(&[&ignoring])).await;
        set_password(&world, "rotated");
        world.in_sync(&stack(&[&ignoring])).await;
        // The service wants all credentials at once, so the live one is sent again.
        let renamed = stack(&[&with(&ignoring, "/props/AuthParameters/BasicAuthParameters/Username", "other")]);
        world.converge(&renamed).await;
        let password = world.cloud.property(CONNECTION_TYPE, "orders", PASSWORD).unwrap();
        assert!(password == Value::Secret(Secret::new("test", "rotated".to_owned())));
        // Where nobody may read it, nothing is sent that needs it.
        world.cloud.set().secrets_denied = true;
        let described = stack(&[&with(&ignoring, "/props/Description", "Orders")]);
        let again = stack(&[&with(&ignoring, "/props/AuthParameters/BasicAuthParameters/Username", "third")]);
        let report = world.apply(&again).await;
        let fault = outcome(&report, "orders").fault.clone().unwrap();
        assert_eq!(
            fault.message,
            "AuthParameters/BasicAuthParameters/Password is passed over by `ignore`, has to be sent beside what changes, and could not be read (denied)"
        );
        let report = world.apply(&described).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Failed);
        world.sound();
    });
}

#[test]
fn a_fingerprint_is_noted_only_with_a_key() {
    run(async {
        let mut world = World::new();
        let manifest = stack(&[&orders()]);
        assert_eq!(world.plan(&manifest).await.step("orders").secrets[0].fingerprint, None);
        world.plan.fingerprint_key = Some(FingerprintKey::new("key".to_owned()));
        let saved = world.plan(&manifest).await.saved();
        assert!(saved.steps[0].secrets[0].fingerprint.is_some());
        world.env.0.insert("PASSWORD".to_owned(), "another".to_owned());
        let fresh = world.plan(&manifest).await.saved();
        let stale = trueup_engine::plan::document::verify(&saved, &fresh);
        assert_eq!(stale[0].what, "the verdict on a secret has changed");
    });
}

/// The forms in which a text may leak.
fn forms(canary: &str) -> Vec<String> {
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD;
    let mut hex = String::new();
    canary.bytes().for_each(|byte| write!(hex, "{byte:02x}").unwrap());
    let url: String = canary
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    // Inside a longer text the first two of three alignments suffice to find the middle of it.
    let middle = |text: String| text[4..text.len() - 4].to_owned();
    vec![
        canary.to_owned(),
        canary.chars().rev().collect(),
        middle(base64.encode(canary)),
        middle(base64.encode(format!("x{canary}"))),
        middle(base64.encode(format!("xx{canary}"))),
        hex.to_uppercase(),
        hex,
        url,
        serde_json::to_string(canary).unwrap().trim_matches('"').to_owned(),
    ]
}

#[test]
fn no_planted_text_is_shown_anywhere() {
    for (seed, trouble) in [(1, false), (2, true)] {
        run(async move {
            let mut world = World::seeded(seed);
            let planted = ["c4n4ry\"one/ü", "c4n4ry two+&", "c4n4ry three"];
            world.env.0.insert("PASSWORD".to_owned(), planted[0].to_owned());
            world.env.0.insert("TOKEN".to_owned(), planted[1].to_owned());
            let headers = json!({"HeaderParameters": [
                {"Key": "X-Token", "Value": "{{ secret('env:TOKEN') }}"},
                {"Key": "X-Literal", "Value": planted[2]},
            ]});
            let orders = with(&orders(), "/props/AuthParameters/InvocationHttpParameters", headers);
            let manifest = stack(&[&orders, &connection("other", "other")]);
            let mut said = String::new();
            let mut note = |planned: &Planned| {
                said.push_str(&serde_json::to_string(&planned.saved()).unwrap());
                write!(said, "{:?} {:?} {:?} {:?}", planned.plan, planned.observed, planned.graph, planned.document())
                    .unwrap();
            };
            let planned = world.plan(&manifest).await;
            note(&planned);
            if trouble {
                world.cloud.trouble(Verb::Create, "orders", 0, 1, Trouble::Fail(FaultKind::Invalid));
            }
            let mut reports = vec![world.execute(&planned).await];
            world.apply(&manifest).await;
            set_password(&world, planted[1]);
            let planned = world.plan(&manifest).await;
            note(&planned);
            reports.push(world.execute(&planned).await);
            let changed = stack(&[&with(&orders, "/props/KmsKeyIdentifier", "arn:key/1")]);
            note(&world.plan(&changed).await);
            world.plan.allow_replace.push("orders".to_owned());
            world.apply(&changed).await;
            note(&world.plan(&manifest).await);
            note(&world.plan_teardown(&manifest).await);
            write!(said, "{reports:?} {:?}", world.events.lock().unwrap()).unwrap();
            for canary in planted {
                for form in forms(canary) {
                    let found = said.find(&form);
                    let around = found.map(|at| said[at.saturating_sub(200)..at].to_owned());
                    assert_eq!(around, None, "{form}");
                }
            }
        });
    }
}

#[test]
fn a_key_of_an_item_is_not_made_from_a_secret() {
    for key in ["{{ secret('env:PASSWORD') }}", "X-{{ secret('env:PASSWORD') }}"] {
        let headers = json!({"HeaderParameters": [{"Key": key, "Value": "1", "IsValueSecret": false}]});
        let manifest = stack(&[&with(&orders(), "/props/AuthParameters/InvocationHttpParameters", headers)]);
        let found = World::graph(&manifest).1.unwrap_err();
        let found: Vec<_> = found.iter().map(|found| (found.code, !found.labels.is_empty())).collect();
        assert_eq!(found, [("M313", true)]);
    }
}

#[test]
fn a_secret_in_a_public_property_comes_to_rest() {
    run(async {
        let mut world = World::new();
        let user = "/props/AuthParameters/BasicAuthParameters/Username";
        world.env.0.insert("USER".to_owned(), "c4n4ry".to_owned());
        let manifest = stack(&[&with(&orders(), user, "{{ secret('env:USER') }}")]);
        world.apply(&manifest).await;
        // The service shows it.
        world.cloud.tamper(CONNECTION_TYPE, "orders", |item| {
            let Some(Value::Map(auth)) = item.properties.get_mut("AuthParameters") else { unreachable!() };
            let Some(Value::Map(basic)) = auth.get_mut("BasicAuthParameters") else { unreachable!() };
            basic.insert("Username".to_owned(), "c4n4ry".into());
        });
        world.in_sync(&manifest).await;
        let planned = world.plan(&manifest).await;
        assert_eq!(status(&planned), [(SecretStatus::Same, None), (SecretStatus::Same, None)]);
        let said = serde_json::to_string(&planned.document()).unwrap() + &format!("{:?}", planned.step("orders").edits);
        assert!(!said.contains("c4n4ry"), "{said}");
        // Another one: an edit that shows neither.
        world.env.0.insert("USER".to_owned(), "other".to_owned());
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("orders"), Action::Update);
        let said = serde_json::to_string(&planned.document()).unwrap() + &format!("{:?}", planned.step("orders").edits);
        assert!(!said.contains("c4n4ry"), "{said}");
        // Nobody knows it: no edit.
        world.env.0.remove("USER");
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("orders"), Action::None);
        assert!(status(&planned).contains(&(SecretStatus::NotVerifiable, Some("source missing"))));
    });
}
