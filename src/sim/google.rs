//! Google's token endpoint for service accounts: verifies the signed assertion, and that the account may act for the
//! user whom the assertion names.
//!
//! Refuses in Google's words. `idp.rs` knows the applications.

use std::io;
use std::time::{Instant, SystemTime};

use jiff::Timestamp;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, DecodingKey, decode, decode_header};
use rcgen::{KeyPair, PublicKeyData as _, RsaKeySize};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::sim::DOMAIN;
use crate::sim::app::{Issued, SeenTokenRequest, SimApp, TokenOutcome};
use crate::sim::assertion::lax;
use crate::sim::http::Request;
use crate::sim::idp::{AUDIENCE, Idp};
use crate::sim::misbehaviour;
use crate::sim::reply::{JSON, respond};
use crate::sim::token;
use crate::sim::token_fault::TokenAct;
use crate::sim::wire::Wire;

/// The path of the endpoint.
pub(super) const PATH: &str = "/google/token";
/// The only grant that it accepts.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The scope for every protocol.
const MAIL: &str = "https://mail.google.com/";
/// A scope for IMAP only.
const IMAP_ADMIN: &str = "https://www.googleapis.com/auth/gmail.imap_admin";
/// How long an assertion may be valid at most.
const LONGEST_SECONDS: i64 = 3600;
/// How far the clocks may differ.
const LEEWAY_SECONDS: i64 = 60;

/// A service account and its key, as the Google Cloud console hands it out.
#[derive(Clone)]
pub struct SimServiceAccount {
    /// The account's address.
    pub email: String,
    /// The number by which the Admin console knows the account.
    pub client_id: String,
    pub key_id: String,
    /// PKCS#8 in PEM.
    pub private_key: String,
    public: Vec<u8>,
}

/// What Google knows about a service account.
#[derive(Clone)]
pub(super) struct Delegated {
    account: SimServiceAccount,
    /// The scopes that the Admin console allows.
    scopes: Vec<String>,
    /// Users of the right domain that do not exist.
    absent: Vec<String>,
}

impl SimServiceAccount {
    /// An account with a new key.
    ///
    /// # Errors
    /// The key cannot be made.
    pub fn new() -> io::Result<Self> {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)
            .map_err(io::Error::other)?;
        let number = Uuid::new_v4().as_u128() % 10_u128.pow(20);
        Ok(Self {
            email: format!("mail-{}@contoso-mail.iam.gserviceaccount.com", Uuid::new_v4().simple()),
            client_id: format!("1{number:020}"),
            key_id: Uuid::new_v4().simple().to_string(),
            public: key.der_bytes().to_vec(),
            private_key: key.serialize_pem(),
        })
    }

    /// The key file as the console offers it for download, with this token endpoint.
    pub fn file(&self, token_uri: &str) -> String {
        let file = json!({
            "type": "service_account",
            "project_id": "contoso-mail",
            "private_key_id": self.key_id,
            "private_key": self.private_key,
            "client_email": self.email,
            "client_id": self.client_id,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        });
        format!("{file:#}\n")
    }
}

impl Delegated {
    pub(super) fn new(account: &SimServiceAccount, scopes: &[&str]) -> Self {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Self { account: account.clone(), scopes, absent: Vec::new() }
    }

