//! The table: fault × protocol → phase and reason, through the real probe and the real token client.
//!
//! Not here: recorded answers that no simulated fault gives; see `recorded`.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use mailbox_exporter::model::{Observation, Reason};
use mailbox_exporter::sim::{Fault, Offers, PostFault, TokenFault};

use crate::recorded;
use crate::round_trip;
use crate::support::world::World;
use crate::support::yaml::Door;
use crate::trips;

/// How long a silence lasts here. What comes before it has time on a machine that is busy.
const SILENCE: Duration = Duration::from_secs(5);
/// How much later than that a probe may end, on such a machine.
const SLACK: Duration = Duration::from_secs(5);

/// A fault, then what an IMAP and an SMTP probe make of it: `up`, or phase and reason. Where the port
/// matters, what stands in front of `|` is of implicit TLS, what follows of STARTTLS.
#[rustfmt::skip]
pub(crate) const TABLE: &[(Fault, &str, &str)] = &[
    (Fault::None, "up", "up"),
    (Fault::Refused, "connect connection_refused", "connect connection_refused"),
    (Fault::SilentConnect, "connect timeout", "connect timeout"),
    (Fault::ResetConnect, "tls connection_closed | greeting connection_closed", "tls connection_closed | greeting connection_closed"),
    (Fault::CertificateExpired, "tls tls_certificate_expired", "tls tls_certificate_expired"),
    (Fault::CertificateNotYetValid, "tls clock_skew", "tls clock_skew"),
    (Fault::CertificateOtherName, "tls tls_name_mismatch", "tls tls_name_mismatch"),
    (Fault::CertificateSelfSigned, "tls tls_certificate_untrusted", "tls tls_certificate_untrusted"),
    (Fault::CertificateUnknownAuthority, "tls tls_certificate_untrusted", "tls tls_certificate_untrusted"),
    (Fault::Cleartext, "tls tls_protocol", "tls tls_protocol"),
    (Fault::TlsTooOld, "tls tls_protocol", "tls tls_protocol"),
    (Fault::SilentTls, "tls timeout", "tls timeout"),
    (Fault::ClosedTls, "tls connection_closed", "tls connection_closed"),
    (Fault::SilentGreeting, "greeting timeout", "greeting timeout"),
    (Fault::SilentCapability, "capability timeout", "capability timeout"),
    (Fault::SilentStartTls, "up | starttls timeout", "up | starttls timeout"),
    (Fault::SilentAuth, "auth timeout", "auth timeout"),
    (Fault::SilentChallenge, "auth timeout", "auth timeout"),
    (Fault::SilentSelect, "select timeout", "up"),
    (Fault::SilentSender, "up", "sender timeout"),
    (Fault::SilentGoodbye, "up", "up"),
    (Fault::ClosedGreeting, "greeting connection_closed", "greeting connection_closed"),
    (Fault::ClosedCapability, "capability connection_closed", "capability connection_closed"),
    (Fault::ClosedStartTls, "up | starttls connection_closed", "up | starttls connection_closed"),
    (Fault::ClosedAuth, "auth connection_closed", "auth connection_closed"),
    (Fault::ClosedChallenge, "auth token_rejected", "auth token_rejected"),
    (Fault::ClosedSelect, "select connection_closed", "up"),
    (Fault::ClosedSender, "up", "sender connection_closed"),
    (Fault::CutGoodbye, "up", "up"),
    (Fault::ByeGreeting, "greeting connection_closed", "greeting server_unavailable"),
    (Fault::Throttled, "auth throttled", "auth throttled"),
    (Fault::ThrottledSelect, "select throttled", "up"),
    (Fault::ByeSelect, "select connection_closed", "up"),
    (Fault::ServerUnavailable, "select server_unavailable", "auth server_unavailable"),
    (Fault::AuthUnavailable, "auth server_unavailable", "auth server_unavailable"),
    (Fault::TooManyConnections, "auth too_many_connections", "auth too_many_connections"),
    (Fault::TokenRejected, "auth token_rejected", "auth token_rejected"),
    (Fault::TokenRejectedChallenge, "auth token_rejected", "auth token_rejected"),
    (Fault::SessionExpired, "select token_rejected", "up"),
    (Fault::NotConnected, "select mailbox_not_connected", "up"),
    (Fault::CredentialsRejected, "auth token_rejected", "auth token_rejected"),
    (Fault::BasicAuthDisabled, "auth basic_auth_disabled", "auth basic_auth_disabled"),
    (Fault::SecurityDefaults, "up", "auth conditional_access"),
    (Fault::AccountLocked, "up", "auth account_locked"),
    (Fault::SmtpAuthDisabledTenant, "up", "auth smtp_auth_disabled_tenant"),
    (Fault::SmtpAuthDisabledMailbox, "up", "auth smtp_auth_disabled_mailbox"),
    (Fault::MechanismMissing, "auth mechanism_unsupported | starttls tls_protocol", "auth mechanism_unsupported"),
    (Fault::NoAuth, "auth mechanism_unsupported", "auth mechanism_unsupported"),
    (Fault::NoStartTls, "up | starttls tls_protocol", "up | starttls tls_protocol"),
    (Fault::StartTlsRefused, "up | starttls tls_protocol", "up | starttls tls_protocol"),
    (Fault::EncryptionRequired, "auth encryption_required", "auth encryption_required"),
    (Fault::EchoedLogin, "auth token_rejected", "auth token_rejected"),
    (Fault::SilentPrompt, "auth timeout", "auth timeout"),
    (Fault::ClosedPrompt, "auth connection_closed", "auth connection_closed"),
    (Fault::GarbledPrompt, "auth protocol_error", "auth protocol_error"),
    (Fault::SilentAfterPrompt, "auth timeout", "auth timeout"),
    (Fault::ClosedAfterPrompt, "auth connection_closed", "auth connection_closed"),
    (Fault::GarbledAuth, "auth protocol_error", "auth protocol_error"),
    // The second prompt is LOGIN's: `prompts`.
    (Fault::SilentPassword, "up", "up"),
    (Fault::ClosedPassword, "up", "up"),
    (Fault::GarbledPassword, "up", "up"),
    (Fault::ClosedAfterPassword, "up", "up"),
    (Fault::FolderMissing, "select folder_missing", "up"),
    (Fault::OverQuota, "select over_quota", "sender over_quota"),
    (Fault::AccessDenied, "select mailbox_access_denied", "up"),
    (Fault::SenderRefused, "up", "sender mailbox_access_denied"),
    (Fault::WarningBeforeOk, "up", "up"),
    (Fault::CapabilityInOk, "up", "up"),
    (Fault::CapabilityInGreeting, "up", "up"),
    (Fault::OddContinuation, "up", "up"),
    (Fault::UnknownUntagged, "up", "up"),
    (Fault::EightBitText, "up", "up"),
    (Fault::Trickle, "up", "up"),
    (Fault::SlowDrip, "greeting timeout", "greeting timeout"),
    (Fault::DeepNesting, "capability protocol_error", "up"),
    (Fault::HugeLiteral, "capability protocol_error", "up"),
    (Fault::EndlessLine, "capability protocol_error", "greeting protocol_error"),
    (Fault::EndlessLines, "capability protocol_error", "greeting protocol_error"),
    (Fault::NulBytes, "up", "up"),
    (Fault::LoneLf, "greeting protocol_error", "greeting protocol_error"),
    (Fault::EmptyLineFirst, "up", "greeting protocol_error"),
    (Fault::WrongService, "greeting protocol_error", "greeting protocol_error"),
    (Fault::HttpService, "greeting protocol_error", "greeting protocol_error"),
    (Fault::NoSpace, "up", "up"),
    (Fault::OddCode, "up", "auth token_rejected"),
    (Fault::InjectedPlaintext, "up | starttls protocol_error", "up | starttls protocol_error"),
    (Fault::ByeAuth, "auth connection_closed", "auth connection_closed"),
    (Fault::ChallengeNotJson, "auth token_rejected", "auth token_rejected"),
    (Fault::ChallengeNotBase64, "auth token_rejected", "auth token_rejected"),
];

