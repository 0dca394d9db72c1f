//! The end of a run: what its numbers mean for memory, descriptors and threads, and the tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::agent::Resources;
use crate::arena::{Arena, Target};
use crate::attacks::ATTACKS;
use crate::invariant::{HEALTHY_WITHIN_MS, Invariant};
use crate::journal::{Condition, Journal, Usage};
use crate::series::Series;
use crate::settings::Settings;
use crate::stage::Stage;

/// A figure of a process that must be bounded, and must not grow when the same attacks come together again.
pub(crate) struct Bound {
    pub(crate) invariant: Invariant,
    of: fn(&Usage) -> &Series,
    pub(crate) now: fn(&Resources) -> u64,
    /// The most at any time.
    pub(crate) most: u64,
    /// The median of the second time may be a tenth above that of the first, and so much more.
    slack: u64,
    /// What a unit of the table is.
    pub(crate) unit: u64,
}

impl Bound {
    fn median(&self, usage: &BTreeMap<Stage, Usage>, stage: Stage) -> u64 {
        usage.get(&stage).map_or(0, |usage| (self.of)(usage).percentile(50))
    }
}

/// Every bound.
pub(crate) const BOUNDS: [Bound; 3] = [
    // The limit of the manifests, in KiB.
    Bound {
        invariant: Invariant::Memory,
        of: |usage| &usage.memory_kib,
        now: |used| used.memory_kib,
        most: 256 * 1024,
        slack: 8 * 1024,
        unit: 1024,
    },
    // 256 clients, as many probes, and what serves them.
    Bound {
        invariant: Invariant::Descriptors,
        of: |usage| &usage.descriptors,
        now: |used| used.descriptors,
        most: 900,
        slack: 64,
        unit: 1,
    },
    // Workers, and readers of files.
    Bound {
        invariant: Invariant::Threads,
        of: |usage| &usage.threads,
        now: |used| used.threads,
        most: 100,
        slack: 24,
        unit: 1,
    },
];

/// The most resident memory above the median of the first attacks, once all are over.
const KEPT_KIB: u64 = 50 * 1024;

/// Judges what can be judged at the end alone.
pub(crate) fn judge(arena: &Arena) {
    for (agent, usage) in arena.journal.usage_by_agent() {
        for bound in &BOUNDS {
            let (first, again) = (bound.median(&usage, Stage::Together), bound.median(&usage, Stage::Again));
            if again > first + first / 10 + bound.slack {
                let detail = format!("{agent}: grows from {} to {}", first / bound.unit, again / bound.unit);
                arena.journal.fault(bound.invariant, &Condition::whole_run(), &detail);
            }
        }
    }
    for target in [&arena.open, &arena.guarded] {
        given_back(arena, target);
    }
    let (delays, by_invariant) = (arena.metronome.delays_ms(), arena.journal.unjudged_by_invariant());
    let unjudged: usize = by_invariant.values().sum();
    let parts: Vec<_> =
        by_invariant.iter().map(|(invariant, count)| format!("{} {count}", invariant.label())).collect();
    arena.journal.note(format!(
        "the observers were late by {} ms at the 99th percentile, {} ms at most; {unjudged} observations are not judged, \
         since the machine was busy: {}",
        delays.percentile(99),
        delays.max(),
        parts.join(", ")
    ));
    if unjudged * UNJUDGED > arena.journal.observations() {
        let detail = format!("{unjudged} observations are not judged: the machine is too busy for a soak");
        arena.journal.fault(Invariant::Soak, &Condition::whole_run(), &detail);
    }
}

fn given_back(arena: &Arena, target: &Target) {
    let name = target.agent.name;
    let usage = arena.journal.usage_by_agent();
    let (Some(now), Some(usage)) = (target.agent.resources(), usage.get(name)) else { return };
    let before = usage.get(&Stage::Alone).map_or(0, |usage| usage.memory_kib.percentile(50));
    arena.journal.note(format!(
        "{name}: {} MiB at the first attacks, {} MiB after the attacks; {:.0} s of processor time",
        before / 1024,
        now.memory_kib / 1024,
        now.processor.as_secs_f64()
    ));
    if now.memory_kib > before + KEPT_KIB {
        let detail = format!("{name}: {} MiB are not given back", (now.memory_kib - before) / 1024);
        arena.journal.fault(Invariant::Memory, &Condition::whole_run(), &detail);
    }
}

