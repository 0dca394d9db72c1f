//! A browser as a test sees it: one window of Chromium, without anything of its user's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::support::folder::Folder;
use crate::support::wait::until;

/// No window, no sandbox (containers have none to give), and no traffic of its own.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // A name without a dot is no secure origin to a browser, as an agent is that is reached by plain HTTP.
    "--host-resolver-rules=MAP agent 127.0.0.1",
];

/// The narrowest window that pages are made for, in CSS pixels, and a usual one.
pub(crate) const NARROW: u32 = 360;
pub(crate) const WIDE: u32 = 1280;
const HEIGHT: u32 = 800;

/// How long an `async` function may take, in milliseconds.
const LONGEST_SCRIPT: u64 = 60_000;

/// The name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys as WebDriver writes them.
pub(crate) const TAB: &str = "\u{e004}";
const CONTROL: &str = "\u{e009}";
pub(crate) const ENTER: &str = "\u{e007}";

/// One window. Dropped, it is closed.
pub(crate) struct Browser {
    driver: Driver,
    session: String,
    /// Its user's folder: new and empty.
    _profile: Folder,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let (driver, profile) = (Driver::start(), Folder::new());
        let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
            "unhandledPromptBehavior": "ignore",
            "timeouts": { "script": LONGEST_SCRIPT },
        });
        let asked = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = driver
            .ask("POST", "/session", &asked)
            .unwrap_or_else(|error| panic!("Chromium cannot be started: {error}. tests/run installs it."));
        let session = session["sessionId"].as_str().unwrap().to_owned();
        let browser = Self { driver, session, _profile: profile };
        browser.width(WIDE);
        browser
    }

    fn ask(&self, method: &str, what: &str, body: &Value) -> Value {
        let path = format!("/session/{}/{what}", self.session);
        self.driver.ask(method, &path, body).unwrap_or_else(|error| panic!("{what} {body}: {error}"))
    }

    /// A command of Chromium's own, for what WebDriver has no words for.
    fn emulate(&self, command: &str, parameters: &Value) -> Value {
        self.ask("POST", "goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    pub(crate) fn open(&self, url: &str) {
        self.ask("POST", "url", &json!({ "url": url }));
    }

    pub(crate) fn back(&self) {
        self.ask("POST", "back", &json!({}));
    }

    pub(crate) fn url(&self) -> String {
        self.ask("GET", "url", &Value::Null).as_str().unwrap().to_owned()
    }

    /// What a function's body returns in the page.
    pub(crate) fn run(&self, body: &str) -> Value {
        self.run_with(body, &[])
    }

    pub(crate) fn run_with(&self, body: &str, arguments: &[Value]) -> Value {
        self.ask("POST", "execute/sync", &json!({ "script": body, "args": arguments }))
    }

    /// The same of an `async` function's body.
    pub(crate) fn run_async(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {body} }})().then(done, e => done(`${{e}}`));"
        );
        self.ask("POST", "execute/async", &json!({ "script": script, "args": [] }))
    }

    /// The text of everything that a selector finds, as it stands on the page.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let found = self.run_with(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.replace(/\\s+/g, ' ').trim())",
            &[json!(selector)],
        );
        found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// The text of the one thing that a selector finds first.
    pub(crate) fn text(&self, selector: &str) -> String {
        let first = self.texts(selector).into_iter().next();
        first.unwrap_or_else(|| panic!("no {selector} on {}", self.url()))
    }

    fn element(&self, selector: &str) -> String {
        let found = self.ask("POST", "element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks where a person would; it fails where the thing is covered or cannot be seen.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.ask("POST", &format!("element/{element}/click"), &json!({}));
    }

    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.ask("POST", &format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Presses a key, as often as told, wherever the focus is.
    pub(crate) fn press(&self, key: &str, times: usize) {
        let stroke = [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let strokes: Vec<Value> = stroke.iter().cycle().take(2 * times).cloned().collect();
        self.ask(
            "POST",
            "actions",
            &json!({ "actions": [{ "type": "key", "id": "keys", "actions": strokes }] }),
        );
    }

    /// Pastes what is in the clipboard, as the keyboard does.
    pub(crate) fn paste_into(&self, selector: &str) {
        self.type_into(selector, &format!("{CONTROL}v"));
    }

    pub(crate) fn width(&self, width: u32) {
        let size = json!({ "width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
        self.emulate("Emulation.setDeviceMetricsOverride", &size);
    }

    /// `light` or `dark`, as the system of the person is set.
    pub(crate) fn scheme(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.emulate("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    pub(crate) fn without_script(&self) {
        self.emulate("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    /// Lets the page read the clipboard, so that a test can look what is in it.
    pub(crate) fn permit_clipboard(&self, origin: &str) {
        let permissions =
            json!({ "origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.emulate("Browser.grantPermissions", &permissions);
    }

    /// What the console has said since the last look: errors of the script, refusals by the policy, missing resources.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.ask("POST", "se/log", &json!({ "type": "browser" }));
        log.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The whole page as PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let taken = self.emulate("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    /// Waits until a selector finds something with these words.
    pub(crate) fn shows(&self, selector: &str, words: &str) {
        until(&format!("{words:?} in {selector}"), || {
            self.texts(selector).iter().any(|text| text.contains(words)).then_some(())
        });
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It fails where the browser has ended already, and then there is nothing to do.
        let _ = self.driver.ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}
