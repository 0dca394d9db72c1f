//! Odd answers of Microsoft Graph: each costs only what it is about.

use jiff::{SignedDuration, Timestamp};
use mailbox_exporter::sim::{DirectoryFault, SimApp};
use serde_json::{Value, json};

use super::{ENDS, EXPIRY, SIGN_INS, Tenant, end, fault, read, rows, wait};
use crate::support::app;
use crate::support::http::ask;
use crate::support::scrape::value;

/// The credential whose application is asked for first, and the other one.
fn in_turn(tenant: &Tenant) -> [String; 2] {
    let mut apps: Vec<(&str, &SimApp)> = vec![("c0", tenant.mailbox.app()), ("graph", &tenant.reader)];
    apps.sort_by_key(|(_, app)| app.client_id.clone());
    [apps[0].0.to_owned(), apps[1].0.to_owned()]
}

/// Both secrets end at a known time.
async fn of_two_apps() -> Tenant {
    let tenant = Tenant::new("sign_ins: false").await;
    for app in [tenant.mailbox.app(), &tenant.reader] {
        tenant.graph.add_secret(app, &app.secret, ENDS[0].0);
    }
    tenant
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refused_application_costs_only_itself() {
    for refusal in [DirectoryFault::Refused(403), DirectoryFault::Refused(400), DirectoryFault::Html(404)] {
        let tenant = of_two_apps().await;
        let [refused, other] = in_turn(&tenant);
        tenant.graph.faults([Some(refusal.clone())]);
        let agent = tenant.start().await;
        wait(&agent, &end(&other), Some(ENDS[0].1)).await;
        wait(&agent, &rows(EXPIRY), Some(1.0)).await;
        wait(&agent, &end(&refused), None).await;
        let said = fault(&agent, EXPIRY, "is not shown").await;
        assert!(said.starts_with(&format!("the application of credential {refused} is not shown")), "{said}");
        app::stop(agent).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_outlives_a_later_refusal_of_its_application() {
    let tenant = of_two_apps().await;
    let [refused, other] = in_turn(&tenant);
    let agent = tenant.start().await;
    wait(&agent, &rows(EXPIRY), Some(2.0)).await;
    tenant.graph.faults([Some(DirectoryFault::Refused(403))]);
    // A file that changes is a reason to read at once.
    tenant.reader.expect_secrets(&[&tenant.reader.secret, "new~secret"]);
    tenant.graph.add_secret(&tenant.reader, "new~secret", ENDS[0].0);
    tenant.world.file("graph.secret", "new~secret");
    fault(&agent, EXPIRY, &format!("the application of credential {refused} is not shown")).await;
    wait(&agent, &end(&refused), Some(ENDS[0].1)).await;
    wait(&agent, &end(&other), Some(ENDS[0].1)).await;
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_of_another_tenant_costs_only_itself() {
    let mut tenant = of_two_apps().await;
    let stranger = tenant.world.app();
    tenant.world.yaml.credential_named("stranger", &stranger);
    let agent = tenant.start().await;
    wait(&agent, &rows(EXPIRY), Some(2.0)).await;
    for known in in_turn(&tenant) {
        wait(&agent, &end(&known), Some(ENDS[0].1)).await;
    }
    wait(&agent, &end("stranger"), None).await;
    assert_eq!(fault(&agent, EXPIRY, "").await, "", "it is said in the log alone");
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_members_of_an_application_are_none() {
    let tenant = of_two_apps().await;
    let [odd, other] = in_turn(&tenant);
    let body =
        json!({ "appId": null, "displayName": null, "passwordCredentials": null, "keyCredentials": null });
    tenant.graph.faults([Some(DirectoryFault::Body(body))]);
    let agent = tenant.start().await;
    wait(&agent, &end(&other), Some(ENDS[0].1)).await;
    wait(&agent, &rows(EXPIRY), Some(1.0)).await;
    wait(&agent, &end(&odd), None).await;
    assert_eq!(fault(&agent, EXPIRY, "").await, "");
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_and_hostile_rows_of_the_log_cost_only_themselves() {
    let tenant = Tenant::new("expiry: false").await;
    let now = Timestamp::now();
    let row = |user: Value, at: Value| json!({ "userPrincipalName": user, "createdDateTime": at, "clientAppUsed": "IMAP4", "status": null });
    let desk = || json!(tenant.mailbox.address());
    let seen = now - SignedDuration::from_hours(2);
    let page = json!({ "@odata.nextLink": null, "value": [
        null,
        7,
        row(Value::Null, json!(now.to_string())),
        row(desk(), Value::Null),
        row(desk(), json!("9999-12-31T23:59:59Z")),
        row(desk(), json!("0001-01-01T00:00:00Z")),
        row(json!("\u{202e}elpmaxe.osotnoc@ksed"), json!(now.to_string())),
        row(json!("printer\u{3164}1@contoso.example"), json!(now.to_string())),
        row(json!("<b>printer</b>@contoso.example"), json!(now.to_string())),
        row(desk(), json!(seen.to_string())),
    ]});
    tenant.graph.faults([Some(DirectoryFault::Body(page))]);
    let agent = tenant.start().await;
    read(&agent, SIGN_INS).await;
    let metrics = app::metrics(&agent).await;
    assert_eq!(value(&metrics, &rows(SIGN_INS)), Some(2.0), "{metrics}");
    let evidence =
        "mailbox_readiness_evidence_timestamp_seconds{mailbox=\"desk\",protocol=\"imap\",signal=\"usage\"}";
    let at = value(&metrics, evidence).unwrap();
    assert!((at - seen.as_second() as f64).abs() < 1.0, "a row from the year 9999 hides no other: {at}");
    let json = ask(agent.address(), "GET /api/v1/readiness").await.1;
    assert!(!json.contains("elpmaxe") && json.contains("\"lines_refused\":8"), "{json}");
    let page = ask(agent.address(), "GET /readiness").await.1;
    assert!(
        !page.contains('\u{202e}') && !page.contains('\u{3164}') && !page.contains("<b>printer"),
        "{page}"
    );
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_rows_is_read_and_empty() {
    let tenant = Tenant::new("expiry: false").await;
    tenant.graph.faults([Some(DirectoryFault::Body(json!({ "value": null })))]);
    let agent = tenant.start().await;
    read(&agent, SIGN_INS).await;
    wait(&agent, &rows(SIGN_INS), Some(0.0)).await;
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_never_ends_is_read_up_to_a_bound() {
    let tenant = Tenant::new("expiry: false").await;
    tenant.signs_in(230);
    tenant.graph.set_page(1);
    let agent = tenant.start().await;
    wait(&agent, &rows(SIGN_INS), Some(200.0)).await;
    assert_eq!(tenant.graph.requests().len(), 200);
    app::stop(agent).await;
}
