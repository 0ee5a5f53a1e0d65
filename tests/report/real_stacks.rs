//! Stacks of real programs, built in the ways people build: what trimming leaves of them.
//!
//! The program's allocator lives in a crate named as ours is and prints the return
//! addresses of the allocations of one size, together with the process's mappings.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use mod_alloc::recording::model::{
    Frame, Module, ROOT_COMPLETE, ROOT_TRUNCATED, ROOTS, Recording, Site,
};
use mod_alloc::report::{Options, Profile};

use super::{dir, numbers};

const ALLOCATOR: &str = r#"
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;
use std::io::Write;

unsafe extern "C" {
    fn backtrace(buffer: *mut *mut c_void, size: i32) -> i32;
}

pub struct ModAlloc;

const SIZE: usize = 777;

fn record(size: usize) {
    if size == SIZE {
        let mut addresses = [std::ptr::null_mut(); 128];
        let count = unsafe { backtrace(addresses.as_mut_ptr(), 128) } as usize;
        let mut line = [0u8; 4096];
        let mut rest = &mut line[..];
        for address in &addresses[..count] {
            write!(rest, "{:x} ", *address as usize).unwrap();
        }
        let left = rest.len();
        let used = line.len() - left;
        let mut out = std::io::stderr();
        out.write_all(&line[..used]).unwrap();
        out.write_all(b"\n").unwrap();
    }
}

unsafe impl GlobalAlloc for ModAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        record(size);
        unsafe { System.realloc(block, layout, size) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}
"#;

/// Eight allocations of the size that is recorded, each in its own way.
const PROGRAM: &str = r#"
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

struct Counting(mod_alloc::ModAlloc);

#[global_allocator]
static ALLOC: Counting = Counting(mod_alloc::ModAlloc);

fn forward(to: &Counting, layout: Layout) -> *mut u8 { unsafe { to.0.alloc(layout) } }

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 { forward(self, layout) }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) { unsafe { self.0.dealloc(block, layout) } }
}

#[inline(never)]
fn boxed() { black_box(Box::new([1u8; 777])); }
#[inline(never)]
fn reserved<T>(count: usize) -> Vec<T> { black_box(Vec::with_capacity(count)) }
#[inline(never)]
fn zeroed() { black_box(vec![0u8; 777]); }
#[inline(never)]
fn grown() { let mut v = black_box(vec![1u8; 776]); v.reserve_exact(1); black_box(v); }
#[inline(never)]
fn collected() { black_box((0..777u32).map(|x| x as u8).collect::<Vec<u8>>()); }
#[inline(never)]
fn apply<F: FnOnce()>(f: F) { black_box(()); f(); black_box(()); }

fn main() {
    boxed();
    drop(reserved::<u8>(777));
    zeroed();
    grown();
    collected();
    apply(boxed);
    std::thread::spawn(boxed).join().unwrap();
    std::thread::Builder::new().name("n".into()).spawn(|| apply(|| boxed())).unwrap().join().unwrap();
    eprint!("{}", std::fs::read_to_string("/proc/self/maps").unwrap());
}
"#;

