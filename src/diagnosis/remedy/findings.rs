//! Findings beyond the server's sentence: in the token, with the expected value next to the actual one; from the
//! clocks; in the certificate.
//!
//! Claims are read without being verified, so a finding is a fact about the token, never a verdict
//! about the mailbox.

use super::{Subject, clock, fill};
use crate::diagnosis::interception::is_public;
use crate::model::{Claims, Phase, Protocol, Reason, TokenAccess, TokenSpec};

/// Exchange's own application id: some tokens name their audience so.
const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";

/// That of Microsoft Graph.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// What tokens for the worldwide cloud are for; its mail servers take either.
const WORLDWIDE: &str = "https://outlook.office365.com";
const AUDIENCES: &[&str] = &[WORLDWIDE, "https://outlook.office.com"];

/// Length of an id as Entra writes it, hyphens included.
const ID: usize = 36;

/// What the token tells.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Worst first.
    pub(super) lines: Vec<String>,
    /// Whether they explain the refusal by themselves, so that other causes need no looking for.
    pub(super) decisive: bool,
}

/// The findings about a failure, of whatever kind.
pub(super) fn of(reason: Reason, phase: Phase, subject: &Subject<'_>) -> Findings {
    let intercepted = certificate(reason, phase, subject);
    let clocks = clock::of(reason, subject);
    let token = if clocks.decisive { Findings::default() } else { of_token(reason, subject) };
    Findings {
        decisive: clocks.decisive || token.decisive,
        lines: [intercepted.into_iter().collect(), clocks.lines, token.lines].concat(),
    }
}

/// A sentence about a certificate which shows that TLS to a public provider is intercepted.
fn certificate(reason: Reason, phase: Phase, subject: &Subject<'_>) -> Option<String> {
    if let (Some(spec), Phase::Token, Reason::TlsCertificateUntrusted) =
        (subject.check.token_spec(), phase, reason)
    {
        let host = Some(fill::host_of(&spec.url)).filter(|host| is_public(host))?;
        return Some(format!(
            "TLS to `{host}` seems to be intercepted: the identity provider's certificates come from public authorities, the sentence names who issued this one. No credential was sent."
        ));
    }
    let shown = subject.server.certificate.as_ref().filter(|_| subject.server.intercepted)?;
    let (host, issuer) = (&subject.check.endpoint.host, plain(&shown.issuer));
    let sent =
        if phase < Phase::Auth { "No credential was sent." } else { "Whoever it is has seen this login." };
    Some(format!(
        "TLS to `{host}` seems to be intercepted: the provider's certificates come from public authorities, this one was issued by `{issuer}`. {sent}"
    ))
}

/// The findings in the token; none if the refusal is not about the token.
fn of_token(reason: Reason, subject: &Subject<'_>) -> Findings {
    let (Reason::TokenRejected | Reason::RoleMissing, Some(TokenAccess { spec, permission, .. })) =
        (reason, subject.check.access.token())
    else {
        return Findings::default();
    };
    let exchange = fill::at_exchange(subject.check);
    let graph = subject.check.protocol() == Protocol::Graph;
    let Some(claims) = subject.claims else {
        let lines = if exchange { vec![unread(spec, graph, *permission)] } else { Vec::new() };
        return Findings { lines, decisive: false };
    };
    let mut lines: Vec<_> = [
        audience(claims, spec, graph).filter(|_| exchange),
        tenant(claims, spec),
        app(claims, spec).filter(|_| exchange),
    ]
    .into_iter()
    .flatten()
    .collect();
    let decisive = !lines.is_empty();
    let missing = permission.filter(|wanted| !claims.grants(wanted));
    lines
        .extend(missing.map(|missing| {
            format!("The token lacks `{missing}`; it holds {}.", listed(&claims.permissions))
        }));
    if exchange && claims.object_id.is_none() {
        lines.push("The token names no object id (`oid`): it is of no service principal or user.".to_owned());
    }
    if lines.is_empty() && exchange && reason == Reason::TokenRejected {
        let permission = permission.map(|name| format!(", `{name}`")).unwrap_or_default();
        lines
            .push(format!("The token itself is in order (audience, tenant, app{permission}). What is left:"));
    }
    Findings { lines, decisive }
}

