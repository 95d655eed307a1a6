//! The question before a change.

use std::io::BufRead as _;

use crate::error::CommandError;
use crate::output::text::Tone;
use crate::printer::Printer;

/// Asks on the terminal; only `yes` (or `y`) is a yes.
pub async fn ask(printer: &Printer, question: &str) -> Result<bool, CommandError> {
    let paint = printer.message_paint();
    printer.alert(&format!("\n{} [yes/no] ", paint.paint(Tone::Strong, question)));
    // A thread of its own, so that a signal can end the program while the question stands.
    let (answer, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let _ = answer.send(read.map(|_| line));
    });
    match told.await {
        Ok(Ok(line)) => Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")),
        Ok(Err(error)) => Err(CommandError::failed(format!("cannot read the answer: {error}"))),
        Err(_) => Ok(false),
    }
}
