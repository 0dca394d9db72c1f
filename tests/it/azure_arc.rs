//! Managed identities of servers on Azure Arc: a challenge names a key file, and the key is shown in a second request.
//!
//! The folder of the keys is fixed in the program. Tests of the program go as far as that folder; those with keys run a
//! plan that names a folder of their own.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use mailbox_exporter::app;
use mailbox_exporter::model::{Access, Check, IdentityService, Observation, Plan, Proof};
use mailbox_exporter::sim::{Fault, SimApp};

use crate::support::process::{Program, Run};
use crate::support::wait::Reserved;
use crate::support::world::World;
use crate::support::yaml::Door;

/// Where the agent of Azure Arc writes its keys.
const KEYS: &str = "/var/opt/azcmagent/tokens";

/// A server on Azure Arc with a mailbox.
struct Server {
    world: World,
    app: SimApp,
    endpoint: String,
    keys: PathBuf,
}

impl Server {
    async fn start(credential: &str) -> Self {
        let mut world = World::start().await;
        let app = world.app();
        app.assign_identity(true);
        let mailbox = world.mailbox_of(&app, Fault::None).await;
        world.yaml.credential_of("arc", &format!("type: managed_identity{credential}"));
        world.yaml.watch_with("reads", &mailbox, Door::Imap, "arc");
        let keys = world.folder.join("tokens");
        fs::create_dir(&keys).unwrap();
        let endpoint = world.azure_arc(&keys);
        Self { world, app, endpoint, keys }
    }

    fn key(&self, name: &str, content: &str) {
        fs::write(self.keys.join(name), content).unwrap();
        self.world.azure_arc_says(Some(&format!("Basic realm={}", self.keys.join(name).display())));
    }

    /// The program in the environment of such a server.
    fn program(&self, arguments: &[&str], endpoint: &str) -> Run {
        let program = Program::new(arguments).config(&self.world.configuration());
        program.env("IDENTITY_ENDPOINT", endpoint).env("IMDS_ENDPOINT", "http://localhost:40342").run()
    }

    /// The reason, detail and hint of a check by the program.
    fn down(&self, endpoint: &str) -> [String; 3] {
        let run = self.program(&["check", "--output", "json"], endpoint);
        let result = run.json()["results"][0].clone();
        assert_eq!(result["phase"], "token", "{}", run.said());
        ["reason", "detail", "hint"].map(|name| result[name].as_str().unwrap().to_owned())
    }

    /// The plan of the configuration, with the keys in our own folder.
    fn plan(&self) -> Plan {
        let mut plan = self.world.plan();
        let service = IdentityService::AzureArc { key_folder: self.keys.clone() };
        let proof = Proof::ManagedIdentity { client_id: None, service, url: self.endpoint.clone() };
        let proof = Arc::new(proof);
        let moved = |check: &Arc<Check>| {
            let mut check = Check::clone(check);
            if let Access::Token(access) = &mut check.access {
                access.spec.proof = Arc::clone(&proof);
                access.spec.url = self.endpoint.as_str().into();
            }
            Arc::new(check)
        };
        plan.checks = plan.checks.iter().map(moved).collect();
        plan
    }

    async fn round(&self) -> Observation {
        app::round(&self.plan(), |_| ()).await.remove(0)
    }

