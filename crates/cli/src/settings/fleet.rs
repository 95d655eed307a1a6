//! What `trueup fleet` is asked to do.

use std::path::PathBuf;

use crate::args::{FleetCommand, FleetStacks};
use crate::commands::drift;
use crate::error::CommandError;

/// What `fleet` does, with which stacks.
#[derive(Debug)]
pub struct FleetWhat {
    /// What is done with each stack.
    pub verb: FleetVerb,
    /// Folders and manifests, as they were given; empty means the current folder.
    pub dirs: Vec<PathBuf>,
    /// The environments; never empty.
    pub environments: Vec<String>,
    /// The file with targets.
    pub targets: Option<PathBuf>,
    /// Stacks at once.
    pub at_once: usize,
    /// Stacks at once in one account and region.
    pub at_once_in_a_place: usize,
    /// How many stacks may fail before no further one is begun.
    pub tolerance: Tolerance,
}

/// What is done with each stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FleetVerb {
    /// It is planned.
    Plan {
        /// Changes end the run with 2.
        exit_code: bool,
    },
    /// Drift is looked for.
    Drift(drift::Options),
    /// It is planned and applied.
    Apply {
        /// Nobody is asked.
        yes: bool,
    },
}

/// How many stacks may fail before no further one is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// So many.
    Stacks(usize),
    /// So many of a hundred, rounded down.
    Percent(usize),
}

impl Tolerance {
    /// `3` or `5%`.
    pub fn parse(text: &str) -> Result<Self, CommandError> {
        let parsed = match text.strip_suffix('%') {
            Some(number) => number.parse().ok().filter(|percent| *percent <= 100).map(Self::Percent),
            None => text.parse().ok().map(Self::Stacks),
        };
        parsed.ok_or_else(|| {
            CommandError::usage(format!("`{text}` is neither a number of stacks nor a percentage"))
                .hint("write for example `--failure-tolerance 3` or `--failure-tolerance 5%`")
        })
    }

    /// Of so many stacks.
    pub fn of(self, stacks: usize) -> usize {
        match self {
            Self::Stacks(number) => number,
            Self::Percent(percent) => stacks.saturating_mul(percent) / 100,
        }
    }
}

/// What was typed, as what it means.
pub fn what(typed: FleetCommand, dry_run: bool) -> Result<FleetWhat, CommandError> {
    let (verb, stacks) = match typed {
        FleetCommand::Plan(a) => (FleetVerb::Plan { exit_code: a.exit_code }, a.stacks),
        FleetCommand::Drift(a) => {
            let fail_on = a.fail_on.map(crate::args::SeverityOf::level);
            (FleetVerb::Drift(drift::Options { fail_on, full: a.full, ..drift::Options::default() }), a.stacks)
        }
        FleetCommand::Apply(a) if dry_run => (FleetVerb::Plan { exit_code: false }, a.stacks),
        FleetCommand::Apply(a) => (FleetVerb::Apply { yes: a.yes }, a.stacks),
    };
    let FleetStacks { dirs, mut environments, targets, max_concurrent, max_per_region, failure_tolerance, options } =
        stacks;
    if options.output_file.is_some() {
        return Err(CommandError::usage("`--output-file` is about one stack, and a fleet has many")
            .hint("the exports of a stack are written by `trueup apply`"));
    }
    if environments.is_empty() {
        environments.push("dev".to_owned());
    }
    if environments.iter().any(String::is_empty) {
        return Err(CommandError::usage("an environment is empty"));
    }
    let at_once = usize::from(max_concurrent);
    Ok(FleetWhat {
        verb,
        dirs,
        environments,
        targets,
        at_once,
        at_once_in_a_place: max_per_region.map_or_else(|| at_once.div_ceil(2), usize::from),
        tolerance: failure_tolerance.as_deref().map_or(Ok(Tolerance::Percent(100)), Tolerance::parse)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_a_number_or_a_part() {
        assert_eq!(Tolerance::parse("0").unwrap().of(50), 0);
        assert_eq!(Tolerance::parse("3").unwrap().of(50), 3);
        assert_eq!(Tolerance::parse("5%").unwrap().of(50), 2);
        assert_eq!(Tolerance::parse("100%").unwrap().of(50), 50);
        for wrong in ["", "%", "-1", "101%", "1.5", "many"] {
            assert!(Tolerance::parse(wrong).is_err(), "{wrong}");
        }
    }
}
