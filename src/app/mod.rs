//! Builds, starts and stops the agent.

pub mod address_space;
mod credential_files;
pub mod descriptors;
pub mod directories;
mod past;
mod reload;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task;
use tokio::time::{Instant, timeout};

use self::descriptors::Share;
use self::reload::Parts;
use crate::background::{BackgroundTask, Heartbeat};
use crate::check::{ProbeRequest, Prober};
use crate::config;
use crate::directory::Reader;
use crate::http::{self, Actions, Names, Protection, Ready, Site};
use crate::model::{Listen, Observation, Plan};
use crate::monitor::{Monitor, MonitorHandle};
use crate::password_trials;
use crate::readiness::{Readiness, StoreError};
use crate::report::{self, Facts, Report};

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
    prober: Arc<Prober>,
    ready: Arc<Ready>,
    reloader: Reloader,
    tasks: Tasks,
}

/// The background tasks, in the order in which they stop.
struct Tasks {
    /// These two only with a configuration file.
    file_watcher: Option<BackgroundTask>,
    credential_watcher: Option<BackgroundTask>,
    scheduler: BackgroundTask,
    directories: BackgroundTask,
    password_trials: BackgroundTask,
    /// Stops after the last observation, so that it is saved.
    saving: BackgroundTask,
    /// The same for the past that pages show; only with a state directory.
    past_saving: Option<BackgroundTask>,
    /// Answers until the end, for the last scrape.
    http_server: BackgroundTask,
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
        let readiness = readiness(plan).await?;
        let (listener, address) = listen(&plan.listen)
            .await
            .map_err(|error| AppError::Listen { listen: plan.listen.to_string(), error })?;
        let report = Arc::new(Report::new(plan));
        past::restore(plan, &report).await;
        let descriptors = descriptors::limit();
        let share = Share::of(descriptors, &plan.limits);
        share.warn();
        let prober = prober(share.fit(plan).as_ref().unwrap_or(plan), &report);
        let (heartbeat, ready) = (Arc::new(Heartbeat::start()), Arc::new(Ready::default()));
        let monitor = Monitor::new(plan, Arc::clone(&prober), Arc::clone(&report), Arc::clone(&readiness));
        let parts = Parts {
            report: Arc::clone(&report),
            readiness: Arc::clone(&readiness),
            prober: Arc::clone(&prober),
            monitor_handle: monitor.handle(),
            protection: protection.clone(),
            descriptors,
            credential_files: watch::channel(credential_files::of(plan)).0,
            directories: watch::channel(directories::of(plan)).0,
        };
        let credential_files = parts.credential_files.subscribe();
        let wanted = parts.directories.subscribe();
        let (changed_files, changes) = watch::channel(directories::ChangedFiles::default());
        let reader = Reader::new(Arc::clone(prober.dialer()), prober.tokens().clone());
        let watches_files = origin.is_some();
        let reloader = Reloader::new(parts, plan.clone(), origin);
        let site = Site::new(Arc::clone(&report), Arc::clone(&readiness), Arc::clone(&prober))
            .judged_by(Arc::clone(&heartbeat), Arc::clone(&ready))
            .offering(actions(monitor.handle(), reloader.clone()))
            .known_as(Names::new(&plan.listen.host, address.ip(), &plan.address), plan.address.prefix());
        let tasks = Tasks {
            file_watcher: watches_files
                .then(|| BackgroundTask::start("file watcher", |stop| reloader.clone().follow_files(stop))),
            credential_watcher: watches_files.then(|| {
                BackgroundTask::start("credential watcher", |stop| {
                    let (report, prober) = (Arc::clone(&report), Arc::clone(&prober));
                    let told = (monitor.handle(), changed_files);
                    credential_files::follow(credential_files, told, report, prober, stop)
                })
            }),
            scheduler: BackgroundTask::start("scheduler", |stop| monitor.run(heartbeat, stop)),
            directories: BackgroundTask::start("directories", |stop| {
                let (report, readiness) = (Arc::clone(&report), Arc::clone(&readiness));
                directories::follow(wanted, changes, reader, directories::Sinks { report, readiness }, stop)
            }),
            password_trials: BackgroundTask::start("password trials", |stop| {
                password_trials::run(Arc::clone(&readiness), Arc::clone(&prober), stop)
            }),
            saving: BackgroundTask::start("saving of readiness", |stop| readiness.keep_saved(stop)),
            past_saving: plan.policy.state_dir.clone().map(|folder| {
                let report = Arc::clone(&report);
                BackgroundTask::start("saving of the past", |stop| past::keep_saved(report, folder, stop))
            }),
            http_server: BackgroundTask::start("HTTP server", |stop| {
                http::serve(listener, share.clients, site, protection, stop)
            }),
        };
        ready.set();
        Ok(Self { address, report, prober, ready, reloader, tasks })
    }

    /// The address that the HTTP endpoint is bound to.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn report(&self) -> &Arc<Report> {
        &self.report
    }

    /// Everything the pages show, as of now.
    pub fn facts(&self) -> Facts {
        self.report.facts(self.prober.in_flight())
    }

    /// Reloads the configuration.
    pub const fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Shuts down within a fixed time: starts no more probes, finishes the running ones, and answers the
    /// last scrape.
    pub async fn stop(self) {
        self.ready.unset();
        if timeout(STOP, self.tasks.stop()).await.is_err() {
            tracing::warn!("shutdown took too long: the remaining tasks were cancelled");
        }
    }
}

impl Tasks {
    async fn stop(self) {
        for watcher in [self.file_watcher, self.credential_watcher].into_iter().flatten() {
            watcher.stop().await;
        }
        tokio::join!(self.scheduler.stop(), self.directories.stop());
        self.password_trials.stop().await;
        let past_saved = async {
            if let Some(saving) = self.past_saving {
                saving.stop().await;
            }
        };
        tokio::join!(self.saving.stop(), past_saved, self.http_server.stop());
    }
}

/// The stored state of readiness, read on a blocking thread, so that a state directory that hangs cannot
/// delay the shutdown.
async fn readiness(plan: &Plan) -> Result<Arc<Readiness>, AppError> {
    let plan = plan.clone();
    let opened = task::spawn_blocking(move || Readiness::open(&plan)).await;
    Ok(Arc::new(opened.map_err(|_| AppError::Stopped)??))
}

/// A prober whose token requests are reported.
fn prober(plan: &Plan, report: &Arc<Report>) -> Arc<Prober> {
    let report = Arc::clone(report);
    Arc::new(Prober::new(&plan.limits, Arc::new(move |token| report.record_token(token))))
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

/// The actions that clients can request.
fn actions(monitor_handle: MonitorHandle, reloader: Reloader) -> Actions {
    Actions {
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
    // A single round exports no metrics, and each of its observations already reports a failed token request: the log
    // is for those who ask for it.
    let prober = Arc::new(Prober::new(&plan.limits, Arc::new(report::log_token_request)));
    let mut tasks = task::JoinSet::new();
    for (index, check) in plan.checks.iter().enumerate() {
        let (prober, check) = (Arc::clone(&prober), Arc::clone(check));
        tasks.spawn(async move {
            let request = ProbeRequest::of_check(&check, Instant::now());
            (index, prober.probe(&request).await)
        });
    }
    let mut observations = Vec::with_capacity(plan.checks.len());
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((index, observation)) => {
                report::log_observation(&observation);
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
async fn listen(listen: &Listen) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = match TcpListener::bind((listen.host.as_str(), listen.port)).await {
        Err(error) if listen.host == "::" && error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(("0.0.0.0", listen.port)).await.map_err(|_| error)
        }
        bound => bound,
    }?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
