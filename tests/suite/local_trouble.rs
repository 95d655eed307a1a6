//! What goes wrong on the machine itself: disks that are full, folders that cannot be written, streams that are closed, no
//! home, little memory, odd terminals, clocks that are wrong.
//!
//! A run ends with the code of the table and one error, leaves no half a file, and what it has done is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use trueup_sandbox::proxy::{Act, Answer, Order, Phase};
use trueup_tests::{Ordeal, Proxied, Run, Stage, TestEnv, each, interpreter, report, terminal, trueup};

const MANIFEST: &str = r#"
version: 1
name: orders
providers: [aws]
vars: [{ name: ORDERS_PASSWORD, secret: true }]
resources:
  - name: orders
    type: AWS::Events::Connection
    props:
      Name: "orders-{{ stack_env }}"
      Description: "A description that is long enough for a line to be broken, or cut, on a terminal that is not wide"
      AuthorizationType: BASIC
      AuthParameters:
        BasicAuthParameters: { Username: svc-orders, Password: "{{ vars.ORDERS_PASSWORD }}" }
    exports: [Arn]
exports: [Arn]
"#;

/// No file may get a byte. The signal of the limit is ignored, so that a write fails as it does on a full disk.
const FULL: &str = "trap '' XFSZ; ulimit -f 0";

fn stack() -> TestEnv {
    let mut env = TestEnv::new();
    env.set_secret("ORDERS_PASSWORD", "Hc6rVn38-password-of-a-poor-machine");
    env.write("trueup.yaml", MANIFEST);
    env
}

/// Whether the stack is there.
fn is_there(env: &TestEnv) -> bool {
    env.sandbox().home("us-east-1")["connections"]["orders-dev"].is_object()
}

/// Everything below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder can be read").flatten() {
        if entry.file_type().expect("a file has a type").is_dir() {
            found.extend(files(&entry.path()));
        }
        found.push(entry.path());
    }
    found.sort();
    found
}

/// One error that names something, and no more of the kind.
#[track_caller]
fn one_error(run: &Run, names: &str) {
    let errors: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("error")).collect();
    assert!(errors.len() == 1 && errors[0].contains(names), "{run}");
    sound(run);
}

#[track_caller]
fn sound(run: &Run) {
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(run.code.is_some() && !said.contains("this is a bug") && !said.contains("panicked"), "{run}");
}

#[test]
fn a_full_disk_leaves_the_old_file_and_no_half_of_a_new_one() {
    let env = stack();
    let stack = env.stack();
    for (args, file) in [
        (&["plan", "--out", "plan.json"][..], "plan.json"),
        (&["apply", "--yes", "--output-file", "exports.json"], "exports.json"),
        (&["teardown", "--yes"], ""),
        (&["apply", "--yes"], ""),
        (&["drift"], ""),
        (&["init", "new"], "new/trueup.yaml"),
        (&["import", "--out", "imported.yaml"], "imported.yaml"),
    ] {
        let run = env.after(FULL, args);
        if file.is_empty() {
            // What is kept for the next run is not needed for this one.
            run.expect(0);
            sound(&run);
            continue;
        }
        run.expect(1);
        one_error(&run, &format!("cannot write `{file}`"));
        assert!(!run.stderr.contains(".trueup-"), "it names a file that nobody asked for: {run}");
        assert!(!stack.join(file).exists(), "{file} is there: {run}");
        // Where there was a file before it is as it was.
        if !args.contains(&"init") && !args.contains(&"import") {
            fs::write(stack.join(file), "old").unwrap();
            env.after(FULL, args).expect(1);
            assert_eq!(fs::read_to_string(stack.join(file)).unwrap(), "old");
        }
    }
    assert!(is_there(&env), "the exports could not be written, and what was applied is");
    let left = files(env.folder()).into_iter().filter(|path| path.to_string_lossy().contains(".trueup-"));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<PathBuf>::new(), "temporary files are left");
    // With room again it all works, over what the full disk left.
    env.trueup("init new").expect(0);
    env.trueup("plan --out plan.json --exit-code").expect(0);
    env.trueup("apply plan.json").expect(0);
}

