//! Keys, aliases and secrets, alone and beside the connection that they are for.

use std::time::Duration;

use serde_json::{Map, Value, json};
use trueup_tests::Holder;

use super::{Cell, DESTINATION, Place, connection, expect};

/// What the secret holds at first, and afterwards.
const VALUES: [&str; 2] = ["Kd4gHn82-value-of-emulators", "Zs9bQe16-second-value"];

pub(super) const CELLS: [(&str, Cell); 13] = [
    ("a whole stack is created, changed in each resource, and torn down in reverse order", Place::whole_stack),
    ("a key, its alias and a secret are created, changed and torn down", Place::credentials_alone),
    ("a secret's value changed behind our back is seen and restored", Place::value_behind_our_back),
    ("a secret that is scheduled for deletion is restored", Place::secret_restored),
    ("a secret's tags are kept, and those of others left alone", Place::secret_tags),
    ("a secret's description is cleared", Place::secret_cleared),
    ("a value is generated once", Place::generated),
    ("a key that is scheduled for deletion is restored", Place::key_restored),
    ("a key's policy, rotation and state change in place", Place::key_changed),
    ("a key that somebody else made is found by its alias and adopted", Place::key_by_alias),
    ("a run that was killed behind CreateKey makes no second key", Place::key_once),
    ("what another stack owns is not touched", Place::of_another_stack),
    ("what the manifest no longer names is found by its tags and pruned", Place::pruned),
];

const HEAD: &str = "version: 1\nname: emulated\nproviders: [aws]\nresources:\n";

/// A key with an alias.
const KEY: &str = "  - name: key\n    type: AWS::KMS::Key\n    props:\n      Description: as it was\n      PendingWindowInDays: 7\n      \
                   Tags: [{ Key: team, Value: data }]\n  - name: alias\n    type: AWS::KMS::Alias\n    props:\n      \
                   AliasName: alias/emulated\n      TargetKeyId: \"{{ key.KeyId }}\"\n";

/// A secret, whose value the variable `VALUE` holds.
const SECRET: &str = "  - name: stored\n    type: AWS::SecretsManager::Secret\n    props:\n      Name: emulated/secret\n      \
                      Description: as it was\n      RecoveryWindowInDays: 7\n      SecretString:\n        user: svc\n        \
                      password: \"{{ secret('env:VALUE') }}\"\n      Tags: [{ Key: team, Value: data }]\n";

const ENCRYPTED: &str = "      KmsKeyId: \"{{ key.Arn }}\"\n";

/// Another key, at which the alias is pointed.
const SPARE: &str = "  - name: spare\n    type: AWS::KMS::Key\n    props: { PendingWindowInDays: 7 }\n";

fn tags(list: &Value, key: &str, value: &str) -> Map<String, Value> {
    let tags = list.as_array().into_iter().flatten();
    tags.filter_map(|tag| Some((tag[key].as_str()?.to_owned(), tag[value].clone()))).collect()
}

impl Place {
    fn value(&mut self, nth: usize) {
        self.env.set_secret("VALUE", VALUES[nth]);
    }

    fn secret(&self) -> Value {
        self.call("secretsmanager", "DescribeSecret", &json!({"SecretId": "emulated/secret"}))
    }

