//! Faults on demand: rules that delay, refuse, lose or falsify answers.
//!
//! Two goals are in tension: a fault must be exact enough for a test ("the third CreateConnection is
//! throttled twice") and yet writable by hand in one line. So a rule is flat, every key is optional,
//! and chance is drawn from one seed. The first rule that acts on a request wins; a rule that is still
//! skipping, used up or not drawn does not act, and the next one is asked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

use crate::clock::Millis;
use crate::wire::Caller;

/// A faults document.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// The seed of everything that is drawn.
    #[serde(default)]
    pub seed: u64,
    /// The rules, the first that fits wins.
    pub rules: Vec<Rule>,
}

/// One rule of a faults document.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The service it fits, such as `events`; `*` allowed.
    pub service: Option<String>,
    /// The operation it fits, such as `CreateConnection`; `*` allowed.
    pub operation: Option<String>,
    /// The name of the resource it fits; `*` allowed.
    pub resource: Option<String>,
    /// How many fitting requests pass first.
    pub skip: u64,
    /// To how many requests it applies then; without it, always.
    pub count: Option<u64>,
    /// It applies to what is more than so many fitting requests a second, of one account in one region.
    pub per_second: Option<u32>,
    /// Of `per_second`: that many may come at once, and then as many as a second gives back; as AWS's token buckets do.
    pub burst: Option<u32>,
    /// How likely it applies, instead of `count`.
    pub probability: Option<f64>,
    /// The error to answer.
    pub error: Option<ErrorReply>,
    /// The delay before anything happens.
    #[serde(deserialize_with = "latency")]
    pub latency_ms: Option<Latency>,
    /// Where the connection is lost.
    pub drop: Option<Drop>,
    /// The states to answer, one a read; the last one stays.
    pub states: Option<Vec<String>>,
    /// How old the state is that reads see.
    pub stale_ms: Option<u64>,
    /// Answers the service's access-denied error.
    pub deny: bool,
    /// Makes `UpdateConnection` ignore clearing values (an empty description, list or ARN).
    pub no_clear: bool,
}

/// An error answer of a rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorReply {
    /// The error code.
    pub code: String,
    /// The text.
    #[serde(default)]
    pub message: String,
    /// The HTTP status.
    #[serde(default = "bad_request")]
    pub status: u16,
}

/// A delay in milliseconds, drawn between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
}

/// Where the connection of a request is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drop {
    /// Before anything was done.
    Before,
    /// After it was done, with the reply lost.
    After,
    /// In the middle of the reply.
    During,
}

fn bad_request() -> u16 {
    400
}

/// Reads a number or a pair of numbers.
fn latency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Latency>, D::Error> {
    let bounds = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Array(pair) if pair.len() == 2 => pair[0].as_u64().zip(pair[1].as_u64()),
        number => number.as_u64().map(|both| (both, both)),
    };
    match bounds {
        Some((min, max)) if min <= max => Ok(Some(Latency { min, max })),
        _ => Err(D::Error::custom("latency_ms is a number of milliseconds or [least, most]")),
    }
}

impl Faults {
    /// Finds what cannot be meant in an otherwise well-formed document.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (index, rule) in self.rules.iter().enumerate() {
            let wrong = if rule.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
                "probability lies between 0 and 1"
            } else if rule.probability.is_some() && rule.count.is_some() {
                "probability and count exclude each other"
            } else if rule.states.as_ref().is_some_and(Vec::is_empty) {
                "states needs at least one state"
            } else if rule.error.as_ref().is_some_and(|e| !(100..600).contains(&e.status)) {
                "status is an HTTP status"
            } else if rule.burst.is_some() && rule.per_second.is_none() {
                "burst belongs to per_second"
            } else {
                continue;
            };
            return Err(format!("rules[{index}]: {wrong}"));
        }
        Ok(())
    }
}

/// What a rule does to one request.
#[derive(Default)]
pub(crate) struct Action {
    pub(crate) error: Option<ErrorReply>,
    pub(crate) latency: Millis,
    pub(crate) drop: Option<Drop>,
    pub(crate) state: Option<String>,
    pub(crate) lag: Millis,
    pub(crate) deny: bool,
    pub(crate) no_clear: bool,
}

struct Active {
    rules: Vec<(Rule, Progress)>,
    random: StdRng,
    any_states: bool,
}

#[derive(Default)]
struct Progress {
    fitted: u64,
    applied: u64,
    /// What each account has sent in each region, of a rule with a rate.
    sent: HashMap<(String, String), Sent>,
    /// Per resource, how many states were answered.
    answered: HashMap<String, usize>,
}

