//! Tables and the CloudFormation types that they stand for.
//!
//! StackQL's `awscc` provider makes a table's name from a type's: `AWS::EC2::VPCEndpoint` is `awscc.ec2.vpc_endpoints`.
//! The service is in lower case, the resource in snake case and in the plural, both by rules that lose capitals. The way
//! back therefore takes a list of types; where there is none, [`likely_type`] spells the type from two lists of data.

use trueup_engine::source::Span;

/// The names of services with their capitals, one to a line. From the schemas of the wheel `cfn-lint` 1.58.0, as is
/// [`IRREGULAR`].
const SERVICES: &str = include_str!("services.txt");
/// The types that are not spelled by the plain rule, one to a line.
const IRREGULAR: &str = include_str!("irregular_types.txt");

/// The table that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The provider: `awscc` or `aws`.
    pub provider: String,
    /// The service: `events`.
    pub service: String,
    /// The name without `_list_only`: `connections`.
    pub name: String,
    /// It is the table that only lists identifiers: `connections_list_only`.
    pub list_only: bool,
    /// Where it is named.
    pub span: Span,
}

impl Table {
    /// Reads `provider.service.name`; `None` where there are not three parts.
    pub fn of(path: &[&str], span: Span) -> Option<Self> {
        let [provider, service, name] = path else { return None };
        let name = name.to_ascii_lowercase();
        let (name, list_only) = match name.strip_suffix("_list_only") {
            Some(base) => (base.to_owned(), true),
            None => (name, false),
        };
        Some(Self {
            provider: provider.to_ascii_lowercase(),
            service: service.to_ascii_lowercase(),
            name,
            list_only,
            span,
        })
    }

    /// Its full name, without `_list_only`: `awscc.events.connections`.
    pub fn path(&self) -> String {
        format!("{}.{}.{}", self.provider, self.service, self.name)
    }

    /// Whether it is of one of the two AWS providers.
    pub fn is_aws(&self) -> bool {
        matches!(self.provider.as_str(), "awscc" | "aws")
    }
}

/// The table of a type: `awscc.ec2.vpc_endpoints` of `AWS::EC2::VPCEndpoint`.
pub fn table_of(type_name: &str) -> String {
    let mut parts = type_name.rsplitn(3, "::");
    let resource = parts.next().unwrap_or_default();
    let service = parts.next().unwrap_or_default();
    format!("awscc.{}.{}", service.to_ascii_lowercase(), plural(&snake_case(resource)))
}

/// The type of a table among those that are known.
pub fn type_of<'a>(table: &Table, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let path = format!("awscc.{}.{}", table.service, table.name);
    let mut known = known;
    known.find(|name| is_of_service(name, &table.service) && table_of(name) == path)
}

/// The type of a table where no list of types is at hand: right for all but new types with unusual capitals.
pub fn likely_type(table: &Table) -> String {
    if let Some(name) = type_of(table, IRREGULAR.lines()) {
        return name.to_owned();
    }
    plainly_spelled(table)
}

/// The type of a table by the plain rule alone, which the tests compare with all types that there are.
pub fn plainly_spelled(table: &Table) -> String {
    let service = SERVICES.lines().find(|name| name.eq_ignore_ascii_case(&table.service));
    let service = service.map_or_else(|| capitalised(&table.service), str::to_owned);
    let resource: String = singular(&table.name).split('_').map(capitalised).collect();
    format!("AWS::{service}::{resource}")
}

