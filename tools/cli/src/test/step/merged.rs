//! Doc tests that rustdoc has compiled together (edition 2024).
//!
//! Without a runner, rustdoc tells their program its own path, and it starts itself again for each
//! test. With a runner rustdoc does not, and they run in one process, with a warning. mod-alloc
//! tells it the path of a script that starts mod-alloc: each test has its own process, as without.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::context::Context;
use super::executable::Facts;
use super::measure::measure;
use super::program::{TestProgram, exec};
use crate::program::in_front;
use crate::test::shared::hush;
use crate::test::shared::refused::Refused;
use crate::test::shared::state::unique;

/// The path that the program starts again for each test.
const PATH: &str = "RUSTDOC_DOCTEST_BIN_PATH";
/// The number of the test that it is started for.
const NUMBER: &str = "RUSTDOC_DOCTEST_RUN_NB_TEST";

/// `program` has several doc tests: its source lies beside it.
pub(crate) fn is_one(program: &Path) -> bool {
    source(program).is_some()
}

fn source(program: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(program.parent()?).ok()?;
    let is_source = |path: &PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| name.starts_with("doctest_runner_") && name.ends_with(".rs"))
    };
    entries.flatten().map(|entry| entry.path()).find(is_source)
}

/// Becomes the program, which will start mod-alloc for each test.
pub(crate) fn start(context: &Context, test: &TestProgram) -> Result<ExitCode, Refused> {
    let script = context.state.path(&format!("merged-{}", unique()));
    let notes = test.doc_tests.as_deref().unwrap_or(Path::new(""));
    context.state.write_script(&script, "merged", &[notes, &test.program]).map_err(|error| {
        Refused::from(format!("{} cannot be written: {error}", script.display()))
    })?;
    let mut command = test.command(context);
    command.env(PATH, script);
    if test.facts.refusal.is_none() {
        command.env("LD_PRELOAD", in_front([context.state.hush()]));
        command.env(hush::PROGRAM, fs::canonicalize(&test.program).unwrap_or_default());
    }
    Err(exec(&mut command))
}

/// `__test merged STATE NOTES PROGRAM ARGUMENTS…`: one test of the program.
pub(crate) fn run(context: &Context, words: Vec<OsString>) -> Result<ExitCode, Refused> {
    let mut words = words.into_iter();
    let notes = words.next().map(PathBuf::from);
    let program = words.next().map(PathBuf::from).unwrap_or_default();
    let test = TestProgram {
        chain: Vec::new(),
        facts: Facts { log: false, ..Facts::of(&program, &context.state) },
        merged: std::env::var(NUMBER).ok().and_then(|number| named(&program, &number)),
        program,
        arguments: words.collect(),
        doc_tests: notes,
    };
    if test.merged.is_none() {
        return Err(exec(&mut test.command(context)));
    }
    measure(context, &test)
}

/// Module and name of a test, a line each.
fn named(program: &Path, number: &str) -> Option<String> {
    let source = fs::read_to_string(source(program)?).ok()?;
    let module = format!("::__doctest_{number}");
    Some(format!("{module}\n{}", name(&source, number)?))
}

/// The name of the test with a number, as the source says it:
///
/// ```text
/// mod __doctest_3 {
/// pub const TEST: test::TestDescAndFn = test::TestDescAndFn::new_doctest(
/// "src/lib.rs - add (line 25)", …
/// ```
fn name(source: &str, number: &str) -> Option<String> {
    let (_, rest) = source.split_once(&format!("mod __doctest_{number} {{"))?;
    let (_, rest) = rest.split_once("new_doctest(")?;
    let rest = rest.trim_start().strip_prefix('"')?;
    let mut name = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return Some(name),
            '\\' => name.push(characters.next()?),
            other => name.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
mod __doctest_1 {
pub const TEST: test::TestDescAndFn = test::TestDescAndFn::new_doctest(
"src/lib.rs - <impl \"x\">::a (line 12)", false, "src/lib.rs", 12, false, false,
test::StaticTestFn(|| {}),
));
}
mod __doctest_12 {
pub const TEST: test::TestDescAndFn = test::TestDescAndFn::new_doctest(
"src/lib.rs - b (line 19)", false, "src/lib.rs", 19, false, true,
));
}"#;

    #[test]
    fn the_source_names_the_tests() {
        assert_eq!(name(SOURCE, "1").unwrap(), "src/lib.rs - <impl \"x\">::a (line 12)");
        assert_eq!(name(SOURCE, "12").unwrap(), "src/lib.rs - b (line 19)");
        assert_eq!(name(SOURCE, "2"), None);
        assert_eq!(name("mod __doctest_1 { new_doctest(\"no end", "1"), None);
    }

    #[test]
    fn a_program_without_source_is_not_merged() {
        assert!(!is_one(Path::new("/bin/sh")));
        assert!(!is_one(Path::new("/")));
    }
}
