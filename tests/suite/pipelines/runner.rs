//! A machine on which pipelines run: a checkout of `examples/pipelines`, the program on the path, a sandbox as the
//! cloud, and a forge with the comments of pull requests. It knows as much of GitHub Actions and GitLab CI as the recipes use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use trueup_tests::{Background, Run, TestEnv, repository, send, trueup};

/// The password that the forges and the machines keep.
pub const PASSWORD: &str = "Hq7wZt35-orders-password";

/// Values by name: variables of a process, or what stands in `${{ … }}`.
pub type Names = BTreeMap<String, String>;

/// Where it runs.
pub struct Runner {
    pub env: TestEnv,
    pub forge: Forge,
    /// File and command of what was run.
    pub ran: BTreeSet<(String, String)>,
}

impl Runner {
    pub fn new(interpreter: &Path) -> Self {
        let mut env = TestEnv::new();
        env.plant(PASSWORD);
        let recipes = repository().join("examples/pipelines");
        env.copy(&recipes);
        for script in ["deploy/drift.sh", "aws/roles.sh"] {
            let mode = fs::metadata(recipes.join(script)).expect("a recipe can be read").permissions();
            fs::set_permissions(env.stack().join(script), mode).expect("a file's mode can be set");
        }
        let programs = env.folder().join("bin");
        fs::create_dir(&programs).expect("a temporary folder can be filled");
        let log = env.folder().join("ran.txt");
        let program = format!("echo \"$1\" >> '{}'\nexec '{}' \"$@\"", log.display(), trueup().display());
        for (name, text) in [
            ("trueup", program),
            ("python3", format!("exec '{}' -B \"$@\"", interpreter.display())),
            // Takes what it is given, and wants the files to be there.
            (
                "aws",
                "for word; do case $word in file://*) test -s \"${word#file://}\" || exit 1 ;; esac; done".to_owned(),
            ),
        ] {
            let path = programs.join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a temporary folder can be filled");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a file's mode can be set");
        }
        env.set("PATH", &format!("{}:/usr/bin:/bin", programs.display()));
        let artifacts = env.folder().join("artifacts");
        fs::create_dir(&artifacts).expect("a temporary folder can be filled");
        let forge = Forge::start(interpreter, &artifacts);
        Self { env, forge, ran: BTreeSet::new() }
    }

    /// Takes the program off the path, and puts a Cargo there that installs it wherever it is told to.
    pub fn without_program(&self) {
        let programs = self.env.folder().join("bin");
        let kept = self.env.folder().join("kept");
        fs::rename(programs.join("trueup"), &kept).expect("the program was on the path");
        let cargo = programs.join("cargo");
        let install = format!(
            "#!/bin/sh\ntest \"$1 $2 $3 $4 $5\" = 'install --locked --path crates/cli --root' && test -f crates/cli/Cargo.toml \
             || exit 1\nmkdir -p \"$6/bin\" && cp '{}' \"$6/bin/trueup\"\n",
            kept.display()
        );
        fs::write(&cargo, install).expect("a temporary folder can be filled");
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("a file's mode can be set");
    }

    /// Runs words with variables, in the checkout, and remembers which commands of the program it was for which file.
    pub fn run(&mut self, file: &str, words: &[String], variables: &Names) -> Run {
        let log = self.env.folder().join("ran.txt");
        let _ = fs::remove_file(&log);
        let mut command = self.env.command(Path::new(&words[0]), &words[1..]);
        command.envs(variables);
        let run = self.env.scan(Background::start(command, format!("{file}: {}", words.join(" "))).wait());
        for line in fs::read_to_string(&log).unwrap_or_default().lines() {
            self.ran.insert((file.to_owned(), line.to_owned()));
        }
        run
    }

    /// Runs a text of a shell.
    pub fn shell(&mut self, file: &str, shell: &[&str], text: &str, variables: &Names) -> Run {
        let words: Vec<String> = shell.iter().copied().chain(["-c", text]).map(str::to_owned).collect();
        self.run(file, &words, variables)
    }

    /// A file of the checkout, as YAML.
    pub fn yaml(&self, path: &str) -> Value {
        let text = fs::read_to_string(self.env.stack().join(path)).expect("a recipe can be read");
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Runs the one job of a workflow; the exit code of the step at which it ended.
    pub fn workflow(&mut self, path: &str, event: &[(&str, &str)]) -> i32 {
        let workflow = self.yaml(path);
        let job = &workflow["jobs"].as_object().and_then(|jobs| jobs.values().next()).expect("there is a job").clone();
        let mut context = Names::new();
        context.insert("secrets.ORDERS_PASSWORD".into(), PASSWORD.into());
        context.insert("github.token".into(), "forge-token".into());
        context.extend(event.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut variables = self.forge_variables();
        variables.extend(names(&job["env"], &context));
        self.steps(path, &job["steps"], &mut context, &variables)
    }

    fn forge_variables(&self) -> Names {
        let url = &self.forge.url;
        let given = [
            ("GITHUB_API_URL", format!("{url}/github")),
            ("GITHUB_REPOSITORY", "OWNER/connections".to_owned()),
            ("GITHUB_RUN_ID", "42".to_owned()),
            ("GITHUB_SHA", "0a1b2c3d".to_owned()),
            ("GITHUB_STEP_SUMMARY", self.env.folder().join("summary.md").display().to_string()),
        ];
        given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn steps(&mut self, file: &str, steps: &Value, context: &mut Names, variables: &Names) -> i32 {
        for step in steps.as_array().expect("there are steps") {
            if step["if"].as_str().is_some_and(|condition| !holds(condition, context)) {
                continue;
            }
            let (code, outputs) = self.step(file, step, context, variables);
            if let Some(id) = step["id"].as_str() {
                context.extend(outputs.into_iter().map(|(name, value)| (format!("steps.{id}.outputs.{name}"), value)));
            }
            if code != 0 {
                return code;
            }
        }
        0
    }

    fn step(&mut self, file: &str, step: &Value, context: &Names, variables: &Names) -> (i32, Names) {
        if step["uses"].as_str().is_some_and(|uses| uses.starts_with("OWNER/trueup@")) {
            return (self.action(&names(&step["with"], context), context, variables), Names::new());
        }
        let Some(text) = step["run"].as_str() else { return (0, Names::new()) };
        assert!(!text.contains("${{"), "{file}: a script takes what it needs from variables: {text}");
        let output = self.env.folder().join("output.txt");
        fs::write(&output, "").expect("a temporary folder can be filled");
        let mut variables = variables.clone();
        variables.insert("GITHUB_OUTPUT".into(), output.display().to_string());
        let added = self.env.folder().join("path.txt");
        let path = self.env.folder().join("bin").display().to_string();
        let more = fs::read_to_string(&added).unwrap_or_default().replace('\n', ":");
        variables.insert("PATH".into(), format!("{more}{path}:/usr/bin:/bin"));
        variables.insert("GITHUB_PATH".into(), added.display().to_string());
        variables.extend(names(&step["env"], context));
        let run = self.shell(file, &["bash", "--noprofile", "--norc", "-eo", "pipefail"], text, &variables);
        let outputs = fs::read_to_string(&output).expect("the outputs can be read");
        let pairs = outputs.lines().filter_map(|line| line.split_once('='));
        (run.code.unwrap_or(-1), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Runs the composite action of the repository with inputs, outside of any workflow.
    pub fn action_alone(&mut self, with: &[(&str, &str)]) -> i32 {
        let with = with.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let variables = self.forge_variables();
        self.action(&with, &Names::new(), &variables)
    }

    /// Runs the composite action of the repository.
    fn action(&mut self, with: &Names, outer: &Names, variables: &Names) -> i32 {
        let text = fs::read_to_string(repository().join("action.yml")).expect("the action can be read");
        let action: Value = serde_yaml::from_str(&text).expect("the action is YAML");
        let inputs = action["inputs"].as_object().expect("the action has inputs");
        let unknown: Vec<&String> = with.keys().filter(|name| !inputs.contains_key(*name)).collect();
        assert!(unknown.is_empty(), "the action has no inputs {unknown:?}");
        let mut variables = variables.clone();
        variables.insert("GITHUB_ACTION_PATH".into(), repository().display().to_string());
        let mut context: Names = outer
            .iter()
            .filter(|(name, _)| name.starts_with("github."))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for (name, input) in inputs {
            let given = with.get(name).cloned();
            assert!(given.is_some() || input["required"] != json!(true), "the action needs `{name}`");
            let value = given.unwrap_or_else(|| evaluate(input["default"].as_str().unwrap_or_default(), outer));
            context.insert(format!("inputs.{name}"), value);
        }
        context.insert("runner.temp".into(), self.env.folder().join("tmp").display().to_string());
        self.steps("action.yml", &action["runs"]["steps"], &mut context, &variables)
    }

    /// Runs a job of GitLab's: what it extends, its variables, its scripts in one shell.
    pub fn gitlab(&mut self, name: &str) -> Run {
        let file = ".gitlab-ci.yml";
        let pipeline = self.yaml(file);
        let job = pipeline[name].clone();
        let base = job["extends"].as_str().map_or(Value::Null, |base| pipeline[base].clone());
        let mut variables = Names::new();
        for (name, value) in [
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_ID", "5"),
            ("CI_MERGE_REQUEST_IID", "12"),
            ("CI_COMMIT_SHA", "0a1b2c3d"),
            ("CI_JOB_ID", "42"),
            ("REVIEW_TOKEN", "forge-token"),
            ("AWS_TOKEN", "id-token"),
            ("ORDERS_PASSWORD", PASSWORD),
        ] {
            variables.insert(name.to_owned(), value.to_owned());
        }
        variables.insert("CI_API_V4_URL".into(), format!("{}/gitlab", self.forge.url));
        for given in [&pipeline["variables"], &base["variables"], &job["variables"]] {
            variables.extend(names(given, &Names::new()));
        }
        let lines: Vec<&str> = [&base["before_script"], &job["before_script"], &job["script"]]
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        self.shell(file, &["sh", "-e"], &lines.join("\n"), &variables)
    }
}

/// Names and values of a mapping, evaluated.
fn names(mapping: &Value, context: &Names) -> Names {
    let pairs = mapping.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), evaluate(&text, context))
        })
        .collect()
}

