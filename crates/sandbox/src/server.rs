//! The HTTP server: connections in, answers out, and the three ways to lose a reply.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{DATE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::calls::Calls;
use crate::clock::{Clock, Millis, http_date, whole_millis};
use crate::cloudtrail::Trail;
use crate::faults::Injector;
use crate::router::{self, Outcome, Shared};
use crate::state::{Folder, World};
use crate::{Error, Options, control};

/// No request of these services is nearly as large.
const LARGEST_BODY: usize = 4 * 1024 * 1024;
/// Times stay far from the end of their type.
const LONGEST_SETTLE: Millis = 365 * 24 * 60 * 60 * 1000;
/// How long requests under way may take when the sandbox stops.
const GRACE: Duration = Duration::from_secs(2);

/// A running sandbox; it ends when this is dropped, and saves its state when it is stopped.
pub struct Running {
    shared: Arc<Shared>,
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Running {
    /// Returns the address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the endpoint URL for SDKs.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Writes the accounts into the state folder, if there is one.
    pub fn save(&self) -> Result<(), Error> {
        save(&self.shared)
    }

    /// Finishes the requests under way, saves the accounts and ends.
    pub async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(true);
        let _ = self.accepting.await;
        save(&self.shared)
    }
}

fn save(shared: &Shared) -> Result<(), Error> {
    let Some(folder) = &shared.folder else {
        return Ok(());
    };
    let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
    world.events = shared.trail.latest();
    folder.save(&mut world, shared.clock.advanced())
}

/// Starts a sandbox.
pub(crate) async fn start(options: Options) -> Result<Running, Error> {
    let Options { addr, state, faults, settle } = options;
    if !addr.ip().is_loopback() {
        return Err(Error::NotLoopback { addr });
    }
    let faults = faults.unwrap_or_default();
    faults.check().map_err(|reason| Error::Faults { reason })?;
    let folder = state.as_deref().map(Folder::open).transpose()?;
    let mut world = folder.as_ref().map_or_else(|| Ok(World::default()), Folder::load)?;
    let listen = |source| Error::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    let shared = Arc::new(Shared {
        clock: Clock::new(world.advanced_ms),
        trail: Trail::of(std::mem::take(&mut world.events)),
        world: Mutex::new(world),
        settle: whole_millis(settle).min(LONGEST_SETTLE),
        faults: Injector::new(faults),
        calls: Calls::default(),
        policy: RwLock::new(None),
        folder,
    });
    let (stop, stopped) = watch::channel(false);
    let accepting = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
    Ok(Running { shared, addr, stop, accepting })
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Either it was stopped or its handle was dropped.
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&shared), stopped.clone()));
                }
                // Out of file handles, most likely: let some connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, all).await;
    // Whoever is left is ended, so that nobody holds the state folder after this.
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { handle(&shared, request).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A dropped reply ends as an error here, as it should.
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The error that makes the server close a connection without a reply.
#[derive(Debug, thiserror::Error)]
#[error("the reply is lost on purpose")]
struct Lost;

async fn handle(shared: &Shared, request: Request<Incoming>) -> Result<Response<Reply>, Lost> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        let mut response = Response::new(Reply::whole(Bytes::new()));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(response);
    };
    let body = body.to_bytes();
    if let Some(path) = parts.uri.path().strip_prefix(control::PREFIX) {
        return Ok(control::answer(shared, &parts.method, path, &body).map(Reply::whole));
    }
    match router::answer(shared, &parts, &body).await {
        Outcome::Reply(response) => Ok(dated(shared, response).map(Reply::whole)),
        Outcome::Cut(response) => Ok(dated(shared, response).map(Reply::cut)),
        Outcome::Dropped => Err(Lost),
    }
}

/// Says the sandbox's time, which may be ahead of the machine's.
fn dated(shared: &Shared, mut response: Response<Bytes>) -> Response<Bytes> {
    if let Ok(date) = HeaderValue::from_str(&http_date(shared.clock.now())) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// The body of a reply, which may break off.
struct Reply {
    data: Option<Bytes>,
    announced: u64,
    breaks: bool,
}

impl Reply {
    fn whole(data: Bytes) -> Self {
        Self {
            announced: u64::try_from(data.len()).unwrap_or(u64::MAX),
            data: (!data.is_empty()).then_some(data),
            breaks: false,
        }
    }

    /// Announces everything and delivers half of it.
    fn cut(data: Bytes) -> Self {
        Self {
            announced: u64::try_from(data.len().max(1)).unwrap_or(u64::MAX),
            data: Some(data.slice(..data.len() / 2)),
            breaks: true,
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match self.data.take() {
            Some(data) => Some(Ok(Frame::data(data))),
            None if self.breaks => Some(Err(io::ErrorKind::ConnectionAborted.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && !self.breaks
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
