//! `cargo mod-alloc run` and `bench`: cargo's own commands, with `mod-alloc run` as the runner of the
//! programs that they start.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::ask::{self, Cargo};
use super::configured;
use super::words::sort_out;
use crate::base::output;
use crate::test::shared::own_state::OwnState;
use crate::test::shared::refused::Refused;
use crate::test::shared::supervise;

/// The command of cargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Run,
    Bench,
}

impl Kind {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Bench => "bench",
        }
    }
}

/// The options whose values are paths.
const PATHS: [&str; 2] = ["output", "record"];

/// Runs cargo. `own` has the options of `mod-alloc run`, `words` follow the command's name, and
/// `hidden` is the name of `mod-alloc run` that only its own scripts use.
pub(crate) fn run(kind: Kind, own: &clap::Command, words: Vec<OsString>, hidden: &str) -> ExitCode {
    Refused::conclude(try_run(kind, own, words, hidden))
}

fn try_run(
    kind: Kind,
    own: &clap::Command,
    words: Vec<OsString>,
    hidden: &str,
) -> Result<ExitCode, Refused> {
    let (ours, words) = sort_out(own, words.into_iter());
    let options = Options::of(kind, own, ours)?;
    let asks = Cargo::new(&words);
    let own_state = OwnState::create()?;
    let state = &own_state.state;
    let mut cargo = Command::new(ask::program());
    cargo.arg(kind.word()).args(&words);
    for target in configured::targets(&asks, &words)? {
        let name = configured::variable(&target);
        let runner = configured::runner(&asks, &target)?;
        let script = state.path(&format!("runner-{target}"));
        let start = [state.program().into_os_string(), hidden.into()];
        let text = script_text(&name, runner.iter().chain(&start), &options);
        write_script(&script, &text).map_err(|error| {
            Refused::from(format!("{} cannot be written to: {error}", script.display()))
        })?;
        cargo.env(name, script);
    }
    let status = supervise::run(&mut cargo).map_err(|error| {
        format!("{} cannot be started: {error}", OsStr::display(cargo.get_program()))
    })?;
    drop(own_state);
    Ok(supervise::end_as(status))
}

/// The options of `mod-alloc run`, each as a word of the shell.
#[derive(Debug)]
struct Options(Vec<Vec<u8>>);

impl Options {
    /// Looks at them before cargo builds, and makes paths absolute: cargo starts benches in the
    /// folder of their package.
    fn of(kind: Kind, own: &clap::Command, ours: Vec<OsString>) -> Result<Self, Refused> {
        let complain = |error: clap::Error| Refused::usage(error.render().to_string());
        let colors = clap::Arg::new("color").long("color");
        let mut alone = own.clone().no_binary_name(true).disable_help_flag(true);
        if !own.get_arguments().any(|argument| argument.get_id() == "color") {
            alone = alone.arg(colors);
        }
        let matches = alone.try_get_matches_from_mut(ours).map_err(complain)?;
        let mut options = Vec::new();
        for argument in alone.get_arguments() {
            let (id, Some(long)) = (argument.get_id().as_str(), argument.get_long()) else {
                continue;
            };
            if matches.value_source(id) != Some(clap::parser::ValueSource::CommandLine) {
                continue;
            }
            options.push(quoted(OsStr::new(&format!("--{long}"))));
            if argument.get_action().takes_values() {
                let values = matches.get_raw(id).into_iter().flatten();
                options.extend(values.map(|value| match PATHS.contains(&id) {
                    true => path_word(kind, id, value),
                    false => quoted(value),
                }));
            }
        }
        Ok(Self(options))
    }
}

/// The path for the shell. Several benches run one after another: the path of each has its name, as
/// `$name` has it, before its extension. In a folder, the reports have their programs' names.
fn path_word(kind: Kind, option: &str, path: &OsStr) -> Vec<u8> {
    if path == "-" {
        return quoted(path);
    }
    let is_folder = option == "output" && output::is_folder(Path::new(path));
    let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    if kind == Kind::Run || is_folder {
        return quoted(path.as_os_str());
    }
    let mut stem = path.with_extension("").into_os_string();
    stem.push(".");
    let mut word = [quoted(&stem), b"\"$name\"".to_vec()].concat();
    if let Some(extension) = path.extension() {
        word.extend(quoted(OsStr::from_bytes(&[b".", extension.as_bytes()].concat())));
    }
    word
}

/// A runner that starts `mod-alloc run` behind the runner that was configured before. The program
/// sees the variable `runner` as it was.
fn script_text<'w>(
    runner: &str,
    start: impl Iterator<Item = &'w OsString>,
    options: &Options,
) -> Vec<u8> {
    let mut text = b"#!/bin/sh\nname=${1##*/}\nname=${name%-*}\n".to_vec();
    match std::env::var_os(runner) {
        Some(value) => {
            text.extend(format!("{runner}=").into_bytes());
            text.extend(quoted(&value));
            text.extend(format!("\nexport {runner}\n").into_bytes());
        }
        None => text.extend(format!("unset {runner}\n").into_bytes()),
    }
    text.extend(b"exec");
    for word in start.map(|word| quoted(word)).chain(options.0.iter().cloned()) {
        text.push(b' ');
        text.extend(word);
    }
    text.extend(b" -- \"$@\"\n");
    text
}

/// A word that the shell takes as it is.
fn quoted(word: &OsStr) -> Vec<u8> {
    let mut text = b"'".to_vec();
    for &byte in word.as_bytes() {
        if byte == b'\'' { text.extend(b"'\\''") } else { text.push(byte) }
    }
    text.push(b'\'');
    text
}

fn write_script(path: &Path, text: &[u8]) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> clap::Command {
        let output = clap::Arg::new("output").short('o').long("output");
        let html = clap::Arg::new("html").long("html").action(clap::ArgAction::SetTrue);
        clap::Command::new("run").arg(output).arg(html)
    }

    fn options(kind: Kind, text: &str) -> String {
        let words = text.split_whitespace().map(OsString::from);
        let (ours, cargo) = sort_out(&own(), words);
        let options = Options::of(kind, &own(), ours).unwrap();
        let words: Vec<_> = options.0.iter().map(|word| String::from_utf8_lossy(word)).collect();
        format!("{} | {}", words.join(" "), cargo.join(OsStr::new(" ")).display())
    }

    #[test]
    fn options_of_ours_may_stand_anywhere_before_the_dashes() {
        for text in [
            "--release -o /r.json --html -p x -- -o y",
            "--html --output=/r.json --release -p x -- -o y",
            "--release -p x -o/r.json --html -- -o y",
        ] {
            let expected = "'--output' '/r.json' '--html' | --release -p x -- -o y";
            assert_eq!(options(Kind::Run, text), expected, "{text}");
        }
        let color = options(Kind::Run, "--color never");
        assert_eq!(color, "'--color' 'never' | --color never");
        assert!(Options::of(Kind::Run, &own(), vec!["-o".into()]).is_err());
    }

    #[test]
    fn a_path_is_absolute_and_has_the_bench_s_name() {
        let here = std::env::current_dir().unwrap();
        let expected = format!("'--output' '{}/it'\\''s' | ", here.display());
        assert_eq!(options(Kind::Run, "-o it's"), expected);
        assert_eq!(options(Kind::Run, "-o -"), "'--output' '-' | ");
        let bench = options(Kind::Bench, "-o /a/heap.json");
        assert_eq!(bench, "'--output' '/a/heap.'\"$name\"'.json' | ");
        assert_eq!(options(Kind::Bench, "-o /a/heap"), "'--output' '/a/heap.'\"$name\" | ");
    }
}
