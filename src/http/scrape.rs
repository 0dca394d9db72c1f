//! `/metrics`: the report's page in the format and encoding that the scraper asks for.
//!
//! Not here: what is on the page.

use std::collections::HashMap;
use std::io::{self, BufWriter};
use std::sync::{Arc, Weak};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Mutex;
use tokio::task;
use tokio::time::Instant;
use tracing::error;

use crate::report::{Exposition, Report};

use super::{Site, negotiate};

/// The encoder costs more per call than per byte: it is fed in blocks of this many.
const BLOCK: usize = 64 * 1024;

/// A page written by one scrape and not yet forgotten by all who read it.
struct Rendered {
    begun: Instant,
    bytes: Weak<Vec<u8>>,
}

/// The pages being sent. One page is rendered at a time; whoever asked before its rendering began is
/// content with it, so that scrapers that come together cost one page, and none reads an old one.
#[derive(Default)]
pub(super) struct Scrapes(Arc<Mutex<HashMap<(Exposition, bool), Rendered>>>);

impl Scrapes {
    async fn page(
        &self,
        report: &Arc<Report>,
        exposition: Exposition,
        gzip: bool,
    ) -> io::Result<Arc<Vec<u8>>> {
        let asked = Instant::now();
        let mut pages = Arc::clone(&self.0).lock_owned().await;
        let known = pages.get(&(exposition, gzip)).filter(|page| page.begun >= asked);
        if let Some(bytes) = known.and_then(|page| page.bytes.upgrade()) {
            return Ok(bytes);
        }
        let report = Arc::clone(report);
        // The lock goes along: should the client leave now, the next one still waits for this page.
        let work = move || {
            let begun = Instant::now();
            let bytes = Arc::new(render(&report, exposition, gzip)?);
            pages.insert((exposition, gzip), Rendered { begun, bytes: Arc::downgrade(&bytes) });
            Ok(bytes)
        };
        task::spawn_blocking(work).await.map_err(io::Error::other)?
    }
}

fn render(report: &Report, exposition: Exposition, gzip: bool) -> io::Result<Vec<u8>> {
    write(gzip, |out| report.render(exposition, out))
}

/// Bytes that are complete already, compressed where asked for.
pub(super) fn encoded(bytes: Vec<u8>, gzip: bool) -> io::Result<Vec<u8>> {
    if gzip { write(true, |out| out.write_all(&bytes)) } else { Ok(bytes) }
}

fn write(gzip: bool, fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if !gzip {
        fill(&mut bytes)?;
        return Ok(bytes);
    }
    let mut out = BufWriter::with_capacity(BLOCK, GzEncoder::new(bytes, Compression::fast()));
    fill(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
}

pub(super) async fn metrics(State(site): State<Site>, headers: HeaderMap) -> Response {
    let (exposition, gzip) = (negotiate::exposition(&headers), negotiate::gzip(&headers));
    match site.scrapes.page(&site.report, exposition, gzip).await {
        Ok(page) => answer(page, exposition.content_type(), gzip, "Accept, Accept-Encoding"),
        Err(fault) => {
            error!(%fault, "the metrics page could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be written; the log says why.\n")
                .into_response()
        }
    }
}

fn answer(page: Arc<Vec<u8>>, content_type: &'static str, gzip: bool, vary: &'static str) -> Response {
    let mut response = Response::new(Body::from(Bytes::from_owner(Shared(page))));
    let mut set =
        |name: HeaderName, value| response.headers_mut().insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, content_type);
    set(header::VARY, vary);
    if gzip {
        set(header::CONTENT_ENCODING, "gzip");
    }
    response
}

/// Bytes that several answers send at once.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::collections::BTreeSet;

    use crate::report::samples::{credential, dawn, mailbox, plan, up};

    use super::*;

    #[tokio::test]
    async fn a_page_is_shared_by_those_who_came_together_and_never_served_to_who_came_later() {
        let plan = plan(&[mailbox("desk", &credential("contoso", None), &[])]);
        let (report, scrapes) = (Arc::new(Report::new(&plan)), Scrapes::default());
        let ask = || scrapes.page(&report, Exposition::Text, false);
        let together = tokio::join!(ask(), ask(), ask(), ask(), ask());
        let kept = [together.0, together.1, together.2, together.3, together.4].map(Result::unwrap);
        let pages: BTreeSet<_> = kept.iter().map(Arc::as_ptr).collect();
        assert!(pages.len() <= 2, "the first may have begun before the second asked; nobody else is alone");

        report.record(up(&plan.checks[0], dawn()));
        let later = String::from_utf8(ask().await.unwrap().to_vec()).unwrap();
        assert!(later.contains("mailbox_probe_success{mailbox=\"desk\",protocol=\"imap\"} 1\n"));
        drop(kept);
    }
}
