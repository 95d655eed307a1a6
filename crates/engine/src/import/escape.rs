//! Text that came from the cloud is data: braces in it must not become a template when the manifest is read.

use std::borrow::Cow;

/// A text that comes out of a template as it is: each opening mark is written as an expression that gives it.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if !crate::render::scan::is_template(text) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    piece(&mut out, text, false);
    out.into()
}

/// Appends a piece of data to a template. `before_code` says that an expression follows, to which a brace at the end of
/// the piece must not be added.
pub(super) fn piece(out: &mut String, text: &str, before_code: bool) {
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let mark = match rest.as_bytes().get(at + 1) {
            Some(b'{') => "{{",
            Some(b'%') => "{%",
            Some(b'#') => "{#",
            None if before_code => "{",
            _ => {
                out.push('{');
                rest = &rest[at + 1..];
                continue;
            }
        };
        out.push_str("{{ '");
        out.push_str(mark);
        out.push_str("' }}");
        rest = &rest[at + mark.len()..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_expressions_and_everything_else_stays() {
        assert_eq!(text("{ \"a\": {} } }}"), "{ \"a\": {} } }}");
        assert_eq!(text("{{ a }}"), "{{ '{{' }} a }}");
        assert_eq!(text("{{{%"), "{{ '{{' }}{{ '{%' }}");
        assert_eq!(text("{# a #} {% b %}"), "{{ '{#' }} a #} {{ '{%' }} b %}");
        let mut out = String::new();
        piece(&mut out, "a{", true);
        assert_eq!(out, "a{{ '{' }}");
    }
}
