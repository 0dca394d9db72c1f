//! A secret that the application and the identity provider share (RFC 6749 section 2.3.1).

use oauth2::{AuthType, ClientSecret};
use secrecy::ExposeSecret;

use crate::model::{App, Cause, SecretIn, SecretRef};
use crate::secret::{self, Scrubber};
use crate::token::exchange::{Exchange, Issued};

pub(super) async fn request(
    exchange: &Exchange<'_>,
    app: &App,
    place: &SecretRef,
    sent_in: SecretIn,
) -> Result<Issued, Cause> {
    let secret = secret::read(place).await?;
    let client = exchange
        .client(app)?
        .set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()))
        .set_auth_type(match sent_in {
            SecretIn::Body => AuthType::RequestBody,
            SecretIn::Basic => AuthType::BasicAuth,
        });
    let fields = app.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    exchange.client_credentials(&client, fields, &Scrubber::knowing([secret.expose_secret()])).await
}
