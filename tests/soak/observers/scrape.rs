//! `/metrics`, as Prometheus asks; what the page says is judged by `verdicts.rs`.

use std::collections::HashMap;
use std::time::Duration;

use super::repeat;
use super::verdicts::{Seen, Verdicts};
use crate::arena::{Arena, Target};
use crate::fairness::Lately;
use crate::fleet::Role;
use crate::invariant::Invariant;
use crate::page::Page;
use crate::stage::Progress;

/// Between two scrapes.
const EVERY: Duration = Duration::from_secs(3);
/// Prometheus' scrape timeout.
const WITHIN: Duration = Duration::from_secs(10);

pub(super) fn watch(arena: &Arena, target: &Target, roles: HashMap<String, Role>, progress: &Progress) {
    let name = target.agent.name;
    let mut verdicts = Verdicts::new(name, roles);
    let mut lately = Lately::new();
    repeat(progress, EVERY, async || {
        let condition = arena.journal.condition();
        let fairness = arena.watch(target);
        lately.watch(arena.watch(target));
        let fault = match target.door.get("/metrics", WITHIN).await {
            Ok(answer) if answer.status == 200 => {
                arena.journal.scrape(&condition, answer.took);
                let was_denied = lately.was_denied();
                let seen = Seen { condition: &condition, stage: progress.stage(), was_denied };
                verdicts.judge(&Page::read(&answer.body), &arena.journal, &seen);
                return;
            }
            Ok(answer) => format!("{name}: status {}", answer.status),
            Err(_) if fairness.was_denied() => return arena.journal.unjudged(Invariant::Scrape),
            Err(fault) => format!("{name}: {fault}"),
        };
        arena.journal.scrape(&condition, fairness.took());
        arena.journal.fault(Invariant::Scrape, &condition, &fault);
    });
    verdicts.close(&arena.journal);
}
