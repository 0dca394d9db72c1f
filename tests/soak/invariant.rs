//! What must hold all the while: one row for each promise.

/// The longest that `/-/healthy` may take.
pub(crate) const HEALTHY_WITHIN_MS: u64 = 1000;

macro_rules! invariants {
    ($( $variant:ident => $label:literal, $promise:literal; )+) => {
        /// A promise of the agent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Invariant {
            $( #[doc = $promise] $variant, )+
        }

        impl Invariant {
            /// Every row.
            pub(crate) const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// Its name in the tables.
            pub(crate) const fn label(self) -> &'static str {
                match self { $( Self::$variant => $label, )+ }
            }

            /// What is promised.
            pub(crate) const fn promise(self) -> &'static str {
                match self { $( Self::$variant => $promise, )+ }
            }
        }
    };
}

invariants! {
    Healthy => "healthy", "`/-/healthy` answers 200 within a second";
    Scrape => "scrape", "`/metrics` answers 200 within ten seconds, complete";
    Verdict => "verdict", "a healthy mailbox is never said to fail, and a server that is gone is said to be gone";
    Hostile => "hostile", "a hostile mailbox is never said to be usable";
    Schedule => "schedule", "every check is probed at its interval, none is skipped";
    Answer => "answer", "the attack itself is answered as promised";
    Recovery => "recovery", "what was taken away and given back works again";
    Memory => "memory", "resident memory is bounded and does not grow";
    Descriptors => "descriptors", "open descriptors are bounded and do not grow";
    Threads => "threads", "threads are bounded and do not grow";
    Alive => "alive", "the process lives, and nothing in it panics";
    Stop => "stop", "SIGTERM ends the process with status 0 within ten seconds";
    Soak => "soak", "the soak itself works: attacks end in time, observers are not starved";
}
