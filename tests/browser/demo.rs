//! The demo as a process, with some healthy mailboxes besides: one for all tests that run at the same time.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::support::folder::Folder;
use crate::support::http::get;
use crate::support::process::{Process, Program};
use crate::support::wait::until;

/// Enough for three pages of the table.
pub(crate) const MAILBOXES: usize = 120;

pub(crate) struct Demo {
    /// Where it listens, such as `127.0.0.1:9993`.
    pub(crate) address: String,
    _process: Process,
    /// Its temporary folder: a killed process leaves files behind.
    _folder: Folder,
}

impl Demo {
    /// The one that runs, or a new one. Every check has been probed once.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Demo>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let demo = Arc::new(Self::start());
            *shared = Arc::downgrade(&demo);
            demo
        })
    }

    fn start() -> Self {
        let folder = Folder::new();
        let count = MAILBOXES.to_string();
        let process = Program::new(&["demo", "--listen", "127.0.0.1:0", "--mailboxes", &count])
            .env("TMPDIR", &folder.path().display().to_string())
            .start();
        let address = until("the demo says where it listens", || {
            let said = process.stdout();
            let (_, rest) = said.split_once("http://")?;
            Some(rest.split_once('/')?.0.to_owned())
        });
        let place = address.parse().unwrap();
        until("the first round of the demo", || {
            let (_, page) = get(place, "/?outcome=waiting").ok()?;
            page.contains("No mailbox matches.").then_some(())
        });
        Self { address, _process: process, _folder: folder }
    }

    /// The address of a page, its path without the first slash.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}
