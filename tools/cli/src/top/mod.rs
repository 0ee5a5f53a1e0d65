//! `mod-alloc top`: a running program, live.
//!
//! ```text
//!  watched ─▶ Reading ─▶ board (readings, names, history) ─┬▶ stream: text, json
//!                         rows, sorted and filtered         └▶ app ─▶ screen
//! ```
//!
//! The recording is read as a file. The program that writes it is neither stopped nor slowed; of
//! its process, only `/proc` is read.

mod app;
mod board;
mod chart;
mod hangup;
mod help;
mod history;
mod json;
mod keys;
mod live;
mod names;
mod pages;
mod palette;
mod readings;
mod screen;
mod signals;
mod stream;
mod text;

#[cfg(test)]
mod screen_tests;
#[cfg(test)]
mod testing;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use mod_alloc::report::Options;

use crate::base::exit_status::FAILED;
use crate::base::say::say;

use crate::watched::{Source, Target, Watched};
use app::App;
use board::Board;
use palette::Palette;
use readings::Sort;
use stream::{Format, Stream};

/// Arguments of `mod-alloc top`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
On a terminal, top is a live view; the key ? explains its keys. With --once, --count or --format \
json, or without a terminal, top prints tables until the process ends. The rates of the first table \
are averages since the start; those of a later table are averages since the table before.")]
pub(crate) struct Arguments {
    /// Process id, or path of a recording (./123 is the file 123)
    #[arg(value_name = "PID|RECORDING")]
    target: PathBuf,
    /// Print one table, then exit
    #[arg(long, conflicts_with = "count")]
    once: bool,
    /// Print N tables, then exit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Read the recording every SECONDS seconds
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Sort by this number
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,
    /// Print N sites of a table
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Show only sites with TEXT in a frame (function, file or module); case does not matter
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    /// The form of the tables; json is one object per line
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Search DIR for debug files first; may be given several times
    #[arg(long = "debug-dir", value_name = "DIR")]
    debug_dirs: Vec<PathBuf>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if !(0.01..=86_400.0).contains(&seconds) {
        return Err("not between 0.01 and 86400".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match watch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("{error}");
            ExitCode::from(FAILED)
        }
    }
}

fn watch(arguments: &Arguments) -> Result<(), String> {
    let mut source = Watched::open(&Target::parse(&arguments.target))?;
    let mut options = Options::default();
    options.debug_dirs.clone_from(&arguments.debug_dirs);
    let mut board = Board::new(source.read()?, arguments.sort, &arguments.filter, options);
    match stream(arguments) {
        Some(stream) => stream.run(&mut board, &mut source, &mut io::stdout().lock()),
        None => {
            let mut app = App::new(board, arguments.interval);
            let palette = Palette::new(AutoStream::choice(&io::stdout()) != ColorChoice::Never);
            live::run(&mut app, &mut source, palette).map_err(|error| format!("terminal: {error}"))
        }
    }
}

/// The tables to write; `None`: show the live view.
fn stream(arguments: &Arguments) -> Option<Stream> {
    let Arguments { once, top, interval, .. } = *arguments;
    let count = if once { Some(1) } else { arguments.count };
    let is_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    let is_live = count.is_none() && arguments.format.is_none() && is_terminal;
    let format = arguments.format.unwrap_or(Format::Text);
    (!is_live).then_some(Stream { format, top, count, interval })
}
