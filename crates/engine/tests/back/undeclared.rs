//! A variable that reaches a secret is one, whatever way it goes and whether or not somebody said so.

use std::fmt::Write as _;

use trueup_engine::desired::{self, Defaults, Reading};
use trueup_engine::diagnostic;
use trueup_engine::manifest;
use trueup_engine::render::Inputs;
use trueup_engine::source::Sources;
use trueup_engine::value::Value;

use crate::support::KINDS;

const CANARY: &str = "canary-hunter2";

const HEAD: &str = "version: 1\nname: t\nproviders: [aws]\n";

/// Everything that a command may show of a stack, with `value` in place of each `@@`.
fn read_with(value: &str, body: &str, given: &[(&str, &str)], files: &[(&str, &str)]) -> (Reading, String) {
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", format!("{HEAD}{}", body.replace("@@", value)));
    let (manifest, found) = manifest::parse(&mut sources, id);
    assert!(!found.has_errors(), "{found:?}");
    let filled =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), b.replace("@@", value))).collect();
    let inputs = Inputs {
        env: "dev",
        given: filled(given),
        files: filled(files),
        environment: &|name| (name == "FROM_ENV").then(|| value.to_owned()),
        today: (2026, 11, 21),
    };
    let reading = desired::read(&manifest.unwrap(), &inputs, KINDS, &mut sources, &Defaults::default());
    let mut shown = String::new();
    for found in reading.diagnostics.clone().sorted() {
        shown.push_str(&diagnostic::render(&found, &sources, false, 120));
    }
    let stack = reading.stack.as_ref().unwrap();
    for variable in &stack.variables {
        let _ = writeln!(shown, "{} {:?}", variable.name, variable.value.as_ref().map(Value::to_masked_json));
    }
    for desired in &reading.desired {
        shown.push_str(&Value::Map(desired.properties.clone()).to_masked_json().to_string());
    }
    let _ = write!(shown, "{:?}", stack.instances);
    (reading, shown)
}

fn read(body: &str, given: &[(&str, &str)], files: &[(&str, &str)]) -> (Reading, String) {
    read_with(CANARY, body, given, files)
}

fn connection(name: &str, password: &str, more: &str) -> String {
    format!(
        "  - name: {name}\n    type: AWS::Events::Connection\n{more}    props:\n      Name: {name}\n      \
         AuthorizationType: BASIC\n      AuthParameters: {{ BasicAuthParameters: {{ Username: u, Password: {password} }} }}\n"
    )
}

/// The variable is secret, is in no output, and its value is not in the digest.
fn assert_hidden(name: &str, body: &str, given: &[(&str, &str)], files: &[(&str, &str)]) -> Reading {
    let (reading, shown) = read(body, given, files);
    assert!(!shown.contains(CANARY), "{body}\n{shown}");
    let stack = reading.stack.as_ref().unwrap();
    let variable = stack.variables.iter().find(|variable| variable.name == name).unwrap();
    assert!(variable.secret && variable.why.is_some(), "{body}\n{shown}");
    let changed = read_with("another-one", body, given, files).0;
    assert_eq!(changed.stack.unwrap().variables_digest, stack.variables_digest, "{body}");
    reading
}

