//! Checks an input against the service's model and words violations as the service does.
//!
//! AWS checks every member before it does anything and reports all violations in one text, which the
//! product mirrors offline; so the sandbox has to say the same thing in the same words. Patterns are
//! plain functions beside their text, because a regular expression per member would be most of the
//! cost of a request; a test holds the two together.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

use crate::wire::Refusal;

/// A pattern: its text for the message, and a function that decides it.
pub(crate) struct Pattern {
    pub(crate) text: &'static str,
    pub(crate) matches: fn(&str) -> bool,
}

/// The constraints of a string.
pub(crate) struct Text {
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) pattern: Option<&'static Pattern>,
    pub(crate) one_of: &'static [&'static str],
    /// The value is left out of messages.
    pub(crate) sensitive: bool,
}

impl Text {
    /// Makes a string with a length.
    pub(crate) const fn new(min: usize, max: usize) -> Self {
        Self { min, max, pattern: None, one_of: &[], sensitive: false }
    }

    /// Makes an enumeration.
    pub(crate) const fn one_of(one_of: &'static [&'static str]) -> Self {
        let mut text = Self::new(0, usize::MAX);
        text.one_of = one_of;
        text
    }

    /// Adds a pattern.
    pub(crate) const fn pattern(mut self, pattern: &'static Pattern) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// Leaves the value out of messages.
    pub(crate) const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

/// One thing that a string must satisfy.
enum Constraint {
    Max(usize),
    Min(usize),
    Pattern(&'static Pattern),
    OneOf(&'static [&'static str]),
}

impl Text {
    /// Returns what a string must satisfy, in the order in which the service's texts say it.
    fn constraints(&self) -> impl Iterator<Item = Constraint> {
        let enumeration = (!self.one_of.is_empty()).then_some(Constraint::OneOf(self.one_of));
        let length = self.one_of.is_empty() && self.max < usize::MAX;
        [
            length.then_some(Constraint::Max(self.max)),
            (self.min > 0).then_some(Constraint::Min(self.min)),
            self.pattern.map(Constraint::Pattern),
            enumeration,
        ]
        .into_iter()
        .flatten()
    }
}

impl Constraint {
    fn holds(&self, value: &str) -> bool {
        match self {
            // Counting characters is only needed near the limits.
            Self::Max(max) => value.len() <= *max || value.chars().count() <= *max,
            Self::Min(min) => value.len() >= *min,
            Self::Pattern(pattern) => (pattern.matches)(value),
            Self::OneOf(all) => all.contains(&value),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max(max) => write!(f, "Member must have length less than or equal to {max}"),
            Self::Min(min) => write!(f, "Member must have length greater than or equal to {min}"),
            Self::Pattern(pattern) => write!(f, "Member must satisfy regular expression pattern: {}", pattern.text),
            Self::OneOf(all) => {
                write!(f, "Member must satisfy enum value set: [{}]", all.join(", "))
            }
        }
    }
}

/// A shape of the model.
pub(crate) enum Shape {
    Str(Text),
    Int {
        min: i64,
        max: i64,
    },
    Bool,
    /// Seconds since 1970.
    Time,
    List {
        of: &'static Shape,
        min: usize,
        max: usize,
    },
    Map {
        key: Text,
        value: Text,
        max: usize,
    },
    Struct(&'static [Member]),
}

/// A member of a structure.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static Shape,
    pub(crate) required: bool,
}

/// Makes a required member.
pub(crate) const fn must(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: true }
}

/// Makes an optional member.
pub(crate) const fn may(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: false }
}

/// Checks a whole input.
pub(crate) fn check(shape: &Shape, input: &Value) -> Result<(), Refusal> {
    let mut found = Violations { path: String::new(), texts: Vec::new() };
    found.visit(shape, input)?;
    let count = found.texts.len();
    if count == 0 {
        return Ok(());
    }
    // [L] the form of the text
    let noun = if count == 1 { "error" } else { "errors" };
    let all = found.texts.join("; ");
    Err(Refusal::invalid(format!("{count} validation {noun} detected: {all}")))
}

struct Violations {
    path: String,
    texts: Vec<String>,
}

