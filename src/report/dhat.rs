//! The profile as a dhat file, version 2, which `dh_view.html`, the Firefox Profiler and
//! other readers of dhat files open.
//!
//! | key | meaning | unit |
//! |---|---|---|
//! | `te` `tg` | end, heap's peak | µs since the start |
//! | `tb` `tbk` | ever allocated | bytes, blocks |
//! | `tl` | sum of the blocks' lifetimes | µs |
//! | `mb` `mbk` | this stack's own maximum | bytes, blocks |
//! | `gb` `gbk` | live when the heap peaked | bytes, blocks |
//! | `eb` `ebk` | live at the end | bytes, blocks |
//! | `fs` | indices into `ftbl`, innermost first | |
//!
//! Keys that begin with `x_` are ours; readers ignore what they do not know:
//!
//! | key | meaning |
//! |---|---|
//! | `x_version` | version of this crate |
//! | `x_settings` | `peak` (`exact` or `bounded` to 1 %), `frames`, `buckets` (null: grows), `unwind` |
//! | `x_losses` | what was not recorded in full, by cause; all 0 if nothing |
//! | `x_self_check` | with `MOD_ALLOC_SELF_CHECK=on`: captures `checked`, and `differences` found |
//! | `x_heap_state` | what the allocator held near the `peak` and at the `end`, see [below](self#the-heaps-state) |
//! | `x_modules` | `path`, `build_id` (hexadecimal), `start`, `end`, `bias` of every mapped object |
//! | `x_threads` | `id`, `name`, `running` and totals of every thread slot |
//! | `x_groups` | if there are any: `name` and numbers of every group of allocations |
//! | `x_merged` | in a stack: this many sites became equal, so `mb` and `mbk` are upper bounds |
//!
//! # The heap's state
//!
//! `x_heap_state`, which recordings of earlier versions lack, has `peak_bytes`, live at the heap's peak, and `peak` and `end`; each is null if nothing is
//! known of that moment, else it has: `time` (µs since the start), `requested_bytes` (what the program had
//! live then), `profiler_bytes` (what the profiler itself had of the same allocator), `allocator` (`jemalloc`, `mimalloc`, `glibc`, null), the allocator's figures of the same names
//! as in [`heap_state`](crate::api::heap_state::HeapState), `held`, `process_resident` and
//! `process_peak_resident`, and `fragmentation` with the shares of that
//! [name](crate::api::heap_state::Fragmentation), from 0 to 1, in which the profiler's bytes count as used. The state of the `peak` is taken down where
//! the program frees; if it had 1/16 more live once, that was too soon after (1 % of the run time is spent
//! on it), or in a signal's handler.
//!
//! Addresses in frames are as linked, so that two runs can be compared whatever the
//! loader's random base was.

use std::fmt::{self, Display};
use std::io::{self, BufWriter, Write};

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::recording::model::{Counters, Group, Losses, Module, SelfCheck, Settings, Thread};

use super::{Form, FrameRef, Profile, Run, StackRef};

/// dhat's index 0: the viewer puts it above all stacks.
const ROOT_FRAME: &str = "[root]";
/// Lifetimes below this many µs count as short.
const SHORT_LIFETIME_MICROS: u32 = 10;

/// Writes `profile` to `out`, stack by stack: the text is never in memory as a whole.
/// One line for each stack and each frame, so that files can be compared line by line; the last one has
/// no end. What it says of itself is as the profile's [`Form`] has it.
///
/// # Errors
///
/// Those of `out`.
pub fn write(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(64 * 1024, out);
    let mut serializer = serde_json::Serializer::with_formatter(&mut buffered, Lines::default());
    Document(profile).serialize(&mut serializer).map_err(io::Error::from)?;
    buffered.flush()
}

/// Breaks lines between top-level keys and between the elements of top-level arrays.
#[derive(Debug, Default)]
struct Lines {
    depth: usize,
}

impl Lines {
    fn between<W: ?Sized + Write>(
        &self,
        out: &mut W,
        first: bool,
        deepest: usize,
    ) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        if self.depth <= deepest { out.write_all(b"\n") } else { Ok(()) }
    }
}

impl serde_json::ser::Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"]")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"}")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.between(out, first, 2)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.between(out, first, 1)
    }
}

