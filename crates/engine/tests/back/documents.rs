//! Plans as documents: the same bytes for the same inputs, refused when anything moved, and a whole one to look at.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use trueup_engine::plan::document::{PlanDocument, ReadError, verify};
use trueup_engine::value::Value;

use crate::mixed::{after, mixed, text};
use crate::support::{CONNECTION_TYPE, DESTINATION_TYPE, run};

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

/// A kind, a name, and the property that gets another value; `None` removes the resource.
type Edit = (&'static str, &'static str, Option<(&'static str, Value)>);

/// Every edit that somebody might make behind our backs.
fn edits() -> Vec<Edit> {
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
        assert_eq!(saved.selected().collect::<Vec<_>>(), ["orders", "new"]);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics(text in ".{0,200}") {
        let _ = PlanDocument::read(&text);
    }
}
