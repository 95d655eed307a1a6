//! A role and what it shows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{Millis, rfc3339};
use crate::events::connection::insert;
use crate::query::encode;
use crate::store::Mortal;
use crate::tagged::{Tags, to_list};

/// A role.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(super) account: String,
    pub(super) id: String,
    pub(super) path: String,
    pub(super) trust: String,
    pub(super) description: Option<String>,
    pub(super) session: u64,
    pub(super) boundary: Option<String>,
    pub(super) inline: BTreeMap<String, String>,
    pub(super) attached: BTreeSet<String>,
    pub(super) tags: Tags,
    pub(super) created: Millis,
    pub(super) gone_at: Option<Millis>,
}

impl Mortal for Role {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Role {
    /// Returns the role's entry in a list, which carries less than the role does [D].
    pub(super) fn listed(&self) -> Value {
        let mut out = json!({
            "Path": self.path,
            "RoleName": self.name,
            "RoleId": self.id,
            "Arn": self.arn,
            "CreateDate": rfc3339(self.created),
            "AssumeRolePolicyDocument": encode(&self.trust),
            "MaxSessionDuration": self.session,
        });
        insert(&mut out, [("Description", self.description.as_deref().map(Value::from))]);
        out
    }

    /// Returns what `GetRole` answers.
    pub(crate) fn describe(&self) -> Value {
        let mut out = self.listed();
        let boundary = self
            .boundary
            .as_deref()
            .map(|arn| json!({"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}));
        let tags = (!self.tags.is_empty()).then(|| to_list(&self.tags));
        insert(&mut out, [("PermissionsBoundary", boundary), ("Tags", tags)]);
        out
    }
}
