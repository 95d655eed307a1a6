//! Serves a sandbox until it is interrupted: `serve [ADDR] [STATE]`.
//!
//! For clients that we did not write; people use `trueup sandbox serve`.

use std::io::Write as _;
use std::path::PathBuf;

use trueup_sandbox::{Options, start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options::default();
    if let Some(addr) = arguments.next() {
        options.addr = addr.parse()?;
    }
    options.state = arguments.next().map(PathBuf::from);
    let running = start(options).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", running.url())?;
    stdout.flush()?;
    tokio::signal::ctrl_c().await?;
    running.stop().await?;
    Ok(())
}
