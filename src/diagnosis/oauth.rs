//! Identity providers: what an error response of a token endpoint means. Code beats text, text beats
//! status, and a few texts beat codes.
//!
//! Not here: the long table of Entra's numbers; see `aadsts`.

use serde_json::Value;

use super::aadsts;
use super::text::{fold, leading_number, matches, numbers, unescape, words};
use super::wording::Says::Is;
use super::wording::{Wording, find, wordings};
use super::{TokenAnswer, Verdict};
use crate::model::Reason;

use Reason as R;

/// Numbers whose sentence decides: first row wins, and the number's own row is what is left.
const SENTENCES_OF: &[(u32, &str, Reason)] = &[
    (50012, "secret", R::SecretInvalid),        // design/reasons.md, section A
    (50012, "time range", R::ClockSkew),        // design/reasons.md, section A
    (50012, "not within", R::ClockSkew),        // variation of the row above
    (50012, "expired", R::ClockSkew),           // variation: the assertion has expired
    (50013, "time range", R::ClockSkew),        // reference page: "expired"
    (50013, "expired", R::ClockSkew),           // reference page: "expired"
    (50027, "time range", R::ClockSkew),        // reference page: "not within its valid time range"
    (50027, "expired", R::ClockSkew),           // variation of the row above
    (50053, "malicious", R::ConditionalAccess), // reference page: an address with malicious activity
    (70000, "abuse", R::AccountLocked),         // AzureAD/microsoft-authentication-library-for-objc#2290
    (70000, "suspended", R::AccountLocked),     // variation of the row above
    (70000, "scopes requested are unauthorized", R::ConsentMissing), // personal accounts: consent was never given
    (70000, "'scope'", R::ScopeInvalid), // personal accounts: the value for 'scope' is not valid
    (70000, "'code'", R::TokenRequestInvalid), // personal accounts: the value for 'code' is not valid
    (70000, "signature", R::CertificateRejected), // transmission data parser faults of personal accounts
    (70001, "is disabled", R::AppDisabled), // reference page: "The application is disabled"
    (50001, "disabled", R::AppDisabled), // reference page: "disabled or doesn't exist"
    (70002, "expired", R::SecretExpired), // older wording of 7000222
    (90002, "throttl", R::IdpThrottled), // variation
];

/// Numbers that only say that something failed; another one beside them is the specific one.
const VAGUE: &[u32] = &[70002, 50000, 50012, 90092];

