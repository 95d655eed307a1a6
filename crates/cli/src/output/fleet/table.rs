//! The table: one line for each stack, as wide as the terminal.

use std::fmt::Write as _;

use super::{FleetDocument, StackLine, Verdict};
use crate::output::human::View;
use crate::output::text::{Line, Tone, clean, columns, count, shorten};

/// The heads of the columns; those from `+` on are numbers.
const HEADS: [&str; 10] = ["stack", "env", "account", "region", "result", "+", "~", "-", "calls", "seconds"];
/// The first column with numbers.
const NUMBERS: usize = 5;
/// Which columns give way on a narrow terminal, one after the other, and how narrow each gets by that.
const GIVING: [(usize, usize); 5] = [(0, 20), (1, 8), (3, 9), (0, 8), (2, 8)];

/// All stacks, one a line.
pub fn table(document: &FleetDocument, view: View) -> String {
    let rows: Vec<[String; 10]> = document.stacks.iter().map(|line| cells(line, view.sandbox)).collect();
    let mut widths: [usize; 10] = std::array::from_fn(|at| {
        rows.iter().map(|row| columns(&row[at])).chain([columns(HEADS[at])]).max().unwrap_or_default()
    });
    if let Some(width) = view.width {
        let all = |widths: &[usize; 10]| widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
        for (at, narrowest) in GIVING {
            let over = all(&widths).saturating_sub(width);
            widths[at] -= over.min(widths[at].saturating_sub(narrowest));
        }
    }
    let line = |cells: &[String; 10], tone: &dyn Fn(usize) -> Tone| {
        let mut text = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let cell = if at == 0 { shorten_front(cell, widths[at]) } else { shorten(cell, widths[at]).into_owned() };
            let space = " ".repeat(widths[at].saturating_sub(columns(&cell)));
            let cell = view.paint.paint(tone(at), &cell);
            let cell = if at >= NUMBERS { format!("{space}{cell}") } else { format!("{cell}{space}") };
            let _ = write!(text, "{}{cell}", if at == 0 { "" } else { "  " });
        }
        format!("{}\n", text.trim_end())
    };
    let mut text = line(&HEADS.map(str::to_owned), &|_| Tone::Strong);
    for (row, stack) in rows.iter().zip(&document.stacks) {
        text.push_str(&line(row, &|at| match at {
            4 => tone(stack.result),
            at if at >= NUMBERS && row[at] == "0" => Tone::Faint,
            _ => Tone::Plain,
        }));
    }
    text
}

/// Cuts a path to so many columns: its end says more than its beginning.
fn shorten_front(path: &str, most: usize) -> String {
    let mut kept = path;
    while columns(kept) + usize::from(kept.len() < path.len()) > most {
        let mut rest = kept.chars();
        if rest.next().is_none() {
            break;
        }
        kept = rest.as_str();
    }
    if kept.len() < path.len() { format!("…{kept}") } else { kept.to_owned() }
}

fn cells(line: &StackLine, sandbox: bool) -> [String; 10] {
    let known = |text: Option<&String>| text.map_or_else(|| "?".to_owned(), |text| clean(text).into_owned());
    let begun = line.result != Verdict::NotStarted;
    let number = |at: usize| line.counts().map_or_else(|| "-".to_owned(), |counts| counts[at].to_string());
    [
        clean(&line.path).into_owned(),
        clean(&line.env).into_owned(),
        if sandbox { "sandbox".to_owned() } else { known(line.account.as_ref()) },
        known(line.region.as_ref()),
        line.result.words().to_owned(),
        number(0),
        number(1),
        number(2),
        if begun { line.calls.to_string() } else { "-".to_owned() },
        if begun { format!("{:.1}", line.seconds) } else { "-".to_owned() },
    ]
}

/// The colour of a result.
pub(super) const fn tone(result: Verdict) -> Tone {
    match result {
        Verdict::Unchanged | Verdict::InSync => Tone::Plain,
        Verdict::Applied => Tone::Good,
        Verdict::Changes | Verdict::Drifted | Verdict::Unhealthy | Verdict::Incomplete | Verdict::NotStarted => {
            Tone::Change
        }
        Verdict::Invalid
        | Verdict::Blocked
        | Verdict::Stale
        | Verdict::Locked
        | Verdict::Failed
        | Verdict::Interrupted => Tone::Bad,
    }
}

