//! The agent as Prometheus sees it: a real one scrapes it and is asked what it learnt.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::Url;
use serde_json::Value;

use crate::case::{Case, Verdict, case, configure, folder};
use crate::conduct::{must_hold_no_secret, secrets};
use crate::idp::TENANT;
use crate::rig::{Rig, find};
use crate::support::http::get;
use crate::support::process::Agent;
use crate::support::wait::{Reserved, soon};

/// Short enough that a second round is seen, long enough for a loaded machine.
const DEFAULTS: &str = "{ interval: 3s, imap: {interval: 3s}, smtp: {interval: 3s} }";

/// What the agent watches.
const WATCHED: [&str; 6] = [
    "imaps-xoauth2",
    "smtp-starttls",
    "smtp-sender",
    "imaps-token-expired",
    "imaps-closed-port",
    "smtps-app-unknown",
];

/// Label by label.
type Series = BTreeMap<String, String>;

/// A running Prometheus. Dropped, it is killed.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    fn start(folder: &Path, agent: SocketAddr) -> Self {
        let config = folder.join("prometheus.yml");
        fs::write(
            &config,
            format!(
                "global: {{ scrape_interval: 1s }}
scrape_configs:
  - job_name: mailbox-exporter
    static_configs: [ {{ targets: ['{agent}'] }} ]
"
            ),
        )
        .unwrap();
        let check = Command::new(find("promtool")).args(["check", "config"]).arg(&config).output().unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));

        let port = Reserved::new().port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let child = Command::new(find("prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("prometheus.log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, address }
    }

    /// The series that a query yields; nothing while it does not answer.
    fn query(&self, query: &str) -> Vec<Series> {
        let url = Url::parse_with_params("http://prometheus/api/v1/query", [("query", query)]).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        let Ok((status, body)) = get(self.address, &path) else { return Vec::new() };
        assert!(status != 400, "Prometheus cannot read {query}: {body}");
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        series.iter().map(|one| serde_json::from_value(one["metric"].clone()).unwrap()).collect()
    }

    /// Waits until a query yields exactly the series with these values of these labels.
    fn must_show(&self, query: &str, labels: &[&str], wanted: &BTreeSet<Vec<String>>) {
        let mut seen = BTreeSet::new();
        let values = |series: &Series| -> Vec<String> {
            labels.iter().map(|label| series.get(*label).cloned().unwrap_or_default()).collect()
        };
        let shown = soon(|| {
            seen = self.query(query).iter().map(values).collect();
            (seen == *wanted).then_some(())
        });
        assert!(shown.is_some(), "{query} shows {seen:?}, not {wanted:?}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rows(cases: &[Case], of: impl Fn(&Case) -> Option<Vec<String>>) -> BTreeSet<Vec<String>> {
    cases.iter().filter_map(of).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn promtool_finds_the_page_clean(page: &str) {
    let mut promtool = Command::new(find("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "promtool check metrics: {}: {said}\n{page}", output.status);
}

#[test]
fn prometheus_scrapes_what_the_agent_saw() {
    let rig = Rig::shared();
    let cases = WATCHED.map(case);
    let config = configure(rig, "scrape", DEFAULTS, &cases);
    let agent = Agent::serve(&config, &["--log-level", "trace"]);
    let prometheus = Prometheus::start(&folder(rig, "scrape"), agent.address);

    prometheus.must_show("up == 1", &["job"], &[words(&["mailbox-exporter"])].into());
    let up =
        rows(&cases, |case| matches!(case.verdict, Verdict::Up).then(|| words(&[case.name, case.protocol])));
    let down = rows(&cases, |case| {
        matches!(case.verdict, Verdict::Down(..)).then(|| words(&[case.name, case.protocol]))
    });
    prometheus.must_show("mailbox_probe_success == 1", &["mailbox", "protocol"], &up);
    prometheus.must_show("mailbox_probe_success == 0", &["mailbox", "protocol"], &down);

    let failures = rows(&cases, |case| match case.verdict {
        Verdict::Down(phase, reasons) => Some(words(&[case.name, case.protocol, phase, reasons.first()?])),
        Verdict::Up => None,
    });
    prometheus.must_show(
        "mailbox_probe_failure_info == 1",
        &["mailbox", "protocol", "phase", "reason"],
        &failures,
    );

    // What a check depends on comes by a join, one series per check.
    let joined = rows(&cases, |case| {
        let server = format!("{}:{}", case.host, rig.ports.of(case.port));
        Some(words(&[case.name, &server, case.credential, TENANT]))
    });
    prometheus.must_show(
        "mailbox_probe_success * on(mailbox, protocol) group_left(server, credential, tenant) mailbox_check_info",
        &["mailbox", "server", "credential", "tenant"],
        &joined,
    );

    prometheus.must_show(
        "mailbox_credential_success == 0",
        &["credential"],
        &[words(&["unknown-app"])].into(),
    );
    prometheus.must_show(
        "mailbox_credential_failure_info == 1",
        &["credential", "reason"],
        &[words(&["unknown-app", "app_not_found"])].into(),
    );
    let encrypted = rows(&cases, |case| {
        matches!(case.verdict, Verdict::Up)
            .then(|| words(&[&format!("{}:{}", case.host, rig.ports.of(case.port)), case.protocol]))
    });
    prometheus.must_show(
        "mailbox_server_certificate_expiry_timestamp_seconds > time()",
        &["server", "protocol"],
        &encrypted,
    );

    // A second round, and the phases of each probe as long as the probe.
    prometheus.must_show("mailbox_probes_total{outcome=\"success\"} >= 2", &["mailbox", "protocol"], &up);
    prometheus.must_show(
        "abs(sum by (mailbox, protocol) (mailbox_probe_phase_seconds) \
         - on(mailbox, protocol) mailbox_probe_duration_seconds) <= 0.005",
        &["mailbox", "protocol"],
        &up.union(&down).cloned().collect(),
    );

    let mut pages = String::new();
    for path in ["/metrics", "/", "/-/healthy", "/-/ready"] {
        let (status, body) = get(agent.address, path).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        if path == "/metrics" {
            promtool_finds_the_page_clean(&body);
        }
        pages += &body;
    }
    for case in &cases {
        assert!(pages.contains(case.name), "{} is on no page", case.name);
    }

    drop(prometheus);
    let run = agent.terminate();
    assert_eq!(run.status, Some(0), "a clean stop: {}", run.stderr);
    let secrets = secrets(rig);
    for (text, what) in [(&pages, "a page"), (&run.stdout, "standard output"), (&run.stderr, "the log")] {
        must_hold_no_secret(&secrets, text, what);
    }
}
