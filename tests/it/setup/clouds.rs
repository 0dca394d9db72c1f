//! Commands for a cloud and for a credential: tools are told which cloud is meant, names are not shared.

use std::collections::BTreeSet;

use mailbox_exporter::sim::{Fault, TokenFault};

use crate::support::folder::Folder;
use crate::support::process::{Program, run};
use crate::support::world::World;
use crate::support::yaml::Door;

/// A preset; what connects PowerShell to Exchange and to Graph there, what is said to the Azure CLI, and the portal.
const CLOUDS: [(&str, &str, &str, &str, &str); 4] = [
    ("exchange_online", "Connect-ExchangeOnline\n", "Connect-MgGraph -Scopes ", "", ""),
    (
        "exchange_online_gcc_high",
        "Connect-ExchangeOnline -ExchangeEnvironmentName O365USGovGCCHigh\n",
        "Connect-MgGraph -Environment USGov -Scopes ",
        "az cloud set --name AzureUSGovernment",
        "https://portal.azure.us",
    ),
    (
        "exchange_online_dod",
        "Connect-ExchangeOnline -ExchangeEnvironmentName O365USGovDoD\n",
        "Connect-MgGraph -Environment USGovDoD -Scopes ",
        "az cloud set --name AzureUSGovernment",
        "https://portal.azure.us",
    ),
    (
        "exchange_online_china",
        "Connect-ExchangeOnline -ExchangeEnvironmentName O365China\n",
        "Connect-MgGraph -Environment China -Scopes ",
        "az cloud set --name AzureChinaCloud",
        "https://portal.azure.cn",
    ),
];

#[test]
fn commands_connect_to_the_cloud_of_the_mailboxes() {
    for (preset, exchange, graph, azure, portal) in CLOUDS {
        let folder = Folder::new();
        // A provider of the configuration is in the cloud of its preset. No secret is there, so no token is asked for.
        let config = folder.write(
            "config.yaml",
            format!(
                "credentials:\n  app: {{ type: client_secret, tenant: t, client_id: c, secret: {{ file: none }} }}\n  \
                 vm: {{ type: managed_identity, client_id: v }}\n  \
                 person: {{ type: refresh_token, tenant: t, client_id: p, refresh_token: {{ file: none }} }}\n\
                 providers:\n  ours: {{ extends: {preset} }}\n\
                 directory:\n  ours: {{ credential: app, provider: ours }}\n\
                 defaults: {{ provider: ours }}\nmailboxes:\n  \
                 - {{ address: a@contoso.example, credential: app, checks: [imap, graph] }}\n  \
                 - {{ address: b@contoso.example, credential: vm, checks: [smtp, graph] }}\n  \
                 - {{ address: c@contoso.example, credential: person, checks: [imap] }}\n"
            ),
        );
        // No managed identity answers here: the token for the object id fails at once.
        let said = Program::new(&["setup"])
            .env("IDENTITY_ENDPOINT", "http://127.0.0.1:9/token")
            .env("IDENTITY_HEADER", "h")
            .config(&config)
            .run();
        assert_eq!(said.status, Some(0), "{preset}: {}", said.said());
        let text = &said.stdout;
        for (command, wanted) in [("Connect-ExchangeOnline", exchange), ("Connect-MgGraph", graph)] {
            let lines: Vec<&str> = text.split_inclusive('\n').map(str::trim_start).collect();
            let connects: Vec<_> = lines.iter().filter(|line| line.starts_with(command)).collect();
            assert!(!connects.is_empty(), "{preset}: no {command} in {text}");
            assert!(connects.iter().all(|line| line.starts_with(wanted)), "{preset}: {connects:?}");
        }
        // Each of the four sections, of three credentials and a directory, begins with it.
        let sections = if azure.is_empty() { 0 } else { 4 };
        assert_eq!(text.matches("Azure CLI, before its first command").count(), sections, "{preset}: {text}");
        assert_eq!(text.matches("az cloud set").count(), sections, "{preset}: {text}");
        assert!(text.contains(azure) && text.contains(portal), "{preset}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_with_the_azure_cli_says_which_cloud_comes_first() {
    let mut world = World::start().await;
    let app = world.app();
    let mailbox = world.mailbox_of(&app, Fault::Token(TokenFault::SecretExpired)).await;
    let credential = world.yaml.credential(&app);
    for (preset, ..) in CLOUDS {
        let keys = world.yaml.leads_to(&mailbox, &[Door::Imap], preset);
        world.yaml.provider_of(&format!("of-{preset}"), &keys);
        let address = mailbox.address();
        let keys = format!(
            "name: {preset}, address: {address}, provider: of-{preset}, credential: {credential}, checks: [imap]"
        );
        world.yaml.mailbox_of(&keys, "");
    }
    let seen = world.round().await;
    for (preset, _, _, azure, _) in CLOUDS {
        let hint = seen[preset].outcome.hint().unwrap();
        assert!(hint.contains("`az ad app credential reset"), "{preset}: {hint}");
        assert_eq!(hint.contains("az cloud set"), !azure.is_empty(), "{preset}: {hint}");
        assert!(hint.contains(azure), "{preset}: {hint}");
    }
}

#[test]
fn each_credential_has_groups_scopes_and_assignments_of_its_own() {
    let folder = Folder::new();
    let config = folder.write(
        "config.yaml",
        "credentials:\n  \
         one: { type: client_secret, tenant: t, client_id: c1, secret: { file: none } }\n  \
         two: { type: client_secret, tenant: t, client_id: c2, secret: { file: none } }\n  \
         TWO: { type: client_secret, tenant: t, client_id: c3, secret: { file: none } }\n\
         defaults: { checks: [smtp, graph] }\nmailboxes:\n  \
         - { name: a, address: a@contoso.example, credential: one }\n  \
         - { name: b, address: b@contoso.example, credential: two }\n  \
         - { name: c, address: c@contoso.example, credential: TWO }\n",
    );
    let script = run(&["setup", "--rbac", "--output", "powershell"], Some(&config)).stdout;
    for cmdlet in ["New-DistributionGroup", "New-ManagementScope", "New-ManagementRoleAssignment"] {
        let lines: Vec<&str> = script.lines().filter(|line| line.starts_with(cmdlet)).collect();
        let name = |line: &&str| line.split("-Name '").nth(1)?.split('\'').next().map(str::to_lowercase);
        let names: BTreeSet<String> = lines.iter().filter_map(name).collect();
        let wanted = if cmdlet == "New-DistributionGroup" { 6 } else { 3 };
        assert_eq!((lines.len(), names.len()), (wanted, wanted), "{cmdlet}: {lines:#?}");
    }
    // What refers to a group refers to its own.
    for line in script.lines().filter(|line| line.starts_with("New-ApplicationAccessPolicy")) {
        let group = line.split("-PolicyScopeGroupId '").nth(1).unwrap().split('\'').next().unwrap();
        assert!(script.contains(&format!("New-DistributionGroup -Name '{group}'")), "{line}");
    }
}
