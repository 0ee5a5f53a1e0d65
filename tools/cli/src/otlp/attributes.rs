//! Facts beside the numbers, by OpenTelemetry's semantic conventions where they have a name.

use std::io;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};

use crate::dhat_file::Document;

use super::dictionary::Dictionary;
use super::options::Options;

/// The attributes of the program.
pub(super) fn of_resource(document: &Document, options: &Options) -> Vec<KeyValue> {
    let program = document.program();
    let name = document.program_name().unwrap_or_else(|| UNKNOWN.into());
    let mut texts = Vec::new();
    if !options.resource.iter().any(|(key, _)| key == SERVICE) {
        texts.push((SERVICE.to_owned(), name.clone()));
    }
    texts.extend(options.resource.iter().cloned());
    texts.push(("process.executable.name".into(), name));
    if !program.is_empty() {
        texts.push(("process.executable.path".into(), program.to_owned()));
    }
    if options.has_command && !document.command.is_empty() {
        texts.push(("process.command_line".into(), document.command.clone()));
    }
    let text = |(key, text)| attribute(key, any_value::Value::StringValue(text));
    let mut attributes: Vec<KeyValue> = texts.into_iter().map(text).collect();
    // The sum of several processes is none of them.
    if document.extras.processes.len() <= 1 {
        let pid = i64::try_from(document.pid).unwrap_or(i64::MAX);
        attributes.push(attribute("process.pid".into(), any_value::Value::IntValue(pid)));
    }
    attributes
}

/// The name of a program without one, by the conventions.
pub(crate) const UNKNOWN: &str = "unknown_service";
/// The name that collectors sort programs by.
pub(crate) const SERVICE: &str = "service.name";

fn attribute(key: String, value: any_value::Value) -> KeyValue {
    KeyValue { key, value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Remarks on the numbers: samples that they are estimated from, losses, sums of peaks.
pub(super) fn of_profile(document: &Document, dictionary: &mut Dictionary) -> io::Result<Vec<i32>> {
    let mut remarks = Vec::new();
    if let Some(samples) = document.samples() {
        let sentence = samples.sentence(&document.totals());
        remarks.push(("mod_alloc.sampling".to_owned(), sentence));
    }
    let processes = document.extras.processes.len();
    if processes > 1 {
        remarks.push(("mod_alloc.processes".into(), processes.to_string()));
    }
    let losses = document.extras.losses.unwrap_or_default();
    let lost = losses.iter().filter(|(_, figure)| *figure > 0);
    remarks.extend(
        lost.map(|(loss, figure)| (format!("mod_alloc.lost.{}", loss.key), figure.to_string())),
    );
    remarks.iter().map(|(key, value)| dictionary.attribute(key, value)).collect()
}
