//! Sockets and resolvers: what an error of the operating system means.
//!
//! Not here: TLS, even where it arrives inside an I/O error; that goes to its own table.

use std::error::Error as StdError;
use std::io::{Error, ErrorKind};

use super::tls;
use crate::model::Reason;

/// An error wraps an error wraps an error: this many are looked into for one of TLS.
const DEPTH: usize = 8;

/// Which kind means what.
const KINDS: &[(ErrorKind, Reason)] = &[
    (ErrorKind::ConnectionRefused, Reason::ConnectionRefused),
    (ErrorKind::TimedOut, Reason::Timeout),
    (ErrorKind::WouldBlock, Reason::Timeout),
    (ErrorKind::NetworkUnreachable, Reason::NetworkUnreachable),
    (ErrorKind::HostUnreachable, Reason::NetworkUnreachable),
    (ErrorKind::NetworkDown, Reason::NetworkUnreachable),
    // No local address for the way there: IPv6 switched off, or every port in use.
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

/// Numbers for which the standard library has no kind (Linux errno(3)).
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
    kind.or_else(number).unwrap_or(Reason::Unexpected)
}

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
