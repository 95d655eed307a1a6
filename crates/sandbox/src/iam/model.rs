//! The inputs of IAM's operations, after the service model [M].

use crate::shape::{Pattern, Shape, Text, may, must};

static NAME_PATTERN: Pattern = Pattern {
    text: r"[\w+=,.@-]+",
    matches: |text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b)),
};
static PATH_PATTERN: Pattern = Pattern {
    text: r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)",
    matches: |text| {
        text == "/"
            || (text.len() > 2
                && text.starts_with('/')
                && text.ends_with('/')
                && text.bytes().all(|b| b.is_ascii_graphic()))
    },
};
static PREFIX_PATTERN: Pattern = Pattern {
    text: r"\u002F[\u0021-\u007F]*",
    matches: |text| text.starts_with('/') && text.bytes().all(|b| (0x21..=0x7f).contains(&b)),
};
static NAME: Shape = Shape::Str(Text::new(1, 64).pattern(&NAME_PATTERN));
static POLICY_NAME: Shape = Shape::Str(Text::new(1, 128).pattern(&NAME_PATTERN));
static PATH: Shape = Shape::Str(Text::new(1, 512).pattern(&PATH_PATTERN));
static PREFIX: Shape = Shape::Str(Text::new(1, 512).pattern(&PREFIX_PATTERN));
static DOCUMENT: Shape = Shape::Str(Text::new(1, 131_072));
static DESCRIPTION: Shape = Shape::Str(Text::new(0, 1000));
static SESSION: Shape = Shape::Int { min: 3600, max: 43200 };
static ARN: Shape = Shape::Str(Text::new(20, 2048));
static TAG_KEY: Shape = Shape::Str(Text::new(1, 128));
static TAG_VALUE: Shape = Shape::Str(Text::new(0, 256));
static ONE_TAG: Shape = Shape::Struct(&[must("Key", &TAG_KEY), must("Value", &TAG_VALUE)]);
static TAGS: Shape = Shape::List { of: &ONE_TAG, min: 0, max: 50 };
static TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, min: 0, max: 50 };
static MARKER: Shape = Shape::Str(Text::new(1, usize::MAX));
static PAGE: Shape = Shape::Int { min: 1, max: 1000 };

pub(super) static CREATE: Shape = Shape::Struct(&[
    may("Path", &PATH),
    must("RoleName", &NAME),
    must("AssumeRolePolicyDocument", &DOCUMENT),
    may("Description", &DESCRIPTION),
    may("MaxSessionDuration", &SESSION),
    may("PermissionsBoundary", &ARN),
    may("Tags", &TAGS),
]);
pub(super) static BY_NAME: Shape = Shape::Struct(&[must("RoleName", &NAME)]);
pub(super) static LIST: Shape =
    Shape::Struct(&[may("PathPrefix", &PREFIX), may("Marker", &MARKER), may("MaxItems", &PAGE)]);
pub(super) static UPDATE: Shape =
    Shape::Struct(&[must("RoleName", &NAME), may("Description", &DESCRIPTION), may("MaxSessionDuration", &SESSION)]);
pub(super) static TRUST: Shape = Shape::Struct(&[must("RoleName", &NAME), must("PolicyDocument", &DOCUMENT)]);
pub(super) static BOUNDARY: Shape = Shape::Struct(&[must("RoleName", &NAME), must("PermissionsBoundary", &ARN)]);
pub(super) static PUT_POLICY: Shape =
    Shape::Struct(&[must("RoleName", &NAME), must("PolicyName", &POLICY_NAME), must("PolicyDocument", &DOCUMENT)]);
pub(super) static POLICY: Shape = Shape::Struct(&[must("RoleName", &NAME), must("PolicyName", &POLICY_NAME)]);
pub(super) static ATTACH: Shape = Shape::Struct(&[must("RoleName", &NAME), must("PolicyArn", &ARN)]);
pub(super) static LIST_OF_ROLE: Shape =
    Shape::Struct(&[must("RoleName", &NAME), may("Marker", &MARKER), may("MaxItems", &PAGE)]);
pub(super) static TAG: Shape = Shape::Struct(&[must("RoleName", &NAME), must("Tags", &TAGS)]);
pub(super) static UNTAG: Shape = Shape::Struct(&[must("RoleName", &NAME), must("TagKeys", &TAG_KEYS)]);