#[test]
fn every_way_to_a_secret_makes_a_secret() {
    let given = [("P", "@@")];
    let resources = |password: &str| format!("resources:\n{}", connection("a", password, ""));
    for (globals, password) in [
        ("", "\"{{ vars.P }}\""),
        ("", "\"{{ P }}\""),
        ("", "\"x-{{ vars['P'] }}-y\""),
        ("", "\"{{ vars.P | base64_encode }}\""),
        ("", "\"{{ vars.P if stack_env == 'dev' else 'none' }}\""),
        ("", "\"{% set x = vars.P %}{{ x }}\""),
        ("globals: [{ name: g, value: \"{{ vars.P }}\" }]\n", "\"{{ g }}\""),
        ("globals: [{ name: g, value: \"{{ vars.P }}\" }]\n", "\"{{ globals.g | upper }}\""),
        ("globals: [{ name: g, value: { a: [\"{{ vars.P }}\"] } }]\n", "\"{{ g.a[0] }}\""),
        ("globals: [{ name: g, value: \"{{ vars.P }}\" }, { name: h, value: \"{{ g }}\" }]\n", "\"{{ h }}\""),
    ] {
        let reading = assert_hidden("P", &format!("{globals}{}", resources(password)), &given, &[]);
        let codes: Vec<_> = reading.diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(codes, ["M318"], "{password}");
    }
    assert_hidden("FROM_ENV", &resources("\"{{ vars.FROM_ENV }}\""), &[], &[]);
    assert_hidden("P", &resources("\"{{ vars.P }}\""), &[], &[("v.env", "P=@@")]);
    assert_hidden("D", &format!("vars: [{{ name: D, default: \"@@\" }}]\n{}", resources("\"{{ vars.D }}\"")), &[], &[]);
}

#[test]
fn loops_structures_and_other_resources_are_ways_too() {
    let file = "T:\n  acme: \"@@\"\n";
    let body = format!("resources:\n{}", connection("a", "\"{{ vars.T.acme }}\"", ""));
    let reading = assert_hidden("T", &body, &[], &[("v.yaml", file)]);
    assert!(!reading.diagnostics.has_errors());

    let body = format!("resources:\n{}", connection("a", "\"{{ each.value }}\"", "    for_each: \"{{ vars.T }}\"\n"));
    let (reading, shown) = read(&body, &[], &[("v.yaml", file)]);
    assert!(!shown.contains(CANARY), "{shown}");
    assert!(reading.stack.unwrap().variables.iter().any(|variable| variable.name == "T" && variable.secret));

    // Shown by one property and used as a secret by another: one of the two has to go.
    let other = "  - name: b\n    type: AWS::Events::Connection\n    props:\n      Name: b\n      Description: \"{{ vars.P }}\"\n      \
                 AuthorizationType: BASIC\n      AuthParameters: { BasicAuthParameters: { Username: u, Password: \"{{ secret('env:X') }}\" } }\n";
    let by_way = connection("a", "\"{{ b.Description }}\"", "");
    assert_hidden("P", &format!("resources:\n{other}{by_way}"), &[("P", "@@")], &[]);
    // Waits for another resource as well.
    let waits = connection("a", "\"{{ vars.P }}{{ b.Arn }}\"", "");
    let reading = assert_hidden("P", &format!("resources:\n{other}{waits}"), &[("P", "@@")], &[]);
    assert!(reading.diagnostics.iter().any(|found| found.code == "M318"));

    let auth = "  - name: a\n    type: AWS::Events::Connection\n    props:\n      Name: a\n      AuthorizationType: BASIC\n      \
                AuthParameters: \"{{ vars.P | from_json }}\"\n";
    let json = "{\"BasicAuthParameters\": {\"Username\": \"u\", \"Password\": \"@@\"}}";
    assert_hidden("P", &format!("resources:\n{auth}"), &[("P", json)], &[]);
}

#[test]
fn where_nobody_knows_what_is_secret_nothing_is_listed() {
    for body in [
        "resources:\n  - name: a\n    type: No::Such::Type\n    props: { Password: \"{{ vars.P }}\" }\n",
        "resources:\n  - name: a\n    type: AWS::Events::Connection\n    props: { Name: a, Passwd: \"{{ vars.P }}\" }\n",
        "resources:\n  - name: a\n    type: AWS::Events::Connection\n    props: { Name: a, AuthParameters: \"{{ vars.P }}\" }\n",
    ] {
        let (reading, shown) = read(body, &[("P", "@@")], &[]);
        assert!(reading.diagnostics.has_errors());
        let stack = reading.stack.unwrap();
        assert!(stack.variables[0].secret && stack.variables[0].why.is_some(), "{body}\n{shown}");
    }
}

