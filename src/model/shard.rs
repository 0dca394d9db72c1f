//! The share of the mailboxes that one agent probes, if several agents divide them.
//!
//! Not here: which mailbox belongs to which shard; the module `shard` decides that.

use std::fmt;

/// One of several equal shards, counted from 0 like Prometheus' `hashmod` and the pods of a StatefulSet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// All mailboxes: there is only one agent.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Shard `index` of `count`; `None` if it does not exist.
    pub const fn new(index: u32, count: u32) -> Option<Self> {
        if index < count { Some(Self { index, count }) } else { None }
    }

    /// The shard's index, from 0.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// The number of shards, at least one.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Whether there is only one shard.
    pub const fn is_whole(self) -> bool {
        self.count == 1
    }
}

/// Written as on the command line: `2/3`.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}
