//! The proxy before a sandbox: which requests it lets through, in which order, and what it does to them.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::Sandbox;
use serde_json::json;
use tokio::runtime::Runtime;
use trueup_sandbox::proxy::{self, Act, Answer, Asked, Client, Options, Order, Phase, Running};

/// Counts what is done to it.
#[derive(Default)]
struct Counted {
    kills: AtomicUsize,
    signals: AtomicUsize,
}

impl Client for Counted {
    fn is_idle(&self) -> bool {
        true
    }

    fn kill(&self) {
        self.kills.fetch_add(1, Ordering::SeqCst);
    }

    fn signal(&self) {
        self.signals.fetch_add(1, Ordering::SeqCst);
    }
}

struct Place {
    sandbox: Sandbox,
    client: Arc<Counted>,
    proxy: Running,
    _runtime: Runtime,
}

impl Place {
    fn new(order: Order, script: impl Fn(Asked<'_>) -> Act + Send + Sync + 'static) -> Self {
        let sandbox = Sandbox::new();
        let runtime = Runtime::new().unwrap();
        let client = Arc::new(Counted::default());
        let options = Options {
            // Wide enough for threads that are started one after the other.
            still: Duration::from_millis(60),
            order,
            client: Arc::<Counted>::clone(&client),
            script: Box::new(script),
            ..Options::before(&sandbox.running().url())
        };
        let proxy = runtime.block_on(proxy::start(options)).unwrap();
        Self { sandbox, client, proxy, _runtime: runtime }
    }

    /// What came back, whole or not.
    fn ask(&self, operation: &str, name: &str) -> String {
        ask(&self.proxy.url(), operation, name)
    }

    fn carried_out(&self) -> Vec<String> {
        let calls = self.sandbox.control("GET", "calls", &json!(null)).json();
        calls.as_array().unwrap().iter().map(|call| call["resource"].as_str().unwrap().to_owned()).collect()
    }

    fn history(&self) -> Vec<String> {
        self.proxy.history().iter().map(ToString::to_string).collect()
    }
}

fn ask(url: &str, operation: &str, name: &str) -> String {
    let host = url.strip_prefix("http://").unwrap();
    let body = json!({"Name": name}).to_string();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\nX-Amz-Target: \
         AWSEvents.{operation}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/events/aws4_request\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_arrives_together_goes_through_by_name_and_under_the_same_numbers() {
    let place = Place::new(Order::Sorted, |_| Act::Pass);
    let url = place.proxy.url();
    let threads: Vec<_> = ["d", "b", "a", "c"]
        .map(|name| {
            let url = url.clone();
            thread::spawn(move || ask(&url, "DescribeConnection", name))
        })
        .into_iter()
        .collect();
    for thread in threads {
        assert!(thread.join().unwrap().contains("ResourceNotFoundException"));
    }
    assert_eq!(place.carried_out(), ["a", "b", "c", "d"]);
    assert_eq!(
        place.history(),
        ["a", "b", "c", "d"]
            .iter()
            .zip(1..)
            .map(|(name, number)| format!(
                "{number:>3} events:DescribeConnection {name} pass 400 ResourceNotFoundException"
            ))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_seed_draws_the_order_and_draws_it_again() {
    let order = |seed| {
        let place = Place::new(Order::Drawn(seed), |_| Act::Pass);
        let url = place.proxy.url();
        thread::scope(|scope| {
            for name in ["a", "b", "c", "d", "e"] {
                let url = url.clone();
                scope.spawn(move || ask(&url, "DescribeConnection", name));
            }
        });
        place.carried_out()
    };
    let first = order(3);
    assert_eq!(first, order(3));
    assert!((4..10).any(|seed| order(seed) != first));
}

#[test]
fn a_lost_connection_is_lost_before_after_or_in_the_middle() {
    let place = Place::new(Order::Sorted, |asked| Act::Drop(Phase::ALL[(asked.number - 1) % 3]));
    assert_eq!(place.ask("DescribeConnection", "before"), "");
    assert_eq!(place.ask("DescribeConnection", "after"), "");
    let half = place.ask("DescribeConnection", "during");
    assert!(half.starts_with("HTTP/1.1 400") && !half.ends_with('}'), "{half}");
    assert_eq!(place.carried_out(), ["after", "during"]);
}

#[test]
fn an_answer_can_be_another_one_or_only_look_whole() {
    let place = Place::new(Order::Sorted, |asked| match asked.number {
        1 => Act::Answer(Phase::Before, Answer::error(asked.service, 503, "ServiceUnavailable")),
        2 => Act::Answer(Phase::After, Answer::page(200)),
        3 => Act::Truncate,
        4 => Act::Date("Mon, 01 Jan 2001 00:00:00 GMT"),
        _ => Act::Pass,
    });
    assert!(place.ask("DescribeConnection", "one").contains("503 Service Unavailable"));
    assert!(place.ask("DescribeConnection", "two").contains("<h1>"));
    let three = place.ask("DescribeConnection", "three");
    let (head, body) = three.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains(&format!("content-length: {}", body.len())), "{three}");
    assert!(serde_json::from_str::<serde_json::Value>(body).is_err(), "{three}");
    assert!(place.ask("DescribeConnection", "four").contains("01 Jan 2001"));
    assert_eq!(place.carried_out(), ["two", "three", "four"]);
}

#[test]
fn after_the_client_is_killed_nothing_is_passed_on() {
    let place = Place::new(Order::Sorted, |asked| if asked.number == 2 { Act::Kill(Phase::After) } else { Act::Pass });
    assert!(place.ask("DescribeConnection", "one").contains("400"));
    assert_eq!(place.ask("DescribeConnection", "two"), "");
    assert_eq!(place.ask("DescribeConnection", "three"), "");
    assert_eq!(place.carried_out(), ["one", "two"]);
    assert_eq!((place.client.kills.load(Ordering::SeqCst), place.proxy.left()), (1, 1));
}

#[test]
fn a_signal_is_sent_and_the_request_goes_its_way() {
    let place = Place::new(Order::Sorted, |asked| Act::Signal(Phase::ALL[(asked.number - 1) % 3]));
    for name in ["one", "two", "three"] {
        assert!(place.ask("DescribeConnection", name).ends_with('}'));
    }
    assert_eq!(place.client.signals.load(Ordering::SeqCst), 3);
}

#[test]
fn who_waits_does_not_hold_up_the_others() {
    let place = Place::new(Order::Sorted, |asked| {
        if asked.number == 1 { Act::Delay(Phase::Before, Duration::from_millis(600)) } else { Act::Pass }
    });
    let url = place.proxy.url();
    let slow = thread::spawn(move || ask(&url, "DescribeConnection", "slow"));
    thread::sleep(Duration::from_millis(150));
    assert!(place.ask("DescribeConnection", "fast").ends_with('}'));
    assert!(slow.join().unwrap().ends_with('}'));
    assert_eq!(place.carried_out(), ["fast", "slow"]);
}
