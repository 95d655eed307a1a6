//! The end of an apply or a teardown for people: what did not end well, the exports, one line of totals, what to do.

use std::fmt::Write as _;

use trueup_engine::report::{Ending, Outcome, Report};

use crate::error::{advice, describe};
use crate::output::human::View;
use crate::output::text::{Line, Tone, clean, columns, count};
use crate::output::value;

/// The report as the result.
pub fn human(report: &Report, command: &str, view: View) -> String {
    let mut text = String::new();
    let shown: Vec<&Outcome> = report.outcomes.iter().filter(|outcome| worth_telling(outcome, view)).collect();
    let lead = shown.iter().map(|outcome| columns(&outcome.address.to_string())).max().unwrap_or(0).clamp(12, 48) + 4;
    for outcome in shown {
        text.push_str(&line(outcome, lead, view));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    if !report.exports.is_empty() {
        text.push_str("Exports:\n");
        let width = report.exports.iter().map(|(name, _)| columns(name)).max().unwrap_or(0).min(40);
        for (name, exported) in &report.exports {
            let shown = exported.as_ref().map_or_else(|| "(not known)".to_owned(), |v| value::leaf(v, true));
            let line = Line::new(width + 7).then(Tone::Plain, format!("  {}", clean(name))).pad_to(width + 2, 0);
            text.push_str(&line.then(Tone::Plain, format!("  =  {shown}")).render(view.paint, view.width));
        }
        text.push('\n');
    }
    text.push_str(&totals(report, command));
    text
}

fn worth_telling(outcome: &Outcome, view: View) -> bool {
    view.verbose || outcome.ending != Ending::Done || !outcome.usable || !outcome.notes.is_empty()
}

fn line(outcome: &Outcome, lead: usize, view: View) -> String {
    let (tone, word) = match outcome.ending {
        Ending::Done if !outcome.usable => (Tone::Change, "done, but not usable"),
        Ending::Done => (Tone::Good, "done"),
        Ending::Failed => (Tone::Bad, "failed"),
        Ending::Skipped => (Tone::Change, "skipped"),
        Ending::Blocked => (Tone::Bad, "blocked"),
        Ending::Cancelled => (Tone::Change, "not begun"),
        Ending::Unknown => (Tone::Bad, "not known: it may have been carried out"),
        Ending::Kept => (Tone::Faint, "kept"),
    };
    let mut line = Line::new(lead + 2)
        .then(Tone::Strong, format!("  {}", clean(&outcome.address.to_string())))
        .pad_to(lead + 2, 2)
        .then(tone, word);
    let fault = outcome.fault.as_ref().map(describe);
    // A note may repeat the fault that stands beside it.
    let repeats = |note: &&String| outcome.fault.as_ref().is_some_and(|fault| note.contains(&fault.message));
    for more in fault.iter().chain(outcome.notes.iter().filter(|note| !repeats(note))) {
        // The reason of a step that is kept begins with the word that stands here already.
        let more = more.strip_prefix("kept: ").unwrap_or(more);
        line = line.then(Tone::Plain, format!(": {}", clean(more)));
    }
    line.render(view.paint, view.width)
}

/// The line of totals.
pub fn totals(report: &Report, command: &str) -> String {
    let word = if command == "teardown" { "Teardown" } else { "Apply" };
    let done = if command == "teardown" { "deleted" } else { "done" };
    let mut text = format!("{word}: {} {done}", report.count(Ending::Done));
    let rest = [
        (Ending::Failed, "failed"),
        (Ending::Skipped, "skipped"),
        (Ending::Blocked, "blocked"),
        (Ending::Cancelled, "not begun"),
        (Ending::Unknown, "not known"),
        (Ending::Kept, "kept"),
    ];
    for (ending, word) in rest {
        let number = report.count(ending);
        if number > 0 {
            let _ = write!(text, ", {number} {word}");
        }
    }
    let _ = write!(text, ", in {:.1} s.", report.seconds);
    if report.unusable > 0 {
        let _ = write!(text, " {} not usable.", count(report.unusable, "resource is", "resources are"));
    }
    if report.not_verifiable > 0 {
        let _ = write!(text, " {} not verifiable.", report.not_verifiable);
    }
    if report.unread > 0 {
        let _ = write!(text, " {} not be read.", count(report.unread, "resource could", "resources could"));
    }
    text.push('\n');
    text
}

/// What to do now, one sentence each.
pub fn hints(report: &Report, command: &str) -> Vec<String> {
    let mut hints: Vec<String> = Vec::new();
    for hint in report.outcomes.iter().filter_map(|outcome| outcome.fault.as_ref()).filter_map(advice) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    let unfinished = [Ending::Failed, Ending::Skipped, Ending::Cancelled, Ending::Unknown];
    if unfinished.into_iter().any(|ending| report.count(ending) > 0) {
        let done = report.count(Ending::Done) + report.count(Ending::Unknown) > 0;
        let stays = if done { "what was done stays done; " } else { "" };
        hints.push(format!("{stays}`trueup {command}` again finishes the rest"));
    }
    if report.unusable > 0 {
        hints.push(
            "a resource that is not usable says why in its state reason; `trueup plan` shows it again".to_owned(),
        );
    }
    if report.count(Ending::Blocked) > 0 {
        hints.push("what is blocked stays as it is until the manifest or the options allow the change".to_owned());
    }
    hints
}

#[cfg(test)]
mod tests {
    use trueup_engine::address::Address;
    use trueup_engine::fault::{Fault, FaultKind};
    use trueup_engine::plan::Action;
    use trueup_engine::value::Value;

    use super::*;
    use crate::output::text::Paint;

    fn outcome(name: &str, ending: Ending) -> Outcome {
        Outcome {
            address: Address::new(name),
            type_name: "AWS::Events::Connection",
            identity: Some(name.to_owned()),
            action: Action::Create,
            ending,
            usable: true,
            fault: None,
            notes: Vec::new(),
            seconds: 0.5,
        }
    }

    fn report(outcomes: Vec<Outcome>) -> Report {
        Report {
            outcomes,
            exports: Vec::new(),
            interrupted: false,
            unread: 0,
            unusable: 0,
            not_verifiable: 0,
            seconds: 0.0,
        }
    }

    #[test]
    fn nothing_is_said_of_what_was_done_where_nothing_was() {
        let failed = report(vec![outcome("a", Ending::Failed), outcome("b", Ending::Skipped)]);
        assert_eq!(hints(&failed, "apply"), ["`trueup apply` again finishes the rest"]);
        let some = report(vec![outcome("a", Ending::Failed), outcome("b", Ending::Done)]);
        assert_eq!(hints(&some, "apply"), ["what was done stays done; `trueup apply` again finishes the rest"]);
    }

    #[test]
    fn what_is_kept_says_so_once() {
        let mut kept = outcome("a", Ending::Kept);
        kept.notes.push("kept: `skip_on_delete`".to_owned());
        let view = View { paint: Paint { on: false }, width: None, verbose: false, sandbox: false };
        let text = human(&report(vec![kept]), "teardown", view);
        assert!(text.starts_with("  a               kept: `skip_on_delete`\n"), "{text}");
    }

    #[test]
    fn every_ending_has_its_line() {
        let mut failed = outcome("failed", Ending::Failed);
        failed.fault = Some(
            Fault::new(FaultKind::Quota, "events:CreateConnection", "too many").with_code("LimitExceededException"),
        );
        let mut skipped = outcome("skipped", Ending::Skipped);
        skipped.notes.push("`failed` failed".to_owned());
        let mut unusable = outcome("unusable", Ending::Done);
        unusable.usable = false;
        unusable.notes.push("DEAUTHORIZED: refused".to_owned());
        let report = Report {
            outcomes: vec![
                outcome("done", Ending::Done),
                unusable,
                failed,
                skipped,
                outcome("blocked", Ending::Blocked),
                outcome("cancelled", Ending::Cancelled),
                outcome("unknown", Ending::Unknown),
                outcome("kept", Ending::Kept),
            ],
            exports: vec![("arn".to_owned(), Some(Value::from("arn:x"))), ("later_arn".to_owned(), None)],
            interrupted: true,
            unread: 1,
            unusable: 1,
            not_verifiable: 2,
            seconds: 2.25,
        };
        let view = View { paint: Paint { on: false }, width: None, verbose: false, sandbox: false };
        insta::assert_snapshot!(human(&report, "apply", view), @r#"
          unusable        done, but not usable: DEAUTHORIZED: refused
          failed          failed: events:CreateConnection: LimitExceededException: too many
          skipped         skipped: `failed` failed
          blocked         blocked
          cancelled       not begun
          unknown         not known: it may have been carried out
          kept            kept

        Exports:
          arn        =  "arn:x"
          later_arn  =  (not known)

        Apply: 2 done, 1 failed, 1 skipped, 1 blocked, 1 not begun, 1 not known, 1 kept, in 2.2 s. 1 resource is not usable. 2 not verifiable. 1 resource could not be read.
        "#);
        insta::assert_snapshot!(hints(&report, "apply").join("\n"), @r"
        raise the quota in Service Quotas, or delete what is no longer used
        what was done stays done; `trueup apply` again finishes the rest
        a resource that is not usable says why in its state reason; `trueup plan` shows it again
        what is blocked stays as it is until the manifest or the options allow the change
        ");
    }
}
