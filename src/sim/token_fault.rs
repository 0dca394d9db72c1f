//! The faults of the identity provider, by name: one row each.
//!
//! Does not serve requests: `idp.rs` reads the rows.

use crate::sim::script::HttpFlood;
use crate::sim::token_fault::TokenAct::{
    Body, Close, Flood, Huge, Issue, OpenBody, Redirect, Refuse, Silence, Stall, Throttle, Truncated,
};

/// How the identity provider answers a token request.
#[derive(Debug, Clone, Copy)]
pub(super) enum TokenAct {
    /// An Entra error: status, OAuth2 `error`, AADSTS number, sentence.
    /// Placeholders: `{client}`, `{tenant}`, `{scope}`, `{now}`, `{secret}`.
    Refuse(u16, &'static str, u32, &'static str),
    /// A body that is not a token response: status, content type, text.
    Body(u16, &'static str, &'static str),
    /// 429 with `Retry-After`, in plain text.
    Throttle,
    /// A redirect to this place.
    Redirect(&'static str),
    /// A token with one oddity.
    Issue(Twist),
    /// No answer until the client leaves.
    Silence,
    /// The connection ends without an answer.
    Close,
    /// A body of several megabytes.
    Huge,
    /// A body shorter than announced.
    Truncated,
    /// A body whose end never comes: status, content type, text.
    OpenBody(u16, &'static str, &'static str),
    /// 429 with `Retry-After`, and a body that never comes.
    Stall,
    Flood(HttpFlood),
}

/// The oddity of a token that is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    /// Nothing.
    Plain,
    /// No application permission in it: Entra issues such tokens without complaint.
    NoRoles,
    /// For another service: for Microsoft Graph instead of Exchange Online, or the other way round.
    OtherAudience,
    /// Not a JWT, but good.
    Opaque,
    /// Its time has ended long ago, as out of a cache.
    Stale,
    /// `expires_in` is a string.
    LifetimeAsText,
    /// No `expires_in`.
    NoLifetime,
    /// Everything but the token.
    NoToken,
    /// `token_type` is missing.
    NoType,
}

/// One row.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) act: TokenAct,
}

macro_rules! token_faults {
    ($( $variant:ident => $label:literal, $name:literal, $about:literal, $act:expr; )+) => {
        /// What is wrong at the identity provider.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum TokenFault {
            $( #[doc = $about] $variant, )+
        }

        impl TokenFault {
            /// Every fault, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            pub(super) const fn row(self) -> &'static Row {
                match self {
                    $( Self::$variant => {
                        const ROW: &Row = &Row { label: $label, name: $name, about: $about, act: $act };
                        ROW
                    } )+
                }
            }
        }
    };
}

impl TokenFault {
    /// Whether it is about the refresh tokens so far: signing in is possible, and ends it.
    pub(super) const fn ends_by_sign_in(self) -> bool {
        matches!(
            self,
            Self::RefreshTokenIdle
                | Self::RefreshTokenExpired
                | Self::RefreshTokenRevoked
                | Self::SignInFrequency
        )
    }
}

