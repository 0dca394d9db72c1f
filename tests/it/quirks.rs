//! What real servers say that no simulator would think of: bare codes, second blanks, lines that may be
//! skipped, refusals that nothing follows, answers that come before they were asked for.
//!
//! Faults that a mailbox of the simulator can have are in `probes`.

use mailbox_exporter::sim::Fault;

use crate::peer::{self, Act, Script};
use crate::probes::verdict;
use crate::support::world::World;
use crate::support::yaml::Door;

/// The protocol, what the server does, the verdict, and what must stand in the detail.
type Row = (&'static str, Script, &'static str, &'static str);

use Act::{Before, Behind, Close, IfHeard, Say, Silence};

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("imap", &[], "up", ""),
    ("smtp", &[], "up", ""),
    // --- IMAP: what may be skipped
    ("imap", &[("select", Say("* NOOP\r\n* 3 EXISTS\r\n{tag} OK done\r\n"))], "up", ""),
    ("imap", &[("select", Say("*  1843 EXISTS\r\n{tag}  OK  done\r\n"))], "up", ""),
    ("imap", &[("select", Before("* ESEARCH (TAG \"a3\") ALL 1:3\r\n* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* X-ANYTHING (of\r\n\r\n"))], "up", ""),
    ("imap", &[("select", Before("* LIST () \"/\" {9}\r\na3 NO no!\r\n"))], "up", ""),
    ("imap", &[("capability", Say("* CAPABILITY  IMAP4rev1 AUTH=XOAUTH2\r\n{tag} OK done\r\n"))], "up", ""),
    ("imap", &[("capability", Say("* CAPABILITY IMAP4rev2 SASL-IR AUTH=XOAUTH2\r\n{tag} OK done\r\n"))], "up", ""),
    ("imap", &[("capability", Say("{tag} OK [CAPABILITY IMAP4rev2 AUTH=XOAUTH2] done\r\n"))], "up", ""),
    ("imap", &[("greeting", Say("\r\n* OK\r\n"))], "up", ""),
    ("imap", &[("auth", Say("{tag} OK\r\n"))], "up", ""),
    ("imap", &[("capability", Say("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n{tag} OK done\r\n")), ("login", Say("+\r\n"))], "up", ""),
    ("imap", &[("capability", Say("* CAPABILITY IMAP4rev1 SASL-IR ID AUTH=XOAUTH2\r\n{tag} OK done\r\n")),
               ("select", IfHeard(" ID (\"name\" \"mailbox-exporter\"", "{tag} NO SELECT Unsafe Login. Please contact kefu@mail.example for help\r\n"))], "up", ""),
    ("imap", &[("capability", Say("* CAPABILITY IMAP4rev1 SASL-IR ID AUTH=XOAUTH2\r\n{tag} OK done\r\n")), ("id", Say("{tag} BAD what?\r\n"))], "up", ""),
    ("imap", &[("capability", Say("* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\n{tag} OK done\r\n")), ("auth", Say("{tag} OK [CAPABILITY IMAP4rev1 ID] in\r\n")),
               ("select", IfHeard(" ID (\"name\" \"mailbox-exporter\"", "{tag} NO SELECT Unsafe Login. Please contact kefu@mail.example for help\r\n"))], "up", ""),
    ("imap", &[("auth", Say("{tag} NO [REFERRAL imap://user@other.contoso.example/] try there\r\n"))], "auth server_unavailable", "other.contoso.example"),
    // --- IMAP: which line is not understood
    ("imap", &[("capability", Before("220 what is this\r\n"))], "capability protocol_error", "220 what is this"),
    ("imap", &[("select", Say("* 3 EXISTS\r\nzz9 OK done\r\n"))], "select protocol_error", "zz9 OK done"),
    ("imap", &[("select", Say("a0 OK done\r\n"))], "select protocol_error", "a0 OK done"),
    // --- IMAP: refusals that are no end of an answer
    ("imap", &[("greeting", Say("421 Server is busy, try later\r\n"))], "greeting server_unavailable", "421 Server is busy"),
    // What POP3 refuses by is no farewell elsewhere.
    ("imap", &[("greeting", Say("-ERR closing down\r\n"))], "greeting protocol_error", "-ERR closing down"),
    ("smtp", &[("greeting", Say("-ERR closing down\r\n"))], "greeting protocol_error", "-ERR closing down"),
    ("imap", &[("auth", Silence("* NO [AUTHENTICATIONFAILED] Invalid credentials\r\n"))], "auth token_rejected", "Invalid credentials"),
    ("imap", &[("auth", Close("* NO [AUTHENTICATIONFAILED] Invalid credentials\r\n"))], "auth token_rejected", "Invalid credentials"),
    ("imap", &[("auth", Silence("* OK still looking\r\n"))], "auth timeout", "* OK still looking"),
    ("imap", &[("auth", Silence("* NO a disk is 98% full\r\n"))], "auth timeout", "98% full"),
    ("imap", &[("auth", Say("{tag} OK [ALERT] IMAP is switched off for this account\r\n")), ("select", Silence("* BAD Command received in Invalid state.\r\n"))],
        "select protocol_disabled", "IMAP is switched off"),
    ("imap", &[("auth", Say("{tag} OK [ALERT] IMAP is switched off for this account\r\n")), ("select", Say("{tag} BAD Command Error. 12\r\n"))],
        "select protocol_disabled", "IMAP is switched off"),
    ("imap", &[("auth", Say("{tag} OK [ALERT] IMAP is switched off for this account\r\n"))], "up", ""),
    // --- IMAP: answers before their questions
    ("imap", &[("greeting", Behind("* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\na1 OK x\r\na2 OK x\r\n* 3 EXISTS\r\na3 OK x\r\n"))],
        "capability protocol_error", "before it was asked"),
    ("imap", &[("capability", Behind("a2 OK logged in, honestly\r\n"))], "auth protocol_error", "a2 OK logged in"),
    ("imap", &[("auth", Behind("a3 OK open\r\n"))], "select protocol_error", "a3 OK open"),
    ("imap", &[("capability", Say("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n{tag} OK done\r\n")), ("login", Say("+ \r\n{tag} OK in\r\n"))],
        "auth protocol_error", "before it was asked"),
    ("imap", &[("capability", Say("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n{tag} OK done\r\n")), ("login", Say("{tag} OK come in\r\n"))],
        "auth protocol_error", "OK come in"),
    // --- SMTP: bare codes
    ("smtp", &[("login", Say("334\r\n"))], "up", ""),
    ("smtp", &[("greeting", Say("220-hello\r\n220\r\n"))], "up", ""),
    ("smtp", &[("capability", Say("250-\r\n250-AUTH XOAUTH2\r\n250\r\n"))], "up", ""),
    ("smtp", &[("auth", Say("235\r\n")), ("sender", Say("250\r\n"))], "up", ""),
    ("smtp", &[("auth", Say("535\r\n"))], "auth token_rejected", "535"),
    // --- SMTP: replies that are none
    ("smtp", &[("auth", Say("250-one\r\n250-two\r\n550 three\r\n"))], "auth protocol_error", "550 three"),
    ("smtp", &[("capability", Say("250-hello\r\nAUTH XOAUTH2\r\n"))], "capability protocol_error", ": AUTH XOAUTH2"),
    ("smtp", &[("greeting", Say("354 send it\r\n"))], "greeting protocol_error", "354 send it"),
    ("smtp", &[("capability", Say("334 AUTH XOAUTH2\r\n"))], "capability protocol_error", "334 AUTH"),
    ("smtp", &[("sender", Say("354 send it\r\n"))], "sender protocol_error", "354 send it"),
    // --- SMTP: a login reason is never given before the login
    ("smtp", &[("greeting", Say("550 x\r\n"))], "greeting protocol_error", "550 x"),
    ("smtp", &[("capability", Say("550 x\r\n"))], "capability protocol_error", "550 x"),
    ("smtp", &[("capability", Say("550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)\r\n"))], "capability protocol_error", "Invalid HELO name"),
    // --- SMTP: what passes, what is about sending too much, what is about our address
    ("smtp", &[("sender", Say("450 4.7.0 Message not proxied\r\n"))], "sender server_unavailable", "450 4.7.0"),
    ("smtp", &[("sender", Say("450 4.7.1 Unable to Relay\r\n"))], "sender server_unavailable", "450 4.7.1"),
    ("smtp", &[("sender", Say("554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Actual verdict is RefuseQuota\r\n"))], "sender account_locked", "RefuseQuota"),
    ("smtp", &[("greeting", Say("550 5.7.606 Access denied, banned sending IP [192.0.2.1]\r\n"))], "greeting conditional_access", "banned sending IP"),
    ("smtp", &[("sender", Say("550 5.7.606 Access denied, banned sending IP [192.0.2.1]\r\n"))], "sender conditional_access", "banned sending IP"),
    // --- SMTP: refusals without an end, answers before their questions
    ("smtp", &[("auth", Silence("535-5.7.8 Username and Password not accepted.\r\n"))], "auth token_rejected", "535-5.7.8"),
    ("smtp", &[("login", Say("235 2.7.0 Accepted\r\n"))], "auth protocol_error", "235 2.7.0 Accepted"),
    ("smtp", &[("capability", Behind("235 2.7.0 Accepted\r\n"))], "auth protocol_error", "235 2.7.0 Accepted"),
    ("smtp", &[("greeting", Say("220 hi\r\n250-h\r\n250 AUTH XOAUTH2\r\n334 \r\n235 ok\r\n"))], "capability protocol_error", "before it was asked"),
    ("smtp", &[("capability", Behind("421 4.3.2 Service shutting down\r\n"))], "auth server_unavailable", "421 4.3.2"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_real_servers_say_has_its_verdict_and_its_line() {
    let mut world = World::start().await;
    let app = world.app();
    let (tokens, credential) = (world.yaml.takes_tokens(), world.yaml.credential(&app));
    for (place, (protocol, script, wanted, _)) in ROWS.iter().enumerate() {
        let (port, _) = if *protocol == "imap" { peer::imap(script).await } else { peer::smtp(script).await };
        let name = format!("row-{place}");
        world.yaml.provider_of(
            &name,
            &format!("{protocol}: {{ host: 127.0.0.1, port: {port}, tls: none }}, {tokens}"),
        );
        let silent = script.iter().any(|(_, act)| matches!(act, Silence(_)));
        let bound = if silent || wanted.ends_with("timeout") { ", timeout: 4s" } else { "" };
        world.yaml.mailbox_of(
            &format!("name: {name}, address: user@contoso.example, provider: {name}, credential: {credential}, checks: [{protocol}]"),
            &format!("smtp: {{ sender: true }}{bound}"),
        );
    }
    let seen = world.round().await;
    let mut wrong = Vec::new();
    for (place, (protocol, script, wanted, quoted)) in ROWS.iter().enumerate() {
        let observation = &seen[&format!("row-{place}")];
        let detail = observation.outcome.failure().map(|failure| failure.cause.detail.clone());
        let found = verdict(observation);
        if found != *wanted || !detail.clone().unwrap_or_default().contains(quoted) {
            wrong
                .push(format!("{protocol} {script:?}: {wanted} with {quoted:?}, found {found} ({detail:?})"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_notify_in_the_handshake_is_the_end_and_no_silence() {
    let mut world = World::start().await;
    let app = world.app();
    let (tokens, credential) = (world.yaml.takes_tokens(), world.yaml.credential(&app));
    let port = peer::handshake(b"\x15\x03\x03\x00\x02\x01\x00").await;
    for protocol in ["imap", "smtp"] {
        world.yaml.provider_of(
            protocol,
            &format!("{protocol}: {{ host: 127.0.0.1, port: {port}, tls: implicit }}, {tokens}"),
        );
        world.yaml.mailbox_of(&format!("name: {protocol}, address: user@contoso.example, provider: {protocol}, credential: {credential}, checks: [{protocol}]"), "");
    }
    for (name, observation) in world.round().await {
        assert_eq!(verdict(&observation), "tls connection_closed", "{name}: {:?}", observation.outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_self_signed_certificate_that_is_its_own_ca_file_is_trusted() {
    let mut world = World::start().await;
    let app = world.app();
    let mailbox = world.mailbox_of(&app, Fault::CertificateSelfSigned).await;
    let other = world.mailbox_of(&app, Fault::CertificateUnknownAuthority).await;
    for door in [Door::Imap, Door::Smtp] {
        world.yaml.watch(&format!("named-{}", door.protocol()), &mailbox, door, "");
        world.yaml.watch(&format!("other-{}", door.protocol()), &other, door, "");
    }
    world.trust_self_signed();
    let seen = world.round().await;
    for (name, observation) in &seen {
        let wanted = if name.starts_with("named") { "up" } else { "tls tls_certificate_untrusted" };
        assert_eq!(verdict(observation), wanted, "{name}: {:?}", observation.outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_told_the_configured_names() {
    let mut world = World::start().await;
    let app = world.app();
    let (tokens, credential) = (world.yaml.takes_tokens(), world.yaml.credential(&app));
    let (imap, read) = peer::imap(&[]).await;
    let (smtp, sent) = peer::smtp(&[]).await;
    let (default, sent_by_default) = peer::smtp(&[]).await;
    let rows = [
        (
            "folder",
            format!("imap: {{ host: 127.0.0.1, port: {imap}, tls: none }}"),
            "imap",
            "imap: { folder: 'Entw&APw-rfe' }",
        ),
        (
            "named",
            format!("smtp: {{ host: 127.0.0.1, port: {smtp}, tls: none }}"),
            "smtp",
            "smtp: { ehlo: agent.contoso.example }",
        ),
        ("unnamed", format!("smtp: {{ host: 127.0.0.1, port: {default}, tls: none }}"), "smtp", ""),
    ];
    for (name, server, protocol, extra) in &rows {
        world.yaml.provider_of(name, &format!("{server}, {tokens}"));
        world.yaml.mailbox_of(
            &format!("name: {name}, address: user@contoso.example, provider: {name}, credential: {credential}, checks: [{protocol}]"),
            extra,
        );
    }
    let seen = world.round().await;
    assert!(seen.values().all(|observation| observation.outcome.is_up()), "{seen:?}");
    let has = |heard: &peer::Heard, line: &str| heard.lock().unwrap().iter().any(|said| said.ends_with(line));
    assert!(has(&read, " SELECT \"Entw&APw-rfe\""), "{read:?}");
    assert!(
        !read.lock().unwrap().iter().any(|line| line.contains(" ID ")),
        "the server does not ask for an ID"
    );
    assert!(has(&sent, "EHLO agent.contoso.example"), "{sent:?}");
    assert!(has(&sent_by_default, "EHLO [127.0.0.1]"), "{sent_by_default:?}");
}
