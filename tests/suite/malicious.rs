//! What a manifest that means harm can do, and what it cannot: each row of the table in `SECURITY.md`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use trueup_sandbox::proxy::{Act, Answer, Order, Phase};
use trueup_tests::{Run, TestEnv};

const SECRET: &str = "Tz6bWq41-of-somebody-else";

/// A manifest with one resource, and a global that is this value.
fn manifest(value: &str) -> String {
    format!(
        "version: 1\nname: orders\nproviders: [aws]\nglobals:\n  - name: wanted\n    value: {value}\nresources:\n  - name: orders\n    \
         type: AWS::Events::Connection\n    props:\n      Name: orders\n      Description: \"{{{{ wanted }}}}\"\n      \
         AuthorizationType: API_KEY\n      AuthParameters:\n        ApiKeyAuthParameters: {{ ApiKeyName: k, ApiKeyValue: \"{{{{ \
         secret('env:API_KEY') }}}}\" }}\n"
    )
}

fn place() -> TestEnv {
    let mut env = TestEnv::offline();
    env.set("AWS_REGION", "eu-west-1").set_secret("API_KEY", "Vd8kYn53-key-of-an-api");
    env
}

/// A run that has to refuse, soon, and in little memory.
#[track_caller]
fn refused(env: &TestEnv, args: &[&str]) -> Run {
    let began = Instant::now();
    let run = env.after("ulimit -v 1500000", args);
    assert!(matches!(run.code, Some(1 | 64)), "{run}");
    assert!(!run.stderr.contains("this is a bug"), "{run}");
    // SQLite may work for thirty seconds; nothing else comes near that.
    assert!(began.elapsed() < Duration::from_secs(45), "it took {:?}: {run}", began.elapsed());
    run
}

/// A server that counts who comes.
fn visited() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    thread::spawn(move || {
        for _ in listener.incoming() {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, count)
}

#[test]
fn no_file_outside_the_stack_is_included() {
    let mut env = place();
    env.plant(SECRET);
    let outside = env.folder().join("home");
    fs::write(outside.join("theirs.json"), format!("\"{SECRET}\"")).unwrap();
    fs::write(outside.join("theirs.iql"), format!("/*+ exists */\nSELECT '{SECRET}'\n")).unwrap();
    // Input of this test, and no trace of a run.
    let mut inside = env.stack();
    inside.push("ways");
    fs::create_dir(&inside).unwrap();
    symlink(outside.join("theirs.json"), inside.join("link.json")).unwrap();
    symlink(&outside, inside.join("folder")).unwrap();
    symlink("/dev/zero", inside.join("endless.json")).unwrap();
    let absolute = outside.join("theirs.json").to_string_lossy().into_owned();
    for path in [
        "../home/theirs.json",
        "ways/../../home/theirs.json",
        absolute.as_str(),
        "ways/link.json",
        "ways/folder/theirs.json",
        "ways/endless.json",
        "/proc/self/environ",
    ] {
        env.write("trueup.yaml", &manifest(&format!("\"{{{{ file('{path}') }}}}\"")));
        let run = unscanned(&env, &["render"]);
        assert_eq!(run.code, Some(64), "{path}: {run}");
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(SECRET), "{run}");
    }
    fs::remove_file(env.stack().join("trueup.yaml")).unwrap();
    symlink(outside.join("theirs.iql"), inside.join("link.iql")).unwrap();
    for entry in [
        "file: ../../home/theirs.iql",
        "file: ../ways/link.iql",
        "props: [{ name: p, value: file(../home/theirs.json) }]",
    ] {
        env.write(
            "stackql_manifest.yml",
            &format!("version: 1\nname: x\nproviders: [awscc]\nresources:\n  - name: thing\n    {entry}\n"),
        );
        let run = unscanned(&env, &["render", ".", "dev"]);
        assert_eq!(run.code, Some(64), "{entry}: {run}");
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(SECRET), "{run}");
    }
}

