//! The ways in which the world changes an answer that still means the same: case, spacing, tags, lines,
//! names, numbers, and what libraries wrap around it.

use crate::model::Protocol;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{ROWS, Row, Source, assert_none, complaint};

/// A change, and the name under which it fails.
type Mutation = (&'static str, fn(&Row, &str) -> Option<String>);

/// Each gives `None` if it does not apply. They are applied in their order.
const MUTATIONS: &[Mutation] = &[
    ("capitals", |row, text| plain(row).then(|| text.to_uppercase())),
    ("small letters", |row, text| {
        (plain(row) && row.raw.split_whitespace().count() > 2).then(|| text.to_lowercase())
    }),
    ("wide spaces", |row, text| single(row, text).then(|| text.replace(' ', "  "))),
    ("tabs", |row, text| single(row, text).then(|| text.replacen(' ', "\t", 3))),
    ("a line end", |_, text| Some(format!("  {text}\r\n"))),
    ("a folded line", |row, text| single(row, text).then(|| folded(text))),
    ("another tag", |row, text| (row.protocol == "imap").then(|| retagged(text))?),
    ("no tag", |row, text| (row.protocol == "imap").then(|| untagged(text))?),
    ("lines of one reply", |row, text| (row.protocol == "smtp").then(|| multiline(text))?),
    ("a host and an id", |row, text| {
        (row.protocol == "smtp" && single(row, text) && !text.ends_with('=')).then(|| {
            format!(
                "{text} [AM0PR02CA0134.eurprd02.prod.outlook.com 2026-07-11T11:46:49.042Z 08DCA18218166FB4]"
            )
        })
    }),
    ("a time taken", |row, text| {
        (row.protocol == "imap" && single(row, text) && !text.ends_with('='))
            .then(|| format!("{text} (0.011 + 0.000 + 0.010 secs)."))
    }),
    ("misleading names", |row, text| {
        // Where a name is in the place of the words, there is no place for one.
        (mail(row) && single(row, text) && !text.ends_with('=')).then(|| {
            format!(
                "{text} for <quota@throttled.too-many-connections.example> at busy.timeout.disabled.example"
            )
        })
    }),
    ("other ids", |row, text| {
        (row.protocol == "oauth").then(|| {
            text.replace("00000000-0000-0000-0000-000000000000", "5b5a1f54-3d25-4f65-8f55-40317c6f0a53")
                .replace("2023", "2026")
        })
    }),
    ("a trailing trace", |row, text| {
        (row.protocol == "oauth" && plain(row)).then(|| {
        format!(
            "{text} Trace ID: 1f1e6e43-4c1c-4e38-b9d3-40105a500a00 Correlation ID: 5b5a1f54-3d25-4f65-8f55-40317c6f0a53 Timestamp: 2026-11-24 10:11:12Z"
        )
    })
    }),
    ("Python's bytes", |row, text| mail(row).then(|| python(row, text))?),
    ("async-imap", |row, text| {
        // The library keeps the text and drops the status: of a bare NO nothing would be left.
        let info = (row.protocol == "imap").then(|| untagged(text))??;
        let info = ["NO ", "BAD ", "BYE "].iter().find_map(|status| info.strip_prefix(status))?;
        (!info.contains(['\n', '"']) && info.split_whitespace().count() > 1)
            .then(|| format!("no response: code: None, info: Some(\"{info}\")"))
    }),
    ("Java", |row, text| {
        let wrapped = text.to_lowercase().contains("exception");
        (mail(row) && row.stage != "capability" && !wrapped)
            .then(|| format!("javax.mail.AuthenticationFailedException: {text}"))
    }),
    ("Node", |row, text| {
        (mail(row) && row.stage != "capability").then(|| {
            format!("Error: Invalid response: {text}\n    at Socket.emit (node:events:518:28)\n    at addChunk (node:internal/streams/readable:561:12)")
        })
    }),
    ("Go", |row, text| (row.protocol == "net").then(|| format!("dial imap.contoso.example:993: {text}"))),
    ("Rust", |row, text| (row.protocol == "net").then(|| format!("io error: {text}"))),
    ("a log line", |row, text| {
        single(row, text).then(|| format!("2026-11-24 10:11:12,345 WARN mail.worker[4711] {text}"))
    }),
    ("a dialogue", |row, text| mail(row).then(|| dialogue(row, text))?),
    ("the challenge in base64", |row, text| {
        (mail(row) && text.starts_with("{\"status")).then(|| format!("+ {}", STANDARD.encode(text)))
    }),
    ("the challenge by SMTP", |row, text| {
        (row.protocol == "smtp" && text.starts_with("{\"status"))
            .then(|| format!("334 {}", STANDARD.encode(text)))
    }),
];

/// What has a notation of its own: JSON, base64, numbers.
fn plain(row: &Row) -> bool {
    !row.raw.contains('{') && !row.raw.contains(" ey") && !row.raw.starts_with('7')
}

/// One line with words in it: of a wordless "no" nothing is left behind other words.
fn single(row: &Row, text: &str) -> bool {
    plain(row) && !text.contains('\n') && row.raw.split_whitespace().count() > 2
}

fn mail(row: &Row) -> bool {
    matches!(row.source(), Source::Mail(_)) && row.raw.split_whitespace().count() > 1
}

/// Broken at a space near its middle, as terminals and mails break lines.
fn folded(text: &str) -> String {
    let middle = text.char_indices().map(|(at, _)| at).nth(text.chars().count() / 2).unwrap_or(0);
    match text.get(middle..).and_then(|rest| rest.find(' ')) {
        Some(space) => {
            let (head, tail) = text.split_at(middle + space);
            format!("{head}\n   {}", tail.trim_start())
        }
        None => text.to_owned(),
    }
}

/// The text behind an IMAP tag.
fn untagged(text: &str) -> Option<String> {
    let (tag, rest) = text.split_once(' ')?;
    let status = ["NO ", "BAD ", "BYE "].iter().any(|status| rest.starts_with(status));
    (status
        && !["NO", "BAD", "BYE"].contains(&tag)
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'*'))
    .then(|| rest.to_owned())
}

