//! Answers, and the way they are written.

use std::io::{self, Write};

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    content_type: &'static str,
    more: Option<(&'static str, &'static str)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status: 200, content_type, more: None, body }
    }

    /// A line for people.
    pub(crate) fn text(status: u16, line: &str) -> Self {
        let body = format!("{line}\n").into_bytes();
        Self { status, content_type: "text/plain; charset=utf-8", more: None, body }
    }

    /// With one more field in the head.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.more = Some((name, value));
        self
    }

    pub(super) fn write(&self, out: &mut dyn Write, with_body: bool) -> io::Result<()> {
        let Self { status, content_type, more, body } = self;
        let mut head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
            reason(*status),
            body.len()
        );
        if let Some((name, value)) = more {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        out.write_all(head.as_bytes())?;
        if with_body { out.write_all(body) } else { Ok(()) }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
