//! Random passwords, of the characters that are asked for.

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use serde_json::{Value, json};

use crate::operation::{Context, text};
use crate::wire::Refusal;

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
/// [D] the characters that count as punctuation.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

pub(super) fn get(_: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let flag = |member: &str| input.get(member).and_then(Value::as_bool);
    let excluded = text(input, "ExcludeCharacters").unwrap_or_default();
    let kinds = [
        (LOWER, flag("ExcludeLowercase").unwrap_or(false)),
        (UPPER, flag("ExcludeUppercase").unwrap_or(false)),
        (NUMBERS, flag("ExcludeNumbers").unwrap_or(false)),
        (PUNCTUATION, flag("ExcludePunctuation").unwrap_or(false)),
    ];
    let kinds: Vec<Vec<char>> = kinds
        .into_iter()
        .filter(|(_, left_out)| !left_out)
        .map(|(all, _)| all.chars().filter(|c| !excluded.contains(*c)).collect())
        .collect();
    let each = flag("RequireEachIncludedType").unwrap_or(true);
    // [D] a space may be in it and is never required
    let space = flag("IncludeSpace").unwrap_or(false).then_some(' ').filter(|space| !excluded.contains(*space));
    let all: Vec<char> = kinds.iter().flatten().copied().chain(space).collect();
    // [D] the length without one
    let length = input.get("PasswordLength").and_then(Value::as_u64).unwrap_or(32);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if all.is_empty() || (each && kinds.iter().any(Vec::is_empty)) {
        // [?] the text
        return Err(invalid("There are no characters left that the password may contain."));
    }
    if each && length < kinds.len() {
        // [I] the text
        return Err(invalid("Password length is too short based on the required types."));
    }
    let mut random = rand::rng();
    let mut password: Vec<char> = Vec::with_capacity(length);
    if each {
        password.extend(kinds.iter().filter_map(|kind| kind.choose(&mut random)));
    }
    let missing = length - password.len();
    password.extend((0..missing).filter_map(|_| all.choose(&mut random)));
    password.shuffle(&mut random);
    Ok(json!({"RandomPassword": password.into_iter().collect::<String>()}))
}

fn invalid(message: &str) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}
