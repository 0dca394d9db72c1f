//! Pages that several clients read, and clients that do not read.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;

use axum::body::to_bytes;

use crate::report::samples::{credential, dawn, mailbox, plan, up};
use crate::report::{Live, Report};

use super::*;

const METRICS: Title = Title::Metrics(Exposition::Text);

fn gzip() -> HeaderMap {
    HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))])
}

/// Text of this length that gzip cannot make smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

async fn body(response: Response) -> Vec<u8> {
    to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
}

#[tokio::test]
async fn a_page_is_shared_by_requests_that_came_together_only() {
    let plan = plan(&[mailbox("desk", &credential("contoso", None), &[])]);
    let (report, pages) = (Arc::new(Report::new(&plan)), Pages::default());
    let ask = || {
        let report = Arc::clone(&report);
        pages.make(Some(METRICS), move |out| {
            report.render(Exposition::Text, &Live::default(), out).map(|()| StatusCode::OK)
        })
    };
    let together = tokio::join!(ask(), ask(), ask(), ask(), ask());
    let kept = [together.0, together.1, together.2, together.3, together.4].map(|page| page.ok().unwrap());
    let made: BTreeSet<_> = kept.iter().map(Arc::as_ptr).collect();
    assert!(made.len() <= 2, "the first may have begun before the second asked; no other client is alone");

    report.record(up(&plan.checks[0], dawn()));
    let later = to_bytes(unpacked(ask().await.ok().unwrap()), usize::MAX).await.unwrap().to_vec();
    let later = String::from_utf8(later).unwrap();
    assert!(later.contains("mailbox_probe_success{mailbox=\"desk\",protocol=\"imap\"} 1\n"));
    drop(kept);
}

#[tokio::test]
async fn the_page_is_the_same_with_gzip_and_has_a_length() {
    let (pages, text) = (Pages::default(), noise(3 * PIECE + 5));
    let ask = |headers: HeaderMap| {
        let text = text.clone();
        let pages = &pages;
        async move { pages.shared(Title::Index, &headers, move |out| out.write_all(&text)).await }
    };
    let plain = ask(HeaderMap::new()).await;
    assert_eq!(hyper::body::Body::size_hint(plain.body()).exact(), Some(text.len() as u64));
    assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    assert_eq!(body(plain).await, text);

    let packed = ask(gzip()).await;
    assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
    let packed = body(packed).await;
    let mut unpacked = Vec::new();
    GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, text);
}

#[tokio::test]
async fn clients_that_do_not_read_share_pages_in_bounded_memory() {
    let pages = Pages::default();
    let text = Arc::new(noise(1024 * 1024));
    let mut unread = Vec::new();
    for _ in 0..200 {
        let text = Arc::clone(&text);
        unread.push(pages.shared(Title::Index, &gzip(), move |out| out.write_all(&text)).await);
    }
    assert!(unread.iter().all(|answer| answer.status() == StatusCode::OK), "what is shared is always served");
    let held = pages.held.load(Ordering::Relaxed);
    assert!(held < BUDGET + 2 * 1024 * 1024, "{held} bytes");

    let single = pages.single(&gzip(), |out| out.write_all(b"one").map(|()| StatusCode::OK)).await;
    assert_eq!(single.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(single.headers()[header::RETRY_AFTER], "5");

    tokio::time::pause();
    tokio::time::advance(STALE).await;
    let fresh = pages.shared(Title::Index, &HeaderMap::new(), |out| out.write_all(b"new")).await;
    assert_eq!(body(fresh).await, b"new", "no page is older than its bound");

    drop(unread);
    assert_eq!(pages.held.load(Ordering::Relaxed), 0, "all of it is given back");
    let single = pages.single(&gzip(), |out| out.write_all(b"one").map(|()| StatusCode::OK)).await;
    assert_eq!(single.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_page_that_takes_long_delays_no_scrape() {
    let (pages, (hold, held)) = (Arc::new(Pages::default()), std::sync::mpsc::channel::<()>());
    let slow = Arc::clone(&pages);
    let slow = tokio::spawn(async move {
        let write = move |_: &mut dyn Write| {
            let _ = held.recv();
            Ok(())
        };
        slow.shared(Title::Readiness, &HeaderMap::new(), write).await
    });
    let headers = HeaderMap::new();
    let scrape = pages.shared(METRICS, &headers, |out| out.write_all(b"up 1\n"));
    let scrape = tokio::time::timeout(Duration::from_secs(20), scrape).await.unwrap();
    assert_eq!(body(scrape).await, b"up 1\n");
    drop(hold);
    assert_eq!(slow.await.unwrap().status(), StatusCode::OK);
}
