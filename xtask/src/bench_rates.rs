//! `cargo xtask bench-rates`: how long plan, apply and teardown take where the service lets only so many calls through,
//! against the least that their calls can take.
//!
//! The sandbox answers after a set round trip, and refuses what is more than each operation's rate and burst, as AWS does.
//! The floor of a stack of connections is measured in the same run: a bare client that knows the rates sends the same calls,
//! unsigned and unread, with as many at once as the rate lets through. The floor of a stack of all kinds is computed from
//! the calls that were sent: what the slowest operation's rate takes, and the longest chain of dependent calls.
//! `--write` puts the figures into `docs/benchmarks-rates.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench;
use crate::measure::{Cost, measure};
use crate::server::{Client, Server, counted, median, request_as};
use crate::tools;

/// The most that a command may take, as a multiple of the floor.
const WALL: f64 = 1.15;
/// Calls a second that AWS documents, where it does; EventBridge's are those of the benchmark. The services' pages are
/// named in `crates/aws/src/operation.rs`.
const RATES: [(&str, u32); 34] = [
    ("events:ListConnections", 50),
    ("events:DescribeConnection", 50),
    ("events:CreateConnection", 50),
    ("events:UpdateConnection", 50),
    ("events:DeleteConnection", 50),
    ("events:ListApiDestinations", 50),
    ("events:DescribeApiDestination", 50),
    ("events:CreateApiDestination", 50),
    ("events:UpdateApiDestination", 50),
    ("events:DeleteApiDestination", 50),
    ("secretsmanager:BatchGetSecretValue", 100),
    ("secretsmanager:DescribeSecret", 500),
    ("secretsmanager:ListSecrets", 100),
    ("secretsmanager:CreateSecret", 40),
    ("secretsmanager:DeleteSecret", 40),
    ("secretsmanager:GetResourcePolicy", 35),
    ("glue:GetConnections", 10),
    ("glue:GetConnection", 20),
    ("glue:CreateConnection", 10),
    ("glue:DeleteConnection", 10),
    ("glue:GetTags", 20),
    ("kms:DescribeKey", 2000),
    ("kms:ListAliases", 500),
    ("kms:CreateKey", 5),
    ("kms:GetKeyPolicy", 1000),
    ("kms:GetKeyRotationStatus", 1000),
    ("kms:ListKeys", 500),
    ("kms:ListResourceTags", 2000),
    ("kms:ScheduleKeyDeletion", 15),
    ("kms:CreateAlias", 5),
    ("kms:DeleteAlias", 15),
    ("tagging:GetResources", 10),
    ("sts:GetCallerIdentity", 100),
    ("kms:EnableKeyRotation", 15),
];

/// Who the caller is, what there is, what each is like, and the secrets.
const CHAIN_OF_PLAN: u32 = 4;
/// The first two of these, and then a key, a secret and what uses it, or back; a key's tags are searched around it.
const CHAIN: u32 = 7;
/// For so many secrets there is a key.
const PER_KEY: usize = 4;
/// In so long the service's buckets are full again, so that nobody pays for what was sent before.
pub const REST: Duration = Duration::from_millis(1500);

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// How many connections.
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// How many of each kind the stack of all kinds has; of keys and aliases a fourth.
    #[arg(long, default_value_t = 200)]
    of_each: usize,
    /// What a round trip takes, in milliseconds.
    #[arg(long, default_value_t = 50)]
    round_trip: u32,
    /// How many runs; medians are shown.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Write the figures into `docs/benchmarks-rates.md`.
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
    let folder = tools::target().join("bench-rates");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let manifest = folder.join("trueup.yaml");
    std::fs::write(&manifest, bench::stack(options.connections)).map_err(|error| error.to_string())?;
    let mixed = folder.join("mixed.yaml");
    std::fs::write(&mixed, every_kind(options.of_each)).map_err(|error| error.to_string())?;

    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..options.runs.max(1) {
        let server = Server::start(&binary)?;
        server.rules(&rules(options.round_trip))?;
        let place = Place { binary: &binary, folder: &folder, server: &server, round_trip: options.round_trip };
        let mut note = |row: Row| match rows.iter_mut().find(|it| it.name == row.name) {
            Some(known) => known.add(row),
            None => rows.push(row),
        };
        let (apply, plan) = (place.run("apply", &manifest)?, place.run("plan", &manifest)?);
        let describes: Vec<String> =
            (0..options.connections).map(|number| named("DescribeConnection", number)).collect();
        let plan_floor = place.floor(&plan.calls, &[("events:DescribeConnection", describes)])?;
        let teardown = place.run("teardown", &manifest)?;
        let creates: Vec<String> = (0..options.connections).map(create).collect();
        let apply_floor = place.floor(&apply.calls, &[("events:CreateConnection", creates)])?;
        let deletes: Vec<String> = (0..options.connections).map(|number| named("DeleteConnection", number)).collect();
        let teardown_floor = place.floor(&teardown.calls, &[("events:DeleteConnection", deletes)])?;
        for (name, ran, floor) in
            [("apply", apply, apply_floor), ("plan", plan, plan_floor), ("teardown", teardown, teardown_floor)]
        {
            note(Row::new(format!("{} connections: `{name}`", options.connections), ran, floor));
        }
        for name in ["apply", "plan", "teardown"] {
            let ran = place.run(name, &mixed)?;
            let floor = computed(name, &ran.calls, options.round_trip);
            note(Row::new(format!("{} of each kind: `{name}`", options.of_each), ran, floor));
        }
    }
    let page = page(options, &rows);
    println!("{page}");
    if options.write {
        let path = tools::root().join("docs/benchmarks-rates.md");
        std::fs::write(&path, page).map_err(|error| format!("{} could not be written: {error}", path.display()))?;
        println!("wrote docs/benchmarks-rates.md");
    }
    let slow: Vec<&str> = rows.iter().filter(|row| row.ratio() > WALL).map(|row| row.name.as_str()).collect();
    if slow.is_empty() { Ok(()) } else { Err(format!("more than {WALL} times the floor: {}", slow.join(", "))) }
}

