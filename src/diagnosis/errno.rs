//! Numbers of operating systems: what is left of a socket's error in a language that no table knows.
//!
//! Not here: the words of errors, and the typed ones; see `io`.

use super::text::words;
use crate::model::Reason;

use Reason as R;

/// Numbers of Windows (WSAGetLastError): nothing else is numbered so, but for ports.
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

/// Numbers of libuv on Windows, which Node.js shows as `errno: -4039`; a marker stands before them.
const LIBUV: &[(&str, Reason)] = &[
    ("-3001", R::DnsFailure),         // EAI_AGAIN
    ("-3004", R::DnsFailure),         // EAI_FAIL
    ("-3007", R::DnsNotFound),        // EAI_NODATA
    ("-3008", R::DnsNotFound),        // EAI_NONAME
    ("-4039", R::Timeout),            // ETIMEDOUT
    ("-4047", R::ConnectionClosed),   // EPIPE
    ("-4062", R::NetworkUnreachable), // ENETUNREACH
    ("-4063", R::NetworkUnreachable), // ENETDOWN
    ("-4073", R::NetworkUnreachable), // EHOSTUNREACH
    ("-4077", R::ConnectionClosed),   // ECONNRESET
    ("-4078", R::ConnectionRefused),  // ECONNREFUSED
    ("-4079", R::ConnectionClosed),   // ECONNABORTED
    ("-4095", R::ConnectionClosed),   // EOF
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
        let named = std::mem::replace(&mut before, word);
        let marked = MARKERS.contains(&named);
        let is = |number: &str| number == word || (marked && word.strip_prefix('-') == Some(number));
        let listed =
            |table: &[(&str, Reason)]| table.iter().find(|(number, _)| is(number)).map(|(_, reason)| *reason);
        let windows = listed(WINDOWS).filter(|_| named != "port" && !is_port(folded, word));
        windows.or_else(|| if marked { listed(UNIX).or_else(|| listed(LIBUV)) } else { None })
    })
}

/// Whether a number of the text is the port of an address: `127.0.0.1:10061`, `mail.contoso.example:11001`.
fn is_port(folded: &str, number: &str) -> bool {
    let parts = folded.split(|c: char| c.is_whitespace() || "-<>()\"',;".contains(c));
    parts.filter_map(|part| part.rsplit_once(':')).any(|(host, port)| {
        port == number && (host.contains('.') || host.ends_with(']') || host == "localhost")
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
            ("errno: -4039", Some(R::Timeout)),
            ("127.0.0.1:10061->192.0.2.7:993", None),
            ("listening on port 10053", None),
        ] {
            assert_eq!(reason(text), wanted, "{text}");
        }
    }
}
