//! A managed identity of Azure: the machine or the platform vouches for the workload, so there is no secret at all.
//!
//! Sources: Microsoft Learn, "How to use managed identities for Azure resources on an Azure VM to acquire an access
//! token" (requests, errors, retry guidance) and "How to use managed identities for App Service and Azure Functions".
//! `azure_arc` has the challenge of Azure Arc. Not here on purpose: Service Fabric, which the configuration refuses.

use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep};

use super::azure_arc;
use crate::invocation;
use crate::model::{Cause, IdentityService, Phase, Reason, Redacted, TokenSpec};
use crate::safe;
use crate::secret::{self, Scrubber};
use crate::token::exchange::{Exchange, Issued};
use crate::token::http::{Fault, Route};

/// Pauses before the second attempt and those after it, as Microsoft advises. The last does not fit into the phase.
const PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(6),
    Duration::from_secs(14),
    Duration::from_secs(30),
];
/// Time that is left for the last attempt.
const LAST_ATTEMPT: Duration = Duration::from_secs(2);
/// The first words of a failure's detail, by which the remedy recognises the service.
const fn subject(service: &IdentityService) -> &'static str {
    match service {
        IdentityService::Imds | IdentityService::AppService { .. } => "managed identity",
        IdentityService::AzureArc { .. } => "managed identity of Azure Arc",
    }
}

/// The part of a scope that does not belong to the resource, which is what a metadata service expects.
const DEFAULT_SCOPE: &str = "/.default";

pub(super) async fn request(
    exchange: &Exchange<'_>,
    client_id: Option<&str>,
    service: &IdentityService,
) -> Result<Issued, Cause> {
    let (name, value) = match service {
        IdentityService::Imds | IdentityService::AzureArc { .. } => ("metadata", "true".to_owned()),
        IdentityService::AppService { header } => {
            ("x-identity-header", secret::read(header).await?.expose_secret().to_owned())
        }
    };
    let url = address(exchange.spec, client_id, service);
    let mut scrubber = Scrubber::knowing([&*value]);
    let write = |key: Option<&Redacted>| {
        let mut request = http::Request::get(&*url).header(HeaderName::from_static(name), &value);
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, authorization(key)?);
        }
        request.body(Vec::new()).map_err(|error| {
            Cause::new(Reason::TokenRequestInvalid, format!("{}: {error}", exchange.spec.url))
        })
    };
    let answer = exchange
        .within_bound(async {
            let http = exchange.open(&exchange.spec.url, Route::Direct).await?;
            let (begun, mut pauses) = (Instant::now(), PAUSES.into_iter());
            loop {
                let mut answer = http.send(write(None)?).await;
                if let IdentityService::AzureArc { key_folder } = service
                    && let Err(Fault::Status { status: CHALLENGED, challenge, .. }) = &answer
                {
                    let key = azure_arc::key(challenge.as_deref(), key_folder).await?;
                    scrubber.learn(key.expose_secret());
                    answer = http.send(write(Some(&key))?).await;
                }
                let pause = match &answer {
                    Err(Fault::Status { status, retry_after, .. }) if passes(service, *status) => {
                        pauses.next().map(|pause| pause.max(retry_after.unwrap_or_default()))
                    }
                    _ => None,
                };
                match pause
                    .filter(|pause| begun.elapsed() + *pause + LAST_ATTEMPT <= Phase::Token.row().bound)
                {
                    Some(pause) => sleep(pause).await,
                    None => return judge(exchange, service, answer, &scrubber),
                }
            }
        })
        .await;
    answer.map_err(|cause| Cause { detail: format!("{}: {}", subject(service), cause.detail), ..cause })
}

/// The status of a challenge.
const CHALLENGED: u16 = 401;

