//! Access to the pages, and their TLS: the web configuration in force, checked again at every
//! connection and every request, so that a rotated certificate or a new password needs no restart.
//!
//! Not here: reading the file (handed in, because only `config` reads YAML); listening.

mod hash_queue;
mod users;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rustls::ServerConfig;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task;
use tracing::{error, info};

use crate::files;
use crate::model::Web;
use crate::net::{ServerTlsFault, server_tls};

use users::Users;

/// Reads a web configuration again; the sentence says what is wrong with it.
pub type Reader = Arc<dyn Fn(&Path) -> Result<Web, String> + Send + Sync>;

/// The routes without a password: the kubelet has no safe place for one, and "ok" is not a secret.
const OPEN: [&str; 2] = ["/-/healthy", "/-/ready"];

/// A faulty configuration that does not change is read again this often.
const TRIED_EVERY: Duration = Duration::from_secs(5);

/// The protection of the endpoint; clones share it.
#[derive(Clone)]
pub struct Protection(Arc<Shared>);

struct Shared {
    read: Reader,
    looked: Mutex<Looked>,
    /// When the last look began.
    last: Arc<AsyncMutex<Option<Instant>>>,
    /// `None` for access without a password, in clear text.
    force: RwLock<Option<Arc<Force>>>,
    users: Users,
}

/// The last look at the files.
#[derive(Default)]
struct Looked {
    /// What those in force looked like, whether or not reading them went well.
    files: Vec<Look>,
    /// When they were last found faulty, and how. A faulty file may name others that are yet to come: it is
    /// read again though it has not changed.
    fault: Option<(Instant, String)>,
}

/// What is in force.
struct Force {
    web: Web,
    tls: Option<Arc<ServerConfig>>,
}

impl Force {
    fn of(web: Web) -> Result<Arc<Self>, String> {
        let sentence = |faults: Vec<ServerTlsFault>| {
            faults.iter().map(ServerTlsFault::to_string).collect::<Vec<_>>().join("; ")
        };
        let tls = web.tls.as_ref().map(server_tls).transpose().map_err(sentence)?.map(Arc::new);
        Ok(Arc::new(Self { web, tls }))
    }

    /// What the same file says now. A file that is being written is empty or cut off for a moment, and what is left
    /// of it may be valid: it must not open the endpoint.
    fn replaced_by(&self, web: Web) -> Result<Arc<Self>, String> {
        let missing: Vec<_> = self.web.guards_missing_in(&web).collect();
        if !missing.is_empty() {
            return Err(format!(
                "it no longer asks for {}: to stop asking, restart the agent",
                missing.join(", ")
            ));
        }
        Self::of(web)
    }
}

/// A file, and the metadata that changes when it is written or replaced, even by a change of a symlink.
type Look = (PathBuf, Option<(u64, u64, u64, (i64, i64), (i64, i64))>);

/// The file, and those that it names.
fn paths(web: &Web) -> impl Iterator<Item = &PathBuf> {
    let tls = web.tls.iter().flat_map(|tls| {
        [Some(&tls.cert_file), Some(&tls.key_file), tls.client_ca_file.as_ref()].into_iter().flatten()
    });
    [&web.file].into_iter().chain(tls)
}

fn look(web: &Web) -> Vec<Look> {
    let look = |path: &PathBuf| {
        let at = path.clone();
        let about = files::within(path, files::PATIENCE, move || std::fs::metadata(at));
        let seen = about.ok().and_then(Result::ok).map(|file| {
            let (written, changed) = ((file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec()));
            (file.dev(), file.ino(), file.size(), written, changed)
        });
        (path.clone(), seen)
    };
    paths(web).map(look).collect()
}

impl Protection {
    /// Open, in clear text, until it is told to follow a web configuration; `read` reads such a
    /// file again.
    pub fn new(read: Reader) -> Self {
        let force = RwLock::default();
        Self(Arc::new(Shared {
            read,
            looked: Mutex::default(),
            last: Arc::default(),
            force,
            users: Users::default(),
        }))
    }

    /// From now on follows `web`, and its file when that changes; `None` opens the endpoint. Reads certificates, and
    /// blocks while it does.
    ///
    /// # Errors
    /// Which of the named files cannot be used, and why. The configuration in force stays.
    pub fn follow(&self, web: Option<&Web>) -> Result<(), String> {
        let mut looked = self.0.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let force = web.map(|web| Force::of(web.clone())).transpose()?;
        // No look yet: the first client has the files read again, since they may have changed meanwhile.
        *looked = Looked::default();
        *self.0.force.write().unwrap_or_else(PoisonError::into_inner) = force;
        Ok(())
    }

    /// TLS for the next connection; `None` is clear text.
    pub(super) async fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.0.now().await?.tls.clone()
    }
}

impl Shared {
    /// The protection in force, after the files have been checked at least once since the call. Clients that come together share one look
    /// and wait for it without a thread: hundreds of guesses must not become hundreds of threads.
    async fn now(self: &Arc<Self>) -> Option<Arc<Force>> {
        self.in_force()?;
        let asked = Instant::now();
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if last.is_none_or(|begun| begun < asked) {
            let shared = Arc::clone(self);
            // The lock goes along: if this client leaves, the next one still waits for the look under way.
            let look = move || {
                *last = Some(Instant::now());
                shared.refresh();
            };
            // A file system can be slow. A panic in there changes nothing.
            if task::spawn_blocking(look).await.is_err() {
                error!("the web configuration could not be looked at");
            }
        }
        self.in_force()
    }

    fn in_force(&self) -> Option<Arc<Force>> {
        self.force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refresh(&self) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(force) = self.in_force() else { return };
        let files = look(&force.web);
        let tried = looked.fault.as_ref().is_none_or(|(at, _)| at.elapsed() < TRIED_EVERY);
        if files == looked.files && tried {
            return;
        }
        let first = looked.files.is_empty();
        looked.files = files;
        let file = &force.web.file;
        let read = (self.read)(file).and_then(|web| force.replaced_by(web));
        match read {
            Ok(new) => {
                // The state of the files before the reading counts, so that no change in between is missed. It
                // is unknown for files that are newly named, so these are read once more.
                if !paths(&new.web).eq(paths(&force.web)) {
                    looked.files.clear();
                }
                looked.fault = None;
                *self.force.write().unwrap_or_else(PoisonError::into_inner) = Some(new);
                if !first {
                    info!(file = %file.display(), "the web configuration was read again");
                }
            }
            Err(fault) => {
                let known = looked.fault.replace((Instant::now(), fault.clone()));
                if known.is_none_or(|(_, known)| known != fault) {
                    error!(file = %file.display(), %fault, "the web configuration is faulty: the old one stays in force");
                }
            }
        }
    }
}

/// Lets in who may come, and sets the configured headers on every answer.
pub(super) async fn guard(State(protection): State<Protection>, request: Request, next: Next) -> Response {
    let Some(force) = protection.0.now().await else { return next.run(request).await };
    let users = &force.web.users;
    let credentials = request.headers().get(header::AUTHORIZATION);
    let open = users.0.is_empty() || OPEN.contains(&request.uri().path());
    let admitted = open || protection.0.users.admit(users, credentials).await;
    let mut response = if admitted { next.run(request).await } else { unauthorised() };
    for (name, value) in &force.web.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn unauthorised() -> Response {
    let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"mailbox-exporter\"")];
    (StatusCode::UNAUTHORIZED, ask, "A user name and a password are needed.\n").into_response()
}

#[cfg(test)]
mod tests;
