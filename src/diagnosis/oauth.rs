//! Identity providers: what an error response of a token endpoint means. An error number counts before the
//! text, the text before the HTTP status; a few numbers mean something only together with their sentence.
//!
//! Not here: the long tables. Entra's numbers are in `aadsts`, sentences in `oauth_sentences`.

use serde_json::Value;

use super::aadsts;
use super::oauth_sentences::SENTENCES;
use super::text::{fold, leading_number, matches, numbers, unescape, words};
use super::wording::Says::Is;
use super::wording::{Wording, find, wordings};
use super::{TokenAnswer, Verdict};
use crate::model::Reason;

use Reason as R;

/// Numbers whose meaning depends on the sentence beside them. The first matching row wins; if none matches, the
/// number's row in `aadsts` counts.
const NUMBERS_WITH_SENTENCE: &[(u32, &str, Reason)] = &[
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
    (70002, "must contain the following parameter", R::TokenRequestInvalid), // older wording of 7000218
    (90072, "does not exist in tenant", R::AccountNotFound), // the sentence of 50020
    (700023, "assertion", R::TokenRequestInvalid), // the assertion is for another realm; else a scope
    (90002, "throttl", R::IdpThrottled), // variation
];

/// Numbers that only say that something failed. Any other number beside them says more.
const VAGUE: &[u32] = &[70002, 50000, 50012, 90092];

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

/// Errors that are everyday words: they count only as the `error` member of a JSON object.
const EVERYDAY: &[&str] = &["unavailable", "internal", "unauthenticated"];

/// What an HTTP status means if the body explains nothing.
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
    let by_status = || {
        let status = STATUS.iter().find(|(range, _)| answer.status.is_some_and(|s| range.contains(&s)));
        status.map(|(_, reason)| *reason)
    };
    let reason = if success && body.error.is_none() {
        Reason::ProtocolError
    } else {
        body.reason(answer.status.is_none()).or_else(by_status).unwrap_or_else(|| body.leftover())
    };
    Verdict { reason, retry_after: answer.retry_after }
}

/// What the Entra number in a text means; `None` if there is no known number.
pub(super) fn entra_number(folded: &str) -> Option<Reason> {
    by_number(&numbers(folded, "aadsts"), folded).or_else(|| sign_in_code(folded))
}

/// The least number that is taken for Entra's after the words `error code`: other programs' codes are smaller.
const LEAST_SIGN_IN_CODE: u32 = 50_000;

/// The text before the number on Entra's sign-in page and in its sign-in log.
const CODE_MARKERS: &[&str] = &["error code:", "error code ", "errorcode:", "errorcode\":"];

fn sign_in_codes(folded: &str) -> impl Iterator<Item = u32> {
    CODE_MARKERS.iter().flat_map(|marker| numbers(folded, marker))
}

/// What the number on Entra's sign-in page or in its sign-in log means: `Error Code: 53003`,
/// `Sign-in error code 50076`.
pub(super) fn sign_in_code(folded: &str) -> Option<Reason> {
    let mut found = sign_in_codes(folded).filter(|number| *number >= LEAST_SIGN_IN_CODE);
    found.find_map(|number| by_number(&[number], folded))
}

/// Words that show that a text is a sign-in log of Entra.
const SIGN_IN_LOG: &[&str] = &["sign-in", "clientappused", "conditionalaccessstatus", "userprincipalname"];

/// Whether a text is a sign-in log in which every sign-in succeeded: its error code is 0.
pub(super) fn is_log_of_successful_sign_ins(text: &str) -> bool {
    let folded = fold(&unescape(text));
    let mut codes = sign_in_codes(&folded).peekable();
    SIGN_IN_LOG.iter().any(|field| folded.contains(field))
        && codes.peek().is_some()
        && codes.all(|code| code == 0)
}

/// Members of an identity provider's public documents: its metadata (RFC 8414), its keys (RFC 7517).
const DOCUMENTS: &[&[&str]] = &[&["issuer", "token_endpoint"], &["keys"]];

