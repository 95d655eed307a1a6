//! What stands in a lock: who holds it, for what, and until when. No value of a variable is in it, and no argument.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::output::text::clean;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The machine.
    pub host: String,
    /// The process there.
    pub pid: u32,
    /// The run: another one each time.
    pub run: String,
    /// The command's name.
    pub command: String,
    /// The stack, where the command has one.
    pub stack: Option<String>,
    /// Its environment.
    pub env: Option<String>,
}

impl Holder {
    /// The holder in words.
    pub fn describe(&self) -> String {
        let about = match (&self.stack, &self.env) {
            (Some(stack), Some(env)) => format!(" of {} ({})", shown(stack), shown(env)),
            _ => String::new(),
        };
        let Self { pid, command, host, run, .. } = self;
        format!("`trueup {}`{about}, process {pid} on host {}, run {}", shown(command), shown(host), shown(run))
    }
}

/// What somebody else wrote, at a bounded length.
fn shown(text: &str) -> String {
    clean(text).chars().take(100).collect()
}

/// A lock that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The form of this document.
    pub format_version: String,
    /// Who holds it.
    pub holder: Holder,
    /// Since when, by the store's clock.
    #[serde(with = "rfc3339")]
    pub acquired: OffsetDateTime,
    /// Until when, unless it is renewed.
    #[serde(with = "rfc3339")]
    pub expires: OffsetDateTime,
}

impl Record {
    /// One from this moment of a store's clock to that one.
    pub fn new(holder: Holder, acquired: i64, expires: i64) -> Self {
        Self { format_version: "1".to_owned(), holder, acquired: moment(acquired), expires: moment(expires) }
    }

    /// Reads one.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The text of one.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// When it ends, in milliseconds since the Unix epoch.
    pub fn ends(&self) -> i64 {
        i64::try_from(self.expires.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    /// Since when it is held, in the same.
    pub fn began(&self) -> i64 {
        i64::try_from(self.acquired.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }
}

fn moment(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Moments as text.
mod rfc3339 {
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::{Error as _, Serializer};
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    pub fn serialize<S: Serializer>(moment: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&moment.format(&Rfc3339).map_err(S::Error::custom)?)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        OffsetDateTime::parse(&text, &Rfc3339).map_err(D::Error::custom)
    }
}

/// A moment for people, to the second.
pub fn told(moment: OffsetDateTime) -> String {
    moment.replace_nanosecond(0).unwrap_or(moment).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let holder = Holder {
            host: "build-7\u{1b}[2J".to_owned(),
            pid: 42,
            run: "r-1".to_owned(),
            command: "apply".to_owned(),
            stack: Some("orders".to_owned()),
            env: Some("prod".to_owned()),
        };
        Record::new(holder, 1_733_504_821_250, 1_733_504_881_250)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = record();
        assert_eq!(Record::read(&record.text()), Some(record.clone()));
        assert_eq!(record.ends() - record.began(), 60_000);
        assert!(record.text().contains(r#""expires": "2024-12-06T17:08:01.25Z""#), "{}", record.text());
        assert_eq!(Record::read("{}"), None);
    }

    #[test]
    fn what_somebody_wrote_does_nothing_to_a_terminal() {
        let words = record().holder.describe();
        assert!(words.starts_with("`trueup apply` of orders (prod), process 42 on host build-7"), "{words}");
        assert!(!words.contains('\u{1b}'));
    }
}