impl Violations {
    fn visit(&mut self, shape: &Shape, value: &Value) -> Result<(), Refusal> {
        match (shape, value) {
            (Shape::Str(text), Value::String(value)) => self.text(text, value),
            (Shape::Int { min, max }, Value::Number(number)) if number.is_i64() => {
                let number = number.as_i64().unwrap_or_default();
                if number > *max {
                    self.add(Some(&number.to_string()), &format!("Member must have value less than or equal to {max}"));
                }
                if number < *min {
                    self.add(
                        Some(&number.to_string()),
                        &format!("Member must have value greater than or equal to {min}"),
                    );
                }
            }
            (Shape::Bool, Value::Bool(_)) | (Shape::Time, Value::Number(_)) => {}
            (Shape::List { of, min, max }, Value::Array(items)) => {
                // What a list holds may be secret: its content is not repeated.
                if items.len() > *max {
                    self.add(None, &format!("Member must have length less than or equal to {max}"));
                }
                if items.len() < *min {
                    self.add(None, &format!("Member must have length greater than or equal to {min}"));
                }
                for (index, item) in items.iter().enumerate() {
                    let mark = self.path.len();
                    let _ = write!(self.path, ".{}.member", index + 1);
                    self.visit(of, item)?;
                    self.path.truncate(mark);
                }
            }
            (Shape::Map { key, value, max }, Value::Object(entries)) => {
                self.map(key, value, *max, entries)?;
            }
            (Shape::Struct(members), Value::Object(object)) => {
                for member in *members {
                    let mark = self.path.len();
                    self.descend(member.name);
                    match object.get(member.name).filter(|value| !value.is_null()) {
                        Some(value) => self.visit(member.shape, value)?,
                        None if member.required => self.texts.push(format!(
                            "Value null at '{}' failed to satisfy constraint: Member must not be null",
                            self.path
                        )),
                        None => {}
                    }
                    self.path.truncate(mark);
                }
            }
            // [?] the service's text names Java classes
            (shape, value) => {
                return Err(Refusal::new(
                    "SerializationException",
                    format!("{} can not be converted to {}", kind_of(value), name_of(shape)),
                ));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &Text, value: &str) {
        let shown = (!text.sensitive).then_some(value);
        for constraint in text.constraints() {
            if !constraint.holds(value) {
                self.add(shown, &constraint.to_string());
            }
        }
    }

    /// [I] the form of the texts. What a map holds may be secret: it is not repeated.
    fn map(&mut self, key: &Text, value: &Text, max: usize, entries: &Map<String, Value>) -> Result<(), Refusal> {
        if entries.len() > max {
            self.add(None, &format!("Member must have length less than or equal to {max}"));
        }
        if let Some(other) = entries.values().find(|it| !it.is_string()) {
            return self.visit(&Shape::Str(Text::new(0, 0)), other);
        }
        let keys: Vec<&str> = entries.keys().map(String::as_str).collect();
        let values: Vec<&str> = entries.values().filter_map(Value::as_str).collect();
        for (what, text, all) in [("keys", key, keys), ("value", value, values)] {
            let broken = |one: &&str| text.constraints().any(|it| !it.holds(one));
            if all.iter().any(broken) {
                let constraints: Vec<String> = text.constraints().map(|it| it.to_string()).collect();
                let constraints = constraints.join(", ");
                self.add(None, &format!("Map {what} must satisfy constraint: [{constraints}]"));
            }
        }
        Ok(())
    }

    fn add(&mut self, value: Option<&str>, constraint: &str) {
        let value = value.map_or_else(String::new, |value| format!(" '{value}'"));
        self.texts.push(format!("Value{value} at '{}' failed to satisfy constraint: {constraint}", self.path));
    }

    /// Appends a member's name as the service's texts spell it: with a small first letter.
    fn descend(&mut self, name: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        let mut letters = name.chars();
        self.path.extend(letters.next().map(|first| first.to_ascii_lowercase()));
        self.path.push_str(letters.as_str());
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

fn name_of(shape: &Shape) -> &'static str {
    match shape {
        Shape::Str(_) => "a String",
        Shape::Int { .. } => "an Integer",
        Shape::Bool => "a Boolean",
        Shape::Time => "a Timestamp",
        Shape::List { .. } => "a List",
        Shape::Map { .. } => "a Map",
        Shape::Struct(_) => "a Structure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static NAME: Shape = Shape::Str(Text::new(1, 4));
    static WORD: Shape = Shape::Str(Text::new(1, 4).sensitive());
    static ITEMS: Shape = Shape::List { of: &INNER, min: 0, max: 1 };
    static INNER: Shape = Shape::Struct(&[must("Key", &NAME)]);
    static INPUT: Shape = Shape::Struct(&[must("Name", &NAME), may("PassWord", &WORD), may("Items", &ITEMS)]);

    fn message(input: Value) -> String {
        check(&INPUT, &input).err().map_or_else(String::new, |refusal| refusal.message)
    }

    #[test]
    fn violations_are_collected_and_secrets_left_out() {
        assert_eq!(
            message(json!({"Name": "abcde", "PassWord": "hunter2"})),
            "2 validation errors detected: Value 'abcde' at 'name' failed to satisfy constraint: Member must have \
             length less than or equal to 4; Value at 'passWord' failed to satisfy constraint: Member must have length \
             less than or equal to 4"
        );
    }

    #[test]
    fn missing_members_and_list_members_are_named() {
        assert_eq!(
            message(json!({"Items": [{}, {"Key": "a"}]})),
            "3 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; \
             Value at 'items' failed to satisfy constraint: Member must have length less than or equal to 1; Value null \
             at 'items.1.member.key' failed to satisfy constraint: Member must not be null"
        );
    }

    #[test]
    fn maps_name_their_constraints_and_not_their_entries() {
        static MAP: Shape = Shape::Map { key: Text::new(1, 4), value: Text::new(1, 8), max: 1 };
        static INPUT: Shape = Shape::Struct(&[may("Map", &MAP)]);
        let refusal = check(&INPUT, &json!({"Map": {"a": "hunter2-long", "b": "c"}}));
        assert_eq!(
            refusal.err().unwrap().message,
            "2 validation errors detected: Value at 'map' failed to satisfy constraint: Member must have length less \
             than or equal to 1; Value at 'map' failed to satisfy constraint: Map value must satisfy constraint: \
             [Member must have length less than or equal to 8, Member must have length greater than or equal to 1]"
        );
        let refusal = check(&INPUT, &json!({"Map": {"a": 5}})).err().unwrap();
        assert_eq!(refusal.code, "SerializationException");
    }

    #[test]
    fn another_type_is_a_serialization_error() {
        let refusal = check(&INPUT, &json!({"Name": 5})).err().unwrap();
        assert_eq!(refusal.code, "SerializationException");
    }
}