/// What is wrong at the identity provider, by whichever protocol.
#[rustfmt::skip]
const TOKENS: &[(TokenFault, &str)] = &[
    (TokenFault::SecretInvalid, "token secret_invalid"),
    (TokenFault::SecretExpired, "token secret_expired"),
    (TokenFault::AppNotFound, "token app_not_found"),
    (TokenFault::AppDisabled, "token app_disabled"),
    (TokenFault::TenantNotFound, "token tenant_not_found"),
    (TokenFault::ScopeInvalid, "token scope_invalid"),
    (TokenFault::ConsentMissing, "token consent_missing"),
    (TokenFault::ConditionalAccess, "token conditional_access"),
    (TokenFault::RefreshTokenIdle, "token refresh_token_expired"),
    (TokenFault::RefreshTokenExpired, "token refresh_token_expired"),
    (TokenFault::RefreshTokenRevoked, "token refresh_token_expired"),
    (TokenFault::SignInFrequency, "token refresh_token_expired"),
    (TokenFault::MfaRequired, "token mfa_required"),
    (TokenFault::ClockSkew, "token clock_skew"),
    (TokenFault::IdpOutage, "token idp_unavailable"),
    (TokenFault::IdpThrottled, "token idp_throttled"),
    (TokenFault::EchoedSecret, "token secret_invalid"),
    (TokenFault::Roleless, "auth role_missing"),
    (TokenFault::WrongAudience, "auth token_rejected"),
    (TokenFault::StaleToken, "auth token_rejected"),
    (TokenFault::OpaqueToken, "up"),
    (TokenFault::LifetimeAsText, "up"),
    (TokenFault::NoLifetime, "up"),
    (TokenFault::NoType, "up"),
    (TokenFault::NoToken, "token protocol_error"),
    (TokenFault::HtmlBody, "token protocol_error"),
    (TokenFault::BareOutage, "token idp_unavailable"),
    (TokenFault::Redirected, "token token_request_invalid"),
    (TokenFault::TokenSilence, "token timeout"),
    (TokenFault::TokenClosed, "token connection_closed"),
    (TokenFault::HugeBody, "token protocol_error"),
    (TokenFault::OpenPage, "token protocol_error"),
    (TokenFault::OpenText, "token protocol_error"),
    (TokenFault::StalledLimit, "token idp_throttled"),
    (TokenFault::EndlessInterim, "token protocol_error"),
    (TokenFault::EndlessHeader, "token protocol_error"),
    (TokenFault::EndlessHeaders, "token protocol_error"),
    (TokenFault::EndlessBody, "token protocol_error"),
    (TokenFault::EndlessChunkSize, "token protocol_error"),
    (TokenFault::EndlessBlanks, "token protocol_error"),
    (TokenFault::EndlessExtension, "token protocol_error"),
    (TokenFault::EndlessTrailers, "token protocol_error"),
    (TokenFault::TruncatedBody, "token protocol_error"),
];

