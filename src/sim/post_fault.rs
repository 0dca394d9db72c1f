//! The faults of mailboxes that show only when a message is sent, looked for or deleted, by name: one row each.
//!
//! Does not run the scripts, as `fault.rs` does not.

use crate::sim::script::Act::{Close, Reply, Silence};
use crate::sim::script::Step::{Content, Expunge, Fetch, List, Recipient, Search, Store};
use crate::sim::script::{Act, Step};

/// One row.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Of SMTP and of IMAP, which have no such step in common.
    pub(super) script: &'static [(Step, Act)],
}

macro_rules! post_faults {
    ($( $variant:ident => $label:literal, $name:literal, $about:literal, $step:expr, $act:expr; )+) => {
        /// What is wrong where messages are sent, looked for or deleted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum PostFault {
            $( #[doc = $about] $variant, )+
        }

        impl PostFault {
            /// Every fault, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            pub(super) const fn row(self) -> Row {
                match self {
                    $( Self::$variant => {
                        const SCRIPT: &[(Step, Act)] = &[($step, $act)];
                        Row { label: $label, name: $name, about: $about, script: SCRIPT }
                    } )+
                }
            }
        }
    };
}

post_faults! {
    // --- SMTP: the recipient and the message
    RecipientRefused => "recipient_refused", "typo", "There is no such recipient.",
        Recipient, Reply("550 5.1.1 <nobody@contoso.example>: Recipient address rejected: User unknown");
    RecipientLimit => "recipient_limit", "campaign", "The organisation has written to too many people outside today.",
        Recipient, Reply("550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit or TERRL).");
    RecipientGreylisted => "recipient_greylisted", "greylist", "The recipient's server wants the message again later.",
        Recipient, Reply("450 4.2.0 <a@contoso.example>: Recipient address rejected: Greylisted, try again later");
    SilentRecipient => "silent_recipient", "silent-recipient", "The recipient is never answered.", Recipient, Silence;
    ClosedRecipient => "closed_recipient", "closed-recipient", "The server closes when told the recipient.", Recipient, Close;
    ContentHeld => "content_held", "outbreak", "The account has sent too much that looked like spam.",
        Content, Reply("554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a permanent exception with message WASCL UserAction verdict is not None. Actual verdict is RefuseQuota. [Hostname={host}]");
    ContentDelayed => "content_delayed", "queue-full", "The server has no room for the message now.",
        Content, Reply("452 4.3.1 Insufficient system resources [{host}]");
    SilentContent => "silent_content", "silent-content", "The message is never answered.", Content, Silence;
    ClosedContent => "closed_content", "closed-content", "The server closes when it has the message.", Content, Close;

    // --- IMAP: looking for the message
    ListRefused => "list_refused", "list-refused", "The marked folders are not listed.",
        List, Reply("{tag} BAD Command Argument Error. 11");
    SilentList => "silent_list", "silent-list", "The question for marked folders is never answered.", List, Silence;
    ClosedList => "closed_list", "closed-list", "The server closes when asked for marked folders.", List, Close;
    SearchUnavailable => "search_unavailable", "index", "Searching is out of order for the moment.",
        Search, Reply("{tag} NO [UNAVAILABLE] Searching is not possible now.");
    SilentSearch => "silent_search", "silent-search", "The search is never answered.", Search, Silence;
    ClosedSearch => "closed_search", "closed-search", "The server closes in the middle of the search.", Search, Close;
    FetchUnavailable => "fetch_unavailable", "disk", "Messages cannot be read for the moment.",
        Fetch, Reply("{tag} NO [SERVERBUG] Internal error occurred. Refer to server log for more information.");
    SilentFetch => "silent_fetch", "silent-fetch", "The message is never shown.", Fetch, Silence;
    ClosedFetch => "closed_fetch", "closed-fetch", "The server closes instead of showing the message.", Fetch, Close;

    // --- IMAP: deleting it
    StoreRefused => "store_refused", "archive-only", "Nothing may be marked as deleted.",
        Store, Reply("{tag} NO [NOPERM] Permission denied");
    SilentStore => "silent_store", "silent-store", "Marking as deleted is never answered.", Store, Silence;
    ClosedStore => "closed_store", "closed-store", "The server closes when something is marked as deleted.", Store, Close;
    ExpungeRefused => "expunge_refused", "legal-hold", "Nothing may be removed.",
        Expunge, Reply("{tag} NO [NOPERM] Permission denied");
    SilentExpunge => "silent_expunge", "silent-expunge", "Removing is never answered.", Expunge, Silence;
    ClosedExpunge => "closed_expunge", "closed-expunge", "The server closes when something is removed.", Expunge, Close;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::sim::Fault;

    #[test]
    fn every_row_has_a_label_a_name_and_a_sentence_of_its_own() {
        let all = || PostFault::ALL.iter().map(|fault| Fault::Post(*fault)).chain(Fault::ALL.iter().copied());
        let labels: HashSet<_> = all().map(Fault::label).collect();
        let names: HashSet<_> = all().map(Fault::mailbox_name).collect();
        assert_eq!((labels.len(), names.len()), (all().count(), all().count()));
        assert!(all().all(|fault| fault.about().ends_with('.')));
    }
}
