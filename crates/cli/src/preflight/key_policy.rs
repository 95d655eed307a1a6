//! Whether the policy of a key lets it be used, read as KMS reads it: patterns with `*` and `?`, `Not…` forms, denials first.
//!
//! Who will use the key is not known (a role, a service in its name), so that an `Allow` for anybody counts, and a `Deny`
//! where it is for everybody. A form or a condition that is not judged here leaves open what hangs on it: nobody is told
//! that a good policy fails, nor that a bad one is fine.

use serde_json::Value as Json;

use super::Check;

/// What a service does with the key of a secret.
const USES: [&str; 3] = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"];
const HELP: &str = "let EventBridge and Secrets Manager use it, or leave that to the policies of IAM";

/// What is known of a use of a key, where it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts<'a> {
    /// The ARN of the key.
    pub(super) key: Option<&'a str>,
    /// The account that uses it.
    pub(super) account: Option<&'a str>,
}

/// A statement for an action; `None` where nobody can say.
type Judged = Option<bool>;

/// Judges a key policy.
pub(super) fn check(name: &str, policy: &Json, facts: Facts<'_>) -> Check {
    let statements: Vec<&Json> = match &policy["Statement"] {
        Json::Array(statements) => statements.iter().collect(),
        Json::Null => Vec::new(),
        one => vec![one],
    };
    let (mut denied, mut lacking, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for action in USES {
        let any = |effect: &str| {
            let of = statements.iter().filter(|statement| statement["Effect"] == effect);
            one_of(of.map(|statement| applies(statement, effect == "Deny", action, facts)))
        };
        match (any("Deny"), any("Allow")) {
            (Some(true), _) => denied.push(action),
            (_, Some(false)) => lacking.push(action),
            (None, _) | (_, None) => open.push(action),
            (Some(false), Some(true)) => {}
        }
    }
    if !denied.is_empty() {
        return Check::failed("key_policy", format!("the policy of {name} denies {}", denied.join(", "))).help(HELP);
    }
    if !lacking.is_empty() {
        let detail = format!("the policy of {name} allows nobody {}", lacking.join(", "));
        return Check::failed("key_policy", detail).help(HELP);
    }
    if !open.is_empty() {
        let detail =
            format!("the policy of {name} has conditions or forms that are not judged, for {}", open.join(", "));
        return Check::not_checked("key_policy", detail).help("read it, and see that it lets the key be used");
    }
    Check::ok("key_policy", format!("the policy of {name} lets it be used"))
}

/// Whether a statement is for an action on the key, by somebody (to allow) or by everybody (to deny).
fn applies(statement: &Json, denies: bool, action: &str, facts: Facts<'_>) -> Judged {
    let fits = |pattern: &str| Some(matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()));
    let on = |pattern: &str| if pattern == "*" { Some(true) } else { facts.key.map(|key| matches(pattern, key)) };
    all_of([
        listed(statement, "Action", "NotAction", fits),
        listed(statement, "Resource", "NotResource", on),
        principal(statement, denies, facts),
        conditions(&statement["Condition"], facts),
    ])
}

/// Whether an element has a pattern that fits, or its `Not…` form none.
fn listed(statement: &Json, plain: &str, inverted: &str, fits: impl Fn(&str) -> Judged) -> Judged {
    let any = |patterns: &Json| one_of(texts(patterns)?.into_iter().map(&fits));
    match (&statement[plain], &statement[inverted]) {
        (Json::Null, Json::Null) => None,
        (patterns, Json::Null) => any(patterns),
        (Json::Null, patterns) => any(patterns).map(|found| !found),
        _ => None,
    }
}

