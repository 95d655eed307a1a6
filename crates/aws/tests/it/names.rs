//! KMS keys by any of their names, and who and where the caller is.

use serde_json::json;
use trueup_aws::Settings;
use trueup_engine::cloud::{Cloud as _, Place};
use trueup_engine::fault::FaultKind;
use trueup_engine::schema::Domain;

use crate::support::{Bench, REGION, place, settings};

#[tokio::test]
async fn all_spellings_of_a_key_become_its_arn() {
    let bench = Bench::new().await;
    let key = bench.raw("TrentService.CreateKey", &json!({})).await["KeyMetadata"].clone();
    let (id, arn) = (key["KeyId"].as_str().unwrap(), key["Arn"].as_str().unwrap());
    for alias in ["alias/orders", "alias/shipping", "alias/billing"] {
        bench.raw("TrentService.CreateAlias", &json!({"AliasName": alias, "TargetKeyId": id})).await;
    }
    let alias_arn = format!("arn:aws:kms:{REGION}:123456789012:alias/orders");
    let canonical = async |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let before = bench.session.calls();
        let found = bench.session.canonical(Domain::KmsKey, &place(), &names).await.unwrap();
        (found, bench.session.calls() - before)
    };
    // The ARN needs no call, the id the account.
    assert_eq!(canonical(&[arn]).await.1, 0);
    let (found, calls) = canonical(&[arn, id]).await;
    assert_eq!((found[id].as_str(), found[arn].as_str(), calls), (arn, arn, 1));
    // A few are asked for, many are listed; what does not exist is left out.
    let (found, calls) = canonical(&["alias/orders", &alias_arn, "alias/none"]).await;
    assert_eq!((found.len(), calls), (2, 3));
    assert!(found.values().all(|found| found == arn));
    let (found, calls) =
        canonical(&["alias/orders", "alias/shipping", "alias/billing", &alias_arn, "alias/none"]).await;
    assert_eq!((found.len(), calls), (4, 1));
    assert!(found.values().all(|found| found == arn));
}

#[tokio::test]
async fn the_caller_is_asked_for_once() {
    let bench = Bench::new().await;
    for _ in 0..3 {
        let here = bench.session.whereabouts(&place()).await.unwrap();
        assert_eq!((here.account.as_str(), here.region.as_str()), ("123456789012", REGION));
    }
    // Another name for the same place.
    let unnamed = Settings { region: Some(REGION.to_owned()), ..settings(&bench.url) };
    let other = Bench::with(&bench.url, unnamed);
    other.session.whereabouts(&Place { region: None, role_arn: None }).await.unwrap();
    other.session.whereabouts(&place()).await.unwrap();
    assert_eq!((bench.session.calls(), other.session.calls()), (1, 1));
}

#[tokio::test]
async fn a_missing_region_says_what_to_do() {
    let bench = Bench::new().await;
    let fault = bench.session.whereabouts(&Place { region: None, role_arn: None }).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert!(fault.message.contains("AWS_REGION"), "{}", fault.message);
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_not_passed_over() {
    let profile = Some("no-such-profile-of-trueup".to_owned());
    let bench = Bench::with("", Settings { profile, static_credentials: None, ..settings("http://127.0.0.1:9") });
    let fault = bench.session.whereabouts(&place()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert!(fault.message.starts_with("the profile `no-such-profile-of-trueup` is not"), "{}", fault.message);
}
