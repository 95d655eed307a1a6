//! Columns and the properties that they stand for.
//!
//! What is read has columns in snake case: `VpcId` is `vpc_id`, `ClientID` is `client_id`. What is written has the
//! properties' own names.

/// Capitals that count as one word each, in the order in which the provider takes them. A later one sees what the
/// earlier ones left.
const WORDS: &[(&str, &str)] = &[
    ("DB", "Db"),
    ("ARN", "Arn"),
    ("WAN", "Wan"),
    ("URL", "Url"),
    ("VPCDHCP", "VpcDhcp"),
    ("EC2Fleet", "Ec2_Fleet"),
    ("VPC", "Vpc"),
    ("DHCP", "Dhcp"),
    ("DNS", "Dns"),
    ("IP", "Ip"),
    ("IAM", "Iam"),
    ("IPAM", "Ipam"),
    ("TLS", "Tls"),
    ("SSM", "Ssm"),
    ("CNAME", "Cname"),
    ("SQ", "Sq"),
    ("ML", "Ml"),
    ("SKU", "Sku"),
    ("KMS", "Kms"),
    ("OK", "Ok"),
    ("CA", "Ca"),
    ("ID", "Id"),
    ("TTL", "Ttl"),
    ("URI", "Uri"),
    ("LB", "Lb"),
    ("SNS", "Sns"),
    ("AWS", "Aws"),
    ("ACL", "Acl"),
    ("AZ", "Az"),
    ("API", "Api"),
    ("MSK", "Msk"),
    ("ECS", "Ecs"),
    ("EBS", "Ebs"),
    ("CWE", "Cwe"),
    ("SSE", "Sse"),
    ("HPO", "Hpo"),
    ("LF", "Lf"),
    ("WAL", "Wal"),
    ("MFA", "Mfa"),
    ("OAuth", "Oauth"),
];

/// Columns that have a `_` before them, because the plain word means something in SQL.
const RESERVED: &[&str] = &["values", "schema", "database", "format", "update", "force", "match", "registry"];

/// The column of a property: `kms_key_identifier` of `KmsKeyIdentifier`.
pub fn column_of(property: &str) -> String {
    let name = WORDS.iter().fold(property.to_owned(), |name, (from, to)| name.replace(from, to));
    let mut column = String::with_capacity(name.len() + 8);
    let mut letters = name.chars().peekable();
    // A capital begins a word behind any other letter. Both count as read then: `ABC` is `a_bc`.
    while let Some(letter) = letters.next() {
        column.push(letter);
        if (letter.is_ascii_alphanumeric() || letter == '_')
            && let Some(capital) = letters.next_if(char::is_ascii_uppercase)
        {
            column.push('_');
            column.push(capital);
        }
    }
    column.make_ascii_lowercase();
    if RESERVED.contains(&column.as_str()) {
        column.insert(0, '_');
    }
    column
}

/// The property of a column among those that are known: one of this very name, or one whose column it is.
pub fn property_of<'a>(column: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut likely = None;
    for name in known {
        if name == column {
            return Some(name);
        }
        // A column differs from its property in capitals and in where words begin, and in nothing else.
        if likely.is_none() && letters(name).eq(letters(column)) {
            likely = Some(name);
        }
    }
    likely
}

/// The property of a column where none are known: `VpcId` of `vpc_id`.
pub fn likely_property(column: &str) -> String {
    column
        .split('_')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|letter| *letter != '_').map(|letter| letter.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_the_provider_names_them() {
        let names = [
            "Arn",
            "VpcId",
            "KmsKeyIdentifier",
            "ClientID",
            "OAuthParameters",
            "DBInstanceARN",
            "IPAMPoolId",
            "Values",
            "EnableDNSSupport",
            "S3Bucket",
            "ApiKeyAuthParameters",
            "AZs",
        ];
        let columns: Vec<String> = names.iter().map(|name| format!("{name} {}", column_of(name))).collect();
        insta::assert_snapshot!(columns.join("\n"), @"
        Arn arn
        VpcId vpc_id
        KmsKeyIdentifier kms_key_identifier
        ClientID client_id
        OAuthParameters oauth_parameters
        DBInstanceARN db_instance_arn
        IPAMPoolId ip_am_pool_id
        Values _values
        EnableDNSSupport enable_dns_support
        S3Bucket s3_bucket
        ApiKeyAuthParameters api_key_auth_parameters
        AZs azs
        ");
        for name in names {
            assert_eq!(property_of(&column_of(name), names), Some(name));
        }
    }

    #[test]
    fn a_column_finds_its_property_or_a_likely_one() {
        assert_eq!(property_of("client_id", ["ClientId2", "ClientID"]), Some("ClientID"));
        assert_eq!(property_of("name", ["Name", "name"]), Some("name"));
        assert_eq!(property_of("other", ["Name"]), None);
        assert_eq!(likely_property("kms_key_identifier"), "KmsKeyIdentifier");
        assert_eq!(likely_property("_values"), "Values");
        assert_eq!(likely_property("VpcId"), "VpcId");
    }
}
