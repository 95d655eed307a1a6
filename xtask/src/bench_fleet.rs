//! `cargo xtask bench-fleet`: what a plan of many stacks in many accounts and regions takes, against the least that its
//! calls can take.
//!
//! The sandbox answers each call after a set time, once with each account's and region's rates enforced, as AWS does, and
//! once without any, which shows what the machine itself can do. The floor is measured in the same run: a bare client,
//! without signatures and without any thought, sends the same calls, each stack's and all stacks' at once: as soon as the
//! rates let it, or over as many connections as serve it best. `--write` puts the figures into `docs/benchmarks-fleet.md`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::bench_rates::{Bucket, REST, rate, rules};
use crate::measure::{Cost, measure};
use crate::server::{Client, Server, counted, median, request_as};
use crate::tools;

/// The regions; an account has one of them.
const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"];
/// Over how many connections the bare client sends where no rates bound it; the fastest counts.
const MANY: [usize; 3] = [256, 512, 1024];
/// The most that the plan may take, as a multiple of the floor.
const WALL: f64 = 1.3;
/// The most memory that it may take, in MiB.
const PEAK: f64 = 300.0;

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// How many stacks.
    #[arg(long, default_value_t = 1000)]
    stacks: usize,
    /// How many connections each stack has.
    #[arg(long, default_value_t = 20)]
    resources: usize,
    /// How many accounts, each in a region.
    #[arg(long, default_value_t = 20)]
    accounts: usize,
    /// What a round trip takes, in milliseconds.
    #[arg(long, default_value_t = 20)]
    round_trip: u32,
    /// How many runs; medians are shown.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Write the figures into `docs/benchmarks-fleet.md`.
    #[arg(long)]
    write: bool,
}

/// Builds a release binary and measures it.
///
/// # Errors
///
/// Something could not be built or run, or a command did not end as it should.
pub fn run(options: &Options) -> Result<(), String> {
    tools::run(tools::cargo().args(["build", "--release", "--package", "trueup"]))?;
    let binary = tools::trueup("release");
    let place = Place::make(&tools::target().join("bench-fleet"), options).map_err(|error| error.to_string())?;
    let server = Server::start(&binary)?;
    let apply = place.measure(&binary, &server, &["apply", "--yes"])?;
    let calls = calls_of(&server, options)?;
    let limited = Pace::measure(&place, &binary, &server, &calls, options, true)?;
    let free = Pace::measure(&place, &binary, &server, &calls, options, false)?;
    let verified = verified(&place, &binary, &server, options)?;
    let page = page(options, &limited, &free, apply, &verified);
    println!("{page}");
    if options.write {
        let path = tools::root().join("docs/benchmarks-fleet.md");
        std::fs::write(&path, page).map_err(|error| format!("{} could not be written: {error}", path.display()))?;
        println!("wrote docs/benchmarks-fleet.md");
    }
    let ratio = limited.ratio();
    if ratio > WALL { Err(format!("{ratio:.2} times the floor, of {WALL}")) } else { Ok(()) }
}

/// A plan at AWS's rates that need not read again what the one before has verified: what it took, and its calls.
fn verified(
    place: &Place,
    binary: &Path,
    server: &Server,
    options: &Options,
) -> Result<(Cost, Vec<(String, usize)>), String> {
    server.rules(&rules(options.round_trip))?;
    let command = ["plan", "--exit-code", "--quota-share", "1"];
    std::thread::sleep(REST);
    place.measure(binary, server, &command)?;
    std::thread::sleep(REST);
    let before = server.outcomes()?.len();
    let cost = place.measure(binary, server, &command)?;
    let calls = counted(server.calls()?.split_off(before));
    // Up to three are read without a list.
    let again = options.resources > 3;
    if let Some((again, _)) =
        calls.iter().filter(|_| again).find(|(name, _)| name.ends_with("Connection") || name.ends_with("Value"))
    {
        return Err(format!("{again} was sent for what has not moved"));
    }
    Ok((cost, calls))
}

/// What the plan took, with rates or without.
struct Pace {
    plans: Vec<Cost>,
    /// Over how many connections the bare client was fastest, and how many seconds it took.
    floors: Vec<(usize, f64)>,
    counts: Vec<(String, usize)>,
    refused: usize,
}

