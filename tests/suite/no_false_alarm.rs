//! A drift job that cries wolf is switched off: right after an apply nothing differs, whatever the stack is.

use std::fmt::Write as _;

use trueup_tests::TestEnv;

const PASSWORD: &str = "Tq7vWz93-first-password";

/// How many stacks.
const STACKS: u64 = 200;

/// Numbers that look random and are the same in every run (the constants of Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn chance(&mut self) -> bool {
        self.roll(2) == 0
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap_or(0)]
    }
}

/// Texts that other tools stumble over: empty, numbers and booleans as texts, other alphabets, spaces, quotes.
const TEXTS: &[&str] = &[
    "Orders",
    "",
    "12345678",
    "0012",
    "true",
    "null",
    "~",
    "é ü 漢字",
    "  two  spaces  ",
    "it's \\\"quoted\\\"",
    "a: b # c",
    "1e3",
    "{not a template}",
    "%20",
    "\\ttab",
];

fn parameters(dice: &mut Dice, text: &mut String, indent: &str, name: &str) {
    let count = dice.roll(4);
    if count == 0 {
        if dice.chance() {
            let _ = writeln!(text, "{indent}{name}: []");
        }
        return;
    }
    let _ = writeln!(text, "{indent}{name}:");
    for number in 0..count {
        let (value, secret) = match dice.roll(3) {
            0 => ("\"{{ vars.PASSWORD }}\"".to_owned(), ", IsValueSecret: true"),
            1 => ("\"{{ vars.PASSWORD }}\"".to_owned(), ""),
            _ => (format!("\"v{}\"", dice.roll(5)), ", IsValueSecret: false"),
        };
        let _ = writeln!(text, "{indent}  - {{ Key: K{}, Value: {value}{secret} }}", number + dice.roll(2) * 10);
    }
}

fn http(dice: &mut Dice, text: &mut String, indent: &str, name: &str) {
    let mut inner = String::new();
    for list in ["HeaderParameters", "QueryStringParameters", "BodyParameters"] {
        parameters(dice, &mut inner, &format!("{indent}  "), list);
    }
    if !inner.is_empty() {
        let _ = write!(text, "{indent}{name}:\n{inner}");
    }
}

fn connection(dice: &mut Dice, name: &str, key: Option<&str>) -> String {
    let mut text = format!(
        "  - name: {name}\n    type: AWS::Events::Connection\n    props:\n      Name: \"{{{{ stack_name }}}}-{name}\"\n"
    );
    if dice.chance() {
        let _ = writeln!(text, "      Description: \"{}\"", dice.pick(TEXTS));
    }
    match dice.roll(3) {
        0 => text.push_str(
            "      AuthorizationType: BASIC\n      AuthParameters:\n        BasicAuthParameters: { Username: svc, Password: \"{{ vars.PASSWORD }}\" }\n",
        ),
        1 => text.push_str(
            "      AuthorizationType: API_KEY\n      AuthParameters:\n        ApiKeyAuthParameters: { ApiKeyName: X-Api-Key, ApiKeyValue: \"{{ vars.PASSWORD }}\" }\n",
        ),
        _ => {
            let _ = write!(
                text,
                "      AuthorizationType: OAUTH_CLIENT_CREDENTIALS\n      AuthParameters:\n        OAuthParameters:\n          ClientParameters: {{ ClientID: c, ClientSecret: \"{{{{ vars.PASSWORD }}}}\" }}\n          AuthorizationEndpoint: https://login.example.com/{}\n          HttpMethod: {}\n",
                dice.roll(9),
                dice.pick(&["GET", "POST", "PUT"])
            );
            http(dice, &mut text, "          ", "OAuthHttpParameters");
        }
    }
    http(dice, &mut text, "        ", "InvocationHttpParameters");
    if let Some(key) = key.filter(|_| dice.chance()) {
        let _ = writeln!(text, "      KmsKeyIdentifier: \"{{{{ {key}.Arn }}}}\"");
    }
    text
}

fn destination(dice: &mut Dice, name: &str, of: &str) -> String {
    let mut text = format!(
        "  - name: {name}\n    type: AWS::Events::ApiDestination\n    props:\n      Name: \"{{{{ stack_name }}}}-{name}\"\n      ConnectionArn: \"{{{{ {of}.Arn }}}}\"\n      InvocationEndpoint: https://partner.example.com/{}/*\n      HttpMethod: {}\n",
        dice.roll(9),
        dice.pick(&["POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"])
    );
    if dice.chance() {
        let _ = writeln!(text, "      InvocationRateLimitPerSecond: {}", 1 + dice.roll(300));
    }
    if dice.chance() {
        let _ = writeln!(text, "      Description: \"{}\"", dice.pick(TEXTS));
    }
    text
}

fn key(dice: &mut Dice, name: &str) -> String {
    let mut text = format!(
        "  - name: {name}\n    type: AWS::KMS::Key\n    props:\n      Tags: [{{ Key: EventBridgeApiDestinations, Value: \"true\" }}]\n      Description: \"{}\"\n",
        dice.pick(TEXTS)
    );
    if dice.chance() {
        let _ = writeln!(text, "      EnableKeyRotation: {}", dice.chance());
    }
    text
}

