//! `/probe`: one mailbox now, as Prometheus' multi-target pattern has it.
//!
//! Owns what is asked for, by when an answer must be there, and how it is written. Whether somebody
//! logs in for it is not decided here but by the loop that knows the holds (`monitor`).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::model::{OnDemand, Outcome, Protocol, Speaker};
use crate::report::{CheckRecord, Exposition, text};
use crate::safe;
use crate::shard;

use super::{Site, negotiate};

/// By which Prometheus says how long it waits, in seconds.
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";
/// How much earlier the answer is there, so that it also arrives.
const OFFSET: Duration = Duration::from_millis(500);
/// How long an answer may take where nobody says, and at most: a connection lives hardly longer.
const PATIENCE: Duration = Duration::from_secs(100);
/// What a probe leaves of its time for saying goodbye to the server.
const GOODBYE: Duration = Duration::from_secs(2);

/// A probe has this long whatever a scraper says: with less, a healthy mailbox would be called silent, and
/// what a probe finds is recorded for everybody.
const SHORTEST: Duration = Duration::from_secs(1);

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
    let checks = checks(site, asked)?;
    let debug = asked.get("debug").is_some_and(|value| value == "true");
    let end = Instant::now() + patience(headers)?;
    let mut seen: Vec<(Arc<CheckRecord>, OnDemand)> = Vec::new();
    for (place, check) in checks.iter().enumerate() {
        // One after the other, as the mailbox allows; none may use up the time of those behind it.
        let left = u32::try_from(checks.len() - place).unwrap_or(u32::MAX);
        let share = end.saturating_duration_since(Instant::now()) / left;
        let within = (share - GOODBYE.min(share / 4)).max(SHORTEST);
        let name = check.check.name();
        let Ok(Some(what)) = timeout(share, (site.desk.probe)(name.clone(), within)).await else { continue };
        seen.extend(site.report.check(&name).map(|record| (record, what)));
    }
    if seen.is_empty() {
        let why = "No probe has come to its end in time. One that has begun is recorded all the same.";
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

/// The checks that are asked for.
fn checks(site: &Site, asked: &HashMap<String, String>) -> Result<Vec<Arc<CheckRecord>>, Refusal> {
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
        return Err((StatusCode::NOT_FOUND, unknown(site, mailbox)));
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

/// That a mailbox is not here, and where else it may be.
fn unknown(site: &Site, mailbox: &str) -> String {
    let mut text = format!("No mailbox is named {mailbox:?}.");
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

/// How long the answer may take.
fn patience(headers: &HeaderMap) -> Result<Duration, Refusal> {
    let Some(header) = headers.get(SCRAPE_TIMEOUT) else { return Ok(PATIENCE) };
    let seconds = header.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    match seconds.filter(|seconds| *seconds > 0.0).map(Duration::try_from_secs_f64) {
        Some(Ok(asked)) => Ok(asked.saturating_sub(OFFSET).max(asked / 2).min(PATIENCE)),
        _ => Err((StatusCode::BAD_REQUEST, format!("{SCRAPE_TIMEOUT} is a number of seconds above 0."))),
    }
}

/// What a person wants to know besides the numbers, as comments: the answer can still be scraped. The
/// bar keeps `# TYPE` and `# HELP` out of reach of whatever others have written.
fn comments(seen: &[(Arc<CheckRecord>, OnDemand)]) -> String {
    let mut text = String::new();
    let mut say = |line: String| {
        for line in line.lines() {
            // As above.
            let _ = writeln!(text, "# | {}", safe::line(line));
        }
    };
    for (record, what) in seen {
        let check = &record.check;
        say(format!("{} at {}: {}", check.name(), check.endpoint, sentence(*what)));
        let Some(last) = &record.last else { continue };
        let age = text::ago(Timestamp::now(), last.started_at);
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::sync::Mutex;

    use super::*;
    use crate::http::Desk;
    use crate::http::tests::World;
    use crate::model::{DialogueLine, Observation, Phase, Plan, Reason};
    use crate::report::samples::{credential, dawn, down, mailbox, plan, up};

    type Asked = Arc<Mutex<Vec<(String, Duration)>>>;

    fn two() -> Plan {
        let shared = credential("contoso", None);
        plan(&[
            mailbox("invoices", &shared, &[("team", "billing")]),
            mailbox("desk", &shared, &[("site", "Ulm")]),
        ])
    }

    /// Pages whose desk records a probe of the check that is asked for: IMAP goes well, SMTP does not.
    async fn world(plan: &Plan) -> (World, Asked) {
        let asked = Asked::default();
        let (seen, checks) = (Arc::clone(&asked), plan.checks.clone());
        let world = World::asking(plan, |report| {
            let report = Arc::clone(report);
            let probe = move |name: crate::model::CheckName, within| {
                seen.lock().unwrap().push((name.to_string(), within));
                let check = checks.iter().find(|check| check.name() == name).unwrap();
                let said = DialogueLine {
                    at: Duration::from_millis(13),
                    from: Speaker::Server,
                    text: "* OK ready\r\nTYPE forged counter".to_owned(),
                };
                report.record(if name.protocol == Protocol::Imap {
                    Observation { dialogue: vec![said].into(), ..up(check, dawn()) }
                } else {
                    down(check, dawn(), (Phase::Auth, Reason::TokenRejected), "535 no\nforged 2", "Do.")
                });
                let answer: crate::http::Pending<_> = Box::pin(async { Some(OnDemand::Probed) });
                answer
            };
            Desk { probe: Box::new(probe), ..Desk::default() }
        });
        (world.await, asked)
    }

    #[tokio::test]
    async fn the_answer_holds_the_families_of_that_mailbox_and_of_nobody_else() {
        let (world, asked) = world(&two()).await;
        let answer = world.ask("GET /probe?mailbox=invoices HTTP/1.1").await;
        assert!(
            answer.status() == "200" && answer.has("content-type: text/plain; version=0.0.4; charset=utf-8")
        );
        let text = answer.text();
        for line in [
            "mailbox_probe_success{mailbox=\"invoices\",protocol=\"imap\"} 1",
            "mailbox_probe_success{mailbox=\"invoices\",protocol=\"smtp\"} 0",
            "mailbox_probe_failure_info{mailbox=\"invoices\",protocol=\"smtp\",phase=\"auth\",reason=\"token_rejected\"} 1",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in {text}");
        }
        let mut samples = text.lines().filter(|line| !line.starts_with('#'));
        assert!(samples.all(|line| line.contains("{mailbox=\"invoices\"")), "{text}");
        assert!(text.contains("site=\"\",team=\"billing\""), "the labels of all, or joins break: {text}");
        let names: Vec<_> = asked.lock().unwrap().iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, ["invoices/imap", "invoices/smtp"]);

        let asked_for =
            "GET /probe?mailbox=invoices&protocol=imap HTTP/1.1\r\nAccept: application/openmetrics-text";
        let answer = world.ask(asked_for).await;
        assert!(answer.head.contains("application/openmetrics-text") && answer.text().ends_with("# EOF\n"));
        assert!(!answer.text().contains("smtp") && asked.lock().unwrap().len() == 3);
    }

    #[tokio::test]
    async fn what_was_said_comes_as_comments_that_nobody_can_break_out_of() {
        let (world, _) = world(&two()).await;
        let text = world.ask("GET /probe?mailbox=invoices&debug=true HTTP/1.1").await.text();
        for part in
            ["# | invoices/imap at outlook.office365.com:993: probed now", "0.013 s server: * OK ready"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.contains("# | TYPE forged counter\n") && text.contains("# | forged 2\n"), "{text}");
        let known = ["# | ", "# HELP mailbox_", "# TYPE mailbox_", "mailbox_"];
        assert!(text.lines().all(|line| known.iter().any(|start| line.starts_with(start))), "{text}");
    }

    #[tokio::test]
    async fn what_cannot_be_asked_for_is_refused_with_what_can() {
        let (world, asked) = world(&two()).await;
        let rows = [
            ("/probe", "", "400", "/probe?mailbox=NAME"),
            ("/probe?mailbox=", "", "400", "/probe?mailbox=NAME"),
            ("/probe?mailbox=invoices&protocol=nntp", "", "400", "one of imap, smtp"),
            ("/probe?mailbox=invoises", "", "404", "Did you mean invoices?"),
            ("/probe?mailbox=zzz", "", "404", "No mailbox is named \"zzz\".\n"),
            ("/probe?mailbox=desk", "soon", "400", "number of seconds"),
            ("/probe?mailbox=desk", "-1", "400", "number of seconds"),
            ("/probe?mailbox=desk", "NaN", "400", "number of seconds"),
        ];
        for (path, timeout, status, part) in rows {
            let header =
                if timeout.is_empty() { String::new() } else { format!("\r\n{SCRAPE_TIMEOUT}: {timeout}") };
            let answer = world.ask(&format!("GET {path} HTTP/1.1{header}")).await;
            assert_eq!(answer.status(), status, "{path} {timeout}");
            assert!(answer.text().contains(part), "{path}: {}", answer.text());
        }
        assert!(asked.lock().unwrap().is_empty());

        let mut sharded = two();
        shard::keep(&mut sharded, crate::model::Shard::new(0, 3).unwrap());
        let (world, _) = self::world(&sharded).await;
        let text = world.ask("GET /probe?mailbox=support HTTP/1.1").await.text();
        assert!(text.contains("This is shard 0/3") && text.contains("shard 1."), "{text}");
    }

    #[tokio::test]
    async fn the_deadline_is_the_scrapers_and_shared_fairly() {
        let (world, asked) = world(&two()).await;
        let ask = async |seconds: &str| {
            asked.lock().unwrap().clear();
            world.ask(&format!("GET /probe?mailbox=desk HTTP/1.1\r\n{SCRAPE_TIMEOUT}: {seconds}")).await;
            asked.lock().unwrap().iter().map(|(_, within)| within.as_secs_f64()).collect::<Vec<_>>()
        };
        let ten = ask("10").await;
        assert!(ten[0] > 3.4 && ten[0] < 3.6, "half of 9.5 s, a goodbye less: {ten:?}");
        assert!(ten[1] > 6.0 && ten[1] < 7.6, "the first took no time: {ten:?}");
        let short = ask("0.2").await;
        assert_eq!(short[0], 1.0, "no mailbox can be judged in less, however early the answer has to be");
        let long = ask("86400").await;
        assert!(long[0] > 47.0 && long[0] < 49.0, "{long:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_probe_ends_in_time_there_is_no_answer_that_looks_like_one() {
        let never =
            |_: &_| Desk { probe: Box::new(|_, _| Box::pin(std::future::pending())), ..Desk::default() };
        let world = World::asking(&two(), never).await;
        let begun = Instant::now();
        let answer = world.ask(&format!("GET /probe?mailbox=desk HTTP/1.1\r\n{SCRAPE_TIMEOUT}: 10")).await;
        assert_eq!(answer.status(), "503");
        assert!(begun.elapsed() < Duration::from_secs(10) && !answer.text().contains("mailbox_"));
    }
}