    fn live_value(&self) -> Result<Value, String> {
        let live = self.call("secretsmanager", "GetSecretValue", &json!({"SecretId": "emulated/secret"}));
        let text = live["SecretString"].as_str().ok_or_else(|| format!("there is no value: {live}"))?;
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn expect_value(&self, nth: usize) -> Result<(), String> {
        // A value of tests, but a failure shows none all the same.
        let same = self.live_value()? == json!({"user": "svc", "password": VALUES[nth]});
        expect("that the value is the wanted one", &json!(same), &json!(true))
    }

    /// The customer's keys, all of them.
    fn keys(&self) -> Vec<Value> {
        let all = self.call("kms", "ListKeys", &json!({}))["Keys"].take();
        let describe =
            |key: &Value| self.call("kms", "DescribeKey", &json!({"KeyId": key["KeyId"]}))["KeyMetadata"].take();
        all.as_array().into_iter().flatten().map(describe).filter(|key| key["KeyManager"] != "AWS").collect()
    }

    /// The only key.
    fn key_there(&self) -> Result<Value, String> {
        let mut keys = self.keys();
        expect("how many keys there are", &json!(keys.len()), &json!(1))?;
        Ok(keys.swap_remove(0))
    }

    fn aliased(&self, alias: &str) -> Value {
        self.call("kms", "DescribeKey", &json!({"KeyId": alias}))["KeyMetadata"]["KeyId"].take()
    }

    /// Nothing is left but keys and the secret, and those are scheduled for deletion.
    fn only_scheduled_is_left(&self, keys: usize) -> Result<(), String> {
        let there = self.keys();
        expect("how many keys there are", &json!(there.len()), &json!(keys))?;
        for key in there {
            expect("the key's state", &key["KeyState"], &json!("PendingDeletion"))?;
        }
        expect("the alias", &self.aliased("alias/emulated"), &Value::Null)?;
        expect("that the secret is scheduled", &json!(self.secret()["DeletedDate"].is_string()), &json!(true))
    }

    fn whole_stack(&mut self) -> Result<(), String> {
        self.value(0);
        let manifest = connection("BASIC", "c", "") + DESTINATION + KEY + SPARE + SECRET + ENCRYPTED;
        self.apply_all(&manifest)?;
        let first = self.aliased("alias/emulated");
        expect("the secret's key", &self.secret()["KmsKeyId"], &json!(self.arn_of(&first)))?;
        self.expect_value(0)?;
        self.value(1);
        let changed = manifest
            .replace("Description: as it was", "Description: as it is")
            .replace("key.KeyId", "spare.KeyId")
            .replace("HttpMethod: POST", "HttpMethod: PUT");
        self.write(&changed);
        self.env.trueup("plan --exit-code").ended(2)?;
        self.apply_all(&changed)?;
        self.expect_value(1)?;
        expect("that the alias is another key's", &json!(self.aliased("alias/emulated") != first), &json!(true))?;
        expect("the connection's description", &self.describe("c")["Description"], &json!("as it is"))?;
        expect("the secret's description", &self.secret()["Description"], &json!("as it is"))?;
        self.torn_down_in_reverse(&[("d", "c"), ("stored", "key"), ("alias", "spare")])?;
        let list = |operation: &str, what: &str| self.call("events", operation, &json!({}))[what].take();
        expect("connections", &list("ListConnections", "Connections"), &json!([]))?;
        expect("destinations", &list("ListApiDestinations", "ApiDestinations"), &json!([]))?;
        self.only_scheduled_is_left(2)
    }

    fn arn_of(&self, key: &Value) -> Value {
        self.call("kms", "DescribeKey", &json!({"KeyId": key}))["KeyMetadata"]["Arn"].take()
    }

    /// Tears everything down, and expects of each pair that the first was gone before the second.
    fn torn_down_in_reverse(&self, pairs: &[(&str, &str)]) -> Result<(), String> {
        let run = self.env.trueup("teardown --yes --format jsonl");
        run.ended(0)?;
        let events: Vec<Value> = run.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let at = |what: &str, address: &str| {
            let found = events.iter().position(|event| event["type"] == what && event["address"] == address);
            found.ok_or_else(|| format!("{address} is not {what}: {run}"))
        };
        for (first, second) in pairs {
            if at("done", first)? > at("started", second)? {
                return Err(format!("{second} was begun before {first} was gone: {run}"));
            }
        }
        Ok(())
    }

    fn credentials_alone(&mut self) -> Result<(), String> {
        self.value(0);
        let manifest = [HEAD, KEY, SPARE, SECRET, ENCRYPTED].concat();
        self.apply_all(&manifest)?;
        let first = self.aliased("alias/emulated");
        self.value(1);
        let changed =
            manifest.replace("Description: as it was", "Description: as it is").replace("key.KeyId", "spare.KeyId");
        self.apply_all(&changed)?;
        self.expect_value(1)?;
        expect("that the alias is another key's", &json!(self.aliased("alias/emulated") != first), &json!(true))?;
        self.torn_down_in_reverse(&[("stored", "key"), ("alias", "spare")])?;
        self.only_scheduled_is_left(2)
    }

    fn value_behind_our_back(&mut self) -> Result<(), String> {
        self.value(0);
        self.apply_all(&[HEAD, SECRET].concat())?;
        let other = json!({"SecretId": "emulated/secret", "SecretString": "by somebody else"});
        self.call("secretsmanager", "PutSecretValue", &other);
        let plan = self.env.trueup("plan --exit-code");
        plan.ended(2)?;
        if !plan.stdout.contains("differs from the live value") {
            return Err(format!("the difference is not said: {plan}"));
        }
        self.apply()?;
        self.expect_value(0)?;
        self.nothing_to_do()
    }

    fn secret_restored(&mut self) -> Result<(), String> {
        self.value(0);
        self.apply_all(&[HEAD, SECRET].concat())?;
        self.env.trueup("teardown --yes").ended(0)?;
        // Another value, so that what comes back is also updated.
        self.value(1);
        self.restored()?;
        self.expect_value(1)?;
        expect("that it is scheduled", &self.secret()["DeletedDate"], &Value::Null)
    }

    /// What is scheduled for deletion is said to be restored, and is.
    fn restored(&self) -> Result<(), String> {
        let plan = self.env.trueup("plan --exit-code");
        plan.ended(2)?;
        if !plan.stdout.contains("restored") {
            return Err(format!("it is not said that it is restored: {plan}"));
        }
        self.apply()?;
        self.nothing_to_do()
    }

    fn secret_tags(&mut self) -> Result<(), String> {
        self.value(0);
        self.apply_all(&[HEAD, SECRET].concat())?;
        let by_others = json!([{"Key": "team", "Value": "others"}, {"Key": "cost", "Value": "42"}]);
        self.call("secretsmanager", "TagResource", &json!({"SecretId": "emulated/secret", "Tags": by_others}));
        self.env.trueup("plan --exit-code").ended(2)?;
        self.apply()?;
        self.nothing_to_do()?;
        let live = Value::Object(tags(&self.secret()["Tags"], "Key", "Value"));
        let wanted = json!({
            "team": "data", "cost": "42", "trueup:stack": "emulated", "trueup:env": "dev", "trueup:resource": "stored",
        });
        expect("the tags", &live, &wanted)
    }

    fn secret_cleared(&mut self) -> Result<(), String> {
        self.value(0);
        self.apply_all(&[HEAD, SECRET].concat())?;
        self.apply_all(&[HEAD, SECRET].concat().replace("      Description: as it was\n", ""))?;
        let description = self.secret()["Description"].take();
        expect("the description", &json!(description.as_str().unwrap_or_default()), &json!(""))?;
        self.expect_value(0)
    }

    fn generated(&mut self) -> Result<(), String> {
        let manifest = [
            HEAD,
            "  - name: stored\n    type: AWS::SecretsManager::Secret\n    props:\n      Name: emulated/secret\n      \
             GenerateSecretString: { SecretStringTemplate: '{\"user\": \"svc\"}', GenerateStringKey: password, \
             PasswordLength: 40 }\n",
        ]
        .concat();
        self.apply_all(&manifest)?;
        let first = self.live_value()?;
        expect("the length", &json!(first["password"].as_str().map(str::len)), &json!(40))?;
        self.apply_all(&manifest.replace("    props:\n", "    props:\n      Description: as it is\n"))?;
        expect("that the value stayed", &json!(first == self.live_value()?), &json!(true))
    }

    fn key_restored(&mut self) -> Result<(), String> {
        self.apply_all(&[HEAD, KEY].concat())?;
        let before = self.key_there()?;
        self.env.trueup("teardown --yes").ended(0)?;
        expect("the key's state", &self.key_there()?["KeyState"], &json!("PendingDeletion"))?;
        self.restored()?;
        let after = self.key_there()?;
        expect("the key's state", &after["KeyState"], &json!("Enabled"))?;
        expect("the alias's key", &self.aliased("alias/emulated"), &before["KeyId"])
    }

    fn key_changed(&mut self) -> Result<(), String> {
        self.apply_all(&[HEAD, KEY].concat())?;
        let policy = "{ Version: \"2012-10-17\", Statement: [{ Sid: own, Effect: Allow, Principal: { AWS: \
                      \"arn:aws:iam::123456789012:root\" }, Action: \"kms:*\", Resource: \"*\" }] }";
        let more = format!(
            "    props:\n      EnableKeyRotation: true\n      KeyPolicy: {policy}\n      Description: as it was"
        );
        let rotating = KEY.replace("    props:\n      Description: as it was", &more);
        self.apply_all(&[HEAD, &rotating].concat())?;
        let key = self.key_there()?["KeyId"].take();
        let rotation = self.call("kms", "GetKeyRotationStatus", &json!({"KeyId": key}));
        expect("the rotation", &rotation["KeyRotationEnabled"], &json!(true))?;
        let live = self.call("kms", "GetKeyPolicy", &json!({"KeyId": key, "PolicyName": "default"}));
        let live: Value = serde_json::from_str(live["Policy"].as_str().unwrap_or_default()).unwrap_or_default();
        expect("the policy's first statement", &live["Statement"][0]["Sid"], &json!("own"))?;
        self.apply_all(&[HEAD, &rotating.replace("EnableKeyRotation: true", "Enabled: false")].concat())?;
        expect("the key's state", &self.key_there()?["KeyState"], &json!("Disabled"))
    }

    fn key_by_alias(&mut self) -> Result<(), String> {
        let made = self.call("kms", "CreateKey", &json!({"Description": "as it was"}));
        let key = made["KeyMetadata"]["KeyId"].clone();
        self.call("kms", "CreateAlias", &json!({"AliasName": "alias/emulated", "TargetKeyId": key}));
        self.write(&[HEAD, KEY].concat());
        self.apply()?;
        self.nothing_to_do()?;
        expect("the key", &self.key_there()?["KeyId"], &key)?;
        let live = tags(&self.call("kms", "ListResourceTags", &json!({"KeyId": key}))["Tags"], "TagKey", "TagValue");
        expect("its owner", &live["trueup:stack"], &json!("emulated"))
    }

    /// The answer to `CreateKey` never comes, and the run is killed while it waits.
    fn key_once(&mut self) -> Result<(), String> {
        self.write(&[HEAD, KEY].concat());
        let holder = Holder::before(&self.url, "TrentService.CreateKey");
        self.env.set("AWS_ENDPOINT_URL", &holder.url);
        let running = self.env.start(&["apply", "--yes", "--kms-settle", "10ms"]);
        let held = holder.wait(Duration::from_mins(1));
        let killed = self.env.scan(running.kill());
        if !held {
            return Err(format!("no key was made: {killed}"));
        }
        self.env.set("AWS_ENDPOINT_URL", &self.url.clone());
        let made = self.key_there()?;
        expect("that it has no alias", &self.aliased("alias/emulated"), &Value::Null)?;
        self.apply()?;
        self.nothing_to_do()?;
        expect("the key", &self.key_there()?["KeyId"], &made["KeyId"])?;
        expect("the alias's key", &self.aliased("alias/emulated"), &made["KeyId"])
    }

    fn of_another_stack(&mut self) -> Result<(), String> {
        self.value(0);
        self.apply_all(&[HEAD, SECRET].concat())?;
        self.write(
            &[HEAD, SECRET].concat().replace("name: emulated\n", "name: another\n").replace("as it was", "mine"),
        );
        self.env.trueup("apply --yes").ended(3)?;
        self.env.trueup("teardown --yes").ended(3)?;
        expect("the description", &self.secret()["Description"], &json!("as it was"))?;
        self.env.trueup("apply --yes --take-over").ended(0)?;
        self.nothing_to_do()?;
        expect("the description", &self.secret()["Description"], &json!("mine"))
    }

    fn pruned(&mut self) -> Result<(), String> {
        self.value(0);
        self.apply_all(&[HEAD, KEY, SECRET].concat())?;
        self.write(&[HEAD, KEY].concat());
        let orphans = self.env.trueup("orphans");
        if !orphans.stdout.contains("emulated/secret") {
            return Err(format!("the secret is not found: {orphans}"));
        }
        self.env.trueup("apply --yes --prune").ended(0)?;
        expect("that the secret is scheduled", &json!(self.secret()["DeletedDate"].is_string()), &json!(true))?;
        self.nothing_to_do()
    }
}
