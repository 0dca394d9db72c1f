//! The column of a report that says by what a sender logged in: a password or OAuth.
//!
//! A sender counts as using OAuth alone only where the column's name speaks of authentication and the whole value is
//! a known word for it. A part of a value, above all of an address, decides nothing.

use super::table::plain;

/// How the column's name begins or goes on, in the languages of the report.
const NAMES: &[&str] = &[
    "authprotocol",
    "authmethod",
    "authtype",
    "authentic",
    "authentif",
    "autentic",
    "autentif",
    "autentis",
    "verificatie",
    "verificatiemethode",
    "uwierzyteln",
    "ověř",
    "overen",
    "hitelesít",
    "godkend",
    "godkjenn",
    "todennus",
    "kimlikdoğrulama",
    "проверкаподлинности",
    "аутентификац",
    "έλεγχοςταυτότητας",
    "認証",
    "身份验证",
    "驗證",
    "인증",
];

/// Words for passwords. A value that holds one of them counts as a password, whatever else it holds.
const PASSWORD: &[&str] =
    &["basic", "básic", "basis", "standardauth", "base", "legacy", "password", "plain", "podstawow", "基本"];

/// The only words that mean OAuth.
const OAUTH: &[&str] = &[
    "oauth",
    "oauth2",
    "oauth20",
    "xoauth2",
    "oauthbearer",
    "modern",
    "modernauth",
    "modernauthentication",
    "moderneauthentifizierung",
    "authentificationmoderne",
    "autenticaciónmoderna",
    "autenticazionemoderna",
    "autenticaçãomoderna",
    "moderneverificatie",
    "nowoczesneuwierzytelnianie",
    "先進認証",
    "新式验证",
];

/// Separators between several ways of logging in within one value.
const BETWEEN: &[char] = &[',', ';', '/', '|', '+', '&'];

/// The column, and how its values are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    index: usize,
    /// Messages sent by a password.
    counts: bool,
}

impl Column {
    /// The column of the header in which most rows say by what was logged in. `names` are comparable ones.
    pub(super) fn of(names: &[String], rows: &[(usize, Vec<String>)]) -> Option<Self> {
        let column = |(index, name): (usize, &String)| {
            let counts = name == "basic" || name.contains("basicauth");
            (counts || NAMES.iter().any(|known| name.contains(known))).then_some(Self { index, counts })
        };
        let understood =
            |column: &Self| rows.iter().filter(|(_, row)| column.by_password(row).is_some()).count();
        let candidates = names.iter().enumerate().filter_map(column);
        let counted = candidates.map(|column| (understood(&column), column)).filter(|(rows, _)| *rows > 0);
        // The first of several equals.
        counted.rev().max_by_key(|(rows, _)| *rows).map(|(_, column)| column)
    }

    /// Whether a row is about a password; `None` if it says neither.
    pub(super) fn by_password(&self, row: &[String]) -> Option<bool> {
        let value = row.get(self.index)?;
        if self.counts
            && let Ok(messages) = plain(value).parse::<u64>()
        {
            return Some(messages > 0);
        }
        if value.contains('@') {
            return None;
        }
        let words: Vec<String> = value.split(BETWEEN).map(plain).filter(|word| !word.is_empty()).collect();
        if words.iter().any(|word| PASSWORD.iter().any(|known| word.contains(known))) {
            return Some(true);
        }
        let oauth = |word: &String| OAUTH.contains(&word.as_str());
        (!words.is_empty() && words.iter().all(oauth)).then_some(false)
    }
}
