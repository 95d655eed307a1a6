//! RFC 6902: a list of operations on a document, all of them or none.

use serde_json::Value;

use crate::wire::Refusal;

/// Applies a patch document to a model.
pub(super) fn apply(model: &Value, document: &str) -> Result<Value, Refusal> {
    let parsed: Option<Vec<Value>> = serde_json::from_str(document).ok();
    // [?] the text; a parser's own would repeat what it read
    let operations = parsed.ok_or_else(|| Refusal::invalid("Invalid patch document: it is no list of operations."))?;
    let mut patched = model.clone();
    for operation in &operations {
        one(&mut patched, operation)?;
    }
    Ok(patched)
}

fn one(model: &mut Value, operation: &Value) -> Result<(), Refusal> {
    let member = |name: &str| {
        let text = operation.get(name).and_then(Value::as_str);
        text.ok_or_else(|| Refusal::invalid(format!("Invalid patch document: an operation has no {name}.")))
    };
    let value = || {
        let value = operation.get("value").cloned();
        value.ok_or_else(|| Refusal::invalid("Invalid patch document: an operation has no value."))
    };
    let (name, path) = (member("op")?, member("path")?);
    // [I] the text, for a replacement
    let nowhere = |path: &str| {
        let name = name.to_uppercase();
        Refusal::invalid(format!("[{name} Operation] noSuchPath in source, path provided : /{path}"))
    };
    match name {
        "add" => add(model, path, value()?).ok_or_else(|| nowhere(path)),
        "remove" => remove(model, path).map(|_| ()).ok_or_else(|| nowhere(path)),
        "replace" => {
            let value = value()?;
            *at(model, path).ok_or_else(|| nowhere(path))? = value;
            Ok(())
        }
        "move" => {
            let from = member("from")?;
            // [D] nothing moves into itself
            let within = path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/'));
            let value = if within { None } else { remove(model, from) };
            let value = value.ok_or_else(|| nowhere(from))?;
            add(model, path, value).ok_or_else(|| nowhere(path))
        }
        "copy" => {
            let from = member("from")?;
            let value = at(model, from).cloned().ok_or_else(|| nowhere(from))?;
            add(model, path, value).ok_or_else(|| nowhere(path))
        }
        "test" => {
            let wanted = value()?;
            let same = at(model, path).is_some_and(|found| *found == wanted);
            // [?] the text
            let failed = || Refusal::invalid(format!("[TEST Operation] value differs, path provided : /{path}"));
            if same { Ok(()) } else { Err(failed()) }
        }
        other => Err(Refusal::invalid(format!("Invalid patch document: {other} is no operation."))),
    }
}

/// Splits a pointer into where its target is and what it is called there.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn at<'a>(model: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    model.pointer_mut(path)
}

fn add(model: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *model = value;
        return Some(());
    }
    let (parent, last) = split(path)?;
    match at(model, parent)? {
        Value::Object(members) => {
            members.insert(last, value);
        }
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let index = index(&last).filter(|index| *index <= items.len())?;
            items.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(model: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split(path)?;
    match at(model, parent)? {
        Value::Object(members) => members.remove(&last),
        Value::Array(items) => {
            let index = index(&last).filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

/// An index has no sign and no zero before it.
fn index(text: &str) -> Option<usize> {
    let plain = text == "0" || (!text.starts_with(['0', '+']) && !text.is_empty());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(operations: Value) -> Result<Value, String> {
        let model = json!({"A": 1, "L": ["x", "z"], "O": {"a/b": 1, "c~d": 2}});
        apply(&model, &operations.to_string()).map_err(|refusal| refusal.message)
    }

    #[test]
    fn operations_apply_in_order() {
        let operations = json!([
            {"op": "add", "path": "/L/1", "value": "y"},
            {"op": "add", "path": "/L/-", "value": "!"},
            {"op": "replace", "path": "/O/a~1b", "value": 5},
            {"op": "remove", "path": "/O/c~0d"},
            {"op": "test", "path": "/A", "value": 1},
            {"op": "move", "from": "/A", "path": "/B"},
            {"op": "copy", "from": "/L/0", "path": "/C"},
        ]);
        assert_eq!(patched(operations), Ok(json!({"L": ["x", "y", "z", "!"], "O": {"a/b": 5}, "B": 1, "C": "x"})));
    }

    #[test]
    fn what_does_not_apply_is_refused() {
        let text = "[REPLACE Operation] noSuchPath in source, path provided : //O/x";
        assert_eq!(patched(json!([{"op": "replace", "path": "/O/x", "value": 1}])), Err(text.to_owned()));
        for wrong in [
            json!([{"op": "remove", "path": "/X"}]),
            json!([{"op": "remove", "path": ""}]),
            json!([{"op": "add", "path": "/L/3", "value": 1}]),
            json!([{"op": "add", "path": "/L/01", "value": 1}]),
            json!([{"op": "add", "path": "/X/Y", "value": 1}]),
            json!([{"op": "add", "path": "/X"}]),
            json!([{"op": "test", "path": "/A", "value": 2}]),
            json!([{"op": "move", "from": "/O", "path": "/O/x"}]),
            json!([{"op": "merge", "path": "/A", "value": 2}]),
            json!({"A": 2}),
        ] {
            assert!(patched(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
