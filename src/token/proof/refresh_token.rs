//! A token that a person obtained by signing in once (RFC 6749 section 6): each request shows it, and may be answered
//! with its successor.
//!
//! Owns the order in which requests take turns and the successor is written back, so that none is lost: to a second
//! process, to a request for another scope, or to a crash. A provider that withdraws a token at the moment it is used
//! can still lose one, between its answer and our write; most keep the old one until the new one is used.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use oauth2::{AuthType, ClientSecret};
use secrecy::ExposeSecret;
use tokio::sync::{Mutex as Turn, RwLock};
use tokio::time::{Instant, sleep, timeout};

use crate::clock;
use crate::files::{self, Lock};
use crate::model::{App, Cause, Proof, Reason, Redacted, SecretIn, SecretRef};
use crate::secret::{self, Scrubber};
use crate::token::exchange::{Client, Exchange, Issued};

/// How long another process may hold the file: longer than a token request takes.
const LOCK_PATIENCE: Duration = Duration::from_secs(40);
/// How often the lock is tried for.
const LOCK_TRIED_EVERY: Duration = Duration::from_millis(20);
/// How many of our own writes are remembered, so that they are told from those of others.
const OWN_WRITES: usize = 16;
/// How long the end of the program waits for a successor that is on its way.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

/// Requests that may bring a successor hold it for reading.
static UNDER_WAY: RwLock<()> = RwLock::const_new(());

/// Waits, within a bound, until every successor that was asked for is written back.
pub async fn settled() {
    // A request that is not done by then is given up.
    drop(timeout(SETTLED_WITHIN, UNDER_WAY.write()).await);
}

/// The files of refresh tokens, shared by all tokens that rest on them.
#[derive(Default)]
pub(in crate::token) struct TokenFiles(Mutex<HashMap<PathBuf, Arc<TokenFile>>>);

#[derive(Default)]
struct TokenFile {
    /// One request at a time: a refresh token may be good for just one. Holds what could not be written.
    turn: Turn<Option<Unwritten>>,
    /// The fingerprints of what we have written, the newest last.
    own_writes: Mutex<VecDeque<[u8; 32]>>,
}

/// A successor that exists in memory only.
struct Unwritten {
    token: Redacted,
    /// The fingerprint of what lies in the file: as soon as that is something else, it counts.
    instead_of: [u8; 32],
}

impl TokenFiles {
    fn of(&self, path: &Path) -> Arc<TokenFile> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(files.entry(path.to_owned()).or_default())
    }

    /// Forgets every file but these.
    pub(in crate::token) fn retain(&self, needed: impl Fn(&Path) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|path, _| needed(path));
    }

    /// Whether what lies in the file now was written by this process.
    pub(in crate::token) async fn wrote(&self, path: &Path) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let Some(file) = known else { return false };
        let Ok(token) = secret::read(&SecretRef::File(path.to_owned())).await else { return false };
        let own = file.own_writes.lock().unwrap_or_else(PoisonError::into_inner);
        own.contains(&secret::fingerprint_of(&token))
    }
}

impl TokenFile {
    /// Notes it before it is written, so that the file never holds a token that we wrote and do not recognise.
    fn note(&self, token: &Redacted) {
        let mut own = self.own_writes.lock().unwrap_or_else(PoisonError::into_inner);
        if own.len() >= OWN_WRITES {
            own.pop_front();
        }
        own.push_back(secret::fingerprint_of(token));
    }
}

/// What a request reads and writes.
pub(in crate::token) struct Parts<'a> {
    app: &'a App,
    token: &'a SecretRef,
    secret: Option<&'a SecretRef>,
    sent_in: SecretIn,
}

impl<'a> Parts<'a> {
    /// Those of a refresh token.
    pub(in crate::token) fn of(proof: &'a Proof) -> Result<Self, Cause> {
        match proof {
            Proof::RefreshToken { app, token, secret, sent_in, .. } => {
                Ok(Self { app, token, secret: secret.as_ref(), sent_in: *sent_in })
            }
            other => Err(Cause::new(Reason::Internal, format!("nobody signs in for {}", other.label()))),
        }
    }

    /// A client that proves its identity if it has a secret, and the secrets that an answer may repeat.
    pub(in crate::token) async fn client(
        &self,
        exchange: &Exchange<'_>,
    ) -> Result<(Client, Vec<Redacted>), Cause> {
        let client = exchange.client(self.app)?.set_auth_type(AuthType::RequestBody);
        let Some(place) = self.secret else { return Ok((client, Vec::new())) };
        let secret = secret::read(place).await?;
        let client = client
            .set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()))
            .set_auth_type(match self.sent_in {
                SecretIn::Body => AuthType::RequestBody,
                SecretIn::Basic => AuthType::BasicAuth,
            });
        Ok((client, vec![secret]))
    }

    /// Additional fields of the form.
    pub(in crate::token) fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.app.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

