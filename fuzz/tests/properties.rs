//! The targets of cargo-fuzz over input from a seed: pieces of real input put together anew, and bytes.
//!
//! `TRUEUP_CASES` says how many for each target. A case may take a second and the process 256 MiB, so this is run optimised:
//! `cargo xtask test` does so.

#![allow(clippy::expect_used, reason = "a test that cannot go on stops where it is")]

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

/// What is done with input.
type Target = fn(&[u8]);

/// What a case may take at most.
const LONGEST: Duration = Duration::from_secs(1);
/// What the process may have had at most, in KiB.
const LARGEST: u64 = 256 * 1024;

const MANIFEST: &[&str] = &[
    "version: 1\n",
    "name: x\n",
    "resources:\n",
    "globals:\n",
    "vars:\n",
    "exports: [a]\n",
    "accounts: { dev: \"123456789012\" }\n",
    "  - name: a\n",
    "    type: query\n",
    "    sql: SELECT 1\n",
    "    value: ",
    "    props:\n",
    "      X: ",
    "    locals: { l: ",
    "    find: ",
    "    if: ",
    "    for_each: ",
    "    protect: ",
    "    ignore: [{ path: /X }]\n",
    "    merge: [g]\n",
    "values: ",
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{# ",
    "\n",
    "\n  ",
    "\n    ",
    "\n- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ": ",
    "'",
    "\"",
    "|",
    ">-",
    "&a ",
    "*a",
    "!!str ",
    "!Ref ",
    "<<: ",
    "? ",
    "# ",
    "---",
    "\t",
    "a",
    "vars.A",
    "a.Arn",
    "| tojson",
    "| upper",
    "if ",
    " else ",
    "secret('env:A')",
    "[1, 2]",
    "é",
    "\u{feff}",
    "\0",
    "012",
    "1e999",
    "~",
    "each.key",
    "this.X",
    "\\",
    "file('x')",
];

const TEMPLATE: &[&str] = &[
    "{{ ",
    " }}",
    "{% if ",
    "{% for x in ",
    "{% set y = ",
    "{% endif %}",
    "{% endfor %}",
    " %}",
    "{# ",
    " #}",
    "{% raw %}",
    "a",
    "b",
    "g",
    "l",
    "vars.A",
    "vars.S",
    "a.Arn",
    "each.key",
    "each.value",
    "this.X",
    "resource_name",
    "stack_env",
    "range(",
    "range(end=",
    "9",
    "99999999",
    ")",
    "(",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ".",
    "'",
    "\"",
    "~",
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
    "%",
    "==",
    "!=",
    "<",
    "and ",
    "or ",
    "not ",
    "in ",
    "is ",
    "defined",
    "if ",
    " else ",
    "| upper",
    "| tojson",
    "| from_json",
    "| join(',')",
    "| default('x')",
    "| replace('a', 'aa')",
    "| base64_decode",
    "| generate_patch_document",
    "| sql_list",
    "| merge_lists(",
    "| merge_objects(",
    "| length",
    "| sort",
    "| batch(",
    "| indent(",
    "secret('env:A')",
    "secret('aws-sm:a#b')",
    "file('../x')",
    "uuid()",
    "é",
    " ",
    "\\",
    "\\u0000",
    "1e999",
    "none",
    "true",
];

const VARIABLES: &[&str] = &[
    "A=",
    "B=",
    "export ",
    "\n",
    "\r\n",
    "'",
    "\"",
    "#",
    " ",
    "=",
    "\\",
    "\\n",
    "$A",
    "${A}",
    "é",
    "\0",
    "A: ",
    "B: ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "secret: true",
    "null",
    "1",
    "\u{feff}",
    "x",
    "&a ",
    "*a",
    "|\n",
    ">-\n",
];

const PLAN: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"format_version\"",
    "\"1\"",
    "\"command\"",
    "\"plan\"",
    "\"stack\"",
    "{\"name\": \"s\", \"env\": \"dev\"}",
    "\"steps\"",
    "\"patch\"",
    "\"digest\"",
    "\"edges\"",
    "\"summary\"",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "\"\"",
    "\"\\u0000\"",
    "\"é\"",
];

const PROJECT: &[&str] = &[
    "version: 1\n",
    "name: x\n",
    "providers: [awscc, aws::v24]\n",
    "globals:\n",
    "resources:\n",
    "exports: [a]\n",
    "  - name: a\n",
    "  - name: b\n",
    "    value: ",
    "    values: { dev: ",
    "    type: query\n",
    "    type: multi\n",
    "    type: script\n",
    "    type: command\n",
    "    run: ",
    "    sql: ",
    "    file: ../x.iql\n",
    "    props:\n",
    "      - name: p\n",
    "        value: ",
    "        values: { dev: { value: ",
    "        merge: [a, b]\n",
    "        description: ",
    "    exports: [{ c: d }, e]\n",
    "    if: ",
    "    skip_validation: true\n",
    "    auth: {}\n",
    "    protected: [e]\n",
    "    return_vals: { create: [ { a: b } ] }\n",
    "SELECT c FROM awscc.s3.buckets WHERE region = 'x'",
    "INSERT INTO awscc.s3.buckets (a) SELECT '",
    "file(a.yml)",
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{{ globals.a }}",
    "{{ a.c }}",
    "{{ this.c }}",
    "| tojson",
    "a",
    "1",
    "null",
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "|\n",
    ">-\n",
    "\n",
    "\n    ",
    "# ",
    "é",
    "\0",
    "\u{feff}",
];

