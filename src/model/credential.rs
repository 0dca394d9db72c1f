//! Credentials: who logs in, and *where* the secret is stored. Never the secret itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::end::{End, EndSource, Expires};
use super::mailbox::{LabelRow, label};

/// A secret in memory: it cannot be printed, and is wiped when dropped.
pub type Redacted = secrecy::SecretString;

/// Where a secret is stored. It is read at every use, so a rotated secret needs no restart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// A file. A leading byte order mark and trailing line ends are not part of the secret.
    File(PathBuf),
    Env(String),
    /// The fixed wrong password, [`WRONG_PASSWORD`]. No configuration can name it.
    WrongPassword,
}

impl SecretRef {
    /// The file, if the secret is in one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Env(_) | Self::WrongPassword => None,
        }
    }
}

/// The password for the trial whether passwords are still checked. It never changes, because directories
/// count a repeated wrong password only once, and it names the program in their logs.
pub const WRONG_PASSWORD: &str = "mailbox-exporter-deliberately-wrong-password";

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::WrongPassword => write!(f, "the deliberate wrong password"),
        }
    }
}

table! {
    /// Where a token request carries the client secret (RFC 6749 section 2.3.1).
    pub enum SecretIn: LabelRow {
        /// In the form, next to the client id.
        Body => label("body");
        /// In the `Authorization` header.
        Basic => label("basic");
    }
}

/// How a mailbox is opened: with an access token, or with a password. Each step between the configuration and
/// the login says what it carries in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth<T, P> {
    /// OAuth.
    Token(T),
    /// The method that is being switched off.
    Password(P),
}

impl<T, P> Auth<T, P> {
    /// Which of the two, without what it carries.
    pub const fn kind(&self) -> Auth<(), ()> {
        match self {
            Self::Token(_) => Auth::Token(()),
            Self::Password(_) => Auth::Password(()),
        }
    }

    pub const fn token(&self) -> Option<&T> {
        match self {
            Self::Token(token) => Some(token),
            Self::Password(_) => None,
        }
    }
}

/// A registered application, and the form of its token requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct App {
    /// Directory (tenant) id; replaces `{tenant}` in the token URL.
    pub tenant: Option<String>,
    /// Application (client) id.
    pub client_id: String,
    /// Additional fields of the request, such as `resource` or `audience`.
    pub parameters: BTreeMap<String, String>,
}

/// The facts of JWS about one signing algorithm.
#[derive(Debug)]
pub struct AlgorithmRow {
    /// The value in the configuration.
    pub label: &'static str,
    /// `alg` in the header (RFC 7518 section 3.1).
    pub jose: &'static str,
}

table! {
    /// How a client assertion is signed.
    pub enum Algorithm: AlgorithmRow {
        /// RSASSA-PSS: what Entra recommends.
        Ps256 => AlgorithmRow { label: "ps256", jose: "PS256" };
        /// RSASSA-PKCS1-v1_5, for providers that know nothing newer.
        Rs256 => AlgorithmRow { label: "rs256", jose: "RS256" };
        /// ECDSA on P-256. Entra does not take it.
        Es256 => AlgorithmRow { label: "es256", jose: "ES256" };
    }
}

/// Where a certificate and its private key are stored. One place may hold both.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PairRef {
    pub certificate: SecretRef,
    pub private_key: SecretRef,
    /// Opens an encrypted private key.
    pub passphrase: Option<SecretRef>,
}

impl PairRef {
    /// Every place once.
    pub fn places(&self) -> Vec<&SecretRef> {
        let key = Some(&self.private_key).filter(|key| **key != self.certificate);
        [Some(&self.certificate), key, self.passphrase.as_ref()].into_iter().flatten().collect()
    }
}

