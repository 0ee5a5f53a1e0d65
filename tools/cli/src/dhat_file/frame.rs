//! A frame's text, taken apart.
//!
//! Writers agree on `0xADDRESS: function (where)`, where *where* is `file:line`,
//! `file:line:column`, `in module`, or unknown. What does not look like that is a remark, such as
//! `[stack truncated]`, or text of another program's, and is shown as it is.

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'t> {
    /// The whole text.
    pub text: &'t str,
    /// The return address as it is written, with its `0x`.
    pub address: Option<&'t str>,
    /// The function; `None` if its name is not known, or the frame is no code.
    pub function: Option<&'t str>,
    /// Its place.
    pub location: Location<'t>,
}

/// The place of a frame's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location<'t> {
    /// A line of a source file.
    Source {
        /// Path as it is written.
        file: &'t str,
        /// Line, counted from 1; 0 if unknown.
        line: u32,
        /// Column, counted from 1; 0 if unknown.
        column: u32,
    },
    /// An object file.
    Module(&'t str),
    /// Nothing is known.
    Unknown,
}

impl<'t> Frame<'t> {
    /// Takes `text` apart.
    #[must_use]
    pub fn parse(text: &'t str) -> Self {
        let (address, rest) = split_address(text);
        let (name, place) = split_place(rest);
        let remark = address.is_none() && place.is_none();
        Frame {
            text,
            address,
            function: (!remark && name != "???" && !name.is_empty()).then_some(name),
            location: place.map_or(Location::Unknown, parse_place),
        }
    }

    /// True if it is no code but a remark.
    #[must_use]
    pub fn is_remark(&self) -> bool {
        self.address.is_none() && self.function.is_none()
    }
}

/// `0x12ab: rest`
fn split_address(text: &str) -> (Option<&str>, &str) {
    let split = text.split_once(": ").filter(|(address, _)| is_address(address));
    split.map_or((None, text), |(address, rest)| (Some(address), rest))
}

fn is_address(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `name (place)`; the place is in the last parentheses, which may hold others of its own.
fn split_place(text: &str) -> (&str, Option<&str>) {
    let Some(inner) = text.strip_suffix(')') else { return (text, None) };
    let mut depth = 0;
    for (at, byte) in inner.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' if depth > 0 => depth -= 1,
            b'(' => {
                let name = inner[..at].strip_suffix(' ');
                return match name {
                    Some(name) => (name, Some(&inner[at + 1..])),
                    // `f(int)`: the parameters of a function, not a place.
                    None => (text, None),
                };
            }
            _ => {}
        }
    }
    (text, None)
}

fn parse_place(place: &str) -> Location<'_> {
    if let Some(module) = place.strip_prefix("in ") {
        return if module == "???" { Location::Unknown } else { Location::Module(module) };
    }
    let (before, last) = split_number(place);
    let (file, line, column) = match split_number(before) {
        (file, Some(line)) => (file, line, last.unwrap_or(0)),
        (_, None) => (before, last.unwrap_or(0), 0),
    };
    if file == "???" || file.is_empty() {
        return Location::Unknown;
    }
    Location::Source { file, line, column }
}

/// `file:12` gives `file` and 12.
fn split_number(text: &str) -> (&str, Option<u32>) {
    let split = text.rsplit_once(':').and_then(|(rest, number)| Some((rest, number.parse().ok()?)));
    split.map_or((text, None), |(rest, number)| (rest, Some(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: &str, line: u32, column: u32) -> Location<'_> {
        Location::Source { file, line, column }
    }

    fn parsed(text: &str) -> (Option<&str>, Option<&str>, Location<'_>) {
        let frame = Frame::parse(text);
        (frame.address, frame.function, frame.location)
    }

    #[test]
    fn frames_of_every_writer() {
        for (text, address, function, location) in [
            ("0x12ab: a::f (src/x.rs:7:9)", "0x12ab", Some("a::f"), source("src/x.rs", 7, 9)),
            ("0x109184: mk (a.c:6)", "0x109184", Some("mk"), source("a.c", 6, 0)),
            (
                "0x48417B4: malloc (in /usr/lib/x.so)",
                "0x48417B4",
                Some("malloc"),
                Location::Module("/usr/lib/x.so"),
            ),
            ("0x4: ??? (in /usr/bin/a b)", "0x4", None, Location::Module("/usr/bin/a b")),
            ("0x4: ??? (in ???)", "0x4", None, Location::Unknown),
            ("0x4: f (???:0:0)", "0x4", Some("f"), Location::Unknown),
            ("0x4: ???", "0x4", None, Location::Unknown),
            ("0x4: f(int) (a.cc:1)", "0x4", Some("f(int)"), source("a.cc", 1, 0)),
            ("0x4: f(int, void (*)())", "0x4", Some("f(int, void (*)())"), Location::Unknown),
            ("0x4: f (/a (b)/c.rs:1:2)", "0x4", Some("f"), source("/a (b)/c.rs", 1, 2)),
            ("0x4: f (/a/c.rs)", "0x4", Some("f"), source("/a/c.rs", 0, 0)),
        ] {
            assert_eq!(parsed(text), (Some(address), function, location), "{text}");
        }
    }

    #[test]
    fn anything_else_is_a_remark_or_a_bare_name() {
        for remark in ["[stack truncated: set MOD_ALLOC_FRAMES]", "[root]", "", "0x: f", ")", "("] {
            let frame = Frame::parse(remark);
            assert!(frame.is_remark(), "{remark}: {frame:?}");
            assert_eq!(frame.text, remark);
        }
        let bare = Frame::parse("main (src/main.rs:3)");
        assert_eq!(bare.function, Some("main"));
        assert!(!bare.is_remark());
        // Not inside a character.
        assert_eq!(Frame::parse("0xé: ü (ö:ä)").function, Some("0xé: ü"));
    }
}
