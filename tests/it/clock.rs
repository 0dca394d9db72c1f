//! Time that passes when a test says so: hours in a second, and none of it while anything is being done.
//!
//! For tests on tokio's paused clock, which would otherwise leap to the next time-out whenever the program
//! waits for a server or a file. The servers share the test's thread, and so its clock (`World::start_here`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use mailbox_exporter::app::App;
use mailbox_exporter::model::Plan;
use mailbox_exporter::sim::{Service, SimMailbox};
use tokio::runtime::Handle;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, advance};
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

use crate::support::wait::PATIENCE;

/// How finely time passes: a probe begins at most so much later than it is due.
const STEP: Duration = Duration::from_secs(1);
/// Turns of the loop in which whatever is ready to run has run.
const TURNS: usize = 8;

/// A line of the agent's log.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Since the agent began.
    pub(crate) at: Duration,
    /// `probe` or `token request`, and whatever else is logged.
    pub(crate) message: String,
    fields: BTreeMap<&'static str, String>,
}

impl Line {
    /// A field's value, empty where the line has none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// The agent on a clock of its own, with everything it logs.
pub(crate) struct Simulated {
    pub(crate) app: App,
    lines: Arc<Mutex<Vec<Line>>>,
    /// Tasks of agent and servers that never end.
    residents: usize,
    /// Mailboxes whose silence holds a probe.
    silent: Vec<SimMailbox>,
    /// Probes that may wait for a permit meanwhile.
    waiting: usize,
    /// The clock does not move by itself while something blocks; dropped, it ends.
    frozen: mpsc::Sender<()>,
    _logged: DefaultGuard,
    /// While there is one subscriber alone, a line that a test without one reaches first is switched off for all.
    _second: Dispatch,
}

impl Simulated {
    /// Starts the agent over a plan. The test must run on a paused clock.
    pub(crate) async fn start(plan: &Plan) -> Self {
        let (frozen, thaw) = mpsc::channel::<()>();
        drop(spawn_blocking(move || thaw.recv()));
        let begun = Instant::now();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let journal = Journal { begun, lines: Arc::clone(&lines) };
        let second = Dispatch::new(registry());
        let logged = tracing::subscriber::set_default(registry().with(journal));
        let app = App::start(plan).await.unwrap();
        for _ in 0..TURNS {
            yield_now().await;
        }
        let residents = alive();
        Self {
            app,
            lines,
            residents,
            silent: Vec::new(),
            waiting: 0,
            frozen,
            _logged: logged,
            _second: second,
        }
    }

    /// From now on `pass` does not wait for the probes of these mailboxes, nor for so many that wait for a permit.
    pub(crate) fn leave_hanging(&mut self, silent: &[&SimMailbox], waiting: usize) {
        self.silent = silent.iter().copied().cloned().collect();
        self.waiting = waiting;
    }

    /// Lets time pass; after each step everything that began in it is over.
    pub(crate) async fn pass(&self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            advance(STEP.min(end - Instant::now())).await;
            self.settle().await;
        }
    }

    /// Lets time pass at once, as when the machine slept.
    pub(crate) async fn leap(&self, time: Duration) {
        advance(time).await;
        self.settle().await;
    }

    async fn settle(&self) {
        let begun = std::time::Instant::now();
        loop {
            for _ in 0..TURNS {
                yield_now().await;
            }
            // Two tasks for each silence: the probe, and the server that holds it.
            let held: usize =
                self.silent.iter().map(|mailbox| 2 * mailbox.connections(Service::Imap).now).sum();
            if alive() <= self.residents + held + self.waiting {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{} tasks are still busy", alive() - self.residents);
            // Files are read on other threads.
            std::thread::yield_now();
        }
    }

    /// Stops the agent. The clock may run again: a probe that hangs is cut off after its time.
    pub(crate) async fn stop(self) {
        drop(self.frozen);
        self.app.stop().await;
    }

    /// The probes of one mailbox, in their order.
    pub(crate) fn probes(&self, mailbox: &str) -> Vec<Line> {
        self.lines("probe").into_iter().filter(|line| line.field("mailbox") == mailbox).collect()
    }

    /// When one mailbox was probed.
    pub(crate) fn times(&self, mailbox: &str) -> Vec<Duration> {
        self.probes(mailbox).iter().map(|line| line.at).collect()
    }

    /// Every line with this message.
    pub(crate) fn lines(&self, message: &str) -> Vec<Line> {
        self.lines.lock().unwrap().iter().filter(|line| line.message == message).cloned().collect()
    }
}

fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Writes the log down with the simulated time.
struct Journal {
    begun: Instant,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !event.metadata().target().starts_with("mailbox_exporter") {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_default();
        self.lines.lock().unwrap().push(Line { at: self.begun.elapsed(), message, fields: fields.0 });
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// The waits between points in time.
pub(crate) fn gaps(times: &[Duration]) -> Vec<Duration> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}
