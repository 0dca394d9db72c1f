//! `unread: true`: what a folder tells about its readers and its senders, with and without the extensions that make it
//! cheap, and what becomes of it when a server does not tell.

use std::time::Duration;

use jiff::Timestamp;
use mailbox_exporter::model::{Observation, Unread};
use mailbox_exporter::sim::{Fault, Offers, Service, SimMailbox, SimUnread};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

use crate::peer::Heard;
use crate::probes::verdict;
use crate::script::listen;
use crate::support::app::{metrics, start, stop};
use crate::support::wait::eventually;
use crate::support::world::World;
use crate::support::yaml::Door;

const HOUR: Duration = Duration::from_secs(3600);
/// How far a date may be off on a machine that is busy.
const SLACK: Duration = Duration::from_secs(120);

fn figures(seen: &Observation) -> &Unread {
    assert_eq!(verdict(seen), "up");
    seen.server.unread.as_ref().unwrap()
}

fn is_old(at: Option<Timestamp>, age: Duration) -> bool {
    let since = at.and_then(|at| Duration::try_from(Timestamp::now().duration_since(at)).ok());
    since.is_some_and(|since| since.abs_diff(age) < SLACK)
}

/// The commands behind the login.
fn said(mailbox: &SimMailbox) -> Vec<String> {
    let words = mailbox.heard(Service::Imap).into_iter().map(|heard| heard.words);
    words.skip_while(|words| !words.starts_with("SELECT")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_messages_are_counted_and_dated_by_any_server() {
    let mut world = World::start().await;
    let app = world.app();
    let forgotten = SimUnread { messages: 17, oldest: 72 * HOUR, newest: 2 * HOUR };
    let rows = [
        ("exchange", Offers::default(), 42, forgotten),
        ("esearch", Offers { esearch: true, ..Offers::default() }, 42, forgotten),
        ("read", Offers::default(), 42, SimUnread { newest: HOUR, ..SimUnread::default() }),
        ("empty", Offers { esearch: true, ..Offers::default() }, 0, SimUnread::default()),
    ];
    let mut mailboxes = Vec::new();
    for (name, offers, messages, unread) in rows {
        let mailbox = world.mailbox_of(&app, Fault::None).await;
        mailbox.set_offers(offers);
        mailbox.set_messages(messages);
        mailbox.set_unread(unread);
        world.yaml.watch(name, &mailbox, Door::Imap, "imap: { unread: true }");
        mailboxes.push(mailbox);
    }
    let seen = world.round().await;
    for name in ["exchange", "esearch"] {
        let Unread { messages, oldest, newest, missing } = figures(&seen[name]);
        assert_eq!((*messages, missing.as_deref()), (Some(17), None), "{name}");
        assert!(is_old(*oldest, 72 * HOUR) && is_old(*newest, 2 * HOUR), "{name}: {oldest:?} {newest:?}");
    }
    let Unread { messages, oldest, newest, missing } = figures(&seen["read"]);
    assert_eq!((*messages, *oldest, missing.as_deref()), (Some(0), None, None));
    assert!(is_old(*newest, HOUR), "{newest:?}");
    assert_eq!(figures(&seen["empty"]), &Unread { messages: Some(0), ..Unread::default() });

    // One command counts, one dates, and neither can change a message.
    let [exchange, esearch, _, empty] = mailboxes.as_slice() else { panic!() };
    assert_eq!(
        said(exchange),
        ["SELECT INBOX", "STATUS \"INBOX\" (UNSEEN)", "FETCH 26,33:42 (INTERNALDATE)", "LOGOUT"]
    );
    assert_eq!(
        said(esearch),
        ["SELECT INBOX", "SEARCH RETURN (MIN COUNT) UNSEEN", "FETCH 26,33:42 (INTERNALDATE)", "LOGOUT"]
    );
    assert_eq!(said(empty), ["SELECT INBOX", "SEARCH RETURN (MIN COUNT) UNSEEN", "LOGOUT"]);
    assert!(mailboxes.iter().all(|mailbox| mailbox.mail_attempts() == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_unread_nothing_is_asked_about_messages() {
    let mut world = World::start().await;
    let app = world.app();
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    world.yaml.watch("desk", &mailbox, Door::Imap, "");
    let seen = world.round().await;
    assert_eq!(seen["desk"].server.unread, None);
    assert_eq!(said(&mailbox), ["SELECT INBOX", "LOGOUT"]);
}

/// A command's beginning and the answer. Nothing: the server closes; `…`: it is silent.
type Script = &'static [(&'static str, &'static str)];

/// What every server answers unless its script says otherwise.
const USUAL: Script = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\n{tag} OK done"),
    ("AUTHENTICATE", "{tag} OK in"),
    ("SELECT", "* 30 EXISTS\r\n{tag} OK open"),
    ("STATUS", "* STATUS INBOX (UNSEEN 3)\r\n{tag} OK done"),
    ("SEARCH UNSEEN", "* SEARCH 7 9 30\r\n{tag} OK done"),
    (
        "FETCH",
        "* 7 FETCH (INTERNALDATE \" 1-Nov-2026 10:00:00 +0100\")\r\n* 29 FETCH (INTERNALDATE \"20-Nov-2026 10:00:00 +0000\")\r\n\
         * 30 FETCH (INTERNALDATE \"02-Nov-2026 10:00:00 +0000\")\r\n{tag} OK done",
    ),
    ("LOGOUT", "* BYE\r\n{tag} OK bye"),
];

const LISTS_ESEARCH: (&str, &str) =
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 ESEARCH SASL-IR AUTH=XOAUTH2\r\n{tag} OK done");
const OLDEST: &str = "2026-11-01T09:00:00Z";
/// Not the last message's: that one was moved in.
const NEWEST: &str = "2026-11-20T10:00:00Z";

/// What a server does, the figures, what is said of those that are missing, and a command that may not be heard.
type Row = (Script, (Option<u32>, &'static str, &'static str), &'static str, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (&[], (Some(3), OLDEST, NEWEST), "", "RETURN"),
    (&[("SELECT", "* 30 EXISTS\r\n* OK [UNSEEN 7] first\r\n{tag} OK open")], (Some(3), OLDEST, NEWEST), "", "SEARCH"),
    (&[("SELECT", "* OK [UNSEEN 7] first\r\n{tag} OK open"), ("STATUS", "* STATUS INBOX (UNSEEN 0)\r\n{tag} OK")], (Some(0), "", ""), "", "FETCH"),
    (&[LISTS_ESEARCH, ("SEARCH RETURN", "* ESEARCH (TAG \"{tag}\") MIN 7 COUNT 190000\r\n{tag} OK done")], (Some(190_000), OLDEST, NEWEST), "", "STATUS"),
    (&[LISTS_ESEARCH, ("SEARCH RETURN", "{tag} BAD what?")], (Some(3), OLDEST, NEWEST), "", "STORE"),
    // A list of all would be longer than any answer that is read.
    (&[("STATUS", "* STATUS INBOX (UNSEEN 190000)\r\n{tag} OK done")], (Some(190_000), "", NEWEST), "which of 190000 unread messages is the first", "SEARCH"),
    (&[("STATUS", "{tag} NO not now")], (None, "", NEWEST), "refuses STATUS: NO not now", "SEARCH"),
    (&[("SEARCH UNSEEN", "{tag} BAD no search")], (Some(3), "", NEWEST), "refuses SEARCH: BAD no search", "STORE"),
    (&[("FETCH", "{tag} NO Some messages could not be found")], (Some(3), "", ""), "refuses FETCH: NO Some messages", "STORE"),
    (&[("FETCH", "* 7 FETCH (INTERNALDATE \"yesterday\")\r\n{tag} OK done")], (Some(3), "", ""), "no date of a message", "STORE"),
    // The folder is open: what follows is no verdict on the mailbox.
    (&[("STATUS", "")], (None, "", ""), "closed the connection", "FETCH"),
    (&[("STATUS", "…")], (None, "", ""), "no answer within", "FETCH"),
    (&[("STATUS", "what is this")], (None, "", ""), "not understood: what is this", "FETCH"),
];

async fn server(script: Script) -> (u16, Heard) {
    let heard = Heard::default();
    let hearing = Heard::clone(&heard);
    let port = listen(move |mut stream| {
        let heard = Heard::clone(&hearing);
        async move {
            stream.write_all(b"* OK ready\r\n").await?;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await? == 0 {
                    return Ok(());
                }
                let (tag, words) = line.trim_end().split_once(' ').unwrap();
                heard.lock().unwrap().push(words.to_owned());
                let rows = script.iter().chain(USUAL);
                let answer =
                    rows.clone().find(|(command, _)| words.starts_with(command)).map(|(_, text)| *text);
                match answer.unwrap_or("{tag} BAD unknown") {
                    "" => return stream.shutdown().await,
                    "…" => {}
                    text => {
                        stream.write_all(format!("{}\r\n", text.replace("{tag}", tag)).as_bytes()).await?;
                    }
                }
            }
        }
    })
    .await;
    (port, heard)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_does_not_tell_is_missing_and_said_so() {
    let mut world = World::start().await;
    let app = world.app();
    let (tokens, credential) = (world.yaml.takes_tokens(), world.yaml.credential(&app));
    let mut servers = Vec::new();
    for (place, (script, ..)) in ROWS.iter().enumerate() {
        let (port, heard) = server(script).await;
        let name = format!("row-{place}");
        world
            .yaml
            .provider_of(&name, &format!("imap: {{ host: 127.0.0.1, port: {port}, tls: none }}, {tokens}"));
        world.yaml.mailbox_of(
            &format!("name: {name}, address: user@contoso.example, provider: {name}, credential: {credential}, checks: [imap]"),
            "imap: { unread: true, timeout: 5s }",
        );
        servers.push((name, heard));
    }
    let seen = world.round().await;
    let mut wrong = Vec::new();
    for ((script, wanted, why, unheard), (name, heard)) in ROWS.iter().zip(servers) {
        let Unread { messages, oldest, newest, missing } = figures(&seen[&name]);
        let text = |at: &Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let found = (*messages, text(oldest), text(newest));
        let reason = missing.clone().unwrap_or_default();
        let heard = heard.lock().unwrap().clone();
        let is_right = found == (wanted.0, wanted.1.to_owned(), wanted.2.to_owned())
            && reason.is_empty() == why.is_empty()
            && reason.contains(why)
            && !heard.iter().any(|words| words.contains(unheard));
        if !is_right {
            wrong.push(format!("{script:?}: {found:?} ({reason}) after {heard:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_and_limits_are_exported_with_their_folder() {
    let mut world = World::start().await;
    let application = world.app();
    let mailbox = world.mailbox_of(&application, Fault::None).await;
    mailbox.set_unread(SimUnread { messages: 5, oldest: 72 * HOUR, newest: 24 * HOUR });
    let limits = "imap: { unread: true, read_within: 4h, arrives_within: 2d }";
    world.yaml.head = "defaults: { interval: 6s, timeout: 5s }".to_owned();
    world.yaml.watch("desk", &mailbox, Door::Imap, limits);
    let quiet = world.mailbox_of(&application, Fault::None).await;
    world.yaml.watch("quiet", &quiet, Door::Imap, "");
    let app = start(&world.configuration()).await;
    let mut page = String::new();
    eventually("both mailboxes are probed", async || {
        page = metrics(&app).await;
        page.matches("mailbox_folder_messages{").count() == 2
    })
    .await;
    stop(app).await;
    let value = |name: &str| -> Option<f64> {
        let start = format!("mailbox_folder_{name}{{mailbox=\"desk\",folder=\"INBOX\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&start)).map(|value| value.parse().unwrap())
    };
    assert_eq!(value("unread_messages"), Some(5.0), "{page}");
    assert_eq!(value("read_within_seconds"), Some(4.0 * 3600.0));
    assert_eq!(value("arrives_within_seconds"), Some(48.0 * 3600.0));
    let age = |name: &str| value(name).map(|at| Timestamp::now().as_second() as f64 - at);
    let near = |found: Option<f64>, hours: f64| found.is_some_and(|age| (age - hours * 3600.0).abs() < 120.0);
    assert!(near(age("oldest_unread_timestamp_seconds"), 72.0), "{page}");
    assert!(near(age("newest_message_timestamp_seconds"), 24.0), "{page}");
    let of_quiet = |line: &&str| line.starts_with("mailbox_folder_") && line.contains("quiet");
    assert_eq!(page.lines().filter(of_quiet).count(), 1, "only its number of messages");
}
