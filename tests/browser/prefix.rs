//! The pages behind a proxy that serves them below a path: every link, form and script stays below it.

use mailbox_exporter::sim::Fault;
use serde_json::json;

use crate::browser::Browser;
use crate::support::process::Agent;
use crate::support::world::World;
use crate::support::yaml::Door;

const PREFIX: &str = "/mail/agent/";

/// Links that lead elsewhere on this host.
const OUTSIDE: &str = "
    return [...document.querySelectorAll('a[href], form, script')]
        .map(e => new URL(e.href || e.action || e.src).pathname).filter(path => !path.startsWith(arguments[0]));";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_stays_below_the_prefix_of_a_proxy() {
    let mut world = World::start().await;
    let mailbox = world.mailbox(Fault::TokenRejected).await;
    world.yaml.watch("a/b desk", &mailbox, Door::Imap, "interval: 4s");
    let agent = Agent::serve(&world.configuration(), &["--web.route-prefix", PREFIX]);
    agent.shows(&format!("{PREFIX}?outcome=waiting"), "No mailbox matches.");
    let browser = Browser::start();
    let place = format!("http://{}{PREFIX}", agent.address);
    let assert_inside = || {
        assert!(browser.url().starts_with(&place), "{}", browser.url());
        assert_eq!(browser.run_with(OUTSIDE, &[json!(PREFIX)]), json!([]), "{}", browser.url());
        assert_eq!(browser.complaints(), Vec::<String>::new());
    };
    browser.open(&place);
    assert_inside();
    for order in 2..=5 {
        browser.click(&format!("nav a:nth-of-type({order})"));
        assert_inside();
    }
    browser.open(&place);
    browser.click("#mailboxes tbody th a");
    assert_eq!(browser.text("h1"), "a/b desk");
    assert!(!browser.texts("button.copy").is_empty(), "the script has not run");
    browser.click("form.act button");
    browser.shows("p.note", "probed");
    assert_inside();
    for order in 2..=5 {
        browser.click(&format!("nav a:nth-of-type({order})"));
        assert_inside();
        browser.back();
    }
    browser.click("a.about");
    assert_eq!(browser.text("h1"), "token_rejected");
    assert_inside();
}
