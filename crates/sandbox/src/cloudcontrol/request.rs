//! The requests that Cloud Control has taken: under way, done, failed or cancelled.
//!
//! Nothing runs in the background. A request knows when it is due; whoever looks at the sandbox after
//! that moment finds it done, as of that moment, and until then nothing of it can be seen.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{Millis, seconds};
use crate::events::connection::insert;
use crate::wire::{Caller, Service};

const HOUR: Millis = 60 * 60 * 1000;
/// [D] for how long a client token stands for its request.
const CLIENT_TOKEN: Millis = 36 * HOUR;
/// [D] for how long a request is remembered.
const REMEMBERED: Millis = 7 * 24 * HOUR;

/// What is done to a resource.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verb {
    #[serde(rename = "CREATE")]
    Create,
    #[serde(rename = "UPDATE")]
    Update,
    #[serde(rename = "DELETE")]
    Delete,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// How a request ended.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) at: Millis,
    /// The handler error code and what is said with it.
    pub(crate) failure: Option<(String, String)>,
}

/// A request. Deliberately without `Debug`: a model may hold secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) token: String,
    pub(crate) account: String,
    pub(crate) region: String,
    /// Who asked.
    #[serde(default)]
    pub(crate) user: String,
    pub(crate) type_name: String,
    pub(crate) verb: Verb,
    /// Unknown while a resource is made whose identifier its service makes.
    pub(crate) identifier: Option<String>,
    /// What was asked, to tell whether it is asked again.
    pub(crate) asked: Value,
    /// What the resource shall be; gone when that is decided.
    pub(crate) desired: Option<Value>,
    /// What the resource was when the request was done, without what is never shown.
    pub(crate) model: Option<Value>,
    pub(crate) started: Millis,
    pub(crate) end: Option<End>,
    /// From when it is being cancelled, and until when.
    pub(crate) cancelled: Option<(Millis, Millis)>,
}

impl Request {
    /// Returns the status at a time.
    pub(crate) fn status(&self, at: Millis) -> &'static str {
        match (&self.cancelled, &self.end) {
            (Some((_, until)), _) if at < *until => "CANCEL_IN_PROGRESS",
            (Some(_), _) => "CANCEL_COMPLETE",
            (None, Some(end)) if end.at <= at => match end.failure {
                None => "SUCCESS",
                Some(_) => "FAILED",
            },
            (None, _) => "IN_PROGRESS",
        }
    }

    /// Returns the progress event at a time; what was made or changed comes with its end [D].
    pub(crate) fn event(&self, at: Millis) -> Value {
        let end = self.end.as_ref().filter(|end| end.at <= at && self.cancelled.is_none());
        let changed = match (&self.cancelled, end) {
            (Some((from, until)), _) => {
                if at < *until {
                    *from
                } else {
                    *until
                }
            }
            (None, Some(end)) => end.at,
            (None, None) => self.started,
        };
        let mut out = json!({
            "TypeName": self.type_name,
            "RequestToken": self.token,
            "Operation": self.verb.name(),
            "OperationStatus": self.status(at),
            "EventTime": seconds(changed),
        });
        let failure = end.and_then(|end| end.failure.as_ref());
        insert(
            &mut out,
            [
                ("Identifier", self.identifier.as_deref().map(Value::from)),
                ("ResourceModel", self.model.as_ref().filter(|_| end.is_some()).map(|it| it.to_string().into())),
                ("ErrorCode", failure.map(|(code, _)| code.as_str().into())),
                ("StatusMessage", failure.map(|(_, text)| text.as_str().into())),
            ],
        );
        out
    }

    fn is_of(&self, caller: &Caller) -> bool {
        self.account == caller.account && self.region == caller.region
    }

    fn resource(&self) -> Option<String> {
        let Self { account, region, type_name, identifier, .. } = self;
        Some(format!("{account}/{region}/{type_name}/{}", identifier.as_ref()?))
    }
}

/// A request whose time has come, and who asked for it.
pub(crate) struct Due {
    pub(crate) at: Millis,
    pub(crate) token: String,
    pub(crate) caller: Caller,
}

