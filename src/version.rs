//! Which build this is: its version, the commit of its sources, and their day.
//!
//! `build.rs` finds the commit; a development build knows none.

use std::sync::LazyLock;

use jiff::Timestamp;

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit of the sources, with `-dirty` if they differ from it, or `unknown`.
pub const REVISION: &str = env!("MAILBOX_EXPORTER_REVISION");

/// The time of the sources in seconds since 1970, or empty. Not that of the build: the same sources give the same program.
const SECONDS: &str = env!("MAILBOX_EXPORTER_SOURCE_SECONDS");

/// A hash of git (SHA-1 or SHA-256) is shown by its first digits.
const HASHES: [usize; 2] = [40, 64];
const SHORT: usize = 7;

/// All of it for people: `0.1.0 (commit abcdef1, 2026-11-30)`.
pub fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| describe(VERSION, REVISION, day().as_deref()));
    &LONG
}

/// The day of the sources in UTC, such as `2026-11-30`.
pub fn day() -> Option<String> {
    let time = Timestamp::from_second(SECONDS.parse().ok()?).ok()?;
    Some(time.strftime("%F").to_string())
}

fn describe(version: &str, revision: &str, day: Option<&str>) -> String {
    let (hash, dirty) = revision.strip_suffix("-dirty").map_or((revision, ""), |hash| (hash, "-dirty"));
    let is_hash = HASHES.contains(&hash.len()) && hash.bytes().all(|c| c.is_ascii_hexdigit());
    let shown = if is_hash { &hash[..SHORT] } else { hash };
    let day = day.map(|day| format!(", {day}")).unwrap_or_default();
    format!("{version} (commit {shown}{dirty}{day})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_told_by_version_commit_and_day() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        let dirty = format!("{hash}-dirty");
        for (revision, day, told) in [
            (hash, Some("2026-11-30"), "1.2.3 (commit 0123456, 2026-11-30)"),
            (&dirty, Some("2026-11-30"), "1.2.3 (commit 0123456-dirty, 2026-11-30)"),
            (hash, None, "1.2.3 (commit 0123456)"),
            ("v1.2.3-rc.1", None, "1.2.3 (commit v1.2.3-rc.1)"),
            ("unknown", None, "1.2.3 (commit unknown)"),
        ] {
            assert_eq!(describe("1.2.3", revision, day), told);
        }
    }
}
