//! A cloud of two connections, which answers at once and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Json, json};
use trueup_engine::cloud::{
    Cloud, Confirm, Create, Live, Owned, Place, Present, Readiness, Seen, Task, Unconfirmed, Update, Want, Whereabouts,
    Written,
};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::{Attribute, Change, Finding, Implied, Kind, Patience, Registry, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::{List, Order, Property, Schema, Text, Type};
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value};

use crate::query::Provider;

const TEXT: Type = Type::Text(Text::ANY);
static LABELS: List = List { item: TEXT, order: Order::Ordered, max: 9 };
static BASIC: &[Property] = &[Property::new("Username", TEXT, ""), Property::new("Password", TEXT, "").secret()];
static HEADER: &[Property] = &[
    Property::new("Key", TEXT, ""),
    Property::new("Value", TEXT, "").secret_unless("IsValueSecret"),
    Property::new("IsValueSecret", Type::Boolean, ""),
];
static HEADERS: List = List { item: Type::Object(HEADER), order: Order::Ordered, max: 9 };
static AUTH: &[Property] = &[
    Property::new("BasicAuthParameters", Type::Object(BASIC), ""),
    Property::new("HeaderParameters", Type::List(&HEADERS), ""),
];
static CONNECTION: Schema = Schema {
    properties: &[
        Property::new("Name", TEXT, "Its name.").required().immutable(),
        Property::new("Description", TEXT, ""),
        Property::new("AuthorizationType", TEXT, ""),
        Property::new("AuthParameters", Type::Object(AUTH), ""),
        Property::new("SecretString", TEXT, "").secret(),
        Property::new("Labels", Type::List(&LABELS), ""),
        Property::new("Arn", TEXT, "").read_only(),
    ],
    one_of: &[],
};
static QUEUE: Schema = Schema { properties: &[Property::new("QueueUrl", TEXT, "").read_only()], one_of: &[] };

#[derive(Debug)]
pub struct Plain {
    name: &'static str,
    aliases: &'static [&'static str],
    schema: &'static Schema,
    identity: &'static str,
}

static CONNECTIONS: Plain = Plain {
    name: "AWS::Events::Connection",
    aliases: &["awscc.events.connections", "aws.events.connections"],
    schema: &CONNECTION,
    identity: "Name",
};
static QUEUES: Plain = Plain { name: "AWS::SQS::Queue", aliases: &[], schema: &QUEUE, identity: "QueueUrl" };
static KINDS: &[&dyn Kind] = &[&CONNECTIONS];

impl Kind for Plain {
    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }

    fn schema(&self) -> &'static Schema {
        self.schema
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[]
    }

    fn identity_property(&self) -> &'static str {
        self.identity
    }

    fn check(&self, _: &Map) -> Vec<Finding> {
        Vec::new()
    }

    fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
        Vec::new()
    }

    fn patience(&self, _: &Map) -> Patience {
        let second = Duration::from_secs(1);
        Patience { create: second, update: second, delete: second }
    }

    fn permissions(&self, _: Verb, _: &Subject<'_>) -> Vec<Permission> {
        Vec::new()
    }
}

/// The cloud.
pub struct Small {
    told: Mutex<Vec<String>>,
    fault: Mutex<Option<Fault>>,
    described: Mutex<Option<&'static str>>,
    silent: Mutex<bool>,
}

impl Small {
    pub fn new() -> Self {
        Self { told: Mutex::default(), fault: Mutex::default(), described: Mutex::default(), silent: Mutex::default() }
    }

    /// What it was asked, in order.
    pub fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// From now on everything fails so.
    pub fn fail_with(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
    }

    /// Somebody else describes every connection so.
    pub fn describe_as(&self, description: &'static str) {
        *self.described.lock().unwrap() = Some(description);
    }

    /// From now on nothing is answered when it is asked what is there.
    pub fn fall_silent(&self) {
        *self.silent.lock().unwrap() = true;
    }

