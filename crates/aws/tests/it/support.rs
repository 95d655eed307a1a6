//! What the tests have in common: sessions, a place, waiting, comparing, and planted secrets.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trueup_aws::{CallEvent, Session, Settings};
use trueup_engine::cloud::{Cloud as _, Live, Place, Present, Readiness, Want};
use trueup_engine::delta::{Delta, delta};
use trueup_engine::kind::Kind;
use trueup_engine::retry::Backoff;
use trueup_engine::value::{Map, Value};
use trueup_sandbox::{Options, Running, start};

/// Part of every secret that the tests plant.
pub const CANARY: &str = "c4n4ry";

/// The region of the tests.
pub const REGION: &str = "eu-central-1";

/// The place of the tests.
pub fn place() -> Place {
    Place { region: Some(REGION.into()), role_arn: None }
}

/// An endpoint and a session with it.
pub struct Bench {
    pub session: Session,
    pub url: String,
    pub events: Arc<Mutex<Vec<CallEvent>>>,
    sandbox: Option<Running>,
}

/// Settings for an endpoint on loopback, with pauses that a test can wait for.
pub fn settings(url: &str) -> Settings {
    Settings {
        endpoint_url: Some(url.to_owned()),
        static_credentials: Some(("AKIDEXAMPLE".to_owned(), "secret".to_owned())),
        read_timeout: Duration::from_secs(5),
        backoff: Backoff {
            first: Duration::from_millis(5),
            longest: Duration::from_millis(20),
            throttled_for: Duration::from_millis(200),
            attempts: 4,
        },
        ..Settings::default()
    }
}

impl Bench {
    /// A sandbox and a session with it.
    pub async fn new() -> Self {
        Self::with_faults(json!([])).await
    }

    /// A sandbox in which these rules are in force.
    pub async fn with_faults(rules: Json) -> Self {
        let faults = serde_json::from_value(json!({"seed": 1, "rules": rules})).unwrap();
        let settle = Duration::from_millis(20);
        let running = start(Options { faults: Some(faults), settle, ..Options::default() }).await.unwrap();
        let mut bench = Self::at(&running.url());
        bench.sandbox = Some(running);
        bench
    }

    /// A session with another endpoint.
    pub fn at(url: &str) -> Self {
        Self::with(url, settings(url))
    }

    /// A session with these settings.
    pub fn with(url: &str, settings: Settings) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let session = Session::new(settings, Arc::new(move |event| seen.lock().unwrap().push(event)));
        Self { session, url: url.to_owned(), events, sandbox: None }
    }

    /// What is there, all of it.
    pub async fn read(&self, kind: &'static dyn Kind, identity: &str) -> Live {
        let given = vec![String::new()];
        let want =
            Want { identity: identity.to_owned(), secrets: true, shallow: false, given, tags: None, verified: None };
        self.session.observe(kind, &place(), &[want]).await.pop().unwrap()
    }

    /// What is there, once it has settled.
    pub async fn settled(&self, kind: &'static dyn Kind, identity: &str) -> Present {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match self.read(kind, identity).await {
                Live::Present(present) if !matches!(present.readiness, Readiness::Settling(_)) => {
                    return Arc::unwrap_or_clone(present);
                }
                other => assert!(Instant::now() < deadline, "{identity} does not settle: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it is gone, or scheduled to go.
    pub async fn gone(&self, kind: &'static dyn Kind, identity: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let gone = |live: &Live| match live {
            Live::Present(present) => matches!(present.readiness, Readiness::Scheduled { .. }),
            live => matches!(live, Live::Absent),
        };
        while !gone(&self.read(kind, identity).await) {
            assert!(Instant::now() < deadline, "{identity} is still there");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Calls an operation as another client would.
    pub async fn raw(&self, target: &str, input: &Json) -> Json {
        let service = target.split('.').next().unwrap();
        let headers = format!(
            "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=AKIDEXAMPLE/20261121/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=00\r\n"
        );
        self.http("POST", "/", &headers, &input.to_string()).await
    }

    /// Replaces the sandbox's rules.
    pub async fn faults(&self, rules: &Json) {
        self.http("PUT", "/_trueup/faults", "", &json!({"seed": 1, "rules": rules}).to_string()).await;
    }

    /// The operations that the sandbox was asked for, in their order.
    pub async fn calls(&self) -> Vec<String> {
        let calls = self.http("GET", "/_trueup/calls", "", "").await;
        let calls = calls.as_array().or_else(|| calls["calls"].as_array()).unwrap();
        calls.iter().map(|call| call["operation"].as_str().unwrap().to_owned()).collect()
    }

    async fn http(&self, method: &str, path: &str, headers: &str, body: &str) -> Json {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        serde_json::from_str(body).unwrap_or(Json::Null)
    }
}

/// A comparison of desired and live properties.
pub fn compare(kind: &'static dyn Kind, desired: &Map, live: &Present) -> Delta {
    delta(kind.schema(), desired, &live.properties, &[], &|_, name| name.to_owned())
}

/// Fails unless the live properties are the desired ones, every secret verified.
#[track_caller]
pub fn assert_equal(kind: &'static dyn Kind, desired: &Map, live: &Present) {
    let delta = compare(kind, desired, live);
    let edits: Vec<_> = delta.effective().map(|edit| (&edit.pointer, &edit.before, &edit.after)).collect();
    assert!(edits.is_empty(), "{} {}: {edits:?}", kind.name(), live.identity);
    for verdict in &delta.secrets {
        assert_eq!(verdict.same, Some(true), "{} {}: {verdict:?}", kind.name(), live.identity);
    }
}

/// Fails where a planted secret is in what would be shown.
#[track_caller]
pub fn assert_no_canary(shown: &impl std::fmt::Debug) {
    let shown = format!("{shown:?}");
    assert!(!shown.contains(CANARY), "{shown}");
}

/// Properties from JSON; `{"$secret": text}` is a secret.
pub fn properties(json: Json) -> Map {
    fn secrets(value: Value) -> Value {
        match value {
            Value::Map(map) => match map.get("$secret").and_then(Value::as_str) {
                Some(text) => Value::Secret(trueup_engine::secret::Secret::new("test", text.to_owned())),
                None => map.into_iter().map(|(name, member)| (name, secrets(member))).collect::<Map>().into(),
            },
            Value::List(items) => items.into_iter().map(secrets).collect::<Vec<_>>().into(),
            other => other,
        }
    }
    secrets(Value::from(json)).as_map().cloned().unwrap()
}
