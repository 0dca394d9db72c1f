//! What is broken: one entry per fault, however many mailboxes it hits, with who must do what.
//!
//! Not here: the words about a reason (`model`) and the hint (already in the observation).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::http::filter::Filter;
use crate::http::view::View;
use crate::model::{Failure, Observation, Outcome, Owner, Phase, Protocol, Reason};
use crate::report::{CheckRecord, Facts};

use super::fleet;
use super::text::{self, Here};

/// More faults than these are counted, not shown.
const GROUPS: usize = 20;

/// More mailboxes of a fault than these are counted, not named; the fleet below has them.
const MAX_NAMED: usize = 12;

/// What failing checks have in common, which makes them one fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Common {
    /// In the token phase, and where a server refuses what the app has to repair: the credential.
    Credential(Arc<str>, Phase, Reason),
    /// Otherwise: what happened where.
    Server(String, Protocol, Phase, Reason),
}

impl Common {
    /// All checks that have it in common, in the table.
    fn view(&self) -> View {
        let filter = match self {
            Self::Credential(credential, ..) => Filter::default().with("credential", credential),
            Self::Server(server, protocol, ..) => {
                Filter::default().with("protocol", protocol.label()).with("server", server)
            }
        };
        let (Self::Credential(_, phase, reason) | Self::Server(_, _, phase, reason)) = self;
        View::of(filter.with("phase", phase.label()).with("reason", reason.label()))
    }
}

/// One fault.
struct Group<'f> {
    common: Common,
    /// The freshest of the failures speaks for all.
    latest: &'f Observation,
    since: Timestamp,
    mailboxes: BTreeSet<&'f str>,
    checks: usize,
    /// Probes and failures of these checks in the last day.
    day: (usize, usize),
    /// Whether the other failures have another hint or another sentence.
    varied: bool,
}

impl Group<'_> {
    fn reason(&self) -> Reason {
        match self.common {
            Common::Credential(.., reason) | Common::Server(.., reason) => reason,
        }
    }

    /// The mailbox that the hint is about, where others need another one.
    fn example(&self) -> Option<&str> {
        let one_of_many = self.varied && self.mailboxes.len() > 1;
        one_of_many.then_some(&*self.latest.check.mailbox.name)
    }

    fn phase(&self) -> Phase {
        match self.common {
            Common::Credential(_, phase, _) | Common::Server(_, _, phase, _) => phase,
        }
    }
}

/// The faults: those that do not pass by themselves first, then by the number of checks, then the oldest first.
fn groups(facts: &Facts) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<Common, Group<'_>> = BTreeMap::new();
    for record in &facts.checks {
        let Some((common, last)) = common(record) else { continue };
        let since = record.failing_since().unwrap_or(last.started_at);
        let group = groups.entry(common).or_insert_with_key(|common| Group {
            common: common.clone(),
            latest: last,
            since,
            mailboxes: BTreeSet::new(),
            checks: 0,
            day: (0, 0),
            varied: false,
        });
        group.varied |= group.latest.outcome != last.outcome;
        if last.started_at > group.latest.started_at {
            group.latest = last;
        }
        group.since = group.since.min(since);
        group.mailboxes.insert(&record.check.mailbox.name);
        group.checks += 1;
        let (probes, failures) = record.past.day(facts.now);
        group.day = (group.day.0 + probes, group.day.1 + failures);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| (group.reason().row().transient, usize::MAX - group.checks, group.since));
    groups
}

fn common(record: &CheckRecord) -> Option<(Common, &Observation)> {
    let last = record.last.as_deref()?;
    let failure = last.outcome.failure()?;
    let reason = failure.cause.reason;
    let common = if failure.phase == Phase::Token || reason.row().owners.first() == Some(&Owner::App) {
        Common::Credential(Arc::clone(&last.check.mailbox.credential.name), failure.phase, reason)
    } else {
        Common::Server(last.check.endpoint.to_string(), last.check.protocol(), failure.phase, reason)
    };
    Some((common, last))
}

/// The section; empty if nothing is broken.
pub(super) fn section(facts: &Facts) -> Markup {
    let groups = groups(facts);
    html! {
        @if !groups.is_empty() {
            section.trouble {
                h2 { "What is broken" }
                @for group in groups.iter().take(GROUPS) { (entry(facts.now, group)) }
                @if groups.len() > GROUPS { p.more { "and " (groups.len() - GROUPS) " more faults; " a href=(Here::Top.to("reasons")) { "the reasons with their counts" } } }
            }
        }
    }
}

fn entry(now: Timestamp, group: &Group<'_>) -> Markup {
    let reason = group.reason().row();
    let Outcome::Down { failure, hint } = &group.latest.outcome else { return html! {} };
    let mailboxes = text::counted(group.mailboxes.len(), "mailbox", "mailboxes");
    html! {
        article {
            h3 {
                (text::reason(Here::Top, group.reason()))
                " in phase " code { (group.phase()) }
                @match &group.common {
                    Common::Credential(name, ..) => { " of credential " strong { (name) } }
                    Common::Server(server, protocol, ..) => { " at " strong { (server) } " (" (protocol) ")" }
                }
            }
            p.scope {
                strong { (mailboxes) }
                @if group.checks != group.mailboxes.len() { " (" (text::counted(group.checks, "check", "checks")) ")" }
                " for " (text::stretch(text::between(group.since, now))) ", since " (text::clock(group.since))
                "; in the last day " (group.day.1) " of " (text::counted(group.day.0, "probe", "probes")) " failed"
                ", " @if reason.transient { "may pass by itself" } @else { "lasts until it is repaired" }
            }
            (said(Here::Top, failure))
            dl {
                (remedy(failure, hint, group.example()))
                dt { (text::plural(group.mailboxes.len(), "Mailbox", "Mailboxes")) }
                dd.names {
                    @for (place, name) in group.mailboxes.iter().take(MAX_NAMED).enumerate() {
                        @if place > 0 { ", " }
                        (text::mailbox(Here::Top, name))
                    }
                    @if group.mailboxes.len() > MAX_NAMED { " and " (group.mailboxes.len() - MAX_NAMED) " more" }
                    " (" a href=(fleet::PLACE.link(&group.common.view())) { "in the table" } ")"
                }
            }
        }
    }
}

/// What a reason means, and what the server said.
pub(super) fn said(here: Here, failure: &Failure) -> Markup {
    html! {
        p.meaning { (failure.cause.reason.row().meaning) " " (text::about(here, failure.cause.reason)) }
        @if !failure.cause.detail.is_empty() { blockquote { (failure.cause.detail) } }
    }
}

/// Who must act and what to do, as rows of a list. `example`: the mailbox that the hint is about,
/// where others have the same fault.
pub(super) fn remedy(failure: &Failure, hint: &str, example: Option<&str>) -> Markup {
    let owners: Vec<_> = failure.cause.reason.row().owners.iter().map(|owner| owner.row().title).collect();
    html! {
        dt { "Who" }
        dd { (owners.join(", then ")) }
        @if !hint.is_empty() {
            dt { "What to do" }
            dd {
                @if let Some(name) = example { p.example { "For " (name) ", the others likewise:" } }
                (text::hint(hint))
            }
        }
    }
}
