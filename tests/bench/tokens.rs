//! What a token request costs by each kind of proof: handshake with the identity provider and signature included.

use std::sync::Arc;
use std::time::Duration;

use mailbox_exporter::model::Plan;
use mailbox_exporter::net::Dialer;
use mailbox_exporter::token::TokenSource;

use crate::counterpart::{Servers, Wanted};
use crate::{Scale, meter, millis};

pub(crate) async fn run(scale: Scale) {
    let turns = if scale.earnest { 1000 } else { 2 };
    let servers = Servers::start(Wanted::idle(1));
    let plan = servers.plan();
    println!("{:<20} {:>9} {:>22}", "proof", "ms", "times a client secret");
    let by_secret = request(&plan, "tls", turns).await;
    let kinds = [
        ("client secret", by_secret),
        ("certificate", request(&plan, "signed", turns).await),
        ("service account", request(&plan, "google", turns).await),
    ];
    for (kind, each) in kinds {
        println!("{kind:<20} {:>9.3} {:>22.2}", millis(each), each.as_secs_f64() / by_secret.as_secs_f64());
    }
}

/// The mean processor time of a request for this mailbox.
async fn request(plan: &Plan, mailbox: &str, turns: u32) -> Duration {
    let check = plan.checks.iter().find(|check| &*check.mailbox.name == mailbox).unwrap();
    let dialer = Arc::new(Dialer::default());
    // A source of its own for each turn: it has no token yet.
    let ask = async || {
        let tokens = TokenSource::new(Arc::clone(&dialer), plan.limits.token_max_age, Arc::new(|_| ()));
        drop(tokens.fetch(check.token_spec().unwrap(), &check.name()).await.unwrap());
    };
    ask().await;
    let begun = meter::cpu();
    for _ in 0..turns {
        ask().await;
    }
    (meter::cpu() - begun) / turns
}
