//! The files that a configuration was read from, with their content, and whether they have changed since.
//!
//! Not here: what the files mean, and how a change is noticed (`file_watch`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::fault::Faults;
use super::place::{At, Place};
use super::source;
use crate::file_watch::folders;
use crate::files;

/// By what name the search for folders waits for its turn; no file has it.
const FOLDERS: &str = "folders to watch";

/// The files of a configuration, by content.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    base: PathBuf,
    patterns: Vec<String>,
    /// The hash of what was read; `None` if the file could not be read.
    read: BTreeMap<PathBuf, Option<[u8; 32]>>,
}

impl Sources {
    pub(super) fn relative_to(base: &Path) -> Self {
        Self { base: base.to_path_buf(), ..Self::default() }
    }

    pub(super) fn note_patterns(&mut self, patterns: &[At<String>]) {
        self.patterns.extend(patterns.iter().map(|pattern| pattern.value.clone()));
    }

    pub(super) fn note(&mut self, file: &Path, content: Option<&[u8]>) {
        self.read.insert(file.to_path_buf(), content.map(|bytes| Sha256::digest(bytes).into()));
    }

    /// Whether a file was read.
    pub(super) fn holds(&self, file: &Path) -> bool {
        self.read.get(file).is_some_and(Option::is_some)
    }

    /// Whether reading now would find other content, other files or fewer. Blocks while it reads.
    pub fn have_changed(&self) -> bool {
        let differs = |(file, known): (&PathBuf, &Option<[u8; 32]>)| {
            source::bytes(file).ok().map(|bytes| <[u8; 32]>::from(Sha256::digest(bytes))) != *known
        };
        self.matched().iter().any(|file| !self.read.contains_key(&file.value))
            || self.read.iter().any(differs)
    }

    fn matched(&self) -> Vec<At<PathBuf>> {
        let place = Place::whole(&Rc::from(self.base.as_path()));
        let at = |pattern: &String| At { value: pattern.clone(), place: place.clone() };
        let patterns: Vec<_> = self.patterns.iter().map(at).collect();
        source::expand(&patterns, &self.base, &Faults::default())
    }

    /// The folders in which something happens when the configuration changes, those that patterns search included.
    ///
    /// Empty if a file system does not respond; the regular check then finds the changes. Blocks the thread.
    pub fn folders(&self) -> BTreeSet<PathBuf> {
        let files: Vec<PathBuf> = self.read.keys().cloned().collect();
        let searched = self.patterns.iter().map(|pattern| self.base.join(before_wildcards(pattern)));
        let searched: Vec<PathBuf> = searched.collect();
        let find = move || folders::of_files(files, searched);
        files::within(&self.base.join(FOLDERS), files::PATIENCE, find).unwrap_or_default()
    }
}

/// The part of a pattern that is a folder's name.
fn before_wildcards(pattern: &str) -> PathBuf {
    let folder = Path::new(pattern).parent().unwrap_or(Path::new(""));
    let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    folder.components().take_while(plain).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config;

    const MAIN: &str = "credentials: { a: { type: password, password: { env: A } } }\n\
                        defaults: { provider: gmail }\nmailbox_files: [ \"boxes.d/*.yaml\" ]\n";

    /// A folder of its own for a test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("sources-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir(&folder).unwrap();
            Self(folder.canonicalize().unwrap())
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let file = self.0.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            file
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mailbox(name: &str) -> String {
        format!("- {{ address: {name}@contoso.example, credential: a }}\n")
    }

    /// What happens, how, and whether it changes the configuration.
    type Step = (&'static str, fn(&Folder), bool);

    #[test]
    fn every_change_of_content_and_every_file_more_or_less_is_one() {
        let folder = Folder::new("changes");
        let main = folder.write("config.yaml", MAIN);
        folder.write("boxes.d/one.yaml", &mailbox("one"));
        folder.write("other.yaml", "nobody reads this");
        let steps: [Step; 7] = [
            ("nothing", |_| (), false),
            ("a file that is not ours", |folder| drop(folder.write("boxes.d/.two.yaml", "x")), false),
            (
                "the same written again",
                |folder| drop(folder.write("boxes.d/one.yaml", &mailbox("one"))),
                false,
            ),
            ("a mailbox file", |folder| drop(folder.write("boxes.d/one.yaml", &mailbox("uno"))), true),
            (
                "a further mailbox file",
                |folder| drop(folder.write("boxes.d/two.yaml", &mailbox("two"))),
                true,
            ),
            (
                "one mailbox file less",
                |folder| fs::remove_file(folder.0.join("boxes.d/one.yaml")).unwrap(),
                true,
            ),
            ("the main file", |folder| drop(folder.write("config.yaml", &format!("{MAIN}# more\n"))), true),
        ];
        for (what, change, seen) in steps {
            let reading = config::read(&main);
            assert!(reading.outcome.is_ok(), "{what}");
            change(&folder);
            assert_eq!(reading.sources.have_changed(), seen, "{what}");
            assert!(!config::read(&main).sources.have_changed(), "{what}, read again");
        }
    }

    #[test]
    fn links_back_to_their_own_folder_end() {
        let folder = Folder::new("circles");
        let main = folder.write("config.yaml", &MAIN.replace("/*.yaml", "/**/*.yaml"));
        folder.write("boxes.d/one.yaml", &mailbox("one"));
        symlink(".", folder.0.join("boxes.d/x")).unwrap();
        let loaded = config::load(&main).unwrap();
        assert_eq!(loaded.plan.mailboxes.len(), 1, "by forty links one file");
        symlink(".", folder.0.join("boxes.d/y")).unwrap();
        symlink(".", folder.0.join("boxes.d/z")).unwrap();
        let errors = config::load(&main).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors}");
        assert!(errors.to_string().contains("do links lead back"), "{errors}");
    }

    #[test]
    fn of_a_faulty_configuration_the_same_is_known() {
        let folder = Folder::new("faulty");
        let main = folder.write("config.yaml", MAIN);
        folder.write("boxes.d/one.yaml", "- nonsense");
        let reading = config::read(&main);
        assert!(reading.outcome.is_err() && !reading.sources.have_changed());
        folder.write("boxes.d/one.yaml", &mailbox("one"));
        assert!(reading.sources.have_changed());
        fs::remove_file(&main).unwrap();
        let reading = config::read(&main);
        assert!(reading.outcome.is_err() && !reading.sources.have_changed());
        folder.write("config.yaml", MAIN);
        assert!(reading.sources.have_changed());
    }

    #[test]
    fn the_folders_are_those_of_files_of_links_and_of_patterns() {
        let folder = Folder::new("folders");
        folder.write("volume/..first/config.yaml", MAIN);
        symlink("..first", folder.0.join("volume/..data")).unwrap();
        symlink("..data/config.yaml", folder.0.join("volume/config.yaml")).unwrap();
        fs::create_dir(folder.0.join("etc")).unwrap();
        let main = folder.0.join("etc/config.yaml");
        symlink("../volume/config.yaml", &main).unwrap();
        let folders = config::read(&main).sources.folders();
        let expected = ["etc", "volume", "volume/..first"].map(|name| folder.0.join(name));
        assert_eq!(folders, BTreeSet::from(expected), "boxes.d is not there yet: it will appear in etc");
        fs::create_dir(folder.0.join("etc/boxes.d")).unwrap();
        assert!(config::read(&main).sources.folders().contains(&folder.0.join("etc/boxes.d")));
    }
}
