//! The same flows on servers that we did not write: moto and ministack.
//!
//! Neither does everything that AWS does. What is known to be broken where is in `tests/emulators.yaml`, with the
//! reason; such a cell has to break, so that the table stays true: one that begins to pass fails the test.

mod credentials;
mod glue;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Value, json};
use trueup_tests::{Emulator, TestEnv, boto3, interpreter, ministack, moto, repository};

const PASSWORD: &str = "Ew8rTj52-password-of-emulators";

/// One flow in a region of its own.
struct Place {
    env: TestEnv,
    python: PathBuf,
    url: String,
    region: &'static str,
}

const AT_ONCE: usize = 4;

type Cell = fn(&mut Place) -> Result<(), String>;

/// The flows of connections and destinations; those of other kinds are in files of their own.
const CELLS: [(&str, Cell); 18] = [
    ("basic is created, read back and planned empty", |it| it.created("BASIC")),
    ("api key is created, read back and planned empty", |it| it.created("API_KEY")),
    ("oauth is created, read back and planned empty", |it| it.created("OAUTH_CLIENT_CREDENTIALS")),
    ("destinations are created and planned empty", Place::destinations),
    ("invocation parameters are kept and planned empty", Place::invocation_parameters),
    ("the managed secret holds the credentials", Place::managed_secret),
    ("an update of description and user is one call and planned empty", Place::update),
    ("a removed description is cleared", Place::clear),
    ("a new password reaches the managed secret", Place::password),
    ("a password changed behind our back is seen and restored", Place::behind_our_back),
    ("the kind changes in place", Place::change_of_kind),
    ("a rename repoints the destination and deletes the old one", Place::rename),
    ("a customer key is kept", Place::key),
    ("a second create of the same name is refused", Place::duplicate),
    ("lists have pages", Place::pages),
    ("a deauthorized connection is said to be unusable", Place::deauthorize),
    ("what somebody else made is found, and torn down", Place::existing),
    ("a teardown leaves nothing", Place::teardown),
];

/// Real regions: moto knows no others.
const REGIONS: [&str; 37] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "ca-west-1",
    "mx-central-1",
    "sa-east-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "us-gov-west-1",
    "cn-north-1",
    "cn-northwest-1",
];

#[test]
fn moto_does_what_the_table_says() {
    let Some(python) = interpreter() else { return };
    all_cells(moto(&python), &python);
}

#[test]
fn ministack_does_what_the_table_says() {
    let Some(python) = interpreter() else { return };
    all_cells(ministack(&python), &python);
}

#[test]
fn boto3_finds_the_sandbox_as_it_expects_aws() {
    // Long enough for a busy machine to see states that pass.
    every_expectation_holds("conformance.py", "500ms");
}

#[test]
fn boto3_finds_cloud_control_as_it_expects_aws() {
    // It looks at requests under way, and puts the clock forward when it has.
    every_expectation_holds("cloudcontrol.py", "1m");
}

fn every_expectation_holds(script: &str, settle: &str) {
    let Some(python) = interpreter() else { return };
    let env = TestEnv::settling(settle);
    let script = repository().join("crates/sandbox/tests/boto3").join(script);
    let out = trueup_tests::script(&python, &script, &[&env.sandbox().url], "");
    assert!(out.contains("every expectation holds"), "{out}");
}

fn all_cells(server: &Emulator, python: &Path) {
    let path = repository().join("tests/emulators.yaml");
    let text = std::fs::read_to_string(&path).expect("tests/emulators.yaml can be read");
    let mut table: BTreeMap<String, BTreeMap<String, String>> =
        serde_yaml::from_str(&text).expect("tests/emulators.yaml: server → cell → reason");
    let mut known = table.remove(server.name).unwrap_or_default();
    let mut wrong = Vec::new();
    for (name, result) in results(server, python) {
        match (known.remove(name), result) {
            (None, Ok(())) | (Some(_), Err(_)) => {}
            (None, Err(why)) => wrong.push(format!("{name}: is broken: {why}")),
            (Some(reason), Ok(())) => {
                wrong.push(format!("{name}: works, so take it out of tests/emulators.yaml, which says: {reason}"));
            }
        }
    }
    wrong.extend(known.keys().map(|name| format!("{name}: is in tests/emulators.yaml and is no cell")));
    assert!(wrong.is_empty(), "{}:\n{}", server.name, wrong.join("\n"));
}

