//! Applications: each way in which one proves itself, and each refusal.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use super::settings::{Wanted, by_certificate, by_secret, configure, round, verdict};
use super::{ALGORITHMS, RESOURCE};
use crate::rig::Rig;

#[test]
fn every_proof_of_an_application_opens_every_protocol() {
    let rig = Rig::shared();
    let certificates = ALGORITHMS.map(|(name, _)| by_certificate(&format!("app-{name}"), name, name));
    let [basic, body] =
        ["basic", "body"].map(|client_auth| by_secret(&format!("app-{client_auth}"), client_auth, "secret"));
    let mut all: Vec<_> = ALGORITHMS
        .iter()
        .zip(&certificates)
        .map(|((name, _), keys)| Wanted::application(name, keys))
        .collect();
    all.extend([Wanted::application("basic", &basic), Wanted::application("body", &body)]);
    let config = configure(rig, "oidc-applications", "", &all);
    let seen = round(&config, &[]);
    assert_eq!(seen.len(), 3 * all.len());
    for (check, result) in seen {
        assert_eq!(verdict(&result), "up", "{check}: {result}\n{}", rig.logs());
    }
}

/// A token as another issuer would give it to a workload: its subject is the client, and the provider knows the key.
fn workload_token(rig: &Rig) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({
        "iss": "app-ps256", "sub": "app-ps256", "aud": format!("{}/token", rig.oidc.issuer),
        "jti": format!("workload-{now}"), "iat": now, "exp": now + 600,
    });
    let key = EncodingKey::from_rsa_pem(&fs::read(rig.work.join("oidc/ps256.key")).unwrap()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::PS256), &claims, &key).unwrap()
}

#[test]
fn the_token_of_a_workload_opens_mailboxes_and_is_taken_once() {
    let rig = Rig::shared();
    let keys = format!(
        "type: federated, client_id: app-ps256, token_file: workload.jwt, parameters: {{ resource: \"{RESOURCE}\" }}"
    );
    let config = configure(rig, "oidc-workload", "", &[Wanted::application("workload", &keys)]);
    let token = workload_token(rig);
    fs::write(config.with_file_name("workload.jwt"), &token).unwrap();
    // The provider remembers `jti`: this file has to be written anew for each request.
    for expected in ["up", "token federated_identity_mismatch"] {
        for (check, result) in round(&config, &[&token]) {
            assert_eq!(verdict(&result), expected, "{check}: {result}");
        }
    }
}

#[test]
fn every_refusal_of_an_application_has_its_reason() {
    let rig = Rig::shared();
    let resource = format!("parameters: {{ resource: \"{RESOURCE}\" }}");
    let stranger = by_certificate("app-ps256", "stranger", "ps256");
    let other_algorithm = by_certificate("app-ps256", "ps256", "rs256");
    let unknown_certificate = by_certificate("app-of-another-house", "ps256", "ps256");
    let [wrong_basic, wrong_body] = ["basic", "body"]
        .map(|client_auth| by_secret(&format!("app-{client_auth}"), client_auth, "wrong-secret"));
    let unknown = by_secret("app-of-another-house", "basic", "secret");
    let for_people = by_secret("guarded-desk", "basic", "secret");
    let good = by_secret("app-basic", "basic", "secret");
    let without_resource = good.replace(&resource, "parameters: {}");
    let no_address = good.replace(RESOURCE, "mail");

    let refused_scope = Wanted { scope: "calendar", ..Wanted::application("scope", &good) };
    let rows: [(Wanted<'_>, &str, &str); 10] = [
        (Wanted::application("wrong-basic", &wrong_basic), "token secret_invalid", "secret"),
        (Wanted::application("wrong-body", &wrong_body), "token secret_invalid", "secret"),
        (Wanted::application("unknown", &unknown), "token secret_invalid", "app-of-another-house"),
        (Wanted::application("stranger", &stranger), "token certificate_rejected", "thumbprint"),
        (Wanted::application("algorithm", &other_algorithm), "token certificate_rejected", "algorithm"),
        (
            Wanted::application("unknown-certificate", &unknown_certificate),
            "token certificate_rejected",
            "app-of-another-house",
        ),
        (refused_scope, "token scope_invalid", "calendar"),
        (Wanted::application("grant", &for_people), "token token_request_invalid", "client_credentials"),
        (Wanted::application("no-address", &no_address), "token scope_invalid", "parameters"),
        // The provider issues a token, but none that Dovecot can check: it was not told for what.
        (Wanted::application("no-resource", &without_resource), "auth token_rejected", ""),
    ];
    let (all, expected): (Vec<_>, Vec<_>) =
        rows.into_iter().map(|(wanted, verdict, words)| (wanted, (verdict, words))).unzip();
    let config = configure(rig, "oidc-refusals", "", &all);
    let seen = round(&config, &["canary-another-secret"]);
    for (wanted, (reason, words)) in all.iter().zip(expected) {
        for protocol in ["imap", "pop3", "smtp"] {
            let result = &seen[&format!("{} {protocol}", wanted.name)];
            assert_eq!(verdict(result), reason, "{} {protocol}: {result}", wanted.name);
            let hint = result["hint"].as_str().unwrap();
            assert!(hint.contains(words), "{} {protocol}: {hint}", wanted.name);
        }
    }
}