fn rustc(dir: &Path, args: &[&str]) {
    let output = Command::new("rustc").args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Builds the program with `options`, runs it, and returns what it printed.
fn printed(name: &str, options: &[&str]) -> String {
    let dir = dir(name);
    let package = dir.join("registry/src/index.crates.io-0/mod-alloc-1.1.0/src");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("lib.rs"), ALLOCATOR).unwrap();
    std::fs::write(dir.join("app.rs"), PROGRAM).unwrap();
    let library = package.join("lib.rs");
    let common = ["--edition=2024"].iter().chain(options).copied();
    let args = ["--crate-type=rlib", "--crate-name=mod_alloc", library.to_str().unwrap()];
    rustc(&dir, &common.clone().chain(args).collect::<Vec<_>>());
    rustc(
        &dir,
        &common.chain(["app.rs", "--extern=mod_alloc=libmod_alloc.rlib"]).collect::<Vec<_>>(),
    );
    let output = Command::new(dir.join("app")).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// The recording that the printed addresses and mappings amount to.
fn recording(printed: &str) -> Recording {
    let mut recording = Recording::default();
    recording.frames = vec![Frame::default(); ROOTS];
    let mut modules = HashMap::<PathBuf, Module>::new();
    for line in printed.lines() {
        if let Some((range, path)) = line.split_once(" ").filter(|(range, _)| range.contains('-')) {
            add_mapping(&mut modules, range, path);
        } else {
            add_stack(&mut recording, line);
        }
    }
    recording.modules = modules.into_values().collect();
    recording
}

fn add_mapping(modules: &mut HashMap<PathBuf, Module>, range: &str, rest: &str) {
    let Some(at) = rest.find('/') else { return };
    let (start, end) = range.split_once('-').unwrap();
    let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
    let path = PathBuf::from(&rest[at..]);
    let module = modules.entry(path.clone()).or_insert_with(|| {
        // The first mapping is the file's beginning, linked at 0.
        let mut module = Module::default();
        (module.path, module.start, module.bias) = (path, start, start);
        module
    });
    module.end = end;
}

fn add_stack(recording: &mut Recording, line: &str) {
    let addresses: Vec<u64> =
        line.split_whitespace().map(|text| u64::from_str_radix(text, 16).unwrap()).collect();
    let mut parent = ROOT_COMPLETE;
    for &address in addresses.iter().rev() {
        recording.frames.push(Frame { parent, generation: 0, address, group: 0 });
        parent = u32::try_from(recording.frames.len() - 1).unwrap();
    }
    recording.sites.push(Site { frame: parent, counters: numbers(1) });
}

/// The last part of a function's name, in either mangling.
fn last_part(name: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0;
    for character in name.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    let plain = plain.trim_end_matches("::");
    plain.rsplit("::").next().unwrap_or(plain).to_owned()
}

/// The named frames of each stack after trimming.
fn trimmed(printed: &str) -> Vec<Vec<String>> {
    let profile = Profile::from_recording(&recording(printed), &Options::default());
    let named =
        |frame: mod_alloc::report::FrameRef<'_>| frame.function().unwrap_or("???").to_owned();
    profile.stacks().map(|stack| stack.frames().map(named).collect()).collect()
}

fn is_noise(name: &str) -> bool {
    let starts = ["alloc::alloc::", "<alloc::alloc::", "mod_alloc::", "<mod_alloc::"];
    let noise = [
        "__rust",
        "__rdl",
        "GlobalAlloc",
        "lang_start",
        "libc_start",
        "start_thread",
        "clone",
        "backtrace",
        "???",
        "exchange_malloc",
        "alloc_impl",
        "forward",
        "Counting",
    ];
    starts.iter().any(|start| name.starts_with(start))
        || noise.iter().any(|part| name.contains(part))
        || ["record", "alloc", "main"].contains(&name)
}

#[test]
fn what_is_left_of_real_stacks_is_the_programs_own() {
    for (name, options) in [
        ("dev", &["-g"][..]),
        ("dev-v0", &["-g", "-Csymbol-mangling-version=v0"]),
        ("release", &["-O"]),
        ("release-g", &["-O", "-g"]),
        ("release-lines", &["-O", "-Cdebuginfo=line-tables-only"]),
        ("dev-lines", &["-Cdebuginfo=line-tables-only"]),
        ("release-g-one-unit", &["-O", "-g", "-Ccodegen-units=1"]),
    ] {
        let printed = printed(name, options);
        let stacks = trimmed(&printed);
        assert_eq!(stacks.len(), 8, "{name}: {stacks:#?}");
        for stack in &stacks {
            for frame in stack {
                assert!(!is_noise(frame) || frame == "app::main", "{name}: {frame} in {stack:#?}");
            }
        }
        let has = |stack: usize, function: &str| {
            assert!(
                stacks[stack].iter().any(|frame| last_part(frame) == function),
                "{name}: no {function} in {:#?}",
                stacks[stack]
            );
        };
        for (stack, function) in
            ["boxed", "reserved", "zeroed", "grown", "collected", "boxed", "boxed", "boxed"]
                .iter()
                .enumerate()
        {
            has(stack, function);
        }
        for stack in [0, 1, 2, 3, 4, 5] {
            assert_eq!(stacks[stack].last().unwrap(), "app::main", "{name}: {:#?}", stacks[stack]);
        }
        // A thread's stack ends where the thread's closure begins.
        assert_eq!(last_part(stacks[6].last().unwrap()), "boxed", "{name}: {:#?}", stacks[6]);
        let outermost = stacks[7].last().unwrap();
        let closure_was_inlined = name == "release" && last_part(outermost) == "apply";
        assert!(closure_was_inlined || outermost.contains("closure"), "{name}: {:#?}", stacks[7]);
    }
}

#[test]
fn untrimmed_stacks_have_both_ends() {
    let printed = printed("untrimmed", &["-g"]);
    let mut options = Options::default();
    options.trim = false;
    let profile = Profile::from_recording(&recording(&printed), &options);
    let stack = profile.stacks().next().unwrap();
    let names: Vec<&str> = stack.frames().filter_map(|frame| frame.function()).collect();
    assert!(names.iter().any(|name| name.contains("mod_alloc::")), "{names:#?}");
    assert!(names.iter().any(|name| name.starts_with("std::rt::lang_start")), "{names:#?}");
}

#[test]
fn a_stack_cut_short_outward_of_main_is_shown_whole() {
    let mut recording = recording(&printed("cut-short", &["-g"]));
    let whole = Profile::from_recording(&recording, &Options::default());
    for frame in recording.frames.iter_mut().filter(|frame| frame.parent == ROOT_COMPLETE) {
        frame.parent = ROOT_TRUNCATED;
    }
    let cut = Profile::from_recording(&recording, &Options::default());
    assert_eq!(texts(&whole), texts(&cut));
    let innermost = recording.sites[0].frame as usize;
    recording.frames[innermost - 5].parent = ROOT_TRUNCATED;
    let cut = Profile::from_recording(&recording, &Options::default());
    let first = &texts(&cut)[0];
    assert_eq!(first.last().unwrap(), "[stack truncated: set MOD_ALLOC_FRAMES]");
}

fn texts(profile: &Profile) -> Vec<Vec<String>> {
    let text = |frame: mod_alloc::report::FrameRef<'_>| frame.to_string();
    profile.stacks().map(|stack| stack.frames().map(text).collect()).collect()
}
