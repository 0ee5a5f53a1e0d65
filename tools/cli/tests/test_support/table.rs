//! Our table, as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// The numbers of a test: blocks, bytes, peak, blocks and bytes at the end.
pub(crate) type Numbers = [u64; 5];

const KEYS: [&str; 5] = ["blocks", "bytes", "peak_bytes", "end_blocks", "end_bytes"];

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) value: Value,
    /// By `KIND BINARY NAME`: result and numbers.
    pub(crate) rows: BTreeMap<String, (String, Numbers)>,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Self {
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(value["schema_version"], 1);
        let mut rows = BTreeMap::new();
        for row in value["tests"].as_array().expect("a list") {
            let text = |key: &str| row[key].as_str().expect("a text").to_owned();
            let key = format!("{} {} {}", text("kind"), text("binary"), text("name"));
            let numbers = KEYS.map(|key| row[key].as_u64().expect("a number"));
            assert_eq!(row.as_object().expect("an object").len(), 9, "no other keys");
            let before = rows.insert(key.clone(), (text("result"), numbers));
            assert!(before.is_none(), "two rows of {key}");
        }
        Self { value, rows }
    }

    pub(crate) fn result(&self, key: &str) -> &str {
        &self.row(key).0
    }

    pub(crate) fn numbers(&self, key: &str) -> Numbers {
        self.row(key).1
    }

    fn row(&self, key: &str) -> &(String, Numbers) {
        self.rows.get(key).unwrap_or_else(|| panic!("no row {key} in {:#?}", self.rows))
    }

    /// Rows by their results.
    pub(crate) fn count(&self, result: &str) -> usize {
        self.rows.values().filter(|(found, _)| found == result).count()
    }

    pub(crate) fn losses(&self) -> Vec<&str> {
        let losses = self.value["losses"].as_array();
        losses.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}
