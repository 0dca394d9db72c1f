//! Saves the past of all checks in a file of the state directory, so that it survives a restart.
//!
//! Owns the format: JSON lines in gzip, with labels in place of numbers, so that another version of the program can read
//! it. The file is written from time to time and at the stop, each time as a whole. A file that cannot be read is
//! ignored, because it is a convenience and never evidence. Not here: evidence about passwords, and the lock of the
//! folder (`readiness` holds both).

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::files;
use crate::model::{CheckName, Phase, Protocol, Reason};

use super::past::{Glance, Past};

pub(super) const NAME: &str = "pages.past";

const VERSION: u32 = 1;

/// How large the file may be, packed and unpacked, and one line of it, in bytes.
const PACKED: u64 = 64 * 1024 * 1024;
const UNPACKED: u64 = 512 * 1024 * 1024;
const LINE: u64 = 64 * 1024;

/// How long reading and writing may take.
const READ: Duration = Duration::from_secs(30);
const WRITE: Duration = Duration::from_secs(10);

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    past: u32,
}

/// The phase and the reason of a failure.
type Why<'r> = Option<(Cow<'r, str>, Cow<'r, str>)>;

/// One check. If this version does not know the phase or the reason of one of its failures, the check is left out.
#[derive(Debug, Serialize, Deserialize)]
struct Row<'r> {
    mailbox: Cow<'r, str>,
    protocol: Cow<'r, str>,
    /// Since when it has worked or failed, in seconds since 1970.
    since: Option<i64>,
    /// One entry per probe, the oldest first: its start in seconds, its duration in milliseconds, and why it failed.
    slots: Vec<(i64, u64, Why<'r>)>,
    /// The phases of the last probes, with their times as [`Past::stages`] has them.
    stages: Vec<Vec<(Cow<'r, str>, u16)>>,
    /// The last hour of `hours`, in hours since 1970.
    hour: u32,
    /// The probes and the failures of each hour, the oldest first.
    hours: Vec<(u16, u16)>,
}

/// What is kept of one check.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) name: CheckName,
    pub(super) since: Option<Timestamp>,
    pub(super) past: Past,
}

/// Replaces the file. Blocks for [`WRITE`] at most.
///
/// # Errors
/// The system's; the old file is then unchanged.
pub(super) fn save(folder: &Path, kept: Vec<Kept>) -> io::Result<()> {
    let place = folder.join(NAME);
    let path = place.clone();
    files::within(&place, WRITE, move || files::replace_with(&path, |file| write(file, &kept)))
        .unwrap_or_else(|fault| Err(io::Error::other(fault)))
}

fn write(file: &mut File, kept: &[Kept]) -> io::Result<()> {
    let mut out = BufWriter::new(GzEncoder::new(file, Compression::fast()));
    write_line(&Head { past: VERSION }, &mut out)?;
    for one in kept {
        write_line(&row(one), &mut out)?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map(drop)
}

fn write_line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn row(kept: &Kept) -> Row<'_> {
    let slot = |glance: Glance| {
        let millis = u64::try_from(glance.duration.as_millis()).unwrap_or(u64::MAX);
        let why = glance.failure.map(|(phase, reason)| (phase.label().into(), reason.label().into()));
        (glance.started_at.as_second(), millis, why)
    };
    let stages = |stages: Vec<(Phase, u16)>| {
        stages.into_iter().map(|(phase, steps)| (phase.label().into(), steps)).collect()
    };
    let (hour, hours) = kept.past.hours();
    Row {
        mailbox: (&*kept.name.mailbox).into(),
        protocol: kept.name.protocol.label().into(),
        since: kept.since.map(Timestamp::as_second),
        slots: kept.past.glances().map(slot).collect(),
        stages: kept.past.stages().map(stages).collect(),
        hour,
        hours: hours.iter().map(|count| (count.probes, count.failures)).collect(),
    }
}

/// Reads the file; empty if there is none. Blocks for [`READ`] at most.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn load(
    folder: &Path,
    planned: impl Fn(&CheckName) -> bool + Send + 'static,
) -> io::Result<Vec<Kept>> {
    let place = folder.join(NAME);
    let path = place.clone();
    files::within(&place, READ, move || read(&path, planned))
        .unwrap_or_else(|fault| Err(io::Error::other(fault)))
}

fn read(path: &Path, planned: impl Fn(&CheckName) -> bool) -> io::Result<Vec<Kept>> {
    let file = match files::open(path) {
        Ok(file) => file,
        Err(files::Fault::Missing) => return Ok(Vec::new()),
        Err(fault) => return Err(io::Error::other(fault)),
    };
    if file.metadata()?.len() > PACKED {
        return Err(io::Error::other("it is too large to be the agent's own"));
    }
    let mut text = BufReader::new(GzDecoder::new(file).take(UNPACKED));
    let mut bytes = Vec::new();
    let mut next = |bytes: &mut Vec<u8>| {
        bytes.clear();
        text.by_ref().take(LINE).read_until(b'\n', bytes)
    };
    next(&mut bytes)?;
    let head: Head = serde_json::from_slice(&bytes)?;
    if head.past != VERSION {
        return Err(io::Error::other(format!("it has format {}, this version knows {VERSION}", head.past)));
    }
    let mut kept = Vec::new();
    while next(&mut bytes)? > 0 {
        let row: Row<'_> = serde_json::from_slice(&bytes)?;
        kept.extend(restored(&row).filter(|kept| planned(&kept.name)));
    }
    Ok(kept)
}

