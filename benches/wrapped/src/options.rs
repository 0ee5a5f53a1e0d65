//! The command line of the driver.

use std::path::PathBuf;

use crate::profilers::{PROFILERS, Profiler};
use crate::workloads::{WORKLOADS, Workload};

const USAGE: &str = "usage: bench-wrapped --mod-alloc PROGRAM --programs DIRECTORY \
     --repository DIRECTORY --scratch DIRECTORY [--quick] [--only WORKLOAD,…] \
     [--profilers NAME,…] [--rounds N] [--json FILE]";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    /// Our command line program.
    pub(crate) mod_alloc: PathBuf,
    /// Where the sources of the programs are.
    pub(crate) programs: PathBuf,
    /// The repository whose history git works on.
    pub(crate) repository: PathBuf,
    /// Where files may be written.
    pub(crate) scratch: PathBuf,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) profilers: Vec<&'static Profiler>,
    /// Runs per workload and profiler.
    pub(crate) rounds: u32,
    /// Less of everything, for a look; not for numbers to publish.
    pub(crate) quick: bool,
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::with_mod_alloc("");
        let mut rounds = None;
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{option} needs a value; {USAGE}"));
            match option.as_str() {
                "--quick" => options.quick = true,
                "--mod-alloc" => options.mod_alloc = value()?.into(),
                "--programs" => options.programs = value()?.into(),
                "--repository" => options.repository = value()?.into(),
                "--scratch" => options.scratch = value()?.into(),
                "--only" => options.workloads = workloads(&value()?)?,
                "--profilers" => options.profilers = profilers(&value()?)?,
                "--json" => options.json = Some(value()?.into()),
                "--rounds" => rounds = Some(number(&value()?)?),
                _ => return Err(format!("no option {option}; {USAGE}")),
            }
        }
        options.rounds = rounds.unwrap_or(if options.quick { 1 } else { 5 });
        let needed = [&options.mod_alloc, &options.programs, &options.repository, &options.scratch];
        if needed.iter().any(|path| path.as_os_str().is_empty()) {
            return Err(USAGE.to_owned());
        }
        Ok(options)
    }

    /// Everything by default.
    pub(crate) fn with_mod_alloc(mod_alloc: &str) -> Self {
        Self {
            mod_alloc: mod_alloc.into(),
            programs: PathBuf::new(),
            repository: PathBuf::new(),
            scratch: PathBuf::new(),
            workloads: WORKLOADS.to_vec(),
            profilers: PROFILERS.iter().collect(),
            rounds: 0,
            quick: false,
            json: None,
        }
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or(format!("{text}: not a number above 0"))
}

/// Workloads by name; `loop` and `git` are all of their kind.
fn workloads(list: &str) -> Result<Vec<Workload>, String> {
    let mut chosen = Vec::new();
    for name in list.split(',') {
        let family = format!("{name}-");
        let matching =
            |workload: &&Workload| workload.name == name || workload.name.starts_with(&family);
        let before = chosen.len();
        chosen.extend(WORKLOADS.iter().filter(matching));
        if chosen.len() == before {
            return Err(format!("no workload is called {name}"));
        }
    }
    Ok(chosen)
}

/// Profilers by name; plain always comes first, because the others are compared with it.
fn profilers(list: &str) -> Result<Vec<&'static Profiler>, String> {
    let mut chosen = vec![&PROFILERS[0]];
    for name in list.split(',') {
        let found = PROFILERS.iter().find(|profiler| profiler.name == name);
        let profiler = found.ok_or(format!("no profiler is called {name}"))?;
        if !chosen.contains(&profiler) {
            chosen.push(profiler);
        }
    }
    Ok(chosen)
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
