//! `trueup fleet`: many stacks in one process.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::{Options, SeverityOf};

/// `fleet`.
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct FleetArgs {
    /// What to do with the stacks.
    #[command(subcommand)]
    pub command: FleetCommand,
}

/// The commands of `fleet`.
#[derive(Subcommand, Debug)]
pub enum FleetCommand {
    /// Plan many stacks; one line for each
    #[command(after_help = "Examples:
  trueup fleet plan stacks
  trueup fleet plan stacks/*/ --environment dev --environment prod --exit-code
  trueup fleet plan stacks --targets accounts.yaml --format junit > plans.xml")]
    Plan(FleetPlanArgs),
    /// Look for drift in many stacks; one line for each
    #[command(
        visible_alias = "test",
        after_help = "Examples:
  trueup fleet drift stacks --environment prod
  trueup fleet drift stacks --environment prod --fail-on high --json"
    )]
    Drift(FleetDriftArgs),
    /// Plan many stacks, ask once, apply exactly these plans
    #[command(after_help = "Examples:
  trueup fleet apply stacks --environment prod
  trueup fleet apply stacks --environment prod --yes --failure-tolerance 5%")]
    Apply(FleetApplyArgs),
}

/// Which stacks, and how many at once.
#[derive(Args, Debug)]
pub struct FleetStacks {
    /// Folders of stacks, manifests, or folders that have stacks somewhere below
    #[arg(value_name = "DIR", value_hint = ValueHint::AnyPath,
        help = "Folders of stacks, manifests, or folders that have stacks somewhere below [default: .]")]
    pub dirs: Vec<PathBuf>,
    /// Environment; with several, each stack in each of them
    #[arg(
        long = "environment",
        value_name = "ENV",
        help = "Environment; may be repeated: each stack in each of them [default: dev]"
    )]
    pub environments: Vec<String>,
    /// File with a list of targets, YAML or JSON: `stack`, `env`, `profile` or `role_arn`, `region` and `vars` of each
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub targets: Option<PathBuf>,
    /// How many stacks are worked on at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_concurrent: u16,
    /// How many of them in one account and region
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024),
        help = "How many of them in one account and region [default: half of --max-concurrent]")]
    pub max_per_region: Option<u16>,
    /// How many stacks, or how many percent of them, may fail before no further one is begun
    #[arg(
        long,
        value_name = "N|P%",
        help = "How many stacks, or how many percent of them, may fail before no further one is begun [default: 100%]"
    )]
    pub failure_tolerance: Option<String>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `fleet plan`.
#[derive(Args, Debug)]
pub struct FleetPlanArgs {
    /// End with 2 where there are changes
    #[arg(long)]
    pub exit_code: bool,
    /// Plan the deletion of what a stack owns and its manifest no longer names
    #[arg(long)]
    pub prune: bool,
    /// The stacks.
    #[command(flatten)]
    pub stacks: FleetStacks,
}

/// `fleet drift`.
#[derive(Args, Debug)]
pub struct FleetDriftArgs {
    /// End with 2 only for differences that are at least this bad
    #[arg(long, value_name = "LEVEL")]
    pub fail_on: Option<SeverityOf>,
    /// Read everything, also what has not moved since it was verified
    #[arg(long)]
    pub full: bool,
    /// The stacks.
    #[command(flatten)]
    pub stacks: FleetStacks,
}

/// `fleet apply`.
#[derive(Args, Debug)]
pub struct FleetApplyArgs {
    /// Apply without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Delete what a stack owns and its manifest no longer names
    #[arg(long)]
    pub prune: bool,
    /// The stacks.
    #[command(flatten)]
    pub stacks: FleetStacks,
}

impl FleetCommand {
    /// Which stacks, and how many at once.
    pub fn stacks(&self) -> &FleetStacks {
        match self {
            Self::Plan(a) => &a.stacks,
            Self::Drift(a) => &a.stacks,
            Self::Apply(a) => &a.stacks,
        }
    }
}
