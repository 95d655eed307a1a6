//! The policies of `trueup iam` on a sandbox that denies everything else: each is enough, and nothing in it is too much.
//!
//! One stack has every kind and every part of it that takes a permission. Its commands run under the policy that is made for
//! them; then again with one action less, for each action of each statement, and it has to be noticed: a read of the
//! configuration that is denied ends with 6, the read of a value leaves it not verifiable, a denied write ends with 1, and
//! the action is named. What may be missing unnoticed is listed here, with why it is in a policy all the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use trueup_tests::{Run, TestEnv, report, repository};

/// The commands that only read: the word after `--for`, and what is run.
const READING: &[(&str, &str)] = &[("plan", "plan"), ("drift", "drift")];

/// What reads values: without it something is not verifiable, which only `--strict` is not content with.
const VALUES: &[&str] =
    &["kms:Decrypt", "secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue", "ssm:GetParameters"];

/// Actions that may be missing unnoticed: for what, of which statement, and why they are in the policy.
const UNNOTICED: &[(&str, &str, &str, &str)] = &[
    ("*", "TakesNoResource", "sts:GetCallerIdentity", "AWS asks for no permission; a permissions boundary may deny it"),
    ("apply", "ManagedSecrets", "secretsmanager:DescribeSecret", "asked only where the list of secrets lags behind"),
    ("teardown", "ManagedSecrets", "secretsmanager:DescribeSecret", "asked only where the list of secrets lags behind"),
    ("apply", "Secrets", "secretsmanager:ListSecretVersionIds", "asked only for a warning of too many versions"),
    ("apply", "KeysThroughServices", "kms:Encrypt", "without it older versions of a secret keep their key"),
    ("apply", "HandlersOnAnything", "ssm:GetParameters", HANDLERS),
    ("apply", "ParameterSources", "ssm:GetParameters", "the handlers of the stack's own parameter may read any"),
    ("apply", "HandlersOnAnything", "ssm:ListTagsForResource", HANDLERS),
    ("apply", "HandlersOnResource", "ssm:AddTagsToResource", HANDLERS),
    ("apply", "HandlersOnResource", "ssm:RemoveTagsFromResource", HANDLERS),
];

/// Why the permissions of handlers are all there.
const HANDLERS: &str = "a type's schema names what any resource of the type may take";

/// An action that a service speaks of in words of its own.
const IN_OTHER_WORDS: (&str, &str) = ("kms:PutKeyPolicy", "will not allow you to update the key policy");

const BASE: &str = "stack/trueup.yaml";
const CHANGED: &str = "stack/changed.yaml";

/// One action of one statement.
type Cell = (String, String);

/// What the stack takes from outside of it.
const TOKEN: &str = "Vd6wRz49-token-of-the-loader";
const PARTNER_KEY: &str = "Ks8wLp31-partner-key";

/// A stack of every kind before a sandbox whose catalog encrypts passwords, with sources of secrets under a key of their own.
struct Place {
    env: TestEnv,
}

impl Place {
    fn new() -> Self {
        let mut env = TestEnv::new();
        env.set_secret("WAREHOUSE_PASSWORD", "Bq5tXn72-warehouse-password");
        env.set_secret("PARTNER_KEY", PARTNER_KEY);
        env.set_secret("TOKEN", TOKEN);
        env.copy_as(&repository().join("tests/scenarios/iam"), "stack");
        let place = Self { env };
        place.empty();
        place
    }

    /// Empties the account, but for the key that encrypts the passwords of its catalog and the sources of secrets.
    fn empty(&self) {
        let sandbox = self.env.sandbox();
        sandbox.policy(&Value::Null);
        sandbox.reset();
        let made = sandbox.call("kms", "CreateKey", &json!({}), "us-east-1").json();
        let settings = json!({"DataCatalogEncryptionSettings": {"ConnectionPasswordEncryption": {
            "ReturnConnectionPasswordEncrypted": false, "AwsKmsKeyId": made["KeyMetadata"]["Arn"],
        }}});
        let settled = sandbox.call("glue", "PutDataCatalogEncryptionSettings", &settings, "us-east-1");
        assert_eq!(settled.status, 200, "{}", settled.body);
        let key = sandbox.call("kms", "CreateKey", &json!({}), "us-east-1").json()["KeyMetadata"]["Arn"].clone();
        let secret = json!({
            "Name": "inbox/login", "SecretString": json!({"token": TOKEN}).to_string(), "KmsKeyId": key,
            "ClientRequestToken": "00000000-0000-4000-8000-000000000001",
        });
        let parameter =
            json!({"Name": "/inbox/partner-key", "Value": PARTNER_KEY, "Type": "SecureString", "KeyId": key});
        for (service, operation, input) in
            [("secretsmanager", "CreateSecret", secret), ("ssm", "PutParameter", parameter)]
        {
            let made = sandbox.call(service, operation, &input, "us-east-1");
            assert_eq!(made.status, 200, "{}", made.body);
        }
    }

