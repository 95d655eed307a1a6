//! What was typed: the command line in clap's types, and the help texts that go with it.
//!
//! Nothing here decides anything. [`crate::settings`] turns these types into what they mean, and nothing behind it sees
//! clap. The options that every command accepts are part of the program *and* of each command, not `global` in clap's
//! sense, because clap drops the values of a repeatable global option when it is given on both sides of the command.

mod fleet;
mod options;

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};
use trueup_engine::drift::Level;

pub use self::fleet::{FleetArgs, FleetCommand, FleetStacks};
pub use self::options::{ColorWhen, Format, FormatName, LogFormat, LogLevel, OnFailure, Options, PageFormat};

const ABOUT: &str = "Makes AWS connections match a manifest, and shows first what that changes.";

const LONG_ABOUT: &str = "Makes AWS connections match a manifest, and shows first what that changes.

A stack is a folder with `trueup.yaml`. `trueup plan` reads the live state and prints what differs; `trueup apply` does \
it; running it again finishes whatever was interrupted. There is no state file: the cloud is the only record.";

const AFTER_HELP: &str = "Examples:
  trueup init orders                       Write a manifest to start from
  trueup validate orders                   Check it; needs no credentials
  trueup plan orders prod --out plan.json  Plan the environment `prod` and save the plan
  trueup apply plan.json orders            Execute exactly that plan
  trueup --sandbox apply orders            Try it on a sandbox on this machine

Exit codes: 0 done, 1 failed, 2 changes (plan --exit-code), 3 blocked, 4 stale, 5 locked,
6 incomplete, 7 unhealthy, 64 bad arguments or manifest, 130/143 interrupted.";

/// The command line.
#[derive(Parser, Debug)]
#[command(
    name = "trueup",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = AFTER_HELP,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Options given before the command.
    #[command(flatten)]
    pub options: Options,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Check a manifest without any cloud: syntax, types, required properties, references
    ///
    /// Shows every mistake at once, each with its line and what to do. Needs no credentials and reads no secret.
    #[command(after_help = "Examples:
  trueup validate
  trueup validate stacks/orders prod --json")]
    Validate(StackArgs),
    /// Print the desired resources, with secrets masked
    ///
    /// Variables, globals and loops are resolved; what only the cloud knows shows as `$unknown`, a secret as the name of
    /// its source.
    #[command(after_help = "Examples:
  trueup render . prod
  trueup render . prod --json")]
    Render(StackArgs),
    /// Show what an apply would change
    ///
    /// Reads the live state, compares it with the manifest and changes nothing. Secrets are compared in memory and never
    /// shown. The signs: + create, ~ update in place, +/- replace (the new one first), -/+ replace (the old one first), -
    /// delete, = adopt, <= a query that is asked while it is applied, ! blocked, ? not read or not verifiable.
    #[command(after_help = "Examples:
  trueup plan
  trueup plan stacks/orders prod --out plan.json
  trueup plan --only 'orders*' --exit-code")]
    Plan(PlanArgs),
    /// Show what differs from the manifest, what cannot be used, and what could not be verified
    ///
    /// Reads only. A difference has a severity: high weakens security or sends traffic elsewhere, low only describes;
    /// `severity` in the manifest says otherwise. Ends with 2 where something differs or is missing, with 6 where
    /// something could not be read, with 7 where everything is as it should be and something cannot be used. The signs:
    /// ~ differs, - missing, ? not read or not verifiable, ! cannot be used.
    #[command(
        visible_alias = "test",
        after_help = "Examples:
  trueup drift . prod
  trueup drift . prod --fail-on high --json
  trueup drift . prod --wait-healthy 5m

