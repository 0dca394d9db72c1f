//! `validate`: every fault of a configuration at once, what is odd about its secrets, and on request whether the state
//! can be written.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{self, Described, Loaded, Notice};
use crate::files;
use crate::model::{Auth, SecretRef};
use crate::safe;
use crate::secret;
use crate::token;

use super::answer::say;
use super::{Config, Exit};

/// The options of `validate`.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Also write a file into `state_dir`, and remove it, to see whether the agent could write there.
    #[arg(long)]
    state: bool,
}

pub(super) async fn run(Options { config, state }: Options) -> Exit {
    let reading = config::read(&config.config);
    let (loaded, mut faults, mut warnings) = match reading.outcome {
        Ok(Loaded { plan, files, warnings }) => (Some((plan, files)), Vec::new(), warnings),
        Err(errors) => (None, errors.iter().cloned().collect(), errors.notices().to_vec()),
    };
    for described in &reading.credentials {
        faults.extend(unusable(described).await);
        warnings.extend(looked_at(described).await);
        warnings.extend(signed_in(described, &config.config).await);
    }
    let mut lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    // Without a plan it may be a fault that hides the key.
    if state && (loaded.is_some() || reading.state_dir.is_some()) {
        lines.extend(written(reading.state_dir.as_ref()).err());
    }
    let count = lines.len();
    lines.extend(warnings.iter().map(|notice| format!("warning: {notice}")));
    let shown = config.config.display();
    let (end, exit) = match &loaded {
        Some((plan, files)) if count == 0 => (
            format!(
                "{shown}: no faults in {}, {}, {}, {}{}",
                counted(files.len(), "file"),
                counted(plan.credentials.len(), "credential"),
                plural(plan.mailboxes.len(), "mailbox", "mailboxes"),
                counted(plan.checks.len(), "check"),
                match plan.directories.len() {
                    0 => String::new(),
                    count => format!(", {}", plural(count, "directory", "directories")),
                },
            ),
            Exit::Fine,
        ),
        _ => (format!("{} in {shown}", counted(count, "fault")), Exit::Bad),
    };
    lines.push(end);
    say(&format!("{}\n", lines.join("\n")), exit)
}

/// Why nothing can be requested with the files of a credential, if all of them are here.
async fn unusable(described: &Described) -> Option<Notice> {
    let Auth::Token(proof) = &described.credential.auth else { return None };
    if !proof.places().into_iter().all(is_here) {
        return None;
    }
    Some(described.notice(token::fault(proof).await?.detail))
}

/// Writes to the state directory as the agent does, but without its lock: the agent may be running.
fn written(folder: Option<&PathBuf>) -> Result<(), String> {
    let Some(folder) = folder else {
        return Err("--state: the configuration has no state_dir".to_owned());
    };
    let wanted = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
    let write = move || -> io::Result<()> {
        // The agent makes a folder that is missing: what counts then is the nearest one that is there.
        let there = wanted.ancestors().find(|folder| folder.exists()).unwrap_or(&wanted);
        let tried = there.join(format!(".tried-by-validate-{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&tried)?;
        let result = file.write_all(b"tried\n").and_then(|()| file.sync_all());
        fs::remove_file(&tried)?;
        result
    };
    let told = |fault: &dyn std::fmt::Display, folder: &Path| {
        format!(
            "state_dir: {}: {fault}; it must exist or be creatable, belong to this user and have room",
            folder.display()
        )
    };
    match files::within(folder, files::PATIENCE, write) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(told(&error, folder)),
        Err(fault) => Err(told(&fault, folder)),
    }
}

/// Notices about the shape of a credential's secret. A missing secret gets no notice: a configuration may be validated on a
/// machine without its secrets.
async fn looked_at(described: &Described) -> Vec<Notice> {
    let credential = &described.credential;
    let end = match credential.end_file() {
        Some(file) if is_here(&SecretRef::File(file.to_owned())) => secret::declared_end(file).await.err(),
        _ => None,
    };
    let mut notices: Vec<Notice> =
        end.map(|why| described.notice(format!("expires: {why}"))).into_iter().collect();
    let Some(place) = credential.pasted() else { return notices };
    notices.extend(match secret::read(place).await {
        Ok(secret) => {
            let told = |odd| described.notice(format!("the secret in {place} {odd}"));
            secret::oddities(&secret, credential.client_id()).into_iter().map(told).collect()
        }
        Err(cause) if is_here(place) => vec![described.notice(format!("the secret: {}", cause.detail))],
        Err(_) => Vec::new(),
    });
    notices
}

/// Why a refresh token cannot serve: its file is missing until a person signs in, or cannot be written back.
async fn signed_in(described: &Described, config: &Path) -> Vec<Notice> {
    let credential = &described.credential;
    let Some(place) = credential.auth.token().and_then(|proof| proof.rotated()) else { return Vec::new() };
    if !is_here(place) {
        let config = config.to_string_lossy();
        let (name, config) = (safe::shell(&credential.name), safe::shell(&config));
        return vec![described.notice(format!(
            "{place} is not there yet: a person signs in by `mailbox-exporter login --config {config} {name}`, which writes it"
        ))];
    }
    let Some(file) = place.file() else { return Vec::new() };
    let tried = file.to_owned();
    let why = match files::within_async(file, files::PATIENCE, move || files::can_replace(&tried)).await {
        Ok(Ok(())) => return Vec::new(),
        Ok(Err(error)) => error.to_string(),
        Err(fault) => fault.to_string(),
    };
    vec![described.notice(format!(
        "{place} cannot be written back here ({why}): the provider replaces the refresh token, and the next one would be lost with the agent's end"
    ))]
}

/// Whether the secret's file or variable exists, readable or not.
fn is_here(place: &SecretRef) -> bool {
    match place {
        SecretRef::File(path) => {
            let file = path.clone();
            !matches!(files::within(path, files::PATIENCE, move || file.symlink_metadata()), Ok(Err(_)))
        }
        SecretRef::Env(name) => std::env::var_os(name).is_some(),
        SecretRef::WrongPassword => false,
    }
}

fn counted(count: usize, noun: &str) -> String {
    plural(count, noun, &format!("{noun}s"))
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
