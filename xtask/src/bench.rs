//! `cargo xtask bench`: what validate, plan, apply, teardown and drift of many connections cost, against the stated
//! figures.
//!
//! The program is the one that is shipped (the `dist` profile), and the sandbox runs in a process of its own, at zero
//! latency, so that CPU time and memory are those of the command alone. Each phase is run several times and the median is
//! shown; other tools do the same work in the same run ([`crate::peers`]). Nothing here fails on time: a benchmark on a busy
//! machine says something about the machine. What may fail is `--compare`, which counts instructions. `--write` puts the
//! table into `docs/benchmarks.md`, with a picture beside it.

mod functions;
mod instructions;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::measure::{Cost, measure};
use crate::peers::{self, PHASES, Peer};
use crate::server::{Server, counted, median};
use crate::{plot, test, tools};

/// How many times as many connections are looked at for drift.
const DRIFT: usize = 3;
/// How many times as many resources a large stack has.
const TENFOLD: usize = 10;
/// How many connections a small stack has.
const FEW: usize = 20;
const VALIDATE_FEW: &str = "`validate` of 20 connections";
const PLAN_NEW: &str = "`plan`, all new";
const PLAN_SAME: &str = "`plan`, nothing to do";
const PLAN_VERIFIED: &str = "`plan`, nothing to do, verified before";
/// A stack of several kinds, and one that is ten times as large.
const KINDS: &str = "Several kinds";
const MANY: &str = "Several kinds, ten times as many";
/// As long as its times are younger nothing is remembered of a resource.
const RIPE: Duration = Duration::from_secs(4);
/// A second run after nothing has moved.
const UNMOVED: &str = "Three times as many: `drift`, nothing moved";

/// What a round trip to AWS takes, in milliseconds, where it is set.
const ROUND_TRIP: u32 = 50;
/// A project of stackql-deploy that is up to date.
const PROJECT: &str = "A stackql-deploy project of 40 connections, 50 ms a round trip: `test`";

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// How many connections.
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// How many runs of each phase; the median is shown.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Write the table into `docs/benchmarks.md`.
    #[arg(long)]
    write: bool,
    /// The profile to build: `release` is built sooner, `dist` is what is shipped.
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Build nothing, and measure this program, as `cargo xtask release` has made it.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    binary: Option<PathBuf>,
    /// Where Terraform's AWS provider lies, as a mirror of its registry; without it Terraform is not measured.
    #[arg(long, value_name = "DIR")]
    terraform_plugins: Option<PathBuf>,
    /// Count the instructions of some commands with valgrind's callgrind, once, and measure nothing else. With `--write`
    /// they are kept in `xtask/instructions.json`.
    #[arg(long)]
    instructions: bool,
    /// Measure the functions of which a plan is made with criterion, and nothing else. With `--write` the figures go into
    /// `docs/benchmarks-functions.md`.
    #[arg(long, conflicts_with = "instructions")]
    functions: bool,
    /// Fail where a command of `--instructions` needs over a tenth more than stands in this file.
    #[arg(long, value_name = "FILE", requires = "instructions")]
    compare: Option<PathBuf>,
}

impl Options {
    /// What is measured, in words.
    fn measured(&self) -> String {
        match self.binary.as_deref().and_then(Path::file_name) {
            Some(name) => format!("`{}`", name.display()),
            None => format!("A build of the `{}` profile", self.profile),
        }
    }
}

