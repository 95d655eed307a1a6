//! SIGINT and SIGTERM: the first ends a run in order, the second at once.
//!
//! While nothing is being written there is no order to keep, so the first signal leaves too. Only an execution asks, with
//! [`Interrupts::graceful`], to be told and to finish what it has begun.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use trueup_engine::apply::Cancel;

use crate::exit::Exit;

/// The signals of a run.
#[derive(Clone)]
pub struct Interrupts {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    leave: Notify,
}

#[derive(Default)]
struct State {
    first: Option<Exit>,
    cancel: Option<Cancel>,
}

impl Interrupts {
    /// Begins to listen; needs the runtime.
    pub fn listen() -> Self {
        let interrupts = Self { shared: Arc::new(Shared { state: Mutex::default(), leave: Notify::new() }) };
        // Registered here and not in the task, so that no signal falls between.
        if let Some(mut signals) = Signals::new() {
            let told = interrupts.clone();
            tokio::spawn(async move {
                loop {
                    told.on(signals.next().await);
                }
            });
        }
        interrupts
    }

    fn on(&self, signal: Exit) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let again = state.first.is_some();
        state.first.get_or_insert(signal);
        match &state.cancel {
            Some(cancel) if !again => cancel.cancel(),
            _ => self.shared.leave.notify_one(),
        }
    }

    /// From now on the first signal only cancels. Where it came already, and the run is about to leave, nothing may begin.
    pub fn graceful(&self) -> Cancel {
        let cancel = Cancel::new();
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.first.is_some() && state.cancel.is_none() {
            cancel.cancel();
        } else {
            state.cancel = Some(cancel.clone());
        }
        cancel
    }

    /// Whether an execution has begun.
    pub fn is_graceful(&self) -> bool {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).cancel.is_some()
    }

    /// The first signal, where there was one.
    pub fn first(&self) -> Option<Exit> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).first
    }

    /// Ends when the run has to leave at once.
    pub async fn leave(&self) -> Exit {
        self.shared.leave.notified().await;
        self.first().unwrap_or(Exit::Interrupted)
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Some(Self {
            interrupt: signal(SignalKind::interrupt()).ok()?,
            terminate: signal(SignalKind::terminate()).ok()?,
        })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Option<Self> {
        Some(Self)
    }

    async fn next(&mut self) -> Exit {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent() -> Interrupts {
        Interrupts { shared: Arc::new(Shared { state: Mutex::default(), leave: Notify::new() }) }
    }

    #[tokio::test]
    async fn the_first_signal_leaves_where_nothing_is_written() {
        let interrupts = silent();
        interrupts.on(Exit::Terminated);
        assert_eq!(interrupts.leave().await, Exit::Terminated);
    }

    #[tokio::test]
    async fn after_a_signal_no_execution_begins() {
        let interrupts = silent();
        interrupts.on(Exit::Terminated);
        assert!(interrupts.graceful().is_cancelled() && !interrupts.is_graceful());
        assert_eq!(interrupts.leave().await, Exit::Terminated);
    }

    #[tokio::test]
    async fn an_execution_is_told_first_and_left_at_the_second_signal() {
        let interrupts = silent();
        let cancel = interrupts.graceful();
        interrupts.on(Exit::Interrupted);
        assert!(cancel.is_cancelled());
        interrupts.on(Exit::Terminated);
        assert_eq!(interrupts.leave().await, Exit::Interrupted);
    }
}
