//! Rows: as a table, as one JSON document, as CSV.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map as JsonMap, Value as Json};
use trueup_engine::plan::document::FORMAT_VERSION;
use trueup_stackql::query::{Cell, Rows};

use crate::output::diagnostics::DiagnosticDocument;
use crate::output::document::ErrorDocument;
use crate::output::text::{Paint, Tone, clean, columns, shorten};

/// Columns that a cell has on a terminal at most.
const WIDEST: usize = 60;

/// `query --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QueryDocument {
    /// The version of this format.
    pub format_version: &'static str,
    /// `query`.
    pub command: &'static str,
    /// What the statements gave, in their order, as far as they ran.
    pub results: Vec<ResultDocument>,
    /// What is wrong with the statement that could not be run.
    pub diagnostics: Vec<DiagnosticDocument>,
    /// Why the last statement failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDocument>,
}

/// What one statement gave.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResultDocument {
    /// Which statement, from 1.
    pub statement: usize,
    /// The names of the columns, in order.
    pub columns: Vec<String>,
    /// The rows by column: texts, numbers and nulls. A nested value is JSON as a text. Of two columns of one name the
    /// last stays.
    pub rows: Vec<JsonMap<String, Json>>,
}

impl QueryDocument {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            command: "query",
            results: Vec::new(),
            diagnostics: Vec::new(),
            error: None,
        }
    }

    /// Adds what a statement gave.
    pub fn push(&mut self, statement: usize, rows: &Rows) {
        let named = |row: &Vec<Cell>| rows.columns.iter().cloned().zip(row.iter().map(Cell::to_json)).collect();
        let document =
            ResultDocument { statement, columns: rows.columns.clone(), rows: rows.rows.iter().map(named).collect() };
        self.results.push(document);
    }
}

/// A cell as a text; nothing is empty.
fn text(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

/// Rows for people: each column as wide as its widest cell, on a terminal no wider than can be read.
pub fn table(rows: &Rows, paint: Paint, terminal: bool) -> String {
    let shown = |text: &str| {
        let text = clean(text).into_owned();
        if terminal { shorten(&text, WIDEST).into_owned() } else { text }
    };
    let heads: Vec<String> = rows.columns.iter().map(|name| shown(name)).collect();
    let cells: Vec<Vec<String>> =
        rows.rows.iter().map(|row| row.iter().map(|cell| shown(&text(cell))).collect()).collect();
    let widths: Vec<usize> = (0..heads.len())
        .map(|at| cells.iter().map(|row| columns(&row[at])).chain([columns(&heads[at])]).max().unwrap_or_default())
        .collect();
    let numbers: Vec<bool> = (0..heads.len())
        .map(|at| {
            rows.rows.iter().all(|row| matches!(row[at], Cell::Integer(_) | Cell::Real(_) | Cell::Null))
                && rows.rows.iter().any(|row| !matches!(row[at], Cell::Null))
        })
        .collect();
    let line = |row: &[String], tone: Tone| {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let space = " ".repeat(widths[at].saturating_sub(columns(cell)));
            let cell = paint.paint(tone, cell);
            let cell = if numbers[at] { format!("{space}{cell}") } else { format!("{cell}{space}") };
            let _ = write!(line, "{}{cell}", if at == 0 { "" } else { "  " });
        }
        format!("{}\n", line.trim_end())
    };
    let mut out = line(&heads, Tone::Strong);
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    out.push_str(&line(&rule, Tone::Faint));
    for row in &cells {
        out.push_str(&line(row, Tone::Plain));
    }
    out
}

/// Rows as RFC 4180 wants them, with the names of the columns first. Nothing is an empty field, an empty text `""`.
pub fn csv(rows: &Rows) -> String {
    let field = |text: &str| {
        if text.is_empty() || text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let mut out = rows.columns.iter().map(|name| field(name)).collect::<Vec<_>>().join(",");
    out.push_str("\r\n");
    for row in &rows.rows {
        let fields: Vec<String> =
            row.iter().map(|cell| if *cell == Cell::Null { String::new() } else { field(&text(cell)) }).collect();
        out.push_str(&fields.join(","));
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        Rows {
            columns: vec!["name".to_owned(), "n".to_owned()],
            rows: vec![
                vec![Cell::Text("a, \"b\"\n\u{1b}[31m".to_owned()), Cell::Integer(7)],
                vec![Cell::Null, Cell::Integer(12)],
                vec![Cell::Text(String::new()), Cell::Null],
            ],
        }
    }

    #[test]
    fn a_table_lines_up_and_no_text_acts_on_a_terminal() {
        let shown = table(&rows(), Paint { on: false }, false);
        assert_eq!(
            shown,
            "name                 n\n------------------  --\na, \"b\"\\n\\u{1b}[31m   7\n                    12\n\n"
        );
    }

    #[test]
    fn fields_of_csv_are_quoted_where_they_have_to_be() {
        assert_eq!(csv(&rows()), "name,n\r\n\"a, \"\"b\"\"\n\u{1b}[31m\",7\r\n,12\r\n\"\",\r\n");
    }

    #[test]
    fn a_document_names_each_value() {
        let mut document = QueryDocument::new();
        document.push(1, &rows());
        let json = serde_json::to_value(&document).unwrap();
        assert_eq!(json["results"][0]["rows"][1], serde_json::json!({"name": null, "n": 12}));
        assert_eq!(json["results"][0]["columns"], serde_json::json!(["name", "n"]));
    }
}
