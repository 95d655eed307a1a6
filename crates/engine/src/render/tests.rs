use std::collections::HashMap;
use std::fmt::Write as _;

use super::*;
use crate::credential::SecretSource;
use crate::diagnostic;
use crate::secret::{Form, Secret};

/// A stack from a text, with everything that was found, rendered.
pub fn stack_with(
    text: &str,
    env: &str,
    given: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> (Option<Stack>, String) {
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", text);
    let (manifest, mut found) = crate::manifest::parse(&mut sources, id);
    let environment: HashMap<String, String> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let inputs = Inputs {
        env,
        given: given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        files: Vec::new(),
        environment: &|name| environment.get(name).cloned(),
        today: (2026, 11, 21),
    };
    let stack = manifest.and_then(|manifest| {
        let (stack, more) = render(&manifest, &inputs, &mut sources);
        found.extend(more);
        stack
    });
    let shown: Vec<String> =
        found.sorted().iter().map(|found| diagnostic::render(found, &sources, false, 100)).collect();
    (stack, shown.join("\n\n"))
}

pub struct World(pub HashMap<String, Property>, pub HashMap<String, String>);

impl Scope for World {
    fn property(&self, reference: &Reference) -> Property {
        let name = format!("{}.{}", reference.address, reference.property.join("."));
        self.0.get(&name).cloned().unwrap_or(Property::Unknown)
    }

    fn secret(&self, source: &SecretSource) -> Option<Secret> {
        self.1.get(&source.to_string()).map(|text| Secret::new(source.to_string(), text.clone()))
    }
}

const EXAMPLE: &str = r#"
version: 1
name: partner-webhooks
providers: [aws]
vars:
  - name: AWS_REGION
    default: us-east-1
  - name: ORDERS_PASSWORD
    secret: true
accounts: { prod: "123456789012" }
globals:
  - name: region
    value: "{{ vars.AWS_REGION }}"
resources:
  - name: orders_key
    type: AWS::KMS::Alias
    props: { AliasName: "alias/orders-{{ stack_env }}" }
  - name: orders
    type: AWS::Events::Connection
    props:
      - name: Name
        value: "orders-{{ stack_env }}"
      - name: AuthorizationType
        value: BASIC
      - name: AuthParameters
        value:
          BasicAuthParameters:
            Username: svc-orders
            Password: "{{ vars.ORDERS_PASSWORD }}"
      - name: KmsKeyIdentifier
        value: "{{ orders_key.AliasName }}"
    exports: [Arn, { SecretArn: orders_secret_arn }]
    protect: "{{ stack_env == 'prod' }}"
  - name: orders_destination
    type: AWS::Events::ApiDestination
    for_each: "{{ ['created', 'shipped'] }}"
    props:
      Name: "orders-{{ each.value }}-{{ stack_env }}"
      ConnectionArn: "{{ orders.Arn }}"
      Short: "{{ Arn }}"
      InvocationEndpoint: "https://orders.example.com/{{ each.value }}"
      HttpMethod: POST
exports: [orders_secret_arn]
"#;

#[test]
fn the_manual_s_example_renders() {
    let (stack, shown) = stack_with(EXAMPLE, "prod", &[], &[("ORDERS_PASSWORD", "hunter2")]);
    assert_eq!(shown, "");
    let stack = stack.unwrap();
    assert_eq!(stack.region.as_deref(), Some("us-east-1"));
    assert_eq!(stack.account.unwrap().value, "123456789012");
    let addresses: Vec<String> = stack.instances.iter().map(|instance| instance.address.to_string()).collect();
    assert_eq!(
        addresses,
        ["orders_key", "orders", "orders_destination[\"created\"]", "orders_destination[\"shipped\"]"]
    );
    let orders = &stack.instances[1];
    assert_eq!(orders.protect, Some(true));
    let json = Value::Map(orders.properties.clone()).to_masked_json();
    assert_eq!(
        json,
        serde_json::json!({
            "Name": "orders-prod", "AuthorizationType": "BASIC",
            "AuthParameters": {"BasicAuthParameters": {
                "Username": "svc-orders", "Password": {"$secret": "env:ORDERS_PASSWORD"}}},
            "KmsKeyIdentifier": {"$unknown": "orders_key.AliasName"},
        })
    );
    let shipped = &stack.instances[3];
    assert_eq!(shipped.properties["Name"], Value::from("orders-shipped-prod"));
    let Value::Deferred(deferred) = &shipped.properties["Short"] else { panic!() };
    assert_eq!(deferred.describe(), "orders.Arn");
    let world = World(HashMap::from([("orders.Arn".to_owned(), Property::Known("arn:x".into()))]), HashMap::new());
    assert_eq!(deferred.evaluate(&world).unwrap(), Value::from("arn:x"));
    let Value::Deferred(password) = orders.properties["AuthParameters"].at("/BasicAuthParameters/Password").unwrap()
    else {
        panic!()
    };
    let Value::Secret(secret) = password.evaluate(&world).unwrap() else { panic!() };
    assert!(!secret.is_resolved());
    let world = World(HashMap::new(), HashMap::from([("env:ORDERS_PASSWORD".to_owned(), "hunter2".to_owned())]));
    let Value::Secret(secret) = password.evaluate(&world).unwrap() else { panic!() };
    assert_eq!(secret.same_as(&Secret::new("x", "hunter2".to_owned())), Some(true));
    assert_eq!(secret.source(), "env:ORDERS_PASSWORD");
}

fn property(text: &str, name: &str) -> Value {
    let (stack, shown) = stack_with(text, "dev", &[("TOKEN", "hunter2"), ("N", "5")], &[("SECRET", "hunter2")]);
    assert_eq!(shown, "");
    let stack = stack.unwrap();
    stack.instances.last().unwrap().properties[name].clone()
}

/// The value of one property, with a secret variable `SECRET`, resources `a` (plain) and `m` (with keys).
fn value(scalar: &str) -> Value {
    let text = format!(
        "version: 1\nname: s\nvars: [{{ name: SECRET, secret: true }}, {{ name: N, type: number }}]\nglobals:\n  - \
         name: structure\n    value: {{ open: 'o', closed: '{{{{ vars.SECRET }}}}', list: [1, '{{{{ vars.SECRET \
         }}}}'] }}\nresources:\n  - name: a\n    type: T\n    exports: [Arn]\n  - name: m\n    for_each: [k]\n  - \
         name: r\n    props:\n      Earlier: e\n      Uses: '{{{{ TOKEN }}}}{{{{ N }}}}'\n      X: {scalar}\n"
    );
    property(&text, "X")
}

fn world() -> World {
    World(
        HashMap::from([
            ("a.Arn".to_owned(), Property::Known("arn:a".into())),
            ("a.Map".to_owned(), Property::Known(Value::from(serde_json::json!({"x": ["p", "q"]})))),
            ("a.Secret".to_owned(), Property::Known(Value::Secret(Secret::new("env:Y", "hunter3".to_owned())))),
            ("m[\"k\"].Arn".to_owned(), Property::Known("arn:m".into())),
            ("a.Gone".to_owned(), Property::Missing("`a` gives no `Gone`".to_owned())),
        ]),
        HashMap::from([
            ("env:SECRET".to_owned(), "hunter2".to_owned()),
            ("file:j.json".to_owned(), r#"{"password":"hunter4","port":5432}"#.to_owned()),
        ]),
    )
}

fn evaluated(scalar: &str) -> Value {
    match value(scalar) {
        Value::Deferred(deferred) => deferred.evaluate(&world()).unwrap(),
        other => panic!("{scalar} is not deferred: {}", other.type_name()),
    }
}

#[test]
fn values_keep_their_types() {
    assert_eq!(value("\"{{ 1 + 1 }}\""), Value::from(2));
    assert_eq!(value("\"{{ [1, {'a': none}] }}\""), Value::from(serde_json::json!([1, {"a": null}])));
    assert_eq!(value("\"{{ vars.N }}\""), Value::from(5));
    assert_eq!(value("\"{{ true }}\""), Value::from(true));
    assert_eq!(value("\"{{ vars.TOKEN }}\""), Value::from("hunter2"));
    assert_eq!(value("\"{{ TOKEN }}-{{ this.Earlier }}\""), Value::from("hunter2-e"));
    assert_eq!(value("\"{{ 5 / 2 }}\""), Value::from(serde_json::json!(2.5)));
    assert_eq!(value("\"{{ structure.open }}{{ globals.structure.list[0] }}\""), Value::from("o1"));
    assert_eq!(value("\"{{ vars.GONE | default('d') }}\""), Value::from("d"));
    assert_eq!(value("\"{{ resource_name }} {{ stack_name }}\""), Value::from("r s"));
    assert_eq!(value("\"a{# note #}b{% if true %} c{% endif %}\""), Value::from("ab c"));
    assert_eq!(value("|\n        {{ 1 }}\n"), Value::from("1\n"));
}

/// Every row of the table of filters that projects of stackql-deploy use, in Jinja's spelling (version 1) and in Tera's
/// (version 2), and what it gives.
#[test]
fn both_spellings_of_every_filter_of_projects_give_the_same() {
    use serde_json::json;
    for (scalar, expected) in [
        (r#"{{ '{"b":[1,2]}' | from_json }}"#, json!({"b": [1, 2]})),
        ("{{ [1, {'b': 2}] | tojson }}", json!(r#"[1,{"b":2}]"#)),
        ("{{ [1, {'b': 2}] | json_encode }}", json!(r#"[1,{"b":2}]"#)),
        ("{{ [1] | json_encode(pretty=true) }}", json!("[\n  1\n]")),
        ("{{ 'hi' | base64_encode }}", json!("aGk=")),
        (r#"{{ "O'Brien" | sql_escape }}"#, json!("O''Brien")),
        ("{{ 'a' | upper }}{{ ' b ' | trim }}{{ 'c' ~ 1 }}", json!("Abc1")),
        ("{{ '3' | int + 1 }}", json!(4)),
        ("{{ [1, 2, 3] | length }}", json!(3)),
        (r#"{{ ['a', 'b', "c'd"] | sql_list }}"#, json!("('a','b','c''d')")),
        ("{{ [] | sql_list }}", json!("(NULL)")),
        ("{{ ['a', 'b'] | merge_lists(['b', 'c']) }}", json!(["a", "b", "c"])),
        ("{{ ['a', 'b'] | merge_lists(other=['b', 'c']) }}", json!(["a", "b", "c"])),
        (r#"{{ '["a"]' | merge_lists('["b"]') }}"#, json!(["a", "b"])),
        ("{{ {'a': 1} | merge_objects({'b': 2}) }}", json!({"a": 1, "b": 2})),
        ("{{ {'a': 1} | merge_objects(other={'a': 2}) }}", json!({"a": 2})),
        ("{{ [{'Key': 'a', 'Value': 'b'}] | to_aws_tag_filters }}", json!(r#"[{"Key":"a","Values":["b"]}]"#)),
        (
            "{{ {'A/b': '1', 'C': true} | generate_patch_document }}",
            json!(r#"[{"op":"add","path":"/A~1b","value":"1"},{"op":"add","path":"/C","value":true}]"#),
        ),
        (
            "{{ {'A': 1} | generate_patch_document | replace('add', 'test') }}",
            json!(r#"[{"op":"test","path":"/A","value":1}]"#),
        ),
        ("{{ 'a-b' | replace('-', '_') }}", json!("a_b")),
        ("{{ 'a-b' | replace(from='-', to='_') }}", json!("a_b")),
        ("{{ ['a', 'b'] | join(sep='+') }}", json!("a+b")),
        ("{{ 'a,b' | split(pat=',') | list }}", json!(["a", "b"])),
        ("{{ range(3) | list }}", json!([0, 1, 2])),
        ("{{ range(end=3) }}", json!([0, 1, 2])),
        ("{{ range(start=1, end=6, step_by=2) }}", json!([1, 3, 5])),
        ("{% for i in range('2' | int) %}{{ i }};{% endfor %}", json!("0;1;")),
        ("{{ {}.x | default('d') }}", json!("d")),
        ("{{ {}.x | default(value='d') }}", json!("d")),
        ("{{ '' | default('d', true) }}", json!("d")),
        ("{{ {'k': 1} | get(key='k') }}", json!(1)),
        ("{{ {'k': 1} | get(key='x', default=2) }}", json!(2)),
        ("{{ 'x' if 1 > 2 else 'y' }}", json!("y")),
        ("{{ ({'a': {'b': 1}}).a.b }}", json!(1)),
        ("{{ {'b': 1, 'a': [true, none]} | sql_text }}", json!(r#"{"a":[true,null],"b":1}"#)),
        (r#"{{ ["it's"] | sql_quoted }}"#, json!(r#"["it''s"]"#)),
    ] {
        let written = serde_json::to_string(scalar).unwrap();
        assert_eq!(value(&written).to_masked_json(), expected, "{scalar}");
    }
    let uuid = value("'{{ uuid() }}{{ uuid() }}'");
    let (first, second) = uuid.as_str().unwrap().split_at(36);
    assert_eq!(second, first, "the same within a run, and at the next one");
}

#[test]
fn typed_text_arrives_unchanged() {
    for (written, value_of) in [
        ("TrueNorth99", "TrueNorth99"),
        ("\"12345678\"", "12345678"),
        ("no", "no"),
        ("on", "on"),
        ("'it''s \"quoted\"'", "it's \"quoted\""),
        ("\"line\\nbreak\\ttab\"", "line\nbreak\ttab"),
        ("\"{{ '{{' }} x }}\"", "{{ x }}"),
        ("pässwörd-日本-🔑", "pässwörd-日本-🔑"),
        ("\"None\"", "None"),
        ("False positive", "False positive"),
        ("a # b", "a"),
        ("\"a # b\"", "a # b"),
        ("$HOME `x` %PATH% \\n", "$HOME `x` %PATH% \\n"),
    ] {
        assert_eq!(value(written), Value::from(value_of), "{written}");
    }
    assert_eq!(value("1e5"), Value::from(serde_json::json!(100_000.0)));
    assert_eq!(value("12345678"), Value::from(12_345_678));
}

#[test]
fn values_of_variables_are_data() {
    let text = "version: 1\nname: s\nresources: [{ name: r, props: { X: '{{ vars.A }}', Y: 'a-{{ A }}' } }]\n";
    for given in ["{{ 1 + 1 }}", "{% raw %}", "TrueNorth99", "12345678", "a: b\n- c", "\u{1f511}", "\"'\\"] {
        let (stack, shown) = stack_with(text, "dev", &[("A", given)], &[]);
        assert_eq!(shown, "");
        let stack = stack.unwrap();
        assert_eq!(stack.instances[0].properties["X"], Value::from(given));
        assert_eq!(stack.instances[0].properties["Y"], Value::from(format!("a-{given}")));
    }
}

#[test]
fn a_secret_stays_one_through_every_filter_and_branch() {
    for scalar in [
        "{{ vars.SECRET }}",
        "x-{{ vars.SECRET }}",
        "{{ vars['SECRET'] }}",
        "{{ SECRET }}",
        "{{ secret('env:SECRET') }}",
        "{{ secret('env:' ~ 'SECRET') }}",
        "{{ structure.closed }}",
        "{{ globals.structure.list[1] }}",
        "{{ structure | tojson }}",
        "{{ structure.list | join('-') }}",
        "{{ structure | items | list | tojson }}",
        "{{ vars.SECRET | base64_encode }}",
        "{{ vars.SECRET | base64_encode | base64_decode }}",
        "{{ vars.SECRET | sha256 }}",
        "{{ vars.SECRET | sql_escape | upper }}",
        "{{ [vars.SECRET] | sql_list }}",
        "{{ [vars.SECRET] | merge_lists(['a']) | first }}",
        "{{ ({'a': vars.SECRET} | merge_objects({'b': 1})).a }}",
        "{{ {'a': vars.SECRET} | generate_patch_document }}",
        "{{ vars.SECRET[:3] }}",
        "{{ vars.SECRET ~ 'x' }}",
        "{{ vars.SECRET | replace('h', 'H') }}",
        "{{ 'a' if vars.SECRET else 'b' }}",
        "{{ 'a' if vars.SECRET == 'hunter2' else 'b' }}",
        "{{ vars.SECRET if a.Arn == 'arn:a' else 'b' }}",
        "{{ vars.SECRET | length | string }}",
        "{{ vars.SECRET | length }}",
        "{{ vars.SECRET == 'hunter2' }}",
        "{{ (secret('file:j.json') | from_json).password }}",
        "{{ a.Secret }}",
        "{{ a.Secret ~ a.Arn }}",
        "{{ a.Arn ~ vars.SECRET }}",
        "{% for c in vars.SECRET %}{{ c }}.{% endfor %}",
        "{% set x = vars.SECRET %}{{ x | upper }}",
        "{% if vars.SECRET %}a{% endif %}",
        "{{ '%s' | format(vars.SECRET) }}",
        "{{ vars.SECRET | list | last }}",
    ] {
        let value = evaluated(&format!("\"{}\"", scalar.replace('"', "\\\"")));
        assert!(matches!(value, Value::Secret(ref secret) if secret.is_resolved()), "{scalar}: {}", value.type_name());
        let shown = format!("{value:?}{}", value.to_masked_json());
        for canary in ["hunter", "HUNTER", "aHVudGVy"] {
            assert!(!shown.contains(canary), "{scalar}: {shown}");
        }
    }
}

#[test]
fn a_missing_source_makes_an_unresolved_secret_and_an_unknown_property_an_unknown() {
    let nothing = World(HashMap::new(), HashMap::new());
    let Value::Deferred(deferred) = value("\"{{ vars.SECRET | upper }}\"") else { panic!() };
    assert_eq!(deferred.secret_source(), Some("env:SECRET"));
    assert_eq!(deferred.secret_sources().len(), 1);
    assert!(matches!(deferred.evaluate(&nothing).unwrap(), Value::Secret(secret) if !secret.is_resolved()));
    let Value::Deferred(deferred) = value("\"{{ a.Map.x[1] }}-{{ m['k'].Arn }}\"") else { panic!() };
    assert_eq!(deferred.secret_source(), None);
    assert_eq!(deferred.describe(), "a.Map.x.1, m[\"k\"].Arn");
    assert_eq!(deferred.evaluate(&nothing).unwrap(), Value::Unknown("a.Map.x.1, m[\"k\"].Arn".into()));
    assert_eq!(format!("{deferred:?}"), "Deferred(a.Map.x.1, m[\"k\"].Arn)");
    let Value::Deferred(deferred) = value("\"{{ a.Gone | upper }}\"") else { panic!() };
    let error = deferred.evaluate(&world()).unwrap_err();
    assert_eq!((error.code, &*error.summary), ("M221", "`a` gives no `Gone`"));
}

#[test]
fn a_number_of_a_secret_document_is_hidden_and_stays_a_number() {
    let form = |value: &Value| match value {
        Value::Secret(secret) => Some(secret.form()),
        _ => None,
    };
    let whole = evaluated("\"{{ secret('file:j.json') | from_json }}\"");
    assert_eq!(form(whole.get("port").unwrap()), Some(Form::Number));
    assert_eq!(form(whole.get("password").unwrap()), Some(Form::Text));
    assert!(!whole.to_masked_json().to_string().contains("5432"));
    let port = evaluated("\"{{ (secret('file:j.json') | from_json).port }}\"");
    assert_eq!(form(&port), Some(Form::Number));
    assert_eq!(form(&evaluated("\"{{ vars.SECRET == 'hunter2' }}\"")), Some(Form::Boolean));
    assert_eq!(form(&evaluated("\"{{ (secret('file:j.json') | from_json).port | string }}\"")), Some(Form::Text));
}

#[test]
fn an_index_that_is_a_secret_is_in_no_message() {
    for scalar in ["{{ a[vars.SECRET] }}", "{{ a.Gone[vars.SECRET] }}", "{{ m[vars.SECRET].Arn }}"] {
        let text = format!(
            "version: 1\nname: s\nvars: [{{ name: SECRET, secret: true }}]\nresources:\n  - name: a\n  - name: m\n    \
             for_each: [k]\n  - name: r\n    props: {{ X: \"{scalar}\" }}\n"
        );
        let (stack, mut shown) = stack_with(&text, "dev", &[], &[("SECRET", "hunter2")]);
        if let Some(Value::Deferred(deferred)) = stack.unwrap().instances.last().unwrap().properties.get("X") {
            let found = deferred.evaluate(&Gone).unwrap_err();
            let _ = write!(shown, "{} {}", found.code, found.summary);
        }
        assert!(!shown.contains("hunter2") && !shown.contains("`secret`"), "{scalar}: {shown}");
        assert!(shown.contains("M221") || shown.contains("M215"), "{scalar}: {shown}");
    }
}

/// Resources that have nothing.
struct Gone;

impl Scope for Gone {
    fn property(&self, reference: &Reference) -> Property {
        Property::Missing(format!("`{}` gives no `{}`", reference.address, reference.property.join(".")))
    }

    fn secret(&self, source: &SecretSource) -> Option<Secret> {
        Some(Secret::new(source.to_string(), "hunter2".to_owned()))
    }
}

#[test]
fn references_evaluate_to_native_values() {
    assert_eq!(evaluated("\"{{ a.Arn }}\""), Value::from("arn:a"));
    assert_eq!(evaluated("\"{{ Arn }}/x\""), Value::from("arn:a/x"));
    assert_eq!(evaluated("\"{{ m['k'].Arn }}\""), Value::from("arn:m"));
    assert_eq!(evaluated("\"{{ a.Map }}\""), Value::from(serde_json::json!({"x": ["p", "q"]})));
    assert_eq!(evaluated("\"{{ a.Arn.upper | default('x') }}\""), Value::Unknown("a.Arn.upper".into()));
    assert_eq!(evaluated("\"{{ a.Arn | split(':') | last }}\""), Value::from("a"));
    let Value::Deferred(deferred) = value("\"{{ m['k'].Arn if a.Arn == 'arn:a' else 'b' }}\"") else { panic!() };
    let named: Vec<String> = deferred.references().iter().map(|r| r.address.to_string()).collect();
    assert_eq!(named, ["a", "m[\"k\"]"]);
    assert_eq!(deferred.evaluate(&world()).unwrap(), Value::from("arn:m"));
}