/// Sentences of other providers; they stand beside errors that mean several things.
const SENTENCES: &[Wording] = wordings! {
    Is(R::ConsentMissing) => {
        "client is unauthorized to retrieve access tokens", "hlavki/g-suite-identity-sync#7; googleapis/google-api-php-client#1379";
        "client not authorized for any of the scopes", "Google, longer form of the row above";
        "requested client not authorized", "Google: access_denied";
        "not authorized to access*grant", "Auth0: You need to create a client-grant";
        "not consented", "MicrosoftDocs/entra-docs reference-error-codes";
        "unauthorized client or scope", "Google: Unauthorized client or scope in request";
        "consent_required", "OpenID Connect Core section 3.1.2.6; Entra suberror";
        "consent required", "generic";
        "admin consent", "generic";
    }
    // The same failure of the signature's check, told by its cause.
    Is(R::ClockSkew) => {
        "signed jwt failed*not active", "Keycloak: Client authentication with signed JWT failed: Token is not active";
        "signed jwt failed*expired", "Keycloak, variation of the row above";
    }
    Is(R::CertificateRejected) => {
        "invalid jwt signature", "googleapis/google-cloud-python#10004";
        "no valid verifier", "Google: No valid verifier found for issuer";
        "signed jwt failed", "Keycloak: Client authentication with signed JWT failed";
        "signature on jwt", "Keycloak";
        "signature validation failed", "Keycloak, Okta";
        "signature is invalid", "Okta: client_assertion";
        "client_assertion signature", "Okta";
        "invalid signature", "generic";
        "unable to load public key", "Keycloak";
        "invalid private key", "generic";
        "no matching key", "generic: key id unknown";
    }
    Is(R::ClockSkew) => {
        "token must be a short-lived token", "SteveWinward/GoogleSheetsWrapper#42; a-marenkov/gsheets#96";
        "reasonable timeframe", "mediafigaro/google-analytics-api-symfony#7";
        "check your iat and exp", "a-marenkov/gsheets#96";
        "client_assertion*expired", "Okta: The client_assertion token has expired";
        "assertion*expired", "generic";
        "assertion*time range", "generic";
        "in the future", "generic; Google: iat is in the future";
        "used before", "generic";
        "not yet valid", "generic";
    }
    // The sentence of the standard names every cause there is.
    Is(R::SecretInvalid) => {
        "secret did not match", "ory/hydra";
        "client authentication failed", "RFC 6749 section 5.2; ory/hydra, Laravel Passport, Spring, GitLab";
    }
    Is(R::AppNotFound) => {
        "invalid grant: account not found", "Google: the service account is gone";
        "unknown_client", "Keycloak: Client was not identified by any client authenticator";
        "no registered client", "AD FS MSIS9607";
        "oauth client was not found", "simonrob/email-oauth2-proxy#362 (Google)";
        "deleted_client", "rvk01/google-oauth2#30";
        "oauth client was deleted", "rvk01/google-oauth2#30";
        "client not found", "Keycloak, Okta";
        "client was not found", "generic";
        "unknown client", "Auth0";
        "invalid client_id", "generic";
        "client_id is invalid", "generic";
        "'client_id' parameter", "Okta: Invalid value for 'client_id' parameter";
        "client id*not found", "generic";
        "application*was not found in the directory", "Entra without its number";
        "identity not found", "Azure instance metadata: no such managed identity";
    }
    Is(R::AppDisabled) => {
        "disabled_client", "Google";
        "oauth client was disabled", "Google";
        "client*is disabled", "generic";
        "client disabled", "Keycloak";
        "application*is disabled", "Entra without its number";
        "client is not active", "generic; Okta";
    }
    Is(R::SecretExpired) => {
        "secret*expired", "generic: client secret has expired, keys are expired";
    }
    Is(R::SecretInvalid) => {
        "invalid client secret", "Keycloak; generic";
        "invalid_client_secret", "generic";
        "client secret*invalid", "Okta: The client secret supplied for a confidential client is invalid";
        "client secret*incorrect", "generic";
        "client_secret*not match", "generic";
        "client secret*not match", "generic";
        "invalid client credentials", "Keycloak: Invalid client or Invalid client credentials";
        "invalid client or invalid client", "Keycloak";
        "bad client credentials", "Spring Security OAuth";
        "_description\":\"unauthorized\"", "Auth0 (access_denied), Google (invalid_client)";
        "_description\": \"unauthorized\"", "the same, written with a space";
    }
    Is(R::TenantNotFound) => {
        "realm does not exist", "Keycloak";
        "realm not enabled", "Keycloak";
        "realm not found", "generic";
        "tenant*not found", "Entra without its number";
        "no such tenant", "generic";
    }
    Is(R::AccountNotFound) => {
        "invalid email or user id", "Google: domain-wide delegation for a user that does not exist";
        "not a valid email", "Google: Not a valid email or user ID";
        "account not found", "Google";
        "account has been deleted", "Google";
        "user not found", "generic; Keycloak";
        "unknown user", "generic";
    }
    Is(R::AccountDisabled) => {
        "account disabled", "Keycloak";
        "user disabled", "Keycloak";
        "account is disabled", "generic";
        "account has been disabled", "Google";
        "user is disabled", "generic; Cognito: User is disabled";
    }
    Is(R::AccountLocked) => {
        "account is not fully set up", "Keycloak: a required action is open";
        "account temporarily disabled", "Keycloak brute force detection";
        "account is locked", "generic";
        "account has been blocked", "Auth0: blocked after multiple consecutive login attempts";
        "too_many_attempts", "Auth0";
        "user is blocked", "generic; Auth0: user is blocked";
        "password attempts exceeded", "Cognito";
        "account_suspended", "generic";
        "user account*suspended", "Google";
    }
    Is(R::PasswordExpired) => {
        "password*expired", "Okta, Ping: the password has expired";
        "password reset required", "Cognito";
    }
    Is(R::MfaRequired) => {
        "mfa_required", "Auth0; Okta";
        "multi-factor", "MicrosoftDocs/entra-docs reference-error-codes";
        "multifactor", "Auth0: Multifactor authentication required";
        "mfa required", "generic";
    }
    Is(R::ConditionalAccess) => {
        "admin_policy_enforced", "Google Workspace access control";
        "org_internal", "Google: the app is for another organisation";
        "policy evaluation failed", "Okta: Policy evaluation failed for this request";
        "conditional access", "MicrosoftDocs/entra-docs reference-error-codes";
        "security defaults", "MicrosoftDocs/entra-docs reference-error-codes";
        "blocked by*polic", "generic";
        "protection_policy_required", "Entra suberror";
        "device_authentication_failed", "Entra suberror";
    }
    Is(R::RefreshTokenExpired) => {
        "invalid_rapt", "Google: session control, sign in again";
        "rapt_required", "Google";
        "reauth related error", "Google";
        "expired or revoked", "Google: Token has been expired or revoked";
        "token has been revoked", "Google";
        "refresh token", "Okta, Keycloak, Auth0: refresh token is invalid, expired, reused";
        "refresh_token", "Entra: the refresh_token is not valid";
        "token is not active", "Keycloak: Token is not active, of a refresh token";
        "session not active", "Keycloak";
        "session doesn't have", "Keycloak";
        "offline session", "Keycloak";
        "offline user session", "Keycloak";
        "stale token", "Keycloak";
        "token reuse", "Keycloak: Maximum allowed refresh token reuse exceeded";
        "must sign in again", "sagarrabadiya/outlook-php#16";
        "grant is expired", "sagarrabadiya/outlook-php#16";
        "token_expired", "Entra suberror";
        "bad_token", "Entra suberror";
    }
    Is(R::CredentialsRejected) => {
        "invalid user credentials", "Keycloak";
        "bad credentials", "Spring Security";
        "wrong email or password", "Auth0";
        "incorrect username or password", "Cognito";
        "invalid username or password", "generic";
        "credentials provided were invalid", "Okta: The credentials provided were invalid";
        "authentication failed for the user", "Okta";
    }
    Is(R::ScopeInvalid) => {
        "invalid_scope", "RFC 6749 section 5.2";
        "invalid scope", "Keycloak: Invalid scopes";
        "scopes are not configured", "Okta: One or more scopes are not configured";
        "some requested scopes", "Google: Some requested scopes were invalid";
        "not a valid audience", "Google: is not a valid audience string";
        "invalid oauth scope", "Google: Invalid OAuth scope or ID token audience provided";
        "empty or missing scope", "Google";
        "service not enabled within domain", "Auth0: the audience is not an API of the tenant";
        "audience*not*", "generic: audience not found, not allowed";
    }
    Is(R::TokenRequestInvalid) => {
        "client not enabled to retrieve service account", "louislam/uptime-kuma#4202 (Keycloak)";
        "client not allowed for", "Keycloak: Client not allowed for direct access grants";
        "client not enabled for", "Keycloak";
        "public client not allowed", "Keycloak: Public client not allowed to retrieve service account";
        "grant type*not", "Auth0: Grant type not allowed for the client; Okta";
        "grant_type*not", "generic";
        "missing*parameter", "generic; Keycloak: Missing parameter";
        "missing form parameter", "Keycloak: Missing form parameter: grant_type";
        "no client credentials found", "Okta";
        "parameter*missing", "generic";
        "malformed", "generic";
        "redirect_uri_mismatch", "Google";
        "could not determine client id", "Google: Could not determine client ID from request";
    }
    Is(R::IdpThrottled) => {
        "too many requests", "AzureAD/microsoft-authentication-library-for-dotnet#2855";
        "rate limit", "Okta E0000047: API call exceeded rate limit";
        "rate_limit", "Google: rate_limit_exceeded";
        "ratelimit", "Google: userRateLimitExceeded";
        "throttl", "generic";
        "global limit has been reached", "Auth0";
        "quota exceeded", "Google";
        "slow_down", "RFC 8628 section 3.5";
    }
    Is(R::IdpUnavailable) => {
        "upstream connect error", "Envoy, in front of many a provider";
        "no healthy upstream", "Envoy";
        "upstream request timeout", "Envoy";
        "temporarily_unavailable", "RFC 6749 section 4.1.2.1";
        "temporarily unavailable", "Azure-Samples/active-directory-angularjs-singlepageapp-dotnet-webapi#1";
        "service unavailable", "RFC 9110 section 15.6.4";
        "server_error", "RFC 6749 section 4.1.2.1";
        "internal_failure", "Google";
        "internal_error", "generic";
        "internal server error", "RFC 9110 section 15.6.1";
        "backend error", "Google: backendError";
        "bad gateway", "RFC 9110 section 15.6.3";
        "gateway time", "RFC 9110 section 15.6.5";
        "unknown_error", "Keycloak";
        "retry later", "generic";
        "try again later", "generic";
    }
};

