//! Dovecot's configuration: one instance that offers everything, four that each lack something, and one for the tokens of
//! the other identity provider.
//!
//! `auth_mechanisms` holds for a whole instance, hence the six. Settings and their traps: doc.dovecot.org/2.3.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::certificates::{authority, leaf};
use crate::idp;
use crate::oidc::{self, Oidc, RESOURCE};
use crate::rig::{DOMAIN, PASSWORD, Ports};

/// One Dovecot.
pub(crate) struct Instance {
    /// Names its files and, after `auth-`, its socket for Postfix.
    pub(crate) name: &'static str,
    mechanisms: &'static str,
    /// How tokens are checked: by mechanism, the name of the file that says it.
    tokens: &'static [(&'static str, &'static str)],
    /// Sessions of one user from one address.
    sessions: u32,
    /// Name in [`Ports`]: where TLS comes by command.
    imap: &'static str,
    /// Where TLS comes at once; `None` takes STARTTLS away as well.
    imaps: Option<&'static str>,
    /// The same two of POP3, where the instance has it.
    pop3: Option<[&'static str; 2]>,
    /// Where Postfix delivers, where the instance has that.
    lmtp: Option<&'static str>,
}

/// Tokens of this project's own identity provider, whichever way they come.
const OWN: [(&str, &str); 1] = [("xoauth2 oauthbearer", "oauth2")];

/// More sessions than parallel tests open.
const PLENTY: u32 = 200;

/// Sessions of one user that the instance `plain` allows.
pub(crate) const FEW: u32 = 6;

/// Every instance.
pub(crate) const INSTANCES: [Instance; 6] = [
    Instance {
        name: "full",
        mechanisms: "plain login xoauth2 oauthbearer",
        tokens: &OWN,
        sessions: PLENTY,
        imap: "imap",
        imaps: Some("imaps"),
        pop3: Some(["pop3", "pop3s"]),
        lmtp: Some("lmtp"),
    },
    Instance {
        name: "plain",
        mechanisms: "plain",
        tokens: &OWN,
        sessions: FEW,
        imap: "imap-plain",
        imaps: Some("imaps-plain"),
        pop3: Some(["pop3-plain", "pop3s-plain"]),
        lmtp: None,
    },
    Instance {
        name: "token",
        mechanisms: "xoauth2 oauthbearer",
        tokens: &OWN,
        sessions: PLENTY,
        imap: "imap-token",
        imaps: Some("imaps-token"),
        pop3: None,
        lmtp: None,
    },
    Instance {
        name: "bearer",
        mechanisms: "oauthbearer",
        tokens: &OWN,
        sessions: PLENTY,
        imap: "imap-bearer",
        imaps: Some("imaps-bearer"),
        pop3: Some(["pop3-bearer", "pop3s-bearer"]),
        lmtp: None,
    },
    Instance {
        name: "issued",
        mechanisms: "xoauth2 oauthbearer",
        tokens: &[("xoauth2", "oauth2-issued"), ("oauthbearer", "oauth2-asked")],
        sessions: PLENTY,
        imap: "imap-issued",
        imaps: Some("imaps-issued"),
        pop3: Some(["pop3-issued", "pop3s-issued"]),
        lmtp: None,
    },
    Instance {
        name: "login",
        mechanisms: "login",
        tokens: &OWN,
        sessions: PLENTY,
        imap: "imap-login",
        imaps: None,
        pop3: None,
        lmtp: None,
    },
];

/// Users with a mailbox. `examined`, `selected` and `fetched` have a message in it.
pub(crate) const USERS: [&str; 9] =
    ["user1", "examined", "selected", "fetched", "crowded", "control", "refused", "sender", "person"];

/// Where the mailbox of the user `vast` lies: apart from the others, whose files every test may count.
pub(crate) fn vast_home(work: &Path) -> PathBuf {
    work.join("vast")
}

/// Users whose mail Postfix hands to Dovecot by LMTP. `held` waits in the queue until somebody lets it go, those of
/// [`SORTED`] have a Sieve script, Postfix sends `keeps` a copy of all that it sends, and takes mail for `gone` that Dovecot
/// then refuses.
pub(crate) const POST: [&str; 10] =
    ["writes", "reads", "alone", "junked", "spurned", "keeps", "returns", "gone", "held", "held-again"];

/// Users all of whose mail goes into another folder. The folders of the last two are marked by their use.
const SORTED: [(&str, &str); 3] =
    [("junked", "Junk Email"), ("spurned", "Unerwünscht"), ("keeps", "Gesendet")];

/// What `gone` is called where Dovecot does not know it.
pub(crate) const NOBODY: &str = "nobody-here";

/// Writes everything that the instances read into `work`.
pub(crate) fn configure(work: &Path, ports: &Ports, oidc: &Oidc) {
    let mut users = String::new();
    for user in USERS.iter().chain(&POST) {
        let _ = writeln!(users, "{user}@{DOMAIN}:{PASSWORD}::::::");
    }
    let vast = vast_home(work);
    // One file holds all messages: two hundred thousand files take minutes.
    let _ = writeln!(
        users,
        "vast@{DOMAIN}:{PASSWORD}::::{}::userdb_mail=mbox:~/mail:INBOX=~/inbox",
        vast.display()
    );
    fs::write(work.join("users"), users).unwrap();
    fs::write(work.join("oauth2.conf"), oauth2(work)).unwrap();
    fs::write(work.join("oauth2-issued.conf"), issued(work, oidc)).unwrap();
    fs::write(work.join("oauth2-asked.conf"), asked(work, oidc)).unwrap();
    for user in ["examined", "selected", "fetched"] {
        let folder = work.join("mail").join(user).join("Maildir");
        for part in ["new", "cur", "tmp"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        fs::write(folder.join("new/1.rig"), "Subject: unseen\r\n\r\nOne message.\r\n").unwrap();
    }
    for (user, folder) in SORTED {
        let home = work.join("mail").join(user);
        fs::create_dir_all(&home).unwrap();
        let script = format!("require [\"fileinto\", \"mailbox\"];\nfileinto :create \"{folder}\";\n");
        fs::write(home.join("all.sieve"), script).unwrap();
    }
    for instance in &INSTANCES {
        fs::write(work.join(format!("{}.conf", instance.name)), config(work, ports, instance)).unwrap();
    }
}

/// Tokens are checked by their signature and claims alone. An application's token names no mailbox: its `appid` stands for
/// the user name, and a constant `username_format` makes that fit every mailbox, as an Exchange application's does.
fn oauth2(work: &Path) -> String {
    let work = work.display();
    let (issuer, audience) = (idp::ISSUER, idp::AUDIENCE);
    format!(
        "introspection_mode = local
local_validation_key_dict = fs:posix:prefix={work}/keys/
issuers = {issuer}
audience = {audience}
username_attribute = appid
username_format = any
active_attribute = idtyp
active_value = app
"
    )
}

/// An application's tokens of the other provider, checked by their signature.
fn issued(work: &Path, oidc: &Oidc) -> String {
    let (keys, issuer) = (oidc::keys(work), &oidc.issuer);
    format!(
        "introspection_mode = local
local_validation_key_dict = fs:posix:prefix={}/
issuers = {issuer}
audience = {RESOURCE}
username_attribute = client_id
username_format = any
",
        keys.display()
    )
}

/// A person's tokens of the other provider, which says on request whose they are.
fn asked(work: &Path, oidc: &Oidc) -> String {
    let address = oidc.issuer.trim_start_matches("https://");
    let (authority, [user, secret]) = (authority(work), oidc::DOVECOT);
    format!(
        "introspection_mode = post
force_introspection = yes
introspection_url = https://{user}:{secret}@{address}/token/introspection
tls_ca_cert_file = {}
username_attribute = sub
username_format = %Lu
active_attribute = active
active_value = true
scope = mail
",
        authority.display()
    )
}

/// `auth_failure_delay` and the penalty would hold logins back for seconds after each refusal, those of other users too.
/// The first passdb refuses unknown users; without it a good token for one would end in a closed connection.
fn config(work: &Path, ports: &Ports, instance: &Instance) -> String {
    let Instance { name, mechanisms, sessions, .. } = instance;
    let imap = ports.of(instance.imap);
    // Port 0 takes a listener away.
    let (ssl, imaps) = instance.imaps.map_or(("no", 0), |port| ("yes", ports.of(port)));
    let [pop3, pop3s] = instance.pop3.map_or([0, 0], |pair| pair.map(|port| ports.of(port)));
    let [(good, good_key), (expired, expired_key), (elsewhere, elsewhere_key)] =
        ["good", "expired", "elsewhere"].map(|leaf_name| {
            let (chain, key) = leaf(work, leaf_name);
            (chain.display().to_string(), key.display().to_string())
        });
    let lmtp = instance.lmtp.map_or(0, |port| ports.of(port));
    let work = work.display();
    let mut tokens = String::new();
    for (mechanisms, file) in instance.tokens {
        let _ = write!(
            tokens,
            "passdb {{
  driver = oauth2
  mechanisms = {mechanisms}
  args = {work}/{file}.conf
}}
"
        );
    }
    format!(
        "instance_name = rig-{name}
base_dir = {work}/{name}/run
state_dir = {work}/{name}/state
log_path = {work}/{name}.log
auth_verbose = yes
protocols = imap pop3 lmtp
listen = 127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4
ssl = {ssl}
ssl_cert = <{good}
ssl_key = <{good_key}
local 127.0.0.3 {{
  ssl_cert = <{expired}
  ssl_key = <{expired_key}
}}
local 127.0.0.4 {{
  ssl_cert = <{elsewhere}
  ssl_key = <{elsewhere_key}
}}
disable_plaintext_auth = yes
auth_mechanisms = {mechanisms}
auth_failure_delay = 0 secs
mail_location = maildir:~/Maildir
namespace inbox {{
  inbox = yes
  mailbox Gesendet {{
    special_use = \\Sent
  }}
  mailbox Unerwünscht {{
    special_use = \\Junk
  }}
}}
mail_max_userip_connections = {sessions}
first_valid_uid = 1
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  service_count = 0
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
protocol lmtp {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:~/all.sieve
}}
service auth {{
  unix_listener {work}/postfix/spool/private/auth-{name} {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
passdb {{
  driver = passwd-file
  mechanisms = xoauth2 oauthbearer
  args = username_format=%Lu {work}/users
  default_fields = noauthenticate=y
  result_failure = return-fail
}}
{tokens}passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%Lu {work}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%Lu {work}/users
  default_fields = uid=mail gid=mail home={work}/mail/%Ln
}}
"
    )
}