token_faults! {
    SecretInvalid => "secret_invalid", "orders", "The secret's ID was configured instead of its value.",
        Refuse(401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'.");
    SecretExpired => "secret_expired", "payroll", "Every secret of the app has expired.",
        Refuse(401, "invalid_client", 7000222, "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.");
    AppNotFound => "app_not_found", "archive", "The tenant does not know this client id.",
        Refuse(400, "unauthorized_client", 700016, "Application with identifier '{client}' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.");
    AppDisabled => "app_disabled", "events", "Sign-in is switched off on the enterprise application.",
        Refuse(400, "unauthorized_client", 7000112, "Application '{client}'(contoso-mail) is disabled.");
    TenantNotFound => "tenant_not_found", "branch", "The tenant in the address does not exist in this cloud.",
        Refuse(400, "invalid_tenant", 90002, "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.");
    ScopeInvalid => "scope_invalid", "scanner", "The scope that is asked for does not exist.",
        Refuse(400, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.");
    ConsentMissing => "consent_missing", "newsletter", "No administrator has consented to the application.",
        Refuse(400, "invalid_grant", 65001, "The user or administrator has not consented to use the application with ID '{client}' named 'contoso-mail'. Send an interactive authorization request for this user and resource.");
    ConditionalAccess => "conditional_access", "board", "A Conditional Access policy refuses the sign-in.",
        Refuse(400, "invalid_grant", 53003, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.");
    RefreshTokenIdle => "refresh_token_idle", "assistant", "The refresh token was not used for 90 days: somebody has to sign in again.",
        Refuse(400, "invalid_grant", 700082, "The refresh token has expired due to inactivity. The token was issued on 2026-01-05T08:12:44.0000000Z and was inactive for 90.00:00:00.");
    RefreshTokenExpired => "refresh_token_expired", "visits", "The refresh token has expired.",
        Refuse(400, "invalid_grant", 70008, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.");
    RefreshTokenRevoked => "refresh_token_revoked", "leavers", "The person has a new password, which revokes the refresh token.",
        Refuse(400, "invalid_grant", 50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '2026-10-01T06:00:00.0000000Z' and the TokensValidFrom date (before which tokens are not valid) for this user is '2026-11-02T07:30:00.0000000Z'.");
    SignInFrequency => "sign_in_frequency", "kiosk", "A policy wants people to sign in again after some time.",
        Refuse(400, "invalid_grant", 70043, "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on {now} and the maximum allowed lifetime for this request is 43200.");
    MfaRequired => "mfa_required", "treasury", "A policy wants a second factor.",
        Refuse(400, "invalid_grant", 50076, "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000002-0000-0ff1-ce00-000000000000'.");
    ClockSkew => "clock_skew", "warehouse", "The client assertion lies outside its time: a clock is wrong.",
        Refuse(401, "invalid_client", 700024, "Client assertion is not within its valid time range. Current time: {now}, assertion valid from 2020-01-01T00:00:00.0000000Z, expiry time of assertion 2020-01-01T00:10:00.0000000Z.");
    IdpOutage => "idp_outage", "sales", "The identity provider is down for the moment.",
        Refuse(503, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again.");
    IdpThrottled => "idp_throttled", "bulk", "The identity provider refuses for the number of requests.", Throttle;
    EchoedSecret => "echoed_secret", "echo", "The refusal repeats the secret it was sent.",
        Refuse(401, "invalid_client", 7000215, "Invalid client secret '{secret}' provided for app '{client}'.");
    Roleless => "roleless", "returns", "The token holds no permission: consent was never granted, and only the mail server says so.", Issue(Twist::NoRoles);
    WrongAudience => "wrong_audience", "contracts", "The token is for Microsoft Graph, which opens no mailbox by IMAP or SMTP.", Issue(Twist::OtherAudience);
    OpaqueToken => "opaque_token", "partners", "The token is not a JWT, and works.", Issue(Twist::Opaque);
    StaleToken => "stale_token", "cached", "The token comes out of a cache in between: its own time ended half an hour ago.", Issue(Twist::Stale);
    LifetimeAsText => "lifetime_as_text", "text", "`expires_in` is a string instead of a number.", Issue(Twist::LifetimeAsText);
    NoLifetime => "no_lifetime", "forever", "The answer does not say how long the token lives.", Issue(Twist::NoLifetime);
    NoType => "no_type", "untyped", "The answer holds a token and no `token_type`.", Issue(Twist::NoType);
    NoToken => "no_token", "empty", "200, and no token in the answer.", Issue(Twist::NoToken);
    HtmlBody => "html_body", "portal", "200, and a captive portal's page instead of a token.",
        Body(200, "text/html; charset=utf-8", "<!DOCTYPE html><html><head><title>Sign in to the guest network</title></head><body><h1>Welcome</h1></body></html>");
    BareOutage => "bare_outage", "bare", "503 without a word.", Body(503, "text/plain", "");
    Redirected => "redirected", "moved", "The token endpoint sends its clients elsewhere.", Redirect("https://login.moved.example/token");
    TokenSilence => "token_silence", "night", "The identity provider accepts the request and never answers.", Silence;
    TokenClosed => "token_closed", "cut", "The identity provider closes the connection without an answer.", Close;
    HugeBody => "huge_body", "huge", "An answer of several megabytes.", Huge;
    OpenPage => "open_page", "hotel", "200, and a captive portal's page, whose end never comes.",
        OpenBody(200, "text/html", "<!DOCTYPE html><html><head><title>Sign in to the guest network</title></head><body><h1>Welcome</h1>");
    OpenText => "open_text", "lounge", "200, and a sentence, whose end never comes.", OpenBody(200, "text/plain", "Please accept our terms first.");
    StalledLimit => "stalled_limit", "queue", "429 with its header; the body never comes.", Stall;
    EndlessInterim => "endless_interim", "interim", "Interim answers have no end.", Flood(HttpFlood::Interim);
    EndlessHeader => "endless_header", "header", "A header has no end.", Flood(HttpFlood::Header);
    EndlessHeaders => "endless_headers", "headers", "The headers have no end.", Flood(HttpFlood::Headers);
    EndlessBody => "endless_body", "body", "The body has no end.", Flood(HttpFlood::Body);
    EndlessChunkSize => "endless_chunk_size", "chunk-size", "The size of a chunk has no end.", Flood(HttpFlood::ChunkSize);
    EndlessBlanks => "endless_blanks", "chunk-blanks", "The blanks behind the size of a chunk have no end.", Flood(HttpFlood::ChunkBlanks);
    EndlessExtension => "endless_extension", "chunk-extension", "The extension of a chunk has no end.", Flood(HttpFlood::ChunkExtension);
    EndlessTrailers => "endless_trailers", "trailers", "The trailers have no end.", Flood(HttpFlood::Trailers);
    TruncatedBody => "truncated_body", "half", "An answer that ends before its announced length.", Truncated;
}