/// A run whose folder is not searched: what it may not read lies there.
fn unscanned(env: &TestEnv, args: &[&str]) -> Run {
    env.start(args).wait()
}

#[test]
fn the_environment_is_read_only_by_name() {
    let mut env = place();
    env.set_secret("SOMEBODY_ELSES", SECRET);
    for expression in [
        "{{ env.SOMEBODY_ELSES }}",
        "{{ env('SOMEBODY_ELSES') }}",
        "{{ environ }}",
        "{{ get_env(name='SOMEBODY_ELSES') }}",
        "{{ self }}{{ debug() }}",
        "{% for name in vars %}{{ vars[name] }}{% endfor %}{{ vars.nothing }}",
    ] {
        env.write("trueup.yaml", &manifest(&format!("\"{expression}\"")));
        refused(&env, &["render"]);
    }
}

#[test]
fn nothing_is_run() {
    let mut env = TestEnv::new();
    env.set_secret("API_KEY", "Vd8kYn53-key-of-an-api");
    for expression in [
        "{{ shell('touch was-run') }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ [].__init__.__globals__ }}",
        "{% include 'trueup.yaml' %}",
        "{% import 'trueup.yaml' as x %}",
        "{% extends 'trueup.yaml' %}",
        "{% do exec('touch was-run') %}",
    ] {
        env.write("trueup.yaml", &manifest(&format!("\"{expression}\"")));
        refused(&env, &["apply", "--yes"]);
    }
    // A tag of YAML makes no object of anything.
    env.write("trueup.yaml", &manifest("!!python/object/apply:os.system [\"touch was-run\"]"));
    env.run(&["validate"]);
    fs::remove_file(env.stack().join("trueup.yaml")).unwrap();
    for entry in ["type: script\n    run: touch was-run; echo '{}'", "type: command\n    sql: EXEC x"] {
        env.write(
            "stackql_manifest.yml",
            &format!("version: 1\nname: x\nproviders: [awscc]\nresources:\n  - name: thing\n    {entry}\n"),
        );
        refused(&env, &["apply", ".", "dev", "--yes"]);
    }
    for sql in [
        "ATTACH DATABASE 'was-run' AS x",
        "VACUUM INTO 'was-run'",
        "SELECT load_extension('./x.so')",
        "SELECT readfile('/etc/hostname')",
        "SELECT writefile('was-run', 'x')",
        "SELECT edit('x', 'touch was-run')",
        "PRAGMA writable_schema = 1",
        ".shell touch was-run",
        ".output was-run",
    ] {
        refused(&env, &["query", sql]);
    }
    let made: Vec<String> =
        fs::read_dir(env.stack()).unwrap().flatten().map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(made, ["stackql_manifest.yml"], "something was made");
}

#[test]
fn time_and_memory_are_bounded() {
    let mut env = place();
    let bomb: String = (1..30).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("{text}a{level}: &a{level} [{below}]\n")
    });
    let documents = [
        ("aliases", bomb),
        ("depth", "[".repeat(100_000)),
        ("mappings in mappings", format!("a: {}", "{a: ".repeat(50_000))),
        ("a long text", manifest(&"x".repeat(9 * 1024 * 1024))),
        ("many keys", (0..300_000).fold(String::new(), |text, key| text + &format!("k{key}: 1\n"))),
        ("zeros", "\0".repeat(1024 * 1024)),
    ];
    for (name, text) in documents {
        env.write("trueup.yaml", &text);
        let run = refused(&env, &["validate"]);
        assert!(run.stderr.len() < 100_000, "{name}: {} bytes of messages", run.stderr.len());
    }
    for expression in [
        "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
        "{% set x = 'aaaaaaaaaa' %}{% for a in range(40) %}{% set x = x ~ x %}{% endfor %}{{ 'aaaaaaaaaa' * 1000000000 }}",
        "{{ range(1000000000) | join(',') }}",
        "{{ 'a' | indent(2000000000) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ ('[' * 100000) | from_json }}",
        "{{ 10 ** 100000000 }}",
    ] {
        env.write("trueup.yaml", &manifest(&format!("\"{expression}\"")));
        refused(&env, &["validate"]);
    }
    let sandbox = TestEnv::new();
    for sql in [
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t".to_owned(),
        format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
        "SELECT length(zeroblob(1000000000)), randomblob(1000000000)".to_owned(),
    ] {
        refused(&sandbox, &["query", &sql]);
    }
}

