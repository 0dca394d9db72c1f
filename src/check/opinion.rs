//! What a failure shows about the token that was sent.

use crate::diagnosis;
use crate::model::{Cause, Failure, Phase, Reason};

/// Whether the server accepted the token, as the failure shows; `None` if it shows nothing about the token.
pub(super) fn accepts_token(failure: &Failure) -> Option<bool> {
    let reason = failure.cause.reason;
    match failure.phase {
        // A fault that passes by itself, such as a throttled login, is not about the token.
        Phase::Auth => (!reason.row().transient).then_some(false),
        // Graph judges the token and the folder in one answer.
        Phase::Open => match reason {
            Reason::TokenRejected | Reason::RoleMissing | Reason::ConditionalAccess => Some(false),
            Reason::MailboxAccessDenied | Reason::AccountNotFound | Reason::FolderMissing => Some(true),
            _ => None,
        },
        phase => (phase > Phase::Auth).then_some(true),
    }
}

/// What a refusal means once a token that replaced a refused one is refused as well: where the words are about
/// something that has changed since, a policy refuses the app, not its token.
pub(super) fn of_second_token(failure: Failure) -> Failure {
    let Failure { phase, cause } = failure;
    let by_policy = cause.reason == Reason::TokenRejected && diagnosis::token_is_outdated(&cause.detail);
    let reason = if by_policy { Reason::ConditionalAccess } else { cause.reason };
    Failure { phase, cause: Cause { reason, ..cause } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_folder_costs_no_token_and_a_silence_tells_nothing() {
        for (phase, reason, opinion) in [
            (Phase::Connect, Reason::ConnectionRefused, None),
            (Phase::Auth, Reason::TokenRejected, Some(false)),
            (Phase::Auth, Reason::Throttled, None),
            (Phase::Select, Reason::FolderMissing, Some(true)),
            (Phase::Open, Reason::TokenRejected, Some(false)),
            (Phase::Open, Reason::MailboxAccessDenied, Some(true)),
            (Phase::Open, Reason::Timeout, None),
            (Phase::Open, Reason::Throttled, None),
        ] {
            let failure = Failure { phase, cause: Cause::new(reason, "") };
            assert_eq!(accepts_token(&failure), opinion, "{phase} {reason}");
        }
    }

    #[test]
    fn a_policy_is_named_only_by_words_about_an_outdated_token() {
        for (reason, detail, wanted) in [
            (Reason::TokenRejected, "code: TokenIssuedBeforeRevocationTimestamp", Reason::ConditionalAccess),
            (Reason::TokenRejected, "error=\"insufficient_claims\"", Reason::ConditionalAccess),
            (
                Reason::TokenRejected,
                "Lifetime validation failed, the token is expired.",
                Reason::TokenRejected,
            ),
            (Reason::Throttled, "error=\"insufficient_claims\"", Reason::Throttled),
        ] {
            let failure = Failure { phase: Phase::Open, cause: Cause::new(reason, detail) };
            assert_eq!(of_second_token(failure).cause.reason, wanted, "{detail}");
        }
    }
}
