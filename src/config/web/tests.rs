//! Properties of the web configuration: whatever becomes of a file, no one comes in who was kept out before.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use rcgen::{CertificateParams, KeyPair};

use super::*;

/// The only name that a client's certificate may have.
const NAME: &str = "prometheus.contoso.example";
/// The users, all with one password.
const USERS: [&str; 2] = ["alice", "bob"];
const HASH: &str = "$2y$04$LGLyTIeKQoZQPKDgjEMjheN9BDkIz1zxoT8i6XbkB1sU8UDGVKREi";

/// A file in a folder with the certificate and the key that it names.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("web-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(folder.join("server.crt"), certificate.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
    folder.join("web.yaml")
});

/// A file with every protection, in two notations.
fn whole(policy: &str, is_block: bool) -> String {
    let ca = if policy == "RequireAnyClientCert" { "" } else { "server.crt" };
    let mut tls = vec!["cert_file: server.crt", "key_file: server.key"];
    let (policy, ca, names) = (
        format!("client_auth_type: {policy}"),
        format!("client_ca_file: {ca}"),
        format!("client_allowed_sans: [{NAME}]"),
    );
    tls.extend([&*policy, &*ca, &*names].into_iter().filter(|line| !line.ends_with(": ")));
    let users = USERS.map(|name| format!("{name}: {HASH}"));
    if is_block {
        let tls: String = tls.iter().map(|line| format!("  {line}\n")).collect();
        let users: String = users.iter().map(|line| format!("  {line}\n")).collect();
        format!("# Who may look.\ntls_server_config:\n{tls}basic_auth_users:\n{users}")
    } else {
        format!("basic_auth_users: {{{}}}\ntls_server_config: {{{}}}\n", users.join(", "), tls.join(", "))
    }
}

fn read(text: &str) -> Option<Web> {
    let faults = Faults::default();
    let file: Rc<Path> = FILE.as_path().into();
    let read = meaning(&file, text, &faults);
    faults.settle(read, &Place::whole(&file)).ok().map(|(web, _)| web)
}

/// What one who asks has.
#[derive(Debug, Clone, Copy)]
struct Client {
    /// Speaks TLS.
    by_tls: bool,
    /// The name in a certificate, and whether the authority has signed it.
    certificate: Option<(&'static str, bool)>,
    /// A user whose password is known.
    user: Option<&'static str>,
}

fn clients() -> Vec<Client> {
    let certificates = [None, Some((NAME, true)), Some((NAME, false)), Some(("mallory.example", true))];
    let users = [None, Some(USERS[0]), Some(USERS[1]), Some("mallory")];
    let mut clients = Vec::new();
    for by_tls in [false, true] {
        for certificate in certificates {
            clients.extend(users.map(|user| Client { by_tls, certificate, user }));
        }
    }
    clients
}

/// Whether it comes in, with its certificate or without showing it: as the format's documentation has it.
fn admits(web: &Web, client: Client) -> bool {
    let by_certificate = |shown: Option<(&str, bool)>| {
        let Some(tls) = &web.tls else { return true };
        let by_policy = match tls.client_auth {
            ClientAuth::NoClientCert | ClientAuth::RequestClientCert => true,
            ClientAuth::RequireAnyClientCert => shown.is_some(),
            ClientAuth::VerifyClientCertIfGiven => shown.is_none_or(|(_, is_ours)| is_ours),
            ClientAuth::RequireAndVerifyClientCert => shown.is_some_and(|(_, is_ours)| is_ours),
        };
        let named = |names: &Vec<String>| shown.is_some_and(|(name, _)| names.iter().any(|one| one == name));
        by_policy && tls.client_allowed_sans.as_ref().is_none_or(named)
    };
    let by_password = web.users.0.is_empty()
        || client.user.is_some_and(|user| web.users.0.get(user).is_some_and(|hash| hash == HASH));
    client.by_tls == web.tls.is_some()
        && by_password
        && (by_certificate(None) || by_certificate(client.certificate))
}

/// What happens to a file: an editor's slip, a disk that is full, a copy that was cut off.
#[derive(Debug, Clone)]
enum Damage {
    CutOff(Index),
    Replaced(Index, usize, String),
    LineLost(Index),
    LineTwice(Index),
    LineAway(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::CutOff),
        (any::<Index>(), 0..40_usize, r##"[\[\]{}:,&*'"#!|\n\t a0-]{0,4}|\PC{0,3}"##)
            .prop_map(|(at, length, put)| Damage::Replaced(at, length, put)),
        any::<Index>().prop_map(Damage::LineLost),
        any::<Index>().prop_map(Damage::LineTwice),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::LineAway(from, to)),
    ]
}

impl Damage {
    fn of(&self, text: &str) -> String {
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let place = |at: &Index| text.floor_char_boundary(at.index(text.len() + 1));
        match self {
            _ if lines.is_empty() => return text.to_owned(),
            Self::CutOff(at) => return text[..place(at)].to_owned(),
            Self::Replaced(at, length, put) => {
                let from = place(at);
                let to = text.floor_char_boundary((from + length).min(text.len()));
                return format!("{}{put}{}", &text[..from], &text[to..]);
            }
            Self::LineLost(at) => drop(lines.remove(at.index(lines.len()))),
            Self::LineTwice(at) => lines.insert(at.index(lines.len()), lines[at.index(lines.len())]),
            Self::LineAway(from, to) => {
                let line = lines.remove(from.index(lines.len()));
                lines.insert(to.index(lines.len() + 1), line);
            }
        }
        lines.concat()
    }
}

#[test]
fn the_whole_file_admits_those_it_names_and_no_others() {
    for policy in ["RequireAnyClientCert", "RequireAndVerifyClientCert"] {
        for is_block in [false, true] {
            let web = read(&whole(policy, is_block)).unwrap();
            let admitted: Vec<_> = clients().into_iter().filter(|client| admits(&web, *client)).collect();
            assert!(matches!(admitted.len(), 2 | 4), "{policy}: {admitted:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_of_a_web_configuration_panics(text in r##"\PC{0,80}|[ -~\n]{0,200}|[\[\]{}:,&*!|>'"#?\n\t -]{0,60}"##) {
        read(&text);
    }

    #[test]
    fn a_damaged_web_configuration_lets_no_one_else_in(
        policy in select(vec!["RequireAnyClientCert", "RequireAndVerifyClientCert"]),
        is_block in any::<bool>(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let text = whole(policy, is_block);
        let damaged = damages.iter().fold(text.clone(), |text, damage| damage.of(&text));
        let (before, after) = (read(&text).unwrap(), read(&damaged));
        // What no longer asks for something is refused while the agent runs.
        let Some(after) = after.filter(|after| before.guards_missing_in(after).next().is_none()) else {
            return Ok(());
        };
        for client in clients() {
            prop_assert!(admits(&before, client) || !admits(&after, client), "{client:?} comes in by {damaged}");
        }
    }
}
