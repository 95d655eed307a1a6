//! A statement with templates in it.
//!
//! The text is masked ([`mask`]) before `sqlparser` sees it: every template becomes a placeholder of the same number of
//! characters, so that every place in the tree is a place in the text. Values are put together again from the text
//! itself, as templates; a quote in what a template will become changes nothing. `{{ … }}` is never evaluated here.

pub mod column;
mod convert;
pub(crate) mod depth;
mod json;
mod mask;
mod patch;
mod select;
pub mod table;
mod words;

use std::sync::Arc;

use sqlparser::ast;
use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::manifest::tree::Node;
use trueup_engine::source::{Span, Spanned};

use self::convert::Reader;
use self::mask::Masked;
pub use self::patch::Patch;
pub use self::select::{Column, ColumnSource, Query};
pub use self::table::Table;

/// A statement.
#[derive(Debug, Clone)]
pub enum Statement {
    /// `INSERT INTO t (…) SELECT …`, `INSERT INTO t (…) VALUES (…)`, and both with REPLACE.
    Insert(Insert),
    /// `UPDATE t SET … WHERE …`.
    Update(Update),
    /// `DELETE FROM t WHERE …`.
    Delete(Delete),
    /// `SELECT …`, also with CTEs.
    Select(Query),
}

/// What is made.
#[derive(Debug, Clone)]
pub struct Insert {
    /// Of which table.
    pub table: Table,
    /// Columns, as they are written but without `data__`, and their values.
    pub columns: Vec<(Spanned<Arc<str>>, Value)>,
    /// The columns of RETURNING.
    pub returning: Vec<Column>,
}

/// What is changed.
#[derive(Debug, Clone)]
pub struct Update {
    /// Of which table.
    pub table: Table,
    /// What `PatchDocument` is set to.
    pub patch: Option<Patch>,
    /// The other columns that are set.
    pub columns: Vec<(Spanned<Arc<str>>, Value)>,
    /// The equalities of WHERE.
    pub predicates: Vec<Predicate>,
    /// The columns of RETURNING.
    pub returning: Vec<Column>,
}

/// What is deleted.
#[derive(Debug, Clone)]
pub struct Delete {
    /// Of which table.
    pub table: Table,
    /// The equalities of WHERE.
    pub predicates: Vec<Predicate>,
    /// The columns of RETURNING.
    pub returning: Vec<Column>,
}

/// A value of a statement.
#[derive(Debug, Clone)]
pub struct Value {
    /// As a template; a number, a boolean or nothing where it is written as one.
    pub node: Node,
    /// As a tree, where it is the text of an object or of a list.
    pub tree: Option<Node>,
}

/// `column = value`, and what means the same: `JSON_EQUAL(column, value)`.
#[derive(Debug, Clone)]
pub struct Predicate {
    /// The column, without `data__`.
    pub column: Spanned<Arc<str>>,
    /// Where in the column's JSON, for `JSON_EXTRACT(column, '$.a.b') = value`.
    pub path: Vec<String>,
    /// The value; `None` where only the SQL engine can say it.
    pub value: Option<Value>,
}

impl Statement {
    /// What it does, as its first word.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Insert(_) => "INSERT",
            Self::Update(_) => "UPDATE",
            Self::Delete(_) => "DELETE",
            Self::Select(_) => "SELECT",
        }
    }
}

/// Reads one statement. `None` where it cannot be lifted; the one reason is among `found`.
pub fn parse(body: &Spanned<Arc<str>>, found: &mut Diagnostics) -> Option<Statement> {
    read(body).map_err(|refused| found.push(*refused.0)).ok()
}

/// Why a statement cannot be lifted. Boxed: it is the rare way out of small functions.
pub(crate) struct Refused(Box<Diagnostic>);

fn read(body: &Spanned<Arc<str>>) -> Result<Statement, Refused> {
    let masked = Masked::of(&body.value, body.span)?;
    let statements = masked.parse()?;
    let [statement] = statements.as_slice() else {
        return Err(several(&masked, statements.len()));
    };
    let reader = Reader::new(&masked);
    match statement {
        ast::Statement::Query(query) => Ok(Statement::Select(select::read(&reader, query, body))),
        ast::Statement::Insert(insert) => {
            masked.refuse_blocks()?;
            reader.insert(insert).map(Statement::Insert)
        }
        ast::Statement::Update(update) => {
            masked.refuse_blocks()?;
            reader.update(update).map(Statement::Update)
        }
        ast::Statement::Delete(delete) => {
            masked.refuse_blocks()?;
            reader.delete(delete).map(Statement::Delete)
        }
        _ => Err(refused(masked.first_word(), "a statement of this sort cannot be lifted")
            .noted("only INSERT, UPDATE, DELETE and SELECT say what a resource is")),
    }
}

fn several(masked: &Masked<'_>, count: usize) -> Refused {
    let here = masked.first_word();
    match count {
        0 => refused(here, "there is no statement here"),
        _ => Refused::from(
            Diagnostic::error("Q111", format!("there are {count} statements here, and one can be lifted"))
                .at(masked.second_statement())
                .help("give each its own anchor"),
        ),
    }
}

/// A statement that cannot be lifted.
fn refused(span: Span, why: impl Into<String>) -> Refused {
    Refused::from(Diagnostic::error("Q111", why).at(span))
}

impl From<Diagnostic> for Refused {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(Box::new(diagnostic))
    }
}

impl Refused {
    /// Adds a fact.
    fn noted(self, note: &str) -> Self {
        (*self.0).noted(note).into()
    }

    /// Says what to do.
    fn help(self, help: &str) -> Self {
        (*self.0).help(help).into()
    }
}
