//! The library that records, and its fronts, unpacked to where loaders find them.
//!
//! The program carries them in itself, so that there is one thing to install. Their folder is named
//! by their content: versions live side by side, and one that is there is used again.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::base::cache_folder::{self, candidates};
use crate::base::system::{Users, file_system, user};

use super::fronts::Front;

/// A library to unpack.
struct Packed {
    name: &'static str,
    content: &'static [u8],
}

/// The library that records, then its fronts.
static LIBRARIES: [Packed; 6] = [
    Packed {
        name: "libmod_alloc_preload.so",
        content: include_bytes!(env!("MOD_ALLOC_PRELOAD_LIBRARY")),
    },
    Packed {
        name: Front::Operators.file_name(),
        content: include_bytes!(env!("MOD_ALLOC_OPERATORS_LIBRARY")),
    },
    Packed {
        name: Front::Jemalloc.file_name(),
        content: include_bytes!(env!("MOD_ALLOC_JEMALLOC_LIBRARY")),
    },
    Packed {
        name: Front::Tcmalloc.file_name(),
        content: include_bytes!(env!("MOD_ALLOC_TCMALLOC_LIBRARY")),
    },
    Packed {
        name: Front::Mimalloc.file_name(),
        content: include_bytes!(env!("MOD_ALLOC_MIMALLOC_LIBRARY")),
    },
    Packed {
        name: Front::Mappings.file_name(),
        content: include_bytes!(env!("MOD_ALLOC_MAPPINGS_LIBRARY")),
    },
];

/// Unpacks the library and its fronts if they are not there yet, and gives the library's path; the
/// fronts are beside it. The error tells of every place that was tried.
pub(crate) fn library(users: Users) -> Result<PathBuf, String> {
    let for_all = || candidates().into_iter().find_map(|folder| unpack_for_all(&folder).ok());
    if users == Users::Any
        && let Some(path) = for_all()
    {
        return Ok(path);
    }
    let mut failures = Vec::new();
    for folder in candidates() {
        match unpack(&folder) {
            Ok(path) => return Ok(path),
            Err(error) => failures.push(format!("{}: {error}", folder.display())),
        }
    }
    Err(format!(
        "the library that records cannot be unpacked ({}); set XDG_CACHE_HOME or TMPDIR to a \
         folder that can be written to and executed from",
        failures.join("; ")
    ))
}

/// Unpacks it to where every user can read it. Nobody else can write to it there.
fn unpack_for_all(folder: &Path) -> io::Result<PathBuf> {
    let may_all_search = |folder: &Path| fs::metadata(folder).is_ok_and(|f| f.mode() & 0o001 != 0);
    if !folder.ancestors().skip(1).filter(|above| above.exists()).all(may_all_search) {
        return Err(io::Error::other("other users cannot reach it"));
    }
    let path = unpack(folder)?;
    for folder in path.ancestors().skip(1).take_while(|above| above.starts_with(folder)) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    Ok(path)
}

fn unpack(folder: &Path) -> io::Result<PathBuf> {
    check_name(folder.as_os_str())?;
    cache_folder::make(folder)?;
    check_executable(folder)?;
    let folder = folder.join(format!("{:016x}", hash()));
    cache_folder::make_inner(&folder)?;
    check_executable(&folder)?;
    for packed in &LIBRARIES {
        if !is_whole(&folder, packed) {
            write(&folder, packed)?;
        }
    }
    Ok(folder.join(LIBRARIES[0].name))
}

/// Refuses characters that end a path for the loader, or begin a variable.
fn check_name(folder: &OsStr) -> io::Result<()> {
    if folder.as_bytes().iter().any(|byte| b" :$\t\n".contains(byte)) {
        return Err(io::Error::other("the loader cannot be given a path with blanks, `:` or `$`"));
    }
    Ok(())
}

fn check_executable(folder: &Path) -> io::Result<()> {
    if file_system(folder)?.f_flag & libc::ST_NOEXEC != 0 {
        return Err(io::Error::other("nothing can be executed from that file system"));
    }
    Ok(())
}

/// The file is there as it should be: the whole content, this user's, and readable by all. One
/// descriptor serves all looks at it.
fn is_whole(folder: &Path, packed: &Packed) -> bool {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let opened = File::options().read(true).custom_flags(flags).open(folder.join(packed.name));
    let Ok(mut file) = opened else { return false };
    let is_ours = file.metadata().is_ok_and(|found| {
        found.is_file() && found.uid() == user() && found.mode() & 0o777 == 0o755
    });
    let mut content = Vec::new();
    is_ours && file.read_to_end(&mut content).is_ok() && content == packed.content
}

/// Writes it under another name first: another process may be about to load it.
fn write(folder: &Path, packed: &Packed) -> io::Result<()> {
    let unfinished = folder.join(format!("{}.unfinished", std::process::id()));
    // One that is there is of a process of that number which was killed. A link is removed, too.
    let _ = fs::remove_file(&unfinished);
    let written = File::create_new(&unfinished).and_then(|mut file| {
        file.write_all(packed.content)?;
        file.set_permissions(fs::Permissions::from_mode(0o755))?;
        fs::rename(&unfinished, folder.join(packed.name))
    });
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// FNV-1a: tells versions apart; the content is compared anyway.
fn hash() -> u64 {
    let bytes = LIBRARIES.iter().flat_map(|packed| packed.content);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("mod-alloc-{name}-{}", std::process::id()));
        // A leftover of a process of the same number.
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_damaged_file_is_written_anew() {
        let folder = folder("unpack");
        let path = unpack(&folder).unwrap();
        let unpacked = path.parent().unwrap();
        let are_whole = || LIBRARIES.iter().all(|packed| is_whole(unpacked, packed));
        assert!(are_whole());
        let first = fs::metadata(&path).unwrap().ino();
        assert_eq!(unpack(&folder).unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().ino(), first, "it is used again");
        let mut same_length = LIBRARIES[0].content.to_vec();
        same_length[100] ^= 1;
        for content in [same_length.as_slice(), b"short"] {
            fs::write(&path, content).unwrap();
            unpack(&folder).unwrap();
            assert!(fs::read(&path).unwrap() == LIBRARIES[0].content);
        }
        for packed in &LIBRARIES {
            let path = unpacked.join(packed.name);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(!are_whole());
            unpack(&folder).unwrap();
            assert!(are_whole());
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn folders_that_others_write_to_are_refused() {
        let folder = folder("shared");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(unpack(&folder).is_err());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(unpack(&folder).is_ok());
        assert!(unpack(&folder.join("a b")).is_err());
        assert!(unpack(Path::new("/proc/nothing-can-be-made-here")).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