/// What a token request proves its identity with. `token::proof` has one file for each kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Proof {
    /// OAuth2 client credentials with a shared secret (RFC 6749 section 4.4).
    ClientSecret { app: App, secret: SecretRef, sent_in: SecretIn },
    /// OAuth2 client credentials with a signed assertion (RFC 7523 section 2.2).
    Certificate { app: App, pair: PairRef, algorithm: Algorithm },
    /// OAuth2 client credentials with a token that another issuer gave to this workload.
    Federated {
        app: App,
        /// Where the issuer writes the token.
        token: SecretRef,
        /// The audience that the token must name.
        audience: String,
        /// Replaces the worldwide authority in the token URL, for other clouds.
        authority: Option<String>,
        /// The webhook of Azure Workload Identity fills in the values that are not written, but only in the pod.
        by_webhook: bool,
    },
    /// A signed assertion in the name of one user (RFC 7523 section 2.1): Google's domain-wide delegation. Each
    /// mailbox has a token of its own.
    GoogleServiceAccount {
        /// The key file as Google writes it.
        key: SecretRef,
    },
    /// A token that a person obtained by signing in once (RFC 6749 section 6). Providers replace it at any
    /// request, so its file is written as well as read.
    RefreshToken {
        app: App,
        /// Always a file.
        token: SecretRef,
        /// Only confidential clients have one.
        secret: Option<SecretRef>,
        sent_in: SecretIn,
        /// The device authorization endpoint (RFC 8628), with the tenant filled in; `None` derives it from the token
        /// URL.
        device_url: Option<String>,
    },
    /// An identity that Azure gives to a machine or a platform. The request contains no proof: its origin decides.
    ManagedIdentity {
        /// Which identity, if a user assigned it; `None` for the one that the system assigned.
        client_id: Option<String>,
        service: IdentityService,
        /// The address of the service.
        url: String,
    },
}

/// Who gives out the tokens of a managed identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IdentityService {
    /// The instance metadata service of virtual machines, scale sets and nodes of AKS.
    Imds,
    /// The endpoint that App Service, Functions and Container Apps put beside a program.
    AppService {
        /// What the header `X-IDENTITY-HEADER` must hold.
        header: SecretRef,
    },
    /// The agent of Azure Arc on a server elsewhere. It knows the system-assigned identity alone, and gives tokens to
    /// programs that can read the key files which it writes.
    AzureArc {
        /// The only folder from which such a file is read. No answer can choose another one.
        key_folder: PathBuf,
    },
}

impl Proof {
    /// The value of `type` in the configuration.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client_secret",
            Self::Certificate { .. } => "certificate",
            Self::Federated { .. } => "federated",
            Self::GoogleServiceAccount { .. } => "google_service_account",
            Self::ManagedIdentity { .. } => "managed_identity",
            Self::RefreshToken { .. } => "refresh_token",
        }
    }

    /// The application, if the kind has one.
    pub const fn app(&self) -> Option<&App> {
        match self {
            Self::ClientSecret { app, .. }
            | Self::Certificate { app, .. }
            | Self::Federated { app, .. }
            | Self::RefreshToken { app, .. } => Some(app),
            Self::GoogleServiceAccount { .. } | Self::ManagedIdentity { .. } => None,
        }
    }

    /// Whether a token opens the mailbox of one user only, so that each user needs one.
    pub const fn is_per_user(&self) -> bool {
        match self {
            Self::GoogleServiceAccount { .. } => true,
            Self::ClientSecret { .. }
            | Self::Certificate { .. }
            | Self::Federated { .. }
            | Self::ManagedIdentity { .. }
            | Self::RefreshToken { .. } => false,
        }
    }

    pub fn tenant(&self) -> Option<&str> {
        self.app()?.tenant.as_deref()
    }

    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::ManagedIdentity { client_id, .. } => client_id.as_deref(),
            _ => self.app().map(|app| &*app.client_id).filter(|client_id| !client_id.is_empty()),
        }
    }

    /// What takes the place of the worldwide authority in the token URL.
    pub fn authority(&self) -> Option<&str> {
        match self {
            Self::Federated { authority, .. } => authority.as_deref(),
            Self::ClientSecret { .. }
            | Self::Certificate { .. }
            | Self::GoogleServiceAccount { .. }
            | Self::ManagedIdentity { .. }
            | Self::RefreshToken { .. } => None,
        }
    }

    /// Whether a person has signed in, so that the token carries that person's permissions and not the
    /// application's.
    pub const fn is_delegated(&self) -> bool {
        matches!(self, Self::RefreshToken { .. })
    }

    /// All places that a request reads. A change of what they hold is a reason to try again after a failure.
    pub fn places(&self) -> Vec<&SecretRef> {
        let mut places = self.steady_places();
        places.extend(self.rotated());
        places
    }

    /// The places whose content only people and other programs change.
    pub fn steady_places(&self) -> Vec<&SecretRef> {
        match self {
            Self::ClientSecret { secret, .. } => vec![secret],
            Self::Certificate { pair, .. } => pair.places(),
            Self::Federated { token, .. } => vec![token],
            Self::GoogleServiceAccount { key } => vec![key],
            Self::ManagedIdentity { service: IdentityService::AppService { header }, .. } => vec![header],
            // The agent of Azure Arc writes a new key file for each request: there is none to watch.
            Self::ManagedIdentity {
                service: IdentityService::Imds | IdentityService::AzureArc { .. },
                ..
            } => Vec::new(),
            Self::RefreshToken { secret, .. } => secret.iter().collect(),
        }
    }

    /// The place that requests write as well as read.
    pub const fn rotated(&self) -> Option<&SecretRef> {
        match self {
            Self::RefreshToken { token, .. } => Some(token),
            Self::ClientSecret { .. }
            | Self::Certificate { .. }
            | Self::Federated { .. }
            | Self::GoogleServiceAccount { .. }
            | Self::ManagedIdentity { .. } => None,
        }
    }

    /// The secret that a person copied into its place, whose shape can show a wrong paste.
    pub const fn pasted(&self) -> Option<&SecretRef> {
        match self {
            Self::ClientSecret { secret, .. } => Some(secret),
            Self::RefreshToken { secret, .. } => secret.as_ref(),
            Self::Certificate { .. }
            | Self::Federated { .. }
            | Self::GoogleServiceAccount { .. }
            | Self::ManagedIdentity { .. } => None,
        }
    }
}

