//! The environment variables by which Azure tells a workload its identity and where it gets its tokens.
//!
//! Owns their names. Keys of the configuration take precedence over all of them.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::files;
use crate::model::{IdentityService, SecretRef};
use crate::net::is_loopback;

// The webhook of Azure Workload Identity sets these in a pod.
pub(super) const TENANT: &str = "AZURE_TENANT_ID";
pub(super) const CLIENT: &str = "AZURE_CLIENT_ID";
pub(super) const TOKEN: &str = "AZURE_FEDERATED_TOKEN_FILE";
pub(super) const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
/// Where the webhook mounts the token.
pub(super) const TOKEN_FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

/// The metadata service of virtual machines: the same address in every cloud.
const IMDS: &str = "http://169.254.169.254";
const IMDS_PATH: &str = "/metadata/identity/oauth2/token";

/// Another address of the metadata service. Azure's own client libraries read this variable too.
const IMDS_VARIABLE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
const ENDPOINT_VARIABLE: &str = "IDENTITY_ENDPOINT";
const HEADER_VARIABLE: &str = "IDENTITY_HEADER";
/// Azure Arc sets it beside the endpoint, and nothing else does.
const ARC_VARIABLE: &str = "IMDS_ENDPOINT";
/// Only Service Fabric sets this: the thumbprint of its endpoint's certificate. This version does not support it.
const THUMBPRINT_VARIABLE: &str = "IDENTITY_SERVER_THUMBPRINT";

/// The agent of Azure Arc. On Linux it sets no variables for services, so its program tells that it is here, as for
/// Azure's own client libraries.
const ARC_PROGRAM: &str = "/opt/azcmagent/bin/himds";
/// Where it listens.
const ARC: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";
/// Where it writes the keys that a request must show. Not configurable: whoever answers names a file in it.
const ARC_KEYS: &str = "/var/opt/azcmagent/tokens";

/// The value of a variable; `None` if it is unset or empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The service that gives this workload the tokens of its managed identity, and its address.
///
/// # Errors
///
/// A sentence that says what is wrong with the environment.
pub(super) fn identity_service() -> Result<(IdentityService, String), String> {
    let program = Path::new(ARC_PROGRAM);
    identity_service_by(variable, || {
        files::within(program, files::PATIENCE, || program.exists()).unwrap_or(false)
    })
}

fn identity_service_by(
    variable: impl Fn(&str) -> Option<String>,
    has_arc: impl FnOnce() -> bool,
) -> Result<(IdentityService, String), String> {
    let arc = IdentityService::AzureArc { key_folder: ARC_KEYS.into() };
    let Some(endpoint) = variable(ENDPOINT_VARIABLE) else {
        let written = variable(IMDS_VARIABLE);
        if written.is_none() && has_arc() {
            return Ok((arc, ARC.to_owned()));
        }
        let host = written.unwrap_or_else(|| IMDS.to_owned());
        require_secure(IMDS_VARIABLE, &host)?;
        return Ok((IdentityService::Imds, format!("{}{IMDS_PATH}", host.trim_end_matches('/'))));
    };
    if variable(THUMBPRINT_VARIABLE).is_some() {
        return Err(format!(
            "{THUMBPRINT_VARIABLE} is set: managed identities of Service Fabric are not in this version"
        ));
    }
    require_secure(ENDPOINT_VARIABLE, &endpoint)?;
    if variable(HEADER_VARIABLE).is_some() {
        let header = SecretRef::Env(HEADER_VARIABLE.to_owned());
        return Ok((IdentityService::AppService { header }, endpoint));
    }
    if variable(ARC_VARIABLE).is_none() {
        return Err(format!(
            "{ENDPOINT_VARIABLE} is set without {HEADER_VARIABLE} (App Service and Container Apps set it) and without {ARC_VARIABLE} (Azure Arc sets it)"
        ));
    }
    Ok((arc, endpoint))
}

