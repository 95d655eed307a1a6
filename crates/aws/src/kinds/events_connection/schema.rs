//! The properties of `AWS::Events::Connection`.
//!
//! Names and nesting are CloudFormation's, constraints the service model's, which is stricter for credentials (no
//! colon). Sources: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-connection.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateConnection.html>.

use trueup_engine::schema::{Clearing, DefaultValue, Domain, List, OneOf, Order, Property, Schema, Text, Type};

pub(in crate::kinds) const NAME: Text =
    Text::length(1, 64).matching("^[.\\-_A-Za-z0-9]+$", "letters, digits, `.`, `-` and `_` only");

/// What EventBridge allows in a user name, a password, an API key: no control character, and no colon. The model's
/// `^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$`, written so that matching it takes linear time.
const CREDENTIAL: Text = Text::length(1, 512)
    .matching("^\\t*[^\\x00-\\x1F:\\x7F][^\\x00-\\x08\\x0A-\\x1F:\\x7F]*$", "free of colons and control characters");

pub(in crate::kinds) const URL: Text = Text::length(1, 2048)
    .matching("^(%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@&=+$,A-Za-z0-9])+$", "a URL, other characters percent-encoded");

const HEADER_KEY: Text =
    Text::length(0, 512).matching("^[!#$%&'*+,\\-.^_`|~0-9a-zA-Z]+$", "the name of an HTTP header");
const HEADER_VALUE: Text = Text::length(0, 512).matching("^\\t*[\\x20-\\x7E][\\t\\x20-\\x7E]*$", "printable ASCII");
const QUERY_KEY: Text = Text::length(0, 512).matching("^[^\\x00-\\x1F\\x7F]+$", "free of control characters");
const QUERY_VALUE: Text =
    Text::length(0, 512).matching("^[^\\x00-\\x09\\x0B\\x0C\\x0E-\\x1F\\x7F]+$", "free of control characters");

const RESOURCE_CONFIGURATION: Text = Text::length(0, 2048).matching(
    "^arn:[a-z0-9\\-]+:vpc-lattice:[a-zA-Z0-9\\-]+:[0-9]{12}:resourceconfiguration/rcfg-[0-9a-z]{17}$",
    "the ARN of a VPC Lattice resource configuration (`arn:…:vpc-lattice:…:resourceconfiguration/rcfg-…`)",
);

const KMS_KEY: Text =
    Text::length(0, 2048).matching("^[a-zA-Z0-9_\\-/:]*$", "a key id, a key ARN, `alias/…` or an alias ARN");

const IS_VALUE_SECRET: Property = Property::new(
    "IsValueSecret",
    Type::Boolean,
    "Whether the value is kept as a secret; a secret value is never returned.",
)
.default(DefaultValue::Boolean(true))
.explicit();

const fn key(text: Text) -> Property {
    Property::new("Key", Type::Text(text), "The name of the parameter.").required()
}

const fn value(text: Text) -> Property {
    Property::new("Value", Type::Text(text), "The value of the parameter.").required().secret_unless("IsValueSecret")
}

static HEADER: &[Property] = &[key(HEADER_KEY), value(HEADER_VALUE), IS_VALUE_SECRET];
static QUERY: &[Property] = &[key(QUERY_KEY), value(QUERY_VALUE), IS_VALUE_SECRET];
static BODY: &[Property] = &[key(Text::ANY), value(Text::ANY), IS_VALUE_SECRET];

static HEADERS: List = List { item: Type::Object(HEADER), order: Order::Keyed("Key"), max: 100 };
static QUERIES: List = List { item: Type::Object(QUERY), order: Order::Keyed("Key"), max: 100 };
static BODIES: List = List { item: Type::Object(BODY), order: Order::Keyed("Key"), max: 100 };

static HTTP_PARAMETERS: &[Property] = &[
    Property::new("HeaderParameters", Type::List(&HEADERS), "Headers that are added.").cleared_by(Clearing::EmptyList),
    Property::new("QueryStringParameters", Type::List(&QUERIES), "Query parameters that are added.")
        .cleared_by(Clearing::EmptyList),
    Property::new("BodyParameters", Type::List(&BODIES), "Members that are added to the body.")
        .cleared_by(Clearing::EmptyList),
];

