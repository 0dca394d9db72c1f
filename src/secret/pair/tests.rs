//! Every form in which `openssl` writes a certificate and its key, and every form that people put there by mistake.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::*;
use crate::model::SecretRef;

/// A folder with an RSA key `app.key` and its certificate `app.pem`; gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = Self(std::env::temp_dir().join(format!("pair-{}-{number}", std::process::id())));
        fs::create_dir_all(&folder.0).unwrap();
        folder.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out app.key");
        folder.openssl("req -new -x509 -key app.key -subj /CN=contoso-mail -days 30 -out app.pem");
        folder
    }

    fn openssl(&self, arguments: &str) {
        let output =
            Command::new("openssl").args(arguments.split(' ')).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), content).unwrap();
    }

    /// Reads a pair of these files: its thumbprint, or what is wrong, without the folder's name.
    async fn read(
        &self,
        certificate: &str,
        key: &str,
        passphrase: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<String, String> {
        let place = |name: &str| SecretRef::File(self.0.join(name));
        let passphrase = passphrase.map(|text| {
            self.write("passphrase", text);
            place("passphrase")
        });
        let places = PairRef { certificate: place(certificate), private_key: place(key), passphrase };
        let read = Pair::read(&places, algorithm).await;
        let folder = format!("{}/", self.0.display());
        read.map(|pair| pair.certificate.thumbprint()).map_err(|cause| cause.detail.replace(&folder, ""))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The thumbprint as `openssl` computes it.
fn thumbprint(folder: &Path) -> String {
    let arguments = ["x509", "-in", "app.pem", "-noout", "-fingerprint", "-sha1"];
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().rsplit('=').next().unwrap().replace(':', "")
}

#[tokio::test]
async fn every_form_of_a_pair_that_openssl_writes_is_read() {
    let folder = Folder::new();
    folder.openssl("rsa -in app.key -traditional -out pkcs1.key");
    folder.openssl("pkcs8 -topk8 -in app.key -passout pass:opensesame -out encrypted.key");
    folder.openssl(
        "pkcs8 -topk8 -in app.key -v2 des3 -v2prf hmacWithSHA1 -passout pass:opensesame -out old.key",
    );
    folder.openssl("pkcs12 -export -inkey app.key -in app.pem -passout pass:x -out app.p12");
    folder.openssl("pkcs12 -in app.p12 -nodes -passin pass:x -out bag.pem");
    assert!(folder.text("bag.pem").contains("Bag Attributes"));
    let (certificate, key) = (folder.text("app.pem"), folder.text("app.key"));
    folder.write("both.pem", format!("{certificate}{key}"));
    folder.write("turned.pem", format!("{key}{certificate}"));
    folder.write("windows.pem", format!("\u{feff}{certificate}{key}").replace('\n', "\r\n"));
    folder.openssl("req -new -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=Authority -out ca.pem");
    folder.write("chain.pem", format!("{}{certificate}", folder.text("ca.pem")));
    let expected = thumbprint(&folder.0);
    for (certificate, key, passphrase) in [
        ("app.pem", "app.key", None),
        ("app.pem", "app.key", Some("not needed")),
        ("app.pem", "pkcs1.key", None),
        ("app.pem", "encrypted.key", Some("opensesame\n")),
        ("app.pem", "old.key", Some("opensesame")),
        ("both.pem", "both.pem", None),
        ("turned.pem", "turned.pem", None),
        ("bag.pem", "bag.pem", None),
        ("windows.pem", "windows.pem", None),
        ("chain.pem", "app.key", None),
    ] {
        for algorithm in [Algorithm::Ps256, Algorithm::Rs256] {
            let read = folder.read(certificate, key, passphrase, algorithm).await;
            assert_eq!(read.as_ref(), Ok(&expected), "{certificate} {key}");
        }
    }
}

#[tokio::test]
async fn a_key_of_the_curve_p256_is_read_as_pkcs8_and_as_sec1() {
    let folder = Folder::new();
    folder.openssl("ecparam -name prime256v1 -genkey -noout -out sec1.key");
    folder.openssl("pkcs8 -topk8 -nocrypt -in sec1.key -out pkcs8.key");
    folder.openssl("req -new -x509 -key sec1.key -subj /CN=curve -days 30 -out curve.pem");
    for key in ["sec1.key", "pkcs8.key"] {
        assert!(folder.read("curve.pem", key, None, Algorithm::Es256).await.is_ok(), "{key}");
        let refused = folder.read("curve.pem", key, None, Algorithm::Ps256).await.unwrap_err();
        assert!(refused.contains("needs an RSA key: write algorithm: es256"), "{refused}");
    }
    let refused = folder.read("app.pem", "app.key", None, Algorithm::Es256).await.unwrap_err();
    assert!(refused.contains("is an RSA key") && refused.contains("write algorithm: ps256"), "{refused}");
}

#[tokio::test]
async fn what_is_no_pair_is_refused_with_the_command_that_mends_it() {
    let folder = Folder::new();
    folder.openssl("pkcs12 -export -inkey app.key -in app.pem -passout pass:x -out app.pfx");
    folder.openssl("x509 -in app.pem -outform DER -out app.der");
    folder.openssl("pkey -in app.key -outform DER -out key.der");
    folder.openssl("pkcs8 -topk8 -in app.key -passout pass:opensesame -out encrypted.key");
    folder.openssl("rsa -in app.key -traditional -aes128 -passout pass:opensesame -out old.key");
    folder.openssl("pkey -in app.key -pubout -out public.key");
    folder.openssl("req -new -key app.key -subj /CN=x -out app.csr");
    folder.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out other.key");
    folder.write(
        "ssh.key",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    folder.write("utf16.key", [0xff, 0xfe, b'-', 0]);
    folder.write("half.key", &folder.text("app.key")[..400]);
    folder.write("text.key", "hunter2hunter2\n");
    folder.write("it's.pfx", fs::read(folder.0.join("app.pfx")).unwrap());
    for (certificate, key, sentence) in [
        (
            "app.pfx",
            "app.key",
            "file app.pfx is PKCS#12 (.pfx, .p12) and not PEM: `openssl pkcs12 -in app.pfx -nodes -out app.pem`",
        ),
        ("app.pem", "it's.pfx", r"`openssl pkcs12 -in 'it'\''s.pfx' -nodes"),
        ("app.der", "app.key", "`openssl x509 -inform DER -in app.der -out app.pem`"),
        ("app.pem", "key.der", "`openssl pkey -inform DER -in key.der -out app.key`"),
        ("app.pem", "ssh.key", "`ssh-keygen -p -m PKCS8 -f ssh.key`"),
        ("app.pem", "utf16.key", "`iconv -f UTF-16"),
        ("app.pem", "old.key", "`openssl pkcs8 -topk8 -in old.key -out app.key`"),
        ("app.pem", "encrypted.key", "is encrypted: its passphrase is needed"),
        ("app.pem", "app.pem", "file app.pem holds a certificate and no private key"),
        ("app.pem", "public.key", "holds a public key"),
        ("app.csr", "app.key", "`openssl x509 -req -in app.csr -signkey app.key"),
        ("app.key", "app.key", "file app.key holds no certificate, but PRIVATE KEY"),
        ("app.pem", "other.key", "does not belong to the certificate in file app.pem (CN=contoso-mail)"),
        ("app.pem", "half.key", "is not PEM"),
        ("app.pem", "text.key", "is not PEM"),
        ("app.pem", "missing.key", "file missing.key"),
    ] {
        let refused = folder.read(certificate, key, None, Algorithm::Ps256).await.unwrap_err();
        assert!(refused.contains(sentence), "{certificate} {key}: {refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
    let refused = folder.read("app.pem", "encrypted.key", Some("wrong"), Algorithm::Ps256).await.unwrap_err();
    assert!(refused.ends_with("does not open with its passphrase"), "{refused}");
}

#[test]
fn a_damaged_pair_is_refused_in_one_line_or_signs() {
    let folder = Folder::new();
    let places = PairRef {
        certificate: SecretRef::File("app.pem".into()),
        private_key: SecretRef::File("app.key".into()),
        passphrase: None,
    };
    let whole = ["app.pem", "app.key"].map(|name| folder.text(name).into_bytes());
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..6);
    let damage = (any::<bool>(), changes, prop::option::of(any::<Index>()));
    let outcome = TestRunner::default().run(&damage, |(of_key, changes, end)| {
        let [mut certificate, mut key] = whole.clone();
        let damaged = if of_key { &mut key } else { &mut certificate };
        for (at, byte) in changes {
            *at.get_mut(damaged) = byte;
        }
        if let Some(end) = end {
            damaged.truncate(end.index(damaged.len()));
        }
        match assemble(&places, &certificate, &key, None, Algorithm::Ps256) {
            Ok(pair) => prop_assert!(pair.sign(b"message").is_ok()),
            Err(why) => prop_assert!(why.contains("app.") && !why.contains(['\r', '\n']), "{why}"),
        }
        Ok(())
    });
    outcome.unwrap_or_else(|fault| panic!("{fault}"));
}
