//! What the command line and the environment mean: plain values, resolved once, before anything else happens.
//!
//! The only module that reads the process environment, and the last one that sees clap's types. It decides everything
//! that can be decided without reading a file: contradictions, defaults, whether there is a terminal to ask on. No value
//! of a variable is ever repeated in a message, because a variable may hold a secret.

mod arguments;
mod commands;
mod environment;
mod fleet;
mod folders;
mod formats;
pub mod lock;
mod rates;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use trueup_aws::Pool;
use trueup_engine::policy::Purpose;
use trueup_engine::secret::FingerprintKey;

use crate::args::{self, Cli, ColorWhen, Format, LogFormat, LogLevel, OnFailure, Options, SchemaOf, SeverityOf};
use crate::commands::drift;
use crate::error::CommandError;

use self::arguments::{address, apply_what, duration, purpose, target, variable};
pub use self::commands::{has_page, is_about_a_stack, is_about_stacks, may_write, name, options};
pub use self::environment::{Environment, Terminals};
#[cfg(test)]
pub use self::fleet::Tolerance;
pub use self::fleet::{FleetVerb, FleetWhat};
use self::folders::{cache_home, sandbox_home, state, state_home};

/// The form and the amount of output.
#[derive(Debug, Clone)]
pub struct OutputSettings {
    /// The form of the result.
    pub format: Format,
    /// Results and errors only.
    pub quiet: bool,
    /// What is unchanged is shown too; how often `-v` was given.
    pub verbose: u8,
    /// stdout is coloured.
    pub stdout_colour: bool,
    /// stderr is coloured.
    pub stderr_colour: bool,
    /// Where lines are wrapped on stdout; `None` where nobody looks.
    pub stdout_width: Option<usize>,
    /// Where lines are wrapped on stderr.
    pub stderr_width: Option<usize>,
    /// Lines may be redrawn on stderr.
    pub live: bool,
    /// The log is JSON.
    pub log_json: bool,
    /// The log's level from TRUEUP_LOG, where it is set.
    pub log_level: Option<String>,
}

/// Where, as whom.
#[derive(Debug, Clone)]
pub struct CloudSettings {
    /// The region from the command line.
    pub region: Option<String>,
    /// The region of the environment, for the sandbox only: AWS's own chain finds it by itself.
    pub ambient_region: Option<String>,
    /// The profile.
    pub profile: Option<String>,
    /// The role of resources that name none.
    pub role_arn: Option<String>,
    /// The endpoint of every service.
    pub endpoint_url: Option<String>,
    /// How long a throttled call is repeated, where TRUEUP_THROTTLED_FOR says so.
    pub throttled_for: Option<Duration>,
    /// How much of the documented request rates is used, where that was said.
    pub quota_share: Option<f64>,
    /// The folder of the sandbox's state, where a sandbox is used.
    pub sandbox: Option<PathBuf>,
    /// Where that sandbox listens, where it runs in this process already.
    pub served: Option<String>,
    /// What the sessions of this process share.
    pub pool: Arc<Pool>,
}

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Addresses to look at; empty means all.
    pub only: Vec<String>,
    /// Addresses to leave out.
    pub exclude: Vec<String>,
    /// The most deletions and replacements that a plan may have.
    pub allow_deletes: Option<usize>,
    /// `--take-over`.
    pub take_over: bool,
    /// `--prune`.
    pub prune: bool,
    /// `--preflight`.
    pub preflight: bool,
    /// `--kms-settle`.
    pub kms_settle: Duration,
    /// Resources that may be replaced under the same name.
    pub allow_replace: Vec<String>,
    /// Operations at once; `None` is the engine's own number.
    pub parallelism: Option<usize>,
    /// Begin nothing more after a failed step.
    pub stop_on_failure: bool,
    /// Live secrets may be read and compared.
    pub secret_reads: bool,
    /// A secret that was not verified is an incomplete run.
    pub strict: bool,
    /// Take nothing from the cache where AWS is at hand, and remember nothing that was verified.
    pub no_cache: bool,
    /// Where the exports go.
    pub output_file: Option<PathBuf>,
    /// The lock that is taken before anything is written.
    pub lock: Option<lock::LockSettings>,
    /// The key of fingerprints.
    pub plan_key: Option<FingerprintKey>,
    /// The key of the fingerprints in the cache, where TRUEUP_CACHE_KEY gives one.
    pub cache_key: Option<FingerprintKey>,
    /// There is a terminal to ask on.
    pub can_ask: bool,
    /// Scripts of a stackql-deploy project may be run.
    pub allow_scripts: bool,
    /// Each resource of a stackql-deploy project waits for the one before it.
    pub keep_order: bool,
    /// Nothing is written.
    pub dry_run: bool,
    /// The statements of a stackql-deploy project are shown.
    pub show_queries: bool,
}