/// Whether a text is such a document, which reports no failure.
pub(super) fn is_public_document(text: &str) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(text.trim()) else { return false };
    DOCUMENTS.iter().any(|names| names.iter().all(|name| members.contains_key(*name)))
}

/// Whether a text comes from an identity provider: it has a number of Entra, is an error response, or names an
/// OAuth error in a library's message.
pub(super) fn is_of_provider(folded: &str) -> bool {
    folded.contains("aadsts")
        || (folded.starts_with('{') && folded.contains("\"error"))
        || folded.contains("error_description")
        || words(folded).any(|word| word.contains('_') && ERRORS.iter().any(|(error, _)| *error == word))
}

/// Whether a text is a token response: it holds a token, and no error.
pub(super) fn is_token_response(text: &str) -> bool {
    let folded = fold(&unescape(text));
    // A value follows the name: `KeyError: 'access_token'` reports that there was no token.
    let named = |quote: &str| {
        let name = format!("{quote}access_token{quote}");
        folded.match_indices(&name).any(|(at, name)| {
            folded.get(at + name.len()..).is_some_and(|rest| rest.trim_start().starts_with([':', '=']))
        })
    };
    (named("\"") || named("'"))
        && !["\"error\"", "'error'", "error_description", "invalid"].iter().any(|word| folded.contains(word))
}

/// What the last known number means; [`VAGUE`] ones count only if there is no other.
fn by_number(found: &[u32], folded: &str) -> Option<Reason> {
    let reason_of = |number: u32| {
        let sentence =
            NUMBERS_WITH_SENTENCE.iter().find(|(row, words, _)| *row == number && matches(folded, words));
        sentence.map(|(_, _, reason)| *reason).or_else(|| aadsts::reason(number))
    };
    let specific =
        found.iter().rev().filter(|number| !VAGUE.contains(number)).find_map(|number| reason_of(*number));
    specific.or_else(|| found.iter().rev().find_map(|number| reason_of(*number)))
}

/// The parts of a body that carry a meaning.
#[derive(Debug, Default)]
struct Body {
    /// The `error` member, or, if the body is not JSON, the first word that is an OAuth error.
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
            let is_error =
                |word: &&str| !EVERYDAY.contains(word) && ERRORS.iter().any(|(error, _)| error == word);
            let error = words(&folded).find(is_error).map(str::to_owned);
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

    /// The reason if nothing else explains the body.
    fn leftover(&self) -> Reason {
        match find(LEFTOVERS, &self.folded) {
            Some(Is(reason)) => reason,
            _ => Reason::Unexpected,
        }
    }

    /// The reason, by the most telling part of the body. If `status_is_unknown`, a status in the text counts last.
    fn reason(&self, status_is_unknown: bool) -> Option<Reason> {
        let by_text = || entra_number(&self.folded);
        let by_error = || {
            let error = self.error.as_deref()?;
            // Entra means the app by it, RFC 6749 the grant type (design notes, misleading words).
            if error == "unauthorized_client" && self.folded.contains("aadsts") {
                return Some(Reason::AppNotFound);
            }
            ERRORS.iter().find(|(row, _)| *row == error).map(|(_, reason)| *reason)
        };
        let sentence = |text: &str| match find(SENTENCES, text) {
            Some(Is(reason)) => Some(reason),
            _ => None,
        };
        // The description alone comes first: a log may show the request beside the answer, and the words in it
        // (`client_secret=…&refresh_token=…`) are no complaint.
        let error_and_description = || {
            let error = self.error.as_deref().unwrap_or_default();
            description(&self.folded).map(|sentence| format!("{error} {sentence}"))
        };
        let by_sentence =
            || error_and_description().and_then(|text| sentence(&text)).or_else(|| sentence(&self.folded));
        // For a fault of its own Entra sends a number that explains nothing, with an error that blames the request.
        // Such an error counts only if it says that the fault passes.
        let unexplained = by_text() == Some(Reason::Unexpected);
        let explains = |reason: &Reason| !unexplained || reason.row().transient;
        // A number that explains nothing leaves the decision to the sentence and the error beside it.
        let tells = |reason: &Reason| *reason != Reason::Unexpected;
        by_number(&self.codes, &self.folded)
            .filter(tells)
            .or_else(|| by_text().filter(tells))
            .or_else(|| by_number(&bare_numbers(&self.folded), &self.folded).filter(tells))
            .or_else(by_sentence)
            .or_else(|| by_error().filter(explains))
            .or_else(|| unexplained.then_some(Reason::Unexpected))
            .or_else(|| if status_is_unknown { status_in(&self.folded) } else { None })
    }
}