#[test]
fn a_protected_value_hides_what_it_is_made_of() {
    let body = format!(
        "globals: [{{ name: g, value: \"{{{{ vars.P }}}}\", protected: true }}]\nresources:\n{}",
        connection("a", "\"{{ g }}\"", "")
    );
    assert_hidden("P", &body, &[("P", "@@")], &[]);
}

#[test]
fn what_reaches_no_secret_stays_public() {
    let body = format!(
        "globals: [{{ name: region, value: \"{{{{ vars.R }}}}\" }}]\nresources:\n{}",
        connection("a", "\"{{ secret('env:X') }}-{{ vars.S }}\"", "    if: \"{{ vars.S == 'prod' }}\"\n")
    );
    let (reading, _) = read(&body, &[("R", "eu-west-1"), ("S", "prod")], &[]);
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    assert!(reading.stack.unwrap().variables.iter().all(|variable| !variable.secret));
}

/// The properties as they are checked once a secret document was read.
fn checked_late(auth: &str, json: &str) -> String {
    use crate::support::{World, run, stack};
    run(async {
        let mut world = World::new();
        world.env.0.insert("J".to_owned(), json.to_owned());
        let resource = serde_json::json!({"name": "a", "type": "AWS::Events::Connection", "props": {
            "Name": "a", "AuthorizationType": "BASIC", "AuthParameters": auth}});
        let planned = world.plan(&stack(&[&resource])).await;
        let found: Vec<String> = planned.plan.diagnostics.iter().map(|found| format!("{found:?}")).collect();
        let step = planned.step("a");
        found.join("\n")
            + &Value::Map(step.resolved.clone()).to_masked_json().to_string()
            + &format!("{:?}", step.patch)
    })
}

#[test]
fn a_number_of_a_secret_document_is_quoted_nowhere() {
    let whole = "{{ secret('env:J') | from_json }}";
    let shown = checked_late(whole, r#"{"BasicAuthParameters": {"Username": 98765, "Password": 43210}}"#);
    assert!(shown.contains("M302") && !shown.contains("98765") && !shown.contains("43210"), "{shown}");
    let flags = r#"{"BasicAuthParameters": {"Username": "u", "Password": "p"}, "InvocationHttpParameters":
        {"HeaderParameters": [{"Key": "K", "Value": "canary-open", "IsValueSecret": true}]}}"#;
    let shown = checked_late(whole, flags);
    assert!(!shown.contains("M302") && !shown.contains("canary"), "{shown}");
}

#[test]
fn the_help_for_a_number_quotes_what_is_written() {
    let resource = |description: &str| {
        format!(
            "resources:\n  - name: a\n    type: AWS::Events::Connection\n    props: {{ Name: a, Description: {description}, \
             AuthorizationType: BASIC, AuthParameters: {{ BasicAuthParameters: {{ Username: u, Password: \"{{{{ secret('env:X') }}}}\" }} }} }}\n"
        )
    };
    let help = |body: &str, given: &[(&str, &str)]| {
        let (reading, _) = read(body, given, &[]);
        let found = reading.diagnostics.iter().find(|found| found.code == "M302").unwrap();
        found.help.clone().unwrap()
    };
    for written in ["1.50", "1e5", "0x1F", "True", "+5"] {
        assert_eq!(help(&resource(written), &[]), format!("quote it: \"{written}\""));
    }
    let of_variable = format!("vars: [{{ name: N, type: number }}]\n{}", resource("\"{{ vars.N }}\""));
    assert_eq!(help(&of_variable, &[("N", "1.50")]), "make it text: `{{ … | string }}`");
    let global = format!("globals: [{{ name: g, value: 1.50 }}]\n{}", resource("\"{{ g }}\""));
    assert_eq!(help(&global, &[]), "make it text: `{{ … | string }}`");
}
