//! Small programs written for dhat-rs, for the tests `dhat_*`: what they assert themselves is true if they
//! end with 0.

mod asserting;
mod profilers;
mod reporting;

#[path = "../numbered.rs"]
mod numbered;
#[path = "../random.rs"]
mod random;
#[path = "../rig.rs"]
#[expect(dead_code, reason = "other programs share other things")]
mod rig;

use mod_alloc::dhat_compat as dhat;

#[global_allocator]
static ALLOC: dhat::Alloc = dhat::Alloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, arguments) = arguments.split_first().expect("the name of a program");
    let families = [profilers::PROGRAMS, asserting::PROGRAMS, reporting::PROGRAMS];
    let program = families.iter().copied().flatten().find(|(known, _)| known == name);
    let (_, run) = program.unwrap_or_else(|| panic!("no program is called {name}"));
    run(arguments);
}

/// A program's name and what it does with its arguments.
type Program = (&'static str, fn(&[&str]));
