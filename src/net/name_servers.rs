//! The name servers of the system, and the names that it knows itself: `/etc/resolv.conf` and `/etc/hosts`.
//!
//! Reads both within bounds. `resolve` sends the queries.

use std::path::Path;
use std::sync::Arc;

use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::system_conf::parse_resolv_conf;
use hickory_resolver::{Hosts, ResolverBuilder, TokioResolver, net::runtime::TokioRuntimeProvider};
use tracing::warn;

use crate::files::{self, Fault};
use crate::model::{Cause, Reason};

/// The largest `resolv.conf` that is read, in bytes. A usual one has less than a hundred.
const LARGEST_CONFIGURATION: u64 = 64 * 1024;
/// The largest file of hosts that is read, in bytes: lists of blocked names have a few MiB.
const LARGEST_HOSTS: u64 = 16 * 1024 * 1024;

/// What the system knows about names.
pub(super) struct NameServers {
    config: ResolverConfig,
    options: ResolverOpts,
    hosts: Arc<Hosts>,
}

impl NameServers {
    /// Reads `resolv.conf` and `hosts` in this folder, which is `/etc`.
    ///
    /// # Errors
    /// [`Reason::DnsFailure`] if `resolv.conf` cannot be read or names no server. Without `hosts` every name
    /// is asked for.
    pub(super) async fn of_system(folder: &Path) -> Result<Self, Cause> {
        let file = folder.join("resolv.conf");
        let unknown = |why: &dyn std::fmt::Display| {
            let detail = format!("the system's name servers are not known: {}: {why}", file.display());
            Cause::new(Reason::DnsFailure, detail)
        };
        let text = files::read_async(&file, LARGEST_CONFIGURATION).await.map_err(|fault| unknown(&fault))?;
        let (config, options) = parse_resolv_conf(text).map_err(|error| unknown(&error))?;
        Ok(Self { config, options, hosts: Arc::new(hosts(&folder.join("hosts")).await) })
    }

    /// The same with these settings, for a test that answers itself.
    #[cfg(test)]
    pub(super) fn these(config: ResolverConfig) -> Self {
        Self { config, options: ResolverOpts::default(), hosts: Arc::default() }
    }

    /// How many servers there are.
    pub(super) fn count(&self) -> usize {
        self.config.name_servers().len()
    }

    /// A resolver of these servers and hosts, with options changed by `choose`.
    ///
    /// # Errors
    /// The library's.
    pub(super) fn resolver(
        &self,
        choose: impl FnOnce(&mut ResolverOpts),
    ) -> Result<TokioResolver, hickory_resolver::net::NetError> {
        let mut builder: ResolverBuilder<_> =
            TokioResolver::builder_with_config(self.config.clone(), TokioRuntimeProvider::default());
        let options = builder.options_mut();
        *options = self.options.clone();
        choose(options);
        // The library would open the file of hosts itself, and wait for whatever it is.
        options.use_hosts_file = ResolveHosts::Never;
        let mut resolver = builder.build()?;
        resolver.set_hosts(Arc::clone(&self.hosts));
        Ok(resolver)
    }
}

async fn hosts(file: &Path) -> Hosts {
    let mut hosts = Hosts::default();
    let unknown =
        |fault: &Fault| warn!(file = %file.display(), %fault, "the names in this file are not known");
    match files::read_async(file, LARGEST_HOSTS).await {
        Ok(text) => match hosts.read_hosts_conf(text.as_slice()) {
            Ok(()) => {}
            Err(error) => unknown(&Fault::Io(error)),
        },
        Err(fault) if matches!(*fault, Fault::Missing) => {}
        Err(fault) => unknown(&fault),
    }
    hosts
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use proptest::prelude::*;

    /// An empty folder of this test.
    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("name-servers-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        folder
    }

    async fn refusal(folder: &Path) -> String {
        let cause = NameServers::of_system(folder).await.err().unwrap();
        assert_eq!(cause.reason, Reason::DnsFailure);
        cause.detail.to_string()
    }

    #[tokio::test]
    async fn a_bad_file_of_name_servers_is_refused_and_named() {
        let folder = folder("none");
        let file = folder.join("resolv.conf");
        assert!(refusal(&folder).await.ends_with("resolv.conf: there is no such file"));
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
        assert!(refusal(&folder).await.ends_with("this is a FIFO: only regular files are read"));
        fs::remove_file(&file).unwrap();
        fs::write(&file, "nameserver 192.0.2.53\n".repeat(10_000)).unwrap();
        assert!(refusal(&folder).await.ends_with("too large: at most 65536 bytes are read"));
        fs::write(&file, [0xff, 0, 0x80, 10, 200].repeat(100)).unwrap();
        assert!(refusal(&folder).await.contains("no nameservers found"));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn the_hosts_file_needs_no_server_and_may_be_a_fifo() {
        let folder = folder("hosts");
        fs::write(folder.join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        fs::write(folder.join("hosts"), "192.0.2.7 mail.contoso.example\n").unwrap();
        let resolver = NameServers::of_system(&folder).await.unwrap().resolver(|_| {}).unwrap();
        let found = resolver.lookup_ip("mail.contoso.example.").await.unwrap();
        assert_eq!(found.iter().next().unwrap().to_string(), "192.0.2.7");
        fs::remove_file(folder.join("hosts")).unwrap();
        assert!(Command::new("mkfifo").arg(folder.join("hosts")).status().unwrap().success());
        NameServers::of_system(&folder).await.unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }

    proptest! {
        #[test]
        fn no_file_of_the_system_makes_reading_fail_otherwise(
            text in "((nameserver|search|domain|options|sortlist|#|;) ?(127\\.0\\.0\\.1|::1%lo|ndots:[0-9]{1,20}|timeout:-?[0-9]{0,12}|[ -~]{0,20})[ \t\r]?\n){0,8}",
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            for bytes in [text.as_bytes(), &bytes] {
                let _ = parse_resolv_conf(bytes);
                let _ = Hosts::default().read_hosts_conf(bytes);
            }
        }
    }
}
