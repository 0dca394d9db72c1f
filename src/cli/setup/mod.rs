//! `setup`: what an administrator does once before a mailbox can be used or a directory read, as commands to paste.
//!
//! Owns which credentials are asked about and how the steps are printed. The steps themselves are in `exchange`,
//! `elsewhere` and `directory`. The command changes nothing anywhere.

mod directory;
mod elsewhere;
mod exchange;
mod graph;
mod name;
mod person;
mod step;

use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::check::Prober;
use crate::model::{Check, Cloud, Credential, Family, Plan};
use crate::safe;

use self::step::Step;
use super::again::Again;
use super::answer::{complain, say};
use super::{Config, Exit, select};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Only for this credential: a name under `credentials`. By default, for all that have checks.
    credential: Option<String>,
    /// Exchange Online: let the app send by RBAC for Applications instead of a tenant-wide permission.
    #[arg(long)]
    rbac: bool,
    /// Text for people, or a script in which everything except the commands is a comment.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Powershell,
}

/// The checks of one credential at one family of servers, in one cloud.
struct Case<'a> {
    credential: &'a Credential,
    family: Family,
    cloud: Cloud,
    checks: Vec<&'a Check>,
    /// The object id of the enterprise application, if a token could be obtained.
    object_id: Option<String>,
    /// The client id of the service account, if its key file can be read.
    google_client: Option<String>,
    rbac: bool,
    /// How to run this program with the same configuration.
    again: &'a Again,
}

impl Case<'_> {
    fn steps(&self) -> Vec<Step> {
        let steps = match self.family {
            _ if self.credential.is_delegated() => person::steps(self),
            Family::ExchangeOnline => exchange::steps(self),
            Family::OutlookCom | Family::Gmail | Family::Generic => elsewhere::steps(self),
        };
        step::of_cloud(self.cloud).into_iter().chain(steps).collect()
    }

    /// The same with the checks of mail protocols alone.
    fn of_mail(&self) -> Self {
        let checks = self.checks.iter().copied().filter(|check| !graph::is_of_graph(check)).collect();
        let (object_id, google_client) = (self.object_id.clone(), self.google_client.clone());
        Self { checks, object_id, google_client, ..*self }
    }

    fn title(&self) -> String {
        let mailboxes = self.addresses(|_| true).len();
        let noun = if mailboxes == 1 { "mailbox" } else { "mailboxes" };
        let (name, kind) = (&self.credential.name, self.credential.label());
        format!("credential {name} ({kind}) at {}: {mailboxes} {noun}", self.family)
    }

    /// The addresses of the checks that `fits` accepts, each once, in the order of the configuration.
    fn addresses(&self, fits: impl Fn(&Check) -> bool) -> Vec<&str> {
        let mut addresses: Vec<&str> = Vec::new();
        for check in self.checks.iter().filter(|check| fits(check)) {
            let address = check.mailbox.address.as_str();
            if addresses.last() != Some(&address) && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }
}

pub(super) async fn run(options: Options) -> Exit {
    let plan = match options.config.load() {
        Ok(loaded) => loaded.plan,
        Err(exit) => return exit,
    };
    let again = options.config.again();
    match sections(&plan, &options, &again).await {
        Ok(sections) => say(&render(&sections, options.output), Exit::Fine),
        Err(complaint) => {
            complain(&format!("{complaint}\n"));
            Exit::Bad
        }
    }
}

/// A title and its steps.
type Section = (String, Vec<Step>);

/// The credentials that are asked about: first what mailboxes need of them, then what directories do.
async fn sections(plan: &Plan, options: &Options, again: &Again) -> Result<Vec<Section>, String> {
    let cases = cases(plan, options, again).await?;
    let is_asked = |name: &str| options.credential.as_ref().is_none_or(|asked| asked == name);
    let directories = plan.directories.iter().filter(|directory| is_asked(&directory.spec.credential));
    let directories = directories.map(|one| (directory::title(one), directory::steps(one, again)));
    let sections: Vec<_> = cases.iter().map(|case| (case.title(), case.steps())).chain(directories).collect();
    if sections.is_empty() {
        return Err(match &options.credential {
            Some(name) => format!(
                "neither a mailbox nor a directory uses credential {name}, so it is not known what it needs"
            ),
            None => "no mailbox uses a credential: there is nothing to set up".to_owned(),
        });
    }
    Ok(sections)
}

/// The credentials of mailboxes, each with the families of servers that it opens.
async fn cases<'a>(plan: &'a Plan, options: &Options, again: &'a Again) -> Result<Vec<Case<'a>>, String> {
    if let Some(name) = &options.credential
        && !plan.credentials.iter().any(|credential| *credential.name == **name)
    {
        let names: Vec<&str> = plan.credentials.iter().map(|credential| &*credential.name).collect();
        return Err(select::unknown("credential", name, &names));
    }
    let prober = Prober::new(&plan.limits, Arc::new(|_| ()));
    let mut cases = Vec::new();
    for credential in &plan.credentials {
        if options.credential.as_ref().is_some_and(|name| **name != *credential.name) {
            continue;
        }
        let pairs =
            Family::ALL.iter().flat_map(|family| Cloud::ALL.iter().map(move |cloud| (*family, *cloud)));
        for (family, cloud) in pairs {
            let mine = |check: &&Check| {
                let provider = &check.mailbox.provider;
                check.mailbox.credential.name == credential.name
                    && (provider.family, provider.cloud) == (family, cloud)
            };
            let checks: Vec<_> = plan.checks.iter().flat_map(|check| check.legs()).filter(mine).collect();
            if !checks.is_empty() {
                let object_id = object_id(&prober, &checks).await;
                let google_client = match credential.auth.token() {
                    Some(proof) => elsewhere::google_client(proof).await,
                    None => None,
                };
                let rbac = options.rbac;
                cases.push(Case { credential, family, cloud, checks, object_id, google_client, rbac, again });
            }
        }
    }
    Ok(cases)
}

/// The object id of the app's service principal, taken from a token. If there is none, the steps keep a placeholder.
async fn object_id(prober: &Prober, checks: &[&Check]) -> Option<String> {
    let check = checks.first()?;
    // A Google service account has no principal in the mail system. The token of a delegated credential belongs to a
    // person, not to the app, and requesting one may replace the refresh token.
    let spec = check.token_spec().filter(|spec| !spec.proof.is_per_user() && !spec.proof.is_delegated())?;
    match prober.tokens().fetch(spec, &check.name()).await {
        Ok(token) => token.claims()?.object_id.clone(),
        Err(cause) => {
            let (name, why) = (&spec.credential, safe::line(&cause.detail));
            complain(&format!(
                "note: no token for credential {name}, so the object id is not filled in: {why}\n"
            ));
            None
        }
    }
}

fn render(sections: &[Section], output: Output) -> String {
    let sections = sections.iter().map(|(title, steps)| match output {
        Output::Text => step::text(title, steps),
        Output::Powershell => step::script(title, steps),
    });
    sections.collect::<Vec<_>>().join("\n")
}
