//! The words of the command.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use crate::recordings::DebugFiles;

use super::push::Pushing;

/// Arguments of `mod-alloc serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mod-alloc serve 4711                                    then http://127.0.0.1:6060/
  go tool pprof -http : http://127.0.0.1:6060/debug/pprof/heap
  mod-alloc serve 4711 --listen 0.0.0.0:6060 --token-file /run/secrets/profiles
  mod-alloc serve 4711 --push http://pyroscope:4040/ingest --push-label zone=eu

  /debug/pprof/allocs      all allocations of the run, for pprof, Parca, Alloy
  /debug/pprof/heap        that, opened at what is live
  /debug/pprof/delta_heap  allocations since the same collector's last request, for Pyroscope
     ?client=NAME          the collector; else its address and User-Agent tell it from others
     ?seconds=N            allocations of the next N seconds
     ?pid=N                one process of several
  /metrics                 numbers for Prometheus
  /                        the report's page, of now

The recordings are read as files: the programs are neither stopped nor slowed, and need no code.
With --push, profiles go to a collector: to Pyroscope, or by OTLP. While it is away, nothing is
queued: the next push has all allocations since the last one that was taken. Dropped is what the
collector refuses, and what is left when it is away at the end; it is counted in /metrics and said.
--push ends when the programs have ended, or by a signal, with a last push.

Recordings of other users are served by root alone. `mod-alloc run --serve ADDR` starts a program
and serves it.")]
pub(crate) struct Arguments {
    /// Process ids, or paths of recordings (./123 is the file 123)
    #[arg(value_name = "PID|RECORDING", required = true)]
    pub(super) targets: Vec<PathBuf>,
    /// Listen at ADDR: HOST:PORT. With another host than 127.0.0.1, other machines may read
    /// [default: 127.0.0.1:6060; with --push, none]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(super) listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(super) token: Token,
    #[command(flatten)]
    pub(super) pushing: Pushing,
    #[command(flatten)]
    pub(super) debug_files: DebugFiles,
}

/// Options of `mod-alloc run` for an endpoint.
#[derive(Debug, clap::Args)]
pub(crate) struct Listening {
    /// Serve profiles, metrics and a page at ADDR (HOST:PORT) while the program runs: see
    /// `mod-alloc serve --help`
    #[arg(long = "serve", value_name = "ADDR", value_parser = address)]
    pub(super) listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(super) token: Token,
}

#[derive(Debug, clap::Args)]
pub(super) struct Token {
    /// Answer only requests with the token in FILE (Authorization: Bearer TOKEN)
    #[arg(long = "token-file", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

/// An address as `HOST:PORT`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().map_err(|error| {
        format!("{error}; HOST:PORT is needed, for example 127.0.0.1:6060 or [::1]:6060")
    })?;
    // The older kind first: `localhost` is written for it more often.
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| "the host has no address".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        assert_eq!(address("127.0.0.1:80"), Ok(([127, 0, 0, 1], 80).into()));
        assert_eq!(address("localhost:6060"), Ok(([127, 0, 0, 1], 6060).into()));
        assert!(address("[::1]:6060").is_ok_and(|address| address.is_ipv6()));
        for text in ["6060", "127.0.0.1", "127.0.0.1:66000", ""] {
            assert!(address(text).is_err_and(|error| error.contains("HOST:PORT")), "{text}");
        }
    }
}