impl Pace {
    fn measure(
        place: &Place,
        binary: &Path,
        server: &Server,
        calls: &[Call],
        options: &Options,
        limited: bool,
    ) -> Result<Self, String> {
        if limited {
            server.rules(&rules(options.round_trip))?;
        } else {
            server.slow_down(options.round_trip)?;
        }
        let same = counted(calls.iter().map(|call| call.operation.to_owned()));
        let share: &[&str] = if limited { &["--quota-share", "1"] } else { &[] };
        let command = [&["plan", "--exit-code", "--no-cache"], share].concat();
        let mut pace = Self { plans: Vec::new(), floors: Vec::new(), counts: Vec::new(), refused: 0 };
        for _ in 0..options.runs.max(1) {
            std::thread::sleep(REST);
            let before = server.outcomes()?.len();
            pace.plans.push(place.measure(binary, server, &command)?);
            let (refused, answered): (Vec<_>, Vec<_>) = server
                .outcomes()?
                .split_off(before)
                .into_iter()
                .partition(|(_, outcome)| outcome.contains("Throttling"));
            pace.refused += refused.len();
            pace.counts = counted(answered.into_iter().map(|(name, _)| name));
            if pace.counts != same {
                return Err(format!("the plan sent {:?}, and the bare client {same:?}", pace.counts));
            }
            std::thread::sleep(REST);
            pace.floors.push(if limited {
                let account = |call: &Call| ((call.account, call.operation), Bucket::new(rate(call.operation)));
                // What all rates together let through in a round trip, and as many again.
                let rates = options.accounts * 200;
                let connections = (rates * options.round_trip as usize / 1000).clamp(64, 1024) * 2;
                floor(server, &in_turn(calls), &[connections], &calls.iter().map(account).collect())?
            } else {
                floor(server, &calls.iter().collect::<Vec<_>>(), &MANY, &HashMap::new())?
            });
        }
        Ok(pace)
    }

    fn wall(&self) -> f64 {
        median(self.plans.iter().map(|cost| cost.wall))
    }

    fn floor(&self) -> f64 {
        median(self.floors.iter().map(|(_, seconds)| *seconds))
    }

    /// Of one run each, so that what else the machine did is in both.
    fn ratio(&self) -> f64 {
        median(self.plans.iter().zip(&self.floors).map(|(cost, (_, seconds))| cost.wall / seconds))
    }
}

/// The calls in the order in which a client sends them that knows the rates: each second's worth of each operation in each
/// account, one second after the other.
fn in_turn(calls: &[Call]) -> Vec<&Call> {
    let mut sent: HashMap<(usize, &str), f64> = HashMap::new();
    let mut turns: Vec<(f64, &Call)> = Vec::new();
    for call in calls {
        let before = sent.entry((call.account, call.operation)).or_default();
        turns.push((*before / rate(call.operation), call));
        *before += 1.0;
    }
    turns.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    turns.into_iter().map(|(_, call)| call).collect()
}

/// The stacks, the targets and the profiles.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn make(folder: &Path, options: &Options) -> std::io::Result<Self> {
        let mut targets = String::new();
        let mut profiles = String::new();
        for account in 0..options.accounts {
            let id = account_id(account);
            let _ = write!(
                profiles,
                "[profile p{account}]\naws_access_key_id = {id}\naws_secret_access_key = example-only-benchmark\n"
            );
        }
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        for stack in 0..options.stacks {
            let path = folder.join(format!("stacks/s{stack:04}"));
            std::fs::create_dir_all(&path)?;
            std::fs::write(path.join("trueup.yaml"), manifest(stack, options.resources))?;
            let account = stack % options.accounts;
            let region = region_of(account);
            let _ = writeln!(targets, "- {{ stack: stacks/s{stack:04}, profile: p{account}, region: {region} }}");
        }
        std::fs::write(folder.join("targets.yaml"), targets)?;
        std::fs::write(folder.join("config"), profiles)?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn measure(&self, binary: &Path, server: &Server, arguments: &[&str]) -> Result<Cost, String> {
        let mut command = Command::new(binary);
        command.arg("fleet").args(arguments).arg("--targets").arg(self.folder.join("targets.yaml"));
        command.args(["--json", "--endpoint-url", &server.url]);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "TRUEUP_CACHE_KEY"] {
            command.env_remove(name);
        }
        let home = self.folder.join("home");
        command.env("AWS_CONFIG_FILE", self.folder.join("config")).env("HOME", &home);
        for name in ["CACHE", "STATE"] {
            command.env(format!("XDG_{name}_HOME"), home.join(name.to_lowercase()));
        }
        command.env("BENCH_PASSWORD", "example-only-benchmark");
        let cost = measure(&mut command)?;
        if cost.code == 0 { Ok(cost) } else { Err(format!("`fleet {}` ended with {}", arguments[0], cost.code)) }
    }
}

