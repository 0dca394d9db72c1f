//! The rooms put together: started, and stopped.

pub mod descriptors;
mod reload;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{self, JoinHandle};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::descriptors::Share;
use self::reload::Rooms;
use crate::check::Prober;
use crate::config;
use crate::http::{self, Desk, Names, Protection, Pulse, Ready, Site};
use crate::model::{Listen, Observation, Plan};
use crate::monitor::{Monitor, Orders};
use crate::readiness::{Readiness, StoreError};
use crate::report::{Report, Witness};
use crate::trial;
use crate::watch;

pub use self::reload::{Origin, ReloadError, Reloader};

/// The whole stop takes no longer than this; each room has a bound of its own inside it.
const STOP: Duration = Duration::from_secs(9);

/// Why the program cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The HTTP endpoint cannot be opened.
    #[error(
        "cannot listen on {listen}: {error}; free the port or choose another by `http.listen` or `--listen`"
    )]
    Listen {
        /// Where.
        listen: String,
        /// What the system said.
        error: io::Error,
    },
    /// The memory cannot be used.
    #[error(transparent)]
    State(#[from] StoreError),
    /// A part of the program ended while it was being put together.
    #[error("the start was interrupted by a defect of mailbox-exporter; the log has its place")]
    Stopped,
    /// The web configuration can no longer be followed.
    #[error("web configuration {}: {error}", .file.display())]
    Web {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        error: String,
    },
}

/// The running agent.
pub struct App {
    address: SocketAddr,
    report: Arc<Report>,
    ready: Arc<Ready>,
    reloader: Reloader,
    watch: (CancellationToken, JoinHandle<()>),
    monitor: (CancellationToken, JoinHandle<()>),
    pages: (CancellationToken, JoinHandle<()>),
    trials: (CancellationToken, JoinHandle<()>),
}

impl App {
    /// Opens the HTTP endpoint and begins to probe by a plan that stays as it is.
    ///
    /// # Errors
    /// [`AppError::Listen`] where the port is taken or the address is not ours, [`AppError::State`] where the
    /// state directory cannot be used, [`AppError::Web`] where a certificate has become unusable since the
    /// configuration was read.
    pub async fn start(plan: &Plan) -> Result<Self, AppError> {
        Self::assemble(plan, None).await
    }

    /// The same by a plan that is read again when it is asked for, and when a file of it changes.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_from(plan: &Plan, origin: Origin) -> Result<Self, AppError> {
        Self::assemble(plan, Some(origin)).await
    }

    async fn assemble(plan: &Plan, origin: Option<Origin>) -> Result<Self, AppError> {
        let protection = protection(plan).await?;
        // Before it listens: a client that connects finds an agent that remembers.
        let remembers = plan.clone();
        // Beside: a state directory that hangs must not hold up the stop.
        let readiness = task::spawn_blocking(move || Readiness::open(&remembers)).await;
        let readiness = Arc::new(readiness.map_err(|_| AppError::Stopped)??);
        let listener = listen(&plan.listen)
            .await
            .map_err(|error| AppError::Listen { listen: plan.listen.to_string(), error })?;
        let address = listener
            .local_addr()
            .map_err(|error| AppError::Listen { listen: plan.listen.to_string(), error })?;
        let report = Arc::new(Report::new(plan));
        report.call(witness(&readiness));
        let tokens = Arc::clone(&report);
        let descriptors = descriptors::limit();
        let share = Share::of(descriptors, &plan.limits);
        share.warn();
        let limits = share.fit(plan).map_or(plan.limits, |fitting| fitting.limits);
        let prober = Arc::new(Prober::new(&limits, Arc::new(move |token| tokens.record_token(token))));
        let (pulse, ready) = (Arc::new(Pulse::new()), Arc::new(Ready::default()));
        let stop = CancellationToken::new();
        let tries = trial::run(Arc::clone(&readiness), Arc::clone(&prober), stop.clone());
        let trials = (stop, tokio::spawn(tries));
        let monitor = Monitor::new(plan, Arc::clone(&prober), Arc::clone(&report));
        let (orders, watched) = (monitor.orders(), origin.is_some());
        let (protects, report_to) = (protection.clone(), Arc::clone(&report));
        let rooms = Rooms {
            report: report_to,
            readiness,
            prober,
            orders: orders.clone(),
            protection: protects,
            descriptors,
        };
        let reloader = Reloader::new(rooms, plan.clone(), origin);
        let stop = CancellationToken::new();
        let beat = Arc::clone(&pulse);
        let monitor = (stop.clone(), tokio::spawn(monitor.run(stop, move || beat.beat())));
        let stop = CancellationToken::new();
        let site = Site::new(Arc::clone(&report), pulse, Arc::clone(&ready));
        let names = Names::new(&plan.listen.host, address.ip(), &plan.address);
        let site = site.asking(desk(orders, reloader.clone())).known_as(names, plan.address.prefix());
        let pages =
            (stop.clone(), tokio::spawn(http::serve(listener, share.clients, site, protection, stop)));
        let stop = CancellationToken::new();
        let (looking, eyes) = (stop.clone(), reloader.clone());
        let look = move || {
            let eyes = eyes.clone();
            async move { eyes.look().await }
        };
        let watch = tokio::spawn(async move {
            if watched {
                watch::run(look, looking).await;
            }
        });
        ready.set();
        Ok(Self { address, report, ready, reloader, watch: (stop, watch), monitor, pages, trials })
    }

    /// Where the HTTP endpoint listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has been observed so far.
    pub fn report(&self) -> &Arc<Report> {
        &self.report
    }

    /// By which the configuration is read again.
    pub const fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Stops: no more probes, the running ones end, the last scrape is answered. Bounded in time.
    pub async fn stop(self) {
        self.ready.unset();
        let stopping = async {
            self.watch.0.cancel();
            let watch = self.watch.1.await;
            self.monitor.0.cancel();
            let monitor = self.monitor.1.await;
            // After the last observation, which is to be remembered.
            self.trials.0.cancel();
            self.pages.0.cancel();
            let (trials, pages) = tokio::join!(self.trials.1, self.pages.1);
            if watch.is_err() || monitor.is_err() || pages.is_err() || trials.is_err() {
                tracing::error!("a room died before the stop");
            }
        };
        if timeout(STOP, stopping).await.is_err() {
            tracing::warn!("the stop took too long and was cut short");
        }
    }
}

