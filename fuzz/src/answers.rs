//! A service that answers every call with the same bytes, and the calls that it is asked.
//!
//! The service is a server of this thread on loopback: what reads the answers is the whole client, from the socket on.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use trueup_aws::{Session, Settings, registry};
use trueup_engine::cloud::{Cloud as _, Live, Place, Want};
use trueup_engine::kind::Kind;
use trueup_engine::retry::Backoff;
use trueup_engine::schema::Domain;

/// What a status line says; most answers are a success, since a refusal is read by one function.
const STATUS: [u16; 16] = [200, 200, 200, 200, 200, 200, 200, 400, 400, 400, 403, 404, 301, 429, 500, 503];
const TYPES: [&str; 4] = ["application/x-amz-json-1.1", "application/json", "text/xml", ""];
/// A stack and a resource as the answers of the corpus name them.
const NAME: &str = "orders";

/// How an answer is framed.
#[derive(Clone, Copy, PartialEq)]
enum Framing {
    Whole,
    Truncated,
    /// Neither a length nor anything else.
    Bare,
    /// The bytes are all there is, the head included.
    Raw,
}

/// An answer, from bytes: which call it is an answer to, its status, type and framing, and what is in it.
struct Answer<'a> {
    call: usize,
    status: u16,
    content_type: &'static str,
    framing: Framing,
    body: &'a [u8],
}

impl<'a> Answer<'a> {
    fn of(data: &'a [u8]) -> Option<Self> {
        let ([call, status, form], body) = data.split_first_chunk()?;
        let framing = match form % 16 {
            0 => Framing::Truncated,
            1 => Framing::Bare,
            2 => Framing::Raw,
            _ => Framing::Whole,
        };
        Some(Self {
            call: usize::from(*call),
            status: STATUS[usize::from(status % 16)],
            content_type: TYPES[usize::from(form / 16 % 4)],
            framing,
            body,
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.body.len() + 100);
        if self.framing != Framing::Raw {
            let (status, kind) = (self.status, self.content_type);
            bytes.extend(format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\n").into_bytes());
            let length = self.body.len() + usize::from(self.framing == Framing::Truncated);
            if self.framing != Framing::Bare {
                bytes.extend(format!("content-length: {length}\r\n").into_bytes());
            }
            bytes.extend(b"\r\n");
        }
        bytes.extend(self.body);
        bytes
    }
}

/// The service and the runtime on which it and its client are.
struct Service {
    runtime: Runtime,
    url: String,
    answer: Arc<std::sync::Mutex<(Vec<u8>, bool)>>,
}

impl Service {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap_or_else(|error| panic!("no port on loopback: {error}"));
        let url = listener.local_addr().map(|address| format!("http://{address}")).unwrap_or_default();
        let answer = Arc::new(std::sync::Mutex::new((Vec::new(), false)));
        let answers = Arc::clone(&answer);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answers = Arc::clone(&answers);
                tokio::spawn(async move { serve(stream, &answers).await });
            }
        });
        Self { runtime, url, answer }
    }

    fn session(&self) -> Session {
        let settings = Settings {
            endpoint_url: Some(self.url.clone()),
            region: Some("us-east-1".to_owned()),
            static_credentials: Some(("test".to_owned(), "test".to_owned())),
            read_timeout: Duration::from_millis(500),
            backoff: Backoff { attempts: 1, throttled_for: Duration::ZERO, ..Backoff::default() },
            ..Settings::default()
        };
        Session::new(settings, Arc::new(|_| ()))
    }
}

/// Answers the requests of a connection.
async fn serve(mut stream: TcpStream, answers: &std::sync::Mutex<(Vec<u8>, bool)>) -> Option<()> {
    let mut request = Vec::new();
    loop {
        let (head, length) = loop {
            if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
                break (end + 4, length.map_or(Some(0), |length| length.trim().parse::<usize>().ok())?);
            }
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        };
        while request.len() < head + length {
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
        request.drain(..head + length);
        let (answer, stays) = answers.lock().ok()?.clone();
        stream.write_all(&answer).await.ok()?;
        if !stays {
            return None;
        }
    }
}

thread_local! {
    static SERVICE: RefCell<Option<Service>> = const { RefCell::new(None) };
}

/// Gives an answer to a call and reads it: neither a crash nor a wait, and what is no answer says nothing about a resource.
pub fn read(data: &[u8]) {
    let Some(answer) = Answer::of(data) else { return };
    SERVICE.with_borrow_mut(|service| {
        let service = service.get_or_insert_with(Service::start);
        if let Ok(mut place) = service.answer.lock() {
            *place = (answer.bytes(), answer.framing == Framing::Whole);
        }
        let session = service.session();
        service.runtime.block_on(ask(&session, &answer));
    });
}

async fn ask(session: &Session, answer: &Answer<'_>) {
    let place = Place { region: None, role_arn: None };
    let registry = registry();
    let kinds: Vec<&'static dyn Kind> = registry.iter().collect();
    let kind = kinds[answer.call / 8 % kinds.len()];
    match answer.call % 8 {
        0 => {
            let said = session.whereabouts(&place).await;
            let account = said.map(|said| said.account).unwrap_or_default();
            assert!(account.bytes().all(|byte| byte.is_ascii_digit()), "an account is called {account:?}");
        }
        1 => drop(session.list(kind, &place).await),
        2 => drop(session.owned(&kinds, &place, "orders", "dev").await),
        3 => {
            let domain = if answer.call >= 128 { Domain::KmsKey } else { Domain::EventsConnectionArn };
            drop(session.canonical(domain, &place, &["alias/orders".to_owned(), NAME.to_owned()]).await);
        }
        4 => drop(session.delete(kind, &place, NAME, None).await),
        shallow => {
            let want = Want {
                identity: NAME.to_owned(),
                secrets: true,
                shallow: shallow == 5,
                given: vec![String::new()],
                tags: None,
                verified: None,
            };
            let lives = session.observe(kind, &place, &[want]).await;
            assert_eq!(lives.len(), 1, "one answer for each resource");
            let says = String::from_utf8_lossy(answer.body);
            // A list that does not show it, or a refusal that says so.
            let may_be_absent = answer.framing == Framing::Raw
                || says.contains("NotFound")
                || (answer.status == 200 && serde_json::from_slice::<serde_json::Value>(answer.body).is_ok());
            if matches!(lives[0], Live::Absent) {
                assert!(may_be_absent, "{} is absent after {} {says:?}", kind.name(), answer.status);
            }
        }
    }
}
