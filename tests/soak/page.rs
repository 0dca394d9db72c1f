//! What a page of metrics says of checks: read from its text, by the names of the contract.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// A check: mailbox and protocol.
pub(crate) type Name = (String, String);

/// What the page says of one check.
#[derive(Debug, Default, Clone)]
pub(crate) struct Check {
    pub(crate) success: Option<bool>,
    /// Phase and reason of the failure that it shows now.
    pub(crate) failure: Option<String>,
    pub(crate) successes: f64,
    pub(crate) failures: f64,
    pub(crate) last_run: Option<f64>,
    pub(crate) interval: Option<f64>,
}

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) checks: HashMap<Name, Check>,
    pub(crate) skipped: f64,
}

impl Page {
    /// Reads what concerns checks; everything else is passed over.
    pub(crate) fn read(text: &str) -> Self {
        let mut page = Self::default();
        for line in text.lines().filter(|line| line.starts_with("mailbox_")) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            if series == "mailbox_exporter_probes_skipped_total" {
                page.skipped = value;
            }
            let Some((family, labels)) = series.split_once('{') else { continue };
            let label = |name: &str| label(labels, name);
            let (Some(mailbox), Some(protocol)) = (label("mailbox"), label("protocol")) else { continue };
            let check = page.checks.entry((mailbox, protocol)).or_default();
            match family {
                "mailbox_probe_success" => check.success = Some(value > 0.0),
                "mailbox_probe_failure_info" if value > 0.0 => {
                    let [phase, reason] = ["phase", "reason"].map(|name| label(name).unwrap_or_default());
                    check.failure = Some(format!("{phase} {reason}"));
                }
                "mailbox_probes_total" if label("outcome").as_deref() == Some("success") => {
                    check.successes = value;
                }
                "mailbox_probes_total" => check.failures = value,
                "mailbox_probe_last_run_timestamp_seconds" => check.last_run = Some(value),
                "mailbox_check_interval_seconds" => check.interval = Some(value),
                _ => {}
            }
        }
        page
    }
}

/// Now, as time stands in metrics.
pub(crate) fn seconds_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The value of a label; the names of the soak's mailboxes need no escapes.
fn label(labels: &str, name: &str) -> Option<String> {
    let start = labels.find(&format!("{name}=\""))? + name.len() + 2;
    let end = labels[start..].find('"')? + start;
    Some(labels[start..end].to_owned())
}
