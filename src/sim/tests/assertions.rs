//! What the identity provider makes of client assertions: each check, broken once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::sim::tests::walk::token_answer;
use crate::sim::{Sim, SimApp, SimCertificate, SimIssuer};

/// An assertion for this application: right, before `change`.
fn assertion(
    sim: &Sim,
    app: &SimApp,
    certificate: &SimCertificate,
    change: impl FnOnce(&mut Header, &mut Value),
) -> String {
    let mut header = Header::new(Algorithm::PS256);
    header.x5t_s256 = Some(certificate.registered.x5t_s256.clone());
    let now = Timestamp::now().as_second();
    let mut claims = json!({
        "aud": sim.token_url_plain().replace("{tenant}", &app.tenant),
        "iss": app.client_id,
        "sub": app.client_id,
        "jti": uuid::Uuid::new_v4().to_string(),
        "iat": now,
        "nbf": now,
        "exp": now + 600,
    });
    change(&mut header, &mut claims);
    encode(&header, &claims, &EncodingKey::from_rsa_pem(certificate.private_key.as_bytes()).unwrap()).unwrap()
}

/// The AADSTS number of the answer to this assertion; 0 where a token came.
async fn refusal(sim: &Sim, app: &SimApp, assertion: &str) -> u64 {
    let form = format!(
        "grant_type=client_credentials&client_id={}&scope={}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={assertion}",
        app.client_id,
        sim.scope().replace(':', "%3A").replace('/', "%2F"),
    );
    let answer = token_answer(sim, &app.tenant, "", &form).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    body["error_codes"][0].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn an_assertion_is_good_once_and_only_if_all_is_right() {
    type Change = fn(&mut Header, &mut Value);
    let sim = Sim::start().await.unwrap();
    let app = sim.app();
    let (certificate, stranger) =
        (SimCertificate::until(2120).unwrap(), SimCertificate::until(2120).unwrap());
    app.register(&[&certificate]);
    let changes: [(Change, u64); 11] = [
        (|_, _| (), 0),
        (|header, _| (header.alg, header.x5t_s256) = (Algorithm::PS384, None), 700_027),
        (|header, _| header.x5t_s256 = None, 700_027),
        (|_, claims| claims["aud"] = json!("https://login.example/token"), 700_023),
        (|_, claims| claims["iss"] = json!("another"), 700_021),
        (|_, claims| claims["sub"] = json!("another"), 700_021),
        (|_, claims| claims["exp"] = json!(claims["nbf"].as_i64().unwrap() + 601), 700_024),
        (|_, claims| (claims["nbf"], claims["exp"]) = (json!(1_600_000_000), json!(1_600_000_600)), 700_024),
        (
            |_, claims| (claims["nbf"], claims["exp"]) = (json!(4_000_000_000_u32), json!(4_000_000_600_u32)),
            700_024,
        ),
        (|_, claims| claims["jti"] = json!("1"), 50_013),
        (|_, claims| drop(claims.as_object_mut().unwrap().remove("jti")), 700_027),
    ];
    for (place, (change, expected)) in changes.into_iter().enumerate() {
        let assertion = assertion(&sim, &app, &certificate, change);
        assert_eq!(refusal(&sim, &app, &assertion).await, expected, "{place}");
    }
    let once = assertion(&sim, &app, &certificate, |_, _| ());
    assert_eq!(refusal(&sim, &app, &once).await, 0);
    assert_eq!(refusal(&sim, &app, &once).await, 50_013, "used before");
    let unsigned = once.rsplit_once('.').unwrap().0;
    assert_eq!(refusal(&sim, &app, &format!("{unsigned}.AAAA")).await, 700_027);
    let forged = assertion(&sim, &app, &stranger, |header, _| {
        header.x5t_s256 = Some(certificate.registered.x5t_s256.clone());
    });
    assert_eq!(refusal(&sim, &app, &forged).await, 700_027, "the thumbprint of one, the key of another");
    assert_eq!(refusal(&sim, &app, "nonsense").await, 50_027);
}

#[tokio::test]
async fn a_workloads_token_is_good_only_if_all_is_right() {
    const SUBJECT: &str = "system:serviceaccount:mail:mailbox-exporter";
    let sim = Sim::start().await.unwrap();
    let (app, issuer, stranger) = (sim.app(), SimIssuer::new().unwrap(), SimIssuer::new().unwrap());
    app.trust(&issuer, SUBJECT);
    let (now, hour) = (SignedDuration::ZERO, Duration::from_secs(3600));
    let good = issuer.token(SUBJECT, now, hour).unwrap();
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    for (token, expected) in [
        (good.clone(), 0),
        // The cluster's next request may show the same file.
        (good.clone(), 0),
        (stranger.token(SUBJECT, now, hour).unwrap(), 700_211),
        (format!("{unsigned}.AAAA"), 700_211),
        (issuer.token("system:serviceaccount:mail:Mailbox-Exporter", now, hour).unwrap(), 700_213),
        (issuer.token_for("api://other", SUBJECT, now, hour).unwrap(), 700_212),
        (issuer.token(SUBJECT, SignedDuration::from_hours(2), hour).unwrap(), 700_024),
    ] {
        assert_eq!(refusal(&sim, &app, &token).await, expected);
    }
}
