//! `trueup render`: the desired resources as the engine sees them, with secrets masked.

use serde::Serialize;
use trueup_engine::desired::Desired;
use trueup_engine::plan::document::{FORMAT_VERSION, StackName};
use trueup_engine::value::Value;

use crate::args::Format;
use crate::commands::{Context, ready};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::diagnostics::{self, DiagnosticDocument};
use crate::settings::Target;

#[derive(Serialize)]
struct Document {
    format_version: &'static str,
    command: &'static str,
    stack: StackName,
    resources: Vec<Resource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<Vec<DiagnosticDocument>>,
}

#[derive(Serialize)]
struct Resource {
    address: String,
    #[serde(rename = "type")]
    type_name: &'static str,
    identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    protect: bool,
    properties: serde_json::Value,
}

impl Resource {
    fn new(desired: &Desired, depends_on: Vec<String>) -> Self {
        Self {
            address: desired.address.to_string(),
            type_name: desired.kind.name(),
            identifier: desired.identity.clone(),
            region: desired.place.region.as_deref().map(str::to_owned),
            role_arn: desired.place.role_arn.as_deref().map(str::to_owned),
            depends_on,
            protect: desired.instance.protect == Some(true),
            properties: Value::Map(desired.properties.clone()).to_masked_json(),
        }
    }
}

/// Renders a stack.
pub fn run(context: &Context<'_>, target: &Target) -> Result<Exit, CommandError> {
    let ready = match ready(context, target)? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let graph = &ready.graph;
    let resources = graph.nodes.iter().enumerate().map(|(index, desired)| {
        let needs = graph.dependencies[index].iter().map(|other| graph.nodes[*other].address.to_string()).collect();
        Resource::new(desired, needs)
    });
    let human = context.format() == Format::Human;
    let document = Document {
        format_version: FORMAT_VERSION,
        command: context.name,
        stack: StackName { name: ready.stack.name.value.clone(), env: ready.stack.env.clone() },
        resources: resources.collect(),
        diagnostics: (!human).then(|| diagnostics::documents(&ready.diagnostics, &ready.sources)),
    };
    if human {
        let text = serde_yaml::to_string(&document)
            .map_err(|error| CommandError::failed(format!("cannot write the resources as YAML: {error}")))?;
        context.printer.result(&text);
    } else {
        context.printer.document(&document)?;
    }
    Ok(Exit::Done)
}
