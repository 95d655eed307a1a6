//! A sandbox in the test's process, and a tiny client that signs nothing and hides nothing.

// Every test file is its own program and uses its own part of this.
#![allow(dead_code, clippy::unwrap_used, clippy::missing_panics_doc)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use trueup_sandbox::{Error, Options, Running, start};

/// A running sandbox with its runtime.
pub struct Sandbox {
    runtime: Runtime,
    running: Option<Running>,
    tokens: AtomicU32,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The error code of an awsJson answer.
    pub fn code(&self) -> String {
        self.json()["__type"].as_str().unwrap_or_default().to_owned()
    }
}

/// Options with states that last until the clock is advanced.
pub fn slow() -> Options {
    Options { settle: Duration::from_mins(1), ..Options::default() }
}

impl Sandbox {
    /// Starts one whose transient states last a minute of virtual time.
    pub fn new() -> Self {
        Self::with(slow()).unwrap()
    }

    pub fn with(options: Options) -> Result<Self, Error> {
        let runtime = Runtime::new().unwrap();
        let running = runtime.block_on(start(options))?;
        Ok(Self { runtime, running: Some(running), tokens: AtomicU32::new(0) })
    }

    pub fn addr(&self) -> SocketAddr {
        self.running.as_ref().unwrap().addr()
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn stop(mut self) {
        let running = self.running.take().unwrap();
        self.runtime.block_on(running.stop()).unwrap();
    }

    /// Sends one request; `None` when the connection ended without a whole reply.
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (headers, body) = text.split_once("\r\n\r\n")?;
        let announced = headers.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        if announced.is_some_and(|announced| announced != body.len()) {
            return None;
        }
        Some(Answer {
            status: headers.split(' ').nth(1)?.parse().ok()?,
            headers: headers.to_lowercase(),
            body: body.to_owned(),
        })
    }

    /// Calls an awsJson operation as an account in a region.
    pub fn call_as(&self, key: &str, region: &str, target: &str, input: &Value) -> Option<Answer> {
        let service = target.split('.').next().unwrap();
        let headers = format!(
            "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={key}/20261121/{region}/{service}/aws4_request, SignedHeaders=host, Signature=00\r\n"
        );
        self.send("POST", "/", &headers, &input.to_string())
    }

    /// Calls as the default account; like an SDK, it makes up the token that some writes need.
    pub fn call(&self, target: &str, mut input: Value) -> Answer {
        let has_value = input.get("SecretString").is_some() || input.get("SecretBinary").is_some();
        if has_value && input.get("ClientRequestToken").is_none() {
            let number = self.tokens.fetch_add(1, Ordering::Relaxed);
            input["ClientRequestToken"] = format!("{number:032}").into();
        }
        self.call_as("AKIDEXAMPLE", "us-east-1", target, &input).unwrap()
    }

    /// Calls an operation of EventBridge that must succeed.
    pub fn events(&self, operation: &str, input: Value) -> Value {
        let answer = self.call(&format!("AWSEvents.{operation}"), input);
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()
    }

    /// Calls an operation of EventBridge that must fail; returns its code and text.
    pub fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let answer = self.call(&format!("AWSEvents.{operation}"), input);
        assert_eq!(answer.status, 400, "{operation}: {}", answer.body);
        let body = answer.json();
        let text = body["message"].as_str().or(body["Message"].as_str());
        (answer.code(), text.unwrap_or_default().to_owned())
    }

    pub fn secrets(&self, operation: &str, input: Value) -> Value {
        let answer = self.call(&format!("secretsmanager.{operation}"), input);
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()
    }

    pub fn kms(&self, operation: &str, input: Value) -> Value {
        let answer = self.call(&format!("TrentService.{operation}"), input);
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()
    }

    pub fn control(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("/_trueup/{path}"), "", &body).unwrap()
    }

    pub fn advance(&self, text: &str) {
        assert_eq!(self.control("POST", "clock", &json!({"advance": text})).status, 200);
    }

    pub fn faults(&self, rules: Value) {
        let answer = self.control("PUT", "faults", &json!({"seed": 1, "rules": rules}));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    pub fn calls(&self) -> Vec<Value> {
        self.control("GET", "calls", &Value::Null).json().as_array().unwrap().clone()
    }

    pub fn describe(&self, name: &str) -> Value {
        self.events("DescribeConnection", json!({"Name": name}))
    }

    /// The value of a connection's managed secret.
    pub fn payload(&self, name: &str) -> Value {
        let arn = self.describe(name)["SecretArn"].clone();
        let value = self.secrets("GetSecretValue", json!({"SecretId": arn}));
        serde_json::from_str(value["SecretString"].as_str().unwrap()).unwrap()
    }
}

/// The input of a BASIC connection.
pub fn basic(name: &str) -> Value {
    json!({
        "Name": name,
        "AuthorizationType": "BASIC",
        "AuthParameters": {"BasicAuthParameters": {"Username": "user", "Password": "hunter2-pass"}},
    })
}

/// The input of an OAUTH connection.
pub fn oauth(name: &str) -> Value {
    json!({
        "Name": name,
        "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
        "AuthParameters": {"OAuthParameters": {
            "ClientParameters": {"ClientID": "id", "ClientSecret": "hunter2-client"},
            "AuthorizationEndpoint": "https://example.com/oauth",
            "HttpMethod": "POST",
        }},
    })
}
