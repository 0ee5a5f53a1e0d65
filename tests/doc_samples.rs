//! Rustdoc's pages: the samples of output that they show are the output.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;
#[expect(dead_code, reason = "other tests read other parts of pages")]
mod pages;
#[expect(dead_code, reason = "other tests ask for more")]
mod signal_support;

use heap_support::Launch;
use pages::sample::{Numbers, assert_is};
use pages::{package, text};
use signal_support::Running;

/// Its numbers do not depend on the compiler, nor on the machine.
#[test]
fn a_broken_limit_says_what_is_shown() {
    let docs = text::of_docs(include_str!("../src/api/measure/limits.rs"));
    let program = text::program(text::block(&docs, "limit"));
    let program = package::build("limit", &package::on_this_crate("[]"), &program);
    let folder = package::scratch("limit");
    let said = package::text(&package::run(&program, &[], &folder).stderr);
    let (_, message) = said.split_once("allocations: ").expect("the program panics");
    let (message, _note) = message.split_once("\n\n").expect("an empty line ends it");
    let here = folder.to_str().expect("a path in UTF-8");
    let message = format!("allocations: {message}\n").replace(here, "/home/me/limit");
    assert_is(text::block(&docs, "limit message"), &message, Numbers::Exact);
}

#[test]
fn a_dump_is_what_is_shown() {
    let shown = text::block(include_str!("../src/api/diagnostics/sample.md"), "dump");
    let dependency = package::on_this_crate("[]");
    let program = package::build("app", &dependency, include_str!("programs/asked.rs"));
    let launch = Launch::new("dump", &program, &[]).env("MOD_ALLOC_SIGNAL", "QUIT");
    let mut running = Running::start(launch);
    assert_eq!(running.line(), "ready");
    running.signal(libc::SIGQUIT);
    let marked = |line: &String| format!("mod-alloc: {line}").trim_end().to_owned() + "\n";
    let printed: String = running.dump().lines.iter().map(marked).collect();
    assert_eq!(running.end().status.code(), Some(0));
    assert_is(shown, &printed, Numbers::Any);
}
