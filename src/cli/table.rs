//! What a round found, for people: a row per check, then what to do about each fault.
//!
//! Owns the layout. The values in the rows are spelt as they stand in the metrics, so that they can be
//! searched for there.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;
use crate::model::{Failure, Goal, NOTABLE_SKEW, Observation, Outcome, Phase, Speaker};
use crate::report::text::{ago, between, clock_against, counted, took};
use crate::safe;

use super::columns::aligned;

/// More checks than these with one and the same fault are counted, not named: the rows name them all.
const NAMED: usize = 8;

/// The first columns of a row, aligned to the left. The columns of times follow.
const WORDS: [&str; 4] = ["mailbox", "protocol", "result", "phase"];
/// The place of `result` among them.
const RESULT: usize = 2;
/// The result of a check that did not fail.
const OK: &str = "ok";

pub(super) const RED: &str = "\x1b[31m";
pub(super) const GREEN: &str = "\x1b[32m";
pub(super) const BOLD: &str = "\x1b[1m";
pub(super) const PLAIN: &str = "\x1b[0m";

/// How a table is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Whether the terminal shows colours.
    pub(super) colours: bool,
    /// Whether every check's dialogue follows.
    pub(super) transcript: bool,
}

impl Style {
    pub(super) fn paint(self, colour: &str, text: &str) -> String {
        if self.colours { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }
}

/// The whole answer.
pub(super) fn render(observations: &[Observation], style: Style) -> String {
    let mut text = rows(observations, style);
    text += &faults(observations, style);
    text += &notices(observations, style);
    if style.transcript {
        text.extend(observations.iter().map(|observation| dialogue(observation, style)));
    }
    let failing = observations.iter().filter(|observation| !observation.outcome.is_up()).count();
    let checks = counted(observations.len(), "check", "checks");
    text += &match failing {
        0 => format!("\n{checks}, all fine\n"),
        _ => format!("\n{checks}, {failing} failing\n"),
    };
    text
}

/// The rows, with a column for every phase that any of them entered.
fn rows(observations: &[Observation], style: Style) -> String {
    let entered = |phase: &Phase| {
        observations
            .iter()
            .any(|observation| observation.timings.iter().any(|(entered, _)| entered == *phase))
    };
    let phases: Vec<Phase> = Phase::ALL.iter().copied().filter(entered).collect();
    let head = WORDS.iter().copied().chain(["total"]).chain(phases.iter().map(|phase| phase.label()));
    let body = observations.iter().map(|observation| row(observation, &phases));
    let lines: Vec<Vec<String>> = iter::once(head.map(str::to_owned).collect()).chain(body).collect();

    let paint = |column, cell: &str| match column {
        RESULT => style.paint(if cell == OK { GREEN } else { RED }, cell),
        _ => cell.to_owned(),
    };
    aligned(&lines, WORDS.len(), style, paint)
}

fn row(observation: &Observation, phases: &[Phase]) -> Vec<String> {
    let check = &observation.check;
    let (result, phase) = match observation.outcome.failure() {
        None => (OK, "-"),
        Some(failure) => (failure.cause.reason.label(), failure.phase.label()),
    };
    let mut cells: Vec<String> = [&check.mailbox.name, check.protocol().label(), result, phase]
        .map(|cell| safe::line(cell).into_owned())
        .to_vec();
    cells.push(took(observation.duration));
    cells.extend(phases.iter().map(|phase| {
        let spent = observation.timings.iter().find(|(entered, _)| entered == phase);
        spent.map_or_else(|| "-".to_owned(), |(_, spent)| took(spent))
    }));
    cells
}

/// What is wrong, who must act and what to do: once for all checks that say exactly the same.
fn faults(observations: &[Observation], style: Style) -> String {
    let mut order: Vec<(&Failure, &str)> = Vec::new();
    let mut hit: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for observation in observations {
        let Outcome::Down { failure, hint } = &observation.outcome else { continue };
        let same = |(known, other): &(&Failure, &str)| *known == failure && other == hint;
        let place = order.iter().position(same).unwrap_or_else(|| {
            order.push((failure, hint));
            order.len() - 1
        });
        let check = &observation.check;
        hit.entry(place).or_default().push(format!(
            "{} {}",
            safe::line(&check.mailbox.name),
            check.protocol()
        ));
    }
    let entry = |(place, checks): (&usize, &Vec<String>)| {
        let Some((failure, hint)) = order.get(*place) else { return String::new() };
        let row = failure.cause.reason.row();
        let owners: Vec<&str> = row.owners.iter().map(|owner| owner.row().title).collect();
        let more = checks.len().saturating_sub(NAMED);
        let named = checks.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let verdict = format!("{} in {}", row.label, failure.phase);
        let mut text = format!("\n{}  {named}{more}\n", style.paint(RED, &verdict));
        text += &format!("  means  {}\n", row.meaning);
        text += &format!("  acts   {}\n", owners.join(", "));
        text += &format!("  says   {}\n", safe::line(&failure.cause.detail));
        let lines = hint.lines().filter(|line| !line.trim().is_empty()).map(safe::line);
        for (place, line) in lines.enumerate() {
            text += &format!("  {:<5}  {line}\n", if place == 0 { "do" } else { "" });
        }
        text
    };
    hit.iter().map(entry).collect()
}

/// Notices that matter whether or not anything failed, each once.
fn notices(observations: &[Observation], style: Style) -> String {
    let skew = |observation: &Observation| {
        let skew = observation.token.as_ref()?.clock_skew.filter(|skew| skew.abs() >= NOTABLE_SKEW)?;
        let credential = safe::line(&observation.check.mailbox.credential.name);
        let stands = clock_against(skew);
        Some(format!("this machine's clock {stands} of the identity provider of credential {credential}"))
    };
    let interception = |observation: &Observation| {
        let shown = observation.server.certificate.as_ref().filter(|_| observation.server.intercepted)?;
        let (server, issuer) = (&observation.check.endpoint, safe::line(&shown.issuer));
        Some(format!("TLS to {server} seems to be intercepted: the certificate was issued by {issuer}"))
    };
    let now = clock::now();
    let notices = |seen| [skew(seen), interception(seen), attention(seen, now)];
    let all: BTreeSet<String> = observations.iter().flat_map(notices).flatten().collect();
    all.iter().map(|notice| format!("\n{}  {notice}\n", style.paint(BOLD, "notice"))).collect()
}

/// A folder that is not read or gets no mail for longer than its owner allows, and what could not be counted.
fn attention(observation: &Observation, now: Timestamp) -> Option<String> {
    let (Goal::Folder { name, unread: Some(patience), .. }, Some(unread)) =
        (&observation.check.goal, &observation.server.unread)
    else {
        return None;
    };
    let folder = format!("{} of mailbox {}", safe::line(name), safe::line(&observation.check.mailbox.name));
    let over = |since: Option<Timestamp>, limit: Option<Duration>| {
        since.filter(|since| limit.is_some_and(|limit| between(*since, now) > limit))
    };
    if let Some(oldest) = over(unread.oldest, patience.read_within) {
        let count = unread.messages.unwrap_or_default();
        return Some(format!("{folder} is not read: {count} unread, the first came {}", ago(now, oldest)));
    }
    if let Some(newest) = over(unread.newest, patience.arrives_within) {
        return Some(format!("nothing arrives in {folder}: the newest message came {}", ago(now, newest)));
    }
    let why = unread.missing.as_ref()?;
    Some(format!("{folder} does not tell everything about its messages: {}", safe::line(why)))
}

fn dialogue(observation: &Observation, style: Style) -> String {
    let check = &observation.check;
    let title = format!("{} {} with {}", safe::line(&check.mailbox.name), check.protocol(), check.endpoint);
    let mut text = format!("\n{}\n", style.paint(BOLD, &title));
    if observation.dialogue.is_empty() {
        text += "  nothing was said\n";
    }
    for line in &observation.dialogue {
        let from = match line.from {
            Speaker::Client => "C",
            Speaker::Server => "S",
        };
        text += &format!("  {:>9.3} s  {from}: {}\n", line.at.as_secs_f64(), safe::line(&line.text));
    }
    text
}
