//! The folders to watch for changes of a set of files.
//!
//! Folders are watched instead of files, because a watch ends when its file is replaced. Kubernetes replaces a link
//! beside the file (`..data`), so the folders that links lead to belong to the set.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Maximum number of links from a name to its file; Linux follows as many.
const MAX_LINKS: usize = 40;

/// Maximum number of watched folders. The regular check notices changes in the others.
const MAX_FOLDERS: usize = 1000;

/// The folders in which something changes when one of these files changes, or when a file appears in one of the
/// `searched` folders. Blocks the thread.
pub fn of_files(
    files: impl IntoIterator<Item = PathBuf>,
    searched: impl IntoIterator<Item = PathBuf>,
) -> BTreeSet<PathBuf> {
    let mut folders: BTreeSet<PathBuf> = files.into_iter().flat_map(|file| folders_towards(&file)).collect();
    folders.extend(searched.into_iter().filter_map(|folder| nearest_existing(&folder)));
    folders.into_iter().take(MAX_FOLDERS).collect()
}

/// The folder of a file, of the file's link target, and so on.
fn folders_towards(file: &Path) -> Vec<PathBuf> {
    let (mut folders, mut file) = (Vec::new(), file.to_path_buf());
    for _ in 0..MAX_LINKS {
        let folder = file.parent().unwrap_or(Path::new(""));
        folders.extend(nearest_existing(folder));
        match fs::read_link(&file) {
            Ok(target) => file = folder.join(target),
            Err(_) => break,
        }
    }
    folders
}

/// The path of a folder without links. If the folder does not exist, that of the nearest one above it, in which it
/// will appear.
fn nearest_existing(folder: &Path) -> Option<PathBuf> {
    let above =
        folder.ancestors().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    above.filter_map(|folder| folder.canonicalize().ok()).find(|folder| folder.is_dir())
}
