//! The date on which a secret ends, as a file holds it: exported, read again when it changes, and said where it is none.

use mailbox_exporter::sim::Fault;

use crate::support::app;
use crate::support::http::ask;
use crate::support::process::run;
use crate::support::world::World;
use crate::support::yaml::Door;

/// 2027-03-01 and 2028-03-01 in seconds since 1970.
const FIRST: &str = "1803859200";
const SECOND: &str = "1835481600";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_in_a_file_is_exported_as_it_changes() {
    let mut world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let app = mailbox.app().clone();
    world.file("secret", &app.secret);
    let end = world.file("end", "2027-03-01\n");
    world.yaml.credential_of(
        "dated",
        &format!(
            "type: client_secret, tenant: {}, client_id: {}, secret: {{ file: secret }}, expires: {{ file: end }}",
            app.tenant, app.client_id
        ),
    );
    world.yaml.watch_with("it", &mailbox, Door::Imap, "dated");
    let configuration = world.configuration();
    let agent = app::start(&configuration).await;
    let address = agent.address();
    let exported = async || {
        let metrics = ask(address, "GET /metrics").await.1;
        let head = "mailbox_credential_expiry_timestamp_seconds{credential=\"dated\",source=\"declared\"} ";
        metrics.lines().find_map(|line| line.strip_prefix(head).map(str::to_owned))
    };
    let wait = async |wanted: Option<&str>| {
        for _ in 0..600 {
            if exported().await.as_deref() == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{wanted:?} never came: {:?}", exported().await);
    };
    wait(Some(FIRST)).await;
    world.file("end", "2028-03-01T00:00:00Z");
    wait(Some(SECOND)).await;
    // Text that is not a date, and then no file.
    world.file("end", "next spring");
    wait(None).await;
    let json = ask(address, "GET /api/v1/credentials").await.1;
    assert!(json.contains("expires_unreadable") && json.contains("holds no date like"), "{json}");
    let validated = run(&["validate"], Some(&configuration));
    assert_eq!(validated.status, Some(0), "{}", validated.said());
    assert!(
        validated.stdout.contains("warning: ") && validated.stdout.contains("expires: file"),
        "{}",
        validated.stdout
    );
    world.file("end", "2027-03-01");
    wait(Some(FIRST)).await;
    std::fs::remove_file(&end).unwrap();
    wait(None).await;
    app::stop(agent).await;
}
