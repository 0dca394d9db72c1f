//! What `setup` prints for the demo's tenant, pasted: everything that an administrator can set right, is.

use mailbox_exporter::sim::{Fault, Service, SimMailbox, TokenFault};

use super::shell::commands;
use super::tenant::Tenant;
use crate::support::process::{Program, results, run};
use crate::support::wait::until;
use crate::support::world::World;
use crate::support::yaml::{Door, EXCHANGE};

/// The faults of the demo that Exchange or Entra has to be told something about.
const FAULTS: [Fault; 6] = [
    Fault::Token(TokenFault::ConsentMissing),
    Fault::Token(TokenFault::Roleless),
    Fault::TokenRejected,
    Fault::NotConnected,
    Fault::SmtpAuthDisabledTenant,
    Fault::SmtpAuthDisabledMailbox,
];
/// The placeholder where no token tells the object id.
const PLACEHOLDER: &str = "ENTERPRISE_APP_OBJECT_ID";

/// Mailboxes with these faults, each with an app of its own but those of one app that make a loop.
async fn world() -> (World, Vec<SimMailbox>) {
    let mut world = World::start().await;
    assert!(FAULTS.iter().all(|fault| Fault::DEMO.contains(fault)));
    let mut mailboxes = Vec::new();
    for fault in FAULTS {
        mailboxes.push(world.mailbox(fault).await);
    }
    let shared = world.app();
    for _ in 0..5 {
        mailboxes.push(world.mailbox_of(&shared, Fault::NotConnected).await);
    }
    for mailbox in &mailboxes {
        world.yaml.both(mailbox.address(), mailbox, EXCHANGE, "");
    }
    (world, mailboxes)
}

/// Pastes the script, section by section, as an administrator would: the object id where it was not known.
fn paste(script: &str, tenant: &mut Tenant, mailboxes: &[SimMailbox]) {
    // What follows the title, which is the rest of its comment.
    let sections = script.split("\n# credential ").filter_map(|section| Some(section.split_once('\n')?.1));
    for section in sections {
        let app = mailboxes.iter().map(SimMailbox::app).find(|app| section.contains(&app.client_id)).unwrap();
        if section.contains(PLACEHOLDER) {
            assert!(section.contains(&format!("az ad sp show --id '{}'", app.client_id)), "{section}");
        }
        let urls = section.lines().filter_map(|line| line.strip_prefix('#')?.trim().strip_prefix("https://"));
        urls.filter(|url| url.contains("/adminconsent?")).for_each(|url| tenant.consent(url));
        for command in commands(&section.replace(PLACEHOLDER, &format!("'{}'", app.object_id))) {
            tenant.run(&command);
        }
    }
    tenant.settle();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demos_tenant_is_set_right_and_check_turns_green() {
    let (world, mailboxes) = world().await;
    let config = world.configuration();
    let failing = results(&run(&["check", "--output", "json"], Some(&config)));
    for mailbox in &mailboxes {
        let fails = failing.iter().any(|row| row["address"] == mailbox.address() && row["success"] == false);
        assert!(fails, "{} is fine before anything was done", mailbox.address());
    }
    let setup = run(&["setup", "--output", "powershell"], Some(&config));
    assert_eq!(setup.status, Some(0), "{}", setup.said());
    assert!(setup.stdout.contains("| ForEach-Object {"), "five mailboxes are a loop: {}", setup.stdout);

    let seen = |mailbox: &SimMailbox| mailbox.connections(Service::Smtp).total;
    let shared = mailboxes.last().unwrap();
    let before = seen(shared);
    let waiting = Program::new(&["check", "--wait", "10m"]).config(&config).start();
    until("the first round has reached the servers", || (seen(shared) > before).then_some(()));
    paste(&setup.stdout, &mut Tenant::new(&mailboxes), &mailboxes);
    let checked = waiting.end();
    assert_eq!(checked.status, Some(0), "{}", checked.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_by_rbac_is_set_right_without_a_permission_of_entra() {
    let mut world = World::start().await;
    let app = world.app();
    let mut mailboxes = Vec::new();
    for fault in [Fault::TokenRejected, Fault::SmtpAuthDisabledTenant] {
        let mailbox = world.mailbox_of(&app, fault).await;
        world.yaml.watch(mailbox.address(), &mailbox, Door::Smtp, "");
        mailboxes.push(mailbox);
    }
    let config = world.configuration();
    let setup = run(&["setup", "--rbac", "--output", "powershell"], Some(&config));
    assert!(!setup.stdout.contains("adminconsent"), "{}", setup.stdout);
    paste(&setup.stdout, &mut Tenant::new(&mailboxes), &mailboxes);
    let checked = run(&["check"], Some(&config));
    assert_eq!(checked.status, Some(0), "{}", checked.said());
}
