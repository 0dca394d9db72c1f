//! Numbers of operating systems: what is left of a socket's error in a language that no table knows.
//!
//! Not here: the words of errors, and the typed ones; see `io`.

use super::text::words;
use crate::model::Reason;

use Reason as R;

/// Numbers of Windows (WSAGetLastError): nothing else is numbered so.
const WINDOWS: &[(&str, Reason)] = &[
    ("10013", R::NetworkUnreachable), // WSAEACCES
    ("10050", R::NetworkUnreachable), // WSAENETDOWN
    ("10051", R::NetworkUnreachable), // WSAENETUNREACH
    ("10053", R::ConnectionClosed),   // WSAECONNABORTED
    ("10054", R::ConnectionClosed),   // WSAECONNRESET
    ("10060", R::Timeout),            // WSAETIMEDOUT
    ("10061", R::ConnectionRefused),  // WSAECONNREFUSED
    ("10064", R::NetworkUnreachable), // WSAEHOSTDOWN
    ("10065", R::NetworkUnreachable), // WSAEHOSTUNREACH
    ("11001", R::DnsNotFound),        // WSAHOST_NOT_FOUND
    ("11002", R::DnsFailure),         // WSATRY_AGAIN
    ("11003", R::DnsFailure),         // WSANO_RECOVERY
    ("11004", R::DnsNotFound),        // WSANO_DATA
];

/// Numbers of Linux and of macOS, whose sockets use none of each other's; a marker precedes them.
const UNIX: &[(&str, Reason)] = &[
    ("32", R::ConnectionClosed),    // EPIPE
    ("51", R::NetworkUnreachable),  // macOS ENETUNREACH
    ("54", R::ConnectionClosed),    // macOS ECONNRESET
    ("60", R::Timeout),             // macOS ETIMEDOUT
    ("61", R::ConnectionRefused),   // macOS ECONNREFUSED
    ("64", R::NetworkUnreachable),  // macOS EHOSTDOWN
    ("65", R::NetworkUnreachable),  // macOS EHOSTUNREACH
    ("101", R::NetworkUnreachable), // ENETUNREACH
    ("103", R::ConnectionClosed),   // ECONNABORTED
    ("104", R::ConnectionClosed),   // ECONNRESET
    ("110", R::Timeout),            // ETIMEDOUT
    ("111", R::ConnectionRefused),  // ECONNREFUSED
    ("112", R::NetworkUnreachable), // EHOSTDOWN
    ("113", R::NetworkUnreachable), // EHOSTUNREACH
    ("-2", R::DnsNotFound),         // glibc EAI_NONAME
    ("-3", R::DnsFailure),          // glibc EAI_AGAIN
    ("-5", R::DnsNotFound),         // glibc EAI_NODATA
];

/// The markers that precede a number of Unix.
const MARKERS: &[&str] = &["errno", "error"];

/// The reason of the first number in a folded text that an operating system gave.
pub(super) fn reason(folded: &str) -> Option<Reason> {
    let mut before = "";
    words(folded).find_map(|word| {
        let marked = MARKERS.contains(&before);
        before = word;
        let is = |number: &str| number == word || (marked && word.strip_prefix('-') == Some(number));
        let listed =
            |table: &[(&str, Reason)]| table.iter().find(|(number, _)| is(number)).map(|(_, reason)| *reason);
        listed(WINDOWS).or_else(|| if marked { listed(UNIX) } else { None })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_in_any_language_and_only_behind_its_marker() {
        for (text, wanted) in [
            ("[winerror 10061] es konnte keine verbindung hergestellt werden", Some(R::ConnectionRefused)),
            ("[winerror 10060] une tentative de connexion a échoué", Some(R::Timeout)),
            ("socket error # 10054", Some(R::ConnectionClosed)),
            ("connect: errno=113", Some(R::NetworkUnreachable)),
            ("errno: -111,", Some(R::ConnectionRefused)),
            ("[errno -3] échec temporaire", Some(R::DnsFailure)),
            ("os error 104", Some(R::ConnectionClosed)),
            ("110 messages in the mailbox", None),
            ("port 111", None),
        ] {
            assert_eq!(reason(text), wanted, "{text}");
        }
    }
}