fn secret(dice: &mut Dice, name: &str, key: Option<&str>) -> String {
    let mut text = format!(
        "  - name: {name}\n    type: AWS::SecretsManager::Secret\n    props:\n      Name: \"{{{{ stack_name }}}}/{name}\"\n"
    );
    match dice.roll(3) {
        0 => text.push_str("      SecretString: \"{{ vars.PASSWORD }}\"\n"),
        1 => {
            text.push_str("      SecretString: { user: u, password: \"{{ vars.PASSWORD }}\", port: 5432, on: true }\n");
        }
        _ => text.push_str("      GenerateSecretString: { PasswordLength: 20 }\n"),
    }
    if dice.chance() {
        let _ = writeln!(text, "      Description: \"{}\"", dice.pick(TEXTS));
    }
    if let Some(key) = key.filter(|_| dice.chance()) {
        let _ = writeln!(text, "      KmsKeyId: \"{{{{ {key}.Arn }}}}\"");
    }
    if dice.chance() {
        let _ = writeln!(text, "      Tags: [{{ Key: b, Value: \"{}\" }}, {{ Key: a, Value: x }}]", dice.roll(100));
    }
    text
}

fn glue(dice: &mut Dice, name: &str) -> String {
    let mut text = format!(
        "  - name: {name}\n    type: AWS::Glue::Connection\n    props:\n      ConnectionInput:\n        Name: \"{{{{ stack_name }}}}-{name}\"\n"
    );
    let kind = dice.roll(3);
    match kind {
        0 => text.push_str(
            "        ConnectionType: JDBC\n        ConnectionProperties: { JDBC_CONNECTION_URL: \"jdbc:postgresql://db.example.com:5432/a\", USERNAME: u, PASSWORD: \"{{ vars.PASSWORD }}\" }\n",
        ),
        1 => text.push_str(
            "        ConnectionType: KAFKA\n        ConnectionProperties: { KAFKA_BOOTSTRAP_SERVERS: \"b-1.example.com:9092\", KAFKA_SSL_ENABLED: \"true\" }\n",
        ),
        _ => text.push_str("        ConnectionType: NETWORK\n        ConnectionProperties: {}\n"),
    }
    if kind == 2 || dice.chance() {
        text.push_str("        PhysicalConnectionRequirements: { SubnetId: subnet-0a1b2c3d, SecurityGroupIdList: [sg-2, sg-1], AvailabilityZone: us-east-1a }\n");
    }
    if dice.chance() {
        let _ = writeln!(text, "        Description: \"{}\"", dice.pick(&TEXTS[..7]));
    }
    if dice.chance() {
        text.push_str("      Tags: { team: data }\n");
    }
    text
}

fn other(dice: &mut Dice, name: &str) -> String {
    match dice.roll(3) {
        0 => format!(
            "  - name: {name}\n    type: AWS::SSM::Parameter\n    props: {{ Name: \"/{{{{ stack_name }}}}/{name}\", Type: String, Value: \"{}\" }}\n",
            dice.pick(&["x", "12", "true", "é"])
        ),
        1 => format!(
            "  - name: {name}\n    type: AWS::SQS::Queue\n    props: {{ QueueName: \"{{{{ stack_name }}}}-{name}\", VisibilityTimeout: {} }}\n",
            dice.roll(100)
        ),
        _ => format!(
            "  - name: {name}\n    type: AWS::Logs::LogGroup\n    props: {{ LogGroupName: \"/{{{{ stack_name }}}}/{name}\", RetentionInDays: {} }}\n",
            dice.pick(&["1", "30", "365"])
        ),
    }
}

fn stack(seed: u64) -> String {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut text = format!(
        "version: 1\nname: s{seed}\nproviders: [aws]\nvars:\n  - {{ name: PASSWORD, secret: true }}\nresources:\n"
    );
    let has_key = dice.chance();
    let named = has_key.then_some("key0");
    if has_key {
        text.push_str(&key(&mut dice, "key0"));
        text.push_str("  - name: alias0\n    type: AWS::KMS::Alias\n    props: { AliasName: \"alias/{{ stack_name }}\", TargetKeyId: \"{{ key0.KeyId }}\" }\n");
    }
    for number in 0..=dice.roll(3) {
        text.push_str(&connection(&mut dice, &format!("c{number}"), named));
        if dice.chance() {
            text.push_str(&destination(&mut dice, &format!("d{number}"), &format!("c{number}")));
        }
    }
    for number in 0..dice.roll(3) {
        text.push_str(&secret(&mut dice, &format!("s{number}"), named));
    }
    for number in 0..dice.roll(3) {
        text.push_str(&glue(&mut dice, &format!("g{number}")));
    }
    for number in 0..dice.roll(3) {
        text.push_str(&other(&mut dice, &format!("o{number}")));
    }
    text
}

#[test]
fn right_after_an_apply_nothing_differs() {
    let mut env = TestEnv::new();
    env.set_secret("PASSWORD", PASSWORD);
    for seed in 0..STACKS {
        env.write("trueup.yaml", &stack(seed));
        let applied = env.trueup("apply --yes --kms-settle 0");
        assert_eq!(applied.code, Some(0), "{}\n{applied}", stack(seed));
        let run = env.trueup("drift --strict --json");
        assert_eq!(run.code, Some(0), "{}\n{run}", stack(seed));
        let summary = run.json()["summary"].clone();
        for count in ["drifted", "missing", "unhealthy", "not_verifiable", "unread"] {
            assert_eq!(summary[count], 0, "{count} in\n{}\n{run}", stack(seed));
        }
    }
}