const STATEMENTS: &[&str] = &[
    "/*+ create */",
    "/*+ exists */",
    "/*+ statecheck, retries=5, retry_delay=999999999999 */",
    "/*+ exports, retries = */",
    "/*+ delete */",
    "/*+ update, , */",
    "/*+ callback:create, short_circuit_field=a */",
    "/*+ createorupdate",
    "*/",
    "/*",
    "--",
    "\n",
    " ",
    "SELECT ",
    "INSERT INTO ",
    "UPDATE ",
    "DELETE FROM ",
    "EXEC ",
    "awscc.s3.buckets",
    "aws.ec2.vpcs ",
    "(a, b) ",
    "SELECT 'x', '{{ y }}'",
    " FROM ",
    " WHERE ",
    " AND ",
    " OR ",
    "region = 'r'",
    "data__Identifier = '{{ id }}'",
    " IN (",
    " JOIN ",
    " ON ",
    " GROUP BY ",
    " ORDER BY ",
    " LIMIT 9999999999999999999999",
    " UNION ",
    "WITH RECURSIVE t AS (",
    "CASE WHEN ",
    " THEN ",
    " END",
    "json_extract(a, '$.b[0]')",
    "JSON_EQUAL(",
    "count(*)",
    "generate_series(1, 1000000000)",
    "(",
    "((((((((((((((((",
    ")",
    ", ",
    "'",
    "''",
    "\"",
    "`",
    ";",
    "*",
    "=",
    "||",
    "NOT ",
    "NULL",
    "1e999",
    "-9223372036854775808",
    "x'00'",
    "{{ ",
    " }}",
    "{% if a %}",
    "{% endif %}",
    "é",
    "\0",
    "\u{feff}",
];

/// The members of answers, and of what is in them.
const MEMBERS: &[&str] = &[
    "Name",
    "Connections",
    "ConnectionArn",
    "ConnectionState",
    "AuthorizationType",
    "AuthParameters",
    "BasicAuthParameters",
    "Username",
    "InvocationHttpParameters",
    "HeaderParameters",
    "SecretArn",
    "KmsKeyIdentifier",
    "LastModifiedTime",
    "ApiDestinations",
    "ApiDestinationArn",
    "InvocationRateLimitPerSecond",
    "Connection",
    "ConnectionList",
    "ConnectionProperties",
    "ConnectionType",
    "MatchCriteria",
    "PhysicalConnectionRequirements",
    "ARN",
    "SecretList",
    "SecretString",
    "SecretBinary",
    "VersionId",
    "VersionIdsToStages",
    "ReplicationStatus",
    "DeletedDate",
    "ResourcePolicy",
    "KeyMetadata",
    "KeyId",
    "KeyState",
    "Arn",
    "Policy",
    "KeyRotationEnabled",
    "RotationPeriodInDays",
    "Keys",
    "Aliases",
    "AliasName",
    "AliasArn",
    "TargetKeyId",
    "Tags",
    "Key",
    "TagKey",
    "Value",
    "TagValue",
    "ResourceTagMappingList",
    "ResourceARN",
    "NextToken",
    "PaginationToken",
    "NextMarker",
    "Truncated",
    "__type",
    "message",
    "Message",
    "code",
    "Error",
    "Code",
];

/// What stands in answers.
const LEAVES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1.7E9",
    "1e999",
    "99999999999999999999",
    "\"\"",
    "\"orders\"",
    "\"AUTHORIZED\"",
    "\"DELETING\"",
    "\"PendingDeletion\"",
    "\"Enabled\"",
    "\"BASIC\"",
    "\"alias/orders\"",
    "\"AWSCURRENT\"",
    "\"{}\"",
    "\"{\\\"a\\\":\"",
    "\"arn:aws:events:us-east-1:123456789012:connection/orders/0a1b2c3d-0000-4000-8000-000000000000\"",
    "\"arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000\"",
    "\"arn:::::\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"é\"",
    "[]",
    "{}",
    "{",
    "\"ResourceNotFoundException\"",
    "\"ThrottlingException\"",
    "\"AccessDeniedException\"",
    "\"2026-11-22T00:00:00Z\"",
];

