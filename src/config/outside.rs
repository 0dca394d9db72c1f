//! How the pages are reached from outside: what an external URL and a route prefix mean.

use crate::model::ExternalUrl;

/// Reads the address at which people reach the pages.
///
/// # Errors
///
/// The sentence that says what was expected.
pub fn parse_external_url(text: &str) -> Result<ExternalUrl, String> {
    const EXPECTED: &str = "expected an address like https://mail.example.com/agent/";
    let url = url::Url::parse(text).map_err(|_| EXPECTED.to_owned())?;
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    if !matches!(url.scheme(), "https" | "http") || bare.is_empty() {
        return Err(EXPECTED.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name or password has no place in this address".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{EXPECTED}, without ? and #"));
    }
    Ok(ExternalUrl {
        scheme: url.scheme().to_owned(),
        host: bare.to_ascii_lowercase(),
        port: url.port(),
        path: parse_route_prefix(url.path())?,
    })
}

/// Reads the path below which the pages are served: `/`, `/agent` or `/agent/`. The result has no slash
/// at its end.
///
/// # Errors
///
/// The sentence that says what was expected.
pub fn parse_route_prefix(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '%');
    let segment = |part: &str| !part.is_empty() && !matches!(part, "." | "..") && part.chars().all(plain);
    let segments = path.strip_prefix('/').map(|rest| rest.split('/').all(segment));
    match segments {
        None if path.is_empty() => Ok(String::new()),
        Some(true) => Ok(path.to_owned()),
        _ => Err("expected a path like /agent: segments of letters, digits, -, _, . and ~".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_external_url_has_a_host_and_may_have_a_path() {
        let read = |text| parse_external_url(text).map(|url| (url.to_string(), url.origin(), url.path));
        let rows = [
            (
                "https://mail.example.com/agent/",
                "https://mail.example.com/agent/",
                "https://mail.example.com",
                "/agent",
            ),
            (
                "https://Mail.Example.com./a/b",
                "https://mail.example.com/a/b/",
                "https://mail.example.com",
                "/a/b",
            ),
            ("http://[::1]:8080", "http://[::1]:8080/", "http://[::1]:8080", ""),
            ("https://mail.example.com:443", "https://mail.example.com/", "https://mail.example.com", ""),
        ];
        for (text, url, origin, path) in rows {
            assert_eq!(read(text), Ok((url.to_owned(), origin.to_owned(), path.to_owned())), "{text}");
        }
        for text in [
            "",
            "mail.example.com",
            "/agent",
            "ftp://mail.example.com/",
            "https://",
            "https://u:p@mail.example.com/",
            "https://mail.example.com/?a=b",
            "https://mail.example.com/#a",
            "https://mail.example.com//a",
            "https://./",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_route_prefix_begins_with_a_slash() {
        for (text, path) in
            [("", ""), ("/", ""), ("/agent", "/agent"), ("/agent/", "/agent"), ("/a/b-c", "/a/b-c")]
        {
            assert_eq!(parse_route_prefix(text).as_deref(), Ok(path), "{text}");
        }
        for text in ["agent", "/a//b", "/a b", "/../x", "/{x}", "/a?b", "/ä"] {
            assert!(parse_route_prefix(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_address_leads_to_a_host_and_a_path_without_detours(
            text in r#"(https?|ftp|[a-z]{0,3}):?/{0,3}([a-z0-9.@:\[\]%-]{0,20})(/[a-z.%0-9~_-]{0,6}){0,4}[?#]?|\PC{0,60}"#,
        ) {
            let plain = |path: &str| path.is_empty() || (path.starts_with('/') && !path.ends_with('/'));
            if let Ok(url) = parse_external_url(&text) {
                prop_assert!(!url.host.is_empty() && plain(&url.path), "{url:?}");
            }
            if let Ok(prefix) = parse_route_prefix(&text) {
                prop_assert!(plain(&prefix) && !prefix.split('/').any(|part| part == ".."), "{prefix}");
            }
        }
    }
}
