//! `mod-alloc man`

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use super::Commands;
use crate::base::exit_status::FAILED;
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
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(commands.alone, folder));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("the man pages cannot be written to {}: {error}", folder.display());
            ExitCode::from(FAILED)
        }
    }
}
