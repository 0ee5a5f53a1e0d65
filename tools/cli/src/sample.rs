//! `mod-alloc sample`: another rate of samples in a running program.
//!
//! A word of the recording's header asks for it. The program reads the word at events that are no
//! quick ones, so it pays nothing for being asked.

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::base::exit_status::FAILED;
use crate::base::say::say;
use crate::units::{Bytes, size};
use crate::watched::{Source, State, Target, Watched};

/// Arguments of `mod-alloc sample`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The program has to be one that was started with samples: by `mod-alloc run --sample SIZE`, with \
--sample all if it is to begin with each block, or with MOD_ALLOC_SAMPLE and MOD_ALLOC_RECORD. \
Blocks from before count as they were drawn. A process can have eight different sizes, and change \
between them as often as it is asked to.

Examples:
  mod-alloc sample 4711 all       an incident: each block, exactly
  mod-alloc sample 4711 512KiB    and back")]
pub(crate) struct Arguments {
    /// Process id, or path of a recording (./123 is the file 123)
    #[arg(value_name = "PID|RECORDING")]
    target: PathBuf,
    /// The mean gap between samples, 1KiB to 1GiB; all: each block is recorded
    #[arg(value_name = "SIZE|all", value_parser = gap)]
    gap: u32,
}

/// The mean gap that stands for each block.
pub(crate) const ALL: u32 = 1;

/// The mean gap between samples: the library's range, or all.
pub(crate) fn gap(text: &str) -> Result<u32, String> {
    const RANGE: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 30;
    if text == "all" {
        return Ok(ALL);
    }
    let bytes = size(text)?;
    let gap = u32::try_from(bytes).ok().filter(|_| RANGE.contains(&bytes));
    gap.ok_or_else(|| "1KiB to 1GiB is possible, and all".into())
}

/// How long an answer is waited for: a program that allocates gives it at once.
const PATIENCE: Duration = Duration::from_millis(300);

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match change(arguments) {
        Ok(line) => {
            say!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say!("{}: {error}", arguments.target.display());
            ExitCode::from(FAILED)
        }
    }
}

fn change(arguments: &Arguments) -> Result<String, String> {
    let mut watched = Watched::open(&Target::parse(&arguments.target))?;
    match watched.read()?.state {
        State::Running => {}
        State::Unseen => return Err("its process is not seen from here".into()),
        State::Ended(why) => return Err(why),
    }
    let file = watched.recording();
    let text = |error: mod_alloc::recording::file::Error| error.to_string();
    let refused = file.refused_gaps().map_err(text)?;
    if !file.ask_for_gap(arguments.gap).map_err(text)? {
        return Err("the process takes no samples: start it with --sample SIZE, or --sample all; \
                    a program with the crate, with MOD_ALLOC_SAMPLE"
            .into());
    }
    let (name, words) = (arguments.target.display(), words(arguments.gap));
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        match file.gap_answer(refused).map_err(text)? {
            Some(true) => return Ok(format!("{name}: {words} from now on")),
            Some(false) => {
                return Err("it has had eight different sizes: ask for one of them".into());
            }
            None => sleep(Duration::from_millis(5)),
        }
    }
    Ok(format!("{name}: {words} as soon as the program takes a sample or has allocated 4 MiB"))
}

fn words(gap: u32) -> String {
    match gap {
        ALL => "each block".into(),
        gap => format!("a block in {} on average", Bytes(u64::from(gap))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_a_size_in_range_or_all() {
        assert_eq!([gap("all"), gap("1KiB"), gap("1GiB")], [Ok(1), Ok(1024), Ok(1 << 30)]);
        for text in ["1", "0", "2GiB", "ALL", "", "-5"] {
            assert!(gap(text).is_err(), "{text}");
        }
    }
}