    fn run(&self, command: &str) -> Run {
        self.env.trueup(&format!("{command} --no-cache --kms-settle 0s"))
    }

    /// Runs something that is allowed everything.
    #[track_caller]
    fn free(&self, command: &str) {
        self.env.sandbox().policy(&Value::Null);
        self.run(command).expect(0);
    }

    /// Runs something that is allowed what a policy says.
    fn under(&self, policy: &Value, command: &str) -> Run {
        self.env.sandbox().policy(policy);
        self.run(command)
    }

    /// The policy for a command.
    fn policy(&self, purpose: &str, manifest: &str) -> Value {
        self.env.sandbox().policy(&Value::Null);
        self.run(&format!("iam {manifest} --for {purpose} --json")).expect(0).json()
    }
}

/// The actions of a policy, each with its statement.
fn cells(policy: &Value) -> BTreeSet<Cell> {
    let of = |statement: &Value| {
        let sid = statement["Sid"].as_str().expect("a statement has a name").to_owned();
        let actions = statement["Action"].as_array().cloned().expect("actions are a list");
        actions.into_iter().map(move |action| (sid.clone(), action.as_str().expect("an action is a text").to_owned()))
    };
    policy["Statement"].as_array().expect("a policy has statements").iter().flat_map(of).collect()
}

/// The policy with one action of one statement less.
fn without(policy: &Value, (sid, action): &Cell) -> Value {
    let mut less = policy.clone();
    let statements = less["Statement"].as_array_mut().expect("a policy has statements");
    for statement in statements.iter_mut().filter(|statement| statement["Sid"] == *sid) {
        statement["Action"].as_array_mut().expect("actions are a list").retain(|it| it != action);
    }
    statements.retain(|statement| statement["Action"] != json!([]));
    less
}

fn names(run: &Run, action: &str) -> bool {
    let said = |words: &str| run.stdout.contains(words) || run.stderr.contains(words);
    said(action) || (action == IN_OTHER_WORDS.0 && said(IN_OTHER_WORDS.1))
}

/// Whether a run that went well says all the same that an action was denied.
fn tells(run: &Run, action: &str) -> bool {
    run.stdout.lines().chain(run.stderr.lines()).any(|line| line.contains(action) && line.contains("denied"))
}

fn is_read(action: &str) -> bool {
    let name = action.split_once(':').map_or(action, |(_, name)| name);
    ["BatchGet", "Decrypt", "Describe", "Get", "List"].iter().any(|read| name.starts_with(read))
}

/// Says how many actions of how many statements were taken away, one at a time.
fn counted(test: &str, cells: &BTreeSet<Cell>, wrong: &[String]) {
    let statements: BTreeSet<&str> = cells.iter().map(|(sid, _)| sid.as_str()).collect();
    let figure = format!("{} actions in {} statements, one less each time", cells.len(), statements.len());
    report(&format!("least_privilege::{test}"), &["P16"], &figure, wrong.len());
}

/// What remains after a matrix: exactly what is listed.
fn check(purpose: &str, wrong: &[String], unnoticed: &BTreeSet<Cell>) {
    assert!(wrong.is_empty(), "{purpose}:\n{}", wrong.join("\n"));
    let mut listed = BTreeSet::new();
    for (of, sid, action, _) in UNNOTICED {
        if of == &purpose || *of == "*" {
            listed.insert(((*sid).to_owned(), (*action).to_owned()));
        }
    }
    assert_eq!(unnoticed, &listed, "{purpose}: what may be missing unnoticed");
}

#[test]
fn a_policy_to_read_allows_just_that() {
    let place = Place::new();
    place.free(&format!("apply {BASE} --yes"));
    for (purpose, _) in READING {
        let policy = place.policy(purpose, BASE);
        let actions: BTreeSet<String> = cells(&policy).into_iter().map(|(_, action)| action).collect();
        assert!(actions.iter().all(|action| is_read(action)), "{purpose} writes: {actions:?}");
        assert!(policy.to_string().len() < 6144, "{policy}");
    }
    let (mut wrong, mut open) = (Vec::new(), Vec::new());
    for (purpose, command) in READING {
        let policy = place.policy(purpose, BASE);
        let as_code = if *command == "plan" { " --exit-code" } else { "" };
        place.under(&policy, &format!("{command} {BASE} --strict{as_code}")).expect(0);
        open.push((*purpose, *command, cells(&policy), policy));
    }
    let all: BTreeSet<Cell> = open.iter().flat_map(|(_, _, cells, _)| cells.iter().cloned()).collect();
    // In sync first; then with everything changed, tags and protection with the rest, so that more is looked at.
    for changed in [false, true] {
        if changed {
            place.free(&format!("apply {CHANGED} --yes"));
        }
        for (purpose, command, cells, policy) in &mut open {
            // Drift is worth its code also beside what could not be read; the report says the rest.
            let drifted = changed && *command == "drift";
            let or = |code: i32| if drifted { 2 } else { code };
            let full = place.under(policy, &format!("{command} {BASE} --strict"));
            full.expect(or(0));
            cells.retain(|cell| {
                let less = without(policy, cell);
                let run = place.under(&less, &format!("{command} {BASE}"));
                let value = VALUES.contains(&cell.1.as_str());
                let noticed = if value {
                    run.stdout.contains("not verifiable")
                } else if drifted {
                    run.stdout.contains("this is incomplete") || run.stderr.contains("could not be searched")
                } else {
                    run.code != Some(0)
                };
                if !noticed {
                    return true;
                }
                let code = or(if value { 0 } else { 6 });
                if run.code != Some(code) || !names(&run, &cell.1) {
                    wrong.push(format!("{purpose} without {cell:?}: expected {code} and the name: {run}"));
                }
                let strict = place.under(&less, &format!("{command} {BASE} --strict"));
                if strict.code != Some(or(6)) {
                    wrong.push(format!("{purpose} --strict without {cell:?}: {strict}"));
                }
                false
            });
        }
    }
    counted("a_policy_to_read_allows_just_that", &all, &wrong);
    for (purpose, _, cells, _) in &open {
        check(purpose, &wrong, cells);
    }
}

