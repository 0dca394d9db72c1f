//! The current time: every reading of the machine's clock, however wrong, gives a valid time.
//!
//! A machine without a battery starts in 1970 or before, a broken one in the year 292277026596. Then dates are
//! wrong, but the program runs on.

use std::time::SystemTime;

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// Now, or the nearest time that a [`Timestamp`] can hold.
pub fn now() -> Timestamp {
    nearest(SystemTime::now())
}

/// Whether HTTP can write this time: its dates have years of four digits (RFC 9110 section 5.6.7) and, as hyper
/// writes them, none before 1970.
pub fn has_http_date(clock: SystemTime) -> bool {
    (Timestamp::UNIX_EPOCH..Timestamp::MAX).contains(&nearest(clock))
}

fn nearest(clock: SystemTime) -> Timestamp {
    Timestamp::try_from(clock)
        .unwrap_or_else(|_| if clock < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX })
}

/// The clock for TLS. It replaces rustls' own, which panics before 1970.
#[derive(Debug)]
pub struct TlsTime;

impl TimeProvider for TlsTime {
    fn current_time(&self) -> Option<UnixTime> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Some(UnixTime::since_unix_epoch(since))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_clock_shows_a_time() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(nearest(epoch), Timestamp::UNIX_EPOCH);
        assert!(nearest(epoch - Duration::from_secs(1_000_000)) < Timestamp::UNIX_EPOCH);
        let far = Duration::from_secs(9_000_000_000_000_000_000);
        assert_eq!(epoch.checked_add(far).map(nearest), Some(Timestamp::MAX));
        assert_eq!(epoch.checked_sub(far).map(nearest), Some(Timestamp::MIN));
        let mad =
            [epoch.checked_sub(Duration::from_nanos(1)), epoch.checked_sub(far), epoch.checked_add(far)];
        assert!(mad.into_iter().flatten().all(|clock| !has_http_date(clock)));
        assert!(has_http_date(epoch) && has_http_date(SystemTime::now()));
    }
}
