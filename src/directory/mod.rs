//! Directories: reads from Microsoft Graph when the apps' secrets and certificates end, and who signs in by IMAP, POP
//! and SMTP. Nothing is changed there.
//!
//! Owns what the answers mean, and when a reading is complete: one that breaks off counts for nothing. Not here: when a
//! directory is read (`app`), and what a sign-in says about passwords (`readiness`).

mod expiry;
mod fault;
mod graph;
mod sign_ins;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::clock;
use crate::model::{Credential, Directory, DirectoryEnds, Feed, FeedReading};
use crate::net::Dialer;
use crate::token::TokenSource;

use self::graph::Graph;

pub use self::expiry::Unmatched;
pub use self::fault::Fault;

/// Time limit of one reading, all its pages and waits included.
const LONGEST_READING: Duration = Duration::from_secs(30 * 60);

/// Reads directories. Clones share the tokens.
#[derive(Clone)]
pub struct Reader {
    dialer: Arc<Dialer>,
    tokens: TokenSource,
}

/// What a complete reading brought.
#[derive(Debug, Clone)]
pub struct Read {
    pub reading: FeedReading,
    /// When credentials end, where the feed says it.
    pub ends: DirectoryEnds,
    /// Credentials of the directory's tenant of which it says nothing.
    pub unmatched: Vec<Unmatched>,
    /// Which limit was met, so that older rows are missing; `None` where all were read.
    pub bound: Option<String>,
}

impl Reader {
    pub const fn new(dialer: Arc<Dialer>, tokens: TokenSource) -> Self {
        Self { dialer, tokens }
    }

    /// Reads one feed: when the secrets and certificates of these credentials end, as far as they are of the
    /// directory's tenant; or who has signed in since the last complete reading, added to what that one knew.
    ///
    /// # Errors
    /// Why the reading is not complete. It counts for nothing then.
    pub async fn read(
        &self,
        directory: &Directory,
        feed: Feed,
        credentials: &[Arc<Credential>],
        last: Option<&FeedReading>,
    ) -> Result<Read, Fault> {
        let end = Instant::now() + LONGEST_READING;
        let reading = async {
            let at = clock::now();
            let mut graph = Graph::open(&self.dialer, &self.tokens, directory, end).await?;
            match feed {
                Feed::Expiry => expiry::read(&mut graph, at, credentials).await,
                Feed::SignIns => sign_ins::read(&mut graph, at, last).await,
            }
        };
        timeout_at(end, reading).await.unwrap_or(Err(Fault::Slow(LONGEST_READING)))
    }
}
