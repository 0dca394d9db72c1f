//! The endpoint follows another web configuration while it runs: told so by a reload, or by hand.

use std::fs;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailbox_exporter::check::Prober;
use mailbox_exporter::config;
use mailbox_exporter::http::{self, Protection};
use mailbox_exporter::readiness::Readiness;
use mailbox_exporter::report::Report;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::served::web::{PASSWORD, TLS, configuration, put, user};
use crate::support::app::{start, stop};
use crate::support::folder::Folder;
use crate::support::http::{ask, ask_with};
use crate::support::pki::Authority;
use crate::support::process::{Agent, Program};
use crate::support::wait::PATIENCE;

#[tokio::test]
async fn an_endpoint_can_follow_a_web_configuration_and_leave_it() {
    let folder = Folder::new();
    folder.write("web.yaml", format!("basic_auth_users:\n{}", user("alice", PASSWORD)));
    let web = config::load_web(&folder.join("web.yaml")).unwrap();
    let plan = config::load(&configuration(&folder)).unwrap().plan;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let protection = Protection::new(Arc::new(|file| config::load_web(file).map_err(|e| e.to_string())));
    let readiness = Arc::new(Readiness::open(&plan).unwrap());
    let prober = Arc::new(Prober::new(&plan.limits, Arc::new(|_| ())));
    let site = http::Site::new(Arc::new(Report::new(&plan)), readiness, prober);
    let stop = CancellationToken::new();
    let server =
        tokio::spawn(http::serve(listener, http::CONNECTIONS, site, protection.clone(), stop.clone()));
    let status = async || ask(address, "GET /metrics").await.0;

    assert_eq!(status().await, 200);
    protection.follow(Some(&web)).unwrap();
    assert_eq!(status().await, 401);
    let authority = Authority::new("Short-lived");
    put(folder.path(), "server", &authority.server());
    folder.write("tls.yaml", TLS);
    let tls = config::load_web(&folder.join("tls.yaml")).unwrap();
    fs::remove_file(folder.join("server.key")).unwrap();
    let fault = protection.follow(Some(&tls)).unwrap_err();
    assert!(fault.contains("server.key"), "{fault}");
    assert_eq!(status().await, 401, "what cannot be followed changes nothing");
    protection.follow(None).unwrap();
    assert_eq!(status().await, 200);
    stop.cancel();
    timeout(PATIENCE, server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reload_takes_a_web_configuration_unless_it_is_faulty() {
    let folder = Folder::new();
    folder.write("web.yaml", format!("basic_auth_users:\n{}", user("alice", PASSWORD)));
    let file = configuration(&folder);
    let guarded = fs::read_to_string(&file).unwrap();
    let open = guarded.replace(", web_config: web.yaml", "");
    fs::write(&file, &open).unwrap();
    let app = start(&file).await;
    let status = async |path: &str| ask(app.address(), &format!("GET {path}")).await.0;
    assert_eq!(status("/metrics").await, 200);

    fs::write(&file, &guarded).unwrap();
    app.reloader().reload("by the test").await.unwrap();
    assert_eq!((status("/metrics").await, status("/-/ready").await), (401, 200));
    let posted = ask(app.address(), "POST /-/reload").await;
    assert_eq!(posted.0, 401, "a client that may not look may not reload");
    let login = format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("alice:{PASSWORD}")));
    assert_eq!(ask_with(app.address(), "POST /-/reload", &login).await.0, 200);

    folder.write("broken.yaml", "basic_auth_users: {alice: secret}\n");
    fs::write(&file, guarded.replace("web.yaml", "broken.yaml")).unwrap();
    let refused = app.reloader().reload("by the test").await.unwrap_err();
    assert!(refused.to_string().contains("broken.yaml:1:27: basic_auth_users.alice: expected a bcrypt hash"));
    assert_eq!(status("/metrics").await, 401, "a faulty file opens nothing");
    fs::write(&file, &open).unwrap();
    app.reloader().reload("by the test").await.unwrap();
    assert_eq!(status("/metrics").await, 200);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_lines_web_configuration_wins_at_reloads_too() {
    let folder = Folder::new();
    folder.write("web.yaml", "");
    let guarded = folder.write("guarded.yaml", format!("basic_auth_users:\n{}", user("alice", PASSWORD)));
    let file = configuration(&folder);
    let flag = ["--web.config.file", guarded.to_str().unwrap()];
    let agent = Agent::serve(&file, &flag);
    let login = format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("alice:{PASSWORD}")));
    assert_eq!(ask(agent.address, "GET /metrics").await.0, 401);

    let without = fs::read_to_string(&file).unwrap().replace(", web_config: web.yaml", "");
    fs::write(&file, without).unwrap();
    let (status, said) = ask_with(agent.address, "POST /-/reload", &login).await;
    assert!(status == 200 && !said.contains("web_config"), "{status} {said}");
    assert_eq!(ask(agent.address, "GET /metrics").await.0, 401);

    folder.write("guarded.yaml", format!("basic_auth_users:\n{}", user("bob", PASSWORD)));
    assert_eq!(ask_with(agent.address, "GET /metrics", &login).await.0, 401, "alice has left");
    agent.terminate();
}

#[test]
fn a_missing_web_configuration_of_the_command_line_is_a_fault() {
    let folder = Folder::new();
    folder.write("web.yaml", "");
    let file = configuration(&folder);
    let run = Program::new(&["serve", "--web.config.file", "no-such-file.yaml"]).config(&file).run();
    assert_eq!(run.status, Some(2), "{}", run.said());
    assert!(run.said().contains("no-such-file.yaml: "), "{}", run.said());
}
