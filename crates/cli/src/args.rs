//! What was typed: the command line in clap's types, and the help texts that go with it.
//!
//! Nothing here decides anything. [`crate::settings`] turns these types into what they mean, and nothing behind it sees
//! clap. The options that every command accepts are part of the program *and* of each command, not `global` in clap's
//! sense, because clap drops the values of a repeatable global option when it is given on both sides of the command.

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};

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

Exit codes: 0 done, 1 failed, 2 changes (plan --exit-code), 3 blocked, 4 stale, 6 incomplete,
7 unhealthy, 64 bad arguments or manifest, 130/143 interrupted.";

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
    /// delete, = adopt, ! blocked, ? not read or not verifiable.
    #[command(after_help = "Examples:
  trueup plan
  trueup plan stacks/orders prod --out plan.json
  trueup plan --only 'orders*' --exit-code")]
    Plan(PlanArgs),
    /// Make the live state match the manifest: plan, ask, do
    ///
    /// Executes exactly the plan that it has shown. After a failure, what does not depend on the failed step goes on; the
    /// same command again finishes the rest. A saved plan is executed without asking, and only where nothing that it was
    /// made from has changed since: otherwise nothing is written and the exit code is 4.
    #[command(
        visible_alias = "build",
        after_help = "Examples:
  trueup apply                        Plan, ask, execute
  trueup apply . prod --yes           The same in a pipeline
  trueup apply plan.json stacks/orders  Execute a saved plan as it is"
    )]
    Apply(ApplyArgs),
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

/// Options that every command accepts, before and behind its name.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Options")]
pub struct Options {
    /// Region; otherwise the manifest's global `region`, then the SDK's own chain
    #[arg(long, value_name = "REGION", help_heading = "Where")]
    pub region: Option<String>,
    /// Profile of the shared AWS configuration
    #[arg(long, value_name = "NAME", help_heading = "Where")]
    pub profile: Option<String>,
    /// Role to assume for every resource that names none of its own
    #[arg(long, value_name = "ARN", help_heading = "Where", hide_short_help = true)]
    pub role_arn: Option<String>,
    /// Endpoint for every service, for example of a running sandbox
    #[arg(long, value_name = "URL", help_heading = "Where", hide_short_help = true, value_hint = ValueHint::Url)]
    pub endpoint_url: Option<String>,
    /// Use a sandbox on this machine in place of AWS; DIR keeps its state
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Where",
        num_args = 0..=1,
        require_equals = true,
        value_hint = ValueHint::DirPath
    )]
    #[expect(clippy::option_option, reason = "not given, given, given with a folder")]
    pub sandbox: Option<Option<PathBuf>>,

    /// Value of a variable; may be repeated
    #[arg(short = 'e', long = "var", value_name = "NAME=VALUE", help_heading = "Input")]
    pub vars: Vec<String>,
    /// File with variables, dotenv or YAML; may be repeated
    #[arg(
        long = "var-file",
        visible_alias = "env-file",
        value_name = "FILE",
        help_heading = "Input",
        value_hint = ValueHint::FilePath
    )]
    pub var_files: Vec<PathBuf>,

    /// Look only at resources whose address fits; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Scope")]
    pub only: Vec<String>,
    /// Leave out resources whose address fits; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Scope")]
    pub exclude: Vec<String>,
    /// Block the plan where it deletes or replaces more than N resources; without it more than ten that are more than half
    /// of the stack
    #[arg(long, value_name = "N", help_heading = "Scope", hide_short_help = true)]
    pub allow_deletes: Option<usize>,
    /// Make resources part of this stack that carry the tags of another one
    #[arg(long, help_heading = "Scope", hide_short_help = true)]
    pub take_over: bool,
    /// Replace this resource where it cannot be changed in place under the same name; may be repeated
    #[arg(long, value_name = "ADDRESS", help_heading = "Scope", hide_short_help = true)]
    pub allow_replace: Vec<String>,

    /// How many operations run at once
    #[arg(long, value_name = "N", help_heading = "Execution", hide_short_help = true,
        value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallelism: Option<u16>,
    /// After a failed step: `continue` with what does not depend on it (default), or `stop`
    #[arg(long, value_name = "WHAT", help_heading = "Execution", hide_short_help = true, hide_possible_values = true)]
    pub on_failure: Option<OnFailure>,
    /// Do not read live secrets to compare them; they show as not verifiable
    #[arg(long, help_heading = "Execution", hide_short_help = true)]
    pub no_secret_reads: bool,
    /// Fetch what the cache holds anew: the schemas of types
    #[arg(long, help_heading = "Execution", hide_short_help = true)]
    pub no_cache: bool,
    /// End with 6 where a secret could not be verified
    #[arg(long, help_heading = "Execution", hide_short_help = true)]
    pub strict: bool,

    /// `human` (default), `json`: one document, `jsonl`: one event a line
    #[arg(long, value_name = "FORMAT", help_heading = "Output", hide_possible_values = true)]
    pub format: Option<Format>,
    /// Short for `--format json`
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Write the stack's exports to FILE, as JSON with mode 0600
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Output",
        hide_short_help = true,
        value_hint = ValueHint::FilePath
    )]
    pub output_file: Option<PathBuf>,
    /// Print results and errors only
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// Show what is unchanged too, and a log; -vv and -vvv log more
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// `auto` (default), `always` or `never`
    #[arg(long, value_name = "WHEN", help_heading = "Output", hide_possible_values = true, hide_short_help = true)]
    pub color: Option<ColorWhen>,
    /// No live lines and bars
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub no_progress: bool,
    /// Format of the log on stderr: `text` (default) or `json`
    #[arg(long, value_name = "FORMAT", help_heading = "Output", hide_possible_values = true, hide_short_help = true)]
    pub log_format: Option<LogFormat>,
}

/// The form of the output.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON document.
    Json,
    /// One JSON event a line.
    Jsonl,
}

/// When output is coloured.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorWhen {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The form of the log.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines of text.
    Text,
    /// Lines of JSON.
    Json,
}

/// What to do after a failed step.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Begin nothing more.
    Stop,
    /// Go on with what does not depend on it.
    Continue,
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
    /// Stack and environment.
    #[command(flatten)]
    pub stack: StackArgs,
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
    /// Refuse any other plan than the one with this digest
    #[arg(long, value_name = "DIGEST")]
    pub expect_digest: Option<String>,
    /// Options given behind the command.
    #[command(flatten)]
    pub options: Options,
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
    /// `manifest`, `plan` or `events`
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
    /// A line of `--format jsonl`.
    Events,
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
}
