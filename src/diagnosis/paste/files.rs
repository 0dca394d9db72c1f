//! Secrets' files: a program could not read one, so it sent nothing over the network.
//!
//! Not here: messages about the network; a missing folder of a mailbox.

use crate::model::Reason;

/// How programs and operating systems say that a file cannot be read.
const UNREADABLE: &[&str] = &[
    "no such file",
    "permission denied",
    "enoent",
    "eacces",
    "eisdir",
    "could not read",
    "cannot read",
    "unable to read",
    "cannot find the file",
    "cannot find the path",
    "file not found",
    "is empty",
];

/// Parts of the names of secrets' files and folders.
const SECRETS: &[&str] = &[
    "secret",
    "token",
    "password",
    "passphrase",
    "credential",
    "oauth",
    "private-key",
    "privatekey",
    "client-key",
];

/// Endings of source and library files, which stack traces name.
const CODE: &[&str] =
    &[".py", ".js", ".ts", ".php", ".rb", ".go", ".java", ".cs", ".rs", ".pl", ".so", ".dll"];

/// The reason if a folded statement tells that a secret's file cannot be read.
pub(super) fn reason(folded: &str) -> Option<Reason> {
    let unreadable = UNREADABLE.iter().any(|words| folded.contains(words));
    (unreadable && folded.split(' ').any(is_secret)).then_some(Reason::SecretUnreadable)
}

/// Whether a word is the path of a secret's file, by its name or its folder's.
fn is_secret(word: &str) -> bool {
    let path = word.trim_matches(|c: char| "\"'`:,;()[]<>".contains(c));
    let is_path = path.contains(['/', '\\']) && !path.contains("://") && !path.contains('=');
    let mut segments = path.rsplit(['/', '\\']);
    let named = segments.by_ref().take(3).any(|name| SECRETS.iter().any(|word| name.contains(word)));
    is_path && named && !CODE.iter().any(|end| path.ends_with(end) || path.contains(&format!("{end}:")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_secrets_own_file_counts() {
        for (text, wanted) in [
            ("open /run/secrets/smtp/value: no such file or directory", true),
            ("could not read /etc/app/smtp-password: open /etc/app/smtp-password: permission denied", true),
            ("cannot read 'c:\\app\\client_secret.txt'", true),
            ("open /etc/mail.conf: no such file or directory", false),
            ("/usr/lib/python3/oauth/token.py:12: permission denied", false),
            ("post https://login.contoso.example/oauth2/token: permission denied", false),
            ("the token in /run/secrets/token was refused", false),
        ] {
            assert_eq!(reason(text).is_some(), wanted, "{text}");
        }
    }
}
