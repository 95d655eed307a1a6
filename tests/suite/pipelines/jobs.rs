//! The jobs that no forge runs: the table of cron, the units of systemd, the CronJob, and the hook before a commit. Each
//! is read from its file and run as its reader would, with its variables.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use trueup_tests::repository;

use super::runner::{Names, PASSWORD, Runner};
use super::{FOLDER, documents, text};

/// The sections of a unit, read strictly.
pub fn unit(name: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let path = repository().join(FOLDER).join("deploy/systemd").join(name);
    let mut sections: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut current = None;
    for line in text(&path).lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            assert!(["Unit", "Service", "Timer", "Install"].contains(&section), "{name}: {line}");
            assert!(sections.insert(section.to_owned(), Vec::new()).is_none(), "{name}: {section} twice");
            current = Some(section.to_owned());
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{name}: {line}"));
        assert!(key.chars().all(|letter| letter.is_ascii_alphanumeric()), "{name}: {line}");
        let section = current.as_ref().and_then(|it| sections.get_mut(it)).expect("a section comes first");
        assert!(key == "Environment" || section.iter().all(|(other, _)| other != key), "{name}: {key} twice");
        section.push((key.to_owned(), value.to_owned()));
    }
    sections
}

/// The variables and the command of the line in the table of cron.
pub fn cron() -> (Names, String) {
    let table = text(&repository().join(FOLDER).join("deploy/cron/trueup-drift"));
    let (mut variables, mut commands) = (Names::new(), Vec::new());
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.splitn(7, ' ').collect();
        if let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.contains(' ')) {
            variables.insert(name.to_owned(), value.to_owned());
        } else {
            assert!(fields[..5].iter().all(|field| field.chars().all(|c| "0123456789*/,-".contains(c))), "{line}");
            assert_eq!(fields[5], "trueup");
            commands.push(fields[6].to_owned());
        }
    }
    assert_eq!(commands.len(), 1);
    (variables, commands.remove(0))
}

impl Runner {
    /// A text of a recipe with the folders of a machine replaced by those of the test.
    fn here(&self, text: &str) -> String {
        let folder = self.env.folder();
        text.replace("/srv/connections", &self.env.stack().display().to_string())
            .replace("/etc/trueup", &self.env.stack().join("etc").display().to_string())
            .replace("/var/lib/trueup", &folder.join("reports").display().to_string())
            .replace("/usr/local/bin:", &format!("{}:", folder.join("bin").display()))
    }

    /// Runs the line of the table of cron.
    pub fn cron(&mut self) -> i32 {
        let (variables, command) = cron();
        let variables: Names = variables.iter().map(|(name, value)| (name.clone(), self.here(value))).collect();
        let shell = variables["SHELL"].clone();
        let command = self.here(&command);
        let run = self.shell("deploy/drift.sh", &[&shell], &command, &variables);
        let says = !run.stdout.is_empty() || !run.stderr.is_empty();
        assert_eq!(says, run.code != Some(0), "a mail where there is something to say: {run}");
        run.code.unwrap_or(-1)
    }

    /// Runs what the service starts.
    pub fn systemd(&mut self) -> i32 {
        let service = unit("trueup-drift.service").remove("Service").expect("a service");
        let all = |key: &str| -> Vec<String> {
            service.iter().filter(|(name, _)| name == key).map(|(_, value)| self.here(value)).collect()
        };
        let mut variables = Names::new();
        let file = text(Path::new(&all("EnvironmentFile")[0]));
        for pair in all("Environment").iter().map(String::as_str).chain(file.lines()) {
            let (name, value) = pair.split_once('=').expect("a name and a value");
            variables.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(all("WorkingDirectory"), [self.env.stack().display().to_string()]);
        let words: Vec<String> = all("ExecStart")[0].split(' ').map(str::to_owned).collect();
        assert!(all("RestartPreventExitStatus")[0].split(' ').eq(["2", "7", "64"]));
        self.run("deploy/systemd/trueup-drift.service", &words, &variables).code.unwrap_or(-1)
    }

    /// Runs the container of the CronJob.
    pub fn kubernetes(&mut self) -> i32 {
        let documents = documents(&repository().join(FOLDER).join("deploy/kubernetes/drift.yaml"));
        let job =
            &documents.iter().find(|it| it["kind"] == "CronJob").expect("a CronJob")["spec"]["jobTemplate"]["spec"];
        assert_eq!(job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"], json!([2, 7, 64]));
        let container = &job["template"]["spec"]["containers"][0];
        let mut variables = Names::new();
        for given in container["env"].as_array().expect("there are variables") {
            let value = given["value"].as_str().unwrap_or(PASSWORD);
            variables.insert(given["name"].as_str().unwrap_or_default().to_owned(), value.to_owned());
        }
        // As kubelet mounts a ConfigMap: links to a folder that is behind a link.
        let mount = self.env.folder().join("mount");
        if !mount.exists() {
            fs::create_dir_all(mount.join("..2026_11_21")).expect("a temporary folder can be filled");
            let manifest = self.env.stack().join("stacks/orders/trueup.yaml");
            fs::copy(manifest, mount.join("..2026_11_21/trueup.yaml")).expect("a temporary folder can be filled");
            for (to, link) in [("..2026_11_21", "..data"), ("..data/trueup.yaml", "trueup.yaml")] {
                std::os::unix::fs::symlink(to, mount.join(link)).expect("a link can be made");
            }
        }
        let arguments = container["args"].as_array().expect("there are arguments").iter().filter_map(Value::as_str);
        let words: Vec<String> = std::iter::once("trueup")
            .chain(arguments)
            .map(|word| if word == "/stack" { mount.display().to_string() } else { word.to_owned() })
            .collect();
        // `HOME` is a folder of the container.
        variables.insert("HOME".into(), self.env.folder().join("tmp").display().to_string());
        self.run("deploy/kubernetes/drift.yaml", &words, &variables).code.unwrap_or(-1)
    }

    /// Runs the hook.
    pub fn pre_commit(&mut self) -> i32 {
        let hooks = documents(&repository().join(".pre-commit-hooks.yaml")).remove(0);
        let used = self.yaml(".pre-commit-config.yaml")["repos"][0]["hooks"][0].clone();
        let hook = hooks.as_array().expect("a list of hooks").iter().find(|hook| hook["id"] == used["id"]);
        let entry = hook.and_then(|hook| hook["entry"].as_str()).expect("the hook has an entry");
        let arguments = used["args"].as_array().expect("the hook has arguments").iter().filter_map(Value::as_str);
        let words: Vec<String> = entry.split(' ').chain(arguments).map(str::to_owned).collect();
        self.run(".pre-commit-hooks.yaml", &words, &Names::new()).code.unwrap_or(-1)
    }
}
