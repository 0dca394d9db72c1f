//! Sentences of identity providers other than Entra, and of Entra without a number.
//!
//! A table and nothing else: `oauth` reads answers and knows their codes.

use super::wording::Says::Is;
use super::wording::{Wording, wordings};
use crate::model::Reason as R;

/// Sentences of other providers. They accompany errors that mean several things.
pub(super) const SENTENCES: &[Wording] = wordings! {
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
        "managed identity found", "Azure App Service: No Managed Identity found for specified ClientId";
        "no msi found", "Azure App Service, older wording of the row above";
    }
    // A grant type is switched off, not an account.
    Is(R::TokenRequestInvalid) => {
        "flow is disabled", "Keycloak: Standard flow is disabled for the client";
        "grant type*disabled", "generic";
        "grants*disabled", "Keycloak: direct access grants are disabled";
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
        "is disabled", "generic: the account that the sentence names; the rows above cover clients";
        "is deactivated", "generic";
        "been deactivated", "generic";
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
    Is(R::TokenRequestInvalid) => {
        "missing*parameter", "generic; Keycloak: Missing parameter";
        "missing form parameter", "Keycloak: Missing form parameter: grant_type";
        "parameter*missing", "generic";
        "no refresh token", "Keycloak: No refresh token";
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
        "service not found: ", "Auth0: Service not found: the audience is unknown";
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
        "no client credentials found", "Okta";
        "malformed", "generic";
        "redirect_uri_mismatch", "Google";
        "could not determine client id", "Google: Could not determine client ID from request";
        "failed audience check", "Google: Invalid JWT: Failed audience check";
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
        "service_not_available", "MSAL";
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
