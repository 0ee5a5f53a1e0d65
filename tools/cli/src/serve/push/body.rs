//! The request of one push.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceResponse;
use prost::Message;

use crate::dhat_file::Document;
use crate::otlp;
use crate::pprof;
use crate::serve::limits::fitting;

use super::destination::Destination;
use super::options::Form;

/// A request's body, and what is said of it.
#[derive(Debug)]
pub(super) struct Body {
    /// `Content-Type`
    pub(super) kind: &'static str,
    /// `Content-Encoding: gzip`. Pyroscope's `/ingest` takes a packed profile without it.
    pub(super) is_encoded: bool,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) bytes: Vec<u8>,
}

impl Body {
    /// The push of `document`, under `name`.
    pub(super) fn new(
        destination: &Destination,
        name: &str,
        document: &Document,
        options: pprof::Options,
    ) -> io::Result<Self> {
        match destination.form {
            Form::Pyroscope => {
                let plain = fitting(document, options.metric, |shown| {
                    let mut plain = Vec::new();
                    pprof::write_plain(shown, options, &mut plain).map(|()| plain)
                })?;
                Ok(Self {
                    kind: "application/octet-stream",
                    is_encoded: false,
                    query: query(destination, name, options),
                    bytes: pprof::gzipped(&plain)?,
                })
            }
            Form::Otlp => {
                let mut resource = vec![(otlp::SERVICE.to_owned(), name.to_owned())];
                resource.extend(destination.labels.iter().cloned());
                // The command line may hold secrets.
                let of_program = otlp::Options { resource, has_command: false, id: id() };
                let plain = fitting(document, options.metric, |shown| {
                    otlp::encoded(shown, options, &of_program)
                })?;
                Ok(Self {
                    kind: "application/x-protobuf",
                    is_encoded: true,
                    query: Vec::new(),
                    bytes: pprof::gzipped(&plain)?,
                })
            }
        }
    }
}

/// The parameters by which Pyroscope knows a profile. `name` is followed by the labels:
/// `app{zone=eu}`.
fn query(
    destination: &Destination,
    name: &str,
    options: pprof::Options,
) -> Vec<(&'static str, String)> {
    let labels = destination.labels.iter().map(|(key, value)| format!("{key}={value}"));
    let labels: Vec<String> = labels.collect();
    let until = Duration::from_nanos(options.time_nanos);
    let since = until.saturating_sub(Duration::from_nanos(options.duration_nanos.unwrap_or(0)));
    vec![
        ("name", format!("{}{{{}}}", ingestible(name), labels.join(","))),
        ("format", "pprof".into()),
        ("from", since.as_secs().to_string()),
        ("until", until.as_secs().to_string()),
        ("spyName", "mod-alloc".into()),
    ]
}

/// A name of an application that Pyroscope takes: in it `{`, for one, would begin the labels.
fn ingestible(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    name.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect()
}

/// 16 bytes that no other push has; the last is that of the first sample type.
fn id() -> Vec<u8> {
    let half = || RandomState::new().hash_one(std::time::Instant::now());
    let mut id = [half().to_be_bytes(), half().to_be_bytes()].concat();
    // Zeroes alone would be no id.
    (id[0], id[15]) = (id[0] | 1, 0);
    id
}

/// The words of a collector that answered 200 and has not taken all.
pub(super) fn rejection(form: Form, answer: &[u8]) -> Option<String> {
    if form != Form::Otlp {
        return None;
    }
    let answer = ExportProfilesServiceResponse::decode(answer).ok()?;
    let part = answer.partial_success?;
    (part.rejected_profiles > 0).then(|| {
        format!(
            "the collector rejected {} profiles: {}",
            part.rejected_profiles, part.error_message
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_pyroscope_takes() {
        assert_eq!(ingestible("my-app_1.2/x"), "my-app_1.2/x");
        assert_eq!(ingestible("a{b=c},ü"), "a_b_c___");
    }

    #[test]
    fn ids_differ_and_are_not_zero() {
        let (one, other) = (id(), id());
        assert_eq!(one.len(), 16);
        assert!(one != other && one[0] != 0);
    }

    #[test]
    fn only_otlp_rejects_a_part() {
        use opentelemetry_proto::tonic::collector::profiles::v1development as service;
        let of = |rejected_profiles| {
            let part = service::ExportProfilesPartialSuccess {
                rejected_profiles,
                error_message: "why".into(),
            };
            ExportProfilesServiceResponse { partial_success: Some(part) }.encode_to_vec()
        };
        assert!(rejection(Form::Otlp, &of(4)).unwrap().ends_with("4 profiles: why"));
        assert_eq!(rejection(Form::Otlp, &of(0)), None);
        assert_eq!(rejection(Form::Otlp, b""), None);
        assert_eq!(rejection(Form::Pyroscope, &of(4)), None);
    }
}
