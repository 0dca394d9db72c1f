//! Servers that stop, leave or talk nonsense at the prompts of a login: fault × protocol × mechanism → phase and reason.
//!
//! The login data always waits for a prompt here. Logins in one line are in `probes`.

use mailbox_exporter::model::{Mechanism, Reason};
use mailbox_exporter::sim::{Fault, Offers};

use crate::probes::{is_silent, verdict};
use crate::support::world::World;
use crate::support::yaml::Door;

const DOORS: [Door; 3] = [Door::Imap, Door::Smtp, Door::Pop3];

const MECHANISMS: [(&str, Mechanism); 4] = [
    ("XOAUTH2", Mechanism::Xoauth2),
    ("OAUTHBEARER", Mechanism::Oauthbearer),
    ("PLAIN", Mechanism::Plain),
    ("LOGIN", Mechanism::Login),
];

/// A fault, and the verdict by the mechanisms with one prompt and by LOGIN, which has two.
#[rustfmt::skip]
const TABLE: &[(Fault, &str, &str)] = &[
    (Fault::None, "up", "up"),
    (Fault::SilentPrompt, "auth timeout", "auth timeout"),
    (Fault::ClosedPrompt, "auth connection_closed", "auth connection_closed"),
    (Fault::GarbledPrompt, "auth protocol_error", "auth protocol_error"),
    (Fault::SilentAfterPrompt, "auth timeout", "auth timeout"),
    (Fault::ClosedAfterPrompt, "auth connection_closed", "auth connection_closed"),
    (Fault::SilentPassword, "up", "auth timeout"),
    (Fault::ClosedPassword, "up", "auth connection_closed"),
    (Fault::GarbledPassword, "up", "auth protocol_error"),
    (Fault::ClosedAfterPassword, "up", "auth connection_closed"),
    (Fault::SilentAuth, "auth timeout", "auth timeout"),
    (Fault::ClosedAuth, "auth connection_closed", "auth connection_closed"),
    (Fault::GarbledAuth, "auth protocol_error", "auth protocol_error"),
];

fn name(fault: Fault, mechanism: &str, door: Door) -> String {
    format!("{}-{mechanism}-{}", fault.label(), door.protocol())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_a_prompt_has_its_reason_by_every_mechanism() {
    let mut world = World::start().await;
    world.yaml.head = "limits: { concurrency: 100, per_host: 100 }".to_owned();
    let app = world.app();
    for (fault, ..) in TABLE {
        let bound = if is_silent(*fault) { "timeout: 5s" } else { "" };
        for (mechanism, kind) in MECHANISMS {
            let mailbox = world.mailbox_of(&app, *fault).await;
            let passwords = kind.shows_password();
            mailbox.set_offers(Offers { passwords, sasl: Some(mechanism), ..Offers::default() });
            for door in DOORS {
                let name = name(*fault, mechanism, door);
                match passwords {
                    true => world.yaml.watch_by_password(&name, &mailbox, door, bound),
                    false => world.yaml.watch(&name, &mailbox, door, bound),
                }
            }
        }
    }
    let seen = world.round().await;
    let mut wrong = Vec::new();
    for (fault, one, two) in TABLE {
        for (mechanism, kind) in MECHANISMS {
            let wanted = if kind == Mechanism::Login { two } else { one };
            for door in DOORS {
                let name = name(*fault, mechanism, door);
                let observation = &seen[&name];
                if verdict(observation) != *wanted || observation.server.mechanism != Some(kind) {
                    let (found, used) = (verdict(observation), observation.server.mechanism);
                    wrong.push(format!(
                        "{name}: {wanted}, found {found} by {used:?}: {:?}",
                        observation.outcome
                    ));
                }
                let failure = observation.outcome.failure();
                if failure.is_some_and(|failure| failure.cause.reason != Reason::Timeout) {
                    assert!(
                        observation.duration.as_secs() < 5,
                        "{name} waited for {:?}",
                        observation.duration
                    );
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
