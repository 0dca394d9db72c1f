//! The agent in the test's own process: started by a file, asked what it knows, and stopped in time.

use std::path::Path;
use std::sync::Arc;

use mailbox_exporter::app::{App, Origin};
use mailbox_exporter::config::{self, Reading};
use mailbox_exporter::model::{CheckName, Protocol, Shard};
use mailbox_exporter::report::CheckRecord;
use mailbox_exporter::shard;
use mailbox_exporter::sim::SimMailbox;
use tokio::time::timeout;

use super::http::ask;
use super::wait::PATIENCE;

/// Starts the agent by a file, which it follows.
pub(crate) async fn start(file: &Path) -> App {
    start_shard(file, Shard::WHOLE).await
}

/// Starts the agent of one shard.
pub(crate) async fn start_shard(file: &Path, of: Shard) -> App {
    let file = file.to_owned();
    let read = move || {
        let mut reading = config::read(&file);
        if let Ok(loaded) = &mut reading.outcome {
            shard::keep(&mut loaded.plan, of);
        }
        reading
    };
    let Reading { sources, outcome, .. } = read();
    let plan = outcome.unwrap_or_else(|errors| panic!("{errors}")).plan;
    App::start_from(&plan, Origin { sources, read: Box::new(read) }).await.unwrap()
}

/// Ends what was started, in time.
pub(crate) async fn stop(app: App) {
    timeout(PATIENCE, app.stop()).await.unwrap();
}

pub(crate) async fn metrics(app: &App) -> String {
    ask(app.address(), "GET /metrics").await.1
}

pub(crate) fn record(app: &App, mailbox: &SimMailbox, protocol: Protocol) -> Option<Arc<CheckRecord>> {
    app.report().check(&CheckName { mailbox: mailbox.address().into(), protocol })
}

/// How often a check has been observed; 0 where it is not in the plan.
pub(crate) fn observed(app: &App, mailbox: &SimMailbox, protocol: Protocol) -> u64 {
    record(app, mailbox, protocol).map_or(0, |record| record.successes + record.failed())
}
