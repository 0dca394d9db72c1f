//! The readiness board as metrics show it: states and times, no texts.
//!
//! Every scrape needs all of it at once, and a standing of the board takes twenty times the memory of its place here.

use jiff::Timestamp;

use super::{Basic, Board, CheckName, Deadline, Exhibit, Keeping, Score, Signal, SourceReading, State};

/// The place of one mailbox in one protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub name: CheckName,
    pub basic: Basic,
    pub state: State,
    /// When each signal last said something, stale or not.
    pub seen: Vec<(Signal, Timestamp)>,
    /// Whether a setting disagrees with what was seen after it; `None` where no setting is known.
    pub conflict: Option<bool>,
}

impl Position {
    /// `conflict`: whether a setting and an observation disagree.
    pub fn new(
        name: CheckName,
        (basic, state): (Basic, State),
        exhibits: &[Exhibit],
        conflict: bool,
    ) -> Self {
        let of = |signal: Signal| exhibits.iter().filter(move |exhibit| exhibit.evidence.signal == signal);
        let last = |signal: &Signal| Some((*signal, of(*signal).map(|exhibit| exhibit.evidence.at).max()?));
        let mut seen: Vec<_> = Signal::ALL.iter().filter_map(last).collect();
        seen.shrink_to_fit();
        let is_set = conflict || of(Signal::Switch).any(|exhibit| exhibit.fresh);
        Self { name, basic, state, seen, conflict: is_set.then_some(conflict) }
    }
}

/// The whole board in this form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overview {
    /// Every mailbox and protocol, by name.
    pub positions: Vec<Position>,
    /// Every tenant, by name.
    pub scores: Vec<Score>,
    /// The calendar in force.
    pub calendar: Vec<Deadline>,
    /// Every source of the configuration, by name.
    pub sources: Vec<SourceReading>,
    /// How writing the state down goes; `None` without a state directory.
    pub keeping: Option<Keeping>,
}

impl From<Board> for Overview {
    fn from(board: Board) -> Self {
        let position = |standing: super::Standing| {
            let verdict = (standing.basic, standing.state);
            Position::new(standing.name, verdict, &standing.evidence, standing.conflict.is_some())
        };
        Self {
            positions: board.standings.into_iter().map(position).collect(),
            scores: board.scores,
            calendar: board.calendar,
            sources: board.sources,
            keeping: board.keeping,
        }
    }
}
