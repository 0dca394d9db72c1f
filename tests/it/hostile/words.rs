//! What hostile servers and token endpoints say, word by word, and what is made of it.
//!
//! Those that are a fault of the simulator stand in `mod.rs`; what honest but odd servers say, in `quirks`.

use std::time::Duration;

use super::{MOST_MEMORY, peak_memory};
use crate::peer::Act::{self, Before, Say, Silence};
use crate::peer::{self, Script};
use crate::support::process::{Program, results};
use crate::support::world::World;

/// Between two looks at the memory of the program.
const LOOK: Duration = Duration::from_millis(20);

/// Who says it.
#[derive(Clone, Copy)]
enum Speaker {
    Imap,
    Smtp,
    /// A token endpoint; everything behind it is honest.
    Token,
}

use Speaker::{Imap, Smtp, Token};

/// A name, who says it at which step, and the phase and reason that it gets, or `up`.
struct Row(String, Speaker, Script, &'static str);

/// A text that lasts as long as the servers.
fn kept(text: impl Into<String>) -> &'static str {
    text.into().leak()
}

fn at(step: &'static str, act: Act) -> Script {
    vec![(step, act)].leak()
}

/// As a token endpoint answers: the whole response.
fn http(status: &str, headers: &str, body: &str) -> Act {
    let length = body.len();
    Say(kept(format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )))
}