#[test]
fn a_policy_to_apply_allows_just_that() {
    let place = Place::new();
    let (base, changed) = (place.policy("apply", BASE), place.policy("apply", CHANGED));
    for policy in [&base, &changed] {
        assert!(policy.to_string().len() < 6144, "{policy}");
    }
    // From nothing, from one form to another, and from what is to be deleted.
    let apply = |manifest: &str| format!("apply {manifest} --yes");
    place.under(&base, &apply(BASE)).expect(0);
    place.under(&base, &format!("plan {BASE} --exit-code --strict")).expect(0);
    place.under(&changed, &apply(CHANGED)).expect(0);
    place.under(&changed, &format!("plan {CHANGED} --exit-code --strict")).expect(0);
    place.free(&format!("teardown {CHANGED} --yes"));
    place.under(&changed, &apply(CHANGED)).expect(0);
    place.under(&changed, &format!("plan {CHANGED} --exit-code --strict")).expect(0);

    let mut wrong = Vec::new();
    let mut unnoticed = BTreeSet::new();
    let all: BTreeSet<Cell> = cells(&base).union(&cells(&changed)).cloned().collect();
    for cell in &all {
        let (base, changed) = (without(&base, cell), without(&changed, cell));
        let mut noticed = |policy: &Value, manifest: &str| {
            let run = place.under(policy, &apply(manifest));
            let noticed = run.code != Some(0) || tells(&run, &cell.1);
            // A read that is denied keeps what depends on it from being written.
            let right = match run.code {
                Some(1) => true,
                Some(6) => is_read(&cell.1),
                // A source that cannot be read has nothing to send.
                Some(64) => VALUES.contains(&cell.1.as_str()),
                Some(0) => VALUES.contains(&cell.1.as_str()) || cell.1 == "secretsmanager:ListSecrets",
                _ => false,
            };
            if noticed && !(right && names(&run, &cell.1)) {
                wrong.push(format!("apply without {cell:?}: {run}"));
            }
            noticed
        };
        place.empty();
        if noticed(&base, BASE) || noticed(&changed, CHANGED) {
            continue;
        }
        place.free(&format!("teardown {CHANGED} --yes"));
        if !noticed(&changed, CHANGED) {
            unnoticed.insert(cell.clone());
        }
    }
    counted("a_policy_to_apply_allows_just_that", &all, &wrong);
    check("apply", &wrong, &unnoticed);
}

#[test]
fn a_policy_to_tear_down_allows_just_that() {
    let place = Place::new();
    let policy = place.policy("teardown", CHANGED);
    let teardown = format!("teardown {CHANGED} --yes");
    place.free(&format!("apply {CHANGED} --yes"));
    place.under(&policy, &teardown).expect(0);
    assert_eq!(place.under(&policy, &format!("{teardown} --json")).expect(0).json()["outcomes"], json!([]));

    let mut wrong = Vec::new();
    let mut unnoticed = BTreeSet::new();
    let all = cells(&policy);
    for cell in &all {
        place.empty();
        place.free(&format!("apply {CHANGED} --yes"));
        let run = place.under(&without(&policy, cell), &teardown);
        if run.code == Some(0) && !tells(&run, &cell.1) {
            unnoticed.insert(cell.clone());
            continue;
        }
        let right = match run.code {
            Some(1) => true,
            Some(6) => is_read(&cell.1),
            code => code == Some(0) && cell.1 == "secretsmanager:ListSecrets",
        };
        if !right || !names(&run, &cell.1) {
            wrong.push(format!("teardown without {cell:?}: {run}"));
        }
    }
    counted("a_policy_to_tear_down_allows_just_that", &all, &wrong);
    check("teardown", &wrong, &unnoticed);
}