/// The `error` of RFC 6749 section 5.2 and its relatives: RFC 8628, RFC 8693, OpenID Connect Core.
const ERRORS: &[(&str, Reason)] = &[
    ("invalid_client", R::SecretInvalid),
    ("invalid_grant", R::RefreshTokenExpired),
    ("invalid_scope", R::ScopeInvalid),
    ("invalid_resource", R::ScopeInvalid), // Entra
    ("invalid_target", R::ScopeInvalid),   // RFC 8707
    ("invalid_tenant", R::TenantNotFound), // Entra
    ("invalid_request", R::TokenRequestInvalid),
    ("unauthorized_client", R::TokenRequestInvalid),
    ("unsupported_grant_type", R::TokenRequestInvalid),
    ("unsupported_response_type", R::TokenRequestInvalid),
    ("invalid_request_object", R::TokenRequestInvalid),
    ("invalid_dpop_proof", R::TokenRequestInvalid),
    ("redirect_uri_mismatch", R::TokenRequestInvalid), // Google
    ("authorization_pending", R::TokenRequestInvalid),
    ("access_denied", R::ConsentMissing),
    ("authorization_declined", R::ConsentMissing), // Entra, device code
    ("consent_required", R::ConsentMissing),
    ("interaction_required", R::ConditionalAccess),
    ("admin_policy_enforced", R::ConditionalAccess), // Google
    ("org_internal", R::ConditionalAccess),          // Google
    ("mfa_required", R::MfaRequired),                // Auth0, Okta
    ("login_required", R::RefreshTokenExpired),
    ("expired_token", R::RefreshTokenExpired),
    ("invalid_token", R::RefreshTokenExpired),
    ("bad_token", R::RefreshTokenExpired),
    ("account_selection_required", R::RefreshTokenExpired),
    ("disabled_client", R::AppDisabled), // Google
    ("deleted_client", R::AppNotFound),  // Google
    ("client_not_found", R::AppNotFound),
    ("account_disabled", R::AccountDisabled),
    ("server_error", R::IdpUnavailable),
    ("temporarily_unavailable", R::IdpUnavailable),
    ("internal_failure", R::IdpUnavailable), // Google
    ("unknown_error", R::IdpUnavailable),    // Keycloak
    ("backenderror", R::IdpUnavailable),     // Google
    ("slow_down", R::IdpThrottled),
    ("too_many_requests", R::IdpThrottled),
    ("rate_limit_exceeded", R::IdpThrottled),
    // Google's other interfaces: google.rpc.Code.
    ("unavailable", R::IdpUnavailable),
    ("internal", R::IdpUnavailable),
    ("deadline_exceeded", R::IdpUnavailable),
    ("resource_exhausted", R::IdpThrottled),
    ("permission_denied", R::ConsentMissing),
    ("unauthenticated", R::SecretInvalid),
];

