//! A world to probe: an identity provider, IMAP, SMTP and POP3 servers and Microsoft Graph on loopback. Each can
//! misbehave on request.
//!
//! `demo` shows it to people, and the tests run against it. It shares nothing with the probes: no parser, no table, no
//! SASL, not even the model, since a fake that borrows the client's idea of a protocol can only agree with it.
//! It takes mail only where it is told to, keeps nothing, listens on 127.0.0.1 only, and ends when [`Sim`] is dropped.

mod account;
mod app;
mod assertion;
mod authority;
mod azure_arc;
mod certificate;
mod delegated;
mod directory;
mod fault;
mod flood;
mod folders;
mod google;
mod graph;
mod graph_fault;
mod http;
mod idp;
mod imap;
mod issuer;
mod ledger;
mod letters;
mod login;
mod mailbox;
mod metadata;
mod misbehaviour;
mod person;
mod pop3;
mod post;
mod post_fault;
mod reading;
mod reply;
mod sasl;
mod script;
mod session;
mod site;
mod smtp;
#[cfg(test)]
mod tests;
mod token;
mod token_fault;
mod wire;

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::sim::account::Account;
use crate::sim::authority::Authority;
use crate::sim::graph::Graph;
use crate::sim::idp::Idp;
use crate::sim::script::Identity;
use crate::sim::site::{CONNECTION_LIMIT, Site};
use crate::sim::wire::Wire;

pub use account::Offers;
pub use app::{SeenTokenRequest, SimApp, TokenOutcome};
pub use certificate::SimCertificate;
pub use directory::{DirectoryFault, SimDirectory, SimSignIn};
pub use fault::{Fault, Shows};
pub use folders::{Marks, SimFolders};
pub use google::SimServiceAccount;
pub use graph::SimGraphMailbox;
pub use graph_fault::GraphFault;
pub use issuer::SimIssuer;
pub use ledger::{Connections, Heard};
pub use mailbox::SimMailbox;
pub use person::{Rotation, SignIn, SignInEnd};
pub use post::Route;
pub use post_fault::PostFault;
pub use reading::SimUnread;
pub use script::{Service, Step};
pub use token_fault::TokenFault;

/// The domain of every mailbox.
const DOMAIN: &str = "contoso.example";
/// How long to wait after a failed accept, such as for a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The simulated world. Dropping it stops every listener and every connection.
pub struct Sim {
    authority: Arc<Authority>,
    idp: Arc<Idp>,
    tenant: String,
    token_port: u16,
    token_port_plain: u16,
    graph: Arc<Graph>,
    graph_port: u16,
    graph_port_expired: u16,
    names: Mutex<HashMap<&'static str, usize>>,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Sim {
    /// Makes an authority and brings up the identity provider.
    ///
    /// # Errors
    /// When a port cannot be opened or a key cannot be made.
    pub async fn start() -> io::Result<Self> {
        let authority = Arc::new(Authority::new()?);
        let idp = Arc::new(Idp::default());
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let tls = authority.acceptor(Identity::Right)?;
        let token_port = listen(&idp, Some(tls.clone()), &stop).await?;
        let token_port_plain = listen(&idp, None, &stop).await?;
        let graph = Arc::new(Graph::default());
        let graph_port = listen(&graph, Some(tls), &stop).await?;
        let expired = authority.acceptor(Identity::Expired)?;
        let graph_port_expired = listen(&graph, Some(expired), &stop).await?;
        Ok(Self {
            authority,
            idp,
            tenant: Uuid::new_v4().to_string(),
            token_port,
            token_port_plain,
            graph,
            graph_port,
            graph_port_expired,
            names: Mutex::default(),
            stop,
            _stop_on_drop: guard,
        })
    }

    /// The certificate of the throwaway authority, for `ca_file`.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// The certificate of a mailbox with [`Fault::CertificateSelfSigned`], for a `ca_file` that names it.
    pub fn self_signed_pem(&self) -> &str {
        self.authority.self_signed_pem()
    }

    /// The token endpoint by HTTPS, with `{tenant}` to be filled in.
    pub fn token_url(&self) -> String {
        format!("https://localhost:{}/{{tenant}}/oauth2/v2.0/token", self.token_port)
    }

    /// The token endpoint without TLS, with `{tenant}` to be filled in.
    pub fn token_url_plain(&self) -> String {
        format!("http://127.0.0.1:{}/{{tenant}}/oauth2/v2.0/token", self.token_port_plain)
    }

    /// Microsoft Graph by HTTPS.
    pub fn graph_url(&self) -> String {
        format!("https://localhost:{}", self.token_port)
    }

    /// What Microsoft Graph knows.
    pub fn directory(&self) -> SimDirectory {
        self.idp.directory.clone()
    }

    /// Google's token endpoint by HTTPS.
    pub fn google_url(&self) -> String {
        format!("https://localhost:{}{}", self.token_port, google::PATH)
    }

