//! The world of a test: simulated servers, and a folder with a configuration that leads to them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailbox_exporter::app;
use mailbox_exporter::config;
use mailbox_exporter::model::{Observation, Plan};
use mailbox_exporter::sim::{Fault, GraphFault, Sim, SimApp, SimDirectory, SimGraphMailbox, SimMailbox};
use tokio::runtime::{Builder, Runtime};

use super::folder::Folder;
use super::yaml::Yaml;

/// Simulated servers and a configuration. Dropped, all of it is gone.
pub(crate) struct World {
    sim: Arc<Sim>,
    /// Where the servers run: on threads of their own, or nothing where they share the test's.
    servers: Option<Runtime>,
    pub(crate) folder: Folder,
    /// The configuration that `configuration` writes.
    pub(crate) yaml: Yaml,
}

impl World {
    /// A world without mailboxes, its servers on threads of their own.
    pub(crate) async fn start() -> Self {
        let servers = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let sim = servers.spawn(Sim::start()).await.unwrap().unwrap();
        Self::of(sim, Some(servers))
    }

    /// A world without mailboxes, its servers on the test's own thread and by its own clock.
    pub(crate) async fn start_here() -> Self {
        Self::of(Sim::start().await.unwrap(), None)
    }

    fn of(sim: Sim, servers: Option<Runtime>) -> Self {
        let folder = Folder::new();
        folder.write("ca.pem", sim.ca_pem());
        let yaml = Yaml::new(folder.path(), &sim, "");
        Self { sim: Arc::new(sim), servers, folder, yaml }
    }

    /// Has the configuration trust the self-signed certificate that servers show, besides the authority.
    pub(crate) fn trust_self_signed(&self) {
        self.file("ca.pem", format!("{}{}", self.sim.ca_pem(), self.sim.self_signed_pem()));
    }

    /// The certificate of the authority that the servers are signed by, in PEM.
    pub(crate) fn ca_pem(&self) -> &str {
        self.sim.ca_pem()
    }

    /// A new application at the identity provider.
    pub(crate) fn app(&self) -> SimApp {
        self.sim.app()
    }

    /// A mailbox with servers and an application of its own.
    pub(crate) async fn mailbox(&self, fault: Fault) -> SimMailbox {
        self.mailbox_of(&self.app(), fault).await
    }

    /// A mailbox of this application, with servers of its own.
    pub(crate) async fn mailbox_of(&self, app: &SimApp, fault: Fault) -> SimMailbox {
        let (sim, app) = (Arc::clone(&self.sim), app.clone());
        self.apart(async move { sim.mailbox_of(&app, fault).await }).await.unwrap()
    }

    /// Healthy mailboxes of one new application, on one server for each protocol.
    pub(crate) async fn mailboxes(&self, count: usize) -> Vec<SimMailbox> {
        self.mailboxes_of(&self.app(), count).await
    }

    /// Healthy mailboxes of this application, on one server for each protocol.
    pub(crate) async fn mailboxes_of(&self, app: &SimApp, count: usize) -> Vec<SimMailbox> {
        let (sim, app) = (Arc::clone(&self.sim), app.clone());
        self.apart(async move { sim.mailboxes_on_one_port(&app, count).await }).await.unwrap()
    }

    /// A mailbox at the simulated Microsoft Graph.
    pub(crate) fn graph_mailbox(&self, app: &SimApp, fault: GraphFault) -> SimGraphMailbox {
        self.sim.graph_mailbox(app, fault)
    }

    /// The same behind a certificate that has expired.
    pub(crate) fn expired_graph_mailbox(&self, app: &SimApp) -> SimGraphMailbox {
        self.sim.expired_graph_mailbox(app)
    }

    /// The simulated Google's token endpoint.
    pub(crate) fn google_url(&self) -> String {
        self.sim.google_url()
    }

    /// The simulated Microsoft Graph, and what it knows.
    pub(crate) fn graph(&self) -> (String, SimDirectory) {
        (self.sim.graph_url(), self.sim.directory())
    }

    /// The simulated metadata service of virtual machines.
    pub(crate) fn metadata_url(&self) -> String {
        self.sim.metadata_url()
    }

    /// The simulated identity endpoint of App Service, and what its header must hold.
    pub(crate) fn app_service(&self) -> (String, String) {
        self.sim.app_service()
    }

    /// The simulated identity endpoint of Azure Arc, whose agent writes its keys into this folder.
    pub(crate) fn azure_arc(&self, key_folder: &Path) -> String {
        self.sim.azure_arc(key_folder)
    }

    /// From now on the challenges of Azure Arc have this header.
    pub(crate) fn azure_arc_says(&self, header: Option<&str>) {
        self.sim.azure_arc_says(header);
    }

    /// The next requests for managed identities are answered by these statuses.
    pub(crate) fn metadata_answers(&self, statuses: &[u16]) {
        self.sim.metadata_answers(statuses);
    }

    pub(crate) fn metadata_requests(&self) -> usize {
        self.sim.metadata_requests()
    }

    /// Runs something where the servers run.
    pub(crate) async fn apart<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match &self.servers {
            Some(servers) => servers.spawn(work).await.unwrap(),
            None => work.await,
        }
    }

    /// A file beside the configuration, for secrets and the like.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.folder.write(name, content)
    }

    /// Another configuration in the same folder: `head` is its top-level YAML besides the lists.
    pub(crate) fn fresh(&self, head: &str) -> Yaml {
        Yaml::new(self.folder.path(), &self.sim, head)
    }

    /// Writes the configuration; its place.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.yaml.write()
    }

    /// What the configuration means.
    pub(crate) fn plan(&self) -> Plan {
        config::load(&self.configuration()).unwrap_or_else(|errors| panic!("{errors}")).plan
    }

    /// Every check once, by its mailbox's name.
    pub(crate) async fn round(&self) -> HashMap<String, Observation> {
        let observations = app::round(&self.plan(), |_| ()).await;
        observations.into_iter().map(|seen| (seen.check.mailbox.name.to_string(), seen)).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(servers) = self.servers.take() {
            servers.shutdown_background();
        }
    }
}
