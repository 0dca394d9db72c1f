//! The running agent: metrics and pages, one process a state directory, and death by SIGKILL.

use std::fs;

use mailbox_exporter::sim::Fault;

use crate::readiness::board::{Fleet, passwords_shown, takes_passwords};
use crate::support::process::{Agent, run};
use crate::support::wait::until;

/// Often enough to be waited for.
const OFTEN: &str = "interval: 1s, timeout: 900ms";

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_pages_show_every_state_with_its_counts() {
    let mut fleet = Fleet::new().await;
    fleet.pace = OFTEN;
    fleet.exchange(Fault::None, "").await;
    fleet.exchange(Fault::TokenRejected, "not_expected: [imap]").await;
    let tenant = fleet.tenant();
    let agent = Agent::serve(&fleet.configure(), &[]);
    agent.shows("/metrics", "mailbox_readiness{mailbox=\"m0\",protocol=\"imap\",state=\"decommissioned\"} 1");
    agent.shows("/metrics", "mailbox_readiness{mailbox=\"m0\",protocol=\"smtp\",state=\"dual\"} 1");
    let page =
        agent.shows("/metrics", "mailbox_readiness{mailbox=\"m1\",protocol=\"smtp\",state=\"at_risk\"} 1");
    let expected = [
        "mailbox_readiness{mailbox=\"m1\",protocol=\"imap\",state=\"not_expected\"} 1".to_owned(),
        "mailbox_basic_auth{mailbox=\"m0\",protocol=\"imap\",state=\"closed\"} 1".to_owned(),
        "mailbox_basic_auth{mailbox=\"m0\",protocol=\"smtp\",state=\"unknown\"} 1".to_owned(),
        format!("mailbox_readiness_checks{{tenant=\"{tenant}\",protocol=\"smtp\",state=\"at_risk\"}} 1"),
        format!("mailbox_readiness_checks{{tenant=\"{tenant}\",protocol=\"smtp\",state=\"ready\"}} 0"),
        format!("mailbox_readiness_score{{tenant=\"{tenant}\"}} "),
        "mailbox_readiness_evidence_timestamp_seconds{mailbox=\"m0\",protocol=\"smtp\",signal=\"oauth_login\"} ".to_owned(),
        // 2026-12-31 00:00 UTC.
        "mailbox_basic_auth_deadline_timestamp_seconds{provider=\"exchange_online\",protocol=\"smtp\",kind=\"default_off\"} 1798675200\n".to_owned(),
    ];
    for series in expected {
        assert!(page.contains(&series), "{series} is not in\n{page}");
    }
    // No date is known, so that there is no series.
    assert!(!page.contains("provider=\"exchange_online\",protocol=\"smtp\",kind=\"removal\""));
    assert_eq!(
        page.matches("\nmailbox_readiness{mailbox=\"m0\",protocol=\"smtp\"").count(),
        1,
        "one state at a time"
    );

    let board = agent.page("/readiness");
    for words in ["0 of 3", "OAuth login", "2026-12-31", "nothing survives a restart"] {
        let words = words.replace("0 of 3", "1 of 3");
        assert!(board.contains(&words), "the board does not say {words}:\n{board}");
    }
    assert!(agent.page("/mailboxes/m0").contains("Without passwords"));
    let json: serde_json::Value = serde_json::from_str(&agent.page("/api/v1/readiness")).unwrap();
    assert_eq!(json["mailboxes"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_and_tried_survives_sigkill() {
    let mut fleet = Fleet::new().await;
    fleet.pace = OFTEN;
    let mailbox = fleet.exchange(Fault::None, "checks: [smtp]").await;
    takes_passwords(&mailbox);
    fleet.top = fleet.refusal();
    fleet.age();
    let config = fleet.configure();
    let agent = Agent::serve(&config, &[]);
    let state = "mailbox_basic_auth{mailbox=\"m0\",protocol=\"smtp\",state=\"open\"} 1";
    agent.shows("/metrics", state);
    assert_eq!(passwords_shown(&mailbox), 1);
    // What the trial showed is written down with the rest, within seconds.
    let journal = fleet.world.folder.join("state/readiness.journal");
    let finding = "\"finding\":\"reached\"";
    until(finding, || fs::read_to_string(&journal).unwrap().contains(finding).then_some(()));
    drop(agent);

    // A new agent: the evidence is there before any probe, and the password is not tried again.
    mailbox.set_fault(Fault::Refused);
    let agent = Agent::serve(&config, &[]);
    let page = agent.page("/metrics");
    assert!(page.contains(state), "{page}");
    drop(agent);
    mailbox.set_fault(Fault::None);
    let board = fleet.round();
    assert!(board.standing("m0", "smtp")["oauth_logins"]["successes_7d"].as_u64().unwrap() >= 2);
    assert_eq!(passwords_shown(&mailbox), 1, "once in 24 h, also across SIGKILL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_has_one_agent_and_any_readers() {
    let mut fleet = Fleet::new().await;
    fleet.pace = OFTEN;
    let mailbox = fleet.exchange(Fault::None, "checks: [smtp], password: { file: pw }").await;
    takes_passwords(&mailbox);
    fleet.file("pw", mailbox.password());
    fleet.top = "state_dir: state\nreadiness: { password_login: declared }\n".to_owned();
    let config = fleet.configure();
    let agent = Agent::serve(&config, &[]);
    agent.shows("/metrics", "mailbox_basic_auth{mailbox=\"m0\",protocol=\"smtp\",state=\"open\"} 1");
    let second = run(&["serve", "--listen", "127.0.0.1:0"], Some(&config));
    assert_eq!(second.status, Some(1));
    assert!(second.stderr.contains("another process holds it"));
    let board = fleet.round();
    assert!(board.json["memory"].as_str().unwrap().contains("an agent is writing"), "{}", board.json);
    assert_eq!(passwords_shown(&mailbox), 1, "the command tries nothing that the agent does not know of");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_import_counts_without_a_restart() {
    let mut fleet = Fleet::new().await;
    fleet.pace = OFTEN;
    fleet.exchange(Fault::None, "checks: [smtp]").await;
    fleet.top = "readiness: { usage: usage.csv }\n".to_owned();
    fleet.file("usage.csv", "m0,smtp,used\n");
    let agent = Agent::serve(&fleet.configure(), &[]);
    let use_of = |word: &str| format!("\"use\":\"{word}\"");
    agent.shows("/metrics", "signal=\"oauth_login\"");
    agent.shows("/api/v1/readiness", &use_of("seen"));
    fleet.file("usage.csv", "m0,smtp,unused\n");
    let page = agent.shows("/api/v1/readiness", &use_of("none"));
    assert!(page.contains("\"state\":\"dual\""), "the logins seen before are forgotten: {page}");
    // What cannot be read now goes on saying what it said.
    fleet.file("usage.csv", [0xff]);
    agent.shows("/api/v1/readiness", "\"fault\":");
    assert!(agent.page("/api/v1/readiness").contains(&use_of("none")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_of_a_check_outlives_a_restart() {
    let mut fleet = Fleet::new().await;
    fleet.pace = OFTEN;
    fleet.exchange(Fault::TokenRejected, "checks: [smtp]").await;
    fleet.top = "state_dir: state\n".to_owned();
    let config = fleet.configure();
    let path = "/api/v1/mailboxes/m0";
    let since = |agent: &Agent| {
        let one: serde_json::Value = serde_json::from_str(&agent.page(path)).unwrap();
        one["checks"][0]["failing_since"].as_str().map(str::to_owned)
    };
    let agent = Agent::serve(&config, &[]);
    agent.shows(path, "token_rejected");
    let before = since(&agent).unwrap();
    let second = |time: &str| time.split(['.', 'Z']).next().unwrap().to_owned();
    agent.terminate();
    let agent = Agent::serve(&config, &[]);
    let after = until("it fails again", || since(&agent));
    assert_eq!(second(&after), second(&before));
    assert!(agent.page("/mailboxes/m0").contains("class=\"strip\""));
    agent.terminate();
    // A convenience that is broken costs itself alone.
    fs::write(fleet.world.folder.join("state/pages.past"), "rot").unwrap();
    let mut agent = Agent::serve(&config, &[]);
    agent.says(&["the saved past of the checks cannot be read", "pages.past"]);
    agent.shows(path, "token_rejected");
}
