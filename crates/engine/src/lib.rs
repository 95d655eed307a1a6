//! The domain of trueup: a manifest becomes a plan, and a plan becomes events, without any cloud in sight.
//!
//! One type per arrow, one function per arrow; only [`observe`] and [`apply`] reach the cloud, through [`cloud::Cloud`]:
//!
//! ```text
//! source ─ manifest ─ render ─ desired ─ graph ─ observe ─ delta ─ patch ─ plan ─ apply ─ report
//! ```
//!
//! [`drift`] reads a plan as findings. [`import`] goes the other way, from what was observed to a manifest, and [`policy`]
//! says what a command has to be allowed for all this.
//!
//! Beside the arrows stand the values that they carry ([`value`], [`secret`], [`address`]), what a type of resource is
//! ([`kind`], [`schema`]), and the two ways in which something goes wrong: a [`diagnostic`] for people, a [`fault`] from
//! the cloud.

pub mod address;
pub mod apply;
pub mod blame;
pub mod cloud;
pub mod credential;
pub mod delta;
pub mod desired;
pub mod diagnostic;
pub mod drift;
pub mod embedded;
pub mod event;
pub mod fault;
pub mod functions;
pub mod graph;
pub mod import;
pub mod kind;
pub mod lookup;
pub mod manifest;
pub mod memory;
pub mod observe;
pub mod owner;
pub mod patch;
pub mod permission;
pub mod plan;
pub mod policy;
pub mod render;
pub mod report;
pub mod retry;
pub mod schema;
pub mod secret;
pub mod source;
pub mod stack;
pub mod value;
mod variables;
