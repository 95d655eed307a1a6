//! Scripts of a project: shell lines that are run on this machine, where the user allows it, before anything is planned.
//!
//! stackql-deploy runs them in their turn, at every build and even at a test. Here what a script prints is data of the
//! plan, like a variable: it is run once, before the manifest is rendered, and can use globals, its own props and what
//! other scripts gave, but nothing that only the cloud knows.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::lookup;
use trueup_engine::manifest::tree::Node;
use trueup_engine::render::{self, Inputs};
use trueup_engine::source::{Sources, Span};
use trueup_engine::value::Value;

use crate::project::{Entry, EntryType, Project};
use crate::translate::{self, Answer, Options, names};

/// Bytes that a script may print.
const MAX_BYTES: u64 = 1024 * 1024;
/// The program's own keys: no script needs them, and whoever has one can test guesses of a password.
const OWN_KEYS: [&str; 2] = ["TRUEUP_PLAN_KEY", "TRUEUP_CACHE_KEY"];
/// How long a script may take.
const LONGEST: Duration = Duration::from_mins(5);

/// Runs the scripts of a project, in its order, and says what they gave.
pub fn run(
    project: &Project,
    sources: &mut Sources,
    options: &Options<'_>,
    inputs: &Inputs<'_>,
    found: &mut Diagnostics,
) -> BTreeMap<String, Answer> {
    let mut answers = BTreeMap::new();
    for entry in project.resources.iter().filter(|entry| entry.ty == EntryType::Script) {
        let Some(run) = entry.run.as_ref().filter(|_| (options.selected)(&entry.name.value)) else { continue };
        let Some(line) = line(project, entry, run, sources, &answers, options, inputs, found) else { continue };
        match ask(&line, LONGEST) {
            Ok(answer) => {
                let count = answer.len();
                found.push(
                    Diagnostic::note("Q206", format!("the script `{}` was run", entry.name.value))
                        .at(entry.type_span)
                        .noted(format!("what it printed ({count} names) is data of this run")),
                );
                answers.insert(entry.name.value.clone(), answer);
            }
            Err(why) => found.push(failed(entry, run.span, &why)),
        }
    }
    answers
}

fn failed(entry: &Entry, at: Span, why: &str) -> Diagnostic {
    Diagnostic::error("Q206", format!("the script `{}` cannot be used: {why}", entry.name.value)).at(at).help(
        "it is a line for `sh -c` that prints a JSON map from names to texts, made of what is known before a plan",
    )
}

/// The line with its templates evaluated; `None` where it is left out by its `if`, or what is wrong was said.
#[expect(clippy::too_many_arguments, reason = "what a rendering needs, passed on once")]
fn line(
    project: &Project,
    entry: &Entry,
    run: &Node,
    sources: &mut Sources,
    answers: &BTreeMap<String, Answer>,
    options: &Options<'_>,
    inputs: &Inputs<'_>,
    found: &mut Diagnostics,
) -> Option<String> {
    let other = names::in_node(run).into_iter().find(|used| {
        project.resources.iter().any(|other| {
            other.ty != EntryType::Script
                && (other.name.value == used.name || other.exports.iter().any(|export| export.name == used.name))
        })
    });
    if let Some(used) = other {
        found.push(failed(entry, run.span, &format!("`{}` is known only after a read", used.name)));
        return None;
    }
    // The script alone, as a query whose text is the line.
    let mut alone = project.clone();
    alone.resources.retain(|other| answers.contains_key(&other.name.value) || other.name.value == entry.name.value);
    for resource in alone.resources.iter_mut().filter(|other| other.name.value == entry.name.value) {
        resource.ty = EntryType::Query;
        resource.sql = Some(run.clone());
    }
    alone.exports.clear();
    let mut quiet = Diagnostics::new();
    let mut manifest = translate::translate(&alone, sources, &Options { answers, ..options.clone() }, &mut quiet);
    for resource in manifest.resources.iter_mut().filter(|resource| resource.name.value == entry.name.value) {
        resource.sql = Some(run.clone());
    }
    let (stack, rendered) = render::render(&manifest, inputs, sources);
    let instances = stack.map(|stack| stack.instances).unwrap_or_default();
    let instance = instances.into_iter().find(|instance| instance.address.name() == entry.name.value)?;
    match instance.properties.get(lookup::SQL) {
        Some(Value::String(line)) => Some(line.clone()),
        Some(Value::Secret(_) | Value::Deferred(_)) => {
            let why = "its line holds a secret, which every process of this machine could read there";
            found.push(
                failed(entry, run.span, why).noted("a script inherits the environment: take the secret from there"),
            );
            None
        }
        _ => {
            found.extend(rendered);
            None
        }
    }
}