/// A disk of 64 KiB that is full, where the system lets one be made.
#[test]
#[cfg(target_os = "linux")]
fn a_small_disk_is_no_other_than_a_limit() {
    let env = stack();
    fs::create_dir(env.stack().join("small")).unwrap();
    let may_mount = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "small"])
        .current_dir(env.stack())
        .stderr(Stdio::null())
        .status();
    if !may_mount.is_ok_and(|status| status.success()) {
        // The limit on files of the test above has to do.
        return;
    }
    let line = "mount -t tmpfs -o size=64k none small && echo old > small/plan.json && \
                { cat /dev/zero > small/full; \"$0\" plan --out small/plan.json; code=$?; cat small/plan.json; \
                ls -A small; exit $code; } 2>&1";
    let program = trueup().to_string_lossy().into_owned();
    let command = env.command(Path::new("/usr/bin/unshare"), &["-rm", "sh", "-c", line, &program]);
    let run = env.scan(trueup_tests::Background::start(command, "plan on a full disk".to_owned()).wait());
    run.expect(1);
    assert!(run.stdout.contains("cannot write `small/plan.json`: No space left on device"), "{run}");
    assert!(run.stdout.ends_with("old\nfull\nplan.json\n"), "{run}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let env = stack();
    fs::create_dir(env.stack().join("folder")).unwrap();
    for place in ["trueup.yaml/plan.json", "missing/plan.json", "folder", "/proc/plan.json"] {
        let before = files(&env.stack());
        let run = env.run(&["plan", "--out", place]);
        run.expect(1);
        one_error(&run, &format!("cannot write `{place}`"));
        let run = env.run(&["apply", "--yes", "--output-file", place]);
        run.expect(1);
        one_error(&run, &format!("cannot write `{place}`"));
        assert_eq!(files(&env.stack()), before, "{place}");
    }
    assert!(is_there(&env));
    // Into a folder that is a file, or below one, nothing can be put.
    let run = env.run(&["init", "trueup.yaml/new"]);
    run.expect(1);
    one_error(&run, "trueup.yaml/new");
}

#[test]
fn a_cache_that_cannot_be_kept_is_done_without() {
    let mut env = stack();
    env.trueup("apply --yes").expect(0);
    let file = env.stack().join("trueup.yaml").to_string_lossy().into_owned();
    for place in [file.as_str(), "/proc", "/dev/null", "relative", ""] {
        for name in ["CONFIG", "STATE", "CACHE", "DATA"] {
            env.set(&format!("XDG_{name}_HOME"), place);
        }
        for args in ["plan --exit-code --strict", "drift"] {
            let run = env.trueup(args);
            run.expect(0);
            assert!(!run.stderr.contains("error"), "{place}: {run}");
        }
    }
    assert_eq!(files(&env.stack()), [env.stack().join("trueup.yaml")], "something was kept in the stack's folder");
}

#[test]
fn without_a_home_everything_works() {
    let env = stack();
    let away = "unset HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_DATA_HOME TMPDIR PATH TERM USER LANG";
    for first in [away, "export HOME=", "export HOME=/dev/null; unset XDG_CACHE_HOME XDG_STATE_HOME", "cd -P ."] {
        for (args, code) in [
            (&["validate"][..], 0),
            (&["apply", "--yes"], 0),
            (&["plan", "--exit-code", "--strict"], 0),
            (&["drift"], 0),
            (&["teardown", "--yes"], 0),
            (&["plan", "--exit-code"], 2),
        ] {
            let run = env.after(first, args);
            run.expect(code);
            assert!(!run.stderr.contains("error"), "{first}: {run}");
        }
    }
    assert_eq!(files(&env.stack()), [env.stack().join("trueup.yaml")], "something was kept in the stack's folder");
    // A folder that is gone has no manifest.
    let run = env.after("mkdir gone && cd gone && rmdir ../gone", &["plan"]);
    run.expect(64);
    sound(&run);
}

#[test]
fn a_stream_that_is_closed_changes_nothing_that_is_done() {
    let env = stack();
    for closed in ["exec >&-", "exec 2>&-", "exec >&- 2>&-", "exec <&- >&- 2>&-", "exec >/dev/null 2>/dev/full"] {
        let run = env.after(closed, &["apply", "--yes", "-vvv"]);
        // What nobody can read on stderr is a failure where it is full, as on stdout.
        run.expect(i32::from(closed.ends_with("/dev/full")));
        sound(&run);
        assert!(is_there(&env), "{closed}");
        env.after(closed, &["plan", "--json"]);
        env.after(closed, &["teardown", "--yes"]);
        assert!(!is_there(&env), "{closed}");
    }
}

