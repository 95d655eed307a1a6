//! One file per form of output; each is a fold of a plan, of events or of a report, and none of them decides anything.

pub mod ask;
pub mod blame;
pub mod diagnostics;
pub mod diff;
pub mod document;
pub mod drift;
pub mod fleet;
pub mod github;
pub mod graph;
pub mod html;
pub mod human;
pub mod iam;
pub mod import;
pub mod jsonl;
pub mod junit;
pub mod markdown;
pub mod page;
pub mod preflight;
pub mod progress;
pub mod query;
pub mod report;
pub mod sarif;
pub mod text;
pub mod value;
