//! Sockets and resolvers: what an error of the operating system means.
//!
//! Not here: faults of TLS. One that arrives inside an I/O error is looked up in the table of `tls`.

use std::error::Error as StdError;
use std::io::{Error, ErrorKind};

use super::text::fold;
use super::tls;
use super::wording::Says::Is;
use super::wording::{Wording, find, wordings};
use crate::model::Reason;

use Reason as R;

/// How many nested errors are searched for an error of TLS.
const DEPTH: usize = 8;

/// What the kinds of errors mean.
const KINDS: &[(ErrorKind, Reason)] = &[
    (ErrorKind::ConnectionRefused, Reason::ConnectionRefused),
    (ErrorKind::TimedOut, Reason::Timeout),
    (ErrorKind::WouldBlock, Reason::Timeout),
    (ErrorKind::NetworkUnreachable, Reason::NetworkUnreachable),
    (ErrorKind::HostUnreachable, Reason::NetworkUnreachable),
    (ErrorKind::NetworkDown, Reason::NetworkUnreachable),
    // There is no local address for the route: IPv6 is off, or every port is in use.
    (ErrorKind::AddrNotAvailable, Reason::NetworkUnreachable),
    // EACCES and EPERM from connect(2): a packet filter or security module of this machine.
    (ErrorKind::PermissionDenied, Reason::NetworkUnreachable),
    (ErrorKind::ConnectionReset, Reason::ConnectionClosed),
    (ErrorKind::ConnectionAborted, Reason::ConnectionClosed),
    (ErrorKind::BrokenPipe, Reason::ConnectionClosed),
    (ErrorKind::NotConnected, Reason::ConnectionClosed),
    (ErrorKind::UnexpectedEof, Reason::ConnectionClosed),
    (ErrorKind::WriteZero, Reason::ConnectionClosed),
    (ErrorKind::InvalidData, Reason::ProtocolError),
    (ErrorKind::OutOfMemory, Reason::Internal),
];

/// What the numbers mean that have no kind in the standard library (Linux errno(3)).
const NUMBERS: &[(i32, Reason)] = &[
    (23, Reason::Internal),            // ENFILE: the system is out of file descriptors
    (24, Reason::Internal),            // EMFILE: so is this process
    (64, Reason::NetworkUnreachable),  // ENONET
    (71, Reason::ProtocolError),       // EPROTO
    (97, Reason::NetworkUnreachable),  // EAFNOSUPPORT: IPv6 compiled out
    (112, Reason::NetworkUnreachable), // EHOSTDOWN
];

/// What an error of connecting, reading or writing means.
pub fn io(error: &Error) -> Reason {
    if let Some(inner) = tls_inside(error) {
        return tls(inner);
    }
    let kind = KINDS.iter().find(|(kind, _)| *kind == error.kind()).map(|(_, reason)| *reason);
    let number = || {
        NUMBERS.iter().find(|(number, _)| Some(*number) == error.raw_os_error()).map(|(_, reason)| *reason)
    };
    kind.or_else(number).or_else(|| by_words(error)).unwrap_or(Reason::Unexpected)
}

/// What the error's words mean. The standard library has no kind for a failed name lookup, so only the words of
/// libc tell it.
fn by_words(error: &Error) -> Option<Reason> {
    let folded = fold(&error.to_string());
    match find(RESOLVERS, &folded).or_else(|| find(SOCKETS, &folded)) {
        Some(Is(reason)) => Some(reason),
        _ => None,
    }
}

