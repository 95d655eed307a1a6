//! Who goes next: requests wait here, are numbered round by round, and what the script says is done to them.

use std::cmp::Ordering as Compared;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts as Head;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use super::act::{Act, Phase, dated};
use super::forward::{authority, forward};
use super::frames::Frames;
use super::history::Entry;
use super::names::Names;
use super::skew;
use super::{Asked, Client, Options, Order, Script};
use crate::router;
use crate::wire::Caller;

/// How often the client is looked at while it works.
const LOOK: Duration = Duration::from_micros(500);
/// How long a client that never rests holds a round up.
const LONGEST: Duration = Duration::from_millis(500);
/// How long a client that asks nothing holds up the turn of another one.
const CHANCE: Duration = Duration::from_millis(300);
/// How long half an answer needs to its client before something happens.
const ON_ITS_WAY: Duration = Duration::from_millis(2);

/// The error that makes the server close a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost on purpose")]
pub(super) struct Lost;

/// A request that waits.
struct Waiting {
    caller: String,
    head: Head,
    body: Bytes,
    service: String,
    operation: String,
    resource: Option<String>,
    key: String,
    arrived: usize,
    hang_up: Arc<Notify>,
    answer: oneshot::Sender<Response<Frames>>,
}

impl Waiting {
    fn order(&self, other: &Self) -> Compared {
        let key = |it: &Self| (it.service.clone(), it.operation.clone(), it.resource.clone(), it.key.clone());
        key(self).cmp(&key(other)).then(self.arrived.cmp(&other.arrived))
    }

    /// What a seed draws for it. It depends on nothing that came before, so that one look more or less at what settles
    /// does not change the rest of a run.
    fn drawn(&self, seed: u64, what: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (seed, what, &self.service, &self.operation, &self.resource, &self.key).hash(&mut hasher);
        hasher.finish()
    }
}

/// Whose turn it is, where there are several clients. What is drawn depends on the number of the turn and on what is asked,
/// so that one more look at what settles does not change the rest.
struct Turns {
    seed: u64,
    turn: u64,
    /// For how many turns each of them goes on, about: from those that take turns to those of which one has done almost all
    /// before the other begins.
    stays: u64,
}

impl Turns {
    fn new(seed: u64) -> Self {
        Self { seed, turn: 0, stays: 1 << StdRng::seed_from_u64(seed).random_range(0..6) }
    }

    fn drawn(&self, what: &str, turn: u64, among: usize) -> usize {
        let mut hasher = DefaultHasher::new();
        (self.seed, what, turn).hash(&mut hasher);
        usize::try_from(hasher.finish() % u64::try_from(among.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// Those that have their turn, and those that wait on.
    fn choose(&mut self, mut round: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
        self.turn += 1;
        let mut callers: Vec<&str> = round.iter().map(|waiting| waiting.caller.as_str()).collect();
        callers.sort_unstable();
        callers.dedup();
        let whose = callers.get(self.drawn("who", self.turn / self.stays, callers.len())).copied();
        let whose = whose.unwrap_or_default().to_owned();
        round.sort_by_key(|waiting| waiting.drawn(self.seed, "turn"));
        let (mut chosen, mut later): (Vec<_>, Vec<_>) = round.into_iter().partition(|waiting| waiting.caller == whose);
        // All of them, or one: what a client does at once may come far apart.
        if self.drawn("how many", self.turn, 3) > 0 {
            later.extend(chosen.split_off(1.min(chosen.len())));
        }
        (chosen, later)
    }
}

/// What is answered to a request that had its turn.
struct Ready {
    waiting: Waiting,
    act: Act,
    response: Response<Bytes>,
}

/// What arrived, and when something happened last.
struct Arrivals {
    pending: Vec<Waiting>,
    count: usize,
    last: Instant,
}

/// Lets requests through.
pub(super) struct Conductor {
    upstream: String,
    still: Duration,
    order: Order,
    client: Arc<dyn Client>,
    script: Box<Script>,
    arrivals: Mutex<Arrivals>,
    arrived: Notify,
    names: Mutex<Names>,
    history: Mutex<Vec<Entry>>,
    killed: AtomicBool,
    left: AtomicUsize,
}

impl std::fmt::Debug for Conductor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conductor").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Conductor {
    pub(super) fn new(options: Options) -> io::Result<Self> {
        let Options { upstream, still, order, client, script } = options;
        Ok(Self {
            upstream: authority(&upstream)?,
            still,
            order,
            client,
            script,
            arrivals: Mutex::new(Arrivals { pending: Vec::new(), count: 0, last: Instant::now() }),
            arrived: Notify::new(),
            names: Mutex::default(),
            history: Mutex::default(),
            killed: AtomicBool::new(false),
            left: AtomicUsize::new(0),
        })
    }

    pub(super) fn history(&self) -> Vec<Entry> {
        lock(&self.history).clone()
    }

    pub(super) fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst) + lock(&self.arrivals).pending.len()
    }

