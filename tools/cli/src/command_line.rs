//! The definition of the command line, and complaints about it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::base::exit_status::{REFUSED, USAGE};
use crate::base::help_text::unbroken;
use crate::base::style::Color;
use crate::base::{glyphs, output, say};
use crate::{diff, export, merge, packaging, recover, report, run, sample, serve, test, top};

/// The name that the program was started by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalledAs {
    /// `mod-alloc …`
    ModAlloc,
    /// `cargo mod-alloc …`
    Cargo,
}

/// Exact allocation profiles of any program
///
/// For every call site, that is, every distinct stack that allocates: blocks and bytes ever
/// allocated, live at the heap's peak and at the end, and how long the blocks lived.
#[derive(Debug, Parser)]
#[command(
    name = "mod-alloc",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  mod-alloc run ls -la                    profile a program; the report goes to a file
  mod-alloc report mod-alloc.ls.4711.json read it
  mod-alloc recover                       list the recordings of killed programs
  cargo mod-alloc test                    profile each test of a package"
)]
pub(crate) struct Arguments {
    /// Colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Profile a program
    #[command(alias = PROGRAM)]
    Run(run::Arguments),
    /// Make a report of a killed program's recording, or list the recordings
    Recover(recover::Arguments),
    /// Print a report as text or JSON
    Report(report::Arguments),
    /// Write a report in another tool's format: pprof, a flame graph, …
    Export(export::Arguments),
    /// Compare two reports: what grew, what shrank
    Diff(diff::Arguments),
    /// Add up reports of several processes or runs
    Merge(merge::Arguments),
    /// Watch a running program
    Top(top::Arguments),
    /// Change how many samples a running program takes
    Sample(sample::Arguments),
    /// Serve profiles, metrics and a page of running programs over HTTP
    Serve(serve::Arguments),
    /// Profile every test of a package
    Test(test::Arguments),
    /// Profile every test with nextest: `nextest run …`, as `test --nextest` does
    #[command(
        override_usage = "cargo mod-alloc nextest [OPTIONS] run [NEXTEST'S OPTIONS] [-- TEST PROGRAM'S OPTIONS]"
    )]
    Nextest(test::Arguments),
    /// A step of `test`, which cargo starts
    #[command(name = "__test", hide = true)]
    TestStep(test::StepArguments),
    /// Print a script for a shell that completes the commands
    Completions(packaging::CompletionsArguments),
    /// Write the man pages
    Man(packaging::ManArguments),
}

impl Arguments {
    /// The arguments of this process. An error is printed; its exit status comes back.
    pub(crate) fn of_process(called_as: CalledAs) -> Result<Self, ExitCode> {
        let words = words(called_as, std::env::args_os().collect());
        let mut command = command(called_as);
        let matches = command.try_get_matches_from_mut(&words);
        matches
            .and_then(|mut matches| Self::from_arg_matches_mut(&mut matches))
            .map_err(|error| answer(&error, &words))
    }
}

/// The name of `mod-alloc run` that means no command of cargo, whatever mod-alloc is called by.
const PROGRAM: &str = "__run";

/// Runs `cargo mod-alloc run` or `bench`; `None`: the command is another one, or asks for help. The
/// parser cannot tell the words of cargo from others.
pub(crate) fn run_by_cargo(called_as: CalledAs) -> Option<ExitCode> {
    let words = words(called_as, std::env::args_os().collect());
    let (kind, words) = of_cargo(called_as, &words)?;
    let own = run::Options::augment_args(clap::Command::new(kind.word()));
    Some(test::programs(kind, &own, words, PROGRAM))
}

/// The command of cargo among `words`, and the words for it: those that follow, and the options
/// before it.
fn of_cargo(called_as: CalledAs, words: &[OsString]) -> Option<(test::Kind, Vec<OsString>)> {
    if called_as != CalledAs::Cargo {
        return None;
    }
    let at = place_of_command(words)?;
    let kind = [test::Kind::Run, test::Kind::Bench];
    let kind = kind.into_iter().find(|kind| words[at] == kind.word())?;
    let (before, after) = (words.get(1..at)?, words.get(at + 1..)?);
    let is_help = |word: &OsString| word == "--help" || word == "-h";
    if before.iter().chain(after.iter().take_while(|word| *word != "--")).any(is_help) {
        return None;
    }
    Some((kind, [before, after].concat()))
}

/// The command under both names.
pub(crate) fn commands() -> packaging::Commands {
    let [alone, of_cargo] = [CalledAs::ModAlloc, CalledAs::Cargo].map(command);
    packaging::Commands { alone, of_cargo }
}

/// The whole command, under the name that it was called by.
fn command(called_as: CalledAs) -> clap::Command {
    let command = with_unbroken_help(Arguments::command());
    match called_as {
        CalledAs::ModAlloc => command,
        CalledAs::Cargo => {
            let command = command.bin_name("cargo mod-alloc").mut_subcommand("run", |_| {
                help_of(test::Kind::Run)
                    .about("Profile a program of a package, as `cargo run` runs it")
            });
            let about = "Profile the benches of a package, as `cargo bench` runs them";
            command.subcommand(help_of(test::Kind::Bench).about(about))
        }
    }
}

