//! The head of a request.

use super::answer::Answer;

/// Longest head, in bytes.
pub(super) const LONGEST: usize = 8 << 10;
/// Most fields in a head.
const MOST_FIELDS: usize = 64;

/// A request, as far as it matters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// Without the question mark.
    pub(crate) query: String,
    pub(crate) host: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) user_agent: Option<String>,
    /// The answer's body is not sent.
    pub(crate) is_head: bool,
}

impl Request {
    /// The value of `key` in the query, the last one.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.rev().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

/// Reads the head at the beginning of `bytes`; `None`: more bytes are needed.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Request>, Answer> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let is_whole = match head.parse(bytes) {
        Ok(status) => status.is_complete(),
        Err(httparse::Error::TooManyHeaders) => return Err(too_large()),
        Err(error) => return Err(Answer::text(400, &format!("not a request: {error}"))),
    };
    if !is_whole {
        return if bytes.len() >= LONGEST { Err(too_large()) } else { Ok(None) };
    }
    let is_head = match head.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Answer::text(405, "GET and HEAD alone").with("Allow", "GET, HEAD")),
    };
    let target = head.path.unwrap_or_default();
    // A proxy's form has the host in front.
    let path = target
        .strip_prefix("http://")
        .map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let field = |name: &str| {
        let mut fields = head.headers.iter();
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(field.value).trim().to_owned())
    };
    Ok(Some(Request {
        path: path.to_owned(),
        query: query.to_owned(),
        host: field("host"),
        authorization: field("authorization"),
        user_agent: field("user-agent"),
        is_head,
    }))
}

fn too_large() -> Answer {
    Answer::text(431, &format!("a head has {LONGEST} bytes and {MOST_FIELDS} fields at most"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(bytes: &[u8]) -> u16 {
        parse(bytes).expect_err("no request").status
    }

    #[test]
    fn a_head_may_come_byte_by_byte() {
        let whole = b"GET /debug/pprof/heap?a=1&seconds=5&a=2 HTTP/1.1\r\nHost: x:1\r\n\r\n";
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), Ok(None), "{length}");
        }
        let request = parse(whole).unwrap().unwrap();
        assert_eq!((&*request.path, request.host.as_deref()), ("/debug/pprof/heap", Some("x:1")));
        assert_eq!((request.value("seconds"), request.value("a")), (Some("5"), Some("2")));
        assert_eq!(request.value("b"), None);
    }

    #[test]
    fn the_form_for_proxies_is_understood() {
        let path = |head: &[u8]| parse(head).unwrap().unwrap().path;
        assert_eq!(path(b"GET http://h:1/metrics?x HTTP/1.1\r\n\r\n"), "/metrics");
        assert_eq!(path(b"GET http://h HTTP/1.1\r\n\r\n"), "/");
    }

    #[test]
    fn bad_heads_have_their_status() {
        assert_eq!(status(b"\x16\x03\x01\x02\x00"), 400, "TLS");
        assert_eq!(status(b"POST / HTTP/1.1\r\n\r\n"), 405);
        assert_eq!(status(&[&b"GET /"[..], &vec![b'a'; LONGEST]].concat()), 431);
        let fields = b"a: b\r\n".repeat(MOST_FIELDS + 1);
        assert_eq!(status(&[b"GET / HTTP/1.1\r\n", &*fields, b"\r\n"].concat()), 431);
    }
}
