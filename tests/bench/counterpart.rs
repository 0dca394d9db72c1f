//! The simulated servers in a process of their own, so that their work is not counted as the probe's; and the
//! configuration that leads to them.

use std::fs;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use mailbox_exporter::config;
use mailbox_exporter::model::Plan;
use mailbox_exporter::sim::Sim;

use crate::support::yaml::{Door, OWN, Yaml};

/// The argument by which this program is told to be the servers.
pub(crate) const ARGUMENT: &str = "--be-the-servers";

/// Serves so many mailboxes until its standard input ends. What leads to them goes to standard output.
pub(crate) async fn serve(folder: &Path, count: usize) {
    let sim = Sim::start().await.unwrap();
    let app = sim.app();
    let mailboxes = sim.mailboxes_on_one_port(&app, count).await.unwrap();
    let one = &mailboxes[0];
    fs::write(folder.join("ca.pem"), sim.ca_pem()).unwrap();
    let mut yaml = Yaml::new(folder, &sim, "defaults: { interval: 1h }");
    let credential = yaml.credential(&app);
    for (name, smtp) in [("starttls", Door::Smtp), ("tls", Door::SmtpTls)] {
        let keys = yaml.leads_to(one, &[Door::Imap, smtp], OWN);
        yaml.provider_of(name, &keys);
    }
    let by = |provider: &str| format!("credential: {credential}, provider: {provider}");
    yaml.mailbox_of(&format!("name: tls, address: {}, {}", one.address(), by("tls")), "");
    for mailbox in &mailboxes {
        yaml.mailbox_of(&format!("address: {}, {}", mailbox.address(), by("starttls")), "");
    }
    yaml.write();
    println!("ready");
    let mut rest = Vec::new();
    stdin().read_to_end(&mut rest).unwrap();
}

/// The servers' process; dropped, it ends.
pub(crate) struct Servers {
    child: Child,
    _stdin: ChildStdin,
    folder: PathBuf,
}

impl Servers {
    /// Starts them and waits until they listen.
    pub(crate) fn start(count: usize) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(ARGUMENT)
            .arg(&folder)
            .arg(count.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready");
        Self { _stdin: child.stdin.take().unwrap(), child, folder }
    }

    /// The certificate authority to trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// What leads to them: a mailbox named `tls`, then all of them by STARTTLS for SMTP.
    pub(crate) fn plan(&self) -> Plan {
        config::load(&self.folder.join("config.yaml")).unwrap_or_else(|errors| panic!("{errors}")).plan
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
