//! The search for planted secrets: in every form in which one could leak, in everything that a run leaves behind.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter texts are no canaries: they would be found by accident.
const SHORTEST: usize = 8;

/// The planted secrets of one test, and the files that may hold them because they are its input.
#[derive(Default, Debug)]
pub struct Canaries {
    secrets: BTreeSet<String>,
    inputs: BTreeSet<PathBuf>,
}

impl Canaries {
    /// Plants a secret; a short one is ignored.
    pub fn plant(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.secrets.insert(secret.to_owned());
        }
    }

    /// Names a file, or a whole folder, that holds secrets because it is input or the sandbox's own state.
    pub fn allow(&mut self, path: PathBuf) {
        self.inputs.insert(path);
    }

    /// The first leak in a text: in which form.
    pub fn find(&self, text: &[u8]) -> Option<&'static str> {
        let hay = bytes_as_chars(text);
        self.secrets.iter().flat_map(|secret| forms(secret)).find(|(_, form)| hay.contains(form)).map(|(name, _)| name)
    }

    /// Ends the test when a text holds a planted secret. The secret itself is not repeated.
    pub fn check(&self, what: &str, text: &[u8]) {
        if let Some(form) = self.find(text) {
            panic!("a planted secret is in {what}, as {form}");
        }
    }

    /// Ends the test when a file below a folder holds a planted secret and is not input.
    pub fn check_folder(&self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("the test's folder can be read") {
            let entry = entry.expect("the test's folder can be read");
            let path = entry.path();
            self.check("a file's name", entry.file_name().as_encoded_bytes());
            if self.inputs.contains(&path) {
                continue;
            }
            let kind = entry.file_type().expect("a file has a type");
            if kind.is_dir() {
                self.check_folder(&path);
            } else if kind.is_file() {
                // A temporary file of a process that still runs may be gone by now.
                let text = fs::read(&path).unwrap_or_default();
                self.check(&format!("the file {}", path.display()), &text);
            }
        }
    }
}

/// Every form of a secret that is searched for, with its name; each byte is one character.
pub fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let first_half = &bytes[..SHORTEST.max(bytes.len() / 2).min(bytes.len())];
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let url = |keep: fn(u8) -> bool| {
        bytes.iter().fold(String::new(), |mut url, byte| {
            if keep(*byte) {
                url.push(char::from(*byte));
            } else {
                let _ = write!(url, "%{byte:02X}");
            }
            url
        })
    };
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let json = serde_json::to_string(secret).unwrap_or_default();
    let wide = |order: fn(u16) -> [u8; 2]| bytes_as_chars(&secret.encode_utf16().flat_map(order).collect::<Vec<u8>>());
    let mut forms = vec![
        ("itself", bytes_as_chars(bytes)),
        ("its first half", bytes_as_chars(first_half)),
        ("its reverse", bytes_as_chars(&reversed(bytes))),
        ("the reverse of its first half", bytes_as_chars(&reversed(first_half))),
        ("JSON", bytes_as_chars(json.trim_matches('"').as_bytes())),
        ("JSON with escaped letters", ascii_json(secret)),
        ("a debug text", bytes_as_chars(secret.escape_debug().to_string().as_bytes())),
        ("a URL", url(unreserved)),
        ("a URL with small letters", small(&url(unreserved))),
        ("XML", marked_up(secret, "&#39;")),
        ("HTML", marked_up(secret, "&#x27;")),
        ("quoted YAML", bytes_as_chars(secret.replace('\'', "''").as_bytes())),
        ("a hex dump", spaced(&hex)),
        ("a form", url(|byte| byte.is_ascii_alphanumeric() || b"-._~ ".contains(&byte)).replace(' ', "+")),
        ("UTF-16LE", wide(u16::to_le_bytes)),
        ("UTF-16BE", wide(u16::to_be_bytes)),
        ("upper-case hex", hex.to_uppercase()),
        ("hex", hex),
    ];
    // Inside a longer text base64 depends on where the secret begins: search for the part that is the same in each.
    for (name, engine) in [("base64", &STANDARD_NO_PAD), ("URL-safe base64", &URL_SAFE_NO_PAD)] {
        for shift in 0..3 {
            let mut text = vec![0; shift];
            text.extend_from_slice(bytes);
            let whole = text.len() / 3 * 4;
            let first = if shift == 0 { 0 } else { 4 };
            let encoded = engine.encode(&text);
            forms.push((name, encoded[first..whole].to_owned()));
        }
    }
    forms
}

/// A text whose escapes are in small letters.
fn small(url: &str) -> String {
    let mut parts = url.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (escape, rest) = part.split_at(2.min(part.len()));
        text + "%" + &escape.to_lowercase() + rest
    })
}

/// A text in a page or a document.
fn marked_up(secret: &str, apostrophe: &str) -> String {
    let marked = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    bytes_as_chars(marked.replace('"', "&quot;").replace('\'', apostrophe).as_bytes())
}

/// Hex in pairs, as a dump has it.
fn spaced(hex: &str) -> String {
    let pairs: Vec<&str> = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]).collect();
    pairs.join(" ")
}

/// JSON as writers do that escape everything beyond ASCII.
fn ascii_json(secret: &str) -> String {
    let mut out = String::new();
    let quoted = serde_json::to_string(secret).unwrap_or_default();
    for letter in quoted.trim_matches('"').chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// Bytes as a string of as many characters, because searching strings is in the standard library and bytes is not.
fn bytes_as_chars(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaks(text: &[u8]) -> Option<&'static str> {
        let mut canaries = Canaries::default();
        canaries.plant("pläin \"canary\" 42");
        canaries.find(text)
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        for text in [
            "password=pläin \"canary\" 42;",
            r#"{"Password":"pläin \"canary\" 42"}"#,
            "706cc3a4696e202263616e6172792220343",
            "706cc3a4696e202263616e617279222034320a",
            "706CC3A4696E202263616E61727922203432",
            "pl%C3%A4in%20%22canary%22%2042",
            "pl%C3%A4in+%22canary%22+42",
            r"pl\u00e4in \u0022",
            "pl\u{e4}in \\\"canary\\\" 42",
            "only pläin \"c was cut",
            "pl%c3%a4in%20%22canary%22%2042",
            "<td>pläin &quot;canary&quot; 42</td>",
            "00000000  70 6c c3 a4 69 6e 20 22 63 61 6e 61 72 79 22 20 34 32",
        ] {
            let cut = text == "706cc3a4696e202263616e6172792220343" || text == r"pl\u00e4in \u0022";
            assert_eq!(leaks(text.as_bytes()).is_some(), !cut, "{text}");
        }
        let secret = "pläin \"canary\" 42";
        for prefix in ["", "a", "ab", "abc"] {
            let text = STANDARD_NO_PAD.encode(format!("{prefix}{secret}tail"));
            assert!(leaks(text.as_bytes()).is_some(), "behind {prefix:?}");
        }
        let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(leaks(&wide), Some("UTF-16LE"));
        let reversed: Vec<u8> = secret.bytes().rev().collect();
        assert_eq!(leaks(&reversed), Some("its reverse"));
        let cut: Vec<u8> = secret.bytes().take(10).collect::<Vec<_>>().into_iter().rev().collect();
        assert_eq!(leaks(&cut), Some("the reverse of its first half"));
        assert_eq!(leaks(b"nothing to see"), None);
    }

    #[test]
    fn short_texts_are_no_canaries() {
        let mut canaries = Canaries::default();
        canaries.plant("no");
        assert_eq!(canaries.find(b"no"), None);
    }
}
