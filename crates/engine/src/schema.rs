//! What a kind's properties may be: pure data, and everything that offline validation and the differ need.
//!
//! A schema is `static`. The schema of a type that is only known at run time (Cloud Control) is built once per process
//! and leaked, so that both have the same type and no lock or reference count stands on the hot path.
//!
//! Builders are `const fn`, so that a kind's file reads like the service's own table:
//! `Property::new("Name", Type::Text(NAME), "…").required().immutable()`.

use crate::value::Value;

/// The properties of a kind.
#[derive(Debug)]
pub struct Schema {
    /// The top-level properties.
    pub properties: &'static [Property],
    /// Groups of members of which exactly one must be given.
    pub one_of: &'static [OneOf],
}

/// Exactly one of `members` must be given in the object at `at` (a JSON pointer), where that object is given.
#[derive(Debug)]
pub struct OneOf {
    /// The object that holds the members.
    pub at: &'static str,
    /// The members' names.
    pub members: &'static [&'static str],
}

/// One property, at any depth.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// CloudFormation's name and case.
    pub name: &'static str,
    /// What it may hold.
    pub ty: Type,
    /// What it is for, in one sentence; shown by `init --type`.
    pub doc: &'static str,
    /// It must be given where its parent is given.
    pub required: bool,
    /// A change replaces the resource.
    pub immutable: bool,
    /// The service takes it and never returns it. One that is public, or that holds more than one value, is sent with
    /// every write and compared with nothing.
    pub write_only: bool,
    /// The service returns it and never takes it; giving it is an error.
    pub read_only: bool,
    /// Whether the value is a secret.
    pub secrecy: Secrecy,
    /// The service's own value where it is not given.
    pub default: Option<DefaultValue>,
    /// The value that the service gives it where nobody does, and that stays to be compared where it is given: only an
    /// import leaves it out.
    pub usual: Option<DefaultValue>,
    /// The default is written out on both sides, because people should see it.
    pub explicit_default: bool,
    /// How a value that was set is taken back with an update.
    pub clearing: Clearing,
    /// What a text in this property names, where several spellings name one thing.
    pub names: Option<Domain>,
    /// A live value that is not given is kept: the service, or somebody else, may set it. In a map and in a keyed list
    /// this holds for each name, so that only the names that are given are managed.
    pub kept: bool,
    /// It is a policy document of IAM, in which several ways of writing mean the same.
    pub policy: bool,
    /// An empty map or list says something, and is no other way to say nothing.
    pub says_empty: bool,
    /// With [`write_only`](Self::write_only): also a public value counts as not verifiable, and every update sends it.
    pub unseen: bool,
}

/// Whether a property's value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// It may be shown.
    Public,
    /// It is never shown.
    Secret,
    /// It is a secret unless the boolean of this name beside it is `false`.
    Unless(&'static str),
    /// It is a map, in which the values of these names are secrets, and so is every text whose name says so, or that
    /// holds credentials as URLs do (see [`crate::embedded`]).
    Members(&'static [&'static str]),
}

/// Whether a member of a map with [`Secrecy::Members`] is a secret.
pub fn is_secret_member(names: &[&str], name: &str, text: &str) -> bool {
    names.contains(&name) || crate::embedded::names_credential(name) || crate::embedded::holds_credentials(text)
}

/// A default value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// A text.
    Text(&'static str),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
}

impl DefaultValue {
    /// As a value.
    pub fn to_value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Integer(number) => number.into(),
            Self::Boolean(flag) => flag.into(),
        }
    }
}

/// How a property that was set is taken back by an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearing {
    /// Leaving it out is enough: the update overwrites, or the parent is sent whole.
    Omit,
    /// The empty string is sent.
    EmptyText,
    /// The empty list is sent.
    EmptyList,
    /// Its default is sent.
    SendDefault,
    /// The members inside are cleared one by one.
    Members,
    /// The service has no way; only a replacement takes it back.
    Never,
}