    pub(super) fn set_absent(&mut self, user: &str) {
        self.absent.push(user.to_owned());
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    scope: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// A refusal: status, OAuth2 `error`, sentence.
type Refusal = (u16, &'static str, &'static str);

const SHORT_LIVED: Refusal = (
    400,
    "invalid_grant",
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
);
const UNAUTHORIZED: Refusal = (
    401,
    "unauthorized_client",
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
);

/// Verifies an assertion. `address` is this endpoint's own, without its scheme.
fn verify(app: &SimApp, assertion: &str, address: &str, now: Timestamp) -> Result<Claims, Refusal> {
    const SIGNATURE: Refusal = (400, "invalid_grant", "Invalid JWT Signature.");
    let Some(known) = app.delegated() else {
        return Err((400, "invalid_grant", "Invalid grant: account not found"));
    };
    let header = decode_header(assertion).map_err(|_| SIGNATURE)?;
    if header.alg != Algorithm::RS256 || header.kid.as_ref() != Some(&known.account.key_id) {
        return Err(SIGNATURE);
    }
    let key = DecodingKey::from_rsa_der(&known.account.public);
    let claims = decode::<Claims>(assertion, &key, &lax(Algorithm::RS256)).map_err(|_| SIGNATURE)?.claims;
    let audience = claims.aud.strip_prefix("https://").or_else(|| claims.aud.strip_prefix("http://"));
    if audience != Some(address) {
        return Err((
            400,
            "invalid_grant",
            "Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token",
        ));
    }
    let seconds = now.as_second();
    let is_now = claims.iat <= seconds + LEEWAY_SECONDS && seconds < claims.exp;
    if !is_now || claims.exp - claims.iat > LONGEST_SECONDS || claims.exp - seconds > LONGEST_SECONDS {
        return Err(SHORT_LIVED);
    }
    if !claims.scope.split(' ').all(|scope| known.scopes.iter().any(|allowed| allowed == scope)) {
        return Err(UNAUTHORIZED);
    }
    match claims.sub.rsplit_once('@') {
        Some((_, domain)) if domain.eq_ignore_ascii_case(DOMAIN) => {}
        _ => return Err(UNAUTHORIZED),
    }
    if known.absent.iter().any(|absent| absent.eq_ignore_ascii_case(&claims.sub)) {
        return Err((400, "invalid_grant", "Invalid email or User ID"));
    }
    Ok(claims)
}

impl Idp {
    /// Answers a request for a user's token. Returns `false` if the connection ends.
    pub(super) async fn google(&self, wire: &mut Wire, request: &Request) -> io::Result<bool> {
        let form = request.form().unwrap_or_default();
        let field =
            |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let now = Timestamp::now();
        if request.method != "POST" || field("grant_type") != Some(GRANT) {
            let refusal = (400, "unsupported_grant_type", "Invalid grant_type");
            return refuse(wire, now, refusal).await;
        }
        let assertion = field("assertion").unwrap_or_default();
        let claims = insecure_decode_claims::<Claims>(assertion);
        let issuer = claims.as_ref().map(|claims| claims.iss.as_str()).unwrap_or_default();
        let Some(app) = self.find(|app| app.delegated().is_some_and(|known| known.account.email == issuer))
        else {
            return refuse(wire, now, (400, "invalid_grant", "Invalid grant: account not found")).await;
        };
        let now = now + app.terms().clock_ahead;
        let address = format!("{}{PATH}", request.header("host").unwrap_or_default());
        let saw = |outcome| {
            app.saw(SeenTokenRequest {
                at: SystemTime::now(),
                client_request_id: request.header("client-request-id").map(str::to_owned),
                basic_header: false,
                user: claims.as_ref().ok().map(|claims| claims.sub.clone()),
                outcome,
            });
        };
        if let Some(fault) = app.terms().fault
            && !matches!(fault.row().act, TokenAct::Issue(_))
        {
            saw(TokenOutcome::Fault(fault));
            return misbehaviour::act_out_for(wire, fault.row().act, &app, request, now).await;
        }
        match verify(&app, assertion, &address, now) {
            Ok(claims) => {
                saw(TokenOutcome::Issued);
                respond(wire, now, 200, JSON, &issue(&app, &claims), &[]).await
            }
            Err(refusal) => {
                saw(TokenOutcome::Refused(0));
                refuse(wire, now, refusal).await
            }
        }
    }
}

/// Makes a token for one user, remembers it, and writes the answer.
fn issue(app: &SimApp, claims: &Claims) -> String {
    let terms = app.terms();
    let roles: &[&str] = match claims.scope.as_str() {
        scope if scope.split(' ').any(|scope| scope == MAIL) => {
            &["IMAP.AccessAsApp", "POP.AccessAsApp", "SMTP.SendAsApp"]
        }
        IMAP_ADMIN => &["IMAP.AccessAsApp"],
        _ => &[],
    };
    let token = token::of_google();
    let issued = Issued {
        audience: AUDIENCE.to_owned(),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        user: Some(claims.sub.clone()),
        expires: Instant::now() + terms.expires_in,
    };
    app.remember(token.clone(), issued);
    json!({ "access_token": token, "expires_in": terms.expires_in.as_secs(), "token_type": "Bearer" })
        .to_string()
}

async fn refuse(wire: &mut Wire, now: Timestamp, (status, error, text): Refusal) -> io::Result<bool> {
    let body = json!({ "error": error, "error_description": text });
    respond(wire, now, status, JSON, &body.to_string(), &[]).await
}