/// The parser breaks lines as the terminal is wide: of those that are broken here, it would break
/// each once more.
fn with_unbroken_help(command: clap::Command) -> clap::Command {
    let help = command.get_after_help().map(|help| unbroken(&help.to_string()));
    let command = match help {
        Some(help) => command.after_help(help),
        None => command,
    };
    command.mut_subcommands(with_unbroken_help)
}

/// The definition of a command of cargo, for its help.
fn help_of(kind: test::Kind) -> clap::Command {
    let word = kind.word();
    let usage = format!(
        "cargo mod-alloc {word} [OPTIONS] [CARGO {}'S OPTIONS] [-- ARGS]",
        word.to_uppercase()
    );
    let command = clap::Command::new(word).override_usage(usage).after_help(unbroken(BY_CARGO));
    let command = if kind == test::Kind::Run { command.alias(PROGRAM) } else { command };
    run::Options::augment_args(command).arg(
        clap::Arg::new("program")
            .help("Arguments of cargo")
            .value_name("CARGO")
            .value_parser(clap::value_parser!(OsString))
            .num_args(0..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true),
    )
}

const BY_CARGO: &str = "Examples:
  cargo mod-alloc run --release -- input.txt
  cargo mod-alloc run -o heap.json --html --example parse
  cargo mod-alloc bench --bench parse -- --quick

Options of mod-alloc may stand anywhere before `--`; all other words go to cargo as they are. cargo
starts `mod-alloc run` in the place of each program; a configured runner is started as before, in
front of that. Reports go to the folder that the program runs in: for benches that of their package.
With `bench`, the name of each bench comes before the extension of FILE: heap.json gives
heap.parse.json. A folder (-o DIR/) gets all reports, each named after its program and process.

Exit status: cargo's. `mod-alloc run -- PROGRAM` profiles a program that is built already.";

/// Drops the word that cargo puts in front: `cargo-mod-alloc mod-alloc …`.
fn words(called_as: CalledAs, mut words: Vec<OsString>) -> Vec<OsString> {
    if called_as == CalledAs::Cargo && words.get(1).is_some_and(|word| word == "mod-alloc") {
        words.remove(1);
    }
    words
}

/// Prints help and version to standard output, complaints to standard error.
fn answer(error: &clap::Error, words: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        let text = error.render().ansi().to_string();
        // A failure cannot be told better than by what is missing.
        let _ = output::to_stdout(&mut |out| out.write_all(glyphs::shown(&text).as_bytes()));
        return ExitCode::SUCCESS;
    }
    let text = error.render().ansi().to_string();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        say::line(format_args!("{line}"));
    }
    ExitCode::from(if is_for_run(words) { REFUSED } else { USAGE })
}

/// The command is `run`: its status 2 would be taken for the program's.
fn is_for_run(words: &[OsString]) -> bool {
    place_of_command(words).is_some_and(|at| words[at] == "run" || words[at] == PROGRAM)
}

/// The index of the command's name: the first word that is no option.
fn place_of_command(words: &[OsString]) -> Option<usize> {
    let mut at = 1;
    while let Some(word) = words.get(at) {
        if !word.as_encoded_bytes().starts_with(b"-") {
            return Some(at);
        }
        at += if word == "--color" { 2 } else { 1 };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_definition_is_consistent() {
        command(CalledAs::ModAlloc).debug_assert();
        command(CalledAs::Cargo).debug_assert();
    }

    #[test]
    fn cargo_s_word_is_dropped_once_and_only_there() {
        let cargo = of("cargo-mod-alloc mod-alloc mod-alloc");
        assert_eq!(words(CalledAs::Cargo, cargo), of("cargo-mod-alloc mod-alloc"));
        assert_eq!(words(CalledAs::Cargo, of("cargo-mod-alloc run")), of("cargo-mod-alloc run"));
        assert_eq!(words(CalledAs::ModAlloc, of("x mod-alloc")), of("x mod-alloc"));
    }

    #[test]
    fn only_cargo_s_run_and_bench_are_cargo_s() {
        let found = |text: &str| {
            let (kind, words) = of_cargo(CalledAs::Cargo, &of(text))?;
            Some(format!("{} {}", kind.word(), words.join(std::ffi::OsStr::new(" ")).display()))
        };
        let expected = Some("run --color never --release -- --help".to_owned());
        assert_eq!(found("m --color never run --release -- --help"), expected);
        assert_eq!(found("m bench -p x").as_deref(), Some("bench -p x"));
        for text in ["m test run", "m __run x", "m run --help", "m bench -h", "m"] {
            assert_eq!(found(text), None, "{text}");
        }
        assert!(of_cargo(CalledAs::ModAlloc, &of("m run x")).is_none());
    }

    #[test]
    fn the_command_is_found_behind_options() {
        for text in ["m run", "m run --bad", "m --color always run", "m --color=never run x"] {
            assert!(is_for_run(&of(text)), "{text}");
        }
        for text in ["m", "m report run", "m --color run", "m --color run report"] {
            assert!(!is_for_run(&of(text)), "{text}");
        }
    }
}
