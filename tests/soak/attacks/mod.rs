//! The attacks: one row each. They run one by one and, later, several at once.
//!
//! An attack is bounded: it ends at the end of its turn, and opens no more connections than its row of constants says.
//! It puts back what it took away.

mod churn;
mod connections;
mod files;
mod log;
mod passwords;
mod probes;
mod reloads;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::arena::{Arena, Turn};

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One row.
pub(crate) struct Attack {
    /// For the tables and `SOAK_ATTACKS`.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
    /// Less time than this shows nothing.
    pub(crate) least: Duration,
    /// Runs it until the end of the turn.
    pub(crate) run: fn(Arc<Arena>, Turn) -> Running,
}

const SHORT: Duration = Duration::from_secs(5);
/// Long enough for what is held to be missed: a pipe fills up, a probe comes due.
const LONG: Duration = Duration::from_secs(24);

macro_rules! attacks {
    ($( $name:literal, $about:literal, $least:ident, $run:path; )+) => {
        /// Every attack.
        pub(crate) const ATTACKS: &[Attack] = &[
            $( Attack {
                name: $name,
                about: $about,
                least: $least,
                run: |arena, turn| Box::pin(async move { $run(&arena, turn).await }),
            }, )+
        ];
    };
}

attacks! {
    "idle", "1,000 connections that never say a word", SHORT, connections::idle;
    "silent-tls", "300 connections to the TLS port without a handshake", SHORT, connections::silent_tls;
    "slow-headers", "200 clients that send one byte of their head each half second", SHORT, connections::slow_headers;
    "unread-metrics", "30 clients that ask for /metrics and never read", SHORT, connections::unread_metrics;
    "unread-api", "20 clients that ask for /api/v1/mailboxes and never read", SHORT, connections::unread_api;
    "slow-readers", "60 clients that read /metrics 64 bytes at a time", SHORT, connections::slow_readers;
    "scrapers", "8 clients that ask for metrics, lists and pages without a pause", SHORT, churn::scrapers;
    "rotation", "a secret, and a certificate with its key, are replaced each second", SHORT, churn::rotation;
    "flapping", "servers stop and come back within seconds", LONG, churn::flapping;
    "coming-and-going", "a mailbox comes and goes by reloads, again and again", SHORT, churn::coming_and_going;
    "guesses", "240 wrong passwords at once, while right ones come in", SHORT, passwords::guesses;
    "cut-probe", "/probe of slow healthy mailboxes, cut short after a second", SHORT, probes::cut_short;
    "cross-site", "/probe and /-/reload from another site's page", SHORT, probes::cross_site;
    "wrong-host", "/probe, /-/reload and pages by a foreign Host", SHORT, probes::wrong_host;
    "long-names", "/probe of unknown names of 15 KB, four at once", SHORT, probes::long_names;
    "hang-ups", "a storm of SIGHUP", SHORT, reloads::hang_ups;
    "lost-reloads", "reloads whose askers leave at once", SHORT, reloads::abandoned;
    "unread-log", "standard error is a pipe that is not read", LONG, log::unread;
    "fifo-secret", "the secret of one mailbox is a FIFO", LONG, files::fifo_secret;
    "fifo-config", "the configuration is a FIFO, and a reload is asked for", SHORT, files::fifo_config;
    "lost-state", "the state directory is taken away and given back", SHORT, files::lost_state;
}