/// The rates and the round trip, as the sandbox takes them.
pub fn rules(round_trip: u32) -> Value {
    let limited = RATES.iter().map(|(name, rate)| {
        let (service, operation) = name.split_once(':').unwrap_or_default();
        json!({
            "service": service, "operation": operation, "per_second": rate, "burst": rate, "latency_ms": round_trip,
            "error": {"code": "ThrottlingException", "message": "Rate exceeded"},
        })
    });
    let rules: Vec<Value> = limited.chain([json!({"latency_ms": round_trip})]).collect();
    json!({"rules": rules})
}

/// What a command cost and sent.
struct Ran {
    cost: Cost,
    calls: Vec<(String, usize)>,
    refused: usize,
    /// How long it said that it would take, and how long it took, both after the plan.
    said: Option<(f64, f64)>,
}

/// A command with all its runs.
struct Row {
    name: String,
    said: Vec<(f64, f64)>,
    runs: Vec<(f64, f64)>,
    cpu: Vec<f64>,
    calls: Vec<(String, usize)>,
    refused: usize,
}

impl Row {
    fn new(name: String, ran: Ran, floor: f64) -> Self {
        Self {
            name,
            said: ran.said.into_iter().collect(),
            runs: vec![(ran.cost.wall, floor)],
            cpu: vec![ran.cost.cpu],
            calls: ran.calls,
            refused: ran.refused,
        }
    }

    fn add(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.said.extend(other.said);
        self.cpu.extend(other.cpu);
        self.calls = other.calls;
        self.refused += other.refused;
    }

    fn ratio(&self) -> f64 {
        median(self.runs.iter().map(|(wall, floor)| wall / floor))
    }
}

/// Where the commands run.
struct Place<'a> {
    binary: &'a Path,
    folder: &'a Path,
    server: &'a Server,
    round_trip: u32,
}

