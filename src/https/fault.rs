//! Why there was no answer, in our words.

use std::error::Error;
use std::io;

use crate::diagnosis;
use crate::model::{Cause, Reason};

/// An error of the network or of TLS.
pub(super) fn io(error: &io::Error, name: &str) -> Cause {
    Cause::new(diagnosis::io(error), format!("{name}: {error}"))
}

/// An error of a request that got no answer.
pub(super) fn http(error: &hyper::Error, name: &str) -> Cause {
    if error.is_parse() || error.is_parse_too_large() {
        return Cause::new(Reason::ProtocolError, format!("the {name}'s answer is not HTTP: {error}"));
    }
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(cause) = error.downcast_ref::<io::Error>() {
            return io(cause, name);
        }
        source = error.source();
    }
    Cause::new(Reason::ConnectionClosed, format!("{name}: {error}"))
}
