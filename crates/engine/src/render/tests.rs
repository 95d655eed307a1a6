use super::*;
use crate::credential::SecretSource;
use crate::diagnostic;
use crate::secret::Secret;

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
    assert!(orders.protect);
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
