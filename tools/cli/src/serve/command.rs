//! The command.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use crate::base::exit_status::FAILED;
use crate::base::say::say;

use super::arguments::Arguments;
use super::endpoint::Endpoint;
use super::push::Destination;
use super::service::{Service, Signals};
use super::sources::Known;

/// The address of an endpoint, if none is asked for.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 6060);

/// Serves until it is ended from outside; with pushes, until the programs have ended, too.
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
    let destination = Destination::of(&arguments.pushing)?;
    // Whoever pushes need not be asked.
    let listen = arguments.listen.or_else(|| destination.is_none().then_some(DEFAULT));
    let endpoint = match listen {
        Some(listen) => Some(Endpoint::bind(listen, arguments.token.file.as_deref())?),
        None if arguments.token.file.is_some() => {
            return Err("--token-file is for an endpoint: --listen ADDR is needed".into());
        }
        None => None,
    };
    // With an endpoint alone, signals end this process as ever.
    let signals = destination.is_some().then(Signals::block);
    let signals = signals.transpose().map_err(|error| error.to_string())?;
    let running = Service::new(endpoint, destination).start_with(known, true);
    if !running.stay(signals.as_ref()) {
        return Err("no thread can be started".into());
    }
    Ok(())
}