/// What an HTTP status says when the body says nothing.
const STATUS: &[(std::ops::RangeInclusive<u16>, Reason)] = &[
    (429..=429, R::IdpThrottled),
    (408..=408, R::IdpUnavailable),
    (401..=401, R::SecretInvalid),       // RFC 6749 section 5.2: invalid_client
    (407..=407, R::NetworkUnreachable),  // a proxy of ours wants a login
    (300..=399, R::TokenRequestInvalid), // RFC 6749 knows no redirect here: the address is wrong
    (400..=400, R::TokenRequestInvalid),
    (404..=405, R::TokenRequestInvalid),
    (410..=415, R::TokenRequestInvalid),
    (500..=599, R::IdpUnavailable),
];

/// What an error response means.
pub(super) fn classify(answer: &TokenAnswer<'_>) -> Verdict {
    let body = Body::parse(answer.body);
    let success = answer.status.is_some_and(|status| (200..300).contains(&status));
    let known = || {
        let status = STATUS.iter().find(|(range, _)| answer.status.is_some_and(|s| range.contains(&s)));
        status.map(|(_, reason)| *reason)
    };
    let reason = if success && body.error.is_none() {
        Reason::ProtocolError
    } else {
        body.reason(answer.status.is_none()).or_else(known).unwrap_or_else(|| body.leftover())
    };
    Verdict { reason, retry_after: answer.retry_after }
}

