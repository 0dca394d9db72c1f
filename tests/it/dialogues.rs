//! What a probe says, word for word: the least that its protocol allows; and where it spends its time.

use std::time::Duration;

use mailbox_exporter::model::Phase;
use mailbox_exporter::sim::{Fault, Offers, Service, Step};

use crate::support::world::World;
use crate::support::yaml::Door;

/// How late a server answers at one step. Everything else together takes less, however busy the machine is.
const DELAY: Duration = Duration::from_secs(3);
/// What of it a phase has at least: the server's clock starts while the request is still on its way to the phase.
const MOST_OF_IT: Duration = Duration::from_millis(2900);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_asks_nothing_that_the_server_has_said_already() {
    let listed = Offers { in_greeting: true, ..Offers::default() };
    let passwords = Offers { passwords: true, ..listed };
    let no_xoauth2 = Offers { no_xoauth2: true, ..listed };
    let login = "AUTHENTICATE XOAUTH2";
    let rows: [(&str, Door, Offers, &[&str]); 7] = [
        ("asked", Door::Imap, Offers::default(), &["CAPABILITY", login, "SELECT INBOX", "LOGOUT"]),
        ("told", Door::Imap, listed, &[login, "SELECT INBOX", "LOGOUT"]),
        // A list that lacks the login may be short: the verdict rests on an answer of its own.
        ("short", Door::Imap, no_xoauth2, &["CAPABILITY", "LOGOUT"]),
        (
            "starttls",
            Door::ImapStartTls,
            Offers::default(),
            &["CAPABILITY", "STARTTLS", "CAPABILITY", login, "SELECT INBOX", "LOGOUT"],
        ),
        // What was said in clear is asked again (RFC 3501 section 6.2.1).
        (
            "told-starttls",
            Door::ImapStartTls,
            passwords,
            &["STARTTLS", "CAPABILITY", login, "SELECT INBOX", "LOGOUT"],
        ),
        ("smtp", Door::SmtpTls, Offers::default(), &["EHLO", "AUTH XOAUTH2", "QUIT"]),
        (
            "smtp-starttls",
            Door::Smtp,
            Offers::default(),
            &["EHLO", "STARTTLS", "EHLO", "AUTH XOAUTH2", "QUIT"],
        ),
    ];
    let mut world = World::start().await;
    let mut mailboxes = Vec::new();
    for (name, door, offers, _) in rows {
        let mailbox = world.mailbox(Fault::None).await;
        mailbox.set_offers(offers);
        world.yaml.watch(name, &mailbox, door, "");
        mailboxes.push(mailbox);
    }
    let seen = world.round().await;
    for ((name, door, offers, expected), mailbox) in rows.iter().zip(&mailboxes) {
        let service = if door.protocol() == "imap" { Service::Imap } else { Service::Smtp };
        let said: Vec<String> = mailbox.heard(service).into_iter().map(|heard| heard.words).collect();
        assert_eq!(said, *expected, "{name}");
        assert_eq!(seen[*name].outcome.is_up(), !offers.no_xoauth2, "{name}: {:?}", seen[*name].outcome);
        assert!(seen[*name].server.mechanisms.is_some(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_offered_before_a_failed_starttls_do_not_count() {
    let mut world = World::start().await;
    let rows = [("imap", Door::ImapStartTls), ("smtp", Door::Smtp), ("pop3", Door::Pop3StartTls)];
    for (name, door) in rows {
        let mailbox = world.mailbox(Fault::ClosedStartTls).await;
        world.yaml.watch(name, &mailbox, door, "");
    }
    let seen = world.round().await;
    for (name, _) in rows {
        assert_eq!(
            seen[name].outcome.failure().map(|failure| failure.phase),
            Some(Phase::StartTls),
            "{name}"
        );
        assert_eq!(seen[name].server.mechanisms, None, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_belongs_to_the_phase_in_which_the_server_is_slow() {
    let rows = [
        (Step::Tls, Door::Imap, Some(Phase::Tls)),
        (Step::Greeting, Door::Imap, Some(Phase::Greeting)),
        (Step::Capability, Door::Imap, Some(Phase::Capability)),
        (Step::Auth, Door::Imap, Some(Phase::Auth)),
        (Step::Select, Door::Imap, Some(Phase::Select)),
        (Step::StartTls, Door::ImapStartTls, Some(Phase::StartTls)),
        (Step::Tls, Door::ImapStartTls, Some(Phase::Tls)),
        (Step::Greeting, Door::Smtp, Some(Phase::Greeting)),
        (Step::StartTls, Door::Smtp, Some(Phase::StartTls)),
        (Step::Tls, Door::Smtp, Some(Phase::Tls)),
        (Step::Continue, Door::SmtpTls, Some(Phase::Auth)),
        (Step::Auth, Door::SmtpTls, Some(Phase::Auth)),
        (Step::Sender, Door::SmtpTls, Some(Phase::Sender)),
        (Step::Select, Door::Pop3, Some(Phase::Stat)),
        // The goodbye is outside the verdict: no phase has it.
        (Step::Goodbye, Door::Imap, None),
    ];
    let mut world = World::start().await;
    for (place, (step, door, _)) in rows.iter().enumerate() {
        let mailbox = world.mailbox(Fault::None).await;
        mailbox.set_slow(*step, DELAY);
        let sender = if *step == Step::Sender { "smtp: { sender: true }" } else { "" };
        world.yaml.watch(&format!("m{place}"), &mailbox, *door, sender);
    }
    let seen = world.round().await;
    for (place, (step, door, phase)) in rows.iter().enumerate() {
        let seen = &seen[&format!("m{place}")];
        assert!(seen.outcome.is_up(), "{step:?} {door:?}: {:?}", seen.outcome);
        let took = |wanted: bool| -> Duration {
            seen.timings.iter().filter(|(at, _)| (Some(*at) == *phase) == wanted).map(|(_, took)| took).sum()
        };
        let all = format!("{step:?} {door:?}: {:?}", seen.timings);
        assert_eq!(seen.timings.total(), seen.duration, "{all}");
        assert!(took(false) < DELAY, "{all}");
        assert!(phase.is_none() || took(true) >= MOST_OF_IT, "{all}");
    }
}
