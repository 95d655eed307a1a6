//! The shell of `trueup query`: statements are typed, run, and typed again.
//!
//! Lines are read on a thread of their own, because reading waits and the session with the cloud does not. What is kept
//! in the history file is what only reads: a statement that writes may hold a credential, and so may one that cannot be
//! read as SQL.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context as LineContext, Editor, Helper};
use tokio::sync::oneshot;
use trueup_stackql::query::{self, QueryError, Script};

use super::{Answers, Desk, Ended, may_write};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::settings::RowsForm;

/// Statements that the history keeps.
const KEPT: usize = 1000;

const PROMPT: &str = "trueup> ";

const HELP: &str = "\
\\d          list the tables
\\d TABLE    describe a table
\\q          leave
Statements end with `;` and may have several lines.
";

/// Words at the start of a statement, and those that stand in most.
const KEYWORDS: [&str; 19] = [
    "SELECT",
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "IN",
    "LIKE",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "WITH",
    "INSERT INTO",
    "UPDATE",
    "DELETE FROM",
    "RETURNING",
    "json_extract(",
];

/// The words that can be completed.
type Words = Arc<Mutex<Vec<String>>>;

/// What was typed.
enum Typed {
    Line(String),
    /// Ctrl-C: what was typed is dropped.
    Dropped,
    /// Ctrl-D, or no terminal any more.
    End,
}

/// A line to be read, or one to be remembered.
enum Order {
    Read { prompt: String, asks: bool, answer: oneshot::Sender<Result<Typed, String>> },
    Keep(String),
}

/// Runs the shell until it is left.
pub async fn run(desk: &Desk<'_>, lines: &Lines) -> Result<Exit, CommandError> {
    let printer = desk.context.printer;
    let sandbox = if desk.context.settings.cloud.sandbox.is_some() { " on a sandbox" } else { "" };
    let mode = if desk.what.read_only { ", read-only" } else { "" };
    printer.message(&format!("SQL over live resources{sandbox}{mode}; `\\?` helps, `\\q` leaves\n"));
    loop {
        let text = match lines.read(PROMPT, false).await? {
            Typed::End => return Ok(Exit::Done),
            Typed::Dropped => continue,
            Typed::Line(text) => text,
        };
        let text = text.trim();
        let mut said = text.trim_end_matches(';').split_whitespace();
        match said.next() {
            None => {}
            Some("\\q" | "exit" | "quit") => return Ok(Exit::Done),
            Some("\\?" | "\\h") => printer.result(HELP),
            Some("\\d") => {
                lines.keep(text);
                describe(desk, &lines.words, said.next()).await?;
            }
            Some(word) if word.starts_with('\\') => {
                printer.error(&CommandError::usage(format!("there is no `{word}`")).hint("`\\?` shows what there is"));
            }
            Some(_) => statement(desk, lines, text).await?,
        }
    }
}

/// Runs what was typed; a failure is said, and the shell goes on.
async fn statement(desk: &Desk<'_>, lines: &Lines, text: &str) -> Result<(), CommandError> {
    let mut answers = Answers::new(desk.context, desk.what.form);
    let script = match Script::parse("query", text) {
        Ok(script) => script,
        Err(error) => return answers.end(Some(error)).map(drop),
    };
    if script.only_reads() {
        lines.keep(text);
    } else if let Err(error) = may_write(desk.context, desk.what) {
        desk.context.printer.error(&error);
        return Ok(());
    }
    match desk.all(&script, &mut answers).await? {
        Ended::Failed(error) => answers.end(Some(error)),
        Ended::Declined => {
            desk.context.printer.message("nothing was changed\n");
            Ok(Exit::Done)
        }
        Ended::Done | Ended::Interrupted if desk.what.form == RowsForm::Json => answers.end(None),
        Ended::Done | Ended::Interrupted => Ok(Exit::Done),
    }?;
    Ok(())
}

/// `\d`: all tables, or the columns of one.
async fn describe(desk: &Desk<'_>, words: &Words, table: Option<&str>) -> Result<(), CommandError> {
    let found: Result<String, QueryError> = match table {
        Some(name) => query::table(desk.tables, &desk.place, name).await.map(|table| {
            learn(words, table.columns.iter().map(|column| column.name.clone()));
            query::described(&table)
        }),
        None => query::table_names(desk.tables, &desk.place).await.map_err(QueryError::from).map(|names| {
            let text = names.iter().fold(String::new(), |text, name| text + name + "\n");
            learn(words, names);
            text
        }),
    };
    match found {
        Ok(text) => desk.context.printer.result(&text),
        Err(error) => drop(Answers::new(desk.context, RowsForm::Table).end(Some(error))?),
    }
    Ok(())
}

fn learn(words: &Words, more: impl IntoIterator<Item = String>) {
    let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
    words.extend(more);
    words.sort();
    words.dedup();
}

/// The thread that reads lines.
pub struct Lines {
    orders: mpsc::Sender<Order>,
    words: Words,
}

impl Lines {
    /// Starts to read; `tables` can be completed, and `state` is the folder of the history.
    pub fn start(tables: Vec<String>, state: Option<&Path>) -> Self {
        let words = Words::default();
        learn(&words, KEYWORDS.iter().map(|word| (*word).to_owned()));
        learn(&words, tables);
        let history = state.map(|state| state.join("query_history"));
        let (orders, taken) = mpsc::channel();
        let known = Arc::clone(&words);
        std::thread::spawn(move || read_lines(known, history, &taken));
        Self { orders, words }
    }

