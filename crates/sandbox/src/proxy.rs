//! An HTTP proxy on loopback that does to a client what networks and operators do, at a request named by its number.
//!
//! The rules of [`Faults`](crate::Faults) say what a service does. Here stands what happens between the two: a client
//! that is killed before its request arrives, after it was carried out or in the middle of the answer, a connection
//! that is lost, an answer that is no answer. A test that goes through every request of a run needs the same requests
//! under the same numbers each time, and a client that works in parallel sends them in another order each time. So the
//! proxy lets requests through in rounds: it waits until nothing arrives any more and the client is idle, sorts what is
//! there by what it asks for, and lets it through one after the other. Ids that a service makes up count by what was
//! first answered with them, so that they sort alike in each run.
//!
//! It stands before any endpoint: the sandbox, another emulator.

mod act;
mod conductor;
mod forward;
mod frames;
mod history;
mod names;
mod skew;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use act::{Act, Answer, Phase};
pub use history::Entry;

use conductor::Conductor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// The program behind the requests, as far as the proxy acts on it.
pub trait Client: Send + Sync {
    /// Whether it does nothing but wait. While it works, its next request may still come, and the round stays open.
    fn is_idle(&self) -> bool;
    /// Ends it at once, as `kill -9` does. When this returns it sends nothing any more.
    fn kill(&self);
    /// Sends it the signal of this run.
    fn signal(&self);
    /// How many programs it is that still run, where it is several.
    fn living(&self) -> usize {
        1
    }
}

/// A client of which nothing is known, and to which nothing is done.
#[derive(Debug, Clone, Copy)]
pub struct Unknown;

impl Client for Unknown {
    fn is_idle(&self) -> bool {
        true
    }

    fn kill(&self) {}

    fn signal(&self) {}
}

/// A request, as a script sees it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its number: 1 for the first.
    pub number: usize,
    /// The access key that it was signed with.
    pub caller: &'a str,
    /// The service, such as `events`; as it was signed for where the sandbox does not know it.
    pub service: &'a str,
    /// The operation, such as `CreateConnection`.
    pub operation: &'a str,
    /// The resource's name, where the request has one. Made-up ids are shown as `#` and what was first answered with them.
    pub resource: Option<&'a str>,
}

/// Says what is done to each request.
pub type Script = dyn Fn(Asked<'_>) -> Act + Send + Sync;

/// In which order the requests of a round are passed on and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By what they ask for; each is answered before the next is passed on.
    Sorted,
    /// As a seed draws it: all are passed on in one order, and then answered in another.
    Drawn(u64),
    /// As a seed draws it, for several clients that are told apart by their access keys: in each round one of them has its
    /// turn, with one or some of the requests that it waits for. A client may wait for a long time while another goes on.
    Turns(u64),
}

/// How a proxy is started.
pub struct Options {
    /// Where requests go, such as `http://127.0.0.1:4566`; plain HTTP.
    pub upstream: String,
    /// How long nothing may have arrived before a round begins.
    pub still: Duration,
    /// The order within a round.
    pub order: Order,
    /// Whose requests they are.
    pub client: Arc<dyn Client>,
    /// What is done to each of them.
    pub script: Box<Script>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("upstream", &self.upstream)
            .field("still", &self.still)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// A proxy that passes everything on, in order.
    pub fn before(upstream: &str) -> Self {
        Self {
            upstream: upstream.to_owned(),
            still: Duration::from_millis(2),
            order: Order::Sorted,
            client: Arc::new(Unknown),
            script: Box::new(|_| Act::Pass),
        }
    }
}

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    conductor: Arc<Conductor>,
    tasks: [JoinHandle<()>; 2],
}

impl Running {
    /// Returns the endpoint URL for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns what was asked and what was done, by number.
    pub fn history(&self) -> Vec<Entry> {
        self.conductor.history()
    }

    /// Tells how many requests were never let through: those that were under way when the client was killed.
    pub fn left(&self) -> usize {
        self.conductor.left()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Starts a proxy on a free port of loopback, on the running tokio runtime.
///
/// # Errors
///
/// There is no free port, or the upstream's address is no address of plain HTTP.
pub async fn start(options: Options) -> io::Result<Running> {
    let conductor = Arc::new(Conductor::new(options)?);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let addr = listener.local_addr()?;
    let conducting = tokio::spawn({
        let conductor = Arc::clone(&conductor);
        async move { conductor.conduct().await }
    });
    let accepting = tokio::spawn(accept(listener, Arc::clone(&conductor)));
    Ok(Running { addr, conductor, tasks: [conducting, accepting] })
}

async fn accept(listener: TcpListener, conductor: Arc<Conductor>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&conductor)));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, conductor: Arc<Conductor>) {
    let _ = stream.set_nodelay(true);
    // Told when an answer is out after which this connection is closed without a word.
    let hang_up = Arc::new(Notify::new());
    let service = service_fn({
        let hang_up = Arc::clone(&hang_up);
        move |request| {
            let (conductor, hang_up) = (Arc::clone(&conductor), Arc::clone(&hang_up));
            async move { conductor.ask(request, hang_up).await }
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let told = async {
        hang_up.notified().await;
        // What was answered goes out first.
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    tokio::select! {
        // A lost answer ends as an error here, as it should.
        _ = connection => {}
        () = told => {}
    }
}
