//! Times as HTTP writes them in its headers.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock;

/// Upper bound for `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// `Retry-After`: seconds or a date (RFC 9110 section 10.2.3).
pub fn retry_after(header: &str) -> Option<Duration> {
    let header = header.trim();
    let is_number = !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit());
    let asked = if is_number {
        // More digits than a number can hold ask for a long time all the same.
        header.parse().map_or(LONGEST_WAIT, Duration::from_secs)
    } else {
        Duration::try_from(http_date(header)?.duration_since(clock::now())).ok()?
    };
    Some(asked.min(LONGEST_WAIT))
}

/// A date in HTTP format (RFC 9110 section 5.6.7).
pub fn http_date(header: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(header.trim()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        assert_eq!(retry_after("60"), Some(Duration::from_secs(60)));
        let soon = clock::now() + Duration::from_secs(100);
        let date =
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&soon).unwrap_or_default();
        let seconds = retry_after(&date).map(|wait| wait.as_secs());
        assert!(seconds.is_some_and(|seconds| (90..=100).contains(&seconds)), "{date}: {seconds:?}");
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
        assert_eq!(retry_after("1000000000000"), Some(LONGEST_WAIT));
        assert_eq!(retry_after("99999999999999999999999"), Some(LONGEST_WAIT));
        assert_eq!(retry_after(""), None);
        assert_eq!(retry_after("+60"), None);
        assert_eq!(retry_after("Fri, 31 Dec 9999 23:59:59 GMT"), None);
        assert_eq!(retry_after("Wed, 01 Jan 2020 00:00:00 GMT"), None);
    }

    proptest! {
        #[test]
        fn no_header_asks_for_more_than_a_day(
            header in "\\PC{0,40}|-?[0-9]{0,30}|(Mon|Fri), [0-9]{1,2} (Jan|Dec) [0-9]{1,6} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|[+-][0-9]{4})",
        ) {
            prop_assert!(retry_after(&header).is_none_or(|wait| wait <= LONGEST_WAIT));
            let _ = http_date(&header);
        }
    }
}
