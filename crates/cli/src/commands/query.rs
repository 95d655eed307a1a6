//! `trueup query`: SQL over live resources, from the command line, a file, stdin or a shell.

mod shell;

use std::io::Read as _;

use trueup_engine::cloud::Place;
use trueup_stackql::query::{self, QueryError, Rejected, Rows, Script};

use self::shell::Lines;
use crate::cloud::{self, Connected};
use crate::commands::{Context, execute};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::live::{self, LiveTables};
use crate::output::ask::ask;
use crate::output::diagnostics;
use crate::output::document::ErrorDocument;
use crate::output::query::{QueryDocument, csv, table};
use crate::output::text::{clean, count};
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
        QueryFrom::Shell => return interactive(context, what).await,
    };
    let mut answers = Answers::new(context, what.form);
    let script = match Script::parse(&name, &text) {
        Ok(script) => script,
        Err(error) => return answers.end(Some(error)),
    };
    if script.is_empty() {
        return Err(CommandError::usage("there is no statement").hint("`trueup query --help` shows examples"));
    }
    if !script.only_reads() {
        may_write(context, what)?;
    }
    // Only an update has to know what it sends beside what changes.
    let secret_reads = !script.only_reads() && context.settings.run.secret_reads;
    let connected = cloud::connect(context.settings, secret_reads).await?;
    let ended = {
        let tables = LiveTables::new(context.settings, &connected.session);
        let place = live::place(context.settings);
        let desk = Desk { context, cloud: &connected, tables: &tables, place, what, lines: None };
        desk.all(&script, &mut answers).await
    };
    context.lock.release(context.printer).await;
    connected.close().await?;
    match ended? {
        Ended::Done => answers.end(None),
        Ended::Failed(error) => answers.end(Some(error)),
        Ended::Declined => answers.end_with(&CommandError::failed("not confirmed; the statement was not run")),
        Ended::Interrupted => Err(CommandError::interrupted("interrupted; what was under way is done")),
    }
}

/// The shell.
async fn interactive(context: &Context<'_>, what: &QueryWhat) -> Result<Exit, CommandError> {
    if !context.settings.run.can_ask {
        return Err(CommandError::usage("there is neither a statement nor a terminal to type one on")
            .hint("`trueup query \"SELECT …\"`, or `trueup query -` for stdin"));
    }
    let connected = cloud::connect(context.settings, !what.read_only && context.settings.run.secret_reads).await?;
    let exit = {
        let tables = LiveTables::new(context.settings, &connected.session);
        let lines = Lines::start(query::known_table_names(&tables), context.settings.state.as_deref());
        let place = live::place(context.settings);
        let desk = Desk { context, cloud: &connected, tables: &tables, place, what, lines: Some(&lines) };
        shell::run(&desk, &lines).await
    };
    context.lock.release(context.printer).await;
    connected.close().await?;
    exit
}

/// Refuses a write that nobody could allow, before anything is read.
pub fn may_write(context: &Context<'_>, what: &QueryWhat) -> Result<(), CommandError> {
    if what.read_only {
        return Err(CommandError::usage("`--read-only` refuses INSERT, UPDATE and DELETE").hint("nothing was sent"));
    }
    execute::can_go_on(context, what.yes)
}

/// Where statements are run.
pub struct Desk<'a> {
    /// The command.
    pub context: &'a Context<'a>,
    /// The cloud behind them.
    pub cloud: &'a Connected,
    /// The tables.
    pub tables: &'a LiveTables<'a>,
    /// Where is read and written that names no region.
    pub place: Place,
    /// What was asked for.
    pub what: &'a QueryWhat,
    /// The lines of the shell, where it is one.
    pub lines: Option<&'a Lines>,
}

/// How statements ended.
pub enum Ended {
    /// All have run.
    Done,
    /// One has not.
    Failed(QueryError),
    /// Somebody said no to one.
    Declined,
    /// A signal came while one ran.
    Interrupted,
}

impl Desk<'_> {
    /// Runs all statements, up to the first that fails.
    pub async fn all(&self, script: &Script, answers: &mut Answers<'_>) -> Result<Ended, CommandError> {
        for statement in 0..script.len() {
            let ended = if script.reads(statement) {
                match query::select(self.tables, &self.place, script, statement).await {
                    Ok(rows) => {
                        answers.give(statement + 1, &rows);
                        Ended::Done
                    }
                    Err(error) => Ended::Failed(error),
                }
            } else {
                self.write(script, statement, answers).await?
            };
            if !matches!(ended, Ended::Done) {
                return Ok(ended);
            }
        }
        Ok(Ended::Done)
    }

    /// Asks whoever is at the terminal. The shell reads the answer itself, since it may have been typed already.
    async fn confirmed(&self, question: &str) -> Result<bool, CommandError> {
        match self.lines {
            Some(lines) => lines.confirmed(question).await,
            None => ask(self.context.printer, question).await,
        }
    }

    /// Says what a statement will do, asks, does it.
    async fn write(&self, script: &Script, statement: usize, answers: &mut Answers<'_>) -> Result<Ended, CommandError> {
        let printer = self.context.printer;
        let write = match query::prepare(self.tables, &self.place, script, statement).await {
            Ok(write) => write,
            Err(error) => return Ok(Ended::Failed(error)),
        };
        for line in write.lines() {
            printer.message(&format!("{}\n", clean(&line)));
        }
        if write.changes_something() && !self.what.yes && !self.confirmed("Do this?").await? {
            return Ok(Ended::Declined);
        }
        // Held to the end of the last statement.
        self.context.lock.take(self.context, self.cloud, &self.place).await?;
        // From here on a signal lets the statement end.
        let cancel = self.context.interrupts.graceful();
        if cancel.is_cancelled() {
            return Ok(Ended::Interrupted);
        }
        match query::execute(self.tables, &write).await {
            Ok(rows) if write.returns() => answers.give(statement + 1, &rows),
            Ok(_) => printer.message(if write.changes_something() { "done\n" } else { "nothing to do\n" }),
            Err(error) => return Ok(Ended::Failed(error)),
        }
        self.context.lock.check()?;
        Ok(if cancel.is_cancelled() { Ended::Interrupted } else { Ended::Done })
    }
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
        let rejected = match failed {
            None => return self.written(Exit::Done),
            Some(QueryError::Fault(fault)) => return self.end_with(&CommandError::fault(*fault)),
            Some(QueryError::Ended(message)) => return self.end_with(&CommandError::failed(message)),
            Some(QueryError::Rejected(rejected)) => *rejected,
        };
        let Rejected { diagnostics: found, sources } = rejected;
        if self.form == RowsForm::Json {
            self.document.diagnostics = diagnostics::documents(&found, &sources);
        } else {
            diagnostics::print(&found, &sources, self.context.printer);
        }
        self.written(Exit::Usage)
    }

    /// Ends with an error.
    pub fn end_with(mut self, error: &CommandError) -> Result<Exit, CommandError> {
        if self.form == RowsForm::Json {
            self.document.error = Some(ErrorDocument::new(error));
        } else {
            self.context.printer.error(error);
        }
        self.written(error.exit())
    }

    fn written(self, exit: Exit) -> Result<Exit, CommandError> {
        if self.form == RowsForm::Json {
            self.context.printer.document(&self.document)?;
        }
        Ok(exit)
    }
}