Exit codes: 0 in sync, 2 drift, 6 something could not be read, 7 something cannot be used, 64 bad arguments or
manifest. Where several fit: 2, then 6, then 7."
    )]
    Drift(DriftArgs),
    /// Make the live state match the manifest: plan, ask, do
    ///
    /// Executes exactly the plan that it has shown. After a failure, what does not depend on the failed step goes on; the
    /// same command again finishes the rest. A saved plan is executed without asking, and only where nothing that it was
    /// made from has changed since: otherwise nothing is written and the exit code is 4.
    #[command(after_help = "Examples:
  trueup apply                        Plan, ask, execute
  trueup apply . prod --yes           The same in a pipeline
  trueup apply plan.json stacks/orders  Execute a saved plan as it is")]
    Apply(ApplyArgs),
    /// Apply without asking: `trueup apply --yes` in stackql-deploy's word
    #[command(after_help = "Examples:
  trueup build stacks/orders prod
  trueup build stacks/orders prod --dry-run")]
    Build(ApplyArgs),
    /// Write a stackql-deploy project as a `trueup.yaml`
    ///
    /// Its plan is the same. Where a value is text in the project and something else in AWS, it is written as what it is; a
    /// secret that is written in the project becomes a variable. Nothing of the project is changed.
    #[command(after_help = "Examples:
  trueup migrate stacks/orders
  trueup migrate stacks/orders prod --out orders/trueup.yaml")]
    Migrate(MigrateArgs),
    /// Delete what the manifest describes, dependants first
    ///
    /// What is protected stays and ends the run with 3; what has `skip_on_delete` stays and is listed. What is gone
    /// already is no error.
    #[command(
        visible_alias = "destroy",
        after_help = "Examples:
  trueup teardown . dev
  trueup teardown . dev --yes"
    )]
    Teardown(TeardownArgs),
    /// List what the stack owns and the manifest no longer names
    ///
    /// Finds it by its owner tags, whatever its type, and changes nothing. `trueup plan --prune` plans its deletion.
    #[command(after_help = "Examples:
  trueup orphans . prod
  trueup orphans . prod --json")]
    Orphans(StackArgs),
    /// Write a manifest of what is there
    ///
    /// Reads the resources of the types given and prints a manifest that says what they are, without defaults, with
    /// references between them, and with `{{ secret('env:…') }}` in place of every credential; what has to be filled in is
    /// listed. A plan of it shows adoptions at most. Nothing is written to the cloud, and no value of a secret is shown.
    #[command(after_help = "Examples:
  trueup import --type AWS::Events::Connection --type AWS::Events::ApiDestination
  trueup import --prefix orders- --region eu-west-1 --out orders/trueup.yaml
  trueup import --type AWS::Glue::Connection --name '*warehouse*' --json

Exit codes: 0 done, also where nothing was found, 6 something could not be read, or the manifest needs a value that
the service does not return, 64 bad arguments.")]
    Import(ImportArgs),
    /// Plan, apply or look for drift in many stacks, accounts and regions at once
    ///
    /// Each stack has one line in the table at the end. One that is invalid or cannot be read is its own line, and does not
    /// stop the others; the exit code is that of the worst. All stacks of an account and region share its rate limits.
    #[command(after_help = "Examples:
  trueup fleet plan stacks --environment prod
  trueup fleet drift stacks --environment dev --environment prod --json
  trueup fleet apply stacks --environment prod --failure-tolerance 5%")]
    Fleet(FleetArgs),
    /// Draw which resource needs which
    ///
    /// Needs no credentials and reads no secret. An arrow points at what is needed; a dashed one is a `depends_on`, a solid
    /// one a reference. What a `for_each` makes stands together.
    #[command(after_help = "Examples:
  trueup graph                                For a Mermaid block
  trueup graph . prod --format svg > orders.svg
  trueup graph . prod --format dot | dot -Tpng > orders.png

Formats: `mermaid` (default), `dot`, `svg`, `json`.")]
    Graph(StackArgs),
    /// Look for what would make an apply fail, and write nothing
    ///
    /// Keys that are missing, disabled, not symmetric, in another region, or without the policy or the tag that EventBridge
    /// wants; quotas that are full; names that somebody else holds; and what the caller may not do, where IAM simulates it.
    /// What could not be looked at is said to be not checked. `trueup apply --preflight` does it first.
    #[command(after_help = "Examples:
  trueup preflight . prod
  trueup preflight . prod --json
  trueup apply . prod --preflight

