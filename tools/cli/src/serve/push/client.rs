//! One request to the collector.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use ureq::http::{HeaderValue, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Timeout};

use super::body::Body;

/// Longest file of an authorization.
const LONGEST: u64 = 8192;
/// Most of an answer that is read.
const ANSWER: u64 = 64 << 10;
/// Most of a collector's words that are repeated.
const WORDS: usize = 200;

/// The end of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// The collector has it; the bytes that it answered.
    Taken(Vec<u8>),
    /// It will never take this one.
    Refused(String),
    /// It has not got it, or wants it later: after this time, if it said one.
    Later(String, Option<Duration>),
    /// It may have it.
    None(String),
}

/// Sends requests.
#[derive(Debug)]
pub(super) struct Client(Agent);

impl Client {
    pub(super) fn new() -> Self {
        // The system's authorities, and those of SSL_CERT_FILE: by default they would be Mozilla's.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .tls_config(tls)
            // An authorization is for nobody else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The collector may have closed a connection that waited for the next push, and a push
            // over it would be one without an answer.
            .max_idle_connections(0)
            .user_agent(concat!("mod-alloc/", env!("CARGO_PKG_VERSION")));
        Self(config.build().new_agent())
    }

    /// Posts `body` to `url`, within `limit`.
    pub(super) fn post(
        &self,
        url: &str,
        body: &Body,
        auth_file: Option<&Path>,
        limit: Duration,
    ) -> Answer {
        // Read each time: tokens are renewed.
        let authorization = match auth_file.map(authorization).transpose() {
            Ok(authorization) => authorization,
            Err(why) => return Answer::Later(why, None),
        };
        let mut request = self.0.post(url).content_type(body.kind);
        request = request.config().timeout_global(Some(limit)).build();
        if body.is_encoded {
            request = request.header("Content-Encoding", "gzip");
        }
        for (key, value) in &body.query {
            request = request.query(key, value);
        }
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        match request.send(&body.bytes[..]) {
            Ok(mut response) => {
                let wished = response.headers().get("Retry-After").and_then(seconds);
                let status = response.status();
                let mut text = Vec::new();
                let reader = response.body_mut().as_reader();
                // The status says enough if there is no more.
                let _ = reader.take(ANSWER).read_to_end(&mut text);
                of_status(status, text, wished)
            }
            Err(error) => of_error(&error),
        }
    }
}

fn of_status(status: StatusCode, text: Vec<u8>, wished: Option<Duration>) -> Answer {
    if status.is_success() {
        return Answer::Taken(text);
    }
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let words: String = line.trim().chars().take(WORDS).filter(|c| !c.is_control()).collect();
    let told = if words.is_empty() { String::new() } else { format!(": {words}") };
    let why = format!("the collector answered {status}{told}");
    match status.as_u16() {
        // The profile itself is what it does not take. All else may be put right there.
        400 | 406 | 411 | 413 | 415 | 422 => Answer::Refused(why),
        300..=399 => Answer::Later(format!("{why}; give the URL that it moved to"), wished),
        401 | 403 => Answer::Later(format!("{why}; --push-auth-file FILE authorizes"), wished),
        _ => Answer::Later(why, wished),
    }
}

fn of_error(error: &ureq::Error) -> Answer {
    let why = error.to_string();
    let is_sent = match error {
        // Names, connections and TLS come before the first byte of a request.
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Tls(_)
        | ureq::Error::Rustls(_)
        | ureq::Error::Pem(_)
        | ureq::Error::BadUri(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::ConnectProxyFailed(_) => false,
        ureq::Error::Io(error) => !matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::InvalidData
        ),
        _ => true,
    };
    if is_sent { Answer::None(why) } else { Answer::Later(why, None) }
}

/// The seconds of `Retry-After`. A date there is for caches; it is left alone.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The value of the header field that the file has.
fn authorization(path: &Path) -> Result<HeaderValue, String> {
    let failed = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| failed(&error))?;
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
    let text = text.trim();
    if text.is_empty() || text.len() as u64 > LONGEST {
        return Err(failed(&format_args!("1 to {LONGEST} bytes are an authorization")));
    }
    let text = if text.contains(' ') { text.to_owned() } else { format!("Bearer {text}") };
    let value = HeaderValue::from_str(&text);
    let mut value = value.map_err(|_| failed(&"one line of visible ASCII is needed"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_profile_that_is_refused_as_such_is_dropped() {
        let of = |status: u16| {
            of_status(StatusCode::from_u16(status).unwrap(), b"\n why \nmore".to_vec(), None)
        };
        assert!(matches!(of(200), Answer::Taken(text) if text == b"\n why \nmore"));
        assert!(matches!(of(204), Answer::Taken(_)));
        for status in [400, 413, 415, 422] {
            let answer = of(status);
            let Answer::Refused(why) = answer else { panic!("{status}: {answer:?}") };
            assert!(why.ends_with(": why"), "{why}");
        }
        for status in [301, 401, 403, 404, 408, 429, 500, 502, 503, 504] {
            assert!(matches!(of(status), Answer::Later(..)), "{status}");
        }
    }

    #[cfg_attr(miri, ignore = "it writes files")]
    #[test]
    fn an_authorization_is_a_line_or_a_token() {
        let path = std::env::temp_dir().join(format!("mod-alloc-auth-{}", std::process::id()));
        let of = |text: &str| {
            fs::write(&path, text).unwrap();
            authorization(&path).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(of("secret\n").as_deref(), Ok("Bearer secret"));
        assert_eq!(of("Basic YTpi\n").as_deref(), Ok("Basic YTpi"));
        for text in ["", " \n", "a b\nX-Other: c", &"x".repeat(9000)] {
            assert!(of(text).is_err_and(|why| why.starts_with("/")), "{text}");
        }
        fs::remove_file(&path).unwrap();
        assert!(authorization(&path).is_err());
    }
}
