//! The same numbers for programs.

use serde_json::{Value, json};

use crate::Table;
use crate::memory::{self, Memory, PRICES};
use crate::options::Options;
use crate::programs::Unit;
use crate::rows::{Numbers, Row, Rows};

/// All tables in one document. Times are nanoseconds unless the key says otherwise.
pub(crate) fn text(options: &Options, results: &[Table]) -> String {
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let tables: Vec<Value> = results.iter().map(table).collect();
    let document = json!({
        "schema_version": 2, "cpus": cpus, "quick": options.quick, "tables": tables,
    });
    format!("{document:#}\n")
}

fn table(table: &Table) -> Value {
    match table {
        Table::Rows(rows) => workload(rows),
        Table::Memory(memory) => prices(memory),
    }
}

fn workload(rows: &Rows) -> Value {
    json!({
        "build": rows.build,
        "workload": rows.workload.name,
        "title": rows.workload.title,
        "unit": rows.unit.name(),
        "rows": rows.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    let mut value = match &row.numbers {
        Ok(numbers) => numbers_of(numbers),
        Err(reason) => json!({ "refused": reason }),
    };
    value["allocator"] = row.allocator.name.into();
    value["runs"] = row.runs.into();
    value
}

fn numbers_of(numbers: &Numbers) -> Value {
    let Numbers { median, added, ratio, again_ratio, of_dhat, of_mod_alloc_1, speed_up } = numbers;
    json!({
        "value": median.value,
        "second_pass": median.again,
        "added": added,
        "times_plain": ratio,
        "second_pass_times_plain": again_ratio,
        "share_of_dhats_added": of_dhat,
        "share_of_mod_alloc_1s_added": of_mod_alloc_1,
        "times_one_thread": speed_up,
        "peak_resident_kib": median.resident_kib,
        "exit_ms": median.exit_millis,
        "report_bytes": median.report.map(|report| report.bytes),
        "report_sites": median.report.map(|report| report.sites),
        "lost_share_of_blocks": median.report.map(|report| report.lost),
    })
}

fn prices(memory: &Memory) -> Value {
    json!({
        "build": memory.build,
        "workload": "memory",
        "title": "resident memory that a profiler adds to one of each",
        "unit": Unit::Bytes.name(),
        "frames_per_site": memory.frames_per_site,
        "rows": memory.rows.iter().map(prices_of).collect::<Vec<_>>(),
    })
}

fn prices_of(row: &memory::Row) -> Value {
    let mut value = match &row.bytes {
        Ok(bytes) => PRICES.iter().zip(bytes).map(|(price, bytes)| (price.name, *bytes)).collect(),
        Err(reason) => json!({ "refused": reason }),
    };
    value["allocator"] = row.allocator.name.into();
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::{named, rows};

    #[test]
    fn a_row_has_every_number_of_the_table() {
        let values: [(&str, &[f64]); 3] =
            [("plain", &[10.0]), ("mod-alloc", &[40.0]), ("mod-alloc-1", &[70.0])];
        let table = table(&Table::Rows(rows("frame-pointers", "shallow", &values)));
        assert_eq!(table["unit"], "ns per pair");
        let ours = &table["rows"][1];
        assert_eq!(ours["allocator"], "mod-alloc");
        assert_eq!(ours["share_of_mod_alloc_1s_added"], 0.5);
        assert_eq!(ours["lost_share_of_blocks"], Value::Null, "there is no report");
    }

    #[test]
    fn prices_are_bytes_by_name() {
        let bytes = Ok(vec![8.0, 16.0, 8.5, 260.0, 8e3, 51_200.0, 1e6, 1.5e6]);
        let row = memory::Row { allocator: named("mod-alloc"), bytes };
        let refusing = memory::Row { allocator: named("heapscope"), bytes: Err("why".to_owned()) };
        let (build, rows) = ("default".to_owned(), vec![row, refusing]);
        let table = table(&Table::Memory(Memory { build, frames_per_site: 2.1, rows }));
        assert_eq!(table["frames_per_site"], 2.1);
        assert_eq!(table["rows"][0]["56-byte block"], 16.0);
        assert_eq!(table["rows"][0]["process"], 1e6);
        assert_eq!(table["rows"][1]["refused"], "why");
    }
}
