//! The admin-consent URL, which an administrator opens to grant an app the permissions it asks for.
//!
//! Source: Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth", section on
//! tenant admin consent, and the v2.0 admin consent endpoint.

use crate::model::{Protocol, TokenSpec};
use crate::safe::url_part;

/// Where Entra sends the browser afterwards if nothing else is asked for: its page for native clients.
pub const NATIVE_CLIENT: &str = "https://login.microsoftonline.com/common/oauth2/nativeclient";

/// In the worldwide cloud IMAP is consented to under another name than the one tokens are for.
const WORLDWIDE: &str = "https://outlook.office365.com/.default";
const WORLDWIDE_IMAP: &str = "https://ps.outlook.com/.default";

/// The v2.0 admin-consent URL for the app of a token, by the cloud of its token endpoint; `None` if
/// the credential has no tenant or app.
pub fn consent_url(
    spec: &TokenSpec,
    protocol: impl Into<Option<Protocol>>,
    redirect_uri: &str,
) -> Option<String> {
    let tenant = url_part(spec.proof.tenant()?);
    let app = url_part(spec.proof.client_id()?);
    let (scheme, rest) = spec.url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let scope = match (&*spec.scope, protocol.into()) {
        (WORLDWIDE, Some(Protocol::Imap)) => WORLDWIDE_IMAP,
        (scope, _) => scope,
    };
    let (redirect, scope) = (url_part(redirect_uri), url_part(scope));
    Some(format!(
        "{scheme}://{authority}/{tenant}/v2.0/adminconsent?client_id={app}&redirect_uri={redirect}&scope={scope}"
    ))
}
