//! The time by this machine's clock, whatever it says.

use std::time::SystemTime;

use jiff::Timestamp;

/// Now. A clock outside of what can be written down (before the year -9999, after 9999) stands at its end: a wrong clock
/// is a finding, never a panic.
pub fn now() -> Timestamp {
    let now = SystemTime::now();
    Timestamp::try_from(now).unwrap_or(if now < SystemTime::UNIX_EPOCH {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}