struct Document<'p>(&'p Profile);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let run = self.0.run();
        let mut map = serializer.serialize_map(None)?;
        serialize_header(self.0.form(), run, &mut map)?;
        map.serialize_entry("x_version", env!("CARGO_PKG_VERSION"))?;
        map.serialize_entry("x_settings", &SettingsEntry(&run.settings))?;
        map.serialize_entry("x_losses", &LossesEntry(&run.losses))?;
        if let Some(check) = &run.self_check {
            map.serialize_entry("x_self_check", &SelfCheckEntry(check))?;
        }
        if run.heap_states.is_known() {
            map.serialize_entry("x_heap_state", &run.heap_states)?;
        }
        map.serialize_entry("x_threads", &Array(|| run.threads.iter().map(ThreadEntry)))?;
        if !run.groups.is_empty() {
            map.serialize_entry("x_groups", &Array(|| run.groups.iter().map(GroupEntry)))?;
        }
        map.serialize_entry("x_modules", &Array(|| run.modules.iter().map(ModuleEntry)))?;
        map.serialize_entry("pps", &Array(|| self.0.stacks().map(ProgramPoint)))?;
        map.serialize_entry("ftbl", &Array(|| frame_table(self.0)))?;
        map.end()
    }
}

/// The keys that are dhat's, up to the stacks.
fn serialize_header<M: SerializeMap>(form: Form, run: &Run, map: &mut M) -> Result<(), M::Error> {
    let is_heap = form != Form::DhatAdHoc;
    let has_times = form != Form::Version1;
    map.serialize_entry("dhatFileVersion", &2)?;
    map.serialize_entry("mode", if is_heap { "rust-heap" } else { "rust-ad-hoc" })?;
    map.serialize_entry("verb", "Allocated")?;
    map.serialize_entry("bklt", &(is_heap && has_times))?;
    map.serialize_entry("bkacc", &false)?;
    if let Some(units) = units(form) {
        for (key, unit) in ["bu", "bsu", "bksu"].into_iter().zip(units) {
            map.serialize_entry(key, unit)?;
        }
    }
    map.serialize_entry("tu", if has_times { "µs" } else { "instrs" })?;
    map.serialize_entry("Mtu", if has_times { "s" } else { "Minstr" })?;
    if is_heap {
        map.serialize_entry("tuth", if has_times { &SHORT_LIFETIME_MICROS } else { &0 })?;
    }
    map.serialize_entry("cmd", &run.command)?;
    map.serialize_entry("pid", &run.pid)?;
    map.serialize_entry("te", if has_times { &run.end_micros } else { &0 })?;
    if is_heap {
        map.serialize_entry("tg", if has_times { &run.peak_micros } else { &0 })?;
    }
    Ok(())
}

/// What a byte, several of them, and blocks are called, where that is said.
fn units(form: Form) -> Option<[&'static str; 3]> {
    match form {
        Form::Own | Form::DhatHeap => None,
        Form::DhatAdHoc => Some(["unit", "units", "events"]),
        Form::Version1 => Some(["byte", "bytes", "blocks"]),
    }
}

/// The frames in the order of their ids, after the root.
fn frame_table(profile: &Profile) -> impl Iterator<Item = FrameEntry<'_>> {
    std::iter::once(FrameEntry::Root).chain(profile.frames().map(FrameEntry::Frame))
}

/// An array whose elements are made one by one while it is written.
struct Array<F>(F);

impl<F, I> Serialize for Array<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(None)?;
        for element in (self.0)() {
            array.serialize_element(&element)?;
        }
        array.end()
    }
}

struct ProgramPoint<'p>(StackRef<'p>);

impl Serialize for ProgramPoint<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stack = &self.0;
        let mut map = serializer.serialize_map(None)?;
        for (key, number) in wire_numbers(stack.counters(), stack.profile.form()) {
            map.serialize_entry(key, &number)?;
        }
        if stack.sites() > 1 {
            map.serialize_entry("x_merged", &stack.sites())?;
        }
        // Index 0 is the root, so a frame's index is one more than its id.
        let indices = || stack.frame_ids().iter().map(|&id| u64::from(id) + 1);
        map.serialize_entry("fs", &Array(indices))?;
        map.end()
    }
}

