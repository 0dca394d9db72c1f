//! Every secret of a world in which everything goes wrong is looked for in everything that the product says.

use std::collections::HashSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailbox_exporter::http::ROUTES;
use mailbox_exporter::model::Reason;
use mailbox_exporter::sim::{Fault, Offers, SimApp, SimMailbox};

use crate::probes::is_silent;
use crate::support::process::{Agent, run};
use crate::support::scrape::Scrape;
use crate::support::wait::until;
use crate::support::world::World;
use crate::support::yaml::Door;

/// As much of a secret is a secret.
const PART: usize = 24;

/// A world with every fault, by token and by password.
struct Everything {
    world: World,
    apps: Vec<SimApp>,
    mailboxes: Vec<SimMailbox>,
    names: Vec<String>,
}

impl Everything {
    async fn new() -> Self {
        let mut world = World::start().await;
        world.yaml.head =
            "defaults: { interval: 20s, smtp: { interval: 20s, sender: true } }\nlimits: { concurrency: 96 }"
                .to_owned();
        let shared = world.app();
        let (mut apps, mut mailboxes, mut names) = (vec![shared.clone()], Vec::new(), Vec::new());
        for &fault in Fault::ALL {
            let app = if matches!(fault, Fault::Token(_)) { world.app() } else { shared.clone() };
            let mailbox = world.mailbox_of(&app, fault).await;
            mailbox.set_offers(Offers { passwords: true, ..Offers::default() });
            let bound = if is_silent(fault) { "timeout: 2s" } else { "" };
            for door in [Door::Imap, Door::Smtp] {
                let name = format!("{}-{}", fault.label(), door.protocol());
                world.yaml.watch(&name, &mailbox, door, bound);
                names.push(name);
            }
            if matches!(
                fault,
                Fault::None | Fault::EchoedLogin | Fault::CredentialsRejected | Fault::SilentAuth
            ) {
                for door in [Door::Imap, Door::Smtp] {
                    let name = format!("{}-{}-password", fault.label(), door.protocol());
                    world.yaml.watch_by_password(&name, &mailbox, door, bound);
                    names.push(name);
                }
            }
            apps.push(app);
            mailboxes.push(mailbox);
        }
        Self { world, apps, mailboxes, names }
    }

    /// What must be found nowhere: secrets, passwords and tokens, as they are, in base64, and in part.
    fn needles(&self) -> HashSet<String> {
        let mut needles = HashSet::new();
        let mut add = |secret: &str| {
            needles.insert(secret.to_owned());
            // From the second byte and the third on as well: base64 of a text in which it stands.
            for skipped in 0..3 {
                let tail = STANDARD.encode(&secret[skipped..]);
                needles.insert(tail[..tail.len().min(PART)].to_owned());
            }
        };
        self.apps.iter().for_each(|app| add(&app.secret));
        self.mailboxes.iter().for_each(|mailbox| add(mailbox.password()));
        let tokens: Vec<_> = self.apps.iter().flat_map(SimApp::tokens).collect();
        assert!(tokens.len() > 5, "tokens were issued");
        for token in &tokens {
            add(token);
            // Claims are not secret, and every token begins alike: the signature must stay secret.
            let signature = token.rsplit('.').next().unwrap();
            add(&signature[..signature.len().min(PART)]);
        }
        needles
    }

    /// The addresses of a route, one for everything it can be asked about.
    fn paths(&self, route: &str) -> Vec<String> {
        let (before, names): (_, Vec<String>) = match route.split_once("{name}") {
            Some((before, _)) if before.contains("reasons") => {
                (before, Reason::ALL.iter().map(|reason| reason.label().to_owned()).collect())
            }
            Some((before, _)) => (before, self.names.clone()),
            // Those whose servers answer at once: a probe may be made for it.
            None if route == "/probe" => {
                let prompt = |name: &&String| name.starts_with("echoed_login") || name.starts_with("none");
                let asked = |name: &String| format!("?mailbox={name}&debug=true");
                (route, self.names.iter().filter(prompt).map(asked).collect())
            }
            None => (route, vec![String::new()]),
        };
        names.into_iter().map(|name| format!("{before}{name}")).collect()
    }

    fn must_be_silent(&self, said: &str, where_: &str) {
        assert!(!said.is_empty(), "{where_} is empty");
        for needle in self.needles() {
            if let Some(at) = said.find(&needle) {
                panic!(
                    "a secret stands in {where_}: {}",
                    &said[said.floor_char_boundary(at.saturating_sub(200))..at]
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_check_says_a_secret_in_any_format_at_any_level() {
    let everything = Everything::new().await;
    let config = everything.world.configuration();
    for format in ["json", "table", "nagios"] {
        let run = run(&["check", "--transcript", "--output", format, "--log-level", "trace"], Some(&config));
        everything.must_be_silent(&run.stdout, &format!("the output as {format}"));
        everything.must_be_silent(&format!("log: {}", run.stderr), "the log");
        if format != "nagios" {
            // The dialogues are there, or their silence would prove nothing.
            for said in ["AUTHENTICATE XOAUTH2 <redacted", "AUTH XOAUTH2", "<redacted"] {
                assert!(run.stdout.contains(said), "{format} does not say {said}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_log_or_metric_holds_a_secret() {
    let everything = Everything::new().await;
    let agent = Agent::serve(&everything.world.configuration(), &["--log-level", "trace"]);
    until("every check has been probed", || {
        let probed = Scrape::of(agent.address).metric("mailbox_probe_success").count();
        (probed == everything.names.len()).then_some(())
    });
    let mut said = String::new();
    for path in
        ROUTES.iter().filter(|route| route.method == "GET").flat_map(|route| everything.paths(route.path))
    {
        said += &agent.page(&path);
    }
    assert!(said.contains("&lt;redacted") && said.contains("echoed_login"), "pages show dialogues");
    assert!(said.contains("# | ") && said.contains("server: "), "/probe shows dialogues");
    everything.must_be_silent(&said, "a page");
    let run = agent.terminate();
    everything.must_be_silent(&run.stderr, "the log");
    for logged in ["token request", "\"outcome\":\"failure\"", "\"detail\":", "<redacted"] {
        assert!(run.stderr.contains(logged), "the log does not say {logged}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_debug_output_holds_a_secret() {
    let everything = Everything::new().await;
    let mut said = format!("{:?}", everything.world.plan());
    for observation in everything.world.round().await.values() {
        write!(said, "{observation:?}").unwrap();
    }
    assert!(said.contains("TokenSeal") && said.contains("DialogueLine"));
    everything.must_be_silent(&said, "a Debug output");
}
