//! Where a credential asks for its tokens at a provider, and for what.
//!
//! Owns what the kinds of credentials make of a provider's `token_url` and `scope`.

use std::sync::Arc;

use super::place::Quoted;
use super::provider::Resolved;
use super::value;
use crate::model::{Family, Proof, Protocol};

/// Google's, if neither the configuration nor the key names another one.
const GOOGLE_URL: &str = "https://oauth2.googleapis.com/token";
/// Opens IMAP, POP3 and SMTP at Google.
const GOOGLE_SCOPE: &str = "https://mail.google.com/";

/// A token endpoint, its tenant filled in, and the scope of the requests.
pub(super) struct TokenEndpoint {
    pub(super) url: Arc<str>,
    /// The file says so, and not a preset.
    pub(super) is_written: bool,
    pub(super) scope: Arc<str>,
}

/// The endpoint of a credential at a provider.
///
/// # Errors
///
/// Why there is none; without a sentence, if it was reported elsewhere.
pub(super) fn of(
    provider: &Resolved,
    name: &Quoted<'_>,
    proof: &Proof,
) -> Result<TokenEndpoint, Option<String>> {
    match proof {
        Proof::GoogleServiceAccount { .. } => google(provider, name),
        Proof::ManagedIdentity { url, .. } => managed(provider, name, url),
        Proof::ClientSecret { .. }
        | Proof::Certificate { .. }
        | Proof::Federated { .. }
        | Proof::RefreshToken { .. } => of_app(provider, name, proof),
    }
}

fn of_app(provider: &Resolved, name: &Quoted<'_>, proof: &Proof) -> Result<TokenEndpoint, Option<String>> {
    let at = Quoted(&provider.provider.name);
    let (url, scope) = if proof.is_delegated() {
        let scope = provider.person_scope.as_ref().map_err(|_| None)?;
        // Of any protocol: the plan replaces it by that of each check.
        (&provider.person_token_url, scope.as_ref().map(|scope| scope.of(Protocol::Imap)))
    } else {
        (&provider.token_url, provider.scope.clone().map_err(|_| None)?)
    };
    let url = url.as_ref().map_err(|_| None)?;
    let (url, scope) = match (url, scope) {
        (Some(url), Some(scope)) => (url, scope),
        (url, scope) => {
            let missing = match (url, scope) {
                (None, None) => "token_url and no scope",
                (None, Some(_)) => "token_url",
                (Some(_), _) => "scope",
            };
            let remedy = match provider.no_app {
                Some(why) if !proof.is_delegated() => why,
                _ => "write what is missing there",
            };
            return Err(Some(format!(
                "credential {name} cannot get a token at provider {at}, which has no {missing}: {remedy}"
            )));
        }
    };
    let tenant = proof.tenant();
    let awaits_tenant = matches!(proof, Proof::Federated { by_webhook: true, .. });
    if tenant.is_none() && value::has_tenant(url) && !awaits_tenant {
        return Err(Some(format!(
            "credential {name} has no tenant, and the token_url of provider {at} holds {{tenant}}: write tenant there, the directory (tenant) of the application"
        )));
    }
    // The configuration takes precedence over the environment.
    let authority = proof.authority().filter(|_| !provider.written.token_url);
    let url = value::at_authority(url, authority);
    let url = match tenant {
        Some(tenant) => value::fill_tenant(&url, tenant),
        // The request says what is missing.
        None => url,
    };
    if url::Url::parse(&url).is_err() {
        return Err(Some(format!(
            "the tenant of credential {name} makes no valid address of the token_url of provider {at}"
        )));
    }
    Ok(TokenEndpoint { url: url.into(), is_written: provider.written.token_url, scope })
}

/// The metadata service, whatever the provider's `token_url`; for the provider's scope.
fn managed(provider: &Resolved, name: &Quoted<'_>, url: &str) -> Result<TokenEndpoint, Option<String>> {
    let scope = provider.scope.as_ref().map_err(|_| None)?.as_ref().ok_or_else(|| {
        let at = Quoted(&provider.provider.name);
        let remedy = provider.no_app.unwrap_or("write what is missing there");
        Some(format!("credential {name} cannot get a token at provider {at}, which has no scope: {remedy}"))
    })?;
    Ok(TokenEndpoint { url: url.into(), is_written: true, scope: Arc::clone(scope) })
}

/// Google's own endpoint and scope, unless the file writes others: presets of other providers do not count.
fn google(provider: &Resolved, name: &Quoted<'_>) -> Result<TokenEndpoint, Option<String>> {
    let url = provider.token_url.as_ref().map_err(|_| None)?.as_ref().filter(|_| provider.written.token_url);
    let scope = provider.scope.as_ref().map_err(|_| None)?.as_ref().filter(|_| provider.written.scope);
    if url.is_none() && matches!(provider.provider.family, Family::ExchangeOnline | Family::OutlookCom) {
        return Err(Some(format!(
            "credential {name} is a Google service account, and provider {} is not Google: write provider: gmail at its mailboxes",
            Quoted(&provider.provider.name)
        )));
    }
    if url.is_some_and(|url| value::has_tenant(url)) {
        return Err(Some(format!(
            "credential {name} is a Google service account, which has no tenant, and the token_url of provider {} holds {{tenant}}",
            Quoted(&provider.provider.name)
        )));
    }
    Ok(TokenEndpoint {
        url: url.cloned().unwrap_or_else(|| GOOGLE_URL.into()),
        is_written: url.is_some(),
        scope: scope.cloned().unwrap_or_else(|| GOOGLE_SCOPE.into()),
    })
}
