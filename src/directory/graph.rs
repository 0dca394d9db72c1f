//! Microsoft Graph: reads one answer after the other, renews a refused token once, and waits when Graph asks for it.
//!
//! Owns the bounds, and what a refusal means (Microsoft Learn, "Microsoft Graph error responses", "Microsoft Graph
//! throttling guidance").

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use secrecy::ExposeSecret;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use tokio::time::{Instant, sleep};

use super::fault::Fault;
use crate::https::{self, Answer, Client, Peer, Route, Service};
use crate::model::{Directory, Feed};
use crate::net::Dialer;
use crate::secret::Scrubber;
use crate::token::{AccessToken, TokenSource};

/// The largest answer, in bytes. A page of sign-ins takes several megabytes if many policies apply to each.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// Time limit of one request.
const REQUEST: Duration = Duration::from_secs(90);
/// How long to wait without a `Retry-After` that says more than "at once". Each further time doubles it.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest such wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How many times one reading waits at most.
const WAITS: usize = 20;
/// How much of an answer a sentence repeats, in characters.
const SHOWN: usize = 200;

/// Microsoft Graph during one reading.
pub(super) struct Graph<'a> {
    pub(super) directory: &'a Directory,
    tokens: &'a TokenSource,
    client: Client<'a>,
    /// Whether a refused token has been renewed. A reading does that once.
    renewed: bool,
    waits: usize,
    /// The next wait without `Retry-After`.
    pause: Duration,
    /// When the reading must be over.
    end: Instant,
}

/// A list, page by page.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Page<T> {
    #[serde(deserialize_with = "items")]
    pub(super) value: Vec<Item<T>>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

impl<T> Page<T> {
    /// The link to the next page, if there is one.
    pub(super) fn next(&self) -> Option<&str> {
        self.next.as_deref().filter(|link| !link.trim().is_empty())
    }
}

/// An element of a list. One of another form than documented does not spoil the others.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Item<T> {
    Read(T),
    Odd(IgnoredAny),
}

impl<T> Item<T> {
    pub(super) const fn read(&self) -> Option<&T> {
        match self {
            Self::Read(item) => Some(item),
            Self::Odd(_) => None,
        }
    }
}

/// A list; null is an empty one.
pub(super) fn items<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    list: D,
) -> Result<Vec<Item<T>>, D::Error> {
    Ok(Option::deserialize(list)?.unwrap_or_default())
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
        dialer: &'a Dialer,
        tokens: &'a TokenSource,
        directory: &'a Directory,
        end: Instant,
    ) -> Result<Self, Fault> {
        let service = Service {
            name: "directory",
            url: &directory.base_url,
            route: Route::AsConfigured,
            ca_file: directory.spec.ca_file.as_deref(),
            timeout: REQUEST,
        };
        let client = Client::new(dialer, service, &Peer::default()).await.map_err(Fault::Network)?;
        Ok(Self { directory, tokens, client, renewed: false, waits: 0, pause: PAUSE, end })
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
            if answer.is_success() && https::may_be_json(&answer.body) {
                return read(&answer.body).map(Some);
            }
            let said = said(&answer, &token.scrubber());
            if answer.is_success() {
                return Err(Fault::NotGraph { status: answer.status, said: said.text });
            }
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
                (status @ 404, said) if said.code.is_empty() => {
                    return Err(Fault::NotGraph { status, said: said.text });
                }
                (404, _) => return Ok(None),
                (429 | 502 | 503 | 504, said) => {
                    if self.waits == WAITS {
                        return Err(Fault::Busy { said: said.text, waits: self.waits });
                    }
                    self.waits += 1;
                    let wait = self.wait(answer.retry_after);
                    if Instant::now() + wait >= self.end {
                        return Err(Fault::Throttled { said: said.text, wait });
                    }
                    sleep(wait).await;
                }
                (status, said) => return Err(Fault::Refused { status, said: said.text }),
            }
        }
    }

    /// How long to wait, if an answer asks for this.
    fn wait(&mut self, asked: Option<Duration>) -> Duration {
        asked.filter(|asked| !asked.is_zero()).unwrap_or_else(|| {
            let pause = self.pause;
            self.pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            pause
        })
    }

    /// The address of the next page, if it is on the server that may see the token.
    pub(super) fn next(&self, link: &str) -> Result<String, Fault> {
        let (base, next) = (url::Url::parse(&self.directory.base_url), url::Url::parse(link));
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

/// A time as Graph writes it; without a zone it is in UTC. Any other text counts as absent.
pub(super) fn time(text: Option<&str>) -> Option<Timestamp> {
    let text = text?;
    let in_utc = || {
        let written: civil::DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(written).ok()
    };
    text.parse().ok().or_else(in_utc)
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
