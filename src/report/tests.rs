//! Tests of the report as a whole: what is recorded, as Prometheus reads it.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Check, CheckName, Goal, Mailbox, Patience, Phase, Plan, Protocol, Reason, Unread};

use super::samples::{check, credential, dawn, down, issued, mailbox, plan, refused, up};
use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn text(report: &Report, exposition: Exposition) -> String {
    let live = Live { overview: samples::board(&two_mailboxes()).into(), in_flight: 2 };
    let mut out = Vec::new();
    report.render(exposition, &live, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The samples of the text format: series to value.
fn series(report: &Report) -> BTreeMap<String, f64> {
    let page = text(report, Exposition::Text);
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let pairs: Vec<_> = samples.map(|line| line.rsplit_once(' ').unwrap()).collect();
    let map: BTreeMap<_, _> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.parse().unwrap())).collect();
    assert_eq!(map.len(), pairs.len(), "a series stands twice");
    map
}

fn two_mailboxes() -> Plan {
    let (a, b) = (credential("contoso", Some(dawn())), credential("fabrikam", None));
    plan(&[
        mailbox("invoices", &a, &[("team", "billing")]),
        mailbox("desk", &b, &[("site", "Ulm \"Süd\"\\1\n2")]),
    ])
}

/// A report in which everything has happened.
fn filled() -> Report {
    let mut plan = two_mailboxes();
    let patience = Patience { read_within: Some(DAY), arrives_within: Some(DAY) };
    let read = Check {
        goal: Goal::Folder { name: "INBOX".to_owned(), read_only: true, unread: Some(patience) },
        ..(*plan.checks[2]).clone()
    };
    plan.checks[2] = Arc::new(read);
    plan.checks.push(check(&plan.mailboxes[0], Protocol::RoundTrip));
    plan.checks.push(check(&plan.mailboxes[0], Protocol::Graph));
    let report = Report::new(&plan);
    for check in &plan.checks {
        let mut seen = up(check, dawn());
        let dates = (Some(dawn()), Some(dawn()));
        seen.server.unread =
            Some(Unread { messages: Some(3), oldest: dates.0, newest: dates.1, missing: None });
        report.record(seen);
    }
    let why = (Phase::Auth, Reason::TokenRejected);
    report.record(down(
        &plan.checks[0],
        dawn() + Duration::from_secs(300),
        why,
        "NO AUTHENTICATE failed.",
        "Do.",
    ));
    report.record_token(&issued(&plan.credentials[0], &["IMAP.AccessAsApp"]));
    report.record_token(&refused(&plan.credentials[1], Reason::SecretExpired));
    report.note_directory(&"contoso".into(), [(Arc::clone(&plan.credentials[1].name), dawn())].into());
    report.tick_skipped();
    report
}

#[test]
fn every_family_of_the_table_is_on_the_page_with_its_labels() {
    for exposition in [Exposition::Text, Exposition::OpenMetrics] {
        let page = text(&filled(), exposition);
        for family in FAMILIES {
            let name = match exposition {
                Exposition::OpenMetrics => family.name.trim_end_matches("_total"),
                Exposition::Text => family.name,
            };
            let header = format!("# TYPE {name} {}\n", family.kind.label());
            assert_eq!(page.matches(&header).count(), 1, "{header}");
            assert_eq!(page.matches(&format!("# HELP {name} ")).count(), 1, "{name}");
            let suffix = if family.kind == Kind::Histogram { "_count" } else { "" };
            let start = format!("{}{suffix}", family.name);
            let is_it =
                |line: &&str| line.strip_prefix(&start).is_some_and(|rest| rest.starts_with(['{', ' ']));
            let sample = page.lines().find(is_it).unwrap_or_default();
            assert!(!sample.is_empty(), "no sample of {start}");
            for label in family.labels {
                assert!(sample.contains(&format!("{label}=\"")), "{label} in {sample}");
            }
        }
    }
}

#[test]
fn nothing_is_on_the_page_that_is_not_in_the_table() {
    let page = text(&filled(), Exposition::Text);
    let known: BTreeSet<_> = FAMILIES.iter().map(|family| family.name).collect();
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        assert!(known.contains(line.split(' ').next().unwrap()), "{line}");
    }
}