/// A stack and its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The folder or the manifest.
    pub path: PathBuf,
    /// The environment.
    pub env: String,
}

/// What `apply` executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyWhat {
    /// A plan made now.
    Stack(Target),
    /// A saved plan, for the stack at this path.
    Saved {
        /// The plan's file.
        plan: PathBuf,
        /// The stack's folder or manifest.
        stack: PathBuf,
    },
}

/// How long the search for a key's tags may lag.
const KMS_SETTLE: Duration = Duration::from_secs(15);

/// What `import` writes, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportWhat {
    /// Names of types; empty means all.
    pub kinds: Vec<String>,
    /// What the names begin with.
    pub prefix: Option<String>,
    /// Globs of names; empty means all.
    pub names: Vec<String>,
    /// The new file; `None` is stdout.
    pub out: Option<PathBuf>,
}

/// How a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphForm {
    /// For Mermaid.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// Drawn.
    Svg,
    /// As a document.
    Json,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsForm {
    /// For people.
    Table,
    /// As a document.
    Json,
    /// Separated by commas.
    Csv,
}

/// Where the statements of a query come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryFrom {
    /// The command line.
    Argument(String),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// Somebody at a terminal.
    Shell,
}

/// What `query` runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryWhat {
    /// Where the statements come from.
    pub from: QueryFrom,
    /// How rows are written.
    pub form: RowsForm,
    /// Nothing may be written.
    pub read_only: bool,
    /// Nobody is asked.
    pub yes: bool,
}

/// A command, with everything that only it needs.
#[derive(Debug, Clone)]
pub enum Command {
    Validate(Target),
    Render(Target),
    Plan { target: Target, out: Option<PathBuf>, exit_code: bool, blame: bool },
    Drift { target: Target, options: drift::Options },
    Orphans(Target),
    Apply { what: ApplyWhat, yes: bool, expect_digest: Option<String> },
    Teardown { target: Target, yes: bool },
    Migrate { target: Target, out: Option<PathBuf> },
    Import(ImportWhat),
    Fleet(Arc<FleetWhat>),
    Graph { target: Target, form: GraphForm },
    Preflight(Target),
    Query(QueryWhat),
    Iam { target: Target, purpose: Purpose },
    Vars(Target),
    Kinds { kind: Option<String> },
    Explain { code: Option<String> },
    Init { dir: Option<PathBuf>, kind: Option<String> },
    Schema(SchemaOf),
    Completions(clap_complete::Shell),
    Man { command: Option<String> },
    SandboxServe { addr: SocketAddr, state: Option<PathBuf>, faults: Option<PathBuf>, settle: Duration },
    SandboxReset { state: PathBuf },
    SandboxDump { state: PathBuf },
}

/// Everything that a run needs to know.
#[derive(Clone)]
pub struct Settings {
    /// The command.
    pub command: Command,
    /// Where, as whom.
    pub cloud: CloudSettings,
    /// How.
    pub run: RunSettings,
    /// Variables from the command line, in order.
    pub given: Vec<(String, String)>,
    /// Files with variables, in order.
    pub var_files: Vec<PathBuf>,
    /// The folder for what can be fetched again, where there is one.
    pub cache: Option<PathBuf>,
    /// The folder for what has to stay, where there is one.
    pub state: Option<PathBuf>,
    /// The process environment.
    pub environment: Environment,
}

