//! Files of another kind than expected: one message names the kind, instead of one for each line.
//!
//! Owns the forms and the tables that people export by mistake.

use super::table::plain;

type Bytes = fn(&[u8]) -> bool;

/// Forms that are told by their first bytes.
const FORMS: &[(Bytes, &str)] = &[
    (|bytes| bytes.is_empty(), "is empty: it holds no rows"),
    (
        |bytes| bytes.starts_with(b"\xff\xfe\0\0") || bytes.starts_with(b"\0\0\xfe\xff"),
        "is UTF-32: save it as \"CSV UTF-8\"",
    ),
    (
        |bytes| bytes.starts_with(b"PK\x03\x04"),
        "is an Excel workbook or another ZIP archive: save it as \"CSV UTF-8\"",
    ),
    (|bytes| bytes.starts_with(b"\xd0\xcf\x11\xe0"), "is an old Excel workbook: save it as \"CSV UTF-8\""),
    (|bytes| bytes.starts_with(b"%PDF"), "is a PDF: export the table as CSV"),
    (|bytes| bytes.starts_with(b"\x1f\x8b"), "is compressed by gzip: unpack it first"),
    (|bytes| first(bytes) == Some(b'<'), "is HTML or XML, perhaps a sign-in page: export the table as CSV"),
    (|bytes| matches!(first(bytes), Some(b'{' | b'[')), "is JSON: export the table as CSV"),
    (is_wide, "is UTF-16 without a byte order mark: save it as \"CSV UTF-8\""),
];

/// Columns that together occur in one export alone.
struct Export {
    columns: &'static [&'static str],
    sentence: &'static str,
}

const EXPORTS: &[Export] = &[
    Export {
        columns: &["smtpclientauthenticationdisabled"],
        sentence: "is a table of switches (Get-CASMailbox, Get-TransportConfig): name it under `switches`",
    },
    Export {
        columns: &["imapenabled", "popenabled"],
        sentence: "is a table of switches (Get-CASMailbox): name it under `switches`",
    },
    Export { columns: &["clientapp"], sentence: "is a sign-in log of Entra: name it under `usage`" },
    Export { columns: &["clientappused"], sentence: "is a sign-in log of Entra: name it under `usage`" },
    Export {
        columns: &["recipienttypedetails"],
        sentence: "is a table of mailboxes (Get-Mailbox, Get-Recipient): it does not say who uses passwords",
    },
    Export {
        columns: &["recipienttype"],
        sentence: "is a table of mailboxes (Get-Mailbox, Get-Recipient): it does not say who uses passwords",
    },
    Export {
        columns: &["senderaddress", "recipientaddress"],
        sentence: "is a message trace: it does not say who uses passwords",
    },
    Export {
        columns: &["senderaddress", "recipients"],
        sentence: "is a message trace: it does not say who uses passwords",
    },
    Export {
        columns: &["userprincipalname", "accountenabled"],
        sentence: "is a table of users: it does not say who uses passwords",
    },
    Export {
        columns: &["userprincipalname", "usertype"],
        sentence: "is a table of users: it does not say who uses passwords",
    },
    Export {
        columns: &["imap4app"],
        sentence: "is the report of email apps: it does not tell passwords from OAuth",
    },
    Export {
        columns: &["smtpapp"],
        sentence: "is the report of email apps: it does not tell passwords from OAuth",
    },
    Export {
        columns: &["activity", "category"],
        sentence: "is an audit log: it does not say who uses passwords",
    },
];

/// The kind of a file that is not a text table.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<&'static str> {
    FORMS.iter().find(|(is_it, _)| is_it(bytes)).map(|(_, sentence)| *sentence)
}

/// Which known export a header belongs to.
pub(super) fn of_header(header: &[String]) -> Option<&'static str> {
    let names: Vec<String> = header.iter().map(|name| plain(name)).collect();
    let has = |column: &&str| names.iter().any(|name| name == column);
    EXPORTS.iter().find(|export| export.columns.iter().all(has)).map(|export| export.sentence)
}

fn first(bytes: &[u8]) -> Option<u8> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).copied()
}

/// Every other byte is a zero, as in ASCII of two bytes a character.
fn is_wide(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 64;
    let head = bytes.get(..LOOKED_AT.min(bytes.len())).unwrap_or_default();
    let zeros = |from: usize| head.iter().skip(from).step_by(2).all(|byte| *byte == 0);
    let letters = |from: usize| head.iter().skip(from).step_by(2).all(|byte| *byte != 0);
    head.len() >= 8 && (zeros(0) && letters(1) || zeros(1) && letters(0))
}