#[test]
fn before_the_first_probe_counts_are_zero_without_a_verdict() {
    let series = series(&Report::new(&two_mailboxes()));
    for outcome in ["success", "failure"] {
        let name =
            format!("mailbox_probes_total{{mailbox=\"desk\",protocol=\"smtp\",outcome=\"{outcome}\"}}");
        assert_eq!(series.get(&name), Some(&0.0), "{name}");
        let name = format!(
            "mailbox_token_requests_total{{credential=\"contoso\",outcome=\"{outcome}\",resource=\"outlook.office365.com\"}}"
        );
        assert_eq!(series.get(&name), Some(&0.0), "{name}");
    }
    let absent = [
        "mailbox_probe_",
        "mailbox_folder",
        "mailbox_server",
        "mailbox_credential_success",
        "mailbox_token_permission",
    ];
    for name in series.keys() {
        assert!(absent.iter().all(|prefix| !name.starts_with(prefix)), "{name}");
    }
    assert_eq!(series.get("mailbox_exporter_checks"), Some(&4.0));
}

#[test]
fn a_failure_is_named_only_while_it_lasts() {
    let plan = two_mailboxes();
    let (report, check) = (Report::new(&plan), &plan.checks[0]);
    let at = |minute: u64| dawn() + Duration::from_secs(60 * minute);
    let info = "mailbox_probe_failure_info{mailbox=\"invoices\",protocol=\"imap\",phase=\"auth\",reason=\"token_rejected\"}";
    let success = "mailbox_probe_success{mailbox=\"invoices\",protocol=\"imap\"}";
    let last_success = "mailbox_probe_last_success_timestamp_seconds{mailbox=\"invoices\",protocol=\"imap\"}";
    let failures = info.replace("failure_info", "failures_total");

    report.record(down(check, at(0), (Phase::Auth, Reason::TokenRejected), "NO", ""));
    let now = series(&report);
    assert_eq!((now.get(info), now.get(success), now.get(last_success)), (Some(&1.0), Some(&0.0), None));
    assert!(!now.contains_key("mailbox_folder_messages{mailbox=\"invoices\",folder=\"INBOX\"}"));

    report.record(up(check, at(5)));
    let now = series(&report);
    assert_eq!((now.get(info), now.get(success)), (None, Some(&1.0)));
    assert_eq!(now.get(last_success), Some(&1_795_478_700.0));
    assert_eq!(now.get(&failures), Some(&1.0), "a count never goes");
    assert_eq!(now.get("mailbox_folder_messages{mailbox=\"invoices\",folder=\"INBOX\"}"), Some(&17.0));
    let record = report.check(&check.name()).unwrap();
    assert_eq!((record.failing_since(), record.past.len()), (None, 2));
    assert_eq!(record.last_failure.as_ref().map(|last| last.started_at), Some(at(0)));
}

#[test]
fn the_past_is_short_and_the_start_of_a_failure_is_kept() {
    let plan = two_mailboxes();
    let (report, check) = (Report::new(&plan), &plan.checks[0]);
    for minute in 0..100 {
        let at = dawn() + Duration::from_secs(60 * minute);
        if minute < 30 {
            report.record(up(check, at));
        } else {
            report.record(down(check, at, (Phase::Select, Reason::FolderMissing), "NO", ""));
        }
    }
    let record = report.check(&check.name()).unwrap();
    assert_eq!(record.failing_since(), Some(dawn() + Duration::from_secs(60 * 30)));
    assert_eq!((record.successes, record.failed(), record.past.len()), (30, 70, RECENT));
    assert_eq!(
        record.last_success.as_ref().map(|last| last.started_at),
        Some(dawn() + Duration::from_secs(60 * 29))
    );
}

#[test]
fn the_time_of_the_last_change_is_kept_until_the_next_one() {
    let plan = two_mailboxes();
    let (report, check) = (Report::new(&plan), &plan.checks[0]);
    let changed = "mailbox_probe_outcome_changed_timestamp_seconds{mailbox=\"invoices\",protocol=\"imap\"}";
    assert_eq!(series(&report).get(changed), None);
    let why = |minute: u64| if minute == 6 { Reason::FolderMissing } else { Reason::OverQuota };
    // Minute of the probe, whether it succeeds, and the minute of the last change after it.
    for (minute, is_up, since) in [(0, true, 0), (1, true, 0), (5, false, 5), (6, false, 5), (9, true, 9)] {
        let at = dawn() + Duration::from_secs(60 * minute);
        let failed = || down(check, at, (Phase::Select, why(minute)), "NO", "");
        report.record(if is_up { up(check, at) } else { failed() });
        report.apply(&plan);
        assert_eq!(
            series(&report).get(changed),
            Some(&(1_795_478_400.0 + 60.0 * f64::from(since))),
            "{minute}"
        );
    }
}

