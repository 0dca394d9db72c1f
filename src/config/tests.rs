//! The file format, held against `tests/data/config`: each file there says in its first lines what is expected of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::fs;
use std::time::Duration;

use proptest::prelude::*;

use super::keys::{self, Keys};
use super::section;
use super::tree::{self, Kind, Node};
use super::*;
use crate::model::{Access, Check, Directory, Goal, Patience, Protocol, TokenAccess};

const DATA: &str = "tests/data/config";
const EXAMPLE: &str = include_str!("../../config.yaml.example");

/// What stands in every place where a secret might be written by mistake.
const CANARY: &str = "hunter2";

fn load_text(text: &str) -> Result<Loaded, ConfigErrors> {
    let faults = Faults::default();
    let file: Rc<Path> = Path::new("/nowhere/config.yaml").into();
    let made = assemble(&file, text, None, &mut Sources::default(), &faults);
    let (made, warnings) = faults.settle(made, &Place::whole(&file))?;
    Ok(made.loaded(warnings))
}

/// The cases of a folder with the lines that follow a word in their first comments.
fn cases(folder: &str) -> Vec<(PathBuf, String)> {
    let mut cases: Vec<_> = fs::read_dir(Path::new(DATA).join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    cases.sort();
    cases
}

fn announced<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let text = text.trim_start_matches(source::BYTE_ORDER_MARK);
    let head = text.lines().take_while(|line| line.starts_with('#'));
    head.filter_map(|line| line.strip_prefix("# ")?.strip_prefix(word)?.strip_prefix(": ")).collect()
}

/// As the first lines of a case spell it: without the folder, and without the name of the case itself.
fn spelt(path: &Path, complaint: &ConfigError) -> String {
    let text = complaint.to_string().replace(&format!("{}/", path.parent().unwrap().display()), "");
    let own = format!("{}:", path.file_name().unwrap().to_str().unwrap());
    text.strip_prefix(&own).map_or(text.clone(), |rest| rest.trim_start().to_owned())
}

