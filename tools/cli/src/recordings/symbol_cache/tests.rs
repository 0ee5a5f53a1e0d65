use super::*;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

/// A cache in a folder that is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("mod-alloc-symbols-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // A leftover of a process of the same number.
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn folder(&self) -> Folder {
        Folder::inside(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn names(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(&folder.0).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn content_is_read_as_it_was_stored() {
    let scratch = Scratch::new("stored");
    let folder = scratch.folder();
    assert_eq!(folder.load("a"), None);
    for content in [b"first".as_slice(), b"", b"third"] {
        folder.store("a", content);
        assert_eq!(scratch.folder().load("a").as_deref(), Some(content));
    }
    assert_eq!(names(&folder), ["a"]);
    assert_eq!(fs::metadata(folder.0.join("a")).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn files_that_others_may_have_written_are_not_read() {
    let scratch = Scratch::new("others");
    let folder = scratch.folder();
    let path = folder.0.join("a");
    folder.store("a", b"content");
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(folder.load("a"), None, "{mode:o}");
    }
    folder.store("a", b"anew");
    assert_eq!(folder.load("a").as_deref(), Some(b"anew".as_slice()));
    symlink(&path, folder.0.join("link")).unwrap();
    assert_eq!(folder.load("link"), None);
    fs::create_dir(folder.0.join("folder")).unwrap();
    assert_eq!(folder.load("folder"), None);
    if user() == 0 {
        chown(&path, Some(1), None).unwrap();
        assert_eq!(folder.load("a"), None);
    }
}

#[test]
fn a_link_is_replaced_and_not_written_through() {
    let scratch = Scratch::new("links");
    let folder = scratch.folder();
    let other = scratch.0.join("other");
    fs::write(&other, "other").unwrap();
    symlink(&other, folder.0.join("a")).unwrap();
    folder.store("a", b"content");
    assert_eq!(fs::read(&other).unwrap(), b"other");
    assert_eq!(folder.load("a").as_deref(), Some(b"content".as_slice()));
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let scratch = Scratch::new("large");
    let folder = scratch.folder();
    folder.store("a", b"content");
    let file = File::options().write(true).open(folder.0.join("a")).unwrap();
    file.set_len(SymbolCache::LARGEST as u64).unwrap();
    assert!(folder.load("a").is_some());
    file.set_len(SymbolCache::LARGEST as u64 + 1).unwrap();
    assert_eq!(folder.load("a"), None);
}

#[test]
fn the_files_that_were_read_last_stay() {
    let scratch = Scratch::new("bound");
    let folder = scratch.folder();
    let age = |name: &str, hours: u64| {
        let file = File::options().write(true).open(folder.0.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600 + 60)).unwrap();
    };
    for (name, hours) in [("old", 9), ("read", 10), ("older", 11), ("young", 1)] {
        folder.store(name, &[0; 100]);
        age(name, hours);
    }
    folder.load("read").unwrap();
    folder.keep_within(400).unwrap();
    assert_eq!(names(&folder).len(), 4);
    folder.keep_within(399).unwrap();
    assert_eq!(names(&folder), ["old", "read", "young"]);
    folder.keep_within(200).unwrap();
    assert_eq!(names(&folder), ["read", "young"]);
}

#[test]
fn a_folder_that_others_may_write_to_is_not_used() {
    let scratch = Scratch::new("folder");
    let folder = scratch.folder();
    for mode in [0o770, 0o707] {
        fs::set_permissions(&folder.0, Permissions::from_mode(mode)).unwrap();
        assert!(Folder::inside(&scratch.0).is_err(), "{mode:o}");
    }
    fs::set_permissions(&folder.0, Permissions::from_mode(0o700)).unwrap();
    assert!(Folder::inside(&scratch.0).is_ok());
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o777)).unwrap();
    assert!(Folder::inside(&scratch.0).is_err());
}
