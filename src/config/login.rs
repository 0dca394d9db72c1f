//! How a credential logs in at a provider, and what each protocol adds to that.
//!
//! Owns the combinations of credential and provider that cannot be. Knows no mailbox but its username.

use std::sync::Arc;

use super::place::Quoted;
use super::provider::Resolved;
use super::{graph, presets, token_endpoint};
use crate::model::{Access, Auth, Credential, Protocol, TokenAccess, TokenSpec};

/// How a credential logs in at a provider, before the protocol is known; an error without a sentence is one
/// that was reported elsewhere.
pub(super) fn of(provider: &Resolved, credential: &Credential) -> Result<Access, Option<String>> {
    let mechanism = provider.mechanism.as_ref().map_err(|_| None)?;
    let (name, at) = (Quoted(&credential.name), Quoted(&provider.provider.name));
    let proof = match &credential.auth {
        Auth::Password(place) => {
            if let Some(mechanism) = mechanism {
                return Err(Some(format!(
                    "credential {name} is a password, and provider {at} asks for a token by mechanism: {} at {}",
                    mechanism.value, mechanism.place
                )));
            }
            return Ok(Access::Password(place.clone()));
        }
        Auth::Token(proof) => proof,
    };
    let endpoint = token_endpoint::of(provider, &name, proof)?;
    let spec = TokenSpec {
        credential: Arc::clone(&credential.name),
        proof: Arc::clone(proof),
        url: endpoint.url,
        url_is_written: endpoint.is_written,
        scope: endpoint.scope,
        ca_file: provider.provider.ca_file.clone(),
        user: None,
    };
    let mechanism = mechanism.as_ref().map(|at| at.value);
    Ok(Access::Token(TokenAccess { spec, mechanism, permission: None }))
}

/// A login with the permission that its protocol needs, and with the user if each has a token. A person's tokens are
/// asked for protocol by protocol, so that a missing consent for one leaves the others alone.
pub(super) fn permitted(
    mut login: Access,
    provider: &Resolved,
    username: &str,
    protocol: Protocol,
) -> Access {
    if let Access::Token(access) = &mut login {
        let delegated = access.spec.proof.is_delegated();
        let usual = presets::permission(provider.provider.family, protocol, delegated);
        access.permission = provider.permission.or(usual);
        if access.spec.proof.is_per_user() {
            access.spec.user = Some(username.into());
        }
        if let (true, Ok(Some(scope))) = (delegated, &provider.person_scope) {
            access.spec.scope = scope.of(protocol);
        }
        if protocol == Protocol::Graph {
            access.spec.scope = graph::scope(provider, delegated);
        }
    }
    login
}
