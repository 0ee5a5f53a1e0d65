//! The build of a module's file: its compiler, and whether it is still the file that ran.

use std::fs::File;
use std::io;
use std::path::Path;

use object::{Object, ObjectSection};

use crate::base::os::mapped_file::MappedFile;
use crate::recording::model::Module;

use super::object_file::{Facts, with_elf};

/// The build of a module's file, as far as the file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// Code of `rustc` is in it.
    Rust,
    /// Other compilers made it.
    Other,
    /// There is no such file, or another build of the program is in its place.
    Gone,
    /// The file is there, and this user may not read it.
    Forbidden,
    /// The file is there, and there is no address space to map it.
    TooLarge,
}

/// The build of `module`'s file.
pub(crate) fn build_of(module: &Module) -> Build {
    let is_the_one = Facts::read(&module.path).is_some_and(|facts| facts.may_be(&module.build_id));
    if !is_the_one {
        return hindrance(&module.path);
    }
    // Compilers leave their names there. To strip a program leaves the section as it is.
    let by_rustc = with_elf(&module.path, |elf| {
        let comment = elf.section_by_name(".comment")?;
        let rustc = b"rustc";
        Some(comment.data().ok()?.windows(rustc.len()).any(|name| name == rustc))
    });
    if by_rustc.flatten() == Some(true) { Build::Rust } else { Build::Other }
}

/// The cause why the file at `path` could not be taken for a module's.
fn hindrance(path: &Path) -> Build {
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Build::Gone;
    }
    match File::open(path) {
        Ok(file) if MappedFile::new(&file).is_none() => Build::TooLarge,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Build::Forbidden,
        _ => Build::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "there are no files")]
    fn this_test_is_rusts_and_no_other_file_is_it() {
        let path = std::env::current_exe().unwrap();
        let mut module = Module { path, ..Module::default() };
        assert_eq!(build_of(&module), Build::Rust);
        module.build_id = std::vec![1; 20];
        let has_id = !Facts::read(&module.path).unwrap().build_id.is_empty();
        assert_eq!(build_of(&module) == Build::Gone, has_id);
        module.path = "/nowhere/app".into();
        assert_eq!(build_of(&module), Build::Gone);
    }
}
