//! What the unit tests of this crate have in common.

use std::path::Path;
use std::time::Duration;

use trueup_engine::diagnostic::{Diagnostics, render};
use trueup_engine::kind::{Attribute, Change, Finding, Implied, Kind, Patience, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::{Property, Schema, Text, Type};
use trueup_engine::source::{SourceId, Sources};
use trueup_engine::value::Map;

use crate::shown::veiled;

/// Runs something over a text and shows what it found, as people see it.
pub fn shown<T>(text: &str, run: impl FnOnce(SourceId, &mut Diagnostics) -> T) -> (T, String) {
    let mut sources = Sources::new(Path::new(""));
    let source = sources.add_shown("resources/x.iql", text, &veiled(text));
    let mut found = Diagnostics::new();
    let result = run(source, &mut found);
    let shown: Vec<String> = found.iter().map(|it| render(it, &sources, false, 100)).collect();
    (result, shown.join("\n"))
}

/// A type that there is not, with one property of each sort.
#[derive(Debug)]
struct Thing;

/// A type of the native dialect.
#[derive(Debug)]
struct Native;

/// A type whose native dialect has other names.
#[derive(Debug)]
struct Key;

/// A type with secrets.
#[derive(Debug)]
struct Vault;

/// A type of the service.
#[derive(Debug)]
struct Bucket;

/// All of them.
pub static KINDS: &[&dyn Kind] = &[&Thing, &Native, &Key, &Vault, &Bucket];

const WHOLE: Type = Type::Integer { min: 0, max: 99 };
static THING: Schema = Schema {
    properties: &[
        Property::new("Name", Type::Text(Text::ANY), "Its name."),
        Property::new("Note", Type::Text(Text::ANY), "A text."),
        Property::new("Tags", Type::Json, "JSON."),
        Property::new("Document", Type::Json, "JSON."),
        Property::new("Count", WHOLE, "A number."),
        Property::new("Enabled", Type::Boolean, "A boolean."),
    ],
    one_of: &[],
};
static NATIVE: Schema = Schema {
    properties: &[
        Property::new("ConnectionInput", Type::Json, "All of it."),
        Property::new("Tags", Type::Json, "JSON."),
    ],
    one_of: &[],
};

static KEY: Schema = Schema {
    properties: &[Property::new("KeyPolicy", Type::Json, "JSON."), Property::new("Tags", Type::Json, "JSON.")],
    one_of: &[],
};

static VAULT: Schema = Schema {
    properties: &[
        Property::new("Name", Type::Text(Text::ANY), "Its name."),
        Property::new("Description", Type::Text(Text::ANY), "A text."),
        Property::new("SecretString", Type::Json, "A secret.").secret(),
        Property::new(
            "AuthParameters",
            Type::Object(&[
                Property::new("ApiKeyName", Type::Text(Text::ANY), "A text."),
                Property::new("ApiKeyValue", Type::Text(Text::ANY), "A secret.").secret(),
            ]),
            "What signs in.",
        ),
    ],
    one_of: &[],
};

static BUCKET: Schema = Schema {
    properties: &[
        Property::new("Name", Type::Text(Text::ANY), "A name."),
        Property::new("BucketName", Type::Text(Text::ANY), "A name."),
        Property::new("Description", Type::Text(Text::ANY), "A text."),
    ],
    one_of: &[],
};

macro_rules! kind {
    ($kind:ident, $name:literal, $aliases:expr, $schema:expr) => {
        impl Kind for $kind {
            fn name(&self) -> &'static str {
                $name
            }

            fn aliases(&self) -> &'static [&'static str] {
                $aliases
            }

            fn schema(&self) -> &'static Schema {
                $schema
            }

            fn attributes(&self) -> &'static [Attribute] {
                &[]
            }

            fn check(&self, _: &Map) -> Vec<Finding> {
                Vec::new()
            }

            fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
                Vec::new()
            }

            fn patience(&self, _: &Map) -> Patience {
                Patience { create: Duration::ZERO, update: Duration::ZERO, delete: Duration::ZERO }
            }

            fn permissions(&self, _: Verb, _: &Subject<'_>) -> Vec<Permission> {
                Vec::new()
            }
        }
    };
}

kind!(Thing, "AWS::Test::Thing", &[], &THING);
kind!(Native, "AWS::Test::Native", &["aws.test.natives"], &NATIVE);
kind!(Key, "AWS::KMS::Key", &["awscc.kms.keys", "aws.kms.keys"], &KEY);
kind!(Vault, "AWS::Test::Vault", &[], &VAULT);
kind!(Bucket, "AWS::S3::Bucket", &[], &BUCKET);
