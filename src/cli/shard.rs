//! `--shard`: which shard of the mailboxes this agent has, as written or by the number of its pod in a StatefulSet.
//!
//! Not here: which mailbox belongs to which shard.

use std::env;
use std::str::FromStr;

use crate::model::Shard;
use crate::shard::MOST;

/// The variable that holds the number of shards, for `--shard auto`.
const COUNT_VARIABLE: &str = "MAILBOX_EXPORTER_SHARDS";
/// The variable that holds a pod's own name.
const NAME_VARIABLE: &str = "HOSTNAME";

/// The value of `--shard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// `I/N`.
    Given(Shard),
    /// `auto`, `auto/N`: the index is the number at the end of this pod's name.
    Auto(Option<u32>),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            None if text == "auto" => Ok(Self::Auto(None)),
            Some(("auto", count)) => Ok(Self::Auto(Some(parse_count(count)?))),
            Some((index, count)) => {
                let count = parse_count(count)?;
                let index: u32 =
                    index.parse().map_err(|_| format!("{index:?} is not a shard number: {EXPECTED}"))?;
                Ok(Self::Given(shard_of(index, count)?))
            }
            None => Err(EXPECTED.to_owned()),
        }
    }
}

const EXPECTED: &str = "expected I/N with I from 0 to N - 1 (0/3, 1/3, 2/3), auto or auto/N";

impl Choice {
    /// The shard that is meant in this environment.
    ///
    /// # Errors
    /// A sentence if the environment does not say.
    pub(super) fn resolve(self) -> Result<Shard, String> {
        let variable = |name| env::var(name).ok();
        self.resolve_by(variable(NAME_VARIABLE).as_deref(), variable(COUNT_VARIABLE).as_deref())
            .map_err(|complaint| format!("--shard: {complaint}"))
    }

    fn resolve_by(self, pod: Option<&str>, count: Option<&str>) -> Result<Shard, String> {
        let count = match self {
            Self::Given(shard) => return Ok(shard),
            Self::Auto(Some(count)) => count,
            Self::Auto(None) => {
                let count = count.ok_or_else(|| {
                    format!("auto needs the number of shards: write auto/N, or set {COUNT_VARIABLE}")
                })?;
                parse_count(count).map_err(|complaint| format!("{COUNT_VARIABLE}: {complaint}"))?
            }
        };
        let pod = pod.ok_or_else(|| {
            format!(
                "auto takes its number from the end of {NAME_VARIABLE} (name-3), which is not set: write I/N"
            )
        })?;
        let ordinal = pod.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse().ok());
        let ordinal = ordinal.ok_or_else(|| {
            format!(
                "auto takes its number from the end of {NAME_VARIABLE}, and {pod:?} does not end in one as the pods of a StatefulSet do (name-3): write I/N"
            )
        })?;
        shard_of(ordinal, count).map_err(|complaint| format!("{NAME_VARIABLE} is {pod}: {complaint}"))
    }
}

fn parse_count(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| (1..=MOST).contains(count));
    count.ok_or_else(|| format!("{text:?} is not a number of shards: expected 1 to {MOST}"))
}

fn shard_of(index: u32, count: u32) -> Result<Shard, String> {
    Shard::new(index, count).ok_or_else(|| {
        let last = count - 1;
        format!("there is no shard {index} of {count}: shards count from 0, the last one is {last}/{count}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_read_or_refused_with_the_remedy() {
        let rows = [
            // written, HOSTNAME, MAILBOX_EXPORTER_SHARDS, shard or part of the complaint
            ("0/1", None, None, Ok("0/1")),
            ("2/3", Some("x-7"), Some("9"), Ok("2/3")),
            ("auto/4", Some("mailbox-exporter-3"), None, Ok("3/4")),
            ("auto/4", Some("mailbox-exporter-3"), Some("9"), Ok("3/4")),
            ("auto", Some("mailbox-exporter-0"), Some("4"), Ok("0/4")),
            ("3/3", None, None, Err("the last one is 2/3")),
            ("0/0", None, None, Err("expected 1 to 1000")),
            ("0/1001", None, None, Err("expected 1 to 1000")),
            ("-1/3", None, None, Err("from 0 to N - 1")),
            ("1", None, None, Err("expected I/N")),
            ("1/2/3", None, None, Err("not a number of shards")),
            ("", None, None, Err("expected I/N")),
            ("auto/", None, None, Err("not a number of shards")),
            ("auto", Some("x-0"), None, Err("set MAILBOX_EXPORTER_SHARDS")),
            ("auto", Some("x-0"), Some("many"), Err("MAILBOX_EXPORTER_SHARDS: \"many\"")),
            ("auto/3", None, None, Err("HOSTNAME (name-3), which is not set")),
            ("auto/3", Some("mailbox-exporter-7f9c-x2x"), None, Err("pods of a StatefulSet")),
            ("auto/3", Some("mailbox-exporter-3"), None, Err("HOSTNAME is mailbox-exporter-3")),
        ];
        for (written, pod, count, expected) in rows {
            let seen = written.parse().and_then(|choice: Choice| choice.resolve_by(pod, count));
            match (seen, expected) {
                (Ok(shard), Ok(expected)) => assert_eq!(shard.to_string(), expected, "{written}"),
                (Err(complaint), Err(expected)) => {
                    assert!(complaint.contains(expected), "{written}: {complaint}");
                }
                (seen, expected) => unreachable!("{written}: {seen:?}, not {expected:?}"),
            }
        }
    }
}