Exit codes: 0 nothing is in the way, 3 a check failed, 6 something was not checked (--strict), 64 bad arguments.")]
    Preflight(StackArgs),
    /// Run SQL over live resources
    ///
    /// Tables are `awscc.<service>.<plural>` (one resource, needs `Identifier = …`), `awscc.<service>.<plural>_list_only`, and
    /// `aws.<service>.<plural>` for the types of `trueup kinds`. What a table needs is taken from the conditions and the
    /// joins; the rest is SQLite. No secret is ever a column. INSERT, UPDATE and DELETE ask first. Without a statement, on a
    /// terminal, a shell: `\d` lists the tables, `\d TABLE` its columns, `\q` leaves.
    #[command(after_help = "Examples:
  trueup query \"SELECT name, state FROM aws.events.connections WHERE region = 'eu-west-1'\"
  trueup query -f report.sql --format csv > report.csv
  trueup query \"DELETE FROM awscc.events.connections WHERE Identifier = 'old'\" --yes
  trueup query --read-only

Exit codes: 0 done, 1 a statement failed, 64 SQL that cannot be run; nothing was sent.")]
    Query(QueryArgs),
    /// Print the exact IAM policy that a command needs for this stack
    ///
    /// Every action, on the ARNs that the manifest gives, with what each statement is for; `--json` prints the policy
    /// document itself. Made offline; only a type's schema that is not kept yet is fetched. The policy for `plan` and `drift`
    /// allows no write. `--no-secret-reads`, `--only`, `--exclude`, `--allow-replace` and `--prune` make it what such a run
    /// needs.
    #[command(after_help = "Examples:
  trueup iam . prod --for drift
  trueup iam . prod --for apply --json > policy.json
  trueup iam --for plan --no-secret-reads --json")]
    Iam(IamArgs),
    /// List the variables of a manifest, with where each value comes from
    ///
    /// The first that is found wins: `--var`, `--var-file`, the environment, the declared default.
    Vars(StackArgs),
    /// List the types of resources
    Kinds(KindsArgs),
    /// Explain the code of a message
    ///
    /// Says what it means, why it is a mistake and how to mend it. Without a code all codes are listed.
    #[command(after_help = "Example:
  trueup explain M101")]
    Explain(ExplainArgs),
    /// Write a manifest to start from
    ///
    /// With `--type`, a skeleton of that type: every property with what it is for and what it may be, the required ones
    /// live and the others commented out.
    #[command(after_help = "Examples:
  trueup init orders
  trueup init --type AWS::Events::Connection > trueup.yaml")]
    Init(InitArgs),
    /// Print a JSON Schema of what trueup reads or writes
    #[command(after_help = "Example:
  trueup schema manifest > trueup.schema.json")]
    Schema(SchemaArgs),
    /// Print the completions of a shell
    #[command(after_help = "Example:
  trueup completions bash > /etc/bash_completion.d/trueup")]
    Completions(CompletionsArgs),
    /// Print the manual page
    #[command(after_help = "Example:
  trueup man | man -l -")]
    Man(ManArgs),
    /// Run, empty or show the sandbox: an AWS endpoint on this machine
    ///
    /// It speaks the services' own protocols, so that any AWS SDK works with it; it accepts all credentials.
    Sandbox(SandboxArgs),
}