    /// Waits for the turn of a request, and for its answer.
    pub(super) async fn ask(&self, request: Request<Incoming>, hang_up: Arc<Notify>) -> Result<Response<Frames>, Lost> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        if self.killed.load(Ordering::SeqCst) {
            self.left.fetch_add(1, Ordering::SeqCst);
            return Err(Lost);
        }
        let about = router::about(&head, &body);
        let caller = Caller::of(&head.headers).map_or_else(String::new, |caller| caller.key);
        let (answer, answered) = oneshot::channel();
        {
            let mut arrivals = lock(&self.arrivals);
            let arrived = arrivals.count;
            arrivals.count += 1;
            arrivals.last = Instant::now();
            arrivals.pending.push(Waiting {
                caller,
                head,
                body,
                service: about.service,
                operation: about.operation,
                resource: about.resource,
                // Both are filled in when its round comes, with the ids that are known by then.
                key: String::new(),
                arrived,
                hang_up,
                answer,
            });
        }
        self.arrived.notify_one();
        let answer = answered.await.map_err(|_| Lost);
        lock(&self.arrivals).last = Instant::now();
        answer
    }

    /// Lets requests through, for as long as this is polled or until the client is killed.
    pub(super) async fn conduct(self: &Arc<Self>) {
        let seed = match self.order {
            Order::Sorted => None,
            Order::Drawn(seed) | Order::Turns(seed) => Some(seed),
        };
        let mut turns = match self.order {
            Order::Turns(seed) => Some(Turns::new(seed)),
            Order::Sorted | Order::Drawn(_) => None,
        };
        let mut number = 0;
        loop {
            let mut round = self.round().await;
            if let Some(turns) = &mut turns {
                let (chosen, later) = turns.choose(round);
                lock(&self.arrivals).pending.extend(later);
                round = chosen;
            }
            if let Some(seed) = seed {
                round.sort_by_key(|waiting| waiting.drawn(seed, "asked"));
            }
            let mut ready = Vec::new();
            for waiting in round {
                // One whose client has gone needs no turn.
                if waiting.answer.is_closed() {
                    continue;
                }
                number += 1;
                if let Some(answer) = self.turn(number, waiting).await {
                    if seed.is_some() { ready.push(answer) } else { self.reply(answer).await }
                }
                if self.killed.load(Ordering::SeqCst) {
                    return;
                }
            }
            if let Some(seed) = seed {
                ready.sort_by_key(|answer: &Ready| answer.waiting.drawn(seed, "answered"));
                for answer in ready {
                    if answer.waiting.drawn(seed, "late") % 4 == 0 {
                        tokio::time::sleep(ON_ITS_WAY).await;
                    }
                    self.reply(answer).await;
                    if self.killed.load(Ordering::SeqCst) {
                        return;
                    }
                }
            }
        }
    }

    /// How many clients wait.
    fn callers(&self) -> usize {
        let arrivals = lock(&self.arrivals);
        let mut callers: Vec<&str> = arrivals.pending.iter().map(|waiting| waiting.caller.as_str()).collect();
        callers.sort_unstable();
        callers.dedup();
        callers.len()
    }

    /// Waits until something has arrived and nothing arrives any more.
    async fn round(&self) -> Vec<Waiting> {
        let mut began = None;
        loop {
            let (count, since, empty) = {
                let arrivals = lock(&self.arrivals);
                (arrivals.count, arrivals.last.elapsed(), arrivals.pending.is_empty())
            };
            if empty {
                self.arrived.notified().await;
                continue;
            }
            if since < self.still {
                tokio::time::sleep(self.still.saturating_sub(since).max(LOOK)).await;
                continue;
            }
            let began = *began.get_or_insert_with(Instant::now);
            // Whoever runs gets its chance of a turn, but for one that waits for something else.
            if matches!(self.order, Order::Turns(_))
                && self.callers() < self.client.living()
                && began.elapsed() < CHANCE
            {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            if !self.client.is_idle() && began.elapsed() < LONGEST {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let mut arrivals = lock(&self.arrivals);
            if arrivals.count == count {
                let mut round = std::mem::take(&mut arrivals.pending);
                drop(arrivals);
                let names = lock(&self.names);
                for waiting in &mut round {
                    waiting.key = names.key(&waiting.body);
                    waiting.resource = waiting.resource.take().map(|resource| names.canonical(&resource));
                }
                round.sort_by(Waiting::order);
                return round;
            }
        }
    }

    /// Has its turn: what is to be answered, where something is.
    async fn turn(self: &Arc<Self>, number: usize, waiting: Waiting) -> Option<Ready> {
        let asked = Asked {
            number,
            caller: &waiting.caller,
            service: &waiting.service,
            operation: &waiting.operation,
            resource: waiting.resource.as_deref(),
        };
        let act = (self.script)(asked);
        lock(&self.history).push(Entry {
            number,
            caller: waiting.caller.clone(),
            service: waiting.service.clone(),
            operation: waiting.operation.clone(),
            resource: waiting.resource.clone(),
            act: act.name(),
            outcome: None,
        });
        match &act {
            Act::Kill(Phase::Before) => {
                self.kill();
                return None;
            }
            Act::Signal(Phase::Before) => self.client.signal(),
            Act::Delay(Phase::Before, by) => {
                // The others do not wait for it.
                let (conductor, by) = (Arc::clone(self), *by);
                tokio::spawn(async move {
                    tokio::time::sleep(by).await;
                    if let Some(answer) = conductor.carried_out(number, waiting, Act::Pass).await {
                        conductor.reply(answer).await;
                    }
                });
                return None;
            }
            Act::Drop(Phase::Before) => return None,
            Act::Answer(Phase::Before, answer) => {
                let response = answer.response();
                return Some(Ready { waiting, act, response });
            }
            Act::Clock(by) => {
                if let Some(answer) = skew::refusal(&waiting.head, &waiting.service, *by) {
                    self.note(number, "refused");
                    let response = dated(answer.response(), &skew::date(*by));
                    return Some(Ready { waiting, act, response });
                }
            }
            _ => {}
        }
        self.carried_out(number, waiting, act).await
    }

    /// Passes a request on.
    async fn carried_out(&self, number: usize, waiting: Waiting, act: Act) -> Option<Ready> {
        debug_assert!(act.is_passed_on());
        let response = forward(&self.upstream, &waiting.head, waiting.body.clone()).await;
        let Ok(response) = response else {
            self.note(number, "no answer");
            return None;
        };
        self.note(number, &outcome(&response));
        if let Ok(text) = std::str::from_utf8(response.body()) {
            lock(&self.names).learn(&waiting.operation, waiting.resource.as_deref(), text);
        }
        match &act {
            Act::Kill(Phase::After) => {
                self.kill();
                None
            }
            Act::Signal(Phase::After) => {
                self.client.signal();
                Some(Ready { waiting, act, response })
            }
            Act::Drop(Phase::After) => None,
            Act::Answer(_, answer) => {
                let response = answer.response();
                Some(Ready { waiting, act, response })
            }
            Act::Date(date) => {
                let response = dated(response, date);
                Some(Ready { waiting, act, response })
            }
            Act::Clock(by) => {
                let response = dated(response, &skew::date(*by));
                Some(Ready { waiting, act, response })
            }
            Act::Truncate => {
                let half = response.body().len() / 2;
                let response = response.map(|body| body.slice(..half));
                Some(Ready { waiting, act, response })
            }
            _ => Some(Ready { waiting, act, response }),
        }
    }

    /// Answers.
    async fn reply(self: &Arc<Self>, ready: Ready) {
        let Ready { waiting, act, response } = ready;
        let (parts, mut frames) = Frames::of(&response);
        let body = response.body().clone();
        let (first, rest) = (body.slice(..body.len() / 2), body.slice(body.len() / 2..));
        if act == Act::HangUp {
            frames = frames.telling(Arc::clone(&waiting.hang_up));
        }
        if let Act::Delay(Phase::After, by) = act {
            tokio::spawn(async move {
                tokio::time::sleep(by).await;
                let _ = parts.send(body);
                let _ = waiting.answer.send(response.map(|_| frames));
            });
            return;
        }
        let halves = matches!(
            act,
            Act::Kill(Phase::During)
                | Act::Signal(Phase::During)
                | Act::Drop(Phase::During)
                | Act::Delay(Phase::During, _)
        );
        let _ = parts.send(if halves { first } else { body });
        let _ = waiting.answer.send(response.map(|_| frames));
        if !halves {
            return;
        }
        tokio::time::sleep(ON_ITS_WAY).await;
        match act {
            Act::Kill(_) => self.kill(),
            Act::Signal(_) => {
                self.client.signal();
                let _ = parts.send(rest);
            }
            Act::Delay(_, by) => {
                tokio::spawn(async move {
                    tokio::time::sleep(by).await;
                    let _ = parts.send(rest);
                });
            }
            // Dropped here, the answer breaks off.
            _ => drop(parts),
        }
    }

    fn kill(&self) {
        self.client.kill();
        self.killed.store(true, Ordering::SeqCst);
        let pending = std::mem::take(&mut lock(&self.arrivals).pending);
        self.left.fetch_add(pending.len(), Ordering::SeqCst);
    }

    fn note(&self, number: usize, outcome: &str) {
        if let Some(entry) = lock(&self.history).iter_mut().find(|entry| entry.number == number) {
            entry.outcome = Some(outcome.to_owned());
        }
    }
}

/// The status of an answer, with the code of an error.
fn outcome(response: &Response<Bytes>) -> String {
    let status = response.status().as_u16();
    let body: Option<Value> = serde_json::from_slice(response.body()).ok();
    let code = body.as_ref().and_then(|body| body.get("__type")).and_then(Value::as_str);
    code.filter(|_| status >= 400).map_or_else(|| status.to_string(), |code| format!("{status} {code}"))
}
