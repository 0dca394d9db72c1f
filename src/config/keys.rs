//! The keys of the file: which exist, which belong to a later version, and which wrong ones people often write.
//!
//! Owns the tables; `cursor` reads them, and a test compares the example file with them. The keys of one protocol are
//! in the module `section`.

use std::slice;

use crate::model::Protocol;

/// The facts about one key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    /// It works.
    Works,
    /// It will work in a later version. Until then it is refused by name: if it were ignored, it would seem to work.
    Later,
    /// It was never a key here; the text says what to write instead.
    Instead(&'static str),
    /// Every key that begins with the name is free for the author of the file: a place for YAML anchors.
    Free,
    /// Represents one key per protocol: [`PROTOCOLS`].
    Protocols,
}

/// The keys of one kind of section.
#[derive(Debug)]
pub(super) struct Keys {
    /// The name in messages: "keys of *a mailbox*".
    pub(super) of: &'static str,
    /// A secret may have been written here by mistake: neither keys nor values are repeated.
    pub(super) secret: bool,
    pub(super) rows: &'static [Key],
}

impl Keys {
    pub(super) fn find(&self, name: &str) -> Option<&'static Key> {
        let is_it = |key: &&Key| match key.state {
            State::Free => name.starts_with(key.name),
            State::Works | State::Later | State::Instead(_) => key.name == name,
            State::Protocols => false,
        };
        self.rows().find(is_it)
    }

    /// All rows, with the protocols in place of [`State::Protocols`].
    fn rows(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.rows.iter().flat_map(|key| match key.state {
            State::Protocols => PROTOCOLS,
            _ => slice::from_ref(key),
        })
    }

    /// The names of all keys, working or not.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.rows().map(|key| key.name)
    }

    /// The names of the keys that work.
    pub(super) fn working(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.rows().filter(|key| matches!(key.state, State::Works)).map(|key| key.name)
    }
}

pub(super) const fn works(name: &'static str) -> Key {
    Key { name, state: State::Works }
}

pub(super) const fn later(name: &'static str) -> Key {
    Key { name, state: State::Later }
}

pub(super) const fn instead(name: &'static str, meant: &'static str) -> Key {
    Key { name, state: State::Instead(meant) }
}

const fn free(prefix: &'static str) -> Key {
    Key { name: prefix, state: State::Free }
}

const fn each_protocol() -> Key {
    Key { name: "", state: State::Protocols }
}

/// What a provider has a server for: keys of mailboxes and providers, and elements of `checks`.
const PROTOCOLS: &[Key] = &[works("imap"), works("smtp"), works("pop3"), works("graph")];

/// The elements of `checks` that this version knows.
pub(super) fn protocols() -> impl Iterator<Item = Protocol> {
    CHECKS.working().filter_map(Protocol::from_label)
}

pub(super) const fn section(of: &'static str, rows: &'static [Key]) -> Keys {
    Keys { of, secret: false, rows }
}

const FOLDER_HINT: &str = "write imap: {folder: NAME}";
const READ_ONLY_HINT: &str = "write imap: {read_only: true}";
const SENDER_HINT: &str = "write smtp: {sender: true}";
pub(super) const SERVER: &str =
    "servers are described under providers; a mailbox names one by provider: NAME";
const SECRET_HINT: &str =
    "a secret is a place, never a value: write secret: {file: PATH} or secret: {env: NAME}";

pub(super) static TOP: Keys = section(
    "the configuration",
    &[
        works("http"),
        works("defaults"),
        works("limits"),
        works("credentials"),
        works("providers"),
        works("mailboxes"),
        works("mailbox_files"),
        works("directory"),
        works("readiness"),
        works("state_dir"),
        instead("listen", "write http: {listen: ADDRESS}"),
        instead("interval", "write defaults: {interval: 5m}"),
        instead("timeout", "write defaults: {timeout: 90s}"),
        free("x-"),
    ],
);

pub(super) static HTTP: Keys =
    section("http", &[works("listen"), works("web_config"), works("external_url")]);

pub(super) static LIMITS: Keys =
    section("limits", &[works("concurrency"), works("per_host"), works("token_max_age")]);

pub(super) static DEFAULTS: Keys = section(
    "defaults",
    &[
        works("provider"),
        works("checks"),
        works("interval"),
        works("timeout"),
        works("ip"),
        each_protocol(),
        works("round_trip"),
        instead("credential", "every mailbox names its own credential"),
        instead("folder", FOLDER_HINT),
        instead("read_only", READ_ONLY_HINT),
        instead("sender", SENDER_HINT),
    ],
);

pub(super) static MAILBOX: Keys = section(
    "a mailbox",
    &[
        works("name"),
        works("address"),
        works("username"),
        works("credential"),
        works("labels"),
        works("alert_path"),
        works("provider"),
        works("checks"),
        works("interval"),
        works("timeout"),
        works("ip"),
        each_protocol(),
        works("round_trip"),
        works("password"),
        works("not_expected"),
        instead("user", "write username: NAME"),
        instead("folder", FOLDER_HINT),
        instead("read_only", READ_ONLY_HINT),
        instead("sender", SENDER_HINT),
        instead("host", SERVER),
        instead("port", SERVER),
        instead("tls", SERVER),
        instead("secret", "secrets belong to a credential; a mailbox names one by credential: NAME"),
    ],
);

pub(super) static PROVIDER: Keys = section(
    "a provider",
    &[
        works("extends"),
        each_protocol(),
        works("token_url"),
        works("scope"),
        works("mechanism"),
        works("ca_file"),
        instead("host", "each protocol has its own: imap: {host: NAME}, smtp: {host: NAME}"),
        instead("authority", "write the whole address: token_url: https://…/{tenant}/oauth2/v2.0/token"),
    ],
);

