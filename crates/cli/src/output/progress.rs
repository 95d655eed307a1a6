//! What goes on, while it goes on: live lines on a terminal, start and finish lines and a heartbeat elsewhere.
//!
//! A pipeline that prints nothing for minutes gets killed, and a log of redrawn bars cannot be read; so the two have
//! different forms of the same events. Everything here goes to stderr.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use trueup_engine::event::{Event, EventKind};
use trueup_engine::kind::Verb;

use crate::output::human::fault_words;
use crate::output::text::{Paint, Tone, clean};
use crate::printer::Printer;

/// How often a silent run says that it is alive.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// Shows events to a person.
pub struct Progress<'a> {
    printer: &'a Printer,
    paint: Paint,
    state: Mutex<State>,
}

struct State {
    total: usize,
    ended: usize,
    running: BTreeMap<String, Running>,
    live: Option<Live>,
}

struct Running {
    since: Instant,
    what: String,
    line: Option<ProgressBar>,
}

struct Live {
    lines: MultiProgress,
    whole: ProgressBar,
}

impl<'a> Progress<'a> {
    /// Ready for `total` operations.
    pub fn new(printer: &'a Printer, total: usize) -> Self {
        let live = printer.settings().live.then(|| {
            let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("  [{bar:30}] {pos}/{len}  {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
            let whole = lines.add(ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX)).with_style(style));
            whole.enable_steady_tick(Duration::from_millis(200));
            Live { lines, whole }
        });
        let state = State { total, ended: 0, running: BTreeMap::new(), live };
        Self { printer, paint: printer.message_paint(), state: Mutex::new(state) }
    }

    /// Takes an event.
    pub fn event(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let address = clean(&event.address.to_string()).into_owned();
        let key = format!("{address} {}", gerund(event.verb));
        match event.kind {
            EventKind::Started => {
                let line = state.live.as_ref().map(|live| {
                    let style = ProgressStyle::with_template("  {spinner} {msg}  {elapsed}")
                        .unwrap_or_else(|_| ProgressStyle::default_spinner());
                    let line = live.lines.insert_before(&live.whole, ProgressBar::new_spinner().with_style(style));
                    line.enable_steady_tick(Duration::from_millis(120));
                    line.set_message(format!("{address}: {}", gerund(event.verb)));
                    line
                });
                if line.is_none() {
                    self.say(&state, &format!("  {address}: {}", gerund(event.verb)));
                }
                let what = gerund(event.verb).to_owned();
                state.running.insert(key, Running { since: Instant::now(), what, line });
            }
            EventKind::Waiting { state: name } => {
                let doing = gerund(event.verb);
                let what = if name == doing { doing.to_owned() } else { format!("{doing}, {}", clean(&name)) };
                self.change(&mut state, &key, &address, what);
            }
            EventKind::Retrying { fault, pause_ms } => {
                let what = format!(
                    "{}; {}, again in {:.1} s",
                    gerund(event.verb),
                    fault_words(&fault),
                    Duration::from_millis(pause_ms).as_secs_f64()
                );
                self.change(&mut state, &key, &address, what);
            }
            EventKind::Done { usable, note } => {
                let tone = if usable { Tone::Good } else { Tone::Change };
                self.end(&mut state, &key, &address, (tone, participle(event.verb)), note.as_deref());
            }
            EventKind::Failed { fault } => {
                self.end(&mut state, &key, &address, (Tone::Bad, "failed"), Some(&fault_words(&fault)));
            }
            EventKind::Skipped { reason } => {
                self.end(&mut state, &key, &address, (Tone::Change, "skipped"), Some(&reason));
            }
            EventKind::Cancelled => self.end(&mut state, &key, &address, (Tone::Change, "not begun"), None),
        }
    }

    fn change(&self, state: &mut State, key: &str, address: &str, what: String) {
        let Some(running) = state.running.get_mut(key) else { return };
        if running.what == what {
            return;
        }
        running.what.clone_from(&what);
        let text = format!("{address}: {what}");
        match &running.line {
            Some(line) => line.set_message(text),
            None => self.say(state, &format!("  {text}")),
        }
    }

    fn end(&self, state: &mut State, key: &str, address: &str, (tone, word): (Tone, &str), note: Option<&str>) {
        state.ended += 1;
        let mut text = format!("  {address}: {}", self.paint.paint(tone, word));
        if let Some(running) = state.running.remove(key) {
            let _ = write!(text, " ({:.1} s)", running.since.elapsed().as_secs_f64());
            if let Some(line) = running.line {
                line.finish_and_clear();
            }
        }
        if let Some(note) = note {
            let _ = write!(text, ": {}", clean(note));
        }
        if let Some(live) = &state.live {
            live.whole.set_position(u64::try_from(state.ended).unwrap_or(u64::MAX));
        }
        self.say(state, &text);
    }

    fn say(&self, state: &State, text: &str) {
        if self.printer.settings().quiet {
            return;
        }
        match &state.live {
            // Goes above the bars; drawing is not worth failing for.
            Some(live) => drop(live.lines.println(text)),
            None => self.printer.alert(&format!("{text}\n")),
        }
    }

    /// Says every [`HEARTBEAT`] what is still going on, where no live lines do. Never ends.
    pub async fn heartbeat(&self) {
        let mut every = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            every.tick().await;
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.live.is_none() {
                self.say(&state, &alive(&state));
            }
        }
    }

    /// Removes the bars.
    pub fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = state.live.take() {
            live.whole.finish_and_clear();
            drop(live.lines.clear());
        }
    }
}

