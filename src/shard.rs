//! Assigns mailboxes to shards: rendezvous hashing, a pure function of the mailbox's name.
//!
//! Every shard rates a mailbox by a hash of both, and the highest rating wins. A new shard takes mailboxes
//! from all others, and no mailbox moves between the old shards. Not here: where the shard's number comes
//! from.

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::model::{Plan, Shard};

/// The maximum number of shards. Every load rates every mailbox for each shard, and real installations stay
/// far below this.
pub const MOST: u32 = 1000;

/// The index of the shard that owns a mailbox, among `count` shards.
pub fn of(name: &str, count: u32) -> u32 {
    (0..count).max_by_key(|shard| (rate(*shard, name), std::cmp::Reverse(*shard))).unwrap_or_default()
}

/// Whether `shard` owns this mailbox.
pub fn has(shard: Shard, name: &str) -> bool {
    shard.is_whole() || of(name, shard.count()) == shard.index()
}

/// Reduces a plan to one shard: its mailboxes, their checks, and the credentials they use. Unused
/// credentials are distributed by name, like mailboxes.
pub fn keep(plan: &mut Plan, shard: Shard) {
    plan.shard = shard;
    if shard.is_whole() {
        return;
    }
    let used = |plan: &Plan| -> HashSet<Arc<str>> {
        let of_mailboxes = plan.mailboxes.iter();
        // A round trip opens a mailbox that another shard may own.
        let of_legs = plan.checks.iter().flat_map(|check| check.legs()).map(|leg| &leg.mailbox);
        let names = of_mailboxes.chain(of_legs).map(|mailbox| &mailbox.credential.name);
        // Every shard reads the directories, for the mailboxes and credentials that it owns.
        names.chain(plan.directories.iter().map(|directory| &directory.spec.credential)).cloned().collect()
    };
    let anywhere = used(plan);
    plan.mailboxes.retain(|mailbox| has(shard, &mailbox.name));
    let kept: HashSet<Arc<str>> = plan.mailboxes.iter().map(|mailbox| Arc::clone(&mailbox.name)).collect();
    plan.checks.retain(|check| kept.contains(&check.mailbox.name));
    let here = used(plan);
    plan.credentials.retain(|credential| {
        let name = &credential.name;
        here.contains(name) || (!anywhere.contains(name) && has(shard, name))
    });
}

fn rate(shard: u32, name: &str) -> u64 {
    let digest = Sha256::digest(format!("{shard}/{name}"));
    digest.iter().take(8).fold(0, |rate, byte| rate << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fleet() -> Vec<String> {
        (0..10_000).map(|number| format!("user{number:04}@contoso.example")).collect()
    }

    #[test]
    fn the_shard_of_a_name_never_changes() {
        // Fixed values: a change here would move mailboxes to other shards at an update, away from their
        // counters.
        let names = ["invoices@contoso.example", "support", "büro"];
        let seen: Vec<_> = names.iter().map(|name| [of(name, 2), of(name, 3), of(name, 10)]).collect();
        assert_eq!(seen, [[1, 1, 5], [1, 1, 4], [1, 1, 8]]);
    }

    #[test]
    fn each_mailbox_belongs_to_exactly_one_shard() {
        let shards: Vec<_> = (0..3).filter_map(|index| Shard::new(index, 3)).collect();
        let mut sizes = [0; 3];
        for name in fleet() {
            let owners: Vec<_> = shards.iter().filter(|shard| has(**shard, &name)).collect();
            assert_eq!(owners.len(), 1, "{name}");
            sizes[owners[0].index() as usize] += 1;
        }
        assert!(sizes.iter().all(|size| (3_200..3_470).contains(size)), "{sizes:?}");
    }

    #[test]
    fn a_fourth_shard_moves_a_quarter_and_only_to_itself() {
        let fleet = fleet();
        let moved: Vec<_> = fleet.iter().filter(|name| of(name, 3) != of(name, 4)).collect();
        assert!((2_300..=2_700).contains(&moved.len()), "{}", moved.len());
        assert!(moved.iter().all(|name| of(name, 4) == 3));
    }

    proptest! {
        #[test]
        fn a_further_shard_takes_and_never_shuffles(name in "\\PC{0,40}", count in 1u32..40) {
            let (before, after) = (of(&name, count), of(&name, count + 1));
            prop_assert!(before < count);
            prop_assert!(after == before || after == count);
        }

        #[test]
        fn every_name_has_exactly_one_shard(name in "\\PC{0,40}", count in 1u32..40) {
            let owners = (0..count).filter_map(|index| Shard::new(index, count)).filter(|shard| has(*shard, &name));
            prop_assert_eq!(owners.count(), 1);
        }
    }
}
