//! `mod-alloc completions`: a script for a shell, in which `mod-alloc` and `cargo mod-alloc` are
//! completed.
//!
//! clap_complete makes the options and the commands of it. The words around them, in the files of
//! this folder, know the rest: the program after `run`, and cargo, which has a script of its own.

use std::process::ExitCode;

use clap::{Arg, Command, ValueEnum};
use clap_complete::{Shell, generate};

use super::commands::Commands;
use crate::base::exit_status::FAILED;
use crate::base::output;
use crate::base::say::say;

const BASH: &str = include_str!("completions/mod-alloc.bash");
const ZSH: &str = include_str!("completions/mod-alloc.zsh");
const FISH: &str = include_str!("completions/mod-alloc.fish");

/// Arguments of `mod-alloc completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The script completes mod-alloc and cargo mod-alloc. It goes into the shell's own file, after all that
completes cargo:
  bash, in ~/.bashrc                    source <(mod-alloc completions bash)
  zsh, in ~/.zshrc, after compinit      source <(mod-alloc completions zsh)
  fish, in ~/.config/fish/config.fish   mod-alloc completions fish | source")]
pub(crate) struct CompletionsArguments {
    /// The shell to complete in
    shell: Known,
}

/// The shells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

pub(crate) fn completions(arguments: &CompletionsArguments, commands: &Commands) -> ExitCode {
    let script = script(arguments.shell, commands);
    match output::unchanged_to_stdout(&mut |out| out.write_all(script.as_bytes())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("the completions cannot be written: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn script(shell: Known, commands: &Commands) -> String {
    let (alone, of_cargo) = (shown(&commands.alone), shown(&commands.of_cargo));
    let options = options_with_value(&alone);
    match shell {
        Known::Bash => {
            // In names with a hyphen, the generator's own labels do not meet.
            let [alone, of_cargo] = [(alone, "mod_alloc"), (of_cargo, "cargo_mod_alloc")]
                .map(|(command, name)| without_registration(&made(Shell::Bash, command, name)));
            format!("{alone}\n{of_cargo}\n{BASH}").replace("OPTIONS_WITH_VALUE", &options)
        }
        Known::Zsh => {
            let [alone, of_cargo] = [(alone, "mod-alloc"), (of_cargo, "cargo-mod-alloc")]
                .map(|(command, name)| without_registration(&made(Shell::Zsh, command, name)));
            let (_, alone) = alone.split_once('\n').unwrap_or_default();
            let (_, of_cargo) = of_cargo.split_once('\n').unwrap_or_default();
            format!("#compdef mod-alloc cargo-mod-alloc\n{alone}\n{of_cargo}\n{ZSH}")
        }
        Known::Fish => {
            let cargo = Command::new("cargo").disable_help_flag(true);
            let cargo = cargo.disable_help_subcommand(true).subcommand(of_cargo);
            // fish has functions of these names for cargo itself.
            let of_cargo =
                made(Shell::Fish, cargo, "cargo").replace("__fish_cargo", "__mod_alloc_cargo");
            let alone = made(Shell::Fish, alone, "mod-alloc");
            format!("{alone}\n{of_cargo}\n{FISH}").replace("OPTIONS_WITH_VALUE", &options)
        }
    }
}

fn made(shell: Shell, mut command: Command, name: &str) -> String {
    let mut script = Vec::new();
    generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The script without its last statement, `if …`, which registers one function for one command.
fn without_registration(script: &str) -> String {
    let end = script.rfind("\nif [").map_or(script.len(), |at| at + 1);
    script[..end].to_owned()
}

/// The command without its hidden parts.
fn shown(command: &Command) -> Command {
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new("mod-alloc")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .args(command.get_arguments().filter(|argument| !argument.is_hide_set()))
        .subcommands(commands)
}

/// The options of `run` that a value follows, between spaces.
fn options_with_value(command: &Command) -> String {
    let run = command.find_subcommand("run").into_iter().flat_map(Command::get_arguments);
    let options = run.chain(command.get_arguments());
    let with_value = options.filter(|option| option.get_action().takes_values());
    let words = |option: &Arg| {
        let long = option.get_long().map(|long| format!("--{long}"));
        long.into_iter()
            .chain(option.get_short().map(|short| format!("-{short}")))
            .collect::<Vec<_>>()
    };
    with_value.flat_map(words).collect::<Vec<_>>().join(" ")
}
