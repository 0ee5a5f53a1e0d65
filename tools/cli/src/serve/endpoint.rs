//! The endpoint as a whole: it listens, and answers.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use crate::base::say::say;

use super::access::{Access, Refused};
use super::arguments::Listening;
use super::http::{Answer, Client, Delivered, Handler, Lane, Listener, Request};
use super::route;
use super::served::Served;

/// A socket that listens: requests wait in it until the endpoint is started.
#[derive(Debug)]
pub(crate) struct Endpoint {
    socket: TcpListener,
    address: SocketAddr,
    access: Access,
}

/// An endpoint that answers.
#[derive(Debug)]
pub(crate) struct Started(Listener);

impl Endpoint {
    /// The one that the options of a run ask for.
    pub(crate) fn of(options: &Listening) -> Result<Option<Self>, String> {
        let Listening { listen, token } = options;
        match (listen, &token.file) {
            (Some(listen), file) => Self::bind(*listen, file.as_deref()).map(Some),
            (None, None) => Ok(None),
            (None, Some(_)) => {
                Err("--token-file is for an endpoint: --serve ADDR is needed".into())
            }
        }
    }

    pub(super) fn bind(listen: SocketAddr, token_file: Option<&Path>) -> Result<Self, String> {
        let access = Access::of(token_file, listen)?;
        let bound = Listener::bind(listen).and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (address, socket) = bound.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("{listen} is taken by another program; name another port (0: any free one)")
            }
            _ => format!("{listen} cannot be listened at: {error}"),
        })?;
        Ok(Self { socket, address, access })
    }

    /// Says where it listens, and who can read there.
    pub(crate) fn tell(&self) {
        let address = self.address;
        say!("serving http://{address}/, /metrics and /debug/pprof/{{allocs,heap,delta_heap}}");
        if matches!(self.access, Access::All) {
            say!(
                "anybody who reaches {address} can read it, with names of functions and files and \
                 the command line; --token-file FILE asks for a token"
            );
        }
    }

    /// Begins to answer.
    pub(super) fn start(self, served: Arc<Served>) -> io::Result<Started> {
        let answering = Answering { served, access: self.access };
        Listener::start(self.socket, Arc::new(answering)).map(Started)
    }
}

impl Started {
    /// Takes no more requests.
    pub(crate) fn stop(self) {
        self.0.stop();
    }

    /// Answers until this process is ended.
    pub(super) fn stay(self) {
        self.0.stay();
    }
}

/// The processes, and those who may ask.
struct Answering {
    served: Arc<Served>,
    access: Access,
}

impl Handler for Answering {
    fn lane(&self, request: &Request) -> Lane {
        route::lane(request)
    }

    fn answer(&self, request: &Request, client: &Client<'_>) -> (Answer, Option<Delivered>) {
        match self.access.check(request) {
            Ok(()) => route::answer(&self.served, request, client),
            Err(Refused::Token) => {
                let answer = Answer::text(401, "the token is missing or wrong");
                (answer.with("WWW-Authenticate", "Bearer"), None)
            }
            Err(Refused::Host) => {
                let line = "ask by an address or by localhost, or start with --token-file";
                (Answer::text(403, line), None)
            }
        }
    }
}