fn token(members: &str) -> Act {
    http(
        "200 OK",
        "",
        &format!(r#"{{"token_type":"Bearer","access_token":"a.b.c","expires_in":3600{members}}}"#),
    )
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add =
        |name: &str, speaker, script, wanted| rows.push(Row(name.to_owned(), speaker, script, wanted));
    let words = |word: &str, count: usize| (0..count).map(|n| format!(" {word}{n}")).collect::<String>();
    let list =
        |more: &str| kept(format!("* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2{more}\r\n{{tag}} OK x\r\n"));

    add("imap-preauth", Imap, at("greeting", Say("* PREAUTH welcome\r\n")), "greeting protocol_error");
    add(
        "imap-ssh",
        Imap,
        at("greeting", Say("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
        "greeting protocol_error",
    );
    add("imap-carriage-returns", Imap, at("greeting", Silence(kept("\r".repeat(5000)))), "greeting timeout");
    add(
        "imap-100000-capabilities",
        Imap,
        at("capability", Say(list(&words("X", 100_000)))),
        "capability protocol_error",
    );
    add("imap-2000-capabilities", Imap, at("capability", Say(list(&words("X", 2000)))), "up");
    add("imap-1500-mechanisms", Imap, at("capability", Say(list(&words("AUTH=X", 1500)))), "up");
    add(
        "imap-no-capabilities",
        Imap,
        at("capability", Say("{tag} OK done\r\n")),
        "capability protocol_error",
    );
    add(
        "imap-parentheses",
        Imap,
        at("capability", Say(kept(format!("* X {}\r\n", "(".repeat(5000))))),
        "capability protocol_error",
    );
    add(
        "imap-empty-lines",
        Imap,
        at("capability", Say(kept("\r\n".repeat(100_000)))),
        "capability protocol_error",
    );
    add("imap-continued-capability", Imap, at("capability", Say("+ go on\r\n")), "capability protocol_error");
    add("imap-continued-auth", Imap, at("auth", Say(kept("+ \r\n".repeat(400)))), "auth protocol_error");
    add("imap-continued-select", Imap, at("select", Say("+ go on\r\n")), "select protocol_error");
    add(
        "imap-long-challenge",
        Imap,
        at("auth", Say(kept(format!("+ {}\r\n", "A".repeat(10_000_000))))),
        "auth protocol_error",
    );
    add(
        "imap-long-refusal",
        Imap,
        at("auth", Say(kept(format!("{{tag}} NO [AUTHENTICATIONFAILED] {}\r\n", "x".repeat(15_000))))),
        "auth token_rejected",
    );
    add("imap-unclosed-code", Imap, at("auth", Say("{tag} OK [CAPABILITY IMAP4rev1\r\n")), "up");
    add(
        "imap-bye",
        Imap,
        at("select", Silence("* BYE Server is shutting down\r\n")),
        "select server_unavailable",
    );
    for (count, wanted) in [
        ("4294967295", "up"),
        ("4294967296", "select protocol_error"),
        ("-1", "select protocol_error"),
        ("1e9", "select protocol_error"),
        ("0x10", "select protocol_error"),
    ] {
        let said = kept(format!("* {count} EXISTS\r\n{{tag}} OK done\r\n"));
        add(&format!("imap-{count}-messages"), Imap, at("select", Say(said)), wanted);
    }
    let counts: String = (0..400).map(|count| format!("* {count} EXISTS\r\n")).collect();
    add("imap-400-counts", Imap, at("select", Before(kept(counts))), "up");
    add(
        "imap-unsolicited",
        Imap,
        at("select", Before("* 7 EXPUNGE\r\n* 5 FETCH (FLAGS (\\Seen))\r\n* SEARCH 1 2 3\r\n")),
        "up",
    );
    add(
        "imap-literal-of-4-gib",
        Imap,
        at("select", Silence("* LIST () {4294967295}\r\nxxxx")),
        "select protocol_error",
    );
    add("imap-negative-literal", Imap, at("select", Before("* LIST () {-1}\r\n")), "up");

    for code in ["999", "099", "000", "600", "2500", "25", "-50", "abc", "²50"] {
        add(
            &format!("smtp-code-{code}"),
            Smtp,
            at("capability", Say(kept(format!("{code} what\r\n")))),
            "capability protocol_error",
        );
    }
    let lines = |count: usize| {
        kept((0..count).map(|n| format!("250-X{n}\r\n")).collect::<String>() + "250 AUTH XOAUTH2\r\n")
    };
    add("smtp-10000-lines", Smtp, at("capability", Say(lines(10_000))), "capability protocol_error");
    add("smtp-400-lines", Smtp, at("capability", Say(lines(400))), "up");
    let mechanisms = kept(format!("250-h\r\n250 AUTH XOAUTH2{}\r\n", words("X", 2000)));
    add("smtp-2000-mechanisms", Smtp, at("capability", Say(mechanisms)), "up");
    add(
        "smtp-long-challenge",
        Smtp,
        at("auth", Say(kept(format!("334 {}\r\n", "A".repeat(10_000_000))))),
        "auth protocol_error",
    );
    add("smtp-codes-that-change", Smtp, at("auth", Say("550-one\r\n250 fine\r\n")), "auth protocol_error");
    add(
        "smtp-no-service",
        Smtp,
        at("greeting", Say("554 5.7.1 No SMTP service here\r\n")),
        "greeting server_unavailable",
    );

    let head = |text: &str| Say(kept(format!("HTTP/1.1 200 OK\r\n{text}")));
    add(
        "token-chunk-of-2-to-64",
        Token,
        at("", head("Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n")),
        "token protocol_error",
    );
    add(
        "token-chunks-of-garbage",
        Token,
        at("", head("Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n")),
        "token protocol_error",
    );
    add(
        "token-two-lengths",
        Token,
        at("", head("Content-Length: 5\r\nContent-Length: 500\r\n\r\nhello")),
        "token protocol_error",
    );
    add(
        "token-long-header",
        Token,
        at("", head(&format!("X: {}", "y".repeat(2_000_000)))),
        "token protocol_error",
    );
    add(
        "token-5000-headers",
        Token,
        at("", head(&(0..5000).map(|n| format!("X-{n}: y\r\n")).collect::<String>())),
        "token protocol_error",
    );
    add("token-http-0.9", Token, at("", Say("hello\r\n")), "token protocol_error");
    add("token-status-99999", Token, at("", Say("HTTP/1.1 99999 What\r\n\r\n")), "token protocol_error");
    add("token-tls-alert", Token, at("", Say("\u{15}\u{3}\u{1}\0\u{2}\u{2}F")), "token protocol_error");
    add("token-empty", Token, at("", http("200 OK", "", "")), "token protocol_error");
    add("token-null", Token, at("", http("200 OK", "", "null")), "token protocol_error");
    add(
        "token-100000-deep",
        Token,
        at("", http("200 OK", "", &"{\"a\":".repeat(100_000))),
        "token protocol_error",
    );
    add(
        "token-of-a-mebibyte",
        Token,
        at("", http("200 OK", "", &format!(r#"{{"access_token":"{}"}}"#, "x".repeat(1 << 20)))),
        "token protocol_error",
    );
    add(
        "token-with-a-line-end",
        Token,
        at("", http("200 OK", "", r#"{"token_type":"Bearer","access_token":"abc\r\na9 LOGOUT"}"#)),
        "token protocol_error",
    );
    add(
        "token-of-a-surrogate",
        Token,
        at("", http("200 OK", "", r#"{"token_type":"Bearer","access_token":"\ud800"}"#)),
        "token protocol_error",
    );
    add("token-for-ages", Token, at("", token(r#","refresh_in":18446744073709551615"#)), "up");
    add(
        "token-from-the-year-9999",
        Token,
        at(
            "",
            http(
                "200 OK",
                "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
                r#"{"token_type":"Bearer","access_token":"a.b.c"}"#,
            ),
        ),
        "up",
    );
    add(
        "token-after-10-to-12-seconds",
        Token,
        at("", http("429 Too Many Requests", "Retry-After: 1000000000000\r\n", "later")),
        "token idp_throttled",
    );
    add(
        "token-in-utf-16",
        Token,
        at("", http("200 OK", "", "{\0\"\0a\0\"\0:\x001\0}\0")),
        "token protocol_error",
    );
    add(
        "token-of-error-codes",
        Token,
        at(
            "",
            http(
                "400 Bad Request",
                "",
                r#"{"error":"invalid_client","error_codes":[1000000000000000000000000000000,-1,1.5,"x"]}"#,
            ),
        ),
        "token secret_invalid",
    );
    add(
        "token-switching-protocols",
        Token,
        at("", Say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")),
        "token unexpected",
    );
    rows
}

/// The longest that a probe may take, in seconds, and its time limit where the server speaks and where it falls silent.
const LONGEST: f64 = 10.0;
const TIMEOUT: &str = "timeout: 20s";
const SILENCE: &str = "timeout: 3s";
/// Each by itself as far as a busy machine allows: what one costs must not be blamed on another.
const LIMITS: &str = "limits: { concurrency: 4 }";

/// Brings up a server for every row, and configures a mailbox for it.
async fn configure(world: &mut World, rows: &[Row]) {
    let app = world.app();
    let (honest, shared) = (world.yaml.takes_tokens(), world.yaml.credential(&app));
    world.yaml.head = LIMITS.to_owned();
    for Row(name, speaker, script, _) in rows {
        let (protocol, port) = match speaker {
            Imap => ("imap", peer::imap(script).await.0),
            Smtp => ("smtp", peer::smtp(script).await.0),
            Token => ("imap", peer::imap(&[]).await.0),
        };
        let (tokens, credential) = match (speaker, script) {
            (Token, [(_, Say(answer))]) => {
                let (url, _) = peer::bytes(answer.as_bytes()).await;
                let place = world.file(&format!("{name}.secret"), "battery staple");
                let keys = format!("type: client_secret, client_id: probe, secret: {{ file: {place:?} }}");
                world.yaml.credential_of(name, &keys);
                (format!("token_url: 'http://127.0.0.1:{url}/token', scope: x"), name)
            }
            _ => (honest.clone(), &shared),
        };
        let keys = format!("{protocol}: {{ host: 127.0.0.1, port: {port}, tls: none }}, {tokens}");
        world.yaml.provider_of(name, &keys);
        let keys = format!("name: '{name}', address: user@contoso.example, provider: {name}");
        let is_silent = matches!(script, [(_, Silence(_))]);
        let bound = if is_silent { SILENCE } else { TIMEOUT };
        world.yaml.mailbox_of(&format!("{keys}, credential: {credential}, checks: [{protocol}]"), bound);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_word_can_mislead_the_program_or_hold_it() {
    let mut world = World::start().await;
    let rows = rows();
    configure(&mut world, &rows).await;
    let check = Program::new(&["check", "--output", "json"]).config(&world.configuration()).start();
    let (id, mut peak) = (check.id(), 0);
    let watching = std::thread::spawn(move || {
        while let Some(memory) = peak_memory(id) {
            peak = memory.max(peak);
            std::thread::sleep(LOOK);
        }
        peak
    });
    let run = check.end();
    let peak = watching.join().unwrap();
    assert!((1..MOST_MEMORY).contains(&peak), "{peak} kB");
    assert!(run.status == Some(1) && !run.said().contains("a panic"), "{}", run.stderr);
    let mut wrong = Vec::new();
    for result in results(&run) {
        let text = |key: &str| result[key].as_str().unwrap_or_default();
        let Row(name, _, _, wanted) = rows.iter().find(|row| row.0 == text("mailbox")).unwrap();
        let found = match result["success"].as_bool() {
            Some(true) => "up".to_owned(),
            _ => format!("{} {}", text("phase"), text("reason")),
        };
        let took = result["duration_seconds"].as_f64().unwrap();
        if found != *wanted || took > LONGEST {
            wrong.push(format!("{name}: {wanted}, found {found} after {took} s: {}", text("detail")));
        }
    }
    assert_eq!(results(&run).len(), rows.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