#[test]
fn every_reason_is_told_with_who_acts_first() {
    let series = series(&filled());
    let told = series.keys().filter(|name| name.starts_with("mailbox_reason_info{")).count();
    assert_eq!(told, Reason::ALL.len());
    let of = |labels: &str| series.get(&format!("mailbox_reason_info{{{labels}}}"));
    assert_eq!(of("reason=\"app_not_found\",owner=\"app\",transient=\"false\""), Some(&1.0));
    assert_eq!(of("reason=\"idp_unavailable\",owner=\"wait\",transient=\"true\""), Some(&1.0));
}

#[test]
fn counters_never_go_down() {
    let plan = two_mailboxes();
    let report = Report::new(&plan);
    let counters = |report: &Report| -> BTreeMap<String, f64> {
        series(report)
            .into_iter()
            .filter(|(name, _)| ["_total", "_count", "_bucket"].iter().any(|part| name.contains(part)))
            .filter(|(name, _)| !name.starts_with("process_"))
            .collect()
    };
    let mut before = counters(&report);
    let whys = [
        (Phase::Resolve, Reason::Timeout),
        (Phase::Auth, Reason::TokenRejected),
        (Phase::Auth, Reason::Throttled),
    ];
    for round in 0..12_usize {
        for check in &plan.checks {
            report.record(match whys.get(round % 4) {
                Some(why) => down(check, dawn(), *why, "", ""),
                None => up(check, dawn()),
            });
        }
        report.record_token(&issued(&plan.credentials[0], &[]));
        let after = counters(&report);
        for (name, value) in &before {
            assert!(after.get(name).is_some_and(|now| now >= value), "{name}");
        }
        assert!(after != before);
        before = after;
    }
}

#[test]
fn only_the_phase_that_failed_counts_as_a_failure() {
    let series = series(&filled());
    let count = |phase: &str, outcome: &str| {
        let labels = format!(
            "outcome=\"{outcome}\",phase=\"{phase}\",protocol=\"imap\",server=\"outlook.office365.com:993\""
        );
        series.get(&format!("mailbox_server_phase_duration_seconds_count{{{labels}}}")).copied()
    };
    assert_eq!((count("auth", "failure"), count("auth", "success")), (Some(1.0), Some(2.0)));
    assert_eq!((count("tls", "failure"), count("tls", "success")), (None, Some(3.0)));
    assert_eq!(count("select", "success"), Some(2.0));
}

#[test]
fn phases_add_up_to_the_duration() {
    let series = series(&filled());
    let of = |family: &str| -> f64 {
        let start = format!("{family}{{mailbox=\"desk\",protocol=\"smtp\"");
        series.iter().filter(|(name, _)| name.starts_with(&start)).map(|(_, value)| value).sum()
    };
    let (phases, duration) = (of("mailbox_probe_phase_seconds"), of("mailbox_probe_duration_seconds"));
    assert!((phases - duration).abs() < 1e-6 && duration > 0.0, "{phases} {duration}");
}

#[test]
fn a_failing_credential_still_shows_its_old_token() {
    let plan = two_mailboxes();
    let report = Report::new(&plan);
    let contoso = &plan.credentials[0];
    let get = |name: &str| series(&report).get(name).copied();
    let info = "mailbox_credential_failure_info{credential=\"contoso\",reason=\"secret_expired\"}";
    let success = "mailbox_credential_success{credential=\"contoso\"}";
    let expiry =
        "mailbox_token_expiry_timestamp_seconds{credential=\"contoso\",resource=\"outlook.office365.com\"}";

    report.record_token(&issued(contoso, &["IMAP.AccessAsApp"]));
    report.record_token(&refused(contoso, Reason::SecretExpired));
    assert_eq!((get(info), get(success), get(expiry)), (Some(1.0), Some(0.0), Some(1_795_482_400.0)));
    let permission = |name: &str| {
        get(&format!("mailbox_token_permission{{credential=\"contoso\",permission=\"{name}\"}}"))
    };
    assert_eq!((permission("IMAP.AccessAsApp"), permission("SMTP.SendAsApp")), (Some(1.0), Some(0.0)));

    report.record_token(&issued(contoso, &["SMTP.SendAsApp"]));
    assert_eq!((get(info), get(success)), (None, Some(1.0)));
    assert_eq!((permission("IMAP.AccessAsApp"), permission("SMTP.SendAsApp")), (Some(0.0), Some(1.0)));
    assert_eq!(
        get("mailbox_credential_expiry_timestamp_seconds{credential=\"contoso\",source=\"declared\"}"),
        Some(1_795_478_400.0)
    );
}