/// How each cell ended. Each has a region to itself, and most of the time is spent waiting: so, several at once.
fn results(server: &Emulator, python: &Path) -> Vec<(&'static str, Result<(), String>)> {
    let run = |(name, cell): (&'static str, Cell), region| {
        let mut env = TestEnv::before(&server.url, region);
        env.set_secret("PASSWORD", PASSWORD);
        (name, cell(&mut Place { env, python: python.to_owned(), url: server.url.clone(), region }))
    };
    let all = CELLS.into_iter().chain(credentials::CELLS).chain(glue::CELLS);
    let cells: Vec<_> = all.clone().zip(REGIONS).collect();
    assert_eq!(cells.len(), all.count(), "each cell has a region");
    thread::scope(|scope| {
        let parts: Vec<_> = (0..AT_ONCE)
            .map(|part| {
                let mine: Vec<_> = cells.iter().skip(part).step_by(AT_ONCE).copied().collect();
                scope.spawn(move || mine.into_iter().map(|(cell, region)| run(cell, region)).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("a leaked secret ends the test")).collect()
    })
}

fn connection(kind: &str, name: &str, extra: &str) -> String {
    let parameters = match kind {
        "BASIC" => "        BasicAuthParameters: { Username: svc, Password: \"{{ vars.PASSWORD }}\" }\n",
        "API_KEY" => "        ApiKeyAuthParameters: { ApiKeyName: X-Key, ApiKeyValue: \"{{ vars.PASSWORD }}\" }\n",
        _ => {
            "        OAuthParameters:\n          ClientParameters: { ClientID: client, ClientSecret: \"{{ vars.PASSWORD }}\" }\n          \
             AuthorizationEndpoint: https://login.example.com/token\n          HttpMethod: POST\n"
        }
    };
    format!(
        "version: 1\nname: emulated\nproviders: [aws]\nvars: [{{ name: PASSWORD, secret: true }}]\nresources:\n  - name: c\n    type: \
         AWS::Events::Connection\n{extra}    props:\n      Name: {name}\n      Description: as it was\n      AuthorizationType: \
         {kind}\n      AuthParameters:\n{parameters}"
    )
}

const DESTINATION: &str = "  - name: d\n    type: AWS::Events::ApiDestination\n    props:\n      Name: d\n      ConnectionArn: \
                           \"{{ c.Arn }}\"\n      InvocationEndpoint: https://example.com/d\n      HttpMethod: POST\n";

fn expect(what: &str, found: &Value, wanted: &Value) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found}, and should be {wanted}")) }
}

impl Place {
    fn write(&mut self, manifest: &str) {
        self.env.write("trueup.yaml", manifest);
    }

    fn apply(&self) -> Result<(), String> {
        // Nobody lags here, so nothing is waited for before a key is made.
        self.env.trueup("apply --yes --kms-settle 10ms").ended(0).map(drop)
    }

    fn nothing_to_do(&self) -> Result<(), String> {
        self.env.trueup("plan --exit-code --strict").ended(0).map(drop)
    }

    /// Writes a manifest, applies it, and expects that nothing is left to do.
    fn apply_all(&mut self, manifest: &str) -> Result<(), String> {
        self.write(manifest);
        self.apply()?;
        self.nothing_to_do()
    }

    fn call(&self, service: &str, operation: &str, input: &Value) -> Value {
        let calls = json!([{"service": service, "operation": operation, "input": input}]);
        boto3(&self.python, &self.url, self.region, &calls).swap_remove(0)
    }

    fn describe(&self, name: &str) -> Value {
        self.call("events", "DescribeConnection", &json!({"Name": name}))
    }

