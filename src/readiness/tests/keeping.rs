//! The state directory under a running agent: removed, replaced, in the way, filled by others.

use std::fs;
use std::io::{self, ErrorKind};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};

use super::super::store::{Opened, Store};
use super::super::{Readiness, StoreError};
use super::remembering::{Folder, plan, see};

fn writable(readiness: &Readiness) -> bool {
    readiness.board(Timestamp::now()).keeping.unwrap().writable
}

/// A line of the journal.
fn line(json: &str) -> String {
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
}

#[test]
fn a_removed_state_folder_is_noticed_and_made_anew() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::from_mins(1));
    readiness.flush();
    fs::remove_dir_all(folder.state()).unwrap();
    // Nothing new was seen: the look at the folder alone tells.
    readiness.flush();
    let keeping = readiness.board(Timestamp::now()).keeping.unwrap();
    assert_eq!((keeping.writable, keeping.failures), (true, 1));
    let journal = fs::read_to_string(folder.journal()).unwrap();
    assert_eq!(journal.matches("oauth_works").count(), 4, "all that is known is there again");
    assert!(matches!(Readiness::open(&plan), Err(StoreError::Busy(_))), "and it is locked again");
}

#[test]
fn a_journal_that_another_process_replaced_is_written_anew() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::from_mins(1));
    fs::write(folder.0.join("other"), "").unwrap();
    fs::rename(folder.0.join("other"), folder.journal()).unwrap();
    readiness.flush();
    assert!(fs::read_to_string(folder.journal()).unwrap().contains("oauth_works"));
}

#[test]
fn what_cannot_be_written_is_told_until_it_can() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    let readiness = Readiness::open(&plan).unwrap();
    assert!(writable(&readiness));
    fs::remove_dir_all(folder.state()).unwrap();
    fs::write(folder.state(), "in the way").unwrap();
    see(&readiness, &plan, SignedDuration::from_mins(1));
    readiness.flush();
    let board = readiness.board(Timestamp::now());
    assert!(board.memory.contains("which cannot be written now"), "{}", board.memory);
    assert!(!writable(&readiness));
    fs::remove_file(folder.state()).unwrap();
    readiness.flush();
    assert!(writable(&readiness));
    assert!(fs::read_to_string(folder.journal()).unwrap().contains("oauth_works"), "nothing was lost");
}

#[test]
fn a_full_disk_does_not_keep_the_agent_from_starting() {
    let folder = Folder::new();
    fs::create_dir(folder.state()).unwrap();
    let full = || StoreError::Io { path: folder.journal(), error: io::Error::from(ErrorKind::StorageFull) };
    let Opened { mut store, contents, full, .. } =
        Store::opened(folder.state(), Default::default(), Err(full())).unwrap();
    assert_eq!(full.unwrap().kind(), ErrorKind::StorageFull);
    assert!(store.is_due() && store.append(&contents.snapshot()).is_err());
    // Room again.
    store.rewrite(contents.snapshot()).unwrap();
    assert!(!store.is_due() && folder.journal().is_file());
    let denied =
        StoreError::Io { path: folder.journal(), error: io::Error::from(ErrorKind::PermissionDenied) };
    assert!(
        Store::opened(folder.state(), Default::default(), Err(denied)).is_err(),
        "that is a mistake to mend"
    );
}

#[test]
fn a_journal_that_is_no_regular_file_is_refused_at_once() {
    let folder = Folder::new();
    fs::create_dir(folder.state()).unwrap();
    assert!(Command::new("mkfifo").arg(folder.journal()).status().unwrap().success());
    let refused = Readiness::open(&plan(&folder.state())).err().unwrap().to_string();
    assert!(refused.contains("this is a FIFO"), "{refused}");
}

#[test]
fn a_journal_full_of_unplanned_checks_is_bounded_in_memory() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    drop(Readiness::open(&plan).unwrap());
    let now = Timestamp::now().as_microsecond();
    let mut journal = fs::read_to_string(folder.journal()).unwrap();
    for number in 0..25_000 {
        let at = now - number;
        journal += &line(&format!(
            r#"{{"entry":"check","mailbox":"stranger-{number}","protocol":"imap","identity":"x","evidence":[{{"signal":"oauth_login","finding":"oauth_works","at":{at}}}]}}"#
        ));
    }
    fs::write(folder.journal(), journal).unwrap();
    let readiness = Readiness::open(&plan).unwrap();
    let known = readiness.known();
    assert!(known.contents.checks.len() < 20_100, "{}", known.contents.checks.len());
    let has =
        |number: u32| known.contents.checks.keys().any(|name| *name.mailbox == *format!("stranger-{number}"));
    assert!(has(0) && !has(15_000), "the newest are kept");
}

#[test]
fn numbers_at_both_ends_of_their_range_do_no_harm() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::from_mins(1));
    readiness.flush();
    drop(readiness);
    let journal = fs::read_to_string(folder.journal()).unwrap();
    let identity = journal.split("\"identity\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (most, least, all) = (i64::MAX, i64::MIN, u64::MAX);
    let hour = Timestamp::now().as_second() / 3600;
    let extremes = format!(
        r#"{{"entry":"check","mailbox":"desk","protocol":"imap","identity":"{identity}","since":{least},"evidence":[{{"signal":"oauth_login","finding":"oauth_works","at":{most},"until":{least}}}],"hours":[[{most},{all},{all}],[{least},{all},{all}],[{hour},{all},{all}]],"days":[[{most},{all},{all}],[{least},1,1]]}}"#
    );
    let born = format!(r#"{{"entry":"born","at":{most}}}"#);
    fs::write(folder.journal(), journal + &line(&extremes) + &line(&born)).unwrap();
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::ZERO);
    readiness.flush();
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::now(), Timestamp::MAX] {
        assert_eq!(readiness.board(now).standings.len(), 4);
    }
}
