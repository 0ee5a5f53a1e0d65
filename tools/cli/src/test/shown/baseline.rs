//! Baselines: the spread of each test's numbers over several runs, by name, in the target folder.
//!
//! A file has a line per test, sorted, so version control can merge it.

use std::fs;
use std::path::{Path, PathBuf};

use super::spread::Baseline;
use crate::base::output;
use crate::test::shared::refused::Refused;

const EXTENSION: &str = ".jsonl";

/// The folder of all baselines.
fn folder(target: &Path) -> PathBuf {
    target.join("mod-alloc/baselines")
}

/// The file of the baseline `name`.
pub(crate) fn path(target: &Path, name: &str) -> Result<PathBuf, Refused> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
        return Err(Refused::usage(format!(
            "a baseline cannot be called '{name}': its name is a file's, without `/` and not \
             beginning with `.`"
        )));
    }
    Ok(folder(target).join(format!("{name}{EXTENSION}")))
}

/// The names of all baselines.
fn names(target: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder(target)).into_iter().flatten().flatten();
    let name = |path: PathBuf| {
        Some(path.file_name()?.to_str()?.strip_suffix(EXTENSION)?.to_owned())
            .filter(|name| !name.starts_with('.'))
    };
    let mut names: Vec<_> = entries.filter_map(|entry| name(entry.path())).collect();
    names.sort();
    names
}

/// The baseline `name`.
pub(crate) fn read(target: &Path, name: &str) -> Result<Baseline, Refused> {
    let path = path(target, name)?;
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let names = names(target);
            let others = if names.is_empty() {
                "there are none yet; --save-baseline NAME makes one".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            let path = path.display();
            return Err(Refused::usage(format!(
                "the baseline '{name}' cannot be read: {path}: {error}; {others}"
            )));
        }
    };
    Baseline::read(&bytes).map_err(|error| {
        let path = path.display();
        Refused::usage(format!("the baseline '{name}' is damaged: {path}: {error}; save it again"))
    })
}

/// Saves the baseline as `name`.
pub(crate) fn save(baseline: &Baseline, target: &Path, name: &str) -> Result<PathBuf, Refused> {
    let path = path(target, name)?;
    let written = fs::create_dir_all(folder(target))
        .and_then(|()| output::to_path(&path, &mut |out| baseline.write(out)));
    match written {
        Ok(()) => Ok(path),
        Err(error) => {
            let path = path.display();
            Err(Refused::from(format!("the baseline '{name}' cannot be saved: {path}: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::measured::rows::Rows;
    use crate::test::measured::rows::tests::row;
    use crate::test::shared::state::unique;

    #[test]
    fn what_is_saved_can_be_read_and_what_is_missing_names_the_others() {
        let target = std::env::temp_dir().join(format!("mod-alloc-{}", unique()));
        let missing = read(&target, "main").unwrap_err();
        assert!(missing.text.contains("there are none yet"), "{}", missing.text);
        assert_eq!(missing.status, 2);
        let rows = Baseline::of(&[Rows { rows: vec![row("a", 3)], losses: vec![] }]);
        let path = save(&rows, &target, "main").unwrap();
        save(&rows, &target, "old one").unwrap();
        assert_eq!(path, target.join("mod-alloc/baselines/main.jsonl"));
        assert_eq!(read(&target, "main").unwrap(), rows);
        let missing = read(&target, "mian").unwrap_err().text;
        assert!(missing.ends_with("there are: main, old one"), "{missing}");
        fs::write(&path, "{").unwrap();
        assert!(read(&target, "main").unwrap_err().text.contains("damaged"));
        fs::remove_dir_all(target).unwrap();
    }

    #[test]
    fn a_name_stays_in_its_folder() {
        for name in ["", "../x", "a/b", ".hidden"] {
            assert!(path(Path::new("/t"), name).is_err(), "{name}");
        }
    }
}
