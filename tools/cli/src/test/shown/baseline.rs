//! Baselines: the spread of each test's numbers over several runs, in files that are made to be
//! committed: a line per test, sorted, so that version control can merge them.
//!
//! A file is of one target and one profile, which its name has: numbers of different builds differ.

use std::fs;
use std::path::{Path, PathBuf};

use super::spread::Baseline;
use crate::base::output;
use crate::test::shared::refused::Refused;

const EXTENSION: &str = ".jsonl";

/// A baseline's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    folder: PathBuf,
    /// The file's name without what it is of.
    name: String,
    /// Target and profile: `x86_64-unknown-linux-gnu.dev`.
    build: String,
}

impl Place {
    /// The baseline that the user calls `name`: a name, for the target folder, or a path.
    pub(crate) fn of(name: &str, target: &Path, build: String) -> Result<Self, Refused> {
        let (folder, file) = match name.rsplit_once('/') {
            Some(("", file)) => (PathBuf::from("/"), file),
            Some((folder, file)) => (PathBuf::from(folder), file),
            None => (target.join("mod-alloc/baselines"), name),
        };
        if file.is_empty() || file.starts_with('.') || file.contains('\0') {
            return Err(Refused::usage(format!(
                "a baseline cannot be called '{name}': its name is a file's, not beginning with `.`, or \
                 a path that ends in one"
            )));
        }
        Ok(Self { folder, name: file.to_owned(), build })
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.{}{EXTENSION}", self.name, self.build))
    }

    /// The names of all baselines beside it, with their targets and profiles.
    fn others(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let name = |path: PathBuf| {
            Some(path.file_name()?.to_str()?.strip_suffix(EXTENSION)?.to_owned())
                .filter(|name| !name.starts_with('.'))
        };
        let mut names: Vec<_> = entries.filter_map(|entry| name(entry.path())).collect();
        names.sort();
        names
    }

    pub(crate) fn read(&self) -> Result<Baseline, Refused> {
        let (path, name) = (self.path(), &self.name);
        let shown = path.display();
        let bytes = fs::read(&path).map_err(|error| {
            let others = self.others();
            let of_name = format!("{name}.");
            let (same, _): (Vec<_>, Vec<_>) =
                others.iter().partition(|other| other.starts_with(&of_name));
            let way_out = if !same.is_empty() {
                let same: Vec<_> = same.into_iter().map(String::as_str).collect();
                format!("it was saved of other targets or profiles: {}", same.join(", "))
            } else if others.is_empty() {
                "there are none yet; --save-baseline NAME makes one".to_owned()
            } else {
                format!("there are: {}", others.join(", "))
            };
            Refused::usage(format!(
                "the baseline '{name}' cannot be read: {shown}: {error}; {way_out}"
            ))
        })?;
        Baseline::read(&bytes).map_err(|error| {
            Refused::usage(format!(
                "the baseline '{name}' is damaged: {shown}: {error}; save it again"
            ))
        })
    }

    /// Saves the baseline there, and gives the file's path.
    pub(crate) fn save(&self, baseline: &Baseline) -> Result<PathBuf, Refused> {
        let path = self.path();
        let written = fs::create_dir_all(&self.folder)
            .and_then(|()| output::to_path(&path, &mut |out| baseline.write(out)));
        written.map_err(|error| {
            let (name, path) = (&self.name, path.display());
            Refused::from(format!("the baseline '{name}' cannot be saved: {path}: {error}"))
        })?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::measured::rows::Rows;
    use crate::test::measured::rows::tests::row;
    use crate::test::shared::state::unique;

    fn place(name: &str, target: &Path, build: &str) -> Place {
        Place::of(name, target, build.to_owned()).unwrap()
    }

    #[test]
    fn what_is_saved_can_be_read_and_what_is_missing_names_the_others() {
        let target = std::env::temp_dir().join(format!("mod-alloc-{}", unique()));
        let main = place("main", &target, "linux.dev");
        let missing = main.read().unwrap_err();
        assert!(missing.text.contains("there are none yet"), "{}", missing.text);
        assert_eq!(missing.status, 2);
        let of = Rows { rows: vec![row("a", 3)], ..Rows::default() };
        let rows = Baseline::of(&[of]);
        let path = main.save(&rows).unwrap();
        place("old one", &target, "linux.dev").save(&rows).unwrap();
        assert_eq!(path, target.join("mod-alloc/baselines/main.linux.dev.jsonl"));
        assert_eq!(main.read().unwrap(), rows);
        let missing = place("mian", &target, "linux.dev").read().unwrap_err().text;
        assert!(missing.ends_with("there are: main.linux.dev, old one.linux.dev"), "{missing}");
        let missing = place("main", &target, "linux.release").read().unwrap_err().text;
        assert!(missing.ends_with("of other targets or profiles: main.linux.dev"), "{missing}");
        fs::write(&path, "{").unwrap();
        assert!(main.read().unwrap_err().text.contains("damaged"));
        fs::remove_dir_all(target).unwrap();
    }

    #[test]
    fn a_path_is_a_place_of_the_users_own() {
        let path = |name| place(name, Path::new("/t"), "b").path();
        assert_eq!(path("budgets/main"), Path::new("budgets/main.b.jsonl"));
        assert_eq!(path("./main"), Path::new("./main.b.jsonl"));
        assert_eq!(path("/main"), Path::new("/main.b.jsonl"));
        for name in ["", ".hidden", "a/", "a/.b"] {
            assert!(Place::of(name, Path::new("/t"), "b".into()).is_err(), "{name}");
        }
    }
}