    fn live(&self, name: &str) -> Option<Present> {
        let mut live = live(name)?;
        if let Some(description) = *self.described.lock().unwrap() {
            live.properties.insert("Description".to_owned(), description.into());
        }
        Some(live)
    }

    fn ask(&self, what: String) -> Result<(), Fault> {
        self.told.lock().unwrap().push(what);
        self.fault.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

fn region(place: &Place) -> String {
    place.region.as_deref().unwrap_or("us-east-1").to_owned()
}

fn live(name: &str) -> Option<Present> {
    if !["orders", "billing", "headed"].contains(&name) {
        return None;
    }
    let secret = |source: &str| Value::Secret(Secret::new(source, "hunter2".to_owned()));
    let mut properties = Map::new();
    properties.insert("Name".to_owned(), name.into());
    if name == "orders" {
        properties.insert("Description".to_owned(), "Orders".into());
    }
    properties.insert("AuthorizationType".to_owned(), "BASIC".into());
    let basic = Map::from_iter([("Username".to_owned(), "svc".into()), ("Password".to_owned(), secret("live"))]);
    let mut auth = Map::from_iter([("BasicAuthParameters".to_owned(), basic.into())]);
    if name == "headed" {
        let header = |key: &str, value: Value, hidden: bool| {
            let members = [("Key", Value::from(key)), ("Value", value), ("IsValueSecret", hidden.into())];
            Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        };
        let headers = vec![header("plain", "seen".into(), false), header("hidden", secret("live"), true)];
        auth.insert("HeaderParameters".to_owned(), headers.into());
    }
    properties.insert("AuthParameters".to_owned(), auth.into());
    properties.insert("SecretString".to_owned(), "hunter2".into());
    properties.insert("Labels".to_owned(), vec![Value::from("a"), Value::from("b")].into());
    Some(Present {
        identity: name.to_owned(),
        properties,
        attributes: Map::from_iter([("Arn".to_owned(), format!("arn:{name}").into())]),
        secret_version: None,
        readiness: Readiness::Ready(None),
        seen: Seen::default(),
    })
}

fn unused<T>() -> Result<T, Fault> {
    Err(Fault::new(FaultKind::Invalid, "small", "nothing here asks for this"))
}

impl Cloud for Small {
    fn whereabouts<'a>(&'a self, _: &'a Place) -> Task<'a, Result<Whereabouts, Fault>> {
        Box::pin(async { unused() })
    }

    fn observe<'a>(&'a self, _: &'static dyn Kind, place: &'a Place, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        let names: Vec<&str> = wants.iter().map(|want| want.identity.as_str()).collect();
        let asked = self.ask(format!("observe {} {}", region(place), names.join(",")));
        let answer = |want: &Want| match &asked {
            Err(fault) => Live::Unreadable(fault.clone()),
            Ok(()) => self.live(&want.identity).map_or(Live::Absent, |live| Live::Present(Arc::new(live))),
        };
        let wants = if *self.silent.lock().unwrap() { &[] } else { wants };
        let answers = wants.iter().map(answer).collect();
        Box::pin(async { answers })
    }

    fn canonical<'a>(
        &'a self,
        _: trueup_engine::schema::Domain,
        _: &'a Place,
        _: &'a [String],
    ) -> Task<'a, Result<HashMap<String, String>, Fault>> {
        Box::pin(async { Ok(HashMap::new()) })
    }

    fn owned<'a>(
        &'a self,
        _: &'a [&'static dyn Kind],
        _: &'a Place,
        _: &'a str,
        _: &'a str,
    ) -> Task<'a, Result<Vec<Owned>, Fault>> {
        Box::pin(async { unused() })
    }

    fn list<'a>(&'a self, _: &'static dyn Kind, place: &'a Place) -> Task<'a, Result<Vec<String>, Fault>> {
        let asked = self.ask(format!("list {}", region(place)));
        Box::pin(async { asked.map(|()| vec!["orders".to_owned(), "billing".to_owned()]) })
    }

    fn restore<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, _: &'a str) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async { unused() })
    }

    fn create<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, _: &'a Create<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async { unused() })
    }

    fn update<'a>(
        &'a self,
        _: &'static dyn Kind,
        place: &'a Place,
        update: &'a Update<'a>,
    ) -> Task<'a, Result<Written, Fault>> {
        let asked = self.ask(format!("update {} {}", region(place), update.live.identity));
        let readiness = Readiness::Ready(None);
        let written = Written { adopted: false, identity: None, attributes: Map::new(), readiness, notes: Vec::new() };
        Box::pin(async { asked.map(|()| written) })
    }

    fn delete<'a>(
        &'a self,
        _: &'static dyn Kind,
        _: &'a Place,
        _: &'a str,
        _: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async { unused() })
    }

    fn confirm<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, _: &'a [Confirm]) -> Task<'a, Vec<Unconfirmed>> {
        Box::pin(async { Vec::new() })
    }

    fn calls(&self) -> u64 {
        0
    }
}

