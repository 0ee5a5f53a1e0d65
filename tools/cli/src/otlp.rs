//! OTLP profiles: protobuf of the package `opentelemetry.proto.profiles.v1development`.
//!
//! A [`Document`] is a profile for each sample type: the format has one number a sample. All of
//! them share the dictionary: stacks, locations, functions, files, strings and attributes, each of
//! which is there once, with the zero value as entry 0. The metric that is to be shown first is the
//! first profile.
//!
//! The bytes are a `ProfilesData`, which are those of an `ExportProfilesServiceRequest`, too: a
//! file can be posted to a collector as it is.

mod attributes;
mod dictionary;
mod options;

use std::io::{self, Write};

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::profiles::v1development::{
    Profile, ProfilesData, ResourceProfiles, Sample, ScopeProfiles, ValueType,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use crate::dhat_file::Document;
use crate::pprof::{self, Frames, SampleType, sample_types};

pub(crate) use attributes::{SERVICE, UNKNOWN};
use dictionary::Dictionary;
pub(crate) use options::Options;

/// The path of collectors, by OTLP's specification.
pub(crate) const PATH: &str = "/v1development/profiles";

/// Writes `document` to `out`.
pub(crate) fn write(
    document: &Document,
    of_samples: pprof::Options,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(&encoded(document, of_samples, options)?)
}

/// The bytes of `document`.
pub(crate) fn encoded(
    document: &Document,
    of_samples: pprof::Options,
    options: &Options,
) -> io::Result<Vec<u8>> {
    let mut types = sample_types(document, of_samples);
    // Readers show the first of all.
    types.sort_by_key(|kind| !kind.is_default);
    let mut dictionary = Dictionary::default();
    let stacks = Stacks::of(document, &types, &mut dictionary)?;
    let attributes = attributes::of_profile(document, &mut dictionary)?;
    let profiles = types.iter().enumerate().map(|(index, kind)| {
        let mut profile = head(document, of_samples, kind, &mut dictionary)?;
        profile.samples = stacks.samples(document, kind);
        profile.attribute_indices.clone_from(&attributes);
        profile.profile_id.clone_from(&options.id);
        if let Some(last) = profile.profile_id.last_mut() {
            *last = last.wrapping_add(index as u8);
        }
        Ok(profile)
    });
    let profiles = profiles.collect::<io::Result<Vec<Profile>>>()?;
    let scope = InstrumentationScope {
        name: "mod-alloc".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    };
    let scope = ScopeProfiles { scope: Some(scope), profiles, ..ScopeProfiles::default() };
    let attributes = attributes::of_resource(document, options);
    let resource = ResourceProfiles {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_profiles: vec![scope],
        ..ResourceProfiles::default()
    };
    let data = ProfilesData {
        resource_profiles: vec![resource],
        dictionary: Some(dictionary.into_message()),
    };
    Ok(data.encode_to_vec())
}

/// A profile without samples.
fn head(
    document: &Document,
    of_samples: pprof::Options,
    kind: &SampleType,
    dictionary: &mut Dictionary,
) -> io::Result<Profile> {
    let mut profile = Profile {
        sample_type: Some(value_type(&kind.name, &kind.unit, dictionary)?),
        time_unix_nano: of_samples.time_nanos,
        duration_nano: of_samples.duration(document),
        ..Profile::default()
    };
    // Without a type of the period, Pyroscope shows an empty name.
    let (name, unit) = if document.is_of_allocations() {
        ("space", "bytes")
    } else {
        (kind.name.as_str(), kind.unit.as_str())
    };
    profile.period_type = Some(value_type(name, unit, dictionary)?);
    // Without samples every byte was counted.
    profile.period = signed(document.samples().map_or(1, |samples| samples.mean_gap()));
    Ok(profile)
}

fn value_type(name: &str, unit: &str, dictionary: &mut Dictionary) -> io::Result<ValueType> {
    Ok(ValueType { type_strindex: dictionary.text(name)?, unit_strindex: dictionary.text(unit)? })
}

/// The places of the document's sites in the dictionary.
struct Stacks(Vec<Place>);

/// The place of a site.
struct Place {
    site: usize,
    stack: i32,
    attributes: Vec<i32>,
}

impl Stacks {
    /// Those with a number in any of `types`: the dictionary has no entry that nothing refers to.
    fn of(
        document: &Document,
        types: &[SampleType],
        dictionary: &mut Dictionary,
    ) -> io::Result<Self> {
        let frames = Frames::of(document);
        let mut places = Vec::new();
        for (index, site) in document.sites.iter().enumerate() {
            if types.iter().all(|kind| kind.value(document, &site.numbers) == 0) {
                continue;
            }
            let stack = dictionary.stack(&site.stack, &frames)?;
            let group = site.stack.last().and_then(|&frame| frames.group(frame));
            let group = group.map(|group| dictionary.attribute("group", group)).transpose()?;
            places.push(Place { site: index, stack, attributes: group.into_iter().collect() });
        }
        Ok(Self(places))
    }

    /// The samples of one type. What is zero is no sample.
    fn samples(&self, document: &Document, kind: &SampleType) -> Vec<Sample> {
        let sample = |place: &Place| {
            let value = kind.value(document, &document.sites.get(place.site)?.numbers);
            (value > 0).then(|| Sample {
                stack_index: place.stack,
                attribute_indices: place.attributes.clone(),
                values: vec![signed(value)],
                ..Sample::default()
            })
        };
        self.0.iter().filter_map(sample).collect()
    }
}

/// `number`, at most the largest that a signed one can be.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
