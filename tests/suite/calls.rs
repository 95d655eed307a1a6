//! How many calls it takes, counted by the sandbox.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use trueup_tests::{Call, TestEnv, writes};

const CONNECTIONS: usize = 200;

/// Half BASIC, half API_KEY with a header.
fn many() -> String {
    let mut text =
        String::from("version: 1\nname: many\nproviders: [aws]\nvars: [{ name: KEY, secret: true }]\nresources:\n");
    for number in 0..CONNECTIONS {
        let _ = write!(
            text,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: c{number:03}\n      Description: Number \
             {number}\n"
        );
        let kind = if number % 2 == 0 {
            "BASIC\n      AuthParameters:\n        BasicAuthParameters: { Username: svc, Password: \"{{ vars.KEY }}\" }\n"
        } else {
            "API_KEY\n      AuthParameters:\n        ApiKeyAuthParameters: { ApiKeyName: X-Key, ApiKeyValue: \"{{ vars.KEY }}\" }\n        \
             InvocationHttpParameters: { HeaderParameters: [{ Key: X-From, Value: tests, IsValueSecret: false }] }\n"
        };
        let _ = write!(text, "      AuthorizationType: {kind}");
    }
    text
}

fn counted(calls: &[Call]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call.operation.clone()).or_default() += 1;
    }
    counts
}

#[test]
fn two_hundred_connections_take_few_calls() {
    let mut env = TestEnv::new();
    env.set_secret("KEY", "Ue5zMa18-key-of-two-hundred").write("trueup.yaml", &many());
    let calls = |args: &str, code: i32| {
        let before = env.sandbox().calls().len();
        env.trueup(args).expect(code);
        env.sandbox().calls().split_off(before)
    };

    let plan = calls("plan", 0);
    assert!(writes(&plan).is_empty(), "{:?}", counted(&plan));
    assert!(plan.len() <= 5, "two pages say that there is none of them: {:?}", counted(&plan));

    let create = calls("apply --yes", 0);
    let most = CONNECTIONS + CONNECTIONS / 10;
    assert!(writes(&create).len() <= most, "{:?}", counted(&create));
    let reads: BTreeMap<String, usize> =
        counted(&create.iter().filter(|call| !call.writes()).cloned().collect::<Vec<_>>());
    let by_page = ["ListConnections", "ListSecrets", "GetCallerIdentity"];
    assert!(reads.keys().all(|name| by_page.contains(&name.as_str())), "reads other than pages: {reads:?}");
    assert!(reads.values().sum::<usize>() <= 20, "{reads:?}");
    assert!(reads.contains_key("ListSecrets"), "the managed secrets are confirmed: {reads:?}");

    let plan = calls("plan --exit-code", 0);
    assert!(writes(&plan).is_empty(), "{:?}", counted(&plan));
    let counts = counted(&plan);
    assert_eq!(counts.get("DescribeConnection"), Some(&CONNECTIONS), "{counts:?}");
    assert!(counts.get("BatchGetSecretValue").is_some_and(|count| *count <= CONNECTIONS / 20), "{counts:?}");
    assert!(plan.len() <= CONNECTIONS + CONNECTIONS / 20 + 5, "{counts:?}");

    let teardown = calls("teardown --yes", 0);
    let counts = counted(&teardown);
    assert_eq!(writes(&teardown).len(), CONNECTIONS, "{counts:?}");
    let home = env.sandbox().home("us-east-1");
    assert_eq!((&home["connections"], &home["secrets"]), (&serde_json::json!({}), &serde_json::json!({})));
}

/// Under throttling the calls stay few: no storm of repetitions.
#[test]
fn throttling_makes_no_storm() {
    let mut env = TestEnv::new();
    env.set_secret("KEY", "Ue5zMa18-key-of-two-hundred").write("trueup.yaml", &many());
    env.sandbox().faults(&serde_json::json!({"seed": 5, "rules": [{
        "operation": "CreateConnection", "count": 60,
        "error": {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}}]}));
    env.trueup("apply --yes").expect(0);
    let calls = env.sandbox().calls();
    let creates = calls.iter().filter(|call| call.operation == "CreateConnection").count();
    assert_eq!(creates, CONNECTIONS + 60, "each throttled call is repeated once");
    let done = calls.iter().filter(|call| call.operation == "CreateConnection" && call.done()).count();
    assert_eq!(done, CONNECTIONS);
}

#[test]
fn commands_that_only_read_send_nothing_that_writes() {
    let mut env = TestEnv::new();
    env.set_secret("KEY", "Ue5zMa18-key-of-two-hundred").write("trueup.yaml", &many());
    env.trueup("apply --yes --only c1 --only c2").expect(0);
    env.sandbox().no_faults();
    let before = env.sandbox().calls().len();
    for args in ["validate", "render", "render --json", "vars", "plan", "plan --json", "plan --out plan.json", "kinds"]
    {
        env.trueup(args).expect(0);
    }
    let calls = env.sandbox().calls().split_off(before);
    assert!(writes(&calls).is_empty(), "{:?}", counted(&calls));
    let before = env.sandbox().calls().len();
    for args in ["validate", "render", "vars", "kinds"] {
        env.trueup(args).expect(0);
    }
    assert_eq!(env.sandbox().calls().len(), before, "a command that needs no cloud sent something");
}

