//! In a test program's place: runs it with the library that records in it, and writes down the
//! numbers of its tests.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::test::shared::hush;
use crate::test::shared::refused::Refused;

use super::context::Context;
use super::executable::Facts;
use super::measure::measure;
use super::merged;
use super::program::{TestProgram, exec};

/// `__test runner STATE TARGET PROGRAM ARGUMENTS…`
pub(crate) fn run(context: &Context, words: Vec<OsString>) -> Result<ExitCode, Refused> {
    let mut words = words.into_iter();
    let target = words.next().unwrap_or_default();
    let Some(program) = words.next().map(PathBuf::from) else {
        return Err(Refused::from("the runner was given no program".to_owned()));
    };
    let test = TestProgram {
        chain: context.plan.runner(&target.to_string_lossy()).to_vec(),
        facts: Facts::of(&program, &context.state),
        program,
        arguments: words.collect(),
        doc_tests: std::env::var_os(hush::NOTES).map(PathBuf::from),
        merged: None,
    };
    if test.only_asks() {
        return Err(exec(&mut test.command(context)));
    }
    if test.doc_tests.is_some() && test.chain.is_empty() && merged::is_one(&test.program) {
        return merged::start(context, &test);
    }
    measure(context, &test)
}
