//! Names with several spellings, brought to one.
//!
//! EventBridge echoes a KMS key in the form in which it was given (key id, key ARN, alias, alias ARN), so that two
//! spellings of one key differ as texts. The canonical form is the key's ARN.

use std::collections::{HashMap, HashSet};

use serde_json::json;
use trueup_engine::fault::{Fault, FaultKind};

use crate::fault::of_unreadable;
use crate::operation::{DESCRIBE_KEY, LIST_ALIASES};
use crate::reach::Reach;

/// Up to this many names are asked for one by one; more are looked up in the list of aliases.
const ONE_BY_ONE: usize = 3;
/// KMS pages hold at most this many.
const PAGE: u32 = 100;

/// The key's ARN for each name of a key that has one.
pub(crate) async fn kms_keys(reach: &Reach, names: &[String]) -> Result<HashMap<String, String>, Fault> {
    let mut found = HashMap::with_capacity(names.len());
    let mut asked = Vec::new();
    for name in names {
        if is_key_arn(name) {
            found.insert(name.clone(), name.clone());
        } else if is_key_id(name) {
            let here = reach.whereabouts().await?;
            let arn = format!("arn:{}:kms:{}:{}:key/{name}", partition(&here.region), here.region, here.account);
            found.insert(name.clone(), arn);
        } else if !asked.contains(name) {
            asked.push(name.clone());
        }
    }
    let mut aliases = None;
    if asked.len() > ONE_BY_ONE {
        match list_aliases(reach).await {
            Ok(listed) => aliases = Some(listed),
            // A caller who may not list can still ask for each.
            Err(fault) if fault.kind == FaultKind::Denied => {}
            Err(fault) => return Err(fault),
        }
    }
    for name in asked {
        let listed = aliases.as_ref().and_then(|aliases| aliases.get(&name));
        let arn = match listed {
            Some(arn) => Some(arn.clone()),
            // Every alias of this account and region was listed.
            None if aliases.is_some() && name.starts_with("alias/") => None,
            None => describe(reach, &name).await?,
        };
        if let Some(arn) = arn {
            found.insert(name, arn);
        }
    }
    Ok(found)
}

async fn describe(reach: &Reach, name: &str) -> Result<Option<String>, Fault> {
    match reach.read(&DESCRIBE_KEY, &json!({ "KeyId": name })).await {
        Ok(answer) => Ok(answer.pointer("/KeyMetadata/Arn").and_then(|arn| arn.as_str()).map(str::to_owned)),
        // A text that is no name of a key names none; what is wrong with it is found elsewhere.
        Err(fault) if matches!(fault.kind, FaultKind::NotFound | FaultKind::Invalid) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Alias names and alias ARNs of the account and region, with the ARN of the key behind each.
pub(crate) async fn list_aliases(reach: &Reach) -> Result<HashMap<String, String>, Fault> {
    let mut found = HashMap::new();
    let mut markers = HashSet::new();
    let mut marker: Option<String> = None;
    loop {
        let mut input = json!({ "Limit": PAGE });
        if let Some(marker) = &marker {
            input["Marker"] = marker.as_str().into();
        }
        let page = reach.read(&LIST_ALIASES, &input).await?;
        let Some(entries) = page["Aliases"].as_array() else {
            return Err(of_unreadable(&LIST_ALIASES, "it has no `Aliases`", None));
        };
        for entry in entries {
            let text = |member: &str| entry[member].as_str();
            let (Some(name), Some(arn), Some(key)) = (text("AliasName"), text("AliasArn"), text("TargetKeyId")) else {
                continue;
            };
            let Some(key_arn) = arn.strip_suffix(name).map(|prefix| format!("{prefix}key/{key}")) else { continue };
            found.insert(arn.to_owned(), key_arn.clone());
            found.insert(name.to_owned(), key_arn);
        }
        let next = page["NextMarker"].as_str().filter(|_| page["Truncated"].as_bool() == Some(true));
        let Some(next) = next.map(str::to_owned) else { return Ok(found) };
        // A list that begins again would go round for ever, and is not a whole one.
        if !markers.insert(next.clone()) {
            return Err(of_unreadable(&LIST_ALIASES, "its `NextMarker` comes again", None));
        }
        marker = Some(next);
    }
}

/// `arn:aws:kms:us-east-1:123456789012:key/…`.
pub(crate) fn is_key_arn(name: &str) -> bool {
    let mut parts = name.splitn(6, ':');
    parts.next() == Some("arn")
        && parts.nth(1) == Some("kms")
        && parts.nth(2).is_some_and(|part| part.starts_with("key/"))
}

/// A UUID, or `mrk-` and 32 hexadecimal digits.
pub(crate) fn is_key_id(name: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(rest) = name.strip_prefix("mrk-") {
        return rest.len() == 32 && hex(rest);
    }
    let parts: Vec<&str> = name.split('-').collect();
    parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, length)| part.len() == length && hex(part))
}

/// The partition of a region, by the prefix of its name.
pub fn partition(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

/// The region in which the tagging API shows what lives in no region.
///
/// <https://docs.aws.amazon.com/ARG/latest/userguide/supported-resources.html>
pub(crate) fn global_region(region: &str) -> &str {
    match partition(region) {
        "aws" => "us-east-1",
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => region,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_key_are_told_apart() {
        assert!(is_key_arn("arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"));
        assert!(!is_key_arn("arn:aws:kms:us-east-1:123456789012:alias/orders"));
        assert!(is_key_id("1234abcd-12ab-34cd-56ef-1234567890ab"));
        assert!(is_key_id("mrk-1234abcd12ab34cd56ef1234567890ab"));
        assert!(!is_key_id("alias/orders"));
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition("eu-central-1"), "aws");
    }
}
