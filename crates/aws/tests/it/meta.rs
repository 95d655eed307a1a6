//! Rules over the slice of kinds itself.

use std::collections::HashSet;

use regex_lite::Regex;
use trueup_aws::kinds::KINDS;
use trueup_engine::kind::{Kind, Verb};
use trueup_engine::permission::{Subject, actions};
use trueup_engine::schema::{Clearing, Property, Schema, Secrecy, Type};

use crate::samples::samples;
use crate::support::Bench;

/// Calls `visit` with the pointer of every property, at any depth.
fn each(schema: &'static Schema, visit: &mut dyn FnMut(&str, &'static Property)) {
    fn go(properties: &'static [Property], at: &str, visit: &mut dyn FnMut(&str, &'static Property)) {
        for property in properties {
            let pointer = format!("{at}/{}", property.name);
            visit(&pointer, property);
            match property.ty {
                Type::Object(inner) => go(inner, &pointer, visit),
                Type::List(list) => {
                    if let Type::Object(inner) = list.item {
                        go(inner, &pointer, visit);
                    }
                }
                _ => {}
            }
        }
    }
    go(schema.properties, "", visit);
}

#[test]
fn kinds_are_sorted_and_every_name_is_unique() {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
    let mut seen = HashSet::new();
    for kind in KINDS {
        for name in kind.aliases().iter().chain([&kind.name()]) {
            assert!(seen.insert(*name), "{name}");
            assert_eq!(trueup_aws::registry().find(name).map(Kind::name), Some(kind.name()));
        }
    }
}

#[test]
fn properties_are_unique_and_consistent() {
    for kind in KINDS {
        let mut pointers = HashSet::new();
        each(kind.schema(), &mut |pointer, property| {
            let at = format!("{} {pointer}", kind.name());
            assert!(pointers.insert(pointer.to_owned()), "{at} twice");
            assert!(property.doc.ends_with('.'), "{at}: the sentence has no end");
            assert!(!(property.read_only && property.required), "{at}: required and read-only");
            assert!(!(property.required && property.default.is_some()), "{at}: required and defaulted");
            assert!(property.secrecy != Secrecy::Secret || property.write_only, "{at}: a secret that is returned");
            if property.clearing == Clearing::SendDefault {
                assert!(property.default.is_some(), "{at}: no default to send");
            }
            if let Secrecy::Unless(flag) = property.secrecy {
                let parent = pointer.rsplit_once('/').unwrap().0;
                assert!(kind.schema().at(&format!("{parent}/{flag}")).is_some(), "{at}: no {flag}");
            }
            if let Type::Text(text) = property.ty
                && let Some(pattern) = text.pattern
            {
                assert!(pattern.regex.starts_with('^') && pattern.regex.ends_with('$'), "{at}: not anchored");
                Regex::new(pattern.regex).unwrap();
            }
        });
        for group in kind.schema().one_of {
            for member in group.members {
                assert!(kind.schema().at(&format!("{}/{member}", group.at)).is_some(), "{member}");
            }
        }
        for group in kind.sent_together() {
            assert!(group.iter().all(|name| kind.schema().at(&format!("/{name}")).is_some()));
        }
        let identity = kind.schema().at(&format!("/{}", kind.identity_property())).unwrap();
        assert!(if kind.names_itself() { identity.read_only } else { identity.required && identity.immutable });
        if let Some(tags) = kind.tags() {
            assert!(kind.schema().at(&format!("/{tags}")).is_some_and(|tags| tags.kept));
            assert!(
                actions(&kind.permissions(Verb::Read, &Subject::any())).contains(&"tag:GetResources"),
                "{}",
                kind.name()
            );
        }
        for attribute in kind.attributes() {
            assert!(kind.schema().at(&format!("/{}", attribute.name)).is_some_and(|found| found.read_only));
        }
        for verb in [Verb::Read, Verb::Create, Verb::Update, Verb::Delete] {
            let needed = kind.permissions(verb, &Subject::any());
            assert!(!needed.is_empty(), "{}", kind.name());
            for permission in needed {
                let is_action = |action: &&str| action.split_once(':').is_some_and(|(_, name)| !name.is_empty());
                assert!(permission.actions.iter().all(is_action), "{permission:?}");
                assert!(
                    permission.resources.iter().all(|on| on == "*" || on.starts_with("arn:aws:")),
                    "{permission:?}"
                );
                assert!(permission.topic.chars().all(|letter| letter.is_ascii_alphanumeric()), "{permission:?}");
            }
        }
    }
}

#[test]
fn required_properties_are_these() {
    let mut required = Vec::new();
    for kind in KINDS {
        each(kind.schema(), &mut |pointer, property| {
            if property.required && pointer.matches('/').count() == 1 {
                required.push(format!("{}{pointer}", kind.name()));
            }
        });
    }
    assert_eq!(
        required,
        [
            "AWS::Events::ApiDestination/Name",
            "AWS::Events::ApiDestination/ConnectionArn",
            "AWS::Events::ApiDestination/InvocationEndpoint",
            "AWS::Events::ApiDestination/HttpMethod",
            "AWS::Events::Connection/Name",
            "AWS::Events::Connection/AuthorizationType",
            "AWS::Events::Connection/AuthParameters",
            "AWS::Glue::Connection/ConnectionInput",
            "AWS::KMS::Alias/AliasName",
            "AWS::KMS::Alias/TargetKeyId",
            "AWS::SecretsManager::Secret/Name",
        ]
    );
}

#[test]
fn patterns_take_what_the_service_takes() {
    let connection = crate::samples::kind("AWS::Events::Connection").schema();
    let takes = |pointer: &str, text: &str| {
        let Some(Property { ty: Type::Text(rules), .. }) = connection.at(pointer) else { panic!("{pointer}") };
        Regex::new(rules.pattern.unwrap().regex).unwrap().is_match(text)
    };
    let password = "/AuthParameters/BasicAuthParameters/Password";
    for (text, taken) in
        [("a b", true), (" a\tb ", true), ("\ta", true), ("é", true), ("a:b", false), ("a\nb", false), ("\t", false)]
    {
        assert_eq!(takes(password, text), taken, "{text:?}");
    }
    let header = "/AuthParameters/InvocationHttpParameters/HeaderParameters/0/Key";
    for (text, taken) in [("X-Api-Key", true), ("a,b", true), ("a b", false), ("", false)] {
        assert_eq!(takes(header, text), taken, "{text:?}");
    }
    let endpoint = "/AuthParameters/OAuthParameters/AuthorizationEndpoint";
    for (text, taken) in
        [("https://x.example.com/a?b=c&d=%2F", true), ("https://x/{a}", false), ("https://x/%zz", false)]
    {
        assert_eq!(takes(endpoint, text), taken, "{text:?}");
    }
}

#[tokio::test]
async fn every_kind_has_a_sample() {
    let bench = Bench::new().await;
    let sampled: HashSet<&str> = samples(&bench).await.iter().map(|sample| sample.kind.name()).collect();
    assert_eq!(sampled, KINDS.iter().map(|kind| kind.name()).collect());
}
