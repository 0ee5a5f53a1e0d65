//! A test program that is to be run.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::test::measured::apart::Apart;
use crate::test::measured::numbers::MAIN;
use crate::test::shared::options;
use crate::test::shared::refused::Refused;

use super::context::Context;
use super::executable::Facts;

/// A test program that is to be run.
pub(crate) struct TestProgram {
    /// Runner that was configured before.
    pub(crate) chain: Vec<OsString>,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// The folder for notes, if it is a doc test.
    pub(crate) doc_tests: Option<PathBuf>,
    /// Of doc tests that were compiled together, the one that is to be run.
    pub(crate) merged: Option<String>,
    pub(crate) facts: Facts,
}

impl TestProgram {
    /// The program is to run no tests.
    pub(crate) fn only_asks(&self) -> bool {
        let before_names = self.arguments.iter().take_while(|word| *word != "--");
        before_names.into_iter().any(|word| word == "--list" || word == "--help" || word == "-h")
    }

    /// The command without mod-alloc.
    pub(crate) fn command(&self, context: &Context) -> Command {
        let mut words =
            self.chain.iter().map(OsString::as_os_str).chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(&self.arguments);
        context.restore(&mut command);
        command
    }

    /// True if its processes may be several: of libtest and of rustdoc there is one.
    pub(crate) fn starts_itself(&self) -> bool {
        !self.facts.libtest && self.doc_tests.is_none()
    }

    /// The functions that its tests begin in, for the library: on threads with names, or on the
    /// main one; and those below which blocks are no test's.
    pub(crate) fn starts(&self) -> String {
        let words = |ranges: &[(u64, u64)]| {
            ranges.iter().map(|(start, end)| format!("{start:x}-{end:x}")).collect::<Vec<_>>()
        };
        let is_alone = self.merged.is_some() || !self.facts.libtest;
        if self.doc_tests.is_some() && is_alone {
            let main = std::iter::once(MAIN.to_owned());
            return main.chain(words(&self.doc_test_mains())).collect::<Vec<_>>().join(",");
        }
        // The harness's are outward of where a test begins.
        let apart = self.facts.apart.iter().filter(|(part, _)| *part != Apart::Harness);
        let apart: Vec<_> = apart.map(|(_, range)| *range).collect();
        let apart = words(&apart).into_iter().map(|word| format!("!{word}"));
        words(&self.facts.begin).into_iter().chain(apart).collect::<Vec<_>>().join(",")
    }

    /// The functions that a doc test begins with.
    pub(crate) fn doc_test_mains(&self) -> Vec<(u64, u64)> {
        let of_module = self.merged.as_deref().and_then(|merged| merged.split_once('\n'));
        let is_it = |name: &str| of_module.is_none_or(|(module, _)| name.ends_with(module));
        let of_test = self.facts.doc_tests.iter().filter(|(name, _)| is_it(name));
        of_test.map(|(_, range)| *range).collect()
    }

    /// The file that the user had libtest write its log to.
    pub(crate) fn users_log(&self) -> Option<PathBuf> {
        options::values_of(&self.arguments, "--logfile").last().map(PathBuf::from)
    }
}

/// Becomes `command`; comes back only with why that failed.
pub(crate) fn exec(command: &mut Command) -> Refused {
    let error = command.exec();
    let program = Path::new(command.get_program()).display();
    Refused::from(format!("{program} cannot be started: {error}"))
}
