//! The programs that are run, and what they work on.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::choices::Named;
use crate::made;
use crate::settings::Settings;

/// A program and its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ripgrep,
    GitGc { children: bool },
    GitPackObjects,
    Python,
    Sqlite,
    Compiler,
    Loop { shape: &'static str, frame_pointers: bool },
}

/// In the order in which they are run.
pub(crate) const WORKLOADS: [Workload; 13] = [
    Workload {
        name: "rg",
        title: "ripgrep counts matches in cargo's registry of sources",
        kind: Kind::Ripgrep,
    },
    Workload {
        name: "git-gc",
        title: "git gc of loose objects; each profiler follows the first process alone",
        kind: Kind::GitGc { children: false },
    },
    Workload {
        name: "git-gc-children",
        title: "the same, with all processes profiled (heaptrack cannot: its first alone)",
        kind: Kind::GitGc { children: true },
    },
    Workload {
        name: "git-pack-objects",
        title: "git pack-objects of all objects, every delta made anew: the work of a gc, in one process",
        kind: Kind::GitPackObjects,
    },
    Workload {
        name: "python3",
        title: "Python: imports, JSON, SQLite and regular expressions",
        kind: Kind::Python,
    },
    Workload {
        name: "sqlite3",
        title: "sqlite3: in-memory inserts, indexes, joins and group-bys",
        kind: Kind::Sqlite,
    },
    Workload {
        name: "g++",
        title: "g++ -O2 of a file with fourteen standard headers: its compiler proper, cc1plus",
        kind: Kind::Compiler,
    },
    Workload {
        name: "loop-shallow",
        title: "C: malloc and free at one site",
        kind: Kind::Loop { shape: "shallow", frame_pointers: false },
    },
    Workload {
        name: "loop-deep32",
        title: "C: malloc and free at one site 32 frames deeper",
        kind: Kind::Loop { shape: "deep32", frame_pointers: false },
    },
    Workload {
        name: "loop-sites",
        title: "C: malloc and free at 2,048 sites in turn, 11 frames each",
        kind: Kind::Loop { shape: "sites", frame_pointers: false },
    },
    Workload {
        name: "loop-shallow-fp",
        title: "C, with frame pointers: malloc and free at one site",
        kind: Kind::Loop { shape: "shallow", frame_pointers: true },
    },
    Workload {
        name: "loop-deep32-fp",
        title: "C, with frame pointers: malloc and free at one site 32 frames deeper",
        kind: Kind::Loop { shape: "deep32", frame_pointers: true },
    },
    Workload {
        name: "loop-sites-fp",
        title: "C, with frame pointers: malloc and free at 2,048 sites in turn, 11 frames each",
        kind: Kind::Loop { shape: "sites", frame_pointers: true },
    },
];

impl Named for Workload {
    const KIND: &'static str = "workload";

    fn name(&self) -> &'static str {
        self.name
    }
}

impl Workload {
    /// Whether the program times itself: nanoseconds per pair, not a whole run.
    pub(crate) fn is_loop(&self) -> bool {
        matches!(self.kind, Kind::Loop { .. })
    }
}

/// A workload with all that it needs.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) stdin: Option<PathBuf>,
    /// Where it is run.
    pub(crate) directory: PathBuf,
    /// What `directory` is a fresh copy of before each run.
    original: Option<PathBuf>,
    /// Whether profilers that can are to follow the processes that it starts.
    pub(crate) children: bool,
    /// Where the program writes what it measured itself.
    pub(crate) measured: Option<PathBuf>,
    /// Where files of the run may be written.
    pub(crate) scratch: PathBuf,
}

impl Job {
    /// Nothing yet, in a folder.
    pub(crate) fn in_folder(name: &'static str, scratch: &Path) -> Self {
        Self {
            name,
            program: PathBuf::new(),
            arguments: Vec::new(),
            stdin: None,
            directory: scratch.to_owned(),
            original: None,
            children: false,
            measured: None,
            scratch: scratch.to_owned(),
        }
    }

    /// Makes the inputs of `workload`.
    pub(crate) fn prepare(settings: &Settings, workload: &Workload) -> Result<Self, String> {
        let scratch = settings.scratch.join(workload.name);
        fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
        let job = Self::in_folder(workload.name, &scratch);
        match workload.kind {
            Kind::Ripgrep => job.ripgrep(settings),
            Kind::GitGc { children } => job.git_gc(settings, children),
            Kind::GitPackObjects => job.git_pack_objects(settings),
            Kind::Python => job.python(settings),
            Kind::Sqlite => job.sqlite(settings),
            Kind::Compiler => job.compiler(settings),
            Kind::Loop { shape, frame_pointers } => job.c_loop(settings, shape, frame_pointers),
        }
    }

