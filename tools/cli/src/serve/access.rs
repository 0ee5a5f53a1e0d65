//! Permission to ask.
//!
//! Without a token, an endpoint on this machine's own address is open to its users. A page in a
//! user's browser is none of them: it can give its own host the address 127.0.0.1 and then ask, but
//! the request names that host. So names other than `localhost` are refused there.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::http::Request;

/// Longest token file.
const LONGEST: u64 = 4096;

/// The requests that are answered.
#[derive(Debug)]
pub(super) enum Access {
    /// With this token.
    Token(String),
    /// To an address or to `localhost`.
    OwnHost,
    All,
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Token,
    Host,
}

impl Access {
    pub(super) fn of(token_file: Option<&Path>, listen: SocketAddr) -> Result<Self, String> {
        match token_file {
            Some(path) => token(path).map(Self::Token),
            None if listen.ip().is_loopback() => Ok(Self::OwnHost),
            None => Ok(Self::All),
        }
    }

    pub(super) fn check(&self, request: &Request) -> Result<(), Refused> {
        match self {
            Self::All => Ok(()),
            Self::Token(token) => {
                let given = request.authorization.as_deref().and_then(bearer);
                let fits = given.is_some_and(|given| is_equal(given.as_bytes(), token.as_bytes()));
                if fits { Ok(()) } else { Err(Refused::Token) }
            }
            Self::OwnHost => {
                let is_own = request.host.as_deref().is_none_or(is_own_host);
                if is_own { Ok(()) } else { Err(Refused::Host) }
            }
        }
    }
}

fn token(path: &Path) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
    if length > LONGEST {
        return Err(failed(&format_args!("more than {LONGEST} bytes are no token")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(failed(&"a token is one word of visible ASCII characters"));
    }
    Ok(token.to_owned())
}

/// The token of `Bearer TOKEN`.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares in a time that does not tell how much of `given` is right.
fn is_equal(given: &[u8], token: &[u8]) -> bool {
    let differences = given.iter().zip(token).fold(0, |found, (a, b)| found | (a ^ b));
    given.len() == token.len() && differences == 0
}

/// `HOST[:PORT]` is an address or `localhost`.
fn is_own_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let access = Access::Token("secret".into());
        let with = |value: Option<&str>| {
            let authorization = value.map(str::to_owned);
            access.check(&Request { authorization, ..Request::default() })
        };
        assert_eq!(with(Some("Bearer secret")), Ok(()));
        assert_eq!(with(Some("bearer  secret")), Ok(()));
        let wrong = ["Bearer secre", "Bearer secrets", "Bearer", "Basic secret", "secret", ""];
        for value in wrong.map(Some).into_iter().chain([None]) {
            assert_eq!(with(value), Err(Refused::Token), "{value:?}");
        }
    }

    #[test]
    fn a_name_that_anybody_can_give_to_this_machine_is_refused() {
        for host in ["localhost", "LocalHost:6060", "127.0.0.1:6060", "[::1]:6060", "10.0.0.7"] {
            assert!(is_own_host(host), "{host}");
        }
        for host in ["evil.example:6060", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!is_own_host(host), "{host}");
        }
    }
}