/// What a text with an Entra number in it means; `None` where there is none that is known.
pub(super) fn number(folded: &str) -> Option<Reason> {
    by_number(&numbers(folded, "aadsts"), folded)
}

/// Whether a text is an identity provider's: a number of Entra, an error response, or its words in a
/// library's message.
pub(super) fn speaks(folded: &str) -> bool {
    folded.contains("aadsts")
        || (folded.starts_with('{') && folded.contains("\"error"))
        || folded.contains("error_description")
        || words(folded).any(|word| word.contains('_') && ERRORS.iter().any(|(error, _)| *error == word))
}

/// The last specific number that is known, else the last vague one.
fn by_number(found: &[u32], folded: &str) -> Option<Reason> {
    let one = |number: u32| {
        let sentence = SENTENCES_OF.iter().find(|(row, words, _)| *row == number && matches(folded, words));
        sentence.map(|(_, _, reason)| *reason).or_else(|| aadsts::reason(number))
    };
    let specific =
        found.iter().rev().filter(|number| !VAGUE.contains(number)).find_map(|number| one(*number));
    specific.or_else(|| found.iter().rev().find_map(|number| one(*number)))
}

/// The parts of a body that carry a meaning.
#[derive(Debug, Default)]
struct Body {
    /// The `error` member, or the word that stands for it in a text.
    error: Option<String>,
    /// Entra's `error_codes`.
    codes: Vec<u32>,
    /// Everything, folded.
    folded: String,
}

impl Body {
    fn parse(text: &str) -> Self {
        let folded = fold(&unescape(text));
        let Ok(Value::Object(members)) = serde_json::from_str::<Value>(super::text::cut(text)) else {
            // Not JSON: a library's message, a page of HTML, a cut body, a dictionary of Python.
            let error =
                words(&folded).find(|word| ERRORS.iter().any(|(error, _)| error == word)).map(str::to_owned);
            return Self { error, codes: listed_codes(&folded), folded };
        };
        // Google's other interfaces nest it: {"error": {"code": 401, "status": "UNAUTHENTICATED"}}.
        let error = members.get("error").map(|error| match error {
            Value::String(error) => error.to_lowercase(),
            other => other.get("status").and_then(Value::as_str).unwrap_or_default().to_lowercase(),
        });
        let codes = members.get("error_codes").and_then(Value::as_array).into_iter().flatten();
        let codes = codes.filter_map(|code| u32::try_from(code.as_u64()?).ok()).collect();
        Self { error, codes, folded }
    }

