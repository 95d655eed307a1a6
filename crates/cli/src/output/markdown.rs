//! Markdown for a comment on a pull request: the counts first, then one folded block a resource.
//!
//! A hidden marker on the first line is the same in every run of a command on a stack and an environment, so that a
//! pipeline finds its comment and edits it in place. Whatever a manifest or a service says stands in `<code>`, escaped as
//! HTML, or in a fence that is longer than every row of backticks inside it: neither can close what is around it, mention
//! a person or fetch a picture. What does not fit is left out in the middle, and counted.

use std::fmt::Write as _;

use crate::output::page::{Finding, Item, Level, Page, diff_lines};
use crate::output::text::count;

/// The longest line of a difference.
const LONGEST: usize = 600;

/// The comment, at most so many bytes.
pub fn render(page: &Page, max_bytes: usize) -> String {
    let tail = page.digest.as_ref().map(|digest| format!("\n<sub>plan {}</sub>\n", code(digest))).unwrap_or_default();
    let mut text = head(page, max_bytes / 4);
    // A block that is too long for any comment is cut in its own middle first.
    let room = max_bytes.saturating_sub(text.len() + tail.len());
    let findings =
        page.other_findings().map(|found| Block { of: found.level.as_str(), text: finding(found, room / 3) });
    let items = page.shown().map(|shown| Block { of: shown.status, text: item(shown, room / 3) });
    let blocks: Vec<Block> = findings.chain(items).collect();
    text.push_str(&fitting(&blocks, room));
    text.push_str(&tail);
    text
}

/// `<!-- trueup:STACK:ENV:COMMAND -->`.
fn marker(page: &Page) -> String {
    let (name, env) = page.stack.as_ref().map_or(("", ""), |stack| (&stack.name, &stack.env));
    format!("<!-- trueup:{}:{}:{} -->\n", word(name), word(env), word(&page.command))
}

/// A name that cannot end a comment, and no other name has.
fn word(text: &str) -> String {
    let mut word = String::new();
    for character in text.chars().take(80) {
        let plain = character.is_alphanumeric() || matches!(character, '.' | '_');
        if plain || (character == '-' && !word.is_empty() && !word.ends_with('-')) {
            word.push(character);
        } else {
            let _ = write!(word, "%{:02X}", u32::from(character));
        }
    }
    if word.ends_with('-') {
        word.pop();
        word.push_str("%2D");
    }
    word
}

fn head(page: &Page, room: usize) -> String {
    let mut text = marker(page);
    let subject =
        page.stack.as_ref().map(|stack| format!(" {} ({})", code(&short(&stack.name)), code(&short(&stack.env))));
    let _ = writeln!(text, "<h3>trueup {}{}</h3>\n", page.command, subject.unwrap_or_default());
    let totals: Vec<String> = page.totals.iter().map(|total| format!("**{}** {}", total.count, total.label)).collect();
    if !totals.is_empty() {
        let _ = writeln!(text, "{}\n", totals.join(" · "));
    }
    // Of our own words and counts; the backticks are ours.
    let _ = writeln!(text, "{}\n", page.headline);
    let place = page.place();
    if !place.is_empty() {
        let _ = writeln!(text, "<sub>{}</sub>\n", escape(&cut(&place)));
    }
    if let Some(problem) = &page.problem {
        let hints = problem.hints.iter().map(|hint| format!("hint: {hint}"));
        let lines: Vec<String> = problem.message.lines().map(str::to_owned).chain(hints).collect();
        text.push_str("> [!CAUTION]\n> The command did not go on.\n\n");
        text.push_str(&fence("", &lines, room));
    }
    if !page.exports.is_empty() {
        let lines: Vec<String> = page.exports.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let _ = writeln!(text, "<details><summary>{}</summary>\n", count(lines.len(), "export", "exports"));
        text.push_str(&fence("", &lines, room));
        text.push_str("</details>\n\n");
    }
    text
}

/// Something that is shown or left out as a whole.
struct Block {
    /// What it is counted as.
    of: &'static str,
    text: String,
}

