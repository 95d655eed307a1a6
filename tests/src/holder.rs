//! A proxy that does not pass on one answer: what was asked for is done, and nobody is told.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// Stands before a server until the test program ends.
#[derive(Debug)]
pub struct Holder {
    /// Where it listens.
    pub url: String,
    held: mpsc::Receiver<()>,
}

impl Holder {
    /// Stands before a server of plain HTTP, and keeps the answers to requests that contain these bytes.
    pub fn before(url: &str, kept: &'static str) -> Self {
        let server = url.strip_prefix("http://").expect("servers of tests speak plain HTTP").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let (said, held) = mpsc::channel();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(upstream) = TcpStream::connect(&server) else { return };
                pass(client, upstream, kept, said.clone());
            }
        });
        Self { url: format!("http://127.0.0.1:{port}"), held }
    }

    /// Waits until an answer was kept; whether one was.
    pub fn wait(&self, longest: Duration) -> bool {
        self.held.recv_timeout(longest).is_ok()
    }
}

fn pass(client: TcpStream, upstream: TcpStream, kept: &'static str, said: mpsc::Sender<()>) {
    let keeps = Arc::new(AtomicBool::new(false));
    let both =
        || (client.try_clone().expect("a socket has copies"), upstream.try_clone().expect("a socket has copies"));
    let ((mut from, mut to), asked) = (both(), Arc::clone(&keeps));
    thread::spawn(move || {
        // What was read, so that a name that comes in two parts is seen too.
        let mut seen = Vec::new();
        copy(&mut from, &mut to, |part| {
            seen.extend_from_slice(part);
            // The headers' names are in lower or mixed case, their values as they were sent.
            if seen.windows(kept.len()).any(|window| window == kept.as_bytes()) {
                asked.store(true, Ordering::SeqCst);
            }
            true
        });
    });
    let (mut to, mut from) = both();
    thread::spawn(move || {
        copy(&mut from, &mut to, |_| {
            let keep = keeps.load(Ordering::SeqCst);
            if keep {
                let _ = said.send(());
            }
            !keep
        });
    });
}

/// Copies what comes until it ends, in parts; those that are not allowed are dropped.
fn copy(from: &mut TcpStream, to: &mut TcpStream, mut allowed: impl FnMut(&[u8]) -> bool) {
    let mut part = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut part) {
        if allowed(&part[..length]) && to.write_all(&part[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
