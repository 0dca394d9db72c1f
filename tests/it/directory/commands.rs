//! What commands make of directories: `readiness` reads them once, `check` and `validate` do not.

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

    // A plugin and a look at the file ask no directory.
    let nagios = of(&["check", "--output", "nagios"]);
    assert_eq!(nagios.status, Some(0), "{}", nagios.said());
    let validate = of(&["validate"]);
    assert!(validate.stdout.contains(", 1 directory"), "{}", validate.said());
    assert_eq!(tenant.graph.requests(), Vec::<String>::new());

    let readiness = of(&["readiness", "--output", "json"]);
    assert!(readiness.stdout.contains("directory/contoso/sign_ins"), "{}", readiness.said());
    assert!(readiness.stdout.contains("with a password or a token"), "{}", readiness.said());
    let table = of(&["readiness"]);
    assert!(table.stdout.contains("usage signed_in"), "{}", table.said());
    for form in ["csv", "markdown"] {
        let board = of(&["readiness", "--output", form]);
        assert!(board.stdout.contains("usage signed_in"), "{}", board.said());
    }

    let setup = of(&["setup", "graph"]);
    let steps = ["Application.Read.All", "AuditLog.Read.All", "Microsoft Graph", "adminconsent", "P1 or P2"];
    assert!(steps.iter().all(|step| setup.stdout.contains(step)), "{}", setup.said());
    assert!(!setup.stdout.contains("New-ServicePrincipal"), "it opens no mailbox: {}", setup.said());

    let consent = of(&["consent-url", "graph"]);
    assert!(consent.stdout.contains(".default") && consent.stdout.lines().count() == 1, "{}", consent.said());

    // A directory that does not answer costs the commands a sentence.
    tenant.reader.set_roles(&[]);
    let readiness = of(&["readiness"]);
    assert!(readiness.stdout.contains("directory/contoso/expiry: the app lacks"), "{}", readiness.said());
    let command = format!("`mailbox-exporter setup --config {}` prints the steps", configuration.display());
    assert!(readiness.stdout.contains(&command), "{}", readiness.said());
}
