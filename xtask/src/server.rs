//! The sandbox as a benchmark has it: in a process of its own, so that what it costs is not the command's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

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
        let rules = serde_json::json!({"rules": [{"latency_ms": milliseconds}]}).to_string();
        let answer = self.control("PUT", "faults", &rules)?;
        if answer.starts_with("HTTP/1.1 200") {
            Ok(())
        } else {
            Err(format!("the sandbox refuses to be slow: {answer}"))
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
        let answer = self.control("GET", "calls", "")?;
        let start = answer.find("\r\n\r\n").ok_or("the call log is no HTTP answer")?;
        let body = answer[start..].trim();
        let json: serde_json::Value = serde_json::from_str(body).map_err(|error| format!("the call log: {error}"))?;
        let list = json.as_array().or_else(|| json["calls"].as_array()).ok_or("the call log is no list")?;
        Ok(list
            .iter()
            .map(|call| {
                format!(
                    "{}:{}",
                    call["service"].as_str().unwrap_or_default(),
                    call["operation"].as_str().unwrap_or_default()
                )
            })
            .collect())
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