#[test]
fn a_pipe_that_gives_nothing_holds_nobody() {
    let mut env = TestEnv::new();
    env.set_secret("API_KEY", "Vd8kYn53-key-of-an-api");
    env.write("trueup.yaml", &manifest("x").replace("env:API_KEY", "file:pipe"));
    let began = Instant::now();
    let run = env.after("mkfifo pipe pipe.json", &["plan"]);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(run.stderr.contains("P110") && run.stderr.contains("nothing came from it"), "{run}");
    env.write("trueup.yaml", &manifest("\"{{ file('pipe.json') }}\""));
    refused(&env, &["validate"]);
}

#[test]
fn no_other_host_is_reached() {
    let (other, count) = visited();
    let mut env = TestEnv::new();
    env.set_secret("API_KEY", "Vd8kYn53-key-of-an-api");
    // A manifest names no endpoint and no proxy.
    for name in ["endpoint_url", "AWS_ENDPOINT_URL", "HTTPS_PROXY", "https_proxy", "proxy"] {
        let text = manifest("x")
            .replace("  - name: wanted", &format!("  - {{ name: {name}, value: \"{other}\" }}\n  - name: wanted"));
        env.write("trueup.yaml", &text);
        env.run(&["plan"]);
        env.write("trueup.yaml", &format!("{name}: \"{other}\"\n{}", manifest("x")));
        refused(&env, &["plan"]);
    }
    // An answer that leads elsewhere is not followed, with or without what was sent.
    env.write("trueup.yaml", &manifest("x"));
    let location: &'static str = other.clone().leak();
    for status in [301, 302, 303, 307, 308] {
        let done = env.through(&["apply", "--yes"], Order::Sorted, "INT", move |_| {
            let headers = vec![("location", location), ("x-amz-bucket-region", "x")];
            Act::Answer(Phase::Before, Answer { status, headers, body: String::new() })
        });
        assert!(matches!(done.run.code, Some(1 | 6)), "{status}: {}", done.run);
    }
    // A region is a part of an address, and nothing else.
    let mut away = place();
    let (proxy, asked) = visited();
    away.set("HTTPS_PROXY", &proxy)
        .set("AWS_ACCESS_KEY_ID", "test")
        .set("AWS_SECRET_ACCESS_KEY", "test")
        .unset("AWS_REGION");
    for region in [
        "evil.example/x",
        "a@evil.example/",
        "evil.example#",
        "evil.example?",
        "evil.example:80",
        "..",
        "a b",
        "\\\\evil",
    ] {
        let text = manifest("x")
            .replace("  - name: wanted", &format!("  - {{ name: region, value: '{region}' }}\n  - name: wanted"));
        away.write("trueup.yaml", &text);
        let run = away.run(&["apply", "--yes"]);
        assert!(!matches!(run.code, Some(0) | None), "{region}: {run}");
    }
    assert_eq!((count.load(Ordering::SeqCst), asked.load(Ordering::SeqCst)), (0, 0), "another host was reached");
}

#[test]
fn no_secret_becomes_a_name() {
    let mut env = TestEnv::new();
    env.set_secret("API_KEY", "Vd8kYn53-key-of-an-api");
    let secret = "\"{{ secret('env:API_KEY') }}\"";
    for (place, with) in [
        ("Name: orders", format!("Name: {secret}")),
        ("  - name: orders\n", format!("  - name: orders\n    for_each: [{secret}]\n")),
    ] {
        let text = manifest("x").replace(place, &with);
        assert_ne!(text, manifest("x"));
        env.write("trueup.yaml", &text);
        refused(&env, &["apply", "--yes", "-vvv"]);
    }
}