/// A set of names with several spellings each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// A KMS key: key id, key ARN, alias name or alias ARN. The canonical form is the key ARN.
    KmsKey,
    /// The ARN of an EventBridge connection.
    EventsConnectionArn,
}

/// What a property may hold.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// A text.
    Text(Text),
    /// A whole number.
    Integer {
        /// The smallest one allowed.
        min: i64,
        /// The largest one allowed.
        max: i64,
    },
    /// A number.
    Number {
        /// The smallest one allowed.
        min: f64,
        /// The largest one allowed.
        max: f64,
    },
    /// A boolean.
    Boolean,
    /// Members by name.
    Object(&'static [Property]),
    /// Items.
    List(&'static List),
    /// Values of one type by free names.
    Map(&'static Type),
    /// Any JSON; a text is read as JSON (policy documents).
    Json,
    /// The first of these that a value has the form of.
    Union(&'static [Type]),
    /// Anything; a text is a text.
    Any,
}

impl Type {
    /// What it is, in the words of a message: "a string".
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer { .. } => "a whole number",
            Self::Boolean => "a boolean",
            Self::Object(_) | Self::Map(_) => "a map",
            Self::List(_) => "a list",
            Self::Number { .. } => "a number",
            Self::Json => "a JSON document",
            Self::Union(_) => "one of several types",
            Self::Any => "any value",
        }
    }

    /// The type that a value of this one has: a member of a union, by the form of the value, or the type itself.
    pub fn of(&self, value: &Value) -> &Self {
        match self {
            Self::Union(members) => members.iter().map(|ty| ty.of(value)).find(|ty| ty.has_form(value)).unwrap_or(self),
            _ => self,
        }
    }

    /// Whether a value has the form of this type, whatever is in it.
    fn has_form(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Union(members), value) => members.iter().any(|ty| ty.has_form(value)),
            (_, Value::Deferred(_) | Value::Unknown(_)) | (Self::Any, _) => true,
            (Self::Integer { .. }, Value::Number(number)) => !number.is_f64(),
            (Self::Text(_) | Self::Json, Value::String(_))
            | (Self::Text(_), Value::Secret(_))
            | (Self::Number { .. }, Value::Number(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::Object(_) | Self::Map(_) | Self::Json, Value::Map(_))
            | (Self::List(_) | Self::Json, Value::List(_)) => true,
            _ => false,
        }
    }
}

/// A list type.
#[derive(Debug)]
pub struct List {
    /// What each item is.
    pub item: Type,
    /// Whether and how items are told apart.
    pub order: Order,
    /// The most items allowed.
    pub max: usize,
}

/// Whether the order of a list matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// It does: items are compared by position.
    Ordered,
    /// It does not: items are compared as a set.
    Set,
    /// Items are objects, matched by this member.
    Keyed(&'static str),
}

/// The constraints of a text.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The fewest characters.
    pub min: usize,
    /// The most characters.
    pub max: usize,
    /// What it must look like.
    pub pattern: Option<Pattern>,
    /// The values allowed; empty means any.
    pub allowed: &'static [&'static str],
}

impl Text {
    /// Any text.
    pub const ANY: Self = Self { min: 0, max: usize::MAX, pattern: None, allowed: &[] };

    /// A text of `min` to `max` characters.
    pub const fn length(min: usize, max: usize) -> Self {
        Self { min, max, pattern: None, allowed: &[] }
    }

    /// One of these values.
    pub const fn one_of(allowed: &'static [&'static str]) -> Self {
        Self { min: 0, max: usize::MAX, pattern: None, allowed }
    }

    /// With a pattern: the regular expression, anchored, and what it means in words
    /// (it completes the sentence "must be …").
    #[must_use]
    pub const fn matching(mut self, regex: &'static str, words: &'static str) -> Self {
        self.pattern = Some(Pattern { regex, words });
        self
    }
}

