//! When an operation begins: with the first write that is sent for it.
//!
//! What an operation waits for before that (its rate, a search, a read) leaves no trace, so that an interruption leaves it
//! undone. From its first write on it is carried to its end. Which call is the first write is known where calls are sent,
//! deep in a cloud that knows nothing of operations; so the operation under way is a task-local.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Cancel;

tokio::task_local! {
    static UNDER_WAY: UnderWay;
}

#[derive(Clone)]
struct UnderWay {
    cancel: Cancel,
    begun: Arc<AtomicBool>,
}

/// To be awaited right before each write that is sent, in the task that does it ([`crate::cloud::Cloud::tells_writes`]). Where
/// the run was interrupted before the operation's first one it does not come back: the operation is dropped. Outside of an
/// operation it does nothing.
pub async fn write() {
    let Ok(operation) = UNDER_WAY.try_with(Clone::clone) else { return };
    if operation.begun.load(Ordering::Relaxed) {
        return;
    }
    if operation.cancel.is_cancelled() {
        std::future::pending::<()>().await;
    }
    operation.begun.store(true, Ordering::Relaxed);
}

/// Runs an operation to its end; `None` where it was interrupted before it sent a write.
pub(super) async fn unless_interrupted<F: Future>(cancel: &Cancel, operation: F) -> Option<F::Output> {
    let under_way = UnderWay { cancel: cancel.clone(), begun: Arc::default() };
    let mut operation = pin!(UNDER_WAY.scope(under_way.clone(), operation));
    tokio::select! {
        biased;
        output = &mut operation => return Some(output),
        () = cancel.cancelled() => {}
    }
    if under_way.begun.load(Ordering::Relaxed) { Some(operation.await) } else { None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_not_written_is_left_and_what_was_begun_ends() {
        for (first, written, ends) in [(1, 0, false), (0, 2, true)] {
            let cancel = Cancel::new();
            let count = AtomicBool::new(false);
            let operation = async {
                tokio::time::sleep(Duration::from_secs(first)).await;
                write().await;
                count.store(true, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(written)).await;
                write().await;
                "done"
            };
            let interrupt = async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                cancel.cancel();
            };
            let (ended, ()) = tokio::join!(unless_interrupted(&cancel, operation), interrupt);
            assert_eq!(ended, ends.then_some("done"));
            assert_eq!(count.load(Ordering::Relaxed), ends);
        }
    }

    #[tokio::test]
    async fn nothing_is_held_outside_of_an_operation_or_without_an_interruption() {
        write().await;
        let cancel = Cancel::new();
        assert_eq!(unless_interrupted(&cancel, async { write().await }).await, Some(()));
        cancel.cancel();
        assert_eq!(unless_interrupted(&cancel, async { write().await }).await, None);
    }
}
