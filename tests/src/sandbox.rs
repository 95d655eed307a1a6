//! `trueup sandbox serve` as a child process, and what is under `/_trueup/`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::binary::trueup;
use crate::http::{Answer, send};
use crate::proxied::runtime;

/// Where a sandbox runs.
#[derive(Debug)]
enum Server {
    /// As users run it.
    Process(Child),
    /// In the test program, where there are hundreds of them; gone when it is stopped.
    Here(Option<trueup_sandbox::Running>),
}

/// A served sandbox; dropping it ends the server.
#[derive(Debug)]
pub struct Sandbox {
    server: Server,
    /// Where it listens.
    pub url: String,
}

/// One request in the sandbox's log.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// The service, such as `events`.
    pub service: String,
    /// The operation, such as `CreateConnection`.
    pub operation: String,
    /// The resource's name, where the request has one.
    pub resource: Option<String>,
    /// `ok`, an error code or `dropped`.
    pub outcome: String,
}

impl Call {
    /// Whether the operation changes anything. An operation that is not known to read counts as one that writes.
    pub fn writes(&self) -> bool {
        changes(&self.operation)
    }

    /// Whether it was done.
    pub fn done(&self) -> bool {
        self.outcome == "ok"
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let resource = self.resource.as_deref().unwrap_or("-");
        write!(f, "{}:{} {resource} {}", self.service, self.operation, self.outcome)
    }
}

/// Whether an operation changes anything. One that is not known to read counts as one that writes.
pub fn changes(operation: &str) -> bool {
    let reads = ["Describe", "List", "Get", "Head", "BatchGet", "Lookup", "Simulate"];
    !reads.iter().any(|prefix| operation.starts_with(prefix))
}

/// The calls that change something.
pub fn writes(calls: &[Call]) -> Vec<&Call> {
    calls.iter().filter(|call| call.writes()).collect()
}

impl Sandbox {
    /// Serves a sandbox on a free port, with its state in a folder.
    pub fn serve(state: &Path, settle: &str) -> Self {
        let mut command = Command::new(trueup());
        command.env_clear().args(["sandbox", "serve", "--addr", "127.0.0.1:0", "--settle", settle, "--state"]);
        let mut child = command
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("`trueup sandbox serve` can be started");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let (said, hear) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        let line = hear.recv_timeout(Duration::from_secs(20)).unwrap_or_default();
        let url = line.strip_prefix("listening on ").map(str::to_owned);
        let Some(url) = url else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("`trueup sandbox serve` does not say where it listens, but {line:?}");
        };
        Self { server: Server::Process(child), url }
    }

    /// Starts a sandbox in the test program, with its state in a folder.
    pub fn here(state: &Path, settle: Duration) -> Self {
        let options = trueup_sandbox::Options { state: Some(state.to_owned()), settle, ..Default::default() };
        let running = runtime().block_on(trueup_sandbox::start(options)).expect("a sandbox can be started");
        Self { url: running.url(), server: Server::Here(Some(running)) }
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = send(&self.url, method, &format!("/_trueup/{path}"), "", &text)
            .unwrap_or_else(|| panic!("the sandbox does not answer {method} {path}"));
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        answer.json()
    }

    /// Every request since the last reset.
    pub fn calls(&self) -> Vec<Call> {
        serde_json::from_value(self.control("GET", "calls", &Value::Null)).expect("the log has its documented form")
    }

    /// Puts rules in force.
    pub fn faults(&self, document: &Value) {
        self.control("PUT", "faults", document);
    }

    /// Takes all rules away.
    pub fn no_faults(&self) {
        self.faults(&json!({"rules": []}));
    }

    /// The accounts as their services describe them.
    pub fn state(&self) -> Value {
        self.control("GET", "state", &Value::Null)
    }

    /// One account's and region's resources.
    pub fn home(&self, region: &str) -> Value {
        self.state()["accounts"]["123456789012"][region].clone()
    }

    /// Moves the clock.
    pub fn advance(&self, by: &str) {
        self.control("POST", "clock", &json!({"advance": by}));
    }

    /// Empties it.
    pub fn reset(&self) {
        self.control("POST", "reset", &Value::Null);
    }

    /// Denies what a policy does not allow; `null` lifts it.
    pub fn policy(&self, document: &Value) {
        let method = if document.is_null() { "DELETE" } else { "PUT" };
        self.control(method, "policy", document);
    }

    /// Calls an operation of a service, behind the program's back.
    pub fn call(&self, service: &str, operation: &str, input: &Value, region: &str) -> Answer {
        let target = match service {
            "events" => "AWSEvents",
            "glue" => "AWSGlue",
            "kms" => "TrentService",
            "logs" => "Logs_20140328",
            "sqs" => "AmazonSQS",
            "ssm" => "AmazonSSM",
            other => other,
        };
        let headers = format!(
            "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}.{operation}\r\nAuthorization: \
             AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/{region}/{service}/aws4_request, SignedHeaders=host, \
             Signature=00\r\n"
        );
        send(&self.url, "POST", "/", &headers, &input.to_string())
            .unwrap_or_else(|| panic!("the sandbox does not answer {operation}"))
    }

    /// Asks S3 for something, behind the program's back.
    pub fn s3(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let signed = "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=00\r\n";
        send(&self.url, method, path, &format!("{headers}{signed}"), body)
            .unwrap_or_else(|| panic!("the sandbox does not answer {method} {path}"))
    }

    /// Ends it as an operator does, with SIGTERM, so that it saves its state.
    pub fn terminate(mut self) -> Option<i32> {
        match &mut self.server {
            Server::Process(child) => {
                let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
                assert!(sent.is_ok_and(|status| status.success()), "cannot send SIGTERM");
                child.wait().expect("a child can be waited for").code()
            }
            Server::Here(running) => {
                let running = running.take()?;
                runtime().block_on(running.stop()).ok().map(|()| 0)
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Server::Process(child) = &mut self.server {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