    async fn read(&self, prompt: &str, asks: bool) -> Result<Typed, CommandError> {
        let gone = || CommandError::failed("the terminal cannot be read");
        let (answer, typed) = oneshot::channel();
        let order = Order::Read { prompt: prompt.to_owned(), asks, answer };
        self.orders.send(order).map_err(|_| gone())?;
        typed.await.map_err(|_| gone())?.map_err(CommandError::failed)
    }

    /// Asks; only `yes` (or `y`) is a yes.
    pub async fn confirmed(&self, question: &str) -> Result<bool, CommandError> {
        Ok(match self.read(&format!("{question} [yes/no] "), true).await? {
            Typed::Line(line) => matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
            Typed::Dropped | Typed::End => false,
        })
    }

    fn keep(&self, text: &str) {
        // A history that is not kept is no reason to stop.
        let _ = self.orders.send(Order::Keep(text.to_owned()));
    }
}

fn read_lines(words: Words, history: Option<PathBuf>, orders: &mpsc::Receiver<Order>) {
    let made = || {
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false);
        let config = config.max_history_size(KEPT)?.build();
        let mut editor = Editor::<Typing, FileHistory>::with_config(config)?;
        editor.set_helper(Some(Typing { words, asks: false }));
        Ok::<_, ReadlineError>(editor)
    };
    let mut editor = made();
    if let (Ok(editor), Some(path)) = (&mut editor, &history) {
        // There is none the first time.
        let _ = editor.load_history(path);
    }
    while let Ok(order) = orders.recv() {
        match (&mut editor, order) {
            (Err(error), Order::Read { answer, .. }) => {
                let _ = answer.send(Err(format!("the terminal cannot be used: {error}")));
            }
            (Ok(editor), Order::Read { prompt, asks, answer }) => {
                if let Some(helper) = editor.helper_mut() {
                    helper.asks = asks;
                }
                let typed = match editor.readline(&prompt) {
                    Ok(line) => Ok(Typed::Line(line)),
                    Err(ReadlineError::Interrupted) => Ok(Typed::Dropped),
                    Err(ReadlineError::Eof) => Ok(Typed::End),
                    Err(error) => Err(format!("the terminal cannot be read: {error}")),
                };
                if answer.send(typed).is_err() {
                    return;
                }
            }
            (Ok(editor), Order::Keep(text)) => {
                let added = editor.add_history_entry(text).unwrap_or(false);
                if let Some(path) = history.as_ref().filter(|_| added) {
                    let _ = path.parent().map(std::fs::create_dir_all);
                    let _ = editor.save_history(path);
                }
            }
            (Err(_), Order::Keep(_)) => {}
        }
    }
}

/// What helps while something is typed.
struct Typing {
    words: Words,
    /// What is typed is an answer, and no statement.
    asks: bool,
}

impl Helper for Typing {}
impl Highlighter for Typing {}
impl Hinter for Typing {
    type Hint = String;
}

impl Completer for Typing {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &LineContext<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, found) = completions(&words, line, at);
        Ok((start, found.into_iter().map(|word| Pair { display: word.clone(), replacement: word }).collect()))
    }
}

impl Validator for Typing {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if self.asks || is_complete(context.input()) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

/// Whether what was typed ends here: a command of the shell, or a statement with its `;`, which is no part of a text.
fn is_complete(text: &str) -> bool {
    let text = text.trim();
    let quotes = text.matches('\'').count();
    text.is_empty()
        || text.starts_with('\\')
        || matches!(text, "exit" | "quit")
        || (text.ends_with(';') && quotes.is_multiple_of(2))
}

/// The words that go on with the one before the cursor, and where that begins. Behind the dot of an alias the columns.
fn completions(words: &[String], line: &str, at: usize) -> (usize, Vec<String>) {
    let before = line.get(..at).unwrap_or(line);
    let is_word = |character: char| character.is_alphanumeric() || "_.\\".contains(character);
    let start = before.char_indices().rev().take_while(|(_, it)| is_word(*it)).last().map_or(at, |(start, _)| start);
    let find = |typed: &str| -> Vec<String> {
        let typed = typed.to_lowercase();
        words.iter().filter(|word| word.to_lowercase().starts_with(&typed)).cloned().collect()
    };
    let typed = &before[start..];
    if typed.is_empty() {
        return (start, Vec::new());
    }
    let found = find(typed);
    match typed.rsplit_once('.') {
        Some((alias, column)) if found.is_empty() && !column.is_empty() => (start + alias.len() + 1, find(column)),
        _ => (start, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_with_its_semicolon() {
        for text in
            ["", "\\d", "\\d awscc.events.connections", "quit", "SELECT 1;", "SELECT ';';", "SELECT 'it''s' ;\n"]
        {
            assert!(is_complete(text), "{text}");
        }
        for text in ["SELECT 1", "SELECT\n1", "SELECT 'a;"] {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn tables_and_columns_are_completed() {
        let words: Vec<String> =
            ["SELECT", "awscc.events.connections", "awscc.events.connections_list_only", "description"]
                .map(str::to_owned)
                .to_vec();
        let line = "SELECT name FROM awscc.events.c";
        assert_eq!(completions(&words, line, line.len()), (17, words[1..3].to_vec()));
        assert_eq!(completions(&words, "SELECT c.desc", 13), (9, vec!["description".to_owned()]));
        assert_eq!(completions(&words, "sel", 3), (0, vec!["SELECT".to_owned()]));
        assert_eq!(completions(&words, "SELECT ", 7), (7, Vec::new()));
    }
}
