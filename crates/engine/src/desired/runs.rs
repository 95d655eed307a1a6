//! Patterns that are no more than runs of characters (`^[.\-_A-Za-z0-9]+$`), matched without a regular expression.
//!
//! Most constraints of the services are of this form, and every text of a stack is held against one. Matching goes from
//! left to right and never back, so a pattern is only taken where no other way of reading a text could fit: what a
//! repeated part takes, nothing up to the next part that must be there takes. The rest is for a regular expression.

/// The characters of one part, and how often it comes.
#[derive(Debug)]
struct Run {
    /// Which of the first 128 characters it takes.
    ascii: u128,
    /// Whether it takes all others.
    others: bool,
    /// It may be missing.
    optional: bool,
    /// It may come again.
    repeated: bool,
}

impl Run {
    fn takes(&self, character: char) -> bool {
        match u32::from(character) {
            code @ 0..128 => (self.ascii >> code) & 1 == 1,
            _ => self.others,
        }
    }

    fn meets(&self, other: &Self) -> bool {
        self.ascii & other.ascii != 0 || (self.others && other.others)
    }
}

/// A pattern made of runs.
#[derive(Debug)]
pub struct Runs(Vec<Run>);

impl Runs {
    /// Reads an anchored regular expression; `None` where it is more than runs.
    pub fn read(regex: &str) -> Option<Self> {
        let mut rest = regex.strip_prefix('^')?.strip_suffix('$')?.chars().peekable();
        let mut runs: Vec<Run> = Vec::new();
        while let Some(first) = rest.next() {
            let (ascii, others) = match first {
                '[' => class(&mut rest)?,
                '\\' => (1 << u32::from(escaped(&mut rest)?), false),
                plain if plain.is_ascii_alphanumeric() || "/:_-".contains(plain) => (1 << u32::from(plain), false),
                _ => return None,
            };
            let (optional, repeated) = match rest.peek() {
                Some('+') => (false, true),
                Some('*') => (true, true),
                Some('?' | '{' | '|') => return None,
                _ => (false, false),
            };
            if repeated {
                rest.next();
                // `+?` and the like mean other things.
                if matches!(rest.peek(), Some('+' | '*' | '?' | '{')) {
                    return None;
                }
            }
            runs.push(Run { ascii, others, optional, repeated });
        }
        let is_clear = |index: usize| {
            let following = &runs[index + 1..];
            let needed = following.iter().position(|next| !next.optional).map_or(following.len(), |needed| needed + 1);
            !runs[index].repeated || !following[..needed].iter().any(|next| runs[index].meets(next))
        };
        let plain = (0..runs.len()).all(is_clear);
        plain.then_some(Self(runs))
    }

    /// Whether a text fits.
    pub fn fit(&self, text: &str) -> bool {
        let mut rest = text.chars().peekable();
        for run in &self.0 {
            let mut count = 0;
            while (count == 0 || run.repeated) && rest.next_if(|character| run.takes(*character)).is_some() {
                count += 1;
            }
            if count == 0 && !run.optional {
                return false;
            }
        }
        rest.next().is_none()
    }
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// The characters between brackets; the opening one was read.
fn class(rest: &mut Rest<'_>) -> Option<(u128, bool)> {
    let negated = rest.next_if_eq(&'^').is_some();
    if rest.peek() == Some(&']') {
        return None;
    }
    let mut ascii = 0_u128;
    loop {
        let first = match rest.next()? {
            ']' => break,
            // A class in a class, or an operation on two.
            '[' => return None,
            sign @ ('&' | '~') if rest.peek() == Some(&sign) => return None,
            '\\' => escaped(rest)?,
            plain => plain,
        };
        let mut last = first;
        let mut ahead = rest.clone();
        if ahead.next() == Some('-') && !matches!(ahead.peek(), None | Some(']')) {
            rest.next();
            last = match rest.next()? {
                '\\' => escaped(rest)?,
                '[' => return None,
                plain => plain,
            };
        }
        if !first.is_ascii() || !last.is_ascii() || first > last {
            return None;
        }
        (u32::from(first)..=u32::from(last)).for_each(|code| ascii |= 1 << code);
    }
    Some(if negated { (!ascii, true) } else { (ascii, false) })
}

/// The character that an escape stands for; `None` where it stands for several.
fn escaped(rest: &mut Rest<'_>) -> Option<char> {
    match rest.next()? {
        't' => Some('\t'),
        'x' => {
            let code = rest.next()?.to_digit(16)? * 16 + rest.next()?.to_digit(16)?;
            char::from_u32(code).filter(char::is_ascii)
        }
        sign if sign.is_ascii_punctuation() => Some(sign),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Patterns of the services' models.
    const RUNS: [&str; 10] = [
        "^[.\\-_A-Za-z0-9]+$",
        "^\\t*[^\\x00-\\x1F:\\x7F][^\\x00-\\x08\\x0A-\\x1F:\\x7F]*$",
        "^[!#$%&'*+,\\-.^_`|~0-9a-zA-Z]+$",
        "^\\t*[\\x20-\\x7E][\\t\\x20-\\x7E]*$",
        "^[^\\x00-\\x09\\x0B\\x0C\\x0E-\\x1F\\x7F]+$",
        "^[a-zA-Z0-9_\\-/:]*$",
        "^[A-Za-z0-9/_+=.@\\-]+$",
        "^alias/[A-Za-z0-9/_\\-]+$",
        "^a*b*[cd]$",
        "^$",
    ];

    #[test]
    fn what_could_be_read_in_two_ways_or_is_more_than_runs_is_left_to_a_regular_expression() {
        for regex in [
            "^[0-9]{12}$",
            "^(a|b)+$",
            "^[a-z]+z$",
            "^a*[bc]*a$",
            "^.+$",
            "^\\w+$",
            "^[\\d]+$",
            "^[a-z&&[^b]]+$",
            "^[[:alpha:]]+$",
            "^[a-zé]+$",
            "^a+?b$",
            "[a-z]+",
        ] {
            assert!(Runs::read(regex).is_none(), "{regex}");
        }
    }

    proptest! {
        #[test]
        fn runs_fit_what_the_regular_expression_fits(text in "([a-d]|[A-Z0-9/:_+.\\-\\t\\n\\x00-\\x7f]|é|alias/|\\PC){0,8}") {
            for regex in RUNS {
                let runs = Runs::read(regex).unwrap();
                let fits = regex_lite::Regex::new(regex).unwrap().is_match(&text);
                prop_assert_eq!(runs.fit(&text), fits, "{} {:?}", regex, text);
            }
        }
    }
}
