//! `mod-alloc man`: a page for each command, of `mod-alloc` and of `cargo mod-alloc`.
//!
//! clap_mangen makes names, synopses and options. The words after them are sections of their own
//! here: examples as they are, the exit status, and notes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;
use clap_mangen::Man;

use super::commands::Commands;
use crate::base::exit_status::FAILED;
use crate::base::help_text::{Block, blocks};
use crate::base::output;
use crate::base::say::say;

/// Arguments of `mod-alloc man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArguments {
    /// Write the pages into DIR, which is made if it does not exist
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
}

pub(crate) fn man(arguments: &ManArguments, commands: Commands) -> ExitCode {
    let folder = &arguments.folder;
    let written = output::make_folder(folder).and_then(|()| {
        pages(commands.alone, folder)?;
        pages(commands.of_cargo.display_name("cargo-mod-alloc"), folder)
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("the man pages cannot be written to {}: {error}", folder.display());
            ExitCode::from(FAILED)
        }
    }
}

/// Writes the page of `command`, and of the commands in it.
fn pages(command: Command, folder: &Path) -> io::Result<()> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        write(inner, folder)?;
    }
    write(&command, folder)
}

fn write(command: &Command, folder: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let page = page(command, name)?;
    output::to_path(&folder.join(format!("{name}.1")), &mut |out| out.write_all(&page))
}

fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    // By hand: an empty date would be left out, and the next word taken for it.
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, r#".TH "{}" "1" "" "mod-alloc {version}" "User Commands""#, name.to_uppercase())?;
    let page = Man::new(command.clone());
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        page.render_options_section(&mut out)?;
    }
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        page.render_subcommands_section(&mut out)?;
    }
    if let Some(text) = command.get_after_help() {
        write_sections(&blocks(&text.to_string()), &mut out)?;
    }
    // Not every reader of pages takes UTF-8.
    let page = String::from_utf8_lossy(&out);
    let ascii = page.chars().map(|character| match character {
        _ if character.is_ascii() => character.to_string(),
        _ => format!(r"\[u{:04X}]", u32::from(character)),
    });
    Ok(ascii.collect::<String>().into_bytes())
}

/// Words that begin a section, and its title.
const SECTIONS: [(&str, &str); 2] = [("Examples:", "EXAMPLES"), ("Exit status:", "EXIT STATUS")];

fn write_sections(blocks: &[Block], out: &mut Vec<u8>) -> io::Result<()> {
    let (mut section, mut has_gap) = ("", false);
    for block in blocks {
        match block {
            Block::Gap => has_gap = true,
            Block::Lines(lines) => {
                writeln!(out, ".PP\n.EX")?;
                for line in lines {
                    writeln!(out, "{}", escaped(line))?;
                }
                writeln!(out, ".EE")?;
            }
            Block::Text(text) => {
                let begun = SECTIONS
                    .iter()
                    .find_map(|(begin, title)| Some((text.strip_prefix(begin)?, *title)));
                let (text, title) = begun.unwrap_or((text, "NOTES"));
                if section != title {
                    section = title;
                    writeln!(out, ".SH {title}")?;
                } else if has_gap {
                    writeln!(out, ".PP")?;
                }
                has_gap = false;
                if !text.is_empty() {
                    writeln!(out, "{}", escaped(&sentence(text.trim_start())))?;
                }
            }
        }
    }
    Ok(())
}

/// The first letter is a capital one.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// A line of text that a terminal shows, and a person copies, as it is.
fn escaped(line: &str) -> String {
    let mut escaped = String::new();
    // A line that begins with one of these is a request.
    if line.starts_with(['.', '\'']) {
        escaped.push_str(r"\&");
    }
    for character in line.chars() {
        match character {
            '\\' => escaped.push_str(r"\e"),
            '-' => escaped.push_str(r"\-"),
            '\'' => escaped.push_str(r"\(aq"),
            '`' => escaped.push_str(r"\(ga"),
            '^' => escaped.push_str(r"\(ha"),
            '~' => escaped.push_str(r"\(ti"),
            _ => escaped.push(character),
        }
    }
    escaped
}