#[test]
fn a_reader_that_leaves_does_not_stop_an_apply() {
    let env = stack();
    for args in [&["apply", "--yes"][..], &["apply", "--yes", "--json"], &["apply", "--yes", "--format", "jsonl"]] {
        let mut child = env
            .command(trueup(), args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be started");
        drop(child.stdout.take());
        drop(child.stderr.take());
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{args:?}");
        assert!(is_there(&env), "{args:?}");
        env.trueup("teardown --yes").expect(0);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_apply_whose_report_cannot_be_written_is_done_and_says_where_to_look() {
    let env = stack();
    for form in [&[][..], &["--json"], &["--format", "jsonl"], &["--format", "markdown"], &["--quiet"]] {
        for (command, there) in [("apply", true), ("teardown", false)] {
            let args: Vec<&str> = [command, "--yes"].into_iter().chain(form.iter().copied()).collect();
            let run = env.after("exec >/dev/full", &args);
            run.expect(1);
            one_error(&run, "cannot write to `/dev/stdout`: No space left on device");
            assert!(run.stderr.contains("hint: what was done is not shown: `trueup plan`"), "{run}");
            assert_eq!(is_there(&env), there, "{run}");
        }
    }
    // A signal's code is not covered by it, nor that of what could not even be begun.
    env.after("exec >/dev/full", &["plan", "no-such-folder", "--json"]).expect(64);
}

#[test]
fn without_a_terminal_nothing_is_asked_and_nothing_done() {
    let env = stack();
    let run = env.after("exec </dev/null", &["apply"]);
    assert!(!matches!(run.code, Some(0) | None), "{run}");
    one_error(&run, "there is no terminal to ask on");
    assert!(run.stderr.contains("hint: `--yes`"), "{run}");
    assert!(!is_there(&env));
}

#[test]
fn a_terminal_of_any_width_shows_a_plan() {
    let Some(python) = interpreter() else { return };
    let mut env = stack();
    env.set("TERM", "xterm-256color");
    for columns in [1, 2, 7, 20, 1000, 65_535] {
        for args in [&["plan"][..], &["validate", "missing"], &["drift"], &["explain", "M101"], &["--help"]] {
            let (code, screen) = terminal(&python, columns, &env.command(trueup(), args), "");
            env.canaries().check("the terminal", screen.as_bytes());
            assert!(!screen.contains("this is a bug"), "{columns} columns: {screen}");
            let expected = match args {
                ["validate", ..] => 64,
                ["drift"] => 2,
                _ => 0,
            };
            assert_eq!(code, expected, "{args:?} on {columns} columns: {screen}");
        }
    }
    let (code, screen) = terminal(&python, 3, &env.command(trueup(), &["apply"]), "yes\n");
    assert_eq!(code, 0, "{screen}");
    assert!(is_there(&env));
}

#[test]
#[cfg(target_os = "linux")]
fn little_memory_leaves_no_half_of_a_plan() {
    let env = stack();
    let path = env.stack().join("plan.json");
    env.trueup("plan --out plan.json").expect(0);
    let whole = fs::read_to_string(&path).unwrap();
    let (mut failed, mut megabytes) = (0, 16);
    loop {
        fs::write(&path, "old").unwrap();
        let run = env.after(&format!("ulimit -v {}", megabytes * 1024), &["plan", "--out", "plan.json"]);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!run.stderr.contains("this is a bug"), "with {megabytes} MiB: {run}");
        if run.code == Some(0) {
            assert_eq!(text.len(), whole.len(), "with {megabytes} MiB: {run}");
            break;
        }
        assert_eq!(text, "old", "with {megabytes} MiB: {run}");
        failed += 1;
        megabytes += 3;
        assert!(megabytes < 2048, "it never has enough: {run}");
    }
    assert!(failed > 1, "nothing was too little");
}

/// How far a service's clock is ahead, by the number of the request.
type Ahead = fn(usize) -> i64;

#[test]
fn a_clock_that_is_wrong_or_jumps_is_corrected_by_the_refusal() {
    const NAME: &str = "local_trouble::a_clock_that_is_wrong_or_jumps_is_corrected_by_the_refusal";
    const DAY: i64 = 24 * 60 * 60;
    let clocks: [(&str, Ahead); 6] = [
        ("a day behind", |_| DAY),
        ("a day ahead", |_| -DAY),
        ("six minutes behind", |_| 360),
        ("jumping back by a day", |number| if number < 9 { 0 } else { DAY }),
        ("put right meanwhile", |number| if number < 12 { -DAY } else { 0 }),
        ("jumping to and fro", |number| if number / 24 % 2 == 0 { 3600 } else { -3600 }),
    ];
    let ordeals = Stage::ALL.map(Ordeal::of);
    let points: Vec<_> = ordeals.iter().flat_map(|ordeal| clocks.iter().map(move |clock| (ordeal, clock))).collect();
    let refused = AtomicUsize::new(0);
    let violations = each(
        &points,
        |(ordeal, (name, _))| format!("{:?} with a clock {name}", ordeal.stage),
        |(ordeal, (_, ahead))| {
            let env = ordeal.place();
            let ahead = *ahead;
            let Proxied { run, history } =
                ordeal.disturbed(&env, Order::Sorted, move |asked| Act::Clock(ahead(asked.number)));
            run.ended(0)?;
            let count = history.iter().filter(|it| it.outcome.as_deref() == Some("refused")).count();
            if count == 0 {
                return Err("nothing was refused".to_owned());
            }
            refused.fetch_add(count, Ordering::SeqCst);
            ordeal.reached(&env)
        },
    );
    let figure = format!("{} runs with wrong clocks, {} requests refused", points.len(), refused.into_inner());
    report(NAME, &["P9"], &figure, violations.len());
    assert!(violations.is_empty(), "{} of {}:\n{}", violations.len(), points.len(), violations.join("\n\n"));
}

#[test]
fn a_wrong_key_is_not_taken_for_a_wrong_clock() {
    let ordeal = Ordeal::of(Stage::Changed);
    let env = ordeal.place();
    let Proxied { run, history } = ordeal.disturbed(&env, Order::Sorted, |asked| {
        Act::Answer(Phase::Before, Answer::error(asked.service, 403, "InvalidSignatureException"))
    });
    assert!(matches!(run.code, Some(1 | 6)), "{run}");
    assert!(history.len() <= ordeal.requests.len(), "it was sent again: {history:?}");
    assert!(!run.stderr.contains("the time of AWS"), "{run}");
    ordeal.mended(&env).unwrap();
}
