//! What an import says beside its manifest: what to fill in, what is not in it, what could not be read.
//!
//! The manifest is the result and goes to stdout alone, so that it can be piped into a file; everything here is for
//! people on stderr, or one document for machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use trueup_engine::fault::Fault;
use trueup_engine::import::{Head, Imported, Need, Unread, Why};
use trueup_engine::kind::Kind;
use trueup_engine::plan::document::FORMAT_VERSION;
use trueup_engine::source::Sources;

use crate::commands::Context;
use crate::error::{advice, describe};
use crate::output::diagnostics::{self, DiagnosticDocument};
use crate::output::text::{clean, columns, count};
use crate::output::value::path;

/// An import and what it was asked for.
pub struct Report<'a> {
    /// The manifest and what there is to know of it.
    pub imported: &'a Imported,
    /// What could not be read.
    pub unread: &'a [Unread],
    /// Where it was read.
    pub head: &'a Head,
    /// The types that were asked for.
    pub kinds: &'a [&'static dyn Kind],
    /// The manifest's text, for messages.
    pub sources: &'a Sources,
    /// The file that was written.
    pub written: Option<&'a Path>,
    /// A file was asked for, so that stdout stays empty.
    pub asked_for_file: bool,
    /// Nothing is in the manifest because nothing could be read.
    pub blind: bool,
}

/// The result of `import`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportDocument {
    /// The version of this format.
    format_version: String,
    /// `import`.
    command: String,
    /// The account that was read, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The region, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// The manifest's text, as it is printed or written; absent where nothing could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
    /// The file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The resources of the manifest, in its order.
    resources: Vec<ResourceDocument>,
    /// What somebody has to fill in before the first apply.
    fill_in: Vec<FillInDocument>,
    /// What was found and does not belong into a manifest.
    left_out: Vec<LeftOutDocument>,
    /// What could not be read.
    unread: Vec<UnreadDocument>,
    /// What is wrong with the manifest as it is, and what to look at.
    diagnostics: Vec<DiagnosticDocument>,
}

/// A resource of the manifest.
#[derive(Debug, Serialize, JsonSchema)]
struct ResourceDocument {
    /// Its logical name.
    address: String,
    /// Its type.
    #[serde(rename = "type")]
    type_name: String,
    /// Its name in the cloud.
    identifier: String,
}

/// A value that somebody has to give.
#[derive(Debug, Serialize, JsonSchema)]
struct FillInDocument {
    /// The resource.
    address: String,
    /// JSON pointer of the property.
    path: String,
    /// The source that the manifest names: `env:NAME`; absent where the manifest has no value for it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// `secret`; `credential`: a public property whose text holds one; `required`: the service does not return it.
    need: String,
}

/// Something that was left out.
#[derive(Debug, Serialize, JsonSchema)]
struct LeftOutDocument {
    /// Its type.
    #[serde(rename = "type")]
    type_name: String,
    /// Its name in the cloud.
    identifier: String,
    /// `managed`, `deleting` or `scheduled`.
    reason: String,
    /// Who manages it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

/// Something that could not be read.
#[derive(Debug, Serialize, JsonSchema)]
struct UnreadDocument {
    /// Its type.
    #[serde(rename = "type")]
    type_name: String,
    /// Its name in the cloud; absent where not even the list of the type could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<String>,
    /// Why.
    fault: Fault,
}

/// The document for machines.
pub fn documents(context: &Context<'_>, report: &Report<'_>) -> ImportDocument {
    let imported = report.imported;
    ImportDocument {
        format_version: FORMAT_VERSION.to_owned(),
        command: context.name.to_owned(),
        account: report.head.account.clone(),
        region: report.head.region.clone(),
        manifest: (!report.blind).then(|| imported.manifest.clone()),
        file: report.written.map(|path| path.display().to_string()),
        resources: imported
            .resources
            .iter()
            .map(|one| ResourceDocument {
                address: one.address.clone(),
                type_name: one.type_name.to_owned(),
                identifier: one.identity.clone(),
            })
            .collect(),
        fill_in: imported
            .fill_in
            .iter()
            .map(|fill| FillInDocument {
                address: fill.address.clone(),
                path: fill.path.clone(),
                source: fill.variable.as_ref().map(|variable| format!("env:{variable}")),
                need: need(fill.need).to_owned(),
            })
            .collect(),
        left_out: imported
            .left_out
            .iter()
            .map(|one| {
                let (reason, by) = match &one.why {
                    Why::Managed(by) => ("managed", Some(by.clone())),
                    Why::Deleting => ("deleting", None),
                    Why::Scheduled => ("scheduled", None),
                };
                LeftOutDocument {
                    type_name: one.type_name.to_owned(),
                    identifier: one.identity.clone(),
                    reason: reason.to_owned(),
                    by,
                }
            })
            .collect(),
        unread: report
            .unread
            .iter()
            .map(|one| UnreadDocument {
                type_name: one.type_name.to_owned(),
                identifier: one.identity.clone(),
                fault: one.fault.clone(),
            })
            .collect(),
        diagnostics: diagnostics::documents(&imported.diagnostics, report.sources),
    }
}

fn need(need: Need) -> &'static str {
    match need {
        Need::Secret => "secret",
        Need::Credential => "credential",
        Need::Required => "required",
    }
}

