//! What the environment says about a run: how long, how many mailboxes, which attacks.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::attacks::ATTACKS;

/// The program of this build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_mailbox-exporter");
/// The run of the test command.
const DURATION: Duration = Duration::from_mins(10);
/// Less says nothing: there must be room for a few attacks.
const SHORTEST: Duration = Duration::from_secs(40);
/// Healthy mailboxes.
const MAILBOXES: usize = 500;
/// Descriptors the soak itself needs: about 2,000 connections of attackers, and both ends of several hundred probes.
const DESCRIPTORS: u64 = 8192;

/// Instead of names of attacks: to see what the machine does without any.
const NONE: &str = "none";

/// A run.
pub(crate) struct Settings {
    /// From the end of the warm-up to the stop.
    pub(crate) duration: Duration,
    /// Decides which attacks overlap, and when.
    pub(crate) seed: u64,
    /// What is attacked.
    pub(crate) program: PathBuf,
    /// Healthy mailboxes of the open agent.
    pub(crate) mailboxes: usize,
    /// The names of the attacks; empty means all, [`NONE`] none.
    only: Vec<String>,
}

impl Settings {
    /// Reads the variables that `tests/README.md` lists, and raises this process's limit of descriptors.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let duration = match env::var("SOAK") {
            Ok(text) => humantime::parse_duration(&text).map_err(|error| format!("SOAK={text}: {error}"))?,
            Err(_) => DURATION,
        };
        if duration < SHORTEST {
            return Err(format!("SOAK={duration:?} is too short: at least {SHORTEST:?}"));
        }
        let only: Vec<String> = env::var("SOAK_ATTACKS")
            .map(|names| names.split(',').map(|name| name.trim().to_owned()).collect())
            .unwrap_or_default();
        let known: Vec<_> = ATTACKS.iter().map(|attack| attack.name).collect();
        if let Some(unknown) = only.iter().find(|name| *name != NONE && !known.contains(&name.as_str())) {
            return Err(format!(
                "SOAK_ATTACKS: there is no attack {unknown:?}: {NONE}, or some of {}",
                known.join(", ")
            ));
        }
        raise_descriptor_limit()?;
        Ok(Self {
            duration,
            seed: number("SOAK_SEED")?.unwrap_or_else(|| fastrand::u64(..)),
            program: env::var_os("SOAK_PROGRAM").map_or_else(|| PROGRAM.into(), PathBuf::from),
            mailboxes: number("SOAK_MAILBOXES")?.unwrap_or(MAILBOXES),
            only,
        })
    }

    /// Whether an attack belongs to the run.
    pub(crate) fn includes(&self, attack: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == attack)
    }
}

fn number<T: std::str::FromStr>(variable: &str) -> Result<Option<T>, String> {
    let Ok(text) = env::var(variable) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("{variable}={text} is not a number"))
}

fn raise_descriptor_limit() -> Result<(), String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS));
    if wanted < DESCRIPTORS {
        return Err(format!(
            "the hard limit of descriptors is {wanted}, the soak needs {DESCRIPTORS}: ulimit -Hn"
        ));
    }
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
            .map_err(|error| format!("the limit of descriptors cannot be raised to {wanted}: {error}"))?;
    }
    Ok(())
}
