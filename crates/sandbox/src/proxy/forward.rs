//! The way on: one connection for each request, so that what happens to one does not touch the next.

use std::io;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What concerns one connection only and is not passed on.
const HOP: [HeaderName; 3] = [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH];

/// Returns the host and port of an address of plain HTTP.
pub(super) fn authority(url: &str) -> io::Result<String> {
    let rest = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let plain = rest.filter(|rest| !rest.is_empty() && !rest.contains('/'));
    plain.map(str::to_owned).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("`{url}` is not the address of a server of plain HTTP"))
    })
}

/// Passes a request on, and returns the whole answer.
pub(super) async fn forward(upstream: &str, parts: &Parts, body: Bytes) -> io::Result<Response<Bytes>> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let driven = tokio::spawn(connection);
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    // The host stays as it was signed.
    *request.headers_mut() = parts.headers.clone();
    for name in &HOP {
        request.headers_mut().remove(name);
    }
    let answer = async {
        let (mut parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        for name in &HOP {
            parts.headers.remove(name);
        }
        Ok(Response::from_parts(parts, body))
    };
    let answer = answer.await.map_err(|error: hyper::Error| io::Error::other(error));
    driven.abort();
    answer
}
