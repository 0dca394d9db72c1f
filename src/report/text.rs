//! How counts, times and durations are written for people, on pages and in tables.
//!
//! Not here: anything that knows what a check is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::NOTABLE_SKEW;

/// Maximum number of similar names to suggest for an unknown one.
pub const OFFERED: usize = 3;
/// Minimum similarity (Jaro–Winkler, 0 to 1) of a suggestion.
const LIKENESS: f64 = 0.84;

/// Maximum number of characters to compare: the time grows with the product of the lengths, and the unknown
/// name is untrusted input.
const COMPARED: usize = 64;

/// The most similar names, the best first; without the dissimilar ones.
pub fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let begin = |name: &str| name.chars().take(COMPARED).flat_map(char::to_lowercase).collect::<String>();
    let name = begin(name);
    let mut near: Vec<_> = names
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name, &begin(known)), known))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().take(OFFERED).map(|(_, known)| known).collect()
}

/// `one` or `many`.
pub fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// A count with its noun.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", plural(count, one, many))
}

/// A time to the second, in UTC as in the log.
pub fn clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long a probe or a phase took, to about three digits.
pub fn took(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 0.001 => "< 1 ms".to_owned(),
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 9.995 => format!("{s:.2} s"),
        s => format!("{s:.1} s"),
    }
}

/// A duration in its two largest units.
pub fn stretch(duration: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = duration.as_secs();
    let two = |large: u64, unit: &str, small: u64, rest: &str| match (seconds % large) / small {
        0 => format!("{} {unit}", seconds / large),
        part => format!("{} {unit} {part} {rest}", seconds / large),
    };
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => two(MINUTE, "min", 1, "s"),
        HOUR..DAY => two(HOUR, "h", MINUTE, "min"),
        _ => two(DAY, "d", HOUR, "h"),
    }
}

/// How long ago something was, in its largest unit.
pub fn ago(now: Timestamp, at: Timestamp) -> String {
    let whole = stretch(between(at, now));
    let largest: Vec<&str> = whole.split(' ').take(2).collect();
    format!("{} ago", largest.join(" "))
}

/// When something ends or ended: `ends in 12 d 3 h`, `ended 2 h ago`.
pub fn end(now: Timestamp, end: Timestamp) -> String {
    if end > now {
        format!("ends in {}", stretch(between(now, end)))
    } else {
        format!("ended {}", ago(now, end))
    }
}

/// The time from one to the other; zero if a clock was set back.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// How this machine's clock compares: `is 10 min ahead of that`, `agrees with that`.
pub fn clock_against(skew: SignedDuration) -> String {
    let apart = stretch(Duration::from_secs(skew.unsigned_abs().as_secs()));
    match skew {
        _ if skew.abs() < NOTABLE_SKEW => "agrees with that".to_owned(),
        _ if skew.is_negative() => format!("is {apart} behind that"),
        _ => format!("is {apart} ahead of that"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_exact_enough() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (90, "1 min 30 s"),
            (3_660, "1 h 1 min"),
            (200_000, "2 d 7 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(stretch(Duration::from_secs(seconds)), expected);
        }
        let cases = [
            (0, "< 1 ms"),
            (1_000, "1 ms"),
            (412_300, "412 ms"),
            (999_700, "1.00 s"),
            (1_234_000, "1.23 s"),
            (61_000_000, "61.0 s"),
        ];
        for (micros, expected) in cases {
            assert_eq!(took(Duration::from_micros(micros)), expected);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_breaks_nothing() {
        let now = Timestamp::UNIX_EPOCH;
        let later = now + Duration::from_secs(90);
        assert_eq!(ago(now, later), "0 s ago");
        assert_eq!(ago(later, now), "1 min ago");
        assert_eq!(end(now, later), "ends in 1 min 30 s");
        assert_eq!(end(later, now), "ended 1 min ago");
    }

    #[test]
    fn a_clock_is_wrong_from_a_minute_on() {
        let cases = [
            (0, "agrees with that"),
            (-59, "agrees with that"),
            (60, "is 1 min ahead of that"),
            (-600, "is 10 min behind that"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(clock_against(SignedDuration::from_secs(seconds)), expected);
        }
    }
}
