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

macro_rules! page {
    ($code:literal, $title:literal) => {
        Code { code: $code, title: $title, page: include_str!(concat!("codes/", $code, ".md")) }
    };
}

/// All codes, in order. `M1xx` reading, `M2xx` variables and templates, `M3xx` properties, `M4xx` references and graph,
/// `M5xx` policy, `P1xx` planning, `I1xx` importing, `Q1xx` and `Q2xx` stackql-deploy projects, `Q3xx` queries.
/// Each has its page in a file of its own, beside this one.
pub static CODES: &[Code] = &[
    page!("I101", "Credentials that nobody could see"),
    page!("I102", "It has an owner already"),
    page!("M101", "The manifest cannot be read"),
    page!("M102", "The text is not YAML"),
    page!("M103", "The document is too large"),
    page!("M104", "A key is given twice"),
    page!("M105", "A number or a text?"),
    page!("M106", "A template without quotes"),
    page!("M107", "An unknown key"),
    page!("M108", "The wrong type"),
    page!("M109", "Something is missing"),
    page!("M110", "An unknown version of the form"),
    page!("M111", "Providers"),
    page!("M112", "A name is there twice"),
    page!("M113", "A name that cannot be used"),
    page!("M114", "stackql-deploy's form"),
    page!("M115", "A YAML tag"),
    page!("M116", "No value for this environment"),
    page!("M117", "Something that cannot be merged"),
    page!("M118", "A value in the wrong form"),
    page!("M119", "A file that cannot be included"),
    page!("M122", "Nothing, as an item of a list"),
    page!("M123", "A query that makes something"),
    page!("M201", "A variable without a value"),
    page!("M202", "A name that is not defined"),
    page!("M203", "A template that cannot be read"),
    page!("M204", "An unknown filter, test or function"),
    page!("M205", "An expression that cannot be evaluated"),
    page!("M206", "An undefined result"),
    page!("M207", "Not text, inside of text"),
    page!("M208", "A variable of the wrong type"),
    page!("M209", "A variable that is used nowhere"),
    page!("M210", "A file of variables that cannot be read"),
    page!("M211", "A source of secrets that does not exist"),
    page!("M212", "A secret where none may be"),
    page!("M213", "A reference where none may be"),
    page!("M214", "A resource that is left out"),
    page!("M215", "Which one is meant?"),
    page!("M216", "A condition that is neither true nor false"),
    page!("M217", "A `for_each` that names no instances"),
    page!("M218", "A template that becomes too large"),
    page!("M219", "An export that nothing exports"),
    page!("M220", "An `ignore` that has ended"),
    page!("M221", "A property that a resource does not have"),
    page!("M301", "A property that the type does not have"),
    page!("M302", "A value of another type"),
    page!("M303", "A required property is missing"),
    page!("M304", "A read-only property is given"),
    page!("M305", "A value that the service does not accept"),
    page!("M306", "None of several, and exactly one is needed"),
    page!("M307", "Several of a group, and exactly one is allowed"),
    page!("M308", "A list that is too long"),
    page!("M310", "A secret written in the manifest"),
    page!("M311", "An unknown type"),
    page!("M312", "A resource without a type"),
    page!("M313", "A name made from a secret"),
    page!("M314", "A name that is not known before an apply"),
    page!("M315", "Two resources that are one"),
    page!("M317", "A former name that is the present one"),
    page!("M318", "A secret made from what is not marked as one"),
    page!("M319", "An `ignore` of an item of a list"),
    page!("M320", "An id for what has a name"),
    page!("M321", "Nothing to find a resource by"),
    page!("M322", "A tag that is reserved"),
    page!("M323", "A type whose schema is not at hand"),
    page!("M326", "A secret of the stack that is read too early"),
    page!("M330", "A type of authorization that does not fit its parameters"),
    page!("M331", "An address that is not https"),
    page!("M332", "A parameter that is given twice"),
    page!("M333", "Parameters that add nothing"),
    page!("M334", "A private token endpoint without OAuth"),
    page!("M335", "A key identifier that names no key"),
    page!("M336", "Credentials in an address"),
    page!("M340", "Something that a type of connection needs"),
    page!("M341", "An unknown type of connection"),
    page!("M342", "A port out of range"),
    page!("M343", "A password kept in a connection"),
    page!("M344", "Two ways to give credentials"),
    page!("M345", "A ciphertext of the service's own"),
    page!("M346", "Credentials that do not fit the type of authentication"),
    page!("M347", "A name that reads as a catalog and a name"),
    page!("M348", "An unknown SASL mechanism"),
    page!("M350", "Two places for a secret's value"),
    page!("M351", "A template for a generated secret that does not work"),
    page!("M352", "A recovery window that is too short"),
    page!("M353", "A name that ends as an ARN does"),
    page!("M354", "Rotation that does not fit the key"),
    page!("M355", "A key without its usage"),
    page!("M356", "An alias of AWS's own"),
    page!("M401", "A dependency on nothing"),
    page!("M402", "A circle of references"),
    page!("M403", "A reference to something that the resource does not have"),
    page!("P110", "A file with a secret that cannot be read"),
    page!("P111", "A secret of AWS that could not be read"),
    page!("P120", "Another account than the one that is bound"),
    page!("P121", "A resource that could not be read"),
    page!("P122", "A connection that cannot be used"),
    page!("P123", "A secret that could not be compared"),
    page!("P130", "Owner tags that could not be searched"),
    page!("P131", "Something of the stack that nothing here manages"),
    page!("P190", "A patch that does not lead where it should"),
    page!("Q101", "An anchor is there twice"),
    page!("Q102", "An unknown anchor"),
    page!("Q103", "An option of an anchor"),
    page!("Q104", "Text without an anchor"),
    page!("Q105", "An anchor that is not closed"),
    page!("Q106", "An anchor with nothing below it"),
    page!("Q110", "SQL that cannot be read"),
    page!("Q111", "A statement that cannot be lifted"),
    page!("Q112", "A table of another provider"),
    page!("Q113", "Columns and values that do not fit"),
    page!("Q114", "Statements about two tables"),
    page!("Q115", "No statement that makes the resource"),
    page!("Q120", "Create and update disagree"),
    page!("Q121", "A property that only the update sets"),
    page!("Q122", "A check that asks for more"),
    page!("Q123", "A patch that cannot be seen"),
    page!("Q124", "JSON that a template makes"),
    page!("Q125", "Anchors that are not run"),
    page!("Q201", "A key that has no effect"),
    page!("Q202", "A provider that is not supported"),
    page!("Q203", "A file of a project that cannot be read"),
    page!("Q204", "One name for two things"),
    page!("Q205", "A type of resource that cannot be used"),
    page!("Q206", "A script"),
    page!("Q207", "A condition that asks for a prop"),
    page!("Q208", "A text that stackql-deploy would change"),
    page!("Q209", "A name that a project exports"),
    page!("Q210", "A key without an effect"),
    page!("Q211", "Something that is known only afterwards"),
    page!("Q212", "Checks that are not run"),
    page!("Q213", "A query that finds nothing by itself"),
    page!("Q301", "SQL that cannot be read"),
    page!("Q302", "A table that there is not"),
    page!("Q303", "A column that there is not"),
    page!("Q304", "A table that is read for a value only"),
    page!("Q305", "A statement that cannot be run"),
    page!("Q306", "A secret is no column"),
    page!("Q307", "A write that cannot be sent"),
];