    fn leftover(&self) -> Reason {
        match find(LEFTOVERS, &self.folded) {
            Some(Is(reason)) => reason,
            _ => Reason::Unexpected,
        }
    }

    fn reason(&self, bare: bool) -> Option<Reason> {
        let by_text = || number(&self.folded);
        let by_error = || {
            let error = self.error.as_deref()?;
            // Entra means the app by it, RFC 6749 the grant type (design notes, misleading words).
            if error == "unauthorized_client" && self.folded.contains("aadsts") {
                return Some(Reason::AppNotFound);
            }
            ERRORS.iter().find(|(row, _)| *row == error).map(|(_, reason)| *reason)
        };
        let by_sentence = || match find(SENTENCES, &self.folded) {
            Some(Is(reason)) => Some(reason),
            _ => None,
        };
        by_number(&self.codes, &self.folded)
            .or_else(by_text)
            .or_else(|| by_number(&bare_numbers(&self.folded), &self.folded))
            .or_else(by_sentence)
            .or_else(by_error)
            .or_else(|| if bare { status_in(&self.folded) } else { None })
    }
}

/// What is left of a body in which nothing is known: a page, or a complaint about the request.
const LEFTOVERS: &[Wording] = wordings! {
    Is(R::ProtocolError) => {
        "<html", "a captive portal, a proxy, a login page: no token endpoint speaks HTML";
        "<!doctype", "as the row above";
        "decoding response", "reqwest: error decoding response body";
        "not valid json", "JavaScript: Unexpected token < in JSON, is not valid JSON";
        "invalid json", "generic";
        "jsondecodeerror", "Python";
    }
    Is(R::TokenRequestInvalid) => {
        "bad request", "RFC 9110 section 15.5.1; Okta E0000021";
    }
};

/// `error_codes: [70043]` where the text around it is not JSON.
fn listed_codes(folded: &str) -> Vec<u32> {
    let Some((_, rest)) = folded.split_once("error_codes") else { return Vec::new() };
    let Some((list, _)) = rest.split_once('[').and_then(|(_, rest)| rest.split_once(']')) else {
        return Vec::new();
    };
    list.split(',').filter_map(|code| leading_number(code.trim())).collect()
}

/// In a text of so few bytes a number stands for itself: `error code 7000215`.
const SHORT: usize = 40;

/// Entra's numbers begin here; smaller ones are ports, years and statuses.
const LEAST: u32 = 10_000;

/// Whether a short text holds a number that is known.
pub(super) fn is_number(folded: &str) -> bool {
    folded.len() <= SHORT && bare_numbers(folded).into_iter().any(|number| aadsts::reason(number).is_some())
}

/// Numbers without their letters: alone, or before ` - [`, as MSAL writes them.
fn bare_numbers(folded: &str) -> Vec<u32> {
    if let Ok(number) = folded.parse() {
        return vec![number];
    }
    if folded.len() <= SHORT {
        return words(folded).filter_map(leading_number).filter(|number| *number >= LEAST).collect();
    }
    let before = folded.split(" - [").next().unwrap_or_default();
    if before.len() == folded.len() {
        return Vec::new();
    }
    words(before).last().and_then(leading_number).into_iter().collect()
}

/// `http error: 503`, `status code 429`: a status that only a library's message tells.
fn status_in(folded: &str) -> Option<Reason> {
    let (_, rest) = ["http error", "status code", "http status", "http/1.1", "http/2", "http", "status"]
        .iter()
        .find_map(|marker| folded.split_once(marker))?;
    let status: u16 = words(rest).next().and_then(leading_number)?;
    STATUS.iter().find(|(range, _)| range.contains(&status)).map(|(_, reason)| *reason)
}
