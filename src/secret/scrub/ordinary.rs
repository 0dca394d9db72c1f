//! Words that occur in answers anyway: finding one of them proves nothing about a secret.
//!
//! A password `password` must not blank every sentence that has the word in it, and a blank there
//! would give it away. So such a word is left in plain text, and is still cut out
//! if it is encoded, or as the value of a member that is never shown.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::spelling::WINDOW;

/// In lower case, letters and digits alone.
const WORDS: &str = "
    access account accounts assertion attempt attempts authenticate authenticated authentication authorization
    authorized bearer certificate challenge client code credential credentials device error expired failed
    failure grant identifier identity incorrect invalid login password passwords permission permissions
    principal provider redacted refresh rejected request response role scope secret secrets signature tenant
    token tokens unauthorized unsuccessful user username users

    address administrator application applications available blocked busy capability closed closing command
    completed configuration connect connected connection connections contact denied directory disabled domain
    enabled encryption exchange exporter folder forbidden gateway google greeting host hosted inbox internal
    mail mailbox mailboxes maximum message messages microsoft missing network office office365 operation
    organization outlook policy protocol proxy quota reached received registered required resource resources
    security sender server servers service services session setting settings status submission support
    supported system temporarily temporary test timeout traffic unavailable unknown unsupported welcome

    8bitmime binarymime children chunking enhancedstatuscodes imap imap4 imap4rev1 imap4rev2 literal
    logindisabled namespace oauth oauth2 oauthbearer pipelining plain smtp smtpclientauthentication smtputf8
    starttls uidplus unselect xoauth2

    accesstoken clientassertion clientcredentials clientid clientsecret correlation errordescription
    expiresin granttype refreshtoken timestamp tokentype";

/// Every eight letters in a row of a word, as one number.
static PARTS: LazyLock<HashSet<u64>> = LazyLock::new(|| {
    let parts = WORDS.split_ascii_whitespace().flat_map(|word| word.as_bytes().windows(WINDOW));
    parts.map(|part| part.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))).collect()
});

/// Whether eight letters, as one number, stand within an ordinary word.
pub(super) fn is_part_of_word(number: u64) -> bool {
    PARTS.contains(&number)
}

/// Whether this is an ordinary word, in whatever case.
pub(super) fn is_word(text: &str) -> bool {
    WORDS.split_ascii_whitespace().any(|word| text.eq_ignore_ascii_case(word))
}
