//! `/metrics`: the report's page in the format that the scraper asks for.
//!
//! Not here: what is on the page, and how it is encoded.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::kept::Title;
use super::{Site, negotiate};

pub(super) async fn metrics(State(site): State<Site>, headers: HeaderMap) -> Response {
    let exposition = negotiate::exposition(&headers);
    let pages = Arc::clone(&site.pages);
    let write = move |out: &mut dyn std::io::Write| site.report.render(exposition, &site.live(), out);
    let mut response = pages.shared(Title::Metrics(exposition), &headers, write).await;
    if response.status().is_success() {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(exposition.content_type()));
        headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    }
    response
}
