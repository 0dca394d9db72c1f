//! Probes one mailbox on request: by `/probe`, Prometheus' multi-target pattern, or by the button on a mailbox's page.
//!
//! Owns the parameters, the deadline and the form of an answer. `monitor` decides whether a request leads to a login,
//! because it knows the holds.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::clock;
use crate::model::{OnDemand, Outcome, Protocol, Speaker};
use crate::report::{CheckRecord, Exposition, text};
use crate::safe;
use crate::shard;

use super::{Site, negotiate};

/// The header that says how long Prometheus waits, in seconds.
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";
/// The answer is sent this much before the scraper's timeout, so that it arrives in time.
const OFFSET: Duration = Duration::from_millis(500);
/// The longest that an answer may take, whatever time the scraper names: the server closes connections soon after.
const PATIENCE: Duration = Duration::from_secs(100);
/// How long the button of a mailbox's page waits: a person gives up earlier than a scraper.
const BUTTON_WAIT: Duration = Duration::from_secs(30);
/// How much of an unknown name the answer repeats, in characters.
const SHOWN: usize = 80;

type Refusal = (StatusCode, String);

pub(super) async fn probe(
    State(site): State<Site>,
    Query(asked): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    match answer(&site, &asked, &headers).await {
        Ok(response) => response,
        Err((status, complaint)) => (status, format!("{}\n", safe::lines(&complaint))).into_response(),
    }
}

async fn answer(
    site: &Site,
    asked: &HashMap<String, String>,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let checks = checks(site, asked).await?;
    let debug = asked.get("debug").is_some_and(|value| value == "true");
    let end = Instant::now() + patience(headers)?;
    let seen = probe_each(site, &checks, end).await;
    if seen.is_empty() {
        let why = "No probe ended in the time that you wait. That says nothing about the mailbox: the probe goes on with its own timeout, and /metrics will show what it finds. A longer scrape_timeout waits for it.";
        return Err((StatusCode::SERVICE_UNAVAILABLE, why.to_owned()));
    }
    let exposition = if debug { Exposition::Text } else { negotiate::exposition(headers) };
    let mut body = if debug { comments(&seen).into_bytes() } else { Vec::new() };
    let records: Vec<_> = seen.into_iter().map(|(record, _)| record).collect();
    site.report.render_mailbox(&records, exposition, &mut body).map_err(|fault| {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("The answer could not be written: {fault}"))
    })?;
    let mut response = body.into_response();
    let kind = if debug { "text/plain; charset=utf-8" } else { exposition.content_type() };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// Probes checks one after the other, since a mailbox takes one connection at a time; each gets an equal share of the
/// time that is left. If that is not enough, the answer leaves the check out; its probe goes on under its own timeout,
/// and the result is recorded.
async fn probe_each(
    site: &Site,
    checks: &[Arc<CheckRecord>],
    end: Instant,
) -> Vec<(Arc<CheckRecord>, OnDemand)> {
    let mut seen = Vec::new();
    for (place, check) in checks.iter().enumerate() {
        let left = u32::try_from(checks.len() - place).unwrap_or(u32::MAX);
        let share = end.saturating_duration_since(Instant::now()) / left;
        let name = check.check.name();
        let Ok(Some(what)) = timeout(share, (site.actions.probe)(name.clone())).await else { continue };
        seen.extend(site.report.check(&name).map(|record| (record, what)));
    }
    seen
}

/// What a press of the button led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ButtonOutcome {
    Now,
    Recent,
    Held,
    Running,
}

impl ButtonOutcome {
    const ALL: [Self; 4] = [Self::Now, Self::Recent, Self::Held, Self::Running];

    fn of(checks: usize, seen: &[(Arc<CheckRecord>, OnDemand)]) -> Self {
        let any = |wanted| seen.iter().any(|(_, what)| *what == wanted);
        match () {
            () if seen.len() < checks => Self::Running,
            () if any(OnDemand::Probed) => Self::Now,
            () if any(OnDemand::Held) => Self::Held,
            () => Self::Recent,
        }
    }

    /// The value of `probed` on the mailbox's page.
    const fn label(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Recent => "recent",
            Self::Held => "held",
            Self::Running => "running",
        }
    }

    pub(super) fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|asked| asked.label() == label)
    }

    /// For the person who pressed the button.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Now => "It was probed as you asked.",
            Self::Recent => "It was not probed again: the last observation was younger than a minute.",
            Self::Held => {
                "It was not probed: its server has refused it repeatedly or has asked for time. A reload ends the former."
            }
            Self::Running => {
                "The probe you asked for was still running; this page shows what it finds once it ends."
            }
        }
    }
}

/// Answers the button: probes every check of a mailbox, and leads back to its page.
pub(super) async fn now(State(site): State<Site>, Path(name): Path<String>) -> Response {
    let checks = site.report.mailbox(&name);
    if checks.is_empty() {
        let told = spawn_blocking(move || unknown(&site, &name)).await.unwrap_or_default();
        return (StatusCode::NOT_FOUND, format!("{}\n", safe::lines(&told))).into_response();
    }
    let seen = probe_each(&site, &checks, Instant::now() + BUTTON_WAIT).await;
    let asked = ButtonOutcome::of(checks.len(), &seen);
    let place = format!("../{}?probed={}", safe::url_part(&name), asked.label());
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)], format!("{}\n", asked.sentence())).into_response()
}

