//! The properties of `AWS::Glue::Connection`.
//!
//! Names and nesting are CloudFormation's, constraints the service model's. What CloudFormation's page has as JSON
//! (`ConnectionProperties`) is a map here, of which single members are secrets. Sources:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-glue-connection.html>,
//! <https://docs.aws.amazon.com/glue/latest/webapi/API_ConnectionInput.html>,
//! <https://docs.aws.amazon.com/glue/latest/webapi/API_AuthenticationConfigurationInput.html>.

use trueup_engine::schema::{Clearing, DefaultValue, List, Order, Property, Schema, Text, Type};

/// The members of `ConnectionProperties` that are secrets. The service model marks none of them.
pub(super) const SECRET_PROPERTIES: &[&str] = &[
    "PASSWORD",
    "KAFKA_CLIENT_KEYSTORE_PASSWORD",
    "KAFKA_CLIENT_KEY_PASSWORD",
    "KAFKA_SASL_PLAIN_PASSWORD",
    "KAFKA_SASL_SCRAM_PASSWORD",
];

const NAME: Text = Text::length(1, 255).matching("^[^\\x00-\\x1F\\x7F]+$", "free of control characters");

/// Twelve digits, and no more: the identity of a connection is `CatalogId:Name`, and a name may have colons.
const CATALOG: Text = Text::length(12, 12).matching("^[0-9]{12}$", "an account id, of 12 digits");

const SECRET_ARN: Text = Text::length(20, 512)
    .matching("^arn:[a-z0-9\\-]+:secretsmanager:.+$", "the ARN of a secret (`arn:…:secretsmanager:…`)");

const KEY_ARN: Text = Text::length(0, 2048).matching("^(arn:[a-z0-9\\-]+:kms:.+)?$", "the ARN of a KMS key");

static VALUE: Type = Type::Text(Text::length(0, 1024));
static LONG_VALUE: Type = Type::Text(Text::length(0, 2048));
static TAG: Type = Type::Text(Text::length(0, 256));

static CRITERIA: List = List { item: Type::Text(Text::length(1, 255)), order: Order::Ordered, max: 10 };
static SECURITY_GROUPS: List = List { item: Type::Text(Text::length(1, 255)), order: Order::Set, max: 50 };
static ENVIRONMENTS: List =
    List { item: Type::Text(Text::one_of(&["SPARK", "ATHENA", "PYTHON"])), order: Order::Set, max: 3 };

static PHYSICAL: &[Property] = &[
    Property::new("SubnetId", Type::Text(Text::length(1, 255)), "The subnet from which the source is reached."),
    Property::new(
        "SecurityGroupIdList",
        Type::List(&SECURITY_GROUPS),
        "The security groups of the network interfaces.",
    ),
    Property::new("AvailabilityZone", Type::Text(Text::length(1, 255)), "The zone of the subnet."),
];

static BASIC: &[Property] = &[
    Property::new("Username", Type::Text(Text::length(0, 512)), "The user name.").required(),
    Property::new("Password", Type::Text(Text::length(0, 512)), "The password.").required().secret(),
];

static CLIENT: &[Property] = &[
    Property::new(
        "UserManagedClientApplicationClientId",
        Type::Text(Text::length(0, 2048)),
        "The client's id, where you run the client.",
    ),
    Property::new(
        "AWSManagedClientApplicationReference",
        Type::Text(Text::length(0, 2048)),
        "The name of the client, where AWS runs it.",
    ),
];

static CODE: &[Property] = &[
    Property::new("AuthorizationCode", Type::Text(Text::length(1, 4096)), "The code, which can be used once.").secret(),
    Property::new("RedirectUri", Type::Text(Text::length(0, 512)), "The address to which the code was sent."),
];

static TOKENS: &[Property] = &[
    Property::new(
        "UserManagedClientApplicationClientSecret",
        Type::Text(Text::length(0, 512)),
        "The client's secret, where you run the client.",
    )
    .secret(),
    Property::new("AccessToken", Type::Text(Text::length(0, 4096)), "An access token.").secret(),
    Property::new("RefreshToken", Type::Text(Text::length(0, 4096)), "A refresh token.").secret(),
    Property::new("JwtToken", Type::Text(Text::length(0, 8000)), "A JSON web token.").secret(),
];

