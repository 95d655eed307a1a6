//! Names of tables and columns, made from CloudFormation's: `ApiDestination` is `api_destinations`, `ClientID` is
//! `client_id`.

/// A name in capitals as a column: `ArnForPolicy` is `arn_for_policy`, `DBInstanceArn` is `db_instance_arn`.
pub(super) fn snake(name: &str) -> String {
    // One word, and not an `O` before `Auth`.
    let name = name.replace("OAuth", "Oauth");
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                let next_is_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
                before.is_ascii_lowercase() || before.is_ascii_digit() || (before.is_ascii_uppercase() && next_is_small)
            });
        if begins {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The last word of a name in the plural, as the provider's tables are called.
pub(super) fn plural(name: &str) -> String {
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if ends(&["s", "x", "z", "ch", "sh"]) {
        return if ends(&["ss", "us", "is", "as", "x", "z", "ch", "sh"]) {
            format!("{name}es")
        } else {
            name.to_owned()
        };
    }
    match name.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{name}s"),
    }
}

/// A name without what writers of it differ in.
pub(super) fn normal(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Whether a table's name is the one of a type's last word, in any plural.
pub(super) fn is_plural_of(table: &str, word: &str) -> bool {
    let (table, word) = (normal(table), normal(word));
    let stem = word.strip_suffix('y').unwrap_or(&word);
    let index = word.strip_suffix("ex").or_else(|| word.strip_suffix("ix")).unwrap_or(&word);
    let plurals = [format!("{word}s"), format!("{word}es"), format!("{stem}ies"), format!("{index}ices")];
    plurals.contains(&table) || (word.ends_with('s') && table == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_spelled_as_the_provider_spells_them() {
        for (name, column) in [
            ("Name", "name"),
            ("ArnForPolicy", "arn_for_policy"),
            ("KmsKeyIdentifier", "kms_key_identifier"),
            ("ClientID", "client_id"),
            ("DBInstanceArn", "db_instance_arn"),
            ("OAuthHttpParameters", "oauth_http_parameters"),
            ("Ipv6CidrBlock", "ipv6_cidr_block"),
        ] {
            assert_eq!(snake(name), column);
        }
    }

    #[test]
    fn tables_are_plurals() {
        for (word, table) in [
            ("connection", "connections"),
            ("api_destination", "api_destinations"),
            ("alias", "aliases"),
            ("policy", "policies"),
            ("key", "keys"),
            ("address", "addresses"),
            ("metrics", "metrics"),
        ] {
            assert_eq!(plural(word), table);
            assert!(is_plural_of(table, word), "{table}");
        }
        assert!(is_plural_of("api_destinations", "ApiDestination") && is_plural_of("indices", "Index"));
        assert!(!is_plural_of("keys", "Alias") && !is_plural_of("queue", "Queue"));
    }
}
