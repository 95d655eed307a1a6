//! The options that every command accepts.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum, ValueHint};

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
    #[arg(short = 'e', long = "var", alias = "env", value_name = "NAME=VALUE", help_heading = "Input")]
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

    /// Run the scripts of a stackql-deploy project, before anything is planned
    #[arg(long, help_heading = "Input", hide_short_help = true)]
    pub allow_scripts: bool,
    /// In a stackql-deploy project, let each resource wait for the one before it, also where it needs nothing of it
    #[arg(long, help_heading = "Input", hide_short_help = true)]
    pub keep_order: bool,

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

    /// Show what an apply or a teardown would do, and do nothing
    #[arg(long, help_heading = "Execution", hide_short_help = true)]
    pub dry_run: bool,
    /// How many operations run at once in all; without it as many of each sort as its quota lets through in a second
    #[arg(long, value_name = "N", help_heading = "Execution", hide_short_help = true,
        value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallelism: Option<u16>,
    /// How much of the documented request rates of each account and region this run uses, such as `0.5`; a loopback endpoint
    /// has no rates unless this is given [default: 1]; also TRUEUP_QUOTA_SHARE
    #[arg(long, value_name = "SHARE", help_heading = "Execution", hide_short_help = true)]
    pub quota_share: Option<f64>,
    /// After a failed step: `continue` with what does not depend on it (default), or `stop`; `ignore` and `error` mean the
    /// same
    #[arg(long, value_name = "WHAT", help_heading = "Execution", hide_short_help = true, hide_possible_values = true)]
    pub on_failure: Option<OnFailure>,
    /// How long before a KMS key is created its tags are searched again, so that a search that lags makes no second one
    /// [default: 15s; in a sandbox 0s]
    #[arg(long, value_name = "TIME", help_heading = "Execution", hide_short_help = true)]
    pub kms_settle: Option<String>,
    /// Hold a lock while something is written: `s3://bucket/key` or `file:PATH`; also TRUEUP_LOCK
    #[arg(long, value_name = "WHERE", help_heading = "Execution", hide_short_help = true)]
    pub lock: Option<String>,
    /// How long a lock that somebody else holds is waited for [default: 0s]; also TRUEUP_LOCK_WAIT
    #[arg(long, value_name = "TIME", help_heading = "Execution", hide_short_help = true)]
    pub lock_wait: Option<String>,
    /// Do not read live secrets to compare them; they show as not verifiable
    #[arg(long, help_heading = "Execution", hide_short_help = true)]
    pub no_secret_reads: bool,
    /// Do without the cache: read again what was verified before, and fetch the schemas of types
    #[arg(long, help_heading = "Execution", hide_short_help = true)]
    pub no_cache: bool,
    /// End with 6 where a secret could not be verified
    #[arg(long, help_heading = "Execution", hide_short_help = true)]
    pub strict: bool,

    /// `human` (default), `json`: one document, `jsonl`: one event a line; for what is said of a stack also `markdown`,
    /// `sarif`, `junit`, `github`, `html`
    #[arg(long, value_name = "FORMAT", help_heading = "Output", hide_possible_values = true)]
    pub format: Option<FormatName>,
    /// Short for `--format json`
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Cut `--format markdown` in the middle, so that it has at most N bytes [default: 60000]
    #[arg(long, value_name = "N", help_heading = "Output", hide_short_help = true,
        value_parser = clap::value_parser!(u32).range(4000..))]
    pub max_bytes: Option<u32>,
    /// Write the stack's exports to FILE, as JSON with mode 0600
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Output",
        hide_short_help = true,
        value_hint = ValueHint::FilePath
    )]
    pub output_file: Option<PathBuf>,
    /// Print the statements of a stackql-deploy project as they are rendered, on stderr, with secrets masked
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub show_queries: bool,
    /// How much is logged, in stackql-deploy's words: `error`, `warn`, `info`, `debug` or `trace`
    #[arg(
        long,
        value_name = "LEVEL",
        help_heading = "Output",
        hide_short_help = true,
        hide_possible_values = true,
        ignore_case = true
    )]
    pub log_level: Option<LogLevel>,
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

/// The form of the output, as it is typed.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatName {
    /// For people.
    Human,
    /// One JSON document.
    Json,
    /// One JSON event a line.
    Jsonl,
    /// For a comment on a pull request.
    Markdown,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// A page for a browser.
    Html,
    /// A graph for Mermaid.
    Mermaid,
    /// A graph for Graphviz.
    Dot,
    /// A drawn graph.
    Svg,
    /// Rows separated by commas.
    Csv,
}

impl FormatName {
    /// Its name as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Html => "html",
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
            Self::Svg => "svg",
            Self::Csv => "csv",
        }
    }
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Human,
    /// One JSON document.
    Json,
    /// One JSON event a line.
    Jsonl,
    /// One document about a stack, in the form that another tool reads.
    Page(PageFormat),
}

/// A form that another tool reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFormat {
    /// For a comment on a pull request.
    Markdown {
        /// The most bytes.
        max_bytes: usize,
    },
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// A page for a browser.
    Html,
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
    #[value(alias = "error")]
    Stop,
    /// Go on with what does not depend on it.
    #[value(alias = "ignore")]
    Continue,
    /// Undo what was done: a word of stackql-deploy that means nothing there, and is refused here.
    #[value(hide = true)]
    Rollback,
}

/// How much is logged, in stackql-deploy's words.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors.
    Error,
    /// Warnings.
    #[value(alias = "warning")]
    Warn,
    /// What is done; said without a log anyhow.
    Info,
    /// As `-vv`.
    Debug,
    /// As `-vvv`.
    Trace,
}
