//! The C library, whose functions have names but no lines in a report that a process makes of
//! itself. The commands read its debug information as any other.
//!
//! Distributions compress its debug information: to unpack it takes longer than all else that a
//! report of a small program needs. Its lines say nothing about a program, and most frames of it
//! are the start of the process, which is trimmed. The symbol table beside the debug information
//! has all its functions, internal ones included.

use std::path::Path;

/// Beginnings of the names of the C library's files.
const FILES: [&str; 7] =
    ["libc.so.", "libc-2.", "libpthread.so.", "libpthread-2.", "ld-linux", "ld-2.", "ld-musl-"];

/// True if the module at `path` is the C library or its loader.
pub(super) fn is_c_library(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    FILES.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_c_library_are_known_by_their_names() {
        let files = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert!(files.iter().all(|file| is_c_library(Path::new(file))));
        let others = ["/usr/lib/libcap.so.2", "/home/user/libc/app", "libc", ""];
        assert!(!others.iter().any(|file| is_c_library(Path::new(file))));
    }
}
