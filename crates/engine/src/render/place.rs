//! From a byte of a scalar's value to the byte of the text that wrote it.

use std::ops::Range;
use std::sync::Arc;

use crate::source::Span;

/// Where a scalar is written.
#[derive(Clone)]
pub struct Place {
    /// The scalar, with its quotes.
    pub span: Span,
    /// The whole text that it stands in.
    pub text: Arc<str>,
}

impl Place {
    /// The span of a range of the scalar's value. Exact for plain and quoted scalars on one line and wherever the text
    /// of the range is found as it is; otherwise the scalar's first line.
    pub fn map(&self, value: &str, range: &Range<usize>) -> Span {
        let whole = self.span.start as usize..self.span.end as usize;
        let Some(raw) = self.text.get(whole) else { return self.span };
        let Some(part) = value.get(range.clone()).filter(|part| !part.is_empty()) else { return self.first_line(raw) };
        let quoted = raw.len() >= 2 && (raw.starts_with('"') || raw.starts_with('\''));
        let content = if quoted { &raw[1..raw.len() - 1] } else { raw };
        let before = usize::from(quoted);
        if content == value {
            return self.at(before + range.start, part.len());
        }
        let same = value[..range.start].matches(part).count();
        match content.match_indices(part).nth(same) {
            Some((index, _)) => self.at(before + index, part.len()),
            None => self.first_line(raw),
        }
    }

    fn at(&self, offset: usize, length: usize) -> Span {
        let small = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        let start = self.span.start.saturating_add(small(offset));
        Span { source: self.span.source, start, end: start.saturating_add(small(length)) }
    }

    fn first_line(&self, raw: &str) -> Span {
        let line = raw.lines().next().unwrap_or_default();
        self.at(0, line.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    fn mapped(raw: &str, value: &str, part: &str) -> String {
        let text = format!("key: {raw}\n");
        let end = u32::try_from(text.len() - 1).unwrap();
        let place = Place { span: Span { source: SourceId(0), start: 5, end }, text: Arc::from(text.as_str()) };
        let start = value.rfind(part).unwrap();
        let span = place.map(value, &(start..start + part.len()));
        text[span.start as usize..span.end as usize].to_owned() + &format!("@{}", span.start)
    }

    #[test]
    fn places_are_exact_where_they_can_be() {
        assert_eq!(mapped("a-{{ xé }}", "a-{{ xé }}", "xé"), "xé@10");
        assert_eq!(mapped("\"{{ a }}\"", "{{ a }}", "a"), "a@9");
        assert_eq!(mapped("'it''s {{ a }}{{ a }}'", "it's {{ a }}{{ a }}", "a"), "a@22");
        assert_eq!(mapped("|\n  one\n  {{ two }}", "one\n{{ two }}\n", "two"), "two@18");
        assert_eq!(mapped("\"{{ \\\"q\\\" }}\"", "{{ \"q\" }}", "\"q\""), "\"{{ \\\"q\\\" }}\"@5");
    }
}