fn account_id(account: usize) -> String {
    format!("{:012}", 100_000_000_000_usize + account)
}

fn region_of(account: usize) -> &'static str {
    REGIONS[account % REGIONS.len()]
}

fn name(stack: usize, number: usize) -> String {
    format!("s{stack:04}-{number:02}")
}

fn manifest(stack: usize, connections: usize) -> String {
    let mut text = format!(
        "version: 1\nname: s{stack:04}\nproviders: [aws]\nvars:\n  - {{ name: BENCH_PASSWORD, secret: true }}\nresources:\n"
    );
    for number in 0..connections {
        let _ = write!(
            text,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: {}\n      Description: Connection \
             {number} of the benchmark\n      AuthorizationType: API_KEY\n      AuthParameters:\n        ApiKeyAuthParameters:\n          \
             ApiKeyName: X-Api-Key\n          ApiKeyValue: \"{{{{ vars.BENCH_PASSWORD }}}}-{number}\"\n",
            name(stack, number)
        );
    }
    text
}

/// One call of the bare client.
struct Call {
    operation: &'static str,
    account: usize,
    request: String,
}

fn request(service: &str, operation: &str, account: usize, input: &Value) -> String {
    request_as(&account_id(account), region_of(account), service, operation, input)
}

/// The calls that a plan of these stacks needs: who each caller is, a page of each stack's connections, each of them, and
/// their secrets.
fn calls_of(server: &Server, options: &Options) -> Result<Vec<Call>, String> {
    let mut client = Client::new(server)?;
    let mut calls: Vec<Call> = (0..options.accounts.min(options.stacks))
        .map(|account| Call {
            operation: "sts:GetCallerIdentity",
            account,
            request: request("sts", "GetCallerIdentity", account, &Value::Null),
        })
        .collect();
    for stack in 0..options.stacks {
        let account = stack % options.accounts;
        let events = |operation, input: &Value| request("events", operation, account, input);
        let page = json!({"Limit": 100, "NamePrefix": format!("s{stack:04}-")});
        calls.push(Call { operation: "events:ListConnections", account, request: events("ListConnections", &page) });
        let mut secrets = Vec::new();
        for number in 0..options.resources {
            let request = events("DescribeConnection", &json!({"Name": name(stack, number)}));
            let answer: Value = serde_json::from_slice(&client.send(&request)?).map_err(|error| error.to_string())?;
            secrets.push(answer["SecretArn"].clone());
            calls.push(Call { operation: "events:DescribeConnection", account, request });
        }
        for some in secrets.chunks(20) {
            let input = json!({"SecretIdList": some});
            let request = request("secretsmanager", "BatchGetSecretValue", account, &input);
            calls.push(Call { operation: "secretsmanager:BatchGetSecretValue", account, request });
        }
    }
    Ok(calls)
}

/// The rates of each account's operations.
type Buckets<'a> = HashMap<(usize, &'a str), Bucket>;

