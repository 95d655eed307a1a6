//! The body of an answer, in parts that come when the proxy gives them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, mpsc};

/// The body of an answer.
pub(super) struct Frames {
    parts: mpsc::UnboundedReceiver<Bytes>,
    announced: u64,
    sent: u64,
    /// Told when the body is out or given up.
    gone: Option<Arc<Notify>>,
}

/// Gives an answer's body its parts. Dropped before all is given, the answer breaks off.
pub(super) type Parts = mpsc::UnboundedSender<Bytes>;

impl Frames {
    /// A body of so many bytes, and what gives them.
    pub(super) fn of(response: &Response<Bytes>) -> (Parts, Self) {
        let (parts, receiver) = mpsc::unbounded_channel();
        let announced = u64::try_from(response.body().len()).unwrap_or(u64::MAX);
        (parts, Self { parts: receiver, announced, sent: 0, gone: None })
    }

    /// Tells when it is over.
    pub(super) fn telling(mut self, gone: Arc<Notify>) -> Self {
        self.gone = Some(gone);
        self
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.sent == self.announced {
            return Poll::Ready(None);
        }
        self.parts.poll_recv(context).map(|part| {
            Some(match part {
                Some(part) => {
                    self.sent += u64::try_from(part.len()).unwrap_or(u64::MAX);
                    Ok(Frame::data(part))
                }
                None => Err(io::ErrorKind::ConnectionAborted.into()),
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.sent == self.announced
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if let Some(gone) = &self.gone {
            gone.notify_one();
        }
    }
}
