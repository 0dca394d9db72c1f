//! A map of a few entries as one sorted vector, in no more memory than they need: a `BTreeMap` reserves room for eleven
//! entries from the first one on, and every check of a fleet has three of these maps.

/// Entries ordered by key. Each insertion moves what follows, which only suits a few entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sorted<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord + Copy, V> Sorted<K, V> {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let place = self.place(key).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// Adds an entry, or replaces the value of its key.
    pub(super) fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.put(place, key, value),
        }
    }

    pub(super) fn extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) {
        entries.into_iter().for_each(|(key, value)| self.insert(key, value));
    }

    /// The value of a key, which is added if it is missing.
    pub(super) fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let place = self.place(&key).unwrap_or_else(|place| {
            self.put(place, key, V::default());
            place
        });
        &mut self.0[place].1
    }

    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&K, &V) -> bool) {
        self.0.retain(|(key, value)| keeps(key, value));
    }

    /// Drops the entries with the lowest keys until at most so many are left.
    pub(super) fn keep_last(&mut self, most: usize) {
        self.0.drain(..self.0.len().saturating_sub(most));
    }

    pub(super) fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values from this key on.
    pub(super) fn values_from(&self, key: &K) -> impl Iterator<Item = &V> {
        let begin = self.place(key).unwrap_or_else(|place| place);
        self.0.iter().skip(begin).map(|(_, value)| value)
    }

    fn put(&mut self, place: usize, key: K, value: V) {
        self.0.reserve_exact(1);
        self.0.insert(place, (key, value));
    }

    fn place(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by_key(key, |(known, _)| *known)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_btree_map_holds(entries in prop::collection::vec((0..20_i64, any::<u8>()), 0..40), from in 0..20_i64) {
            let (mut sorted, mut map) = (Sorted::default(), BTreeMap::new());
            for (key, value) in &entries {
                sorted.insert(*key, *value);
                map.insert(*key, *value);
                *sorted.or_default(key + 3) |= 1;
                *map.entry(key + 3).or_default() |= 1;
            }
            prop_assert!(sorted.keys().eq(map.keys()) && sorted.values().eq(map.values()));
            prop_assert!(sorted.values_from(&from).eq(map.range(from..).map(|(_, value)| value)));
            prop_assert!((0..20).all(|key| sorted.get(&key) == map.get(&key)));
            sorted.retain(|key, value| (key + i64::from(*value)) % 2 == 0);
            map.retain(|key, value| (*key + i64::from(*value)) % 2 == 0);
            sorted.keep_last(5);
            while map.len() > 5 {
                map.pop_first();
            }
            prop_assert!(sorted.keys().eq(map.keys()) && sorted.len() == map.len());
        }
    }

    #[test]
    fn it_takes_no_more_memory_than_its_entries_need() {
        let mut sorted = Sorted::default();
        (0..8_i64).for_each(|key| sorted.insert(key, ()));
        assert_eq!(sorted.0.capacity(), 8);
    }
}
