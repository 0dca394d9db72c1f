//! Which part of the mailboxes an agent has, where several agents share them.
//!
//! Not here: which mailbox belongs to which part (`shard`).

use std::fmt;

/// One of several equal parts, counted from 0 as Prometheus' `hashmod` and the pods of a StatefulSet are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// Everything: there is one agent.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Part `index` of `count`; `None` where there is no such part.
    pub const fn new(index: u32, count: u32) -> Option<Self> {
        if index < count { Some(Self { index, count }) } else { None }
    }

    /// Which part, from 0.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are, at least one.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Whether the mailboxes are shared among several agents at all.
    pub const fn is_whole(self) -> bool {
        self.count == 1
    }
}

/// As it is written on the command line: `2/3`.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}
