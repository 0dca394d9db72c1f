//! The path below which a proxy serves the pages: it is removed before the route is looked up.
//!
//! The routes at the root stay, for the kubelet, for Prometheus and for proxies that take the path off themselves.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, Uri, header};
use axum::response::Response;

/// The request without the prefix. A request for the prefix itself is led to the status page below it, because
/// links there are relative.
pub(super) fn strip<B>(prefix: &str, mut request: Request<B>) -> Result<Request<B>, Box<Response>> {
    let Some(rest) = request.uri().path().strip_prefix(prefix).filter(|_| !prefix.is_empty()) else {
        return Ok(request);
    };
    if rest.is_empty() {
        return Err(Box::new(redirected(prefix)));
    }
    if rest.starts_with('/') {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        // Part of a valid address is valid.
        if let Ok(inner) = format!("{rest}{query}").parse::<Uri>() {
            *request.uri_mut() = inner;
        }
    }
    Ok(request)
}

fn redirected(prefix: &str) -> Response {
    let last = prefix.rsplit('/').next().unwrap_or_default();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(place) = HeaderValue::try_from(format!("{last}/")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use super::*;

    #[test]
    fn the_prefix_is_taken_off_where_it_is_a_whole_path() {
        let rows = [
            ("/agent", "/agent/metrics", "/metrics"),
            ("/agent", "/agent/", "/"),
            ("/agent", "/agent/probe?mailbox=a%2Fb", "/probe?mailbox=a%2Fb"),
            ("/agent", "/agent/agent/", "/agent/"),
            ("/agent", "/metrics", "/metrics"),
            ("/agent", "/agents", "/agents"),
            ("", "/metrics", "/metrics"),
        ];
        for (prefix, path, inner) in rows {
            let request = Request::builder().uri(path).body(()).unwrap();
            assert_eq!(strip(prefix, request).unwrap().uri(), inner, "{path}");
        }
        let request = Request::builder().uri("/a/agent").body(()).unwrap();
        let answer = strip("/a/agent", request).unwrap_err();
        assert_eq!(answer.headers()[header::LOCATION], "agent/");
    }
}