fn unread(spec: &TokenSpec, graph: bool, permission: Option<&str>) -> String {
    let expected = plain(expected_audience(spec, graph));
    let permission = permission.map(|name| format!(" or lack `{name}`")).unwrap_or_default();
    format!(
        "The token cannot be read here: it may be for another audience than `{expected}`{permission}. Besides:"
    )
}

fn audience(claims: &Claims, spec: &TokenSpec, graph: bool) -> Option<String> {
    let found = claims.audience.as_deref()?;
    let expected = expected_audience(spec, graph);
    let id = if graph { GRAPH } else { EXCHANGE };
    let is = |one: &str| one.trim_end_matches('/').eq_ignore_ascii_case(found.trim_end_matches('/'));
    let twins = AUDIENCES.contains(&expected) && AUDIENCES.iter().any(|audience| is(audience));
    if is(expected) || is(id) || twins {
        return None;
    }
    let (found, expected) = (plain(found), plain(expected));
    let key = if graph { "scope under `graph`" } else { "scope" };
    Some(format!(
        "The token is for another audience: found `{found}`, expected `{expected}`. Set the provider's {key} to `{expected}/.default`."
    ))
}

/// The resource of the requested scope, unless that is the mistake itself.
fn expected_audience(spec: &TokenSpec, graph: bool) -> &str {
    let asked = audience_of(&spec.scope);
    if graph || fill::host_of(asked).contains("outlook") || !asked.contains("://") {
        asked
    } else {
        WORLDWIDE
    }
}

/// The resource of a scope: without `/.default`, or without the permissions of a person's.
fn audience_of(scope: &str) -> &str {
    let first = scope.split_whitespace().next().unwrap_or(scope);
    let resource = first.strip_suffix("/.default").or_else(|| {
        let (scheme, rest) = first.split_once("://")?;
        first.get(..scheme.len() + "://".len() + rest.find('/')?)
    });
    resource.unwrap_or(first).trim_end_matches('/')
}

/// A tenant written as a domain cannot be held against an id.
fn tenant(claims: &Claims, spec: &TokenSpec) -> Option<String> {
    let (found, expected) = (claims.tenant.as_deref()?, spec.proof.tenant()?);
    let is_id = expected.len() == ID && expected.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    (is_id && !found.eq_ignore_ascii_case(expected))
        .then(|| differs("comes from another tenant", found, expected))
}

fn app(claims: &Claims, spec: &TokenSpec) -> Option<String> {
    let (found, expected) = (claims.app.as_deref()?, spec.proof.client_id()?);
    (!found.eq_ignore_ascii_case(expected)).then(|| differs("was issued to another app", found, expected))
}

fn listed(permissions: &[String]) -> String {
    /// More would bury what is to be done.
    const SHOWN: usize = 6;
    if permissions.is_empty() {
        return "none at all".to_owned();
    }
    let mut list: Vec<_> = permissions.iter().take(SHOWN).map(|name| format!("`{}`", plain(name))).collect();
    if permissions.len() > SHOWN {
        list.push(format!("{} more", permissions.len() - SHOWN));
    }
    list.join(", ")
}

fn differs(how: &str, found: &str, expected: &str) -> String {
    format!("The token {how}: found `{}`, expected `{}`.", plain(found), plain(expected))
}

/// Claims are foreign text: cut, and without what would end a line or a command.
fn plain(value: &str) -> String {
    /// Longer than any id or URL that helps.
    const SHOWN: usize = 120;
    value.chars().filter(|c| *c != '`' && !c.is_control()).take(SHOWN).collect()
}