/// Logins by password, at servers that take some.
#[rustfmt::skip]
const PASSWORDS: &[(Fault, &str, &str)] = &[
    (Fault::None, "up", "up"),
    (Fault::CredentialsRejected, "auth credentials_rejected", "auth credentials_rejected"),
    (Fault::BasicAuthDisabled, "auth basic_auth_disabled", "auth basic_auth_disabled"),
    (Fault::SecurityDefaults, "up", "auth conditional_access"),
    (Fault::AccountLocked, "up", "auth account_locked"),
    (Fault::NoAuth, "auth mechanism_unsupported", "auth mechanism_unsupported"),
    (Fault::SilentAuth, "auth timeout", "auth timeout"),
    (Fault::EchoedLogin, "auth credentials_rejected", "auth credentials_rejected"),
];

/// What is wrong on this side of the server: YAML of a credential, YAML of an IMAP endpoint and what
/// belongs beside it, YAML of the mailbox, and the verdict.
#[rustfmt::skip]
const HERE: &[(&str, &str, &str, &str)] = &[
    ("password: { env: IT_NO_SUCH_VARIABLE }", "{ host: 127.0.0.1, port: 1, tls: none }", "", "token secret_unreadable"),
    ("password: { file: no-such-file }", "{ host: 127.0.0.1, port: 1, tls: none }", "", "token secret_unreadable"),
    ("password: { file: ca.pem }", "{ host: 127.0.0.1, port: 1, tls: none }", "ip: 6", "resolve dns_not_found"),
    ("password: { file: ca.pem }", "{ host: '::1', port: 1, tls: none }", "ip: 4", "resolve dns_not_found"),
    // No stream leads to a group of hosts: the system knows without sending a packet.
    ("password: { file: ca.pem }", "{ host: 224.0.0.1, port: 993 }", "", "connect network_unreachable"),
    ("password: { file: ca.pem }", "{ host: 127.0.0.1, port: 1, tls: none }", "", "connect connection_refused"),
];

