//! A create whose answer was lost, and whose repetition says that the name is taken: by the first attempt, or by somebody
//! else? What is there is compared with what was sent.

use trueup_engine::cloud::{Create, Present, Readiness, Written};
use trueup_engine::delta::delta;
use trueup_engine::fault::Fault;
use trueup_engine::schema::Schema;

/// The note on a value that was cleared and whose read failed.
pub(crate) fn unread(pointer: &str) -> String {
    format!("{pointer} was cleared; whether it is gone could not be read")
}

/// Takes what is there for what was sent where they are equal, and gives `fault` back with the difference where not.
pub(crate) fn lost_create(
    schema: &'static Schema,
    create: &Create<'_>,
    present: Present,
    fault: Fault,
) -> Result<Written, Fault> {
    if matches!(present.readiness, Readiness::Deleting(_)) {
        return Err(fault);
    }
    // The service echoes names as they were given, so that no other spelling can mean the same here.
    let delta = delta(schema, create.desired, &present.properties, &[], &|_, name| name.to_owned());
    if let Some(edit) = delta.effective().next() {
        let message = format!(
            "the answer to an earlier attempt was lost, and what has this name now differs from what was sent in {}: \
             somebody else may have made it",
            edit.label
        );
        return Err(Fault { message, ..fault });
    }
    let unknown: Vec<&str> =
        delta.secrets.iter().filter(|verdict| verdict.same.is_none()).map(|verdict| verdict.pointer.as_str()).collect();
    let mut notes = Vec::new();
    if !unknown.is_empty() {
        notes.push(format!(
            "the answer to an earlier attempt was lost; it was carried out, but these could not be compared: {}",
            unknown.join(", ")
        ));
    }
    Ok(Written { adopted: true, identity: None, attributes: present.attributes, readiness: present.readiness, notes })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trueup_engine::fault::FaultKind;
    use trueup_engine::kind::Kind as _;
    use trueup_engine::secret::Secret;
    use trueup_engine::value::{Map, Value};

    use trueup_engine::cloud::Seen;

    use super::*;
    use crate::kinds::events_connection::EventsConnection;

    fn properties(user: &str, password: Secret) -> Map {
        let basic = Map::from_iter([
            ("Username".to_owned(), Value::from(user)),
            ("Password".to_owned(), Value::Secret(password)),
        ]);
        let auth = Map::from_iter([("BasicAuthParameters".to_owned(), Value::from(basic))]);
        let mut map = Value::from(json!({"Name": "orders", "AuthorizationType": "BASIC"})).as_map().cloned().unwrap();
        map.insert("AuthParameters".to_owned(), auth.into());
        map
    }

    fn settle(user: &str, password: Secret) -> Result<Written, Fault> {
        let desired = properties("u", Secret::new("literal", "p".to_owned()));
        let present = Present {
            identity: "orders".to_owned(),
            properties: properties(user, password),
            attributes: Map::new(),
            secret_version: None,
            seen: Seen::default(),
            readiness: Readiness::Ready(None),
        };
        let create = Create { identity: Some("orders"), desired: &desired };
        let fault = Fault::new(FaultKind::Conflict, "events:CreateConnection", "exists");
        lost_create(EventsConnection.schema(), &create, present, fault)
    }

    #[test]
    fn equal_is_done_and_different_is_a_conflict() {
        assert!(settle("u", Secret::new("live", "p".to_owned())).unwrap().notes.is_empty());
        let fault = settle("other", Secret::new("live", "p".to_owned())).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Conflict);
        assert!(fault.message.contains("Username"), "{}", fault.message);
        assert!(settle("u", Secret::new("live", "q".to_owned())).is_err());
    }

    #[test]
    fn what_cannot_be_compared_is_noted() {
        let notes = settle("u", Secret::unresolved("denied")).unwrap().notes;
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("Password"));
    }
}