/// What the report needs of readiness.
fn witness(readiness: &Arc<Readiness>) -> Witness {
    let (saw, board) = (Arc::clone(readiness), Arc::clone(readiness));
    Witness {
        saw: Box::new(move |seen, interval| saw.record(seen, interval)),
        board: Box::new(move |now| board.board(now)),
    }
}

/// What guards the HTTP endpoint, and how its file is read again.
async fn protection(plan: &Plan) -> Result<Protection, AppError> {
    let read = |file: &Path| config::load_web(file).map_err(|errors| errors.to_string());
    let (protection, web) = (Protection::new(Arc::new(read)), plan.web.clone());
    let file = web.as_ref().map(|web| web.file.clone()).unwrap_or_default();
    let following = protection.clone();
    // The files were good when the configuration was read, a moment ago.
    let followed = task::spawn_blocking(move || following.follow(web.as_deref())).await;
    let followed = followed.unwrap_or_else(|error| Err(error.to_string()));
    followed.map(|()| protection).map_err(|error| AppError::Web { file, error })
}

/// Whom the pages ask.
fn desk(orders: Orders, reloader: Reloader) -> Desk {
    Desk {
        probe: Box::new(move |check| {
            let orders = orders.clone();
            Box::pin(async move { orders.probe(check).await })
        }),
        reload: Box::new(move || {
            let reloader = reloader.clone();
            Box::pin(async move {
                let reloaded = reloader.reload("by POST /-/reload").await;
                reloaded.map(|difference| reload::told(&difference)).map_err(|error| error.to_string())
            })
        }),
    }
}

/// One round: every check of the plan once, at the same time as far as the limits allow. `each` is
/// told of every observation as it comes; they are returned in the plan's order.
pub async fn round(plan: &Plan, each: impl Fn(&Observation)) -> Vec<Observation> {
    // Nobody asks a single round for its metrics, and its answer names a failed token request at every check.
    let prober = Arc::new(Prober::new(&plan.limits, Arc::new(|_| ())));
    let mut tasks = task::JoinSet::new();
    for (index, check) in plan.checks.iter().enumerate() {
        let (prober, check) = (Arc::clone(&prober), Arc::clone(check));
        tasks.spawn(async move { (index, prober.observe(&check, tokio::time::Instant::now(), || ()).await) });
    }
    let mut observations = Vec::with_capacity(plan.checks.len());
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((index, observation)) => {
                each(&observation);
                observations.push((index, observation));
            }
            Err(error) => tracing::error!(%error, "a probe's task died"),
        }
    }
    observations.sort_by_key(|(index, _)| *index);
    observations.into_iter().map(|(_, observation)| observation).collect()
}

/// Binds; `[::]` means IPv4 as well, also where this machine has no IPv6.
async fn listen(listen: &Listen) -> io::Result<TcpListener> {
    match TcpListener::bind((listen.host.as_str(), listen.port)).await {
        Err(error) if listen.host == "::" && error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(("0.0.0.0", listen.port)).await.map_err(|_| error)
        }
        bound => bound,
    }
}