impl Place<'_> {
    /// How long a command says that it will take after its plan, and how long the plan takes.
    fn said(&self, name: &str, manifest: &Path) -> Result<(f64, f64), String> {
        std::thread::sleep(REST);
        let began = Instant::now();
        let said = tools::text(self.command(name, manifest).arg("--dry-run").stderr(Stdio::null()))?;
        let took = began.elapsed().as_secs_f64();
        let (_, rest) = said.rsplit_once(", about ").ok_or_else(|| format!("`{name}` says no time: {said}"))?;
        let (number, unit) = rest.split_once(' ').unwrap_or((rest, ""));
        let number: f64 = number.parse().map_err(|_| format!("`{name}` says no time: {rest}"))?;
        Ok((number * if unit.starts_with("min") { 60.0 } else { 1.0 }, took))
    }

    fn command(&self, name: &str, manifest: &Path) -> Command {
        let mut command = Command::new(self.binary);
        command.arg(name).arg(manifest).args(["--no-cache", "--quota-share", "1"]);
        command.args(["--region", "us-east-1", "--endpoint-url", &self.server.url]);
        match name {
            "plan" => command.arg("--exit-code"),
            "apply" => command.args(["--yes", "--kms-settle", "0s"]),
            _ => command.arg("--yes"),
        };
        command.env("AWS_ACCESS_KEY_ID", "bench").env("AWS_SECRET_ACCESS_KEY", "bench").env_remove("AWS_PROFILE");
        let home = self.folder.join("home");
        command.env("HOME", &home).env_remove("TRUEUP_CACHE_KEY").env("BENCH_PASSWORD", "example-only-benchmark");
        for name in ["CACHE", "STATE"] {
            command.env(format!("XDG_{name}_HOME"), home.join(name.to_lowercase()));
        }
        command
    }

    fn run(&self, name: &str, manifest: &Path) -> Result<Ran, String> {
        let said = match name {
            "plan" => None,
            _ => Some(self.said(name, manifest)?),
        };
        std::thread::sleep(REST);
        let before = self.server.outcomes()?.len();
        let cost = measure(&mut self.command(name, manifest))?;
        if cost.code != 0 {
            return Err(format!("`{name}` of {} ended with {}", manifest.display(), cost.code));
        }
        let outcomes = self.server.outcomes()?.split_off(before);
        let refused = outcomes.iter().filter(|(_, outcome)| outcome.contains("Throttling")).count();
        let answered = outcomes.into_iter().filter(|(_, outcome)| !outcome.contains("Throttling"));
        let said = said.map(|(said, planned)| (said, cost.wall - planned));
        Ok(Ran { cost, calls: counted(answered.map(|(name, _)| name)), refused, said })
    }

    /// How long a bare client takes for these calls. Those that are given with their requests are sent so; the others are few,
    /// and stand for themselves by one that costs the same.
    fn floor(&self, calls: &[(String, usize)], requests: &[(&str, Vec<String>)]) -> Result<f64, String> {
        let identity = request("sts", "GetCallerIdentity", &Value::Null);
        let classes: Vec<(Bucket, Vec<&str>)> = calls
            .iter()
            .map(|(name, count)| {
                let given = requests.iter().find(|(given, _)| given == name).map(|(_, requests)| requests);
                let requests = match given {
                    Some(requests) => requests.iter().map(String::as_str).collect(),
                    None => vec![identity.as_str(); *count],
                };
                (Bucket::new(rate(name)), requests)
            })
            .collect();
        let round_trip = f64::from(self.round_trip) / 1000.0;
        std::thread::sleep(REST);
        let began = Instant::now();
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for (bucket, requests) in &classes {
                // Pages of a list come one after the other.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a handful")]
                let at_once = if requests.len() < 100 { 1 } else { (bucket.rate * round_trip).ceil() as usize + 50 };
                for first in 0..at_once {
                    threads.push(scope.spawn(move || -> Result<(), String> {
                        let mut client = Client::new(self.server)?;
                        for request in requests.iter().skip(first).step_by(at_once) {
                            bucket.wait();
                            client.send(request)?;
                        }
                        Ok(())
                    }));
                }
            }
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a client failed".to_owned())?)
        })?;
        Ok(began.elapsed().as_secs_f64())
    }
}

/// How many calls a second an operation may send, for a client that knows it.
pub struct Bucket {
    rate: f64,
    next: Mutex<Option<Instant>>,
}

impl Bucket {
    /// Full, and filled at this rate.
    pub fn new(rate: f64) -> Self {
        Self { rate, next: Mutex::new(None) }
    }

    /// Waits for a turn: a second's worth at once, and then one after the other. A hundredth is left for the clocks.
    pub fn wait(&self) {
        let slot = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let burst = Duration::from_secs_f64((self.rate - 1.0) / self.rate);
            let slot = next.unwrap_or_else(|| now.checked_sub(burst).unwrap_or(now));
            *next = Some(slot + Duration::from_secs_f64(1.01 / self.rate));
            slot
        };
        std::thread::sleep(slot.saturating_duration_since(Instant::now()));
    }
}

/// How many calls of an operation a second let through; of those that nobody limits, plenty.
pub fn rate(name: &str) -> f64 {
    RATES.iter().find(|(known, _)| *known == name).map_or(1000.0, |(_, rate)| f64::from(*rate))
}

/// The least that the calls of a command can take: the slowest operation, with a second's worth of it at once, and the round
/// trips of the longest chain of calls of which each needs the answer of the one before. What a teardown deletes is read
/// before, all of it, so that there it is the slowest of what reads and the slowest of what deletes.
fn computed(command: &str, calls: &[(String, usize)], round_trip: u32) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let of_rate = |(name, count): &(String, usize)| (*count as f64 / rate(name) - 1.0).max(0.0);
    let deletes = |name: &str| command == "teardown" && name.contains("Delet");
    let slowest = |of: bool| calls.iter().filter(|(name, _)| deletes(name) == of).map(of_rate).fold(0.0, f64::max);
    let chain = if command == "plan" { CHAIN_OF_PLAN } else { CHAIN };
    slowest(false) + slowest(true) + f64::from(chain * round_trip) / 1000.0
}

fn request(service: &str, operation: &str, input: &Value) -> String {
    request_as("bench", "us-east-1", service, operation, input)
}

