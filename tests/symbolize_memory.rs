//! Memory that lookups of names take at their peak: a small part of the debug information.
//!
//! One test, in a process of its own: the kernel counts pages by process.
#![cfg(feature = "symbolicate")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use mod_alloc::symbolize::{Strings, Symbol, Symbolizer};
use object::{Object, ObjectSection};

#[expect(dead_code, reason = "other tests compile other programs")]
#[path = "symbolize/programs.rs"]
mod programs;
use programs::*;

#[global_allocator]
static COUNTED: Counted = Counted;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, whose bytes are counted.
struct Counted;

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's contract, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's contract, handed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Bytes at the peak, in blocks and resident.
#[derive(Debug, Clone, Copy)]
struct Peak {
    blocks: usize,
    resident: usize,
}

/// The peak while `work` is done, above what was there before.
fn peak_of(work: impl FnOnce()) -> Peak {
    // Sets the kernel's peak to what is resident now.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, resident) = (NOW.load(Ordering::Relaxed), most_resident());
    PEAK.store(before, Ordering::Relaxed);
    work();
    let blocks = PEAK.load(Ordering::Relaxed) - before;
    Peak { blocks, resident: most_resident() - resident }
}

fn most_resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap();
    kib << 10
}

/// Units of the program, each with types that take most of its debug information.
const UNITS: usize = 64;
const TYPES: usize = 1300;

/// Compiles a program to `dir/app` in which the functions of a unit are inlined into each other.
fn compile(dir: &Path, options: &[&str]) -> PathBuf {
    let sink = r#"{ __asm__ volatile("" : "+r"(x)); return x; }"#;
    let mut main = format!("__attribute__((noinline)) int sink(int x) {sink}\n");
    let mut files = vec![String::from("main.c")];
    for unit in 0..UNITS {
        let mut source = String::from("struct s0 { int a; };\n");
        for number in 1..TYPES {
            let before = number - 1;
            let fields = format!("int a{number}, b{number}; struct s{before} *c{number};");
            writeln!(source, "struct s{number} {{ {fields} }};").unwrap();
        }
        let inline = "static inline __attribute__((always_inline))";
        writeln!(source, "int sink(int x);").unwrap();
        writeln!(source, "{inline} int inner{unit}(int x) {{ return sink(x) + 1; }}").unwrap();
        let outer = format!("__attribute__((noinline)) int outer{unit}(int x)");
        writeln!(source, "{outer} {{ return inner{unit}(x) * 3; }}").unwrap();
        writeln!(main, "int outer{unit}(int x);").unwrap();
        files.push(format!("unit{unit}.c"));
        fs::write(dir.join(&files[unit + 1]), source).unwrap();
    }
    let calls: Vec<_> = (0..UNITS).map(|unit| format!("outer{unit}(count)")).collect();
    writeln!(main, "int main(int count) {{ return {}; }}", calls.join(" + ")).unwrap();
    fs::write(dir.join("main.c"), main).unwrap();
    let mut args = vec!["-g", "-O1", "-fno-eliminate-unused-debug-types", "-o", "app"];
    args.extend(options);
    args.extend(files.iter().map(|file| &**file));
    must("cc", &args, dir);
    dir.join("app")
}

/// The functions at the deepest address of `function`, which is asked for with all others in it.
fn deepest(path: &Path, (start, size): (u64, u64)) -> Vec<String> {
    let recording = recording(vec![module(path)]);
    let mut symbolizer = Symbolizer::new(&recording, &[]);
    let addresses = || (start..start + size).map(|linked| linked + 1 + BIAS);
    symbolizer.announce(addresses().map(|address| (address, 0)));
    let (mut strings, mut deepest) = (Strings::default(), Vec::new());
    for address in addresses() {
        let mut found = Vec::new();
        symbolizer.resolve(address, 0, &mut strings, &mut found);
        if found.len() > deepest.len() {
            deepest = found;
        }
    }
    let name = |symbol: &Symbol| symbol.name.map_or("", |name| strings.get(name)).to_owned();
    deepest.iter().map(name).collect()
}

fn debug_bytes(path: &Path) -> usize {
    let data = fs::read(path).unwrap();
    let file = object::File::parse(&*data).unwrap();
    let debug = file.sections().filter(|s| s.name().is_ok_and(|name| name.starts_with(".debug")));
    debug.map(|section| section.size() as usize).sum()
}

#[test]
fn names_take_a_small_part_of_the_debug_information_s_size() {
    for (name, options) in [("memory-apart", &[][..]), ("memory-together", &["-flto"])] {
        let app = compile(&dir(name), options);
        let (debug, outer) = (debug_bytes(&app), function(&app, "outer33"));
        assert!(debug > 4_000_000, "{name}: {debug}");
        let mut names = Vec::new();
        let peak = peak_of(|| names = deepest(&app, outer));
        assert_eq!(names, ["inner33", "outer33"], "{name}");
        assert!(peak.blocks < debug / 32, "{name}: {peak:?} of {debug}");
        assert!(peak.resident < debug / 2, "{name}: {peak:?} of {debug}");
    }
}
