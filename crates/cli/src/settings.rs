//! What the command line and the environment mean: plain values, resolved once, before anything else happens.
//!
//! The only module that reads the process environment, and the last one that sees clap's types. It decides everything
//! that can be decided without reading a file: contradictions, defaults, whether there is a terminal to ask on. No value
//! of a variable is ever repeated in a message, because a variable may hold a secret.

mod fleet;
mod formats;
pub mod lock;
mod rates;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use trueup_aws::Pool;
use trueup_engine::policy::Purpose;
use trueup_engine::secret::FingerprintKey;

use crate::args::{
    self, Cli, ColorWhen, Format, LogFormat, LogLevel, OnFailure, Options, PageFormat, SchemaOf, SeverityOf,
};
use crate::commands::drift;
use crate::error::CommandError;

#[cfg(test)]
pub use self::fleet::Tolerance;
pub use self::fleet::{FleetVerb, FleetWhat};

/// The environment variables of the process; a test brings its own.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

/// Gives the value of a variable.
type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The real one.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// One that a function answers for.
    pub fn new(get: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(get))
    }

    /// The variable's value; one that is no Unicode counts as missing.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }

    /// The variable's value, where it is not empty.
    fn filled(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

/// What the three streams are connected to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminals {
    /// Questions can be answered.
    pub stdin: bool,
    /// The result is read by a person.
    pub stdout: bool,
    /// Messages are read by a person.
    pub stderr: bool,
    /// Columns of the terminal, where there is one.
    pub width: Option<usize>,
}

impl Terminals {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            width: terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)),
        }
    }
}

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

/// The command's name in machine output.
pub fn name(cli: &Cli) -> &'static str {
    match &cli.command {
        args::Command::Validate(_) => "validate",
        args::Command::Render(_) => "render",
        args::Command::Plan(_) => "plan",
        args::Command::Drift(_) => "drift",
        args::Command::Orphans(_) => "orphans",
        args::Command::Apply(_) | args::Command::Build(_) => "apply",
        args::Command::Migrate(_) => "migrate",
        args::Command::Teardown(_) => "teardown",
        args::Command::Import(_) => "import",
        args::Command::Fleet(a) => match &a.command {
            args::FleetCommand::Plan(_) => "fleet plan",
            args::FleetCommand::Drift(_) => "fleet drift",
            args::FleetCommand::Apply(_) => "fleet apply",
        },
        args::Command::Graph(_) => "graph",
        args::Command::Preflight(_) => "preflight",
        args::Command::Query(_) => "query",
        args::Command::Iam(_) => "iam",
        args::Command::Vars(_) => "vars",
        args::Command::Kinds(_) => "kinds",
        args::Command::Explain(_) => "explain",
        args::Command::Init(_) => "init",
        args::Command::Schema(_) => "schema",
        args::Command::Completions(_) => "completions",
        args::Command::Man(_) => "man",
        args::Command::Sandbox(_) => "sandbox",
    }
}

/// Whether the command of this name reports on a stack, and so ends its lines of JSON with a summary.
pub fn is_about_a_stack(name: &str) -> bool {
    matches!(name, "validate" | "plan" | "drift" | "apply" | "teardown")
}

/// Whether a command may change what is in the cloud.
pub fn may_write(name: &str) -> bool {
    matches!(name, "apply" | "teardown" | "query" | "fleet apply")
}

/// Whether the command of this name reports on many stacks.
pub fn is_about_stacks(name: &str) -> bool {
    name.starts_with("fleet ")
}

/// Whether the command of this name has a form that other tools read.
pub fn has_page(name: &str, form: PageFormat) -> bool {
    is_about_a_stack(name) || is_about_stacks(name) && form == PageFormat::Junit
}