/// Builds the program, unless it is given, and measures it.
///
/// # Errors
///
/// Something could not be built or run, or a command did not end as it should.
pub fn run(options: &Options) -> Result<(), String> {
    if options.functions {
        return functions::run(options.write);
    }
    let binary = if let Some(binary) = &options.binary {
        std::path::absolute(binary).map_err(|error| error.to_string())?
    } else {
        tools::run(tools::cargo().args(["build", "--profile", &options.profile, "--package", "trueup"]))?;
        tools::trueup(&options.profile)
    };
    let folder = tools::target().join("bench");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| error.to_string()).map(|()| path)
    };
    let manifest = write("trueup.yaml", stack(options.connections))?;
    let glue = write("glue.yaml", glue_stack(options.connections))?;
    let more = write("more.yaml", stack(DRIFT * options.connections))?;
    let few = write("few.yaml", stack(FEW))?;
    let kinds = write("kinds.yaml", stack_of_kinds(options.connections))?;
    let many = write("many.yaml", stack_of_kinds(TENFOLD * options.connections))?;
    if options.instructions {
        return instructions::run(&binary, &folder, &manifest, options.compare.as_deref(), options.write);
    }
    std::fs::create_dir_all(folder.join("project/resources")).map_err(|error| error.to_string())?;
    write("project/.env", "BENCH_PASSWORD=example-only-benchmark\n".to_owned())?;
    write("project/resources/connection.iql", STATEMENTS.to_owned())?;
    let project = write("project/stackql_manifest.yml", project(40))?;
    let home = folder.join("home");

    let mut phases: Vec<Phase> = Vec::new();
    for _ in 0..options.runs.max(1) {
        // What earlier runs have verified is not theirs to know.
        if home.exists() {
            std::fs::remove_dir_all(&home).map_err(|error| error.to_string())?;
        }
        let server = Server::start(&binary)?;
        let mut bench =
            Bench { binary: &binary, manifest: &manifest, home: &home, server: &server, phases: &mut phases };
        bench.run("`--help`", &["--help"], false)?;
        bench.manifest = &few;
        bench.run(VALIDATE_FEW, &["validate"], true)?;
        bench.manifest = &manifest;
        bench.run("`validate`", &["validate"], true)?;
        bench.run(PLAN_NEW, &["plan"], true)?;
        bench.run("`apply`, all new", &["apply", "--yes"], true)?;
        // So that both what is read and what is remembered of it counts.
        std::thread::sleep(RIPE);
        bench.run(PLAN_SAME, &["plan", "--exit-code"], true)?;
        bench.run(PLAN_VERIFIED, &["plan", "--exit-code"], true)?;
        bench.run("`teardown`", &["teardown", "--yes"], true)?;
        bench.manifest = &glue;
        bench.run("Glue: `apply`, all new", &["apply", "--yes"], true)?;
        bench.run("Glue: `plan`, nothing to do", &["plan", "--exit-code"], true)?;
        bench.run("Glue: `teardown`", &["teardown", "--yes"], true)?;
        bench.manifest = &project;
        bench.run("A stackql-deploy project of 40 connections: `build`", &["build"], true)?;
        bench.server.slow_down(ROUND_TRIP)?;
        bench.run(PROJECT, &["test", "--no-cache"], true)?;
        bench.server.slow_down(0)?;
        bench.run("A stackql-deploy project of 40 connections: `teardown`", &["teardown", "--yes"], true)?;
        for (size, manifest) in [(KINDS, &kinds), (MANY, &many)] {
            bench.manifest = manifest;
            bench.run(&format!("{size}: `validate`"), &["validate"], true)?;
            bench.run(&format!("{size}: {PLAN_NEW}"), &["plan"], true)?;
            bench.run(&format!("{size}: `apply`, all new"), &["apply", "--yes"], true)?;
            std::thread::sleep(RIPE);
            bench.run(&format!("{size}: {PLAN_SAME}"), &["plan", "--exit-code"], true)?;
            bench.run(&format!("{size}: {PLAN_VERIFIED}"), &["plan", "--exit-code"], true)?;
            bench.run(&format!("{size}: `teardown`"), &["teardown", "--yes"], true)?;
        }
        bench.manifest = &more;
        bench.run("Three times as many: `apply`, all new", &["apply", "--yes"], true)?;
        std::thread::sleep(RIPE);
        bench.run("Three times as many: `drift`, the first one", &["drift", "--strict"], true)?;
        bench.run(UNMOVED, &["drift", "--strict"], true)?;
    }
    let plugins = options.terraform_plugins.as_deref();
    let peers = peers::all(&binary, &folder, test::virtual_environment(), plugins, options.connections)?;
    let size = std::fs::metadata(&binary).map_err(|error| error.to_string())?.len();
    let page = format!("{}{}", page(options, &phases, size), beside(&phases, &peers));
    println!("{page}");
    if options.write {
        for (name, text) in [("benchmarks.md", page), ("benchmarks.svg", picture(&phases, &peers))] {
            let path = tools::root().join("docs").join(name);
            std::fs::write(&path, text).map_err(|error| format!("{} could not be written: {error}", path.display()))?;
            println!("wrote docs/{name}");
        }
    }
    Ok(())
}

