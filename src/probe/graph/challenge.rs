//! The challenge of a refused token: `WWW-Authenticate: Bearer …` (RFC 6750 section 3).

use hyper::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

/// Maximum size in bytes of what is read of the header; the claims that Entra asks for come last.
const LARGEST: usize = 1024;

/// That the answer asks for another token, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// The error and its description, as far as they are given.
    words: Vec<String>,
}

impl Challenge {
    /// The first challenge that asks for a token.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get_all(WWW_AUTHENTICATE).iter().find_map(Self::read)
    }

    fn read(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let text = String::from_utf8_lossy(bytes.get(..LARGEST).unwrap_or(bytes));
        // By turns what stands outside quotation marks and what stands within.
        let pieces: Vec<&str> = text.split('"').collect();
        let mut plain = pieces.iter().step_by(2).flat_map(|piece| piece.split([',', ' ', '\t']));
        if !plain.any(|word| word.eq_ignore_ascii_case("bearer")) {
            return None;
        }
        let quoted = |wanted: &str| {
            pieces.chunks_exact(2).find_map(|pair| {
                let name = pair.first()?.rsplit([',', ' ', '\t']).next()?.strip_suffix('=')?;
                name.eq_ignore_ascii_case(wanted).then(|| pair.last().copied()).flatten()
            })
        };
        let words = ["error", "error_description"].into_iter().filter_map(quoted);
        Some(Self { words: words.filter(|words| !words.is_empty()).map(str::to_owned).collect() })
    }

    /// Whether it says why.
    pub(super) fn has_words(&self) -> bool {
        !self.words.is_empty()
    }

    /// As a detail shows it.
    pub(super) fn shown(&self) -> String {
        let parts: Vec<&str> = ["Bearer"].into_iter().chain(self.words.iter().map(String::as_str)).collect();
        format!(" (WWW-Authenticate: {})", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Option<String> {
        Challenge::read(&HeaderValue::from_str(value).ok()?).map(|challenge| challenge.shown())
    }

    #[test]
    fn a_challenge_shows_its_error_and_never_its_claims() {
        for (value, wanted) in [
            ("Bearer", " (WWW-Authenticate: Bearer)"),
            ("bearer realm=\"\", error=\"\"", " (WWW-Authenticate: Bearer)"),
            (
                "Bearer realm=\"\", authorization_uri=\"https://login.contoso.example/a\", error=\"insufficient_claims\", claims=\"eyJhY2Nlc3Nf\"",
                " (WWW-Authenticate: Bearer, insufficient_claims)",
            ),
            (
                "Negotiate, Bearer error=\"invalid_token\",error_description=\"It is, \tlate\"",
                " (WWW-Authenticate: Bearer, invalid_token, It is, \tlate)",
            ),
        ] {
            assert_eq!(read(value).as_deref(), Some(wanted), "{value}");
        }
        for value in ["", "Basic realm=\"a bearer of news\"", "Negotiate"] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    #[test]
    fn a_challenge_is_read_up_to_its_limit() {
        let long = format!("Bearer realm=\"{}\", error=\"invalid_token\"", "x".repeat(LARGEST));
        assert_eq!(read(&long).as_deref(), Some(" (WWW-Authenticate: Bearer)"));
    }

    proptest! {
        #[test]
        fn whatever_the_header_no_claims_are_shown(
            before in r#"((Bearer|Basic|PoP|[ -!#-~]{0,6})( (realm|error|error_description|x)="[ -!#-~]{0,10}",?)?[, ]?){0,4}"#,
            after in r#"(,? ?(error|error_description|x)="?[ -~]{0,10}"?){0,3}"#,
        ) {
            let shown = read(&format!("{before} claims=\"c1aims-canary\"{after}"));
            prop_assert!(shown.is_none_or(|shown| !shown.contains("canary")));
        }
    }
}
