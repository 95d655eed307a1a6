//! `trueup query`: SQL over live resources, from the command line, a file, stdin or a shell.

use std::io::Read as _;

use trueup_engine::cloud::Place;
use trueup_stackql::query::{self, QueryError, Rejected, Rows, Script};

use crate::cloud;
use crate::commands::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::live::{self, LiveTables};
use crate::output::diagnostics;
use crate::output::document::ErrorDocument;
use crate::output::query::{QueryDocument, csv, table};
use crate::output::text::count;
use crate::settings::{QueryFrom, QueryWhat, RowsForm};

/// Bytes of a file with statements.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Runs statements.
pub async fn run(context: &Context<'_>, what: &QueryWhat) -> Result<Exit, CommandError> {
    let (name, text) = match &what.from {
        QueryFrom::Argument(sql) => ("query".to_owned(), sql.clone()),
        QueryFrom::File(path) => {
            let name = path.display().to_string();
            let file = std::fs::File::open(path).map_err(|error| CommandError::file("read", path, &error))?;
            (name.clone(), read(&name, file)?)
        }
        QueryFrom::Stdin => ("stdin".to_owned(), read("stdin", std::io::stdin())?),
        QueryFrom::Shell => return Err(CommandError::usage("there is no terminal for a shell")),
    };
    let mut answers = Answers::new(context, what.form);
    let script = match Script::parse(&name, &text) {
        Ok(script) => script,
        Err(error) => return answers.end(Some(error)),
    };
    if script.is_empty() {
        return Err(CommandError::usage("there is no statement").hint("`trueup query --help` shows examples"));
    }
    let connected = cloud::connect(context.settings, false).await?;
    let failed = {
        let tables = LiveTables::new(context.settings, &connected.session);
        let place = live::place(context.settings);
        all(&tables, &place, &script, &mut answers).await
    };
    connected.close().await?;
    answers.end(failed)
}

/// Runs all statements, up to the first that fails.
async fn all(tables: &LiveTables<'_>, place: &Place, script: &Script, answers: &mut Answers<'_>) -> Option<QueryError> {
    for statement in 0..script.len() {
        match query::select(tables, place, script, statement).await {
            Ok(rows) => answers.give(statement + 1, &rows),
            Err(error) => return Some(error),
        }
    }
    None
}

/// A text that is no larger than statements are.
fn read(name: &str, from: impl std::io::Read) -> Result<String, CommandError> {
    let mut text = String::new();
    let path = std::path::Path::new(name);
    from.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| CommandError::file("read", path, &error))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(CommandError::usage(format!("`{name}` is larger than 4 MiB")));
    }
    Ok(text)
}

/// What the statements gave, on its way out.
pub struct Answers<'a> {
    context: &'a Context<'a>,
    form: RowsForm,
    document: QueryDocument,
}

impl<'a> Answers<'a> {
    /// Nothing yet.
    pub fn new(context: &'a Context<'a>, form: RowsForm) -> Self {
        Self { context, form, document: QueryDocument::new() }
    }

    /// Gives the rows of a statement.
    pub fn give(&mut self, statement: usize, rows: &Rows) {
        let printer = self.context.printer;
        match self.form {
            RowsForm::Json => self.document.push(statement, rows),
            RowsForm::Csv => printer.result(&csv(rows)),
            RowsForm::Table => {
                printer.result(&table(rows, printer.paint(), printer.settings().stdout_width.is_some()));
                printer.message(&format!("({})\n", count(rows.rows.len(), "row", "rows")));
            }
        }
    }

    /// Says why the last statement failed, where it did; ends the document.
    pub fn end(mut self, failed: Option<QueryError>) -> Result<Exit, CommandError> {
        let exit = match failed {
            None => Exit::Done,
            Some(QueryError::Rejected(rejected)) => {
                let Rejected { diagnostics: found, sources } = *rejected;
                if self.form == RowsForm::Json {
                    self.document.diagnostics = diagnostics::documents(&found, &sources);
                } else {
                    diagnostics::print(&found, &sources, self.context.printer);
                }
                Exit::Usage
            }
            Some(QueryError::Fault(fault)) => self.failed(CommandError::fault(*fault)),
            Some(QueryError::Ended(message)) => self.failed(CommandError::failed(message)),
        };
        if self.form == RowsForm::Json {
            self.context.printer.document(&self.document)?;
        }
        Ok(exit)
    }

    fn failed(&mut self, error: CommandError) -> Exit {
        if self.form == RowsForm::Json {
            self.document.error = Some(ErrorDocument::new(&error));
        } else {
            self.context.printer.error(&error);
        }
        error.exit()
    }
}
