//! Glue connections, as far as somebody else's servers know them.

use serde_json::{Value, json};

use super::{Cell, PASSWORD, Place, expect};

pub(super) const CELLS: [(&str, Cell); 6] = [
    ("a Glue connection is created, read back and planned empty", Place::glue_created),
    ("a Glue connection has its tags from the start", Place::glue_tags),
    ("a Glue connection that signs in by a secret is read back and planned empty", Place::glue_authentication),
    ("a Glue connection's inline password is verified", Place::glue_password),
    ("a Glue connection is changed in place", Place::glue_changed),
    ("a Glue connection is deleted", Place::glue_deleted),
];

fn jdbc(secret: &str) -> String {
    format!(
        "version: 1\nname: emulated\nproviders: [aws]\nvars: [{{ name: PASSWORD, secret: true }}]\nresources:\n  - name: g\n    type: \
         AWS::Glue::Connection\n    props:\n      ConnectionInput:\n        Name: g\n        Description: as it was\n        \
         ConnectionType: JDBC\n        ConnectionProperties:\n          JDBC_CONNECTION_URL: \
         jdbc:postgresql://db.example.com:5432/orders\n{secret}        PhysicalConnectionRequirements:\n          SubnetId: \
         subnet-0123456789abcdef0\n          SecurityGroupIdList: [sg-0123456789abcdef0]\n"
    )
}

const BY_SECRET: &str = "          SECRET_ID: orders/db\n";
const INLINE: &str = "          USERNAME: svc\n          PASSWORD: \"{{ vars.PASSWORD }}\"\n";

impl Place {
    fn glue(&self) -> Value {
        self.call("glue", "GetConnection", &json!({"Name": "g"}))
    }

    fn glue_created(&mut self) -> Result<(), String> {
        self.write(&jdbc(BY_SECRET));
        self.apply()?;
        let live = self.glue()["Connection"].take();
        expect("the description", &live["Description"], &json!("as it was"))?;
        expect("the secret", &live["ConnectionProperties"]["SECRET_ID"], &json!("orders/db"))?;
        // ministack forgets the tags of a create; the second run adopts what it finds without them.
        self.apply()?;
        self.nothing_to_do()
    }

    fn glue_tags(&mut self) -> Result<(), String> {
        self.write(&jdbc(BY_SECRET));
        self.apply()?;
        let account = self.call("sts", "GetCallerIdentity", &json!({}))["Account"].take();
        let account = account.as_str().ok_or("there is no account")?;
        let arn = format!("arn:aws:glue:{}:{account}:connection/g", self.region);
        let tags = self.call("glue", "GetTags", &json!({"ResourceArn": arn}))["Tags"].take();
        expect("the owner", &tags["trueup:stack"], &json!("emulated"))
    }

    fn glue_authentication(&mut self) -> Result<(), String> {
        let arn = format!("arn:aws:secretsmanager:{}:123456789012:secret:orders-AbCdEf", self.region);
        self.write(&format!(
            "version: 1\nname: emulated\nproviders: [aws]\nresources:\n  - name: g\n    type: AWS::Glue::Connection\n    props:\n      \
             ConnectionInput:\n        Name: g\n        ConnectionType: MYSQL\n        ConnectionProperties: {{ HOST: \
             db.example.com, PORT: \"3306\", DATABASE: orders }}\n        AuthenticationConfiguration: {{ \
             AuthenticationType: BASIC, SecretArn: \"{arn}\" }}\n"
        ));
        self.apply()?;
        self.apply()?;
        self.nothing_to_do()
    }

    fn glue_password(&mut self) -> Result<(), String> {
        self.write(&jdbc(INLINE));
        self.apply()?;
        self.apply()?;
        self.nothing_to_do()?;
        let live = self.glue()["Connection"]["ConnectionProperties"]["PASSWORD"].take();
        expect("that the password is the wanted one", &json!(live == PASSWORD), &json!(true))?;
        self.env.set_secret("PASSWORD", "Ub3vMa75-second-password");
        let plan = self.env.trueup("plan --exit-code");
        plan.ended(2)?;
        if plan.stdout.contains("differs from the live value") {
            Ok(())
        } else {
            Err(format!("it is not said: {plan}"))
        }
    }

    fn glue_changed(&mut self) -> Result<(), String> {
        self.write(&jdbc(BY_SECRET));
        self.apply()?;
        self.apply_all(&jdbc(BY_SECRET).replace("as it was", "as it is"))?;
        expect("the description", &self.glue()["Connection"]["Description"], &json!("as it is"))
    }

    fn glue_deleted(&mut self) -> Result<(), String> {
        self.write(&jdbc(BY_SECRET));
        // ministack forgets the tags of a create; the second run adopts what it finds without them.
        self.apply()?;
        self.apply()?;
        self.env.trueup("teardown --yes").ended(0)?;
        expect("the connection", &self.glue()["error"], &json!("EntityNotFoundException"))
    }
}
