//! `login`: a person signs in once, and the credential's file gets the refresh token.
//!
//! Owns the texts that the person reads. `token::device` talks to the provider, and `token` writes the file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep};

use crate::diagnosis::remedy;
use crate::files;
use crate::model::{Cause, Family, Plan, TokenSpec};
use crate::net::Dialer;
use crate::safe;
use crate::token::{self, device};

use super::answer::{Progress, complain, say};
use super::{Config, Exit, select};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// The credential to sign in for: the name of one of `type: refresh_token` under `credentials`.
    credential: String,
}

/// Everything that one sign-in needs to know.
struct SignInRequest {
    spec: TokenSpec,
    /// The device authorization endpoint.
    endpoint: String,
    /// Where the refresh token goes.
    file: PathBuf,
    family: Family,
    /// The mailboxes that the person must be able to open.
    addresses: Vec<String>,
}

pub(super) async fn run(options: Options) -> Exit {
    let plan = match options.config.load() {
        Ok(loaded) => loaded.plan,
        Err(exit) => return exit,
    };
    let request = match request_for(&plan, &options.credential) {
        Ok(request) => request,
        Err(complaint) => {
            complain(&format!("{complaint}\n"));
            return Exit::Bad;
        }
    };
    match sign_in(&request).await {
        Ok(exit) => exit,
        Err(why) => {
            complain(&format!("{why}\n"));
            Exit::Failing
        }
    }
}

/// The sign-in that the credential of this name needs.
fn request_for(plan: &Plan, name: &str) -> Result<SignInRequest, String> {
    let suitable: Vec<&str> = plan
        .credentials
        .iter()
        .filter(|credential| credential.is_delegated())
        .map(|credential| &*credential.name)
        .collect();
    let credential =
        plan.credentials.iter().find(|credential| *credential.name == *name).ok_or_else(|| {
            let all: Vec<&str> = plan.credentials.iter().map(|credential| &*credential.name).collect();
            select::unknown("credential", name, if suitable.is_empty() { &all } else { &suitable })
        })?;
    if !credential.is_delegated() {
        let others = match suitable.as_slice() {
            [] => "the configuration has none of these".to_owned(),
            names => format!("these are {}", names.join(" and ")),
        };
        return Err(format!(
            "credential {name} is of type {}: people sign in for credentials of type refresh_token; {others}",
            credential.label()
        ));
    }
    let checks: Vec<_> =
        plan.checks.iter().filter(|check| check.mailbox.credential.name == credential.name).collect();
    let specs: Vec<&TokenSpec> = checks.iter().filter_map(|check| check.token_spec()).collect();
    let (Some(first), Some(check)) = (specs.first(), checks.first()) else {
        return Err(format!("no mailbox uses credential {name}, so it is not known where to sign in"));
    };
    if let Some(other) = specs.iter().find(|spec| spec.url != first.url) {
        return Err(format!(
            "credential {name} is used at {} and at {}: a refresh token is of one identity provider, so write two credentials",
            first.url, other.url
        ));
    }
    let mut words: Vec<&str> = Vec::new();
    // Entra signs in for one service at a time. The refresh token serves the others too, once they are consented to.
    let one_service = |spec: &&&TokenSpec| spec.resource() == first.resource();
    for word in specs.iter().filter(one_service).flat_map(|spec| spec.scope.split_whitespace()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let spec = TokenSpec { scope: words.join(" ").into(), ..(*first).clone() };
    let endpoint = device::endpoint(&spec).ok_or_else(|| {
        format!("the sign-in page of {} is not known: write device_url into credential {name}", spec.url)
    })?;
    let file = spec.proof.rotated().and_then(|place| place.file()).map(Path::to_owned);
    let addresses: BTreeSet<_> = checks.iter().map(|check| check.mailbox.username.clone()).collect();
    Ok(SignInRequest {
        endpoint,
        file: file.ok_or_else(|| format!("credential {name} has no file for its refresh token"))?,
        family: check.mailbox.provider.family,
        addresses: addresses.into_iter().collect(),
        spec,
    })
}

async fn sign_in(request: &SignInRequest) -> Result<Exit, String> {
    // First of all, so that no person signs in for nothing.
    require_writable(&request.file).await?;
    let dialer = Dialer::default();
    let code = device::begin(&dialer, &request.spec, &request.endpoint)
        .await
        .map_err(|cause| refusal(&request.endpoint, &cause, request.family))?;
    let exit = say(&instructions(request, &code), Exit::Fine);
    if exit != Exit::Fine {
        return Ok(exit);
    }
    let progress = Progress::of(0);
    let finished = tokio::select! {
        finished = device::finish(&dialer, &request.spec, &code) => finished,
        () = count_down(&progress, code.good_for()) => Err(device::Unfinished::Expired),
    };
    progress.end();
    let again = format!("run `mailbox-exporter login` for credential {} again", request.spec.credential);
    let token = finished.map_err(|unfinished| match unfinished {
        device::Unfinished::Failed(cause) => refusal(&request.spec.url, &cause, request.family),
        other => format!("{other}; {again}"),
    })?;
    let shown = request.file.display();
    token::store(&request.file, &token)
        .await
        .map_err(|why| format!("the sign-in has worked, but {shown} cannot be written: {why}; {again}"))?;
    Ok(say(
        &format!(
            "Signed in. The refresh token of credential {} is in {shown}; a running agent uses it within a minute.\n",
            request.spec.credential
        ),
        Exit::Fine,
    ))
}

/// Refuses a file that the token could not be written to.
async fn require_writable(file: &Path) -> Result<(), String> {
    let tried = file.to_owned();
    let sentence = |why: &dyn std::fmt::Display| {
        format!("{} cannot be written: {why}; its folder must exist and belong to this user", file.display())
    };
    match files::within_async(file, files::PATIENCE, move || files::can_replace(&tried)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(sentence(&error)),
        Err(fault) => Err(sentence(&fault)),
    }
}

fn instructions(request: &SignInRequest, code: &device::Code) -> String {
    let credential = &request.spec.credential;
    let addresses = request.addresses.join(", ");
    // The provider's own words, on one line each.
    let (page, user_code) = (safe::line(code.page()), safe::line(code.user_code()));
    let known = code.page_with_code().map(safe::line);
    let known = known.map_or_else(String::new, |page| format!("\nor open {page}"));
    let minutes = code.good_for().as_secs().div_ceil(60);
    format!(
        "Sign in for credential {credential} ({addresses}), in a browser on any machine:\n\n  open       {page}\n  and enter  {user_code}\n{known}\nThe code is good for {minutes} min. Sign in as a user who may open the mailboxes.\n"
    )
}

/// Shows on a terminal how long the code is still valid. Returns when it has expired.
async fn count_down(progress: &Progress, good_for: Duration) {
    /// The provider reports the expiry of a code itself, and gets this much time to do so.
    const GRACE: Duration = Duration::from_secs(15);
    let begun = Instant::now();
    while begun.elapsed() < good_for + GRACE {
        let left = good_for.saturating_sub(begun.elapsed()).as_secs();
        progress.note(&format!("waiting for the sign-in: {} min {:02} s left", left / 60, left % 60));
        sleep(Duration::from_secs(1)).await;
    }
}

/// The provider's refusal, with the remedy.
fn refusal(url: &str, cause: &Cause, family: Family) -> String {
    let detail = safe::line(&cause.detail);
    let hint = remedy::generic_hint(cause.reason, Some(family), None);
    format!("{url} refuses the sign-in ({}): {detail}\n{hint}", cause.reason.label())
}