/// One observation in so many may be left without a judgement.
const UNJUDGED: usize = 20;

/// The tables.
pub(crate) fn of(settings: &Settings, journal: &Journal) -> String {
    let mut text = String::from("\n");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "== {:?}, seed {}\n", settings.duration, settings.seed);
    conditions(&mut text, journal);
    usage(&mut text, journal);
    answers(&mut text, journal);
    faults(&mut text, journal);
    for note in journal.notes() {
        let _ = writeln!(text, "{note}");
    }
    text
}

/// Attack by attack: how long answers took, and what broke.
fn conditions(text: &mut String, journal: &Journal) {
    let rows = journal.rows();
    let _ = writeln!(
        text,
        "{:<22} {:>5} | {:>7} {:>6} {:>6} {:>6} {:>6} | {:>7} {:>6} {:>6} | {:>4} {:>4} {:>4} | broken",
        "attack, alone",
        "turns",
        "healthy",
        "p50 ms",
        "p99",
        "max",
        ">1 s",
        "scrapes",
        "p50 ms",
        "max",
        "MiB",
        "fds",
        "thr"
    );
    let attacks = ATTACKS.iter().map(|attack| attack.name);
    let others = rows.keys().map(String::as_str).filter(|row| row.starts_with("after "));
    for name in ["none"].into_iter().chain(attacks).chain(["several at once"]).chain(others) {
        let Some(row) = rows.get(name) else { continue };
        let (healthy, scrape) = (&row.healthy_ms, &row.scrape_ms);
        let broken: Vec<_> =
            row.faults.iter().map(|(invariant, count)| format!("{} {count}", invariant.label())).collect();
        let _ = writeln!(
            text,
            "{name:<22} {:>5} | {:>7} {:>6} {:>6} {:>6} {:>6} | {:>7} {:>6} {:>6} | {:>4} {:>4} {:>4} | {}",
            row.turns,
            healthy.count(),
            healthy.percentile(50),
            healthy.percentile(99),
            healthy.max(),
            healthy.above(HEALTHY_WITHIN_MS),
            scrape.count(),
            scrape.percentile(50),
            scrape.max(),
            row.used.memory_kib.max() / 1024,
            row.used.descriptors.max(),
            row.used.threads.max(),
            broken.join(", ")
        );
    }
    text.push('\n');
}

fn usage(text: &mut String, journal: &Journal) {
    let [alone, together, again, quiet] = ["alone", "together", "again", "quiet"];
    let _ = writeln!(text, "{:<22} {alone:>9} {together:>9} {again:>9} {quiet:>9} {:>9}", "median", "max");
    for (agent, usage) in journal.usage_by_agent() {
        for bound in &BOUNDS {
            let title = format!("{agent}, {}", bound.invariant.label());
            let _ = write!(text, "{title:<22}");
            for stage in [Stage::Alone, Stage::Together, Stage::Again, Stage::Quiet] {
                let _ = write!(text, " {:>9}", bound.median(&usage, stage) / bound.unit);
            }
            let max = usage.values().map(|usage| (bound.of)(usage).max()).max().unwrap_or_default();
            let _ = writeln!(text, " {:>9}", max / bound.unit);
        }
    }
    text.push('\n');
}

fn answers(text: &mut String, journal: &Journal) {
    let _ =
        writeln!(text, "{:<52} {:>7} {:>8} {:>8}", "what attackers asked for", "answers", "p50 ms", "max");
    for (what, took) in journal.answers() {
        let _ = writeln!(text, "{what:<52} {:>7} {:>8} {:>8}", took.count(), took.percentile(50), took.max());
    }
    text.push('\n');
}

/// Promise by promise: how often it broke, and under which attacks.
fn faults(text: &mut String, journal: &Journal) {
    /// More combinations than this tell nothing new.
    const SHOWN: usize = 6;
    let faults = journal.faults_by_condition();
    for invariant in Invariant::ALL {
        let under = faults.get(invariant).cloned().unwrap_or_default();
        let count: usize = under.values().sum();
        let verdict = if count == 0 { "held".to_owned() } else { format!("BROKEN {count}") };
        let _ = writeln!(text, "{:<12} {verdict:<12} {}", invariant.label(), invariant.promise());
        let mut under: Vec<_> = under.into_iter().collect();
        under.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (condition, count) in under.iter().take(SHOWN) {
            let _ = writeln!(text, "{count:>18} under {condition}");
        }
    }
    text.push('\n');
}
