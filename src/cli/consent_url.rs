//! `consent-url`: where an administrator consents to what a credential's checks and directories need.

use std::collections::BTreeSet;

use clap::Args;

use crate::diagnosis::remedy::{NATIVE_CLIENT, consent_url};
use crate::model::{Check, Family, Plan, Proof, TokenSpec};
use crate::safe;

use super::answer::{complain, say};
use super::{Config, Exit, select};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// The credential that needs consent: a name under `credentials`.
    credential: String,
    /// Where the browser is sent afterwards. The app must have it registered.
    #[arg(long, value_name = "URI", default_value = NATIVE_CLIENT)]
    redirect_uri: String,
}

pub(super) fn run(options: &Options) -> Exit {
    let plan = match options.config.load() {
        Ok(loaded) => loaded.plan,
        Err(exit) => return exit,
    };
    match urls(&plan, options) {
        Ok(urls) => say(&urls.into_iter().map(|url| format!("{url}\n")).collect::<String>(), Exit::Fine),
        Err(complaint) => {
            complain(&format!("{complaint}\n"));
            Exit::Bad
        }
    }
}

fn is_managed(spec: &TokenSpec) -> bool {
    matches!(*spec.proof, Proof::ManagedIdentity { .. })
}

/// Whether a token of Entra opens the mailbox. If there is no URL all the same, the tenant or the app is unknown.
fn needs_entra_token(check: &Check) -> bool {
    check.mailbox.provider.family == Family::ExchangeOnline && check.token_spec().is_some()
}

/// One URL per scope: Entra consents to one resource at a time.
fn urls(plan: &Plan, options: &Options) -> Result<BTreeSet<String>, String> {
    let name = options.credential.as_str();
    if !plan.credentials.iter().any(|credential| *credential.name == *name) {
        let names: Vec<&str> = plan.credentials.iter().map(|credential| &*credential.name).collect();
        return Err(select::unknown("credential", name, &names));
    }
    let setup = options.config.again().command("setup", &safe::shell(name));
    let legs = || plan.checks.iter().flat_map(|check| check.legs());
    let checks = || legs().filter(|check| *check.mailbox.credential.name == *name);
    let directories =
        || plan.directories.iter().map(|one| &one.spec).filter(|spec| *spec.credential == *name);
    let of_checks = checks()
        .filter(|check| check.mailbox.provider.family == Family::ExchangeOnline)
        .filter_map(|check| consent_url(check.token_spec()?, check.protocol(), &options.redirect_uri));
    let of_directories = directories().filter_map(|spec| consent_url(spec, None, &options.redirect_uri));
    let urls: BTreeSet<String> = of_checks.chain(of_directories).collect();
    let mut specs = checks().filter_map(Check::token_spec).chain(directories());
    match (checks().next(), urls.is_empty()) {
        (_, false) => Ok(urls),
        (None, true) if directories().next().is_none() => Err(format!(
            "neither a mailbox nor a directory uses credential {name}, so it is not known what it needs"
        )),
        (Some(check), true) if check.token_spec().is_some_and(|spec| spec.proof.is_per_user()) => {
            Err(format!(
                "credential {name} is a Google service account, which has no consent URL: an administrator of the domain must delegate to it in the Admin console; `{setup}` prints the client id and the scope"
            ))
        }
        (_, true) if specs.any(is_managed) => Err(format!(
            "credential {name} is a managed identity, which has no consent page: assign its app role with the commands that `{setup}` prints"
        )),
        (check, true) if check.is_none_or(needs_entra_token) => Err(format!(
            "credential {name} has no tenant or no client id here: write them, or run this where the environment provides them"
        )),
        (_, true) => {
            Err(format!("credential {name} opens nothing in Exchange Online: there is nothing to consent to"))
        }
    }
}
