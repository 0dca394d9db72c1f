//! Mailboxes opened by Microsoft Graph: every fault with its phase and its reason, pauses that are kept, and what is
//! told of an error that somebody pastes.

use std::time::Duration;

use mailbox_exporter::model::{Observation, Outcome, Phase};
use mailbox_exporter::sim::{GraphFault, SimApp, TokenFault};

use crate::clock::{Simulated, gaps};
use crate::probes::verdict;
use crate::support::process::run;
use crate::support::world::World;

/// A fault of Graph, and what a probe makes of it.
#[rustfmt::skip]
const TABLE: &[(GraphFault, &str)] = &[
    (GraphFault::None, "up"),
    (GraphFault::TokenRefused, "open token_rejected"),
    (GraphFault::TokenExpired, "open token_rejected"),
    (GraphFault::AppNotKnown, "open token_rejected"),
    (GraphFault::LocationRefused, "open conditional_access"),
    (GraphFault::BareChallenge, "open token_rejected"),
    (GraphFault::PolicyBlocks, "open conditional_access"),
    (GraphFault::SessionRevoked, "open token_rejected"),
    (GraphFault::PolicyRefuses, "open mailbox_access_denied"),
    (GraphFault::NullMessage, "open mailbox_access_denied"),
    (GraphFault::PrivilegesMissing, "open role_missing"),
    (GraphFault::UserInvalid, "open account_not_found"),
    (GraphFault::UserMissing, "open account_not_found"),
    (GraphFault::NoMailbox, "open account_not_found"),
    (GraphFault::MailboxGone, "open account_not_found"),
    (GraphFault::FolderMissing, "open folder_missing"),
    (GraphFault::FolderMalformed, "open folder_missing"),
    (GraphFault::Throttled, "open throttled"),
    (GraphFault::Overloaded, "open throttled"),
    (GraphFault::Unavailable, "open server_unavailable"),
    (GraphFault::InternalError, "open server_unavailable"),
    (GraphFault::BadGateway, "open server_unavailable"),
    (GraphFault::GatewayTimeout, "open server_unavailable"),
    (GraphFault::BareLimit, "open throttled"),
    (GraphFault::StalledLimit, "open throttled"),
    (GraphFault::LoginPage, "open protocol_error"),
    (GraphFault::ProxyPage, "open protocol_error"),
    (GraphFault::OtherJson, "open protocol_error"),
    (GraphFault::Redirected, "open protocol_error"),
    (GraphFault::UnknownCode, "open unexpected"),
    (GraphFault::EchoedToken, "open token_rejected"),
    (GraphFault::NotHttp, "open protocol_error"),
    (GraphFault::Silent, "open timeout"),
    (GraphFault::Closed, "open connection_closed"),
    (GraphFault::CutBody, "open connection_closed"),
    (GraphFault::OpenPage, "open protocol_error"),
    (GraphFault::ChunkedEcho, "open token_rejected"),
    (GraphFault::TinyEcho, "open token_rejected"),
    (GraphFault::EndlessBody, "open protocol_error"),
    (GraphFault::EndlessHeader, "open protocol_error"),
    (GraphFault::EndlessHeaders, "open protocol_error"),
    (GraphFault::EndlessInterim, "open protocol_error"),
    (GraphFault::EndlessChunkSize, "open protocol_error"),
    (GraphFault::EndlessBlanks, "open protocol_error"),
    (GraphFault::EndlessExtension, "open protocol_error"),
    (GraphFault::EndlessTrailers, "open protocol_error"),
];

/// What is wrong with the token, and where it shows.
#[rustfmt::skip]
const TOKENS: &[(TokenFault, &str)] = &[
    (TokenFault::SecretInvalid, "token secret_invalid"),
    (TokenFault::ConsentMissing, "token consent_missing"),
    (TokenFault::Roleless, "open role_missing"),
    (TokenFault::WrongAudience, "open token_rejected"),
    (TokenFault::StaleToken, "open token_rejected"),
    (TokenFault::OpaqueToken, "up"),
];

