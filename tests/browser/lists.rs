//! Filters, order and pages of the lists: what a person chooses is what is shown, at an address of its own.

use serde_json::json;

use crate::browser::{Browser, ENTER};
use crate::demo::{Demo, MAILBOXES};

/// Rows of one page of the table.
const ROWS: usize = 50;

fn names(browser: &Browser) -> Vec<String> {
    browser.texts("#mailboxes tbody th")
}

/// Chooses a value of a list by its label, as the keyboard does.
fn choose(browser: &Browser, list: &str, value: &str) {
    browser.type_into(&format!("#mailboxes select[name={list}]"), value);
}

#[test]
fn filters_choose_rows_and_make_an_address() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.open(&demo.page(""));
    choose(&browser, "outcome", "failure");
    choose(&browser, "reason", "secret_expired");
    browser.click("#mailboxes button[type=submit]");
    assert_eq!(names(&browser), ["payroll@contoso.example"]);
    let address = browser.url();
    assert!(address.contains("outcome=failure") && address.contains("reason=secret_expired"), "{address}");
    // The address alone shows the same, with the form filled in.
    let other = Browser::start();
    other.open(&address);
    assert_eq!(names(&other), names(&browser));
    let chosen = "return document.querySelector('select[name=reason]').value";
    assert_eq!(other.run(chosen), json!("secret_expired"));
    // One filter less, then none.
    other.click("a[aria-label='without the filter reason']");
    assert!(names(&other).len() > 10, "{:?}", names(&other));
    other.click("p.active a:last-child");
    assert_eq!(names(&other).len(), ROWS);
}

#[test]
fn a_name_is_found_by_a_part_of_it() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.open(&demo.page(""));
    browser.type_into("#mailboxes input[name=name]", &format!("RECEPT{ENTER}"));
    browser.shows("p.active", "RECEPT");
    assert_eq!(names(&browser), ["reception@contoso.example"]);
    browser.open(&demo.page("?name=nothing-of-the-kind"));
    assert!(browser.text("#mailboxes").contains("No mailbox matches."));
}

#[test]
fn columns_sort_both_ways_and_pages_follow() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.open(&demo.page(""));
    let sort = "return document.querySelector('#mailboxes thead th').getAttribute('aria-sort')";
    browser.click("#mailboxes thead a");
    assert_eq!(browser.run(sort), json!("ascending"));
    let mut all = names(&browser);
    while all.len() < MAILBOXES {
        let seen = all.len();
        browser.click(".pager a:nth-last-child(2)");
        assert!(browser.text(".pager").starts_with(&format!("{}–", seen + 1)), "{}", browser.text(".pager"));
        all.extend(names(&browser));
        assert!(all.len() > seen && all.len() <= seen + ROWS);
    }
    let mut sorted = all.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(all, sorted);
    browser.click("#mailboxes thead a");
    assert_eq!(browser.run(sort), json!("descending"));
    assert_eq!(names(&browser).first(), all.last());
}

#[test]
fn credentials_and_readiness_are_filtered_too() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.open(&demo.page("credentials"));
    browser.type_into("input[name=name]", &format!("payroll{ENTER}"));
    browser.shows("p.active", "payroll");
    assert_eq!(browser.texts("article h2"), ["payroll"]);
    browser.open(&demo.page("readiness"));
    choose(&browser, "protocol", "pop3");
    browser.click("#mailboxes button[type=submit]");
    assert_eq!(names(&browser), ["info@contoso.examplepop3"]);
}
