//! The protocol of older services: a form goes there and XML comes back.
//!
//! An answer becomes a tree of texts, without the element around it that is named after the operation; members that are
//! there more than once become a list. Document type declarations, and so entities that grow, are refused by the reader.
//!
//! Protocol: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>.

use std::fmt::Write as _;

use roxmltree::{Document, Node};
use serde_json::{Map as JsonMap, Value as Json};

/// The content type of a request.
pub(crate) const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// The body of a request: what is inside of something has the path to it as its name.
pub(crate) fn form(action: &str, version: &str, input: &Json) -> String {
    let mut body = format!("Action={action}&Version={version}");
    for (name, value) in input.as_object().into_iter().flatten() {
        field(&mut body, name, value);
    }
    body
}

fn field(body: &mut String, path: &str, value: &Json) {
    let text = match value {
        Json::Null => return,
        Json::Object(members) => {
            return members.iter().for_each(|(name, member)| field(body, &format!("{path}.{name}"), member));
        }
        Json::Array(items) => {
            let numbered = items.iter().zip(1..);
            return numbered.for_each(|(item, number)| field(body, &format!("{path}.member.{number}"), item));
        }
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let _ = write!(body, "&{path}=");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            body.push(char::from(byte));
        } else {
            let _ = write!(body, "%{byte:02X}");
        }
    }
}

/// The items of a list in an answer: one alone is no list there.
pub(crate) fn items(list: &Json) -> Vec<&Json> {
    match &list["member"] {
        Json::Array(items) => items.iter().collect(),
        Json::Null => Vec::new(),
        one => vec![one],
    }
}

/// An answer as a tree: what is inside of `…Result`, or the whole of an error; `None` where it is no XML.
pub(crate) fn answer(body: &[u8]) -> Option<Json> {
    let text = std::str::from_utf8(body).ok()?;
    let document = Document::parse(text).ok()?;
    let root = document.root_element();
    let result = root.children().find(|child| child.is_element() && child.tag_name().name().ends_with("Result"));
    Some(tree(result.unwrap_or(root)))
}

fn tree(node: Node<'_, '_>) -> Json {
    let mut members = JsonMap::new();
    for child in node.children().filter(Node::is_element) {
        let value = tree(child);
        match members.get_mut(child.tag_name().name()) {
            Some(Json::Array(items)) => items.push(value),
            Some(first) => *first = Json::Array(vec![first.take(), value]),
            None => drop(members.insert(child.tag_name().name().to_owned(), value)),
        }
    }
    if members.is_empty() {
        // A text may be in several pieces.
        return node.children().filter_map(|child| child.text()).collect::<String>().into();
    }
    Json::Object(members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_holds_everything_encoded() {
        let input = json!({"Type": "RESOURCE", "TypeName": "A::B::C d", "Public": true, "None": null});
        assert_eq!(
            form("DescribeType", "2010-05-15", &input),
            "Action=DescribeType&Version=2010-05-15&Type=RESOURCE&TypeName=A%3A%3AB%3A%3AC%20d&Public=true"
        );
    }

    #[test]
    fn lists_and_structures_are_paths() {
        let input = json!({"Names": ["a:B", "c"], "Entries": [{"Key": "k", "Values": ["v"]}], "None": []});
        assert_eq!(
            form("X", "1", &input),
            "Action=X&Version=1&Names.member.1=a%3AB&Names.member.2=c&Entries.member.1.Key=k&Entries.member.1.Values.member.1=v"
        );
        assert_eq!(items(&json!({"member": ["a", "b"]})).len(), 2);
        assert_eq!(items(&json!({"member": {"a": "b"}})).len(), 1);
        assert!(items(&json!("")).is_empty());
    }

    #[test]
    fn an_answer_is_a_tree_of_texts() {
        let xml = br#"<DescribeTypeResponse xmlns="http://x/"><DescribeTypeResult><Schema>{"a": "&lt;b&gt;"}</Schema>
            <Item>1</Item><Item>2</Item><Empty/></DescribeTypeResult><ResponseMetadata/></DescribeTypeResponse>"#;
        let expected = json!({"Schema": r#"{"a": "<b>"}"#, "Item": ["1", "2"], "Empty": ""});
        assert_eq!(answer(xml), Some(expected));
    }

    #[test]
    fn an_error_keeps_its_code() {
        let xml = b"<ErrorResponse><Error><Type>Sender</Type><Code>TypeNotFoundException</Code><Message>m</Message>\
            </Error><RequestId>r</RequestId></ErrorResponse>";
        assert_eq!(answer(xml).unwrap()["Error"]["Code"], "TypeNotFoundException");
    }

    #[test]
    fn what_grows_or_is_no_xml_is_refused() {
        let bomb = br#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>"#;
        assert_eq!(answer(bomb), None);
        assert_eq!(answer(b"<html><br></html>"), None);
        assert_eq!(answer(b"\xff"), None);
    }
}
