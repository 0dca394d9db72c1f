//! What a failure shows of the token that was sent.

use crate::model::{Failure, Phase, Reason};

/// Whether a failed conversation shows that the server accepted the token; `None` if it shows neither.
pub(super) fn of_token(failure: &Failure) -> Option<bool> {
    let reason = failure.cause.reason;
    match failure.phase {
        Phase::Auth => (!reason.row().transient).then_some(false),
        // One answer is about both, the token and the folder.
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
            assert_eq!(of_token(&failure), opinion, "{phase} {reason}");
        }
    }
}