/// The manifest on stdout, and the rest on stderr.
pub fn show(context: &Context<'_>, report: &Report<'_>) {
    let printer = context.printer;
    if !report.blind && !report.asked_for_file {
        printer.result(&report.imported.manifest);
    }
    diagnostics::print(&report.imported.diagnostics, report.sources, printer);
    unread(context, report);
    printer.message(&summary(report));
    printer.message(&fill_in(report.imported));
    if let Some(path) = report.written {
        printer.hint(&format!("`trueup plan {}` shows what an apply would change: owner tags at most", path.display()));
    }
}

/// Each type or resource that could not be read; a fault is told once.
fn unread(context: &Context<'_>, report: &Report<'_>) {
    let mut told: Vec<&Fault> = Vec::new();
    let mut hints = Vec::new();
    for one in report.unread {
        let what = match &one.identity {
            Some(identity) => format!("{} `{identity}`", one.type_name),
            None => one.type_name.to_owned(),
        };
        let known =
            told.iter().any(|other| other.operation == one.fault.operation && other.message == one.fault.message);
        if known {
            context.printer.warning(&format!("{what} could not be read: the same"));
            continue;
        }
        told.push(&one.fault);
        context.printer.warning(&format!("{what} could not be read: {}", describe(&one.fault)));
        if let Some(hint) = advice(&one.fault).filter(|hint| !hints.contains(hint)) {
            context.printer.hint(&hint);
            hints.push(hint);
        }
    }
}

fn summary(report: &Report<'_>) -> String {
    let imported = report.imported;
    let mut text = String::new();
    let mut by_type: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &imported.resources {
        *by_type.entry(one.type_name).or_default() += 1;
    }
    if !by_type.is_empty() {
        let types: Vec<String> = by_type.iter().map(|(name, number)| format!("{number} {name}")).collect();
        let all = count(imported.resources.len(), "resource", "resources");
        let _ = write!(text, "Imported {all}: {}.", types.join(", "));
        if let Some(path) = report.written {
            let _ = write!(text, " Wrote {}.", path.display());
        }
        text.push('\n');
    } else if !report.blind {
        let types: Vec<&str> = report.kinds.iter().map(|kind| kind.name()).collect();
        let _ = write!(text, "Nothing to import was found ({}", types.join(", "));
        if let Some(region) = &report.head.region {
            let _ = write!(text, "; {region}");
        }
        text.push_str(").");
        if report.asked_for_file {
            text.push_str(" No file was written.");
        }
        text.push('\n');
    }
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for one in &imported.left_out {
        let why = match &one.why {
            Why::Managed(by) => format!("{} managed by {}", one.type_name, clean(by)),
            Why::Deleting => format!("{} being deleted", one.type_name),
            Why::Scheduled => format!("{} scheduled for deletion", one.type_name),
        };
        *left.entry(why).or_default() += 1;
    }
    if !left.is_empty() {
        let all: Vec<String> = left.iter().map(|(why, number)| format!("{number} {why}")).collect();
        let _ = writeln!(text, "Left out: {}.", all.join(", "));
    }
    if !report.unread.is_empty() {
        let all = count(report.unread.len(), "read", "reads");
        let _ = if report.blind {
            writeln!(text, "Nothing was imported: {all} failed.")
        } else {
            writeln!(text, "Incomplete: {all} failed; the end of the manifest says what is not in it.")
        };
    }
    text
}

/// The list of what to fill in, one a line.
fn fill_in(imported: &Imported) -> String {
    if imported.fill_in.is_empty() {
        return String::new();
    }
    let mut text = "Fill in before the first apply:\n".to_owned();
    let width = |column: &dyn Fn(usize) -> usize| (0..imported.fill_in.len()).map(column).max().unwrap_or(0);
    let source = |at: usize| imported.fill_in[at].variable.as_deref().unwrap_or("(no value yet)");
    let wide = width(&|at| columns(source(at)));
    let addresses = width(&|at| columns(&imported.fill_in[at].address));
    for (at, fill) in imported.fill_in.iter().enumerate() {
        let note = match fill.need {
            Need::Secret => "",
            Need::Credential => "  (its text holds a credential)",
            Need::Required => "  (required, and not returned by the service)",
        };
        let _ = writeln!(text, "  {:wide$}  {:addresses$}  {}{note}", source(at), fill.address, path(&fill.path));
    }
    text
}