/// The error of TLS that is nested in an I/O error.
fn tls_inside(error: &Error) -> Option<&rustls::Error> {
    let mut inner: &(dyn StdError + 'static) = error.get_ref()?;
    for _ in 0..DEPTH {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An io::Error hides what it carries from `source`.
        inner = match inner.downcast_ref::<Error>() {
            Some(io) => io.get_ref()?,
            None => inner.source()?,
        };
    }
    None
}

/// What resolvers write.
pub(super) const RESOLVERS: &[Wording] = wordings! {
    Is(R::DnsFailure) => {
        "temporary failure in name resolution", "glibc EAI_AGAIN; musl says Try again";
        "address information: try again", "portier/portier-broker#853 (musl)";
        "eai_again", "Node.js dns error codes; POSIX";
        "non-recoverable failure in name resolution", "glibc EAI_FAIL";
        "non-recoverable", "musl EAI_FAIL: Non-recoverable error";
        "eai_fail", "Node.js dns error codes; POSIX";
        "servfail", "RFC 1035 section 4.1.1";
        "server misbehaving", "Go net: DNSError";
        "server failure", "generic; RFC 1035 section 4.1.1";
        "querya econnrefused", "nodemailer/nodemailer#1079";
        "queryaaaa econnrefused", "nodemailer/nodemailer#1079";
        "query*econnrefused", "Node.js dns: queryMx and others";
        "query*etimeout", "Node.js dns error codes";
        "query*esrvfail", "Node.js dns error codes";
        "eservfail", "Node.js dns error codes";
        "erefused", "Node.js dns error codes";
        "lookup*i/o timeout", "Go net: lookup HOST on RESOLVER: read udp: i/o timeout";
        "lookup*connection refused", "Go net: lookup HOST on RESOLVER: connection refused";
        "lookup*timed out", "generic";
        "lookup*network is unreachable", "Go net";
        "no nameservers", "dnspython: All nameservers failed; generic";
        "nameservers failed", "dnspython: All nameservers failed to answer the query";
        "resolution lifetime expired", "dnspython";
        "no connections available", "hickory-resolver: no connections available";
        "resolv.conf", "generic; hickory-resolver";
        "no servers could be reached", "BIND tools";
        "contact name servers", "systemd-resolved";
        "contact dns servers", "c-ares ARES_ECONNREFUSED";
        "contacting dns servers", "c-ares ARES_ETIMEOUT";
        "dns timeout", "generic; curl: Resolving timed out";
        "dns *timed out", "generic";
        "host lookup did not complete", "exim src/routers: R=dnslookup defer";
        "during hostname resolution", "Windows WSATRY_AGAIN: a temporary error during hostname resolution";
        "resolving timed out", "curl";
        "refused by server", "RFC 1035 section 4.1.1, REFUSED";
    }
    Is(R::DnsNotFound) => {
        "unknown smtp host", "JavaMail: Unknown SMTP host";
        "unknown imap host", "JavaMail, as the row above";
        "unknown pop3 host", "JavaMail, as the row above";
        "could not find the host", "mutt: Could not find the host";
        "name or service not known", "manyuanrong/deno-smtp#16 (glibc)";
        "no address associated", "chatmail/core#5120; chatmail/core#2137";
        "nodename nor servname", "macOS EAI_NONAME";
        "no such host", "Go net: DNSError; Windows 11001";
        "host is known", "Windows: No such host is known";
        "errno 11001", "Windows WSAHOST_NOT_FOUND as Python writes it";
        "os error 11001", "Windows WSAHOST_NOT_FOUND as Rust writes it";
        "name does not resolve", "musl EAI_NONAME";
        "name has no usable address", "musl EAI_NODATA";
        "enotfound", "Node.js dns error codes";
        "enodata", "Node.js dns error codes";
        "eai_noname", "POSIX";
        "eai_nodata", "glibc";
        ": bad address", "BusyBox: wget: bad address";
        "unknown host", "Java: UnknownHostException; BSD";
        "unknownhostexception", "Java";
        "nxdomain", "RFC 2308";
        "no record found", "hickory-resolver";
        "no records found", "hickory-resolver";
        "non-existent domain", "BIND tools";
        "could not resolve host", "curl";
        "could not be resolved", ".NET: The remote name could not be resolved";
        "couldn't resolve host", "curl";
        "name or service is not known", "generic";
        "hostname could not be", "generic";
        "host not found", "Boost.Asio, netcat, BSD h_errno";
        "domain name not found", "c-ares ARES_ENOTFOUND";
        "answer with no data", "c-ares ARES_ENODATA";
        "resolve call failed*not found", "systemd-resolved";
        "domain not found", "generic";
    }
    Is(R::DnsFailure) => {
        "failed to lookup address information", "the Rust standard library, whatever libc adds";
        "name resolution", "generic";
        "getaddrinfo", "generic; Node.js, Python";
        "dial tcp: lookup", "Go net, whatever follows";
        "dns error", "hyper, reqwest: error trying to connect: dns error";
        "dns lookup", "generic";
        "dns query", "generic";
        "dns server", "c-ares; generic";
        "dns fail", "generic";
        "dns resol", "generic: DNS resolution failed, DNS resolver";
    }
};

/// Attempts to connect that failed although the network was reachable.
pub(super) const ATTEMPTS: &[Wording] = wordings! {
    Is(R::ConnectionRefused) => {
        "connection refused", "Linux, BSD, Go";
        "econnrefused", "Node.js";
    }
    Is(R::Timeout) => {
        "connection timed out", "Linux, BSD";
        "etimedout", "Node.js";
    }
};

/// What operating systems and languages write about sockets.
pub(super) const SOCKETS: &[Wording] = wordings! {
    Is(R::ConnectionRefused) => {
        "connection refused", "errno text of Linux and BSD as formatted by the Rust standard library; Go; Python";
        "econnrefused", "Node.js";
        "actively refused", "Windows WSAECONNREFUSED";
        "refused the connection", "generic";
        "connection was refused", "Thunderbird: Could not connect to server …; the connection was refused.";
        "os error 111", "Linux errno";
        "os error 10061", "Windows WSAECONNREFUSED";
        "wsaeconnrefused", "Windows";
    }
    Is(R::NetworkUnreachable) => {
        "permission denied: connect", "Java on Windows: a local firewall";
        "network is unreachable", "Linux errno text as formatted by the Rust standard library";
        "network unreachable", "generic";
        "no route to host", "Linux errno text as formatted by the Rust standard library";
        "host is unreachable", "generic; musl";
        "host unreachable", "generic";
        "unreachable host", "Windows WSAEHOSTUNREACH";
        "unreachable network", "Windows WSAENETUNREACH";
        "host is down", "EHOSTDOWN";
        "network is down", "ENETDOWN";
        "os error 101)", "Linux ENETUNREACH";
        "os error 113", "Linux EHOSTUNREACH";
        "os error 10051", "Windows WSAENETUNREACH";
        "os error 10065", "Windows WSAEHOSTUNREACH";
        "enetunreach", "Node.js";
        "ehostunreach", "Node.js";
        "ehostdown", "Node.js";
        "enetdown", "Node.js";
        "eaddrnotavail", "Node.js";
        "cannot assign requested address", "Linux EADDRNOTAVAIL";
        "can't assign requested address", "macOS EADDRNOTAVAIL";
        "address family not supported", "EAFNOSUPPORT";
        "operation not permitted", "EPERM of connect(2)";
        "tunnel connection failed: 40", "Python http.client: a proxy refuses CONNECT";
        "proxy authentication required", "a proxy wants a login (407)";
        "permission denied #13", "Swift Mailer: EACCES of connect(2)";
        "permission denied (os error", "EACCES of connect(2), as Rust writes it";
        "errno 13", "EACCES of connect(2), as Python writes it";
        "connect: permission denied", "EACCES of connect(2), as Go and shells write it";
        "eacces", "Node.js";
        "forbidden by its access permissions", "Windows WSAEACCES";
    }
    Is(R::ConnectionClosed) => {
        "syscall returned=5", "Ruby: SSL_connect SYSCALL returned=5 errno=0";
        "incomplete response", "lettre: the stream ended within a reply";
        "[closed] imap connection", "c-client (PHP imap): [CLOSED] IMAP connection broken";
        "connection broken", "c-client (PHP imap): POP3 connection broken in response";
        "connection reset", "rustls/tokio-rustls#163";
        "econnreset", "Node.js";
        "forcibly closed", "Windows WSAECONNRESET";
        "broken pipe", "EPIPE";
        "epipe", "Node.js";
        "connection abort", "ECONNABORTED";
        "software caused connection abort", "Java, macOS";
        "econnaborted", "Node.js";
        "close_notify", "tokio-rs/tls#157";
        "peer closed", "rustls";
        "closed by peer", "generic";
        "closed by remote", "generic; OpenSSH";
        "closed by server", "generic";
        "closed by the server", "generic";
        "closed by foreign host", "telnet";
        "closed by the remote", "Windows, .NET";
        "closed the connection", "generic";
        "connection closed", "generic; lettre, hyper";
        "connection was closed", ".NET";
        "net_io_connectionclosed", ".NET without its resources";
        "ended by the other party", "Node.js: This socket has been ended by the other party";
        "connection lost", "async-imap: ConnectionLost";
        "unexpectedly closed", "Python smtplib: Connection unexpectedly closed";
        "socket hang up", "Node.js";
        "socket disconnected", "Node.js: Client network socket disconnected before secure TLS connection was established";
        "unexpectedly disconnected", "MailKit: The IMAP server has unexpectedly disconnected.";
        "unexpected disconnect", "generic";
        "socket closed", "generic; Java";
        "socket is not connected", "ENOTCONN";
        "endpoint is not connected", "ENOTCONN: Transport endpoint is not connected";
        "imapclient is not connected", "MailKit: ServiceNotConnectedException";
        "smtpclient is not connected", "MailKit: ServiceNotConnectedException";
        "pop3client is not connected", "MailKit: ServiceNotConnectedException";
        "client is not connected", "MailKit: ServiceNotConnectedException";
        "ssl_error_syscall", "OpenSSL, curl: the socket ended within the handshake";
        "use of closed", "Go net: use of closed network connection";
        "connection was aborted", "Windows WSAECONNABORTED";
        "os error 104", "Linux ECONNRESET";
        "os error 10053", "Windows WSAECONNABORTED";
        "os error 10054", "Windows WSAECONNRESET";
        "non-properly terminated", "GnuTLS: The TLS connection was non-properly terminated";
        "terminated the handshake", "Java: Remote host terminated the handshake";
        "closed connection during handshake", "Java: Remote host closed connection during handshake";
        "unexpected eof", "the Rust standard library; OpenSSL";
        "unexpectedeof", "the Rust standard library, debug form";
        "unexpected end of file", "the Rust standard library";
        "eof occurred in violation", "Python ssl";
        "early eof", "tokio";
        "end of file reached", "Ruby: EOFError";
        "end of stream", "generic; MailKit";
        "eof", "Go io.EOF; generic";
        "stream closed", "generic";
        "connection dropped", "generic";
    }
    Is(R::Timeout) => {
        "greeting never received", "nodemailer lib/smtp-connection";
        "opentimeout", "Ruby: Net::OpenTimeout: execution expired";
        "readtimeout", "Ruby: Net::ReadTimeout; Python requests";
        "connecttimeout", "Python requests, Java";
        "sockettimeout", "Java: SocketTimeoutException";
        "commandtimeout", "aioimaplib: CommandTimeout";
        "execution expired", "Ruby";
        "resource temporarily unavailable", "EAGAIN of a socket with a time limit";
        "timed out", "haraka/Haraka#1965; ETIMEDOUT text of Linux and BSD";
        "i/o timeout", "warmbly/warmbly internal mailcause tests (Go)";
        "timeout", "generic; Node.js: Connection timeout";
        "time-out", "generic";
        "timedout", "emailjs: timedout while connecting to smtp server";
        "etimedout", "Node.js";
        "deadline has elapsed", "deltachat/deltachat-android#3919 (tokio)";
        "deadline exceeded", "Go context";
        "os error 110", "Linux errno";
        "os error 60)", "macOS errno";
        "os error 10060", "Windows WSAETIMEDOUT";
        "failed to respond", "Windows WSAETIMEDOUT: connected host has failed to respond";
        "did not properly respond", "Windows WSAETIMEDOUT";
    }
};
