//! What a client accepts: `Accept` and `Accept-Encoding` with their weights (RFC 9110 section 12).
//!
//! Not here: what is then written. Nothing is ever refused with 406: a client that accepts
//! none of our formats gets plain text.

use axum::http::{HeaderMap, HeaderName, header};

use crate::report::Exposition;

const OPENMETRICS: &str = "application/openmetrics-text";
const OPENMETRICS_VERSION: &str = "1.0.0";

/// A weight in thousandths, as precise as the header can be.
type Weight = u16;

const FULL: Weight = 1000;

/// The format of `/metrics`: OpenMetrics if the client asks for it by name and does not prefer text.
pub(super) fn exposition(headers: &HeaderMap) -> Exposition {
    let mut openmetrics = 0;
    let mut text = Specific::default();
    for offer in offers(headers, header::ACCEPT) {
        match offer.name.as_str() {
            OPENMETRICS if offer.version().is_none_or(|version| version == OPENMETRICS_VERSION) => {
                openmetrics = openmetrics.max(offer.weight);
            }
            "text/plain" => text.note(2, offer.weight),
            "text/*" => text.note(1, offer.weight),
            "*/*" => text.note(0, offer.weight),
            _ => {}
        }
    }
    if openmetrics > 0 && openmetrics >= text.weight() { Exposition::OpenMetrics } else { Exposition::Text }
}

/// Whether the answer is to be compressed.
pub(super) fn gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut plain) = (Specific::default(), Specific::default());
    for offer in offers(headers, header::ACCEPT_ENCODING) {
        match offer.name.as_str() {
            "gzip" | "x-gzip" => gzip.note(1, offer.weight),
            "identity" => plain.note(1, offer.weight),
            "*" => {
                gzip.note(0, offer.weight);
                plain.note(0, offer.weight);
            }
            _ => {}
        }
    }
    gzip.weight() > 0 && gzip.weight() >= plain.weight()
}

/// The weight of the most specific range that covers something.
#[derive(Default)]
struct Specific(Option<(u8, Weight)>);

impl Specific {
    fn note(&mut self, precision: u8, weight: Weight) {
        self.0 = self.0.max(Some((precision, weight)));
    }

    fn weight(&self) -> Weight {
        self.0.map_or(0, |(_, weight)| weight)
    }
}

/// One element of such a header.
struct Offer<'h> {
    name: String,
    parameters: Vec<(&'h str, &'h str)>,
    weight: Weight,
}

impl Offer<'_> {
    fn version(&self) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("version")).map(|(_, value)| *value)
    }
}

fn offers(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Offer<'_>> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameters: Vec<_> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
            .collect();
        let q = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("q"));
        Offer { name, weight: q.map_or(FULL, |(_, value)| weight(value)), parameters }
    })
}

/// Nonsense counts as a refusal: the safe answer is the plain one.
fn weight(text: &str) -> Weight {
    match text.parse::<f32>() {
        Ok(q) if (0.0..=1.0).contains(&q) => (q * f32::from(FULL)).round() as Weight,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use super::*;
    use proptest::prelude::*;

    /// What Prometheus 2.42 sends.
    const PROMETHEUS_2: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    /// What Prometheus 3 sends.
    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    /// The same with native histograms on.
    const PROMETHEUS_3_PROTO: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn the_format_is_the_one_the_scraper_likes_best() {
        let cases = [
            (PROMETHEUS_2, Exposition::OpenMetrics),
            (PROMETHEUS_3, Exposition::OpenMetrics),
            (PROMETHEUS_3_PROTO, Exposition::OpenMetrics),
            ("application/openmetrics-text", Exposition::OpenMetrics),
            ("APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.5", Exposition::OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", Exposition::Text),
            ("application/openmetrics-text;q=0", Exposition::Text),
            ("application/openmetrics-text;q=0.4,text/plain", Exposition::Text),
            ("application/openmetrics-text;q=nan", Exposition::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Exposition::Text),
            ("*/*", Exposition::Text),
            ("", Exposition::Text),
            (";;,=,q=", Exposition::Text),
        ];
        for (accept, expected) in cases {
            assert_eq!(exposition(&with(header::ACCEPT, accept)), expected, "{accept}");
        }
        assert_eq!(exposition(&HeaderMap::new()), Exposition::Text);
    }

    #[test]
    fn gzip_is_sent_only_where_it_is_accepted() {
        let cases = [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("*;q=0.1", true),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip;q=0.5, identity", false),
            ("identity", false),
            ("br", false),
            ("", false),
        ];
        for (accept, expected) in cases {
            assert_eq!(gzip(&with(header::ACCEPT_ENCODING, accept)), expected, "{accept}");
        }
        assert!(!gzip(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn a_client_gets_only_what_its_header_names(
            accept in r#"((application/openmetrics-text|text/plain|text/\*|\*/\*|gzip|identity|\*|[ -~]{0,8})(;(q|version)=[ -~]{0,6}){0,2},?){0,5}|[ -~\t]{0,60}"#,
        ) {
            let named = accept.to_ascii_lowercase();
            if exposition(&with(header::ACCEPT, &accept)) == Exposition::OpenMetrics {
                prop_assert!(named.contains(OPENMETRICS));
            }
            if gzip(&with(header::ACCEPT_ENCODING, &accept)) {
                prop_assert!(named.contains("gzip") || named.contains('*'));
            }
        }
    }
}
