//! The text in the place of a certificate or a private key: its blocks, or a sentence with the command that fixes it.
//!
//! Owns the forms that people put there by mistake. Does not decode a key (`key`).

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use crate::model::SecretRef;

/// A file as a shell takes it; `FILE` if the text comes from an environment variable.
pub(in crate::secret) struct Shell<'a>(pub(in crate::secret) &'a SecretRef);

impl fmt::Display for Shell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SecretRef::File(path) => f.write_str(&quoted(path)),
            SecretRef::Env(_) | SecretRef::WrongPassword => f.write_str("FILE"),
        }
    }
}

fn quoted(path: &Path) -> Cow<'_, str> {
    let path = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")).into() }
}

/// A form that is not PEM: how it begins, and what to do.
type Form = (fn(&[u8]) -> bool, &'static str);

/// Each sentence follows the place.
const NOT_PEM: &[Form] = &[
    (
        |bytes| is_der(bytes, &[0x02, 0x01, 0x03]),
        "is PKCS#12 (.pfx, .p12) and not PEM: `openssl pkcs12 -in {file} -nodes -out app.pem` writes the certificate and the key as PEM",
    ),
    (
        |bytes| bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]),
        "is a Java key store: `keytool -importkeystore -srckeystore {file} -destkeystore app.p12 -deststoretype PKCS12`, then `openssl pkcs12 -in app.p12 -nodes -out app.pem`",
    ),
    (
        |bytes| is_der(bytes, &[0x02, 0x01, 0x00]) || is_der(bytes, &[0x02, 0x01, 0x01]),
        "is a private key in DER and not PEM: `openssl pkey -inform DER -in {file} -out app.key` converts it",
    ),
    (
        |bytes| is_der(bytes, &[0x30, 0x82]) || is_der(bytes, &[0x30, 0x81]),
        "is a certificate in DER and not PEM: `openssl x509 -inform DER -in {file} -out app.pem` converts it",
    ),
    (
        |bytes| is_der(bytes, &[0x30]),
        "is an encrypted private key in DER and not PEM: `openssl pkcs8 -inform DER -in {file} -out app.key` converts it",
    ),
    (
        |bytes| bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]),
        "is UTF-16 text: `iconv -f UTF-16 -t UTF-8 {file} > app.pem` converts it",
    ),
    (
        |bytes| bytes.starts_with(b"PuTTY-User-Key-File"),
        "is a PuTTY key, which signs in to SSH: an application has a key of its own",
    ),
    (
        |bytes| bytes.starts_with(b"ssh-"),
        "is an SSH public key: the private key and the certificate are needed",
    ),
];

/// Whether it is an ASN.1 SEQUENCE whose content begins so.
fn is_der(bytes: &[u8], content: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = bytes else { return false };
    let skipped = match length {
        0x81..=0x84 => usize::from(length & 0x7f),
        // The indefinite length of BER has no further octets.
        _ => 0,
    };
    rest.get(skipped..).is_some_and(|rest| rest.starts_with(content))
}

/// The blocks of a PEM file. Text around them (bag attributes, names) does not count.
pub(in crate::secret) fn blocks(place: &SecretRef, bytes: &[u8]) -> Result<Vec<pem::Pem>, String> {
    let say = |sentence: &str| format!("{place} {}", sentence.replace("{file}", &Shell(place).to_string()));
    if let Some((_, sentence)) = NOT_PEM.iter().find(|(is, _)| is(bytes)) {
        return Err(say(sentence));
    }
    let blocks = pem::parse_many(bytes).map_err(|_| {
        say("is damaged: a block between BEGIN and END is no base64, or ends under another name")
    })?;
    if blocks.is_empty() {
        return Err(say("is not PEM: it has no whole block from `-----BEGIN …-----` to `-----END …-----`"));
    }
    Ok(blocks)
}

/// A private key as its block gives it.
pub(in crate::secret) enum KeyBlock<'a> {
    /// PKCS#8, PKCS#1 or SEC1.
    Plain(&'a [u8]),
    /// Encrypted PKCS#8.
    Encrypted(&'a [u8]),
}

/// Labels of other things that people put in the place of a key; each sentence follows the place.
const NO_KEY: &[(&str, &str)] = &[
    (
        "OPENSSH PRIVATE KEY",
        "is a key in OpenSSH's form: `ssh-keygen -p -m PKCS8 -f {file}` converts it in place",
    ),
    ("CERTIFICATE", "holds a certificate and no private key: the key that belongs to it is needed"),
    ("PUBLIC KEY", "holds a public key: the private key is needed"),
    ("RSA PUBLIC KEY", "holds a public key: the private key is needed"),
    ("CERTIFICATE REQUEST", "holds a certificate request and no private key"),
    ("NEW CERTIFICATE REQUEST", "holds a certificate request and no private key"),
];

/// The private key among the blocks of a place.
pub(in crate::secret) fn key<'a>(place: &SecretRef, blocks: &'a [pem::Pem]) -> Result<KeyBlock<'a>, String> {
    let say = |sentence: &str| format!("{place} {}", sentence.replace("{file}", &Shell(place).to_string()));
    for block in blocks {
        match block.tag() {
            "ENCRYPTED PRIVATE KEY" => return Ok(KeyBlock::Encrypted(block.contents())),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY"
                if block.headers().get("Proc-Type").is_some() =>
            {
                return Err(say(
                    "is encrypted in OpenSSL's old form: `openssl pkcs8 -topk8 -in {file} -out app.key` writes encrypted PKCS#8, which `passphrase` opens",
                ));
            }
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
                return Ok(KeyBlock::Plain(block.contents()));
            }
            _ => {}
        }
    }
    let labels: Vec<&str> = blocks.iter().map(pem::Pem::tag).collect();
    let known = NO_KEY.iter().find(|(label, _)| labels.contains(label));
    Err(known.map_or_else(
        || format!("{place} holds no private key, but {}", labels.join(", ")),
        |(_, sentence)| say(sentence),
    ))
}

/// Labels of other things that people put in the place of a certificate.
const NO_CERTIFICATE: &[(&str, &str)] = &[
    (
        "CERTIFICATE REQUEST",
        "holds a certificate request, which is not signed: `openssl x509 -req -in {file} -signkey app.key -days 365 -out app.pem` signs it with its own key",
    ),
    ("PKCS7", "is PKCS#7: `openssl pkcs7 -print_certs -in {file} -out app.pem` converts it"),
    ("TRUSTED CERTIFICATE", "is in OpenSSL's own form: `openssl x509 -in {file} -out app.pem` converts it"),
];

/// The certificates among the blocks of a place, at least one.
pub(in crate::secret) fn certificates<'a>(
    place: &SecretRef,
    blocks: &'a [pem::Pem],
) -> Result<Vec<&'a [u8]>, String> {
    let say = |sentence: &str| format!("{place} {}", sentence.replace("{file}", &Shell(place).to_string()));
    let found: Vec<&[u8]> =
        blocks.iter().filter(|block| block.tag() == "CERTIFICATE").map(pem::Pem::contents).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let labels: Vec<&str> = blocks.iter().map(pem::Pem::tag).collect();
    let known = NO_CERTIFICATE.iter().find(|(label, _)| labels.contains(label));
    Err(known.map_or_else(
        || format!("{place} holds no certificate, but {}", labels.join(", ")),
        |(_, sentence)| say(sentence),
    ))
}
