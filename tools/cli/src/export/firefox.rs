//! The Firefox Profiler's processed profile, version 60: later versions of the profiler bring it up
//! to date.
//!
//! A metric is a thread, and a stack a native allocation in it, as when the profiler opens a dhat
//! file itself; blocks are samples, since allocations are in bytes there. All are at time 0: a
//! report has no order of events. The heap over time is a track beside them.
//! `fxprof-processed-profile` has weights of 32 bits, which bytes exceed.

mod counters;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io::{self, Write};

use crate::dhat_file::{Document, Frame, Location};

use super::json_text::{column, list, string, strings};
use super::metric::{self, Metric};
use super::names::{file_name, function, index};
use super::tree::{ROOT, Tree};

/// Of the format; `version` is the one of Firefox's own, older format.
const VERSIONS: &str = "\"version\":32,\"preprocessedProfileVersion\":60";
const CATEGORIES: &str = r#"[{"name":"Other","color":"grey","subcategories":["Other"]}]"#;
const NO_MARKERS: &str =
    r#"{"data":[],"name":[],"startTime":[],"endTime":[],"phase":[],"category":[],"length":0}"#;
const NO_SYMBOLS: &str = r#"{"libIndex":[],"address":[],"name":[],"functionSize":[],"length":0}"#;
/// The resource is a library.
const LIBRARY: u32 = 1;

pub(super) fn write(document: &Document, metric: Metric, out: &mut dyn Write) -> io::Result<()> {
    let tree = Tree::of(document, |frame| frame);
    meta(document, metric, out)?;
    out.write_all(b",\n\"threads\":[")?;
    for (index, metric) in metric::known(document).enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        thread(document, metric, index, &tree, out)?;
    }
    out.write_all(b"]")?;
    counters::write(document, out)?;
    out.write_all(b",\n\"shared\":{")?;
    Shared::of(document).write(&tree, out)?;
    out.write_all(b"}}\n")
}

fn meta(document: &Document, metric: Metric, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"meta\":{{{VERSIONS},\"interval\":1,\"startTime\":0,\"processType\":0")?;
    out.write_all(b",\"product\":")?;
    string(out, &document.command)?;
    write!(out, ",\"importedFrom\":\"mod-alloc {}\"", env!("CARGO_PKG_VERSION"))?;
    write!(out, ",\"stackwalk\":1,\"debug\":false,\"symbolicated\":true")?;
    write!(out, ",\"usesOnlyOneStackType\":true,\"sourceCodeIsNotOnSearchfox\":true")?;
    write!(out, ",\"doesNotUseFrameImplementation\":true,\"keepProfileThreadOrder\":true")?;
    counters::times(document, out)?;
    let opened = metric::known(document).position(|known| known == metric).unwrap_or(0);
    write!(out, ",\"initialSelectedThreads\":[{opened}]")?;
    write!(out, ",\"categories\":{CATEGORIES},\"markerSchema\":[]}},\"libs\":[]")
}

fn thread(
    document: &Document,
    metric: Metric,
    index: usize,
    tree: &Tree,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(b"{\"processType\":\"default\",\"processStartupTime\":0")?;
    out.write_all(b",\"processShutdownTime\":null,\"registerTime\":0,\"unregisterTime\":null")?;
    out.write_all(b",\"pausedRanges\":[],\"name\":")?;
    string(out, &metric::title(metric, document))?;
    // A main thread is always shown.
    write!(out, ",\"isMainThread\":true,\"pid\":\"{}\",\"tid\":{index}", document.pid)?;
    write!(out, ",\"markers\":{NO_MARKERS},\"samples\":")?;
    if metric.counts_bytes() {
        out.write_all(br#"{"stack":[],"time":[],"weight":[],"weightType":"samples","length":0}"#)?;
        out.write_all(b",\"nativeAllocations\":")?;
    }
    weights(document, metric, tree, out)?;
    out.write_all(b"}")
}

/// The stacks of a metric, and their numbers.
fn weights(
    document: &Document,
    metric: Metric,
    tree: &Tree,
    out: &mut dyn Write,
) -> io::Result<()> {
    let parts = document.sites.iter().map(|site| metric.part(document, &site.numbers));
    let known = || tree.leaves.iter().zip(parts.clone()).filter(|(_, part)| *part > 0);
    let length = known().count();
    out.write_all(b"{\"stack\":")?;
    list(out, known().map(|(&leaf, _)| Nullable(leaf.checked_sub(1))))?;
    out.write_all(b",\"time\":")?;
    list(out, std::iter::repeat_n(0, length))?;
    out.write_all(b",\"weight\":")?;
    list(out, known().map(|(_, part)| part))?;
    let kind = if metric.counts_bytes() { "bytes" } else { "samples" };
    write!(out, ",\"weightType\":\"{kind}\",\"length\":{length}}}")
}

/// A number or `null`.
struct Nullable(Option<u32>);

impl Display for Nullable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => number.fmt(f),
            None => f.write_str("null"),
        }
    }
}

/// The tables that all threads share.
struct Shared<'d> {
    frames: Vec<Frame<'d>>,
    texts: Texts<'d>,
    /// For each frame, its function.
    functions: Vec<u32>,
    /// Name, module's name and file; all but the name may be missing.
    function_list: Vec<(u32, Option<u32>, Option<u32>)>,
    resources: Numbered,
    sources: Numbered,
}