fn named(operation: &str, number: usize) -> String {
    request("events", operation, &json!({"Name": format!("bench-{number:05}")}))
}

fn create(number: usize) -> String {
    let auth = json!({"BasicAuthParameters": {"Username": "u", "Password": format!("example-only-{number}")}});
    let name = format!("bench-{number:05}");
    let input = json!({"Name": name, "AuthorizationType": "BASIC", "AuthParameters": auth});
    request("events", "CreateConnection", &input)
}

/// A stack with so many secrets, connections, destinations of these, and Glue connections that use the secrets; and a key with
/// an alias for every fourth of them, with which the secrets are encrypted.
fn every_kind(count: usize) -> String {
    let mut text = String::from(
        "version: 1\nname: bench-mixed\nproviders: [aws]\nvars:\n  - { name: BENCH_PASSWORD, secret: true }\nresources:\n",
    );
    for number in 0..count {
        let key = number / PER_KEY;
        if number % PER_KEY == 0 {
            let _ = write!(
                text,
                "  - name: k{key}\n    type: AWS::KMS::Key\n    props: {{ Description: \"Key {key}\", PendingWindowInDays: 7 }}\n  - \
                 name: a{key}\n    type: AWS::KMS::Alias\n    props: {{ AliasName: alias/mixed-{key}, TargetKeyId: \"{{{{ \
                 k{key}.KeyId }}}}\" }}\n"
            );
        }
        let _ = write!(
            text,
            "  - name: s{number}\n    type: AWS::SecretsManager::Secret\n    props:\n      Name: mixed/{number}\n      KmsKeyId: \
             \"{{{{ k{key}.Arn }}}}\"\n      SecretString: \"{{{{ vars.BENCH_PASSWORD }}}}-{number}\"\n  - name: c{number}\n    type: \
             AWS::Events::Connection\n    props:\n      Name: mixed-{number}\n      AuthorizationType: BASIC\n      \
             AuthParameters:\n        BasicAuthParameters: {{ Username: u, Password: \"{{{{ vars.BENCH_PASSWORD }}}}-{number}\" }}\n  - \
             name: d{number}\n    type: AWS::Events::ApiDestination\n    props:\n      Name: mixed-{number}\n      ConnectionArn: \
             \"{{{{ c{number}.Arn }}}}\"\n      InvocationEndpoint: https://example.com/{number}\n      HttpMethod: POST\n  - name: \
             g{number}\n    type: AWS::Glue::Connection\n    props:\n      ConnectionInput:\n        Name: mixed-{number}\n        \
             ConnectionType: JDBC\n        ConnectionProperties:\n          JDBC_CONNECTION_URL: \
             \"jdbc:postgresql://db-{number}.example.com:5432/orders\"\n          SECRET_ID: \"{{{{ s{number}.Name }}}}\"\n"
        );
    }
    text
}

fn page(options: &Options, rows: &[Row]) -> String {
    let mut text = format!(
        "# Rates\n\nWritten by `cargo xtask bench-rates --write`; do not edit by hand.\n\nA release build on one machine with {} \
         processors ({}, {}), which the sandbox shares: {} ms a round trip; 50 calls a second of each EventBridge operation and as many \
         as documented of the others, each with a burst of one second; median of {} runs. The floor of the connections is a bare \
         client that knows the rates and sends the same calls without signing or reading them; that of the stack of all kinds is \
         computed from the calls that were sent, in the order in which this program needs them: the rate of the operation that takes longest (of a teardown, of those that \
         read and of those that delete), and the round trips of the longest chain of calls, {CHAIN_OF_PLAN} of a plan and {CHAIN} of the others; it has a key and an alias for every fourth of the others, and no pause \
         between the two searches before a key is made (`--kms-settle 0s`). Each command begins when the service's buckets are full. The bound is in brackets. \
         What was refused is that of all runs. Said and took are what a plan says that its execution takes, and what that took.\n\n| command | wall \
         s | floor s | ratio | CPU s | refused | said s | took s | calls |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        std::thread::available_parallelism().map_or(1, usize::from),
        std::env::consts::OS,
        std::env::consts::ARCH,
        options.round_trip,
        options.runs.max(1),
    );
    for row in rows {
        let calls = row.calls.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "| {} | {:.2} | {:.2} | {:.2} (≤ {WALL}) | {:.2} | {} | {} | {calls} |",
            row.name,
            median(row.runs.iter().map(|(wall, _)| *wall)),
            median(row.runs.iter().map(|(_, floor)| *floor)),
            row.ratio(),
            median(row.cpu.iter().copied()),
            row.refused,
            if row.said.is_empty() {
                "– | –".to_owned()
            } else {
                format!("{:.0} | {:.1}", median(row.said.iter().map(|it| it.0)), median(row.said.iter().map(|it| it.1)))
            },
        );
    }
    text
}