/// What a line prints, as names and texts.
fn ask(line: &str, longest: Duration) -> Result<Answer, String> {
    let output = output(line, longest)?;
    let text = output.trim_ascii();
    if text.is_empty() {
        return Ok(Answer::new());
    }
    // What it printed may hold a secret: no part of it is ever in a message.
    let Ok(serde_json::Value::Object(map)) = serde_json::from_slice(text) else {
        return Err("what it printed is no JSON map".to_owned());
    };
    map.into_iter()
        .map(|(name, value)| match value {
            serde_json::Value::String(text) => Ok((name, text)),
            serde_json::Value::Number(number) => Ok((name, number.to_string())),
            serde_json::Value::Bool(flag) => Ok((name, flag.to_string())),
            _ => Err(format!("`{name}` of what it printed is no text")),
        })
        .collect()
}

/// Runs a line to its end. One that prints too much, or takes too long, is ended.
fn output(line: &str, longest: Duration) -> Result<Vec<u8>, String> {
    let until = Instant::now() + longest;
    let mut command = Command::new("sh");
    for key in OWN_KEYS {
        command.env_remove(key);
    }
    let mut child = command
        .args(["-c", line])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| format!("`sh` does not start: {}", error.kind()))?;
    let stdout = child.stdout.take();
    // Reading waits for whatever the line left behind; so somebody else waits, and is not waited for.
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.map_or(Ok(0), |stdout| stdout.take(MAX_BYTES + 1).read_to_end(&mut text));
        // Nobody listens any more where it took too long.
        let _ = sender.send(read.map(|_| text));
    });
    let ended = receiver
        .recv_timeout(longest)
        .map_err(|_| format!("it took more than {} s", longest.as_secs()))
        .and_then(|read| read.map_err(|error| format!("what it prints cannot be read: {}", error.kind())))
        .and_then(|text| match u64::try_from(text.len()) {
            Ok(length) if length <= MAX_BYTES => Ok(text),
            _ => Err("it printed more than 1 MiB".to_owned()),
        })
        .and_then(|text| Ok((text, wait(&mut child, until, longest)?)));
    match ended {
        Ok((text, status)) if status.success() => Ok(text),
        Ok((_, status)) => Err(match status.code() {
            Some(code) => format!("it ended with {code}"),
            None => "it was ended by a signal".to_owned(),
        }),
        Err(why) => {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
            Err(why)
        }
    }
}

/// Waits for a line that prints nothing any more.
fn wait(child: &mut Child, until: Instant, longest: Duration) -> Result<ExitStatus, String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() >= until => return Err(format!("it took more than {} s", longest.as_secs())),
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(format!("nobody knows how it ended: {}", error.kind())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{LONGEST, output};

    fn ask(line: &str) -> Result<super::Answer, String> {
        super::ask(line, LONGEST)
    }

    #[test]
    fn a_script_that_does_not_end_is_ended() {
        let began = Instant::now();
        let short = Duration::from_secs(1);
        assert_eq!(output("yes", LONGEST).unwrap_err(), "it printed more than 1 MiB");
        assert_eq!(output("exec sleep 60", short).unwrap_err(), "it took more than 1 s");
        assert_eq!(output("exec sleep 60 >&-", short).unwrap_err(), "it took more than 1 s");
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_script_prints_a_flat_map() {
        assert_eq!(
            ask("echo '{\"a\": \"x\", \"b\": 3, \"c\": true}'").unwrap(),
            [("a".to_owned(), "x".to_owned()), ("b".to_owned(), "3".to_owned()), ("c".to_owned(), "true".to_owned())]
        );
        assert_eq!(ask("true").unwrap(), []);
        assert_eq!(ask("exit 3").unwrap_err(), "it ended with 3");
        assert_eq!(ask("echo hunter2").unwrap_err(), "what it printed is no JSON map");
        assert_eq!(ask("echo '{\"a\": {\"b\": 1}}'").unwrap_err(), "`a` of what it printed is no text");
    }
}
