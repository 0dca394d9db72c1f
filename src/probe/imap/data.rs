//! Untagged data about a folder that a probe asks for: counts, places and dates of messages.
//!
//! Owns their plainest form, the one that async-imap is given. Extended searches (RFC 4731) are unknown to it: they
//! are told as the STATUS and the UNSEEN code that say the same.

/// The uses of folders that a probe asks for, RFC 6154 section 2.
const USES: [&str; 2] = ["\\Sent", "\\Junk"];
/// The longest name of a folder that is listed, in bytes as on the wire.
const LONGEST_NAME: usize = 500;

/// Appends what a probe reads of this data; false if it reads nothing of it.
pub(super) fn plain(first: &str, rest: &str, fit: &mut Vec<u8>) -> bool {
    let text = match first.to_ascii_uppercase().as_str() {
        "STATUS" => status(rest),
        "SEARCH" => Some(search(rest)),
        "ESEARCH" => extended_search(rest),
        "LIST" => listed(rest),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => fetch(number, rest),
        _ => None,
    };
    let Some(text) = text else { return false };
    fit.extend(text.as_bytes());
    true
}

/// `INBOX (MESSAGES 231 UNSEEN 17)`. The name of the folder may be anything; it was asked about one alone.
fn status(rest: &str) -> Option<String> {
    let (_, list) = rest.strip_suffix(')')?.rsplit_once('(')?;
    Some(unseen(number_behind("UNSEEN", list)?))
}

/// `2 84 882`, and with CONDSTORE something in parentheses behind.
fn search(rest: &str) -> String {
    let numbers = rest.split_ascii_whitespace().map_while(|word| word.parse::<u32>().ok());
    let hits: String = numbers.map(|number| format!(" {number}")).collect();
    format!("* SEARCH{hits}\r\n")
}

/// `(TAG "a5") MIN 3 COUNT 17`, RFC 4731 section 3.2. Without hits there is no MIN.
fn extended_search(rest: &str) -> Option<String> {
    let results = rest.rsplit_once(')').map_or(rest, |(_, results)| results);
    let count = unseen(number_behind("COUNT", results)?);
    let lowest = number_behind("MIN", results).map(|lowest| format!("* OK [UNSEEN {lowest}] .\r\n"));
    Some(count + &lowest.unwrap_or_default())
}

/// `12 FETCH (INTERNALDATE "17-Jul-1996 02:44:25 -0700")`.
fn fetch(number: &str, rest: &str) -> Option<String> {
    const DATE: &str = "INTERNALDATE \"";
    let number: u32 = number.parse().ok()?;
    let items =
        rest.get(.."FETCH".len()).filter(|word| word.eq_ignore_ascii_case("FETCH")).and(Some(rest))?;
    let start = items.to_ascii_uppercase().find(DATE)? + DATE.len();
    let (date, _) = items.get(start..)?.split_once('"')?;
    let is_date = date.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" :+-".contains(&byte));
    is_date.then(|| format!("* {number} FETCH (INTERNALDATE \"{date}\")\r\n"))
}

/// `(\HasNoChildren \Sent) "/" "Sent Items"`, where the folder has a use that a probe asks for and can be opened.
/// Names with escapes and names in literals are passed over.
fn listed(rest: &str) -> Option<String> {
    let (attributes, rest) = rest.strip_prefix('(')?.split_once(')')?;
    let has = |wanted: &&&str| attributes.split_ascii_whitespace().any(|it| it.eq_ignore_ascii_case(wanted));
    let (_, name) = rest.trim_ascii_start().split_once(' ')?;
    let name = name.trim_ascii();
    let name = match name.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => name.split(' ').next()?,
    };
    let is_plain = name.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte));
    let cannot_be_opened = ["\\Noselect", "\\NonExistent"].iter().any(|it| has(&it));
    // Behind an announced literal the line goes on.
    if name.is_empty() || !is_plain || name.len() > LONGEST_NAME || rest.ends_with('}') || cannot_be_opened {
        return None;
    }
    let uses: Vec<&str> = USES.iter().filter(has).copied().collect();
    (!uses.is_empty()).then(|| format!("* LIST ({}) NIL \"{name}\"\r\n", uses.join(" ")))
}

/// The first unseen message that the text of a status response tells: `[UNSEEN 12] …`, RFC 3501 section 7.1.
pub(super) fn first_unseen(rest: &str) -> Option<u32> {
    let (code, _) = rest.strip_prefix('[')?.split_once(']')?;
    number_behind("UNSEEN", code)
}

fn unseen(count: u32) -> String {
    format!("* STATUS folder (UNSEEN {count})\r\n")
}

