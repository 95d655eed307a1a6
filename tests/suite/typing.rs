//! What is typed arrives unchanged, or is refused with its line. Never anything else.

use serde_json::{Value, json};
use trueup_tests::{Run, TestEnv};

/// A connection with one YAML scalar at one place.
fn manifest(description: &str, password: &str) -> String {
    format!(
        "version: 1\nname: typing\nproviders: [aws]\nresources:\n  - name: typed\n    type: AWS::Events::Connection\n    \
         props:\n      Name: typed\n      Description: {description}\n      AuthorizationType: BASIC\n      \
         AuthParameters:\n        BasicAuthParameters:\n          Username: svc\n          Password: {password}\n"
    )
}

/// What the service has now: the description and the password.
fn live(env: &TestEnv) -> (Value, Value) {
    let call = |service, operation, input| env.sandbox().call(service, operation, &input, "us-east-1").json();
    let connection = call("events", "DescribeConnection", json!({"Name": "typed"}));
    let secret = call("secretsmanager", "GetSecretValue", json!({"SecretId": connection["SecretArn"]}));
    let secret: Value = serde_json::from_str(secret["SecretString"].as_str().unwrap_or("null")).expect("it is JSON");
    (connection["Description"].clone(), secret["password"].clone())
}

/// How a scalar is typed, and which text arrives.
const ARRIVE: [(&str, &str); 20] = [
    ("TrueNorth99", "TrueNorth99"),
    ("\"12345678\"", "12345678"),
    ("'0123'", "0123"),
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("\"1e5\"", "1e5"),
    ("'true'", "true"),
    ("'null'", "null"),
    ("'~'", "~"),
    (r#"say "hello" and 'good bye'"#, r#"say "hello" and 'good bye'"#),
    (r#""a \"quoted\" one""#, r#"a "quoted" one"#),
    (r"back\slash\n", r"back\slash\n"),
    ("'%41 &amp; <b> $HOME `id` ${X}'", "%41 &amp; <b> $HOME `id` ${X}"),
    ("\"{{ '{{' }} is how it begins\"", "{{ is how it begins"),
    ("\"{% raw %}{{ stays }}{% endraw %}\"", "{{ stays }}"),
    ("a }} and a %} alone", "a }} and a %} alone"),
    ("Größe straße żółć 密码 🔑", "Größe straße żółć 密码 🔑"),
    ("'  spaces around  '", "  spaces around  "),
    ("2026-11-21", "2026-11-21"),
];

#[test]
fn a_description_arrives_as_it_was_typed() {
    let mut env = TestEnv::new();
    for (typed, expected) in ARRIVE {
        env.write("trueup.yaml", &manifest(typed, "\"an unchanged password\""));
        env.trueup("apply --yes").expect(0);
        assert_eq!(live(&env).0, expected, "typed as {typed}");
        env.trueup("plan --exit-code").expect(0);
    }
    // A description may have lines; a password may not.
    for (typed, expected) in [("\"two\\nlines\"", "two\nlines"), ("|\n        two\n        lines", "two\nlines\n")] {
        env.write("trueup.yaml", &manifest(typed, "\"an unchanged password\""));
        env.trueup("apply --yes").expect(0);
        assert_eq!(live(&env).0, expected, "typed as {typed}");
        env.trueup("plan --exit-code").expect(0);
    }
}

#[test]
fn a_password_arrives_as_it_was_typed() {
    let mut env = TestEnv::new();
    for (typed, expected) in ARRIVE {
        env.write("trueup.yaml", &manifest("typing", typed));
        env.trueup("apply --yes").expect(0);
        assert_eq!(live(&env).1, expected, "typed as {typed}");
        env.trueup("plan --exit-code").expect(0);
    }
}

/// A value that comes from elsewhere is data: nothing in it is read as YAML or as a template.
#[test]
fn a_password_from_elsewhere_arrives_unchanged() {
    let hard = [
        "TrueNorth99",
        "12345678",
        "no",
        "1e5",
        "0x1F",
        "null",
        "{{ vars.OTHER }}",
        "{% for %}",
        "{# none #}",
        "say \"hello\" 'there'",
        "a # no comment",
        "- [not, a, list]",
        "&anchor *alias !tag",
        "back\\slash\\n",
        "Größe 密码 🔑",
        " leading and trailing ",
        "=equals=signs==",
        "$HOME ${HOME} `id`",
    ];
    let sources = ["{{ vars.TYPED }}", "{{ secret('env:TYPED') }}", "{{ secret('file:typed.txt') }}"];
    for source in sources {
        let mut env = TestEnv::new();
        let declared = manifest("typing", &format!("\"{source}\""))
            .replace("resources:", "vars: [{ name: TYPED, secret: true }]\nresources:");
        let plain = manifest("typing", &format!("\"{source}\""));
        env.write("trueup.yaml", if source.contains("vars") { &declared } else { &plain });
        for value in hard {
            // A digit or a short word is in many an output; the others are searched for.
            if value.len() > 10 && !value.contains("{{") {
                env.plant(value);
            }
            env.set("TYPED", value).write("typed.txt", value);
            env.trueup("apply --yes").expect(0);
            assert_eq!(live(&env).1, value, "from {source}");
            env.trueup("plan --exit-code").expect(0);
        }
    }
}

#[test]
fn a_variable_file_and_an_option_bring_text_unchanged() {
    let mut env = TestEnv::new();
    env.write("trueup.yaml", &manifest("\"{{ vars.D }}\"", "\"an unchanged password\""));
    for value in ["12345678", "no", "1e5", "true", "{{ x }}", "a=b=c", "Größe"] {
        env.run(&["apply", "--yes", "--var", &format!("D={value}")]).expect(0);
        assert_eq!(live(&env).0, value, "by --var");
        env.write("vars.env", &format!("D={value}\n"));
        env.trueup("plan --exit-code --var-file vars.env").expect(0);
        env.write("vars.yaml", &format!("D: '{value}'\n"));
        env.trueup("plan --exit-code --var-file vars.yaml").expect(0);
    }
}

#[track_caller]
fn refused(run: &Run, line: usize, says: &str) {
    run.expect(64);
    assert!(run.stderr.contains(&format!("trueup.yaml:{line}:")), "line {line} is not named: {run}");
    assert!(run.stderr.contains(says), "{says:?} is not said: {run}");
}

#[test]
fn what_would_have_to_be_guessed_is_refused_with_its_line() {
    let mut env = TestEnv::new();
    let cases = [
        ("12345678", "quote it"),
        ("1e5", "quote it"),
        ("true", "quote it"),
        ("0.10", "quote it"),
        ("1_000", "quote it"),
        ("0b11", "quote it"),
        ("0123", "quote it"),
        ("123456789012345678901234567890", "quote it"),
        ("[a, b]", "string"),
        ("{ a: b }", "string"),
        ("\"{{ not_there }}\"", "not defined"),
        ("\"{{ unfinished\"", ""),
    ];
    for (typed, says) in cases {
        env.write("trueup.yaml", &manifest(typed, "\"an unchanged password\""));
        refused(&env.trueup("validate"), 9, says);
        env.write("trueup.yaml", &manifest("typing", typed));
        refused(&env.trueup("validate"), 14, says);
        env.trueup("apply --yes").expect(64);
    }
    // What the service does not take.
    for typed in ["\"with:colon\"", "\"two\\nlines\"", "\"tab\\u0007bell\"", "\"\""] {
        env.write("trueup.yaml", &manifest("typing", typed));
        refused(&env.trueup("validate"), 14, "Password");
        env.trueup("apply --yes").expect(64);
    }
    let long = "x".repeat(513);
    env.write("trueup.yaml", &manifest(&long, "\"an unchanged password\""));
    refused(&env.trueup("validate"), 9, "512");
    assert!(env.sandbox().calls().is_empty(), "something was sent");
}

#[test]
fn a_secret_that_the_service_does_not_take_is_refused_without_being_shown() {
    let mut env = TestEnv::new();
    env.write("trueup.yaml", &manifest("typing", "\"{{ secret('env:TYPED') }}\""));
    for value in ["Mv7kPe41:with-a-colon", "Ht2gWr96\nwith-a-line"] {
        env.set_secret("TYPED", value);
        refused(&env.trueup("apply --yes"), 14, "Password");
    }
    assert!(trueup_tests::writes(&env.sandbox().calls()).is_empty());
}
