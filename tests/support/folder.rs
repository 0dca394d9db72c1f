//! A folder of one test's own, gone with the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that stays behind lies among the compiler's own files.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("test-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Where the configuration lies.
    pub(crate) fn config(&self) -> PathBuf {
        self.join("config.yaml")
    }

    /// Writes a file in one step, as careful editors do; its place.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        write(&self.0, name, content)
    }

    /// A pipe that no process writes into, in the place of a file.
    pub(crate) fn fifo(&self, name: &str) {
        let _ = fs::remove_file(self.join(name));
        assert!(Command::new("mkfifo").arg(self.join(name)).status().unwrap().success());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes a file of a folder in one step; its place.
pub(crate) fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let (file, draft) = (folder.join(name), folder.join(".draft"));
    fs::write(&draft, content).unwrap();
    fs::rename(draft, &file).unwrap();
    file
}
