//! The simulator's idea of an Exchange organisation: what each cmdlet takes, what it needs first, and what it changes.
//!
//! Parameters are those of Microsoft's references of the cmdlets. A mailbox of the simulator loses its fault once
//! everything is in place that Exchange asks for.

use std::collections::{BTreeMap, BTreeSet};

use mailbox_exporter::sim::{Fault, SimApp, SimMailbox};

use super::shell::Command;

/// A cmdlet, the parameters that it takes, and those that it must be given.
const CMDLETS: [(&str, &[&str], &[&str]); 9] = [
    ("Install-Module", &["", "Name", "Scope"], &["Scope"]),
    ("Connect-ExchangeOnline", &["ExchangeEnvironmentName"], &[]),
    ("New-ServicePrincipal", &["AppId", "ObjectId", "DisplayName"], &["AppId", "ObjectId"]),
    ("Add-MailboxPermission", &["Identity", "User", "AccessRights"], &["Identity", "User", "AccessRights"]),
    (
        "Add-RecipientPermission",
        &["Identity", "Trustee", "AccessRights", "Confirm"],
        &["Identity", "Trustee", "AccessRights"],
    ),
    (
        "Set-CASMailbox",
        &["Identity", "ImapEnabled", "PopEnabled", "SmtpClientAuthenticationDisabled"],
        &["Identity"],
    ),
    ("New-DistributionGroup", &["Name", "Type", "Members"], &["Name"]),
    ("New-ManagementScope", &["Name", "RecipientRestrictionFilter"], &["Name", "RecipientRestrictionFilter"]),
    (
        "New-ManagementRoleAssignment",
        &["Name", "App", "Role", "CustomResourceScope"],
        &["App", "Role", "CustomResourceScope"],
    ),
];

/// What an administrator consents to: IMAP has a name of its own there.
const SERVICES: [&str; 2] = ["ps.outlook.com", "outlook.office365.com"];

pub(super) struct Tenant {
    apps: Vec<SimApp>,
    mailboxes: Vec<SimMailbox>,
    connected: bool,
    /// Apps by the object id of their service principal.
    principals: BTreeMap<String, String>,
    /// The client id of an app, and the service that an administrator has consented to.
    consented: BTreeSet<(String, &'static str)>,
    /// What is allowed or switched on: the mailbox, and what.
    opened: BTreeSet<(String, String)>,
    groups: BTreeMap<String, Vec<String>>,
    scopes: BTreeMap<String, String>,
}

impl Tenant {
    pub(super) fn new(mailboxes: &[SimMailbox]) -> Self {
        Self {
            apps: mailboxes.iter().map(|mailbox| mailbox.app().clone()).collect(),
            mailboxes: mailboxes.to_vec(),
            connected: false,
            principals: BTreeMap::new(),
            consented: BTreeSet::new(),
            opened: BTreeSet::new(),
            groups: BTreeMap::new(),
            scopes: BTreeMap::new(),
        }
    }

    /// An administrator opens the page that asks for consent.
    pub(super) fn consent(&mut self, url: &str) {
        let parameter = |name: &str| {
            let found = url.split(['?', '&']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("no {name}: {url}")).to_owned()
        };
        let app = self.app(&parameter("client_id")).clone();
        assert!(url.contains(&format!("/{}/", app.tenant)), "another tenant: {url}");
        assert!(!parameter("redirect_uri").is_empty());
        let scope = parameter("scope");
        let service = SERVICES.iter().find(|service| scope.contains(**service));
        let service = service.unwrap_or_else(|| panic!("for another service: {url}"));
        self.consented.insert((app.client_id, *service));
    }

    /// Runs one command, and ends the test where Exchange would refuse it.
    pub(super) fn run(&mut self, command: &Command) {
        let row = CMDLETS.iter().find(|(name, ..)| *name == command.name);
        let (_, known, needed) = row.unwrap_or_else(|| panic!("there is no such cmdlet: {command:?}"));
        for (name, values) in &command.parameters {
            assert!(known.contains(&name.as_str()), "{} has no {name}: {command:?}", command.name);
            assert!(!values.is_empty(), "{name} has no value: {command:?}");
        }
        for name in *needed {
            assert!(command.get(name).is_some(), "{} wants {name}: {command:?}", command.name);
        }
        let is_of_exchange = !["Install-Module", "Connect-ExchangeOnline"].contains(&command.name.as_str());
        assert!(self.connected || !is_of_exchange, "not connected to Exchange Online: {command:?}");
        match command.name.as_str() {
            "Connect-ExchangeOnline" => self.connected = true,
            "New-ServicePrincipal" => self.register(command),
            "Add-MailboxPermission" => self.permit(command, "User", "FullAccess"),
            "Add-RecipientPermission" => {
                assert_eq!(command.one("Confirm"), "$false", "it would ask: {command:?}");
                self.permit(command, "Trustee", "SendAs");
            }
            "Set-CASMailbox" => self.switch(command),
            "New-DistributionGroup" => {
                assert_eq!(command.one("Type"), "Security");
                let members = command.get("Members").unwrap().to_vec();
                members.iter().for_each(|member| drop(self.mailbox(member)));
                let taken = self.groups.insert(command.one("Name").to_lowercase(), members);
                assert!(taken.is_none(), "the group is there already: {command:?}");
            }
            "New-ManagementScope" => self.scope(command),
            "New-ManagementRoleAssignment" => self.assign(command),
            _ => {}
        }
    }

