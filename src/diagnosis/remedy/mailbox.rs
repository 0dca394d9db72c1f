//! What to do if the mailbox or the mail server itself is at fault.

use super::{Remedy, remedies};
use crate::model::Phase::{Capability, Token};
use crate::model::Protocol::Graph;

pub(super) const TABLE: &[Remedy] = remedies! {
    FolderMissing, ExchangeOnline; By(Graph) => "\
No folder `{folder}`. Graph takes a well-known name (inbox, archive, sentitems, junkemail, …) or the folder's id; the names that people see do not count.
To see names and ids: `Get-MgUserMailFolder -UserId {'address} -All | Format-Table DisplayName, Id`.";
    FolderMissing, ExchangeOnline => "\
No folder `{folder}`. Names follow the mailbox's language and are nested by `/`; INBOX is always there.
To see: `Get-EXOMailboxFolderStatistics -Identity {'address} | Format-Table FolderPath`.";
    FolderMissing, Gmail => "No folder `{folder}`. Labels are folders, `/` nests them, the system's begin with `[Gmail]/` and follow the account's language. The label must be shown in IMAP: Settings > Labels.";
    FolderMissing => "\
No folder `{folder}`, or it cannot be selected. Many servers want a prefix and a separator of their own (`INBOX.Archive`): `doveadm mailbox list -u {!user}`, or IMAP `LIST \"\" *`. Correct the folder of the check, or create it.";

    OverQuota, ExchangeOnline => "\
`Get-EXOMailboxStatistics -Identity {'address}` beside `Get-EXOMailbox -Identity {'address} -PropertySets Quota`. Free space (Recoverable Items counts for itself), or archive, or raise the quota or the licence.";
    OverQuota, Gmail => "The storage of `{user}` is full; Drive and Photos count as well. Free space at https://one.google.com/storage, or raise it.";
    OverQuota => "Free space in `{address}`, or raise its quota. Dovecot: `doveadm quota get -u {!user}`.";

    Throttled, ExchangeOnline; Says("external recipient") => "\
The organisation has written to as many external recipients as it may within a day (tenant external recipient rate limit: 500 × licences^0.7 + 9500; 5,000 in a trial). Neither `{address}` nor its login is at fault; it passes within 24 hours.
To see who sends: Exchange admin center > Reports > Mail flow > Tenant outbound external recipients. Bulk mail to others belongs to a service of its own, such as Azure Communication Services.";
    Throttled, ExchangeOnline; By(Graph) => "\
Microsoft Graph wants fewer requests by this app for `{address}` (ten thousand in ten minutes, four at once); it passes, and we wait as long as it says. Look for what else runs as app `{app}`. If ours is too often, raise `interval`.";
    Throttled, ExchangeOnline => "\
Exchange Online wants fewer requests for `{address}`; it passes. Look for what else uses this mailbox: other programs, migrations. If ours is too often, raise `interval`.";
    Throttled, Gmail => "\
Google limits bandwidth and logins per account; it passes, at the latest after a day. The mailbox is not full, whatever the answer is called. Look for what else reads `{address}`; raise `interval`.";
    Throttled => "\
The server limits how often `{user}` may come. Raise `interval`; look for other programs that use this account or our address. After wrong passwords: correct these first.";

    TooManyConnections, ExchangeOnline => "\
Other connections hold this mailbox's share (three at once by SMTP). Look for programs that do not say LOGOUT or QUIT, and for a second agent. It passes.";
    TooManyConnections, Gmail => "Google allows 15 IMAP connections per account. Look for programs that keep theirs open. It passes.";
    TooManyConnections => "\
Look for programs that keep connections to `{server}` open, and for a second agent. Limits: Dovecot `mail_max_userip_connections`, Postfix `smtpd_client_connection_count_limit`; ours are `limits.per_host` and `interval`.";

    ServerUnavailable, ExchangeOnline => "\
A fault of the service; it passes. If it lasts: Microsoft 365 admin center > Health > Service health, and whether other mailboxes fail too.";
    ServerUnavailable, OutlookCom => "A fault of the service; it passes. If it lasts: https://portal.office.com/servicestatus";
    ServerUnavailable, Gmail => "A fault of the service; it passes. If it lasts: https://www.google.com/appsstatus/dashboard/";
    ServerUnavailable => "\
A fault of the server at `{server}`. The next probe tries again by itself; if it lasts, its log names the cause: back end, disk, authentication service.";

    ConnectionClosed; Says("https_proxy") => "\
The proxy that `HTTPS_PROXY` names must let `{peer}` through; the identity provider itself has not been reached. To see: `curl -v {!idp}`
407: it wants a login, written into `HTTPS_PROXY` as `http://USER:PASSWORD@HOST:PORT`. If the host can be reached without the proxy, name it in `NO_PROXY`.";
    ConnectionClosed => "\
`{peer}` hung up without a usable cause. Once: nothing to do. If it lasts: the line before it in the dialogue, a firewall or middlebox in between, a limit by address at the server.
From this machine: `openssl s_client -connect {!peer}{starttls}`.";

    ProtocolError; Says("https_proxy") => "\
What `HTTPS_PROXY` names does not answer as a proxy does. Correct it, or name `{peerhost}` in `NO_PROXY` where there is a way without it: `curl -v {!idp}`";
    ProtocolError; In(Capability) => "\
By SMTP the server may refuse the name in EHLO, which is this machine's address: set `smtp: {ehlo: NAME}` to a host name that leads back to it.
Check that `{server}` speaks {protocol} on this port and with this kind of TLS; the dialogue shows the line that was not understood.";
    ProtocolError; In(Token) => "\
What answers at `{idp}` is no token endpoint, or something in between answers for it: a proxy, a captive portal, a login page. Compare the provider's `token_url`: `curl -v {!idp}`.";
    ProtocolError; By(Graph) => "\
What answers at `{server}` is not Microsoft Graph: a proxy, a captive portal, a login page, or a wrong `base_url`. The dialogue shows the answer.
A Graph check connects directly, as mail checks do; `HTTPS_PROXY` counts for token requests only. Let `{server}` through.";
    ProtocolError => "\
Check that `{server}` speaks {protocol} on this port and with this kind of TLS. If it does, the dialogue shows which line was not understood; a long token may pass a line limit of the server (Dovecot `imap_max_line_length`, Postfix `line_length_limit`).";

    SecretUnreadable; Delegated => "\
If nobody has signed in yet: `mailbox-exporter login --config FILE {!credential}`, as the user that the agent runs as. It prints a page and a code, and writes {rotated}, which is read again at once.
Otherwise the file must be readable by the agent's user.";
    SecretUnreadable => "\
Make the secret readable where it is expected: {secret}. The sentence names what is wrong: missing, no permission, empty. In a container: is it mounted, and for our user?
It is read again at every try, no restart is needed.";
    Internal => "\
This is a fault of mailbox-exporter, or this machine is out of memory or file descriptors (`ulimit -n`). Please report it with the log's lines around it; they hold no secret.";
    Unexpected => "\
Nobody has told us what this answer means. It stands as the server gave it: read it, act by it, and please report it, so that it gets its name.";
};
