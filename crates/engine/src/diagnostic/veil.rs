//! What of a manifest's text may be shown in an excerpt.
//!
//! A literal secret can stand anywhere: behind a misspelled name, in a flow map, in a text that is not YAML at all. So
//! everything is blanked but what is known to be public: the structure, names of keys, the values of keys whose values
//! are public, and templates without the literals in them. The reader is line by line and forgiving, since what it is
//! given is mostly broken; whatever it does not understand stays blank. Byte by byte, so that the carets still fit.

use std::ops::Range;

/// Keys whose values may be shown.
#[rustfmt::skip]
const PUBLIC: &[&str] = &[
    // The manifest's own.
    "version", "name", "type", "region", "providers", "description", "depends_on", "renamed_from", "if", "for_each",
    "include", "exports", "ignore", "severity", "level", "path", "reason", "until", "protect", "identifier", "role_arn", "skip_on_delete",
    "secret", "merge", "timeouts", "create", "update", "delete", "stack_name", "stack_env", "resource_name",
    // Properties of the kinds.
    "Name", "Description", "AuthorizationType", "HttpMethod", "InvocationEndpoint", "AuthorizationEndpoint",
    "ConnectionArn", "KmsKeyIdentifier", "Key", "Username", "ApiKeyName", "ClientID", "IsValueSecret",
    "InvocationRateLimitPerSecond", "ConnectionType", "ResourceConfigurationArn", "AuthenticationType", "OAuth2GrantType",
    "CatalogId", "AvailabilityZone", "SubnetId", "SecurityGroupIdList", "SecretArn", "KmsKeyArn", "MatchCriteria",
    "ValidateCredentials", "ValidateForComputeEnvironments", "TokenUrl", "RedirectUri",
    "AWSManagedClientApplicationReference", "UserManagedClientApplicationClientId",
];

/// A key whose members are hidden whatever they are called.
const HIDING: &str = "default";

/// The text with everything blanked that is not known to be public, and with `masked` blanked in any case.
pub(super) fn veil(text: &str, masked: impl Iterator<Item = Range<usize>>) -> String {
    let mut reader = Reader::new(text);
    reader.document();
    hide(reader.out, masked)
}

/// A text of which somebody else says what may be shown, with `masked` blanked.
pub(super) fn blank(shown: &str, masked: impl Iterator<Item = Range<usize>>) -> String {
    hide(shown.as_bytes().to_vec(), masked)
}

