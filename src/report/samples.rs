//! Plans, observations and token reports for tests of the report and of the pages.
//!
//! Not here: expectations.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::date;

use crate::model::{
    Access, Auth, Basic, Board, Cause, Check, Claims, Cloud, Confidence, Conflict, Credential, Deadline,
    DeadlineKind, End, EndSource, Endpoint, Evidence, Exhibit, Expires, Failure, Family, Finding, Goal,
    IpChoice, Keeping, Limits, Listen, Mailbox, Mechanism, Oauth, Observation, Outcome, Phase, Plan, Policy,
    Proof, Protocol, Provider, Reason, Record, RoundTrip, Score, Security, SenderCheck, SenderVerdict,
    ServerFacts, Shard, Signal, SourceReading, Standing, State, Timings, TokenAccess, TokenFacts,
    TokenReport, TokenSpec, Transcript, TripFacts, Use,
};

/// The beginning of time in these tests, 2026-11-24 00:00 UTC.
pub(crate) fn dawn() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_795_478_400)
}

pub(crate) fn credential(name: &str, expires: Option<Timestamp>) -> Arc<Credential> {
    let proof = Proof::sample(Some(&format!("{name}-tenant")), &format!("{name}-app"), "SECRET");
    let expires = expires.map(Expires::At);
    Arc::new(Credential { name: name.into(), auth: Auth::Token(proof), expires })
}

pub(crate) fn mailbox(name: &str, credential: &Arc<Credential>, labels: &[(&str, &str)]) -> Arc<Mailbox> {
    let address = format!("{name}@{}.example", credential.name);
    let family = Family::ExchangeOnline;
    let provider = Provider {
        name: "exchange_online".into(),
        family,
        cloud: Cloud::Worldwide,
        service: None,
        ca_file: None,
    };
    let labels: BTreeMap<_, _> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (username, credential) = (address.clone(), Arc::clone(credential));
    Arc::new(Mailbox {
        name: name.into(),
        address,
        username,
        credential,
        provider: Arc::new(provider),
        labels,
        alert_path: false,
    })
}

pub(crate) fn check(mailbox: &Arc<Mailbox>, protocol: Protocol) -> Arc<Check> {
    let (host, port, goal, permission) = match protocol {
        Protocol::Imap => {
            let goal = Goal::Folder { name: "INBOX".to_owned(), read_only: false, unread: None };
            ("outlook.office365.com", 993, goal, "IMAP.AccessAsApp")
        }
        Protocol::Smtp => {
            ("smtp.office365.com", 587, Goal::Submission { sender: false, ehlo: None }, "SMTP.SendAsApp")
        }
        Protocol::Pop3 => ("outlook.office365.com", 995, Goal::Maildrop, "POP.AccessAsApp"),
        Protocol::Graph => (
            "graph.microsoft.com",
            443,
            Goal::GraphFolder { folder: "inbox".to_owned() },
            "Mail.ReadBasic.All",
        ),
        Protocol::RoundTrip => {
            let trip = RoundTrip {
                send: check(mailbox, Protocol::Smtp),
                receive: check(mailbox, Protocol::Imap),
                home: None,
                junk: None,
                sent: None,
                page: None,
            };
            ("smtp.office365.com", 587, Goal::RoundTrip(Arc::new(trip)), "SMTP.SendAsApp")
        }
    };
    let security = if matches!(port, 993 | 995 | 443) { Security::Implicit } else { Security::StartTls };
    Arc::new(Check {
        mailbox: Arc::clone(mailbox),
        endpoint: Endpoint { host: host.to_owned(), port, security },
        ip: IpChoice::Auto,
        access: Access::Token(TokenAccess {
            spec: spec(&mailbox.credential),
            mechanism: None,
            permission: Some(permission),
        }),
        goal,
        interval: Duration::from_secs(300),
        timeout: Duration::from_secs(90),
    })
}

