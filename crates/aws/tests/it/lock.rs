//! One object in S3 as a lock uses it: of writes with the same condition one is carried out, and time is S3's.

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trueup_aws::lock::{Object, Outcome, Seen, is_missing_bucket};
use trueup_engine::cloud::Place;
use trueup_engine::fault::FaultKind;

use crate::support::{Bench, place};

/// Asks the sandbox something in a region, as anybody else.
async fn ask(bench: &Bench, method: &str, path: &str, region: &str, body: &str) -> String {
    let host = bench.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\nAuthorization: \
         AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/{region}/s3/aws4_request, SignedHeaders=host, \
         Signature=00\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn bucket(bench: &Bench, region: &str) {
    let body = format!(
        "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    );
    let answer = ask(bench, "PUT", "/locks", region, &body).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn object(key: &str) -> Object {
    Object::parse(&format!("s3://locks/{key}"), place()).unwrap()
}

#[tokio::test]
async fn a_write_is_carried_out_where_it_finds_what_it_expects() {
    let bench = Bench::new().await;
    bucket(&bench, "eu-central-1").await;
    // Every sign that a path may hold is signed and sent alike.
    let object = object("a b/é+(1)&=%20'!.json");
    let session = &bench.session;
    assert!(matches!(object.read(session).await.unwrap().said, Seen::Absent));
    let Outcome::Done(first) = object.write(session, None, Bytes::from_static(b"one")).await.unwrap().said else {
        panic!("it is taken")
    };
    let again = object.write(session, None, Bytes::from_static(b"two")).await.unwrap();
    assert!(matches!(again.said, Outcome::Refused));
    let Seen::Present { body, tag } = object.read(session).await.unwrap().said else { panic!("it is there") };
    assert_eq!((&body[..], &tag), (&b"one"[..], &first));
    let Outcome::Done(second) = object.write(session, Some(&first), Bytes::from_static(b"two")).await.unwrap().said
    else {
        panic!("it is renewed")
    };
    assert!(matches!(object.write(session, Some(&first), Bytes::new()).await.unwrap().said, Outcome::Refused));
    assert!(!object.remove(session, &first, Bytes::new()).await.unwrap());
    assert!(object.remove(session, &second, Bytes::new()).await.unwrap());
    assert!(!object.remove(session, &second, Bytes::new()).await.unwrap());
    assert!(matches!(object.write(session, Some(&second), Bytes::new()).await.unwrap().said, Outcome::Refused));
    assert!(matches!(object.read(session).await.unwrap().said, Seen::Absent));
}

#[tokio::test]
async fn the_bucket_may_be_in_another_region() {
    let bench = Bench::new().await;
    bucket(&bench, "us-west-2").await;
    let object = object("key");
    let written = object.write(&bench.session, None, Bytes::from_static(b"one")).await.unwrap();
    assert!(matches!(written.said, Outcome::Done(_)));
    assert!(matches!(object.read(&bench.session).await.unwrap().said, Seen::Present { .. }));
    let answer = ask(&bench, "GET", "/locks/key", "us-west-2", "").await;
    assert!(answer.ends_with("one"), "{answer}");
}

#[tokio::test]
async fn time_is_that_of_the_answers() {
    let bench = Bench::new().await;
    bucket(&bench, "eu-central-1").await;
    let object = object("key");
    let before = object.read(&bench.session).await.unwrap().date;
    let answer = ask(&bench, "POST", "/_trueup/clock", "eu-central-1", r#"{"advance": "10m"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let after = object.write(&bench.session, None, Bytes::new()).await.unwrap().date;
    assert!((599..660).contains(&(after - before)), "{before} {after}");
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_apart() {
    let bench = Bench::with_faults(serde_json::json!([
        {"service": "s3", "operation": "GetObject", "resource": "hidden", "deny": true},
        {"service": "s3", "operation": "PutObject", "resource": "denied", "deny": true},
        {"service": "s3", "operation": "PutObject", "resource": "raced", "count": 1,
         "error": {"code": "ConditionalRequestConflict", "message": "at the same moment", "status": 409}},
        {"service": "s3", "operation": "DeleteObject", "resource": "old",
         "error": {"code": "NotImplemented", "message": "no conditions", "status": 501}},
    ]))
    .await;
    let session = &bench.session;
    let fault = object("key").read(session).await.unwrap_err();
    assert!(is_missing_bucket(&fault), "{fault}");
    assert!(is_missing_bucket(&object("key").write(session, None, Bytes::new()).await.unwrap_err()));
    bucket(&bench, "eu-central-1").await;
    assert!(matches!(object("hidden").read(session).await.unwrap().said, Seen::Hidden(_)));
    assert_eq!(object("denied").write(session, None, Bytes::new()).await.unwrap_err().kind, FaultKind::Denied);
    assert!(matches!(object("raced").write(session, None, Bytes::new()).await.unwrap().said, Outcome::Refused));
    // A store that removes nothing under a condition is given what has ended.
    let Outcome::Done(tag) = object("old").write(session, None, Bytes::from_static(b"held")).await.unwrap().said else {
        panic!("it is taken")
    };
    assert!(object("old").remove(session, &tag, Bytes::from_static(b"ended")).await.unwrap());
    let Seen::Present { body, .. } = object("old").read(session).await.unwrap().said else { panic!("it stays") };
    assert_eq!(&body[..], b"ended");
    let nowhere = Place { region: Some("eu-central-1".into()), role_arn: None };
    assert!(Object::parse("s3://locks/a*", nowhere).is_err());
}
