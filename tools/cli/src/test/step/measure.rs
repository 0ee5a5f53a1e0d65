//! Measures one process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::base::say::say;
use crate::test::measured::ran::Ran;
use crate::test::shared::refused::Refused;
use crate::test::shared::supervise;

use super::context::Context;
use super::files::Files;
use super::outcome::Outcome;
use super::program::TestProgram;

/// Runs it, recording, and writes down what came of it.
pub(crate) fn measure(context: &Context, test: &TestProgram) -> Result<ExitCode, Refused> {
    let mut files = Files::new(context, test);
    let status = supervise::run(&mut files.command(context, test))
        .map_err(|error| cannot_start(test, &error))?;
    let ran = Outcome { test, status, files: &files }.ran();
    files.remove();
    if let Err(error) = keep(ran, context, test) {
        say!("the numbers of {} cannot be kept: {error}", test.program.display());
    }
    Ok(supervise::end_as(status))
}

fn cannot_start(test: &TestProgram, error: &io::Error) -> Refused {
    Refused::from(format!("{} cannot be started: {error}", test.program.display()))
}

/// Writes `ran` into the folder of the run, or, of doc tests, into that of their rustdoc.
fn keep(mut ran: Ran, context: &Context, test: &TestProgram) -> io::Result<()> {
    ran.program = test.program.clone();
    ran.package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    ran.source = source(&test.program);
    let attempt = std::env::var("NEXTEST_ATTEMPT").ok().and_then(|attempt| attempt.parse().ok());
    ran.attempt = attempt.unwrap_or(1);
    match &test.doc_tests {
        Some(folder) => ran.write_to(&folder.join("ran")),
        None => ran.keep(&context.state),
    }
}

/// The first source in the dep-info beside a program: `PROGRAM: SOURCE …`.
fn source(program: &Path) -> Option<PathBuf> {
    let mut path = program.as_os_str().to_owned();
    path.push(".d");
    let text = fs::read_to_string(path).ok()?;
    let (_, sources) = text.lines().next()?.split_once(": ")?;
    // Blanks in a path have a backslash.
    let mut source = String::new();
    for word in sources.split(' ') {
        source.push_str(word);
        match source.strip_suffix('\\') {
            Some(start) => source = format!("{start} "),
            None => break,
        }
    }
    Some(PathBuf::from(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::shared::state::unique;

    #[test]
    fn dep_info_names_the_source_with_its_blanks() {
        let folder = std::env::temp_dir().join(format!("mod-alloc-{}", unique()));
        fs::create_dir(&folder).unwrap();
        for (text, expected) in [
            ("/t/x-1: src/lib.rs src/a.rs\n\nsrc/lib.rs:\n", Some("src/lib.rs")),
            ("/t/x-1: my\\ src/lib.rs b.rs\n", Some("my src/lib.rs")),
            ("nothing", None),
        ] {
            fs::write(folder.join("x-1.d"), text).unwrap();
            assert_eq!(source(&folder.join("x-1")), expected.map(PathBuf::from));
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