static OAUTH: &[Property] = &[
    Property::new(
        "OAuth2GrantType",
        Type::Text(Text::one_of(&["AUTHORIZATION_CODE", "CLIENT_CREDENTIALS", "JWT_BEARER", "REFRESH_TOKEN"])),
        "How a token is had.",
    ),
    Property::new("OAuth2ClientApplication", Type::Object(CLIENT), "The OAuth client."),
    Property::new("TokenUrl", Type::Text(Text::length(0, 256)), "Where tokens are issued."),
    Property::new("TokenUrlParametersMap", Type::Map(&LONG_VALUE), "What is added to a request for a token.")
        .secret_members(&[]),
    Property::new(
        "AuthorizationCodeProperties",
        Type::Object(CODE),
        "The code of an authorization; sent with the create only.",
    )
    .write_only(),
    Property::new("OAuth2Credentials", Type::Object(TOKENS), "Credentials of the client.").write_only(),
];

static AUTHENTICATION: &[Property] = &[
    Property::new(
        "AuthenticationType",
        Type::Text(Text::one_of(&["BASIC", "OAUTH2", "CUSTOM", "IAM"])),
        "How Glue signs in.",
    )
    .required(),
    // Glue makes a secret for credentials that are given here, and answers its ARN.
    Property::new("SecretArn", Type::Text(SECRET_ARN), "The secret that holds the credentials.").kept(),
    // "Taken as input only and stored in Secrets Manager".
    Property::new("KmsKeyArn", Type::Text(KEY_ARN), "The key of the secret that Glue makes.").write_only(),
    Property::new(
        "BasicAuthenticationCredentials",
        Type::Object(BASIC),
        "User name and password, for a secret that Glue makes.",
    )
    .write_only(),
    Property::new(
        "CustomAuthenticationCredentials",
        Type::Map(&LONG_VALUE),
        "Credentials by name, for a secret that Glue makes.",
    )
    .secret(),
    Property::new("OAuth2Properties", Type::Object(OAUTH), "The OAuth flow."),
];

static INPUT: &[Property] = &[
    Property::new("Name", Type::Text(NAME), "The connection's name in its catalog.").required().immutable(),
    // An update overwrites it; an empty one is no other than none.
    Property::new("Description", Type::Text(Text::length(0, 2048)), "What it is for.").cleared_by(Clearing::EmptyText),
    // No list of values: Glue's grows, and one that this version does not know is a warning.
    Property::new("ConnectionType", Type::Text(Text::length(1, 255)), "To what it connects: JDBC, KAFKA, MYSQL, ….")
        .required(),
    Property::new("ConnectionProperties", Type::Map(&VALUE), "How the source is reached; values are texts.")
        .secret_members(SECRET_PROPERTIES),
    Property::new("SparkProperties", Type::Map(&LONG_VALUE), "What Spark jobs get besides.")
        .secret_members(SECRET_PROPERTIES),
    Property::new("AthenaProperties", Type::Map(&LONG_VALUE), "What Athena gets besides.")
        .secret_members(SECRET_PROPERTIES),
    Property::new("PythonProperties", Type::Map(&LONG_VALUE), "What Python jobs get besides.")
        .secret_members(SECRET_PROPERTIES),
    Property::new("MatchCriteria", Type::List(&CRITERIA), "Words by which it can be chosen, in order."),
    Property::new("PhysicalConnectionRequirements", Type::Object(PHYSICAL), "The network in which the source is."),
    Property::new("AuthenticationConfiguration", Type::Object(AUTHENTICATION), "How Glue signs in."),
    Property::new("ValidateCredentials", Type::Boolean, "Whether a write tries the credentials at the source.")
        .default(DefaultValue::Boolean(true))
        .write_only(),
    Property::new(
        "ValidateForComputeEnvironments",
        Type::List(&ENVIRONMENTS),
        "For which environments a write checks the properties.",
    )
    .write_only(),
];

/// The schema.
pub(super) static SCHEMA: Schema = Schema {
    properties: &[
        Property::new("CatalogId", Type::Text(CATALOG), "The account of the catalog; without it, the caller's.")
            .immutable(),
        Property::new("ConnectionInput", Type::Object(INPUT), "The connection.").required(),
        Property::new("Tags", Type::Map(&TAG), "Tags; those that are not named are left alone.").kept(),
        Property::new("Arn", Type::Text(Text::ANY), "The connection's ARN.").read_only(),
    ],
    one_of: &[],
};
