//! The profilers, and how each is put before a program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::choices::Named;
use crate::settings::Settings;
use crate::workloads::{Job, Workload};

/// A way to run a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Profiler {
    pub(crate) name: &'static str,
    tool: Tool,
    /// Whether it is measured on programs too, and not on loops alone.
    on_programs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    None,
    ModAlloc,
    Heaptrack { raw: bool },
    Dhat,
}

/// A command that is ready to be run, and where its profiler writes to.
pub(crate) struct Run {
    pub(crate) command: Command,
    /// Files that begin with this.
    pub(crate) output: PathBuf,
}

/// All, plain first: the others are compared with it.
pub(crate) const PROFILERS: [Profiler; 5] = [
    Profiler { name: "plain", tool: Tool::None, on_programs: true },
    Profiler { name: "mod-alloc", tool: Tool::ModAlloc, on_programs: true },
    Profiler { name: "heaptrack", tool: Tool::Heaptrack { raw: false }, on_programs: true },
    Profiler { name: "heaptrack-raw", tool: Tool::Heaptrack { raw: true }, on_programs: false },
    Profiler { name: "dhat", tool: Tool::Dhat, on_programs: true },
];

impl Named for Profiler {
    const KIND: &'static str = "profiler";

    fn name(&self) -> &'static str {
        self.name
    }
}

impl Profiler {
    /// Whether it is measured on this workload.
    pub(crate) fn takes(&self, workload: &Workload) -> bool {
        self.on_programs || workload.is_loop()
    }

    /// The command line for `job`.
    pub(crate) fn command(&self, settings: &Settings, job: &Job) -> Result<Run, String> {
        let folder = job.scratch.join("output");
        let failed = |error| format!("{}: {error}", folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let output = folder.join("profile");
        let mut words = self.prefix(settings, job, output.as_os_str().to_owned());
        words.push(job.program.clone().into());
        let mut command = Command::new(words.remove(0));
        command.args(words).args(&job.arguments);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        Ok(Run { command, output: folder })
    }

    fn prefix(&self, settings: &Settings, job: &Job, output: OsString) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let children = if job.children { "yes" } else { "no" };
        match self.tool {
            Tool::None => {}
            Tool::ModAlloc => {
                words.push(settings.mod_alloc.clone().into());
                words.extend(["run", "--children", children, "-o"].map(OsString::from));
                words.extend([output, "--".into()]);
            }
            Tool::Heaptrack { raw } => {
                words.push("heaptrack".into());
                words.extend(raw.then(|| OsString::from("--raw")));
                words.extend(["-o".into(), output]);
            }
            Tool::Dhat => {
                let mut file = OsString::from("--dhat-out-file=");
                file.push(output);
                file.push(".%p");
                let follows = format!("--trace-children={children}");
                words.extend(["valgrind".into(), "--tool=dhat".into(), follows.into(), file]);
            }
        }
        words
    }
}

/// Whether a variable is one of the profilers' settings, which are not passed on.
fn is_setting(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    ["MOD_ALLOC", "VALGRIND_OPTS", "LD_PRELOAD"].iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn line(name: &str, children: bool) -> String {
        let profiler = PROFILERS.iter().find(|profiler| profiler.name == name).unwrap();
        let mut job = Job::in_folder("test", Path::new("/s"));
        job.children = children;
        let settings = Settings { mod_alloc: "/bin/mod-alloc".into(), ..Settings::default() };
        let words = profiler.prefix(&settings, &job, "/s/p".into());
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn profilers_are_put_before_the_program() {
        assert_eq!(line("plain", false), "");
        assert_eq!(line("mod-alloc", false), "/bin/mod-alloc run --children no -o /s/p --");
        assert_eq!(line("heaptrack", true), "heaptrack -o /s/p");
        assert_eq!(line("heaptrack-raw", false), "heaptrack --raw -o /s/p");
        let dhat = "valgrind --tool=dhat --trace-children=yes --dhat-out-file=/s/p.%p";
        assert_eq!(line("dhat", true), dhat);
    }
}