    fn credentials(&self, name: &str) -> Result<Value, String> {
        let arn = self.describe(name)["SecretArn"].clone();
        if !arn.is_string() {
            return Err("there is no SecretArn".to_owned());
        }
        let secret = self.call("secretsmanager", "GetSecretValue", &json!({"SecretId": arn}));
        let text = secret["SecretString"].as_str().ok_or_else(|| format!("the managed secret: {secret}"))?;
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn created(&mut self, kind: &str) -> Result<(), String> {
        self.write(&connection(kind, "c", ""));
        self.apply()?;
        let live = self.describe("c");
        expect("the kind", &live["AuthorizationType"], &json!(kind))?;
        expect("the description", &live["Description"], &json!("as it was"))?;
        self.env.trueup("plan --exit-code").ended(0).map(drop)
    }

    fn destinations(&mut self) -> Result<(), String> {
        self.write(&(connection("BASIC", "c", "") + DESTINATION));
        self.apply()?;
        let live = self.call("events", "DescribeApiDestination", &json!({"Name": "d"}));
        expect("the connection", &live["ConnectionArn"], &self.describe("c")["ConnectionArn"])?;
        self.env.trueup("plan --exit-code").ended(0).map(drop)
    }

    fn invocation_parameters(&mut self) -> Result<(), String> {
        let parameters = "        InvocationHttpParameters:\n          HeaderParameters:\n            - { Key: X-Token, Value: \
                          \"{{ vars.PASSWORD }}\", IsValueSecret: true }\n            - { Key: X-Version, Value: \"2\", \
                          IsValueSecret: false }\n";
        self.apply_all(&(connection("API_KEY", "c", "") + parameters))
    }

    fn managed_secret(&mut self) -> Result<(), String> {
        self.apply_all(&connection("BASIC", "c", ""))?;
        let credentials = self.credentials("c")?;
        expect("the user", &credentials["username"], &json!("svc"))?;
        expect("the password", &credentials["password"], &json!(PASSWORD))
    }

    fn update(&mut self) -> Result<(), String> {
        self.apply_all(&connection("BASIC", "c", ""))?;
        let other =
            connection("BASIC", "c", "").replace("as it was", "as it is").replace("Username: svc", "Username: svc2");
        self.apply_all(&other)?;
        let live = self.describe("c");
        expect("the description", &live["Description"], &json!("as it is"))?;
        expect("the user", &live["AuthParameters"]["BasicAuthParameters"]["Username"], &json!("svc2"))
    }

    fn clear(&mut self) -> Result<(), String> {
        self.write(&connection("BASIC", "c", ""));
        self.apply()?;
        self.write(&connection("BASIC", "c", "").replace("      Description: as it was\n", ""));
        self.apply()?;
        self.env.trueup("plan --exit-code").ended(0).map(drop)
    }

    fn password(&mut self) -> Result<(), String> {
        self.apply_all(&connection("BASIC", "c", ""))?;
        self.env.set_secret("PASSWORD", "Af5oKs37-second-password");
        self.env.trueup("plan --exit-code").ended(2)?;
        self.apply()?;
        expect("the password", &self.credentials("c")?["password"], &json!("Af5oKs37-second-password"))?;
        self.nothing_to_do()
    }

    fn behind_our_back(&mut self) -> Result<(), String> {
        self.apply_all(&connection("BASIC", "c", ""))?;
        let parameters = json!({"BasicAuthParameters": {"Username": "svc", "Password": "by somebody else"}});
        self.call(
            "events",
            "UpdateConnection",
            &json!({"Name": "c", "AuthorizationType": "BASIC", "AuthParameters": parameters}),
        );
        let plan = self.env.trueup("plan --exit-code");
        plan.ended(2)?;
        if !plan.stdout.contains("differs from the live value") {
            return Err(format!("the difference is not said: {plan}"));
        }
        self.apply()?;
        expect("the password", &self.credentials("c")?["password"], &json!(PASSWORD))?;
        self.nothing_to_do()
    }

    fn change_of_kind(&mut self) -> Result<(), String> {
        self.write(&connection("BASIC", "c", ""));
        self.apply()?;
        self.write(&connection("API_KEY", "c", ""));
        self.apply()?;
        expect("the kind", &self.describe("c")["AuthorizationType"], &json!("API_KEY"))?;
        self.env.trueup("plan --exit-code").ended(0).map(drop)
    }

    fn rename(&mut self) -> Result<(), String> {
        self.write(&(connection("BASIC", "c", "") + DESTINATION));
        self.apply()?;
        self.write(&(connection("BASIC", "renamed", "    renamed_from: c\n") + DESTINATION));
        self.apply()?;
        let live = self.call("events", "DescribeApiDestination", &json!({"Name": "d"}));
        expect("the connection", &live["ConnectionArn"], &self.describe("renamed")["ConnectionArn"])?;
        expect("the old one", &self.describe("c")["error"], &json!("ResourceNotFoundException"))?;
        self.env.trueup("plan --exit-code").ended(0).map(drop)
    }

    fn key(&mut self) -> Result<(), String> {
        let tags = json!({"Tags": [{"TagKey": "EventBridgeApiDestinations", "TagValue": "true"}]});
        let key = self.call("kms", "CreateKey", &tags)["KeyMetadata"]["KeyId"].clone();
        let id = key.as_str().ok_or("there is no key")?;
        self.call("kms", "CreateAlias", &json!({"AliasName": "alias/c", "TargetKeyId": id}));
        let manifest = connection("BASIC", "c", "") + "      KmsKeyIdentifier: alias/c\n";
        self.write(&manifest);
        self.apply()?;
        self.env.trueup("plan --exit-code").ended(0)?;
        // The same key by its other name is no change.
        self.write(&manifest.replace("alias/c", id));
        self.env.trueup("plan --exit-code").ended(0).map(drop)
    }

    /// Makes a connection with boto3, the same that the manifest describes.
    fn made_by_somebody(&self, name: &str) -> Value {
        let parameters = json!({"BasicAuthParameters": {"Username": "svc", "Password": PASSWORD}});
        self.call(
            "events",
            "CreateConnection",
            &json!({"Name": name, "Description": "as it was", "AuthorizationType": "BASIC", "AuthParameters": parameters}),
        )
    }

    fn duplicate(&mut self) -> Result<(), String> {
        self.made_by_somebody("c");
        expect("the answer", &self.made_by_somebody("c")["error"], &json!("ResourceAlreadyExistsException"))
    }

    fn pages(&mut self) -> Result<(), String> {
        for name in ["c1", "c2", "c3"] {
            self.made_by_somebody(name);
        }
        let page = self.call("events", "ListConnections", &json!({"Limit": 2}));
        expect("the page's length", &json!(page["Connections"].as_array().map(Vec::len)), &json!(2))?;
        if page["NextToken"].is_string() { Ok(()) } else { Err("there is no next page".to_owned()) }
    }

    fn deauthorize(&mut self) -> Result<(), String> {
        self.made_by_somebody("c");
        let answer = self.call("events", "DeauthorizeConnection", &json!({"Name": "c"}));
        if !answer["error"].is_null() {
            return Err("there is no DeauthorizeConnection".to_owned());
        }
        self.write(&connection("BASIC", "c", ""));
        let plan = self.env.trueup("plan");
        if plan.stdout.contains("DEAUTHORIZ") { Ok(()) } else { Err(format!("it is not said: {plan}")) }
    }

    fn existing(&mut self) -> Result<(), String> {
        self.made_by_somebody("c");
        self.write(&connection("BASIC", "c", ""));
        self.env.trueup("plan --exit-code").ended(0)?;
        self.env.trueup("teardown --yes").ended(0)?;
        expect("the connection", &self.describe("c")["error"], &json!("ResourceNotFoundException"))
    }

    fn teardown(&mut self) -> Result<(), String> {
        self.write(&(connection("BASIC", "c", "") + DESTINATION));
        self.apply()?;
        self.env.trueup("teardown --yes").ended(0)?;
        let list = |service: &str, operation: &str, what: &str| self.call(service, operation, &json!({}))[what].clone();
        expect("connections", &list("events", "ListConnections", "Connections"), &json!([]))?;
        expect("destinations", &list("events", "ListApiDestinations", "ApiDestinations"), &json!([]))?;
        expect("secrets", &list("secretsmanager", "ListSecrets", "SecretList"), &json!([]))?;
        self.env.trueup("teardown --yes").ended(0).map(drop)
    }
}
