//! The key that the agent of Azure Arc asks for: its challenge names a file, and only programs that can read the file
//! get a token.
//!
//! Sources: Microsoft Learn, "Access Azure resources by using managed identity on Azure Arc-enabled servers" (requests)
//! and "Identity and authorization" (folder and group); the client libraries of Azure (extension and size of the file).
//!
//! Any program may have taken the agent's port, so the challenge is not trusted: it chooses among the key files of one
//! folder, and can neither name a file elsewhere nor lead there by a link.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use crate::model::{Cause, Reason, Redacted};
use crate::secret::{self, Scrubber};

/// The extension of a key file.
const EXTENSION: &str = "key";
/// The largest key file that is read, in bytes.
const LARGEST: u64 = 4096;
/// Characters of a challenge that are shown.
const SHOWN: usize = 200;

/// The key that a challenge asks for.
///
/// # Errors
/// [`Reason::ProtocolError`] if the challenge names no key file of this folder, [`Reason::SecretUnreadable`] if the
/// file cannot be read or holds no key.
pub(super) async fn key(challenge: Option<&str>, folder: &Path) -> Result<Redacted, Cause> {
    let file = named(challenge, folder).map_err(|why| Cause::new(Reason::ProtocolError, why))?;
    let key = secret::read_unlinked(&file, LARGEST).await?;
    if !key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        let why = format!("file {} holds no key: a key is one line of visible ASCII", file.display());
        return Err(Cause::new(Reason::SecretUnreadable, why));
    }
    Ok(key)
}

/// The key file that a challenge names. Its path is put together anew from our folder and the name of the file.
fn named(challenge: Option<&str>, folder: &Path) -> Result<PathBuf, String> {
    let challenge = challenge.ok_or("the answer 401 has no challenge (WWW-Authenticate)")?;
    let shown = || Scrubber::default().clean(challenge, SHOWN);
    let realm = realm(challenge).ok_or_else(|| {
        format!("the challenge is not `Basic realm=FILE`, as Azure Arc's is: `{}`", shown())
    })?;
    let named = Path::new(realm);
    let is_key = named.extension().is_some_and(|extension| extension == EXTENSION);
    match named.file_name().filter(|_| is_key && named.parent() == Some(folder)) {
        Some(name) => Ok(folder.join(name)),
        None => Err(format!(
            "the challenge names no .{EXTENSION} file in {}, so that nothing was read: `{}`",
            folder.display(),
            shown()
        )),
    }
}

/// The realm of a challenge for `Basic` (RFC 7235 section 2.1).
fn realm(challenge: &str) -> Option<&str> {
    let (scheme, parameters) = challenge.trim().split_once(' ')?;
    let (name, value) = parameters.trim_start().split_once('=')?;
    let is_ours = scheme.eq_ignore_ascii_case("basic") && name.trim().eq_ignore_ascii_case("realm");
    let value = value.trim();
    let bare = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split(',').next()?.trim(),
    };
    Some(bare).filter(|bare| is_ours && !bare.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const FOLDER: &str = "/var/opt/azcmagent/tokens";

    #[test]
    fn a_challenge_names_a_key_file_of_the_folder() {
        for challenge in [
            "Basic realm=/var/opt/azcmagent/tokens/a-b.key",
            "basic  Realm = /var/opt/azcmagent/tokens/a-b.key ",
            r#"Basic realm="/var/opt/azcmagent/tokens/a-b.key", charset="UTF-8""#,
            "Basic realm=/var/opt/azcmagent/tokens/a-b.key, charset=UTF-8",
        ] {
            let file = named(Some(challenge), Path::new(FOLDER)).unwrap();
            assert_eq!(file, Path::new("/var/opt/azcmagent/tokens/a-b.key"), "{challenge}");
        }
    }

    #[test]
    fn a_challenge_leads_nowhere_else() {
        for path in [
            "/etc/shadow",
            "/etc/ssl/private/server.key",
            "/var/opt/azcmagent/tokens",
            "/var/opt/azcmagent/tokens/",
            "/var/opt/azcmagent/tokens/x",
            "/var/opt/azcmagent/tokens/.key",
            "/var/opt/azcmagent/tokens/x.key.txt",
            "/var/opt/azcmagent/tokens/../x.key",
            "/var/opt/azcmagent/tokens/../../../../etc/x.key",
            "/var/opt/azcmagent/tokens/../tokens/x.key",
            "/var/opt/azcmagent/tokens/sub/x.key",
            "/var/opt/azcmagent/tokens2/x.key",
            "/var/opt/azcmagent/x.key",
            "var/opt/azcmagent/tokens/x.key",
            "x.key",
            "..",
        ] {
            for challenge in [format!("Basic realm={path}"), format!("Basic realm=\"{path}\"")] {
                let refused = named(Some(&challenge), Path::new(FOLDER)).unwrap_err();
                assert!(refused.contains("names no .key file in /var/opt/azcmagent/tokens"), "{refused}");
            }
        }
        for challenge in
            ["", "Basic", "Basic realm=", "Bearer realm=/var/opt/azcmagent/tokens/x.key", "Basic x=y"]
        {
            let refused = named(Some(challenge), Path::new(FOLDER)).unwrap_err();
            assert!(refused.contains("is not `Basic realm=FILE`"), "{challenge}: {refused}");
        }
        assert!(named(None, Path::new(FOLDER)).unwrap_err().contains("no challenge"));
    }

    #[tokio::test]
    async fn a_key_is_one_line_of_a_small_regular_file() {
        let folder = std::env::temp_dir().join(format!("azure-arc-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let at = |name: &str| folder.join(name);
        fs::write(at("good.key"), "s3cret-of-the-machine==\r\n").unwrap();
        fs::write(at("large.key"), "k".repeat(4097)).unwrap();
        fs::write(at("just.key"), "k".repeat(4096)).unwrap();
        fs::write(at("empty.key"), "\n").unwrap();
        fs::write(at("lines.key"), "s3cret\r\nX-Other: header").unwrap();
        fs::write(at("umlaut.key"), "schlüssel").unwrap();
        fs::create_dir(at("folder.key")).unwrap();
        symlink("good.key", at("link.key")).unwrap();
        symlink("/etc/passwd", at("elsewhere.key")).unwrap();
        let read = async |name: &str| {
            let challenge = format!("Basic realm={}", at(name).display());
            key(Some(&challenge), &folder).await
        };
        assert_eq!(read("good.key").await.unwrap().expose_secret(), "s3cret-of-the-machine==");
        assert_eq!(read("just.key").await.unwrap().expose_secret().len(), 4096);
        for (name, words) in [
            ("missing.key", "there is no such file"),
            ("large.key", "too large: at most 4096 bytes are read"),
            ("empty.key", "is empty"),
            ("lines.key", "holds no key"),
            ("umlaut.key", "holds no key"),
            ("folder.key", "this is a folder"),
            ("link.key", "this is a symbolic link"),
            ("elsewhere.key", "this is a symbolic link"),
        ] {
            let cause = read(name).await.unwrap_err();
            assert_eq!(cause.reason, Reason::SecretUnreadable, "{name}");
            assert!(cause.detail.contains(words), "{name}: {}", cause.detail);
            assert!(!cause.detail.contains("s3cret"), "{}", cause.detail);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