/// All requests of all accounts.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requests {
    by_token: BTreeMap<String, Request>,
    /// Those that wait for their time.
    due: BTreeSet<(Millis, String)>,
    /// The request that a client's token stands for, by account, region and that token.
    clients: BTreeMap<String, String>,
    /// The last request for a resource.
    resources: BTreeMap<String, String>,
    /// When the first of them was taken.
    oldest: Millis,
}

impl Requests {
    /// Takes a request, to be done at `due`.
    pub(crate) fn take(&mut self, request: Request, client_token: Option<&str>, due: Millis) {
        self.forget(request.started);
        let token = request.token.clone();
        self.due.insert((due, token.clone()));
        if let Some(client) = client_token {
            self.clients.insert(client_key(&request.account, &request.region, client), token.clone());
        }
        if let Some(resource) = request.resource() {
            self.resources.insert(resource, token.clone());
        }
        self.by_token.insert(token, request);
    }

    /// Writes a request down as it is now.
    pub(crate) fn put(&mut self, request: Request) {
        self.by_token.insert(request.token.clone(), request);
    }

    /// Finds a caller's request.
    pub(crate) fn get(&self, token: &str, caller: &Caller, now: Millis) -> Option<&Request> {
        let found = self.by_token.get(token).filter(|request| request.is_of(caller));
        found.filter(|request| now < request.started + REMEMBERED)
    }

    /// Returns a caller's requests, the latest first.
    pub(crate) fn all(&self, caller: &Caller, now: Millis) -> Vec<&Request> {
        let known = |request: &&Request| request.is_of(caller) && now < request.started + REMEMBERED;
        let mut all: Vec<&Request> = self.by_token.values().filter(known).collect();
        all.sort_by(|a, b| (b.started, &b.token).cmp(&(a.started, &a.token)));
        all
    }

    /// Renders all requests as they are, without models: a parameter's value is in its.
    pub(crate) fn dump(&self, now: Millis) -> Value {
        let bare = |request: &Request| {
            let mut event = request.event(now);
            if let Some(members) = event.as_object_mut() {
                members.remove("ResourceModel");
            }
            event
        };
        self.by_token.iter().map(|(token, request)| (token.clone(), bare(request))).collect()
    }

    /// Finds the request that a client's token stands for.
    pub(crate) fn of_client(&self, client_token: &str, caller: &Caller, now: Millis) -> Option<&Request> {
        let token = self.clients.get(&client_key(&caller.account, &caller.region, client_token))?;
        self.by_token.get(token).filter(|request| now < request.started + CLIENT_TOKEN)
    }

    /// Finds the request that is under way for a resource.
    pub(crate) fn under_way(&self, resource: &str, now: Millis) -> Option<&Request> {
        let request = self.by_token.get(self.resources.get(resource)?)?;
        matches!(request.status(now), "IN_PROGRESS" | "CANCEL_IN_PROGRESS").then_some(request)
    }

    /// Takes the next request whose time has come.
    pub(crate) fn take_due(&mut self, now: Millis) -> Option<Due> {
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            let (at, token) = self.due.pop_first()?;
            let Some(request) = self.by_token.get(&token).filter(|request| request.cancelled.is_none()) else {
                continue;
            };
            let caller = Caller {
                account: request.account.clone(),
                region: request.region.clone(),
                service: Service::CloudControl.name().to_owned(),
                key: String::new(),
                user: request.user.clone(),
            };
            return Some(Due { at, token, caller });
        }
        None
    }

    fn forget(&mut self, now: Millis) {
        if now < self.oldest + REMEMBERED {
            return;
        }
        self.by_token.retain(|_, request| now < request.started + REMEMBERED);
        self.oldest = self.by_token.values().map(|request| request.started).min().unwrap_or(now);
        self.clients.retain(|_, token| self.by_token.contains_key(token));
        self.resources.retain(|_, token| self.by_token.contains_key(token));
    }
}

/// Returns how a resource is called among the requests.
pub(super) fn resource(caller: &Caller, type_name: &str, identifier: &str) -> String {
    format!("{}/{}/{type_name}/{identifier}", caller.account, caller.region)
}

fn client_key(account: &str, region: &str, token: &str) -> String {
    format!("{account}/{region}/{token}")
}
