//! What commands make of directories: each reads them once.

use jiff::{SignedDuration, Timestamp};

use super::Tenant;
use crate::support::process::run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_know_what_the_directory_says() {
    let tenant = Tenant::new("provider: own, expiry: true").await;
    let mut tenant = tenant;
    let keys = format!("extends: exchange_online, {}", tenant.world.yaml.takes_tokens());
    tenant.world.yaml.provider_of("own", &keys);
    tenant.signs_in(2);
    let soon = Timestamp::now() + SignedDuration::from_hours(24 * 5);
    tenant.graph.add_secret(tenant.mailbox.app(), &tenant.mailbox.app().secret, &soon.to_string());
    let configuration = tenant.world.configuration();
    let of = |arguments: &[&str]| run(arguments, Some(&configuration));

    let nagios = of(&["check", "--output", "nagios"]);
    assert!(nagios.stdout.contains("secret or certificate of credential c0 ends in"), "{}", nagios.said());
    assert_eq!(nagios.status, Some(1), "{}", nagios.said());

    let readiness = of(&["readiness", "--output", "json"]);
    assert!(readiness.stdout.contains("directory/contoso/sign_ins"), "{}", readiness.said());
    assert!(readiness.stdout.contains("with a password or a token"), "{}", readiness.said());

    let setup = of(&["setup", "graph"]);
    let steps = ["Application.Read.All", "AuditLog.Read.All", "Microsoft Graph", "adminconsent", "P1 or P2"];
    assert!(steps.iter().all(|step| setup.stdout.contains(step)), "{}", setup.said());
    assert!(!setup.stdout.contains("New-ServicePrincipal"), "it opens no mailbox: {}", setup.said());

    let consent = of(&["consent-url", "graph"]);
    assert!(consent.stdout.contains(".default") && consent.stdout.lines().count() == 1, "{}", consent.said());

    // A directory that does not answer costs the commands a sentence.
    tenant.reader.set_roles(&[]);
    let nagios = of(&["check", "--output", "nagios"]);
    assert!(
        nagios.stderr.contains("lacks the application permission Application.Read.All"),
        "{}",
        nagios.said()
    );
    assert_eq!(nagios.status, Some(0), "{}", nagios.said());
    let readiness = of(&["readiness"]);
    assert!(readiness.stdout.contains("directory/contoso/expiry: the app lacks"), "{}", readiness.said());
}
