//! SQLite, in memory, for as long as one statement runs: what was read is put into local tables, and the statement runs
//! over them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, Error, ErrorCode};

use super::error::QueryError;
use super::functions;
use super::rewrite::local;
use super::rows::{Cell, Rows};
use super::tables::Table;

/// How long SQLite may work at one statement. What a statement reads from the cloud is not counted.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes of one text, blob or row.
const LARGEST: i32 = 64 * 1024 * 1024;
/// Instructions of SQLite's between two looks at the clock: far less than a millisecond.
const STEPS: i32 = 10_000;

/// Bytes that the rows of a statement may have.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// A database of one statement.
pub(super) struct Store {
    connection: Mutex<Connection>,
    patience: Duration,
    /// When the statement that runs is stopped.
    end: Arc<Mutex<Option<Instant>>>,
}

/// A statement that SQLite cannot make sense of, in its own words.
pub(super) struct Senseless(pub(super) String);

impl Store {
    /// An empty database.
    pub(super) fn new() -> Result<Self, QueryError> {
        Self::lasting(PATIENCE)
    }

    /// The same, in which no statement runs longer than that.
    pub(super) fn lasting(patience: Duration) -> Result<Self, QueryError> {
        let end: Arc<Mutex<Option<Instant>>> = Arc::default();
        let seen = Arc::clone(&end);
        let over = move || {
            let end = *seen.lock().unwrap_or_else(PoisonError::into_inner);
            end.is_some_and(|end| Instant::now() >= end)
        };
        let open = || {
            let mut connection = Connection::open_in_memory()?;
            // A misspelled column in quotes is a mistake, and not a text.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
            connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGEST)?;
            functions::register(&connection)?;
            connection.progress_handler(STEPS, Some(over))?;
            Ok::<_, Error>(connection)
        };
        let connection = Mutex::new(open().map_err(|error| ended(&error))?);
        Ok(Self { connection, patience, end })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the local table of a mention.
    pub(super) fn make(&self, number: usize, table: &Table) -> Result<(), QueryError> {
        let columns: Vec<String> =
            table.columns.iter().map(|column| format!("{} {}", quoted(&column.name), column.affinity())).collect();
        let sql = format!("CREATE TABLE {} ({})", quoted(&local(number)), columns.join(", "));
        self.connection().execute_batch(&sql).map_err(|error| ended(&error))
    }

    /// Puts rows into the local table of a mention.
    pub(super) fn fill(&self, number: usize, rows: Vec<Vec<Cell>>) -> Result<(), QueryError> {
        let Some(width) = rows.first().map(Vec::len) else { return Ok(()) };
        let sql = format!("INSERT INTO {} VALUES ({})", quoted(&local(number)), vec!["?"; width].join(", "));
        let mut connection = self.connection();
        let insert = || {
            let transaction = connection.transaction()?;
            {
                let mut statement = transaction.prepare(&sql)?;
                for row in rows {
                    statement.execute(rusqlite::params_from_iter(row.into_iter().map(sql_of)))?;
                }
            }
            transaction.commit()
        };
        insert().map_err(|error| ended(&error))
    }

    /// Whether SQLite can make sense of a statement.
    pub(super) fn understands(&self, sql: &str) -> Result<(), Senseless> {
        match self.connection().prepare(sql) {
            Ok(_) => Ok(()),
            Err(Error::SqliteFailure(_, Some(message)) | Error::SqlInputError { msg: message, .. }) => {
                Err(Senseless(message))
            }
            Err(error) => Err(Senseless(error.to_string())),
        }
    }

    /// Runs a statement.
    pub(super) fn run(&self, sql: &str) -> Result<Rows, QueryError> {
        let connection = self.connection();
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(self.patience);
        let run = || {
            let mut statement = connection.prepare(sql)?;
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let (mut found, mut size) = (Vec::new(), 0);
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let cells: Result<Vec<Cell>, Error> =
                    (0..columns.len()).map(|at| row.get_ref(at).map(cell_of)).collect();
                let cells = cells?;
                let texts = cells.iter().filter_map(Cell::as_str).map(str::len).sum::<usize>();
                size += texts + size_of_val(cells.as_slice()) + size_of::<Vec<Cell>>();
                if size > MAX_BYTES {
                    return Ok(None);
                }
                found.push(cells);
            }
            Ok(Some(Rows { columns, rows: found }))
        };
        let found = run().map_err(|error| ended(&error));
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = None;
        found?.ok_or_else(|| QueryError::Ended("its rows have more than 256 MiB".to_owned()))
    }
}

fn sql_of(cell: Cell) -> Sql {
    match cell {
        Cell::Null => Sql::Null,
        Cell::Integer(number) => Sql::Integer(number),
        Cell::Real(number) => Sql::Real(number),
        Cell::Text(text) => Sql::Text(text),
    }
}

fn cell_of(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cell::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn ended(error: &Error) -> QueryError {
    QueryError::Ended(match error {
        Error::SqliteFailure(failure, _) if failure.code == ErrorCode::OperationInterrupted => {
            "it took too long: SQLite works at a statement for 30 seconds at most".to_owned()
        }
        Error::SqliteFailure(_, Some(message)) | Error::SqlInputError { msg: message, .. } => message.clone(),
        Error::UserFunctionError(inner) => inner.to_string(),
        other => other.to_string(),
    })
}
