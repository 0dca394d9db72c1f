//! Tests of the report across plans: what stays, what goes, and that nothing comes back.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Auth, Check, Directory, Feed, Goal, Phase, Plan, Proof, Reason, Shard, TokenReport, TokenSpec,
};

use super::samples::{credential, dawn, down, issued, mailbox, plan, refused, up};
use super::*;

fn text(report: &Report) -> String {
    let mut out = Vec::new();
    report.render(Exposition::Text, &Live::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn value(report: &Report, series: &str) -> Option<f64> {
    let page = text(report);
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// Two mailboxes of two credentials.
fn before() -> Plan {
    let (a, b) = (credential("contoso", Some(dawn())), credential("fabrikam", None));
    plan(&[mailbox("invoices", &a, &[("team", "billing")]), mailbox("desk", &b, &[("site", "Ulm")])])
}

/// A report in which everything has happened, under that plan.
fn filled() -> (Report, Plan) {
    let plan = before();
    let report = Report::new(&plan);
    for check in &plan.checks {
        report.record(up(check, dawn()));
        report.record(down(check, dawn(), (Phase::Auth, Reason::TokenRejected), "NO", "Do."));
    }
    for credential in &plan.credentials {
        report.record_token(&issued(credential, &["IMAP.AccessAsApp"]));
        report.record_token(&refused(credential, Reason::SecretExpired));
    }
    (report, plan)
}

/// What does not depend on the moment.
fn lasting(report: &Report) -> Vec<String> {
    let fleeting = ["process_", "mailbox_exporter_config_last_reload_success_timestamp"];
    let page = text(report);
    page.lines()
        .filter(|line| !fleeting.iter().any(|start| line.starts_with(start)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_same_plan_again_changes_nothing() {
    let (report, plan) = filled();
    let page = lasting(&report);
    report.apply(&plan);
    assert_eq!(lasting(&report), page);
}

#[test]
fn a_late_observation_brings_no_removed_series_back() {
    let (report, old) = filled();
    let others = lasting(&report);
    let a = credential("contoso", Some(dawn()));
    let next = plan(&[mailbox("invoices", &a, &[("team", "billing")])]);
    report.apply(&next);
    let page = text(&report);
    assert!(!page.contains("desk") && !page.contains("fabrikam") && !page.contains("site="), "{page}");
    for line in others.iter().filter(|line| line.contains("\"invoices\",protocol")) {
        assert!(page.contains(line.as_str()), "{line}");
    }

    let gone: Vec<&Arc<Check>> = old.checks.iter().filter(|check| &*check.mailbox.name == "desk").collect();
    for check in gone {
        report.record(up(check, dawn()));
        report.interval_in_force(&check.name(), Duration::from_secs(900));
    }
    report.record_token(&issued(&old.credentials[1], &[]));
    assert_eq!(
        text(&report).lines().filter(|line| line.contains("desk") || line.contains("fabrikam")).count(),
        0
    );
}

#[test]
fn a_late_probe_brings_no_abandoned_server_back() {
    let (report, old) = filled();
    let mut next = old.clone();
    for check in &mut next.checks {
        let mut moved = Check::clone(check);
        moved.endpoint.host = format!("new.{}", moved.endpoint.host);
        *check = Arc::new(moved);
    }
    report.apply(&next);
    // A probe that was under way at the old server counts for the check, and for no server.
    report.record(up(&old.checks[0], dawn()));
    let page = text(&report);
    let servers = page.lines().filter(|line| line.starts_with("mailbox_server_") && !line.contains("new."));
    assert_eq!(servers.count(), 0, "{page}");
    let probes = "mailbox_probes_total{mailbox=\"invoices\",protocol=\"imap\",outcome=\"success\"}";
    assert_eq!(value(&report, probes), Some(2.0));
    report.record(up(&next.checks[0], dawn()));
    assert!(text(&report).contains("server=\"new.outlook.office365.com:993\""));
}

#[test]
fn a_changed_check_keeps_its_counts_and_its_past() {
    let (report, old) = filled();
    let mut next = old.clone();
    let mut slower = Check::clone(&next.checks[0]);
    slower.interval = Duration::from_secs(900);
    slower.goal = Goal::Folder { name: "Archive".to_owned(), read_only: true, unread: None };
    next.checks[0] = Arc::new(slower);
    report.apply(&next);
    let record = report.check(&next.checks[0].name()).unwrap();
    assert_eq!((record.successes, record.failed(), record.past.len()), (1, 1, 2));
    assert_eq!(
        (record.check.interval, record.interval),
        (Duration::from_secs(900), Duration::from_secs(900))
    );
    assert!(record.last.is_some() && record.failing_since().is_some());
}

#[test]
fn a_changed_credential_keeps_only_its_request_counts() {
    let (report, old) = filled();
    let other = Arc::new(crate::model::Credential {
        auth: Auth::Token(Proof::sample(Some("other"), "other", "OTHER")),
        ..credential("contoso", None).as_ref().clone()
    });
    let next = plan(&[mailbox("invoices", &other, &[]), mailbox("desk", &old.credentials[1], &[])]);
    report.apply(&next);
    let success =
        |name: &str| value(&report, &format!("mailbox_credential_success{{credential=\"{name}\"}}"));
    assert_eq!((success("contoso"), success("fabrikam")), (None, Some(0.0)));
    let requests = "mailbox_token_requests_total{credential=\"contoso\",outcome=\"failure\",resource=\"outlook.office365.com\"}";
    assert_eq!(value(&report, requests), Some(1.0));
    // The answer to a question of the old one says nothing of the new one.
    report.record_token(&refused(&old.credentials[0], Reason::SecretExpired));
    assert_eq!(success("contoso"), None);
}

#[test]
fn a_refused_configuration_shows_until_one_is_taken() {
    let (report, plan) = filled();
    let name = "mailbox_exporter_config_last_reload_successful";
    let time = "mailbox_exporter_config_last_reload_success_timestamp_seconds";
    let taken = value(&report, time);
    assert!(value(&report, name) == Some(1.0) && taken.is_some());
    report.reload_refused();
    assert_eq!((value(&report, name), value(&report, time)), (Some(0.0), taken));
    report.apply(&plan);
    assert!(value(&report, name) == Some(1.0) && value(&report, time) > taken);
}

#[test]
fn the_shard_is_told_and_a_whole_is_one_of_one() {
    let (report, mut plan) = filled();
    assert_eq!(value(&report, "mailbox_exporter_shard_info{shard=\"0\",shards=\"1\"}"), Some(1.0));
    plan.shard = Shard::new(2, 3).unwrap();
    report.apply(&plan);
    assert_eq!(value(&report, "mailbox_exporter_shard_info{shard=\"2\",shards=\"3\"}"), Some(1.0));
    assert_eq!(text(&report).matches("mailbox_exporter_shard_info{").count(), 1);
}

#[test]
fn a_directory_decides_on_a_credential_only_without_checks() {
    let mut plan = before();
    let of_directory = |report: TokenReport| {
        let spec = TokenSpec { scope: "https://graph.microsoft.com/.default".into(), ..report.spec };
        TokenReport { spec, ..report }
    };
    let told = of_directory(refused(&plan.credentials[0], Reason::ConsentMissing));
    plan.directories.push(Arc::new(Directory {
        name: "contoso".into(),
        spec: told.spec.clone(),
        base_url: "https://graph.microsoft.com".into(),
        interval: Duration::from_secs(3600),
        feeds: vec![Feed::Expiry],
    }));
    let report = Report::new(&plan);
    let success = "mailbox_credential_success{credential=\"contoso\"}";
    let info = "mailbox_credential_failure_info{credential=\"contoso\",reason=\"consent_missing\"}";
    report.record_token(&told);
    assert_eq!((value(&report, success), value(&report, info)), (None, None));
    report.record_token(&issued(&plan.credentials[0], &[]));
    assert_eq!((value(&report, success), value(&report, info)), (Some(1.0), None));
    let requests = "mailbox_token_requests_total{credential=\"contoso\",outcome=\"failure\",resource=\"graph.microsoft.com\"}";
    assert_eq!(value(&report, requests), Some(1.0));
    // Once no check uses the credential, the directory is all that rests on it.
    plan.checks.retain(|check| *check.mailbox.name != *"invoices");
    report.apply(&plan);
    assert_eq!((value(&report, success), value(&report, info)), (Some(0.0), Some(1.0)));
}