/// The options of both sides of the command; what stands behind it wins, what can be repeated adds up.
pub fn options(cli: &Cli) -> Options {
    let inner = match &cli.command {
        args::Command::Validate(a)
        | args::Command::Render(a)
        | args::Command::Graph(a)
        | args::Command::Vars(a)
        | args::Command::Orphans(a)
        | args::Command::Preflight(a) => &a.options,
        args::Command::Plan(a) => &a.stack.options,
        args::Command::Drift(a) => &a.stack.options,
        args::Command::Apply(a) | args::Command::Build(a) => &a.options,
        args::Command::Migrate(a) => &a.stack.options,
        args::Command::Teardown(a) => &a.stack.options,
        args::Command::Iam(a) => &a.stack.options,
        args::Command::Import(a) => &a.options,
        args::Command::Fleet(a) => &a.command.stacks().options,
        args::Command::Query(a) => &a.options,
        args::Command::Kinds(a) => &a.options,
        args::Command::Explain(a) => &a.options,
        args::Command::Init(a) => &a.options,
        args::Command::Schema(a) => &a.options,
        args::Command::Completions(a) => &a.options,
        args::Command::Man(a) => &a.options,
        args::Command::Sandbox(a) => match &a.command {
            args::SandboxCommand::Serve(a) => &a.options,
            args::SandboxCommand::Reset(a) | args::SandboxCommand::Dump(a) => &a.options,
        },
    };
    merge(cli.options.clone(), inner.clone())
}

fn merge(outer: Options, inner: Options) -> Options {
    fn both<T>(mut outer: Vec<T>, inner: Vec<T>) -> Vec<T> {
        outer.extend(inner);
        outer
    }
    Options {
        region: inner.region.or(outer.region),
        profile: inner.profile.or(outer.profile),
        role_arn: inner.role_arn.or(outer.role_arn),
        endpoint_url: inner.endpoint_url.or(outer.endpoint_url),
        sandbox: inner.sandbox.or(outer.sandbox),
        vars: both(outer.vars, inner.vars),
        var_files: both(outer.var_files, inner.var_files),
        allow_scripts: inner.allow_scripts || outer.allow_scripts,
        keep_order: inner.keep_order || outer.keep_order,
        dry_run: inner.dry_run || outer.dry_run,
        show_queries: inner.show_queries || outer.show_queries,
        log_level: inner.log_level.or(outer.log_level),
        only: both(outer.only, inner.only),
        exclude: both(outer.exclude, inner.exclude),
        allow_deletes: inner.allow_deletes.or(outer.allow_deletes),
        take_over: inner.take_over || outer.take_over,
        allow_replace: both(outer.allow_replace, inner.allow_replace),
        parallelism: inner.parallelism.or(outer.parallelism),
        quota_share: inner.quota_share.or(outer.quota_share),
        on_failure: inner.on_failure.or(outer.on_failure),
        kms_settle: inner.kms_settle.or(outer.kms_settle),
        lock: inner.lock.or(outer.lock),
        lock_wait: inner.lock_wait.or(outer.lock_wait),
        no_secret_reads: inner.no_secret_reads || outer.no_secret_reads,
        strict: inner.strict || outer.strict,
        no_cache: inner.no_cache || outer.no_cache,
        format: inner.format.or(outer.format),
        json: inner.json || outer.json,
        max_bytes: inner.max_bytes.or(outer.max_bytes),
        output_file: inner.output_file.or(outer.output_file),
        quiet: inner.quiet || outer.quiet,
        verbose: inner.verbose.saturating_add(outer.verbose),
        color: inner.color.or(outer.color),
        no_progress: inner.no_progress || outer.no_progress,
        log_format: inner.log_format.or(outer.log_format),
    }
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

/// A stack's path and its environment. A lone argument that is no path is most likely an environment.
fn target(stack: Option<PathBuf>, env: Option<String>) -> Result<Target, CommandError> {
    let path = stack.unwrap_or_else(|| PathBuf::from("."));
    if !path.exists() {
        let error = CommandError::usage(format!("there is no folder or file `{}`", path.display()));
        let looks_like_a_name = path.components().count() == 1 && path.extension().is_none();
        return Err(match &env {
            None if looks_like_a_name => error.hint(format!(
                "the first argument is the stack's folder; for the environment `{0}` of this folder write `. {0}`",
                path.display()
            )),
            _ => error,
        });
    }
    let env = env.unwrap_or_else(|| "dev".to_owned());
    if env.is_empty() {
        return Err(CommandError::usage("the environment is empty"));
    }
    Ok(Target { path, env })
}

fn purpose(purpose: args::Purpose) -> Purpose {
    match purpose {
        args::Purpose::Plan => Purpose::Plan,
        args::Purpose::Drift => Purpose::Drift,
        args::Purpose::Apply => Purpose::Apply,
        args::Purpose::Teardown => Purpose::Teardown,
    }
}

fn apply_what(first: Option<PathBuf>, second: Option<String>) -> Result<ApplyWhat, CommandError> {
    let is_plan = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    match first {
        Some(plan) if is_plan(&plan) => {
            if !plan.is_file() {
                return Err(CommandError::usage(format!("there is no saved plan `{}`", plan.display())));
            }
            let stack = PathBuf::from(second.unwrap_or_else(|| ".".to_owned()));
            if !stack.exists() {
                return Err(CommandError::usage(format!("there is no folder or file `{}`", stack.display()))
                    .hint("behind a saved plan stands the stack's folder; the environment is the plan's"));
            }
            Ok(ApplyWhat::Saved { plan, stack })
        }
        first => Ok(ApplyWhat::Stack(target(first, second)?)),
    }
}

/// `NAME=VALUE`. The value is never repeated: it may be a secret.
fn variable(pair: &str) -> Result<(String, String), CommandError> {
    match pair.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err(CommandError::usage("a `--var` is not of the form NAME=VALUE")
            .hint("write for example `--var REGION=eu-west-1`; the text given is not repeated here")),
    }
}

