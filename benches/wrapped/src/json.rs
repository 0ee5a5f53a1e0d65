//! The same numbers for programs.

use serde_json::{Value, json};

use crate::options::Options;
use crate::rows::{Row, Rows};

/// All tables in one document.
pub(crate) fn text(options: &Options, results: &[Rows]) -> String {
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let workloads: Vec<Value> = results.iter().map(workload).collect();
    let document = json!({
        "schema_version": 1,
        "cpus": cpus,
        "quick": options.settings.quick,
        "rounds": options.rounds,
        "workloads": workloads,
    });
    format!("{document:#}\n")
}

fn workload(rows: &Rows) -> Value {
    json!({
        "workload": rows.workload.name,
        "title": rows.workload.title,
        "unit": if rows.workload.is_loop() { "ns per pair" } else { "ns" },
        "rows": rows.rows.iter().map(|row| numbers(rows, row)).collect::<Vec<_>>(),
    })
}

fn numbers(rows: &Rows, row: &Row) -> Value {
    let per_event = rows.workload.is_loop().then(|| rows.added(row) / 2.0);
    json!({
        "profiler": row.profiler,
        "runs": row.runs,
        "value": row.value,
        "added": rows.added(row),
        "added_per_event": per_event,
        "times_plain": rows.times_plain(row),
        "share_of_heaptracks_added": rows.part_of("heaptrack", row),
        "share_of_raw_heaptracks_added": rows.part_of("heaptrack-raw", row),
        "peak_resident_bytes": row.peak,
        "peak_times_plain": rows.memory_times_plain(row),
        "output_bytes": row.written,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::rows;

    #[test]
    fn every_number_of_the_table_is_there() {
        let options = Options::everything();
        let tables = [rows("loop-shallow", &[&[10], &[50], &[410], &[210]]), rows("rg", &[&[5]])];
        let document: Value = serde_json::from_str(&text(&options, &tables)).unwrap();
        let ours = &document["workloads"][0]["rows"][1];
        assert_eq!(ours["profiler"], "mod-alloc");
        assert_eq!((&ours["added_per_event"], &ours["times_plain"]), (&json!(20.0), &json!(5.0)));
        assert_eq!(ours["share_of_raw_heaptracks_added"], 0.2);
        assert_eq!(ours["peak_resident_bytes"], 20_971_520);
        let plain = &document["workloads"][1]["rows"][0];
        assert_eq!((&plain["value"], &plain["added_per_event"]), (&json!(5e6), &Value::Null));
        assert_eq!(plain["share_of_heaptracks_added"], Value::Null);
    }
}
