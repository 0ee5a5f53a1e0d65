//! The rows as JSON.

use std::io::{self, Write};

use serde::Serialize;

use crate::test::measured::numbers::Numbers;
use crate::test::measured::rows::{Row, Rows};

/// The version of what is below. A new key does not change it.
pub(crate) const VERSION: u64 = 1;

#[derive(Serialize)]
struct Out<'r> {
    schema_version: u64,
    tests: &'r [Row],
    #[serde(skip_serializing_if = "<[Row]>::is_empty")]
    apart: &'r [Row],
    total: Numbers,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    losses: &'r [String],
}

pub(crate) fn write(rows: &Rows, out: &mut dyn Write) -> io::Result<()> {
    let out_rows = Out {
        schema_version: VERSION,
        tests: &rows.rows,
        apart: &rows.apart,
        total: rows.total(),
        losses: &rows.losses,
    };
    serde_json::to_writer_pretty(&mut *out, &out_rows)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::measured::rows::tests::row;

    #[test]
    fn the_keys_are_those_that_are_promised() {
        let rows = Rows { rows: vec![row("a", 3)], losses: vec![], ..Rows::default() };
        let mut out = Vec::new();
        write(&rows, &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let expected = serde_json::json!({
            "schema_version": 1,
            "tests": [{
                "name": "a", "binary": "b", "kind": "unit", "result": "ok",
                "blocks": 1, "bytes": 3, "peak_bytes": 3, "end_blocks": 0, "end_bytes": 0
            }],
            "total": {"blocks": 1, "bytes": 3, "peak_bytes": 3, "end_blocks": 0, "end_bytes": 0}
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn losses_are_said() {
        let rows = Rows { rows: vec![], losses: vec!["why".into()], ..Rows::default() };
        let mut out = Vec::new();
        write(&rows, &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["losses"], serde_json::json!(["why"]));
    }
}