fn alive(state: &State) -> String {
    let mut running: Vec<_> = state.running.iter().collect();
    running.sort_by_key(|(_, running)| running.since);
    let shown: Vec<String> = running
        .iter()
        .take(3)
        .map(|(key, running)| {
            let address = key.rsplit_once(' ').map_or(key.as_str(), |(address, _)| address);
            format!("{address} {} for {} s", running.what, running.since.elapsed().as_secs())
        })
        .collect();
    let more = running.len().saturating_sub(shown.len());
    let mut text = format!("  still working: {} of {} ended", state.ended, state.total);
    for item in shown {
        text.push_str("; ");
        text.push_str(&item);
    }
    if more > 0 {
        let _ = write!(text, "; {more} more");
    }
    text
}

/// What is being done.
fn gerund(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "waiting",
        Verb::Create => "creating",
        Verb::Update => "updating",
        Verb::Delete => "deleting",
    }
}

/// What was done.
fn participle(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "ready",
        Verb::Create => "created",
        Verb::Update => "updated",
        Verb::Delete => "deleted",
    }
}

#[cfg(test)]
mod tests {
    use trueup_engine::address::Address;
    use trueup_engine::fault::{Fault, FaultKind};

    use super::*;
    use crate::args::Format;
    use crate::printer::tests::{Shared, plain};

    #[test]
    fn every_event_has_its_line() {
        let err = Shared::default();
        let printer = Printer::to(plain(Format::Human), Shared::default(), err.clone());
        let progress = Progress::new(&printer, 5);
        let fault =
            || Fault::new(FaultKind::Throttled, "events:CreateConnection", "Rate exceeded").with_code("Throttling");
        let say =
            |name: &str, verb: Verb, kind: EventKind| progress.event(Event { address: Address::new(name), verb, kind });
        say("orders", Verb::Create, EventKind::Started);
        say("orders", Verb::Create, EventKind::Waiting { state: "AUTHORIZING".to_owned() });
        say("orders", Verb::Create, EventKind::Waiting { state: "AUTHORIZING".to_owned() });
        say("orders", Verb::Create, EventKind::Retrying { fault: fault(), pause_ms: 1500 });
        let note = "DEAUTHORIZED: the token\u{1b}[2J was refused";
        say("orders", Verb::Create, EventKind::Done { usable: false, note: Some(note.to_owned()) });
        say("key", Verb::Update, EventKind::Started);
        say("key", Verb::Update, EventKind::Done { usable: true, note: None });
        say("old", Verb::Delete, EventKind::Started);
        say("old", Verb::Delete, EventKind::Failed { fault: fault() });
        say("new", Verb::Create, EventKind::Skipped { reason: "old failed".to_owned() });
        say("late", Verb::Read, EventKind::Cancelled);
        progress.finish();
        insta::assert_snapshot!(err.text(), @r"
          orders: creating
          orders: creating, AUTHORIZING
          orders: creating; events:CreateConnection throttled (Throttling), again in 1.5 s
          orders: created (0.0 s): DEAUTHORIZED: the token\u{1b}[2J was refused
          key: updating
          key: updated (0.0 s)
          old: deleting
          old: failed (0.0 s): events:CreateConnection throttled (Throttling)
          new: skipped: old failed
          late: not begun
        ");
    }
}
