//! The identity provider of the rig: it verifies what it is asked and mints tokens that Dovecot can check, or must refuse.
//!
//! It shares no code with `src/sim` and none with the program. RFC 6749 section 4.4; error numbers and bodies as Entra sends them.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Url;
use serde_json::{Value, json};

/// The only tenant.
pub(crate) const TENANT: &str = "rig-tenant";
/// `iss` of every token.
pub(crate) const ISSUER: &str = "https://sts.rig.test/rig-tenant/";
/// `aud` of a right token.
pub(crate) const AUDIENCE: &str = "https://outlook.office365.com";
/// The only scope.
pub(crate) const SCOPE: &str = "https://outlook.office365.com/.default";
/// The secret of every client. The tests look for it where it must not be.
pub(crate) const CLIENT_SECRET: &str = "rig8Q~canary-client-secret-4f1b";

const KEY_ID: &str = "rigkey1";
const LIFETIME_SECONDS: u64 = 3600;
/// As long as real tokens are: with it the SASL response no longer fits into the 2048 bytes of a line that Postfix reads.
const PADDING: usize = 1600;

/// What is wrong with a client's tokens. None of the servers says which of these it was.
#[derive(Clone, Copy)]
enum Mint {
    Right,
    Expired,
    Forged,
    OtherAudience,
}

/// Client ids.
const CLIENTS: [(&str, Mint); 4] = [
    ("app-right", Mint::Right),
    ("app-expired", Mint::Expired),
    ("app-forged", Mint::Forged),
    ("app-other-audience", Mint::OtherAudience),
];

/// The running identity provider. It ends with the process.
pub(crate) struct Idp {
    address: SocketAddr,
    state: Arc<Keys>,
}

struct Keys {
    right: EncodingKey,
    forged: EncodingKey,
    minted: Mutex<Vec<String>>,
}

impl Idp {
    /// Makes its keys in `work`, where Dovecot finds the public one, and listens.
    pub(crate) fn start(work: &Path) -> Self {
        let state = Arc::new(Keys {
            right: rsa_key(&work.join("idp.key")),
            forged: rsa_key(&work.join("forger.key")),
            minted: Mutex::default(),
        });
        let published = work.join("keys/default/RS256");
        fs::create_dir_all(&published).unwrap();
        let (private, public) = (work.join("idp.key"), published.join(KEY_ID));
        openssl(&["pkey", "-in", private.to_str().unwrap(), "-pubout", "-out", public.to_str().unwrap()]);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let router =
            Router::new().route("/{tenant}/oauth2/v2.0/token", post(token)).with_state(Arc::clone(&state));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        Self { address, state }
    }

    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// A token as the client with this id would get it.
    pub(crate) fn token(&self, client_id: &str) -> String {
        let (_, mint) = CLIENTS.iter().find(|(id, _)| *id == client_id).expect("a client of the table");
        self.state.mint(client_id, *mint)
    }

    /// Every token ever given out.
    pub(crate) fn minted(&self) -> Vec<String> {
        self.state.minted.lock().unwrap().clone()
    }
}

impl Keys {
    fn mint(&self, client_id: &str, mint: Mint) -> String {
        // Dovecot refuses tokens from the future, be it by one second.
        let issued = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 60;
        let (issued, key, audience) = match mint {
            Mint::Right => (issued, &self.right, AUDIENCE),
            Mint::Expired => (issued - 2 * LIFETIME_SECONDS, &self.right, AUDIENCE),
            Mint::Forged => (issued, &self.forged, AUDIENCE),
            Mint::OtherAudience => (issued, &self.right, "https://graph.microsoft.com"),
        };
        let claims = json!({
            "aud": audience, "iss": ISSUER, "iat": issued, "nbf": issued, "exp": issued + LIFETIME_SECONDS,
            "appid": client_id, "idtyp": "app", "tid": TENANT, "ver": "1.0",
            "sub": "11111111-0000-0000-0000-000000000001", "oid": "11111111-0000-0000-0000-000000000001",
            "roles": ["IMAP.AccessAsApp", "SMTP.SendAsApp"], "xms_pad": "p".repeat(PADDING),
        });
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::RS256) };
        let token = jsonwebtoken::encode(&header, &claims, key).unwrap();
        self.minted.lock().unwrap().push(token.clone());
        token
    }
}

