//! Every code that a diagnostic may have, with the page that `trueup explain CODE` prints.

/// One code.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// The code: `M101`.
    pub code: &'static str,
    /// What it is about, as a heading.
    pub title: &'static str,
    /// What it means, why it is an error, and how to mend it; Markdown.
    pub page: &'static str,
}

/// All codes, in order. `M1xx` reading, `M2xx` variables and templates, `M3xx` properties, `M4xx` references and graph,
/// `M5xx` policy, `P1xx` planning.
pub static CODES: &[Code] = &[];

/// The page of a code, written in any case.
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|entry| entry.code.eq_ignore_ascii_case(code))
}