    /// Where the metadata service of virtual machines is, by HTTP.
    pub fn metadata_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.token_port_plain)
    }

    /// The identity endpoint of App Service, and what its header must hold.
    pub fn app_service(&self) -> (String, String) {
        let endpoint = format!("http://127.0.0.1:{}{}", self.token_port_plain, metadata::APP_SERVICE);
        (endpoint, self.idp.metadata.header.clone())
    }

    /// The identity endpoint of Azure Arc, whose agent writes its keys into this folder.
    pub fn azure_arc(&self, key_folder: &Path) -> String {
        self.idp.metadata.keys.write_into(key_folder);
        format!("http://127.0.0.1:{}{}", self.token_port_plain, azure_arc::PATH)
    }

    /// From now on the challenges of Azure Arc have this header, and no key is written.
    pub fn azure_arc_says(&self, header: Option<&str>) {
        self.idp.metadata.keys.say(header);
    }

    /// Answers the next requests for managed identities with these statuses.
    pub fn metadata_answers(&self, statuses: &[u16]) {
        self.idp.metadata.answer_next(statuses);
    }

    /// How many requests for managed identities have come so far.
    pub fn metadata_requests(&self) -> usize {
        self.idp.metadata.requests()
    }

    /// The device authorization endpoint, with `{tenant}` to be filled in.
    pub fn device_url(&self) -> String {
        self.token_url().replace("/token", "/devicecode")
    }

    /// The scope that is granted.
    pub fn scope(&self) -> &'static str {
        idp::SCOPE
    }

    /// Registers an application.
    pub fn app(&self) -> SimApp {
        let app = SimApp::new(&self.tenant);
        self.idp.register(&app);
        app
    }

    /// A mailbox with servers and an application of its own.
    ///
    /// # Errors
    /// When a port cannot be opened.
    pub async fn mailbox(&self, fault: Fault) -> io::Result<SimMailbox> {
        self.mailbox_of(&self.app(), fault).await
    }

    /// A mailbox with servers of its own, opened by the tokens of `app`.
    ///
    /// # Errors
    /// When a port cannot be opened.
    pub async fn mailbox_of(&self, app: &SimApp, fault: Fault) -> io::Result<SimMailbox> {
        let account = Arc::new(Account::new(self.address(fault), app.clone(), fault));
        let site = Site::of_one(Arc::clone(&account));
        let ports = site.open(&self.authority, &self.stop).await?;
        Ok(SimMailbox::new(account, site, ports))
    }

    /// `count` healthy mailboxes, from `user0001@…` on, all on one server of each protocol.
    ///
    /// # Errors
    /// When a port cannot be opened.
    pub async fn mailboxes_on_one_port(&self, app: &SimApp, count: usize) -> io::Result<Vec<SimMailbox>> {
        let account =
            |number| Arc::new(Account::new(format!("user{number:04}@{DOMAIN}"), app.clone(), Fault::None));
        let accounts: Vec<_> = (1..=count).map(account).collect();
        let site = Site::of_many(&accounts);
        let ports = site.open(&self.authority, &self.stop).await?;
        Ok(accounts.into_iter().map(|account| SimMailbox::new(account, Arc::clone(&site), ports)).collect())
    }

    /// A mailbox at Microsoft Graph, opened by the tokens of `app`.
    pub fn graph_mailbox(&self, app: &SimApp, fault: GraphFault) -> SimGraphMailbox {
        self.graph_mailbox_at(self.graph_port, app, fault)
    }

    /// A healthy mailbox at Microsoft Graph, behind a certificate that has expired.
    pub fn expired_graph_mailbox(&self, app: &SimApp) -> SimGraphMailbox {
        self.graph_mailbox_at(self.graph_port_expired, app, GraphFault::None)
    }

    fn graph_mailbox_at(&self, port: u16, app: &SimApp, fault: GraphFault) -> SimGraphMailbox {
        let address = self.numbered(if fault == GraphFault::None { "graph" } else { fault.label() });
        let mailbox = SimGraphMailbox::new(address, app, format!("https://localhost:{port}"), fault);
        self.graph.add(&mailbox);
        mailbox
    }

    /// The scope of tokens for Microsoft Graph.
    pub fn graph_scope(&self) -> &'static str {
        idp::GRAPH_SCOPE
    }

    /// The address that is named after a fault, with a number from the second one on.
    fn address(&self, fault: Fault) -> String {
        self.numbered(fault.mailbox_name())
    }

    fn numbered(&self, name: &'static str) -> String {
        let mut names = lock(&self.names);
        let count = names.entry(name).or_default();
        *count += 1;
        match *count {
            1 => format!("{name}@{DOMAIN}"),
            more => format!("{name}{more}@{DOMAIN}"),
        }
    }
}

/// A server that answers the requests of a connection.
trait Serve: Send + Sync + 'static {
    fn serve(&self, wire: Wire) -> impl Future<Output = io::Result<()>> + Send;
}

impl Serve for Idp {
    fn serve(&self, wire: Wire) -> impl Future<Output = io::Result<()>> + Send {
        Self::serve(self, wire)
    }
}

impl Serve for Graph {
    fn serve(&self, wire: Wire) -> impl Future<Output = io::Result<()>> + Send {
        Self::serve(self, wire)
    }
}

/// Serves HTTP on a port of its own.
async fn listen<S: Serve>(
    server: &Arc<S>,
    tls: Option<TlsAcceptor>,
    stop: &CancellationToken,
) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let (server, stop) = (Arc::clone(server), stop.clone());
    tokio::spawn(async move {
        let accept = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                let (server, tls, stop) = (Arc::clone(&server), tls.clone(), stop.clone());
                tokio::spawn(async move {
                    // Small answers must not wait for more data. A socket that refuses this option is only slower.
                    let _ = stream.set_nodelay(true);
                    let mut wire = Wire::new(stream, None);
                    let dialogue = async {
                        if let Some(tls) = &tls {
                            wire.secure(tls).await?;
                        }
                        server.serve(wire).await
                    };
                    // The client reports how the dialogue ended.
                    let _ = stop.run_until_cancelled(timeout(CONNECTION_LIMIT, dialogue)).await;
                });
            }
        };
        stop.run_until_cancelled(accept).await
    });
    Ok(port)
}

/// Locks, also after a panic in another task: the counts and settings behind the lock are still sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