/// The page of a code, written in any case.
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|entry| entry.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every `"M123"` in the sources of this crate, outside of tests.
    fn emitted(folder: &Path, codes: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                emitted(&path, codes);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !matches!(&*name, "codes.rs" | "tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                for (at, _) in text.match_indices("\"M") {
                    let code = text.get(at + 1..at + 5).unwrap_or_default();
                    if text.get(at + 5..=at + 5) == Some("\"") && code[1..].bytes().all(|b| b.is_ascii_digit()) {
                        codes.insert(code.to_owned());
                    }
                }
            }
        }
    }

    #[test]
    fn codes_are_in_order_and_have_a_page() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
        for code in CODES {
            assert!(!code.title.is_empty() && !code.title.ends_with('.'), "{}", code.code);
            assert!(code.page.len() > 200, "the page of {} says too little", code.code);
        }
        assert!(find("m101").is_some() && find("M999").is_none());
    }

    #[test]
    fn what_is_emitted_has_a_page_and_what_has_a_page_is_emitted() {
        let mut codes = BTreeSet::new();
        emitted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut codes);
        // `M33x`, `M34x` and `M35x` are the kinds' own; the AWS crate checks those. `P` is a mistake of ours.
        let ours = |code: &str| code.starts_with('M') && !["M33", "M34", "M35"].iter().any(|own| code.starts_with(own));
        let emitted: Vec<&str> = codes.iter().map(String::as_str).filter(|code| ours(code)).collect();
        let paged: Vec<&str> = CODES.iter().map(|code| code.code).filter(|code| ours(code)).collect();
        assert_eq!(emitted, paged);
    }
}
