//! The end of a credential as declared in a file: a date in the format of `expires` in the configuration.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{bare, read_file};

/// The longest text that is taken for a date, in bytes.
const LONGEST: usize = 64;

/// `2027-03-01`, which is the start of that day in UTC, or an RFC 3339 time.
pub fn date(text: &str) -> Option<Timestamp> {
    const DATE: usize = "2027-03-01".len();
    if text.len() > DATE {
        return text.parse().ok();
    }
    // The parser would take shorter and compact spellings as well; one is enough.
    let date: Date = text.parse().ok().filter(|_| text.len() == DATE)?;
    date.to_zoned_datetime(TimeZone::UTC).ok().map(|start| start.timestamp())
}

/// Reads the date in this file now.
///
/// # Errors
/// Why there is none, naming the file.
pub async fn declared_end(path: &Path) -> Result<Timestamp, String> {
    let bytes = read_file(path).await.map_err(|cause| cause.detail)?;
    let wrong = || {
        format!(
            "file {} holds no date like 2027-03-01 or time like 2027-03-01T12:00:00Z and nothing else",
            path.display()
        )
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong())?;
    let text = bare(text).trim();
    Some(text).filter(|text| text.len() <= LONGEST).and_then(date).ok_or_else(wrong)
}

#[cfg(test)]
// A test that cannot be set up has failed.
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a_file_holds_one_date_or_is_refused_by_name() {
        let path = std::env::temp_dir().join(format!("end-{}", std::process::id()));
        for (content, end) in [
            ("2027-03-01\n", Some("2027-03-01T00:00:00Z")),
            ("\u{feff}2027-03-01T12:00:00+02:00\r\n", Some("2027-03-01T10:00:00Z")),
            ("", None),
            ("20270301", None),
            ("2027-03-01 2028-03-01", None),
            ("soon", None),
        ] {
            std::fs::write(&path, content).unwrap();
            let read = declared_end(&path).await;
            match (read, end) {
                (Ok(read), Some(end)) => assert_eq!(read.to_string(), end, "{content:?}"),
                (Err(why), None) => assert!(why.contains("holds no date like"), "{content:?}: {why}"),
                (read, _) => unreachable!("{content:?}: {read:?}"),
            }
        }
        std::fs::remove_file(&path).unwrap();
        let why = declared_end(&path).await.unwrap_err();
        assert!(why.contains(path.to_str().unwrap()), "{why}");
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_a_date_fail_otherwise(text in "\\PC{0,70}|[0-9]{1,5}-[0-9]{1,3}-[0-9]{1,3}([T ][0-9:.]{0,15}(Z|[+-][0-9:]{1,5})?)?") {
            let _ = date(&text);
        }
    }
}
