//! What to do where the server's own sentence names a cause that its reason alone does not tell. These
//! rows are read before those of the reason.

use super::{Remedy, remedies};

pub(super) const TABLE: &[Remedy] = remedies! {
    ConditionalAccess; Says("banned sending ip") => "\
Exchange Online refuses the address that we send from, not the account. Ask for its removal at https://sender.office.com/ or send from another address.
Find out first what else sends from it: the list takes up addresses that send spam.";
    ConditionalAccess; Says("blocked using") => "\
The server refuses the address that we come from: it is on the list that the sentence names. Ask that list for its removal, or ask the server's administrator to exempt authenticated clients.
On port 25 this is common; submission (587, 465) should not look at lists.";
    ConditionalAccess; Says("blacklist") => "\
The server refuses the address that we come from: it is on a block list. Ask that list for its removal, or ask the server's administrator to exempt our address.";
    ConditionalAccess; Says("block list") => "\
The server refuses the address that we come from: it is on a block list. Ask that list for its removal, or ask the server's administrator to exempt our address.";
    ConditionalAccess; Says("client host") => "\
The server refuses the address that we come from. Its administrator exempts our address, or gives it a host name that leads back to it (PTR record); submission (587, 465) is less strict than port 25.";
    ConditionalAccess; Says("unsafe login") => "\
The server opens folders only for programs that name themselves by `ID` (RFC 2971), and that the holder of `{user}` has allowed: web mail > Settings > POP3/SMTP/IMAP.
The password must be the provider's authorization code, not the one of the web mail.";

    ProtocolError; Says("helo") => "\
The server refuses the name that we give in EHLO. Set `smtp.ehlo` to the full host name of this machine, one whose address leads back to it.";
    ProtocolError; Says("ehlo") => "\
The server refuses the name that we give in EHLO. Set `smtp.ehlo` to the full host name of this machine, one whose address leads back to it.";
    ProtocolError; Says("fully-qualified hostname") => "\
The server refuses the name that we give in EHLO. Set `smtp.ehlo` to the full host name of this machine, one whose address leads back to it.";

    AccountLocked; Says("outboundspam") => "\
Microsoft holds `{user}` for sending too much, or for sending spam. Change its password first if that was stolen; then Microsoft Defender portal > Email & collaboration > Review > Restricted entities: unblock it.
A trial or new tenant may send little per day; the limit grows with the subscription.";

    ServerUnavailable; Says("[referral") => "\
The mailbox is at another server: the sentence names it. Set the provider's `imap.host` to that one, and check that it is the provider's own before any credential goes there.";
};
