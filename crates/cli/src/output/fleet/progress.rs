//! How far it is, while it goes on: a bar on a terminal; elsewhere a line for each stack that needs attention, and one every
//! now and then.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{StackLine, table};
use crate::output::progress::HEARTBEAT;
use crate::output::text::clean;
use crate::printer::Printer;

/// Shows the ends of stacks.
pub struct Progress<'a> {
    printer: &'a Printer,
    doing: &'static str,
    total: usize,
    state: Mutex<State>,
}

struct State {
    ended: usize,
    failed: usize,
    bar: Option<ProgressBar>,
}

impl<'a> Progress<'a> {
    /// Ready for so many stacks; `doing` is what is done with them, as in "planning".
    pub fn new(printer: &'a Printer, doing: &'static str, total: usize) -> Self {
        let bar = printer.settings().live.then(|| {
            let style = ProgressStyle::with_template("  {prefix} [{bar:30}] {pos}/{len} stacks  {elapsed}  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
            let bar = ProgressBar::with_draw_target(
                Some(u64::try_from(total).unwrap_or(u64::MAX)),
                ProgressDrawTarget::stderr(),
            );
            let bar = bar.with_style(style).with_prefix(doing);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { printer, doing, total, state: Mutex::new(State { ended: 0, failed: 0, bar }) }
    }

    /// Takes the end of a stack.
    pub fn ended(&self, line: &StackLine) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended += 1;
        if line.result.is_failure() {
            state.failed += 1;
            let paint = self.printer.message_paint();
            let result = paint.paint(table::tone(line.result), line.result.words());
            self.say(&state, &format!("  {} ({}): {result}", clean(&line.path), clean(&line.env)));
        }
        if let Some(bar) = &state.bar {
            if state.failed > 0 {
                bar.set_message(format!("{} failed", state.failed));
            }
            bar.inc(1);
        }
    }

    /// Shows a text that belongs to the result, without breaking the bar.
    pub fn beside(&self, show: impl FnOnce()) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.bar {
            Some(bar) => bar.suspend(show),
            None => show(),
        }
    }

    fn say(&self, state: &State, text: &str) {
        if self.printer.settings().quiet {
            return;
        }
        match &state.bar {
            Some(bar) => bar.println(text),
            None => self.printer.alert(&format!("{text}\n")),
        }
    }

    /// Says every [`HEARTBEAT`] how far it is, where no bar does. Never ends.
    pub async fn heartbeat(&self) {
        let mut every = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            every.tick().await;
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.bar.is_none() {
                let (ended, total) = (state.ended, self.total);
                self.say(&state, &format!("  still {}: {ended} of {total} stacks ended", self.doing));
            }
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
    }
}
