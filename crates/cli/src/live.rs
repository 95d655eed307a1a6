//! Live resources as tables: what the SQL of `trueup query` reads and writes, over a session with AWS.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;
use tokio::sync::OnceCell;
use trueup_aws::kinds::cloud_control::{Cache, Problem};
use trueup_aws::{Queries, Session, raw};
use trueup_engine::cloud::{Cloud, MOST_ROWS, Place, Task};
use trueup_engine::fault::Fault;
use trueup_engine::kind::{Kind, Registry};
use trueup_engine::value::Map;
use trueup_stackql::query::{self, Provider, QueryError};

use crate::settings::Settings;
use crate::types;

/// The names of types, once they were asked for.
type List = Arc<OnceCell<Vec<String>>>;

/// Which types there are, by place, each list asked for once a run: it has some twenty pages.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<HashMap<Place, List>>>);

impl Names {
    fn of(&self, place: &Place) -> List {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(place.clone()).or_default())
    }
}

/// The tables of a session.
pub struct LiveTables<'a> {
    cache: Cache,
    session: &'a Session,
    names: Names,
}

impl<'a> LiveTables<'a> {
    /// The tables of a session. Sends nothing.
    pub fn new(settings: &'a Settings, session: &'a Session) -> Self {
        Self { cache: types::cache(settings), session, names: Names::default() }
    }
}

/// The queries of a stack, answered from the tables of its session.
pub struct StackQueries {
    cache: Cache,
    names: Names,
}

impl StackQueries {
    /// With the schemas that are kept.
    pub fn new(settings: &Settings) -> Self {
        Self { cache: types::cache(settings), names: Names::default() }
    }
}

impl Queries for StackQueries {
    fn look_up<'a>(
        &'a self,
        session: &'a Session,
        place: &'a Place,
        query: &'a str,
    ) -> Task<'a, Result<Vec<Map>, Fault>> {
        Box::pin(async move {
            let tables = LiveTables { cache: self.cache.clone(), session, names: self.names.clone() };
            query::look_up(&tables, place, query, MOST_ROWS).await.map_err(QueryError::into_fault)
        })
    }
}

/// Where is read and written that names no region of its own.
pub fn place(settings: &Settings) -> Place {
    Place {
        region: settings.cloud.region.as_deref().map(Into::into),
        role_arn: settings.cloud.role_arn.as_deref().map(Into::into),
    }
}

impl Provider for LiveTables<'_> {
    fn cloud(&self) -> &dyn Cloud {
        self.session
    }

    fn registry(&self) -> Registry {
        trueup_aws::registry()
    }

    fn region<'a>(&'a self, place: &'a Place) -> Task<'a, Result<String, Fault>> {
        Box::pin(raw::region(self.session, place))
    }

    fn type_names<'a>(&'a self, place: &'a Place) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(async move {
            let names = self.names.of(place);
            names.get_or_try_init(|| raw::type_names(self.session, place)).await.cloned()
        })
    }

    fn kind<'a>(
        &'a self,
        place: &'a Place,
        name: &'a str,
    ) -> Task<'a, Result<Result<&'static dyn Kind, String>, Fault>> {
        Box::pin(async move {
            let names = BTreeSet::from([name.to_owned()]);
            let found = types::found_in(&self.cache, self.session, place, &names).await;
            match (found.kinds.first(), found.problems.into_iter().next()) {
                (Some(kind), _) => Ok(Ok(*kind)),
                (None, Some((_, Problem::Unread(fault)))) => Err(*fault),
                (None, Some((_, Problem::Unusable(why)))) => Ok(Err(why.to_string())),
                (None, Some((_, Problem::Unknown)) | None) => {
                    Ok(Err("CloudFormation does not know it in this region".to_owned()))
                }
            }
        })
    }

    fn identity(&self, kind: &'static dyn Kind, identifier: &str) -> String {
        raw::identity(kind, identifier)
    }

    fn resource<'a>(
        &'a self,
        place: &'a Place,
        type_name: &'a str,
        identifier: &'a str,
    ) -> Task<'a, Result<Option<Json>, Fault>> {
        Box::pin(raw::resource(self.session, place, type_name, identifier))
    }

    fn resources<'a>(
        &'a self,
        place: &'a Place,
        type_name: &'a str,
        model: Option<&'a str>,
    ) -> Task<'a, Result<Vec<(String, Json)>, Fault>> {
        Box::pin(raw::resources(self.session, place, type_name, model))
    }

    fn request<'a>(&'a self, place: &'a Place, token: &'a str) -> Task<'a, Result<Option<Json>, Fault>> {
        Box::pin(raw::request(self.session, place, token))
    }

    fn requests<'a>(&'a self, place: &'a Place) -> Task<'a, Result<Vec<Json>, Fault>> {
        Box::pin(raw::requests(self.session, place))
    }

    fn tagged<'a>(
        &'a self,
        place: &'a Place,
        filters: &'a Json,
        types: &'a Json,
    ) -> Task<'a, Result<Vec<(String, Json)>, Fault>> {
        Box::pin(raw::tagged(self.session, place, filters, types))
    }
}
