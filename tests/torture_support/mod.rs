//! Runs the torture programs and holds their reports against what the programs know of their
//! stacks.

#[path = "../heap_support/mod.rs"]
pub(crate) mod heap_support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use heap_support::dhat_json::Report;
use heap_support::{Ended, Launch, numbers_in, torture_programs, torture_programs_in_development};

/// Blocks and bytes by the names of a stack's nodes, outermost first.
pub(crate) type Stacks = BTreeMap<String, (u64, u64)>;

/// The folder of the native objects, compiled if they are not.
pub(crate) fn native() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native");
        let build = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/native/build");
        let output = Command::new(build).arg(&folder).output().expect("it can be started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}; tools/check/setup installs what is missing");
        folder
    })
}

/// A torture program that has ended.
#[derive(Debug)]
pub(crate) struct Tortured {
    pub(crate) ended: Ended,
    pub(crate) report: Report,
    /// The program's own knowledge of its stacks.
    expected: Stacks,
}

/// Runs a program, its arguments after the first separated by blanks, until it has made so many
/// blocks; keeping so many frames of a stack.
pub(crate) fn torture(program: &str, captures: u64, frames: u64) -> Tortured {
    torture_in(torture_programs(), program, captures, frames)
}

/// Likewise, with the programs in cargo's development profile.
pub(crate) fn torture_in_development(program: &str, captures: u64, frames: u64) -> Tortured {
    torture_in(torture_programs_in_development(), program, captures, frames)
}

fn torture_in(programs: &Path, program: &str, captures: u64, frames: u64) -> Tortured {
    let (program, more) = program.split_once(' ').unwrap_or((program, ""));
    let (captures, frames) = (captures.to_string(), frames.to_string());
    let folder = native().to_str().expect("a path in UTF-8");
    let mut arguments = vec![program, &captures, folder];
    arguments.extend(more.split_whitespace());
    let run = format!("{program} {frames} {}", more.replace('/', "_"));
    let launch = Launch::new(run.trim(), programs, &arguments);
    let launch = launch.env("MOD_ALLOC_SELF_CHECK", "on").env("MOD_ALLOC_FRAMES", &frames);
    let ended = launch.run().with_status(0);
    let report = ended.report();
    let expected = expected(&ended.stdout);
    Tortured { ended, report, expected }
}

impl Tortured {
    /// Every capture on a thread's own stack was taken both ways, with one result.
    pub(crate) fn assert_checked(&self) {
        let count = |name: &str| {
            self.report.json["x_self_check"][name].as_u64().expect("the report says it")
        };
        let [own, _] = self.ended.numbers("made")[..] else { panic!("two numbers") };
        assert_eq!(count("differences"), 0, "of {}", count("checked"));
        assert!(count("checked") >= own, "{} of {own}", count("checked"));
    }

    /// The report has the very stacks that the program knows, with these numbers.
    pub(crate) fn assert_exact(&self) {
        let found = reported(&self.report);
        let different = different(&found, &self.expected);
        assert!(
            different.is_empty(),
            "{} of {} stacks differ, the first ones (found, expected): {:#?}",
            different.len(),
            self.expected.len(),
            &different[..different.len().min(5)]
        );
    }

    /// How many different stacks the program had.
    pub(crate) fn stacks(&self) -> usize {
        self.expected.len()
    }

    /// The numbers of blocks that the report has under nodes whose names end so.
    pub(crate) fn blocks_under(&self, ending: &str) -> [u64; 2] {
        [&reported(&self.report), &self.expected].map(|stacks| {
            let under = |names: &str| names.split(' ').any(|name| name.ends_with(ending));
            stacks.iter().filter(|(names, _)| under(names)).map(|(_, (blocks, _))| blocks).sum()
        })
    }
}

/// The stacks that are not the same in both, with both numbers.
fn different<'s>(found: &'s Stacks, expected: &'s Stacks) -> Vec<(&'s str, [(u64, u64); 2])> {
    let names: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let numbers = |names: &String| {
        [found, expected].map(|stacks| stacks.get(names).copied().unwrap_or_default())
    };
    let both = names.into_iter().map(|names| (names.as_str(), numbers(names)));
    both.filter(|(_, [found, expected])| found != expected).collect()
}

/// The stacks that the program printed.
fn expected(stdout: &str) -> Stacks {
    let lines = stdout.lines().filter_map(|line| line.strip_prefix("stack "));
    let parse = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let [blocks, bytes] = [words.next(), words.next()]
            .map(|word| word.and_then(|word| word.parse().ok()).expect("a number"));
        (words.next().expect("names").to_owned(), (blocks, bytes))
    };
    lines.map(parse).collect()
}

/// The stacks of the report; those without nodes left out.
fn reported(report: &Report) -> Stacks {
    let names: Vec<_> = report.frames.iter().map(|frame| node_name(frame)).collect();
    let mut stacks = Stacks::new();
    for point in &report.points {
        let nodes: Vec<_> = point.stack.iter().rev().filter_map(|index| names[*index]).collect();
        if !nodes.is_empty() {
            let (blocks, bytes) = stacks.entry(nodes.join(" ")).or_default();
            *blocks += point.counters.get("tbk");
            *bytes += point.counters.get("tb");
        }
    }
    stacks
}

/// The function's name in a frame, without path and without the compiler's `.cold`, if it is a node.
fn node_name(frame: &str) -> Option<&str> {
    let (_, rest) = frame.split_once(": ")?;
    let name = rest.split(" (").next()?.rsplit("::").next()?.split('.').next()?;
    name.starts_with("node_").then_some(name)
}

/// How often an object was loaded, and how often it came to lie where another was before.
pub(crate) fn loads(tortured: &Tortured) -> [u64; 2] {
    let loads = numbers_in(&tortured.ended.stdout, "loads");
    loads[..].try_into().expect("two numbers")
}