/// What the other tools cost, beside this one.
fn beside(phases: &[Phase], peers: &[Peer]) -> String {
    let mut text = String::from(
        "\n## Beside other tools\n\nThe same connections on the same sandbox, in the same run; the other tools once. Terraform's CPU \
         holds its provider's, and so does its memory: what both held at a time, with shared pages counted once (where the \
         system does not say, that of the larger of them). In brackets, how many times as much as here, and how many times \
         it is to be at least.\n\n![CPU time](benchmarks.svg)\n\n| phase | tool | CPU s | wall s | peak MiB |\n| --- | --- | --- | --- | --- |\n",
    );
    for (nth, (name, ..)) in PHASES.iter().enumerate() {
        let Some(own) = phases.iter().find(|phase| phase.name == *name) else { continue };
        let (cpu, wall, peak) = own.medians();
        let _ = writeln!(text, "| {name} | trueup | {cpu:.3} | {wall:.3} | {peak:.1} |");
        for peer in peers {
            let Ok(costs) = &peer.costs else { continue };
            let cost = costs[nth];
            let bounds = at_least(name, &peer.name);
            let times = |theirs: f64, ours: f64, bound: Option<u32>| {
                let bound = bound.map_or_else(String::new, |bound| format!(", ≥ {bound}×"));
                format!("({:.0}×{bound})", theirs / ours)
            };
            let held = cost.together.unwrap_or(cost.peak);
            let _ = writeln!(
                text,
                "| {name} | {} | {:.2} {} | {:.2} {} | {held:.0} {} |",
                peer.name,
                cost.cpu,
                times(cost.cpu, cpu, bounds.map(|it| it.0)),
                cost.wall,
                times(cost.wall, wall, bounds.map(|it| it.1)),
                times(held, peak, bounds.map(|it| it.2)),
            );
        }
    }
    for peer in peers {
        if let Err(why) = &peer.costs {
            let _ = writeln!(text, "\n{} was not measured: {why}.", peer.name);
        }
    }
    text
}

fn picture(phases: &[Phase], peers: &[Peer]) -> String {
    let tools: Vec<&str> = std::iter::once("trueup").chain(peers.iter().map(|peer| peer.name.as_str())).collect();
    let groups = PHASES.iter().enumerate().map(|(nth, (name, ..))| {
        let own = phases.iter().find(|phase| phase.name == *name).map(|phase| phase.medians().0);
        let others = peers.iter().map(|peer| peer.costs.as_ref().ok().map(|costs| costs[nth].cpu));
        plot::Group { name: name.replace('`', ""), values: std::iter::once(own).chain(others).collect() }
    });
    plot::bars("CPU seconds of one command", "s", &tools, &groups.collect::<Vec<_>>())
}

/// One command with all its runs.
struct Phase {
    name: String,
    costs: Vec<Cost>,
    calls: Vec<(String, usize)>,
}

impl Phase {
    /// CPU seconds, wall seconds, and MiB at the peak.
    fn medians(&self) -> (f64, f64, f64) {
        let of = |figure: fn(&Cost) -> f64| median(self.costs.iter().map(figure));
        (of(|cost| cost.cpu), of(|cost| cost.wall), of(|cost| cost.peak))
    }
}

struct Bench<'a> {
    binary: &'a Path,
    manifest: &'a Path,
    home: &'a Path,
    server: &'a Server,
    phases: &'a mut Vec<Phase>,
}

impl Bench<'_> {
    fn run(&mut self, name: &str, arguments: &[&str], on_stack: bool) -> Result<(), String> {
        let before = self.server.calls()?;
        let mut command = Command::new(self.binary);
        command.args(arguments);
        if on_stack {
            command.arg(self.manifest);
        }
        if on_stack && arguments[0] != "validate" {
            command.args(["--region", "us-east-1", "--endpoint-url", &self.server.url]);
        }
        command.env("AWS_ACCESS_KEY_ID", "bench").env("AWS_SECRET_ACCESS_KEY", "bench").env_remove("AWS_PROFILE");
        command.env("HOME", self.home).env_remove("TRUEUP_CACHE_KEY");
        for name in ["CACHE", "STATE"] {
            command.env(format!("XDG_{name}_HOME"), self.home.join(name.to_lowercase()));
        }
        command.env("BENCH_PASSWORD", "example-only-benchmark");
        let cost = measure(&mut command)?;
        if cost.code != 0 {
            return Err(format!("{name} ended with {}", cost.code));
        }
        let calls = self.server.calls()?.split_off(before.len());
        let calls = counted(calls);
        if let Some(phase) = self.phases.iter_mut().find(|phase| phase.name == name) {
            phase.costs.push(cost);
            phase.calls = calls;
        } else {
            self.phases.push(Phase { name: name.to_owned(), costs: vec![cost], calls });
        }
        Ok(())
    }
}

