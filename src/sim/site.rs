//! A mail server: six listeners, and the mailboxes behind them. Opens and closes its ports as the fault wants.
//!
//! Does not speak: each connection is a `Session` of its own, bounded in time.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::sim::account::Account;
use crate::sim::authority::Authority;
use crate::sim::fault::Fault;
use crate::sim::ledger::Ledger;
use crate::sim::script::{Act, Service, Step};
use crate::sim::session::Session;
use crate::sim::wire::Wire;
use crate::sim::{imap, pop3, smtp};

/// How long any connection may last.
pub(super) const CONNECTION_LIMIT: Duration = Duration::from_secs(300);
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 4096;
/// How long a connection attempt is given while a queue is being filled: on loopback the answer is immediate.
const FILL_PATIENCE: Duration = Duration::from_millis(100);
/// The most attempts to fill a queue that holds one.
const FILL_ATTEMPTS: usize = 8;
/// How long to wait after a failed accept, such as for a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The ports of one server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) imap: u16,
    pub(super) imap_starttls: u16,
    pub(super) smtp: u16,
    pub(super) smtp_tls: u16,
    pub(super) pop3: u16,
    pub(super) pop3_starttls: u16,
}

/// One server and its mailboxes.
pub(super) struct Site {
    tenants: Tenants,
    ledgers: [Arc<Ledger>; Service::ALL.len()],
    /// Rung when a fault changes, so that listeners open and close.
    pub(super) changed: Notify,
}

enum Tenants {
    /// Every connection belongs to this mailbox.
    One(Arc<Account>),
    /// The login name tells which mailbox a connection belongs to.
    Many(HashMap<String, Arc<Account>>),
}

/// How long a connection stands before it is reset: long enough for the client to see it as connected.
const RESET_DELAY: Duration = Duration::from_millis(100);

/// What a port does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stance {
    Listen,
    Refuse,
    Ignore,
}

impl Site {
    pub(super) fn of_one(account: Arc<Account>) -> Arc<Self> {
        Self::new(Tenants::One(account))
    }

    pub(super) fn of_many(accounts: &[Arc<Account>]) -> Arc<Self> {
        let by_name = |account: &Arc<Account>| (account.username().to_ascii_lowercase(), Arc::clone(account));
        Self::new(Tenants::Many(accounts.iter().map(by_name).collect()))
    }

    fn new(tenants: Tenants) -> Arc<Self> {
        Arc::new(Self { tenants, ledgers: Default::default(), changed: Notify::new() })
    }

    /// Opens the ports on 127.0.0.1; everything ends with `stop`.
    pub(super) async fn open(
        self: &Arc<Self>,
        authority: &Arc<Authority>,
        stop: &CancellationToken,
    ) -> io::Result<Ports> {
        let mut ports = [0; 6];
        let doors = [
            (Service::Imap, true),
            (Service::Imap, false),
            (Service::Smtp, false),
            (Service::Smtp, true),
            (Service::Pop3, true),
            (Service::Pop3, false),
        ];
        for (port, (service, implicit_tls)) in ports.iter_mut().zip(doors) {
            let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            let address = socket.local_addr()?;
            *port = address.port();
            let door = Door {
                site: Arc::clone(self),
                authority: Arc::clone(authority),
                address,
                service,
                implicit_tls,
            };
            let stop = stop.clone();
            // The port answers before its number is returned.
            let first = door.stand(socket).await?;
            tokio::spawn(async move { stop.run_until_cancelled(door.run(first, &stop)).await });
        }
        let [imap, imap_starttls, smtp, smtp_tls, pop3, pop3_starttls] = ports;
        Ok(Ports { imap, imap_starttls, smtp, smtp_tls, pop3, pop3_starttls })
    }

    /// The mailbox every connection belongs to, if there is just one.
    pub(super) fn sole(&self) -> Option<Arc<Account>> {
        match &self.tenants {
            Tenants::One(account) => Some(Arc::clone(account)),
            Tenants::Many(_) => None,
        }
    }

    /// The mailbox of a login name, if there are many.
    pub(super) fn find(&self, user: &str) -> Option<Arc<Account>> {
        match &self.tenants {
            Tenants::One(_) => None,
            Tenants::Many(accounts) => accounts.get(&user.to_ascii_lowercase()).cloned(),
        }
    }

    pub(super) fn ledger(&self, service: Service) -> &Arc<Ledger> {
        &self.ledgers[service as usize]
    }

