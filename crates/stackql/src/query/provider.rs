//! Where rows come from: what a query reads beyond the engine's [`Cloud`].

use serde_json::Value as Json;
use trueup_engine::cloud::{Cloud, Place, Task};
use trueup_engine::fault::Fault;
use trueup_engine::kind::{Kind, Registry};

/// Live resources, as a query reads them. Futures are boxed for the same reason as those of [`Cloud`].
pub trait Provider: Send + Sync {
    /// Reads and writes of resources of a known kind.
    fn cloud(&self) -> &dyn Cloud;

    /// The kinds that are known from the start; each has a native table.
    fn registry(&self) -> Registry;

    /// The region of a place, after the chain that finds one where nobody names it.
    fn region<'a>(&'a self, place: &'a Place) -> Task<'a, Result<String, Fault>>;

    /// The names of all other types that have a table: `AWS::SQS::Queue`.
    fn type_names<'a>(&'a self, place: &'a Place) -> Task<'a, Result<Vec<String>, Fault>>;

    /// The kind of a type by its name; in words why there is none.
    fn kind<'a>(
        &'a self,
        place: &'a Place,
        name: &'a str,
    ) -> Task<'a, Result<Result<&'static dyn Kind, String>, Fault>>;

    /// The identity of a resource in terms of its kind, where a query names it in another way: by its ARN.
    fn identity(&self, kind: &'static dyn Kind, identifier: &str) -> String;

    /// `GetResource`: the properties, or `None` where there is no such resource.
    fn resource<'a>(
        &'a self,
        place: &'a Place,
        type_name: &'a str,
        identifier: &'a str,
    ) -> Task<'a, Result<Option<Json>, Fault>>;

    /// `ListResources`: identifier and what the list shows of the properties. `model` is JSON that some types want.
    fn resources<'a>(
        &'a self,
        place: &'a Place,
        type_name: &'a str,
        model: Option<&'a str>,
    ) -> Task<'a, Result<Vec<(String, Json)>, Fault>>;

    /// `GetResourceRequestStatus`: the `ProgressEvent`, or `None` where there is no such request.
    fn request<'a>(&'a self, place: &'a Place, token: &'a str) -> Task<'a, Result<Option<Json>, Fault>>;

    /// `ListResourceRequests`: every `ProgressEvent`.
    fn requests<'a>(&'a self, place: &'a Place) -> Task<'a, Result<Vec<Json>, Fault>>;

    /// `GetResources` of the tagging API: ARN and tags. `filters` and `types` are lists, as the API takes them.
    fn tagged<'a>(
        &'a self,
        place: &'a Place,
        filters: &'a Json,
        types: &'a Json,
    ) -> Task<'a, Result<Vec<(String, Json)>, Fault>>;
}
