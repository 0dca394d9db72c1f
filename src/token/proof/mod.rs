//! What a token request proves its identity with: one file for each kind.
//!
//! A new kind needs, besides its file here:
//! - a variant of [`Proof`], with an arm in each of its methods: the compiler asks for them. Its *places* are
//!   the files and variables that a request reads; they are watched, named in hints and compared after a
//!   failure without further code. A kind may have none.
//! - a row of keys in `config/keys`, and a reader in `config/credential`;
//! - an arm in each function below: how it asks, what it remembers between two requests, when it expires, what
//!   it tells after a refusal, and what is wrong with its files.
//!
//! A file reads its places at every request, so that a rotated secret needs no restart, and sends the request by
//! [`Exchange`], which bounds it in time and reads the answer. A password is no `Proof`: nothing here can be
//! given one.

mod assertion;
mod azure_arc;
mod certificate;
mod client_secret;
mod federated;
mod google;
mod managed_identity;
pub(super) mod refresh_token;

use self::refresh_token::{Parts, TokenFiles};
use super::exchange::{Exchange, Issued};
use crate::model::{Cause, End, Proof, Reason, TokenSpec};
use crate::secret::{self, Pair};

/// The memory that some kinds need between two requests for the same token.
#[derive(Default)]
pub(super) struct Memory {
    pair: certificate::LastGood,
}

/// Requests a token with this proof.
pub(super) async fn request(
    proof: &Proof,
    exchange: &Exchange<'_>,
    memory: &Memory,
    token_files: &TokenFiles,
) -> Result<Issued, Cause> {
    match proof {
        Proof::ClientSecret { app, secret, sent_in } => {
            client_secret::request(exchange, app, secret, *sent_in).await
        }
        Proof::Certificate { app, pair, algorithm } => {
            certificate::request(exchange, app, pair, *algorithm, &memory.pair).await
        }
        Proof::Federated { app, token, .. } => federated::request(exchange, app, token).await,
        Proof::GoogleServiceAccount { key } => google::request(exchange, key).await,
        Proof::ManagedIdentity { client_id, service, .. } => {
            managed_identity::request(exchange, client_id.as_deref(), service).await
        }
        Proof::RefreshToken { .. } => refresh_token::request(exchange, &Parts::of(proof)?, token_files).await,
    }
}

/// The dates on which the proof expires by its own word, read now. Unreadable places say none.
pub async fn ends(proof: &Proof) -> Vec<End> {
    match proof {
        // Neither a secret nor a refresh token nor Google's key says when it expires, and of a managed identity nothing does.
        Proof::ClientSecret { .. }
        | Proof::RefreshToken { .. }
        | Proof::GoogleServiceAccount { .. }
        | Proof::ManagedIdentity { .. } => Vec::new(),
        Proof::Certificate { pair, algorithm, .. } => {
            certificate::end(pair, *algorithm).await.into_iter().collect()
        }
        Proof::Federated { token, .. } => federated::end(token).await.into_iter().collect(),
    }
}

/// The reason of a refusal, seen with what was shown. Many providers answer `invalid_client` to all that they do not
/// take, and where no secret was shown, none can be wrong.
pub(super) fn refused(proof: &Proof, reason: Reason) -> Reason {
    if reason != Reason::SecretInvalid {
        return reason;
    }
    match proof {
        Proof::ClientSecret { .. } | Proof::RefreshToken { secret: Some(_), .. } => reason,
        Proof::Certificate { .. } | Proof::GoogleServiceAccount { .. } => Reason::CertificateRejected,
        Proof::Federated { .. } => Reason::FederatedIdentityMismatch,
        // The client is unknown, or is one that has a secret.
        Proof::RefreshToken { secret: None, .. } => Reason::AppNotFound,
        // The platform keeps this key itself, so a refusal is about the request.
        Proof::ManagedIdentity { .. } => Reason::TokenRequestInvalid,
    }
}

/// Sentences about the proof after a refusal for this reason: the values that an administrator compares.
pub async fn refusal_facts(spec: &TokenSpec, reason: Reason) -> Vec<String> {
    match (&*spec.proof, reason) {
        (Proof::ClientSecret { app, secret, .. }, Reason::SecretInvalid | Reason::CredentialsRejected) => {
            secret::oddity_sentences(secret, Some(&app.client_id)).await
        }
        (Proof::Certificate { pair, algorithm, .. }, Reason::CertificateRejected) => {
            certificate::refusal_facts(pair, *algorithm).await
        }
        (Proof::Federated { token, audience, .. }, Reason::FederatedIdentityMismatch) => {
            federated::refusal_facts(token, audience).await
        }
        (
            Proof::GoogleServiceAccount { key },
            Reason::ConsentMissing
            | Reason::CertificateRejected
            | Reason::AppNotFound
            | Reason::AppDisabled
            | Reason::AccountNotFound
            | Reason::ScopeInvalid,
        ) => google::refusal_facts(key, spec, reason).await,
        (
            Proof::ManagedIdentity { client_id, .. },
            Reason::AppNotFound | Reason::TokenRequestInvalid | Reason::RoleMissing | Reason::ConsentMissing,
        ) => managed_identity::refusal_facts(spec, client_id.as_deref(), reason),
        (Proof::RefreshToken { token, .. }, Reason::RefreshTokenExpired) => {
            refresh_token::refusal_facts(token).await
        }
        _ => Vec::new(),
    }
}

/// Why no request can be made with what lies at the places of the proof, if all of them hold something.
pub async fn fault(proof: &Proof) -> Option<Cause> {
    match proof {
        // A secret may have any form.
        Proof::ClientSecret { .. } => None,
        Proof::Certificate { pair, algorithm, .. } => Pair::read(pair, *algorithm).await.err(),
        Proof::Federated { token, .. } => federated::fault(token).await,
        Proof::GoogleServiceAccount { key } => google::fault(key).await,
        // No file is known before the metadata service is asked.
        Proof::ManagedIdentity { .. } => None,
        Proof::RefreshToken { token, .. } => refresh_token::fault(token).await,
    }
}
