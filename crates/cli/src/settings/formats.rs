//! Which form was asked for, and which ones a command has.

use super::{GraphForm, RowsForm};
use crate::args::{Format, FormatName, Options, PageFormat};
use crate::error::CommandError;

/// What a comment on a pull request may have, with room for what others put around it: GitHub's bound is 65,536.
const MAX_BYTES: usize = 60_000;

/// The form of the output.
pub fn format(options: &Options) -> Format {
    let max_bytes = options.max_bytes.map_or(MAX_BYTES, |most| most as usize);
    match options.format {
        _ if options.json => Format::Json,
        // A graph, or rows, are a text on stdout, with messages for people beside it.
        None | Some(FormatName::Human | FormatName::Mermaid | FormatName::Dot | FormatName::Svg | FormatName::Csv) => {
            Format::Human
        }
        Some(FormatName::Json) => Format::Json,
        Some(FormatName::Jsonl) => Format::Jsonl,
        Some(FormatName::Markdown) => Format::Page(PageFormat::Markdown { max_bytes }),
        Some(FormatName::Sarif) => Format::Page(PageFormat::Sarif),
        Some(FormatName::Junit) => Format::Page(PageFormat::Junit),
        Some(FormatName::Github) => Format::Page(PageFormat::Github),
        Some(FormatName::Html) => Format::Page(PageFormat::Html),
    }
}

/// The forms that a command can give its result in.
fn of_command(name: &str) -> &'static [FormatName] {
    use FormatName::{Csv, Dot, Github, Html, Human, Json, Jsonl, Junit, Markdown, Mermaid, Sarif, Svg};
    match name {
        "graph" => &[Mermaid, Dot, Json, Svg],
        "query" => &[Human, Json, Csv],
        name if super::is_about_stacks(name) => &[Human, Json, Junit],
        name if super::is_about_a_stack(name) => &[Human, Json, Jsonl, Markdown, Sarif, Junit, Github, Html],
        _ => &[Human, Json, Jsonl],
    }
}

/// Refuses a form that the command has not, and options that contradict it.
pub fn check(name: &str, options: &Options) -> Result<(), CommandError> {
    if options.json && options.format.is_some_and(|format| format != FormatName::Json) {
        return Err(CommandError::usage("`--json` and another `--format` contradict each other"));
    }
    let can = of_command(name);
    if let Some(wanted) = options.format.filter(|format| !can.contains(format)) {
        let can = can.iter().map(|format| format!("`{}`", format.as_str())).collect::<Vec<_>>().join(", ");
        return Err(CommandError::usage(format!("`trueup {name}` has no format `{}`", wanted.as_str()))
            .hint(format!("it has {can}")));
    }
    if options.max_bytes.is_some() && options.format != Some(FormatName::Markdown) {
        return Err(CommandError::usage("`--max-bytes` is about `--format markdown` only"));
    }
    Ok(())
}

/// How a graph is written.
pub fn graph(options: &Options) -> GraphForm {
    match options.format {
        _ if options.json => GraphForm::Json,
        Some(FormatName::Json) => GraphForm::Json,
        Some(FormatName::Dot) => GraphForm::Dot,
        Some(FormatName::Svg) => GraphForm::Svg,
        _ => GraphForm::Mermaid,
    }
}

/// How rows are written.
pub fn rows(options: &Options) -> RowsForm {
    match options.format {
        _ if options.json => RowsForm::Json,
        Some(FormatName::Json) => RowsForm::Json,
        Some(FormatName::Csv) => RowsForm::Csv,
        _ => RowsForm::Table,
    }
}
