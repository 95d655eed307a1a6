//! The only way to stdout and stderr: results on the one, everything else on the other, `--quiet` in one place.
//!
//! A closed pipe is the reader's decision and a quiet success (`trueup plan | head`); any other failure to write is kept
//! and ends the run with an error, because a report that nobody could read is no report.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use trueup_engine::plan::document::StackName;

use crate::args::{Format, PageFormat};
use crate::error::CommandError;
use crate::output::page::Page;
use crate::output::text::{Paint, Tone, clean_lines};
use crate::settings::OutputSettings;

/// Writes results and messages.
pub struct Printer {
    settings: OutputSettings,
    subject: OnceLock<StackName>,
    stdout: Mutex<Stream>,
    stderr: Mutex<Stream>,
}

struct Stream {
    writer: Box<dyn Write + Send>,
    closed: bool,
    error: Option<io::Error>,
}

impl Stream {
    fn new(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Box::new(writer), closed: false, error: None }
    }

    fn write(&mut self, text: &str) {
        if self.closed {
            return;
        }
        if let Err(error) = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush()) {
            self.closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.error = Some(error);
            }
        }
    }
}

impl Printer {
    /// A printer to the streams of the process.
    pub fn new(settings: OutputSettings) -> Self {
        let choice = |colour: bool| if colour { anstream::ColorChoice::Always } else { anstream::ColorChoice::Never };
        let stdout = anstream::AutoStream::new(io::stdout(), choice(settings.stdout_colour));
        let stderr = anstream::AutoStream::new(io::stderr(), choice(settings.stderr_colour));
        Self::to(settings, stdout, stderr)
    }

    /// A printer to other streams.
    pub fn to(
        settings: OutputSettings,
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
    ) -> Self {
        Self {
            settings,
            subject: OnceLock::new(),
            stdout: Mutex::new(Stream::new(stdout)),
            stderr: Mutex::new(Stream::new(stderr)),
        }
    }

    /// The form and the amount of output.
    pub fn settings(&self) -> &OutputSettings {
        &self.settings
    }

    /// Whether the result is for people.
    pub fn is_human(&self) -> bool {
        self.settings.format == Format::Human
    }

    /// Colours for stdout.
    pub fn paint(&self) -> Paint {
        Paint { on: self.settings.stdout_colour }
    }

    /// Colours for stderr.
    pub fn message_paint(&self) -> Paint {
        Paint { on: self.settings.stderr_colour }
    }

    /// Part of the result.
    pub fn result(&self, text: &str) {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).write(text);
    }

    /// Part of the result that `--quiet` leaves out.
    pub fn detail(&self, text: &str) {
        if !self.settings.quiet {
            self.result(text);
        }
    }

    /// A JSON document as the result; on one line where lines are asked for.
    pub fn document(&self, document: &impl serde::Serialize) -> Result<(), CommandError> {
        let text = match self.settings.format {
            Format::Jsonl => serde_json::to_string(document),
            Format::Human | Format::Json | Format::Page(_) => serde_json::to_string_pretty(document),
        };
        let text = text.map_err(|error| CommandError::failed(format!("cannot write the result as JSON: {error}")))?;
        self.result(&text);
        self.result("\n");
        Ok(())
    }

    /// A page as the result, in the form asked for.
    pub fn page(&self, page: &Page, format: PageFormat) {
        self.result(&page.render(format));
    }

    /// Notes which stack the run is about, so that also an error that ends it can say so.
    pub fn is_about(&self, name: &str, env: &str) {
        // The first one stays: a run is about one stack.
        let _ = self.subject.set(StackName { name: name.to_owned(), env: env.to_owned() });
    }

    /// The stack that the run is about, as far as it is known.
    pub fn subject(&self) -> Option<StackName> {
        self.subject.get().cloned()
    }

    /// Text for stderr, whatever `--quiet` says.
    pub fn alert(&self, text: &str) {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).write(text);
    }

    /// A message on stderr that `--quiet` leaves out.
    pub fn message(&self, text: &str) {
        if !self.settings.quiet {
            self.alert(text);
        }
    }

    /// `warning: …` on stderr.
    pub fn warning(&self, text: &str) {
        self.message(&self.labelled(Tone::Change, "warning", text));
    }

    /// `hint: …` on stderr.
    pub fn hint(&self, text: &str) {
        self.message(&self.labelled(Tone::Note, "hint", text));
    }

    /// `error: …` on stderr, with its hints.
    pub fn error(&self, error: &CommandError) {
        self.alert(&self.labelled(Tone::Bad, "error", &error.message));
        for hint in &error.hints {
            self.alert(&self.labelled(Tone::Note, "hint", hint));
        }
    }

    fn labelled(&self, tone: Tone, label: &str, text: &str) -> String {
        format!("{} {}\n", self.message_paint().paint(tone, &format!("{label}:")), clean_lines(text))
    }

    /// The first failure to write that was not a closed pipe.
    pub fn failure(&self) -> Option<CommandError> {
        let taken = |stream: &Mutex<Stream>| stream.lock().unwrap_or_else(PoisonError::into_inner).error.take();
        let (name, error) = taken(&self.stdout)
            .map(|e| ("/dev/stdout", e))
            .or_else(|| taken(&self.stderr).map(|e| ("/dev/stderr", e)))?;
        Some(CommandError::file("write to", Path::new(name), &error))
    }
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;

    use super::*;

    /// A writer whose text a test can read.
    #[derive(Clone, Default)]
    pub struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        /// What was written.
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Settings of a pipe.
    pub fn plain(format: Format) -> OutputSettings {
        OutputSettings {
            format,
            quiet: false,
            verbose: 0,
            stdout_colour: false,
            stderr_colour: false,
            stdout_width: None,
            stderr_width: None,
            live: false,
            log_json: false,
            log_level: None,
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is() {
        let closed = Printer::to(plain(Format::Human), Broken(io::ErrorKind::BrokenPipe), Shared::default());
        closed.result("x");
        assert!(closed.failure().is_none());
        let full = Printer::to(plain(Format::Human), Broken(io::ErrorKind::StorageFull), Shared::default());
        full.result("x");
        assert!(full.failure().is_some());
    }

    #[test]
    fn quiet_leaves_results_and_errors() {
        let (out, err) = (Shared::default(), Shared::default());
        let printer = Printer::to(OutputSettings { quiet: true, ..plain(Format::Human) }, out.clone(), err.clone());
        printer.detail("detail\n");
        printer.result("result\n");
        printer.hint("hint");
        printer.error(&CommandError::usage("wrong").hint("right"));
        assert_eq!(out.text(), "result\n");
        assert_eq!(err.text(), "error: wrong\nhint: right\n");
    }
}
