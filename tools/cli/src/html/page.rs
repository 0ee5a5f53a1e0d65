//! The page around the data.

use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Built by `tools/viewer`; `tools/check/viewer` compares.
const PAGE: &str = include_str!("page.html");
/// The places of the head and of the data in it.
const PLACES: [&str; 2] = ["{{HEAD}}", "{{DATA}}"];

/// Writes the page with `head` and with the data that `data` writes.
pub(super) fn write(
    out: &mut dyn Write,
    head: &serde_json::Value,
    data: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let (before, rest) = PAGE.split_once(PLACES[0]).unwrap_or((PAGE, ""));
    let (between, after) = rest.split_once(PLACES[1]).unwrap_or((rest, ""));
    out.write_all(before.as_bytes())?;
    // The text is in an element that only `</script` ends.
    out.write_all(head.to_string().replace('<', "\\u003c").as_bytes())?;
    out.write_all(between.as_bytes())?;
    let mut encoder = GzEncoder::new(EncoderWriter::new(&mut *out, &STANDARD), Compression::new(6));
    data(&mut encoder)?;
    encoder.finish()?.finish()?;
    out.write_all(after.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_each_once() {
        for place in PLACES {
            assert_eq!(PAGE.matches(place).count(), 1, "{place}");
        }
    }

    #[test]
    fn nothing_in_the_head_ends_its_element() {
        let mut out = Vec::new();
        let head = serde_json::json!({ "command": "</script><script>alert(1)</script>" });
        write(&mut out, &head, |_| Ok(())).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert_eq!(page.matches("</script").count(), PAGE.matches("</script").count());
        assert!(page.contains(r"\u003c/script>\u003cscript>alert(1)"));
    }
}