    /// Before each run.
    pub(crate) fn refresh(&self) -> Result<(), String> {
        let Some(original) = &self.original else { return Ok(()) };
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory).map_err(|error| error.to_string())?;
        }
        made::succeed(made::command("cp").arg("-a").arg(original).arg(&self.directory)).map(drop)
    }

    fn calls(mut self, program: &str, arguments: &[&str]) -> Result<Self, String> {
        self.program = made::installed(program)?;
        self.arguments.extend(arguments.iter().map(OsString::from));
        Ok(self)
    }

    fn ripgrep(self, settings: &Settings) -> Result<Self, String> {
        let trees = made::source_trees(settings.quick)?;
        let mut job = self.calls("rg", &["--no-config", "--count-matches", r"fn \w+\("])?;
        job.arguments.extend(trees.into_iter().map(OsString::from));
        Ok(job)
    }

    fn git_gc(self, settings: &Settings, children: bool) -> Result<Self, String> {
        let original = self.scratch.join("original");
        made::repository(&original, &settings.repository, settings.quick)?;
        let mut job = self.calls("git", &["gc", "--quiet", "--prune=now"])?;
        job.directory = job.scratch.join("copy");
        job.original = Some(original);
        job.children = children;
        Ok(job)
    }

    fn git_pack_objects(self, settings: &Settings) -> Result<Self, String> {
        let repository = self.scratch.join("repository");
        made::repository(&repository, &settings.repository, settings.quick)?;
        let arguments = ["pack-objects", "--revs", "--all", "--no-reuse-delta", "--stdout", "-q"];
        let mut job = self.calls("git", &arguments)?;
        job.directory = repository;
        Ok(job)
    }

    fn python(self, settings: &Settings) -> Result<Self, String> {
        let script = settings.programs.join("python.py");
        let times = if settings.quick { "1" } else { "8" };
        let mut job = self;
        job.arguments.push(script.into());
        job.calls("python3", &[times])
    }

    fn sqlite(self, settings: &Settings) -> Result<Self, String> {
        let script = settings.programs.join("sqlite.sql");
        let text = fs::read_to_string(&script)
            .map_err(|error| format!("{}: {error}", script.display()))?;
        let rows = if settings.quick { "20000" } else { "300000" };
        let input = self.scratch.join("input.sql");
        fs::write(&input, text.replace("ROWS", rows))
            .map_err(|error| format!("{}: {error}", input.display()))?;
        let mut job = self.calls("sqlite3", &["-batch", ":memory:"])?;
        job.stdin = Some(input);
        Ok(job)
    }

    /// The compiler proper: `g++` itself only starts it, and the assembler.
    fn compiler(mut self, settings: &Settings) -> Result<Self, String> {
        let said = |arguments: &[&str]| made::line(made::command("g++").args(arguments));
        self.program = said(&["-print-prog-name=cc1plus"])?.into();
        let multiarch = said(&["-print-multiarch"])?;
        let flags = ["-quiet", "-imultiarch", &multiarch, "-D_GNU_SOURCE", "-std=gnu++20", "-O2"];
        self.arguments.extend(flags.map(OsString::from));
        self.arguments.extend(settings.quick.then(|| OsString::from("-DQUICK")));
        self.arguments.push(settings.programs.join("headers.cpp").into());
        self.arguments.extend(["-o".into(), self.scratch.join("headers.s").into()]);
        Ok(self)
    }

    fn c_loop(
        mut self,
        settings: &Settings,
        shape: &str,
        frame_pointers: bool,
    ) -> Result<Self, String> {
        let source = settings.programs.join("loop.c");
        self.program = self.scratch.join("loop");
        let pointers =
            if frame_pointers { "-fno-omit-frame-pointer" } else { "-fomit-frame-pointer" };
        let mut compiler = made::command("gcc");
        compiler.args(["-O2", "-g", pointers]).arg(source).arg("-o").arg(&self.program);
        made::succeed(&mut compiler)?;
        let budget = if settings.quick { "10" } else { "60" };
        let measured = self.scratch.join("pair.txt");
        self.arguments = vec![shape.into(), budget.into(), measured.clone().into()];
        self.measured = Some(measured);
        Ok(self)
    }
}