fn spec(credential: &Arc<Credential>) -> TokenSpec {
    let Auth::Token(proof) = &credential.auth else { unreachable!("the samples log in with tokens") };
    TokenSpec {
        credential: Arc::clone(&credential.name),
        proof: Arc::clone(proof),
        url: format!("https://login.microsoftonline.com/{}-tenant/oauth2/v2.0/token", credential.name).into(),
        scope: "https://outlook.office365.com/.default".into(),
        ca_file: None,
        url_is_written: false,
        user: None,
    }
}

/// Every mailbox with both protocols.
pub(crate) fn plan(mailboxes: &[Arc<Mailbox>]) -> Plan {
    let mut credentials: Vec<Arc<Credential>> =
        mailboxes.iter().map(|mailbox| Arc::clone(&mailbox.credential)).collect();
    credentials.sort_by(|a, b| a.name.cmp(&b.name));
    credentials.dedup();
    Plan {
        listen: Listen { host: "127.0.0.1".to_owned(), port: 0 },
        web: None,
        address: crate::model::Address::default(),
        limits: Limits { concurrency: 256, per_host: 128, token_max_age: Duration::from_secs(1800) },
        shard: Shard::WHOLE,
        credentials,
        mailboxes: mailboxes.to_vec(),
        checks: mailboxes
            .iter()
            .flat_map(|mailbox| [Protocol::Imap, Protocol::Smtp].map(|protocol| check(mailbox, protocol)))
            .collect(),
        directories: Vec::new(),
        policy: Policy::default(),
    }
}

/// A probe that went well.
pub(crate) fn up(check: &Arc<Check>, started_at: Timestamp) -> Observation {
    let phases = match check.protocol() {
        Protocol::Imap => &[
            (Phase::Token, 2),
            (Phase::Resolve, 4),
            (Phase::Connect, 18),
            (Phase::Tls, 41),
            (Phase::Greeting, 22),
            (Phase::Capability, 19),
            (Phase::Auth, 231),
            (Phase::Select, 74),
        ][..],
        Protocol::Pop3 => &[(Phase::Token, 1), (Phase::Auth, 250), (Phase::Stat, 60)][..],
        Protocol::Graph => &[(Phase::Token, 1), (Phase::Tls, 40), (Phase::Open, 120)][..],
        Protocol::RoundTrip => {
            &[(Phase::Token, 1), (Phase::Send, 90), (Phase::Deliver, 700), (Phase::Clean, 40)][..]
        }
        Protocol::Smtp => &[
            (Phase::Token, 1),
            (Phase::Resolve, 3),
            (Phase::Connect, 17),
            (Phase::Greeting, 35),
            (Phase::Capability, 40),
            (Phase::StartTls, 21),
            (Phase::Tls, 44),
            (Phase::Auth, 310),
        ][..],
    };
    let mut timings = Timings::default();
    for (phase, millis) in phases {
        timings.add(*phase, Duration::from_millis(*millis));
    }
    Observation {
        check: Arc::clone(check),
        started_at,
        duration: timings.total(),
        timings,
        lateness: Duration::from_millis(3),
        server: ServerFacts {
            certificate_expiry: Some(dawn() + Duration::from_secs(90 * 86_400)),
            mechanisms: Some(BTreeSet::from([Mechanism::Xoauth2, Mechanism::Login])),
            messages: check.goal.folder().map(|_| 17),
            trip: if check.protocol() == Protocol::RoundTrip { arrived() } else { TripFacts::default() },
            ..ServerFacts::default()
        },
        token: None,
        dialogue: Transcript::default(),
        outcome: Outcome::Up,
    }
}

/// A message that passed every check of its sender.
fn arrived() -> TripFacts {
    TripFacts {
        send: Some(Duration::from_millis(90)),
        deliver: Some(Duration::from_millis(700)),
        authentication: SenderCheck::ALL.iter().map(|check| (*check, SenderVerdict::Pass)).collect(),
        earlier: Vec::new(),
    }
}

