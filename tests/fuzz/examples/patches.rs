//! Makes a seed of a recording: `cargo run --example patches RECORDING >seeds/recording/NAME`.

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use mod_alloc_fuzz::patches;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: patches RECORDING >SEED");
        return ExitCode::from(2);
    };
    let patches = File::open(&path).and_then(|recording| patches::of_recording(&recording));
    match patches.and_then(|patches| io::stdout().lock().write_all(&patches)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
