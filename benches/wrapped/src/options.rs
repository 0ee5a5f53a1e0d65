//! The command line of the driver.

use std::path::PathBuf;

use crate::choices::{beside_the_first, by_name_or_family, number};
use crate::profilers::{PROFILERS, Profiler};
use crate::settings::Settings;
use crate::workloads::{WORKLOADS, Workload};

const USAGE: &str = "usage: bench-wrapped --mod-alloc PROGRAM --programs DIRECTORY \
     --repository DIRECTORY --scratch DIRECTORY [--quick] [--only WORKLOAD,…] \
     [--profilers NAME,…] [--rounds N] [--json FILE]";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) settings: Settings,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) profilers: Vec<&'static Profiler>,
    /// Runs per workload and profiler.
    pub(crate) rounds: u32,
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::everything();
        let mut rounds = None;
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{option} needs a value; {USAGE}"));
            match option.as_str() {
                "--quick" => options.settings.quick = true,
                "--mod-alloc" => options.settings.mod_alloc = value()?.into(),
                "--programs" => options.settings.programs = value()?.into(),
                "--repository" => options.settings.repository = value()?.into(),
                "--scratch" => options.settings.scratch = value()?.into(),
                "--only" => options.workloads = by_name_or_family(&WORKLOADS, &value()?)?,
                "--profilers" => options.profilers = beside_the_first(&PROFILERS, &value()?)?,
                "--json" => options.json = Some(value()?.into()),
                "--rounds" => rounds = Some(number(&value()?)?),
                _ => return Err(format!("no option {option}; {USAGE}")),
            }
        }
        options.rounds = rounds.unwrap_or(if options.settings.quick { 1 } else { 5 });
        let Settings { mod_alloc, programs, repository, scratch, .. } = &options.settings;
        let needed = [mod_alloc, programs, repository, scratch];
        if needed.iter().any(|path| path.as_os_str().is_empty()) {
            return Err(USAGE.to_owned());
        }
        Ok(options)
    }

    /// All workloads and profilers.
    pub(crate) fn everything() -> Self {
        Self {
            settings: Settings::default(),
            workloads: WORKLOADS.to_vec(),
            profilers: PROFILERS.iter().collect(),
            rounds: 0,
            json: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, String> {
        let line = format!("--mod-alloc m --programs p --repository r --scratch s {line}");
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn workloads_are_chosen_by_name_or_kind() {
        let names = |list: &str| -> Vec<&str> {
            let options = parsed(&format!("--only {list}")).unwrap();
            options.workloads.iter().map(|workload| workload.name).collect()
        };
        assert_eq!(names("rg,python3"), ["rg", "python3"]);
        assert_eq!(names("git"), ["git-gc", "git-gc-children", "git-pack-objects"]);
        assert_eq!(names("loop").len(), 6);
        assert!(parsed("--only gi").is_err());
    }

    #[test]
    fn plain_comes_first_whoever_is_asked_for() {
        let options = parsed("--profilers dhat,plain").unwrap();
        let names: Vec<&str> = options.profilers.iter().map(|profiler| profiler.name).collect();
        assert_eq!(names, ["plain", "dhat"]);
    }

    #[test]
    fn a_look_is_one_round_and_paths_are_needed() {
        assert_eq!(parsed("").unwrap().rounds, 5);
        assert_eq!(parsed("--quick").unwrap().rounds, 1);
        assert_eq!(parsed("--quick --rounds 3").unwrap().rounds, 3);
        assert!(parsed("--rounds 0").is_err() && parsed("--nonsense").is_err());
        assert!(Options::parse(["--quick".to_owned()].into_iter()).is_err());
    }
}