static RESOURCE_PARAMETERS: &[Property] = &[
    Property::new(
        "ResourceConfigurationArn",
        Type::Text(RESOURCE_CONFIGURATION),
        "The VPC Lattice resource configuration of the private endpoint.",
    )
    .required()
    .cleared_by(Clearing::EmptyText),
    Property::new(
        "ResourceAssociationArn",
        Type::Text(Text::ANY),
        "The association that EventBridge made with the resource configuration.",
    )
    .read_only(),
];

static CONNECTIVITY: &[Property] =
    &[Property::new("ResourceParameters", Type::Object(RESOURCE_PARAMETERS), "The private endpoint.")
        .required()
        .cleared_by(Clearing::Members)];

static API_KEY: &[Property] = &[
    Property::new("ApiKeyName", Type::Text(CREDENTIAL), "The header that carries the key.").required(),
    Property::new("ApiKeyValue", Type::Text(CREDENTIAL), "The key.").required().secret(),
];

static BASIC: &[Property] = &[
    Property::new("Username", Type::Text(CREDENTIAL), "The user name.").required(),
    Property::new("Password", Type::Text(CREDENTIAL), "The password.").required().secret(),
];

static CLIENT: &[Property] = &[
    Property::new("ClientID", Type::Text(CREDENTIAL), "The OAuth client's id.").required(),
    Property::new("ClientSecret", Type::Text(CREDENTIAL), "The OAuth client's secret.").required().secret(),
];

static OAUTH: &[Property] = &[
    Property::new("ClientParameters", Type::Object(CLIENT), "The OAuth client.").required(),
    Property::new("AuthorizationEndpoint", Type::Text(URL), "Where tokens are issued; https.").required(),
    Property::new(
        "HttpMethod",
        Type::Text(Text::one_of(&["GET", "POST", "PUT"])),
        "The method of a request for a token.",
    )
    .required(),
    Property::new("OAuthHttpParameters", Type::Object(HTTP_PARAMETERS), "What is added to a request for a token.")
        .cleared_by(Clearing::Members),
];

static AUTH: &[Property] = &[
    Property::new("ApiKeyAuthParameters", Type::Object(API_KEY), "Credentials of an API key."),
    Property::new("BasicAuthParameters", Type::Object(BASIC), "Credentials of basic authentication."),
    Property::new("OAuthParameters", Type::Object(OAUTH), "Credentials of the OAuth client-credentials flow."),
    Property::new(
        "InvocationHttpParameters",
        Type::Object(HTTP_PARAMETERS),
        "What is added to every request to the endpoint.",
    )
    .cleared_by(Clearing::Members),
    Property::new(
        "ConnectivityParameters",
        Type::Object(CONNECTIVITY),
        "The private endpoint at which tokens are issued.",
    )
    .cleared_by(Clearing::Members),
];

/// The schema.
pub(super) static SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Name", Type::Text(NAME), "The connection's name in its account and region.")
            .required()
            .immutable(),
        Property::new("Description", Type::Text(Text::length(0, 512)), "What it is for.")
            .cleared_by(Clearing::EmptyText),
        Property::new(
            "AuthorizationType",
            Type::Text(Text::one_of(&["API_KEY", "BASIC", "OAUTH_CLIENT_CREDENTIALS"])),
            "How requests are authorized.",
        )
        .required(),
        Property::new("AuthParameters", Type::Object(AUTH), "The credentials, and what is added to requests.")
            .required(),
        Property::new(
            "InvocationConnectivityParameters",
            Type::Object(CONNECTIVITY),
            "The private endpoint that is invoked.",
        )
        .cleared_by(Clearing::Members),
        Property::new(
            "KmsKeyIdentifier",
            Type::Text(KMS_KEY),
            "The KMS key that encrypts the managed secret; without it, a key of AWS's.",
        )
        .names(Domain::KmsKey)
        .cleared_by(Clearing::Never),
        Property::new("Arn", Type::Text(Text::ANY), "The connection's ARN.").read_only(),
        Property::new("ArnForPolicy", Type::Text(Text::ANY), "The ARN without the id, for policies.").read_only(),
        Property::new("SecretArn", Type::Text(Text::ANY), "The ARN of the managed secret.").read_only(),
    ],
    one_of: &[OneOf {
        at: "/AuthParameters",
        members: &["ApiKeyAuthParameters", "BasicAuthParameters", "OAuthParameters"],
    }],
};
