//! What to do about a message that did not get where it should.

use super::{Remedy, remedies};

pub(super) const TABLE: &[Remedy] = remedies! {
    DeliveredToJunk, ExchangeOnline => "\
The receiving organisation takes mail of `{address}` for junk, so other people's servers may do the same. What it made of SPF, DKIM and DMARC is in `mailbox_round_trip_authentication_info`: mend what is not `pass` in DNS first.
Why: Defender portal > Email & collaboration > Explorer, or the header `X-Forefront-Antispam-Report` of such a message. A rule of the mailbox can move mail too: `Get-InboxRule -Mailbox RECIPIENT`.";
    DeliveredToJunk => "\
The receiving server takes mail of `{address}` for junk. What it made of SPF, DKIM and DMARC is in `mailbox_round_trip_authentication_info`: mend what is not `pass` in DNS first. Then look at the spam filter's own header in such a message, and at rules of the mailbox (Sieve).";

    NotDelivered, ExchangeOnline => "\
Follow the message: `Get-MessageTraceV2 -SenderAddress {'address} -StartDate (Get-Date).AddHours(-3)`, or Exchange admin center > Mail flow > Message trace. Pending: the next server is not reached, or a connector is wrong. Delivered: a rule or another folder, `Get-InboxRule -Mailbox RECIPIENT`. Quarantined: Defender portal > Review > Quarantine.
The next run goes on looking for it, and says whether it was late or lost.";
    NotDelivered, Gmail => "\
Follow the message: Admin console > Reporting > Email log search, sender `{address}`. A filter may have moved it: Settings > Filters and Blocked Addresses.
The next run goes on looking for it, and says whether it was late or lost.";
    NotDelivered => "\
Follow the message through the log of the sending server, by the queue id in its answer; then through the next server's. Held or deferred: `postqueue -p` says why. Delivered: a rule (Sieve) or another folder.
The next run goes on looking for it, and says whether it was late or lost.";

    Bounced => "\
The status code tells why (RFC 3463): 5.1.x the address is wrong or gone, 5.2.x the mailbox is full or closed, 5.4.x no way there, 5.7.x a policy or a block list refuses; the sentence behind it is the refusing server's own. Does the address of the receiving mailbox exist there, and may `{address}` write to it?";
};
