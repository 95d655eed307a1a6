//! The properties of `AWS::SecretsManager::Secret`.
//!
//! CloudFormation's, and two of ours: the resource policy, which CloudFormation has as a type of its own, and the
//! recovery window of a deletion. Sources:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html>,
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>.

use trueup_engine::schema::{Clearing, DefaultValue, Domain, List, Order, Property, Schema, Text, Type};

use crate::kinds::tag_list;

const NAME: Text = Text::length(1, 512).matching("^[A-Za-z0-9/_+=.@\\-]+$", "of letters, digits and `/_+=.@-`");

const KEY: Text =
    Text::length(0, 2048).matching("^[A-Za-z0-9_\\-/:]*$", "a key id, a key ARN, `alias/…` or an alias ARN");

const REGION: Text = Text::length(1, 128).matching("^([a-z]+-)+[0-9]+$", "a region, like `eu-central-1`");

static GENERATE: &[Property] = &[
    Property::new("ExcludeCharacters", Type::Text(Text::length(0, 4096)), "Characters that are not used."),
    Property::new("ExcludeLowercase", Type::Boolean, "No lowercase letters.").default(DefaultValue::Boolean(false)),
    Property::new("ExcludeNumbers", Type::Boolean, "No digits.").default(DefaultValue::Boolean(false)),
    Property::new("ExcludePunctuation", Type::Boolean, "No punctuation.").default(DefaultValue::Boolean(false)),
    Property::new("ExcludeUppercase", Type::Boolean, "No uppercase letters.").default(DefaultValue::Boolean(false)),
    Property::new(
        "GenerateStringKey",
        Type::Text(Text::length(1, 10240)),
        "Under which name the password is put into the template.",
    ),
    Property::new("IncludeSpace", Type::Boolean, "Spaces, too.").default(DefaultValue::Boolean(false)),
    // Written out, so that an empty map is not nothing: it stands for a password with all defaults.
    Property::new("PasswordLength", Type::Integer { min: 1, max: 4096 }, "How many characters.")
        .default(DefaultValue::Integer(32))
        .explicit(),
    Property::new("RequireEachIncludedType", Type::Boolean, "At least one character of each sort.")
        .default(DefaultValue::Boolean(true)),
    Property::new(
        "SecretStringTemplate",
        Type::Text(Text::length(1, 10240)),
        "A JSON object, as a text, to which the password is added.",
    ),
];

static REPLICA: &[Property] = &[
    Property::new("Region", Type::Text(REGION), "The region of the copy.").required(),
    // Another region's: its spellings cannot be looked up here.
    Property::new("KmsKeyId", Type::Text(KEY), "The key of the copy, in its region."),
];

static REPLICAS: List = List { item: Type::Object(REPLICA), order: Order::Keyed("Region"), max: 50 };

/// The schema.
pub(super) static SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Name", Type::Text(NAME), "The secret's name.").required().immutable(),
        Property::new("Description", Type::Text(Text::length(0, 2048)), "What it is for.")
            .cleared_by(Clearing::EmptyText),
        Property::new("KmsKeyId", Type::Text(KEY), "The key that encrypts it; without one, `aws/secretsmanager`.")
            .names(Domain::KmsKey)
            .cleared_by(Clearing::EmptyText),
        Property::new("SecretString", Type::Json, "The value: a text, or a map that is stored as JSON.")
            .secret()
            .kept(),
        Property::new(
            "GenerateSecretString",
            Type::Object(GENERATE),
            "How a value is generated when the secret is created; never again after that.",
        )
        .write_only(),
        Property::new("ReplicaRegions", Type::List(&REPLICAS), "Copies in other regions."),
        Property::new("ResourcePolicy", Type::Json, "Who else may do what with it.").kept().policy(),
        Property::new(
            "RecoveryWindowInDays",
            Type::Integer { min: 0, max: 30 },
            "How long it can be restored after its deletion, 7 to 30; 0 deletes it at once.",
        )
        .default(DefaultValue::Integer(30))
        .write_only(),
        tag_list::PROPERTY,
        Property::new("Id", Type::Text(Text::ANY), "The secret's ARN.").read_only(),
        Property::new("Arn", Type::Text(Text::ANY), "The secret's ARN.").read_only(),
    ],
    one_of: &[],
};