fn wire_numbers(
    counters: &Counters,
    form: Form,
) -> impl Iterator<Item = (&'static str, u64)> + use<> {
    let all = [
        ("tb", counters.total_bytes),
        ("tbk", counters.total_blocks),
        ("tl", counters.lifetimes_micros),
        ("mb", counters.max_bytes),
        ("mbk", counters.max_blocks),
        ("gb", counters.peak_bytes),
        ("gbk", counters.peak_blocks),
        ("eb", counters.end_bytes),
        ("ebk", counters.end_blocks),
    ];
    // Events are over when they happen.
    let counted = if form == Form::DhatAdHoc { 2 } else { all.len() };
    all.into_iter().take(counted)
}

enum FrameEntry<'p> {
    Root,
    Frame(FrameRef<'p>),
}

impl Serialize for FrameEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Root => serializer.serialize_str(ROOT_FRAME),
            Self::Frame(frame) => serializer.collect_str(frame),
        }
    }
}

struct SettingsEntry<'p>(&'p Settings);

impl Serialize for SettingsEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let settings = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("peak", if settings.peak_is_exact { "exact" } else { "bounded" })?;
        map.serialize_entry("frames", &settings.frames)?;
        map.serialize_entry("buckets", &settings.buckets)?;
        map.serialize_entry("unwind", settings.unwind)?;
        map.end()
    }
}

struct LossesEntry<'p>(&'p Losses);

impl Serialize for LossesEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Taken apart by name: a cause added to the model does not compile until it is here.
        let Losses {
            table_full,
            reentrant,
            reentrant_bytes,
            damaged_trailers,
            damaged_bytes,
            truncated_stacks,
            broken_stacks,
            threads_overflowed,
            no_room,
            groups_overflowed,
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("table_full", table_full)?;
        map.serialize_entry("reentrant", reentrant)?;
        map.serialize_entry("reentrant_bytes", reentrant_bytes)?;
        map.serialize_entry("damaged_trailers", damaged_trailers)?;
        map.serialize_entry("damaged_bytes", damaged_bytes)?;
        map.serialize_entry("truncated_stacks", truncated_stacks)?;
        map.serialize_entry("broken_stacks", broken_stacks)?;
        map.serialize_entry("threads_overflowed", threads_overflowed)?;
        map.serialize_entry("no_room", no_room)?;
        map.serialize_entry("groups_overflowed", groups_overflowed)?;
        map.end()
    }
}

struct SelfCheckEntry<'p>(&'p SelfCheck);

impl Serialize for SelfCheckEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let SelfCheck { checked, differences } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("checked", checked)?;
        map.serialize_entry("differences", differences)?;
        map.end()
    }
}

struct ThreadEntry<'p>(&'p Thread);

impl Serialize for ThreadEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let thread = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &thread.id)?;
        map.serialize_entry("name", &thread.name)?;
        map.serialize_entry("running", &thread.running)?;
        map.serialize_entry("total_bytes", &thread.total_bytes)?;
        map.serialize_entry("total_blocks", &thread.total_blocks)?;
        map.serialize_entry("freed_bytes", &thread.freed_bytes)?;
        map.serialize_entry("freed_blocks", &thread.freed_blocks)?;
        map.end()
    }
}

struct GroupEntry<'p>(&'p Group);

impl Serialize for GroupEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let group = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &group.name)?;
        map.serialize_entry("total_blocks", &group.total_blocks)?;
        map.serialize_entry("total_bytes", &group.total_bytes)?;
        map.serialize_entry("live_blocks", &group.end_blocks)?;
        map.serialize_entry("live_bytes", &group.end_bytes)?;
        map.serialize_entry("peak_bytes", &group.peak_bytes)?;
        map.end()
    }
}

struct ModuleEntry<'p>(&'p Module);

impl Serialize for ModuleEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let module = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("path", &module.path.to_string_lossy())?;
        map.serialize_entry("build_id", &Text(Hexadecimal(&module.build_id)))?;
        map.serialize_entry("start", &module.start)?;
        map.serialize_entry("end", &module.end)?;
        map.serialize_entry("bias", &module.bias)?;
        map.end()
    }
}

/// Serializes what can be displayed as a string, without making the string.
struct Text<T>(T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Hexadecimal<'b>(&'b [u8]);

impl Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