/// What cannot be brought about here, and where it is proven instead.
const EXCUSED: [(Reason, &str); 2] = [
    (
        Reason::DnsFailure,
        "needs the system's name servers to fail: `net::resolve` asks some of its own that do",
    ),
    (Reason::Internal, "a fault of ours; `door` starves the program of file descriptors"),
];

/// Whether the fault is one that only an end of patience can tell.
pub(crate) const fn is_silent(fault: Fault) -> bool {
    use Fault as F;
    use PostFault as P;
    matches!(
        fault,
        F::SilentConnect
            | F::SilentTls
            | F::SilentGreeting
            | F::SilentCapability
            | F::SilentStartTls
            | F::SilentAuth
            | F::SilentChallenge
            | F::SilentPrompt
            | F::SilentAfterPrompt
            | F::SilentPassword
            | F::SilentSelect
            | F::SilentSender
            | F::SlowDrip
            | F::Post(
                P::SilentRecipient
                    | P::SilentContent
                    | P::SilentList
                    | P::SilentSearch
                    | P::SilentFetch
                    | P::SilentStore
                    | P::SilentExpunge
            )
            | F::Token(TokenFault::TokenSilence)
    )
}

/// `up`, or `phase reason`.
pub(crate) fn verdict(observation: &Observation) -> String {
    match observation.outcome.failure() {
        None => "up".to_owned(),
        Some(failure) => format!("{} {}", failure.phase.label(), failure.cause.reason.label()),
    }
}

fn key(fault: Fault, door: Door) -> String {
    format!("{}-{}-{}", fault.label(), door.protocol(), door.tls())
}

/// What a row wants of this door.
pub(crate) fn wanted<'a>(door: Door, imap: &'a str, smtp: &'a str) -> &'a str {
    let row = if door.protocol() == "imap" { imap } else { smtp };
    match (row.split_once(" | "), door.tls()) {
        (Some((implicit, _)), "implicit") => implicit,
        (Some((_, starttls)), _) => starttls,
        (None, _) => row,
    }
}

