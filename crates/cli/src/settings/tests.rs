//! What words mean, without a process around them.

use clap::FromArgMatches as _;

use super::*;

fn parse(words: &[&str]) -> Cli {
    let matches = args::command().try_get_matches_from(std::iter::once("trueup").chain(words.iter().copied()));
    Cli::from_arg_matches(&matches.unwrap()).unwrap()
}

fn settings(words: &[&str], environment: &'static [(&'static str, &'static str)]) -> Result<Settings, CommandError> {
    let environment = Environment::new(move |name| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    });
    resolve(parse(words), environment, Terminals::default())
}

#[test]
fn options_count_on_both_sides_of_the_command() {
    let settings = settings(&["-e", "A=1", "--region", "x", "plan", "-e", "B=2=3", "--region", "y"], &[]).unwrap();
    assert_eq!(settings.given, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2=3".to_owned())]);
    assert_eq!(settings.cloud.region.as_deref(), Some("y"));
}

#[test]
fn a_lone_argument_that_is_no_path_is_explained() {
    let Err(error) = settings(&["plan", "prod"], &[]) else { panic!("accepted") };
    assert_eq!(error.message, "there is no folder or file `prod`");
    assert!(error.hints[0].contains("`. prod`"), "{:?}", error.hints);
}

#[test]
fn a_variable_without_a_value_is_not_repeated() {
    let Err(error) = settings(&["plan", "--var", "hunter2"], &[]) else { panic!("accepted") };
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn the_sandbox_keeps_its_state_in_the_users_state_folder() {
    let dir = |words: &[&str], environment| settings(words, environment).unwrap().cloud.sandbox;
    assert_eq!(dir(&["plan"], &[("XDG_STATE_HOME", "/state")]), None);
    assert_eq!(dir(&["plan", "--sandbox=here"], &[]), Some(PathBuf::from("here")));
    if cfg!(target_os = "linux") {
        assert_eq!(dir(&["--sandbox", "plan"], &[("XDG_STATE_HOME", "/state")]), Some("/state/trueup/sandbox".into()));
        assert_eq!(dir(&["plan", "--sandbox"], &[("HOME", "/h")]), Some("/h/.local/state/trueup/sandbox".into()));
    }
    assert!(settings(&["plan", "--sandbox", "--endpoint-url", "http://x"], &[("HOME", "/h")]).is_err());
}

#[test]
fn a_share_of_the_quotas_is_a_positive_number() {
    let share = |words: &[&str], environment| settings(words, environment).map(|it| it.cloud.quota_share);
    assert_eq!(share(&["plan"], &[]).unwrap(), None);
    assert_eq!(share(&["plan"], &[("TRUEUP_QUOTA_SHARE", "0.5")]).unwrap(), Some(0.5));
    assert_eq!(share(&["plan", "--quota-share", "2"], &[("TRUEUP_QUOTA_SHARE", "0.5")]).unwrap(), Some(2.0));
    for wrong in ["0", "nan", "-1", "inf", "1000"] {
        let words = ["plan", &format!("--quota-share={wrong}")];
        assert!(share(&words, &[]).unwrap_err().message.contains("--quota-share"), "{wrong}");
    }
    let error = share(&["plan"], &[("TRUEUP_QUOTA_SHARE", "half")]).unwrap_err();
    assert_eq!(error.message, "what stands in TRUEUP_QUOTA_SHARE is no share of a quota");
}

#[test]
fn colour_needs_a_terminal_and_obeys_the_environment() {
    let colour = |words: &[&str], names: &'static [&'static str]| {
        let environment = Environment::new(move |name| names.contains(&name).then(|| "1".to_owned()));
        let terminals = Terminals { stdout: true, stderr: true, stdin: true, width: Some(80) };
        output(&options(&parse(words)), &environment, terminals).stdout_colour
    };
    assert!(colour(&["plan"], &[]));
    assert!(!colour(&["plan"], &["NO_COLOR"]));
    assert!(colour(&["plan", "--color", "always"], &["NO_COLOR"]));
    assert!(!colour(&["plan", "--color=never"], &[]));
    assert!(!colour(&["plan", "--json", "--color", "always"], &[]));
}

#[test]
fn times_have_units() {
    assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
    assert_eq!(duration("2s").unwrap(), Duration::from_secs(2));
    assert_eq!(duration("0").unwrap(), Duration::ZERO);
    assert!(duration("5").is_err());
    assert!(duration("soon").is_err());
}

#[test]
fn a_saved_plan_is_told_by_its_name() {
    assert!(matches!(apply_what(None, None), Ok(ApplyWhat::Stack(Target { env, .. })) if env == "dev"));
    assert!(apply_what(Some("missing.json".into()), None).is_err());
}