/// Keys of a credential whose type could not be read: those of all types.
pub(super) static CREDENTIAL: Keys = Keys {
    of: "a credential",
    secret: true,
    rows: &[
        works("type"),
        works("tenant"),
        works("client_id"),
        works("secret"),
        works("client_auth"),
        works("parameters"),
        works("expires"),
        works("password"),
        works("certificate"),
        works("private_key"),
        works("passphrase"),
        works("algorithm"),
        works("token_file"),
        works("audience"),
        works("key"),
        works("refresh_token"),
        works("device_url"),
    ],
};

pub(super) static CLIENT_SECRET: Keys = Keys {
    of: "a credential of type client_secret",
    secret: true,
    rows: &[
        works("type"),
        works("tenant"),
        works("client_id"),
        works("secret"),
        works("client_auth"),
        works("parameters"),
        works("expires"),
        instead("client_secret", SECRET_HINT),
        instead("password", SECRET_HINT),
        instead("secret_file", SECRET_HINT),
        instead("secret_env", SECRET_HINT),
        instead("tenant_id", "write tenant: ID"),
        instead("token_url", "it belongs to a provider"),
        instead("scope", "it belongs to a provider"),
    ],
};

pub(super) static CERTIFICATE: Keys = Keys {
    of: "a credential of type certificate",
    secret: true,
    rows: &[
        works("type"),
        works("tenant"),
        works("client_id"),
        works("certificate"),
        works("private_key"),
        works("passphrase"),
        works("algorithm"),
        works("parameters"),
        works("expires"),
        instead("key", "write private_key: {file: PATH}"),
        instead("password", "write passphrase: {file: PATH}"),
        instead("thumbprint", "it is computed from the certificate"),
        instead("secret", "a certificate needs none; for a secret write type: client_secret"),
        instead("tenant_id", "write tenant: ID"),
        instead("token_url", "it belongs to a provider"),
        instead("scope", "it belongs to a provider"),
    ],
};

pub(super) static FEDERATED: Keys = Keys {
    of: "a credential of type federated",
    secret: true,
    rows: &[
        works("type"),
        works("tenant"),
        works("client_id"),
        works("token_file"),
        works("audience"),
        works("parameters"),
        works("expires"),
        instead("secret", "a federated credential has none: the identity provider trusts the token's issuer"),
        instead("tenant_id", "write tenant: ID"),
        instead("token_url", "it belongs to a provider"),
        instead("scope", "it belongs to a provider"),
    ],
};

pub(super) static REFRESH_TOKEN: Keys = Keys {
    of: "a credential of type refresh_token",
    secret: true,
    rows: &[
        works("type"),
        works("tenant"),
        works("client_id"),
        works("refresh_token"),
        works("secret"),
        works("client_auth"),
        works("device_url"),
        works("parameters"),
        works("expires"),
        instead("token", "write refresh_token: {file: PATH}"),
        instead("token_file", "write refresh_token: {file: PATH}"),
        instead("client_secret", SECRET_HINT),
        instead("tenant_id", "write tenant: ID"),
        instead("token_url", "it belongs to a provider"),
        instead("scope", "it belongs to a provider"),
        instead("device_authorization_endpoint", "write device_url: URL"),
    ],
};

pub(super) static PASSWORD: Keys = Keys {
    of: "a credential of type password",
    secret: true,
    rows: &[
        works("type"),
        works("password"),
        works("expires"),
        instead(
            "secret",
            "a password is a place, never a value: write password: {file: PATH} or password: {env: NAME}",
        ),
        instead("username", "if the login name is not the address, write it in the mailbox: username: NAME"),
        instead("user", "if the login name is not the address, write it in the mailbox: username: NAME"),
    ],
};

pub(super) static SECRET: Keys = Keys {
    of: "a secret's place, which is never its value",
    secret: true,
    rows: &[works("file"), works("env")],
};

/// The keys under `expires`. It belongs to a credential, so a secret may have been written here by mistake.
pub(super) static EXPIRES: Keys = Keys { of: "expires", secret: true, rows: &[works("file")] };

/// The `type` of a credential.
pub(super) static CREDENTIAL_TYPES: Keys = section(
    "type",
    &[
        works("client_secret"),
        works("certificate"),
        works("federated"),
        works("managed_identity"),
        works("refresh_token"),
        works("google_service_account"),
        works("password"),
    ],
);

pub(super) static READINESS: Keys = section(
    "readiness",
    &[
        works("calendar"),
        works("usage"),
        works("switches"),
        works("refusal_tenants"),
        works("password_login"),
        instead("state_dir", "it is a top-level key: state_dir: PATH"),
        instead("password", "a mailbox declares its own: password: {file: PATH}"),
        instead("not_expected", "it belongs to a mailbox: not_expected: [smtp]"),
    ],
);

/// The values of `password_login`.
pub(super) static PASSWORD_LOGINS: Keys =
    section("password_login", &[works("never"), works("declared"), works("refusal")]);

/// A row of the calendar, which is a file of its own.
pub(super) static DEADLINE: Keys = section(
    "a date of the calendar",
    &[
        works("provider"),
        works("protocol"),
        works("kind"),
        works("date"),
        works("confidence"),
        works("source"),
        works("reviewed"),
    ],
);

/// The elements of `checks`.
pub(super) static CHECKS: Keys = section("checks", &[each_protocol(), works("round_trip")]);