fn restored(row: &Row<'_>) -> Option<Kept> {
    let protocol = Protocol::from_label(&row.protocol)?;
    let name = CheckName { mailbox: (&*row.mailbox).into(), protocol };
    let mut past = Past::default();
    let first = row.slots.len().saturating_sub(row.stages.len());
    for (place, (at, millis, why)) in row.slots.iter().enumerate() {
        let failure = match why {
            None => None,
            Some((phase, reason)) => Some((Phase::from_label(phase)?, Reason::from_label(reason)?)),
        };
        let glance = Glance {
            started_at: Timestamp::from_second(*at).ok()?,
            duration: Duration::from_millis(*millis),
            failure,
        };
        let stages = place.checked_sub(first).and_then(|place| row.stages.get(place)).into_iter().flatten();
        past.push(&glance, stages.filter_map(|(phase, steps)| Some((Phase::from_label(phase)?, *steps))));
    }
    for (back, (probes, failures)) in row.hours.iter().rev().enumerate() {
        let hour = i64::from(row.hour).checked_sub(i64::try_from(back).ok()?)?;
        if let Ok(at) = Timestamp::from_second(hour.saturating_mul(60 * 60)) {
            past.count(at, *probes, *failures);
        }
    }
    let since = row.since.and_then(|since| Timestamp::from_second(since).ok());
    Some(Kept { name, since, past })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::fs;

    use crate::model::{Phase, Reason};
    use crate::report::Report;
    use crate::report::samples::{credential, dawn, down, mailbox, plan, up};

    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("mailbox-exporter-past-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_restart_keeps_the_past_and_since_when_it_fails() {
        let folder = folder("kept");
        let plan = plan(&[mailbox("büro \"1\"", &credential("contoso", None), &[])]);
        let (check, why) = (&plan.checks[0], (Phase::Auth, Reason::TokenRejected));
        let at = |minutes: u64| dawn() + Duration::from_secs(minutes * 60);
        let before = Report::new(&plan);
        before.record(up(check, at(0)));
        before.record(down(check, at(5), why, "NO", ""));
        before.record(down(check, at(10), why, "NO", ""));
        before.save_past(&folder);

        let after = Report::new(&plan);
        after.restore_past(&folder);
        let record = after.check(&check.name()).unwrap();
        let old = before.check(&check.name()).unwrap();
        assert!(record.past.glances().eq(old.past.glances()) && record.past.len() == 3);
        assert!(record.past.timed().eq(old.past.timed()));
        assert_eq!(record.past.day(at(10)), (3, 2));
        assert!(
            record.last.is_none() && record.failing_since().is_none(),
            "nothing is claimed before a probe"
        );
        after.record(down(check, at(15), why, "NO", ""));
        assert_eq!(after.check(&check.name()).unwrap().failing_since(), Some(at(5)));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_broken_file_is_ignored_as_a_whole() {
        let folder = folder("broken");
        let plan = plan(&[mailbox("desk", &credential("contoso", None), &[])]);
        let report = Report::new(&plan);
        report.record(up(&plan.checks[0], dawn()));
        report.save_past(&folder);
        let whole = fs::read(folder.join(NAME)).unwrap();
        let mut torn = whole.clone();
        torn.truncate(whole.len() - 9);
        let mut rotten = whole.clone();
        rotten[whole.len() / 2] ^= 0x55;
        for bytes in [&torn[..], &rotten, b"", b"not gzip at all"] {
            fs::write(folder.join(NAME), bytes).unwrap();
            let after = Report::new(&plan);
            after.restore_past(&folder);
            assert!(after.check(&plan.checks[0].name()).unwrap().past.is_empty(), "{}", bytes.len());
        }
        fs::write(folder.join(NAME), &whole).unwrap();
        report.restore_past(&folder);
        assert_eq!(report.check(&plan.checks[0].name()).unwrap().past.len(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    proptest! {
        #[test]
        fn a_damaged_line_of_the_past_is_left_out_or_kept_for_good(
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4), numbers in prop::collection::vec(any::<i64>(), 3),
        ) {
            let line = format!(
                r#"{{"mailbox":"desk","protocol":"imap","since":{},"slots":[[1790000000,900,null],[{},{},["auth","token_rejected"]]],"stages":[[["auth",5]]],"hour":{},"hours":[[4,0],[12,1]]}}"#,
                numbers[0], numbers[1], numbers[2].unsigned_abs(), numbers[2] as u32,
            );
            let mut line = line.into_bytes();
            for (at, byte) in changes {
                *at.get_mut(&mut line) = byte;
            }
            let Some(kept) = serde_json::from_slice::<Row<'_>>(&line).ok().and_then(|row| restored(&row)) else {
                return Ok(());
            };
            let again = restored(&row(&kept));
            prop_assert!(again.is_some_and(|again| again.past.glances().eq(kept.past.glances()) && again.since == kept.since));
        }
    }
}
