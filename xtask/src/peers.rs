//! What the same work costs with other tools, measured in the same run: Terraform, where it is installed with its AWS
//! provider, and a script with boto3.
//!
//! Both talk to the same sandbox. Terraform and its provider are the user's own: the program is looked for in `PATH`, the
//! provider in the folder that `--terraform-plugins` names, laid out as a mirror (`registry.terraform.io/hashicorp/aws/…`).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::measure::{Cost, measure_together};
use crate::server::Server;

/// What the work is called here, and by the peers.
pub const PHASES: [(&str, &str, &str); 3] = [
    ("`apply`, all new", "apply", "create"),
    ("`plan`, nothing to do", "plan", "describe"),
    ("`teardown`", "destroy", "delete"),
];

/// A peer and what each phase of [`PHASES`] cost it, or why it was not measured.
pub struct Peer {
    /// Its name, with a version where it says one.
    pub name: String,
    /// One for each phase.
    pub costs: Result<[Cost; 3], String>,
}

/// Measures all of them, one run each.
///
/// # Errors
///
/// The sandbox could not be started.
pub fn all(
    binary: &Path,
    folder: &Path,
    python: Result<PathBuf, String>,
    plugins: Option<&Path>,
    count: usize,
) -> Result<Vec<Peer>, String> {
    // Each has a sandbox of its own, so that what one leaves is not in the other's way.
    let terraform = terraform(&Server::start(binary)?, folder, plugins, count);
    let server = Server::start(binary)?;
    let boto3 = python.and_then(|python| boto3_threads(&server, &python, count));
    Ok(vec![
        Peer { name: "Terraform".to_owned(), costs: terraform },
        Peer { name: "boto3, 32 threads".to_owned(), costs: boto3 },
    ])
}

fn boto3_threads(server: &Server, python: &Path, count: usize) -> Result<[Cost; 3], String> {
    let script = crate::tools::root().join("xtask/peers/boto3_threads.py");
    each(|(_, _, verb)| {
        let mut command = Command::new(python);
        command.arg(&script).args([&server.url, verb, &count.to_string()]);
        command
    })
}

fn terraform(server: &Server, folder: &Path, plugins: Option<&Path>, count: usize) -> Result<[Cost; 3], String> {
    let plugins = plugins.ok_or("`--terraform-plugins` names no folder with its AWS provider")?;
    let folder = folder.join("terraform");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    std::fs::write(folder.join("main.tf"), configuration(&server.url, count)).map_err(|error| error.to_string())?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new("terraform");
        command.arg(format!("-chdir={}", folder.display())).args(arguments).arg("-input=false").arg("-no-color");
        command.env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1").env_remove("TF_LOG");
        command
    };
    let mut init = command(&["init"]);
    let status = init.arg(format!("-plugin-dir={}", plugins.display())).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => return Err("`terraform init` did not find its AWS provider".to_owned()),
        Err(error) => return Err(format!("`terraform` could not be started: {error}")),
    }
    each(|(_, verb, _)| match verb {
        "plan" => command(&["plan"]),
        _ => command(&[verb, "-auto-approve"]),
    })
}

fn each(command: impl Fn((&str, &str, &str)) -> Command) -> Result<[Cost; 3], String> {
    let mut costs = Vec::new();
    for phase in PHASES {
        let cost = measure_together(&mut command(phase))?;
        if cost.code != 0 {
            return Err(format!("its {} ended with {}", phase.0, cost.code));
        }
        costs.push(cost);
    }
    costs.try_into().map_err(|_| "not every phase was measured".to_owned())
}

/// The same connections as the benchmark's own stack has.
fn configuration(url: &str, count: usize) -> String {
    let mut text = format!(
        "terraform {{\n  required_providers {{\n    aws = {{ source = \"hashicorp/aws\" }}\n  }}\n}}\n\nprovider \"aws\" {{\n  region \
         = \"us-east-1\"\n  access_key = \"bench\"\n  secret_key = \"bench\"\n  skip_credentials_validation = true\n  \
         skip_metadata_api_check = true\n  skip_requesting_account_id = true\n  skip_region_validation = true\n  endpoints {{\n    \
         events = \"{url}\"\n    sts = \"{url}\"\n    secretsmanager = \"{url}\"\n  }}\n}}\n"
    );
    for number in 0..count {
        let auth = if number % 2 == 0 {
            format!(
                "authorization_type = \"BASIC\"\n  auth_parameters {{\n    basic {{\n      username = \"user-{number}\"\n      password = \
                 \"example-only-benchmark-{number}\"\n    }}\n  }}\n"
            )
        } else {
            format!(
                "authorization_type = \"API_KEY\"\n  auth_parameters {{\n    api_key {{\n      key = \"X-Api-Key\"\n      value = \
                 \"example-only-benchmark-{number}\"\n    }}\n    invocation_http_parameters {{\n      header {{\n        key = \
                 \"X-Source\"\n        value = \"bench\"\n        is_value_secret = false\n      }}\n    }}\n  }}\n"
            )
        };
        let _ = write!(
            text,
            "\nresource \"aws_cloudwatch_event_connection\" \"c{number}\" {{\n  name = \"bench-{number:05}\"\n  description = \"Connection \
             {number} of the benchmark\"\n  {auth}}}\n"
        );
    }
    text
}