#[cfg(test)]
impl Proof {
    /// A client secret in an environment variable, for tests.
    pub(crate) fn sample(tenant: Option<&str>, client_id: &str, variable: &str) -> Arc<Self> {
        let (tenant, client_id) = (tenant.map(str::to_owned), client_id.to_owned());
        Arc::new(Self::ClientSecret {
            app: App { tenant, client_id, parameters: BTreeMap::new() },
            secret: SecretRef::Env(variable.to_owned()),
            sent_in: SecretIn::Body,
        })
    }
}

/// An identity that logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Unique; a label value in metrics.
    pub name: Arc<str>,
    pub auth: Auth<Arc<Proof>, SecretRef>,
    /// The expiry of the secret, as declared in the configuration.
    pub expires: Option<Expires>,
}

impl Credential {
    /// The value of `type` in the configuration.
    pub fn label(&self) -> &'static str {
        match &self.auth {
            Auth::Token(proof) => proof.label(),
            Auth::Password(_) => "password",
        }
    }

    pub fn tenant(&self) -> Option<&str> {
        self.auth.token()?.tenant()
    }

    pub fn client_id(&self) -> Option<&str> {
        self.auth.token()?.client_id()
    }

    /// See [`Proof::is_delegated`].
    pub fn is_delegated(&self) -> bool {
        self.auth.token().is_some_and(|proof| proof.is_delegated())
    }

    /// All places that a login reads: none, one or several.
    pub fn places(&self) -> Vec<&SecretRef> {
        match &self.auth {
            Auth::Token(proof) => proof.places(),
            Auth::Password(place) => vec![place],
        }
    }

    /// The places in words; `None` if the credential rests on none.
    pub fn places_in_words(&self) -> Option<String> {
        let places: Vec<String> = self.places().into_iter().map(SecretRef::to_string).collect();
        (!places.is_empty()).then(|| places.join(" and "))
    }

    /// See [`Proof::pasted`].
    pub fn pasted(&self) -> Option<&SecretRef> {
        match &self.auth {
            Auth::Token(proof) => proof.pasted(),
            Auth::Password(place) => Some(place),
        }
    }

    /// The dates on which the credential expires, as far as the configuration itself says them. What a proof says
    /// is read by `token`, what a file holds by `secret`.
    pub fn ends(&self) -> Vec<End> {
        match self.expires {
            Some(Expires::At(at)) => vec![End { source: EndSource::Declared, at }],
            Some(Expires::In(_)) | None => Vec::new(),
        }
    }

    /// The file that holds the date on which the credential expires.
    pub fn end_file(&self) -> Option<&Path> {
        match &self.expires {
            Some(Expires::In(path)) => Some(path),
            Some(Expires::At(_)) | None => None,
        }
    }
}