/// What a text must look like.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    /// An anchored regular expression.
    pub regex: &'static str,
    /// The same in words, completing "must be …".
    pub words: &'static str,
}

impl Property {
    /// An optional, mutable, public property.
    pub const fn new(name: &'static str, ty: Type, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            doc,
            required: false,
            immutable: false,
            write_only: false,
            read_only: false,
            secrecy: Secrecy::Public,
            default: None,
            usual: None,
            explicit_default: false,
            clearing: Clearing::Omit,
            names: None,
            kept: false,
            policy: false,
            says_empty: false,
            unseen: false,
        }
    }

    /// Must be given.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// A change replaces the resource.
    #[must_use]
    pub const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Taken and never returned.
    #[must_use]
    pub const fn write_only(mut self) -> Self {
        self.write_only = true;
        self
    }

    /// Returned and never taken.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Never shown, and never returned.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secrecy = Secrecy::Secret;
        self.write_only = true;
        self
    }

    /// A secret unless the boolean beside it is `false`.
    #[must_use]
    pub const fn secret_unless(mut self, flag: &'static str) -> Self {
        self.secrecy = Secrecy::Unless(flag);
        self
    }

    /// Has this value where it is not given; equal to absent in a comparison.
    #[must_use]
    pub const fn default(mut self, value: DefaultValue) -> Self {
        self.default = Some(value);
        self
    }

    /// Has this value where nobody gave one; no import writes it.
    #[must_use]
    pub const fn usually(mut self, value: DefaultValue) -> Self {
        self.usual = Some(value);
        self
    }

    /// The default is always written out, sent and shown.
    #[must_use]
    pub const fn explicit(mut self) -> Self {
        self.explicit_default = true;
        self
    }

    /// A map whose members of these names are secrets.
    #[must_use]
    pub const fn secret_members(mut self, names: &'static [&'static str]) -> Self {
        self.secrecy = Secrecy::Members(names);
        self
    }

    /// Kept as it is live where it is not given.
    #[must_use]
    pub const fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    /// Is a policy document.
    #[must_use]
    pub const fn policy(mut self) -> Self {
        self.policy = true;
        self
    }

    /// Empty is not the same as not given.
    #[must_use]
    pub const fn says_empty(mut self) -> Self {
        self.says_empty = true;
        self
    }

    /// Taken and never returned, sent with every update, and never verifiable.
    #[must_use]
    pub const fn unseen(mut self) -> Self {
        self.write_only = true;
        self.unseen = true;
        self
    }

    /// How it is taken back.
    #[must_use]
    pub const fn cleared_by(mut self, clearing: Clearing) -> Self {
        self.clearing = clearing;
        self
    }

    /// Its texts are names of this domain.
    #[must_use]
    pub const fn names(mut self, domain: Domain) -> Self {
        self.names = Some(domain);
        self
    }
}

impl Schema {
    /// Whether what is at a JSON pointer of a document is, or is part of, what every update sends
    /// ([`Property::unseen`]).
    pub fn is_unseen(&self, pointer: &str) -> bool {
        let ends = pointer.match_indices('/').skip(1).map(|(end, _)| end).chain([pointer.len()]);
        ends.map(|end| &pointer[..end]).any(|above| self.at(above).is_some_and(|property| property.unseen))
    }

    /// The property at a JSON pointer of a document (list indices are passed over), or `None` where there is none.
    pub fn at(&self, pointer: &str) -> Option<&'static Property> {
        let mut members = Some(self.properties);
        let mut found = None;
        for token in crate::value::tokens(pointer) {
            if token.bytes().all(|byte| byte.is_ascii_digit()) || token == "-" {
                continue;
            }
            let property = members?.iter().find(|property| property.name == token)?;
            found = Some(property);
            members = match property.ty {
                Type::Object(inner) => Some(inner),
                Type::List(list) => match list.item {
                    Type::Object(inner) => Some(inner),
                    _ => None,
                },
                _ => None,
            };
        }
        found
    }
}