/// A probe that ended in `phase`.
pub(crate) fn down(
    check: &Arc<Check>,
    started_at: Timestamp,
    (phase, reason): (Phase, Reason),
    detail: &str,
    hint: &str,
) -> Observation {
    let mut observation = up(check, started_at);
    let mut timings = Timings::default();
    for (entered, took) in observation.timings.iter() {
        timings.add(entered, took);
        if entered == phase {
            break;
        }
    }
    observation.duration = timings.total();
    observation.timings = timings;
    if phase <= Phase::Connect {
        observation.server = ServerFacts::default();
    }
    observation.server.messages = None;
    let failure = Failure { phase, cause: Cause::new(reason, detail) };
    observation.outcome = Outcome::Down { failure, hint: hint.to_owned() };
    observation
}

/// A token request that brought a token with these permissions.
pub(crate) fn issued(credential: &Arc<Credential>, permissions: &[&str]) -> TokenReport {
    let claims =
        Claims { permissions: permissions.iter().map(|p| (*p).to_owned()).collect(), ..Claims::default() };
    let expires_at = dawn() + Duration::from_secs(4_000);
    let ends = vec![End { source: EndSource::TokenFile, at: expires_at }];
    TokenReport {
        ends,
        refresh_token_used: Some(dawn()),
        ..token_report(credential, Ok(TokenFacts { expires_at, claims: Some(Arc::new(claims)) }))
    }
}

/// A token request that was refused.
pub(crate) fn refused(credential: &Arc<Credential>, reason: Reason) -> TokenReport {
    token_report(credential, Err(Cause::new(reason, "AADSTS7000222: expired")))
}

fn token_report(credential: &Arc<Credential>, outcome: Result<TokenFacts, Cause>) -> TokenReport {
    TokenReport {
        spec: spec(credential),
        started_at: dawn(),
        duration: Duration::from_millis(180),
        request_id: Some("5f2c".to_owned()),
        clock_skew: None,
        certificate: None,
        intercepted: false,
        ends: Vec::new(),
        refresh_token_used: None,
        outcome,
    }
}

/// A board with one of everything.
pub(crate) fn board(plan: &Plan) -> Board {
    let Some(check) = plan.checks.first() else { return Board::default() };
    let evidence = Evidence {
        at: dawn(),
        finding: Finding::OauthWorks,
        signal: Signal::OauthLogin,
        until: None,
        note: "<b>said</b>".to_owned(),
    };
    let deadline = |date| Deadline {
        provider: "exchange_online".to_owned(),
        protocol: "smtp".to_owned(),
        kind: DeadlineKind::DefaultOff,
        date,
        confidence: Confidence::Medium,
        source: "a post".to_owned(),
        reviewed: None,
    };
    Board {
        keeping: Some(Keeping { writable: true, failures: 0 }),
        standings: vec![Standing {
            name: check.name(),
            mailbox: Arc::clone(&check.mailbox),
            tenant: "contoso-tenant".to_owned(),
            basic: Basic::Unknown,
            oauth: Oauth::Ok,
            usage: Use::Unknown,
            state: State::Dual,
            reason: None,
            conflict: Some(Conflict {
                setting: Evidence {
                    finding: Finding::SwitchedOff,
                    signal: Signal::Switch,
                    ..evidence.clone()
                },
                seen: evidence.clone(),
            }),
            evidence: vec![Exhibit { evidence, fresh: true }],
            record: Record::default(),
            deadline: None,
            advice: "Run `Get-X`.".to_owned(),
        }],
        scores: vec![Score {
            tenant: "contoso-tenant".to_owned(),
            score: Some(60.0),
            capped: false,
            counts: State::ALL.iter().map(|state| (Protocol::Imap, *state, 0)).collect(),
        }],
        sources: vec![
            SourceReading {
                name: "usage/*.csv".to_owned(),
                rows: 3,
                last_success: Some(dawn()),
                fault: None,
            },
            SourceReading {
                name: "directory/contoso/sign_ins".to_owned(),
                rows: 7,
                last_success: Some(dawn()),
                fault: None,
            },
        ],
        calendar: vec![deadline(Some(date(2026, 12, 31))), deadline(None)],
        ..Board::default()
    }
}

/// A writer that keeps a log; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