async fn token(
    State(keys): State<Arc<Keys>>,
    UrlPath(tenant): UrlPath<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    match grant(&tenant, &headers, &body) {
        Ok((client_id, mint)) => {
            let answer = json!({
                "token_type": "Bearer", "expires_in": LIFETIME_SECONDS, "ext_expires_in": LIFETIME_SECONDS,
                "access_token": keys.mint(&client_id, mint),
            });
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
        }
        Err((status, body)) => {
            (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
        }
    }
}

/// Who asks, and what they get; or the refusal.
fn grant(tenant: &str, headers: &HeaderMap, body: &str) -> Result<(String, Mint), (StatusCode, Value)> {
    let bad_request = |error, number, text: &str| (StatusCode::BAD_REQUEST, refusal(error, number, text));
    if tenant != TENANT {
        return Err(bad_request("invalid_request", 90002, &format!("Tenant '{tenant}' not found.")));
    }
    let form_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !form_type.starts_with("application/x-www-form-urlencoded") {
        return Err(bad_request("invalid_request", 900_144, "The request body must be a form."));
    }
    let form = Url::parse(&format!("http://form/?{body}")).unwrap();
    let field =
        |name: &str| form.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let (client_id, secret) = match (field("client_id"), field("client_secret")) {
        (Some(id), Some(secret)) => (id, secret),
        _ => basic(headers).ok_or_else(|| {
            bad_request(
                "invalid_request",
                900_144,
                "The request body must contain 'client_id' and 'client_secret'.",
            )
        })?,
    };
    if field("grant_type").as_deref() != Some("client_credentials") {
        return Err(bad_request(
            "unsupported_grant_type",
            70003,
            "The app requested an unsupported grant type.",
        ));
    }
    if field("scope").as_deref() != Some(SCOPE) {
        return Err(bad_request(
            "invalid_scope",
            70011,
            "The provided value for the input parameter 'scope' is not valid.",
        ));
    }
    let Some((_, mint)) = CLIENTS.iter().find(|(id, _)| *id == client_id) else {
        let text = format!("Application with identifier '{client_id}' was not found in the directory.");
        return Err(bad_request("unauthorized_client", 700_016, &text));
    };
    if secret != CLIENT_SECRET {
        let text = format!(
            "Invalid client secret provided. Ensure it is the value, for a secret added to app '{client_id}'."
        );
        return Err((StatusCode::UNAUTHORIZED, refusal("invalid_client", 7_000_215, &text)));
    }
    Ok((client_id, *mint))
}

/// Client authentication in the header, RFC 6749 section 2.3.1.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    // Both halves are form-encoded before they are joined.
    let (id, secret) = pair.split_once(':')?;
    let decoded = Url::parse(&format!("http://form/?id={id}&secret={secret}")).ok()?;
    let mut values = decoded.query_pairs().map(|(_, value)| value.into_owned());
    Some((values.next()?, values.next()?))
}

fn refusal(error: &str, number: u64, text: &str) -> Value {
    json!({
        "error": error,
        "error_description": format!("AADSTS{number}: {text} Trace ID: 00000000-0000-0000-0000-000000000000"),
        "error_codes": [number],
        "trace_id": "00000000-0000-0000-0000-000000000000",
    })
}

fn rsa_key(file: &Path) -> EncodingKey {
    openssl(&[
        "genpkey",
        "-quiet",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-out",
        file.to_str().unwrap(),
    ]);
    EncodingKey::from_rsa_pem(&fs::read(file).unwrap()).unwrap()
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl runs");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
