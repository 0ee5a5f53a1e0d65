//! The same numbers for programs.

use serde_json::{Value, json};

use crate::options::Options;
use crate::programs::Unit;
use crate::rows::{Numbers, Row, Rows};

/// All tables in one document. Times are nanoseconds unless the key says otherwise.
pub(crate) fn text(options: &Options, results: &[Rows]) -> String {
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let tables: Vec<Value> = results.iter().map(table).collect();
    let document = json!({
        "schema_version": 1, "cpus": cpus, "quick": options.quick, "tables": tables,
    });
    format!("{document:#}\n")
}

fn table(rows: &Rows) -> Value {
    let unit = match rows.unit {
        Unit::Pair => "ns per pair",
        Unit::Pass => "ns per pass",
        Unit::Shared => "ns of wall time per pair of all threads",
        Unit::Instructions => "instructions per pair",
    };
    json!({
        "build": rows.build,
        "workload": rows.workload.name,
        "title": rows.workload.title,
        "unit": unit,
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
    let Numbers { median, added, ratio, of_dhat } = numbers;
    json!({
        "value": median.value,
        "second_pass": (median.again > 0.0).then_some(median.again),
        "added": added,
        "times_plain": ratio,
        "share_of_dhats_added": of_dhat,
        "peak_resident_kib": median.resident_kib,
        "exit_ms": median.exit_millis,
        "report_bytes": median.report_bytes,
    })
}
