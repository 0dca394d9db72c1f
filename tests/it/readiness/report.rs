//! What `readiness` prints, and what it makes of imported files.

use mailbox_exporter::sim::Fault;

use crate::readiness::board::Fleet;

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_says_whether_all_is_ready_or_done() {
    let mut fleet = Fleet::new().await;
    fleet.exchange(Fault::None, "checks: [imap], not_expected: [smtp]").await;
    assert_eq!(fleet.readiness(&[]).status, Some(0));
    fleet.exchange(Fault::None, "").await;
    assert_eq!(fleet.readiness(&[]).status, Some(1));
    fleet.top = "readiness: { password_login: perhaps }\n".to_owned();
    let bad = fleet.readiness(&[]);
    assert_eq!((bad.status, bad.stdout.len()), (Some(2), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_names_state_evidence_and_what_to_do() {
    let mut fleet = Fleet::new().await;
    fleet.exchange(Fault::SmtpAuthDisabledMailbox, "").await;
    for format in ["table", "json", "csv", "markdown"] {
        let output = fleet.readiness(&["--output", format]);
        let text = output.stdout;
        for word in ["m0", "smtp", "blocked", "smtp_auth_off", "Set-CASMailbox", "decommissioned"] {
            assert!(text.contains(word), "{format} does not say {word}:\n{text}");
        }
    }
    let csv = fleet.readiness(&["--output", "csv"]).stdout;
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let columns = rows.headers().unwrap().len();
    assert!(rows.records().all(|row| row.unwrap().len() == columns));
    let markdown = fleet.readiness(&["--output", "markdown"]).stdout;
    let table: Vec<_> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(table.len(), 2 + 2);
    assert!(table.iter().all(|line| line.replace("\\|", "").matches('|').count() == 10), "{markdown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_usage_decides_and_refused_lines_are_reported() {
    let mut fleet = Fleet::new().await;
    let unused = fleet.exchange(Fault::None, "checks: [smtp]").await;
    let used = fleet.exchange(Fault::None, "checks: [smtp]").await;
    fleet.exchange(Fault::None, "checks: [smtp]").await;
    let report = format!(
        "\u{feff}\"Sender address\";\"Messages\";\"Authentication protocol\"\r\n\"{}\";\"3\";\"OAuth\"\r\n\"{}\";\"3\";\"Basic Auth\"\r\n\"broken;3\r\nx;;\r\n",
        unused.address(),
        used.address()
    );
    fleet.file("usage.csv", report);
    fleet.top = "readiness: { usage: usage.csv }\n".to_owned();
    let board = fleet.round();
    let users: Vec<_> =
        ["m0", "m1", "m2"].iter().map(|name| board.standing(name, "smtp")["use"].clone()).collect();
    assert_eq!(users, ["none", "seen", "unknown"]);
    assert_eq!(board.state("m0", "smtp"), "dual", "a single round is no week");
    let import = &board.json["imports"][0];
    assert_eq!((&import["lines_taken"], &import["lines_refused"]), (&2.into(), &2.into()), "{import}");
    assert!(board.said.contains("line 4: a quotation mark is not closed"), "{}", board.said);

    // One byte that is not text, and nothing of the file counts.
    fleet.file(
        "usage.csv",
        [b"mailbox,protocol,used\nm0,smtp,unused\n".as_slice(), b"m1,smtp,\xff\n"].concat(),
    );
    let board = fleet.round();
    assert_eq!(board.standing("m0", "smtp")["use"], "unknown");
    assert!(board.json["imports"][0]["fault"].as_str().unwrap().contains("line 3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_switches_that_a_later_login_refutes_do_not_count() {
    let mut fleet = Fleet::new().await;
    let fine = fleet.exchange(Fault::None, "checks: [smtp]").await;
    let unreachable = fleet.exchange(Fault::Refused, "checks: [smtp]").await;
    fleet.file(
        "switches.csv",
        format!(
            "#TYPE x\n\"PrimarySmtpAddress\",\"SmtpClientAuthenticationDisabled\"\n\"{}\",\"True\"\n\"{}\",\"True\"\n",
            fine.address(),
            unreachable.address()
        ),
    );
    fleet.top = "readiness: { switches: switches.csv }\n".to_owned();
    let board = fleet.round();
    assert_eq!(board.state("m0", "smtp"), "dual");
    assert_eq!((board.basic("m1", "smtp"), board.state("m1", "smtp")), ("closed".into(), "blocked".into()));
    let conflict = &board.standing("m0", "smtp")["conflict"];
    assert_eq!(
        (&conflict["setting"]["finding"], &conflict["seen"]["finding"]),
        (&"switched_off".into(), &"oauth_works".into()),
        "{conflict}"
    );
    assert!(conflict["setting"]["note"].as_str().unwrap().ends_with("switches.csv line 3"), "{conflict}");
    assert_eq!(board.standing("m1", "smtp").get("conflict"), None, "nothing was seen there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_facts_shows_what_it_gave_and_when() {
    let mut fleet = Fleet::new().await;
    let mailbox = fleet.exchange(Fault::None, "checks: [smtp]").await;
    fleet
        .file("week-1.csv", format!("{},smtp,used\nstranger@contoso.example,smtp,used\n", mailbox.address()));
    fleet.file("week-2.csv", format!("{},smtp,used\n", mailbox.address()));
    fleet.top = "readiness: { usage: week-*.csv, switches: [none-*.csv, lost.csv] }\n".to_owned();
    let board = fleet.round();
    let sources = board.json["sources"].as_array().unwrap();
    let facts: Vec<_> = sources
        .iter()
        .map(|it| {
            (it["source"].as_str().unwrap(), it["rows"].as_u64().unwrap(), it.get("last_success").is_some())
        })
        .collect();
    assert_eq!(
        facts,
        [("switches/lost.csv", 0, false), ("switches/none-*.csv", 0, false), ("usage/week-*.csv", 2, true)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_that_is_not_expected_is_not_probed_or_scored() {
    let mut fleet = Fleet::new().await;
    let mailbox = fleet.exchange(Fault::TokenRejected, "not_expected: [imap, smtp], checks: [imap]").await;
    let board = fleet.round();
    assert_eq!(
        (board.state("m0", "imap"), board.state("m0", "smtp")),
        ("not_expected".into(), "not_expected".into())
    );
    assert_eq!(board.json["tenants"][0].get("score"), None);
    assert_eq!(mailbox.connections(mailbox_exporter::sim::Service::Smtp).total, 0);
    assert_eq!(
        mailbox.connections(mailbox_exporter::sim::Service::Imap).total,
        1,
        "its own checks ask for it"
    );
}
