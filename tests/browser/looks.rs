//! How every page looks: nothing sticks out of a narrow window, both schemes are readable, no barrier, no complaint.

use std::env;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::axe;
use crate::browser::{Browser, NARROW, WIDE};
use crate::demo::Demo;

/// Every page in each of its shapes: a name for pictures, and the path.
const PAGES: [(&str, &str); 11] = [
    ("status", ""),
    ("part", "?outcome=failure&sort=-since&limit=5&offset=5"),
    ("refused-view", "?sort=nonsense"),
    ("healthy", "mailboxes/info@contoso.example"),
    ("failing", "mailboxes/invoices@contoso.example"),
    ("unknown-mailbox", "mailboxes/nobody"),
    ("credentials", "credentials"),
    ("readiness", "readiness"),
    ("reasons", "reasons"),
    ("reason", "reasons/token_rejected"),
    ("unknown-reason", "reasons/nothing"),
];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// More faults than these are counted, not shown.
const SHOWN: usize = 20;

/// As many probes as a page shows by a letter each.
const LETTERS: usize = 48;

/// Names the folder for pictures.
const PICTURES: &str = "PICTURES";

/// Unfolds everything, so that what is folded away is looked at as well.
const UNFOLD: &str = "document.querySelectorAll('details').forEach(details => details.open = true)";

/// What sticks out to the right of the window.
const STICKING_OUT: &str = "
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    const far = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5);
    return far.slice(0, 5).map(e => `${e.outerHTML.slice(0, 120)} to ${e.getBoundingClientRect().right}`);";

/// How light the page is behind its text, from 0 to 255.
const LIGHTNESS: &str = "
    const parts = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
    return (parts[0] + parts[1] + parts[2]) / 3;";

/// What sticks out of the page that is open, by a sentence each.
pub(crate) fn sticking_out(browser: &Browser) -> Vec<String> {
    let found = browser.run(STICKING_OUT);
    found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn keep_picture(browser: &Browser, name: &str) {
    let Some(folder) = env::var_os(PICTURES) else { return };
    fs::create_dir_all(&folder).unwrap();
    fs::write(Path::new(&folder).join(format!("{name}.png")), browser.picture()).unwrap();
}

#[test]
fn every_page_fits_and_has_no_barrier_in_light_and_dark() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    let mut faults = Vec::new();
    for (name, path) in PAGES {
        browser.open(&demo.page(path));
        browser.run(UNFOLD);
        for scheme in SCHEMES {
            browser.scheme(scheme);
            let lightness = browser.run(LIGHTNESS).as_f64().unwrap();
            assert_eq!(lightness < 128.0, scheme == "dark", "{name}, {scheme}: lightness {lightness}");
            for width in [WIDE, NARROW] {
                browser.width(width);
                keep_picture(&browser, &format!("{name}-{scheme}-{width}"));
                let found = sticking_out(&browser).into_iter().map(|what| format!("sticks out: {what}"));
                let found = found.chain(axe::findings(&browser));
                faults.extend(found.map(|fault| format!("{name}, {scheme}, {width} px: {fault}")));
            }
        }
        // Answers 4xx are complaints of the browser about the address, which is meant.
        let complaints =
            browser.complaints().into_iter().filter(|said| !said.contains("Failed to load resource"));
        faults.extend(complaints.map(|said| format!("{name}: the console says {said}")));
    }
    let first = &faults[..faults.len().min(SHOWN)];
    assert!(faults.is_empty(), "{} faults, the first of them:\n{}", faults.len(), first.join("\n"));
}

#[test]
fn letters_of_a_full_history_fit_a_narrow_window() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.width(NARROW);
    for path in ["?outcome=failure&limit=5", "mailboxes/invoices@contoso.example"] {
        browser.open(&demo.page(path));
        // The demo has not run long enough for a full one.
        let lines = browser.run_with(
            "const all = [...document.querySelectorAll('td .strip b:first-of-type, .past .strip b:first-of-type')];
             for (const letters of all) {
                 letters.textContent = arguments[0];
                 letters.parentElement.replaceChildren(letters);
             }
             return all.map(letters => letters.getClientRects().length);",
            &[json!("A".repeat(LETTERS))],
        );
        let lines = lines.as_array().unwrap();
        assert!(!lines.is_empty() && lines.iter().all(|count| *count == json!(1)), "{path}: {lines:?} lines");
        assert_eq!(sticking_out(&browser), Vec::<String>::new(), "{path}");
    }
}