    fn reach(&self, service: Service) -> Option<Act> {
        let fault = self.sole().map_or(Fault::None, |account| account.fault());
        fault.script(service).iter().find(|(step, _)| *step == Step::Reach).map(|&(_, act)| act)
    }
}

/// A socket bound with address reuse, so that a port can be taken again while its old connections fade.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// One port of a site.
struct Door {
    site: Arc<Site>,
    authority: Arc<Authority>,
    address: SocketAddr,
    service: Service,
    implicit_tls: bool,
}

/// A port in the stance it has taken.
struct Standing {
    stance: Stance,
    listener: Option<TcpListener>,
    /// Keeps a port that refuses connections from being taken by another process.
    held: Option<TcpSocket>,
    /// The connections that fill the queue of a listener that does not accept.
    queue: Vec<TcpStream>,
}

impl Door {
    fn stance(&self) -> Stance {
        match self.site.reach(self.service) {
            Some(Act::Refuse) => Stance::Refuse,
            Some(Act::Ignore) => Stance::Ignore,
            _ => Stance::Listen,
        }
    }

    /// Takes the stance of the moment with a socket bound to the port.
    async fn stand(&self, socket: TcpSocket) -> io::Result<Standing> {
        let stance = self.stance();
        let mut standing = Standing { stance, listener: None, held: None, queue: Vec::new() };
        match stance {
            Stance::Refuse => standing.held = Some(socket),
            Stance::Listen => standing.listener = Some(socket.listen(BACKLOG)?),
            Stance::Ignore => {
                // Linux drops the first packet of a connection when the queue of a listener is full.
                standing.listener = Some(socket.listen(0)?);
                for _ in 0..FILL_ATTEMPTS {
                    match timeout(FILL_PATIENCE, TcpStream::connect(self.address)).await {
                        Ok(stream) => standing.queue.push(stream?),
                        Err(_) => break,
                    }
                }
            }
        }
        Ok(standing)
    }

    /// Serves the port, and changes its stance with the fault, until it is dropped.
    async fn run(&self, first: Standing, stop: &CancellationToken) {
        let mut standing = Some(first);
        loop {
            let changed = self.site.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if standing.as_ref().is_none_or(|standing| standing.stance != self.stance()) {
                // The old listener must be gone before another socket can have its port.
                drop(standing.take());
                standing = match bind(self.address) {
                    Ok(socket) => self.stand(socket).await.ok(),
                    Err(_) => None,
                };
            }
            match standing.as_ref().map(|standing| (standing.stance, &standing.listener)) {
                Some((Stance::Listen, Some(listener))) => tokio::select! {
                    () = changed => {}
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => self.receive(stream, stop),
                        Err(_) => sleep(ACCEPT_PAUSE).await,
                    },
                },
                Some(_) => changed.await,
                None => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// Starts the dialogue of a connection.
    fn receive(&self, stream: TcpStream, stop: &CancellationToken) {
        let reach = self.site.reach(self.service);
        if matches!(reach, Some(Act::Reset)) {
            let open = self.site.sole().map(|account| account.ledger(self.service).open());
            let stop = stop.clone();
            tokio::spawn(async move {
                stop.run_until_cancelled(sleep(RESET_DELAY)).await;
                // Closing with nothing to wait for makes the kernel reset the connection; failing that it is closed.
                let _ = stream.set_zero_linger();
                drop((stream, open));
            });
            return;
        }
        let pace = match reach {
            Some(Act::Drip(milliseconds)) => Some(Duration::from_millis(milliseconds)),
            _ => None,
        };
        // Small lines must not wait for each other. A socket that refuses this option is only slower.
        let _ = stream.set_nodelay(true);
        let wire = Wire::new(stream, pace);
        let mut session =
            Session::new(wire, self.service, Arc::clone(&self.site), Arc::clone(&self.authority));
        let (service, implicit_tls, stop) = (self.service, self.implicit_tls, stop.clone());
        tokio::spawn(async move {
            let dialogue = async {
                match service {
                    Service::Imap => imap::serve(&mut session, implicit_tls).await,
                    Service::Smtp => smtp::serve(&mut session, implicit_tls).await,
                    Service::Pop3 => pop3::serve(&mut session, implicit_tls).await,
                }
            };
            // The client reports how the dialogue ended.
            let _ = stop.run_until_cancelled(timeout(CONNECTION_LIMIT, dialogue)).await;
        });
    }
}
