//! The contract of every kind, over the whole slice: a new kind gets these tests by existing.

use trueup_engine::cloud::{Cloud as _, Confirm, Create, Live, Readiness, Update, Want};
use trueup_engine::delta::{canonical_form, to_send};
use trueup_engine::fault::FaultKind;

use crate::samples::{Sample, samples};
use crate::support::{Bench, assert_equal, assert_no_canary, compare, place};

#[tokio::test]
async fn every_kind_keeps_the_contract() {
    let bench = Bench::new().await;
    for mut sample in samples(&bench).await {
        deleting_the_missing_succeeds(&bench, &sample).await;
        create(&bench, &mut sample).await;
        creating_again_is_a_conflict(&bench, &sample).await;
        update_through_all_forms(&bench, &sample).await;
        lists_tell_what_is_there(&bench, &sample).await;
        confirm(&bench, &sample, true).await;
        delete(&bench, &sample).await;
        confirm(&bench, &sample, false).await;
    }
    let events = bench.events.lock().unwrap();
    assert!(!events.is_empty());
    assert_no_canary(&*events);
}

async fn deleting_the_missing_succeeds(bench: &Bench, sample: &Sample) {
    let written = bench.session.delete(sample.kind, &place(), sample.identity, None).await.unwrap();
    assert_eq!(written.readiness, Readiness::Ready(None));
    assert!(matches!(bench.read(sample.kind, sample.identity).await, Live::Absent));
}

async fn create(bench: &Bench, sample: &mut Sample) {
    let desired = canonical_form(sample.kind.schema(), &sample.forms[0]);
    let create = Create { identity: sample.asked_for(), desired: &desired };
    let written = bench.session.create(sample.kind, &place(), &create).await.unwrap();
    sample.identify(&written);
    for attribute in sample.kind.attributes().iter().filter(|attribute| attribute.on_create) {
        assert!(written.attributes.contains_key(attribute.name), "{}", attribute.name);
    }
    assert!(written.notes.is_empty(), "{:?}", written.notes);
    assert_no_canary(&written);
    let live = bench.settled(sample.kind, sample.identity).await;
    assert!(matches!(live.readiness, Readiness::Ready(_)), "{:?}", live.readiness);
    assert_equal(sample.kind, &desired, &live);
    assert_no_canary(&live);
    for attribute in sample.kind.attributes() {
        assert!(live.attributes.contains_key(attribute.name), "{}", attribute.name);
    }
}

async fn creating_again_is_a_conflict(bench: &Bench, sample: &Sample) {
    if sample.kind.names_itself() {
        return;
    }
    let desired = canonical_form(sample.kind.schema(), &sample.forms[0]);
    let create = Create { identity: Some(sample.identity), desired: &desired };
    let fault = bench.session.create(sample.kind, &place(), &create).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Conflict);
    assert_no_canary(&fault);
}

async fn update_through_all_forms(bench: &Bench, sample: &Sample) {
    for form in sample.forms.iter().skip(1).chain(sample.forms.first()) {
        let live = bench.settled(sample.kind, sample.identity).await;
        let delta = compare(sample.kind, form, &live);
        let edits: Vec<_> = delta.effective().cloned().collect();
        assert!(!edits.is_empty());
        let desired = to_send(sample.kind.schema(), form, &live.properties, &[]);
        let update = Update { live: &live, desired: &desired, edits: &edits };
        let written = bench.session.update(sample.kind, &place(), &update).await.unwrap();
        // That values follow each other too fast is true here.
        let notes: Vec<_> = written.notes.iter().filter(|note| !note.contains("in ten minutes")).collect();
        assert!(notes.is_empty(), "{notes:?}");
        let after = bench.settled(sample.kind, sample.identity).await;
        assert!(matches!(after.readiness, Readiness::Ready(_)), "{:?}", after.readiness);
        assert_equal(sample.kind, form, &after);
        assert_no_canary(&(written, &after));
        for attribute in sample.kind.attributes().iter().filter(|attribute| attribute.stable) {
            assert_eq!(live.attributes.get(attribute.name), after.attributes.get(attribute.name), "{}", attribute.name);
        }
    }
}

/// Many are read by pages, and what is not there is absent without a call of its own.
async fn lists_tell_what_is_there(bench: &Bench, sample: &Sample) {
    for shallow in [true, false] {
        let before = bench.session.calls();
        let want = |identity: String| Want {
            identity,
            secrets: false,
            shallow,
            given: Vec::new(),
            tags: None,
            verified: None,
        };
        let mut wants: Vec<Want> = (0..10).map(|n| want(sample.like(n))).collect();
        wants.insert(5, want(sample.identity.to_owned()));
        let lives = bench.session.observe(sample.kind, &place(), &wants).await;
        for (want, live) in wants.iter().zip(&lives) {
            match live.present() {
                Some(present) => assert_eq!((&*present.identity, &*want.identity), (sample.identity, sample.identity)),
                None => assert!(matches!(live, Live::Absent) && want.identity != sample.identity, "{live:?}"),
            }
        }
        let present = lives[5].present().unwrap();
        assert!(matches!(present.readiness, Readiness::Ready(_)), "{:?}", present.readiness);
        assert!(present.attributes.contains_key("Arn"));
        let [outline, whole] = sample.reads;
        assert_eq!(bench.session.calls() - before, if shallow { outline } else { whole }, "{}", sample.kind.name());
    }
}

async fn confirm(bench: &Bench, sample: &Sample, present: bool) {
    let item = Confirm { identity: sample.identity.to_owned(), present };
    let findings = bench.session.confirm(sample.kind, &place(), &[item]).await;
    assert!(findings.is_empty(), "{findings:?}");
}

async fn delete(bench: &Bench, sample: &Sample) {
    let desired = Some(&sample.forms[0]);
    let written = bench.session.delete(sample.kind, &place(), sample.identity, desired).await.unwrap();
    assert_no_canary(&written);
    bench.gone(sample.kind, sample.identity).await;
    bench.session.delete(sample.kind, &place(), sample.identity, desired).await.unwrap();
}
