//! The command.

use std::process::ExitCode;

use crate::base::exit_status::FAILED;
use crate::base::say::say;

use super::arguments::Arguments;
use super::endpoint::Endpoint;
use super::sources::Known;

/// Serves until it is ended from outside.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("{error}");
            ExitCode::from(FAILED)
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), String> {
    let known = Known::named(&arguments.targets, arguments.debug_files.options())?;
    let endpoint = Endpoint::bind(arguments.listen, arguments.token.file.as_deref())?;
    endpoint.tell();
    let started = endpoint.start_with(known);
    started.map_err(|error| format!("no thread can be started: {error}"))?.stay();
    Ok(())
}