    /// The reason and detail of a round with our own keys.
    async fn fails(&self) -> (String, String) {
        let seen = self.round().await;
        let failure = seen.outcome.failure().unwrap();
        (failure.cause.reason.row().label.to_owned(), failure.cause.detail.clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_azure_arc_opens_mailboxes_by_the_agents_key() {
    let server = Server::start("").await;
    let seen = server.round().await;
    assert!(seen.outcome.is_up(), "{:?}", seen.outcome);
    assert_eq!(server.app.requests().len(), 1);
    assert_eq!(server.world.metadata_requests(), 2, "one is challenged, one shows the key");
    assert_eq!(fs::read_dir(&server.keys).unwrap().count(), 0, "the key was shown, and is used up");
    let shown = format!("{seen:?}");
    assert!(!shown.contains("Basic "), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_further_attempt_has_a_challenge_of_its_own() {
    let server = Server::start("").await;
    // The outage comes before any challenge.
    server.world.metadata_answers(&[503]);
    let seen = server.round().await;
    assert!(seen.outcome.is_up(), "{:?}", seen.outcome);
    assert_eq!(server.world.metadata_requests(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_refused_is_told_and_never_shown() {
    let server = Server::start("").await;
    server.key("old.key", "hunter2-hunter3-hunter4\n");
    let (reason, detail) = server.fails().await;
    assert_eq!(reason, "token_request_invalid", "{detail}");
    assert!(detail.contains("the key that its challenge asked for is refused"), "{detail}");
    assert!(detail.contains("is not known") && !detail.contains("hunter"), "{detail}");
    assert_eq!(server.world.metadata_requests(), 2, "a refused key is not tried again at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_that_is_a_link_is_not_read() {
    let server = Server::start("").await;
    let elsewhere = server.world.file("elsewhere.key", "hunter2-hunter3-hunter4");
    std::os::unix::fs::symlink(elsewhere, server.keys.join("link.key")).unwrap();
    server.world.azure_arc_says(Some(&format!("Basic realm={}", server.keys.join("link.key").display())));
    let (reason, detail) = server.fails().await;
    assert_eq!(reason, "secret_unreadable", "{detail}");
    assert!(detail.contains("link.key: this is a symbolic link"), "{detail}");
    assert_eq!(server.world.metadata_requests(), 1, "no key was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_chooses_a_file_outside_the_folder() {
    let server = Server::start("").await;
    let secret = server.world.file("outside.key", "hunter2-hunter3-hunter4");
    let beside = format!("{KEYS}/../outside.key");
    for path in [secret.to_str().unwrap(), &beside, "/etc/passwd"] {
        server.world.azure_arc_says(Some(&format!("Basic realm={path}")));
        let before = server.world.metadata_requests();
        let [reason, detail, hint] = server.down(&server.endpoint);
        assert_eq!(reason, "protocol_error", "{detail}");
        assert!(detail.contains(&format!("names no .key file in {KEYS}")), "{detail}");
        assert!(hint.contains("not Azure Arc's agent"), "{hint}");
        assert_eq!(server.world.metadata_requests(), before + 1, "no key was sent");
    }
    for header in [None, Some("Bearer realm=x")] {
        server.world.azure_arc_says(header);
        assert_eq!(server.down(&server.endpoint)[0], "protocol_error", "{header:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_cannot_be_read_names_the_group() {
    let server = Server::start("").await;
    server.world.azure_arc_says(Some(&format!("Basic realm={KEYS}/mailbox-exporter-has-no-such.key")));
    // The program has a proxy that fails everything: it is not used.
    let [reason, detail, hint] = server.down(&server.endpoint);
    assert_eq!(reason, "secret_unreadable", "{detail}");
    assert!(detail.contains("managed identity of Azure Arc: file /var/opt/azcmagent/tokens/"), "{detail}");
    assert!(hint.contains("SupplementaryGroups=himds") && hint.contains("usermod -aG himds"), "{hint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_azure_arc_that_does_not_run_is_told() {
    let server = Server::start("").await;
    let nobody = Reserved::new();
    let endpoint = format!("http://127.0.0.1:{}/metadata/identity/oauth2/token", nobody.port());
    let [reason, detail, hint] = server.down(&endpoint);
    assert_eq!(reason, "connection_refused", "{detail}");
    assert!(hint.contains("systemctl status himdsd"), "{hint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_an_identity_is_told() {
    let server = Server::start("").await;
    // A user-assigned identity is not the server's own.
    server.app.assign_identity(false);
    let seen = server.round().await;
    let failure = seen.outcome.failure().unwrap();
    assert_eq!(failure.cause.reason.row().label, "app_not_found", "{failure:?}");
    assert!(seen.outcome.hint().unwrap().contains("azcmagent connect"), "{:?}", seen.outcome);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_assigned_identity_is_refused_by_validate() {
    let server = Server::start(", client_id: 66666666-7777-8888-9999-000000000000").await;
    let run = server.program(&["validate"], &server.endpoint);
    assert_eq!(run.status, Some(2), "{}", run.said());
    for words in ["credentials.arc.client_id: this machine is an Azure Arc server", "leave client_id out"] {
        assert!(run.stdout.contains(words), "{}", run.stdout);
    }
    let server = Server::start("").await;
    assert_eq!(server.program(&["validate"], &server.endpoint).status, Some(0));
}
