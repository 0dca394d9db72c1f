//! Answers by HTTP without an end: cut off by a count of bytes, or not awaited, and never by the end of patience.
//!
//! What each fault is told as stands in the tables of `probes` and `graph`.

use std::time::Duration;

use mailbox_exporter::model::Observation;
use mailbox_exporter::sim::{Fault, GraphFault, TokenFault};

use crate::probes::verdict;
use crate::support::world::World;
use crate::support::yaml::Door;

/// How long a check may take, on a machine that is busy. The end of patience is at thirty seconds or later.
const AT_ONCE: Duration = Duration::from_secs(12);

/// What is in place of a token, the verdict, and what is told of it.
#[rustfmt::skip]
const TOKENS: &[(TokenFault, &str, &str)] = &[
    (TokenFault::EndlessInterim, "token protocol_error", "the token endpoint sent more than 262144 bytes before its answer was complete"),
    (TokenFault::EndlessHeader, "token protocol_error", "the token endpoint's answer is not HTTP: message head is too large"),
    (TokenFault::EndlessHeaders, "token protocol_error", "the token endpoint's answer is not HTTP"),
    (TokenFault::EndlessBody, "token protocol_error", "the token endpoint answered with more than 65536 bytes"),
    (TokenFault::EndlessChunkSize, "token protocol_error", "bytes before its answer was complete"),
    (TokenFault::EndlessBlanks, "token protocol_error", "bytes before its answer was complete"),
    (TokenFault::EndlessExtension, "token protocol_error", "the token endpoint's answer is incomplete"),
    (TokenFault::EndlessTrailers, "token protocol_error", "the token endpoint's answer is incomplete"),
    (TokenFault::HugeBody, "token protocol_error", "the token endpoint answered with more than 65536 bytes"),
    (TokenFault::HtmlBody, "token protocol_error", "HTTP 200 with text/html; charset=utf-8 in place of a token; a proxy or a login page may answer: <!DOCTYPE html>"),
    (TokenFault::OpenPage, "token protocol_error", "HTTP 200 with text/html in place of a token; a proxy or a login page may answer: <!DOCTYPE html>"),
    (TokenFault::OpenText, "token protocol_error", "HTTP 200 with text/plain in place of a token; a proxy or a login page may answer: Please accept our terms"),
    (TokenFault::StalledLimit, "token idp_throttled", ""),
];

/// The same in place of a folder of Microsoft Graph.
#[rustfmt::skip]
const FOLDERS: &[(GraphFault, &str, &str)] = &[
    (GraphFault::EndlessInterim, "open protocol_error", "the server sent more than 1048576 bytes"),
    (GraphFault::EndlessHeader, "open protocol_error", ""),
    (GraphFault::EndlessHeaders, "open protocol_error", ""),
    (GraphFault::EndlessBody, "open protocol_error", "more than 65536 bytes"),
    (GraphFault::EndlessChunkSize, "open protocol_error", "the server sent more than 1048576 bytes"),
    (GraphFault::EndlessBlanks, "open protocol_error", "the server sent more than 1048576 bytes"),
    (GraphFault::EndlessExtension, "open protocol_error", ""),
    (GraphFault::EndlessTrailers, "open protocol_error", ""),
    (GraphFault::LoginPage, "open protocol_error", "HTTP 200 with text/html; charset=utf-8 in place of Graph's JSON; a proxy or a login page may answer: <!DOCTYPE html>"),
    (GraphFault::OpenPage, "open protocol_error", "HTTP 200 with text/html in place of Graph's JSON; a proxy or a login page may answer: <!DOCTYPE html>"),
    (GraphFault::StalledLimit, "open throttled", ""),
];

fn check(name: &str, seen: &Observation, wanted: &str, words: &str, wrong: &mut Vec<String>) {
    let detail = seen.outcome.failure().map(|failure| failure.cause.detail.clone()).unwrap_or_default();
    if verdict(seen) != wanted || !detail.contains(words) || seen.duration > AT_ONCE {
        wrong.push(format!(
            "{name}: {wanted} with {words:?}, found {} after {:?}: {detail}",
            verdict(seen),
            seen.duration
        ));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_an_end_is_cut_off_at_once() {
    let mut world = World::start().await;
    world.yaml.head = "limits: { concurrency: 4, per_host: 4 }".to_owned();
    for (fault, ..) in TOKENS {
        let mailbox = world.mailbox(Fault::Token(*fault)).await;
        world.yaml.watch(fault_name(*fault), &mailbox, Door::Imap, "");
    }
    let app = world.app();
    let credential = world.yaml.credential(&app);
    for (fault, ..) in FOLDERS {
        let mailbox = world.graph_mailbox(&app, *fault);
        world.yaml.watch_graph(&format!("graph-{}", fault.label()), &mailbox, &credential, "");
    }
    let seen = world.round().await;
    let mut wrong = Vec::new();
    for (fault, wanted, words) in TOKENS {
        check(fault_name(*fault), &seen[fault_name(*fault)], wanted, words, &mut wrong);
    }
    for (fault, wanted, words) in FOLDERS {
        let name = format!("graph-{}", fault.label());
        check(&name, &seen[&name], wanted, words, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn fault_name(fault: TokenFault) -> &'static str {
    Fault::Token(fault).label()
}
