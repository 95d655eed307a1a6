//! The same, as far as it goes, against moto: an implementation whose authors never saw ours.
//!
//! What moto does not do is left out here and named: it answers HTTP 500 to updates and deletes of Glue connections; it
//! accepts duplicates, has no paging, no states, drops connectivity and keys, and never updates the managed secret. `TRUEUP_TEST_MOTO_URL` names a running one.

use trueup_engine::cloud::{Cloud as _, Create, Live, Readiness, Update};
use trueup_engine::delta::{canonical_form, to_send};

use crate::samples::samples;
use crate::support::{Bench, assert_equal, assert_no_canary, compare, place};

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the address of another server comes from the environment")]
async fn moto_is_read_and_written_as_aws_is() {
    let Ok(url) = std::env::var("TRUEUP_TEST_MOTO_URL") else {
        skipped();
        return;
    };
    let bench = Bench::at(&url);
    for sample in samples(&bench).await.into_iter().filter(|sample| sample.merges) {
        bench.session.delete(sample.kind, &place(), sample.identity).await.unwrap();
        assert!(matches!(bench.read(sample.kind, sample.identity).await, Live::Absent));
        let desired = canonical_form(sample.kind.schema(), &sample.forms[0]);
        let create = Create { identity: Some(sample.identity), desired: &desired };
        bench.session.create(sample.kind, &place(), &create).await.unwrap();
        let live = bench.settled(sample.kind, sample.identity).await;
        assert!(matches!(live.readiness, Readiness::Ready(_)));
        assert_equal(sample.kind, &desired, &live);
        assert_no_canary(&live);
        // Public properties follow an update; the managed secret does not, and it is the one that is believed.
        let form = &sample.forms[1];
        let edits = compare(sample.kind, form, &live).edits;
        let sent = to_send(sample.kind.schema(), form, &live.properties, &[]);
        let update = Update { live: &live, desired: &sent, edits: &edits };
        bench.session.update(sample.kind, &place(), &update).await.unwrap();
        let live = bench.settled(sample.kind, sample.identity).await;
        let left = compare(sample.kind, form, &live);
        for edit in left.effective() {
            let known = edit.pointer.starts_with("/AuthParameters") || edit.pointer == "/Description";
            assert!(known, "{} {edit:?}", sample.kind.name());
        }
        bench.session.delete(sample.kind, &place(), sample.identity).await.unwrap();
        bench.gone(sample.kind, sample.identity).await;
    }
}

#[expect(clippy::print_stderr, reason = "a test that was left out says so")]
fn skipped() {
    eprintln!("skipped: TRUEUP_TEST_MOTO_URL is not set");
}
