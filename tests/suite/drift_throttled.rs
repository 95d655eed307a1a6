//! A drift job that is throttled goes on, ends, and does not hammer the service.

use std::fmt::Write as _;

use serde_json::json;
use trueup_tests::TestEnv;

const PASSWORD: &str = "Tq7vWz93-first-password";

/// How many connections; each is described, and its secret read.
const CONNECTIONS: usize = 120;

#[test]
fn half_of_all_calls_throttled_costs_two_and_a_half_times_the_calls_at_most() {
    let mut env = TestEnv::new();
    env.set_secret("PASSWORD", PASSWORD);
    let mut manifest = String::from(
        "version: 1\nname: s\nproviders: [aws]\nvars:\n  - { name: PASSWORD, secret: true }\nresources:\n",
    );
    for number in 0..CONNECTIONS {
        let _ = write!(
            manifest,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: c{number:03}\n      \
             AuthorizationType: API_KEY\n      AuthParameters:\n        ApiKeyAuthParameters: {{ ApiKeyName: k, \
             ApiKeyValue: \"{{{{ vars.PASSWORD }}}}\" }}\n"
        );
    }
    env.write("trueup.yaml", &manifest);
    env.trueup("apply --yes").expect(0);
    let calls = |env: &TestEnv| env.sandbox().calls().len();

    let before = calls(&env);
    env.trueup("drift --strict --no-cache").expect(0);
    let quiet = calls(&env) - before;
    assert!(quiet > CONNECTIONS);

    let throttle = json!({"code": "ThrottlingException", "message": "Rate exceeded", "status": 400});
    env.sandbox().faults(&json!({"seed": 7, "rules": [{"probability": 0.5, "error": throttle}]}));
    let before = calls(&env);
    let run = env.trueup("drift --strict --no-cache");
    let throttled = calls(&env) - before;
    run.expect(0);
    assert!(run.stdout.contains("No drift: 120 resources are as the manifest says"), "{run}");
    assert!(throttled * 2 <= quiet * 5, "{throttled} calls instead of {quiet}");
    assert!(throttled > quiet, "nothing was throttled");
}
