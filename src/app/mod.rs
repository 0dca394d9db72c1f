//! Builds, starts and stops the agent.

pub mod address_space;
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
use self::reload::Parts;
use crate::check::Prober;
use crate::config;
use crate::http::{self, Desk, Names, Protection, Pulse, Ready, Site};
use crate::model::{Listen, Observation, Plan};
use crate::monitor::{Monitor, MonitorHandle};
use crate::readiness::{Readiness, StoreError};
use crate::report::{Report, Witness};
use crate::trial;
use crate::watch;

pub use self::reload::{Origin, ReloadError, Reloader};

/// Upper bound for the whole shutdown; each part has a shorter bound of its own.
const STOP: Duration = Duration::from_secs(9);

/// Why the program cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(
        "cannot listen on {listen}: {error}; free the port or choose another by `http.listen` or `--listen`"
    )]
    Listen {
        listen: String,
        /// The system's error.
        error: io::Error,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StoreError),
    /// A task panicked during startup.
    #[error("mailbox-exporter failed to start because of a bug; see the panic message in the log")]
    Stopped,
    /// The files of the web configuration passed validation, but can no longer be used.
    #[error("web configuration {}: {error}", .file.display())]
    Web { file: PathBuf, error: String },
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
    /// Opens the HTTP endpoint and starts to probe. The plan never changes.
    ///
    /// # Errors
    /// [`AppError::Listen`] if the port is taken or the address is not local, [`AppError::State`] if the
    /// state directory cannot be used, [`AppError::Web`] if a certificate has become unusable since the
    /// configuration was read.
    pub async fn start(plan: &Plan) -> Result<Self, AppError> {
        Self::assemble(plan, None).await
    }

    /// Like [`App::start`], and reloads the plan on request and when one of its files changes.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_from(plan: &Plan, origin: Origin) -> Result<Self, AppError> {
        Self::assemble(plan, Some(origin)).await
    }

    async fn assemble(plan: &Plan, origin: Option<Origin>) -> Result<Self, AppError> {
        let protection = protection(plan).await?;
        // Opened before the listener, so that the first client already sees the stored state.
        let remembers = plan.clone();
        // On a blocking thread, so that a state directory that hangs cannot delay the shutdown.
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
        let (monitor_handle, watched) = (monitor.handle(), origin.is_some());
        let (protects, report_to) = (protection.clone(), Arc::clone(&report));
        let parts = Parts {
            report: report_to,
            readiness,
            prober,
            monitor_handle: monitor_handle.clone(),
            protection: protects,
            descriptors,
        };
        let reloader = Reloader::new(parts, plan.clone(), origin);
        let stop = CancellationToken::new();
        let beat = Arc::clone(&pulse);
        let monitor = (stop.clone(), tokio::spawn(monitor.run(stop, move || beat.beat())));
        let stop = CancellationToken::new();
        let site = Site::new(Arc::clone(&report), pulse, Arc::clone(&ready));
        let names = Names::new(&plan.listen.host, address.ip(), &plan.address);
        let site = site
            .asking(page_actions(monitor_handle, reloader.clone()))
            .known_as(names, plan.address.prefix());
        let pages =
            (stop.clone(), tokio::spawn(http::serve(listener, share.clients, site, protection, stop)));
        let stop = CancellationToken::new();
        let (looking, for_files) = (stop.clone(), reloader.clone());
        let look = move || {
            let for_files = for_files.clone();
            async move { for_files.reload_if_changed().await }
        };
        let watch = tokio::spawn(async move {
            if watched {
                watch::run(look, looking).await;
            }
        });
        ready.set();
        Ok(Self { address, report, ready, reloader, watch: (stop, watch), monitor, pages, trials })
    }

    /// The address that the HTTP endpoint is bound to.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn report(&self) -> &Arc<Report> {
        &self.report
    }

    /// Reloads the configuration.
    pub const fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Shuts down within a fixed time: starts no more probes, finishes the running ones, and answers the
    /// last scrape.
    pub async fn stop(self) {
        self.ready.unset();
        let stopping = async {
            self.watch.0.cancel();
            let watch = self.watch.1.await;
            self.monitor.0.cancel();
            let monitor = self.monitor.1.await;
            // Stopped after the last observation, so that readiness writes it to disk.
            self.trials.0.cancel();
            self.pages.0.cancel();
            let (trials, pages) = tokio::join!(self.trials.1, self.pages.1);
            for (task, ended) in [
                ("file watcher", watch),
                ("monitor", monitor),
                ("password trials", trials),
                ("HTTP server", pages),
            ] {
                if let Err(error) = ended {
                    tracing::error!(task, %error, "background task panicked");
                }
            }
        };
        if timeout(STOP, stopping).await.is_err() {
            tracing::warn!("shutdown took too long: the remaining tasks were cancelled");
        }
    }
}

/// Connects the report to readiness.
fn witness(readiness: &Arc<Readiness>) -> Witness {
    let (saw, board) = (Arc::clone(readiness), Arc::clone(readiness));
    Witness {
        saw: Box::new(move |seen, interval| saw.record(seen, interval)),
        board: Box::new(move |now| board.board(now)),
    }
}

/// The protection of the HTTP endpoint, and how to reread its file.
async fn protection(plan: &Plan) -> Result<Protection, AppError> {
    let read = |file: &Path| config::load_web(file).map_err(|errors| errors.to_string());
    let (protection, web) = (Protection::new(Arc::new(read)), plan.web.clone());
    let file = web.as_ref().map(|web| web.file.clone()).unwrap_or_default();
    let following = protection.clone();
    // These files were valid a moment ago, when the configuration was read.
    let followed = task::spawn_blocking(move || following.follow(web.as_deref())).await;
    let followed = followed.unwrap_or_else(|error| Err(error.to_string()));
    followed.map(|()| protection).map_err(|error| AppError::Web { file, error })
}

/// The actions that the pages can request.
fn page_actions(monitor_handle: MonitorHandle, reloader: Reloader) -> Desk {
    Desk {
        probe: Box::new(move |check| {
            let monitor_handle = monitor_handle.clone();
            Box::pin(async move { monitor_handle.probe(check).await })
        }),
        reload: Box::new(move || {
            let reloader = reloader.clone();
            Box::pin(async move {
                let reloaded = reloader.reload("by POST /-/reload").await;
                reloaded.map(|difference| reload::summary(&difference)).map_err(|error| error.to_string())
            })
        }),
    }
}

/// Probes every check of the plan once, concurrently within the limits. Calls `each` with every observation
/// as it arrives, and returns all of them in the order of the plan.
pub async fn round(plan: &Plan, each: impl Fn(&Observation)) -> Vec<Observation> {
    // A single round exports no metrics, and each of its observations already reports a failed token
    // request.
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
            Err(error) => tracing::error!(%error, "probe task panicked"),
        }
    }
    observations.sort_by_key(|(index, _)| *index);
    observations.into_iter().map(|(_, observation)| observation).collect()
}

/// Binds the listener. `[::]` also covers IPv4, and falls back to it if the machine has no IPv6.
async fn listen(listen: &Listen) -> io::Result<TcpListener> {
    match TcpListener::bind((listen.host.as_str(), listen.port)).await {
        Err(error) if listen.host == "::" && error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(("0.0.0.0", listen.port)).await.map_err(|_| error)
        }
        bound => bound,
    }
}
