//! What was typed: the command's name, what commands of a name do, and the options on both sides of it.

use crate::args::{self, Cli, Options, PageFormat};

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
