//! What the tenant of the demo knows by itself: when the secrets of its apps end, and who signs in.

use jiff::{SignedDuration, Timestamp};

use crate::clock;
use crate::sim::{Fault, Sim, SimApp, SimMailbox, SimSignIn, TokenFault};

use super::configuration::SECRET_ENDS_IN;

/// When the other secrets end.
const LATER: SignedDuration = SignedDuration::from_hours(200 * 24);
/// When the expired ones have ended.
const LONG_AGO: SignedDuration = SignedDuration::from_hours(-3 * 24);
/// The permissions of the app that reads the directory.
const PERMISSIONS: [&str; 2] = ["Application.Read.All", "AuditLog.Read.All"];

/// Who signs in besides the agent: by which client, and how many hours ago.
const STRANGERS: [(&str, &str, i64); 2] = [
    ("printer-hall-2@contoso.example", "Authenticated SMTP", 3),
    ("door-camera@contoso.example", "Authenticated SMTP", 26),
];

/// An app that may read the directory.
pub(super) fn reader(sim: &Sim) -> SimApp {
    let reader = sim.app();
    reader.set_roles(&PERMISSIONS);
    sim.directory().register(&reader);
    sim.directory().add_secret(&reader, &reader.secret, &end(LATER));
    reader
}

/// Registers the secrets of these mailboxes' apps, and fills the sign-in log.
pub(super) fn populate(sim: &Sim, mailboxes: &[SimMailbox], others: &[&SimApp]) {
    let directory = sim.directory();
    let is_new = |place: usize| {
        let [before, this] = [place.checked_sub(1), Some(place)].map(|place| {
            place.and_then(|place| mailboxes.get(place)).map(|mailbox| &mailbox.app().client_id)
        });
        before != this
    };
    // Mailboxes that share an app stand side by side.
    for (place, mailbox) in mailboxes.iter().enumerate().filter(|(place, _)| is_new(*place)) {
        let ends_in = match mailbox.fault() {
            _ if place == 0 => SECRET_ENDS_IN,
            Fault::Token(TokenFault::SecretExpired) => LONG_AGO,
            _ => LATER,
        };
        directory.add_secret(mailbox.app(), &mailbox.app().secret, &end(ends_in));
    }
    for app in others {
        directory.add_secret(app, &app.secret, &end(LATER));
    }
    let row = |user: &str, client_app: &'static str, hours: i64| SimSignIn {
        user: user.to_owned(),
        client_app,
        at: ago(SignedDuration::from_hours(hours)),
        error_code: 0,
    };
    // The first mailbox is opened by OAuth as well: only its log entry leaves open with what.
    directory.sign_in(mailboxes.first().map(|mailbox| row(mailbox.address(), "Authenticated SMTP", 1)));
    directory.sign_in(STRANGERS.map(|(user, app, hours)| row(user, app, hours)));
}

fn ago(time: SignedDuration) -> Timestamp {
    let now = clock::now();
    now.checked_sub(time).unwrap_or(now)
}

/// An end as Graph writes it.
fn end(ahead: SignedDuration) -> String {
    let now = clock::now();
    now.checked_add(ahead).unwrap_or(now).strftime("%Y-%m-%dT00:00:00Z").to_string()
}