/// The number that follows a word.
fn number_behind(wanted: &str, text: &str) -> Option<u32> {
    let mut words = text.split_ascii_whitespace();
    words.find(|word| word.eq_ignore_ascii_case(wanted))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
// A test that cannot go on should say so at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use async_imap::imap_proto::Response;

    use super::*;
    use proptest::prelude::*;

    fn told(line: &str) -> Option<String> {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut fit = Vec::new();
        plain(first, rest, &mut fit).then(|| String::from_utf8(fit).unwrap())
    }

    #[test]
    fn counts_places_and_dates_are_told_in_their_plainest_form() {
        let rows = [
            ("STATUS INBOX (UNSEEN 17)", "* STATUS folder (UNSEEN 17)\r\n"),
            ("status \"a (b\" (MESSAGES 3 unseen 0 )", "* STATUS folder (UNSEEN 0)\r\n"),
            ("SEARCH", "* SEARCH\r\n"),
            ("SEARCH 2 84  882 (MODSEQ 917162500)", "* SEARCH 2 84 882\r\n"),
            ("ESEARCH (TAG \"a5\") MIN 3 COUNT 17", "* STATUS folder (UNSEEN 17)\r\n* OK [UNSEEN 3] .\r\n"),
            ("ESEARCH COUNT 0", "* STATUS folder (UNSEEN 0)\r\n"),
            (
                "12 FETCH (UID 7 INTERNALDATE \" 7-Jul-1996 02:44:25 -0700\" FLAGS ())",
                "* 12 FETCH (INTERNALDATE \" 7-Jul-1996 02:44:25 -0700\")\r\n",
            ),
            ("LIST (\\HasNoChildren \\sent) \"/\" \"Sent Items\"", "* LIST (\\Sent) NIL \"Sent Items\"\r\n"),
            ("LIST (\\Junk) NIL Spam", "* LIST (\\Junk) NIL \"Spam\"\r\n"),
            (
                "LIST (\\Junk \\Sent) \".\" \"INBOX.Entw&APw-rfe\" (\"CHILDINFO\" (\"SUBSCRIBED\"))",
                "* LIST (\\Sent \\Junk) NIL \"INBOX.Entw&APw-rfe\"\r\n",
            ),
        ];
        for (line, wanted) in rows {
            let mut rest = told(line).unwrap();
            assert_eq!(rest, wanted, "{line}");
            while !rest.is_empty() {
                let (left, _) = Response::parse(rest.as_bytes()).unwrap();
                rest = String::from_utf8(left.to_vec()).unwrap();
            }
        }
    }

    #[test]
    fn data_that_tells_none_of_these_is_left_out() {
        for line in [
            "STATUS INBOX (MESSAGES 3)",
            "STATUS INBOX (UNSEEN many)",
            "STATUS {5}",
            "ESEARCH (TAG \"a3\") UID ALL 1:3",
            "12 FETCH (FLAGS (\\Seen))",
            "12 FETCH (INTERNALDATE \"x\\\")",
            "12 FETCH (INTERNALDATE",
            "99999999999 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")",
            "12 EXPUNGE",
            "LIST (\\HasNoChildren) \"/\" \"Sent\"",
            "LIST (\\Noselect \\Sent) \"/\" \"Sent\"",
            "LIST (\\NonExistent \\Junk) \"/\" \"Junk\"",
            "LIST (\\Sent) \"/\" {4}",
            "LIST (\\Sent) \"/\" \"Sent\" (\"X\" {4}",
            "LIST (\\Sent) \"/\" \"a \\\" b\"",
            "LIST (\\Sent) \"/\" \"\"",
            "LIST (\\Sent) \"/\" a\"b",
            "LIST (\\Sent) \"/\" \"Sent",
            "LIST \\Sent",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
        assert_eq!(first_unseen("[UNSEEN 12] Message 12 is first unseen"), Some(12));
        assert_eq!(first_unseen("[UIDNEXT 12] next"), None);
    }

    proptest! {
        #[test]
        fn whatever_is_told_can_be_parsed(
            first in "STATUS|SEARCH|ESEARCH|LIST|[0-9]{1,12}|[ -~]{0,8}",
            rest in r#"(FETCH \(INTERNALDATE "[ -~]{0,28}"\)|\((\\Sent|\\Junk|\\Noselect| )*\) (NIL|"[ -~]") "?[ -~]{0,20}"?|[ -~]{0,12}\((UNSEEN|MESSAGES|MIN|COUNT|TAG| |[0-9]{1,11})*\)|[0-9 ]{0,40}|[ -~]{0,60})"#,
        ) {
            let mut left = told(&format!("{first} {rest}")).unwrap_or_default();
            while !left.is_empty() {
                let parsed = Response::parse(left.as_bytes());
                prop_assert!(parsed.is_ok(), "{left:?}");
                left = String::from_utf8(parsed.unwrap().0.to_vec()).unwrap();
            }
        }
    }
}