/// Refuses addresses that a token would travel from in clear text: http is for this machine and its host only.
fn require_secure(variable: &str, text: &str) -> Result<(), String> {
    let url = url::Url::parse(text).ok();
    let host = url.as_ref().and_then(url::Url::host_str).unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_near = is_loopback(bare) || bare.parse::<Ipv4Addr>().is_ok_and(|address| address.is_link_local());
    match url.as_ref().map(url::Url::scheme) {
        Some("https") if !bare.is_empty() => Ok(()),
        Some("http") if is_near => Ok(()),
        _ => Err(format!(
            "{variable} must be an https address, or an http address of this machine (loopback or 169.254.0.0/16)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(set: &[(&str, &str)]) -> Result<(IdentityService, String), String> {
        found_beside(false, set)
    }

    fn found_beside(has_arc: bool, set: &[(&str, &str)]) -> Result<(IdentityService, String), String> {
        let value = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        identity_service_by(|name| value(name).map(str::to_owned), || has_arc)
    }

    #[test]
    fn the_environment_gives_the_address_of_the_identity_service() {
        let header = SecretRef::Env(HEADER_VARIABLE.to_owned());
        for (set, service, url) in [
            (&[][..], IdentityService::Imds, "http://169.254.169.254/metadata/identity/oauth2/token"),
            (
                &[(IMDS_VARIABLE, "http://127.0.0.1:2579/")],
                IdentityService::Imds,
                "http://127.0.0.1:2579/metadata/identity/oauth2/token",
            ),
            (
                &[(ENDPOINT_VARIABLE, "http://localhost:42356/msi/token"), (HEADER_VARIABLE, "h")],
                IdentityService::AppService { header: header.clone() },
                "http://localhost:42356/msi/token",
            ),
        ] {
            assert_eq!(found(set), Ok((service, url.to_owned())), "{set:?}");
        }
        for (set, words) in [
            (
                &[(ENDPOINT_VARIABLE, "http://localhost:40342/metadata/identity/oauth2/token")][..],
                "without IMDS_ENDPOINT (Azure Arc sets it)",
            ),
            (
                &[
                    (ENDPOINT_VARIABLE, "http://arc.contoso.example:40342/x"),
                    (ARC_VARIABLE, "http://arc.contoso.example:40342"),
                ],
                "must be an https address",
            ),
            (
                &[
                    (ENDPOINT_VARIABLE, "https://localhost:2377/x"),
                    (HEADER_VARIABLE, "h"),
                    (THUMBPRINT_VARIABLE, "t"),
                ],
                "Service Fabric",
            ),
            (&[(IMDS_VARIABLE, "http://metadata.contoso.example")], "must be an https address"),
            (&[(ENDPOINT_VARIABLE, "localhost"), (HEADER_VARIABLE, "h")], "must be an https address"),
        ] {
            let why = found(set).err().unwrap_or_default();
            assert!(why.contains(words), "{set:?}: {why}");
        }
    }

    #[test]
    fn azure_arc_is_known_by_its_variable_or_its_program() {
        let arc = IdentityService::AzureArc { key_folder: "/var/opt/azcmagent/tokens".into() };
        let endpoint = "http://localhost:40342/metadata/identity/oauth2/token";
        let set = [(ENDPOINT_VARIABLE, endpoint), (ARC_VARIABLE, "http://localhost:40342")];
        assert_eq!(found(&set), Ok((arc.clone(), endpoint.to_owned())));
        // Services on Linux do not get the variables.
        assert_eq!(found_beside(true, &[]), Ok((arc, ARC.to_owned())));
        // What is written wins over what is installed.
        for set in [
            &[(IMDS_VARIABLE, "http://127.0.0.1:2579")][..],
            &[(ENDPOINT_VARIABLE, endpoint), (HEADER_VARIABLE, "h")],
        ] {
            let (service, _) = found_beside(true, set).unwrap_or_else(|why| unreachable!("{why}"));
            assert!(!matches!(service, IdentityService::AzureArc { .. }), "{set:?}");
        }
    }
}
