//! The simulated servers in a process of their own, so that their work is not counted as the probe's; and the
//! configuration that leads to them.

use std::fs;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mailbox_exporter::config;
use mailbox_exporter::model::{Check, Phase, Plan, Protocol};
use mailbox_exporter::sim::{Fault, Sim, SimApp, SimCertificate, SimMailbox, SimServiceAccount, Step};

use crate::meter::Process;
use crate::support::process::{Agent, PROGRAM};
use crate::support::yaml::{Door, EXCHANGE, OWN, Yaml};

/// The argument by which this program is told to be the servers.
pub(crate) const ARGUMENT: &str = "--be-the-servers";

/// Opens the folder by a command that changes nothing.
const EXAMINE: &str = "imap: { read_only: true }";

/// How late a server answers at the step of a row of [`LATE`].
pub(crate) const DELAY: Duration = Duration::from_millis(200);
/// How often such a mailbox is probed.
const LATE_RHYTHM: &str = "interval: 10s";
/// The steps at which a server can be late, and the phase that its lateness belongs to.
pub(crate) const LATE: [(Step, Door, Option<Phase>); 8] = [
    (Step::Tls, Door::Imap, Some(Phase::Tls)),
    (Step::Greeting, Door::Imap, Some(Phase::Greeting)),
    (Step::Capability, Door::Imap, Some(Phase::Capability)),
    (Step::Auth, Door::Imap, Some(Phase::Auth)),
    (Step::Select, Door::Imap, Some(Phase::Select)),
    (Step::StartTls, Door::Smtp, Some(Phase::StartTls)),
    (Step::Continue, Door::SmtpTls, Some(Phase::Auth)),
    // The goodbye is outside the verdict: no phase has it.
    (Step::Goodbye, Door::Imap, None),
];

/// The mailbox whose server is late at this step.
pub(crate) fn late_name(step: Step) -> String {
    format!("late-{step:?}").to_ascii_lowercase()
}

/// What to serve, and how it is to be probed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) mailboxes: usize,
    /// As in the configuration.
    pub(crate) interval: &'static str,
    /// The servers never answer when a folder is to be opened.
    pub(crate) silent: bool,
    /// Besides, there is a mailbox for each row of [`LATE`].
    pub(crate) late: bool,
}

impl Wanted {
    /// Healthy mailboxes that are probed once an hour.
    pub(crate) const fn idle(mailboxes: usize) -> Self {
        Self { mailboxes, interval: "1h", silent: false, late: false }
    }
}

/// Serves so many mailboxes until its standard input ends. What leads to them goes to the folder.
pub(crate) async fn serve(folder: &Path, [count, interval, silent, late]: [&str; 4]) {
    let sim = Sim::start().await.unwrap();
    let app = sim.app();
    let mailboxes = sim.mailboxes_on_one_port(&app, count.parse().unwrap()).await.unwrap();
    if silent == "true" {
        mailboxes.iter().for_each(|mailbox| mailbox.set_fault(Fault::SilentSelect));
    }
    let one = &mailboxes[0];
    fs::write(folder.join("ca.pem"), sim.ca_pem()).unwrap();
    let head =
        format!("defaults: {{ interval: {interval} }}\nlimits: {{ concurrency: 4096, per_host: 4096 }}");
    let mut yaml = Yaml::new(folder, &sim, &head);
    let credential = yaml.credential(&app);
    for (name, smtp) in [("starttls", Door::Smtp), ("tls", Door::SmtpTls)] {
        let keys = yaml.leads_to(one, &[Door::Imap, smtp], EXCHANGE);
        yaml.provider_of(name, &keys);
    }
    let by = |provider: &str| format!("credential: {credential}, provider: {provider}");
    yaml.mailbox_of(&format!("name: tls, address: {}, {}", one.address(), by("tls")), EXAMINE);
    for mailbox in &mailboxes {
        yaml.mailbox_of(&format!("address: {}, {}", mailbox.address(), by("starttls")), EXAMINE);
    }
    if count == "1" {
        signers(&mut yaml, folder, &sim, &app, one);
    }
    if late == "true" {
        for (step, door, _) in LATE {
            let mailbox = sim.mailbox_of(&app, Fault::None).await.unwrap();
            mailbox.set_slow(step, DELAY);
            yaml.watch(&late_name(step), &mailbox, door, LATE_RHYTHM);
        }
    }
    yaml.write();
    println!("ready");
    let mut rest = Vec::new();
    stdin().read_to_end(&mut rest).unwrap();
}

/// Mailboxes whose token requests are signed: `signed` by a certificate, `google` by a service account.
fn signers(yaml: &mut Yaml, folder: &Path, sim: &Sim, app: &SimApp, one: &SimMailbox) {
    let certificate = SimCertificate::until(2120).unwrap();
    app.register(&[&certificate]);
    fs::write(folder.join("app.pem"), certificate.certificate + &certificate.private_key).unwrap();
    let account = SimServiceAccount::new().unwrap();
    app.delegate(&account, &[sim.scope()]);
    fs::write(folder.join("sa.json"), account.file(&sim.google_url())).unwrap();
    let (tenant, client) = (&app.tenant, &app.client_id);
    let signed = format!("type: certificate, tenant: {tenant}, client_id: {client}, certificate: app.pem");
    yaml.credential_of("signed", &signed);
    yaml.credential_of("google", "type: google_service_account, key: { file: sa.json }");
    let keys = yaml.leads_to(one, &[Door::Imap], OWN).replace(&sim.token_url(), &sim.google_url());
    yaml.provider_of("google", &keys);
    for (name, provider) in [("signed", "tls"), ("google", "google")] {
        let keys =
            format!("name: {name}, address: {}, credential: {name}, provider: {provider}", one.address());
        yaml.mailbox_of(&keys, "checks: [imap]");
    }
}

/// The servers' process; dropped, it ends.
pub(crate) struct Servers {
    child: Child,
    _stdin: ChildStdin,
    folder: PathBuf,
}

impl Servers {
    /// Starts them and waits until they listen.
    pub(crate) fn start(wanted: Wanted) -> Self {
        let Wanted { mailboxes, interval, silent, late } = wanted;
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}-{mailboxes}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(ARGUMENT)
            .arg(&folder)
            .args([mailboxes.to_string(), interval.to_owned(), silent.to_string(), late.to_string()])
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

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("config.yaml")
    }

    /// The agent that probes them: the program of this build, or that of BENCH_PROGRAM.
    pub(crate) fn agent(&self) -> Agent {
        let program = std::env::var_os("BENCH_PROGRAM").unwrap_or_else(|| PROGRAM.into());
        Agent::serve_by(program.as_ref(), &self.config(), &[])
    }

    /// What leads to them: a mailbox named `tls`, then all of them by STARTTLS for SMTP.
    pub(crate) fn plan(&self) -> Plan {
        config::load(&self.config()).unwrap_or_else(|errors| panic!("{errors}")).plan
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }
}

/// The check of the mailbox `tls` by a protocol.
pub(crate) fn by_tls(plan: &Plan, protocol: Protocol) -> Arc<Check> {
    let named = |check: &&Arc<Check>| &*check.mailbox.name == "tls" && check.protocol() == protocol;
    Arc::clone(plan.checks.iter().find(named).unwrap())
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
