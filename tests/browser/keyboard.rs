//! The pages by keyboard alone: everything that can be used is reached, in the order of the page, and shows that it is.

use serde_json::json;

use crate::browser::{Browser, ENTER, TAB};
use crate::demo::Demo;

const PAGES: [&str; 4] =
    ["?limit=5", "mailboxes/hr@contoso.example", "credentials?limit=3", "readiness?limit=3"];

/// Writes down what gets the focus from now on, and whether it can be seen that it has it.
const WATCH: &str = "
    window.usable = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]
        .filter(e => e.checkVisibility());
    window.reached = [];
    window.unmarked = [];
    addEventListener('focusin', event => {
        reached.push(usable.indexOf(event.target));
        const style = getComputedStyle(event.target);
        if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) unmarked.push(event.target.outerHTML);
    });
    return usable.length;";

#[test]
fn everything_usable_is_reached_by_keyboard_and_shows_it() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    for path in PAGES {
        browser.open(&demo.page(path));
        let count = usize::try_from(browser.run(WATCH).as_u64().unwrap()).unwrap();
        assert!(count > 10, "{path}: {count} things to use");
        browser.press(TAB, count);
        let order: Vec<usize> = (0..count).collect();
        assert_eq!(browser.run("return reached"), json!(order), "{path}");
        assert_eq!(browser.run("return unmarked"), json!([]), "{path}");
    }
}

#[test]
fn a_mailbox_is_probed_by_keyboard() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.open(&demo.page("mailboxes/info@contoso.example"));
    browser.run("document.querySelector('nav a:last-of-type').focus()");
    browser.press(TAB, 1);
    assert_eq!(browser.run("return document.activeElement.textContent"), json!("Probe now"));
    browser.press(ENTER, 1);
    browser.shows("p.note[role=status]", "probed");
}