fn is_of_service(type_name: &str, service: &str) -> bool {
    type_name.split("::").nth(1).is_some_and(|part| part.eq_ignore_ascii_case(service))
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// `VPCEndpoint` is `vpc_endpoint`: a run of capitals is a word when a small letter follows its last one, and a capital
/// behind a small letter begins a word. `EC2Fleet` stays `ec2fleet`, and `TableVPCAssociation` becomes
/// `tablevpc_association`: so the provider's tables are named.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let small = |at: usize| letters.get(at).is_some_and(char::is_ascii_lowercase);
    let large = |at: usize| letters.get(at).is_some_and(char::is_ascii_uppercase);
    let mut out = String::with_capacity(name.len() + 8);
    // What the first rule has already made small counts as small for neither side of the second rule.
    let mut lowered = vec![false; letters.len()];
    let mut breaks = vec![false; letters.len()];
    let mut at = 0;
    while at < letters.len() {
        let end = (at..letters.len()).find(|index| !large(*index)).unwrap_or(letters.len());
        if end - at >= 2 && small(end) {
            // All capitals of the run, and the small letter behind them.
            lowered[at..end].fill(true);
            breaks[end - 1] = true;
            at = end + 1;
        } else {
            at = end.max(at + 1);
        }
    }
    for (index, letter) in letters.iter().enumerate() {
        let second = index > 0 && !lowered[index] && large(index) && small(index - 1);
        if (breaks[index] || second) && !out.ends_with('_') {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The plural of the last word of a snake case name, by the rules of the library that the provider is generated with.
fn plural(name: &str) -> String {
    /// What a word ends in, how many letters of it go, and what comes in their place. The first that fits counts.
    const ENDINGS: &[(&str, usize, &str)] = &[
        ("people", 0, ""),
        ("person", 4, "ople"),
        ("children", 0, ""),
        ("child", 0, "ren"),
        ("men", 0, ""),
        ("man", 2, "en"),
        ("matrix", 2, "ices"),
        ("appendix", 2, "ices"),
        ("index", 2, "ices"),
        ("vertex", 2, "ices"),
        ("codex", 2, "ices"),
        ("data", 0, ""),
        ("datum", 2, "a"),
        ("criteria", 0, ""),
        ("criterion", 2, "a"),
        ("curriculum", 2, "a"),
        ("quorum", 2, "a"),
        ("sheep", 0, ""),
        ("fish", 0, ""),
        ("deer", 0, ""),
        ("knife", 2, "ves"),
        ("wife", 2, "ves"),
        ("life", 2, "ves"),
        ("arf", 1, "ves"),
        ("lf", 1, "ves"),
        ("eaf", 1, "ves"),
        ("oaf", 1, "ves"),
        ("hero", 0, "es"),
        ("ato", 0, "es"),
        ("radius", 2, "i"),
        ("nucleus", 2, "i"),
        ("stimulus", 2, "i"),
        ("focus", 2, "i"),
        ("locus", 2, "i"),
        ("alias", 0, "es"),
        ("axis", 2, "es"),
        ("testis", 2, "es"),
        ("sis", 2, "es"),
        ("ris", 0, "es"),
        ("gas", 0, "es"),
        ("aus", 0, ""),
        ("ous", 0, ""),
        ("uus", 0, "s"),
        ("us", 0, "es"),
        ("ss", 0, "es"),
        ("x", 0, "es"),
        ("ch", 0, "es"),
        ("sh", 0, "es"),
        ("zz", 0, "es"),
        ("ay", 0, "s"),
        ("ey", 0, "s"),
        ("iy", 0, "s"),
        ("oy", 0, "s"),
        ("quy", 1, "ies"),
        ("uy", 0, "s"),
        ("yy", 0, "s"),
        ("y", 1, "ies"),
        ("s", 0, ""),
    ];
    /// Names, not words, that are their own plural.
    const SAME: &[&str] = &["equipment", "hardware", "information", "media", "news", "series", "software", "species"];
    if SAME.contains(&name) {
        return name.to_owned();
    }
    match ENDINGS.iter().find(|(ending, ..)| name.ends_with(ending)) {
        Some((_, gone, instead)) => name[..name.len() - gone].to_owned() + instead,
        None => name.to_owned() + "s",
    }
}

/// A name whose plural this is: the most common one, as several may have it.
fn singular(name: &str) -> String {
    /// Ends of plurals and of what they are plurals of, the more telling ones first.
    const ENDINGS: &[(&str, &str)] = &[
        ("ies", "y"),
        ("yses", "ysis"),
        ("ices", "ex"),
        ("sses", "ss"),
        ("tuses", "tus"),
        ("buses", "bus"),
        ("aliases", "alias"),
        ("xes", "x"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("zzes", "zz"),
        ("men", "man"),
        ("people", "person"),
        ("children", "child"),
        ("ves", "f"),
        ("s", ""),
        ("", ""),
    ];
    ENDINGS
        .iter()
        .filter_map(|(from, to)| Some(name.strip_suffix(from)?.to_owned() + to))
        .find(|one| plural(one) == name)
        .unwrap_or_else(|| name.to_owned())
}
