//! A queue and what it shows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::attributes;
use crate::clock::Millis;
use crate::store::Mortal;
use crate::tagged::Tags;

/// A queue.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(super) arn: String,
    pub(super) url: String,
    /// Those that were said.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: Tags,
    pub(super) created: Millis,
    pub(super) modified: Millis,
    pub(super) gone_at: Option<Millis>,
}

impl Mortal for Queue {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Queue {
    /// Tells whether an id means this queue: its name, or its URL and no other one.
    pub(super) fn is(&self, id: &str) -> bool {
        self.url == id || self.name == id
    }

    pub(super) fn is_fifo(&self) -> bool {
        self.attributes.get("FifoQueue").is_some_and(|it| it == "true")
    }

    /// Returns all that can be set, said or by default.
    pub(super) fn settings(&self) -> BTreeMap<&str, &str> {
        let mut all: BTreeMap<&str, &str> = attributes::defaults(self.is_fifo()).collect();
        all.extend(self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if all.contains_key("KmsMasterKeyId") {
            // [D] a customer's key takes the place of the queue's own encryption
            all.insert("SqsManagedSseEnabled", "false");
            all.entry("KmsDataKeyReusePeriodSeconds").or_insert("300");
        }
        all
    }

    /// Returns the attributes that `GetQueueAttributes` knows; times are in whole seconds [D].
    pub(super) fn show(&self) -> Map<String, Value> {
        let mut all: Map<String, Value> =
            self.settings().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let more = [
            ("QueueArn", self.arn.clone()),
            ("CreatedTimestamp", (self.created / 1000).to_string()),
            ("LastModifiedTimestamp", (self.modified / 1000).to_string()),
            ("ApproximateNumberOfMessages", "0".to_owned()),
            ("ApproximateNumberOfMessagesDelayed", "0".to_owned()),
            ("ApproximateNumberOfMessagesNotVisible", "0".to_owned()),
        ];
        all.extend(more.map(|(name, value)| (name.to_owned(), value.into())));
        all
    }

    /// Returns the queue for whoever looks at the sandbox.
    pub(crate) fn describe(&self) -> Value {
        json!({"QueueUrl": self.url, "Attributes": self.show(), "Tags": self.tags})
    }
}
