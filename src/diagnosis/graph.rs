//! Microsoft Graph: the codes of its errors, and what an HTTP status says when no code is known.
//!
//! Not here: the form of an answer. Codes and sentences stand in folded text, whether a body or a quotation of it.

use super::text::{leading_number, matches};
use super::wording::Says::Is;
use super::wording::{Says, Situation, Voice, Wording, wordings};
use crate::model::Reason as R;

/// Codes and sentences, those that name a cause before those that only refuse.
const WORDINGS: &[Wording] = wordings! {
    Is(R::TokenRejected) => {
        "tokenissuedbeforerevocationtimestamp", "Microsoft Learn, Continuous access evaluation: a new token helps";
        "tokencreatedwithoutdatedpolicies", "Microsoft Learn, Claims challenges: the 401 after a change of policy";
    }
    Is(R::ConditionalAccess) => {
        "locationconditionevaluation", "Microsoft Learn, Continuous access evaluation: the claims challenge of Graph";
        "blocked by conditional access", "microsoftgraph: AccessDenied, Access has been blocked by Conditional Access policies.";
        "result: interactionrequired", "microsoftgraph/microsoft-graph-docs: Continuous access evaluation resulted in challenge with result: InteractionRequired";
    }
    Is(R::TokenRejected) => {
        "invalidauthenticationtoken", "Microsoft Learn, Resolve authorization errors: 401";
        "compacttoken parsing failed", "Microsoft Learn, Resolve authorization errors: CompactToken parsing failed with error code: 80049217";
        "lifetime validation failed", "microsoftgraph/msgraph-sdk-dotnet: Lifetime validation failed, the token is expired.";
        "access token*invalid audience", "microsoftgraph: Access token validation failure. Invalid audience.";
        "access token validation failure", "generic variation of the row above";
        "authorization_identitynotfound", "microsoftgraph: The identity of the calling application could not be established.";
    }
    Is(R::MailboxAccessDenied) => {
        "[raop]", "Microsoft Learn, Limit application permissions to mailboxes: Blocked by tenant configured AppOnly AccessPolicy settings";
        "apponly accesspolicy", "the same sentence without its mark";
        "erroraccessdenied", "Microsoft Learn, Limit application permissions to mailboxes";
    }
    Is(R::RoleMissing) => {
        "authorization_requestdenied", "Microsoft Learn, Resolve authorization errors: Insufficient privileges to complete the operation";
        "insufficient privileges to complete", "the sentence of the row above";
        "nopermissionsinaccesstoken", "microsoftgraph: the 401 for a token without roles and scopes";
        "token contains no permissions", "the sentence of the row above";
        "missing permission scope", "microsoftgraph: Authorization failed due to missing permission scope(s)";
    }
    Is(R::FolderMissing) => {
        "erroritemnotfound", "Microsoft Learn, Outlook error codes: The specified object was not found in the store";
        "errorfoldernotfound", "Microsoft Learn, EWS response codes, which Graph hands on";
        "errorinvalidid", "Microsoft Learn, EWS response codes: ErrorInvalidIdMalformed, Id is malformed";
    }
    Is(R::AccountNotFound) => {
        "errorinvaliduser", "microsoftgraph: The requested user 'x' is invalid";
        "mailboxnotenabledforrestapi", "Microsoft Learn, Mail API overview: The mailbox is either inactive, soft-deleted, or is hosted on-premise";
        "mailboxnotsupportedforrestapi", "the same for a mailbox of another kind";
        "errornonexistentmailbox", "Microsoft Learn, EWS response codes: no mailbox with such guid or address";
        "request_resourcenotfound", "Microsoft Learn, Graph error codes: Resource does not exist";
        "resourcenotfound", "microsoftgraph: Resource could not be discovered";
        "organizationfromtenantguidnotfound", "microsoftgraph: the tenant has no Exchange Online";
    }
    Is(R::Throttled) => {
        "applicationthrottled", "Microsoft Learn, Graph throttling: Application is over its MailboxConcurrency limit";
        "toomanyrequests", "Microsoft Learn, Graph throttling: 429";
        "activitylimitreached", "Microsoft Learn, Graph error codes";
        "errorserverbusy", "Microsoft Learn, EWS throttling, which Graph hands on";
    }
    Is(R::OverQuota) => {
        "errorquotaexceeded", "Microsoft Learn, EWS response codes";
    }
    Is(R::AccountDisabled) => {
        "erroraccountdisabled", "Microsoft Learn, EWS response codes";
        "erroraccountsuspend", "microsoftgraph: the account is suspended after unusual mail";
    }
    Is(R::ServerUnavailable) => {
        "errorinternalserver", "Microsoft Learn, EWS response codes: ErrorInternalServerError, ErrorInternalServerTransientError";
        "errormailboxstoreunavailable", "Microsoft Learn, EWS response codes";
        "errormailboxmoveinprogress", "Microsoft Learn, EWS response codes";
        "errortimeoutexpired", "Microsoft Learn, EWS response codes";
        "servicenotavailable", "Microsoft Learn, Graph error codes";
        "serviceunavailable", "Microsoft Learn, Graph error codes";
        "internalservererror", "microsoftgraph";
        "generalexception", "Microsoft Learn, Graph error codes";
    }
};

/// What a status says when the body says nothing.
const STATUS: &[(std::ops::RangeInclusive<u16>, R)] = &[
    (300..=399, R::ProtocolError), // Graph does not redirect
    (401..=401, R::TokenRejected),
    (403..=403, R::MailboxAccessDenied),
    (407..=407, R::ProtocolError), // a proxy that is not configured
    (408..=408, R::ServerUnavailable),
    (429..=429, R::Throttled),
    (500..=599, R::ServerUnavailable),
];

/// What an error of Graph means.
pub(super) fn classify(text: &str, at: &Situation) -> R {
    let by_status = || {
        let status = status(text).filter(|_| at.voice == Voice::Server)?;
        STATUS.iter().find(|(range, _)| range.contains(&status)).map(|(_, reason)| Is(*reason))
    };
    let said: Option<Says> = at.voice.find(WORDINGS, text).or_else(by_status);
    said.unwrap_or(Is(R::Unexpected)).reason(at)
}

/// Beginnings of rows that no other service says.
const OWN: &[&str] = &[
    "error",
    "mailboxnot",
    "invalidauthenticationtoken",
    "compacttoken",
    "authorization_",
    "applicationthrottled",
    "[raop]",
    "apponly",
    "nopermissions",
    "token contains no permissions",
];

/// Whether a folded text is an error of Graph, or quotes one.
pub(super) fn speaks(folded: &str) -> bool {
    let is_error_body = folded.contains("\"error\"") && folded.contains("\"code\"");
    let named = is_error_body || folded.contains("graph");
    let is_own = |row: &&Wording| named || OWN.iter().any(|beginning| row.pattern.starts_with(beginning));
    WORDINGS.iter().filter(is_own).any(|row| matches(folded, row.pattern))
}

/// Whether a folded text is the answer to a folder that was opened.
pub(super) fn is_folder(folded: &str) -> bool {
    folded.contains("\"totalitemcount\"")
}

/// The status of an answer: `http 403 …`, `http/1.1 403 …`.
fn status(folded: &str) -> Option<u16> {
    let (_, rest) = folded.split_once("http")?;
    let rest = rest.strip_prefix('/').map_or(rest, |rest| rest.trim_start_matches(|c: char| c != ' '));
    leading_number(rest.trim_start())
}
