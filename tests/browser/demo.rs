//! The demo as a process, with some healthy mailboxes besides: one for all tests of this binary.

use std::process;
use std::sync::OnceLock;

use crate::support::http::get;
use crate::support::process::{Process, Program};
use crate::support::wait::until;

/// Enough for two pages of the table.
pub(crate) const MAILBOXES: usize = 60;

pub(crate) struct Demo {
    /// Where it listens, such as `127.0.0.1:9993`.
    pub(crate) address: String,
    _process: Process,
}

impl Demo {
    /// The one demo. Every check has been probed once.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Demo> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        // Nothing is dropped when the tests end, so the demo has to see that they have.
        let tests = process::id();
        let watch =
            format!("(while kill -0 {tests}; do sleep 1; done; kill $$) </dev/null >/dev/null 2>&1 & true");
        let count = MAILBOXES.to_string();
        let mut process = Program::after(&watch, &["demo", "--listen", "127.0.0.1:0", "--mailboxes", &count])
            .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
            .start();
        // The last line of its introduction.
        let said = process.prints("Configuration");
        let (_, rest) = said.split_once("http://").unwrap();
        let address = rest.split_once('/').unwrap().0.to_owned();
        let place = address.parse().unwrap();
        until("the first round of the demo", || {
            let (_, page) = get(place, "/?outcome=waiting").ok()?;
            page.contains("No mailbox matches.").then_some(())
        });
        Self { address, _process: process }
    }

    /// The address of a page, its path without the first slash.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}