/// A stack and an environment.
#[derive(Args, Debug, Clone)]
pub struct StackArgs {
    /// Folder of the stack, or its manifest
    #[arg(value_name = "STACK", value_hint = ValueHint::AnyPath, help = "Folder of the stack, or its manifest [default: .]")]
    pub stack: Option<PathBuf>,
    /// Environment
    #[arg(value_name = "ENV", help = "Environment [default: dev]")]
    pub env: Option<String>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// Save the plan, without any secret, with mode 0600
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// End with 2 where there are changes
    #[arg(long)]
    pub exit_code: bool,
    /// Say who brought about what differs, from CloudTrail
    #[arg(long)]
    pub blame: bool,
    /// Plan the deletion of what the stack owns and the manifest no longer names
    #[arg(long)]
    pub prune: bool,
    /// Stack and environment.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// `drift`.
#[derive(Args, Debug)]
pub struct DriftArgs {
    /// List only differences that are at least this bad; all are counted
    #[arg(long, value_name = "LEVEL")]
    pub severity: Option<SeverityOf>,
    /// End with 2 only for differences that are at least this bad
    #[arg(long, value_name = "LEVEL")]
    pub fail_on: Option<SeverityOf>,
    /// List live properties that the manifest does not name too
    #[arg(long)]
    pub undeclared: bool,
    /// Read everything, also what has not moved since it was verified
    #[arg(long)]
    pub full: bool,
    /// Look again until everything can be used, at most this long
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = false, default_missing_value = "5m")]
    pub wait_healthy: Option<String>,
    /// Say who brought about what differs, from CloudTrail
    #[arg(long)]
    pub blame: bool,
    /// Stack and environment.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// How bad a difference is.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeverityOf {
    /// It only describes.
    Low,
    /// It changes what happens.
    Medium,
    /// It weakens security, or sends traffic elsewhere.
    High,
}

impl SeverityOf {
    /// What it means.
    pub const fn level(self) -> Level {
        match self {
            Self::Low => Level::Low,
            Self::Medium => Level::Medium,
            Self::High => Level::High,
        }
    }
}

/// `apply`.
#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// Folder of the stack, its manifest, or a saved plan
    #[arg(value_name = "STACK|PLAN", value_hint = ValueHint::AnyPath,
        help = "Folder of the stack, its manifest, or a saved plan (a `.json` file) [default: .]")]
    pub target: Option<PathBuf>,
    /// Environment
    #[arg(
        value_name = "ENV|STACK",
        help = "Environment [default: dev]; for a saved plan the stack's folder [default: .]"
    )]
    pub second: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Delete what the stack owns and the manifest no longer names
    #[arg(long)]
    pub prune: bool,
    /// Look first for what would make it fail, and write nothing where there is something
    #[arg(long)]
    pub preflight: bool,
    /// Refuse any other plan than the one with this digest
    #[arg(long, value_name = "DIGEST")]
    pub expect_digest: Option<String>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `migrate`.
#[derive(Args, Debug)]
pub struct MigrateArgs {
    /// Write the manifest to a new file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Stack and environment.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// `teardown`.
#[derive(Args, Debug)]
pub struct TeardownArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Stack and environment.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// `iam`.
#[derive(Args, Debug)]
pub struct IamArgs {
    /// The command that the policy is for
    #[arg(long = "for", value_name = "COMMAND")]
    pub purpose: Purpose,
    /// Allow it to delete what the stack owns and the manifest no longer names
    #[arg(long)]
    pub prune: bool,
    /// Stack and environment.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// What a policy is for.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `plan`.
    Plan,
    /// `drift`.
    Drift,
    /// `apply`.
    Apply,
    /// `teardown`.
    Teardown,
}

/// `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Type of resources; may be repeated; without it every type of `trueup kinds`
    #[arg(long = "type", value_name = "TYPE")]
    pub kinds: Vec<String>,
    /// Only what has a name that begins so
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Only what has a name that fits; may be repeated
    #[arg(long = "name", value_name = "GLOB")]
    pub names: Vec<String>,
    /// Write the manifest to a new file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `query`.
#[derive(Args, Debug)]
pub struct QueryArgs {
    /// Statements, separated by `;`; `-` reads them from stdin; without any, on a terminal, a shell
    #[arg(value_name = "SQL", conflicts_with = "file")]
    pub sql: Option<String>,
    /// Read the statements from FILE
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Refuse INSERT, UPDATE and DELETE
    #[arg(long)]
    pub read_only: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `kinds`.
#[derive(Args, Debug)]
pub struct KindsArgs {
    /// Show this type only, with its properties
    #[arg(value_name = "TYPE")]
    pub kind: Option<String>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The code; without one, all codes are listed
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Folder for `trueup.yaml`
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath,
        help = "Folder for `trueup.yaml` [default: .; with --type: print it]")]
    pub dir: Option<PathBuf>,
    /// A skeleton of this type, with every property and what it may be
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// `manifest`, `plan`, `drift`, `fleet`, `import`, `preflight`, `events`, `graph` or `query`
    #[arg(value_name = "WHAT")]
    pub what: SchemaOf,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// What a schema describes.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaOf {
    /// The manifest.
    Manifest,
    /// `plan --json` and the saved plan.
    Plan,
    /// `drift --json`.
    Drift,
    /// `fleet plan --json`, `fleet drift --json` and `fleet apply --json`.
    Fleet,
    /// `import --json`.
    Import,
    /// `preflight --json`.
    Preflight,
    /// A line of `--format jsonl`.
    Events,
    /// `graph --format json`.
    Graph,
    /// `query --json`.
    Query,
}

