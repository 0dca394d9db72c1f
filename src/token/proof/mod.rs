//! What a token request proves its identity with: one file for each kind.
//!
//! A new kind needs, besides its file here:
//! - a variant of [`Proof`], with an arm in each of its methods: the compiler asks for them. Its *places* are
//!   the files and variables that a request reads; they are watched, named in hints and compared after a
//!   failure without further code. A kind may have none.
//! - a row of keys in `config/keys`, and a reader in `config/credential`;
//! - an arm in [`request`]. The file reads its places at every request, so that a rotated secret needs no
//!   restart, and sends the request by [`Exchange`], which bounds it in time and reads the answer.
//!
//! A password is no `Proof`: nothing here can be given one.

mod client_secret;

use super::exchange::{Exchange, Issued};
use crate::model::{Cause, Proof};

/// Requests a token with this proof.
pub(super) async fn request(proof: &Proof, exchange: &Exchange<'_>) -> Result<Issued, Cause> {
    match proof {
        Proof::ClientSecret { app, secret, sent_in } => {
            client_secret::request(exchange, app, secret, *sent_in).await
        }
    }
}