fn retagged(text: &str) -> Option<String> {
    (!text.starts_with('*')).then(|| untagged(text)).flatten().map(|rest| format!("zz0815 {rest}"))
}

/// A reply on two lines, its codes on both.
fn multiline(text: &str) -> Option<String> {
    let (code, rest) = text.split_once(' ')?;
    if text.contains(['\n', '\t'])
        || text.contains("  ")
        || code.len() != 3
        || code == "334"
        || !code.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let (enhanced, sentence) = match rest.split_once(' ') {
        Some((word, sentence)) if word.contains('.') && word.starts_with(['4', '5']) => {
            (format!("{word} "), sentence)
        }
        _ => (String::new(), rest),
    };
    let (head, tail) = sentence.split_once(' ')?;
    Some(format!("{code}-{enhanced}{head}\r\n{code} {enhanced}{tail}"))
}

/// As `imaplib`, `smtplib` and `poplib` show it.
fn python(row: &Row, text: &str) -> Option<String> {
    if text.contains(['\'', '\n']) {
        return None;
    }
    match row.source() {
        Source::Mail(Protocol::Smtp) => {
            let (code, rest) = text.split_once(' ')?;
            let code = code.bytes().all(|byte| byte.is_ascii_digit()).then_some(code)?;
            Some(format!("smtplib.SMTPAuthenticationError: ({code}, b'{rest}')"))
        }
        Source::Mail(Protocol::Pop3) => Some(format!("poplib.error_proto: b'{text}'")),
        _ => Some(format!("imaplib.IMAP4.error: b'{}'", untagged(text)?)),
    }
}

/// What was said before and after it.
fn dialogue(row: &Row, text: &str) -> Option<String> {
    // A stack trace and a folded line are no lines of a server.
    if text.contains("\n ") {
        return None;
    }
    let lines: Vec<_> = text.lines().map(|line| format!("S: {line}")).collect();
    let said = lines.join("\n");
    match row.source() {
        // Nor is a client's sentence, which has no code.
        Source::Mail(Protocol::Smtp) if !text.starts_with(|c: char| c.is_ascii_digit()) => None,
        Source::Mail(Protocol::Smtp) => Some(format!(
            "S: 220 smtp.contoso.example ESMTP ready\nC: EHLO probe\nS: 250-smtp.contoso.example\nS: 250 SIZE 1000\n{said}\nC: QUIT\nS: 221 2.0.0 Bye"
        )),
        Source::Mail(Protocol::Pop3) => {
            Some(format!("S: +OK POP3 server ready\nC: CAPA\nS: +OK\nS: USER\nS: .\n{said}\nC: QUIT\nS: +OK"))
        }
        // An answer without its tag is not a line of a dialogue, a list of capabilities is one of every.
        Source::Mail(Protocol::Imap) if row.stage != "capability" => {
            untagged(text)?;
            Some(format!("S: * OK IMAP4rev1 ready\nC: a1 NOOP\nS: a1 OK NOOP completed\n{said}"))
        }
        _ => None,
    }
}

#[test]
fn every_answer_keeps_its_reason_under_every_change() {
    let mut wrong = Vec::new();
    let mut applied = 0;
    for row in ROWS.iter() {
        for (name, change) in MUTATIONS {
            if let Some(text) = change(row, &row.raw) {
                applied += 1;
                wrong.extend(complaint(row, row.explain(&text), &text).map(|line| format!("{name}: {line}")));
            }
        }
    }
    assert!(applied > 3000, "only {applied} changes apply");
    assert_none(&wrong);
}

/// The same three hundred mixtures each time: of all sixteen million, some mean nothing any more. More, and others, by
/// `PROPTEST_CASES`.
fn together() -> ProptestConfig {
    let asked = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => asked,
        None => ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(1), ..asked },
    }
}

proptest! {
    #![proptest_config(together())]

    #[test]
    fn changes_may_come_together(which in any::<prop::sample::Index>(), changes in prop::collection::vec(any::<bool>(), MUTATIONS.len())) {
        let row = which.get(&ROWS);
        let mut text = row.raw.clone();
        for ((_, change), wanted) in MUTATIONS.iter().zip(changes) {
            if let Some(changed) = wanted.then(|| change(row, &text)).flatten() {
                text = changed;
            }
        }
        let found = row.explain(&text);
        prop_assert!(found == row.expected, "{}: want {}, got {found}: {text}", row.name, row.expected);
    }
}
