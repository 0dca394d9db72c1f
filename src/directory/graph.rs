//! Microsoft Graph: reads one answer after the other, renews a refused token once, and waits when Graph asks for it.
//!
//! Owns the bounds, and what a refusal means (Microsoft Learn, "Microsoft Graph error responses", "Microsoft Graph
//! throttling guidance").

use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use super::fault::Fault;
use crate::https::{Answer, Client, Peer, Route, Service};
use crate::model::{Directory, Feed};
use crate::net::Dialer;
use crate::secret::Scrubber;
use crate::token::{AccessToken, TokenSource};

/// The largest answer, in bytes. A page of sign-ins takes several megabytes if many policies apply to each.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// Time limit of one request.
const REQUEST: Duration = Duration::from_secs(90);
/// How long to wait if there is no `Retry-After`.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest wait, whatever `Retry-After` says.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How many times one reading waits at most.
const WAITS: usize = 20;
/// How much of an answer a sentence repeats, in characters.
const SHOWN: usize = 200;

/// Microsoft Graph during one reading.
pub(super) struct Graph<'a> {
    pub(super) directory: &'a Directory,
    tokens: &'a TokenSource,
    client: Client,
    /// Whether a refused token has been renewed. A reading does that once.
    renewed: bool,
    waits: usize,
}

/// A list, page by page.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next: Option<String>,
}

/// The body of a refusal.
#[derive(Deserialize)]
struct Refusal {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: String,
    message: Option<String>,
}

/// The code for a tenant that is not licensed for reports.
const NO_LICENCE: &str = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";

impl<'a> Graph<'a> {
    pub(super) async fn open(
        dialer: &Dialer,
        tokens: &'a TokenSource,
        directory: &'a Directory,
    ) -> Result<Self, Fault> {
        let service = Service {
            name: "directory",
            url: &directory.base_url,
            route: Route::AsConfigured,
            ca_file: directory.spec.ca_file.as_deref(),
            timeout: REQUEST,
        };
        let client = Client::new(dialer, service, &Peer::default()).await.map_err(Fault::Network)?;
        Ok(Self { directory, tokens, client, renewed: false, waits: 0 })
    }

    /// The tenant that issued the token, if the token names it.
    pub(super) async fn tenant(&self) -> Result<Option<String>, Fault> {
        Ok(self.token().await?.claims().and_then(|claims| claims.tenant.clone()))
    }

    async fn token(&self) -> Result<AccessToken, Fault> {
        self.tokens.fetch(&self.directory.spec, None).await.map_err(Fault::Token)
    }

    /// Reads the object at this address; `None` if there is none. `feed` knows the permission that is needed.
    pub(super) async fn get<T: DeserializeOwned>(
        &mut self,
        url: &str,
        feed: Feed,
    ) -> Result<Option<T>, Fault> {
        loop {
            let token = self.token().await?;
            let answer = self.client.send(request(url, &token)?, LARGEST_ANSWER).await;
            let answer = answer.map_err(Fault::Network)?;
            if answer.is_success() {
                return read(&answer.body).map(Some);
            }
            let said = said(&answer, &token.scrubber());
            match (answer.status, said) {
                (401, _) if !self.renewed => {
                    self.renewed = true;
                    self.tokens.expired(&self.directory.spec, &token);
                }
                (401, said) => return Err(Fault::TokenRefused(said.text)),
                (403, said) if said.code == NO_LICENCE => return Err(Fault::NoLicence),
                (403, said) => {
                    return Err(Fault::NoPermission { permission: feed.row().permission, said: said.text });
                }
                (404, _) => return Ok(None),
                (429 | 502 | 503 | 504, said) => {
                    if self.waits == WAITS {
                        return Err(Fault::Busy { said: said.text, waits: self.waits });
                    }
                    self.waits += 1;
                    sleep(answer.retry_after.unwrap_or(PAUSE).min(LONGEST_PAUSE)).await;
                }
                (status, said) => return Err(Fault::Refused { status, said: said.text }),
            }
        }
    }

    /// The address of the next page, if it is on the server that may see the token.
    pub(super) fn next(&self, link: &str) -> Result<String, Fault> {
        let (base, next) = (reqwest::Url::parse(&self.directory.base_url), reqwest::Url::parse(link));
        match (base, next) {
            (Ok(base), Ok(next)) if base.origin() == next.origin() => Ok(next.into()),
            (_, Ok(next)) => Err(Fault::Elsewhere(next.host_str().unwrap_or_default().to_owned())),
            (_, Err(error)) => Err(Fault::Unreadable(format!("the link to the next page: {error}"))),
        }
    }
}

fn request(url: &str, token: &AccessToken) -> Result<http::Request<Vec<u8>>, Fault> {
    let bearer = format!("Bearer {}", token.value().expose_secret());
    let wrong = |error: http::Error| Fault::Unreadable(format!("the address of the request: {error}"));
    let mut bearer = http::HeaderValue::try_from(bearer).map_err(|error| wrong(error.into()))?;
    bearer.set_sensitive(true);
    let request = http::Request::get(url).header(http::header::ACCEPT, "application/json");
    request.header(http::header::AUTHORIZATION, bearer).body(Vec::new()).map_err(wrong)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    // The parser's own message is left out: it may quote a person's name.
    serde_json::from_slice(body)
        .map_err(|error| Fault::Unreadable(format!("at line {}, column {}", error.line(), error.column())))
}

/// A time as Graph writes it. Any other text counts as absent.
pub(super) fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// The code of a refusal, and its text without secrets.
struct Words {
    code: String,
    text: String,
}

fn said(answer: &Answer, scrubber: &Scrubber) -> Words {
    let clean = |text: &str| scrubber.clean(text.trim(), SHOWN);
    match serde_json::from_slice::<Refusal>(&answer.body) {
        Ok(Refusal { error: ErrorBody { code, message } }) => {
            let text = message.filter(|message| !message.trim().is_empty());
            let text = text.map_or_else(|| clean(&code), |message| clean(&format!("{code}: {message}")));
            Words { code, text }
        }
        Err(_) if answer.body.is_empty() => {
            Words { code: String::new(), text: format!("status {} without a body", answer.status) }
        }
        Err(_) => Words { code: String::new(), text: clean(&String::from_utf8_lossy(&answer.body)) },
    }
}
