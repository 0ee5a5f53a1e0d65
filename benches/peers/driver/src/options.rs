//! The command line of the driver.

use std::path::PathBuf;

use crate::choices::{beside_the_first, by_name_or_family, number};
use crate::programs::{ALLOCATORS, Allocator, Unit, WORKLOADS, Workload};

const USAGE: &str = "usage: bench --bins BUILD=DIRECTORY… --scratch DIRECTORY [--quick] \
     [--only WORKLOAD,…] [--allocators NAME,…] [--rounds N] [--json FILE] [--instructions]";

/// What the command line asks for.
pub(crate) struct Options {
    /// Where the programs are, by how they were built.
    pub(crate) builds: Vec<Build>,
    /// Where reports may be written.
    pub(crate) scratch: PathBuf,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) allocators: Vec<&'static Allocator>,
    /// Runs per workload and allocator.
    pub(crate) rounds: u32,
    /// Less of everything, for a look; not for numbers to publish.
    pub(crate) quick: bool,
    pub(crate) json: Option<PathBuf>,
    /// Count instructions instead of measuring time.
    pub(crate) instructions: bool,
}

/// Programs that were built alike.
pub(crate) struct Build {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::nothing();
        let mut rounds = None;
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{option} needs a value; {USAGE}"));
            match option.as_str() {
                "--quick" => options.quick = true,
                "--instructions" => options.instructions = true,
                "--bins" => options.builds.push(Build::parse(&value()?)?),
                "--scratch" => options.scratch = value()?.into(),
                "--only" => options.workloads = by_name_or_family(&WORKLOADS, &value()?)?,
                "--allocators" => options.allocators = beside_the_first(&ALLOCATORS, &value()?)?,
                "--json" => options.json = Some(value()?.into()),
                "--rounds" => rounds = Some(number(&value()?)?),
                _ => return Err(format!("no option {option}; {USAGE}")),
            }
        }
        options.rounds = rounds.unwrap_or(if options.quick { 1 } else { 5 });
        options.check()
    }

    fn nothing() -> Self {
        Self {
            builds: Vec::new(),
            scratch: PathBuf::new(),
            workloads: WORKLOADS.to_vec(),
            allocators: ALLOCATORS.iter().filter(|allocator| allocator.by_default).collect(),
            rounds: 0,
            quick: false,
            json: None,
            instructions: false,
        }
    }

    fn check(mut self) -> Result<Self, String> {
        if self.instructions {
            self.workloads.retain(|workload| workload.unit == Unit::Pair);
        }
        if self.builds.is_empty()
            || self.scratch.as_os_str().is_empty()
            || self.workloads.is_empty()
        {
            return Err(USAGE.to_owned());
        }
        Ok(self)
    }

    /// The command line of a bench program that measures time.
    pub(crate) fn timed(&self, workload: Workload) -> Vec<String> {
        let budget = if self.quick { "50" } else { "250" };
        self.arguments(&[workload.name, "--budget", budget])
    }

    /// The command line of a bench program that does a known number of pairs or passes.
    pub(crate) fn units(&self, workload: Workload, units: u32) -> Vec<String> {
        self.arguments(&[workload.name, "--units", &units.to_string()])
    }

    fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let files: &[&str] = if self.quick { &["--files", "20"] } else { &[] };
        arguments.iter().chain(files).map(|&argument| argument.to_owned()).collect()
    }
}

impl Build {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, directory) =
            text.split_once('=').ok_or(format!("{text}: not BUILD=DIRECTORY"))?;
        Ok(Self { name: name.to_owned(), directory: directory.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, String> {
        let line = format!("--bins default=d --scratch s {line}");
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    fn names(options: &Options) -> Vec<&str> {
        options.workloads.iter().map(|workload| workload.name).collect()
    }

    #[test]
    fn workloads_are_chosen_by_name_or_kind() {
        let options = parsed("--only memory,threads,json").unwrap();
        let chosen = ["memory", "threads-1", "threads-2", "threads-4", "threads-8", "json"];
        assert_eq!(names(&options), chosen);
        assert!(parsed("--only thread").is_err());
    }

    #[test]
    fn instructions_are_counted_of_loops_on_one_thread() {
        let options = parsed("--instructions").unwrap();
        assert_eq!(names(&options), ["shallow", "deep32", "sites", "sawtooth", "steady"]);
    }

    #[test]
    fn plain_comes_first_whoever_is_asked_for() {
        let options = parsed("--allocators mod-alloc-1-default,plain").unwrap();
        let names: Vec<&str> = options.allocators.iter().map(|allocator| allocator.name).collect();
        assert_eq!(names, ["plain", "mod-alloc-1-default"]);
        assert_eq!(options.allocators[1].environment, [], "its default is no setting");
    }

    #[test]
    fn a_look_parses_the_same_files_however_it_is_measured() {
        let options = parsed("--quick --only syn").unwrap();
        let syn = options.workloads[0];
        assert_eq!(options.timed(syn).join(" "), "syn --budget 50 --files 20");
        assert_eq!(options.units(syn, 2).join(" "), "syn --units 2 --files 20");
        let whole = parsed("--only syn").unwrap();
        assert_eq!(whole.units(syn, 2).join(" "), "syn --units 2");
    }
}
