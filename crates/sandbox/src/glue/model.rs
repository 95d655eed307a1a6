//! The service model of Glue's inputs, as far as it concerns connections [M].
//!
//! The keys of `ConnectionProperties` are an enumeration in the model, and yet connections in use have
//! others [T]; they are accepted, as the service accepts them.

use super::patterns::{
    DESCRIPTION_PATTERN, JWT_PATTERN, KMS_KEY_PATTERN, NAME_PATTERN, NO_SPACE_PATTERN, ONE_LINE_PATTERN,
    PRINTABLE_PATTERN, REDIRECT_PATTERN, RESOURCE_PATTERN, ROLE_PATTERN, SECRET_ARN_PATTERN, URL_PATTERN,
};
use super::types::TYPES;
use crate::shape::{Member, Shape, Text, may, must};

static CATALOG: Shape = Shape::Str(Text::new(1, 255).pattern(&NAME_PATTERN));
static NAME: Shape = Shape::Str(Text::new(1, 255).pattern(&NAME_PATTERN));
static DESCRIPTION: Shape = Shape::Str(Text::new(0, 2048).pattern(&DESCRIPTION_PATTERN));
static TYPE: Shape = Shape::Str(Text::one_of(TYPES));
static CRITERIA: Shape = Shape::List { of: &NAME, min: 0, max: 10 };
static PROPERTIES: Shape = Shape::Map { key: Text::new(0, usize::MAX), value: Text::new(1, 1024), max: 100 };
static PROPERTY_MAP: Shape = Shape::Map { key: Text::new(1, 128), value: Text::new(1, 2048), max: usize::MAX };
static GROUPS: Shape = Shape::List { of: &NAME, min: 0, max: 50 };
static PHYSICAL: Shape =
    Shape::Struct(&[may("SubnetId", &NAME), may("SecurityGroupIdList", &GROUPS), may("AvailabilityZone", &NAME)]);
static BOOLEAN: Shape = Shape::Bool;
static ENVIRONMENT: Shape = Shape::Str(Text::one_of(&["SPARK", "ATHENA", "PYTHON"]));
static ENVIRONMENTS: Shape = Shape::List { of: &ENVIRONMENT, min: 0, max: usize::MAX };

static AUTHENTICATION_TYPE: Shape = Shape::Str(Text::one_of(&["BASIC", "OAUTH2", "CUSTOM", "IAM"]));
static GRANT: Shape =
    Shape::Str(Text::one_of(&["AUTHORIZATION_CODE", "CLIENT_CREDENTIALS", "JWT_BEARER", "REFRESH_TOKEN"]));
static CLIENT: Shape = Shape::Str(Text::new(0, 2048).pattern(&NO_SPACE_PATTERN));
static APPLICATION: Shape = Shape::Struct(&[
    may("UserManagedClientApplicationClientId", &CLIENT),
    may("AWSManagedClientApplicationReference", &CLIENT),
]);
static TOKEN_URL: Shape = Shape::Str(Text::new(0, 256).pattern(&URL_PATTERN));
static TOKEN_URL_PARAMETERS: Shape = Shape::Map { key: Text::new(1, 128), value: Text::new(1, 512), max: usize::MAX };
static CODE: Shape = Shape::Str(Text::new(1, 4096).pattern(&NO_SPACE_PATTERN).sensitive());
static REDIRECT: Shape = Shape::Str(Text::new(0, 512).pattern(&REDIRECT_PATTERN));
static AUTHORIZATION_CODE: Shape = Shape::Struct(&[may("AuthorizationCode", &CODE), may("RedirectUri", &REDIRECT)]);
static CLIENT_SECRET: Shape = Shape::Str(Text::new(0, 512).pattern(&PRINTABLE_PATTERN).sensitive());
static OAUTH2_TOKEN: Shape = Shape::Str(Text::new(0, 4096).pattern(&PRINTABLE_PATTERN).sensitive());
static JWT: Shape = Shape::Str(Text::new(0, 8000).pattern(&JWT_PATTERN).sensitive());
static OAUTH2_CREDENTIALS: Shape = Shape::Struct(&[
    may("UserManagedClientApplicationClientSecret", &CLIENT_SECRET),
    may("AccessToken", &OAUTH2_TOKEN),
    may("RefreshToken", &OAUTH2_TOKEN),
    may("JwtToken", &JWT),
]);
static OAUTH2: Shape = Shape::Struct(&[
    may("OAuth2GrantType", &GRANT),
    may("OAuth2ClientApplication", &APPLICATION),
    may("TokenUrl", &TOKEN_URL),
    may("TokenUrlParametersMap", &TOKEN_URL_PARAMETERS),
    may("AuthorizationCodeProperties", &AUTHORIZATION_CODE),
    may("OAuth2Credentials", &OAUTH2_CREDENTIALS),
]);
static SECRET_ARN: Shape = Shape::Str(Text::new(0, usize::MAX).pattern(&SECRET_ARN_PATTERN));
static KMS_KEY: Shape = Shape::Str(Text::new(0, usize::MAX).pattern(&KMS_KEY_PATTERN));
static USERNAME: Shape = Shape::Str(Text::new(0, 512).pattern(&NO_SPACE_PATTERN));
static PASSWORD: Shape = Shape::Str(Text::new(0, 512).pattern(&ONE_LINE_PATTERN).sensitive());
static BASIC: Shape = Shape::Struct(&[may("Username", &USERNAME), may("Password", &PASSWORD)]);
static AUTHENTICATION: Shape = Shape::Struct(&[
    may("AuthenticationType", &AUTHENTICATION_TYPE),
    may("OAuth2Properties", &OAUTH2),
    may("SecretArn", &SECRET_ARN),
    may("KmsKeyArn", &KMS_KEY),
    may("BasicAuthenticationCredentials", &BASIC),
    may("CustomAuthenticationCredentials", &PROPERTY_MAP),
]);