/// What may come where JSON is expected.
const MARKUP: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "content-length: 2\r\n",
    "content-length: 99999999999999999999\r\n",
    "transfer-encoding: chunked\r\n",
    "date: Sun, 09 Sep 2001 01:46:40 GMT\r\n",
    "x-amzn-requestid: 1\r\n",
    "x-amzn-errortype: ResourceNotFoundException:\r\n",
    "location: http://127.0.0.1:1/\r\n",
    "\r\n",
    "ffffffff\r\n",
    "0\r\n",
    "<GetCallerIdentityResponse>",
    "<GetCallerIdentityResult>",
    "<Account>123456789012</Account>",
    "<Account>../..</Account>",
    "<Arn>arn:aws:iam::123456789012:user/u</Arn>",
    "</GetCallerIdentityResult>",
    "</GetCallerIdentityResponse>",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "&b;",
    "<![CDATA[",
    "<Error><Code>AccessDenied</Code></Error>",
    "<html>",
    "<",
    "é",
    "\0",
];

/// The text of a JSON value as services send it, which may break off.
fn answer() -> impl Strategy<Value = String> {
    let leaf = select(LEAVES).prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 6, |inner| {
        let member = (select(MEMBERS), inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            3 => vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
            1 => vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

/// How many cases a target gets.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how long")]
fn cases() -> u32 {
    std::env::var("TRUEUP_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

/// Runs a target over inputs.
fn over<S: Strategy>(name: &str, inputs: S, share: u32, target: impl Fn(&S::Value))
where
    S::Value: std::fmt::Debug,
{
    let config =
        Config { cases: cases() / share, max_shrink_iters: 4_000, failure_persistence: None, ..Config::default() };
    let slowest = std::cell::Cell::new(Duration::ZERO);
    let result = TestRunner::new(config).run(&inputs, |input| {
        let began = Instant::now();
        target(&input);
        let taken = began.elapsed();
        slowest.set(slowest.get().max(taken));
        prop_assert!(taken < LONGEST, "it took {taken:?}");
        Ok(())
    });
    if let Err(error) = result {
        panic!("{name}: {error}");
    }
    println!("{name}: {} cases, the slowest took {:?}", cases() / share, slowest.get());
    if let Some(peak) = peak() {
        assert!(peak <= LARGEST, "{name}: the process had {peak} KiB");
    }
}

/// The most memory that this process had, in KiB, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

fn pieces(of: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    vec(select(of), 0..most).prop_map(|pieces| pieces.concat())
}

/// What a search found, and what it begins with, is read again in every run.
#[test]
fn the_corpus() {
    let targets: [(&str, Target); 8] = [
        ("manifest", trueup_fuzz::manifest),
        ("template", trueup_fuzz::template),
        ("variables", trueup_fuzz::variables),
        ("plan_file", trueup_fuzz::plan_file),
        ("difference", trueup_fuzz::difference),
        ("project", trueup_fuzz::project),
        ("statements", trueup_fuzz::statements),
        ("answers", trueup_fuzz::answers),
    ];
    for (name, target) in targets {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let files: Vec<_> = std::fs::read_dir(&folder).expect("each target has a corpus").collect();
        assert!(!files.is_empty(), "{name} has an empty corpus");
        for file in files {
            let data = std::fs::read(file.expect("a folder can be read").path()).expect("a file can be read");
            target(&data);
        }
    }
}

#[test]
fn manifests() {
    over("manifests of pieces", pieces(MANIFEST, 40), 2, |text| trueup_fuzz::manifest(text.as_bytes()));
    over("manifests of bytes", vec(any::<u8>(), 0..200), 2, |bytes| trueup_fuzz::manifest(bytes));
}

#[test]
fn templates() {
    over("templates", pieces(TEMPLATE, 24), 1, |text| trueup_fuzz::template(text.as_bytes()));
}

#[test]
fn files_of_variables() {
    over("files of variables", pieces(VARIABLES, 30), 1, |text| trueup_fuzz::variables(text.as_bytes()));
}

#[test]
fn plan_files() {
    over("plan files", pieces(PLAN, 30), 1, |text| trueup_fuzz::plan_file(text.as_bytes()));
}

#[test]
fn differences() {
    over("differences", vec(any::<u8>(), 0..160), 1, |bytes| trueup_fuzz::difference(bytes));
}

#[test]
fn projects() {
    over("projects", pieces(PROJECT, 40), 1, |text| trueup_fuzz::project(text.as_bytes()));
}

#[test]
fn files_of_statements() {
    over("files of statements", pieces(STATEMENTS, 30), 1, |text| trueup_fuzz::statements(text.as_bytes()));
}

#[test]
fn answers_of_services() {
    let head = || [any::<u8>(), any::<u8>(), any::<u8>()];
    let read = |(head, body): &([u8; 3], String)| trueup_fuzz::answers(&[&head[..], body.as_bytes()].concat());
    over("answers", (head(), answer()), 2, read);
    over("answers that are none", (head(), pieces(MARKUP, 16)), 2, read);
}