impl Provider for Small {
    fn cloud(&self) -> &dyn Cloud {
        self
    }

    fn registry(&self) -> Registry {
        Registry::new(KINDS)
    }

    fn region<'a>(&'a self, place: &'a Place) -> Task<'a, Result<String, Fault>> {
        Box::pin(async move { Ok(region(place)) })
    }

    fn type_names<'a>(&'a self, _: &'a Place) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(async { Ok(vec![QUEUES.name.to_owned()]) })
    }

    fn kind<'a>(&'a self, _: &'a Place, name: &'a str) -> Task<'a, Result<Result<&'static dyn Kind, String>, Fault>> {
        Box::pin(async move {
            Ok(if name == QUEUES.name { Ok(&QUEUES as &dyn Kind) } else { Err("nobody knows it".to_owned()) })
        })
    }

    fn identity(&self, _: &'static dyn Kind, identifier: &str) -> String {
        identifier.to_owned()
    }

    fn resource<'a>(&'a self, _: &'a Place, _: &'a str, name: &'a str) -> Task<'a, Result<Option<Json>, Fault>> {
        let shown = (name == "orders").then(|| {
            json!({"Name": name, "Description": "Orders", "SecretString": "hunter2",
                "AuthParameters": {"BasicAuthParameters": {"Username": "svc", "Password": "hunter2"}}})
        });
        Box::pin(async { Ok(shown) })
    }

    fn resources<'a>(
        &'a self,
        _: &'a Place,
        _: &'a str,
        _: Option<&'a str>,
    ) -> Task<'a, Result<Vec<(String, Json)>, Fault>> {
        Box::pin(async { Ok(vec![("orders".to_owned(), json!({"Name": "orders"}))]) })
    }

    fn request<'a>(&'a self, _: &'a Place, token: &'a str) -> Task<'a, Result<Option<Json>, Fault>> {
        let event = json!({"RequestToken": token, "OperationStatus": "SUCCESS", "Operation": "CREATE",
            "TypeName": "AWS::Events::Connection", "Identifier": "orders",
            "ResourceModel": json!({"Name": "orders", "SecretString": "hunter2"}).to_string()});
        Box::pin(async { Ok(Some(event)) })
    }

    fn requests<'a>(&'a self, _: &'a Place) -> Task<'a, Result<Vec<Json>, Fault>> {
        Box::pin(async { Ok(vec![json!({"OperationStatus": "SUCCESS", "Operation": "CREATE"})]) })
    }

    fn tagged<'a>(
        &'a self,
        place: &'a Place,
        filters: &'a Json,
        _: &'a Json,
    ) -> Task<'a, Result<Vec<(String, Json)>, Fault>> {
        let asked = self.ask(format!("tagged {} {filters}", region(place)));
        let found = ("arn:aws:events:us-east-1:1:connection/orders/0a".to_owned(), json!([{"Key": "team"}]));
        Box::pin(async { asked.map(|()| vec![found]) })
    }
}
