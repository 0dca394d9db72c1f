//! Names, labels and sentences of servers that would act on a page: all of it is text, and leads where it should.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::browser::{Browser, NARROW};
use crate::looks::sticking_out;
use crate::support::process::Agent;
use crate::support::world::World;

const IMAGE: &str = "\"><img src=x onerror=alert(1)>";
/// Names of mailboxes, and how they read on a page.
const NAMES: [(&str, &str); 5] = [
    (IMAGE, IMAGE),
    ("</title></script><script>alert(2)</script>", "</title></script><script>alert(2)</script>"),
    ("turned \u{202e}dnuor\u{202c} and \u{200b}hidden", "turned \u{fffd}dnuor\u{fffd} and \u{fffd}hidden"),
    ("javascript:alert(3)//a/b/../?c=d&e#f%41%2f", "javascript:alert(3)//a/b/../?c=d&e#f%41%2f"),
    (LONG, LONG),
];
/// 200 letters without a place to break.
const LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
/// What the server says instead of a greeting.
const BANNER: &str = "<img src=x onerror=alert(4)>'\"><svg onload=alert(5)>`<b>`";

/// What no page of ours holds: something loaded, embedded or run that the agent has not written.
const FOREIGN: &str = "
    const found = [...document.querySelectorAll('img, iframe, object, embed, b:not(.strip b, .legend b), script:not([src])')];
    const handlers = [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on/.test(a.name)));
    const links = [...document.querySelectorAll('a[href]')].filter(a => new URL(a.href).origin !== location.origin);
    return [...found, ...handlers, ...links].map(e => e.outerHTML.slice(0, 200));";

/// A server that says the banner to everyone, on a thread that ends with the test.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // A client that has gone meanwhile is none.
            let _ = stream.write_all(format!("* BYE {BANNER}\r\n").as_bytes());
            let _ = stream.read(&mut [0; 512]);
        }
    });
    port
}

async fn agent() -> (World, Agent) {
    let mut world = World::start().await;
    let [provider, credential, label] =
        ["provider", "credential", "label"].map(|what| json!(format!("{what} {IMAGE}")));
    world.file("password", "battery staple");
    world.yaml.credential_of(&credential.to_string(), "type: password, password: { file: password }");
    world.yaml.provider_of(
        &provider.to_string(),
        &format!("imap: {{ host: 127.0.0.1, port: {}, tls: none }}", server()),
    );
    for (place, (name, _)) in NAMES.iter().enumerate() {
        let (name, label) = (json!(name), &label);
        let keys = format!(
            "name: {name}, address: x{place}@contoso.example, provider: {provider}, credential: {credential}, \
             checks: [imap], interval: 1s, labels: {{ team: {label} }}"
        );
        world.yaml.mailbox_of(&keys, "");
    }
    let agent = Agent::serve(&world.configuration(), &[]);
    agent.shows("/?outcome=waiting", "No mailbox matches.");
    (world, agent)
}

/// Nothing on the page that is open is of others but text. An attempt that the policy has stopped is still one.
fn assert_harmless(browser: &Browser) {
    let foreign = browser.run(FOREIGN);
    let foreign = foreign.as_array().unwrap().iter().map(Value::to_string);
    let found: Vec<_> = foreign.chain(browser.complaints()).chain(sticking_out(browser)).collect();
    assert!(found.is_empty(), "{}:\n{}", browser.url(), found.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_sentences_of_others_stay_text() {
    let (_world, agent) = agent().await;
    let browser = Browser::start();
    browser.width(NARROW);
    for page in ["", "credentials", "readiness", "reasons"] {
        browser.open(&format!("http://{}/{page}", agent.address));
        assert_harmless(&browser);
    }
    for (_, shown) in NAMES {
        browser.open(&format!("http://{}/?sort=name", agent.address));
        let place = browser.texts("#mailboxes tbody th > a").iter().position(|text| text == shown);
        let place = place.unwrap_or_else(|| panic!("{shown} is not in the table"));
        assert_harmless(&browser);
        browser.click(&format!("#mailboxes tbody tr:nth-child({}) th a", place + 1));
        assert_eq!(browser.text("h1"), shown);
        assert!(browser.text("blockquote").contains(BANNER), "{}", browser.text("blockquote"));
        assert!(browser.text("dl").contains(&format!("label {IMAGE}")), "{}", browser.text("dl"));
        assert_harmless(&browser);
        // Back here, by the way that the form takes.
        browser.click("form.act button");
        browser.shows("p.note", "probed");
        assert_eq!(browser.text("h1"), shown);
        assert_harmless(&browser);
    }
    // The credential's own view, with the name as a filter in the address, the form and the links.
    browser.open(&format!("http://{}/", agent.address));
    browser.click(".credentials th a");
    assert_eq!(browser.texts("article h2"), [format!("credential {IMAGE}")]);
    browser.click("dd.names a:last-of-type");
    assert_eq!(browser.texts("#mailboxes tbody tr").len(), NAMES.len());
    assert!(browser.text("p.active").contains(IMAGE), "{}", browser.text("p.active"));
    assert_harmless(&browser);
}
