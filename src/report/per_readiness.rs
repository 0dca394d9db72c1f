//! The metrics of readiness, computed at scrape time.
//!
//! Not here: judging.

use std::io;

use jiff::tz::TimeZone;

use crate::model::{Keeping, Overview, Position};

use super::exposition::{Page, timestamp};
use super::families;

/// Writes all metrics about the switch-off of passwords.
pub(super) fn write(board: &Overview, page: &mut Page<'_>) -> io::Result<()> {
    page.family(&families::BASIC_AUTH, |series| {
        board.positions.iter().try_for_each(|position| {
            let (mailbox, protocol) = name(position);
            series.add(&[mailbox, protocol, position.basic.label()], 1.0)
        })
    })?;
    page.family(&families::READINESS, |series| {
        board.positions.iter().try_for_each(|position| {
            let (mailbox, protocol) = name(position);
            series.add(&[mailbox, protocol, position.state.label()], 1.0)
        })
    })?;
    page.family(&families::READINESS_SCORE, |series| {
        let known = board.scores.iter().filter_map(|score| Some((score, score.score?)));
        known.into_iter().try_for_each(|(score, value)| series.add(&[&score.tenant], value))
    })?;
    page.family(&families::READINESS_CHECKS, |series| {
        for score in &board.scores {
            for (protocol, state, count) in &score.counts {
                series.add(&[&score.tenant, protocol.label(), state.label()], *count as f64)?;
            }
        }
        Ok(())
    })?;
    page.family(&families::READINESS_EVIDENCE, |series| {
        for position in &board.positions {
            let (mailbox, protocol) = name(position);
            for (signal, at) in &position.seen {
                series.add(&[mailbox, protocol, signal.label()], timestamp(*at))?;
            }
        }
        Ok(())
    })?;
    write_sources(board, page)?;
    page.family(&families::READINESS_CONFLICT, |series| {
        board.positions.iter().try_for_each(|position| {
            let (mailbox, protocol) = name(position);
            let value = |disagree| series.add(&[mailbox, protocol], f64::from(u8::from(disagree)));
            position.conflict.map_or(Ok(()), value)
        })
    })?;
    page.family(&families::BASIC_AUTH_DEADLINE, |series| {
        let mut written: Vec<(&str, &str, &str)> = Vec::new();
        for row in &board.calendar {
            let day = row.date.and_then(|date| date.to_zoned_datetime(TimeZone::UTC).ok());
            let key = (&*row.provider, &*row.protocol, row.kind.label());
            // Each series is written once: a custom calendar may contain duplicates, and the first one
            // counts.
            if let Some(day) = day.filter(|_| !written.contains(&key)) {
                written.push(key);
                series.add(&[key.0, key.1, key.2], timestamp(day.timestamp()))?;
            }
        }
        Ok(())
    })
}

/// Writes how the sources of facts other than the probes are doing.
fn write_sources(board: &Overview, page: &mut Page<'_>) -> io::Result<()> {
    page.family(&families::READINESS_SOURCE_ROWS, |series| {
        board.sources.iter().try_for_each(|source| series.add(&[&source.name], source.rows as f64))
    })?;
    page.family(&families::READINESS_SOURCE_LAST_SUCCESS, |series| {
        let known = board.sources.iter().filter_map(|source| Some((&source.name, source.last_success?)));
        known.into_iter().try_for_each(|(name, at)| series.add(&[name], timestamp(at)))
    })
}

/// Writes whether saving the state works.
pub(super) fn write_keeping(keeping: Option<Keeping>, page: &mut Page<'_>) -> io::Result<()> {
    page.family(&families::STATE_WRITABLE, |series| {
        keeping.map_or(Ok(()), |keeping| series.add(&[], f64::from(u8::from(keeping.writable))))
    })?;
    page.family(&families::STATE_FAILURES, |series| {
        keeping.map_or(Ok(()), |keeping| series.add(&[], keeping.failures as f64))
    })
}

fn name(position: &Position) -> (&str, &'static str) {
    (&position.name.mailbox, position.name.protocol.label())
}
