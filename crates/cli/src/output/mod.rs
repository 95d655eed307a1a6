//! One file per form of output; each is a fold of a plan, of events or of a report, and none of them decides anything.

pub mod ask;
pub mod blame;
pub mod diagnostics;
pub mod diff;
pub mod document;
pub mod human;
pub mod import;
pub mod jsonl;
pub mod progress;
pub mod report;
pub mod text;
pub mod value;
