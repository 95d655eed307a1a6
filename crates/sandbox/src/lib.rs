//! An AWS endpoint on loopback that speaks the services' real wire protocols.
//!
//! The product depends on behaviour that no public emulator has: states that settle later, updates that
//! merge, the managed secret that follows a connection, pages, quotas, and faults on demand. So this is
//! a server for the real SDKs and not a mock behind them: whatever passes here has been serialised,
//! signed, retried and parsed by the code that talks to AWS.
//!
//! Each behaviour is marked with its evidence where it is written: [L] recorded against AWS, [D]
//! documented, [M] from the service model, [S] from the CloudFormation schema, [T] from Terraform's
//! provider, [I] reported in public with AWS's own text, [?] not known: the stricter reading.

// A test that cannot go on should stop where it is.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod calls;
mod clock;
mod cloudcontrol;
mod cloudformation;
mod cloudtrail;
mod control;
mod document;
mod events;
mod faults;
mod glue;
mod iam;
mod kms;
mod logs;
mod operation;
mod page;
mod policy;
pub mod proxy;
mod query;
mod quotas;
mod router;
mod s3;
mod secrets;
mod server;
mod shape;
mod sqs;
mod ssm;
mod state;
mod store;
mod sts;
mod tagged;
mod tagging;
mod wire;
mod xml;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use faults::{Drop, ErrorReply, Faults, Latency, Rule};
pub use server::Running;

use clock::Clock;
use state::Folder;

/// How a sandbox is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on: on loopback; port 0 picks a free one.
    pub addr: SocketAddr,
    /// The folder that keeps the accounts; without one they end with the sandbox.
    pub state: Option<PathBuf>,
    /// The faults in force from the start.
    pub faults: Option<Faults>,
    /// How long transient states last.
    pub settle: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: None,
            faults: None,
            settle: Duration::from_millis(500),
        }
    }
}

/// Why a sandbox cannot be started, saved or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is reachable from outside, and the sandbox knows no one.
    #[error("the sandbox listens on loopback only, and {addr} is not a loopback address")]
    NotLoopback {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works on the state folder.
    #[error("the sandbox state in {} is in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The state folder cannot be read or written.
    #[error("cannot use the sandbox state in {}", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The state file is not one.
    ///
    /// It says where and not what: the parser's own text would repeat what it read.
    #[error("the sandbox state in {} is damaged at line {line}, column {column}; reset it", path.display())]
    Malformed {
        /// The folder.
        path: PathBuf,
        /// The line in the file.
        line: usize,
        /// The column in the file.
        column: usize,
    },
    /// The state file is of another version of the sandbox.
    #[error("the sandbox state in {} has the unknown version {version}; reset it", path.display())]
    Version {
        /// The folder.
        path: PathBuf,
        /// The version it says.
        version: u32,
    },
    /// The faults document cannot be meant.
    #[error("the faults cannot be used: {reason}")]
    Faults {
        /// What is wrong with it.
        reason: String,
    },
}

/// Starts a sandbox on the running tokio runtime; it answers when this returns.
pub async fn start(options: Options) -> Result<Running, Error> {
    server::start(options).await
}

/// Empties the state folder.
pub fn reset_state(dir: &Path) -> Result<(), Error> {
    Folder::open(dir)?.empty()
}

/// Renders the accounts in a state folder as their services describe them; no secret is in it.
pub fn dump_state(dir: &Path) -> Result<serde_json::Value, Error> {
    let world = state::load(dir)?;
    let now = Clock::new(world.advanced_ms).now();
    Ok(world.dump(now))
}
