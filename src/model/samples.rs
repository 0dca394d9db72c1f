//! Plans and observations for tests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{
    Access, Auth, Cause, Check, Cloud, Credential, Directory, Endpoint, Failure, Family, Feed, Goal,
    IpChoice, Limits, Listen, Mailbox, Mechanism, Observation, Outcome, Phase, Plan, Policy, Proof, Provider,
    Reason, Security, ServerFacts, Shard, Timings, TokenAccess, TokenSpec, Transcript,
};

pub(crate) fn credential(name: &str) -> Arc<Credential> {
    let proof = Proof::sample(Some(&format!("{name}-tenant")), &format!("{name}-app"), "SECRET");
    Arc::new(Credential { name: name.into(), auth: Auth::Token(proof), expires: None })
}

pub(crate) fn mailbox(name: &str, credential: &Arc<Credential>) -> Arc<Mailbox> {
    let address = format!("{name}@{}.example", credential.name);
    let family = Family::ExchangeOnline;
    let provider = Provider {
        name: "exchange_online".into(),
        family,
        cloud: Cloud::Worldwide,
        service: None,
        ca_file: None,
    };
    Arc::new(Mailbox {
        name: name.into(),
        username: address.clone(),
        address,
        credential: Arc::clone(credential),
        provider: Arc::new(provider),
        labels: Default::default(),
        alert_path: false,
    })
}

fn spec(credential: &Credential, scope: &str) -> TokenSpec {
    let Auth::Token(proof) = &credential.auth else { unreachable!("the samples log in with tokens") };
    TokenSpec {
        credential: Arc::clone(&credential.name),
        proof: Arc::clone(proof),
        url: "https://login.microsoftonline.com/t/oauth2/v2.0/token".into(),
        scope: scope.into(),
        ca_file: None,
        url_is_written: false,
        user: None,
    }
}

/// A directory of which everything is read.
pub(crate) fn directory(credential: &Credential) -> Directory {
    Directory {
        name: "contoso".into(),
        spec: spec(credential, "https://graph.microsoft.com/.default"),
        base_url: "https://graph.microsoft.com".into(),
        interval: Duration::from_secs(6 * 60 * 60),
        feeds: Feed::ALL.to_vec(),
    }
}

fn check(mailbox: &Arc<Mailbox>, host: &str, goal: Goal) -> Arc<Check> {
    let spec = spec(&mailbox.credential, "https://outlook.office365.com/.default");
    Arc::new(Check {
        mailbox: Arc::clone(mailbox),
        endpoint: Endpoint { host: host.to_owned(), port: 993, security: Security::Implicit },
        ip: IpChoice::Auto,
        access: Access::Token(TokenAccess { spec, mechanism: None, permission: None }),
        goal,
        interval: Duration::from_secs(300),
        timeout: Duration::from_secs(90),
    })
}

/// A plan that checks every mailbox by IMAP and by SMTP.
pub(crate) fn plan(mailboxes: &[Arc<Mailbox>]) -> Plan {
    let checks = |mailbox| {
        let folder = Goal::Folder { name: "INBOX".to_owned(), read_only: false, unread: None };
        let imap = check(mailbox, "outlook.office365.com", folder);
        [imap, check(mailbox, "smtp.office365.com", Goal::Submission { sender: false, ehlo: None })]
    };
    Plan {
        listen: Listen { host: "127.0.0.1".to_owned(), port: 0 },
        limits: Limits { concurrency: 256, per_host: 128, token_max_age: Duration::from_secs(1800) },
        web: None,
        address: crate::model::Address::default(),
        shard: Shard::WHOLE,
        credentials: mailboxes.iter().map(|mailbox| Arc::clone(&mailbox.credential)).collect(),
        mailboxes: mailboxes.to_vec(),
        checks: mailboxes.iter().flat_map(checks).collect(),
        directories: Vec::new(),
        policy: Policy::default(),
    }
}

/// A probe that got as far as the login, with this result.
fn seen(check: &Arc<Check>, started_at: Timestamp, outcome: Outcome) -> Observation {
    let mut timings = Timings::default();
    timings.add(Phase::Auth, Duration::from_millis(1));
    Observation {
        check: Arc::clone(check),
        started_at,
        duration: timings.total(),
        timings,
        lateness: Duration::ZERO,
        server: ServerFacts {
            mechanisms: Some(BTreeSet::from([Mechanism::Xoauth2, Mechanism::Login])),
            ..ServerFacts::default()
        },
        token: None,
        dialogue: Transcript::default(),
        outcome,
    }
}

pub(crate) fn up(check: &Arc<Check>, at: Timestamp) -> Observation {
    seen(check, at, Outcome::Up)
}

pub(crate) fn refused(check: &Arc<Check>, at: Timestamp, reason: Reason, detail: &str) -> Observation {
    let failure = Failure { phase: Phase::Auth, cause: Cause::new(reason, detail) };
    seen(check, at, Outcome::Down { failure, hint: String::new() })
}
