//! Postfix's configuration: submission in several shapes, its logins decided by Dovecot, its mail delivered into the same mailboxes.
//!
//! Delivery into the mailboxes is there so that a probe that sent mail would be found out; round trips go by LMTP. Settings: postfix.org/postconf.5.html.

use std::fs;
use std::path::Path;

use crate::certificates::leaf;
use crate::dovecot::{NOBODY, POST, USERS};
use crate::rig::{DOMAIN, Ports};

/// One listener: the address, the port's name, and what it does unlike the rest.
struct Listener(&'static str, &'static str, &'static [&'static str]);

const STARTTLS: &str = "smtpd_tls_security_level=encrypt";
const IMPLICIT: &str = "smtpd_tls_wrappermode=yes";

const LISTENERS: [Listener; 10] = [
    Listener("127.0.0.1", "submission", &[STARTTLS]),
    Listener("127.0.0.1", "submissions", &[IMPLICIT]),
    Listener("127.0.0.3", "submissions", &[IMPLICIT, "smtpd_tls_chain_files=$expired_chain"]),
    Listener("127.0.0.4", "submissions", &[IMPLICIT, "smtpd_tls_chain_files=$elsewhere_chain"]),
    Listener("127.0.0.1", "submission-bare", &["smtpd_tls_security_level=none", "smtpd_tls_auth_only=no"]),
    Listener("127.0.0.1", "submissions-plain", &[IMPLICIT, "smtpd_sasl_path=private/auth-plain"]),
    Listener("127.0.0.1", "submissions-bearer", &[IMPLICIT, "smtpd_sasl_path=private/auth-bearer"]),
    Listener("127.0.0.1", "submissions-issued", &[IMPLICIT, "smtpd_sasl_path=private/auth-issued"]),
    Listener("127.0.0.1", "submissions-login", &[IMPLICIT, "smtpd_sasl_path=private/auth-login"]),
    Listener("127.0.0.1", "submissions-noauth", &[IMPLICIT, "smtpd_sasl_auth_enable=no"]),
];

/// The internal services that reception, delivery and the log need.
const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

/// Writes the configuration below `work/postfix`, and the directories that Postfix does not make itself.
pub(crate) fn configure(work: &Path, ports: &Ports) {
    let postfix = work.join("postfix");
    let conf = postfix.join("conf");
    fs::create_dir_all(&conf).unwrap();
    fs::create_dir_all(postfix.join("spool")).unwrap();
    fs::write(conf.join("main.cf"), main(work)).unwrap();
    fs::write(conf.join("master.cf"), master(ports)).unwrap();
    // Every user may send as itself alone.
    fs::write(conf.join("senders"), "/^(.*)$/ $1\n").unwrap();
    // The delivery agent takes no substitutions, hence a line for each.
    let domain = DOMAIN.replace('.', "\\.");
    let mailboxes: String =
        USERS.iter().map(|user| format!("/^{user}@{domain}$/ {user}/Maildir/\n")).collect();
    let post: String = POST
        .iter()
        .copied()
        .chain([NOBODY])
        .map(|user| format!("/^{user}@{domain}$/ {user}/Maildir/\n"))
        .collect();
    fs::write(conf.join("mailboxes"), mailboxes + &post).unwrap();
    let lmtp = ports.of("lmtp");
    let transports: String = POST
        .iter()
        .copied()
        .chain([NOBODY])
        .map(|user| format!("/^{user}@{domain}$/ lmtp:inet:127.0.0.1:{lmtp}\n"))
        .collect();
    fs::write(conf.join("transports"), transports).unwrap();
    fs::write(conf.join("aliases"), format!("/^gone@{domain}$/ {NOBODY}@{DOMAIN}\n")).unwrap();
    fs::write(conf.join("copies"), format!("/^keeps@{domain}$/ keeps@{DOMAIN}\n")).unwrap();
    fs::write(conf.join("held"), format!("/^held.*@{domain}$/ HOLD\n")).unwrap();
}

/// `smtpd_delay_reject = no` has the sender judged at MAIL FROM: a probe goes no further.
fn main(work: &Path) -> String {
    let chain = |name: &str| {
        let (chain, key) = leaf(work, name);
        format!("{}, {}", key.display(), chain.display())
    };
    let (good, expired, elsewhere) = (chain("good"), chain("expired"), chain("elsewhere"));
    let work = work.display();
    format!(
        "compatibility_level = 3.6
myhostname = mail.{DOMAIN}
mydestination =
mynetworks =
alias_maps =
local_recipient_maps =
queue_directory = {work}/postfix/spool
data_directory = {work}/postfix/data
maillog_file = {work}/postfix.log
maillog_file_prefixes = {work}
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth-full
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {good}
expired_chain = {expired}
elsewhere_chain = {elsewhere}
smtpd_delay_reject = no
smtpd_sender_login_maps = regexp:{work}/postfix/conf/senders
smtpd_sender_restrictions = reject_sender_login_mismatch
smtpd_relay_restrictions = permit_sasl_authenticated, reject
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_base = {work}/mail
virtual_mailbox_maps = regexp:{work}/postfix/conf/mailboxes
transport_maps = regexp:{work}/postfix/conf/transports
virtual_alias_maps = regexp:{work}/postfix/conf/aliases
sender_bcc_maps = regexp:{work}/postfix/conf/copies
smtpd_recipient_restrictions = check_recipient_access regexp:{work}/postfix/conf/held
virtual_minimum_uid = 1
virtual_uid_maps = static:8
virtual_gid_maps = static:8
default_transport = error:5.7.1 nothing leaves this machine
"
    )
}

fn master(ports: &Ports) -> String {
    let mut text = String::from(SERVICES);
    for Listener(address, port, settings) in &LISTENERS {
        text += &format!("{address}:{} inet n - n - - smtpd\n", ports.of(port));
        for setting in *settings {
            text += &format!("  -o {setting}\n");
        }
    }
    text
}