/// So many of each of these kinds, by the first letter of their names: keys, aliases, secrets, connections, destinations and
/// Glue connections.
fn of_each(kinds: &str, count: usize, description: &str) -> String {
    let mut text =
        String::from("version: 1\nname: each\nproviders: [aws]\nvars: [{ name: KEY, secret: true }]\nresources:\n");
    for (number, kind) in (0..count).flat_map(|number| kinds.chars().map(move |kind| (number, kind))) {
        let (resource, props) = match kind {
            'k' => ("KMS::Key", format!("Description: {description}, PendingWindowInDays: 7")),
            'a' => {
                ("KMS::Alias", format!("AliasName: alias/each-{number}, TargetKeyId: \"{{{{ k{number}.KeyId }}}}\""))
            }
            's' => (
                "SecretsManager::Secret",
                format!("Name: each/{number}, Description: {description}, SecretString: \"{{{{ vars.KEY }}}}\""),
            ),
            'c' => (
                "Events::Connection",
                format!(
                    "Name: each-{number}, Description: {description}, AuthorizationType: BASIC, AuthParameters: {{ \
                     BasicAuthParameters: {{ Username: u, Password: \"{{{{ vars.KEY }}}}\" }} }}"
                ),
            ),
            'd' => (
                "Events::ApiDestination",
                format!(
                    "Name: each-{number}, Description: {description}, ConnectionArn: \"{{{{ c{number}.Arn }}}}\", \
                     InvocationEndpoint: https://example.com/{number}, HttpMethod: POST"
                ),
            ),
            _ => (
                "Glue::Connection",
                format!(
                    "ConnectionInput: {{ Name: each-{number}, Description: {description}, ConnectionType: JDBC, \
                     ConnectionProperties: {{ JDBC_CONNECTION_URL: \"jdbc:postgresql://db.example.com/{number}\", SECRET_ID: \
                     each/{number} }} }}"
                ),
            ),
        };
        let _ = write!(text, "  - name: {kind}{number}\n    type: AWS::{resource}\n    props: {{ {props} }}\n");
    }
    text
}

#[test]
fn keys_that_are_made_at_the_same_time_are_searched_for_together() {
    const KEYS: usize = 60;
    let mut env = TestEnv::new();
    env.set_secret("KEY", "Wd5nRt20-key-of-sixty").write("trueup.yaml", &of_each("k", KEYS, "first"));
    env.sandbox().faults(&serde_json::json!({"rules": [{"latency_ms": 20}]}));
    env.trueup("apply --yes --kms-settle 0s").expect(0);
    let calls = counted(&env.sandbox().calls());
    assert_eq!(calls["CreateKey"], KEYS, "{calls:?}");
    // Each is searched for before it is made, and after.
    assert!(calls["GetResources"] <= KEYS, "{calls:?}");
    env.trueup("plan --exit-code").expect(0);
}

/// At AWS's rates, and as fast as a service answers; but then nearly all keys are searched for together, which no plan can say.
#[test]
fn a_plan_says_within_a_fifth_how_many_calls_it_takes() {
    let paces = ["--quota-share 1", ""];
    // The last ones carry more tags than fit into a page of a search.
    let kinds = [("k", 20), ("ka", 20), ("s", 20), ("c", 20), ("cd", 20), ("g", 20), ("kascdg", 20), ("ks", 80)];
    let cases = kinds.into_iter().flat_map(|kinds| paces.map(|pace| (kinds, pace)));
    for ((kinds, count), pace) in cases.filter(|((kinds, _), pace)| !pace.is_empty() || !kinds.contains('k')) {
        let mut env = TestEnv::new();
        env.set_secret("KEY", "Bz3kQw77-key-of-each-kind");
        for (description, command) in [("first", "apply"), ("second", "apply"), ("second", "teardown")] {
            env.write("trueup.yaml", &of_each(kinds, count, description));
            let ask = |more: &str| {
                let before = env.sandbox().calls().len();
                let run = env.trueup(&format!("{command} --no-cache --allow-deletes 1000 --json {pace} {more}"));
                (run.expect(0).json(), env.sandbox().calls().split_off(before))
            };
            let (plan, reads) = ask("--dry-run");
            let (_, all) = ask("--yes --kms-settle 0s");
            let said = plan["summary"]["calls"].as_u64().expect("a plan says how many calls it takes");
            let took = (all.len() - reads.len()) as u64;
            let (all, reads) = (counted(&all), counted(&reads));
            // Of few calls a page or two more is much.
            let close = said.abs_diff(took) * 5 <= took || said.abs_diff(took) <= 4;
            assert!(
                close,
                "{kinds}, {command} {pace}, {description}: said {said}, took {took}: {all:?} after {reads:?}"
            );
        }
    }
}

/// Deletions are looked at together, also where they come one after the other for seconds.
#[test]
fn a_teardown_at_the_rates_of_the_service_looks_seldom() {
    const MANY: usize = 400;
    let mut env = TestEnv::new();
    env.set_secret("KEY", "Hs6pVd31-key-of-four-hundred").write("trueup.yaml", &of_each("c", MANY, "first"));
    env.trueup("apply --yes --no-cache").expect(0);
    env.sandbox().faults(&serde_json::json!({"rules": [{"latency_ms": 50}]}));
    let before = env.sandbox().calls().len();
    env.trueup("teardown --yes --allow-deletes 1000 --quota-share 1").expect(0);
    let calls = counted(&env.sandbox().calls().split_off(before));
    assert_eq!(calls["DeleteConnection"], MANY, "{calls:?}");
    assert!(calls.values().sum::<usize>() <= MANY + MANY / 10, "{calls:?}");
}