#[test]
fn hostile_label_values_are_escaped_in_both_formats() {
    for exposition in [Exposition::Text, Exposition::OpenMetrics] {
        let page = text(&filled(), exposition);
        let lines: Vec<_> =
            page.lines().filter(|line| line.starts_with("mailbox_info{mailbox=\"desk\"")).collect();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with(r#",site="Ulm \"Süd\"\\1\n2",team=""} 1"#), "{}", lines[0]);
    }
}

#[test]
fn the_mailbox_that_alerts_are_sent_by_is_marked() {
    let shared = credential("contoso", None);
    let [plain, marked] = ["plain", "marked"].map(|name| mailbox(name, &shared, &[]));
    let marked = Arc::new(Mailbox { alert_path: true, ..(*marked).clone() });
    let series = series(&Report::new(&plan(&[plain, marked])));
    for (name, mark) in [("plain", "false"), ("marked", "true")] {
        let of =
            format!("address=\"{name}@contoso.example\",provider=\"exchange_online\",credential=\"contoso\"");
        let info = format!("mailbox_info{{mailbox=\"{name}\",{of},alert_path=\"{mark}\"}}");
        assert_eq!(series.get(&info), Some(&1.0), "{info}");
    }
}

#[test]
fn text_of_a_server_reaches_no_metric() {
    let plan = two_mailboxes();
    let report = Report::new(&plan);
    report.record(down(&plan.checks[0], dawn(), (Phase::Auth, Reason::Unexpected), "CANARY", "CANARY"));
    for exposition in [Exposition::Text, Exposition::OpenMetrics] {
        assert!(!text(&report, exposition).contains("CANARY"));
    }
}

#[test]
fn a_family_larger_than_a_piece_has_one_header_and_every_series() {
    let shared = credential("contoso", None);
    let mailboxes: Vec<_> = (0..1500).map(|n| mailbox(&format!("m{n:04}"), &shared, &[])).collect();
    let plan = plan(&mailboxes);
    let report = Report::new(&plan);
    for check in &plan.checks {
        report.record(up(check, dawn()));
    }
    for exposition in [Exposition::Text, Exposition::OpenMetrics] {
        let page = text(&report, exposition);
        assert_eq!(page.matches("# TYPE mailbox_probe_success gauge\n").count(), 1);
        assert_eq!(page.lines().filter(|line| line.starts_with("mailbox_probe_success{")).count(), 3000);
        assert_eq!(page.lines().filter(|line| line.starts_with("mailbox_info{")).count(), 1500);
        let again = text(&report, exposition);
        let stable = |page: &str| -> Vec<String> {
            page.lines().filter(|line| !line.starts_with("process_")).map(str::to_owned).collect()
        };
        assert!(stable(&page) == stable(&again), "the order is not stable");
    }
}

/// Work that takes no whole second shows all the same.
#[test]
fn processor_time_is_more_than_whole_seconds() {
    let seconds = || -> f64 {
        let page = text(&filled(), Exposition::Text);
        let line = page.lines().find(|line| line.starts_with("process_cpu_seconds_total ")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let before = seconds();
    let after = seconds();
    assert!(before < after, "writing a page took processor time: {before} {after}");
}

#[test]
fn openmetrics_ends_with_its_mark_and_writes_bounds_as_floats() {
    let page = text(&filled(), Exposition::OpenMetrics);
    assert!(page.ends_with("\n# EOF\n"));
    assert!(page.contains("le=\"1.0\"") && page.contains("le=\"0.0025\"") && page.contains("le=\"+Inf\""));
    assert!(page.contains("# TYPE mailbox_probes counter\n") && page.contains("\nmailbox_probes_total{"));
    assert!(!page.contains("\n\n"));
}

#[test]
fn the_interval_in_force_is_shown_for_planned_checks_only() {
    let plan = two_mailboxes();
    let report = Report::new(&plan);
    let name = |mailbox: &str| CheckName { mailbox: mailbox.into(), protocol: Protocol::Imap };
    report.interval_in_force(&name("desk"), Duration::from_secs(900));
    report.interval_in_force(&name("gone"), Duration::from_secs(900));
    let gone = plan_of_one("gone");
    report.record(up(&gone.checks[0], dawn()));
    report.record_token(&issued(&gone.credentials[0], &[]));
    let series = series(&report);
    let interval = |mailbox: &str| {
        series
            .get(&format!("mailbox_check_interval_seconds{{mailbox=\"{mailbox}\",protocol=\"imap\"}}"))
            .copied()
    };
    assert_eq!((interval("desk"), interval("invoices"), interval("gone")), (Some(900.0), Some(300.0), None));
    assert!(series.keys().all(|name| !name.contains("gone")));
    assert_eq!(series.get("mailbox_exporter_probe_lateness_seconds_count"), Some(&0.0));
}

fn plan_of_one(name: &str) -> Plan {
    plan(&[mailbox(name, &credential(name, None), &[])])
}