/// The header that shows a key of Azure Arc. The key is not encoded.
fn authorization(key: &Redacted) -> Result<HeaderValue, Cause> {
    let value = HeaderValue::try_from(format!("Basic {}", key.expose_secret()));
    let mut value = value.map_err(|_| Cause::new(Reason::SecretUnreadable, "the key fits into no header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether this status passes by itself. Microsoft: 404 and 410 while the metadata service is being updated.
fn passes(service: &IdentityService, status: u16) -> bool {
    match service {
        IdentityService::Imds => matches!(status, 404 | 410 | 429 | 500..=599),
        IdentityService::AppService { .. } | IdentityService::AzureArc { .. } => {
            matches!(status, 429 | 500..=599)
        }
    }
}

/// The result of an answer. The service's own words count where the status alone would mislead.
fn judge(
    exchange: &Exchange<'_>,
    service: &IdentityService,
    answer: Result<oauth2::HttpResponse, Fault>,
    scrubber: &Scrubber,
) -> Result<Issued, Cause> {
    let (status, unreachable) = match &answer {
        Err(Fault::Status { status, .. }) => (Some(*status), false),
        Err(Fault::Network(_) | Fault::Page { .. }) => (None, true),
        Ok(_) => (None, false),
    };
    exchange.judge(answer, scrubber).map_err(|cause| match status {
        Some(404 | 410) if cause.reason != Reason::AppNotFound => Cause {
            reason: Reason::IdpUnavailable,
            detail: format!("the metadata service is being updated, or is not Azure's: {}", cause.detail),
            ..cause
        },
        Some(CHALLENGED) if matches!(service, IdentityService::AzureArc { .. }) => Cause {
            reason: Reason::TokenRequestInvalid,
            detail: format!("the key that its challenge asked for is refused: {}", cause.detail),
            ..cause
        },
        None if unreachable => {
            let detail = format!("no metadata service answers at {}: {}", exchange.spec.url, cause.detail);
            Cause { detail, ..cause }
        }
        _ => cause,
    })
}

fn address(spec: &TokenSpec, client_id: Option<&str>, service: &IdentityService) -> String {
    let version = match service {
        IdentityService::Imds => "2018-02-01",
        IdentityService::AzureArc { .. } => "2020-06-01",
        IdentityService::AppService { .. } => "2019-08-01",
    };
    let joint = if spec.url.contains('?') { '&' } else { '?' };
    let resource = spec.scope.strip_suffix(DEFAULT_SCOPE).unwrap_or(&spec.scope);
    let mut url = format!("{}{joint}api-version={version}&resource={}", spec.url, safe::url_part(resource));
    if let Some(client_id) = client_id {
        url += &format!("&client_id={}", safe::url_part(client_id));
    }
    url
}

/// Which identity was asked for, and what takes the place of an app registration.
pub(super) fn refusal_facts(spec: &TokenSpec, client_id: Option<&str>, reason: Reason) -> Vec<String> {
    let whose = match client_id {
        Some(client_id) => format!("the managed identity of client id `{client_id}`"),
        None => "the managed identity that the system assigned, since the credential has no `client_id`"
            .to_owned(),
    };
    match reason {
        Reason::RoleMissing | Reason::ConsentMissing => vec![invocation::complete(&format!(
            "The token is for {whose}. A managed identity has no app registration and no consent page: its app role is assigned by commands, which `mailbox-exporter setup --config FILE {}` prints.",
            spec.credential
        ))
        .into_owned()],
        _ => vec![format!("Asked for was {whose}, at `{}`.", spec.url)],
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Proof, SecretRef};

    #[test]
    fn the_resource_is_the_scope_without_its_last_part() {
        let spec = TokenSpec {
            credential: "vm".into(),
            proof: Arc::new(Proof::ManagedIdentity {
                client_id: None,
                service: IdentityService::Imds,
                url: String::new(),
            }),
            url: "http://169.254.169.254/metadata/identity/oauth2/token".into(),
            url_is_written: false,
            scope: "https://outlook.office365.com/.default".into(),
            ca_file: None,
            user: None,
        };
        assert_eq!(
            address(&spec, None, &IdentityService::Imds),
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Foutlook.office365.com"
        );
        let service = IdentityService::AppService { header: SecretRef::Env("IDENTITY_HEADER".to_owned()) };
        let spec = TokenSpec { url: "http://127.0.0.1:41741/msi/token/?a=b".into(), ..spec };
        assert_eq!(
            address(&spec, Some("c d"), &service),
            "http://127.0.0.1:41741/msi/token/?a=b&api-version=2019-08-01&resource=https%3A%2F%2Foutlook.office365.com&client_id=c%20d"
        );
    }
}
