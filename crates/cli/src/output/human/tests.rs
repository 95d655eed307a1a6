//! Plans made by hand, one of every kind of row, shown whole.

use std::sync::Arc;

use trueup_engine::address::Address;
use trueup_engine::cloud::{Live, Place, Present, Readiness, Seen, Whereabouts};
use trueup_engine::credential::Lack;
use trueup_engine::desired::Desired;
use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::kind::Implied;
use trueup_engine::plan::Estimate;
use trueup_engine::secret::Secret;
use trueup_engine::source::{SourceId, Span};
use trueup_engine::stack::{Instance, Spans, Timeouts};
use trueup_engine::value::Map;

use super::*;

const VIEW: View = View { paint: Paint { on: false }, width: None, verbose: false, sandbox: false };

fn step(name: &str, action: Action, reason: &str) -> Step {
    let span = Span { source: SourceId(0), start: 0, end: 0 };
    let address = Address::new(name);
    let instance = Instance {
        address: address.clone(),
        name_span: span,
        type_name: None,
        properties: Map::new(),
        spans: Arc::new(Spans::new(span)),
        depends_on: Vec::new(),
        renamed_from: Vec::new(),
        identifier: None,
        protect: None,
        ignore: Vec::new(),
        severity: Vec::new(),
        exports: Vec::new(),
        region: None,
        role_arn: None,
        timeouts: Timeouts::default(),
        skip_on_delete: false,
        find: None,
        from_text: false,
    };
    Step {
        desired: Arc::new(Desired {
            address,
            kind: trueup_aws::registry().find("AWS::Events::Connection").unwrap(),
            place: Place { region: Some("us-east-1".into()), role_arn: None },
            identity: Some(format!("{name}-prod")),
            former: Vec::new(),
            orphan: false,
            properties: Map::new(),
            instance,
        }),
        identity: Some(format!("{name}-prod")),
        action,
        reason: reason.to_owned(),
        new_first: false,
        edits: Vec::new(),
        patch: Vec::new(),
        secrets: Vec::new(),
        implies: Vec::new(),
        resolved: Map::new(),
        live: Live::Absent,
        former: Vec::new(),
        notes: Vec::new(),
        pre_image: None,
    }
}

fn plan_of(command: &'static str, steps: Vec<Step>) -> Plan {
    Plan {
        command,
        stack: "partner-webhooks".to_owned(),
        env: "prod".to_owned(),
        whereabouts: Some(Whereabouts { account: "123456789012".to_owned(), region: "us-east-1".to_owned() }),
        steps,
        operations: Vec::new(),
        diagnostics: Diagnostics::new(),
        exports: Vec::new(),
        partial: false,
        pruned: false,
        take_over: false,
        unread_beside: 0,
        reread: std::collections::BTreeSet::new(),
        queries: std::collections::BTreeMap::new(),
        estimate: Estimate { calls: 9, seconds: 2 },
    }
}

fn edit(label: &str, before: Option<Value>, after: Option<Value>) -> Edit {
    Edit { pointer: format!("/{label}"), label: label.to_owned(), before, after, effect: Effect::InPlace }
}

