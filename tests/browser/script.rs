//! What the small script adds, and that everything works without it.

use serde_json::json;

use crate::browser::Browser;
use crate::demo::Demo;
use crate::support::wait::until;

const FAILING: &str = "mailboxes/invoices@contoso.example";

/// The first button for copying, and the command beside it.
const COPY: &str = "button.copy";
const COMMAND: &str = ".copyable code";

#[test]
fn probe_now_says_what_became_of_it() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.open(&demo.page("mailboxes/info@contoso.example"));
    browser.click("form.act button");
    browser.shows("p.note[role=status]", "probed");
    // It is told once: the address is that of the page again, and the next refresh has no note.
    assert_eq!(browser.url(), demo.page("mailboxes/info%40contoso.example"));
    browser.open(&browser.url());
    assert_eq!(browser.texts("p.note"), Vec::<String>::new());
}

#[test]
fn commands_are_copied() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.permit_clipboard(&format!("http://{}", demo.address));
    browser.open(&demo.page(FAILING));
    let command = browser.run(&format!("return document.querySelector('{COMMAND}').textContent"));
    assert!(command.as_str().unwrap().contains("ServicePrincipal"), "{command}");
    browser.click(COPY);
    browser.shows(COPY, "copied");
    let name = format!("return document.querySelector('{COPY}').getAttribute('aria-label')");
    assert_eq!(browser.run(&name), json!(format!("copied {}", command.as_str().unwrap())));
    assert_eq!(browser.run_async("return await navigator.clipboard.readText()"), command);
}

#[test]
fn commands_are_copied_where_the_clipboard_is_closed() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    let port = demo.address.rsplit_once(':').unwrap().1;
    browser.open(&format!("http://agent:{port}/{FAILING}"));
    assert_eq!(
        browser.run("return [isSecureContext, typeof navigator.clipboard]"),
        json!([false, "undefined"])
    );
    browser.click(COPY);
    browser.shows(COPY, "copied");
    // A field of the page takes it: the clipboard cannot be read here.
    let command = browser.run(&format!("return document.querySelector('{COMMAND}').textContent"));
    browser.open(&format!("http://agent:{port}/"));
    browser.paste_into("#mailboxes input[name=name]");
    assert_eq!(browser.run("return document.querySelector('#mailboxes input[name=name]').value"), command);
}

#[test]
fn a_page_is_refreshed_under_the_hands_of_its_reader() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.open(&demo.page(FAILING));
    // The reader has unfolded the last part of the page, and the focus is there.
    browser.click("section details:last-of-type summary");
    let state = "const all = [...document.querySelectorAll('summary')];
                 return [all.indexOf(document.activeElement), all.map(one => one.parentElement.open)]";
    let before = browser.run(state);
    assert_ne!(before[0], json!(-1));
    let as_of = browser.text(".asof");
    until("a refresh in place", || (browser.text(".asof") != as_of).then_some(()));
    assert_eq!(browser.run(state), before);
    assert!(!browser.texts(COPY).is_empty(), "the new part of the page has no buttons for copying");
}

#[test]
fn a_form_that_is_being_filled_in_is_left_alone() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.open(&demo.page(""));
    browser.type_into("#mailboxes input[name=name]", "half a na");
    // Longer than the page waits between two refreshes.
    let asked = browser.run_async(
        "window.asked = 0; const fetch = window.fetch; window.fetch = (...all) => { asked += 1; return fetch(...all); };
         await new Promise(done => setTimeout(done, 16000));
         return asked;",
    );
    assert_eq!(asked, json!(0));
    browser.run(
        "const field = document.querySelector('#mailboxes input[name=name]'); field.value = ''; field.blur()",
    );
    until("a refresh of the form that is empty again", || {
        (browser.run("return asked") == json!(1)).then_some(())
    });
}

#[test]
fn everything_works_without_the_script() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.without_script();
    browser.open(&demo.page(""));
    assert_eq!(browser.texts(COPY), Vec::<String>::new(), "the script has run");
    assert_eq!(
        browser.run("return document.querySelector('meta[http-equiv=refresh]')?.content"),
        json!("15")
    );
    browser.type_into("#mailboxes input[name=name]", "info");
    browser.click("#mailboxes button[type=submit]");
    assert_eq!(browser.texts("#mailboxes tbody th"), ["info@contoso.example"]);
    browser.click("#mailboxes tbody th a");
    browser.click("form.act button");
    browser.shows("p.note[role=status]", "probed");
    browser.click("summary");
    assert_eq!(browser.run("return document.querySelector('details').open"), json!(false));
}
