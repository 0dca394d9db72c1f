//! What was observed: which attacks ran when, how long answers took, which promise broke under which attack.
//!
//! Judges nothing: observers and attacks do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::agent::Resources;
use crate::invariant::Invariant;
use crate::series::Series;
use crate::stage::Stage;

/// An attack that ended less than this ago may still be what an observation shows.
pub(crate) const AFTERMATH: Duration = Duration::from_secs(5);
/// Details that are printed as they come, for each promise and condition; later ones are counted.
const PRINTED: usize = 3;

/// The attacks at the time of an observation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Condition(BTreeSet<String>);

impl Condition {
    /// For what only the end of a run can tell.
    pub(crate) fn whole_run() -> Self {
        Self(BTreeSet::from(["the whole run".to_owned()]))
    }

    /// Under which row of the table an observation counts: an attack alone, none, or several at once.
    pub(crate) fn row(&self) -> &str {
        match self.0.len() {
            0 => "none",
            1 => self.0.first().unwrap(),
            _ => "several at once",
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.0.iter().map(String::as_str).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(" + "))
    }
}

/// What counts for one row of the table.
#[derive(Default, Clone)]
pub(crate) struct Row {
    pub(crate) turns: usize,
    pub(crate) healthy_ms: Series,
    pub(crate) scrape_ms: Series,
    /// What the hungriest agent used.
    pub(crate) used: Usage,
    pub(crate) faults: BTreeMap<Invariant, usize>,
}

/// What the process of an agent used, second by second.
#[derive(Default, Clone)]
pub(crate) struct Usage {
    pub(crate) memory_kib: Series,
    pub(crate) descriptors: Series,
    pub(crate) threads: Series,
}

impl Usage {
    fn add(&mut self, used: &Resources) {
        self.memory_kib.add(used.memory_kib);
        self.descriptors.add(used.descriptors);
        self.threads.add(used.threads);
    }
}

#[derive(Default)]
struct Kept {
    active: BTreeSet<&'static str>,
    ended: Vec<(&'static str, Instant)>,
    rows: BTreeMap<String, Row>,
    faults: BTreeMap<Invariant, BTreeMap<Condition, usize>>,
    usage: BTreeMap<&'static str, BTreeMap<Stage, Usage>>,
    answers_ms: BTreeMap<&'static str, Series>,
    warm: BTreeSet<&'static str>,
    unjudged: BTreeMap<Invariant, usize>,
    notes: Vec<String>,
}

/// The journal of a run.
pub(crate) struct Journal {
    begun: Instant,
    kept: Mutex<Kept>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// An attack begins.
    pub(crate) fn begin(&self, attack: &'static str) {
        let mut kept = self.kept();
        kept.active.insert(attack);
        kept.rows.entry(attack.to_owned()).or_default().turns += 1;
    }

    /// An attack ends.
    pub(crate) fn end(&self, attack: &'static str) {
        let mut kept = self.kept();
        kept.active.remove(attack);
        kept.ended.retain(|(name, at)| *name != attack && at.elapsed() < AFTERMATH);
        kept.ended.push((attack, Instant::now()));
    }

    /// The attacks of now, and those that ended just now.
    pub(crate) fn condition(&self) -> Condition {
        let kept = self.kept();
        let mut names: BTreeSet<String> = kept.active.iter().map(|name| (*name).to_owned()).collect();
        for (name, at) in &kept.ended {
            if at.elapsed() < AFTERMATH && !kept.active.contains(name) {
                names.insert(format!("after {name}"));
            }
        }
        Condition(names)
    }

    /// A promise was broken.
    pub(crate) fn fault(&self, invariant: Invariant, condition: &Condition, detail: &str) {
        let mut kept = self.kept();
        let count = kept.faults.entry(invariant).or_default().entry(condition.clone()).or_default();
        *count += 1;
        let count = *count;
        *kept.rows.entry(condition.row().to_owned()).or_default().faults.entry(invariant).or_default() += 1;
        if count <= PRINTED {
            println!("{} {}: {detail} [under: {condition}]", self.clock(), invariant.label());
        }
    }

    /// A promise was broken by what an attack asked for itself.
    pub(crate) fn fault_now(&self, invariant: Invariant, detail: &str) {
        self.fault(invariant, &self.condition(), detail);
    }

    pub(crate) fn healthy(&self, condition: &Condition, took: Duration) {
        self.kept().rows.entry(condition.row().to_owned()).or_default().healthy_ms.add(millis(took));
    }

    pub(crate) fn scrape(&self, condition: &Condition, took: Duration) {
        self.kept().rows.entry(condition.row().to_owned()).or_default().scrape_ms.add(millis(took));
    }

    /// How long an answer took that an attack was promised.
    pub(crate) fn answer(&self, what: &'static str, took: Duration) {
        self.kept().answers_ms.entry(what).or_default().add(millis(took));
    }

    pub(crate) fn usage(&self, agent: &'static str, stage: Stage, condition: &Condition, used: &Resources) {
        let mut kept = self.kept();
        kept.usage.entry(agent).or_default().entry(stage).or_default().add(used);
        kept.rows.entry(condition.row().to_owned()).or_default().used.add(used);
    }

    /// Every healthy check of an agent has succeeded once.
    pub(crate) fn set_warm(&self, agent: &'static str) {
        self.kept().warm.insert(agent);
    }

    pub(crate) fn is_warm(&self, agent: &str) -> bool {
        self.kept().warm.contains(agent)
    }

    /// An observation says nothing: the machine held up the observers themselves.
    pub(crate) fn unjudged(&self, invariant: Invariant) {
        *self.kept().unjudged.entry(invariant).or_default() += 1;
    }

    /// Questions to both agents, all in all.
    pub(crate) fn observations(&self) -> usize {
        let kept = self.kept();
        let asked = |row: &Row| row.healthy_ms.count() + row.scrape_ms.count();
        let answered: usize = kept.answers_ms.values().map(Series::count).sum();
        kept.rows.values().map(asked).sum::<usize>() + answered
    }

    pub(crate) fn unjudged_by_invariant(&self) -> BTreeMap<Invariant, usize> {
        self.kept().unjudged.clone()
    }

    /// A figure that the summary repeats.
    pub(crate) fn note(&self, text: String) {
        self.kept().notes.push(text);
    }

    /// A line of progress.
    pub(crate) fn say(&self, text: &str) {
        println!("{} {text}", self.clock());
    }

    /// All broken promises.
    pub(crate) fn faults(&self) -> usize {
        self.kept().faults.values().flat_map(BTreeMap::values).sum()
    }

    pub(crate) fn rows(&self) -> BTreeMap<String, Row> {
        self.kept().rows.clone()
    }

    pub(crate) fn faults_by_condition(&self) -> BTreeMap<Invariant, BTreeMap<Condition, usize>> {
        self.kept().faults.clone()
    }

    pub(crate) fn usage_by_agent(&self) -> BTreeMap<&'static str, BTreeMap<Stage, Usage>> {
        self.kept().usage.clone()
    }

    pub(crate) fn answers(&self) -> BTreeMap<&'static str, Series> {
        self.kept().answers_ms.clone()
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.kept().notes.clone()
    }

    fn clock(&self) -> String {
        format!("{:>7.1} s ", self.begun.elapsed().as_secs_f64())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