fn principal(statement: &Json, denies: bool, facts: Facts<'_>) -> Judged {
    if !statement["NotPrincipal"].is_null() {
        return None;
    }
    if !denies {
        return Some(true);
    }
    let named = match &statement["Principal"] {
        Json::Object(kinds) => kinds.get("AWS").map_or(Some(Vec::new()), texts),
        other => texts(other),
    }?;
    // An account stands for everybody in it.
    let is_account = |name: &str| {
        let account = name.strip_suffix(":root").map_or(name, |arn| arn.rsplit(':').next().unwrap_or(arn));
        (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then(|| account.to_owned())
    };
    one_of(named.into_iter().map(|name| match is_account(name) {
        Some(account) => facts.account.map(|ours| ours == account),
        None => Some(name == "*"),
    }))
}

fn conditions(conditions: &Json, facts: Facts<'_>) -> Judged {
    let Some(operators) = conditions.as_object() else { return if conditions.is_null() { Some(true) } else { None } };
    let each = operators.iter().flat_map(|(operator, keys)| {
        let keys = keys.as_object();
        let judged = keys.into_iter().flatten().map(move |(key, values)| condition(operator, key, values, facts));
        judged.chain(keys.is_none().then_some(None))
    });
    all_of(each)
}

/// One condition, on what is known of every use: who the account is, and that it is asked for over TLS.
fn condition(operator: &str, key: &str, values: &Json, facts: Facts<'_>) -> Judged {
    let fact = match key.to_ascii_lowercase().as_str() {
        "kms:calleraccount" | "aws:principalaccount" => facts.account?,
        "aws:securetransport" => "true",
        _ => return None,
    };
    // The key is always there, which is all that `IfExists` asks about.
    let found = |same: &dyn Fn(&str) -> bool| texts(values).map(|values| values.into_iter().any(same));
    match operator.strip_suffix("IfExists").unwrap_or(operator) {
        "StringEquals" => found(&|value| value == fact),
        "StringNotEquals" => found(&|value| value == fact).map(|found| !found),
        "StringLike" => found(&|value| matches(value, fact)),
        "StringNotLike" => found(&|value| matches(value, fact)).map(|found| !found),
        "Bool" => found(&|value| value.eq_ignore_ascii_case(fact)),
        _ => None,
    }
}

/// A text or a list of texts; what a `Bool` condition asks for may be written without quotes.
fn texts(value: &Json) -> Option<Vec<&str>> {
    match value {
        Json::Array(all) => all.iter().map(Json::as_str).collect(),
        Json::Bool(flag) => Some(vec![if *flag { "true" } else { "false" }]),
        other => other.as_str().map(|text| vec![text]),
    }
}

/// Whether one holds: one that does is enough, whatever is known of the others.
fn one_of(judged: impl IntoIterator<Item = Judged>) -> Judged {
    let mut all = Some(false);
    for one in judged {
        match one {
            Some(true) => return Some(true),
            Some(false) => {}
            None => all = None,
        }
    }
    all
}

/// Whether all hold: one that does not is enough, whatever is known of the others.
fn all_of(judged: impl IntoIterator<Item = Judged>) -> Judged {
    one_of(judged.into_iter().map(|one| one.map(|holds| !holds))).map(|fails| !fails)
}

/// Whether a pattern of IAM fits a text: `*` stands for any characters, `?` for one.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut next) = (0, 0);
    // Where to go on after the last `*`, and from which character.
    let mut back: Option<(usize, usize)> = None;
    while next < text.len() {
        match pattern.get(at) {
            Some('*') => {
                back = Some((at + 1, next));
                at += 1;
            }
            Some(character) if *character == '?' || *character == text[next] => {
                at += 1;
                next += 1;
            }
            _ => {
                let Some((after, from)) = back else { return false };
                back = Some((after, from + 1));
                at = after;
                next = from + 1;
            }
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::preflight::Verdict::{self, Failed, NotChecked, Ok};

    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/0f0f0f0f-1111-4222-8333-444444444444";

    fn verdict(statements: &Json) -> Verdict {
        check("k", &json!({"Statement": statements}), Facts { key: Some(KEY), account: Some("123456789012") }).verdict
    }

    /// A statement of the account, or of everybody, with some members more.
    fn statement(effect: &str, more: Json) -> Json {
        let principal = if effect == "Deny" { json!("*") } else { json!({"AWS": "arn:aws:iam::123456789012:root"}) };
        let mut statement = json!({"Effect": effect, "Principal": principal, "Resource": "*"});
        for (member, value) in more.as_object().cloned().unwrap_or_default() {
            statement[&member] = value;
        }
        statement
    }

    fn allow(actions: Json) -> Json {
        statement("Allow", json!({ "Action": actions }))
    }

    #[test]
    fn each_use_has_to_be_allowed_by_whatever_pattern() {
        for (actions, expected) in [
            (json!("kms:*"), Ok),
            (json!("*"), Ok),
            (json!("KMS:*"), Ok),
            (json!(["kms:Decrypt", "kms:GenerateDataKey*", "kms:Describe*"]), Ok),
            (json!(["kms:*crypt", "kms:*Key"]), Ok),
            (json!(["kms:?ecrypt", "kms:Gen*Key", "kms:D*K?y"]), Ok),
            (json!(["kms:Decrypt", "kms:DescribeKey"]), Failed),
            (json!(["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey?"]), Failed),
            (json!([]), Failed),
        ] {
            assert_eq!(verdict(&allow(actions.clone())), expected, "{actions}");
        }
        assert_eq!(verdict(&json!([allow(json!(["kms:Decrypt"])), allow(json!("kms:*Key"))])), Ok);
        assert_eq!(verdict(&statement("Allow", json!({"NotAction": "kms:ScheduleKeyDeletion"}))), Ok);
        assert_eq!(verdict(&statement("Allow", json!({"NotAction": ["kms:D*"]}))), Failed);
        assert_eq!(check("k", &json!({}), Facts::default()).verdict, Failed);
    }

    #[test]
    fn a_statement_is_for_the_keys_that_it_names() {
        let on = |more: Json| {
            let mut all = json!({"Action": "kms:*", "Resource": null});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            verdict(&statement("Allow", all))
        };
        assert_eq!(on(json!({"Resource": KEY})), Ok);
        assert_eq!(on(json!({"Resource": "arn:aws:kms:*:123456789012:key/*"})), Ok);
        assert_eq!(on(json!({"Resource": "arn:aws:kms:*:210987654321:key/*"})), Failed);
        assert_eq!(on(json!({"NotResource": "arn:aws:kms:*:210987654321:key/*"})), Ok);
        assert_eq!(on(json!({"NotResource": "*"})), Failed);
        assert_eq!(on(json!({})), NotChecked);
    }

    #[test]
    fn a_denial_to_everybody_wins() {
        let with = |deny: Json| verdict(&json!([allow(json!("kms:*")), statement("Deny", deny)]));
        assert_eq!(with(json!({"Action": "kms:Decrypt"})), Failed);
        assert_eq!(with(json!({"Action": "kms:*crypt"})), Failed);
        assert_eq!(with(json!({"Action": "kms:ReEncrypt*"})), Ok);
        assert_eq!(with(json!({"NotAction": ["kms:Describe*", "kms:Get*"]})), Failed);
        assert_eq!(with(json!({"NotAction": ["kms:D*", "kms:Generate*"]})), Ok);
        assert_eq!(with(json!({"Action": "kms:*", "Principal": {"AWS": ["*"]}})), Failed);
        assert_eq!(with(json!({"Action": "kms:*", "Principal": {"AWS": "123456789012"}})), Failed);
        assert_eq!(with(json!({"Action": "kms:*", "Principal": {"AWS": "arn:aws:iam::210987654321:root"}})), Ok);
        assert_eq!(with(json!({"Action": "kms:*", "Principal": {"AWS": "arn:aws:iam::123456789012:role/a"}})), Ok);
        assert_eq!(with(json!({"Action": "kms:*", "Principal": {"Service": "s3.amazonaws.com"}})), Ok);
    }

    #[test]
    fn conditions_are_judged_where_what_they_ask_about_is_known() {
        let denied = |condition: Json| {
            let deny = statement("Deny", json!({"Action": "kms:*", "Condition": condition}));
            verdict(&json!([allow(json!("kms:*")), deny]))
        };
        assert_eq!(denied(json!({"StringNotEquals": {"kms:CallerAccount": "123456789012"}})), Ok);
        assert_eq!(denied(json!({"StringNotEquals": {"kms:CallerAccount": "210987654321"}})), Failed);
        assert_eq!(denied(json!({"StringEqualsIfExists": {"aws:PrincipalAccount": ["123456789012"]}})), Failed);
        assert_eq!(denied(json!({"Bool": {"aws:SecureTransport": false}})), Ok);
        assert_eq!(denied(json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})), NotChecked);
        let both = json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1", "kms:CallerAccount": "123456789012"}});
        assert_eq!(denied(both), Ok);
        let allowed =
            |condition: Json| verdict(&statement("Allow", json!({"Action": "kms:*", "Condition": condition})));
        assert_eq!(allowed(json!({"StringLike": {"kms:CallerAccount": "1234*"}})), Ok);
        assert_eq!(allowed(json!({"StringEquals": {"kms:CallerAccount": "210987654321"}})), Failed);
        assert_eq!(allowed(json!({"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}})), NotChecked);
    }

    #[test]
    fn what_is_not_judged_hides_nothing_that_is() {
        let others = |effect: &str| {
            json!({"Effect": effect, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:role/a"}, "Action": "kms:*",
                "Resource": "*"})
        };
        assert_eq!(verdict(&others("Allow")), NotChecked);
        assert_eq!(verdict(&json!([allow(json!("kms:*")), others("Allow")])), Ok);
        assert_eq!(verdict(&json!([allow(json!("kms:*")), others("Deny")])), NotChecked);
        assert_eq!(verdict(&json!([others("Deny"), statement("Deny", json!({"Action": "kms:Decrypt"}))])), Failed);
        let unknown =
            json!({"Statement": statement("Deny", json!({"Action": "kms:*", "Principal": {"AWS": "123456789012"}}))});
        assert_eq!(check("k", &unknown, Facts::default()).verdict, Failed);
    }
}
