//! What a statement gives: columns and rows of plain values.

use serde_json::Value as Json;
use trueup_engine::value::{Map, Value};

/// A value of a row. A boolean is 1 or 0, and a nested value is JSON as a text, as in SQLite.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
}

impl Cell {
    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Integer(number) => (*number).into(),
            Self::Real(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }

    /// A JSON value as a column holds it.
    pub(super) fn of_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Integer(i64::from(*flag)),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Self::Integer(whole),
                (None, Some(real)) => Self::Real(real),
                (None, None) => Self::Text(number.to_string()),
            },
            Json::String(text) => Self::Text(text.clone()),
            nested => Self::Text(nested.to_string()),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Rows under their columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// The names of the columns; two may be the same.
    pub columns: Vec<String>,
    /// The rows, each as long as the columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Rows {
    /// The first rows by column; of two columns of one name the last.
    pub fn by_column(&self, most: usize) -> Vec<Map> {
        let row = |row: &Vec<Cell>| {
            let values = row.iter().map(|cell| Value::from(cell.to_json()));
            self.columns.iter().cloned().zip(values).collect()
        };
        self.rows.iter().take(most).map(row).collect()
    }
}