/// The requested checks.
async fn checks(site: &Site, asked: &HashMap<String, String>) -> Result<Vec<Arc<CheckRecord>>, Refusal> {
    let labels = || Protocol::ALL.iter().map(|protocol| protocol.label()).collect::<Vec<_>>().join(", ");
    let Some(mailbox) = asked.get("mailbox").filter(|name| !name.is_empty()) else {
        let how = "Say which mailbox: /probe?mailbox=NAME, and where wanted &protocol=imap, &debug=true.";
        return Err((StatusCode::BAD_REQUEST, how.to_owned()));
    };
    let protocol = match asked.get("protocol") {
        None => None,
        Some(label) => Some(Protocol::from_label(label).ok_or_else(|| {
            (StatusCode::BAD_REQUEST, format!("There is no protocol {label:?}: take one of {}.", labels()))
        })?),
    };
    let all = site.report.mailbox(mailbox);
    if all.is_empty() {
        let (site, mailbox) = (site.clone(), mailbox.clone());
        // Ten thousand names are compared: not on a thread that others wait for.
        let told = spawn_blocking(move || unknown(&site, &mailbox)).await;
        return Err((StatusCode::NOT_FOUND, told.unwrap_or_default()));
    }
    let wanted: Vec<_> = all
        .iter()
        .filter(|record| protocol.is_none_or(|protocol| protocol == record.check.protocol()))
        .cloned()
        .collect();
    if wanted.is_empty() {
        let has: Vec<_> = all.iter().map(|record| record.check.protocol().label()).collect();
        let text = format!("Mailbox {mailbox:?} has no such check; it is checked by {}.", has.join(", "));
        return Err((StatusCode::NOT_FOUND, text));
    }
    Ok(wanted)
}

/// Says that no mailbox has this name, which names are near it, and which shard would have it.
fn unknown(site: &Site, mailbox: &str) -> String {
    let shown: String = mailbox.chars().take(SHOWN).collect();
    let cut = if shown.len() < mailbox.len() { " (cut)" } else { "" };
    let mut text = format!("No mailbox is named {shown:?}{cut}.");
    let names = site.report.names();
    let mut names: Vec<&str> = names.iter().map(|name| &**name).collect();
    names.dedup();
    let near = text::nearest(mailbox, names);
    // Writing to a string cannot fail.
    if !near.is_empty() {
        let _ = write!(text, " Did you mean {}?", near.join(" or "));
    }
    let here = site.report.configuration().shard;
    let there = shard::of(mailbox, here.count());
    if there != here.index() {
        let _ = write!(text, " This is shard {here}; a mailbox of that name would be with shard {there}.");
    }
    text
}

/// How long the answer may take, by the scraper's own timeout.
fn patience(headers: &HeaderMap) -> Result<Duration, Refusal> {
    let Some(header) = headers.get(SCRAPE_TIMEOUT) else { return Ok(PATIENCE) };
    let seconds = header.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    match seconds.filter(|seconds| *seconds > 0.0).map(Duration::try_from_secs_f64) {
        Some(Ok(asked)) => Ok(asked.saturating_sub(OFFSET).max(asked / 2).min(PATIENCE)),
        _ => Err((StatusCode::BAD_REQUEST, format!("{SCRAPE_TIMEOUT} is a number of seconds above 0."))),
    }
}

/// The dialogue and the hints for people, as comments, so that the answer can still be scraped. The bar in each line
/// keeps foreign text from looking like `# TYPE` or `# HELP`.
fn comments(seen: &[(Arc<CheckRecord>, OnDemand)]) -> String {
    let mut text = String::new();
    let mut say = |line: String| {
        for line in line.lines() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# | {}", safe::line(line));
        }
    };
    for (record, what) in seen {
        let check = &record.check;
        say(format!("{} at {}: {}", check.name(), check.endpoint, sentence(*what)));
        let Some(last) = &record.last else { continue };
        let age = text::ago(clock::now(), last.started_at);
        say(format!("began {} ({age}), took {}", text::clock(last.started_at), text::took(last.duration)));
        match &last.outcome {
            Outcome::Up => say("success".to_owned()),
            Outcome::Down { failure, hint } => {
                say(format!("failure: {}/{}: {}", failure.phase, failure.cause.reason, failure.cause.detail));
                say(hint.clone());
            }
        }
        for line in &last.dialogue {
            let from = match line.from {
                Speaker::Client => "client",
                Speaker::Server => "server",
            };
            say(format!("{:>9.3} s {from}: {}", line.at.as_secs_f64(), line.text));
        }
    }
    text
}

const fn sentence(what: OnDemand) -> &'static str {
    match what {
        OnDemand::Probed => "probed now",
        OnDemand::Recent => "not probed again, the last observation is younger than a minute",
        OnDemand::Held => {
            "not probed, since its server has refused it repeatedly (a reload ends that) or has asked for time; this is the last observation"
        }
        OnDemand::Unknown => "no longer in the configuration",
    }
}

#[cfg(test)]
mod tests;