/// What was let through of a rule with a rate.
#[derive(Default)]
struct Sent {
    /// When the last fitting requests came that were let through.
    passed: VecDeque<Instant>,
    /// What is in the bucket of a rule with a burst, and since when.
    tokens: Option<(f64, Instant)>,
}

impl Sent {
    /// Whether another request fits into this second, or into what is left of a burst.
    #[allow(clippy::disallowed_methods, reason = "what a client sends a second is counted in real time")]
    fn passes(&mut self, most: u32, burst: Option<u32>) -> bool {
        let now = Instant::now();
        if let Some(burst) = burst.map(f64::from) {
            let (left, since) = self.tokens.unwrap_or((burst, now));
            let left = (left + now.duration_since(since).as_secs_f64() * f64::from(most)).min(burst);
            let passes = left >= 1.0;
            self.tokens = Some((if passes { left - 1.0 } else { left }, now));
            return passes;
        }
        self.passed.retain(|passed| now.duration_since(*passed) < Duration::from_secs(1));
        let passes = self.passed.len() < most as usize;
        if passes {
            self.passed.push_back(now);
        }
        passes
    }
}

/// The rules in force, with how far each has come.
pub(crate) struct Injector(Mutex<Active>);

impl Injector {
    /// Puts rules in force.
    pub(crate) fn new(faults: Faults) -> Self {
        Self(Mutex::new(Active::new(faults)))
    }

    /// Replaces all rules, and begins them anew.
    pub(crate) fn replace(&self, faults: Faults) {
        *self.lock() = Active::new(faults);
    }

    /// Decides what happens to a request.
    pub(crate) fn decide(&self, caller: &Caller, service: &str, operation: &str, resource: Option<&str>) -> Action {
        self.lock().decide(caller, service, operation, resource, |_| true)
    }