/// The provider's own sentence in a folded text, where a member or an attribute holds it.
fn description(folded: &str) -> Option<&str> {
    let (_, rest) = folded.split_once("error_description")?;
    let value = rest.trim_start_matches(['"', '\'', '\\', ']']);
    let value = value.trim_start_matches([' ', ':', '=', '>', '\\']);
    match value.chars().next()? {
        quote @ ('"' | '\'') => value.split(quote).nth(1),
        _ => Some(value),
    }
}

/// The table that is tried last, for bodies that nothing else explains: web pages, parsers' complaints, bad requests.
const LEFTOVERS: &[Wording] = wordings! {
    Is(R::ProtocolError) => {
        "<html", "a captive portal, a proxy, a login page: no token endpoint speaks HTML";
        "<!doctype", "as the row above";
        "decoding response", "reqwest: error decoding response body";
        "not valid json", "JavaScript: Unexpected token < in JSON, is not valid JSON";
        "invalid json", "generic";
        "jsondecodeerror", "Python";
        "missing field", "serde_json";
        "expected value at line", "serde_json";
        "eof while parsing", "serde_json";
        "unexpected token", "JavaScript: Unexpected token < in JSON at position 0";
        "looking for beginning of value", "Go encoding/json";
        "\"token_type\"", "a token response without a token, RFC 6749 section 5.1";
    }
    Is(R::TokenRequestInvalid) => {
        "bad request", "RFC 9110 section 15.5.1; Okta E0000021";
    }
};

/// The numbers in `error_codes: [70043]`, if the text around it is not JSON.
fn listed_codes(folded: &str) -> Vec<u32> {
    let Some((_, rest)) = folded.split_once("error_codes") else { return Vec::new() };
    let Some((list, _)) = rest.split_once('[').and_then(|(_, rest)| rest.split_once(']')) else {
        return Vec::new();
    };
    list.split(',').filter_map(|code| leading_number(code.trim())).collect()
}

/// In a text of at most this many bytes a number without `AADSTS` is enough: `error code 7000215`.
const SHORT: usize = 40;

/// The least number that is taken for Entra's in such a short text: smaller ones are ports, years and statuses.
const LEAST_BARE_NUMBER: u32 = 10_000;

/// Whether a text is short and holds a known number of Entra.
pub(super) fn is_known_number(folded: &str) -> bool {
    folded.len() <= SHORT && bare_numbers(folded).into_iter().any(|number| aadsts::reason(number).is_some())
}

/// Numbers without `AADSTS` before them: alone, in a short text, or before ` - [`, as MSAL writes them.
fn bare_numbers(folded: &str) -> Vec<u32> {
    if let Ok(number) = folded.parse() {
        return vec![number];
    }
    if folded.len() <= SHORT {
        return words(folded)
            .filter_map(leading_number)
            .filter(|number| *number >= LEAST_BARE_NUMBER)
            .collect();
    }
    let before = folded.split(" - [").next().unwrap_or_default();
    if before.len() == folded.len() {
        return Vec::new();
    }
    words(before).last().and_then(leading_number).into_iter().collect()
}

/// What the HTTP status in a library's message means: `http error: 503`, `status code 429`, or just `503`.
fn status_in(folded: &str) -> Option<Reason> {
    let alone = || (folded.len() == 3).then_some(("", folded));
    let (_, rest) = ["http error", "status code", "http status", "http/1.1", "http/2", "http", "status"]
        .iter()
        .find_map(|marker| folded.split_once(marker))
        .or_else(alone)?;
    let status: u16 = words(rest).next().and_then(leading_number)?;
    STATUS.iter().find(|(range, _)| range.contains(&status)).map(|(_, reason)| *reason)
}
