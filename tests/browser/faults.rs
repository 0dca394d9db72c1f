//! The faults of the demo, as a person finds them: by their words on the status page and on the mailbox's own page.

use mailbox_exporter::sim::Fault;

use crate::browser::Browser;
use crate::demo::{Demo, MAILBOXES};
use crate::support::wait::soon;

/// What each mailbox of the demo is said to suffer from, and words of what to do about it.
const FAULTS: [(&str, &str, &str); 15] = [
    ("orders", "secret_invalid", "az ad app credential reset"),
    ("payroll", "secret_expired", "az ad app credential reset"),
    ("newsletter", "consent_missing", "Domain-wide delegation"),
    ("board", "conditional_access", "Sign-in logs"),
    ("assistant", "refresh_token_expired", "mailbox-exporter login"),
    ("returns", "role_missing", "consent"),
    ("invoices", "token_rejected", "New-ServicePrincipal"),
    ("shared", "mailbox_not_connected", "Add-MailboxPermission"),
    ("claims", "folder_missing", "Claims/2026"),
    ("notifications", "smtp_auth_disabled_tenant", "Set-TransportConfig"),
    ("hr", "smtp_auth_disabled_mailbox", "Set-CASMailbox"),
    ("branch-north", "tls_certificate_expired", "certificate"),
    ("legacy", "connection_refused", "listens"),
    ("reception", "timeout", "said nothing"),
    ("tickets", "throttled", "fewer requests"),
];

/// The table above must be as long as the demo's own, of which the first has no fault.
const _: () = assert!(FAULTS.len() + 1 == Fault::DEMO.len());

/// Those of the table that no entry tells of.
fn untold(entries: &[String]) -> Vec<&'static str> {
    let told = |(name, reason, words): &&(&str, &str, &str)| {
        let address = format!("{name}@contoso.example");
        let all = [words, address.as_str(), "What to do", "Who"];
        entries.iter().any(|entry| entry.starts_with(reason) && all.iter().all(|word| entry.contains(word)))
    };
    FAULTS.iter().filter(|fault| !told(fault)).map(|(name, ..)| *name).collect()
}

#[test]
fn every_fault_of_the_demo_is_found_by_its_words() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    let mut seen = Vec::new();
    // On a busy machine a probe may fail for lack of time, and the next one tells.
    let all = soon(|| {
        browser.open(&demo.page(""));
        seen = browser.texts("section.trouble article");
        untold(&seen).is_empty().then_some(())
    });
    assert!(all.is_some(), "not told: {:?}, but {seen:#?}", untold(&seen));
    let verdict = browser.text("h1");
    assert!(verdict.ends_with(&format!(" of {MAILBOXES} mailboxes cannot be used")), "{verdict}");
}

#[test]
fn a_fault_leads_to_its_mailbox_and_to_its_reason() {
    let (demo, browser) = (Demo::shared(), Browser::start());
    browser.open(&demo.page(""));
    browser.click("section.trouble a[href$='hr%40contoso%2Eexample']");
    assert_eq!(browser.text("h1"), "hr@contoso.example");
    let said = browser.text("section.failing");
    assert!(said.contains("smtp_auth_disabled_mailbox") && said.contains("535 5.7.139"), "{said}");
    browser.click("section.failing a[href$='reasons/smtp_auth_disabled_mailbox']");
    assert_eq!(browser.text("h1"), "smtp_auth_disabled_mailbox");
    assert!(browser.text("main").contains("hr@contoso.example"));
}