/// How long the calls take at least: over how many connections, and seconds.
fn floor(
    server: &Server,
    calls: &[&Call],
    connections: &[usize],
    buckets: &Buckets<'_>,
) -> Result<(usize, f64), String> {
    let mut best: Option<(usize, f64)> = None;
    for &connections in connections {
        let mut clients = (0..connections).map(|_| Client::new(server)).collect::<Result<Vec<_>, _>>()?;
        let next = AtomicUsize::new(0);
        let began = Instant::now();
        std::thread::scope(|scope| {
            let threads: Vec<_> = clients
                .iter_mut()
                .map(|client| {
                    let next = &next;
                    scope.spawn(move || -> Result<(), String> {
                        while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
                            if let Some(bucket) = buckets.get(&(call.account, call.operation)) {
                                bucket.wait();
                            }
                            client.send(&call.request)?;
                        }
                        Ok(())
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a client failed".to_owned())?)
        })?;
        let seconds = began.elapsed().as_secs_f64();
        if best.is_none_or(|(_, least)| seconds < least) {
            best = Some((connections, seconds));
        }
    }
    best.ok_or_else(|| "nothing was measured".to_owned())
}

/// Calls with their number, and how many they are.
fn told(counts: &[(String, usize)]) -> (usize, String) {
    let calls = counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>();
    (counts.iter().map(|(_, count)| count).sum(), calls.join(", "))
}

fn page(
    options: &Options,
    limited: &Pace,
    free: &Pace,
    apply: Cost,
    (verified, again): &(Cost, Vec<(String, usize)>),
) -> String {
    let (all, calls) = told(&limited.counts);
    let (fewer, again) = told(again);
    let connections = |pace: &Pace| pace.floors.last().map(|(connections, _)| *connections).unwrap_or_default();
    let mut text = format!(
        "# A fleet\n\nWritten by `cargo xtask bench-fleet --write`; do not edit by hand.\n\nA release build on one machine with {} \
         processors ({}, {}), which the sandbox shares: `fleet plan` of {} stacks of {} connections over {} accounts and regions, \
         with nothing to do, {} ms a round trip, median of {} runs. The floor is a bare client that sends the same calls without \
         signing or reading them. Bounds are in brackets.\n\n- At AWS's rates: 50 calls a second of each EventBridge operation in \
         each account and region, as many as documented of the others, each with a burst of one second. The bare client knows \
         the rates, and sends over {} connections.\n- Without rates, which no service offers: the bare client, over {} \
         connections, does little more than wait for the sandbox, and the plan takes what its own work takes on the \
         processors that it shares with it. The bound does not hold there.\n\n| | at AWS's rates | without rates |\n| --- | \
         --- | --- |\n",
        std::thread::available_parallelism().map_or(1, usize::from),
        std::env::consts::OS,
        std::env::consts::ARCH,
        options.stacks,
        options.resources,
        options.accounts,
        options.round_trip,
        options.runs.max(1),
        connections(limited),
        connections(free),
    );
    let mut row = |name: &str, bound: &str, figure: &dyn Fn(&Pace) -> String| {
        let _ = writeln!(text, "| {name} | {}{bound} | {} |", figure(limited), figure(free));
    };
    row("wall, s", "", &|pace| format!("{:.2}", pace.wall()));
    row("floor, s", "", &|pace| format!("{:.2}", pace.floor()));
    row("ratio, median of the runs", &format!(" (≤ {WALL})"), &|pace| format!("{:.2}", pace.ratio()));
    row("CPU, s", "", &|pace| format!("{:.2}", median(pace.plans.iter().map(|cost| cost.cpu))));
    let peak = |pace: &Pace| format!("{:.0}", median(pace.plans.iter().map(|cost| cost.peak)));
    row("peak, MiB", &format!(" (≤ {PEAK:.0})"), &peak);
    row("calls refused, in all runs", "", &|pace| pace.refused.to_string());
    let _ = write!(
        text,
        "\nEither time there were {all} calls: {calls}.\n\nAt AWS's rates again, without reading what an earlier plan has \
         verified and what has not moved since: {:.2} s wall, {:.2} s CPU, {:.0} MiB, {fewer} calls: {again}.\n\nThe `fleet apply \
         --yes` before, without latency: {:.1} s wall, {:.1} s CPU, {:.0} MiB.\n",
        verified.wall, verified.cpu, verified.peak, apply.wall, apply.cpu, apply.peak,
    );
    text
}