fn verdict(path: &str, status: SecretStatus, reason: Option<&str>) -> SecretVerdict {
    SecretVerdict {
        pointer: format!("/{path}"),
        status,
        reason: reason.map(str::to_owned),
        lack: reason.filter(|reason| reason.starts_with("source")).map(|_| Lack::Missing),
        source: "env:PASSWORD".to_owned(),
        fingerprint: None,
        rotated: None,
    }
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Map {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn secret() -> Value {
    Value::Secret(Secret::new("env:PASSWORD", "hunter2-hunter2".to_owned()))
}

fn present(readiness: Readiness) -> Live {
    Live::Present(Arc::new(Present {
        identity: "x".to_owned(),
        properties: Map::new(),
        attributes: Map::new(),
        secret_version: None,
        seen: Seen::default(),
        readiness,
    }))
}

fn created() -> Step {
    let mut step = step("orders_cmk", Action::Create, "does not exist");
    step.resolved = map([
        ("Name", Value::from("orders-prod")),
        ("Evil", Value::from("\u{1b}]0;owned\u{7}\u{202e}x")),
        ("KmsKeyIdentifier", Value::Unknown("key.Arn".into())),
        (
            "AuthParameters",
            Value::Map(map([(
                "BasicAuthParameters",
                Value::Map(map([("Username", Value::from("svc")), ("Password", secret())])),
            )])),
        ),
    ]);
    step.secrets = vec![verdict("AuthParameters/BasicAuthParameters/Password", SecretStatus::New, None)];
    step
}

fn updated() -> Step {
    let mut step = step("orders", Action::Update, "properties differ");
    step.live = present(Readiness::Ready(None));
    let host = Value::Map(map([("Host", Value::from("db.example.com")), ("Pass", secret())]));
    let mut ignored = edit("Ignored", Some(Value::from(1)), Some(Value::from(2)));
    ignored.effect = Effect::Ignored("somebody else owns it".to_owned());
    step.edits = vec![
        edit("Description", Some(Value::from("Orders")), Some(Value::from("Orders API"))),
        edit("KmsKeyIdentifier", Some(Value::from("alias/a")), None),
        edit("AuthParameters/InvocationHttpParameters/HeaderParameters[X]", None, Some(host)),
        edit("Gone", Some(Value::Map(map([("User", Value::from("u")), ("Pass", secret())]))), None),
        edit("Text", Some(Value::from("one\ntwo\nthree\n")), Some(Value::from("one\nzwei\nthree\n"))),
        ignored,
    ];
    let pass = "AuthParameters/InvocationHttpParameters/HeaderParameters[X]/Pass";
    step.secrets = vec![
        verdict("AuthParameters/BasicAuthParameters/Password", SecretStatus::Differs, None),
        verdict("AuthParameters/Same", SecretStatus::Same, None),
        verdict("AuthParameters/Hidden", SecretStatus::NotVerifiable, Some("switched off")),
        verdict(pass, SecretStatus::New, Some("source missing")),
    ];
    step.implies = vec![Implied {
        operation: "secretsmanager:PutSecretValue".to_owned(),
        on: "events!connection/orders-prod/…".to_owned(),
        by: "events".to_owned(),
    }];
    step.notes = vec!["is AUTHORIZING: waited for".to_owned()];
    step
}

/// One of every row.
fn every_row() -> Plan {
    let mut new_first = step("shipping", Action::Replace, "Name cannot change in place (renamed_from: ship)");
    new_first.new_first = true;
    let mut old_first = step("billing", Action::Replace, "AuthorizationType cannot change in place");
    old_first.live = present(Readiness::Ready(None));
    let mut replacing = edit("AuthorizationType", Some(Value::from("BASIC")), Some(Value::from("API_KEY")));
    replacing.effect = Effect::Replaces("AuthorizationType".to_owned());
    old_first.edits = vec![replacing];
    let mut unread = step("partner", Action::None, "could not be read");
    let mut fault = Fault::new(FaultKind::Denied, "events:DescribeConnection", "no").with_code("AccessDenied");
    fault.request_id = Some("r-1".to_owned());
    unread.live = Live::Unreadable(fault);
    let mut unverified = step("legacy", Action::None, "");
    unverified.live = present(Readiness::Ready(None));
    unverified.secrets = vec![verdict("A/PASSWORD", SecretStatus::NotVerifiable, Some("glue:GetConnection denied"))];
    let mut unhealthy = step("expired", Action::None, "");
    unhealthy.live =
        present(Readiness::Unusable { state: "DEAUTHORIZED".to_owned(), reason: Some("invalid_client".to_owned()) });
    let mut quiet = step("quiet", Action::None, "");
    quiet.live = present(Readiness::Ready(None));
    plan_of(
        "plan",
        vec![
            created(),
            updated(),
            new_first,
            old_first,
            step("old", Action::Delete, ""),
            step("found", Action::Adopt, "exists without an owner"),
            step("guarded", Action::Blocked, "protected: Name cannot change in place"),
            unread,
            unverified,
            unhealthy,
            quiet,
        ],
    )
}

#[test]
fn every_row_has_its_symbol_and_its_words() {
    insta::assert_snapshot!(plan(&every_row(), VIEW));
}

#[test]
fn verbose_shows_what_is_unchanged_ignored_and_the_same() {
    insta::assert_snapshot!(plan(&every_row(), View { verbose: true, ..VIEW }));
}

#[test]
fn narrow_terminals_wrap_below_the_text() {
    insta::assert_snapshot!(plan(&plan_of("plan", vec![updated()]), View { width: Some(60), ..VIEW }));
}

#[test]
fn no_output_holds_a_secret_or_acts_on_the_terminal() {
    for verbose in [false, true] {
        let text = plan(&every_row(), View { verbose, ..VIEW });
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text}");
        assert!(!text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn colour_changes_no_text() {
    let coloured = plan(&every_row(), View { paint: Paint { on: true }, ..VIEW });
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(trimmed(&plain), trimmed(&plan(&every_row(), VIEW)));
}

#[test]
fn summaries_say_no_more_than_is_known() {
    let quiet = || {
        let mut quiet = step("quiet", Action::None, "");
        quiet.live = present(Readiness::Ready(None));
        quiet
    };
    let mut unread = step("partner", Action::None, "");
    unread.live = Live::Unreadable(Fault::new(FaultKind::Throttled, "events:ListConnections", "slow down"));
    let mut unverified = quiet();
    unverified.secrets = vec![verdict("A/B", SecretStatus::NotVerifiable, None)];
    let mut texts = Vec::new();
    for steps in [vec![quiet()], vec![quiet(), unread], vec![unverified], vec![step("new", Action::Create, "")]] {
        texts.push(summary(&plan_of("plan", steps), VIEW));
    }
    let mut sandboxed = plan_of("teardown", vec![step("old", Action::Delete, "teardown")]);
    texts.push(summary(&sandboxed, VIEW));
    sandboxed.partial = true;
    texts.push(head(&sandboxed, View { sandbox: true, ..VIEW }));
    sandboxed.whereabouts = None;
    texts.push(head(&sandboxed, VIEW));
    insta::assert_snapshot!(texts.concat());
}