/// Compares what was seen with the rows; observations that are not there are another round's.
fn judge(rows: &[(Fault, &str, &str)], seen: &HashMap<String, Observation>) {
    let mut wrong = Vec::new();
    for &(fault, imap, smtp) in rows {
        for door in Door::ALL {
            let Some(observation) = seen.get(&key(fault, door)) else { continue };
            let (wanted, found) = (wanted(door, imap, smtp), verdict(observation));
            if wanted != found {
                let detail = observation.outcome.failure().map(|failure| &failure.cause.detail);
                wrong.push(format!("{fault:?} at {door:?}: {wanted}, found {found} ({detail:?})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every row of both tables.
fn rows() -> Vec<(Fault, &'static str, &'static str)> {
    let of_tokens = TOKENS.iter().map(|&(fault, says)| (Fault::Token(fault), says, says));
    TABLE.iter().copied().chain(of_tokens).collect()
}

/// Probes once what only an end of patience can tell, or everything else.
async fn look(silent: bool) -> HashMap<String, Observation> {
    let mut world = World::start().await;
    let bound = |fault| match fault {
        _ if !silent => String::new(),
        // Its greeting alone takes that long.
        Fault::SlowDrip => "timeout: 3s".to_owned(),
        _ => format!("timeout: {}s", SILENCE.as_secs()),
    };
    // Handshakes are work, silences are none.
    let at_once = if silent { 100 } else { 16 };
    world.yaml.head = format!(
        "defaults: {{ smtp: {{ sender: true }} }}\nlimits: {{ concurrency: {at_once}, per_host: {at_once} }}"
    );
    let shared = world.app();
    for (fault, imap, smtp) in rows() {
        let app = if matches!(fault, Fault::Token(_)) { world.app() } else { shared.clone() };
        let doors =
            Door::ALL.into_iter().filter(|door| wanted(*door, imap, smtp).ends_with("timeout") == silent);
        let doors: Vec<_> = doors.collect();
        if !doors.is_empty() {
            let mailbox = world.mailbox_of(&app, fault).await;
            for door in doors {
                world.yaml.watch(&key(fault, door), &mailbox, door, &bound(fault));
            }
        }
    }
    world.round().await
}

/// What holds of every observation, whatever it says.
fn must_be_sound(name: &str, seen: &Observation) {
    let sum: Duration = seen.timings.iter().map(|(_, took)| took).sum();
    assert!(sum.abs_diff(seen.duration) <= Duration::from_millis(5), "{name}: {:?}", seen.timings);
    let Some(failure) = seen.outcome.failure() else { return };
    let entered: Vec<_> = seen.timings.iter().map(|(phase, _)| phase).collect();
    assert!(entered.contains(&failure.phase), "{name} failed in a phase that it never entered: {entered:?}");
    if failure.cause.reason == Reason::Timeout {
        assert!(seen.duration < SILENCE + SLACK, "{name} waited for {:?}", seen.duration);
        let longest = seen.timings.iter().max_by_key(|(_, took)| *took).map(|(phase, _)| phase);
        assert_eq!(longest, Some(failure.phase), "{name}: {:?}", seen.timings);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_phase_and_its_reason_at_every_door() {
    let mut checks = 0;
    for silent in [false, true] {
        let seen = look(silent).await;
        seen.iter().for_each(|(name, observation)| must_be_sound(name, observation));
        judge(&rows(), &seen);
        checks += seen.len();
    }
    assert_eq!(rows().len(), Fault::ALL.len(), "every fault has its row");
    assert_eq!(checks, rows().len() * Door::ALL.len(), "and every door was tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_refused_in_words_of_its_own() {
    let mut world = World::start().await;
    world.yaml.head = "defaults: { smtp: { sender: true } }".to_owned();
    let app = world.app();
    for &(fault, ..) in PASSWORDS {
        let mailbox = world.mailbox_of(&app, fault).await;
        mailbox.set_offers(Offers { passwords: true, ..Offers::default() });
        let bound = if is_silent(fault) { format!("timeout: {}s", SILENCE.as_secs()) } else { String::new() };
        for door in Door::ALL {
            world.yaml.watch_by_password(&key(fault, door), &mailbox, door, &bound);
        }
    }
    let seen = world.round().await;
    seen.iter().for_each(|(name, observation)| must_be_sound(name, observation));
    judge(PASSWORDS, &seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_on_this_side_is_told_so() {
    let mut world = World::start().await;
    for (place, (password, imap, extra, _)) in HERE.iter().enumerate() {
        let name = format!("row-{place}");
        world.yaml.credential_of(&name, &format!("type: password, {password}"));
        world.yaml.provider_of(&name, &format!("imap: {imap}"));
        let keys = format!(
            "name: {name}, address: a@contoso.example, provider: {name}, credential: {name}, checks: [imap]"
        );
        world.yaml.mailbox_of(&keys, extra);
    }
    let seen = world.round().await;
    for (place, (.., wanted)) in HERE.iter().enumerate() {
        let observation = &seen[&format!("row-{place}")];
        must_be_sound(wanted, observation);
        assert_eq!(verdict(observation), *wanted, "row {place}: {:?}", observation.outcome);
    }
}

#[test]
fn every_reason_is_brought_about_or_excused() {
    let mail = TABLE.iter().chain(PASSWORDS).flat_map(|(_, imap, smtp)| [*imap, *smtp]);
    let verdicts =
        mail.chain(TOKENS.iter().map(|(_, says)| *says)).chain(HERE.iter().map(|(.., says)| *says));
    let verdicts = verdicts.chain(trips::TABLE.iter().map(|(.., says)| *says));
    let verdicts = verdicts.chain(round_trip::VERDICTS.iter().map(|(_, _, says, _)| *says));
    let labels = verdicts.flat_map(|row| row.split(" | ")).filter_map(|one| one.split(' ').nth(1));
    let mut proven: BTreeSet<Reason> = labels.map(|label| Reason::from_label(label).unwrap()).collect();
    proven.extend(recorded::reasons());
    for (reason, _) in EXCUSED {
        assert!(!proven.contains(&reason), "{} needs no excuse", reason.label());
    }
    let missing: Vec<_> = Reason::ALL
        .iter()
        .filter(|reason| !proven.contains(reason) && !EXCUSED.iter().any(|(excused, _)| excused == *reason))
        .map(|reason| reason.label())
        .collect();
    assert!(missing.is_empty(), "nothing brings about {missing:?}");
}
