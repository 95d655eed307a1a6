//! What is left of a run's secrets where nobody looks: in core dumps, and with the processes that it starts.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use trueup_tests::{TestEnv, trueup};

const SECRET: &str = "Qn5tKv82-password-in-memory";

const MANIFEST: &str = r#"
version: 1
name: orders
providers: [aws]
vars: [{ name: ORDERS_PASSWORD, secret: true }]
resources:
  - name: orders
    type: AWS::Events::Connection
    props:
      Name: orders
      AuthorizationType: BASIC
      AuthParameters:
        BasicAuthParameters: { Username: svc-orders, Password: "{{ vars.ORDERS_PASSWORD }}" }
"#;

/// Ends a process with a signal by its name, and says whether it left a core file.
fn dumps(mut child: Child, signal: &str) -> ExitStatus {
    // The runtime's own handler takes the first SIGSEGV or SIGBUS, and leaves the next one to the system.
    loop {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "{signal} cannot be sent");
        thread::sleep(Duration::from_millis(50));
        if let Some(status) = child.try_wait().expect("it ends") {
            return status;
        }
    }
}

/// The shell's words that lift the limit on core files as far as it may be lifted.
const AS_LARGE_AS_ALLOWED: &str = "ulimit -c \"$(ulimit -Hc)\"";

fn quiet(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be started")
}

/// A run that has its secret in memory and waits for an answer that does not come.
fn waiting(env: &mut TestEnv) -> (Child, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it has an address");
    env.set("AWS_ENDPOINT_URL", &format!("http://{address}"));
    let line = format!("{AS_LARGE_AS_ALLOWED}; exec \"$0\" \"$@\"");
    let program = trueup().to_string_lossy().into_owned();
    let child = quiet(&mut env.command(Path::new("/bin/sh"), &["-c", &line, &program, "apply", "--yes"]));
    // It asks: so everything before that is done.
    let (open, _) = listener.accept().expect("it connects");
    (child, open)
}

#[test]
#[cfg(target_os = "linux")]
fn no_way_to_die_leaves_a_core_dump() {
    let mut env = TestEnv::offline();
    env.set("AWS_REGION", "eu-west-1")
        .set("AWS_ACCESS_KEY_ID", "test")
        .set_secret("AWS_SECRET_ACCESS_KEY", "Uj3mPz64-signing-key");
    env.set_secret("ORDERS_PASSWORD", SECRET);
    env.write("trueup.yaml", MANIFEST);
    for (signal, number) in [("ABRT", 6), ("SEGV", 11), ("BUS", 7), ("QUIT", 3), ("ILL", 4), ("SYS", 31)] {
        let (child, _open) = waiting(&mut env);
        let of_process = format!("/proc/{}", child.id());
        let limits = fs::read_to_string(format!("{of_process}/limits")).expect("a process has limits");
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("one is of core files");
        let words: Vec<&str> = core.split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{core}");
        // What must not be dumped belongs to root, so that nobody else can read its memory.
        let owner = |path: &str| fs::metadata(path).map(|it| it.uid());
        let me = owner("/proc/self").expect("a process has an owner");
        if me != 0 {
            assert_ne!(owner(&format!("{of_process}/mem")).ok(), Some(me), "its memory can be read");
        }
        // A shell starts what runs behind it with SIGQUIT ignored, and so are all its children.
        let status = fs::read_to_string(format!("{of_process}/status")).expect("a process has a status");
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("it says what it ignores");
        let ignored = u64::from_str_radix(ignored.trim(), 16).expect("signals are a hexadecimal mask");
        if ignored >> (number - 1) & 1 == 1 {
            let mut child = child;
            child.kill().and_then(|()| child.wait()).expect("it can be killed");
            continue;
        }
        let status = dumps(child, signal);
        assert_eq!((status.signal(), status.core_dumped()), (Some(number), false), "SIG{signal}: {status}");
    }
    let files = fs::read_dir(env.stack()).expect("a folder can be read").flatten();
    let cores = files.filter(|entry| entry.file_name().to_string_lossy().starts_with("core"));
    assert_eq!(cores.count(), 0, "a core file is left");
}

#[test]
#[cfg(target_os = "linux")]
fn a_script_gets_no_secret_that_was_not_in_the_environment() {
    let mut env = TestEnv::new();
    env.set_secret("TRUEUP_PLAN_KEY", "Lw7cXr29-key-of-plans")
        .set_secret("TRUEUP_CACHE_KEY", "Eh4sNb61-key-of-a-cache");
    env.plant(SECRET);
    env.write(
        "stackql_manifest.yml",
        "version: 1\nname: scripted\nproviders: [awscc]\nglobals:\n  - name: password\n    value: \"{{ PASSWORD }}\"\n\
         resources:\n  - name: facts\n    type: script\n    run: sh facts.sh\n    exports: [team]\n",
    );
    env.write(
        "facts.sh",
        "tr '\\0' '\\n' < /proc/$$/environ | cut -d= -f1 > environment.txt\ntr '\\0' ' ' < /proc/$PPID/cmdline > line.txt\n\
         (cd /proc/$$/fd && for fd in *; do echo \"$fd $(readlink $fd)\"; done) > files.txt\n\
         ulimit -Hc > core.txt\necho '{\"team\": \"orders\"}'\n",
    );
    let secret = format!("PASSWORD={SECRET}");
    let run = env.run(&["plan", ".", "dev", "--allow-scripts", "-e", &secret]);
    run.expect(0);
    let left = |name: &str| fs::read_to_string(env.stack().join(name)).expect("the script was run");
    let environment = left("environment.txt");
    let given: Vec<&str> = environment.lines().collect();
    assert!(given.contains(&"AWS_REGION"), "{environment}");
    for name in ["TRUEUP_PLAN_KEY", "TRUEUP_CACHE_KEY", "PASSWORD"] {
        assert!(!given.contains(&name), "{environment}");
    }
    assert!(!left("line.txt").contains(SECRET), "{}", left("line.txt"));
    assert_eq!(left("core.txt").trim(), "0");
    // Nothing of what the run has open: no connection, no state.
    let files = left("files.txt");
    assert!(files.starts_with("0 /dev/null\n"), "{files}");
    assert!(!files.contains("socket:") && !files.contains("anon_inode:"), "{files}");
}

#[test]
fn a_secret_never_stands_in_the_line_of_a_script() {
    let mut env = TestEnv::new();
    env.set_secret("PASSWORD", SECRET);
    env.write(
        "stackql_manifest.yml",
        "version: 1\nname: scripted\nproviders: [awscc]\nresources:\n  - name: facts\n    type: script\n    \
         run: \"touch was-run; echo '{{ secret('env:PASSWORD') }}'\"\n    exports: [team]\n",
    );
    let run = env.run(&["plan", ".", "dev", "--allow-scripts"]);
    run.expect(64);
    assert!(run.stderr.contains("Q206") && run.stderr.contains("its line holds a secret"), "{run}");
    assert!(!env.stack().join("was-run").exists(), "it was run");
}
