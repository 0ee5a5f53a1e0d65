//! For packagers: completions and man pages, made of the definition of the command line.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;

use crate::base::exit_status::FAILED;
use crate::base::output;
use crate::base::say::say;

/// Arguments of `mod-alloc completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArguments {
    /// The shell to complete in
    shell: Shell,
}

/// Arguments of `mod-alloc man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArguments {
    /// Write the pages into DIR, which is made if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(crate) fn completions(arguments: &CompletionsArguments, mut command: Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "mod-alloc", &mut script);
    match output::to_stdout(&mut |out| out.write_all(&script)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("the completions cannot be written: {error}");
            ExitCode::from(FAILED)
        }
    }
}

pub(crate) fn man(arguments: &ManArguments, command: Command) -> ExitCode {
    let folder = &arguments.folder;
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("the man pages cannot be written to {}: {error}", folder.display());
            ExitCode::from(FAILED)
        }
    }
}