#[test]
fn every_bad_file_gets_exactly_the_complaints_it_announces() {
    let cases = cases("bad");
    assert!(cases.len() >= 100, "only {} bad files found", cases.len());
    let mut wrong = Vec::new();
    for (path, text) in &cases {
        let expected = announced(text, "expect");
        assert!(!expected.is_empty(), "{} announces nothing", path.display());
        let (found, warnings): (Vec<String>, Vec<String>) = match load(path) {
            Ok(_) => (vec!["nothing was complained about".to_owned()], Vec::new()),
            Err(errors) => (
                errors.iter().map(|error| spelt(path, error)).collect(),
                errors.notices().iter().map(|notice| spelt(path, notice)).collect(),
            ),
        };
        let announced_warnings = announced(text, "warning");
        if found != expected || warnings != announced_warnings {
            wrong.push(format!(
                "{}\n  expected {expected:#?} {announced_warnings:#?}\n  found {found:#?} {warnings:#?}",
                path.display()
            ));
        }
        let leaks = found.iter().any(|complaint| complaint.contains(CANARY));
        assert!(!leaks, "{} repeats what may be a secret: {found:?}", path.display());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_broken_file_does_not_hide_a_broken_web_configuration() {
    let bad = Path::new(DATA).join("bad");
    let web = bad.join("files/web/versions_crossed.yaml");
    let errors = read_with_web(&bad.join("syntax_tab.yaml"), Some(&web)).outcome.unwrap_err();
    let files: Vec<_> = errors.iter().map(|error| error.file.file_name().unwrap()).collect();
    assert_eq!(files, ["versions_crossed.yaml", "syntax_tab.yaml"], "{errors}");
}

#[test]
fn every_good_file_means_what_it_announces() {
    let cases = cases("good");
    assert!(cases.len() >= 15, "only {} good files found", cases.len());
    let mut wrong = Vec::new();
    for (path, text) in &cases {
        let loaded = load(path).unwrap_or_else(|errors| panic!("{errors}"));
        let folder = format!("{}/", path.parent().unwrap().display());
        let mut found: Vec<String> = loaded
            .plan
            .checks
            .iter()
            .map(|check| format!("check: {}", describe(check).replace(&folder, "")))
            .collect();
        let directories = loaded.plan.directories.iter();
        found.extend(directories.map(|directory| format!("directory: {}", describe_directory(directory))));
        found.extend(loaded.warnings.iter().map(|notice| format!("warning: {}", spelt(path, notice))));
        let text = text.trim_start_matches(source::BYTE_ORDER_MARK);
        let head = text.lines().take_while(|line| line.starts_with('#'));
        let expected: Vec<&str> = head.filter_map(|line| line.strip_prefix("# ")).collect();
        if found != expected {
            wrong.push(format!("{}\n  expected {expected:#?}\n  found {found:#?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A directory in one line.
fn describe_directory(directory: &Directory) -> String {
    let Directory { name, spec, base_url, interval, feeds } = directory;
    let feeds: Vec<_> = feeds.iter().map(|feed| feed.label()).collect();
    format!(
        "{name} at {base_url} with {} {} for {}: {} every {}",
        spec.credential,
        spec.url,
        spec.scope,
        feeds.join(" and "),
        value::spell(*interval)
    )
}

/// A check in one line.
fn describe(check: &Check) -> String {
    let mailbox = &check.mailbox;
    let goal = match &check.goal {
        Goal::Folder { name, read_only, unread } => {
            let verb = if *read_only { "examine" } else { "select" };
            let limit = |limit: Option<Duration>| limit.map_or_else(|| "-".to_owned(), value::spell);
            let patience = unread.map(|Patience { read_within, arrives_within }| {
                format!(", unread within {} arrives within {}", limit(read_within), limit(arrives_within))
            });
            format!("{verb} {name}{}", patience.unwrap_or_default())
        }
        Goal::Submission { sender: false, .. } => "login".to_owned(),
        Goal::Submission { sender: true, .. } => "sender".to_owned(),
        Goal::Maildrop => "stat".to_owned(),
        Goal::GraphFolder { folder } => format!("open {folder}"),
        Goal::RoundTrip(trip) => format!(
            "to {} junk {} home {}",
            trip.to().name,
            trip.junk.as_deref().unwrap_or("as marked"),
            trip.home.as_ref().map_or("same", |home| &home.mailbox.name)
        ),
    };
    let access = match &check.access {
        Access::Password(place) => format!("password in {place}"),
        Access::Token(TokenAccess { spec, mechanism, permission }) => {
            let secret = mailbox.credential.places_in_words().unwrap_or_default();
            let permission = permission.unwrap_or("no permission");
            let mechanism = mechanism.map_or_else(|| "xoauth2".to_owned(), |named| format!("{named} alone"));
            let authority = spec.ca_file.as_ref().map(|path| format!(", trusting {}", path.display()));
            format!(
                "{mechanism} with {} {} for {} ({permission}), secret in {secret}{}",
                spec.credential,
                spec.url,
                spec.scope,
                authority.unwrap_or_default()
            )
        }
    };
    let interval = value::spell(check.interval);
    let timeout = value::spell(check.timeout);
    let (name, server, security) = (check.name(), &check.endpoint, check.endpoint.security);
    let (user, provider, ip) = (&mailbox.username, &mailbox.provider.name, check.ip);
    format!(
        "{name} at {provider} {server} {security} ip {ip}, {user}: {goal}, every {interval} within {timeout}, {access}"
    )
}

#[test]
fn the_example_loads_and_misses_only_its_files() {
    let loaded = load_text(EXAMPLE).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.plan.mailboxes.len(), 4);
    let notices: Vec<_> = loaded.warnings.iter().map(|notice| notice.path.as_str()).collect();
    assert_eq!(notices, ["readiness.calendar", "readiness.usage", "readiness.switches", "mailbox_files[0]"]);
}

/// Where each table of keys applies; `*` is any name or index.
const SHAPE: &[(&str, &Keys)] = &[
    ("", &keys::TOP),
    ("http", &keys::HTTP),
    ("limits", &keys::LIMITS),
    ("readiness", &keys::READINESS),
    ("directory.*", &directory::DIRECTORY),
    ("defaults", &keys::DEFAULTS),
    ("defaults.imap", &section::IMAP),
    ("defaults.smtp", &section::SMTP),
    ("defaults.pop3", &section::POP3),
    ("defaults.graph", &section::GRAPH),
    ("defaults.round_trip", &section::ROUND_TRIP),
    ("credentials.*", &keys::CREDENTIAL),
    ("credentials.*.secret", &keys::SECRET),
    ("credentials.*.password", &keys::SECRET),
    ("credentials.*.private_key", &keys::SECRET),
    ("credentials.*.passphrase", &keys::SECRET),
    ("providers.*", &keys::PROVIDER),
    ("providers.*.imap", &server::ENDPOINT),
    ("providers.*.smtp", &server::ENDPOINT),
    ("providers.*.pop3", &server::ENDPOINT),
    ("providers.*.graph", &server::GRAPH_SERVER),
    ("mailboxes.*", &keys::MAILBOX),
    ("mailboxes.*.imap", &section::IMAP),
    ("mailboxes.*.smtp", &section::SMTP),
    ("mailboxes.*.pop3", &section::POP3),
    ("mailboxes.*.graph", &section::GRAPH),
    ("mailboxes.*.round_trip", &section::ROUND_TRIP),
];

/// Every key of a tree, its own names replaced by `*`.
fn keys_of(node: &Node, at: &str, found: &mut Vec<(String, String)>) {
    let named = matches!(at, "credentials" | "providers" | "directory");
    match &node.kind {
        Kind::Map(entries) => {
            for entry in entries {
                let key = if named { "*" } else { &entry.key };
                found.push((at.to_owned(), key.to_owned()));
                let path = [at, key].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>();
                keys_of(&entry.node, &path.join("."), found);
            }
        }
        Kind::List(items) => items.iter().for_each(|item| keys_of(item, &format!("{at}.*"), found)),
        _ => {}
    }
}

#[test]
fn the_example_shows_exactly_the_keys_that_work() {
    let mut shown = Vec::new();
    keys_of(&tree::parse(EXAMPLE).unwrap(), "", &mut shown);
    for (path, table) in SHAPE {
        let here: Vec<&str> =
            shown.iter().filter(|(at, _)| at == path).map(|(_, key)| key.as_str()).collect();
        for key in &here {
            assert!(table.working().any(|works| works == *key), "{path}: {key} is shown and does not work");
        }
    }
    // What may stand in several places (a mailbox's own interval, the env of a password) is shown in one at least.
    let tables: [&Keys; 18] = [
        &keys::TOP,
        &keys::READINESS,
        &directory::DIRECTORY,
        &keys::HTTP,
        &keys::LIMITS,
        &keys::DEFAULTS,
        &section::IMAP,
        &section::SMTP,
        &section::POP3,
        &section::GRAPH,
        &section::ROUND_TRIP,
        &keys::CLIENT_SECRET,
        &keys::PASSWORD,
        &keys::SECRET,
        &keys::PROVIDER,
        &server::ENDPOINT,
        &server::GRAPH_SERVER,
        &keys::MAILBOX,
    ];
    for table in tables {
        let places: Vec<&str> = SHAPE
            .iter()
            .filter(|(_, keys)| keys.of.starts_with(table.of) || table.of.starts_with(keys.of))
            .map(|(path, _)| *path)
            .collect();
        assert!(!places.is_empty(), "the table of {} has no place", table.of);
        for key in table.working() {
            // Settings are shown under defaults; a mailbox shows what only a mailbox has.
            let inherited = table.of == keys::MAILBOX.of && keys::DEFAULTS.find(key).is_some();
            // A file that it names would have to be there, and an external URL is each site's own.
            if ["web_config", "external_url"].contains(&key) {
                assert!(EXAMPLE.contains(&format!("\n  # {key}: ")), "{key} works and is not shown");
                continue;
            }
            let is_shown = shown.iter().any(|(at, shown)| places.contains(&at.as_str()) && shown == key);
            assert!(is_shown || inherited, "{}: {key} works and is not shown", table.of);
        }
    }
    for protocol in Protocol::ALL {
        assert!(
            keys::CHECKS.working().any(|check| check == protocol.label()),
            "{protocol} cannot be asked for"
        );
    }
}

#[test]
fn what_stands_in_a_credential_is_never_repeated() {
    let start = EXAMPLE.find("\ncredentials:").unwrap();
    let end = EXAMPLE.find("\nproviders:").unwrap();
    let mut tried = 0;
    for (offset, _) in EXAMPLE.match_indices(": ").filter(|(offset, _)| (start..end).contains(offset)) {
        let rest = &EXAMPLE[offset..];
        let line = rest.lines().next().unwrap();
        if EXAMPLE[..offset].rsplit('\n').next().unwrap().trim_start().starts_with('#') {
            continue;
        }
        for wrong in [
            CANARY.to_owned(),
            format!("[{CANARY}]"),
            format!("{{{CANARY}: {CANARY}}}"),
            format!("{{{CANARY}}}"),
            format!("\"{CANARY}\\n\""),
        ] {
            let text = format!("{}: {wrong}{}", &EXAMPLE[..offset], &rest[line.len()..]);
            tried += 1;
            if let Err(errors) = load_text(&text) {
                assert!(!errors.to_string().contains(CANARY), "{errors}");
            }
        }
    }
    assert!(tried > 40, "only {tried} places tried");
}

#[test]
fn a_fleet_that_merges_one_base_loads() {
    const FLEET: usize = 20_000;
    let mut text = "credentials:\n  c: {type: password, password: {env: P}}\nmailboxes:\n".to_owned();
    text += "  - &base {address: first@contoso.example, credential: c, interval: 1h}\n";
    for number in 1..FLEET {
        text += &format!("  - {{<<: *base, address: m{number}@contoso.example}}\n");
    }
    let loaded = load_text(&text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.plan.mailboxes.len(), FLEET);
    assert_eq!(loaded.plan.checks.len(), 2 * FLEET);
}

#[test]
fn a_fleet_of_distinct_mistakes_is_reported_within_bounds() {
    const FLEET: usize = 12_000;
    let mut text = "credentials:\n".to_owned();
    for number in 0..FLEET {
        text += &format!("  c{number}: {{type: password, password: {{env: P}}}}\n");
    }
    text += "mailboxes:\n";
    for number in 0..FLEET {
        text += &format!("  - {{address: m{number}@contoso.example, credential: d{number}}}\n");
    }
    let errors = load_text(&text).unwrap_err();
    let last = errors.iter().last().unwrap();
    assert_eq!(errors.len(), 10_001);
    assert_eq!(last.message, "and 2000 more faults");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in r##"\PC{0,80}|[ -~\n]{0,200}|[\[\]{}:,&*!|>'"#?\n\t -]{0,60}"##) {
        complaints_lie_inside(&text)?;
    }

    #[test]
    fn a_damaged_example_never_panics(
        at in 0..EXAMPLE.len(), cut in 0..40_usize, put in r##"[\[\]{}:,&*'"#\n\t a0-]{0,4}"##
    ) {
        let from = EXAMPLE.floor_char_boundary(at);
        let to = EXAMPLE.floor_char_boundary((at + cut).min(EXAMPLE.len()));
        complaints_lie_inside(&format!("{}{put}{}", &EXAMPLE[..from], &EXAMPLE[to..]))?;
    }
}

fn complaints_lie_inside(text: &str) -> Result<(), TestCaseError> {
    let complaints = match load_text(text) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => {
            prop_assert!(errors.len() > 0);
            errors.iter().cloned().collect()
        }
    };
    let lines: Vec<&str> = text.split('\n').collect();
    for complaint in complaints {
        if complaint.line == 0 {
            continue;
        }
        let line = lines.get(complaint.line as usize - 1);
        prop_assert!(line.is_some(), "{complaint} lies below {text:?}");
        let width = line.unwrap().chars().count();
        prop_assert!(
            (1..=width + 1).contains(&(complaint.column as usize)),
            "{complaint} lies beside {text:?}"
        );
    }
    Ok(())
}