/// The form of the output. Never fails, so that even an error about the arguments comes out in the form asked for.
pub fn output(options: &Options, environment: &Environment, terminals: Terminals) -> OutputSettings {
    let format = formats::format(options);
    let dumb = environment.get("TERM").as_deref() == Some("dumb");
    let colour = |terminal: bool| match options.color.unwrap_or(ColorWhen::Auto) {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => terminal && !dumb && environment.filled("NO_COLOR").is_none(),
    };
    OutputSettings {
        format,
        quiet: options.quiet,
        verbose: options.verbose.max(match options.log_level {
            Some(LogLevel::Debug) => 2,
            Some(LogLevel::Trace) => 3,
            _ => 0,
        }),
        stdout_colour: format == Format::Human && colour(terminals.stdout),
        stderr_colour: colour(terminals.stderr),
        stdout_width: terminals.width.filter(|_| terminals.stdout),
        stderr_width: terminals.width.filter(|_| terminals.stderr),
        live: terminals.stderr && !dumb && !options.no_progress && !options.quiet && format == Format::Human,
        log_json: options.log_format == Some(LogFormat::Json),
        log_level: environment.filled("TRUEUP_LOG"),
    }
}

/// What was typed, as what it means.
pub fn resolve(cli: Cli, environment: Environment, terminals: Terminals) -> Result<Settings, CommandError> {
    let options = options(&cli);
    formats::check(name(&cli), &options)?;
    for glob in options.only.iter().chain(&options.exclude) {
        globset::Glob::new(glob)
            .map_err(|error| CommandError::usage(format!("`{glob}` is no glob: {}", error.kind())))?;
    }
    let sandbox = match &options.sandbox {
        None => None,
        Some(Some(dir)) if !dir.as_os_str().is_empty() => Some(dir.clone()),
        Some(_) => Some(sandbox_home(&environment)?),
    };
    if sandbox.is_some() && options.endpoint_url.is_some() {
        return Err(CommandError::usage("`--sandbox` and `--endpoint-url` contradict each other")
            .hint("`--sandbox` brings an endpoint of its own"));
    }
    if options.on_failure == Some(OnFailure::Rollback) {
        return Err(CommandError::usage("`--on-failure rollback` is not offered: nothing is undone").hint(
            "use `stop` or `continue`: the same command again finishes the rest, and `trueup teardown` removes what is there",
        ));
    }
    let prune = match &cli.command {
        args::Command::Plan(a) => a.prune,
        args::Command::Apply(a) | args::Command::Build(a) => a.prune,
        args::Command::Iam(a) => a.prune,
        args::Command::Fleet(args::FleetArgs { command: args::FleetCommand::Plan(a) }) => a.prune,
        args::Command::Fleet(args::FleetArgs { command: args::FleetCommand::Apply(a) }) => a.prune,
        _ => false,
    };
    if prune && !(options.only.is_empty() && options.exclude.is_empty()) {
        return Err(CommandError::usage(
            "`--prune` looks at the whole stack, and `--only` and `--exclude` at a part of it",
        )
        .hint("give one or the other"));
    }
    let preflight = matches!(&cli.command, args::Command::Apply(a) | args::Command::Build(a) if a.preflight);
    // Nothing lags in a sandbox.
    let settle = if sandbox.is_some() { Duration::ZERO } else { KMS_SETTLE };
    let kms_settle = options.kms_settle.as_deref().map(duration).transpose()?.unwrap_or(settle);
    let throttled_for = rates::throttled_for(&environment)?;
    let quota_share = rates::quota_share(&options, &environment)?;
    let lock = lock::lock(&options, &environment)?;
    let given = options.vars.iter().map(|pair| variable(pair)).collect::<Result<_, _>>()?;
    let command = command(cli.command, &options, sandbox.as_deref(), &environment)?;
    Ok(Settings {
        cloud: CloudSettings {
            region: options.region,
            ambient_region: environment.filled("AWS_REGION").or_else(|| environment.filled("AWS_DEFAULT_REGION")),
            profile: options.profile,
            role_arn: options.role_arn,
            endpoint_url: options.endpoint_url,
            throttled_for,
            quota_share,
            sandbox,
            served: None,
            pool: Arc::default(),
        },
        run: RunSettings {
            only: options.only,
            exclude: options.exclude,
            allow_deletes: options.allow_deletes,
            take_over: options.take_over,
            prune,
            preflight,
            kms_settle,
            allow_replace: options.allow_replace,
            parallelism: options.parallelism.map(usize::from),
            stop_on_failure: options.on_failure == Some(OnFailure::Stop),
            secret_reads: !options.no_secret_reads,
            strict: options.strict,
            no_cache: options.no_cache,
            output_file: options.output_file,
            lock,
            plan_key: environment.filled("TRUEUP_PLAN_KEY").map(FingerprintKey::new),
            cache_key: environment.filled("TRUEUP_CACHE_KEY").map(FingerprintKey::new),
            can_ask: terminals.stdin && terminals.stderr,
            allow_scripts: options.allow_scripts,
            keep_order: options.keep_order,
            dry_run: options.dry_run,
            show_queries: options.show_queries,
        },
        given,
        var_files: options.var_files,
        command,
        cache: cache_home(&environment),
        state: state_home(&environment),
        environment,
    })
}