pub(super) async fn request(
    exchange: &Exchange<'_>,
    parts: &Parts<'_>,
    files: &TokenFiles,
) -> Result<Issued, Cause> {
    // The configuration takes files only.
    let path =
        parts.token.file().ok_or_else(|| Cause::new(Reason::Internal, "a refresh token without a file"))?;
    let file = files.of(path);
    let mut unwritten = file.turn.lock().await;
    let _under_way = UNDER_WAY.read().await;
    let _lock = locked(path).await?;
    // Under the lock: another process may just have written it.
    let in_file = secret::read(parts.token).await?;
    let instead_of = secret::fingerprint_of(&in_file);
    let kept = unwritten.as_ref().filter(|kept| kept.instead_of == instead_of);
    let token = kept.map_or(&in_file, |kept| &kept.token);
    if !is_token(token) {
        return Err(Cause::new(Reason::SecretUnreadable, no_token(parts.token)));
    }
    let asked = ask(exchange, parts, token).await;
    let (issued, successor) = match asked {
        Ok(answered) => answered,
        Err(cause) => {
            if let Some(at) = written_at(path).await {
                exchange.note_refresh_token_used(at);
            }
            return Err(cause);
        }
    };
    exchange.note_refresh_token_used(clock::now());
    let successor = successor.filter(|next| next.expose_secret() != token.expose_secret());
    if let Some(next) = successor.filter(is_token) {
        file.note(&next);
        match put(path, &next).await {
            Ok(()) => *unwritten = None,
            Err(why) => {
                if unwritten.is_none() {
                    let credential = &exchange.spec.credential;
                    tracing::warn!(
                        %credential,
                        file = %path.display(),
                        %why,
                        "the provider's next refresh token cannot be written back: it is used until this program ends, and then a person may have to sign in again. Put the file into a folder that this user may write to"
                    );
                }
                *unwritten = Some(Unwritten { token: next, instead_of });
            }
        }
    }
    issued
}

type Answered = (Result<Issued, Cause>, Option<Redacted>);

async fn ask(exchange: &Exchange<'_>, parts: &Parts<'_>, token: &Redacted) -> Result<Answered, Cause> {
    let (client, mut secrets) = parts.client(exchange).await?;
    secrets.push(token.clone());
    let scrubber = Scrubber::knowing(secrets.iter().map(ExposeSecret::expose_secret));
    exchange.refresh(&client, token, parts.fields(), &scrubber).await
}

/// The lock of the file, waited for within a bound.
async fn locked(path: &Path) -> Result<Lock, Cause> {
    let unreadable =
        |why: &str| Cause::new(Reason::SecretUnreadable, format!("file {}: {why}", path.display()));
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        let file = path.to_owned();
        let tried = files::within_async(path, files::PATIENCE, move || files::lock(&file)).await;
        match tried.and_then(|inner| inner) {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) if Instant::now() < until => sleep(LOCK_TRIED_EVERY).await,
            Ok(None) => {
                let seconds = LOCK_PATIENCE.as_secs();
                return Err(unreadable(&format!("another process has locked it for more than {seconds} s")));
            }
            Err(files::Fault::Missing) => return Err(unreadable(MISSING)),
            Err(fault) => return Err(unreadable(&fault.to_string())),
        }
    }
}

/// What to do about a file that is not there yet.
const MISSING: &str = "there is no such file: a person signs in by the command `login`, which writes it";

/// Writes a token for the next request, of this process or another.
async fn put(path: &Path, token: &Redacted) -> Result<(), String> {
    let (file, content) = (path.to_owned(), Redacted::from(format!("{}\n", token.expose_secret())));
    let write = move || files::replace(&file, content.expose_secret().as_bytes());
    match files::within_async(path, files::PATIENCE, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Writes the token that a person has just obtained, after any request that is under way.
///
/// # Errors
/// Why it could not be written.
pub async fn store(path: &Path, token: &Redacted) -> Result<(), String> {
    // Without a file there is nothing to lock.
    let _lock = locked(path).await.ok();
    put(path, token).await
}

/// RFC 6749 appendix A.17: printable characters.
fn is_token(token: &Redacted) -> bool {
    let token = token.expose_secret();
    !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

fn no_token(place: &SecretRef) -> String {
    format!(
        "{place} holds no refresh token: it has characters that no token has. A person signs in again by the command `login`, which writes it"
    )
}

async fn written_at(path: &Path) -> Option<Timestamp> {
    let file = path.to_owned();
    let stamp = move || std::fs::metadata(file).and_then(|about| about.modified());
    let modified = files::within_async(path, files::PATIENCE, stamp).await.ok()?.ok()?;
    Timestamp::try_from(modified).ok()
}

/// Why no request can be made with what lies in the file.
pub(super) async fn fault(place: &SecretRef) -> Option<Cause> {
    match secret::read(place).await {
        Ok(token) if is_token(&token) => None,
        Ok(_) => Some(Cause::new(Reason::SecretUnreadable, no_token(place))),
        Err(cause) => Some(cause),
    }
}

/// The facts that an administrator compares after a refusal.
pub(super) async fn refusal_facts(place: &SecretRef) -> Vec<String> {
    let Some(path) = place.file() else { return Vec::new() };
    let written = written_at(path).await;
    written
        .map(|at| {
            format!("The refresh token in {place} was written at {}.", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        })
        .into_iter()
        .collect()
}