/// The blocks that fit, from both ends, and between them what was left out.
fn fitting(blocks: &[Block], room: usize) -> String {
    if blocks.iter().map(|block| block.text.len()).sum::<usize>() <= room {
        return blocks.iter().map(|block| &*block.text).collect();
    }
    // The longest that the sentence about what is left out can get is that about everything.
    let mut left = room.saturating_sub(left_out(blocks).len());
    let (mut first, mut last) = (0, blocks.len());
    // By turns, so that neither the beginning nor the end of the stack is forgotten.
    loop {
        let next = if first <= blocks.len() - last { first } else { last - 1 };
        let Some(block) = blocks.get(next).filter(|block| first < last && block.text.len() <= left) else { break };
        left -= block.text.len();
        if next == first {
            first += 1;
        } else {
            last -= 1;
        }
    }
    let text = |blocks: &[Block]| blocks.iter().map(|block| &*block.text).collect::<String>();
    format!("{}{}{}", text(&blocks[..first]), left_out(&blocks[first..last]), text(&blocks[last..]))
}

fn left_out(blocks: &[Block]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for block in blocks {
        match counts.iter_mut().find(|(of, _)| *of == block.of) {
            Some((_, count)) => *count += 1,
            None => counts.push((block.of, 1)),
        }
    }
    let counts: Vec<String> = counts.iter().map(|(of, count)| format!("{count} {of}")).collect();
    format!("\n**… {} left out here: {} …**\n\n", blocks.len(), counts.join(", "))
}

fn item(item: &Item, room: usize) -> String {
    let symbol = if item.symbol.trim().is_empty() { String::new() } else { format!("{} ", code(item.symbol)) };
    let summary =
        format!("{symbol}<b>{}</b> {} {}", code(&item.address), code(&item.type_name), code(&cut(&item.words)));
    let mut lines: Vec<String> =
        item.lines.iter().flat_map(diff_lines).map(|(sign, text)| format!("{sign} {}", cut(&text))).collect();
    lines.extend(item.remarks.iter().map(|(label, text)| format!("# {label}: {}", cut(text))));
    let place = item.location.as_ref().map(|at| format!("<sub>{}</sub>\n\n", code(&at.short()))).unwrap_or_default();
    let name = item.identifier.as_ref().filter(|name| **name != item.address);
    let name = name.map(|name| format!("{} ", code(name))).unwrap_or_default();
    let fence = if lines.is_empty() { String::new() } else { fence("diff", &lines, room) };
    format!("<details><summary>{summary}</summary>\n\n{name}{place}{fence}</details>\n\n")
}

fn finding(finding: &Finding, room: usize) -> String {
    let sign = match finding.level {
        Level::Error => "❌",
        Level::Warning => "⚠️",
        Level::Note | Level::Fine => "ℹ️",
    };
    let place = finding.location.as_ref().map(|at| format!(" {}", code(&at.short()))).unwrap_or_default();
    let first = finding.summary.lines().next().unwrap_or_default();
    let summary = format!("{sign} {} {}{place}", code(&finding.code), code(&cut(first)));
    let notes = finding.notes.iter().map(|note| format!("note: {note}"));
    let help = finding.help.iter().map(|help| format!("help: {help}"));
    let rest: Vec<String> = finding.summary.lines().skip(1).map(str::to_owned).chain(notes).chain(help).collect();
    let lines: Vec<String> = rest.iter().flat_map(|text| text.lines()).map(cut).collect();
    if lines.is_empty() {
        return format!("{summary}\n\n");
    }
    format!("<details><summary>{summary}</summary>\n\n{}</details>\n\n", fence("", &lines, room))
}

/// Lines in a fence that none of them can close; where they take too much room, those in the middle are left out.
fn fence(language: &str, lines: &[String], room: usize) -> String {
    let marks = "`".repeat(lines.iter().map(|line| longest_row(line)).max().unwrap_or(0).max(2) + 1);
    let whole: usize = lines.iter().map(|line| line.len() + 1).sum();
    let (mut first, mut last) = (lines.len(), lines.len());
    if whole > room {
        (first, last) = (0, lines.len());
        let mut left = room.saturating_sub(64);
        while first < last {
            let next = if first <= lines.len() - last { first } else { last - 1 };
            let length = lines[next].len() + 1;
            if length > left {
                break;
            }
            left -= length;
            if next == first { first += 1 } else { last -= 1 }
        }
    }
    let mut text = format!("{marks}{language}\n");
    let all = |text: &mut String, lines: &[String]| {
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
    };
    all(&mut text, &lines[..first]);
    if first < last {
        let _ = writeln!(text, "# … {} left out here …", count(last - first, "line", "lines"));
    }
    all(&mut text, &lines[last..]);
    let _ = writeln!(text, "{marks}\n");
    text
}

fn longest_row(line: &str) -> usize {
    line.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST)])
}

/// A name in the title.
fn short(name: &str) -> String {
    name.chars().take(80).collect()
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Text inside of HTML inside of Markdown: what is special in either is written as a number.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '\\' | '$' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
