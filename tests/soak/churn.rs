//! What changes while it is probed: servers that come and go, a secret and a certificate that are replaced, a file of
//! mailboxes that is there and is not.
//!
//! Owns the moves. When they are made is the business of `attacks::churn`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mailbox_exporter::sim::{Fault, Sim, SimApp, SimCertificate, SimMailbox, TokenOutcome};

use crate::fleet::{Draft, OPEN_APP, Role};

/// The folder of files that hold mailboxes, in that of the configuration.
pub(crate) const FOLDER: &str = "churn";
/// The mailbox that comes and goes.
pub(crate) const GUEST: &str = "guest";
/// Mailboxes whose servers come and go, and how often they are probed.
const FLAPPING: usize = 5;
pub(crate) const FLAPPING_INTERVAL: Duration = Duration::from_secs(5);
/// A token lives so long, so that what is replaced is used soon. The agent takes no token for shorter-lived than a minute, and
/// renews it at half its life.
const LIFETIME: Duration = Duration::from_secs(60);
/// The reasons that a server which is gone, or goes while it is asked, explains.
const GONE: [&str; 2] = ["connection_refused", "connection_closed"];

/// Everything that changes.
#[derive(Clone)]
pub(crate) struct Churn {
    folder: PathBuf,
    flapping: Vec<SimMailbox>,
    by_secret: SimApp,
    by_certificate: SimApp,
    certificates: [SimCertificate; 2],
    /// Kept, since their servers end with them.
    _rotated: Vec<SimMailbox>,
}

impl Churn {
    /// Brings up the servers and writes the secrets that the configuration names.
    pub(crate) async fn start(sim: &Sim, draft: &mut Draft, folder: &Path) -> Self {
        fs::create_dir_all(folder.join(FOLDER)).unwrap();
        let (mut flapping, mut rotated) = (Vec::new(), Vec::new());
        let keys = |mailbox: &SimMailbox, name: &str, credential: &str| {
            let (address, interval) = (mailbox.address(), FLAPPING_INTERVAL.as_secs());
            format!(
                "address: {address}, provider: {name}, credential: {credential}, interval: {interval}s, timeout: 4s"
            )
        };
        let app = sim.app();
        draft.yaml.credential_named("flapping", &app);
        for place in 0..FLAPPING {
            let mailbox = sim.mailbox_of(&app, Fault::None).await.unwrap();
            let name = format!("flapping{place}");
            draft.provider(&name, &mailbox);
            draft.mailbox(&name, Role::Flapping, &keys(&mailbox, &name, "flapping"));
            flapping.push(mailbox);
        }
        let [by_secret, by_certificate] = [(); 2].map(|()| sim.app());
        let certificates = [(); 2].map(|()| SimCertificate::until(2120).unwrap());
        by_secret.expect_secrets(&secrets(&by_secret).each_ref().map(String::as_str));
        by_certificate.register(&certificates.each_ref());
        for (name, app) in [("by-secret", &by_secret), ("by-certificate", &by_certificate)] {
            app.set_lifetime(LIFETIME, None);
            let of_app = format!("tenant: {}, client_id: {}", app.tenant, app.client_id);
            let proof = match name {
                "by-secret" => "type: client_secret, secret: { file: rotated.secret }",
                _ => "type: certificate, certificate: rotated.pem, private_key: { file: rotated.key }",
            };
            draft.yaml.credential_of(name, &format!("{of_app}, {proof}"));
            let mailbox = sim.mailbox_of(app, Fault::None).await.unwrap();
            draft.provider(name, &mailbox);
            draft.mailbox(name, Role::Healthy, &keys(&mailbox, name, name));
            rotated.push(mailbox);
        }
        let folder = folder.to_owned();
        let churn = Self { folder, flapping, by_secret, by_certificate, certificates, _rotated: rotated };
        churn.rotate_secret(0);
        churn.rotate_certificate(0);
        churn.rotate_key(0);
        churn
    }

    /// From now on the servers have this fault, or none.
    pub(crate) fn flap(&self, fault: Fault) {
        self.flapping.iter().for_each(|mailbox| mailbox.set_fault(fault));
    }

    /// The names of the mailboxes whose servers come and go.
    pub(crate) fn flapping(&self) -> impl Iterator<Item = String> {
        (0..self.flapping.len()).map(|place| format!("flapping{place}"))
    }

    /// Puts the one secret or the other into its place.
    pub(crate) fn rotate_secret(&self, turn: usize) {
        self.replace("rotated.secret", &secrets(&self.by_secret)[turn % 2]);
    }

    pub(crate) fn rotate_certificate(&self, turn: usize) {
        self.replace("rotated.pem", &self.certificates[turn % 2].certificate);
    }

    pub(crate) fn rotate_key(&self, turn: usize) {
        self.replace("rotated.key", &self.certificates[turn % 2].private_key);
    }

    /// Token requests by what is replaced so far, and those of them that were refused.
    pub(crate) fn token_requests(&self) -> (usize, usize) {
        let requests = [self.by_secret.requests(), self.by_certificate.requests()].concat();
        (requests.len(), requests.iter().filter(|seen| seen.outcome != TokenOutcome::Issued).count())
    }

    /// Writes or removes the file with the guest.
    pub(crate) fn invite(&self, is_here: bool) {
        let name = format!("{FOLDER}/{GUEST}.yaml");
        if is_here {
            let keys = format!(
                "name: {GUEST}, address: {GUEST}@contoso.example, provider: fleet, credential: {OPEN_APP}"
            );
            self.replace(&name, &format!("- {{ {keys}, checks: [imap], interval: 30s }}\n"));
        } else {
            // It may not be there.
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    /// Replaces a file as deployments do: whole, by a rename.
    fn replace(&self, name: &str, content: &str) {
        let new = self.folder.join("new");
        fs::write(&new, content).unwrap();
        fs::rename(&new, self.folder.join(name)).unwrap();
    }
}

/// Whether a server that is gone explains this failure, given as phase and reason.
pub(crate) fn explains(failure: &str) -> bool {
    GONE.iter().any(|reason| failure.ends_with(&format!(" {reason}")))
}

fn secrets(app: &SimApp) -> [String; 2] {
    [app.secret.clone(), "sim8Q~rotated-rotated-rotated".to_owned()]
}
