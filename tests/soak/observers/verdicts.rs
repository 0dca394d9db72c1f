//! What the pages say of each check, held against what its mailbox is: page after page, and over the whole run.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::churn;
use crate::fleet::Role;
use crate::invariant::Invariant;
use crate::journal::{Condition, Journal};
use crate::page::{Check, Name, Page, seconds_now};
use crate::stage::Stage;

/// A probe is recorded when it has ended: that is an interval after the one before, and its time limit, which is no
/// longer than the interval; and this much more.
const LATE: Duration = Duration::from_secs(30);

/// The circumstances of a page.
pub(super) struct Seen<'a> {
    pub(super) condition: &'a Condition,
    pub(super) stage: Stage,
    /// The machine left the agent waiting: a probe may have failed or come late for that.
    pub(super) was_denied: bool,
}

/// What is remembered of one check.
#[derive(Default, Clone)]
struct Course {
    successes: f64,
    failures: f64,
    longest_interval: f64,
    overdue: bool,
}

/// The judge of one agent's pages.
pub(super) struct Verdicts {
    agent: &'static str,
    roles: HashMap<String, Role>,
    courses: HashMap<Name, Course>,
    /// Successes when the warm-up had ended, and when that was.
    first: Option<(Instant, HashMap<Name, f64>)>,
    last: Option<(Instant, HashMap<Name, f64>)>,
    intervals: HashMap<Name, f64>,
    skipped: f64,
    /// Those of them for which the machine is to blame.
    excused: f64,
    told_warm: bool,
}

impl Verdicts {
    pub(super) fn new(agent: &'static str, roles: HashMap<String, Role>) -> Self {
        Self {
            agent,
            roles,
            courses: HashMap::new(),
            first: None,
            last: None,
            intervals: HashMap::new(),
            skipped: 0.0,
            excused: 0.0,
            told_warm: false,
        }
    }

    /// One page.
    pub(super) fn judge(&mut self, page: &Page, journal: &Journal, seen: &Seen<'_>) {
        let Seen { condition, stage, was_denied } = *seen;
        let agent = self.agent;
        let mut healthy = (0, 0);
        let (mut failing, mut usable, mut overdue, mut wrong) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let now = seconds_now();
        for (name, check) in &page.checks {
            let Some(role) = self.roles.get(&name.0) else { continue };
            let course = self.courses.entry(name.clone()).or_default();
            let title = format!("{} {}", name.0, name.1);
            match role {
                Role::Healthy => {
                    healthy.0 += usize::from(check.success == Some(true));
                    healthy.1 += 1;
                    if check.failures > course.failures {
                        failing
                            .push(format!("{title} ({})", check.failure.as_deref().unwrap_or("for a while")));
                    }
                }
                Role::Hostile if check.successes > course.successes => usable.push(title.clone()),
                Role::Flapping if check.failures > course.failures => {
                    wrong.extend(
                        check
                            .failure
                            .as_ref()
                            .filter(|said| !churn::explains(said))
                            .map(|said| format!("{title} ({said})")),
                    );
                }
                Role::Hostile | Role::Victim | Role::Flapping => {}
            }
            (course.successes, course.failures) = (check.successes, check.failures);
            if course.is_overdue(check, now) {
                overdue.push(title);
            }
        }
        let list = |names: &[String]| names.first().cloned().unwrap_or_default();
        let tell = |invariant, names: &[String], what: &str| {
            if !names.is_empty() {
                let detail = format!("{agent}: {} {what}, such as {}", names.len(), list(names));
                if was_denied && invariant != Invariant::Hostile {
                    return journal.unjudged(invariant);
                }
                journal.fault(invariant, condition, &detail);
            }
        };
        tell(Invariant::Verdict, &failing, "healthy checks have failed");
        tell(Invariant::Verdict, &wrong, "checks fail for another reason than a server that is gone");
        tell(Invariant::Hostile, &usable, "hostile checks have succeeded");
        tell(Invariant::Schedule, &overdue, "checks have not been probed when they were due");
        if page.skipped > self.skipped {
            let count = page.skipped - self.skipped;
            if was_denied {
                self.excused += count;
                journal.unjudged(Invariant::Schedule);
            } else {
                let detail = format!("{agent}: {count} probes were skipped");
                journal.fault(Invariant::Schedule, condition, &detail);
            }
        }
        self.skipped = page.skipped;
        let expected = self.roles.values().filter(|role| **role == Role::Healthy).count() * 2;
        if healthy == (expected, expected) && !self.told_warm {
            self.told_warm = true;
            journal.set_warm(agent);
        } else if stage > Stage::Warmup && healthy.1 < expected {
            let detail = format!("{agent}: {} of {expected} healthy checks are on the page", healthy.1);
            journal.fault(Invariant::Scrape, condition, &detail);
        }
        if stage > Stage::Warmup {
            self.count(page);
        }
    }

    fn count(&mut self, page: &Page) {
        let healthy = |name: &&Name| self.roles.get(&name.0) == Some(&Role::Healthy);
        let counts: HashMap<Name, f64> = page
            .checks
            .iter()
            .filter(|(name, _)| healthy(name))
            .map(|(name, check)| (name.clone(), check.successes))
            .collect();
        for (name, check) in page.checks.iter().filter(|(name, _)| healthy(name)) {
            self.intervals.insert(name.clone(), check.interval.unwrap_or_default());
        }
        let now = Instant::now();
        self.first.get_or_insert_with(|| (now, counts.clone()));
        self.last = Some((now, counts));
    }

    /// Over the whole run: as many successes as the intervals promise.
    pub(super) fn close(self, journal: &Journal) {
        let (Some((begun, first)), Some((ended, last))) = (self.first, self.last) else { return };
        let lasted = ended.duration_since(begun).as_secs_f64();
        let mut lost = Vec::new();
        let mut total = 0.0;
        for (name, before) in &first {
            let done = last.get(name).copied().unwrap_or_default() - before;
            let due = (lasted / self.intervals[name].max(1.0)).floor();
            total += done;
            if done < due - 1.0 - self.excused {
                lost.push(format!("{} {} ({done} of {due})", name.0, name.1));
            }
        }
        journal.note(format!(
            "{}: {total:.0} successful probes of {} healthy checks in {lasted:.0} s",
            self.agent,
            first.len()
        ));
        if let Some(one) = lost.first() {
            let detail = format!("{}: {} checks lost probes, such as {one}", self.agent, lost.len());
            journal.fault(Invariant::Schedule, &Condition::whole_run(), &detail);
        }
    }
}

impl Course {
    /// Whether the check should have been probed since. What a reload or a success makes due at once counts by the
    /// longest interval so far.
    fn is_overdue(&mut self, check: &Check, now: f64) -> bool {
        let (Some(last_run), Some(interval)) = (check.last_run, check.interval) else { return false };
        self.longest_interval = self.longest_interval.max(interval);
        let overdue = now - last_run > 2.0 * self.longest_interval + LATE.as_secs_f64();
        // Once for each time.
        let told = std::mem::replace(&mut self.overdue, overdue);
        overdue && !told
    }
}
