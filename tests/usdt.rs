//! USDT probes: their notes are in the program, and they fire for sampled blocks alone.

use std::alloc::{GlobalAlloc, Layout};
use std::env;
use std::process::{Command, Output, Stdio};

use mod_alloc::ModAlloc;

/// The gap at which nothing is sampled of so little.
const LONG: u64 = 1 << 30;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new().sample(LONG);

/// Set in the process that is looked at.
const CHILD: &str = "TEST_OF_PROBES";

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// The blocks that are looked at, by sizes that no others have.
fn allocate(size: usize) -> *mut u8 {
    // SAFETY: the size is not zero.
    unsafe { ALLOC.alloc(layout(size)) }
}

fn free(block: *mut u8, size: usize) {
    // SAFETY: a block of `allocate`, or of `resize`, of that size, which is not used again.
    unsafe { ALLOC.dealloc(block, layout(size)) };
}

fn resize(block: *mut u8, size: usize, new: usize) -> *mut u8 {
    // SAFETY: a block of `allocate` of that size; the new one is not zero.
    unsafe { ALLOC.realloc(block, layout(size), new) }
}

/// The blocks that the debugger looks at: one of a mean gap of 1 GiB, some of which all are
/// sampled, one of them resized, and one that is freed when others are no longer sampled.
#[test]
fn child() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let unsampled = allocate(7001);
    mod_alloc::set_sampling(0).unwrap();
    let [first, second] = [7002, 7003].map(allocate);
    let second = resize(second, 7003, 7004);
    free(first, 7002);
    mod_alloc::set_sampling(LONG).unwrap();
    free(unsampled, 7001);
    free(allocate(7005), 7005);
    println!("child {:p} {second:p}", first);
    free(second, 7004);
}

fn text(output: &Output) -> String {
    let all = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn the_program_has_a_note_for_each_probe() {
    let program = env::current_exe().unwrap();
    let output =
        Command::new("readelf").arg("--notes").arg("--wide").arg(program).output().unwrap();
    let notes = text(&output);
    for (name, arguments) in [("alloc", 3), ("free", 1)] {
        let of = notes.split("Provider: ").filter(|note| note.starts_with("otel_memory\n"));
        let found: Vec<_> = of.filter(|note| note.contains(&format!("Name: {name}\n"))).collect();
        let [note] = found[..] else { panic!("one note of {name}: {notes}") };
        let line = note.lines().find(|line| line.contains("Arguments:")).unwrap();
        assert_eq!(line.matches('@').count(), arguments, "{note}");
        let semaphore = note.split("Semaphore: ").nth(1).unwrap();
        assert!(!semaphore.starts_with("0x0000000000000000"), "{note}");
    }
}

#[test]
fn a_debugger_that_listens_sees_sampled_blocks_alone() {
    let alloc = r#"silent
printf "alloc %#lx %lu %lu\n", $_probe_arg0, $_probe_arg1, $_probe_arg2
continue
end"#;
    let free = "silent\nprintf \"free %#lx\\n\", $_probe_arg0\ncontinue\nend";
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let script = folder.join(format!("usdt.{}.gdb", std::process::id()));
    let breaks = |name: &str, then: &str| {
        format!("break -probe-stap otel_memory:{name}\ncommands\n{then}\n")
    };
    let text_of_script = format!(
        "set pagination off\nset debuginfod enabled off\nset breakpoint pending on\n{}{}run\n",
        breaks("alloc", alloc),
        breaks("free", free)
    );
    std::fs::write(&script, text_of_script).unwrap();
    let mut command = Command::new("/usr/bin/gdb");
    command.args(["-nx", "-batch", "-x"]).arg(&script).arg("--args");
    command.arg(env::current_exe().unwrap()).args(["--exact", "child", "--nocapture"]);
    let output = command
        .env(CHILD, "yes")
        .env("MOD_ALLOC_OUT", "off")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = text(&output);
    std::fs::remove_file(&script).unwrap();
    let addresses = said.lines().find_map(|line| line.split("child ").nth(1));
    let addresses = addresses.unwrap_or_else(|| panic!("the child has run: {said}"));
    let [first, second] = addresses.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("two addresses: {said}")
    };
    let has = |line: &str| said.lines().any(|found| found == line);
    assert!(has(&format!("alloc {first} 7002 7002")), "{said}");
    assert!(has(&format!("free {first}")), "{said}");
    assert!(has(&format!("alloc {second} 7004 7004")), "{said}");
    assert!(has(&format!("free {second}")), "{said}");
    // Often it stays where it is: then its address alone tells nothing.
    let mut lines = said.lines();
    let resized = lines.find_map(|line| line.strip_suffix(" 7003 7003")?.strip_prefix("alloc "));
    let freed = format!("free {}", resized.unwrap());
    let later = format!("alloc {second} 7004 7004");
    assert_eq!(lines.find(|line| *line == freed || *line == later), Some(&*freed), "{said}");
    for unsampled in ["7001", "7005"] {
        assert!(!said.contains(&format!(" {unsampled} ")), "{said}");
    }
}