/// Errors as people paste them, and their reasons.
#[rustfmt::skip]
const PASTED: &[(&str, &str)] = &[
    (r#"{"error":{"code":"ErrorAccessDenied","message":"Access is denied. Check credentials and try again."}}"#, "mailbox_access_denied"),
    (r#"{"error":{"code":"InvalidAuthenticationToken","message":"Access token has expired or is not yet valid.","innerError":{"date":"2026-11-30T08:00:00"}}}"#, "token_rejected"),
    (r#"{"error":{"code":"MailboxNotEnabledForRESTAPI","message":"The mailbox is either inactive, soft-deleted, or is hosted on-premise."}}"#, "account_not_found"),
    (r#"{ "error": { "code": "ErrorItemNotFound", "message": "The specified object was not found in the store." } }"#, "folder_missing"),
    (r#"{"error":{"code":"ApplicationThrottled","message":"Application is over its MailboxConcurrency limit."}}"#, "throttled"),
    (r#"{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}"#, "role_missing"),
    (r#"{"error":{"code":"InvalidAuthenticationToken","message":"Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenCreatedWithOutdatedPolicies"}}"#, "token_rejected"),
    (r#"{"error":{"code":"AccessDenied","message":"Access has been blocked by Conditional Access policies."}}"#, "conditional_access"),
    (r#"{"error":{"code":"NoPermissionsInAccessToken","message":"The token contains no permissions, or permissions can not be understood."}}"#, "role_missing"),
    ("The token contains no permissions, or permissions can not be understood.", "role_missing"),
    ("Microsoft.Graph.ServiceException: Code: ErrorInvalidUser Message: The requested user 'a@contoso.example' is invalid.", "account_not_found"),
    ("Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.", "mailbox_access_denied"),
    // Those of an identity provider stay its own.
    (r#"{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}"#, "secret_invalid"),
    (r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}"#, "secret_invalid"),
];

/// Lines that are kept of a dialogue.
const LONGEST_DIALOGUE: usize = 100;
/// How long a silence lasts here.
const SILENCE: &str = "timeout: 3s";

/// What holds of every observation, whatever it says.
fn must_be_sound(name: &str, seen: &Observation, token: &[String]) {
    let entered: Vec<_> = seen.timings.iter().map(|(phase, _)| phase).collect();
    let phases = [Phase::Token, Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Open];
    assert_eq!(entered, phases[..entered.len()], "{name}");
    let mut said: Vec<String> = seen.dialogue.iter().map(|line| line.text.clone()).collect();
    if entered.contains(&Phase::Open) {
        let request = said.first().unwrap();
        // The last lines are kept of a dialogue without end.
        let is_whole = said.len() < LONGEST_DIALOGUE;
        assert!(
            !is_whole || request.starts_with("GET /v1.0/users/") && request.contains("/mailFolders/inbox?"),
            "{name}: {request}"
        );
        let is_redacted = said.contains(&"authorization: <redacted>".to_owned());
        assert!(!is_whole || is_redacted, "{name}: {said:?}");
    }
    if let Outcome::Down { failure, hint } = &seen.outcome {
        said.extend([failure.cause.detail.clone(), hint.clone()]);
        assert!(!hint.is_empty() && !failure.cause.detail.is_empty(), "{name}");
    }
    let leaked = token.iter().any(|token| said.iter().any(|line| line.contains(&token[token.len() - 24..])));
    assert!(!leaked, "{name} shows its token: {said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_graph_has_its_phase_and_its_reason() {
    let mut world = World::start().await;
    world.yaml.head = "limits: { concurrency: 100, per_host: 100 }".to_owned();
    let mut apps = Vec::new();
    for (fault, _) in TABLE {
        // Each has its own token: what one server says of it is not held against another.
        let app = world.app();
        let credential = world.yaml.credential(&app);
        let mailbox = world.graph_mailbox(&app, *fault);
        apps.push(app);
        let extra = if *fault == GraphFault::Silent { SILENCE } else { "" };
        world.yaml.watch_graph(fault.label(), &mailbox, &credential, extra);
    }
    for (fault, _) in TOKENS {
        let app = world.app();
        app.set_fault(Some(*fault));
        let credential = world.yaml.credential(&app);
        let mailbox = world.graph_mailbox(&app, GraphFault::None);
        world.yaml.watch_graph(&format!("{fault:?}"), &mailbox, &credential, "");
        apps.push(app);
    }
    let app = world.app();
    let credential = world.yaml.credential(&app);
    let expired = world.expired_graph_mailbox(&app);
    world.yaml.watch_graph("expired", &expired, &credential, "");
    let seen = world.round().await;

    let tokens: Vec<String> = apps.iter().flat_map(SimApp::tokens).collect();
    assert!(tokens.len() > 3);
    let rows = TABLE.iter().map(|(fault, wanted)| (fault.label().to_owned(), *wanted));
    let rows = rows.chain(TOKENS.iter().map(|(fault, wanted)| (format!("{fault:?}"), *wanted)));
    let rows = rows.chain([("expired".to_owned(), "tls tls_certificate_expired")]);
    let mut wrong = Vec::new();
    for (name, wanted) in rows {
        let observation = &seen[&name];
        must_be_sound(&name, observation, &tokens);
        let found = verdict(observation);
        if found != wanted {
            wrong.push(format!("{name}: {wanted}, found {found}: {:?}", observation.outcome));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for name in ["throttled", "stalled_limit"] {
        let Outcome::Down { failure, .. } = &seen[name].outcome else { panic!("{name}") };
        assert_eq!(failure.cause.retry_after, Some(Duration::from_secs(120)), "{name}");
    }
    assert_eq!(TABLE.len(), GraphFault::ALL.len(), "every fault has its row");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_counted_with_its_unread_messages() {
    let mut world = World::start().await;
    let app = world.app();
    let credential = world.yaml.credential(&app);
    let mailbox = world.graph_mailbox(&app, GraphFault::None);
    world.yaml.watch_graph("inbox", &mailbox, &credential, "");
    world.yaml.watch_graph("missing", &mailbox, &credential, "graph: { folder: clutter }");
    let seen = world.round().await;
    let facts = &seen["inbox"].server;
    assert_eq!(facts.messages, Some(42));
    assert_eq!(facts.unread.as_ref().and_then(|unread| unread.messages), Some(3));
    assert!(facts.tls_version.is_some() && facts.certificate_expiry.is_some());
    assert_eq!(verdict(&seen["missing"]), "open folder_missing");
    let asked = mailbox.requests();
    let path = format!("/v1.0/users/{}/mailFolders/inbox?", mailbox.address().replace('@', "%40"));
    assert!(asked.len() == 2 && asked.iter().any(|request| request.starts_with(&path)), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wider_permission_and_a_person_open_it_too() {
    let mut world = World::start().await;
    let (wider, person) = (world.app(), world.app());
    wider.set_graph_roles(&["Mail.ReadWrite"]);
    person.set_consented(&["Mail.ReadBasic"]);
    let credential = world.yaml.credential(&wider);
    let mailbox = world.graph_mailbox(&wider, GraphFault::None);
    world.yaml.watch_graph("wider", &mailbox, &credential, "");
    let limited = world.graph_mailbox(&wider, GraphFault::PolicyRefuses);
    world.yaml.watch_graph("limited", &limited, &credential, "");
    let place = world.file("person.token", person.signed_in());
    let keys = format!(
        "type: refresh_token, tenant: {}, client_id: {}, refresh_token: {{ file: {place:?} }}",
        person.tenant, person.client_id
    );
    world.yaml.credential_of("person", &keys);
    let mailbox = world.graph_mailbox(&person, GraphFault::None);
    let own = format!(
        "extends: exchange_online, graph: {{ base_url: {:?}, scope: https://graph.microsoft.com/Mail.ReadBasic offline_access }}, {}",
        mailbox.base_url(),
        world.yaml.takes_tokens()
    );
    world.yaml.provider_of("by-person", &own);
    let address = mailbox.address();
    world.yaml.mailbox_of(
        &format!(
            "name: person, address: {address}, provider: by-person, credential: person, checks: [graph]"
        ),
        "",
    );
    let seen = world.round().await;
    assert_eq!(verdict(&seen["wider"]), "up", "{:?}", seen["wider"].outcome);
    assert_eq!(verdict(&seen["limited"]), "open mailbox_access_denied", "the wider role is one");
    assert_eq!(verdict(&seen["person"]), "up", "{:?}", seen["person"].outcome);
}

#[tokio::test(start_paused = true)]
async fn graph_is_left_alone_for_as_long_as_it_asks() {
    let mut world = World::start_here().await;
    let app = world.app();
    let credential = world.yaml.credential(&app);
    let mailbox = world.graph_mailbox(&app, GraphFault::Throttled);
    mailbox.set_retry_after(Duration::from_secs(600));
    world.yaml.watch_graph("throttled", &mailbox, &credential, "interval: 1m");
    let busy = world.graph_mailbox(&app, GraphFault::Unavailable);
    world.yaml.watch_graph("unavailable", &busy, &credential, "interval: 1m");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(Duration::from_secs(45 * 60)).await;
    let times = simulated.times("throttled");
    let kept = gaps(&times).iter().all(|gap| (600..=660).contains(&gap.as_secs()));
    assert!(times.len() >= 4 && kept, "{times:?}");
    assert_eq!(mailbox.requests().len(), times.len());
    assert!(simulated.times("unavailable").len() >= 43, "a fault of the server is asked as before");
    mailbox.set_fault(GraphFault::None);
    simulated.pass(Duration::from_secs(15 * 60)).await;
    let times = simulated.times("throttled");
    assert!(times.len() >= 7, "after the pause the interval holds again: {times:?}");
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_outdated_token_is_replaced_once_before_a_policy_is_named() {
    let mut world = World::start_here().await;
    let app = world.app();
    let credential = world.yaml.credential(&app);
    let mailbox = world.graph_mailbox(&app, GraphFault::None);
    world.yaml.watch_graph("revoked", &mailbox, &credential, "interval: 1m");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(Duration::from_secs(150)).await;
    assert_eq!(app.tokens().len(), 1);
    let reasons = |from: usize| -> Vec<String> {
        let probes = simulated.probes("revoked");
        probes.iter().skip(from).map(|line| line.field("reason").to_owned()).collect()
    };
    let before = reasons(0).len();
    mailbox.set_fault(GraphFault::SessionRevoked);
    simulated.pass(Duration::from_secs(120)).await;
    assert_eq!(reasons(before), ["token_rejected", "conditional_access"]);
    assert_eq!(app.tokens().len(), 2, "one new token");
    mailbox.set_fault(GraphFault::None);
    simulated.pass(Duration::from_secs(60)).await;
    assert_eq!(reasons(before + 2), [""], "works");
    simulated.stop().await;
}

#[test]
fn an_error_of_graph_is_explained_as_people_paste_it() {
    for (text, reason) in PASTED {
        let output = run(&["explain", "--output", "json", text], None);
        assert_eq!(output.json()["reason"], *reason, "{text}");
    }
    for (text, reason) in PASTED.iter().filter(|(text, _)| text.contains("ErrorAccessDenied")) {
        let output = run(&["explain", "--protocol", "graph", "--output", "json", text], None);
        let said = output.json();
        assert_eq!(said["reason"], *reason);
        assert!(said["hint"].as_str().unwrap().contains("Test-ApplicationAccessPolicy"), "{said}");
    }
    let output = run(
        &["explain", "--protocol", "graph", "--output", "json", "HTTP/1.1 503 Service Unavailable"],
        None,
    );
    assert_eq!(output.json()["reason"], "server_unavailable");
    let output =
        run(&["explain", r#"{"displayName":"Inbox","totalItemCount":17,"unreadItemCount":4}"#], None);
    assert!(output.stdout.starts_with("no failure\n"), "{}", output.stdout);
    assert!(output.stdout.contains("an answer by Graph"), "{}", output.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_administrator_does_for_graph_is_graphs_own() {
    let mut world = World::start().await;
    let app = world.app();
    let credential = world.yaml.credential(&app);
    let mailbox = world.graph_mailbox(&app, GraphFault::None);
    world.yaml.watch_graph("inbox", &mailbox, &credential, "");
    let config = world.configuration();
    let setup = run(&["setup"], Some(&config)).stdout;
    for wanted in [
        "Mail.ReadBasic.All of Microsoft Graph",
        "New-ApplicationAccessPolicy",
        mailbox.address(),
        "scope=https%3A%2F%2Fgraph.microsoft.com%2F.default",
    ] {
        assert!(setup.contains(wanted), "{wanted}: {setup}");
    }
    for unwanted in
        ["Add-MailboxPermission", "New-ServicePrincipal", "Office 365 Exchange Online", "Set-CASMailbox"]
    {
        assert!(!setup.contains(unwanted), "{unwanted}: {setup}");
    }
    let url = run(&["consent-url", &credential], Some(&config)).stdout;
    assert!(url.contains("scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"), "{url}");
    let rows = run(&["readiness", "--output", "csv"], Some(&config)).stdout;
    assert!(!rows.contains("graph") && !rows.contains(mailbox.address()), "Graph knows no password: {rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_prints_a_graph_check_like_any_other() {
    let mut world = World::start().await;
    let app = world.app();
    let credential = world.yaml.credential(&app);
    for fault in [GraphFault::None, GraphFault::PolicyRefuses] {
        let mailbox = world.graph_mailbox(&app, fault);
        world.yaml.watch_graph(fault.label(), &mailbox, &credential, "");
    }
    let config = world.configuration();
    let output = run(&["check", "--protocol", "graph", "--output", "json", "--transcript"], Some(&config));
    let results = output.json()["results"].as_array().unwrap().clone();
    let of = |name: &str| results.iter().find(|result| result["mailbox"] == name).unwrap();
    let (up, down) = (of("none"), of("policy_refuses"));
    assert_eq!((up["success"].as_bool(), up["server"]["messages"].as_u64()), (Some(true), Some(42)));
    assert_eq!(up["server"]["unread"]["messages"], 3);
    assert_eq!(
        (down["phase"].as_str(), down["reason"].as_str()),
        (Some("open"), Some("mailbox_access_denied"))
    );
    let detail = down["detail"].as_str().unwrap();
    assert!(detail.starts_with("HTTP 403 ErrorAccessDenied: ") && detail.contains("request-id"), "{detail}");
    let said = down["transcript"].as_array().unwrap();
    assert!(
        said.iter().any(|line| line["from"] == "server" && line["text"] == "HTTP/1.1 403 Forbidden"),
        "{said:?}"
    );
    let shows_code = |line: &serde_json::Value| {
        line["text"].as_str().is_some_and(|text| text.contains(r#""code":"ErrorAccessDenied""#))
    };
    assert!(said.iter().any(shows_code), "{said:?}");
}
