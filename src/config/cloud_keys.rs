//! The keys of credentials of a cloud: managed identities and Google service accounts.
//!
//! Owns the tables; `cursor` reads them.

use super::keys::{Keys, instead, works};

const KEY_HINT: &str = "the key file of a service account is a place: write key: {file: PATH}";

pub(super) static MANAGED_IDENTITY: Keys = Keys {
    of: "a credential of type managed_identity",
    secret: true,
    rows: &[
        works("type"),
        works("client_id"),
        works("expires"),
        instead("tenant", "the identity belongs to the tenant of the machine's subscription"),
        instead("tenant_id", "the identity belongs to the tenant of the machine's subscription"),
        instead("object_id", "name the identity by its client_id"),
        instead("resource_id", "name the identity by its client_id"),
        instead("secret", "a managed identity has none"),
        instead("token_url", "the environment provides it"),
        instead("scope", "it belongs to a provider"),
    ],
};

pub(super) static GOOGLE_SERVICE_ACCOUNT: Keys = Keys {
    of: "a credential of type google_service_account",
    secret: true,
    rows: &[
        works("type"),
        works("key"),
        works("expires"),
        instead("key_file", KEY_HINT),
        instead("private_key", KEY_HINT),
        instead("secret", KEY_HINT),
        instead("client_id", "the key file holds it"),
        instead("client_email", "the key file holds it"),
        instead("subject", "the token is requested for the mailbox's username"),
        instead("sub", "the token is requested for the mailbox's username"),
        instead("tenant", "Google has no tenants"),
        instead("token_url", "it belongs to a provider"),
        instead("scope", "it belongs to a provider"),
    ],
};
