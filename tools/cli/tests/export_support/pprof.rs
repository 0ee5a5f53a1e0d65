//! pprof's messages, decoded by another library than the one that is tested.

use std::io::Read;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Profile {
    #[prost(message, repeated, tag = "1")]
    pub(crate) sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    pub(crate) string_table: Vec<String>,
    #[prost(int64, tag = "9")]
    pub(crate) time_nanos: i64,
    #[prost(int64, tag = "10")]
    pub(crate) duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    pub(crate) period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    pub(crate) period: i64,
    #[prost(int64, repeated, tag = "13")]
    pub(crate) comment: Vec<i64>,
    #[prost(int64, tag = "14")]
    pub(crate) default_sample_type: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ValueType {
    #[prost(int64, tag = "1")]
    pub(crate) kind: i64,
    #[prost(int64, tag = "2")]
    pub(crate) unit: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    pub(crate) location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    pub(crate) value: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) label: Vec<Label>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Label {
    #[prost(int64, tag = "1")]
    pub(crate) key: i64,
    #[prost(int64, tag = "2")]
    pub(crate) text: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Mapping {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) memory_start: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) memory_limit: u64,
    #[prost(int64, tag = "5")]
    pub(crate) filename: i64,
    #[prost(int64, tag = "6")]
    pub(crate) build_id: i64,
    #[prost(bool, tag = "10")]
    pub(crate) has_inline_frames: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Location {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) mapping_id: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) address: u64,
    #[prost(message, repeated, tag = "4")]
    pub(crate) line: Vec<Line>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Line {
    #[prost(uint64, tag = "1")]
    pub(crate) function_id: u64,
    #[prost(int64, tag = "2")]
    pub(crate) line: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Function {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(int64, tag = "2")]
    pub(crate) name: i64,
    #[prost(int64, tag = "4")]
    pub(crate) filename: i64,
}

impl Profile {
    /// Unpacks and decodes a file, and checks that everything that it refers to is there.
    pub(crate) fn decode(gzipped: &[u8]) -> Self {
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(gzipped).read_to_end(&mut bytes).expect("it is gzipped");
        let profile = <Self as prost::Message>::decode(&*bytes).expect("it is a profile");
        profile.assert_sound();
        profile
    }

    pub(crate) fn text(&self, index: i64) -> &str {
        &self.string_table[usize::try_from(index).expect("no index is negative")]
    }

    /// Name and unit of each number of a sample.
    pub(crate) fn types(&self) -> Vec<String> {
        let name = |kind: &ValueType| format!("{}/{}", self.text(kind.kind), self.text(kind.unit));
        self.sample_type.iter().map(name).collect()
    }

    /// The sum of the samples' numbers of a type.
    pub(crate) fn sum(&self, kind: &str) -> i128 {
        let types = self.types();
        let index = types.iter().position(|name| name == kind);
        let index = index.unwrap_or_else(|| panic!("no {kind} among {types:?}"));
        self.sample.iter().map(|sample| i128::from(sample.value[index])).sum()
    }

    /// The functions of a location, innermost first.
    pub(crate) fn functions(&self, location: u64) -> Vec<&str> {
        let location = &self.location[location as usize - 1];
        let name = |line: &Line| self.text(self.function[line.function_id as usize - 1].name);
        location.line.iter().map(name).collect()
    }

    fn assert_sound(&self) {
        assert_eq!(self.string_table[0], "");
        let in_order = |ids: Vec<u64>| {
            let expected: Vec<u64> = (1..=ids.len() as u64).collect();
            assert_eq!(ids, expected, "ids begin at 1 and have no gaps");
        };
        in_order(self.location.iter().map(|location| location.id).collect());
        in_order(self.function.iter().map(|function| function.id).collect());
        in_order(self.mapping.iter().map(|mapping| mapping.id).collect());
        for sample in &self.sample {
            assert_eq!(sample.value.len(), self.sample_type.len());
            assert!(sample.value.iter().all(|&value| value >= 0), "{sample:?}");
            let known = |id: &u64| (1..=self.location.len() as u64).contains(id);
            assert!(sample.location_id.iter().all(known), "{sample:?}");
        }
        for location in &self.location {
            assert!(location.mapping_id <= self.mapping.len() as u64);
            let known = |line: &Line| (1..=self.function.len() as u64).contains(&line.function_id);
            assert!(location.line.iter().all(known), "{location:?}");
        }
    }
}