/// What became of a stack, in one line.
pub(super) fn in_words(line: &StackLine) -> String {
    let mut text = line.result.words().to_owned();
    if let Some(plan) = &line.plan {
        let _ = write!(
            text,
            ": {} to create, {} to update, {} to replace, {} to delete",
            plan.create, plan.update, plan.replace, plan.delete
        );
        for (number, what) in [(plan.adopt, "to adopt"), (plan.blocked, "blocked"), (plan.unread, "not read")] {
            if number > 0 {
                let _ = write!(text, ", {number} {what}");
            }
        }
    } else if let Some(drift) = &line.drift {
        let _ = write!(text, ": {} in sync, {} differ, {} missing", drift.in_sync, drift.drifted, drift.missing);
        for (number, what) in [(drift.unhealthy, "cannot be used"), (drift.unread, "not read")] {
            if number > 0 {
                let _ = write!(text, ", {number} {what}");
            }
        }
    }
    text
}

/// The line that counts.
pub(super) fn summary(document: &FleetDocument) -> String {
    let sum = &document.summary;
    let mut text = count(sum.stacks, "stack", "stacks");
    let results = sum.results.iter().filter(|(_, number)| **number > 0);
    for (first, (verdict, number)) in results.enumerate().map(|(at, result)| (at == 0, result)) {
        let with = if *verdict == Verdict::Changes { "with " } else { "" };
        let _ = write!(text, "{} {number} {with}{}", if first { ":" } else { "," }, verdict.words());
    }
    let drift = document.command == "fleet drift";
    if drift {
        let _ = write!(text, "; {} differ, {} missing", sum.change, sum.create);
    } else {
        let verb = if document.command == "fleet apply" { "planned: " } else { "" };
        let _ = write!(text, "; {verb}{} to create, {} to change, {} to delete", sum.create, sum.change, sum.delete);
    }
    let calls = if sum.calls == 1 { "call" } else { "calls" };
    let _ = write!(text, ". {} {calls}, {:.1} s.", sum.calls, sum.seconds);
    text
}

/// The same for people.
pub fn totals(document: &FleetDocument, view: View) -> String {
    Line::new(2).then(Tone::Plain, summary(document)).render(view.paint, view.width)
}

#[cfg(test)]
mod tests {
    use trueup_engine::plan::document::SummaryDocument;

    use super::*;
    use crate::output::text::Paint;

    fn view(width: Option<usize>) -> View {
        View { paint: Paint { on: false }, width, verbose: false, sandbox: false }
    }

    fn document() -> FleetDocument {
        let plan = SummaryDocument {
            create: 1,
            update: 2,
            replace: 1,
            delete: 12,
            adopt: 0,
            unchanged: 4,
            blocked: 0,
            not_verifiable: 0,
            unread: 0,
            calls: 16,
        };
        let mut orders = StackLine::new("stacks/teams/payments/orders".to_owned(), "prod".to_owned());
        orders.account = Some("111122223333".to_owned());
        orders.region = Some("eu-central-1".to_owned());
        orders.result = Verdict::Changes;
        orders.plan = Some(plan);
        orders.calls = 123;
        orders.seconds = 1.26;
        let mut odd = StackLine::new("stacks/o\u{1b}[2Jdd".to_owned(), "prod".to_owned());
        odd.result = Verdict::Invalid;
        let later = StackLine::new("stacks/漢字漢字漢字".to_owned(), "prod".to_owned());
        FleetDocument::new("fleet plan", vec![orders, odd, later], 2.5)
    }

    #[test]
    fn each_stack_has_a_line_and_no_name_acts_on_a_terminal() {
        let text = format!("{}{}", table(&document(), view(None)), totals(&document(), view(None)));
        insta::assert_snapshot!(text, @r"
        stack                         env   account       region        result       +  ~   -  calls  seconds
        stacks/teams/payments/orders  prod  111122223333  eu-central-1  changes      1  3  12    123      1.3
        stacks/o\u{1b}[2Jdd           prod  ?             ?             invalid      -  -   -      0      0.0
        stacks/漢字漢字漢字           prod  ?             ?             not started  -  -   -      -        -
        3 stacks: 1 with changes, 1 invalid, 1 not started; 1 to create, 3 to change, 12 to delete. 123 calls, 2.5 s.
        ");
    }

    #[test]
    fn on_a_narrow_terminal_names_give_way_and_numbers_stay() {
        let text = table(&document(), view(Some(80)));
        assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
        assert!(text.contains("\n…ts/orders  prod  111122223333  eu-centr…  changes "), "{text}");
        // As long as there is room nothing is cut.
        assert!(!table(&document(), view(Some(120))).contains('…'));
    }
}
