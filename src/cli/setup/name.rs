//! Names of what the commands create in a tenant: groups, scopes and assignments.
//!
//! A name belongs to one credential and one purpose, because the members of a group say what the credential may open.

use sha2::{Digest, Sha256};

/// Names of groups end there, and two that differ in case alone are one.
const LONGEST: usize = 64;
/// Hexadecimal digits that keep names apart which would be spelt alike.
const DIGITS: usize = 8;

/// `mailbox-exporter-graph-contoso`: a name that needs no quoting, and that no other credential gets for any purpose.
pub(super) fn of(purpose: &str, credential: &str) -> String {
    let spelt = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let prefix = format!("mailbox-exporter-{purpose}-");
    let room = LONGEST.saturating_sub(prefix.len());
    let slug: String = credential.chars().map(spelt).collect();
    if slug == credential && slug.len() <= room {
        return prefix + &slug;
    }
    let digest = Sha256::digest(credential.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let slug: String = slug.chars().take(room.saturating_sub(DIGITS + 1)).collect();
    format!("{prefix}{slug}-{}", digest.get(..DIGITS).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_credential_has_a_name_of_its_own_for_each_purpose() {
        assert_eq!(of("graph", "contoso"), "mailbox-exporter-graph-contoso");
        let long = "a".repeat(100);
        let longer = "a".repeat(101);
        let credentials =
            ["contoso", "Contoso", "con toso", "con-toso", "con'toso", "größe", "gräße", &long, &longer];
        let mut names = BTreeSet::new();
        for credential in credentials {
            for purpose in ["graph", "smtp"] {
                let name = of(purpose, credential);
                assert!(name.len() <= LONGEST, "{name}");
                let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(name.chars().all(fits), "{name}");
                assert!(names.insert(name), "{credential} for {purpose}");
            }
        }
    }
}
