//! What a text means: durations, addresses to listen on, hosts, URLs, dates.
//!
//! Owns meanings and their bounds; knows neither keys nor positions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use jiff::Timestamp;

use super::cursor::Cursor;
use super::place::Quoted;
use crate::model::{Endpoint, Listen, Security};
use crate::net::is_loopback;
use crate::safe;
use crate::secret;

/// The shortest duration. Not a minimum interval, only where a timer stops telling times apart.
const MIN_DURATION: Duration = Duration::from_millis(1);

/// The longest duration: a typing mistake rather than a plan, and far from where clocks overflow.
const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Longest host name, RFC 1035.
const MAX_HOST: usize = 253;

/// The port of https, RFC 9110.
const HTTPS_PORT: u16 = 443;

/// In place of `{tenant}` where a token URL is only looked at.
const SAMPLE_TENANT: &str = "tenant";

/// The place of the tenant in a token_url.
const TENANT: &str = "{tenant}";

/// `90s`, `5m`, `1h30m`.
pub(super) fn duration(at: &Cursor<'_>) -> Option<Duration> {
    const WHAT: &str = "a duration like 90s, 5m or 1h30m";
    if at.is_number() {
        return at.senseless("a duration with its unit, like 90s or 5m");
    }
    let duration = at.parse(WHAT, |text| humantime::parse_duration(text).ok())?;
    if duration.is_zero() {
        return at.complain("a duration of zero makes no sense here");
    }
    if duration < MIN_DURATION || duration > MAX_DURATION {
        return at.senseless("a duration from 1ms to 366days");
    }
    Some(duration)
}