fn command(
    typed: args::Command,
    options: &Options,
    sandbox: Option<&Path>,
    environment: &Environment,
) -> Result<Command, CommandError> {
    Ok(match typed {
        args::Command::Validate(a) => Command::Validate(target(a.stack, a.env)?),
        args::Command::Render(a) => Command::Render(target(a.stack, a.env)?),
        args::Command::Plan(a) => {
            let target = target(a.stack.stack, a.stack.env)?;
            Command::Plan { target, out: a.out, exit_code: a.exit_code, blame: a.blame }
        }
        args::Command::Drift(a) => Command::Drift {
            target: target(a.stack.stack, a.stack.env)?,
            options: drift::Options {
                severity: a.severity.map(SeverityOf::level),
                fail_on: a.fail_on.map(SeverityOf::level),
                undeclared: a.undeclared,
                full: a.full,
                wait_healthy: a.wait_healthy.as_deref().map(duration).transpose()?,
                blame: a.blame,
            },
        },
        args::Command::Apply(a) => {
            Command::Apply { what: apply_what(a.target, a.second)?, yes: a.yes, expect_digest: a.expect_digest }
        }
        args::Command::Build(a) => {
            Command::Apply { what: apply_what(a.target, a.second)?, yes: true, expect_digest: a.expect_digest }
        }
        args::Command::Migrate(a) => Command::Migrate { target: target(a.stack.stack, a.stack.env)?, out: a.out },
        args::Command::Teardown(a) => Command::Teardown { target: target(a.stack.stack, a.stack.env)?, yes: a.yes },
        args::Command::Orphans(a) => Command::Orphans(target(a.stack, a.env)?),
        args::Command::Import(a) => {
            Command::Import(ImportWhat { kinds: a.kinds, prefix: a.prefix, names: a.names, out: a.out })
        }
        args::Command::Fleet(a) => Command::Fleet(Arc::new(fleet::what(a.command, options.dry_run)?)),
        args::Command::Graph(a) => Command::Graph { target: target(a.stack, a.env)?, form: formats::graph(options) },
        args::Command::Preflight(a) => Command::Preflight(target(a.stack, a.env)?),
        args::Command::Iam(a) => {
            Command::Iam { target: target(a.stack.stack, a.stack.env)?, purpose: purpose(a.purpose) }
        }
        args::Command::Query(a) => {
            let from = match (a.sql, a.file) {
                (Some(sql), _) if sql == "-" => QueryFrom::Stdin,
                (Some(sql), _) => QueryFrom::Argument(sql),
                (None, Some(file)) => QueryFrom::File(file),
                (None, None) => QueryFrom::Shell,
            };
            Command::Query(QueryWhat { from, form: formats::rows(options), read_only: a.read_only, yes: a.yes })
        }
        args::Command::Vars(a) => Command::Vars(target(a.stack, a.env)?),
        args::Command::Kinds(a) => Command::Kinds { kind: a.kind },
        args::Command::Explain(a) => Command::Explain { code: a.code },
        args::Command::Init(a) => Command::Init { dir: a.dir, kind: a.kind },
        args::Command::Schema(a) => Command::Schema(a.what),
        args::Command::Completions(a) => Command::Completions(a.shell),
        args::Command::Man(a) => Command::Man { command: a.command },
        args::Command::Sandbox(a) => match a.command {
            args::SandboxCommand::Serve(a) => Command::SandboxServe {
                addr: address(&a.addr)?,
                state: a.state,
                faults: a.faults,
                settle: duration(&a.settle)?,
            },
            args::SandboxCommand::Reset(a) => Command::SandboxReset { state: state(a.state, sandbox, environment)? },
            args::SandboxCommand::Dump(a) => Command::SandboxDump { state: state(a.state, sandbox, environment)? },
        },
    })
}

#[cfg(test)]
mod tests;