fn hide(mut out: Vec<u8>, masked: impl Iterator<Item = Range<usize>>) -> String {
    let length = out.len();
    for range in masked {
        for byte in out.get_mut(range.start..range.end.min(length)).unwrap_or_default() {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    // A character is shown as a whole or not at all: ranges are whole tokens.
    String::from_utf8(out).unwrap_or_else(|error| {
        let blank = |byte: &u8| if matches!(*byte, b'\n' | b'\r') { char::from(*byte) } else { '*' };
        error.as_bytes().iter().map(blank).collect()
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Quoting {
    Plain,
    Single,
    Double,
}

/// A key or an item whose value may go on below.
#[derive(Clone, Copy)]
struct Open {
    column: usize,
    item: bool,
    public: bool,
    hiding: bool,
    /// Its value began on its own line.
    inline: bool,
}

struct Frame {
    public: bool,
    hiding: bool,
}

#[derive(Clone, Copy)]
enum Expect {
    Key,
    Value { public: bool, hiding: bool },
    Nothing,
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    out: Vec<u8>,
    open: Vec<Open>,
    /// A block scalar: the column that its lines go beyond, and whether it is public.
    block: Option<(usize, bool)>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let blank = text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { byte } else { b'*' }).collect();
        Self { text, bytes: text.as_bytes(), at: 0, out: blank, open: Vec::new(), block: None }
    }

    fn reveal(&mut self, range: Range<usize>) {
        self.out[range.clone()].copy_from_slice(&self.bytes[range]);
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The end of the line that has `at`, without the line's end.
    fn line_end(&self) -> usize {
        let end =
            self.bytes[self.at..].iter().position(|byte| *byte == b'\n').map_or(self.bytes.len(), |n| self.at + n);
        if end > self.at && self.bytes[end - 1] == b'\r' { end - 1 } else { end }
    }

    fn next_line(&mut self) {
        let end = self.line_end();
        self.at = self.bytes[end..].iter().position(|byte| *byte == b'\n').map_or(self.bytes.len(), |n| end + n + 1);
    }

    fn spaces(&mut self) {
        let from = self.at;
        while matches!(self.byte(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.reveal(from..self.at);
    }

    fn document(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
            self.reveal(0..self.at);
        }
        while self.at < self.bytes.len() {
            let before = self.at;
            self.line();
            if self.at == before {
                self.next_line();
            }
        }
    }

    fn line(&mut self) {
        let start = self.at;
        self.spaces();
        let mut column = self.at - start;
        let end = self.line_end();
        if self.at >= end {
            return self.next_line();
        }
        if let Some((beyond, public)) = self.block {
            if column > beyond {
                self.scalar(self.at..end, public, Quoting::Plain);
                return self.next_line();
            }
            self.block = None;
        }
        if self.byte() == Some(b'#') {
            return self.next_line();
        }
        if column == 0 && matches!(&self.text[self.at..end], "---" | "...") {
            self.reveal(self.at..end);
            self.open.clear();
            return self.next_line();
        }
        while self.byte() == Some(b'-')
            && matches!(self.bytes.get(self.at + 1), None | Some(b' ' | b'\t' | b'\r' | b'\n'))
        {
            if self.continues(column, true, end) {
                return;
            }
            let parent = self.open.last().filter(|parent| !parent.inline).copied();
            let public = parent.is_some_and(|parent| parent.public);
            let hiding = self.open.last().is_some_and(|parent| parent.hiding);
            self.reveal(self.at..self.at + 1);
            self.open.push(Open { column, item: true, public, hiding, inline: false });
            self.at += 1;
            self.spaces();
            column = self.at - start;
            if self.at >= end {
                return self.next_line();
            }
        }
        if self.continues(column, false, end) {
            return;
        }
        let hiding = self.open.last().is_some_and(|parent| parent.hiding);
        let (public, beyond) = if let Some((key, colon)) = self.key(self.at, end, false) {
            let name = self.show_key(key);
            self.reveal(colon..colon + 1);
            self.at = colon + 1;
            self.spaces();
            let public = PUBLIC.contains(&name) && !hiding;
            self.open.push(Open { column, item: false, public, hiding: hiding || name == HIDING, inline: false });
            (public, column)
        } else {
            let parent = self.open.last();
            (parent.is_some_and(|parent| parent.public), parent.map_or(0, |parent| parent.column))
        };
        let given = self.value(public, beyond);
        if let Some(open) = self.open.last_mut() {
            open.inline |= given;
        }
    }

    /// Closes what ends before `column`. Whether the line only goes on with a value that is not public; it is read then.
    fn continues(&mut self, column: usize, item: bool, end: usize) -> bool {
        while self
            .open
            .last()
            .is_some_and(|open| open.column > column || (open.column == column && (open.item || !item)))
        {
            self.open.pop();
        }
        let goes_on = self.open.last().is_some_and(|open| open.inline && !open.public && open.column < column);
        if goes_on {
            self.scalar(self.at..end, false, Quoting::Plain);
            self.next_line();
        }
        goes_on
    }

    /// A key at `from`: the range of its name and the place of its colon.
    fn key(&self, from: usize, end: usize, flow: bool) -> Option<(Range<usize>, usize)> {
        let ends = |colon: usize| match self.bytes.get(colon + 1) {
            None | Some(b' ' | b'\t' | b'\r' | b'\n') => true,
            Some(b',' | b'[' | b']' | b'{' | b'}') => flow,
            _ => false,
        };
        if let quote @ (b'"' | b'\'') = self.bytes[from] {
            let close = self.closing(from, quote).filter(|close| *close < end)?;
            let colon = close + 1 + self.text[close + 1..end].find(|c| !matches!(c, ' ' | '\t'))?;
            return (self.bytes[colon] == b':' && (flow || ends(colon))).then_some((from + 1..close, colon));
        }
        if b"{}[]|>&*!%@`,#?".contains(&self.bytes[from]) && !self.bytes[from..].starts_with(b"<<") {
            return None;
        }
        for index in from..end {
            match self.bytes[index] {
                b':' if ends(index) => {
                    let name = self.text[from..index].trim_end();
                    return Some((from..from + name.len(), index));
                }
                b'#' if matches!(self.bytes[index - 1], b' ' | b'\t') => return None,
                b',' | b'[' | b']' | b'{' | b'}' if flow => return None,
                _ => {}
            }
        }
        None
    }

    /// Shows a key if it looks like one, and returns its name.
    fn show_key(&mut self, key: Range<usize>) -> &'t str {
        let name = &self.text[key.clone()];
        if name.len() <= 64 && !name.contains(char::is_whitespace) {
            let quotes = usize::from(key.start > 0 && matches!(self.bytes[key.start - 1], b'"' | b'\''));
            self.reveal(key.start - quotes..(key.end + quotes).min(self.bytes.len()));
        }
        name
    }

    /// The quote that closes the one at `from`.
    fn closing(&self, from: usize, quote: u8) -> Option<usize> {
        let mut at = from + 1;
        while at < self.bytes.len() {
            match self.bytes[at] {
                b'\\' if quote == b'"' => at += 1,
                byte if byte == quote => {
                    if quote == b'"' || self.bytes.get(at + 1) != Some(&quote) {
                        return Some(at);
                    }
                    at += 1;
                }
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// A quoted text at `at`, and what follows stays blank. Its quotes are shown.
    fn quoted(&mut self, quote: u8, public: bool) {
        let from = self.at;
        let quoting = if quote == b'"' { Quoting::Double } else { Quoting::Single };
        let close = self.closing(from, quote);
        self.reveal(from..from + 1);
        if let Some(close) = close {
            self.scalar(from + 1..close, public, quoting);
            self.reveal(close..close + 1);
            self.at = close + 1;
        } else {
            self.at = self.bytes.len();
        }
    }

    /// The value of a key or an item, to the end of the line; whether there is one.
    fn value(&mut self, public: bool, beyond: usize) -> bool {
        loop {
            let end = self.line_end();
            if self.at >= end {
                self.next_line();
                return false;
            }
            match self.bytes[self.at] {
                b'#' => {
                    self.next_line();
                    return false;
                }
                b'&' | b'!' => {
                    let word = self.text[self.at..end].find([' ', '\t']).map_or(end, |index| self.at + index);
                    self.at = word;
                    self.spaces();
                }
                b'[' | b'{' if !self.text[self.at..end].starts_with("{{") => {
                    self.flow(public, beyond);
                    self.rest_of_line();
                    return true;
                }
                quote @ (b'"' | b'\'') => {
                    self.quoted(quote, public);
                    self.rest_of_line();
                    return true;
                }
                b'|' | b'>' if self.is_block_header(end) => {
                    self.reveal(self.at..self.at + 1);
                    self.block = Some((beyond, public));
                    self.next_line();
                    return false;
                }
                _ => {
                    let line = &self.text[self.at..end];
                    let comment = line.find(" #").unwrap_or(line.len());
                    let written = line[..comment].trim_end();
                    self.scalar(self.at..self.at + written.len(), public, Quoting::Plain);
                    self.next_line();
                    return true;
                }
            }
        }
    }

    /// What stands behind a value on its line stays blank.
    fn rest_of_line(&mut self) {
        if self.at > 0 && self.bytes[self.at - 1] == b'\n' {
            return;
        }
        self.spaces();
        self.next_line();
    }

    fn is_block_header(&self, end: usize) -> bool {
        let header = &self.text[self.at + 1..end];
        let rest = header.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')).trim();
        rest.is_empty() || rest.starts_with('#')
    }

    /// A flow map or list at `at`, up to its end or to a line that cannot belong to it any more.
    fn flow(&mut self, public: bool, beyond: usize) {
        let hiding = self.open.last().is_some_and(|open| open.hiding);
        let mut frames: Vec<Frame> = Vec::new();
        let mut expect = Expect::Value { public, hiding };
        // Looked for once a line, and not at every byte: a line may be as long as the text.
        let (mut end, mut unclosed) = (self.line_end(), self.at);
        while let Some(byte) = self.byte() {
            if self.at > end {
                end = self.line_end();
            }
            let close = if byte == b'{' && self.at >= unclosed && self.text[self.at..end].starts_with("{{") {
                let found = self.text[self.at..end].find("}}").map(|index| self.at + index + 2);
                if found.is_none() {
                    unclosed = end;
                }
                found
            } else {
                None
            };
            match byte {
                b' ' | b'\t' => self.spaces(),
                b'\n' | b'\r' => {
                    self.next_line();
                    let from = self.at;
                    self.spaces();
                    let closing = matches!(self.byte(), None | Some(b']' | b'}' | b'\n' | b'\r'));
                    if self.at - from <= beyond && !closing && !self.open.is_empty() {
                        self.at = from;
                        return;
                    }
                }
                b'#' if matches!(self.bytes[self.at - 1], b' ' | b'\t' | b'\n') => self.at = end,
                b',' => {
                    self.reveal(self.at..self.at + 1);
                    self.at += 1;
                    expect = Expect::Key;
                }
                b'{' if let Some(close) = close => {
                    self.scalar(self.at..close, Self::is_public(expect, &frames), Quoting::Plain);
                    self.at = close;
                    expect = Expect::Nothing;
                }
                b'{' | b'[' => {
                    self.reveal(self.at..self.at + 1);
                    let hiding = match expect {
                        Expect::Value { hiding, .. } => hiding,
                        _ => frames.last().is_some_and(|frame| frame.hiding),
                    };
                    let public = byte == b'[' && Self::is_public(expect, &frames);
                    frames.push(Frame { public, hiding });
                    self.at += 1;
                    expect = Expect::Key;
                }
                b'}' | b']' => {
                    self.reveal(self.at..self.at + 1);
                    self.at += 1;
                    frames.pop();
                    if frames.is_empty() {
                        return;
                    }
                    expect = Expect::Nothing;
                }
                _ => expect = self.flow_token(expect, &frames, end),
            }
        }
    }

    fn is_public(expect: Expect, frames: &[Frame]) -> bool {
        match expect {
            Expect::Value { public, .. } => public,
            Expect::Key => frames.last().is_some_and(|frame| frame.public),
            Expect::Nothing => false,
        }
    }

    /// A key or a scalar in a flow collection.
    fn flow_token(&mut self, expect: Expect, frames: &[Frame], end: usize) -> Expect {
        if matches!(expect, Expect::Key)
            && let Some((key, colon)) = self.key(self.at, end, true)
        {
            let name = self.show_key(key);
            self.reveal(colon..colon + 1);
            self.at = colon + 1;
            let hiding = frames.last().is_some_and(|frame| frame.hiding);
            return Expect::Value { public: PUBLIC.contains(&name) && !hiding, hiding: hiding || name == HIDING };
        }
        let public = Self::is_public(expect, frames);
        if let (Expect::Key | Expect::Value { .. }, quote @ (b'"' | b'\'')) = (expect, self.bytes[self.at]) {
            self.quoted(quote, public);
        } else {
            let length = self.text[self.at..end].find([',', '[', ']', '{', '}']).unwrap_or(end - self.at);
            let written = self.text[self.at..self.at + length].trim_end();
            let written = written.find(" #").map_or(written, |comment| &written[..comment]);
            let next = self.at + length.max(1);
            self.scalar(self.at..self.at + written.len(), public, Quoting::Plain);
            self.at += written.len();
            self.spaces();
            // At least the byte that brought us here.
            self.at = next;
        }
        Expect::Nothing
    }

    /// Shows a scalar if it is public, and else the templates in it.
    fn scalar(&mut self, range: Range<usize>, public: bool, quoting: Quoting) {
        let written = &self.text[range.clone()];
        // Somebody's password in an address, or a forgotten comma with another key behind it.
        let suspect = (written.contains("://") && written.contains('@'))
            || (quoting == Quoting::Plain
                && !written.contains("{{")
                && (written.contains(": ") || written.ends_with(':')));
        if (public && !suspect) || matches!(written, "null" | "~") {
            return self.reveal(range);
        }
        if written.contains("raw") {
            return;
        }
        let mut from = 0;
        while let Some(index) = written[from..].find("{{") {
            let open = from + index;
            let Some(length) = written[open..].find("}}") else { return };
            let inside = open + 2..open + length;
            self.reveal(range.start + open..range.start + open + 2);
            self.reveal(range.start + inside.end..range.start + inside.end + 2);
            self.expression(range.start + inside.start..range.start + inside.end, quoting);
            from = inside.end + 2;
        }
    }

    /// Shows an expression without the literals in it.
    fn expression(&mut self, range: Range<usize>, quoting: Quoting) {
        let written = &self.text[range.clone()];
        if written.contains('\\') || (quoting == Quoting::Single && written.contains('\'')) {
            return;
        }
        let mut at = 0;
        while let Some(first) = written[at..].chars().next() {
            let start = at;
            if matches!(first, '"' | '\'') {
                let Some(length) = written[at + 1..].find(first) else { return };
                let inside = &written[at + 1..at + 1 + length];
                at += length + 2;
                let source = written[..start].trim_end().ends_with("secret(")
                    && ["env:", "file:"].iter().any(|scheme| inside.starts_with(scheme));
                if source {
                    self.reveal(range.start + start..range.start + at);
                } else {
                    self.reveal(range.start + start..range.start + start + 1);
                    self.reveal(range.start + at - 1..range.start + at);
                }
            } else {
                let word = |c: char| c.is_alphanumeric() || c == '_';
                let length = written[at..].find(|c| !word(c)).unwrap_or(written.len() - at).max(first.len_utf8());
                at += length;
                if !(first.is_ascii_digit() && length > 2) {
                    self.reveal(range.start + start..range.start + at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        veil(text, std::iter::empty())
    }

    #[test]
    fn no_literal_is_shown() {
        for text in [
            "{ Key: X-Token, Value: canary }",
            "{ Key: X-Token Value: canary }",
            "- { Key: X-Token, Value: s3: canary: x }",
            "Value: canary",
            "Value: s3: canary: x",
            "Value:canary",
            "Value: [canary]",
            "Value: \"canary-{{ stack_env }}\"",
            "Valu: canary",
            "Passwd: \"canary-typo\"",
            "Password: \"{{ 'canary' | upper }}\"",
            "Password: '{{ ''canary'' | upper }}'",
            "Password: \"{{ \\\"canary\\\" }}\"",
            "Password: { a: canary }",
            "Password: {{ 'canary' }}",
            "{ a: {{ 'canary' }} }",
            "Password: |\n  canary\n  Name: canary\n",
            "Password: >-\n  canary\n",
            "Password: \"abc\n  Name: canary\"\n",
            "Password: abc\n  Name: canary\n",
            "Password:\n  canary\n",
            "Password:\n  - canary\n",
            "- canary",
            "Password: &a canary",
            "Password: *canary",
            "# Password: canary",
            "Name: x # canary",
            "Password: \"canary",
            "Password: \"x\" canary",
            "InvocationEndpoint: https://user:canary@example.com/",
            "vars: [{name: P, secret: true, default: canary}]",
            "default: { name: canary }",
            "default:\n  name: canary\n",
            "{\n  \"Password\": \"canary\"\n}",
            "{\"Password\":\"canary\"}",
            "? canary\n: canary",
            "canary",
            "Name: x\nPassword: [a,\n  canary]\n",
            "{% raw %}{{ canary }}{% endraw %}",
            "Password: {% set a = 'canary' %}",
        ] {
            let shown = shown(text);
            assert!(!shown.contains("canary"), "{text}\n{shown}");
            assert_eq!(shown.len(), text.len());
        }
        assert!(!shown("Value: 098765432").contains('9'));
        assert!(!shown("Value: \"{{ 98765432 }}\"").contains('9'));
    }

    #[test]
    fn what_is_public_is_shown() {
        for text in [
            "name: orders\nproviders: [aws, google, \"awscc::v26.01\"]\n",
            "- { Username: u, Name: \"é\" }",
            "depends_on:\n- orders\n- customers\n",
            "Password: \"{{ vars.P | trim }}\"",
            "Password: {{ vars.P }}",
            "Password: \"{{ secret('env:NAME') }}\"",
            "props:\r\n  - name: Name\r\n    value: \"{{ stack_name }}\"\r\n",
            "InvocationEndpoint: https://example.com/a?b=c",
            "description: |\n  text\n",
            "- { name: null, Value: {{ vars.P }} }",
            "if: \"{{ stack_env == 'prod' }}\"",
        ] {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown("{ Username: u, Password: \"hun,ter\" }"), "{ Username: u, Password: \"*******\" }");
        assert_eq!(shown("Password: \"a-{{ x }}\""), "Password: \"**{{ x }}\"");
        assert_eq!(shown("Password: é"), "Password: **");
    }
}