    /// Decides the state that one entry of a list shows.
    pub(crate) fn listed(&self, caller: &Caller, service: &str, operation: &str, name: &str) -> Option<String> {
        let mut active = self.lock();
        if !active.any_states {
            return None;
        }
        let only = |rule: &Rule| rule.states.is_some() && rule.resource.is_some();
        active.decide(caller, service, operation, Some(name), only).state
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Active> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    fn new(faults: Faults) -> Self {
        Self {
            any_states: faults.rules.iter().any(|rule| rule.states.is_some()),
            random: StdRng::seed_from_u64(faults.seed),
            rules: faults.rules.into_iter().map(|rule| (rule, Progress::default())).collect(),
        }
    }

    fn decide(
        &mut self,
        caller: &Caller,
        service: &str,
        operation: &str,
        resource: Option<&str>,
        only: impl Fn(&Rule) -> bool,
    ) -> Action {
        for (rule, progress) in &mut self.rules {
            if !only(rule) || !rule.fits(service, operation, resource) {
                continue;
            }
            progress.fitted += 1;
            if progress.fitted <= rule.skip || rule.count.is_some_and(|count| progress.applied >= count) {
                continue;
            }
            if let Some(most) = rule.per_second {
                let sent = progress.sent.entry((caller.account.clone(), caller.region.clone())).or_default();
                if sent.passes(most, rule.burst) {
                    continue;
                }
            }
            if let Some(probability) = rule.probability
                && self.random.random::<f64>() >= probability
            {
                continue;
            }
            progress.applied += 1;
            return Action {
                error: rule.error.clone(),
                latency: rule.latency_ms.map_or(0, |latency| self.random.random_range(latency.min..=latency.max)),
                drop: rule.drop,
                state: rule.states.as_ref().and_then(|states| {
                    let answered = progress.answered.entry(resource.unwrap_or_default().to_owned()).or_default();
                    let state = states.get(*answered).or(states.last()).cloned();
                    *answered += 1;
                    state
                }),
                lag: rule.stale_ms.unwrap_or(0),
                deny: rule.deny,
                no_clear: rule.no_clear,
            };
        }
        Action::default()
    }
}

impl Rule {
    fn fits(&self, service: &str, operation: &str, resource: Option<&str>) -> bool {
        let fits = |pattern: &Option<String>, text: &str| pattern.as_deref().is_none_or(|pattern| glob(pattern, text));
        fits(&self.service, service)
            && fits(&self.operation, operation)
            && fits(&self.resource, resource.unwrap_or_default())
    }
}

/// Matches `*` (anything) and, as IAM does, `?` (one character).
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p + 1, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((after, from)) = retry {
            retry = Some((after, from + 1));
            p = after;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injector(document: &str) -> Injector {
        let faults: Faults = serde_json::from_str(document).unwrap();
        faults.check().unwrap();
        Injector::new(faults)
    }

    fn caller() -> Caller {
        of("111122223333", "us-east-1")
    }

    fn of(account: &str, region: &str) -> Caller {
        let [account, region] = [account, region].map(str::to_owned);
        let [service, key, user] = ["events", "key", "user"].map(str::to_owned);
        Caller { account, region, service, key, user }
    }

    #[test]
    fn globs_match_as_expected() {
        assert!(glob("*", "") && glob("a*c", "abbc") && glob("Create*", "CreateConnection"));
        assert!(glob("*-prod", "orders-prod") && glob("a?c", "abc"));
        assert!(!glob("a*c", "ab") && !glob("", "a") && !glob("abc", "ab"));
    }

    #[test]
    fn skip_and_count_are_exact_and_then_the_next_rule_is_asked() {
        let injector = injector(
            r#"{"rules": [
                {"operation": "Create*", "skip": 1, "count": 2, "error": {"code": "ThrottlingException"}},
                {"service": "events", "latency_ms": [5, 5]}]}"#,
        );
        let codes: Vec<_> = (0..4)
            .map(|_| injector.decide(&caller(), "events", "CreateConnection", Some("x")))
            .map(|action| (action.error.is_some(), action.latency))
            .collect();
        assert_eq!(codes, [(false, 5), (true, 0), (true, 0), (false, 5)]);
    }

    #[test]
    fn states_are_counted_by_resource_and_the_last_stays() {
        let injector = injector(r#"{"seed": 1, "rules": [{"operation": "Describe*", "states": ["A", "B"]}]}"#);
        let state = |name| injector.decide(&caller(), "events", "DescribeConnection", Some(name)).state.unwrap();
        assert_eq!([state("x"), state("y"), state("x"), state("x")], ["A", "A", "B", "B"]);
    }

    #[test]
    fn what_is_too_much_for_a_second_is_refused() {
        let injector =
            injector(r#"{"rules": [{"per_second": 2, "error": {"code": "ThrottlingException"}}, {"latency_ms": 1}]}"#);
        let codes: Vec<_> =
            (0..4).map(|_| injector.decide(&caller(), "cloudtrail", "LookupEvents", None).error.is_some()).collect();
        assert_eq!(codes, [false, false, true, true]);
    }

    #[test]
    fn a_burst_may_come_at_once_and_then_what_a_second_gives_back() {
        let injector = injector(
            r#"{"rules": [{"per_second": 20, "burst": 3, "error": {"code": "ThrottlingException"}}, {"latency_ms": 1}]}"#,
        );
        let refused = || injector.decide(&caller(), "events", "DescribeConnection", None).error.is_some();
        assert_eq!([refused(), refused(), refused(), refused()], [false, false, false, true]);
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!([refused(), refused()], [false, true]);
    }

    #[test]
    fn a_rate_is_that_of_one_account_in_one_region() {
        for burst in ["", r#""burst": 1, "#] {
            let injector = injector(&format!(
                r#"{{"rules": [{{"per_second": 1, {burst}"error": {{"code": "ThrottlingException"}}}}]}}"#
            ));
            let refused = |account, region| {
                injector.decide(&of(account, region), "events", "DescribeConnection", None).error.is_some()
            };
            let (one, other) = ("111122223333", "444455556666");
            assert_eq!([refused(one, "us-east-1"), refused(one, "us-east-1")], [false, true]);
            assert_eq!([refused(one, "eu-west-1"), refused(one, "eu-west-1")], [false, true]);
            assert_eq!([refused(other, "us-east-1"), refused(other, "us-east-1")], [false, true]);
        }
    }

    #[test]
    fn chance_is_seeded() {
        let draws = || -> Vec<bool> {
            let injector = injector(r#"{"seed": 7, "rules": [{"probability": 0.5, "deny": true}]}"#);
            (0..32).map(|_| injector.decide(&caller(), "kms", "ListKeys", None).deny).collect()
        };
        assert_eq!(draws(), draws());
        assert!(draws().contains(&true) && draws().contains(&false));
    }

    #[test]
    fn unknown_keys_and_impossible_values_are_refused() {
        assert!(serde_json::from_str::<Faults>(r#"{"rules": [{"latency": 5}]}"#).is_err());
        assert!(serde_json::from_str::<Faults>(r#"{"rules": [{"latency_ms": [9, 5]}]}"#).is_err());
        let faults: Faults = serde_json::from_str(r#"{"rules": [{"probability": 2}]}"#).unwrap();
        assert_eq!(faults.check().unwrap_err(), "rules[0]: probability lies between 0 and 1");
    }
}
