//! The sandbox as a benchmark has it: in a process of its own, so that what it costs is not the command's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// The sandbox in a process of its own, ended when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl Server {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    ///
    /// It could not be started, or does not say where it listens.
    pub fn start(binary: &Path) -> Result<Self, String> {
        let mut child = Command::new(binary)
            .args(["sandbox", "serve", "--addr", "127.0.0.1:0", "--settle", "0ms"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the sandbox could not be started: {error}"))?;
        let stdout = child.stdout.take().ok_or("the sandbox has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let url =
            line.trim().strip_prefix("listening on ").ok_or("the sandbox does not say where it listens")?.to_owned();
        Ok(Self { child, url })
    }

    /// From now on each answer comes so many milliseconds later.
    ///
    /// # Errors
    ///
    /// It refuses to.
    pub fn slow_down(&self, milliseconds: u32) -> Result<(), String> {
        self.rules(&json!({"rules": [{"latency_ms": milliseconds}]}))
    }

    /// Puts a document of faults in force.
    ///
    /// # Errors
    ///
    /// It refuses to.
    pub fn rules(&self, rules: &Value) -> Result<(), String> {
        let answer = self.control("PUT", "faults", &rules.to_string())?;
        if answer.starts_with("HTTP/1.1 200") {
            Ok(())
        } else {
            Err(format!("the sandbox refuses these faults: {answer}"))
        }
    }

    fn control(&self, method: &str, path: &str, body: &str) -> Result<String, String> {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        let length = body.len();
        let request = format!(
            "{method} /_trueup/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Every call since the start, as `service:operation`.
    ///
    /// # Errors
    ///
    /// It does not answer with a list.
    pub fn calls(&self) -> Result<Vec<String>, String> {
        Ok(self.outcomes()?.into_iter().map(|(name, _)| name).collect())
    }

    /// The same, each with its outcome: `ok`, or the code of the error.
    ///
    /// # Errors
    ///
    /// It does not answer with a list.
    pub fn outcomes(&self) -> Result<Vec<(String, String)>, String> {
        let answer = self.control("GET", "calls", "")?;
        let start = answer.find("\r\n\r\n").ok_or("the call log is no HTTP answer")?;
        let body = answer[start..].trim();
        let json: Value = serde_json::from_str(body).map_err(|error| format!("the call log: {error}"))?;
        let list = json.as_array().or_else(|| json["calls"].as_array()).ok_or("the call log is no list")?;
        let text = |call: &Value, name: &str| call[name].as_str().unwrap_or_default().to_owned();
        let named = |call: &Value| format!("{}:{}", text(call, "service"), text(call, "operation"));
        Ok(list.iter().map(|call| (named(call), text(call, "outcome"))).collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps no state here, so it is ended the short way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one in the middle.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A call as a bare client sends it: the signature names who calls and where, and is none.
pub fn request_as(account: &str, region: &str, service: &str, operation: &str, input: &Value) -> String {
    let target = match service {
        "events" => "AWSEvents",
        other => other,
    };
    let (kind, target, body) = match service {
        "sts" => ("application/x-www-form-urlencoded", String::new(), format!("Action={operation}&Version=2011-06-15")),
        _ => ("application/x-amz-json-1.1", format!("X-Amz-Target: {target}.{operation}\r\n"), input.to_string()),
    };
    format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n{target}Authorization: AWS4-HMAC-SHA256 \
         Credential={account}/20261121/{region}/{service}/aws4_request, SignedHeaders=host, Signature=00\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    )
}

/// A bare connection that is kept.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// The sandbox does not listen.
    pub fn new(server: &Server) -> Result<Self, String> {
        let stream = TcpStream::connect(server.url.trim_start_matches("http://")).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request; the body of its answer.
    ///
    /// # Errors
    ///
    /// It was refused, or there was no whole answer.
    pub fn send(&mut self, request: &str) -> Result<Vec<u8>, String> {
        let io = |error: std::io::Error| error.to_string();
        self.stream.get_mut().write_all(request.as_bytes()).map_err(io)?;
        let mut line = String::new();
        self.stream.read_line(&mut line).map_err(io)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(format!("the sandbox answers {}", line.trim()));
        }
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).map_err(io)?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(|_| "an answer has no length".to_owned())?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).map_err(io)?;
        Ok(body)
    }
}

/// How often each one occurs, by name.
pub fn counted(names: impl IntoIterator<Item = String>) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().collect()
}