/// Texts, each once.
#[derive(Default)]
struct Texts<'d> {
    all: Vec<Cow<'d, str>>,
    ids: HashMap<Cow<'d, str>, u32>,
}

impl<'d> Texts<'d> {
    fn id(&mut self, text: Cow<'d, str>) -> u32 {
        *self.ids.entry(text).or_insert_with_key(|text| {
            self.all.push(text.clone());
            index(self.all.len() - 1)
        })
    }
}

/// Some of the texts, with numbers of their own.
#[derive(Default)]
struct Numbered {
    texts: Vec<u32>,
    ids: HashMap<u32, u32>,
}

impl Numbered {
    fn id(&mut self, text: u32) -> u32 {
        *self.ids.entry(text).or_insert_with(|| {
            self.texts.push(text);
            index(self.texts.len() - 1)
        })
    }
}

impl<'d> Shared<'d> {
    fn of(document: &'d Document) -> Self {
        let mut shared = Self {
            frames: document.frames.iter().map(|text| Frame::parse(text)).collect(),
            texts: Texts::default(),
            functions: Vec::new(),
            function_list: Vec::new(),
            resources: Numbered::default(),
            sources: Numbered::default(),
        };
        let mut ids = HashMap::new();
        for frame in shared.frames.clone() {
            let function = shared.function(&frame);
            let id = *ids.entry(function).or_insert_with(|| {
                shared.function_list.push(function);
                index(shared.function_list.len() - 1)
            });
            shared.functions.push(id);
        }
        shared
    }

    fn function(&mut self, frame: &Frame<'d>) -> (u32, Option<u32>, Option<u32>) {
        let name = self.texts.id(function(frame));
        match frame.location {
            Location::Source { file, .. } => {
                let file = self.texts.id(file.into());
                (name, None, Some(self.sources.id(file)))
            }
            Location::Module(path) => {
                let module = self.texts.id(file_name(path).into());
                (name, Some(self.resources.id(module)), None)
            }
            Location::Unknown => (name, None, None),
        }
    }

    fn write(&self, tree: &Tree, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\"stringArray\":")?;
        strings(out, self.texts.all.iter().map(|text| &**text))?;
        self.stacks(tree, out)?;
        self.frames(out)?;
        self.functions(out)?;
        self.resources(out)?;
        let files = &self.sources.texts;
        out.write_all(b",\n\"sources\":{\"id\":")?;
        list(out, files.iter().map(|_| "null"))?;
        column(out, "filename", files)?;
        write!(out, ",\"length\":{}}},\n\"nativeSymbols\":{NO_SYMBOLS}", files.len())
    }

    /// The tree without its root: node N is stack N - 1.
    fn stacks(&self, tree: &Tree, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b",\n\"stackTable\":{\"frame\":")?;
        list(out, &tree.keys[1..])?;
        let prefix = |&parent: &u32| Nullable((parent != ROOT).then(|| parent - 1));
        column(out, "prefix", tree.parents[1..].iter().map(prefix))?;
        write!(out, ",\"length\":{}}}", tree.len() - 1)
    }

    fn frames(&self, out: &mut dyn Write) -> io::Result<()> {
        let place = |frame: &Frame<'_>| match frame.location {
            Location::Source { line, column, .. } => (line, column),
            _ => (0, 0),
        };
        let known = |number: u32| Nullable((number > 0).then_some(number));
        let zeroes = || std::iter::repeat_n(0, self.frames.len());
        let nulls = || std::iter::repeat_n("null", self.frames.len());
        out.write_all(b",\n\"frameTable\":{\"func\":")?;
        list(out, &self.functions)?;
        // Addresses are of modules, which are not known of all frames.
        column(out, "address", std::iter::repeat_n(-1, self.frames.len()))?;
        column(out, "inlineDepth", zeroes())?;
        column(out, "category", zeroes())?;
        column(out, "subcategory", zeroes())?;
        column(out, "nativeSymbol", nulls())?;
        column(out, "innerWindowID", nulls())?;
        column(out, "line", self.frames.iter().map(|frame| known(place(frame).0)))?;
        column(out, "column", self.frames.iter().map(|frame| known(place(frame).1)))?;
        write!(out, ",\"length\":{}}}", self.frames.len())
    }

    fn functions(&self, out: &mut dyn Write) -> io::Result<()> {
        let all = &self.function_list;
        let falses = || std::iter::repeat_n(false, all.len());
        let nulls = || std::iter::repeat_n("null", all.len());
        out.write_all(b",\n\"funcTable\":{\"name\":")?;
        list(out, all.iter().map(|function| function.0))?;
        column(out, "isJS", falses())?;
        column(out, "relevantForJS", falses())?;
        let resource = |resource: Option<u32>| resource.map_or(-1, i64::from);
        column(out, "resource", all.iter().map(|function| resource(function.1)))?;
        column(out, "source", all.iter().map(|function| Nullable(function.2)))?;
        column(out, "lineNumber", nulls())?;
        column(out, "columnNumber", nulls())?;
        write!(out, ",\"length\":{}}}", all.len())
    }

    fn resources(&self, out: &mut dyn Write) -> io::Result<()> {
        let names = &self.resources.texts;
        out.write_all(b",\n\"resourceTable\":{\"name\":")?;
        list(out, names)?;
        column(out, "lib", names.iter().map(|_| "null"))?;
        column(out, "host", names.iter().map(|_| "null"))?;
        column(out, "type", names.iter().map(|_| LIBRARY))?;
        write!(out, ",\"length\":{}}}", names.len())
    }
}