/// A stack of connections: half of them BASIC, half API_KEY with a header.
pub fn stack(connections: usize) -> String {
    let mut text = String::from(
        "version: 1\nname: bench\nproviders: [aws]\nvars:\n  - { name: BENCH_PASSWORD, secret: true }\nresources:\n",
    );
    for number in 0..connections {
        let _ = write!(
            text,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: bench-{number:05}\n      \
             Description: \"Connection {number} of the benchmark\"\n"
        );
        if number % 2 == 0 {
            let _ = write!(
                text,
                "      AuthorizationType: BASIC\n      AuthParameters:\n        BasicAuthParameters:\n          \
                 Username: user-{number}\n          Password: \"{{{{ vars.BENCH_PASSWORD }}}}-{number}\"\n"
            );
        } else {
            let _ = write!(
                text,
                "      AuthorizationType: API_KEY\n      AuthParameters:\n        ApiKeyAuthParameters:\n          \
                 ApiKeyName: X-Api-Key\n          ApiKeyValue: \"{{{{ vars.BENCH_PASSWORD }}}}-{number}\"\n        \
                 InvocationHttpParameters:\n          HeaderParameters:\n            - {{ Key: X-Source, Value: bench, \
                 IsValueSecret: false }}\n"
            );
        }
    }
    text
}

/// What the connections of the project have in common.
const STATEMENTS: &str = "\
/*+ exists */
SELECT COUNT(*) as count FROM awscc.events.connections WHERE region = '{{ region }}' AND Identifier = '{{ connection_name }}'

/*+ create */
INSERT INTO awscc.events.connections (Name, Description, AuthorizationType, AuthParameters, region)
SELECT '{{ connection_name }}', '{{ description }}', 'API_KEY', '{{ auth_parameters }}', '{{ region }}'

/*+ statecheck, retries=3, retry_delay=5 */
SELECT COUNT(*) as count FROM awscc.events.connections
WHERE region = '{{ region }}' AND Identifier = '{{ connection_name }}' AND description = '{{ description }}'

/*+ exports */
SELECT arn FROM awscc.events.connections WHERE region = '{{ region }}' AND Identifier = '{{ connection_name }}'

/*+ delete */
DELETE FROM awscc.events.connections WHERE Identifier = '{{ connection_name }}' AND region = '{{ region }}'
";

/// A project of stackql-deploy with so many connections.
fn project(connections: usize) -> String {
    let mut text = String::from(
        "version: 1\nname: bench-project\nproviders: [awscc]\nglobals:\n  - { name: region, value: us-east-1 }\nresources:\n",
    );
    for number in 0..connections {
        let _ = write!(
            text,
            "  - name: c{number}\n    file: connection.iql\n    props:\n      - {{ name: connection_name, value: project-{number:03} }}\n      \
             - {{ name: description, value: \"Connection {number}\" }}\n      - name: auth_parameters\n        value: {{ \
             ApiKeyAuthParameters: {{ ApiKeyName: X-Api-Key, ApiKeyValue: \"{{{{ BENCH_PASSWORD }}}}\" }} }}\n    exports: [{{ arn: \
             arn_{number} }}]\n"
        );
    }
    text
}

/// A stack of Glue connections that take their credentials from a secret, with tags.
fn glue_stack(connections: usize) -> String {
    let mut text = String::from("version: 1\nname: bench-glue\nproviders: [aws]\nresources:\n");
    for number in 0..connections {
        let _ = write!(
            text,
            "  - name: g{number}\n    type: AWS::Glue::Connection\n    props:\n      ConnectionInput:\n        \
             Name: bench-{number:05}\n        ConnectionType: JDBC\n        ConnectionProperties:\n          \
             JDBC_CONNECTION_URL: \"jdbc:postgresql://db-{number}.example.com:5432/orders\"\n          \
             SECRET_ID: bench/{number}\n      Tags: {{ team: data }}\n"
        );
    }
    text
}

/// A stack of several kinds, of which ten thousand fit into the quotas that a region has for each.
fn stack_of_kinds(resources: usize) -> String {
    let each = resources * 3 / 10;
    let mut text = stack(each);
    for number in 0..each {
        let _ = write!(
            text,
            "  - name: d{number}\n    type: AWS::Events::ApiDestination\n    props:\n      Name: bench-{number:05}\n      \
             ConnectionArn: \"{{{{ c{number}.Arn }}}}\"\n      InvocationEndpoint: https://example.com/{number}\n      \
             HttpMethod: POST\n"
        );
    }
    for number in 0..each {
        let _ = write!(
            text,
            "  - name: s{number}\n    type: AWS::SecretsManager::Secret\n    props:\n      Name: kinds-{resources}/{number}\n      Description: \
             \"Secret {number} of the benchmark\"\n      SecretString: \"{{{{ vars.BENCH_PASSWORD }}}}-{number}\"\n"
        );
    }
    let glue = glue_stack(resources - 3 * each);
    text + glue.split_once("resources:\n").map_or("", |(_, resources)| resources)
}