/// A text with every `${{ name }}` replaced.
fn evaluate(text: &str, context: &Names) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let (name, behind) = after.split_once("}}").expect("an expression is closed");
        done.push_str(before);
        done.push_str(context.get(name.trim()).map_or("", String::as_str));
        rest = behind;
    }
    done + rest
}

/// Whether a condition of a step holds: comparisons with a text, and names that have a value, joined by `&&`.
fn holds(condition: &str, context: &Names) -> bool {
    let value = |name: &str| context.get(name.trim()).map_or("", String::as_str).to_owned();
    condition.split("&&").all(|part| {
        if let Some((name, text)) = part.split_once("==") {
            value(name) == text.trim().trim_matches('\'')
        } else if let Some((name, text)) = part.split_once("!=") {
            value(name) != text.trim().trim_matches('\'')
        } else {
            context.keys().any(|name| name.starts_with(part.trim()))
        }
    })
}

/// Pull requests and merge requests, as far as their comments go.
pub struct Forge {
    child: Child,
    pub url: String,
}

impl Forge {
    fn start(interpreter: &Path, artifacts: &Path) -> Self {
        let script: PathBuf = repository().join("tests/python/pipelines.py");
        let mut child = Command::new(interpreter)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .args(["-B", "-s"])
            .arg(script)
            .arg("forge")
            .arg(artifacts)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python can be started");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the forge says where it listens");
        let url = line.trim().strip_prefix("listening on ").expect("the forge says where it listens").to_owned();
        Self { child, url }
    }

    /// Every comment.
    pub fn comments(&self) -> Vec<Value> {
        let answer = send(&self.url, "GET", "/_comments", "", "").expect("the forge answers");
        answer.json().as_array().expect("comments are a list").clone()
    }

    /// Adds what somebody else says on request 12.
    pub fn says(&self, forge: &str, author: &Value, body: &str) {
        let comment = json!({"forge": forge, "request": 12, "author": author, "body": body});
        send(&self.url, "POST", "/_comments", "", &comment.to_string()).expect("the forge answers");
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
