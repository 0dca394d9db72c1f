//! The rig: a directory, an authority, two identity providers, six Dovecots and a Postfix, started once for all tests,
//! and once more for those that send mail.
//!
//! What the servers are told is in `dovecot.rs` and `postfix.rs`; how they are stopped, in `keeper.sh`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use crate::certificates;
use crate::dovecot::{self, INSTANCES};
use crate::idp::Idp;
use crate::oidc::Oidc;
use crate::postfix;
use crate::support::wait::{Reserved, until};

/// The mailboxes' domain.
pub(crate) const DOMAIN: &str = "rig.test";
/// The password of every mailbox. The tests look for it where it must not be.
pub(crate) const PASSWORD: &str = "canary-mailbox-password-93cd";

/// Every port by name; no server ever listens on `closed`.
const PORTS: [&str; 29] = [
    "imap",
    "imaps",
    "imap-plain",
    "imaps-plain",
    "imap-bearer",
    "imaps-bearer",
    "imap-issued",
    "imaps-issued",
    "imap-login",
    "imap-token",
    "imaps-token",
    "pop3",
    "pop3s",
    "pop3-plain",
    "pop3s-plain",
    "pop3-bearer",
    "pop3s-bearer",
    "pop3-issued",
    "pop3s-issued",
    "lmtp",
    "submission",
    "submissions",
    "submission-bare",
    "submissions-plain",
    "submissions-bearer",
    "submissions-issued",
    "submissions-login",
    "submissions-noauth",
    "closed",
];

/// The command that the servers come with; `tests/run` runs it.
const INSTALL: &str = "apt-get install --no-install-recommends dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-sieve postfix prometheus openssl curl nodejs npm";

/// Where daemons live when the caller's PATH does not say so.
const DAEMON_PATHS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// One attempt to hear a greeting: a server may take the connection before it can answer.
const GREETING: Duration = Duration::from_secs(10);

static RIG: LazyLock<Rig> = LazyLock::new(|| Rig::start(""));
/// A rig of their own for tests that send mail: others make sure that none is sent.
static POST: LazyLock<Rig> = LazyLock::new(|| Rig::start("-post"));

/// The running servers.
pub(crate) struct Rig {
    /// Everything lies below.
    pub(crate) work: PathBuf,
    pub(crate) ports: Ports,
    pub(crate) idp: Idp,
    pub(crate) oidc: Oidc,
    /// Its standard input is the leash: when it closes, the servers stop and `work` goes.
    _keeper: Child,
}

/// Ports by name.
pub(crate) struct Ports {
    numbers: BTreeMap<&'static str, u16>,
    /// Held for as long as the rig stands, so that its refusal is certain.
    _closed: Reserved,
}

impl Ports {
    fn choose() -> Self {
        let mut held: BTreeMap<_, _> = PORTS.iter().map(|name| (*name, Reserved::new())).collect();
        let numbers = held.iter().map(|(name, port)| (*name, port.port())).collect();
        Self { numbers, _closed: held.remove("closed").unwrap() }
    }

    /// The port of this name.
    pub(crate) fn of(&self, name: &str) -> u16 {
        *self.numbers.get(name).unwrap_or_else(|| panic!("no port is called {name}"))
    }
}

impl Rig {
    /// The one rig; the first caller starts it. Where that fails, it fails at once for every later one.
    pub(crate) fn shared() -> &'static Self {
        &RIG
    }

    /// The one rig in which mail is sent.
    pub(crate) fn post() -> &'static Self {
        &POST
    }

    fn start(name: &str) -> Self {
        for binary in ["dovecot", "postfix", "openssl"] {
            find(binary);
        }
        // Not TMPDIR: the servers' own users must get in, and the paths of Unix sockets end at 107 bytes.
        let work = PathBuf::from(format!("/tmp/mxr-{}{name}", std::process::id()));
        fs::create_dir(&work).unwrap();
        fs::set_permissions(&work, fs::Permissions::from_mode(0o755)).unwrap();

        certificates::issue(&work);
        let (idp, oidc) = (Idp::start(&work), Oidc::start(&work));
        fs::create_dir(work.join("mail")).unwrap();
        // Last, because another process may take a port until its server listens.
        let ports = Ports::choose();
        dovecot::configure(&work, &ports, &oidc);
        postfix::configure(&work, &ports);

        let log = fs::File::create(work.join("keeper.log")).unwrap();
        let keeper = as_root(Path::new("bash"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/keeper.sh"))
            .arg(&work)
            .args(INSTANCES.iter().map(|instance| instance.name))
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let rig = Self { work, ports, idp, oidc, _keeper: keeper };
        for name in PORTS.iter().filter(|name| **name != "closed") {
            rig.await_listener(name);
        }
        rig
    }

    fn await_listener(&self, name: &str) {
        let server = SocketAddr::from(([127, 0, 0, 1], self.ports.of(name)));
        // The TLS ports wait for the client; to take the connection is all they do unasked.
        let greets = !["imaps", "pop3s", "submissions"].iter().any(|tls| name.starts_with(tls));
        let what = format!("a server on {name}; the servers' logs:\n{}", self.logs());
        until(&what, || {
            let mut stream = TcpStream::connect_timeout(&server, GREETING).ok()?;
            stream.set_read_timeout(Some(GREETING)).ok()?;
            if greets { stream.read(&mut [0; 1]).ok().filter(|read| *read == 1).map(drop) } else { Some(()) }
        });
    }

    /// What the servers have to say, for the sentence of a failing test.
    pub(crate) fn logs(&self) -> String {
        let names = INSTANCES.iter().map(|instance| instance.name).chain(["postfix", "oidc", "keeper"]);
        names.map(|name| self.log(name)).collect()
    }

    /// One server's log.
    pub(crate) fn log(&self, name: &str) -> String {
        let output = as_root(Path::new("cat")).arg(self.work.join(format!("{name}.log"))).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The mail in all mailboxes, by file.
    pub(crate) fn mail(&self) -> Vec<String> {
        let output = as_root(Path::new("find"))
            .arg(self.work.join("mail"))
            .args(["-ignore_readdir_race", "-type", "f", "-regex", r".*/Maildir/\(new\|cur\|tmp\)/.*"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut files: Vec<_> =
            String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
        files.sort();
        files
    }
}

/// Where a program lies. That it is not installed is the failure of the test that needs it.
pub(crate) fn find(binary: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(DAEMON_PATHS.iter().map(PathBuf::from))
        .map(|folder| folder.join(binary))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{binary} is not installed. Run tests/run, or as root: {INSTALL}"))
}

/// A command that runs as root: at once where we are, otherwise by sudo, which must not ask.
pub(crate) fn as_root(program: &Path) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout == b"0\n" {
        return Command::new(program);
    }
    let mut command = Command::new(find("sudo"));
    command.arg("-n").arg(program);
    command
}
