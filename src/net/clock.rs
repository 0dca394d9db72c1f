//! The time of day, whatever the machine's clock says.

use std::time::SystemTime;

use jiff::Timestamp;

/// The time by this machine's clock. jiff counts to the year 9999 and panics beyond: a clock that is
/// further ahead is told to be there.
pub fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX)
}
