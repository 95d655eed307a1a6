//! The properties of `AWS::KMS::Key`, which are CloudFormation's. Source:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html>.

use trueup_engine::schema::{Clearing, DefaultValue, Property, Schema, Text, Type};

use crate::kinds::tag_list;

/// The specification that a key has where none is given; the only one that rotates, and that other services use.
pub(super) const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

const SPEC: Text = Text::length(1, 64).matching("^[A-Z0-9_]+$", "the name of a key specification, like `RSA_2048`");
const USAGE: Text = Text::one_of(&["ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"]);
const ORIGIN: Text = Text::one_of(&["AWS_KMS", "EXTERNAL"]);

/// The schema.
pub(super) static SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Description", Type::Text(Text::length(0, 8192)), "What it is for.")
            .cleared_by(Clearing::EmptyText),
        Property::new("KeyPolicy", Type::Json, "Who may do what with it; without one, KMS's own.").kept().policy(),
        Property::new("Enabled", Type::Boolean, "Whether it can be used.").default(DefaultValue::Boolean(true)),
        Property::new("EnableKeyRotation", Type::Boolean, "Whether its material changes from time to time.")
            .kept()
            .usually(DefaultValue::Boolean(false)),
        Property::new("RotationPeriodInDays", Type::Integer { min: 90, max: 2560 }, "How often, in days.")
            .kept()
            .usually(DefaultValue::Integer(365)),
        Property::new(
            "PendingWindowInDays",
            Type::Integer { min: 7, max: 30 },
            "How long its deletion can be taken back.",
        )
        .default(DefaultValue::Integer(30))
        .write_only(),
        Property::new("KeySpec", Type::Text(SPEC), "The sort of key.")
            .default(DefaultValue::Text(SYMMETRIC))
            .immutable(),
        Property::new("KeyUsage", Type::Text(USAGE), "What it can do.")
            .default(DefaultValue::Text("ENCRYPT_DECRYPT"))
            .immutable(),
        Property::new("Origin", Type::Text(ORIGIN), "Who makes its material.")
            .default(DefaultValue::Text("AWS_KMS"))
            .immutable(),
        Property::new("MultiRegion", Type::Boolean, "Whether it can be replicated to other regions.")
            .default(DefaultValue::Boolean(false))
            .immutable(),
        Property::new(
            "BypassPolicyLockoutSafetyCheck",
            Type::Boolean,
            "Accept a policy after which the caller cannot change it any more.",
        )
        .default(DefaultValue::Boolean(false))
        .write_only(),
        tag_list::PROPERTY,
        Property::new("KeyId", Type::Text(Text::ANY), "The key's id.").read_only(),
        Property::new("Arn", Type::Text(Text::ANY), "The key's ARN.").read_only(),
    ],
    one_of: &[],
};
