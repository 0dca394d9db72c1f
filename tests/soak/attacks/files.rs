//! Files that are none, or gone: a secret, the configuration, the state directory. All are put back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::arena::{Arena, Turn};
use crate::fleet::{VICTIM, VICTIM_INTERVAL};
use crate::invariant::Invariant;
use crate::page::{Page, seconds_now};

/// How long `/metrics` may take for the question of an attack; where it takes longer, the observers say so.
const SCRAPE: Duration = Duration::from_secs(10);
/// An interval and so much more after it was put there, a probe has met the FIFO and come to its end.
const NOTICED: Duration = Duration::from_secs(8);
/// A last probe this long ago, at an interval of ten seconds, is not the last that was due.
const STALE: Duration = Duration::from_secs(16);

/// A file that something else stands in for. Dropped, the file is back.
struct Taken {
    place: PathBuf,
    kept: PathBuf,
}

impl Taken {
    fn new(place: PathBuf) -> Self {
        let kept = place.with_extension("kept");
        fs::rename(&place, &kept).unwrap();
        Self { place, kept }
    }

    fn by_fifo(place: PathBuf) -> Self {
        let taken = Self::new(place);
        fifo(&taken.place);
        taken
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A directory that the agent made anew stands in the way, and so does a plain file where one was.
        if self.kept.is_dir() {
            let _ = fs::remove_file(&self.place);
            let _ = fs::remove_dir_all(&self.place);
        }
        fs::rename(&self.kept, &self.place).unwrap();
    }
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// The mailbox whose secret cannot be read fails for it, or is probed on with the token in hand; what must not be is a
/// success that stays because its probes hang. Reloads and all others go on.
pub(super) async fn fifo_secret(arena: &Arena, turn: Turn) {
    let taken = Taken::by_fifo(arena.folder.join(format!("{VICTIM}.secret")));
    turn.rest(VICTIM_INTERVAL).await;
    arena
        .demand_reload("a reload while a secret is a FIFO", |answer| matches!(answer.status, 200 | 422))
        .await;
    if turn.left() > NOTICED {
        turn.rest(NOTICED).await;
        let condition = arena.journal.condition();
        if let Ok(answer) = arena.open.door.get("/metrics", SCRAPE).await {
            let page = Page::read(&answer.body);
            let check = page.checks.get(&(VICTIM.to_owned(), "imap".to_owned()));
            let age = check.map_or(0.0, |check| seconds_now() - check.last_run.unwrap_or_default());
            if check.is_some_and(|check| check.success == Some(true)) && age > STALE.as_secs_f64() {
                let fault = "the mailbox whose secret is a FIFO is said to be usable, but no longer probed";
                arena.journal.fault(Invariant::Answer, &condition, fault);
            }
        }
    }
    turn.rest(turn.left()).await;
    drop(taken);
}

/// A reload fails in time, and the next one is as good as ever.
pub(super) async fn fifo_config(arena: &Arena, turn: Turn) {
    let taken = Taken::by_fifo(arena.folder.join("open.yaml"));
    arena.demand_reload("a reload while the configuration is a FIFO", |answer| answer.status == 422).await;
    turn.rest(turn.left()).await;
    drop(taken);
    arena.demand_reload("a reload once the configuration is back", |answer| answer.status == 200).await;
}

/// What is remembered is lost for a while; nothing else is.
pub(super) async fn lost_state(arena: &Arena, turn: Turn) {
    let taken = Taken::new(arena.folder.join("state"));
    fs::write(&taken.place, "not a directory\n").unwrap();
    turn.rest(turn.left()).await;
    drop(taken);
}
