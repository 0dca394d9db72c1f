//! The endpoint follows another web configuration while it runs: told so by a reload, or by hand.

use std::fs;
use std::sync::Arc;

use mailbox_exporter::app::{App, Origin};
use mailbox_exporter::check::Prober;
use mailbox_exporter::config;
use mailbox_exporter::http::{self, Protection};
use mailbox_exporter::readiness::Readiness;
use mailbox_exporter::report::Report;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::pki::Authority;
use crate::rig::{PATIENCE, client, folder, stop, trusting};
use crate::web::{PASSWORD, TLS, configuration, put, user};

#[tokio::test]
async fn an_endpoint_can_begin_to_follow_a_file_and_leave_it_while_it_runs() {
    let folder = folder("follow");
    fs::write(folder.join("web.yaml"), format!("basic_auth_users:\n{}", user("alice", PASSWORD))).unwrap();
    let web = config::load_web(&folder.join("web.yaml")).unwrap();
    let plan = config::load(&configuration(&folder)).unwrap().plan;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let protection = Protection::new(Arc::new(|file| config::load_web(file).map_err(|e| e.to_string())));
    let readiness = Arc::new(Readiness::open(&plan).unwrap());
    let prober = Arc::new(Prober::new(&plan.limits, Arc::new(|_| ())));
    let site = http::Site::new(Arc::new(Report::new(&plan)), readiness, prober);
    let stop = CancellationToken::new();
    let server =
        tokio::spawn(http::serve(listener, http::CONNECTIONS, site, protection.clone(), stop.clone()));
    let status = async || {
        let client = client(trusting("").with_no_client_auth());
        client.get(&url).send().await.unwrap().status().as_u16()
    };

    assert_eq!(status().await, 200);
    protection.follow(Some(&web)).unwrap();
    assert_eq!(status().await, 401);
    let authority = Authority::new("Short-lived");
    put(&folder, "server", &authority.server());
    fs::write(folder.join("tls.yaml"), TLS).unwrap();
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
async fn a_reload_takes_another_web_configuration_and_refuses_a_faulty_one() {
    let folder = folder("reloaded-web");
    fs::write(folder.join("web.yaml"), format!("basic_auth_users:\n{}", user("alice", PASSWORD))).unwrap();
    let file = configuration(&folder);
    let guarded = fs::read_to_string(&file).unwrap();
    let open = guarded.replace(", web_config: web.yaml", "");
    fs::write(&file, &open).unwrap();
    let reading = config::read(&file);
    let plan = reading.outcome.unwrap().plan;
    let again = file.clone();
    let read = Box::new(move || config::read(&again));
    let app = App::start_from(&plan, Origin { sources: reading.sources, read }).await.unwrap();
    let url = format!("http://{}", app.address());
    let ask = async |path: &str| {
        let client = client(trusting("").with_no_client_auth());
        client.get(format!("{url}{path}")).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("/metrics").await, 200);

    fs::write(&file, &guarded).unwrap();
    app.reloader().reload("by the test").await.unwrap();
    assert_eq!((ask("/metrics").await, ask("/-/ready").await), (401, 200));
    let post = client(trusting("").with_no_client_auth());
    let posted = post.post(format!("{url}/-/reload")).send().await.unwrap();
    assert_eq!(posted.status(), 401, "who may not look may not reload");
    let posted = post.post(format!("{url}/-/reload")).basic_auth("alice", Some(PASSWORD)).send().await;
    assert_eq!(posted.unwrap().status(), 200);

    fs::write(folder.join("broken.yaml"), "basic_auth_users: {alice: secret}\n").unwrap();
    fs::write(&file, guarded.replace("web.yaml", "broken.yaml")).unwrap();
    let refused = app.reloader().reload("by the test").await.unwrap_err();
    assert!(refused.to_string().contains("broken.yaml:1:27: basic_auth_users.alice: expected a bcrypt hash"));
    assert_eq!(ask("/metrics").await, 401, "a faulty file opens nothing");
    fs::write(&file, &open).unwrap();
    app.reloader().reload("by the test").await.unwrap();
    assert_eq!(ask("/metrics").await, 200);
    stop(app).await;
}