/// How many calls a phase may send.
fn most_calls(name: &str) -> Option<usize> {
    match name {
        "Glue: `plan`, nothing to do" => Some(25),
        PLAN_SAME => Some(1080),
        PLAN_VERIFIED => Some(20),
        "`apply`, all new" | "`teardown`" => Some(1100),
        UNMOVED => Some(40),
        _ => None,
    }
}

/// How many times as much as here a peer's phase is to cost at least: CPU, wall, memory.
fn at_least(name: &str, peer: &str) -> Option<(u32, u32, u32)> {
    (name == PLAN_SAME && peer == "Terraform").then_some((80, 30, 25))
}

/// What a phase may cost: CPU seconds, MiB, wall seconds.
fn bounds(name: &str) -> (Option<f64>, Option<f64>, Option<f64>) {
    match name {
        "`--help`" => (None, None, Some(0.005)),
        VALIDATE_FEW => (None, None, Some(0.010)),
        "`validate`" => (None, None, Some(0.050)),
        name if name.starts_with(MANY) => match name.strip_prefix(MANY).and_then(|rest| rest.strip_prefix(": ")) {
            Some("`validate`") => (None, None, Some(0.6)),
            Some(PLAN_NEW) => (Some(1.0), Some(150.0), None),
            Some(PLAN_SAME | PLAN_VERIFIED) => (None, Some(150.0), None),
            _ => (None, None, None),
        },
        "`apply`, all new" => (Some(2.0), None, None),
        PROJECT => (None, None, Some(0.4)),
        PLAN_SAME | PLAN_VERIFIED => (Some(0.27), Some(38.0), Some(0.8)),
        "Glue: `plan`, nothing to do" | UNMOVED => (Some(0.3), None, None),
        _ => (None, None, None),
    }
}

fn page(options: &Options, phases: &[Phase], size: u64) -> String {
    let mut text = format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench --write`; do not edit by hand.\n\n{} on one machine with {} \
         processors ({}, {}), {} connections (half BASIC, half API_KEY with a header; for Glue JDBC with `SECRET_ID` and a tag; of several kinds: three tenths connections, as many API destinations of these, as many secrets, and Glue connections), the sandbox in another process at zero latency, median of {} runs. CPU is user and system time of the command alone; the bound in brackets is the \
         one that the project states.\n\n| command | CPU s | wall s | peak MiB | calls |\n| --- | --- | --- | --- | --- |\n",
        options.measured(),
        std::thread::available_parallelism().map_or(1, usize::from),
        std::env::consts::OS,
        std::env::consts::ARCH,
        options.connections,
        options.runs.max(1),
    );
    for phase in phases {
        let (cpu, peak, wall) = bounds(&phase.name);
        let shown = |value: f64, digits: usize, bound: Option<f64>| {
            let bound = bound.map_or_else(String::new, |bound| format!(" (≤ {bound})"));
            format!("{value:.digits$}{bound}")
        };
        let calls = phase.calls.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            phase.name,
            shown(median(phase.costs.iter().map(|cost| cost.cpu)), 3, cpu),
            shown(median(phase.costs.iter().map(|cost| cost.wall)), 3, wall),
            shown(median(phase.costs.iter().map(|cost| cost.peak)), 1, peak),
            match (calls.is_empty(), most_calls(&phase.name)) {
                (true, _) => "none".to_owned(),
                (false, None) => calls,
                (false, Some(most)) => {
                    let all: usize = phase.calls.iter().map(|(_, count)| count).sum();
                    format!("{calls}: {all} (≤ {most})")
                }
            },
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let megabytes = size as f64 / 1e6;
    let _ = writeln!(text, "\nThe program has {megabytes:.1} MB (≤ 20 MB).");
    let cpu_of = |name: &str| phases.iter().find(|phase| phase.name == name).map(|phase| phase.medians().0);
    for what in [PLAN_NEW, PLAN_SAME] {
        let cpu = |size: &str| cpu_of(&format!("{size}: {what}"));
        if let (Some(one), Some(ten)) = (cpu(KINDS), cpu(MANY)) {
            #[expect(clippy::cast_precision_loss, reason = "it is ten")]
            let growth = ten / one / TENFOLD as f64;
            let _ = writeln!(
                text,
                "{what}: ten times as many resources of several kinds take {growth:.2} times as much CPU each (≤ 1.15)."
            );
        }
    }
    text
}
