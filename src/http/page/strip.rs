//! The memory of a check on a page: its last outcomes as a strip, how long they took as a line, its last probes as
//! waterfalls, and its reasons over time.
//!
//! Owners are told by letter as well as by colour. Not here: collecting (`report::past`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::model::{Owner, Phase, Reason};
use crate::report::{CheckRecord, Glance, RECENT};

use super::text;
use super::text::Here;

/// Stands for a success in a strip.
const FINE: char = '·';

fn owner(glance: &Glance) -> Option<Owner> {
    let (_, reason) = glance.failure?;
    reason.row().owners.first().copied()
}

fn letters(owner: Option<Owner>, count: usize) -> String {
    let letter = owner.map_or(FINE, |owner| owner.row().letter);
    std::iter::repeat_n(letter, count).collect()
}

/// The last outcomes, a letter each, the newest on the right.
pub(super) fn strip(record: &CheckRecord) -> Markup {
    let glances: Vec<Glance> = record.past.glances().collect();
    let runs = glances.chunk_by(|a, b| owner(a) == owner(b));
    html! {
        @if !glances.is_empty() {
            span.strip role="img" aria-label=(spoken(&glances)) title=(spoken(&glances)) {
                @for run in runs {
                    @let of = run.first().and_then(owner);
                    @match of {
                        None => (letters(of, run.len())),
                        Some(owner) => b class={ "o-" (owner) } { (letters(of, run.len())) },
                    }
                }
            }
        }
    }
}

fn spoken(glances: &[Glance]) -> String {
    let mut reasons: BTreeMap<Reason, usize> = BTreeMap::new();
    for (_, reason) in glances.iter().filter_map(|glance| glance.failure) {
        *reasons.entry(reason).or_default() += 1;
    }
    let all = text::counted(glances.len(), "probe", "probes");
    if reasons.is_empty() {
        return format!("the last {all}: none failed");
    }
    let counts: Vec<_> = reasons.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
    let newest =
        if glances.last().is_some_and(|glance| glance.failure.is_some()) { "failed" } else { "worked" };
    format!("the last {all}: {}; the newest {newest}", counts.join(", "))
}

/// Which letter is whose.
pub(super) fn legend() -> Markup {
    html! {
        p.legend {
            "The last " (RECENT) " probes, the newest on the right: " b.key { (FINE) } " worked; failed, and who acts: "
            @for owner in Owner::ALL { span { span.strip { b class={ "o-" (owner) } { (owner.row().letter) } } " " (owner.row().title) } " " }
        }
    }
}

/// How long the last probes took, as a line below their letters.
pub(super) fn spark(record: &CheckRecord) -> Markup {
    let took: Vec<f64> = record.past.glances().map(|glance| glance.duration.as_secs_f64()).collect();
    let (most, least) =
        (took.iter().copied().fold(0.0, f64::max), took.iter().copied().fold(f64::MAX, f64::min));
    let mut points = String::new();
    for (place, seconds) in took.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(points, "{place} {:.1} ", 11.0 - 10.0 * seconds / most.max(f64::MIN_POSITIVE));
    }
    let words = || format!("took {} to {}", text::took(seconds(least)), text::took(seconds(most)));
    html! {
        @if took.len() > 1 {
            svg.spark viewBox=(format!("0 0 {} 12", RECENT - 1)) preserveAspectRatio="none" role="img" aria-label=(words()) {
                title { (words()) }
                polyline points=(points.trim_end()) {}
            }
        }
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// The phases of the last probes, each where it began; all on the same scale, the newest first.
pub(super) fn waterfalls(now: Timestamp, record: &CheckRecord) -> Markup {
    let mut probes: Vec<_> = record.past.timed().filter(|(_, phases)| phases.len() > 1).collect();
    probes.reverse();
    let total = |phases: &[(Phase, Duration)]| phases.iter().map(|(_, took)| took.as_secs_f64()).sum::<f64>();
    let scale = 1000.0 / probes.iter().map(|(_, phases)| total(phases)).fold(0.001, f64::max);
    html! {
        @if !probes.is_empty() {
            details {
                summary { "Where the time of the last " (text::counted(probes.len(), "probe", "probes")) " went" }
                (key(&probes))
                @for (glance, phases) in &probes {
                    p.line { span.facts { (text::ago(now, glance.started_at)) ", " (text::took(glance.duration)) } (why(glance)) }
                    (waterfall(phases, scale))
                }
            }
        }
    }
}

/// The colour of a phase.
pub(super) fn chip(phase: Phase) -> Markup {
    html! { svg.chip viewBox="0 0 1 1" aria-hidden="true" { rect class=(format!("p-{phase}")) width="1" height="1" {} } }
}

/// Which colour is which phase, of those that these probes entered.
fn key(probes: &[(Glance, Vec<(Phase, Duration)>)]) -> Markup {
    let entered: BTreeSet<Phase> =
        probes.iter().flat_map(|(_, phases)| phases).map(|(phase, _)| *phase).collect();
    html! { p.legend { @for phase in entered { span { (chip(phase)) (phase) } " " } } }
}

fn waterfall(phases: &[(Phase, Duration)], scale: f64) -> Markup {
    let mut from = 0.0;
    let steps: Vec<_> = phases
        .iter()
        .map(|(phase, took)| {
            let (left, width) = (from, took.as_secs_f64() * scale);
            from += width;
            (*phase, *took, left, width.max(2.0))
        })
        .collect();
    let said: Vec<_> = phases.iter().map(|(phase, took)| format!("{phase} {}", text::took(*took))).collect();
    html! {
        svg.waterfall viewBox=(format!("0 0 1000 {}", steps.len() * 10)) height=(steps.len() * 7)
            preserveAspectRatio="none" role="img" aria-label=(said.join(", ")) {
            @for (place, (phase, took, left, width)) in steps.iter().enumerate() {
                rect class=(format!("p-{phase}")) x=(format!("{left:.0}")) y=(place * 10 + 1) width=(format!("{width:.0}")) height="8" {
                    title { (phase) " " (text::took(*took)) }
                }
            }
        }
    }
}

fn why(glance: &Glance) -> Markup {
    html! {
        @match glance.failure {
            None => span.fine { span.state { "worked" } },
            Some((phase, reason)) => span.failing { span.state { (text::reason(Here::Below, reason)) " in " (phase) } },
        }
    }
}

/// The outcomes over time: a line for each stretch of equal ones, the newest first.
pub(super) fn stretches(record: &CheckRecord) -> Markup {
    let glances: Vec<Glance> = record.past.glances().collect();
    let runs: Vec<&[Glance]> = glances.chunk_by(|a, b| a.failure == b.failure).collect();
    html! {
        @if runs.len() > 1 {
            details {
                summary { "Reasons over time" }
                table {
                    thead { tr { th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "Probes" } th scope="col" { "Outcome" } } }
                    tbody {
                        @for run in runs.iter().rev() {
                            @if let (Some(first), Some(last)) = (run.first(), run.last()) {
                                tr {
                                    td data-column="From" { (text::clock(first.started_at)) }
                                    td data-column="To" { (text::clock(last.started_at)) }
                                    td data-column="Probes" { (run.len()) }
                                    td data-column="Outcome" { (why(last)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