static CONNECTION: Shape = Shape::Struct(&[
    must("Name", &NAME),
    may("Description", &DESCRIPTION),
    must("ConnectionType", &TYPE),
    may("MatchCriteria", &CRITERIA),
    must("ConnectionProperties", &PROPERTIES),
    may("SparkProperties", &PROPERTY_MAP),
    may("AthenaProperties", &PROPERTY_MAP),
    may("PythonProperties", &PROPERTY_MAP),
    may("PhysicalConnectionRequirements", &PHYSICAL),
    may("AuthenticationConfiguration", &AUTHENTICATION),
    may("ValidateCredentials", &BOOLEAN),
    may("ValidateForComputeEnvironments", &ENVIRONMENTS),
]);
static TAGS: Shape = Shape::Map { key: Text::new(1, 128), value: Text::new(0, 256), max: 50 };
static TAG_KEY: Shape = Shape::Str(Text::new(1, 128));
static TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, min: 0, max: 50 };
static RESOURCE: Shape = Shape::Str(Text::new(1, 10240).pattern(&RESOURCE_PATTERN));
static TOKEN: Shape = Shape::Str(Text::new(0, usize::MAX));
static PAGE: Shape = Shape::Int { min: 1, max: 1000 };
static SCHEMA_VERSION: Shape = Shape::Int { min: 1, max: 2 };
static FILTER: Shape = Shape::Struct(&[
    may("MatchCriteria", &CRITERIA),
    may("ConnectionType", &TYPE),
    may("ConnectionSchemaVersion", &SCHEMA_VERSION),
]);
static NAMES: Shape = Shape::List { of: &NAME, min: 0, max: 25 };
static TEST_INPUT: Shape = Shape::Struct(&[
    must("ConnectionType", &TYPE),
    must("ConnectionProperties", &PROPERTIES),
    may("AuthenticationConfiguration", &AUTHENTICATION),
]);
static ROLE: Shape = Shape::Str(Text::new(0, usize::MAX).pattern(&ROLE_PATTERN));
static MODE: Shape = Shape::Str(Text::one_of(&["DISABLED", "SSE-KMS", "SSE-KMS-WITH-SERVICE-ROLE"]));
static AT_REST: Shape = Shape::Struct(&[
    must("CatalogEncryptionMode", &MODE),
    may("SseAwsKmsKeyId", &NAME),
    may("CatalogEncryptionServiceRole", &ROLE),
]);
static OF_PASSWORDS: Shape =
    Shape::Struct(&[must("ReturnConnectionPasswordEncrypted", &BOOLEAN), may("AwsKmsKeyId", &NAME)]);
static SETTINGS: Shape =
    Shape::Struct(&[may("EncryptionAtRest", &AT_REST), may("ConnectionPasswordEncryption", &OF_PASSWORDS)]);

const IN_CATALOG: Member = may("CatalogId", &CATALOG);

pub(super) static CREATE: Shape =
    Shape::Struct(&[IN_CATALOG, must("ConnectionInput", &CONNECTION), may("Tags", &TAGS)]);
pub(super) static UPDATE: Shape =
    Shape::Struct(&[IN_CATALOG, must("Name", &NAME), must("ConnectionInput", &CONNECTION)]);
pub(super) static GET: Shape = Shape::Struct(&[
    IN_CATALOG,
    must("Name", &NAME),
    may("HidePassword", &BOOLEAN),
    may("ApplyOverrideForComputeEnvironment", &ENVIRONMENT),
]);
pub(super) static LIST: Shape = Shape::Struct(&[
    IN_CATALOG,
    may("Filter", &FILTER),
    may("HidePassword", &BOOLEAN),
    may("NextToken", &TOKEN),
    may("MaxResults", &PAGE),
]);
pub(super) static DELETE: Shape = Shape::Struct(&[IN_CATALOG, must("ConnectionName", &NAME)]);
pub(super) static BATCH_DELETE: Shape = Shape::Struct(&[IN_CATALOG, must("ConnectionNameList", &NAMES)]);
pub(super) static TEST: Shape =
    Shape::Struct(&[IN_CATALOG, may("ConnectionName", &NAME), may("TestConnectionInput", &TEST_INPUT)]);
pub(super) static GET_TAGS: Shape = Shape::Struct(&[must("ResourceArn", &RESOURCE)]);
pub(super) static TAG: Shape = Shape::Struct(&[must("ResourceArn", &RESOURCE), must("TagsToAdd", &TAGS)]);
pub(super) static UNTAG: Shape = Shape::Struct(&[must("ResourceArn", &RESOURCE), must("TagsToRemove", &TAG_KEYS)]);
pub(super) static PUT_SETTINGS: Shape = Shape::Struct(&[IN_CATALOG, must("DataCatalogEncryptionSettings", &SETTINGS)]);
pub(super) static GET_SETTINGS: Shape = Shape::Struct(&[IN_CATALOG]);