/// `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// The page of this command
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `sandbox`.
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct SandboxArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: SandboxCommand,
}

/// The commands of `sandbox`.
#[derive(Subcommand, Debug)]
pub enum SandboxCommand {
    /// Serve the sandbox to other programs until it is ended with SIGTERM or Ctrl-C
    #[command(after_help = "Examples:
  trueup sandbox serve
  trueup sandbox serve --addr 127.0.0.1:0 --state .sandbox --settle 500ms
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 aws events list-connections")]
    Serve(SandboxServeArgs),
    /// Delete everything in a sandbox's state
    Reset(SandboxStateArgs),
    /// Print a sandbox's state as JSON, with secrets masked
    Dump(SandboxStateArgs),
}

/// `sandbox serve`.
#[derive(Args, Debug)]
pub struct SandboxServeArgs {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4566")]
    pub addr: String,
    /// Folder that keeps the state; without it the state ends with the server
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,
    /// Faults to begin with, as JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub faults: Option<PathBuf>,
    /// How long changes of state take
    #[arg(long, value_name = "TIME", default_value = "500ms")]
    pub settle: String,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// `sandbox reset` and `sandbox dump`.
#[derive(Args, Debug)]
pub struct SandboxStateArgs {
    /// Folder that keeps the state [default: the one that `--sandbox` uses]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
}

/// Commands that reach no stack and no cloud: the options about those are accepted and not shown.
const OFFLINE: &[&str] = &["kinds", "explain", "init", "schema", "completions", "man"];
const STACK_HEADINGS: &[&str] = &["Where", "Input", "Scope", "Execution"];

/// The command line as clap wants it; for parsing, completions and manual pages.
pub fn command() -> clap::Command {
    fn quieter(command: clap::Command) -> clap::Command {
        command.mut_args(|arg| {
            let beside = arg.get_help_heading().is_some_and(|heading| STACK_HEADINGS.contains(&heading));
            if beside { arg.hide(true) } else { arg }
        })
    }
    let mut command = Cli::command();
    for name in OFFLINE {
        command = command.mut_subcommand(name, quieter);
    }
    command.mut_subcommand("sandbox", |sandbox| {
        ["serve", "reset", "dump"].into_iter().fold(sandbox, |sandbox, name| sandbox.mut_subcommand(name, quieter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_mistake_in_the_definitions() {
        command().debug_assert();
    }

    fn longs(command: &clap::Command, found: &mut std::collections::BTreeSet<String>) {
        found.extend(command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned));
        command.get_subcommands().for_each(|command| longs(command, found));
    }

    #[test]
    fn the_manual_has_every_option() {
        let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).unwrap();
        let pages = pages.map(|page| page.unwrap().path()).filter(|page| page.extension().is_some_and(|it| it == "md"));
        let manual: String = pages.map(|page| std::fs::read_to_string(page).unwrap()).collect();
        let mut options = std::collections::BTreeSet::new();
        longs(&command(), &mut options);
        assert!(options.len() > 40, "{options:?}");
        let names = |text: &str, option: &str| {
            let option = format!("--{option}");
            text.match_indices(&option).any(|(at, _)| {
                !text[at + option.len()..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-')
            })
        };
        let missing: Vec<&String> = options.iter().filter(|option| !names(&manual, option)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
