//! The table of every metric: name, type, labels, help. No other file knows a metric's name.
//!
//! Not here: the values, and the format.

/// The constant facts of one metric.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The name, including the `_total` of counters.
    pub name: &'static str,
    pub kind: Kind,
    /// The labels, in the order of the values. `mailbox_info` also has the operator's own.
    pub labels: &'static [&'static str],
    /// The help text, in one line.
    pub help: &'static str,
}

/// The types of metric in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gauge,
    Counter,
    Histogram,
}

impl Kind {
    /// The word in the TYPE line, which is the same in both formats.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! families {
    ($( $id:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal; )+) => {
        $(
            #[doc = $help]
            pub(super) const $id: Family =
                Family { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };
        )+

        /// Every metric, in the order of the page.
        pub const FAMILIES: &[Family] = &[$($id),+];
    };
}

families! {
    // --- one check
    PROBE_SUCCESS: Gauge "mailbox_probe_success" ["mailbox", "protocol"]
        "Whether the last probe succeeded: 1 the mailbox can be used, 0 it cannot. Absent before the first probe.";
    PROBE_DURATION: Gauge "mailbox_probe_duration_seconds" ["mailbox", "protocol"]
        "How long the last probe took up to its verdict, waiting for permits excluded.";
    PROBE_PHASE: Gauge "mailbox_probe_phase_seconds" ["mailbox", "protocol", "phase"]
        "How long each phase of the last probe took; the phases add up to the duration.";
    PROBE_FAILURE_INFO: Gauge "mailbox_probe_failure_info" ["mailbox", "protocol", "phase", "reason"]
        "1 while the last probe failed in this phase and for this reason; absent otherwise.";
    PROBES: Counter "mailbox_probes_total" ["mailbox", "protocol", "outcome"]
        "Probes by outcome: success or failure.";
    PROBE_FAILURES: Counter "mailbox_probe_failures_total" ["mailbox", "protocol", "phase", "reason"]
        "Failed probes by the phase in which and the reason for which they failed.";
    PROBE_LAST_RUN: Gauge "mailbox_probe_last_run_timestamp_seconds" ["mailbox", "protocol"]
        "When the last probe began.";
    PROBE_LAST_SUCCESS: Gauge "mailbox_probe_last_success_timestamp_seconds" ["mailbox", "protocol"]
        "When the last probe that succeeded began.";
    PROBE_OUTCOME_CHANGED: Gauge "mailbox_probe_outcome_changed_timestamp_seconds" ["mailbox", "protocol"]
        "When the probe began that last turned success into failure or failure into success; until then the first probe since the agent started.";
    FOLDER_MESSAGES: Gauge "mailbox_folder_messages" ["mailbox", "folder"]
        "Messages in the folder that the last probe opened.";
    FOLDER_UNREAD: Gauge "mailbox_folder_unread_messages" ["mailbox", "folder"]
        "Unread messages in the folder that the last probe opened: by IMAP where imap has unread: true, by Graph always.";
    FOLDER_OLDEST_UNREAD: Gauge "mailbox_folder_oldest_unread_timestamp_seconds" ["mailbox", "folder"]
        "When the first unread message came, by its INTERNALDATE: the first in the order in which messages came into the folder. Absent where none is unread.";
    FOLDER_NEWEST: Gauge "mailbox_folder_newest_message_timestamp_seconds" ["mailbox", "folder"]
        "When the newest message came: the latest INTERNALDATE among the last ten of the folder. Absent where it is empty.";
    FOLDER_READ_WITHIN: Gauge "mailbox_folder_read_within_seconds" ["mailbox", "folder"]
        "How long a message may stay unread, where imap has read_within: the alert MailboxNotRead compares.";
    FOLDER_ARRIVES_WITHIN: Gauge "mailbox_folder_arrives_within_seconds" ["mailbox", "folder"]
        "How long no message may arrive, where imap has arrives_within: the alert MailboxNothingArrives compares.";
    MAILBOX_INFO: Gauge "mailbox_info" ["mailbox", "address", "provider", "credential", "alert_path"]
        "1 for each mailbox, with the labels of its configuration; alert_path is true for the mailbox that alerts are sent by, otherwise false.";
    ROUND_TRIP_AUTHENTICATION: Gauge "mailbox_round_trip_authentication_info" ["mailbox", "to", "method", "result"]
        "1 for what the receiving server wrote about the sender of the last message that was seen: spf, dkim and dmarc.";
    ROUND_TRIP_SEND: Histogram "mailbox_round_trip_send_seconds" ["mailbox", "to"]
        "How long the sender's server took to accept the message of a round trip, without the login.";
    ROUND_TRIP_DELIVER: Histogram "mailbox_round_trip_deliver_seconds" ["mailbox", "to"]
        "How long the message of a round trip was under way, from its acceptance until it was seen, in the folder for junk too.";
    CHECK_INFO: Gauge "mailbox_check_info" ["mailbox", "protocol", "server", "provider", "credential", "tenant"]
        "1 for each check, with what it depends on.";
    CHECK_INTERVAL: Gauge "mailbox_check_interval_seconds" ["mailbox", "protocol"]
        "The interval now in force: the configured one, or longer after repeated refusals.";
    // --- one mail server
    SERVER_PHASE: Histogram "mailbox_server_phase_duration_seconds" ["server", "protocol", "phase", "outcome"]
        "How long phases took, all mailboxes of a server together; outcome is failure for the phase in which a probe failed.";
    SERVER_CERTIFICATE_EXPIRY: Gauge "mailbox_server_certificate_expiry_timestamp_seconds" ["server", "protocol"]
        "When the server's own certificate ends.";
    SERVER_MECHANISM: Gauge "mailbox_server_mechanism_offered" ["server", "protocol", "mechanism"]
        "Whether the server offers this way to log in: 1 offered, 0 not.";
    // --- one credential
    CREDENTIAL_SUCCESS: Gauge "mailbox_credential_success" ["credential"]
        "Whether the last token request was answered with a token; 0 when it was refused for any of the resources. Where each user has a token, a refusal that concerns one user alone does not count. Nor do the requests for a directory while checks use the credential.";
    CREDENTIAL_FAILURE_INFO: Gauge "mailbox_credential_failure_info" ["credential", "reason"]
        "1 while token requests of the credential fail for this reason; absent otherwise.";
    TOKEN_REQUESTS: Counter "mailbox_token_requests_total" ["credential", "resource", "outcome"]
        "Requests to the identity provider by outcome: success or failure.";
    TOKEN_REQUEST_DURATION: Histogram "mailbox_token_request_duration_seconds" ["credential", "resource", "outcome"]
        "How long requests to the identity provider took.";
    TOKEN_EXPIRY: Gauge "mailbox_token_expiry_timestamp_seconds" ["credential", "resource"]
        "When the access token in hand ends.";
    CREDENTIAL_EXPIRY: Gauge "mailbox_credential_expiry_timestamp_seconds" ["credential", "source"]
        "When the secret or certificate of the credential ends, and who says so: declared, certificate or directory.";
    TOKEN_FILE_EXPIRY: Gauge "mailbox_credential_token_file_expiry_timestamp_seconds" ["credential"]
        "When the token in the file of a federated credential ends, as of the last token request.";
    REFRESH_TOKEN_LAST_USED: Gauge "mailbox_credential_refresh_token_last_used_timestamp_seconds" ["credential"]
        "When the refresh token was last taken by the identity provider, or written, whichever is later. Unused for 90 days it ends.";
    TOKEN_PERMISSION: Gauge "mailbox_token_permission" ["credential", "permission"]
        "Whether a permission that a check needs is in the token: 1 it is, 0 it is not. A hint: some tenants grant without it.";
    // --- the switch-off of passwords
    BASIC_AUTH: Gauge "mailbox_basic_auth" ["mailbox", "protocol", "state"]
        "1 for the state of password logins: open, closed or unknown.";
    READINESS: Gauge "mailbox_readiness" ["mailbox", "protocol", "state"]
        "1 for the state before and after passwords are switched off: decommissioned, ready, dual, at_risk, blocked, unknown or not_expected.";
    READINESS_SCORE: Gauge "mailbox_readiness_score" ["tenant"]
        "How far a tenant is, 0 to 100; at most 49 while a mailbox at risk has a deadline within 30 days. Read it beside mailbox_readiness_checks.";
    READINESS_CHECKS: Gauge "mailbox_readiness_checks" ["tenant", "protocol", "state"]
        "Mailboxes of a tenant in each state of readiness, 0 included.";
    READINESS_EVIDENCE: Gauge "mailbox_readiness_evidence_timestamp_seconds" ["mailbox", "protocol", "signal"]
        "When a signal last said something about passwords, stale or not: offer, oauth_login, password_login, refusal, usage, switch or calendar.";
    READINESS_SOURCE_ROWS: Gauge "mailbox_readiness_source_rows" ["source"]
        "Rows that an import (usage/… and switches/…, as the configuration names it) gave about configured mailboxes, all its files together; of a directory: credentials whose end is known (directory/NAME/expiry), or users and protocols seen signing in within 30 days (directory/NAME/sign_ins). 0 for a source that has given none.";
    READINESS_SOURCE_LAST_SUCCESS: Gauge "mailbox_readiness_source_last_success_timestamp_seconds" ["source"]
        "The date of the newest data of an import, or of the last complete reading of a directory. Absent for a source that has never given any.";
    READINESS_CONFLICT: Gauge "mailbox_readiness_conflict" ["mailbox", "protocol"]
        "1 where a setting says the opposite of what was seen after it (switched off, and a login works), 0 where a known setting agrees. Absent where no setting is known.";
    BASIC_AUTH_DEADLINE: Gauge "mailbox_basic_auth_deadline_timestamp_seconds" ["provider", "protocol", "kind"]
        "When a provider switches passwords off: default_off (an administrator may turn them on again), removal or account_password. Absent where no date is known.";
    // --- the reasons
    REASON_INFO: Gauge "mailbox_reason_info" ["reason", "owner", "transient"]
        "1 for every reason that a failure can have: who acts first (app, admin, owner, net, ops or wait), and whether it passes by itself.";
    // --- the program
    BUILD_INFO: Gauge "mailbox_exporter_build_info" ["version", "revision", "os", "arch"]
        "1, with the version of the program and the commit of its sources (`unknown` where the build was not told).";
    CHECKS: Gauge "mailbox_exporter_checks" []
        "Checks in the configuration: mailboxes times protocols.";
    SHARD_INFO: Gauge "mailbox_exporter_shard_info" ["shard", "shards"]
        "1, with which part of the mailboxes this agent has, counted from 0, and how many parts there are.";
    RELOAD_SUCCESSFUL: Gauge "mailbox_exporter_config_last_reload_successful" []
        "Whether the configuration was without faults when it was last read: 1 it was taken, 0 the one before stays in force.";
    RELOAD_SUCCESS_TIME: Gauge "mailbox_exporter_config_last_reload_success_timestamp_seconds" []
        "When the configuration in force was read.";
    STATE_WRITABLE: Gauge "mailbox_exporter_state_writable" []
        "Whether what is known about passwords could be written to state_dir the last time: 1 it could, 0 it is lost at a restart. Absent without state_dir.";
    STATE_FAILURES: Counter "mailbox_exporter_state_write_failures_total" []
        "Attempts to write to state_dir that failed. Absent without state_dir.";
    FILES_HANGING: Gauge "mailbox_exporter_files_hanging" []
        "Files whose reading or writing has not ended within its bound of time, as on a network file system without its server.";
    IN_FLIGHT: Gauge "mailbox_exporter_probes_in_flight" []
        "Probes running now.";
    LATENESS: Histogram "mailbox_exporter_probe_lateness_seconds" []
        "How long probes waited between their due time and their start, permits included.";
    SKIPPED: Counter "mailbox_exporter_probes_skipped_total" []
        "Due times that passed without a probe because the one before had not ended.";
    CONNECTIONS_DROPPED: Counter "mailbox_exporter_http_connections_dropped_total" ["cause"]
        "HTTP connections that the agent ended early: crowded, an idle one gave way to a new one since all places were taken; slow_reader, its client took no byte of an answer for 10 s or read one for more than 60 s.";
    LOG_LINES_LOST: Counter "mailbox_exporter_log_lines_lost_total" []
        "Log lines that were not written because standard error was not read in time or could not be written to.";
    PROCESS_CPU: Counter "process_cpu_seconds_total" []
        "Processor time of the program, user and system together.";
    PROCESS_MAX_FDS: Gauge "process_max_fds" []
        "File descriptors that the program may have open.";
    PROCESS_OPEN_FDS: Gauge "process_open_fds" []
        "File descriptors that the program has open.";
    PROCESS_RESIDENT: Gauge "process_resident_memory_bytes" []
        "Memory of the program that is held in RAM.";
    PROCESS_START: Gauge "process_start_time_seconds" []
        "When the program started, in seconds since 1970.";
    PROCESS_THREADS: Gauge "process_threads" []
        "Threads of the program.";
    PROCESS_VIRTUAL: Gauge "process_virtual_memory_bytes" []
        "Address space of the program.";
}

/// The buckets of the way of a message, in seconds: from a server that delivers to itself to one that tries again.
pub(super) const TRIP_BUCKETS_SECONDS: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 90.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];

/// The buckets of all other histograms, in seconds: from milliseconds for a nearby server to 90 s for the longest
/// probe.
pub(super) const BUCKETS_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 90.0];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_stands_once_and_only_counters_end_in_total() {
        let names: BTreeSet<_> = FAMILIES.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), FAMILIES.len());
        for family in FAMILIES {
            assert_eq!(family.name.ends_with("_total"), family.kind == Kind::Counter, "{}", family.name);
            assert!(!family.help.is_empty() && !family.help.contains('\n'), "{}", family.name);
        }
    }

    #[test]
    fn buckets_rise_and_reach_the_longest_probe() {
        assert!(BUCKETS_SECONDS.is_sorted() && TRIP_BUCKETS_SECONDS.is_sorted());
        assert_eq!(BUCKETS_SECONDS.last(), Some(&90.0));
    }
}
