//! The path of this process's executable.

use core::ffi::{CStr, c_char};

use super::read_link;

/// Writes the path of the executable's file into `path` as far as it fits; its length, or 0 if it
/// is not known.
///
/// Without `/proc` (a sandbox, an early boot) it is the path that the program was executed by,
/// which is relative to the folder that it was started in. For a script it is the script's.
pub(crate) fn executable(path: &mut [u8]) -> usize {
    match read_link(c"/proc/self/exe", path) {
        0 => executed_as(path),
        len => len,
    }
}

fn executed_as(path: &mut [u8]) -> usize {
    // SAFETY: no preconditions.
    let name = unsafe { libc::getauxval(libc::AT_EXECFN) };
    if name == 0 {
        return 0;
    }
    // SAFETY: the kernel has put a C string there, for as long as the process runs.
    let name =
        unsafe { CStr::from_ptr(core::ptr::with_exposed_provenance::<c_char>(name as usize)) };
    let name = name.to_bytes();
    let folder = if name.starts_with(b"/") { 0 } else { current_folder(path) };
    let end = folder + name.len();
    match path.get_mut(folder..end) {
        Some(place) => place.copy_from_slice(name),
        None => return 0,
    }
    end
}

/// Writes the current folder and a slash; its length, or 0 if it is not known.
fn current_folder(path: &mut [u8]) -> usize {
    // SAFETY: the buffer is valid for writes of its length. With a buffer the call allocates
    // nothing.
    let found = unsafe { libc::getcwd(path.as_mut_ptr().cast(), path.len()) };
    let len = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
    match path.get_mut(len) {
        Some(slash) if !found.is_null() => {
            *slash = b'/';
            len + 1
        }
        _ => 0,
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn the_path_is_the_same_without_the_kernels_folder() {
        let (mut linked, mut executed) = ([0; 4096], [0; 4096]);
        let (by_link, by_name) = (executable(&mut linked), executed_as(&mut executed));
        let expected = std::env::current_exe().unwrap();
        assert_eq!(&linked[..by_link], expected.as_os_str().as_bytes());
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(&executed[..by_name]));
        assert!(path.is_absolute());
        assert_eq!(path.canonicalize().unwrap(), expected.canonicalize().unwrap());
        assert_eq!(executed_as(&mut [0; 3]), 0, "no room");
    }

    #[test]
    fn the_current_folder_ends_with_a_slash() {
        let mut path = [0; 4096];
        let len = current_folder(&mut path);
        let folder = std::env::current_dir().unwrap();
        assert_eq!(&path[..len - 1], folder.as_os_str().as_bytes());
        assert_eq!(path[len - 1], b'/');
    }
}