fn address(text: &str) -> Result<SocketAddr, CommandError> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| {
        CommandError::usage(format!("`{text}` is no address")).hint("write for example `--addr 127.0.0.1:4566`")
    })
}

/// `500ms`, `2s`, `1m`.
fn duration(text: &str) -> Result<Duration, CommandError> {
    let split = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "" if number == "0" => Some(1),
        _ => None,
    };
    let milliseconds = number.parse::<u64>().ok().zip(scale).and_then(|(number, scale)| number.checked_mul(scale));
    milliseconds.map(Duration::from_millis).ok_or_else(|| {
        CommandError::usage(format!("`{text}` is no time")).hint("write for example `500ms`, `2s` or `1m`")
    })
}

/// The state that `sandbox reset` and `dump` are about: named by either option, or the one that `--sandbox` uses.
fn state(given: Option<PathBuf>, sandbox: Option<&Path>, environment: &Environment) -> Result<PathBuf, CommandError> {
    given.or_else(|| sandbox.map(Path::to_owned)).map_or_else(|| sandbox_home(environment), Ok)
}

/// Where what can be fetched again is kept.
fn cache_home(environment: &Environment) -> Option<PathBuf> {
    let base = if cfg!(windows) {
        environment.filled("LOCALAPPDATA").map(PathBuf::from)
    } else {
        let named = environment.filled("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let below = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        named.or_else(|| environment.filled("HOME").map(|home| PathBuf::from(home).join(below)))
    };
    base.map(|base| base.join(if cfg!(windows) { "trueup/cache" } else { "trueup" }))
}

/// Where what has to stay is kept.
fn state_home(environment: &Environment) -> Option<PathBuf> {
    let home = || environment.filled("HOME").map(PathBuf::from);
    let base = if cfg!(windows) {
        environment.filled("LOCALAPPDATA").map(PathBuf::from)
    } else {
        let named = environment.filled("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| {
            home().map(|home| {
                home.join(if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/state" })
            })
        })
    };
    base.map(|base| base.join("trueup"))
}

/// Where the sandbox keeps its state when no folder is named.
fn sandbox_home(environment: &Environment) -> Result<PathBuf, CommandError> {
    state_home(environment).map(|state| state.join("sandbox")).ok_or_else(|| {
        CommandError::usage("there is no home folder for the sandbox's state").hint("name a folder: `--sandbox=DIR`")
    })
}

#[cfg(test)]
mod tests;
