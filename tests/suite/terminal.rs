//! Terminals, pipes and full disks.

use std::fs::File;
use std::process::Stdio;

use trueup_tests::{TestEnv, interpreter, terminal, trueup};

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
      Description: "{{ 'a long description, ' * 12 }}"
      AuthorizationType: BASIC
      AuthParameters:
        BasicAuthParameters: { Username: svc-orders, Password: "{{ vars.ORDERS_PASSWORD }}" }
"#;

fn stack() -> TestEnv {
    let mut env = TestEnv::new();
    env.set_secret("ORDERS_PASSWORD", "Sg4vXw95-password-on-a-terminal");
    env.write(
        "trueup.yaml",
        &MANIFEST.replace("{{ 'a long description, ' * 12 }}", &"a long description, ".repeat(12)),
    );
    env
}

#[test]
fn a_pipe_that_is_closed_ends_the_program_quietly() {
    let env = stack();
    for args in [&["schema", "manifest"][..], &["plan"], &["explain"], &["--help"]] {
        let mut command = env.command(trueup(), args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked") && output.status.code() != Some(101), "{args:?}: {stderr}");
        assert!(stderr.lines().count() <= 1, "{args:?}: {stderr}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_a_failure_that_is_said() {
    let env = stack();
    let full = || File::options().write(true).open("/dev/full").expect("Linux has /dev/full");
    for args in [&["plan", "--json"][..], &["schema", "plan"]] {
        let output =
            env.command(trueup(), args).stdout(full()).stderr(Stdio::piped()).output().expect("it can be started");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert_eq!(output.status.code(), Some(1), "{args:?} claims to have printed its result: {stderr}");
    }
    // A plan that cannot be saved is not half there.
    let run = env.trueup("plan --out missing/plan.json");
    assert_ne!(run.code, Some(0), "{run}");
    assert!(!env.stack().join("missing").exists());
}

fn coloured(screen: &str) -> bool {
    screen.contains("\u{1b}[")
        && screen.split("\u{1b}[").skip(1).any(|part| {
            let code = part.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
            code.starts_with('m') && !part.starts_with("0m") && !part.starts_with('m')
        })
}

/// What is left when every control sequence is taken out.
fn plain(screen: &str) -> String {
    let mut out = String::new();
    let mut rest = screen;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        let end = after.find(|letter: char| letter.is_ascii_alphabetic()).map_or(after.len(), |end| end + 1);
        rest = &after[end..];
    }
    out + rest
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let Some(python) = interpreter() else { return };
    let mut env = stack();
    env.set("TERM", "xterm-256color");
    let show = |env: &TestEnv, args: &[&str]| {
        let (code, screen) = terminal(&python, 100, &env.command(trueup(), args), "");
        assert_eq!(code, 0, "{screen}");
        env.canaries().check("the terminal", screen.as_bytes());
        screen
    };
    assert!(coloured(&show(&env, &["plan"])));
    assert!(!coloured(&show(&env, &["plan", "--color", "never"])));
    assert!(!env.trueup("plan").stdout.contains('\u{1b}'), "a pipe is no terminal");
    assert!(env.trueup("plan --color always").stdout.contains('\u{1b}'));
    assert!(!env.trueup("plan --json --color always").stdout.contains('\u{1b}'));
    env.set("NO_COLOR", "1");
    assert!(!coloured(&show(&env, &["plan"])));
    env.unset("NO_COLOR").set("TERM", "dumb");
    assert!(!show(&env, &["plan"]).contains('\u{1b}'));
}

#[test]
fn a_narrow_terminal_is_not_overrun() {
    let Some(python) = interpreter() else { return };
    let mut env = stack();
    env.set("TERM", "xterm-256color").set("NO_COLOR", "1");
    // Narrower than the longest name is too narrow: names are not cut in two.
    for columns in [60, 80, 200] {
        let (code, screen) = terminal(&python, columns, &env.command(trueup(), &["plan"]), "");
        assert_eq!(code, 0, "{screen}");
        let screen = plain(&screen);
        let long: Vec<&str> = screen.lines().filter(|line| line.chars().count() > usize::from(columns)).collect();
        assert!(long.is_empty(), "wider than a terminal of {columns}: {long:#?}\n{screen}");
    }
}

#[test]
fn apply_asks_and_only_yes_is_yes() {
    let Some(python) = interpreter() else { return };
    let mut env = stack();
    env.set("TERM", "xterm-256color");
    let there = |env: &TestEnv| env.sandbox().home("us-east-1")["connections"]["orders-dev"].is_object();
    for answer in ["no\n", "\n", "n\n", "yess\n"] {
        let (_, screen) = terminal(&python, 100, &env.command(trueup(), &["apply"]), answer);
        assert!(!there(&env), "{answer:?} was taken for a yes: {}", plain(&screen));
    }
    let (code, screen) = terminal(&python, 100, &env.command(trueup(), &["apply"]), "\u{3}");
    assert!(code == 130 && !there(&env), "{}", plain(&screen));
    let (code, screen) = terminal(&python, 100, &env.command(trueup(), &["apply"]), "yes\n");
    env.canaries().check("the terminal", screen.as_bytes());
    assert_eq!(code, 0, "{}", plain(&screen));
    assert!(there(&env), "{}", plain(&screen));
    let (code, screen) = terminal(&python, 100, &env.command(trueup(), &["teardown"]), "yes\n");
    assert_eq!(code, 0, "{}", plain(&screen));
    assert!(!there(&env), "{}", plain(&screen));
}
