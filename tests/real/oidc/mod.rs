//! An identity provider that was written elsewhere and is certified: `oidc-provider`, run by Node as `provider.mjs` tells it to.
//!
//! What this project's own two providers cannot prove is proven by it: that the requests of the program are right in the
//! eyes of others, and that the refusals of others are understood. Dovecot checks its tokens, one kind by their signature,
//! the other by introspection. `install` puts it below the target folder.

mod applications;
mod browser;
mod people;
mod settings;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::certificates::leaf;
use crate::rig::find;
use crate::support::wait::until;

/// `aud` of the tokens that Dovecot checks by their signature.
pub(crate) const RESOURCE: &str = "https://mail.rig.test";
/// The one client that may ask what a token is worth, and its secret.
pub(crate) const DOVECOT: [&str; 2] = ["dovecot", "secret-of-the-mail-server"];
/// The secret of every application that has one. Each way of sending it must keep these characters as they are.
const SECRET: &str = "canary+client/secret%20of:41&=~9";
const SIGNING_KEY_ID: &str = "issuer-key-1";

/// The grants of a client, by who signs in.
const APPLICATION: [&str; 1] = ["client_credentials"];
const PERSON: [&str; 2] = ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"];

/// The algorithms of assertions, as the configuration and as the provider calls them.
const ALGORITHMS: [(&str, &str); 3] = [("ps256", "PS256"), ("rs256", "RS256"), ("es256", "ES256")];

/// The running provider.
pub(crate) struct Oidc {
    /// Its address, which is the `iss` of its tokens.
    pub(crate) issuer: String,
    /// Its standard input is the leash: when it closes, the provider ends.
    _process: Child,
}

impl Oidc {
    /// Makes the keys and certificates of the provider and of its clients in `work`, and starts it.
    pub(crate) fn start(work: &Path) -> Self {
        let module = installed();
        let folder = work.join("oidc");
        fs::create_dir(&folder).unwrap();
        let signing_key = folder.join("signing.key");
        openssl(&["genpkey", "-quiet", "-algorithm", "RSA", "-out", path(&signing_key)]);
        let published = keys(work).join("default/RS256");
        fs::create_dir_all(&published).unwrap();
        let public = published.join(SIGNING_KEY_ID);
        openssl(&["pkey", "-in", path(&signing_key), "-pubout", "-out", path(&public)]);
        for (name, _) in ALGORITHMS {
            certify(&folder, name, if name == "es256" { &EC } else { &RSA });
        }
        // No client is registered with it.
        certify(&folder, "stranger", &RSA);

        let (chain, key) = leaf(work, "good");
        let settings = json!({
            "tls_key": key, "tls_certificate": chain,
            "signing_key": signing_key, "signing_key_id": SIGNING_KEY_ID,
            "clients": clients(&folder),
        });
        let file = folder.join("settings.json");
        fs::write(&file, settings.to_string()).unwrap();
        let log = work.join("oidc.log");
        let output = File::create(&log).unwrap();
        let mut process = Command::new(find("node"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/oidc/provider.mjs"))
            .args([&module, &file])
            .stdin(Stdio::piped())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let issuer = until("the identity provider says where it listens", || {
            let ended = process.try_wait().unwrap();
            let said = fs::read_to_string(&log).unwrap();
            assert!(ended.is_none(), "the identity provider ended: {said}");
            said.lines().find_map(|line| line.strip_prefix("issuer ")).map(str::to_owned)
        });
        Self { issuer, _process: process }
    }
}

/// Where Dovecot finds the public key.
pub(crate) fn keys(work: &Path) -> PathBuf {
    work.join("oidc-keys")
}

/// The module, where `install` has put it for the lock file as it is now.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("identity-provider");
    let from = fs::read_to_string(folder.join("complete")).unwrap_or_default();
    assert!(
        from == include_str!("package-lock.json"),
        "the identity provider is not installed. Run tests/run, or, with node and npm: tests/real/oidc/install"
    );
    folder.join("node_modules/oidc-provider/lib/index.js")
}

/// Every client in the words of OpenID Connect registration.
fn clients(folder: &Path) -> Vec<Value> {
    let by_secret = |method: &str| json!({"client_secret": SECRET, "token_endpoint_auth_method": method});
    let mut all = vec![
        client("app-basic", &APPLICATION, &by_secret("client_secret_basic")),
        client("app-body", &APPLICATION, &by_secret("client_secret_post")),
        client("desk", &PERSON, &json!({"token_endpoint_auth_method": "none"})),
        client("guarded-desk", &PERSON, &by_secret("client_secret_basic")),
        client(DOVECOT[0], &[], &json!({"client_secret": DOVECOT[1]})),
    ];
    for (name, algorithm) in ALGORITHMS {
        let proof = json!({
            "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": algorithm,
            "certificate": folder.join(format!("{name}.pem")),
        });
        all.push(client(&format!("app-{name}"), &APPLICATION, &proof));
    }
    all
}

fn client(id: &str, grants: &[&str], proof: &Value) -> Value {
    let scope = if grants == PERSON { "openid offline_access mail" } else { "mail" };
    let mut about = json!({
        "client_id": id, "grant_types": grants, "scope": scope, "redirect_uris": [], "response_types": [],
    });
    for (name, value) in proof.as_object().unwrap() {
        about[name] = value.clone();
    }
    about
}

const RSA: [&str; 1] = ["rsa:2048"];
const EC: [&str; 3] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// Writes `NAME.pem` and `NAME.key`.
fn certify(folder: &Path, name: &str, kind: &[&str]) {
    let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let subject = format!("/CN=mailbox-exporter {name}");
    let rest =
        ["-nodes", "-days", "3650", "-subj", &subject, "-keyout", path(&key), "-out", path(&certificate)];
    openssl(&[&["req", "-x509", "-newkey"], kind, &rest].concat());
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

fn openssl(arguments: &[&str]) {
    let output = Command::new(find("openssl")).args(arguments).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