/// As the file would write it: `1h30m`.
pub(super) fn spell(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

/// A whole number within bounds.
pub(super) fn number(at: &Cursor<'_>, what: &str, from: u32, to: u32) -> Option<u32> {
    let number = |text: &str| text.parse().ok().filter(|number| (from..=to).contains(number));
    at.parse(&format!("{what} from {from} to {to}"), number)
}

/// `2027-03-01`, which is the start of that day in UTC, or an RFC 3339 time.
pub(super) fn date(at: &Cursor<'_>) -> Option<Timestamp> {
    at.parse("a date like 2027-03-01 or a time like 2027-03-01T12:00:00Z", secret::date)
}

/// Reads an address to listen on: `127.0.0.1:9993`, `[::]:9993`, `localhost:0`, or `:9993` for every address.
///
/// # Errors
///
/// The sentence that says what was expected.
pub fn parse_listen(text: &str) -> Result<Listen, String> {
    let wrong = || {
        let quoted = Quoted(text);
        format!("expected an address to listen on like [::]:9993, 127.0.0.1:9993 or :9993, found {quoted}")
    };
    let (name, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = Some(port).filter(|port| port.bytes().all(|b| b.is_ascii_digit())).ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    if name.is_empty() {
        return Ok(Listen { host: Ipv6Addr::UNSPECIFIED.to_string(), port });
    }
    // Without brackets it would be unclear where the address ends.
    if name.contains(':') && !name.starts_with('[') {
        return Err(wrong());
    }
    let host = host(name).map_err(|_| wrong())?;
    Ok(Listen { host, port })
}

/// A host name or an IP literal, without brackets.
pub(super) fn host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(text).parse::<Ipv6Addr>() {
        return Ok(address.to_string());
    }
    if text.contains("://") || text.contains('/') {
        return Err("write only the name of the host, without scheme and path".to_owned());
    }
    if text.contains(':') {
        return Err("write only the name of the host; the port has its own key: port".to_owned());
    }
    let in_label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.chars().all(in_label);
    if text.len() <= MAX_HOST && text.strip_suffix('.').unwrap_or(text).split('.').all(label) {
        // A name that is all digits would be looked up, although an address was meant.
        let numeric = text.split('.').next_back().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
        if !numeric || text.parse::<Ipv4Addr>().is_ok() {
            return Ok(text.to_owned());
        }
    }
    Err(format!(
        "expected a host name like mail.contoso.example or an IP address, found {} (names beyond ASCII are written in their xn-- form)",
        Quoted(text)
    ))
}

/// The name that EHLO gives: a host name, or an address literal in brackets (RFC 5321 section 4.1.3).
pub(super) fn ehlo(text: &str) -> Result<String, String> {
    let literal = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fits = match literal {
        Some(literal) => literal.strip_prefix("IPv6:").unwrap_or(literal).parse::<IpAddr>().is_ok(),
        None => host(text).is_ok_and(|host| host.parse::<IpAddr>().is_err()),
    };
    if fits {
        return Ok(text.to_owned());
    }
    Err(format!(
        "expected a host name like agent.example.com or an address literal like [192.0.2.1], found {}",
        Quoted(text)
    ))
}

/// A token endpoint, with or without `{tenant}`. The address is not repeated: one with a password in it
/// is among the things refused.
pub(super) fn token_url(text: &str) -> Result<String, String> {
    const EXPECTED: &str = "expected an https:// address like https://idp.contoso.example/{tenant}/token";
    let sample = fill_tenant(text, SAMPLE_TENANT);
    if sample.contains(['{', '}']) {
        return Err("{tenant} is the only thing in braces that is filled in".to_owned());
    }
    https(&sample, EXPECTED)?;
    Ok(text.to_owned())
}

/// An address that secrets are sent to.
fn https(text: &str, expected: &str) -> Result<url::Url, String> {
    let url = url::Url::parse(text).map_err(|_| expected.to_owned())?;
    let bare = bare_host(&url);
    match url.scheme() {
        "https" if !bare.is_empty() => {}
        "http" if is_loopback(bare) => {}
        "http" => {
            return Err(
                "a secret would travel in clear: http is for loopback hosts only, use https".to_owned()
            );
        }
        _ => return Err(expected.to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "a user name or password has no place in this address; secrets belong to a credential".to_owned()
        );
    }
    if url.fragment().is_some() {
        return Err("a fragment (#…) has no place in this address".to_owned());
    }
    Ok(url)
}

/// The host of an address, an IPv6 literal without its brackets.
fn bare_host(url: &url::Url) -> &str {
    url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

/// Where Microsoft Graph is: scheme, host and port, with or without the version that requests go to.
fn graph_url(text: &str) -> Result<url::Url, String> {
    let url = https(text, "expected an https:// address like https://graph.microsoft.com")?;
    if !matches!(url.path().trim_end_matches('/'), "" | "/v1.0") || url.query().is_some() {
        return Err("expected scheme, host and port alone, like https://graph.microsoft.com".to_owned());
    }
    Ok(url)
}

/// Microsoft Graph as a server of mailboxes.
pub(super) fn graph_endpoint(text: &str) -> Result<Endpoint, String> {
    let url = graph_url(text)?;
    let security = if url.scheme() == "https" { Security::Implicit } else { Security::None };
    let port = url.port_or_known_default().unwrap_or(HTTPS_PORT);
    Ok(Endpoint { host: bare_host(&url).to_owned(), port, security })
}

/// Microsoft Graph as a directory: its address, to which a version and a path are added.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    Ok(graph_url(text)?.origin().ascii_serialization())
}

/// The scope for everything that an app may do at this service.
pub(super) fn default_scope(base_url: &str) -> String {
    format!("{}/.default", base_url.trim_end_matches('/'))
}

/// The folder of a Graph check: a well-known name or an id, never a name that people see.
pub(super) fn graph_folder(text: &str) -> Result<String, String> {
    let fits =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte));
    if fits {
        return Ok(text.to_owned());
    }
    Err(format!(
        "Graph opens a folder by a well-known name such as inbox, archive or sentitems, or by its id, found {}",
        Quoted(text)
    ))
}

/// The token endpoint of one tenant.
pub(super) fn fill_tenant(template: &str, tenant: &str) -> String {
    template.replace(TENANT, &safe::url_part(tenant))
}

/// The worldwide token endpoint of Entra at another authority; any other endpoint as it is.
pub(super) fn at_authority(template: &str, authority: Option<&str>) -> String {
    const WORLDWIDE: &str = "https://login.microsoftonline.com/";
    match authority.zip(template.strip_prefix(WORLDWIDE)) {
        Some((authority, path)) => format!("{}/{path}", authority.trim_end_matches('/')),
        None => template.to_owned(),
    }
}

/// Whether a token_url has a place for the tenant.
pub(super) fn has_tenant(template: &str) -> bool {
    template.contains(TENANT)
}

/// A mail address, as far as a program that only logs in needs to know.
pub(super) fn address(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if parts.is_none() {
        return Err("expected a mail address like invoices@contoso.example".to_owned());
    }
    // Spaces and angle brackets would end the argument of MAIL FROM.
    if text.contains([' ', '<', '>']) || text.chars().any(char::is_whitespace) {
        return Err("expected the bare address, without spaces, name or angle brackets".to_owned());
    }
    Ok(text.to_owned())
}
