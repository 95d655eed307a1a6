//! Answers that are not AWS's: from a proxy, a wrong endpoint, a broken connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use trueup_aws::{Network, Pool, Session, Settings};
use trueup_engine::cloud::{Cloud as _, Confirm, Live, Place, Want};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::schema::Domain;

use crate::samples::kind;
use crate::support::{Bench, REGION, place, settings};

/// A server that answers a request with what `answer` makes of it, and closes; nothing for an empty answer.
async fn server(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    let answer = Arc::new(answer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut buffer = vec![0; 16 * 1024];
                let length = stream.read(&mut buffer).await.unwrap_or(0);
                let answer = answer(&String::from_utf8_lossy(&buffer[..length]));
                if answer.is_empty() {
                    tokio::time::sleep(Duration::from_mins(1)).await;
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

async fn fault(answer: &'static str) -> Fault {
    let url = format!("http://{}", server(|_| answer.to_owned()).await);
    let quick = Settings {
        read_timeout: Duration::from_millis(50),
        connect_timeout: Duration::from_millis(50),
        ..settings(&url)
    };
    match Bench::with(&url, quick).read(kind("AWS::Events::ApiDestination"), "orders").await {
        Live::Unreadable(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_page_of_a_proxy_is_not_an_answer() {
    let fault = fault("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>").await;
    assert_eq!(fault.kind, FaultKind::Transport);
    assert!(fault.message.contains("text/html") && fault.message.contains("proxy"), "{}", fault.message);
}

#[tokio::test]
async fn a_page_with_an_error_goes_by_its_status() {
    let bad =
        fault("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>").await;
    assert_eq!(bad.kind, FaultKind::Internal);
    assert!(bad.message.contains("proxy"), "{}", bad.message);
    let refused = fault("HTTP/1.1 403 Forbidden\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n<e/>").await;
    assert_eq!(refused.kind, FaultKind::Denied);
    let none = fault("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(none.kind, FaultKind::Invalid);
    let empty = fault("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(empty.kind, FaultKind::Internal);
}

#[tokio::test]
async fn a_write_that_is_answered_with_null_is_done_and_a_read_is_not() {
    let null = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 4\r\n\r\nnull";
    let url = format!("http://{}", server(|_| null.to_owned()).await);
    let bench = Bench::at(&url);
    let alias = kind("AWS::KMS::Alias");
    bench.session.delete(alias, &place(), "alias/orders", None).await.unwrap();
    match bench.read(alias, "alias/orders").await {
        Live::Unreadable(_) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_not_read() {
    let cut =
        fault("HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 10\r\n\r\n{\"Name\":\"o")
            .await;
    assert_eq!(cut.kind, FaultKind::Transport);
    let broken = fault("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Name\"").await;
    assert_eq!(broken.kind, FaultKind::Transport);
}

#[tokio::test]
async fn a_page_without_a_list_makes_nothing_absent() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 2\r\n\r\n{}";
    let bench = Bench::at(&format!("http://{}", server(|_| answer.to_owned()).await));
    for kind in trueup_aws::registry().iter() {
        let want = |n: usize| Want {
            identity: format!("orders-{n}"),
            secrets: false,
            shallow: true,
            given: Vec::new(),
            tags: None,
            verified: None,
        };
        let wants: Vec<Want> = (0..5).map(want).collect();
        for live in bench.session.observe(kind, &place(), &wants).await {
            assert!(matches!(&live, Live::Unreadable(fault) if fault.kind == FaultKind::Transport), "{live:?}");
        }
    }
}

#[tokio::test]
async fn a_list_that_begins_again_is_no_whole_list() {
    let answer = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let address = server(move |request| {
        let aliases = request.to_lowercase().contains("trentservice.listaliases");
        answer(if aliases {
            "{\"Aliases\":[],\"Truncated\":true,\"NextMarker\":\"a\"}"
        } else {
            "{\"SecretList\":[],\"NextToken\":\"a\"}"
        })
    })
    .await;
    let bench = Bench::at(&format!("http://{address}"));
    let item = [Confirm { identity: "orders".to_owned(), present: false }];
    let findings = bench.session.confirm(kind("AWS::Events::Connection"), &place(), &item).await;
    assert!(!findings[0].proven && findings[0].message.contains("could not be verified"), "{findings:?}");
    let names: Vec<String> = (0..4).map(|n| format!("alias/orders-{n}")).collect();
    let fault = bench.session.canonical(Domain::KmsKey, &place(), &names).await.unwrap_err();
    assert!(fault.message.contains("NextMarker"), "{}", fault.message);
}

#[tokio::test]
async fn silence_is_a_timeout() {
    assert_eq!(fault("").await.kind, FaultKind::Timeout);
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_named_by_its_error() {
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let bench = Bench::at(&url);
    let fault = bench.session.whereabouts(&place()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transport);
    assert!(fault.message.to_lowercase().contains("refused"), "{}", fault.message);
}

fn xml(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_role_is_assumed_with_the_callers_credentials_and_used_from_then_on() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    let address = server(move |request| {
        let key = request.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let assumes = request.contains("Action=AssumeRole");
        requests.lock().unwrap().push((if assumes { "AssumeRole" } else { "GetCallerIdentity" }, key.to_owned()));
        if assumes {
            xml("<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
                 <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>k</SecretAccessKey><SessionToken>t</SessionToken>\
                 <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>")
        } else {
            xml("<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Account>210987654321</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")
        }
    })
    .await;
    let bench = Bench::at(&format!("http://{address}"));
    let role_arn = Some("arn:aws:iam::210987654321:role/deploy".into());
    for region in [REGION, "us-east-1"] {
        let role = Place { region: Some(region.into()), role_arn: role_arn.clone() };
        assert_eq!(bench.session.whereabouts(&role).await.unwrap().account, "210987654321");
    }
    // An account is the same in every region, so that it is asked for once.
    let wanted = [("AssumeRole", "AKIDEXAMPLE"), ("GetCallerIdentity", "ASIAROLE")];
    assert_eq!(*seen.lock().unwrap(), wanted.map(|(operation, key)| (operation, key.to_owned())));
}

#[tokio::test]
async fn the_sessions_of_a_pool_ask_once_who_they_are() {
    let seen = Arc::new(Mutex::new(0));
    let requests = Arc::clone(&seen);
    let address = server(move |_| {
        *requests.lock().unwrap() += 1;
        xml("<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Account>210987654321</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")
    })
    .await;
    let pool = Arc::new(Pool::default());
    let session = |key: &str| {
        let static_credentials = Some((key.to_owned(), "secret".to_owned()));
        let settings = Settings { static_credentials, ..settings(&format!("http://{address}")) };
        Session::of(Arc::clone(&pool), settings, Arc::new(|_| {}))
    };
    let (first, second, other) = (session("AKIDFIRST"), session("AKIDFIRST"), session("AKIDOTHER"));
    for session in [&first, &second] {
        for region in [REGION, "us-east-1"] {
            let place = Place { region: Some(region.into()), role_arn: None };
            assert_eq!(session.whereabouts(&place).await.unwrap().region, region);
        }
    }
    assert_eq!((first.calls(), second.calls(), *seen.lock().unwrap()), (1, 0, 1));
    // Other keys may be of another account.
    other.whereabouts(&place()).await.unwrap();
    assert_eq!((other.calls(), *seen.lock().unwrap()), (1, 2));
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_denied_in_the_services_words() {
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform \
                sts:AssumeRole</Message></Error></ErrorResponse>";
    let address = server(move |_| {
        format!("HTTP/1.1 403 Forbidden\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    })
    .await;
    let bench = Bench::at(&format!("http://{address}"));
    let role_arn = Some("arn:aws:iam::210987654321:role/deploy".into());
    let fault = bench.session.whereabouts(&Place { role_arn, ..place() }).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    assert!(fault.message.contains("AccessDenied: not authorized"), "{}", fault.message);
    assert!(!fault.message.contains('{'), "{}", fault.message);
}

#[tokio::test]
async fn https_goes_through_the_proxy_and_what_it_excepts_does_not() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    let address = server(move |request| {
        requests.lock().unwrap().push(request.to_owned());
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".to_owned()
    })
    .await;
    let network = |no_proxy: Option<&str>| Network {
        https_proxy: Some(format!("http://me:hunter2@{address}")),
        no_proxy: no_proxy.map(str::to_owned),
        ca_bundle: None,
    };
    let aws = Bench::with("", Settings { endpoint_url: None, network: network(None), ..settings("") });
    let destination = kind("AWS::Events::ApiDestination");
    for (region, host) in [(REGION, "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")] {
        let place = Place { region: Some(region.into()), role_arn: None };
        let want = Want {
            identity: "orders".to_owned(),
            secrets: false,
            shallow: false,
            given: Vec::new(),
            tags: None,
            verified: None,
        };
        let lives = aws.session.observe(destination, &place, &[want]).await;
        let Live::Unreadable(fault) = &lives[0] else { panic!("{lives:?}") };
        assert_eq!(fault.kind, FaultKind::Transport);
        assert!(!fault.message.contains("hunter2"), "{}", fault.message);
        let request = seen.lock().unwrap().pop().unwrap();
        assert!(request.starts_with(&format!("CONNECT events.{region}.{host}:443 ")), "{request}");
        assert!(request.to_lowercase().contains("proxy-authorization: basic "), "{request}");
    }
    seen.lock().unwrap().clear();
    // Plain http never does, and neither does a host that is excepted; nobody listens at either.
    for (url, no_proxy) in [("http://127.0.0.1:9", None), ("https://127.0.0.1:9", Some("127.0.0.1"))] {
        let bench = Bench::with(url, Settings { network: network(no_proxy), ..settings(url) });
        assert!(matches!(bench.read(destination, "orders").await, Live::Unreadable(_)));
    }
    assert!(seen.lock().unwrap().is_empty());
}