    /// Every mailbox with all that it needs loses its fault.
    pub(super) fn settle(&self) {
        for mailbox in &self.mailboxes {
            let (app, address) = (mailbox.app(), mailbox.address());
            let has = |what: &str| self.opened.contains(&(address.to_owned(), what.to_owned()));
            let is_consented = |service: &&str| self.consented.contains(&(app.client_id.clone(), *service));
            let by_permission = SERVICES.iter().all(is_consented)
                && has(&format!("FullAccess {}", app.client_id))
                && has(&format!("SendAs {}", app.client_id));
            let by_role = has(&format!("Application SMTP.SendAsApp {}", app.client_id));
            let is_known = self.principals.values().any(|id| *id == app.client_id);
            if is_known && (by_permission && has("imap") || by_role) && has("smtp") {
                mailbox.set_fault(Fault::None);
            }
        }
    }

    fn app(&self, client_id: &str) -> &SimApp {
        let app = self.apps.iter().find(|app| app.client_id == client_id);
        app.unwrap_or_else(|| panic!("no app {client_id} in this tenant"))
    }

    fn mailbox(&self, identity: &str) -> String {
        let known = self.mailboxes.iter().any(|mailbox| mailbox.address() == identity);
        assert!(known, "no mailbox {identity} in this organisation");
        identity.to_owned()
    }

    /// The app of a service principal, which must have been made known before.
    fn principal(&self, object_id: &str) -> &str {
        let app = self.principals.get(object_id);
        app.unwrap_or_else(|| panic!("no service principal {object_id}: a client id, or not registered yet"))
    }

    fn register(&mut self, command: &Command) {
        let (app, object) = (self.app(command.one("AppId")), command.one("ObjectId"));
        assert_eq!(object, app.object_id, "not the object id of the enterprise application: {command:?}");
        let (object, app) = (object.to_owned(), app.client_id.clone());
        assert!(self.principals.insert(object, app).is_none(), "registered twice: {command:?}");
    }

    fn permit(&mut self, command: &Command, who: &str, right: &str) {
        assert_eq!(command.one("AccessRights"), right);
        let app = self.principal(command.one(who));
        let allowed = (self.mailbox(command.one("Identity")), format!("{right} {app}"));
        self.opened.insert(allowed);
    }

    fn switch(&mut self, command: &Command) {
        let mailbox = self.mailbox(command.one("Identity"));
        for (setting, on, protocol) in
            [("ImapEnabled", "$true", "imap"), ("SmtpClientAuthenticationDisabled", "$false", "smtp")]
        {
            if command.get(setting).is_some() {
                assert_eq!(command.one(setting), on, "{command:?}");
                self.opened.insert((mailbox.clone(), protocol.to_owned()));
            }
        }
    }

    fn scope(&mut self, command: &Command) {
        let filter = command.one("RecipientRestrictionFilter");
        let group = filter
            .strip_prefix("MemberOfGroup -eq '$((Get-DistributionGroup '")
            .and_then(|rest| rest.strip_suffix("').DistinguishedName)'"))
            .unwrap_or_else(|| panic!("a filter of another form: {filter}"))
            .to_lowercase();
        assert!(self.groups.contains_key(&group), "no group {group}");
        let taken = self.scopes.insert(command.one("Name").to_lowercase(), group);
        assert!(taken.is_none(), "the scope is there already: {command:?}");
    }

    fn assign(&mut self, command: &Command) {
        let (app, role) = (self.principal(command.one("App")).to_owned(), command.one("Role"));
        assert_eq!(role, "Application SMTP.SendAsApp");
        let group = &self.scopes[&command.one("CustomResourceScope").to_lowercase()];
        for member in self.groups[group].clone() {
            self.opened.insert((member, format!("{role} {app}")));
        }
    }
}
