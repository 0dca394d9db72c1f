//! What a failure shows about the token that was sent.

use crate::model::{Failure, Phase, Reason};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Cause;

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
}
