//! Questions that cost or act: probes that are cut short, and what other sites and foreign hosts ask for.

use std::time::Duration;

use reqwest::Method;

use crate::arena::{Arena, Turn};
use crate::door::Answer;

/// The time that a hasty scraper grants.
const CUT: &str = "1";
/// When a hasty client without a header leaves.
const LEAVES: Duration = Duration::from_millis(700);
/// Any of these answers comes at once.
const WITHIN: Duration = Duration::from_secs(5);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(300);
/// The length of a name that no mailbox has: just below the bound of a request's head.
const NAME: usize = 15_000;
/// What one unknown name may take, in a debug build.
const NAME_WITHIN: Duration = Duration::from_secs(2);

/// A probe that its asker cut short says nothing about the mailbox; the asker is told so.
pub(super) async fn cut_short(arena: &Arena, mut turn: Turn) {
    while turn.is_on() {
        let name = turn.dice.choice(&arena.slow).cloned().unwrap_or_default();
        let path = format!("/probe?mailbox={name}");
        if turn.dice.bool() {
            // The client leaves before the answer.
            let _ = arena.open.door.get(&path, LEAVES).await;
        } else {
            let headers = [("x-prometheus-scrape-timeout-seconds", CUT)];
            let answer = arena.open.door.ask(Method::GET, &path, &headers, WITHIN * 2);
            let says_nothing = |answer: &Answer| {
                let failed = |line: &str| line.starts_with("mailbox_probe_success{") && line.ends_with(" 0");
                !answer.body.lines().any(failed)
            };
            arena.demand("a probe that is cut short", &arena.open, answer, WITHIN, says_nothing).await;
        }
        turn.rest(PAUSE).await;
    }
}

/// What browsers send for other sites' pages is refused where it acts.
pub(super) async fn cross_site(arena: &Arena, mut turn: Turn) {
    const SITES: [(&str, &str); 3] = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ];
    while turn.is_on() {
        let headers = [SITES[turn.dice.usize(..SITES.len())]];
        let name = turn.dice.choice(&arena.slow).cloned().unwrap_or_default();
        let probe = format!("/probe?mailbox={name}");
        for (method, path, what) in [
            (Method::GET, &*probe, "/probe for another site's page"),
            (Method::POST, "/-/reload", "/-/reload for another site's page"),
        ] {
            let answer = arena.open.door.ask(method, path, &headers, WITHIN * 2);
            arena.demand(what, &arena.open, answer, WITHIN, |answer| answer.status == 403).await;
        }
        turn.rest(PAUSE).await;
    }
}

/// On a loopback listener a foreign `Host` is refused, as after DNS rebinding.
pub(super) async fn wrong_host(arena: &Arena, mut turn: Turn) {
    while turn.is_on() {
        let name = turn.dice.choice(&arena.slow).cloned().unwrap_or_default();
        let probe = format!("/probe?mailbox={name}");
        for (method, path, what) in [
            (Method::GET, &*probe, "/probe by a foreign host"),
            (Method::POST, "/-/reload", "/-/reload by a foreign host"),
            (Method::GET, "/", "a page by a foreign host"),
            (Method::GET, "/api/v1/mailboxes", "the API by a foreign host"),
        ] {
            let host = [("host", "evil.example:9993")];
            let answer = arena.open.door.ask(method, path, &host, WITHIN * 2);
            arena
                .demand(what, &arena.open, answer, WITHIN, |answer| matches!(answer.status, 400 | 403 | 421))
                .await;
        }
        turn.rest(PAUSE).await;
    }
}

/// Long unknown names cost little.
pub(super) async fn long_names(arena: &Arena, mut turn: Turn) {
    while turn.is_on() {
        let letters = [(); 4].map(|()| turn.dice.lowercase());
        let ask = async |letter: char| {
            let path = format!("/probe?mailbox=user{}", letter.to_string().repeat(NAME));
            let answer = arena.open.door.get(&path, NAME_WITHIN * 10);
            arena
                .demand("an unknown name of 15 KB", &arena.open, answer, NAME_WITHIN, |answer| {
                    answer.status == 404
                })
                .await;
        };
        tokio::join!(ask(letters[0]), ask(letters[1]), ask(letters[2]), ask(letters[3]));
        turn.rest(PAUSE).await;
    }
}
