//! A round in the format of monitoring plugins: one line, details below, performance data.
//!
//! It follows the Monitoring Plugins Development Guidelines: the first line fits on a pager,
//! `|` separates the performance data, and the exit status is the verdict.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{Auth, End, EndSource, Observation, Plan};
use crate::report::text::{counted, stretch};
use crate::safe;
use crate::secret;
use crate::token;

use super::Exit;

/// A secret or certificate that ends within this time is a warning.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many failing checks the first line names; it only counts the others. The lines below name them all.
const NAMED: usize = 5;

/// The answer if nothing could be checked: the first line of the explanation, and also the second if the first ends in
/// a colon. The whole explanation is on standard error.
pub(super) fn unknown(why: &str) -> String {
    let mut lines = why.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut first = lines.next().unwrap_or("nothing could be checked").to_owned();
    if first.ends_with(':') {
        first = format!("{first} {}", lines.next().unwrap_or_default());
    }
    format!("MAILBOX UNKNOWN - {}\n", safe::plugin(&first))
}

/// Whether a faulty command line asked for this format. If so, the exit status must be the one that plugins have for
/// such faults.
pub(super) fn asked_for(arguments: &[OsString]) -> bool {
    let given: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    given.iter().any(|argument| argument == "--output=nagios")
        || given.windows(2).any(|pair| pair == ["--output", "nagios"])
}

/// When the credentials of a plan expire, by their names.
type Ends = BTreeMap<Arc<str>, Vec<End>>;

/// Reads the dates: those that are declared, and those that certificates bear. Directories are not asked: a plugin runs
/// every few minutes and must answer within seconds, and Microsoft Graph is throttled for a whole tenant.
pub(super) async fn ends(plan: &Plan) -> Ends {
    let mut ends = Ends::new();
    for credential in &plan.credentials {
        let mut known = credential.ends();
        if let Some(file) = credential.end_file() {
            // An unreadable date counts as none here: `validate` and the agent warn about it.
            let at = secret::declared_end(file).await.ok();
            known.extend(at.map(|at| End { source: EndSource::Declared, at }));
        }
        if let Auth::Token(proof) = &credential.auth {
            known.extend(token::ends(proof).await.into_iter().filter(|end| !end.source.row().renewed));
        }
        ends.insert(Arc::clone(&credential.name), known);
    }
    ends
}

/// The verdict on a round, and the certificates and secrets that end soon.
pub(super) fn judge(observations: &[Observation], ends: &Ends, now: Timestamp) -> (String, Exit) {
    let failing: Vec<&Observation> = observations.iter().filter(|seen| !seen.outcome.is_up()).collect();
    let ending = ending_soon(observations, ends, now);
    let checks = counted(observations.len(), "check", "checks");
    let (word, exit, gist) = match (&*failing, &*ending) {
        ([], []) => ("OK", Exit::Fine, format!("{checks} fine")),
        ([], ending) => ("WARNING", Exit::Failing, first_few(ending)),
        (failing, _) => {
            let lines: Vec<_> = failing.iter().map(|seen| brief(seen)).collect();
            ("CRITICAL", Exit::Bad, format!("{} of {checks} failing: {}", failing.len(), first_few(&lines)))
        }
    };
    let numbers: Vec<_> = observations.iter().map(performance_data).collect();
    let mut text = format!("MAILBOX {word} - {gist} | {}\n", numbers.join(" "));
    for seen in failing {
        let detail = seen.outcome.failure().map_or("", |failure| &failure.cause.detail);
        text += &safe::plugin(&format!("{}: {detail}", brief(seen)));
        text.push('\n');
    }
    for line in ending {
        text += &line;
        text.push('\n');
    }
    (text, exit)
}

/// The first few lines, and the number of the others.
fn first_few(lines: &[String]) -> String {
    let more = lines.len().saturating_sub(NAMED);
    let named = lines.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{named}; and {more} more") } else { named }
}

fn brief(seen: &Observation) -> String {
    let verdict = seen.outcome.failure();
    let verdict = verdict.map(|failure| format!("{} in {}", failure.cause.reason, failure.phase));
    let text =
        format!("{} {} {}", seen.check.mailbox.name, seen.check.protocol(), verdict.unwrap_or_default());
    safe::plugin(&text).into_owned()
}

/// One line for every certificate of a server and every credential that ends soon or has ended, the earliest first.
fn ending_soon(observations: &[Observation], ends: &Ends, now: Timestamp) -> Vec<String> {
    let certificates = observations.iter().filter_map(|seen| {
        Some((format!("certificate of {}", seen.check.endpoint), seen.server.certificate_expiry?))
    });
    let used = |(name, _): &(&Arc<str>, &Vec<End>)| {
        observations.iter().any(|seen| seen.check.mailbox.credential.name == **name)
    };
    let credentials = ends.iter().filter(used).flat_map(|(name, ends)| {
        ends.iter().map(move |end| (format!("{} of credential {name}", end.source.row().noun), end.at))
    });
    let ends: BTreeMap<String, Timestamp> =
        certificates.chain(credentials).filter(|(_, end)| end.duration_since(now) <= SOON).collect();
    let mut ends: Vec<_> = ends.into_iter().collect();
    ends.sort_by_key(|(_, end)| *end);
    let say = |(what, end): (String, Timestamp)| match Duration::try_from(end.duration_since(now)) {
        Ok(left) => safe::plugin(&format!("{what} ends in {}", stretch(left))).into_owned(),
        Err(_) => safe::plugin(&format!("{what} has ended")).into_owned(),
    };
    ends.into_iter().map(say).collect()
}

/// `'invoices imap'=0.412000s;;;0;90.000000`: a check's duration, with its timeout as the maximum.
fn performance_data(seen: &Observation) -> String {
    let check = &seen.check;
    let label = format!("{} {}", check.mailbox.name, check.protocol());
    let label = safe::plugin(&label).replace('\'', "''").replace('=', "_");
    format!("'{label}'={:.6}s;;;0;{}", seen.duration.as_secs_f64(), check.timeout.as_secs_f64())
}
